"""Checks and hints from a shell: on any file, nothing but a verdict."""

import inspect
import json
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from course_utils import shell
from course_utils.__main__ import main
from course_utils.checks import EXERCISES

ROOT = Path(__file__).parents[1]
RIGHT = """
def add_noise(x0, eps, alpha_bar):
    a = alpha_bar.view(-1, 1, 1, 1)
    return a.sqrt() * x0 + (1 - a).sqrt() * eps
"""
NO_ROOT = RIGHT.replace("a.sqrt() *", "a *")


def verdict(tmp_path, capsys, text, id="0.1", *options):
    """The verdict on a file with this text, and the exit status."""
    file = tmp_path / "mine.py"
    file.write_text(text) if isinstance(text, str) else file.write_bytes(text)
    status = 0
    try:
        main(["check", id, str(file), "--json", *options])
    except SystemExit as end:
        status = end.code
    return json.loads(capsys.readouterr().out), status


def test_right_is_status_0(tmp_path, capsys):
    told, status = verdict(tmp_path, capsys, RIGHT)
    assert (told["exercise"], told["outcome"], told["mistake"], status) == (
        "0.1", "correct", None, 0,
    )  # fmt: skip


def test_a_known_mistake_is_named(tmp_path, capsys):
    told, status = verdict(tmp_path, capsys, NO_ROOT)
    assert status == 1 and told["mistake"] == "no square root over the picture's share"


@pytest.mark.parametrize(
    "text, said",
    [
        ("def add_noise(x0:\n    pass", "Line 1 is not Python"),
        (b"\xff\xfe\x00", "is no Python file"),
        (b"x = 1\x00", "not Python"),
        ("x = 1 / 0" + RIGHT, "Line 1 raised ZeroDivisionError: division by zero."),
        ("import nowhere" + RIGHT, "raised ModuleNotFoundError"),
        ("exit()" + RIGHT, "raised SystemExit"),
        ("name = input('?')" + RIGHT, "input() waits for someone to type"),
        ("", "has nothing that is called add_noise"),
        ("def add_noise(x0, eps, alpha_bar):\n    raise NotImplementedError", "not attempted"),
        ("def add_noise(x0, eps, alpha_bar):\n    exit()", "not yet"),
    ],
)
def test_whatever_a_file_does_it_gets_a_sentence(text, said, tmp_path, capsys):
    told, status = verdict(tmp_path, capsys, text)
    assert status == 1 and said in told["message"]


def test_a_file_that_loops_is_stopped(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(shell, "SECONDS", 0.3)
    told, status = verdict(tmp_path, capsys, "while True:\n    pass" + RIGHT)
    assert status == 1 and "stopped after 0.3 seconds" in told["message"]


def test_what_it_prints_is_not_shown(tmp_path, capsys):
    told, _ = verdict(tmp_path, capsys, "print('hello')" + RIGHT)
    assert told["outcome"] == "correct"


def test_what_was_asked_for_before_is_there(tmp_path, capsys):
    text = "def sinusoidal_embedding(t, dim, max_period=10_000):\n    " + (
        "angles = t[:, None] * frequencies(dim, max_period).to(t.device)\n    "
        "return torch.cat([angles.sin(), angles.cos()], 1)"
    )
    assert verdict(tmp_path, capsys, text, "1.2")[0]["outcome"] == "correct"


def test_what_the_notebook_imports_is_there(tmp_path, capsys):
    text = "import math as m\nx = timesteps, predict_x0, posterior_mean, training_step, 'ddpm'"
    assert "nothing that is called ddpm" in verdict(tmp_path, capsys, text, "5.4")[0]["message"]


@pytest.mark.parametrize("arguments, said", [(["9.99", "x.py"], "there is no exercise 9.99")])
def test_no_such_exercise(arguments, said, capsys):
    with pytest.raises(SystemExit) as end:
        main(["check", *arguments])
    assert end.value.code == 2 and said in capsys.readouterr().err


def test_no_such_file(tmp_path):
    with pytest.raises(SystemExit, match="check: .*nothing.py: No such file"):
        main(["check", "0.1", str(tmp_path / "nothing.py")])


@pytest.fixture
def interruptible():
    """Children heed Ctrl+C, even where the tests run in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_it_is_checked_again_when_it_is_saved(tmp_path, interruptible):
    file = tmp_path / "mine.py"
    file.write_text(NO_ROOT)
    command = [sys.executable, "-m", "course_utils", "check", "0.1", str(file), "--watch"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as watch:
        stop = threading.Timer(300, watch.kill)  # on a busy machine, starting takes a minute
        stop.start()
        first = watch.stdout.readline()
        file.write_text(RIGHT)
        second = watch.stdout.readline()
        if "not attempted" in second:  # it was seen between being emptied and being filled
            second = watch.stdout.readline()
        watch.send_signal(signal.SIGINT)
        assert "not yet" in first and second == "0.1 correct.\n" and watch.wait() == 0
        stop.cancel()


@pytest.mark.parametrize("id", [id for id, exercise in EXERCISES.items() if not exercise.hunted])
def test_every_exercise_has_hints_that_can_be_read(id, capsys):
    hints = shell.hints_of(id)
    assert hints
    main(["hint", id, str(len(hints))])
    assert capsys.readouterr().out == "{}\n\n{}\n".format(*hints[-1])


def test_what_is_only_in_the_bug_hunt_has_no_hints_and_can_be_checked(tmp_path, capsys):
    assert shell.hints_of("6.5") == []
    told, status = verdict(tmp_path, capsys, inspect.getsource(EXERCISES["6.5"].reference), "6.5")
    assert (told["outcome"], status) == ("correct", 0)


def test_hints_come_in_their_order(capsys):
    titles = [title for title, _ in shell.hints_of("2.5")]
    assert [int(n) for n in re.findall(r"Hint (\d)", " ".join(titles))] == [1, 2][: len(titles)]
    with pytest.raises(SystemExit) as end:
        main(["hint", "2.5", "9"])
    assert end.value.code == 1 and "2.5 has" in capsys.readouterr().out
