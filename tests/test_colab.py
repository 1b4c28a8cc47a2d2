"""Where a notebook runs, and what it can afford there."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import torch

from course_utils.colab import Machine, no_torchsummary, start

NOTEBOOKS = Path(__file__).parents[1] / "notebooks/source"
CPU = Machine(torch.device("cpu"), "a CPU")
GPU = Machine(torch.device("cuda"), "a GPU")


def test_the_budget_follows_the_machine(monkeypatch):
    monkeypatch.delenv("COURSE_BUDGET", raising=False)
    assert CPU.budget(cpu=600, gpu=10_000) == 600
    assert GPU.budget(cpu=600, gpu=10_000) == 10_000


def test_the_tests_may_train_less(monkeypatch):
    monkeypatch.setenv("COURSE_BUDGET", "0.1")
    assert CPU.budget(cpu=600, gpu=10_000) == 60


def test_start_says_what_it_found_in_one_line(capsys):
    machine = start()
    told = capsys.readouterr().out
    assert told.startswith("Ready: ") and told.count("\n") == 1
    assert machine.name in told and f"torch {torch.__version__}" in told
    assert "your work is kept beside this notebook" in told


def test_a_gpu_changes_the_budget_and_not_the_data():
    assert not hasattr(GPU, "data")
    for source in NOTEBOOKS.glob("*.py"):
        text = source.read_text(encoding="utf-8")
        assert not re.search(r"machine\.data|load\([^)]*has_gpu|data = .* if ", text), source


def test_without_torchsummary_its_stand_in_says_so_even_where_print_is_caught(capsys):
    with redirect_stdout(io.StringIO()):
        no_torchsummary(torch.nn.Identity(), (1, 2, 2), device="cpu")
    assert "torchsummary is not installed on this machine" in capsys.readouterr().err
