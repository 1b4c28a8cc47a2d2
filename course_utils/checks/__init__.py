"""The exercises of the course, and the engine that checks them.

engine/           how an answer is graded; knows no exercise
mistakes.py       known mistakes, written as edits of a right answer
exercises/        a folder for each notebook, a file for each exercise
notebook.py       what a reader sees: check(...) and %%solution
broken_cell.py    a cell that is no Python, or fails before it defines anything
record.py         which exercises are done
"""

from IPython import get_ipython

from course_utils.checks import broken_cell, notebook, record
from course_utils.checks.engine.exercise import Exercise, Verdict
from course_utils.checks.engine.grading import grade_exercise
from course_utils.checks.exercises import EXERCISES

__all__ = ["EXERCISES", "Exercise", "Verdict", "check", "grade", "progress"]

ATTEMPTS = {}


def grade(id, attempt):
    """Grade an attempt at an exercise; print nothing, raise nothing, change nothing.

    "1.2", any object -> Verdict
    """
    if id not in EXERCISES:
        return Verdict(str(id), "not attempted", None, notebook.unknown(EXERCISES, id))
    return grade_exercise(EXERCISES[id], attempt)


def check(id, attempt):
    """Grade an attempt and show the verdict; return the attempt if it is right, else the reference.

    "1.2", any object -> the attempt or the reference
    """
    return notebook.check(EXERCISES, ATTEMPTS, id, attempt)


def progress(drive=False):
    """Return a table of which exercises are done, in all notebooks.  () -> Progress

    With drive, Colab's Drive is mounted and the record kept there.
    """
    return record.progress(EXERCISES, drive)


def solution_magic(line, cell):
    """The cell magic %%solution 1.2: its cell holds the code of a solution."""
    notebook.solution(EXERCISES, ATTEMPTS, line.strip(), cell)


if get_ipython():
    get_ipython().register_magic_function(solution_magic, "cell", "solution")
    names = {exercise.reference.__name__ for exercise in EXERCISES.values()}
    broken_cell.guard(get_ipython(), names)
