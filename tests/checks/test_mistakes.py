"""Mistakes are edits of a right answer, and two of them can be made at once."""

import inspect
import re
import traceback
from unittest import mock

import pytest
import test_prose
import torch
from torch import nn

from course_utils import checks
from course_utils.checks import EXERCISES, bug_hunt, grade, hunting
from course_utils.checks.bug_hunt import mended
from course_utils.checks.engine.crash import Crash
from course_utils.checks.engine.probe import Seen, Vague
from course_utils.checks.engine.recognise import tells_two_apart
from course_utils.checks.engine.source import source
from course_utils.checks.mistakes import EditError, both, edits
from course_utils.embedding import frequencies


def right(x, scale):
    """Scale what is above its mean, and nothing else."""
    mean = x.mean()  # ()
    for i in range(len(x)):
        if x[i] > mean:
            x = x * scale
    return x


class Right(nn.Module):
    def first(self):
        return 1

    @torch.no_grad()
    def second(self):
        return self.first() + 2


def code_of(changes, answer=right):
    (mistake,) = edits(answer, f"# name\n{changes}Why it is wrong.\n")
    return mistake.code


@pytest.mark.parametrize(
    "changes, part",
    [
        ("- mean = x.mean()\n+ mean = x.sum()\n", "    mean = x.sum()\n    for i"),
        (
            "- if x[i] > mean:\n-     x = x * scale\n+ if x[i]:\n+     x = 1\n",
            "        if x[i]:\n            x = 1\n    return",
        ),
        ("- x * scale\n+ x / scale\n", "            x = x / scale\n"),
        (
            "-         x = x * scale\n- return x\n+         x = 0\n+         return x\n",
            "            x = 0\n            return x\n",
        ),
        ("- mean = x.mean()\n+\n", '"""\n\n    for i in'),
        ("- = x.mean()\n+ = 0\n- > mean\n+ < mean\n", "mean = 0\n    for i in range(len(x)):\n"),
        ("- = x.mean()\n+ = 0\n- > mean\n+ < mean\n", "        if x[i] < mean:\n"),
        (
            "+ def right(x, scale):\n+     return scale\n",
            "def right(x, scale):\n    return scale\n",
        ),
    ],
)
def test_an_edit_changes_what_it_says(changes, part):
    assert part in code_of(changes)


def test_a_method_takes_the_place_of_another():
    code = code_of("+ def first(self):\n+     return 7\n", Right)
    assert "    def first(self):\n        return 7\n" in code and "return self.first() + 2" in code


def test_a_method_is_replaced_with_its_decorators():
    code = code_of("+ def second(self):\n+     return 7\n", Right)
    assert "no_grad" not in code and "    def second(self):\n        return 7\n" in code


@pytest.mark.parametrize(
    "changes, words",
    [
        ("- mean = x.median()\n+ mean = 0\n", "0 times, not once"),
        ("- x\n+ y\n", "times, not once"),
        ("- if x[i] > mean:\n-     x = x\n+ x = 1\n", "0 times, not once"),
        ("- x.mean()\n+ 0\n- mean = x.mean()\n+ mean = 1\n", "two edits of the same tokens"),
        ("+ def another(x):\n+     return x\n", "no function another"),
        ("- mean = x.median()\n+ mean = 0\n", r"test_mistakes.py:\d+"),
    ],
)
def test_an_edit_that_does_not_fit_says_so(changes, words):
    with pytest.raises(EditError, match=words):
        code_of(changes)


@pytest.mark.parametrize(
    "entry",
    [
        "a mistake\n- x.mean()\n+ 0\nWhy.\n",  # no name
        "# a mistake\nWhy.\n",  # no edit
        "# a mistake\n- x.mean()\n+ 0\n",  # no sentence
        "# a mistake\n- x.mean()\nWhy.\n",  # nothing takes its place
        "# a mistake\n- x.mean()\n+ 0\nor\nWhy.\n",  # no other way
        "# a mistake\n+ 0\n- x.mean()\nWhy.\n",  # the wrong way round
        "# a mistake\n- x.mean()\n| 0\nWhy.\n",  # another way, and no first one
    ],
)
def test_a_malformed_entry_is_told_with_its_place(entry):
    good = "# good\n- x.mean()\n+ 0\nWhy.\n"
    with pytest.raises(EditError, match=r"test_mistakes.py:\d+: an entry is"):
        edits(right, f"{good}\n{entry}")


def test_the_place_of_a_malformed_entry_is_that_of_its_name():
    catalogue = """
# this one is missing its sentence
- x.mean()
+ 0
"""
    number = catalogue_line(test_the_place_of_a_malformed_entry_is_that_of_its_name) + 2
    with pytest.raises(EditError, match=f"test_mistakes.py:{number}:"):
        edits(right, catalogue)


def catalogue_line(function):
    return function.__code__.co_firstlineno


def test_ways_to_make_a_mistake_share_its_name():
    found = edits(right, "# a\n- mean = x.mean()\n+ mean = 0\nor\n- > mean\n+ > 0\nText.\n")
    assert [(m.name, m.why) for m in found] == [("a", "Text.")] * 2


def test_a_bar_is_another_way_in_the_same_place():
    found = edits(
        right, "# a\n- x.mean()\n+ 0\n| 1\n- > mean\n+ > 2\n| > 3\nText.\n# b\n+ 4\nWhy.\n"
    )
    numbers = [re.findall(r"(?:mean =|>) (\w+)", m.code) for m in found]
    assert numbers == [["0", "2"], ["0", "3"], ["1", "2"], ["1", "3"], ["4", "mean"]]
    assert [m.name for m in found] == [*"aaaab"]


def test_an_edit_without_a_minus_is_about_the_same_lines_as_the_one_before():
    found = edits(right, "# a\n- x.mean()\n+ 0\nor\n+ 1\nText.\n# b\n+ 2\nText.\n")
    assert [f"mean = {n}\n" in m.code for n, m in enumerate(found)] == [True] * 3


def test_a_traceback_shows_the_changed_line():
    (mistake,) = edits(right, "# a\n- mean = x.mean()\n+ mean = x.nothing\nWhy.\n")
    try:
        mistake.attempt(torch.zeros(3), 1)
    except AttributeError:
        assert "mean = x.nothing" in traceback.format_exc()


def test_each_way_to_make_a_mistake_keeps_its_own_source():
    found = edits(right, "# a\n- x.mean()\n+ x.sum()\n| x.amax()\nText.\n")
    assert [source(attempt) for attempt in [m.attempt for m in found]] == [m.code for m in found]


def test_two_edits_of_one_line_go_together():
    one, other = edits(right, "# a\n- x * scale\n+ x / scale\nWhy.\n# b\n+ x * (scale + 1)\nWhy.\n")
    assert "x = x / (scale + 1)" in both(one, other).code


# Two at once


def known(id, name):
    return next(m for m in EXERCISES[id].catalogue if m.name == name)


def in_words_of_their_own(x, scale, shift, eps=1e-5):
    """2.1 with two slips: the variance is divided by one less, and eps is outside the root."""
    B, C, H, W = x.shape
    numbers = x.transpose(0, 1).reshape(C, -1)
    away = numbers - numbers.mean(dim=1, keepdim=True)
    spread = (away.square().sum(dim=1, keepdim=True) / (B * H * W - 1)) ** 0.5 + eps
    normal = (away / spread).reshape(C, B, H, W).transpose(0, 1)
    return normal * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)


@pytest.mark.parametrize(
    "id, one, other, attempt",
    [
        ("2.1", "divided by one less", "eps outside the root", in_words_of_their_own),
        ("2.1", "divided by one less", "shift not used", None),
        ("2.5", "no shortcut", "another activation", None),
        ("5.5", "x0 not clipped", "root of sigma missing", None),
    ],
)
def test_two_mistakes_at_once_are_both_told(id, one, other, attempt):
    one, other = known(id, one), known(id, other)
    verdict = grade(id, attempt or both(one, other).attempt)
    assert verdict.outcome == "not yet"
    assert set(verdict.mistake.split(" + ")) == {one.name, other.name}, verdict.message
    assert "First: " in verdict.message and "Second: " in verdict.message
    assert one.why in verdict.message and other.why in verdict.message


def test_two_are_told_on_evidence_only():
    """A crash or NaN may come from anything."""

    def nan(x, scale, shift, eps=1e-5):
        return EXERCISES["2.1"].reference(x, scale, shift, eps) * float("nan")

    assert grade("2.1", nan).mistake is None


def stops_on_a_gpu_too(t, dim, max_period=10_000.0):
    angles = t[:, None] * frequencies(dim, max_period)
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def changes_its_input_too(x, scale, shift, eps=1e-5):
    var = x.var(dim=(0, 2, 3), keepdim=True)
    x -= x.mean(dim=(0, 2, 3), keepdim=True)
    return scale[:, None, None] * x / (var + eps).sqrt() + shift[:, None, None]


@pytest.mark.parametrize(
    "id, attempt, first, words",
    [
        ("1.2", stops_on_a_gpu_too, "cosines first", "stops on a GPU"),
        ("2.1", changes_its_input_too, "divided by one less", "changes its input"),
    ],
)
def test_a_mistake_and_something_beside_the_results_are_both_told(id, attempt, first, words):
    verdict = grade(id, attempt)
    assert verdict.mistake.startswith(f"{first} + "), verdict.message
    assert words in verdict.message


# The bug hunt


@pytest.mark.parametrize("id", EXERCISES)
def test_a_bug_hunt_has_one_bug_and_the_check_knows_it(id):
    exercise = EXERCISES[id]
    hunt = bug_hunt(id, seed=1)
    assert hunt.code == bug_hunt(id, seed=1).code
    still = hunt.check(hunt.mistake.attempt)
    assert still.mistake == hunt.mistake.name and "still there" in still.message
    assert hunt.mistake.why not in repr(hunt)
    mended = hunt.check(exercise.reference)
    assert mended.outcome == "correct" and hunt.mistake.why in mended.message


HUNTED = [id for id, exercise in EXERCISES.items() if exercise.hunted]


@pytest.mark.parametrize("id", HUNTED)
def test_a_broken_network_that_is_in_no_notebook_is_hunted_as_it_is(id):
    hunt, patient = bug_hunt(id), EXERCISES[id].patient
    assert hunt.mistake is patient and hunt.code == patient.code.strip()
    assert "def " not in hunt.symptom and "still there" in hunt.check(patient.attempt).message


def test_without_a_number_a_seed_draws_what_is_behind_the_reader_or_in_no_notebook():
    hunts = [bug_hunt(seed=seed) for seed in range(12)]
    assert [hunt.code for hunt in hunts[:4]] == [bug_hunt(seed=seed).code for seed in range(4)]
    assert len({hunt.exercise.id for hunt in hunts}) > 5
    for hunt in hunts:
        assert hunt.exercise.id in HUNTED or int(hunt.exercise.id.split(".")[0]) <= 5


def test_a_hunt_that_is_shown_opens_a_cell_to_mend_it(monkeypatch, capsys):
    opened = mock.Mock()
    monkeypatch.setattr(hunting, "get_ipython", lambda: opened)
    hunt = bug_hunt("2.5", seed=5)
    assert not opened.set_next_input.called
    hunt._ipython_display_()
    opened.set_next_input.assert_called_once_with(f"%%bug_hunt 2.5\n{hunt.code}")
    assert "No gradient reaches norm2.weight" in capsys.readouterr().out


def test_the_cell_in_06_is_the_hunt_that_it_speaks_of():
    cells, _ = test_prose.cells("06", "code")
    ((id, seed),) = [
        found for c in cells for found in re.findall(r'bug_hunt\("(.*)", seed=(\d+)', c)
    ]
    assert bug_hunt(id, seed=int(seed)).cell() in cells


def test_another_mistake_is_told_as_such():
    hunt = bug_hunt("2.1", seed=1)
    other = next(m for m in EXERCISES["2.1"].catalogue if m.name != hunt.mistake.name)
    assert hunt.check(other.attempt).mistake == other.name


def test_the_readers_own_answer_is_taken_where_the_edit_fits(monkeypatch):
    def similarity(emb):
        unit = emb / emb.norm(dim=1, keepdim=True)
        return unit @ unit.T

    monkeypatch.setattr(checks, "ATTEMPTS", {"1.3": similarity})
    codes = {bug_hunt("1.3", seed=seed).code for seed in range(8)}
    assert any('"""' not in code for code in codes)  # theirs has no docstring


def test_an_unknown_exercise_is_a_sentence():
    with pytest.raises(KeyError, match="There is no exercise '9.99'"):
        bug_hunt("9.99")


def run_cell(code, id="2.1"):
    hunt = bug_hunt(id, seed=1)
    return repr(mended(hunt, code or hunt.code, vars(inspect.getmodule(EXERCISES[id].reference))))


def test_the_cell_of_a_bug_hunt_says_how_it_stands():
    reference = inspect.getsource(EXERCISES["2.1"].reference)
    assert "2.1 not yet. The bug is still there." in run_cell(None)
    assert "2.1 correct. Mended." in run_cell(reference)
    assert "doesn't define batch_norm" in run_cell("x = 1")
    assert "raised SyntaxError" in run_cell("def batch_norm(:")


@pytest.mark.parametrize(
    "came, tells",
    [
        (torch.tensor([2.0]), True),
        (torch.tensor([float("nan")]), False),
        (Vague("NaN or infinity"), False),
        (Crash(ValueError("no")), False),
        (torch.tensor([1.0]), False),  # nothing differs
    ],
)
def test_what_is_evidence_for_two(came, tells):
    expected = [Seen("a result", torch.tensor([1.0]))]
    assert tells_two_apart(expected, [Seen("a result", came)]) is tells
