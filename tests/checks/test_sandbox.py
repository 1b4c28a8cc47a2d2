"""What a reader's code does stays inside: endless loops end, and global state is as it was."""

import random
import threading
import time

import numpy
import pytest
import torch

from course_utils.checks import grade
from course_utils.checks.engine.sandbox import TimeUp, run_apart
from course_utils.embedding import TimeEmbedding


def endless(t, dim):
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            pass


def test_endless_loop_ends(monkeypatch):
    monkeypatch.setattr("course_utils.checks.engine.grading.SECONDS", 0.3)
    verdict = grade("1.2", endless)
    assert verdict.outcome == "crashed"
    assert "stopped after 0.3 seconds" in verdict.message


def test_endless_loop_ends_in_another_thread(monkeypatch):
    monkeypatch.setattr("course_utils.checks.engine.grading.SECONDS", 0.3)
    verdicts = []
    thread = threading.Thread(target=lambda: verdicts.append(grade("1.2", endless)))
    thread.start()
    thread.join()
    assert verdicts[0].outcome == "crashed"


def test_time_that_is_up_at_the_last_moment_harms_nobody():
    def spin():
        end = time.perf_counter() + 0.001
        while time.perf_counter() < end:
            pass
        return 7

    outcomes = set()
    for _ in range(100):
        try:
            outcomes.add(run_apart(spin, 0.001))
        except TimeUp:
            outcomes.add("time up")
    assert outcomes <= {7, "time up"}
    assert sum(range(10_000)) == 49_995_000  # what came late would be raised here


def test_code_that_cannot_be_stopped_is_left_behind(monkeypatch):
    monkeypatch.setattr("course_utils.checks.engine.sandbox.PATIENCE", 1)
    enough = threading.Event()

    def stubborn():
        while not enough.is_set():
            try:
                time.sleep(0.01)
            except BaseException:
                pass

    with pytest.raises(TimeUp):
        run_apart(stubborn, 0.1)
    enough.set()


def test_what_runs_apart_returns_and_raises_as_anywhere():
    assert run_apart(lambda: 7, 1) == 7
    with pytest.raises(KeyError, match="here"):
        run_apart(lambda: {}["here"], 1)


def test_exit_is_caught():
    assert grade("1.3", lambda emb: exit()).outcome == "crashed"


def test_endless_recursion_is_caught():
    def attempt(emb):
        return attempt(emb)

    assert "RecursionError" in grade("1.3", attempt).message


def test_global_state_is_as_it_was():
    def attempt(emb):
        torch.manual_seed(3)
        numpy.random.seed(3)
        random.seed(3)
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        print("noise")
        raise ValueError("left in a hurry")

    before = torch.random.get_rng_state(), numpy.random.get_state()[1].copy(), random.getstate()
    grade("1.3", attempt)
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert (numpy.random.get_state()[1] == before[1]).all()
    assert random.getstate() == before[2]
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    assert torch.zeros(1).device.type == "cpu"


def test_grading_works_under_no_grad_and_prints_nothing(capsys):
    with torch.no_grad():
        assert grade("1.4", TimeEmbedding).outcome == "correct"
        assert not torch.is_grad_enabled()

    def attempt(emb):
        print("here I am")
        return emb

    grade("1.3", attempt)
    assert capsys.readouterr() == ("", "")
