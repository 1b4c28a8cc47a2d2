"""notebooks/build.py and run.py, tried on a small course that is made for it."""

import importlib.util
import io
import json
import linecache
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest

from stubs import stub_problem

ROOT = Path(__file__).parents[1]

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


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A small course, built once, as an author does it."""
    course = make_course(tmp_path_factory.mktemp("course") / "toy")
    subprocess.run([sys.executable, "notebooks/build.py"], cwd=course, check=True)
    return course


@pytest.fixture
def course(built, tmp_path, monkeypatch):
    """A copy of it, to spoil."""
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    return Path(shutil.copytree(built, tmp_path / "toy"))


def make_course(root):
    (root / "notebooks/source").mkdir(parents=True)
    (root / "course_utils/checks").mkdir(parents=True)
    for name in ("build.py", "stubs.py", "setup_cell.py", "run.py"):
        shutil.copy(ROOT / "notebooks" / name, root / "notebooks")
    (root / "pyproject.toml").write_text('[tool.course]\nrepository = ""\ntag = "v1"\n')
    (root / "README.md").write_text(
        "[open](https://colab.research.google.com/github/a/b/blob/old/notebooks/01_toy.ipynb)\n"
    )
    (root / "course_utils/__init__.py").write_text("")
    (root / "course_utils/colab.py").write_text("def start():\n    print('ready')\n")
    (root / "course_utils/checks/__init__.py").write_text(CHECKS)
    (root / "notebooks/source/01_toy.py").write_text(SOURCE)
    return root


class Done(NamedTuple):
    code: int
    said: str


def command(course, *arguments):
    """Run build.py in this process: its imports take longer than its work."""
    build = load("toy_build", course / "notebooks/build.py")
    build.load_checks = lambda: load("toy_checks", course / "course_utils/checks/__init__.py")
    said, code = io.StringIO(), 0
    try:
        with redirect_stdout(said):
            build.main(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
        said.write(str(end.code))
    return Done(code, said.getvalue())


def load(name, path):
    """Import a file afresh, so that it takes its own folder for the course."""
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


ALT = "A line that falls from 2 to 1."


# --- building ------------------------------------------------------------------------------------


def test_building_twice_gives_the_same_bytes(course):
    first = (course / "notebooks/01_toy.ipynb").read_bytes()
    assert_ok(command(course, "01"))
    assert (course / "notebooks/01_toy.ipynb").read_bytes() == first
    assert not list(course.rglob("*.part"))


def test_cells_are_filled_in(course):
    notebook = read(course)
    address = "OWNER/diffusion-unet-course"
    assert f"github/{address}/blob/v1/notebooks/01_toy.ipynb)" in notebook.cells[0].source
    setup = notebook.cells[1]
    assert setup.source.startswith("#@title Set up: run this first\n")
    assert f'"https://github.com/{address}"' in setup.source
    assert 'TAG = "v1"' in setup.source
    assert setup.outputs[0].text == "ready\n"
    solution = cell_with(notebook, "%%solution 1.1")
    assert solution.source.startswith("%%solution 1.1\n#@title Solution 1.1\ndef double(x):\n")
    for closed in (setup, solution):
        assert closed.metadata == {"cellView": "form", "jupyter": {"source_hidden": True}}


def test_outputs_hold_nothing_of_the_machine(course):
    notebook = read(course)
    kinds = [
        output.get("name") or sorted(output.data)
        for output in cell_with(notebook, "IntSlider(value=3)").outputs
    ]
    assert kinds == ["stdout", ["image/png", "text/plain"], ["text/plain"]]
    assert cell_with(notebook, "plt.show").outputs[1].metadata["image/png"]["alt"] == ALT
    assert cell_with(notebook, "plt.show").metadata == {"alt": ALT}
    assert cell_with(notebook, "plt.show").source.startswith("import sys")
    assert cell_with(notebook, "one and one").outputs[0].text == (
        "one and one is 2\nand one is 3 says ./course_utils/__init__.py\n"
    )
    ignored = cell_with(notebook, "IntSlider(value=4)")
    assert ignored.outputs == []
    assert ignored.metadata == {
        "cellView": "form",
        "jupyter": {"source_hidden": True},
        "tags": ["nbval-ignore-output"],
    }
    assert notebook.cells[-1].outputs[0].data["text/plain"] == "<object at 0x0>"
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert "widgets" not in notebook.metadata
    assert notebook.metadata.language_info == {"name": "python"}


def test_only_notebooks_that_train_ask_for_a_gpu(course):
    assert "accelerator" not in read(course).metadata
    build = load("toy_build", course / "notebooks/build.py")
    assert build.notebook_metadata("00_start_here")["accelerator"] == "GPU"


def test_ids_stay_when_a_cell_is_inserted(course):
    before = {cell.source: cell.id for cell in read(course).cells}
    first = "# %% [markdown]\n# ## Exercise 1.1"
    edit_source(course, first, "# %%\n1 + 1\n\n" * 2 + first)
    assert_ok(command(course))
    cells = read(course).cells
    assert len(cells) == len(before) + 2
    assert len({cell.id for cell in cells}) == len(cells)
    assert {cell.source: cell.id for cell in cells if cell.source != "1 + 1"} == before


def test_a_cell_that_fails_stops_the_build(course):
    before = (course / "notebooks/01_toy.ipynb").read_bytes()
    edit_source(course, "object()", "1 / 0")
    assert_refused(command(course), "01_toy", "ZeroDivisionError")
    assert (course / "notebooks/01_toy.ipynb").read_bytes() == before


def test_a_path_of_the_machine_stops_the_build(course):
    edit_source(course, "object()", 'print("/home/someone/course")')
    assert_refused(command(course), "01_toy", "a path of the machine")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# alt: A line that falls\n#   from 2 to 1.\n", "", "shows a picture without alt text"),
        ("plt.show()", "plt.show()\nplt.plot([1])\nplt.show()", "shows 2 pictures"),
        ("# %%\nobject()", "# %%\n# alt: An object.\nobject()", "alt text, but shows no picture"),
    ],
)
def test_every_picture_has_one_alt_text(course, old, new, said):
    edit_source(course, old, new)
    assert_refused(command(course), "01_toy", said)


def test_a_new_alt_text_leaves_the_id(course):
    before = cell_with(read(course), "plt.show").id
    edit_source(course, "from 2 to 1.", "steeply.")
    assert_refused(command(course, "--check"), "metadata is")
    assert_ok(command(course))
    assert cell_with(read(course), "plt.show").id == before


def test_a_notebook_that_is_not_there(course):
    assert_refused(command(course, "07"), "there is no notebook 07")


# --- exercises -----------------------------------------------------------------------------------

REFERENCE = CHECKS[CHECKS.index("class Adder") : CHECKS.index("@dataclass")]
STUB = REFERENCE.replace("return x + self.n", "raise NotImplementedError")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("class Adder", "class Plus", "class Plus"),
        ("class Adder:", "class Adder(object):", "class Adder(object)"),
        ("n=1", "n", "def __init__(self, n)`, the reference has `def __init__(self, n=1)"),
        ("add(self, x)", "add(self, y)", "def add(self, y)"),
        ("def add", "def plus", "no method plus"),
        ("Return x + n.", "Return n + x.", "the docstring of add"),
        ("Adds the same", "Add the same", "the docstring of Adder"),
        ("raise NotImplementedError", "pass", "raise NotImplementedError"),
        ("class Adder:", "class Adder", "not Python"),
        ("class Adder", "import math\n\nclass Adder", "one function or one class"),
        (STUB, "def Adder(n=1):\n    raise NotImplementedError", "def Adder(n=1)"),
    ],
)
def test_a_stub_that_does_not_fit_is_refused(old, new, said):
    assert stub_problem(STUB, "Adder", REFERENCE) is None
    assert old in STUB
    called = "Plus" if "Plus" in new else "Adder"
    assert said in stub_problem(STUB.replace(old, new, 1), called, REFERENCE)


def test_a_stub_to_repair_is_the_patient_to_the_letter():
    patient = REFERENCE.strip().replace("x + self.n", "x - self.n")
    assert patient != REFERENCE.strip()
    assert stub_problem(patient, "Adder", REFERENCE, patient) is None
    assert "to the letter" in stub_problem(REFERENCE, "Adder", REFERENCE, patient)
    renamed = patient.replace("class Adder", "class Plus")
    assert "is called Plus" in stub_problem(renamed, "Adder", REFERENCE, renamed)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("def double(x):", "def double(y):", ["exercise 1.1", "def double(y)", "def double(x)"]),
        ('check("1.1", double)', 'check("1.1", triple)', ["exercise 1.1", "given triple"]),
        ("# solution 1.1", "# nothing", ["checks ['1.1', '1.2']", "solutions ['1.2']"]),
        ("# solution 1.1", "# solution 1.3", ["no exercise 1.3"]),
        ('check("1.1", double)', 'check("1.2", double)', ["has checks ['1.2'"]),
        (
            "# %%\ndef double",
            "# %%\n# solution 1.1\n\n# %%\ndef double",
            ["solutions ['1.1', '1.1', '1.2']", "not one of each"],
        ),
        ("# %%\ndouble = ch", "# %% [markdown]\n# text\n\n# %%\ndouble = ch", ["not the stub"]),
    ],
)
def test_a_source_that_does_not_fit_its_exercises_is_refused(course, old, new, said):
    edit_source(course, old, new)
    assert_refused(command(course), "01_toy", *said)


def test_a_solution_before_its_check_is_refused(course):
    edit_source(course, "# solution 1.1", "'moved'")
    edit_source(course, "# %%\ndef double", "# %%\n# solution 1.1\n\n# %%\ndef double")
    assert_refused(command(course), "exercise 1.1: the solution stands before the check")


def test_an_exercise_without_a_place_is_refused(course):
    engine = course / "course_utils/checks/__init__.py"
    more = 'EXERCISES["1.3"] = Exercise("01_toy", double, None)'
    engine.write_text(engine.read_text() + "\n" + more + "\n")
    assert_refused(command(course), "['1.1', '1.2', '1.3']")


# --- --check -------------------------------------------------------------------------------------


def test_check_passes_after_a_build_and_for_a_fork(course):
    assert_ok(command(course, "--check"))
    settings = course / "pyproject.toml"
    settings.write_text(settings.read_text().replace('repository = ""', 'repository = "fork/it"'))
    assert_ok(command(course, "--check"))


def first_code(notebook):
    return next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")


SPOILERS = {
    "execution counts": lambda nb: first_code(nb).update(execution_count=None),
    "same id": lambda nb: nb["cells"][0].update(id=nb["cells"][1]["id"]),
    "id is 'another'": lambda nb: nb["cells"][0].update(id="another"),
    "source is": lambda nb: nb["cells"][-1].update(source="object"),
    "metadata is": lambda nb: nb["cells"][-1].update(metadata={"tags": [IGNORED]}),
    "cells, the source has": lambda nb: nb["cells"].pop(),
    "notebook's metadata": lambda nb: nb["metadata"].update(kernelspec={}),
    "state of widgets": lambda nb: nb["metadata"].update(widgets={}),
    "setup cell": lambda nb: first_code(nb).update(source="pass"),
    "standard error": lambda nb: first_code(nb)["outputs"].append(
        {"output_type": "stream", "name": "stderr", "text": "a warning"}
    ),
    "an error": lambda nb: first_code(nb)["outputs"].append(
        {"output_type": "error", "ename": "ValueError", "evalue": "", "traceback": []}
    ),
    "id of a widget": lambda nb: first_code(nb)["outputs"].append(
        {"output_type": "display_data", "metadata": {}, "data": {WIDGET_VIEW: {"model_id": "1"}}}
    ),
    "alt text is not that": lambda nb: nb["cells"][-3]["outputs"][1].update(metadata={}),
    "path of the machine": lambda nb: first_code(nb)["outputs"].append(
        {"output_type": "stream", "name": "stdout", "text": "/home/someone/course"}
    ),
}
IGNORED = "nbval-ignore-output"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.mark.parametrize("said", SPOILERS)
def test_check_tells_what_differs(course, said):
    spoil(course, SPOILERS[said])
    assert_refused(command(course, "--check"), "01_toy", said)


def test_check_wants_every_source_built_and_every_notebook_to_have_a_source(course):
    (course / "notebooks/source/02_next.py").write_text("# %%\n# setup\n")
    (course / "notebooks/03_lost.ipynb").write_text("{}")
    assert_refused(command(course, "--check"), "02_next", "not built yet", "03_lost", "no source")


# --- --address -----------------------------------------------------------------------------------


def test_a_new_address_goes_everywhere_and_nothing_is_executed(course):
    outputs = [cell.get("outputs") for cell in read(course).cells]
    assert_ok(command(course, "--address", "someone/course"))
    notebook = read(course)
    assert "github/someone/course/blob/v1/" in notebook.cells[0].source
    assert '"https://github.com/someone/course"' in notebook.cells[1].source
    assert [cell.get("outputs") for cell in notebook.cells] == outputs
    assert "github/someone/course/blob/v1/notebooks/01_toy" in (course / "README.md").read_text()
    assert 'repository = "someone/course"' in (course / "pyproject.toml").read_text()
    assert "OWNER" not in (course / "notebooks/01_toy.ipynb").read_text()
    assert_ok(command(course, "--check"))


def test_a_new_tag_goes_everywhere_too(course):
    settings = course / "pyproject.toml"
    settings.write_text(settings.read_text().replace("v1", "v2"))
    assert_refused(command(course, "--check"), "cell 1: source is", "cell 2: source is")
    assert_ok(command(course, "--address", "someone/course"))
    assert_ok(command(course, "--check"))
    assert 'TAG = "v2"' in read(course).cells[1].source


def test_what_is_no_address_is_refused(course):
    assert_refused(command(course, "--address", "https://github.com/a/b"), "OWNER/REPO")


def test_an_older_setup_cell_must_be_built_again(course):
    template = course / "notebooks/setup_cell.py"
    template.write_text(template.read_text() + "\nprint('more')\n")
    before = (course / "pyproject.toml").read_text()
    assert_refused(command(course, "--address", "someone/course"), "01_toy", "build it again")
    assert (course / "pyproject.toml").read_text() == before


def test_without_an_address_the_remote_of_git_is_used(course, monkeypatch):
    subprocess.run(["git", "init", "--quiet"], cwd=course, check=True)
    remote = "git@github.com:someone/from-git.git"
    subprocess.run(["git", "remote", "add", "origin", remote], cwd=course, check=True)
    build = load("toy_build", course / "notebooks/build.py")
    assert build.current_address() == ("someone/from-git", "v1")
    monkeypatch.setenv("GITHUB_REPOSITORY", "someone/from-ci")
    assert build.current_address() == ("someone/from-ci", "v1")


# --- --copies ------------------------------------------------------------------------------------


def test_the_copies_pass_nbval_as_stored_and_as_solved(course):
    (course / "build/solved").mkdir(parents=True)
    (course / "build/solved/00_gone.ipynb").write_text("of an earlier copy")
    assert_ok(command(course, "--copies", str(course / "build")))
    solved = nbformat.read(course / "build/solved/01_toy.ipynb", as_version=4)
    assert "return 2 * x" in cell_with(solved, "def double").source
    assert cell_with(solved, 'check("1.1"').outputs[0].data == {"text/plain": "1.1 correct."}
    done = nbval(course)
    assert done.returncode == 0, done.stdout
    assert "22 passed" in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "failing"),
    [
        ("return 2 * x", "return 3 * x", "2 "),  # a wrong answer: its check and its solution
        ("one and one is", "1 and 1 is", "1 "),  # another output
    ],
)
def test_nbval_fails_on_a_copy_that_is_not_right(course, old, new, failing):
    assert_ok(command(course, "--copies", str(course / "build")))
    path = course / "build/solved/01_toy.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if not cell.source.startswith("%%solution"):
            cell.source = cell.source.replace(old, new)
    nbformat.write(notebook, path)
    done = nbval(course)
    assert done.returncode == 1, done.stdout
    assert re.search(rf"{failing}failed", done.stdout)


def test_a_reference_that_is_not_right_is_told(course):
    engine = course / "course_utils/checks/__init__.py"
    engine.write_text(engine.read_text().replace("double(4) == 8", "double(4) == 9"))
    done = command(course, "--copies", str(course / "build"))
    assert_refused(done, "the reference of exercise 1.1 is not yet")


def test_copies_want_every_notebook_built(course):
    (course / "notebooks/01_toy.ipynb").unlink()
    done = command(course, "--copies", str(course / "build"))
    assert_refused(done, "01_toy.ipynb is not built yet")


def test_a_share_of_nothing_is_refused(course):
    for share in ("0", "1.5"):
        done = command(course, "--copies", str(course / "build"), "--share", share)
        assert_refused(done, f"above 0 and at most 1, not {share}")


def test_a_copy_of_an_older_notebook_is_refused(course):
    def forget(notebook):
        check = next(c for c in notebook["cells"] if 'check("1.1"' in "".join(c["source"]))
        check["outputs"] = []

    spoil(course, forget)
    done = command(course, "--copies", str(course / "build"))
    assert_refused(done, "1.1", "build it again")


def nbval(course):
    shutil.copy(ROOT / "conftest.py", course)
    strict = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=60"]
    strict += ["--nbval-sanitize-with", str(ROOT / "tests/nbval.cfg"), "-p", "no:cacheprovider"]
    run = [sys.executable, "-m", "pytest", "-q", *strict, "build/stored", "build/solved"]
    return subprocess.run(run, cwd=course, capture_output=True, text=True)


# --- run.py --------------------------------------------------------------------------------------


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


def test_a_copy_trains_less_and_compares_nothing_that_needs_more():
    build = load("real_build", ROOT / "notebooks/build.py")
    trained = build.new_code_cell("print(quality)", metadata={"tags": ["trained"]})
    setup = build.new_code_cell((ROOT / "notebooks/setup_cell.py").read_text())
    other = build.new_code_cell("import os\nfrom course_utils.quality import measure")
    drawn = build.new_code_cell("xT = torch.randn(500, 1)\nddim(net, xT, steps=50)")
    ignored = build.new_code_cell(drawn.source, metadata={"tags": ["nbval-ignore-output"]})
    fit = build.new_code_cell("def fit(task, keep, steps=250):\n    pass")
    whole = build.new_notebook(cells=[setup, trained, other, drawn, ignored, fit])
    less = build.train_less(whole, 0.05)
    assert build.train_less(whole, 1) == whole != less
    setup, trained, other, drawn, ignored, fit = less.cells
    assert drawn.source == "xT = torch.randn(500, 1)\nddim(net, xT, steps=50)"
    assert ignored.source == "xT = torch.randn(100, 1)\nddim(net, xT, steps=5)"
    assert fit.source.startswith("def fit(task, keep, steps=20):")
    assert trained.metadata.tags == ["trained", "nbval-ignore-output"]
    assert 'import os\nos.environ["COURSE_BUDGET"] = "0.05"\n' in setup.source
    assert setup.source.endswith(build.QUICK_JUDGE)
    assert other.source.startswith("import os\nfrom") and "tags" not in other.metadata


def test_all_copies_train_less_and_each_stored_one_has_a_folder(tmp_path, monkeypatch):
    build = load("real_build", ROOT / "notebooks/build.py")
    setup = build.new_code_cell((ROOT / "notebooks/setup_cell.py").read_text())
    monkeypatch.setattr(build, "read", lambda path: build.new_notebook(cells=[setup]))
    monkeypatch.setattr(build, "solve", lambda *given: None)
    build.copies(tmp_path, 0.05)
    copies = {str(p.relative_to(tmp_path)): p.read_text() for p in tmp_path.rglob("*.ipynb")}
    names = [source.stem for source in build.sources()]
    assert set(copies) == {f"stored/{n}/{n}.ipynb" for n in names} | {
        f"solved/{n}.ipynb" for n in names
    }
    assert all('\\"COURSE_BUDGET\\"] = \\"0.05\\"' in text for text in copies.values())
