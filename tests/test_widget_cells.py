"""What the browser's copies of the notebooks keep."""

import re

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from widget_cells import only_widgets

from course_files import read, shipped, sources

WIDGET = r"(_explorer|_slider|LivePicture|TrainingView)\("
CODE = {
    "setup": "machine = start()",
    "imports": "from course_utils.widgets import noise_slider\nimport torch",
    "old n": "n = 5",
    "count": "count = 0",
    "old x": "x = torch.ones(2)",
    "new x": "x, z = {}, [torch.zeros(n) for n in range(3)]",
    "part": "x['first'] = 1",
    "more": "z += [2]",
    "old y": "y = 0",
    "perhaps": "if machine:\n    y = 3",
    "loop": "for n in range(3):\n    print(n)",
    "function": "def draw(n):\n    w = n\n    return n + w + y",
    "unused": "w = 5",
    "widget": "shown = noise_slider(lambda n: draw(n), x, z)\ncount += 1",
    "end": "shown.close()",
    "after": "x = 7",
}


def test_what_a_widget_needs_is_kept_and_nothing_else():
    cells = [new_code_cell(source) for source in CODE.values()]
    notebook = new_notebook(cells=list(cells))
    only_widgets(notebook)
    left_out = [name for name, cell in zip(CODE, cells) if cell not in notebook.cells]
    assert left_out == ["old n", "old x", "loop", "unused", "after"]


def test_a_solution_may_not_run_its_code():
    cells = ["f = 0", "%%solution 1.1\nf = 1", "from course_utils.widgets import some_explorer",
             "some_explorer(f)"]  # fmt: skip
    notebook = new_notebook(cells=[new_code_cell(source) for source in ["", *cells]])
    only_widgets(notebook)
    assert [cell.source for cell in notebook.cells] == ["", *cells]


@pytest.mark.parametrize("name", [source.stem for source in sources()])
def test_no_widget_of_a_notebook_is_left_out(name):
    notebook = read(shipped(name))
    widgets = [c for c in notebook.cells if c.cell_type == "code" and re.search(WIDGET, c.source)]
    only_widgets(notebook)
    assert widgets and all(cell in notebook.cells for cell in widgets)
