"""What a reader calls: check(...), and the cell magic %%solution."""

import difflib
import html
import inspect
from dataclasses import dataclass

from IPython.display import HTML, display

from course_utils import portfolio
from course_utils.checks import record
from course_utils.checks.engine.grading import grade_exercise
from course_utils.checks.engine.source import code_of, source
from course_utils.checks.engine.values import name

COLOURS = {
    "correct": "#2e7d32",
    "not yet": "#c2410c",
    "crashed": "#c2410c",
    "not attempted": "#64748b",
}
GOING_ON = "(Until it is right, the notebook goes on with the reference.)"
MARKS = {"correct": "✔", "not yet": "✘", "crashed": "✘", "not attempted": "…"}


@dataclass(frozen=True)
class Notice:
    """A text that a notebook shows in a box and everything else as it is."""

    text: str
    outcome: str
    code: str = ""

    def __repr__(self):
        return f"{self.text}\n{self.code}" if self.code else self.text

    def _repr_html_(self):
        code = f"<pre style='margin:.5em 0 0'>{html.escape(self.code)}</pre>" if self.code else ""
        return (
            f"<div style='border-left:5px solid {COLOURS[self.outcome]};padding:.5em .8em;"
            f"max-width:55em;line-height:1.5'>{MARKS[self.outcome]} {html.escape(self.text)}"
            f"{code}</div>"
        )


def check(exercises, attempts, id, attempt):
    """Grade, show the verdict, keep what is right; return the attempt or else the reference."""
    if id not in exercises:
        display(Notice(unknown(exercises, id), "not attempted"))
        return attempt
    exercise = exercises[id]
    if attempt is exercise.reference and id in attempts:
        display(Notice(f"{id} not attempted. {handed_on(exercise)}", "not attempted"))
        return attempt
    attempts[id] = attempt
    verdict = grade_exercise(exercise, attempt)
    right = verdict.outcome == "correct"
    kept = portfolio.keep(exercise.reference, attempt, passes(exercise)) if right else ""
    going_on = "" if right or verdict.outcome == "not attempted" else GOING_ON
    lost = record.write_down(id, verdict.outcome)
    display(
        Notice(" ".join(filter(None, [verdict.message, kept, going_on, lost])), verdict.outcome)
    )
    return attempt if right else exercise.reference


def handed_on(exercise):
    return (
        f"This is the course's own {name(exercise.reference)}, which an earlier check handed on. "
        f"Run the cell with your code first, and look whether the name in it is the same."
    )


def passes(exercise):
    return lambda part: grade_exercise(exercise, part).outcome == "correct"


def solution(exercises, attempts, id, code):
    """Run a solution apart, put it through the check, show how the reader's code differs.

    A cell without code (notebooks/for_vscode.py) gets the course's, to be opened with a click.
    """
    if id not in exercises:
        display(Notice(unknown(exercises, id), "not attempted"))
        return
    exercise = exercises[id]
    if not code_of(code):
        code = source(exercise.reference)
        shown = f"<pre>{html.escape(code)}</pre>"
        display(HTML(f"<details><summary>The code of solution {id}</summary>{shown}</details>"))
    apart = dict(vars(inspect.getmodule(exercise.reference)))
    exec(compile(code, f"<solution {id}>", "exec"), apart)
    verdict = grade_exercise(exercise, apart[name(exercise.reference)])
    text = f"Solution {id}: {verdict.outcome}. "
    mine = source(attempts.get(id))
    if mine is None or "NotImplementedError" in mine:
        display(Notice(text + "Yours is not written yet.", verdict.outcome))
        return
    if exercise.patient and code_of(mine) == code_of(exercise.patient.code):
        display(Notice(text + "Yours is not repaired yet.", verdict.outcome))
        return
    difference = "\n".join(difflib.unified_diff(code_of(mine), code_of(code), n=3, lineterm=""))
    if difference:
        told = "Lines with - are yours, lines with + are ours; comments are left out."
        display(Notice(text + told, verdict.outcome, difference.split("\n", 2)[2]))
    else:
        display(Notice(text + "Yours is the same.", verdict.outcome))


def unknown(exercises, id):
    return f"There is no exercise {id!r}. The course has {', '.join(exercises)}."
