"""The exercises: a folder for each notebook, a file with an EXERCISE for each of its exercises.

The docstring of such a file is the exercise's number and its title.
"""

import dataclasses
import importlib
import pkgutil


def collected():
    """Return {id: Exercise}, in the order of the course.

    Within a notebook that is the order of the numbers, or the ORDER that its folder names. What
    ORDER leaves out is in the bug hunt alone.
    """
    found = {}
    for folder in modules_in(importlib.import_module(__name__)):
        if hasattr(folder, "NOTEBOOK"):
            there = [numbered(m) for m in modules_in(folder) if hasattr(m, "EXERCISE")]
            there = {e.id: e for e in sorted(there, key=lambda e: int(e.id.split(".")[1]))}
            order = getattr(folder, "ORDER", there)
            for id in [*order, *(id for id in there if id not in order)]:
                found[id] = dataclasses.replace(
                    there[id], notebook=folder.NOTEBOOK, hunted=id not in order
                )
    return found


def numbered(module):
    """The exercise of a file, with the number and the title that its docstring says."""
    id, title = module.__doc__.removesuffix(".").split(" ", 1)
    return dataclasses.replace(module.EXERCISE, id=id, title=title)


def modules_in(package):
    names = [file.name for file in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")]
    return map(importlib.import_module, names)


EXERCISES = collected()
