"""What happens to a reader on Colab: Drive, a lost machine, a lost network.

`make test` runs every notebook in the same way, as stored and as solved (tests/rehearse.py).
"""

import inspect
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest
import rehearse
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell

from copies import SHORTER, train_less
from course_files import read, shipped, sources
from course_utils.embedding import frequencies
from exercises import find_exercises
from outputs import output_text

ROOT = Path(__file__).parents[1]
READERS = ROOT / ".venv-readers/bin/python"


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    """The published course, and two kernels: `colab`, and one without a way to the course."""
    folder = tmp_path_factory.mktemp("colab")
    python = READERS if READERS.exists() else sys.executable
    rehearse.publish(folder / "published")
    rehearse.write_kernel(folder, python, folder / "published")
    rehearse.write_kernel(folder, python, "/nowhere/at/all", name="offline")
    rehearse.write_kernel(folder, python, folder / "published", "lacking", "torchsummary")
    return folder


@pytest.fixture
def reader(colab, tmp_path, monkeypatch):
    """Open a notebook in an empty folder: a client of a kernel that has run nothing yet."""
    monkeypatch.setenv("JUPYTER_PATH", str(colab / "jupyter"))
    resources = {"metadata": {"path": str(tmp_path)}}

    def start(notebook, kernel="colab"):
        return NotebookClient(notebook, kernel_name=kernel, resources=resources, timeout=300)

    return start


def notebook(number, **changes):
    """Return a stored notebook without outputs, with some of its text changed."""
    (source,) = sources([number])
    opened = read(shipped(source.stem))
    opened.cells = [cell for cell in opened.cells if cell.cell_type == "code"]
    for cell in opened.cells:
        cell.outputs = []
        for name, value in changes.items():
            cell.source = cell.source.replace(f"{name} = False ", f"{name} = {value} ")
    return opened


def told(cell):
    return "\n".join(output_text(output) for output in cell.outputs)


def cell_with(opened, text):
    return next(cell for cell in opened.cells if text in cell.source)


def test_what_passed_is_on_drive_and_the_next_notebook_finds_it(reader, colab, tmp_path):
    first = train_less(notebook("01", keep_on_drive=True), 0.01, compared=False)
    cell_with(first, "def frequencies").source = inspect.getsource(frequencies)
    reader(first).execute()
    assert "Kept in my_unet.py" in told(cell_with(first, 'check("1.1"'))
    drive = colab / "drive/MyDrive/unet-course"
    assert (drive / "my_progress.txt").read_text() == "1.1 correct\n"
    assert not (tmp_path / "my_unet.py").exists()
    second = notebook("02", keep_on_drive=True)
    wanted = re.compile("Set up|portfolio.load|progress")
    second.cells = [cell for cell in second.cells if wanted.search(cell.source)]
    second.cells.insert(1, new_code_cell("from course_utils import portfolio"))
    reader(second).execute()
    assert "Yours, from my_unet.py: frequencies." in told(cell_with(second, "portfolio.load"))
    assert "1 of 4 ✔ … … …" in told(cell_with(second, "progress("))


def test_without_a_network_run_all_stops_at_the_first_cell_with_a_sentence(reader):
    opened = notebook("02")
    with pytest.raises(CellExecutionError):
        reader(opened, "offline").execute()
    (shown,) = opened.cells[0].outputs
    (sentence,) = shown.traceback
    assert "could not be fetched from /nowhere/at/all: check that you are online" in sentence
    assert not any(cell.outputs for cell in opened.cells[1:])


@pytest.mark.parametrize(
    ("number", "last"), [("05", "summary(ForSummary("), ("06", '"torchsummary":')]
)
def test_where_torchsummary_is_not_installed_it_is_said_and_the_notebook_goes_on(
    reader, number, last
):
    opened = notebook(number)
    client = reader(opened, "lacking")
    with client.setup_kernel():
        run_until(client, last)
    said = "torchsummary is not installed on this machine"
    assert any(said in told(cell) for cell in opened.cells if "summary(" in cell.source)
    assert not any(o.output_type == "error" for cell in opened.cells for o in cell.outputs)


@pytest.mark.parametrize("number", ["01", "05"])
def test_with_drive_refused_the_parts_are_there_and_all_is_kept_here(reader, tmp_path, number):
    opened = notebook(number, keep_on_drive=True)
    refused = "from google.colab import drive\ndrive.trouble = drive.REFUSED"
    opened.cells.insert(0, new_code_cell(refused))
    client = reader(opened)
    with client.setup_kernel():
        run_until(client, "mine = portfolio.load()")
    assert "Google Drive could not be mounted (Error: cred" in told(cell_with(opened, "Set up"))
    assert "Yours, from my_unet.py: nothing yet." in told(cell_with(opened, "portfolio.load"))


def test_a_machine_that_is_lost_in_the_middle_of_07_loses_a_hundred_steps_at_most(
    reader, colab, monkeypatch
):
    monkeypatch.setenv("COURSE_BUDGET", "0.15")  # 300 steps
    run = colab / "drive/MyDrive/unet-course/run-07"
    lost = what_trains(notebook("07", keep_on_drive=True))
    client = reader(lost)
    with client.setup_kernel():
        run_until(client, ".start()")
        wait_for(lambda: any(run.glob("step-*200.pt")))  # whole: a half file has another name
        os.kill(client.km.provisioner.pid, signal.SIGKILL)
    again = what_trains(notebook("07", keep_on_drive=True))
    client = reader(again, "offline")  # the course is there already
    with client.setup_kernel():
        run_until(client, "state, seconds, begun = begin()")
    assert "from step 200 to 300" in told(cell_with(again, "state, seconds, begun = begin()"))


def what_trains(opened):
    """Keep what the training needs: imports, exercises, the schedule, and all from there on.

    Its network is a small one.
    """
    begins = opened.cells.index(cell_with(opened, "drive.in_use"))
    places = find_exercises(opened).values()
    of_exercises = {index for place in places for index in (place.stub, place.check)}
    opened.cells = [
        cell
        for index, cell in enumerate(opened.cells)
        if index >= begins
        or index in of_exercises
        or re.match("#@title Set|import |from |mine = |schedule = |def steps_of", cell.source)
    ]
    for cell in opened.cells:
        for more, less in SHORTER:
            cell.source = re.sub(more, less, cell.source)
    return opened


def run_until(client, text):
    """Run the cells of a notebook up to the one that has this text."""
    for index, cell in enumerate(client.nb.cells):
        client.execute_cell(cell, index)
        if text in cell.source:
            return


def wait_for(done, seconds=200):
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.2)
