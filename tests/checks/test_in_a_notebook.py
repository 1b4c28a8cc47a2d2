"""What a reader calls in a notebook: check, the solution cell, and cells that define nothing."""

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from torch.nn import functional as F
from traitlets.config import Config

from course_utils import checks
from course_utils.checks import EXERCISES, check, grade, notebook
from course_utils.checks import broken_cell as cell
from course_utils.embedding import frequencies, sinusoidal_embedding


def test_check_returns_the_attempt_or_the_reference(capsys):
    def attempt(emb):
        return F.normalize(emb, dim=1) @ F.normalize(emb, dim=1).T

    assert check("1.3", attempt) is attempt
    assert check("1.3", lambda emb: emb) is EXERCISES["1.3"].reference
    assert capsys.readouterr().out.startswith("1.3 correct.\n1.3 not yet. ")


def test_reference_that_an_earlier_check_handed_on_is_not_praised(capsys, monkeypatch):
    monkeypatch.setattr(checks, "ATTEMPTS", {})

    def frequencies(dim, max_period=10_000.0):
        return torch.zeros(dim // 2)

    handed_on = check("1.1", frequencies)
    assert check("1.1", handed_on) is handed_on
    told = capsys.readouterr().out
    assert "1.1 not attempted. This is the course's own frequencies" in told
    assert "correct" not in told


def test_unknown_exercise_is_a_sentence(capsys):
    assert check("9.99", frequencies) is frequencies
    assert capsys.readouterr().out.startswith("There is no exercise '9.99'. The course has 0.1")
    assert grade("9.99", frequencies).outcome == "not attempted"


def test_check_says_what_the_notebook_goes_on_with(capsys):
    check("1.3", lambda emb: emb)
    assert capsys.readouterr().out.endswith("the notebook goes on with the reference.)\n")


def test_solution_shows_the_difference(capsys, monkeypatch):
    monkeypatch.setattr(checks, "ATTEMPTS", {})

    def similarity(emb):
        # a comment that does not count
        unit = F.normalize(emb, dim=1)
        return unit @ unit.T

    code = notebook.source(EXERCISES["1.3"].reference)
    checks.solution_magic("1.3", code)
    assert capsys.readouterr().out == "Solution 1.3: correct. Yours is not written yet.\n"
    check("1.3", similarity)
    capsys.readouterr()
    checks.solution_magic("1.3", code)
    out = capsys.readouterr().out
    assert "-    unit = F.normalize(emb, dim=1)" in out
    assert "+    unit = emb / emb.norm(dim=1, keepdim=True)" in out
    assert "comment that" not in out
    checks.ATTEMPTS.clear()  # else the reference would be what an earlier check handed on
    check("1.3", EXERCISES["1.3"].reference)
    capsys.readouterr()
    checks.solution_magic("1.3", code)
    assert capsys.readouterr().out == "Solution 1.3: correct. Yours is the same.\n"


def test_a_solution_cell_without_code_gets_the_courses(monkeypatch):
    shown = []
    monkeypatch.setattr(notebook, "display", shown.append)
    monkeypatch.setattr(checks, "ATTEMPTS", {})
    checks.solution_magic("1.3", "#@title Solution 1.3")
    code, verdict = shown
    assert code.data.startswith("<details><summary>The code of solution 1.3</summary><pre>def sim")
    assert repr(verdict) == "Solution 1.3: correct. Yours is not written yet."


def test_solution_leaves_the_readers_names_alone():
    mine = sinusoidal_embedding
    checks.solution_magic("1.3", notebook.source(EXERCISES["1.3"].reference))
    assert sinusoidal_embedding is mine


def test_verdict_is_shown_as_html_with_its_text_escaped():
    shown = notebook.Notice("1.3 not yet. a < b", "not yet")
    assert repr(shown) == "1.3 not yet. a < b"
    assert "✘ 1.3 not yet. a &lt; b" in shown._repr_html_()


# Cells that define nothing


@pytest.fixture
def shell():
    """A notebook's Python, with the course's exercises."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
    cell.guard(shell, {"similarity", "TimeEmbedding"})
    yield shell
    InteractiveShell.clear_instance()


@pytest.mark.parametrize(
    "code, words",
    [
        ("def similarity(emb):\n    return (emb @ emb.T\n", "Line 2 of this cell is not Python"),
        ("def similarity(emb):\nreturn emb\n", "expected an indented block"),
        ("def similarity(emb)\n    return emb\n", "It reads `def similarity(emb)`."),
        ("def similarity(emb=lost):\n    return emb\n", "raised NameError: name 'lost' is not"),
    ],
)
def test_cell_that_defines_nothing_gets_a_sentence(shell, capsys, code, words):
    assert shell.run_cell(code).success
    verdict = grade("1.3", shell.user_ns["similarity"])
    assert verdict.outcome == "crashed"
    assert words in verdict.message
    assert words in capsys.readouterr().out
    assert check("1.3", shell.user_ns["similarity"]) is EXERCISES["1.3"].reference


def test_class_that_fails_as_it_is_made_gets_a_sentence(shell):
    code = "from torch import nn\nclass TimeEmbedding(nn.Modul):\n    pass\n"
    assert shell.run_cell(code).success
    assert "has no attribute 'Modul'" in grade("1.4", shell.user_ns["TimeEmbedding"]).message


def test_other_cells_are_left_alone(shell):
    assert not shell.run_cell("def other(:\n    pass\n").success
    assert not shell.run_cell("1 / 0").success
    assert shell.run_cell("def similarity(emb):\n    return emb + 1\n").success
    assert shell.user_ns["similarity"](1) == 2
    assert notebook.source(shell.user_ns["similarity"]) == (
        "def similarity(emb):\n    return emb + 1\n"
    )
