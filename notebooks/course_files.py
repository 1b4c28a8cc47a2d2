"""The files of the course that the notebooks are made of: where they lie, reading and writing."""

from pathlib import Path

# nbformat is imported where it is used: address.py runs without it.
NOTEBOOKS = Path(__file__).resolve().parent
ROOT = NOTEBOOKS.parent
SOURCES = NOTEBOOKS / "source"
SETTINGS = ROOT / "pyproject.toml"
README = ROOT / "README.md"


class CourseError(Exception):
    """Something is wrong with a notebook; the message says what and where."""


def sources(numbers=()):
    """Return the source files, all or those whose numbers are asked for, in order."""
    found = sorted(SOURCES.glob("[0-9][0-9]_*.py"))
    missing = set(numbers) - {source.stem[:2] for source in found}
    if missing:
        raise CourseError(f"there is no notebook {', '.join(sorted(missing))}")
    return [source for source in found if not numbers or source.stem[:2] in numbers]


def shipped(name):
    return NOTEBOOKS / f"{name}.ipynb"


def read(path):
    if not path.exists():
        raise CourseError(f"{path.name} is not built yet")
    import nbformat

    # nbformat.read would put two cells of one id right, which nobody would then see.
    return nbformat.v4.reads_json(path.read_text(encoding="utf-8"))


def write(notebook, path):
    """Write in one step, so that an interrupted build leaves no half of a notebook."""
    import nbformat

    nbformat.validate(notebook)
    part = path.with_name(path.name + ".part")
    part.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    part.replace(path)
