"""What exercises need in which an attempt changes what it is given, and returns nothing."""

from pathlib import Path

import torch
from torch import nn

from course_utils.checks.engine.values import describe


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
