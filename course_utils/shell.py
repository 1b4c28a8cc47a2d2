"""Exercises from a shell: check what stands in a file, and read a hint.

For readers who like their editor better than a notebook, and for assistants that help one.

python -m course_utils check 2.5 FILE.py [--json] [--watch]    exit status 0 only if it is right
python -m course_utils hint 2.5 [1]
"""

import argparse
import itertools
import json
import linecache
import math
import re
import time
import traceback
from dataclasses import asdict
from functools import cache
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks import EXERCISES, Verdict, grade
from course_utils.checks.engine.grading import ENDLESS, SECONDS
from course_utils.checks.engine.sandbox import TimeUp, run_apart

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
IMPORT = re.compile(r"^from (course_utils(?!\.checks)[\w.]*) import (\([^)]*\)|.*)", re.MULTILINE)
HINT = re.compile(r"<details><summary>(.*?)</summary>\s*(.*?)\s*</details>", re.DOTALL)


def add_commands(commands):
    """Add check and hint to the commands of `python -m course_utils`."""
    one = commands.add_parser("check", help="check what a file has for an exercise")
    one.add_argument("exercise", type=exercise, metavar="N.M")
    one.add_argument("file", type=Path, metavar="FILE.py")
    one.add_argument("--json", action="store_true", help="the verdict for a program to read")
    one.add_argument("--watch", action="store_true", help="check again whenever it is saved")
    one.set_defaults(run=run_check)
    two = commands.add_parser("hint", help="show a hint of an exercise")
    two.add_argument("exercise", type=exercise, metavar="N.M")
    two.add_argument("number", type=int, nargs="?", default=1, help="which, from 1 on")
    two.set_defaults(run=run_hint)


def exercise(text):
    if text not in EXERCISES:
        raise argparse.ArgumentTypeError(f"there is no exercise {text}; there are {listed()}")
    return text


def listed():
    return f"{next(iter(EXERCISES))} to {list(EXERCISES)[-1]}"


def run_check(options):
    """Print the verdict on a file; return 0 if it is right, else 1."""
    seen = stamp(options.file)  # before it is read: what is saved from now on is seen
    verdict = check_file(options.exercise, options.file)
    try:
        show(verdict, options)
        while options.watch:
            while stamp(options.file) in (seen, None):
                time.sleep(0.2)
            seen = stamp(options.file)
            verdict = check_file(options.exercise, options.file)
            show(verdict, options)
    except KeyboardInterrupt:
        if not options.watch:  # a watch ends so
            raise
    return int(verdict.outcome != "correct")


def stamp(file):
    return file.stat().st_mtime_ns if file.exists() else None


def show(verdict, options):
    print(json.dumps(asdict(verdict)) if options.json else verdict, flush=True)


def check_file(id, file):
    """Run a file, and grade what it has under the name that the exercise asks for.

    "2.5", Path -> Verdict

    The file stands alone: what earlier exercises ask for is there as the reference has it, and so
    are torch, nn, F, math and what the notebook imports from course_utils. What the file prints is
    not shown, and nothing is written. Raises OSError where there is no such file.
    """
    name = EXERCISES[id].reference.__name__
    linecache.checkcache(str(file))  # it may have been saved since

    def crashed(message):
        return Verdict(id, "crashed", None, f"{id} not yet. {message}")

    try:
        text = file.read_text(encoding="utf-8")
        code = compile(text, str(file), "exec")
    except SyntaxError as error:
        line = (error.text or "").strip()
        return crashed(f"Line {error.lineno} is not Python: {error.msg}. It reads `{line}`.")
    except ValueError as error:
        return crashed(f"{file.name} is no Python file: {error}.")
    names = world(id, text)
    try:
        run_apart(lambda: exec(code, names), SECONDS)
    except TimeUp:
        return crashed(ENDLESS.format(SECONDS))
    except (Exception, SystemExit) as error:
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__)
                 if f.filename == str(file)]  # fmt: skip
        where = f"Line {lines[-1]}" if lines else "The file"
        return crashed(f"{where} raised {type(error).__name__}: {error}.")
    if name not in names:
        message = f"{id} not attempted. {file.name} has nothing that is called {name}."
        return Verdict(id, "not attempted", None, message)
    return grade(id, names[name])


def world(id, text):
    """What a cell of the exercise finds: PyTorch, what was asked for before it, and those names in
    the text that its notebook has imported from course_utils by then.  -> dict"""
    names = {"math": math, "torch": torch, "nn": nn, "F": F, "__name__": "a file"}
    begun = "\n".join(before(id))
    used = {*re.findall(r"\w+", text)} - {EXERCISES[id].reference.__name__}
    for module, listed in IMPORT.findall(begun):
        for name, alias in re.findall(r"(\w+)(?: as (\w+))?", listed):
            if (alias or name) in used:
                exec(f"from {module} import {name} as {alias or name}", names)
    for other, one in EXERCISES.items():
        if one.notebook < EXERCISES[id].notebook or f'check("{other}"' in begun:
            names[one.reference.__name__] = one.reference
    return names


def before(id):
    """The cells above the check of an exercise, in its notebook.  -> list of str"""
    texts = texts_of(EXERCISES[id].notebook)
    return list(itertools.takewhile(lambda text: f'check("{id}"' not in text, texts))


def run_hint(options):
    """Print one hint; return 0, or 1 if there is no such hint."""
    hints = hints_of(options.exercise)
    if not 1 <= options.number <= len(hints):
        print(f"{options.exercise} has {len(hints)} hints, from 1 on.")
        return 1
    title, text = hints[options.number - 1]
    print(f"{title}\n\n{text}")
    return 0


def hints_of(id):
    """The hints of an exercise, from its notebook.  -> list of (title, text)"""
    texts, begin = texts_of(EXERCISES[id].notebook), len(before(id))
    ends = (i for i, text in enumerate(texts) if text.startswith(f"%%solution {id}\n"))
    end = next(ends, begin)  # what is only in the bug hunt has none
    return [hint for text in texts[begin:end] for hint in HINT.findall(text)]


@cache
def texts_of(notebook):
    """The texts of a notebook's cells."""
    text = (NOTEBOOKS / f"{notebook}.ipynb").read_text(encoding="utf-8")
    return ["".join(cell["source"]) for cell in json.loads(text)["cells"]]
