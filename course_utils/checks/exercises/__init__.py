"""The exercises: a folder for each notebook, a file with an EXERCISE for each of its exercises."""

import dataclasses
import importlib
import pkgutil


def collected():
    """Return {id: Exercise}, in the order of the course.

    Within a notebook that is the order of the numbers, or the ORDER that its folder names.
    """
    found = {}
    for folder in modules_in(importlib.import_module(__name__)):
        if hasattr(folder, "NOTEBOOK"):
            exercises = [m.EXERCISE for m in modules_in(folder) if hasattr(m, "EXERCISE")]
            order = getattr(folder, "ORDER", None)
            exercises.sort(key=lambda e: order.index(e.id) if order else int(e.id.split(".")[1]))
            found |= {e.id: dataclasses.replace(e, notebook=folder.NOTEBOOK) for e in exercises}
    return found


def modules_in(package):
    names = [file.name for file in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")]
    return map(importlib.import_module, names)


EXERCISES = collected()
