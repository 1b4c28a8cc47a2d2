"""What every stored notebook must be. That its outputs come out again is nbval's part."""

import base64
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbval.plugin import get_sanitize_patterns

from address import stored_address
from build import differences
from course_files import NOTEBOOKS, SOURCES, read, shipped, sources
from exercises import CHECK, SOLUTION_CELL, load_checks
from outputs import IGNORED

NAMES = [source.stem for source in sources()]
LINK = re.compile(r'\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"')
WIDGET_TEXT = re.compile(r"(interactive|[A-Z]\w*)\((children|value|description)=")
NBVAL_TAGS = {"nbval-ignore-output", "nbval-skip", "nbval-raises-exception", "raises-exception"}


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def notebook(name):
    return read(shipped(name))


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds(cell):
    return [kind for output in cell.outputs for kind in output.get("data", {})]


# Each of these says what is wrong with a notebook, so that the tests below can see them fail.


def not_compared(notebook):
    """Cells that nbval would pass whatever they print, without a good reason."""
    found = []
    for cell in code_cells(notebook):
        tags = NBVAL_TAGS & set(cell.metadata.get("tags", []))
        verdict = CHECK.search(cell.source) or SOLUTION_CELL.match(cell.source)
        if "NBVAL_" in cell.source or tags - {IGNORED} or (verdict and tags):
            found.append(cell.id)
        if verdict and [output.output_type for output in cell.outputs] != ["display_data"]:
            found.append(cell.id)
    return found


def long_lines(notebook):
    return [line for c in code_cells(notebook) for line in c.source.splitlines() if len(line) > 99]


def dead_links(notebook):
    """Links to files that are not there."""
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    targets = [(one or other).split("#")[0] for one, other in LINK.findall(text)]
    local = [target for target in targets if target and not re.match(r"\w+:", target)]
    return [target for target in local if not (NOTEBOOKS / target).exists()]


def lost_pictures(notebook):
    """Cells that draw and have stored no picture, or one that nbval would not miss."""
    found = []
    for cell in code_cells(notebook):
        pictures = kinds(cell).count("image/png")
        if "plt.show()" in cell.source and not pictures:
            found.append(cell.id)
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/png" in data and not data.get("text/plain", "").startswith("<Figure"):
                found.append(cell.id)
    return found


def untagged_widgets(notebook):
    """Widgets shown by a cell that nbval compares: ipywidgets 7 and 8 describe them differently."""
    return [
        cell.id
        for cell in code_cells(notebook)
        for output in cell.outputs
        if WIDGET_TEXT.match(output.get("data", {}).get("text/plain", ""))
    ]


def test_every_notebook_is_as_its_source_makes_it(name):
    source = SOURCES / f"{name}.py"
    assert differences(source, load_checks().EXERCISES) == []


def test_every_notebook_has_a_source():
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == NAMES


def test_all_have_one_address():
    assert len({stored_address(read(shipped(name))) for name in NAMES}) <= 1


GUARDS = [not_compared, long_lines, dead_links, lost_pictures, untagged_widgets]


@pytest.mark.parametrize("guard", GUARDS)
def test_nothing_is_wrong(notebook, guard):
    assert guard(notebook) == []


# --- the guards themselves -----------------------------------------------------------------------


def small(source="1", kind="code", outputs=(), tags=()):
    """A notebook of one cell."""
    make = {"code": new_code_cell, "markdown": new_markdown_cell}[kind]
    cell = make(source, metadata={"tags": list(tags)})
    if kind == "code":
        cell.outputs = [nbformat.from_dict(output) for output in outputs]
    return new_notebook(cells=[cell])


def shown(**data):
    data = {kind.replace("_", "/"): value for kind, value in data.items()}
    return {"output_type": "display_data", "data": data, "metadata": {}}


VERDICT = shown(text_plain="1.1 not attempted.")
FIGURE = shown(image_png="iVBO", text_plain="<Figure size 640x480 with 1 Axes>")
BOX = shown(text_plain="VBox(children=(IntSlider(value=32), Output()))")
CHECKED = 'f = check("1.1", f)'


@pytest.mark.parametrize(
    ("guard", "right", "wrong"),
    [
        (not_compared, small(tags=["nbval-ignore-output"]), small(tags=["nbval-skip"])),
        (not_compared, small("# fine"), small("# NBVAL_IGNORE_OUTPUT")),
        (not_compared, small("1 / 2"), small("1 / 0", tags=["raises-exception"])),
        (not_compared, small(CHECKED, outputs=[VERDICT]), small(CHECKED)),
        (not_compared, small("%%solution 1.1\n1", outputs=[VERDICT]), small("%%solution 1.1\n1")),
        (
            not_compared,
            small(CHECKED, outputs=[VERDICT]),
            small(CHECKED, outputs=[VERDICT], tags=["nbval-ignore-output"]),
        ),
        (long_lines, small("x" * 99), small("x" * 100)),
        (dead_links, small("[code](../course_utils)", "markdown"), small("[a](b.py)", "markdown")),
        (dead_links, small("[a](https://a.b/c.py)", "markdown"), small("![](a.png)", "markdown")),
        (dead_links, small("[a](#here)", "markdown"), small('<img src="a.png">', "markdown")),
        (lost_pictures, small("plt.show()", outputs=[FIGURE]), small("plt.show()")),
        (lost_pictures, small(), small(outputs=[shown(image_png="iVBO")])),
        (untagged_widgets, small(outputs=[shown(text_plain="  0%| | 0/9")]), small(outputs=[BOX])),
    ],
)
def test_a_guard_sees_what_it_is_for(guard, right, wrong):
    assert guard(right) == []
    assert len(guard(wrong)) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ready: CPU; torch 2.11.0.\n1", "Ready: Tesla T4; torch 2.9.1.\n1", True),
        ("Ready: CPU; torch 2.11.0.\n1", "Ready: CPU; torch 2.11.0.\n2", False),
        ("It took 1.25 s", "It took 3 s", True),
        ("It took 12 steps", "It took 13 steps", False),
        ("<object at 0x7f0012ab>", "<object at 0x0>", True),
        ("/content/a-1/course_utils/unet.py", "/home/a/course_utils/unet.py", True),
        ("/content/course_utils/unet.py", "./course_utils/unet.py", True),
        ("/content/course_utils/unet.py", "/content/course_utils/dit.py", False),
        ("loss 0.123", "loss 0.124", False),
    ],
)
def test_what_nbval_is_told_to_overlook(one, other, same):
    config = (Path(__file__).parent / "nbval.cfg").read_text()
    for pattern, replacement in get_sanitize_patterns(config):
        one, other = re.sub(pattern, replacement, one), re.sub(pattern, replacement, other)
    assert (one == other) is same


def test_plots_have_two_pixels_for_each_of_a_page(name, notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                png = base64.b64decode(output.data["image/png"])
                about = output.metadata["image/png"]
                assert abs(int.from_bytes(png[16:20]) - 2 * about["width"]) <= 1, cell.source
