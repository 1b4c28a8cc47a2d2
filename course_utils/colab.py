"""Where a notebook runs, and what it can afford there."""

import os
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Machine:
    """The computer that runs the notebook."""

    device: torch.device
    name: str

    @property
    def has_gpu(self):
        return self.device.type == "cuda"

    @property
    def data(self):
        """The data set that suits it, if the reader chooses none."""
        return "fashion_mnist" if self.has_gpu else "digits"

    def budget(self, cpu, gpu):
        """Return the number of training steps for this machine.

        The environment variable COURSE_BUDGET, 1 where it is not set, makes it more or less.
        """
        share = float(os.environ.get("COURSE_BUDGET", 1))
        return round(share * (gpu if self.has_gpu else cpu))


def start():
    """Find the GPU if there is one, say in one line what was found, and return the Machine."""
    if torch.cuda.is_available():
        machine = Machine(torch.device("cuda"), torch.cuda.get_device_name())
    else:
        machine = Machine(torch.device("cpu"), f"CPU, {torch.get_num_threads()} threads")
    print(f"Ready: {machine.name}; torch {torch.__version__}; default data: {machine.data}.")
    return machine
