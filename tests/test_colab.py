"""Where a notebook runs, and what it can afford there."""

import pytest
import torch

from course_utils.colab import Machine, start

CPU = Machine(torch.device("cpu"), "a CPU")
GPU = Machine(torch.device("cuda"), "a GPU")


def test_the_budget_follows_the_machine(monkeypatch):
    monkeypatch.delenv("COURSE_BUDGET", raising=False)
    assert CPU.budget(cpu=600, gpu=10_000) == 600
    assert GPU.budget(cpu=600, gpu=10_000) == 10_000


def test_the_tests_may_train_less(monkeypatch):
    monkeypatch.setenv("COURSE_BUDGET", "0.1")
    assert CPU.budget(cpu=600, gpu=10_000) == 60


@pytest.mark.parametrize("machine, data", [(CPU, "digits"), (GPU, "fashion_mnist")])
def test_the_data_follow_the_machine(machine, data):
    assert machine.data == data


def test_start_says_what_it_found_in_one_line(capsys):
    machine = start()
    told = capsys.readouterr().out
    assert told.startswith("Ready: ") and told.count("\n") == 1
    assert machine.name in told and f"torch {torch.__version__}" in told and machine.data in told
