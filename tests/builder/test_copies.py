"""build.py --copies: what the tests run, as stored and as solved, with less to train."""

import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from toy_course import ROOT, assert_ok, assert_refused, cell_with, command, spoil

import copies
from copies import FEWER, QUICK, SHORTER, SMALLER, UNSEEN, train_less
from course_files import sources
from course_utils import colab


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


def test_a_copy_trains_less_and_compares_nothing_that_needs_more():
    trained = new_code_cell("print(quality)", metadata={"tags": ["trained"]})
    setup = new_code_cell((ROOT / "notebooks/setup_cell.py").read_text())
    other = new_code_cell("import os\nfrom course_utils.quality import measure")
    drawn = new_code_cell("xT = torch.randn(500, 1)\nddim(net, xT, steps=50)")
    ignored = new_code_cell(drawn.source, metadata={"tags": ["nbval-ignore-output"]})
    fit = new_code_cell("def fit(task, keep, steps=250):\n    pass")
    whole = new_notebook(cells=[setup, trained, other, drawn, ignored, fit])
    less = train_less(whole, 0.05)
    assert train_less(whole, 1) == whole != less
    setup, trained, other, drawn, ignored, fit = less.cells
    assert drawn.source == "xT = torch.randn(500, 1)\nddim(net, xT, steps=50)"
    assert ignored.source == "xT = torch.randn(100, 1)\nddim(net, xT, steps=5)"
    assert fit.source.startswith("def fit(task, keep, steps=6):")
    assert trained.metadata.tags == ["trained", "nbval-ignore-output"]
    assert setup.source.endswith(QUICK["course_utils.quality"])
    setup, _, _, drawn, *_ = train_less(whole, 0.05, compared=False).cells
    assert drawn.source == ignored.source
    seen, unseen = (train_less(whole, 0.05, seen=seen).cells[0].source for seen in (True, False))
    assert unseen == seen + UNSEEN
    assert 'import os\nos.environ["COURSE_BUDGET"] = "0.05"\n' in setup.source
    assert other.source.startswith("import os\nfrom") and "tags" not in other.metadata


def test_a_training_of_thousands_of_steps_takes_the_share_of_600(monkeypatch):
    class Machine:
        budget = colab.Machine.budget
        has_gpu = False

    for share, steps in (("0.01", [1, 4, 6, 6]), ("0.1", [6, 40, 60, 60])):
        monkeypatch.setenv("COURSE_BUDGET", share)
        machine = type("Copy", (Machine,), {})()
        exec(QUICK["machine.budget("], {"machine": machine})
        assert [machine.budget(cpu=n, gpu=9 * n) for n in (60, 400, 600, 2000)] == steps
        machine.has_gpu = True
        assert machine.budget(cpu=2000, gpu=10_000) == steps[-1]


def test_all_copies_train_less_and_each_stored_one_has_a_folder(tmp_path, monkeypatch):
    setup = new_code_cell((ROOT / "notebooks/setup_cell.py").read_text())
    monkeypatch.setattr(copies, "read", lambda path: new_notebook(cells=[setup]))
    monkeypatch.setattr(copies, "solve", lambda *given: None)
    copies.copies(tmp_path, 0.05)
    written = {str(p.relative_to(tmp_path)): p.read_text() for p in tmp_path.rglob("*.ipynb")}
    unseen = {path for path, text in written.items() if "set_matplotlib_formats()" in text}
    assert unseen == {path for path in written if path.startswith("solved")}
    names = [source.stem for source in sources()]
    assert set(written) == {f"stored/{n}/{n}.ipynb" for n in names} | {
        f"solved/{n}.ipynb" for n in names
    }
    assert all('\\"COURSE_BUDGET\\"] = \\"0.05\\"' in text for text in written.values())


def test_every_pattern_of_what_a_copy_does_less_of_fits_a_notebook():
    texts = [source.read_text("utf-8") for source in sources()]
    for pattern, _ in (*SHORTER, *FEWER, *SMALLER):
        assert any(re.search(pattern, text) for text in texts), pattern
