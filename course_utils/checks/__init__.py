"""The exercises of the course, and the engine that checks them.

engine/           how an answer is graded; knows no exercise
mistakes.py       known mistakes, written as edits of a right answer
exercises/        a folder for each notebook, a file for each exercise
notebook.py       what a reader sees: check(...) and %%solution
broken_cell.py    a cell that is no Python, or fails before it defines anything
bug_hunt.py       a right answer with one known mistake in it, to find and mend
record.py         which exercises are done
"""

import inspect

from IPython import get_ipython
from IPython.display import display

from course_utils.checks import broken_cell, notebook, record
from course_utils.checks import bug_hunt as hunting
from course_utils.checks.engine.exercise import Exercise, Verdict
from course_utils.checks.engine.grading import grade_exercise
from course_utils.checks.exercises import EXERCISES

__all__ = ["EXERCISES", "Exercise", "Verdict", "bug_hunt", "check", "grade", "progress"]

ATTEMPTS, HUNTS = {}, {}


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


def bug_hunt(id=None, seed=None):
    """Put one known mistake into a right answer, the reader's own where it fits, to be mended.

    "2.5" or None, int or None -> BugHunt, with .code and .check(attempt) -> Verdict

    Where a broken network is what an exercise is about, that is the code. Without a number, one is
    drawn: of notebooks 00 to 05, or a broken network that is in no notebook. Shown in a notebook,
    the code goes into a new cell; run, it is checked. Raises KeyError for an exercise that there
    is not.
    """
    if id is None:
        id, seed = hunting.drawn(EXERCISES, seed)
    if id not in EXERCISES:
        raise KeyError(notebook.unknown(EXERCISES, id))
    mine = ATTEMPTS.get(id)
    if mine is not None and grade(id, mine).outcome != "correct":
        mine = None
    HUNTS[id] = hunting.hunt(EXERCISES[id], mine, seed)
    return HUNTS[id]


def progress():
    """Return a table of which exercises are done, in all notebooks.  () -> Progress"""
    return record.progress({id: e for id, e in EXERCISES.items() if not e.hunted})


def solution_magic(line, cell):
    """The cell magic %%solution 1.2: its cell holds the code of a solution."""
    notebook.solution(EXERCISES, ATTEMPTS, line.strip(), cell)


def bug_hunt_magic(line, cell):
    """The cell magic %%bug_hunt 2.5: its cell holds code with a bug, or with one less."""
    id = line.strip()
    if id not in HUNTS:
        display(notebook.Notice(f'Run bug_hunt("{id}") first.', "not attempted"))
        return
    names = vars(inspect.getmodule(EXERCISES[id].reference)) | get_ipython().user_ns
    display(hunting.mended(HUNTS[id], cell, names))


if get_ipython():
    get_ipython().register_magic_function(solution_magic, "cell", "solution")
    get_ipython().register_magic_function(bug_hunt_magic, "cell", "bug_hunt")
    names = {exercise.reference.__name__ for exercise in EXERCISES.values()}
    broken_cell.guard(get_ipython(), names)
