"""Every notebook in a real browser, with the widgets of Colab (7.7.1) and with the newest ones.

Each is opened as it is stored, with Colab's. Then what shows widgets and what that needs is run,
with both: the rest is the same code in the same kernel, which other tests have run three times by
then. Screenshots go to build/screenshots. Without a browser on the machine the tests are left
out, and say so; with COURSE_BROWSER=wanted, that is a failure.
"""

import contextlib
import os
import re
import shutil
from pathlib import Path

import pytest
from widget_cells import only_widgets

from copies import train_less
from course_files import read, shipped, sources, write
from outputs import WIDGET_VIEW

pytest.importorskip("playwright")
import lab  # noqa: E402

ROOT = Path(__file__).parents[1]
PYTHONS = {"7.7.1": ROOT / ".venv-readers/bin/python", "newest": ROOT / ".venv-widgets/bin/python"}
NAMES = [source.stem for source in sources()]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SLIDERS = r"_(explorer|slider)\("
SHARE = 0.01  # of the training


@pytest.fixture(scope="module")
def chromium():
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found and os.environ.get("COURSE_BROWSER") == "wanted":
        pytest.fail(f"a browser is wanted, and there is none of {', '.join(BROWSERS)}")
    return found or pytest.skip(f"this machine has none of {', '.join(BROWSERS)}")


@pytest.fixture(scope="module", params=PYTHONS)
def widgets(request):
    """Which widgets; a parameter of the module, so that all notebooks come with one, then with
    the other."""
    if not PYTHONS[request.param].exists():
        pytest.skip(f"{PYTHONS[request.param]} is not there: run make test")
    return request.param


@pytest.fixture(scope="module")
def page(widgets, chromium):
    """JupyterLab in a browser, on copies of the notebooks that train little."""
    folder = ROOT / "build/browser" / widgets / "notebooks"
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in NAMES:
        notebook = read(shipped(name))
        write(notebook, folder / f"{name}.ipynb")
        less = train_less(notebook, SHARE, compared=False)
        only_widgets(less)
        write(less, folder / f"{name}_widgets.ipynb")
    with lab.laboratory(PYTHONS[widgets], folder, chromium) as page:
        yield page


@pytest.fixture
def screenshots(widgets, name):
    folder = ROOT / "build/screenshots" / widgets / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_opens_it_and_moves_every_slider(page, name, widgets, screenshots):
    if widgets == "7.7.1":
        with opened(page, name, screenshots / "stored.png"):
            assert_as_stored(page)
    with opened(page, f"{name}_widgets", screenshots / "end.png"):
        cells = lab.run_all(page)
        page.screenshot(path=screenshots / "top.png", **lab.AS_IT_IS)
        assert_all_ran(cells)
        seen = page.evaluate(lab.SEEN)
        assert seen["blank"] == [] and seen["wide"] == []
        moved, still = lab.move_sliders(page, screenshots)
        assert moved == with_sliders(cells) and still == []


@contextlib.contextmanager
def opened(page, name, screenshot):
    lab.open_notebook(page, f"{name}.ipynb")
    try:
        yield
    finally:
        page.screenshot(path=screenshot, **lab.AS_IT_IS)
        page.evaluate(lab.CLOSE)


def assert_as_stored(page):
    """Solutions and hints are closed, and every picture is there, no wider than the page."""
    cells, seen = page.evaluate(lab.CELLS), page.evaluate(lab.SEEN)
    assert seen["blank"] == [] and seen["wide"] == []
    assert seen["hints"] > 2 and seen["open"] == 0
    assert_solutions_closed(cells)
    assert_pictures(cells)


def assert_all_ran(cells):
    code = [cell for cell in cells if cell["type"] == "code"]
    said = [o["said"] for cell in code for o in cell["outputs"] if o["kind"] == "error"]
    assert said == []
    assert [cell["source"] for cell in code if not cell["count"]] == []


def assert_solutions_closed(cells):
    forms = [cell for cell in cells if cell["metadata"].get("cellView") == "form"]
    assert len(forms) > 1 and all(cell["hidden"] for cell in forms)


def with_sliders(cells):
    """Count the cells that show sliders; progress bars and the view of 07 are widgets too."""
    return sum(
        WIDGET_VIEW in output["kinds"] and bool(re.search(SLIDERS, cell["source"]))
        for cell in cells
        for output in cell["outputs"]
    )


def assert_pictures(cells):
    """Each cell with an alt text shows one picture, a slider its still; no other cell shows any."""
    for cell in cells:
        kind = "text/html" if "\nmoving(" in cell["source"] else "image/png"
        shown = sum(kind in output["kinds"] for output in cell["outputs"])
        assert shown == ("alt" in cell["metadata"]), cell["source"]
