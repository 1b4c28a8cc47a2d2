"""A picture that moves, in a stored notebook: its alt text, and its files for the README."""

import io

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

import build
from course_files import NOTEBOOKS, README, read, shipped
from course_utils.plots import moving
from flaws import picture_flaws
from outputs import PNG, clean, described, pictures

ALT = 'Noise that "clears" & stays < 1.'


@pytest.fixture(scope="module")
def made():
    return moving(list(torch.linspace(-1, 1, 3 * 256).view(3, 1, 1, 16, 16)))


def cell_of(html, **metadata):
    """A cell that shows a moving picture, as the builder stores it."""
    output = new_output("display_data", {"text/html": html, "text/plain": "<MovingPicture>"})
    notebook = new_notebook(cells=[new_code_cell("1", metadata=metadata, outputs=[output])])
    clean(notebook, "00_toy")
    nbformat.validate(notebook)
    return notebook.cells[0]


def test_it_gets_the_alt_text_of_its_cell(made):
    cell = cell_of(made._repr_html_(), alt=ALT)
    assert described(cell.outputs[0]) == ALT and picture_flaws(cell) == []
    assert (
        'alt="Noise that &quot;clears&quot; &amp; stays &lt; 1."'
        in cell.outputs[0].data["text/html"]
    )
    cell.metadata.alt = "Another."
    assert picture_flaws(cell) == ["the picture's alt text is not that of the cell"]


def test_it_needs_an_alt_text_and_other_html_does_not(made):
    assert "shows a picture without alt text" in picture_flaws(cell_of(made._repr_html_()))[0]
    assert picture_flaws(cell_of("<b>1.1 correct.</b>")) == []
    assert picture_flaws(cell_of("<b>no</b>", alt=ALT)) == ["has an alt text, but shows no picture"]


def test_its_files_are_written(made, tmp_path, monkeypatch):
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path)
    cell = cell_of(made._repr_html_(), alt=ALT, tags=["picture:toy"])
    build.keep_pictures(new_notebook(cells=[cell]))
    assert (tmp_path / "toy.gif").read_bytes() == made.gif
    assert (tmp_path / "toy.png").read_bytes() == made.still
    still = new_output("display_data", {PNG: "AAAA"})
    plain = new_code_cell(metadata={"tags": ["picture:plain"]}, outputs=[still])
    build.keep_pictures(new_notebook(cells=[plain]))
    assert {path.name for path in tmp_path.iterdir()} == {"toy.gif", "toy.png", "plain.png"}


# --- the one that is stored ----------------------------------------------------------------------


def test_the_digits_of_notebook_00_are_those_at_the_head_of_the_readme():
    cells = [cell for cell in read(shipped("00_start_here")).cells if pictures(cell, "gif")]
    (gif,), (still,) = pictures(cells[0], "gif"), pictures(cells[0])
    assert len(cells) == 1 and cells[0].metadata.tags[-1] == "picture:digits"
    assert (NOTEBOOKS / "digits.gif").read_bytes() == gif
    assert (NOTEBOOKS / "digits.png").read_bytes() == still
    head = README.read_text(encoding="utf-8").partition("\n## ")[0]
    assert 'reduce)" srcset="notebooks/digits.png">\n<img src="notebooks/digits.gif"' in head


def test_the_digits_move_as_they_should():
    gif = Image.open(io.BytesIO((NOTEBOOKS / "digits.gif").read_bytes()))
    assert (NOTEBOOKS / "digits.gif").stat().st_size < 300_000
    assert gif.n_frames == 25 and gif.info["loop"] == 2 and gif.size == (338, 66)
    gif.seek(24)
    still = Image.open(io.BytesIO((NOTEBOOKS / "digits.png").read_bytes()))
    assert gif.convert("RGBA").tobytes() == still.convert("RGBA").tobytes()


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_is_below_900_kb(path):
    assert path.stat().st_size < 900_000
