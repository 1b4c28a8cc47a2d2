"""The exercises: a folder for each notebook, a file for each exercise."""

import importlib
import pkgutil


def collected():
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if "nb" in m.name)
    notebooks = [importlib.import_module(f"{__name__}.{name}") for name in names]
    found = [exercise for notebook in notebooks for exercise in notebook.EXERCISES]
    return {e.id: e for e in sorted(found, key=lambda e: [int(n) for n in e.id.split(".")])}


EXERCISES = collected()
