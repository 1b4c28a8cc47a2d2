"""A small course that the builder is tried on, and its commands run in this process."""

import importlib
import importlib.util
import io
import json
import linecache
import shutil
import sys
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import nbformat

ROOT = Path(__file__).parents[2]
CHECKS = '''
from dataclasses import dataclass

from IPython import get_ipython
from IPython.display import display


def double(x):
    """Return twice x."""
    return 2 * x


class Adder:
    """Adds the same number to others."""

    def __init__(self, n=1):
        self.n = n

    def add(self, x):
        """Return x + n."""
        return x + self.n


@dataclass(frozen=True)
class Exercise:
    notebook: str
    reference: object
    right: object
    patient: object = None
    hunted: bool = False


EXERCISES = {
    "1.1": Exercise("01_toy", double, lambda double: double(4) == 8),
    "1.2": Exercise("01_toy", Adder, lambda Adder: Adder(3).add(4) == 7),
}
ATTEMPTED = set()


@dataclass
class Verdict:
    id: str
    outcome: str

    def __repr__(self):
        going_on = " The notebook goes on with the reference."
        return f"{self.id} {self.outcome}." + going_on * (self.outcome != "correct")


def grade(id, attempt):
    try:
        return Verdict(id, "correct" if EXERCISES[id].right(attempt) else "not yet")
    except NotImplementedError:
        return Verdict(id, "not attempted")


def check(id, attempt):
    verdict = grade(id, attempt)
    display(verdict)
    if verdict.outcome == "correct":
        ATTEMPTED.add(id)
        return attempt
    return EXERCISES[id].reference


class Told(str):
    __repr__ = str.__str__


def solution(line, cell):
    yours = "the same" if line in ATTEMPTED else "not written yet"
    display(Told(f"Solution {line}: correct. Yours is {yours}."))


def progress():
    print(f"0 of {len(EXERCISES)} exercises are done")


if get_ipython():
    get_ipython().register_magic_function(solution, "cell")
'''
SOURCE = '''\
# %% [markdown]
# # Toy
# {{badge}}

# %%
# setup

# %%
from course_utils.checks import check

# %% [markdown]
# ## Exercise 1.1

# %%
def double(x):
    """Return twice x."""
    raise NotImplementedError

# %%
double = check("1.1", double)

# %%
# solution 1.1

# %%
class Adder:
    """Adds the same number to others."""

    def __init__(self, n=1):
        self.n = n

    def add(self, x):
        """Return x + n."""
        raise NotImplementedError

# %%
Adder = check("1.2", Adder)

# %%
# solution 1.2

# %%
# alt: A line that falls
#   from 2 to 1.
import sys
import course_utils
import matplotlib.pyplot as plt
from ipywidgets import IntSlider

print("one and one is", Adder(1).add(1), flush=True)
print("not to be kept", file=sys.stderr)
print("and one is", 3, "says", course_utils.__file__)
plt.plot([double(1), 1])
plt.show()
IntSlider(value=3)

# %% tags=["nbval-ignore-output"] cellView="form" extra="dropped" jupyter={"source_hidden": true}
IntSlider(value=4)

# %%
object()
'''


def make_course(root):
    (root / "notebooks/source").mkdir(parents=True)
    (root / "course_utils/checks").mkdir(parents=True)
    for path in (ROOT / "notebooks").glob("*.py"):
        shutil.copy(path, root / "notebooks")
    (root / "pyproject.toml").write_text('[tool.course]\nrepository = ""\nref = "v1"\n')
    (root / "README.md").write_text(
        "[open](https://colab.research.google.com/github/a/b/blob/old/notebooks/01_toy.ipynb)\n"
    )
    (root / "course_utils/__init__.py").write_text("")
    (root / "course_utils/colab.py").write_text("def start(keep):\n    print('ready')\n")
    (root / "course_utils/checks/__init__.py").write_text(CHECKS)
    (root / "notebooks/source/01_toy.py").write_text(SOURCE)
    return root


class Done(NamedTuple):
    code: int
    said: str


@contextmanager
def modules_of(course, load_checks=None):
    """Within it, build.py and what it is made of are those of the course, imported afresh."""
    names = {path.stem for path in (course / "notebooks").glob("*.py")}
    ours = {name: sys.modules.pop(name) for name in names & set(sys.modules)}
    sys.path.insert(0, str(course / "notebooks"))
    importlib.invalidate_caches()
    try:
        importlib.import_module("exercises").load_checks = load_checks
        yield importlib.import_module
    finally:
        sys.path.remove(str(course / "notebooks"))
        for name in names & set(sys.modules):
            del sys.modules[name]
        sys.modules.update(ours)


def command(course, *arguments):
    """Run build.py in this process: its imports take longer than its work."""
    said, code = io.StringIO(), 0
    try:
        with redirect_stdout(said), modules_of(course, lambda: load_checks(course)) as module:
            module("build").main(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
        said.write(str(end.code))
    return Done(code, said.getvalue())


def load_checks(course):
    """Import a course's exercises afresh."""
    name, path = "toy_checks", course / "course_utils/checks/__init__.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    linecache.clearcache()
    spec.loader.exec_module(module)
    return module


def assert_ok(done):
    assert done.code == 0, done.said


def assert_refused(done, *words):
    assert done.code == 1, done.said
    for word in words:
        assert word in done.said


def edit_source(course, old, new):
    path = course / "notebooks/source/01_toy.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def read(course):
    return nbformat.read(course / "notebooks/01_toy.ipynb", as_version=4)


def cell_with(notebook, text):
    return next(cell for cell in notebook.cells if text in cell.source)


def spoil(course, change):
    """Change a stored notebook behind the builder's back."""
    path = course / "notebooks/01_toy.ipynb"
    notebook = json.loads(path.read_text())
    change(notebook)
    path.write_text(json.dumps(notebook))
