"""Run the notebooks as Run all does, and keep in build/ what a reader would see.

    python notebooks/run.py [NN ...]

What comes out: build/NN_name.ipynb, build/NN_name.html, and the pictures build/NN_name/fig_*.png.
"""

import re
import sys
import time
from collections import Counter

import nbformat
from nbconvert import HTMLExporter

from course_files import ROOT, CourseError, read, shipped, sources
from outputs import FAILURES, execute, output_text, pictures

BUILD = ROOT / "build"
VERDICT = re.compile(r"\d+\.\d+ (correct|not yet|not attempted)\.")


def run(name):
    """Run one notebook, print one line about it, and return whether it came to its end."""
    notebook, begun, error = read(shipped(name)), time.perf_counter(), ""
    try:
        execute(notebook)
    except FAILURES as failed:
        error = f"  ERROR {getattr(failed, 'ename', type(failed).__name__)}: {first_line(failed)}"
    seconds = time.perf_counter() - begun
    figures = save(notebook, name)
    verdicts = count_verdicts(notebook)
    checks = ", ".join(f"{verdicts[v]} {v}" for v in ("correct", "not yet", "not attempted"))
    print(f"{name:24} {seconds:6.1f} s  checks: {checks}  figures: {figures}{error}", flush=True)
    return not error


def first_line(failed):
    """Return the message of the exception in a cell, or of what else stopped the notebook."""
    return str(getattr(failed, "evalue", failed)).partition("\n")[0]


def count_verdicts(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    said = [VERDICT.match(output_text(output).strip()) for output in outputs]
    return Counter(found[1] for found in said if found)


def save(notebook, name):
    """Write the notebook, its HTML and its pictures; return the number of pictures."""
    folder = BUILD / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("fig_*.png"):
        old.unlink()
    nbformat.write(notebook, BUILD / f"{name}.ipynb")
    html, _ = HTMLExporter().from_notebook_node(notebook, {"metadata": {"name": name}})
    (BUILD / f"{name}.html").write_text(html, encoding="utf-8")
    shown = [picture for cell in notebook.cells for picture in pictures(cell)]
    for number, picture in enumerate(shown, start=1):
        (folder / f"fig_{number:02}.png").write_bytes(picture)
    return len(shown)


def main(arguments=None):
    numbers = sys.argv[1:] if arguments is None else arguments
    try:
        done = [run(source.stem) for source in sources(numbers)]
    except CourseError as error:
        sys.exit(f"run.py: {error}")
    sys.exit(0 if all(done) else 1)


if __name__ == "__main__":
    main()
