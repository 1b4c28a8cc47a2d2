"""A slider's still, in a stored notebook: it is kept, and the slider is not."""

import base64

import nbformat
import pytest
from IPython.core.formatters import DisplayFormatter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from test_notebooks import lost_pictures, untagged_widgets
from toy_course import assert_ok, assert_refused, cell_with, command, edit_source, read

from course_utils.widgets.explorer import BUILT, explorer, slider
from flaws import flaws
from outputs import IGNORED, PNG, WIDGET_VIEW, clean, execute

ALT = "Two squares."
CELL = f'''# %% tags=["{IGNORED}"]
# alt: {ALT}
import os
from IPython.core.pylabtools import print_figure

class Slider:
    def _repr_mimebundle_(self, **kwargs):
        data = {{"text/plain": "VBox(children=(IntSlider(value=3)))", "{WIDGET_VIEW}": {{}}}}
        if os.environ.get("{BUILT}"):
            figure, _ = plt.subplots(figsize=(1, 1))
            plt.close()
            data |= {{"{PNG}": print_figure(figure), "text/plain": "<Figure of 2 settings>"}}
        return data, {{"{PNG}": {{"width": 50, "cells": {{"columns": 2}}}}}}

Slider()'''


def draw(t):
    from matplotlib.pyplot import figure

    return figure(figsize=(1, 1), facecolor=(1, t / 100, 0))


@pytest.fixture
def stored(monkeypatch):
    """A cell with an explorer, as the builder stores it."""
    monkeypatch.setenv(BUILT, "1")
    box = explorer(draw, over={"t": [0, 50]}, t=slider("t", 0, 0, 99))
    data, metadata = DisplayFormatter().format(box)
    data[PNG] = base64.b64encode(data[PNG]).decode()
    output = new_output("execute_result", data, metadata=metadata, execution_count=7)
    cell = new_code_cell("1", metadata={"tags": [IGNORED], "alt": ALT}, outputs=[output])
    notebook = new_notebook(cells=[cell])
    clean(notebook, "00_toy")
    return notebook


def test_the_still_is_kept_with_its_cells_and_its_alt_text(stored):
    nbformat.validate(stored)
    (output,) = stored.cells[0].outputs
    assert output.data.keys() == {PNG, "text/plain"}
    assert output.metadata[PNG].keys() == {"width", "cells", "alt"}
    assert output.metadata[PNG].alt == ALT and output.metadata[PNG].cells.columns == 2


def test_it_has_no_flaws(stored):
    assert flaws(stored) == lost_pictures(stored) == untagged_widgets(stored) == []
    del stored.cells[0].metadata["alt"]
    assert "without alt text" in flaws(stored)[0]


def test_the_builder_asks_for_it(course):
    edit_source(course, "# %%\nobject()", CELL)
    assert_ok(command(course))
    (output,) = cell_with(read(course), "class Slider").outputs
    assert output.data.keys() == {PNG, "text/plain"}
    assert output.metadata[PNG] == {"width": 50, "cells": {"columns": 2}, "alt": ALT}
    assert_ok(command(course, "--check"))


def test_a_slider_without_a_still_may_have_no_alt_text(course):
    edit_source(course, "# %%\nobject()", CELL.replace(f'"{BUILT}"', '"NOT_SET"'))
    assert_refused(command(course), "has an alt text, but shows no picture")


def test_who_runs_a_notebook_does_not_ask_for_it(monkeypatch):
    monkeypatch.delenv(BUILT, raising=False)
    notebook = new_notebook(cells=[new_code_cell(f"import os; os.environ.get('{BUILT}', 'none')")])
    execute(notebook)
    assert notebook.cells[0].outputs[0].data["text/plain"] == "'none'"
