"""What several exercises of 07 note: what changed in place, what is returned, plain numbers."""

from pathlib import Path

import numpy
import torch
from torch import nn

from course_utils.checks.exercises.test_doubles import as_float
from course_utils.checks.parts import describe


class Net(nn.Module):
    """Layers in a row, with weights and buffers drawn; like a U-Net it can't be iterated."""

    def __init__(self, draw, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        with torch.no_grad():
            for x in [*self.parameters(), *self.buffers()]:
                x.copy_(draw(*x.shape))


def notes(probe, *rows):
    """Write down things: what each is, its value, what to say if it is wrong, where to look."""
    for row in rows:
        probe.note(*row)


def note_return(probe, returned, given, changes):
    """Write down whether the attempt returns nothing, or what it was given to change."""
    right = returned is None or returned is given or isinstance(returned, Path)
    probe.note(
        "what your function returns", "" if right else describe(returned),
        f"Your function returns {describe(returned)}. It should change {changes} and return "
        f"nothing.",
        "Leave the return out.",
    )  # fmt: skip


def copies(tensors):
    return [x.detach().clone() for x in tensors]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def note_number(probe, what, value, look):
    """Write down a number, in a tensor or not. The advice is for numbers that are wrong."""
    number = as_float(value)
    probe.note(what, number, look=look if isinstance(number, float) else "")


def note_plain(probe, values):
    """Write down whether numbers are plain ones, once they are compared."""
    plain = not any(isinstance(value, torch.Tensor) or numpy.ndim(value) for value in values)
    told = "The numbers are right, but they are in tensors, and plain floats are wanted."
    look = ".item() takes the number out of a tensor that holds just one."
    probe.note("plain numbers", plain, told, look)
