"""Building: what is filled in, what is stored, and what stops a build."""

import pytest
from toy_course import assert_ok, assert_refused, cell_with, command, edit_source, read

from assemble import notebook_metadata

ALT = "A line that falls from 2 to 1."


def test_building_twice_gives_the_same_bytes(course):
    first = (course / "notebooks/01_toy.ipynb").read_bytes()
    assert_ok(command(course, "01"))
    assert (course / "notebooks/01_toy.ipynb").read_bytes() == first
    assert not list(course.rglob("*.part"))


def test_prose_is_taken_over_and_outputs_are_kept(course):
    before = read(course)
    edit_source(course, "# # Toy", "# # A toy of another name")
    assert_ok(command(course, "--prose"))
    after = read(course)
    assert after.cells[0].source.startswith("# A toy of another name")
    old, new = ([c for c in n.cells if c.cell_type == "code"] for n in (before, after))
    assert old == new and any(cell.outputs for cell in new)
    edit_source(course, "# alt: A line that falls\n#   from 2 to 1.", "# alt: A line.")
    assert_ok(command(course, "--prose"))
    (pictured,) = [c for c in read(course).cells if "alt" in c.metadata]
    assert pictured.metadata.alt == "A line."
    shown = [o.metadata for o in pictured.outputs if "image/png" in o.get("data", {})]
    assert [about["image/png"]["alt"] for about in shown] == ["A line."]
    edit_source(course, "object()", "list()")
    assert_refused(command(course, "--prose"), "its code has changed too: build it")


def test_the_table_of_exercises_is_that_of_all_notebooks(course):
    edit_source(course, "object()", "from course_utils.checks import progress\n\nprogress()")
    assert_ok(command(course))
    before = read(course)
    assert before.cells[-1].outputs[0].text == "0 of 2 exercises are done\n"
    checks = course / "course_utils/checks/__init__.py"
    one_more = '    "2.1": Exercise("02_other", double, bool),\n'
    checks.write_text(checks.read_text().replace("EXERCISES = {\n", "EXERCISES = {\n" + one_more))
    assert_refused(command(course, "--check"), "its table counts other exercises than there are")
    assert_ok(command(course, "--prose"))
    assert_ok(command(course, "--check"))
    after = read(course)
    assert after.cells[-1].outputs[0].text == "0 of 3 exercises are done\n"
    before.cells[-1].outputs[0].text = after.cells[-1].outputs[0].text
    assert after == before


def test_cells_are_filled_in(course):
    notebook = read(course)
    address = "OWNER/diffusion-unet-course"
    assert f"github/{address}/blob/v1/notebooks/01_toy.ipynb)" in notebook.cells[0].source
    setup = notebook.cells[1]
    assert setup.source.startswith("#@title Set up: run this first\n")
    assert 'REPOSITORY = os.environ.get("COURSE_REPOSITORY", "")\n' in setup.source
    assert 'REF = "v1"' in setup.source
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
    assert notebook_metadata("00_start_here")["accelerator"] == "GPU"


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


def test_a_notebook_finds_no_files_of_a_reader_and_leaves_none(course):
    (course / "notebooks/my_unet.py").write_text("a reader's")
    edit_source(course, "object()", 'from pathlib import Path\nPath("my_unet.pt").touch()')
    edit_source(course, "IntSlider(value=4)", 'assert not Path("my_unet.py").exists()')
    edit_source(course, "import sys\n", "import sys\nfrom pathlib import Path\n")
    assert_ok(command(course))
    assert not list(course.rglob("my_unet.pt"))


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
