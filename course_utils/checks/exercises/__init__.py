"""The exercises: a folder for each notebook, a file with an EXERCISE for each of its exercises.

The docstring of such a file is the exercise's number and title. Where EXERCISE names no others, its
experiment is the function `experiment`, and its catalogue has MISTAKES, edits of the reference.
"""

import dataclasses
import importlib
import pkgutil

from course_utils.checks.mistakes import edits


def collected():
    """Return {id: Exercise}, in the order of the course.

    Within a notebook that is the order of the numbers, or the ORDER that its folder names. What
    ORDER leaves out is in the bug hunt alone.
    """
    found = {}
    for folder in modules_in(importlib.import_module(__name__)):
        if hasattr(folder, "NOTEBOOK"):
            there = [complete(m) for m in modules_in(folder) if hasattr(m, "EXERCISE")]
            there = {e.id: e for e in sorted(there, key=lambda e: int(e.id.split(".")[1]))}
            order = getattr(folder, "ORDER", there)
            for id in [*order, *(id for id in there if id not in order)]:
                found[id] = dataclasses.replace(
                    there[id], notebook=folder.NOTEBOOK, hunted=id not in order
                )
    return found


def complete(module):
    """The exercise of a file, with all that the file says without saying it in EXERCISE.

    Other right answers than the reference that the catalogue edits are right as well.
    """
    exercise = module.EXERCISE
    id, title = module.__doc__.removesuffix(".").split(" ", 1)
    catalogue = exercise.catalogue or edits(exercise.reference, module.MISTAKES, vars(module))
    edited = dict.fromkeys(m.right for m in catalogue if m.right is not exercise.reference)
    return dataclasses.replace(
        exercise,
        id=id,
        title=title,
        experiment=exercise.experiment or module.experiment,
        catalogue=catalogue,
        also_right=[*edited, *exercise.also_right],
    )


def modules_in(package):
    names = [file.name for file in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")]
    return map(importlib.import_module, names)


EXERCISES = collected()
