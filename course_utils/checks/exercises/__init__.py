"""The exercises: a folder for each notebook, a file with an EXERCISE for each of its exercises."""

import importlib
import pkgutil


def collected():
    """Return {id: Exercise}, in the order of the course."""
    files = pkgutil.walk_packages(__path__, f"{__name__}.")
    modules = [importlib.import_module(file.name) for file in files]
    found = [module.EXERCISE for module in modules if hasattr(module, "EXERCISE")]
    found += [e for module in modules for e in getattr(module, "EXERCISES", [])]
    return {e.id: e for e in sorted(found, key=lambda e: [int(part) for part in e.id.split(".")])}


EXERCISES = collected()
