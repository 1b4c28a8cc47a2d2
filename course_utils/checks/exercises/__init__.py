"""The exercises: a folder for each notebook, a file for each of its exercises.

The docstring of such a file is the exercise's number and title. Its names say the rest:

REFERENCE      the only copy of the solution
experiment     feeds an attempt and writes down what it does: experiment(probe, attempt)
LOOK           what a reader is told whose mistake is not known
MISTAKES       known mistakes, edits of the reference; CATALOGUE, where they edit other answers too
ALSO_RIGHT     right answers that are written differently; those that are edited are right anyway
MAKES_LAYER    True of a function that returns a layer, so that a class does as well
"""

import dataclasses
import importlib
import pkgutil

from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.mistakes import edits


def collected():
    """Return {id: Exercise}, in the order of the course.

    Within a notebook that is the order of the numbers, or the ORDER that its folder names. What
    ORDER leaves out is in the bug hunt alone.
    """
    found = {}
    for folder in modules_in(importlib.import_module(__name__)):
        if hasattr(folder, "NOTEBOOK"):
            there = [told_by(m, folder) for m in modules_in(folder) if hasattr(m, "REFERENCE")]
            there = {e.id: e for e in sorted(there, key=lambda e: int(e.id.split(".")[1]))}
            order = getattr(folder, "ORDER", there)
            for id in [*order, *(id for id in there if id not in order)]:
                found[id] = dataclasses.replace(there[id], hunted=id not in order)
    return found


def told_by(file, folder):
    """The exercise of a file. A folder's PATIENTS are broken, and named like their references."""
    names, reference = vars(file), file.REFERENCE
    id, title = file.__doc__.removesuffix(".").split(" ", 1)
    catalogue = names.get("CATALOGUE") or edits(reference, file.MISTAKES, names)
    edited = dict.fromkeys(m.right for m in catalogue if m.right is not reference)
    return Exercise(
        id,
        title,
        reference,
        file.experiment,
        file.LOOK,
        catalogue,
        [*edited, *file.ALSO_RIGHT],
        patient=getattr(folder, "PATIENTS", {}).get(reference.__name__),
        makes_layer=names.get("MAKES_LAYER", False),
        notebook=folder.NOTEBOOK,
    )


def modules_in(package):
    names = [file.name for file in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")]
    return map(importlib.import_module, names)


EXERCISES = collected()
