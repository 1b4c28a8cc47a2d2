"""What a reader calls: check(...), and the cell magic %%solution."""

import ast
import difflib
import html
import inspect
import linecache
import textwrap
from dataclasses import dataclass

from IPython.display import display

from course_utils.checks.engine import grade_exercise
from course_utils.checks.lab import name

COLOURS = {
    "correct": "#2e7d32",
    "not yet": "#c2410c",
    "crashed": "#c2410c",
    "not attempted": "#64748b",
}
MARKS = {"correct": "✔", "not yet": "✘", "crashed": "✘", "not attempted": "…"}


@dataclass(frozen=True)
class Notice:
    """A text that a notebook shows in a box and everything else as it is."""

    text: str
    outcome: str
    code: str = ""

    def __repr__(self):
        return f"{self.text}\n{self.code}" if self.code else self.text

    def _repr_html_(self):
        code = f"<pre style='margin:.5em 0 0'>{html.escape(self.code)}</pre>" if self.code else ""
        return (
            f"<div style='border-left:5px solid {COLOURS[self.outcome]};padding:.5em .8em;"
            f"max-width:55em;line-height:1.5'>{MARKS[self.outcome]} {html.escape(self.text)}"
            f"{code}</div>"
        )


def check(exercises, attempts, id, attempt):
    """Grade, show the verdict, and return the attempt if it is right, else the reference."""
    if id not in exercises:
        display(Notice(unknown(exercises, id), "not attempted"))
        return attempt
    attempts[id] = attempt
    verdict = grade_exercise(exercises[id], attempt)
    display(Notice(verdict.message, verdict.outcome))
    return attempt if verdict.outcome == "correct" else exercises[id].reference


def solution(exercises, attempts, id, code):
    """Run a solution apart, put it through the check, show how the reader's code differs."""
    if id not in exercises:
        display(Notice(unknown(exercises, id), "not attempted"))
        return
    exercise = exercises[id]
    apart = dict(vars(inspect.getmodule(exercise.reference)))
    exec(compile(code, f"<solution {id}>", "exec"), apart)
    verdict = grade_exercise(exercise, apart[name(exercise.reference)])
    text = f"Solution {id}: {verdict.outcome}. "
    mine = source(attempts.get(id))
    if mine is None or "NotImplementedError" in mine:
        display(Notice(text + "Yours is not written yet.", verdict.outcome))
        return
    difference = "\n".join(difflib.unified_diff(plain(mine), plain(code), n=3, lineterm=""))
    if difference:
        told = "Lines with - are yours, lines with + are ours; comments are left out."
        display(Notice(text + told, verdict.outcome, difference.split("\n", 2)[2]))
    else:
        display(Notice(text + "Yours is the same.", verdict.outcome))


def unknown(exercises, id):
    return f"There is no exercise {id!r}. The course has {', '.join(exercises)}."


def source(attempt):
    """Return the source of a function or class, one made in a notebook's cell too, or None."""
    if attempt is None:
        return None
    try:
        return textwrap.dedent(inspect.getsource(attempt))
    except (OSError, TypeError):  # inspect cannot find a class that was defined in a cell
        return class_source(attempt)


def class_source(cls):
    methods = [m for m in vars(cls).values() if inspect.isfunction(m)]
    for method in methods:
        text = "".join(linecache.getlines(method.__code__.co_filename))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
                return ast.get_source_segment(text, node)
    return None


def plain(code):
    """Return code line by line without comments, docstrings and layout."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree).splitlines()
