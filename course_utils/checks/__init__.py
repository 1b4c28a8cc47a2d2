"""The exercises of the course, and the engine that checks them.

sandbox.py     run a stranger's code and leave everything as it was
compare.py     do two results agree, and if not, how do they differ
abroad.py      a second device that is made believe
lab.py         build an attempt, feed it, write down what it does
engine.py      Exercise, Verdict, and how one comes to the other
source.py      find the source of what a reader wrote
cell.py        a cell that is no Python, or fails before it defines anything
notebook.py    what a reader sees: check(...) and %%solution
record.py      which exercises are done
standins.py    stand-ins for networks
clinic.py      the networks of notebook 06
patients.py    the same, each with a fault to find
disk.py        a folder to write in, and what happens there
nb00.py ...    the exercises, a file for each notebook
"""

from IPython import get_ipython

from course_utils.checks import (
    cell,
    nb00,
    nb01,
    nb02,
    nb03,
    nb04,
    nb05,
    nb06,
    nb06_more,
    nb07,
    nb08,
    nb09,
    nb10,
    notebook,
    record,
)
from course_utils.checks.engine import Exercise, Verdict, grade_exercise

__all__ = ["EXERCISES", "Exercise", "Verdict", "check", "grade", "progress"]

NOTEBOOKS = (nb00, nb01, nb02, nb03, nb04, nb05, nb06, nb06_more, nb07, nb08, nb09, nb10)
EXERCISES = {e.id: e for nb in NOTEBOOKS for e in nb.EXERCISES}
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
    cell.guard(get_ipython(), {exercise.reference.__name__ for exercise in EXERCISES.values()})
