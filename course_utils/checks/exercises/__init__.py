"""The exercises: a folder for each notebook, a file with an EXERCISE for each of its exercises."""

import dataclasses
import importlib
import pkgutil


def collected():
    """Return {id: Exercise}, in the order of the course."""
    found = [
        dataclasses.replace(module.EXERCISE, notebook=folder.NOTEBOOK)
        for folder in modules_in(importlib.import_module(__name__))
        if hasattr(folder, "NOTEBOOK")
        for module in modules_in(folder)
        if hasattr(module, "EXERCISE")
    ]
    return {e.id: e for e in sorted(found, key=lambda e: [int(part) for part in e.id.split(".")])}


def modules_in(package):
    names = [file.name for file in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")]
    return map(importlib.import_module, names)


EXERCISES = collected()
