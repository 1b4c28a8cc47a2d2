"""Where a notebook runs, and what it can afford there."""

import os
import sys
from dataclasses import dataclass

import torch

from course_utils import drive
from course_utils.plots.style import set_style


@dataclass(frozen=True)
class Machine:
    """The computer that runs the notebook."""

    device: torch.device
    name: str

    @property
    def has_gpu(self):
        return self.device.type == "cuda"

    def budget(self, cpu, gpu):
        """Return the number of training steps for this machine.

        The environment variable COURSE_BUDGET, 1 where it is not set, makes it more or less.
        """
        share = float(os.environ.get("COURSE_BUDGET", 1))
        return round(share * (gpu if self.has_gpu else cpu))


def start(keep_on_drive=False):
    """Find the GPU if there is one, say in one line what was found, and return the Machine.

    Pictures are drawn in the course's style from now on.

    With keep_on_drive, on Colab, the reader's files are kept on Google Drive.
    """
    set_style()
    if keep_on_drive:
        drive.mount()
    if torch.cuda.is_available():
        machine = Machine(torch.device("cuda"), torch.cuda.get_device_name())
    else:
        machine = Machine(torch.device("cpu"), f"CPU, {torch.get_num_threads()} threads")
    kept = f"your work is kept {drive.where()}"
    print(f"Ready: {machine.name}; torch {torch.__version__}; {kept}.")
    return machine


def no_torchsummary(*model, **settings):
    """Stand in for torchsummary's summary where that package is not installed, and say so."""
    print(
        "torchsummary is not installed on this machine, so its table is left out; the notebook's "
        "page on GitHub has it. To see it here, run %pip install torchsummary and restart.",
        file=sys.stderr,  # which shows where a cell catches what is printed
    )
