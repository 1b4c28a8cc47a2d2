"""run.py: what a reader sees is kept, and an error is told."""

import re
import subprocess
import sys

import nbformat
from toy_course import spoil


def run(course):
    script = [sys.executable, "notebooks/run.py", "01"]
    return subprocess.run(script, cwd=course, capture_output=True, text=True)


def test_run_keeps_what_a_reader_sees(course):
    done = run(course)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        r"01_toy +\d+\.\d s  checks: 0 correct, 0 not yet, 2 not attempted  figures: 1\n",
        done.stdout,
    )
    figure = course / "build/01_toy/fig_01.png"
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert "<html" in (course / "build/01_toy.html").read_text(encoding="utf-8")
    assert nbformat.read(course / "build/01_toy.ipynb", as_version=4).cells[1].outputs


def test_run_tells_of_an_error(course):
    spoil(course, lambda notebook: notebook["cells"][-1].update(source="1 / 0"))
    done = run(course)
    assert done.returncode == 1
    assert "ERROR ZeroDivisionError: division by zero" in done.stdout
