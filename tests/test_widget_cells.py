"""What the browser's copies of the notebooks keep."""

import re

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from widget_cells import only_widgets

from course_files import read, shipped, sources

WIDGET = r"(_explorer|_slider|LivePicture|TrainingView)\("
KEPT = {
    "setup": "machine = start()",
    "imports": "from course_utils.widgets import noise_slider\nimport torch",
    "old n": "",
    "old x": "",
    "new x": "x, z = {}, [torch.zeros(n) for n in range(3)]",
    "part": "x['first'] = 1",
    "more": "torch.manual_seed(0)\nz += [2]",
    "handed": "fill(x)",
    "old y": "y = 0",
    "perhaps": "if machine:\n    y = 3",
    "loop": "",
    "function": "@cached\ndef draw(n):\n    w = n\n    return n + w + later",
    "what it needs": "later = 5",
    "unused": "",
    "view": "view = noise_slider(lambda n: draw(n), x, z, y)",
    "end": "view.close()\nshown = view.result()",
    "after": "",
}
LEFT_OUT = {
    "imports": "\nfrom course_utils.plots import grid",
    "old n": "n = 5",
    "old x": "x = torch.ones(2)",
    "more": "\nprint(z)\ngrid(z)",
    "loop": "for n in range(3):\n    fill(n)",
    "function": "\n\n@cached\ndef other(x):\n    return x",
    "unused": "torch.manual_seed(1)\nw = 5",
    "view": "\ncount = 1",
    "end": "\nprint(shown)",
    "after": "x = 7",
}


def test_what_a_widget_needs_is_kept_and_nothing_else():
    whole = [code + LEFT_OUT.get(name, "") for name, code in KEPT.items()]
    notebook = new_notebook(cells=[new_code_cell(source) for source in whole])
    only_widgets(notebook)
    kept = [cell.source.rstrip() for cell in notebook.cells]
    assert kept == [source for source in KEPT.values() if source]


def test_a_solution_may_not_run_its_code():
    cells = ["f = 0", "%%solution 1.1\nf = 1", "from course_utils.widgets import some_explorer",
             "some_explorer(f)"]  # fmt: skip
    notebook = new_notebook(cells=[new_code_cell(source) for source in ["", *cells]])
    only_widgets(notebook)
    assert [cell.source for cell in notebook.cells] == ["", *cells]


@pytest.mark.parametrize("name", [source.stem for source in sources()])
def test_no_widget_of_a_notebook_is_left_out(name):
    notebook = read(shipped(name))
    before = widgets_in(notebook)
    only_widgets(notebook)
    assert widgets_in(notebook) == before != []


def widgets_in(notebook):
    return [
        w for c in notebook.cells if c.cell_type == "code" for w in re.findall(WIDGET, c.source)
    ]
