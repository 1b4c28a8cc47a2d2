"""The exercises of a notebook: a stub, its check, its solution, and the reference they show."""

import inspect
import re
import sys
import textwrap
from typing import NamedTuple

from course_files import ROOT, CourseError
from stubs import stub_problem

SOLUTION_CELL = re.compile(r"%%solution (\d+\.\d+)\n")
CHECK = re.compile(r'^(?:\w+ = )?check\("(\d+\.\d+)", (\w+)\)', re.MULTILINE)


def load_checks():
    """Return the exercises and their engine; imported late, for that imports torch."""
    sys.path.insert(0, str(ROOT))
    from course_utils import checks

    return checks


def reference_text(exercise):
    return source_text(exercise.reference)


def texts(exercise):
    """Return the source of the reference, and that of the patient or None."""
    patient = exercise.patient.code.strip() if exercise.patient else None
    return reference_text(exercise), patient


def source_text(thing):
    return textwrap.dedent(inspect.getsource(thing)).strip()


class Place(NamedTuple):
    """Where an exercise stands in a notebook, as indices of cells."""

    stub: int
    check: int
    solution: int


def find_exercises(notebook):
    """Return {number: Place}, in the order of the notebook."""
    checks, solutions = [], []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if found := SOLUTION_CELL.match(cell.source):
            solutions.append((found[1], index))
        elif found := CHECK.search(cell.source):
            checks.append((found[1], index))
    checked, solved = [number for number, _ in checks], [number for number, _ in solutions]
    if checked != solved or len(set(checked)) != len(checked):
        raise CourseError(f"has checks {checked} but solutions {solved}, not one of each")
    places = zip(checks, solutions, strict=True)
    return {number: Place(check - 1, check, solution) for (number, check), (_, solution) in places}


def match_exercises(notebook, name, exercises):
    """Raise CourseError unless the notebook has its exercises, in order, with stubs that fit."""
    places = find_exercises(notebook)
    expected = [n for n, e in exercises.items() if e.notebook == name and not e.hunted]
    if list(places) != expected:
        raise CourseError(f"has exercises {list(places)}, course_utils.checks has {expected}")
    for number, place in places.items():
        called = CHECK.search(notebook.cells[place.check].source)[2]
        stub = notebook.cells[place.stub]
        if place.solution < place.check:
            problem = "the solution stands before the check"
        elif stub.cell_type != "code":
            problem = "the cell before the check is not the stub"
        else:
            problem = stub_problem(stub.source, called, *texts(exercises[number]))
        if problem:
            raise CourseError(f"exercise {number}: {problem}")
