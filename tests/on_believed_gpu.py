"""Run notebooks, solved, on a GPU that PyTorch believes in; exit with 1 where a cell fails.

    python tests/on_believed_gpu.py FOLDER 05 06 ...

There is no Jupyter: the cells run in IPython's own shell. Each notebook has a process and a folder
of its own in FOLDER. All trainings are a few steps long.
"""

import os
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "notebooks")]

import matplotlib  # noqa: E402
import torch._dynamo  # noqa: E402, F401

matplotlib.use("agg")

from believed_gpu import believe  # noqa: E402
from IPython.core.interactiveshell import InteractiveShell  # noqa: E402
from matplotlib import pyplot as plt  # noqa: E402

import course_utils.quality  # noqa: E402
import course_utils.widgets  # noqa: E402, F401
from copies import train_less  # noqa: E402
from course_files import read, shipped, sources  # noqa: E402
from course_utils import colab  # noqa: E402
from exercises import find_exercises, load_checks, reference_text  # noqa: E402

SHARE = 0.01  # of the training


class Shell(InteractiveShell):
    """Runs cells, and remembers what raised; a widget shows its errors and goes on."""

    ask_exit = sys.exit  # a kernel has it, and the sandbox of the checks takes it away

    def showtraceback(self, *args, **kwargs):
        self.errors.append(sys.exc_info()[1])


def solved(number):
    """Return the code cells, with the reference in place of every stub, and less to train."""
    (source,) = sources([number])
    notebook = read(shipped(source.stem))
    exercises = load_checks().EXERCISES
    places = find_exercises(notebook)
    for name, place in places.items():
        notebook.cells[place.stub].source = reference_text(exercises[name])
    # The solutions are the same code again, in closed cells.
    left_out = {notebook.cells[place.solution].id for place in places.values()}
    cells = [c for c in train_less(notebook, SHARE, compared=False).cells if c.cell_type == "code"]
    return [cell for cell in cells if cell.id not in left_out]


def run(cells):
    """Run the cells; return the errors that no cell is meant to raise, each with its cell."""
    shell, raised = Shell.instance(), []
    shell.register_magic_function(load_checks().bug_hunt_magic, "cell", "bug_hunt")
    for cell in cells:
        shell.errors, begun = [], time.process_time()
        shell.run_cell(cell.source)
        plt.close("all")
        if "raises-exception" not in cell.metadata.get("tags", []):
            raised += [(cell.source, error) for error in shell.errors]
        if (took := time.process_time() - begun) > 2:
            print(f"[{took:.1f} s of the CPU] {cell.source.splitlines()[0]}", file=sys.stderr)
    return raised


def on_the_gpu(number, folder):
    """Run a notebook in a folder of its own; tell of each error, and return how many there are."""
    cells = solved(number)
    folder.mkdir(parents=True)
    for part in ("course_utils", "notebooks"):  # so that nothing is fetched
        (folder / part).symlink_to(ROOT / part)
    os.chdir(folder)
    device, machine = believe(), colab.Machine
    colab.Machine = lambda _, *rest: machine(device, *rest)
    # The device isn't called "cuda". The digits are there without a network.
    machine.has_gpu, machine.data = True, "digits"
    raised = run(cells)
    for source, error in raised:
        print(f"\n## notebook {number}, the cell\n{source}\n", file=sys.stderr)
        traceback.print_exception(error, limit=-4)
    return len(raised)


def main():
    folder, numbers, failed = Path(sys.argv[1]).resolve(), sys.argv[2:], False
    load_checks()
    for number in numbers:
        # Importing takes longer than some notebooks: it's done once, and a copy of this process
        # goes on from here.
        if not (child := os.fork()):
            code = 1
            try:
                code = min(1, on_the_gpu(number, folder / number))
            finally:
                sys.stdout.flush()
                os._exit(code)
        failed |= os.waitpid(child, 0)[1] != 0
    sys.exit(failed)


if __name__ == "__main__":
    main()
