"""Numbers that an attempt returns or keeps: plain ones, NumPy's, or a tensor with one in it."""

import math
from numbers import Real

import torch


def as_float(value):
    """A number, in a tensor or not, as a float; anything else as it is. NaN and infinity become
    words: then two wrong answers that give them are the same."""
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        value = value.item()
    if not isinstance(value, Real):
        return value
    return round(float(value), 6) if math.isfinite(value) else str(float(value))


def note_number(probe, what, value, look):
    """Write down a number, in a tensor or not. The advice is for numbers that are wrong."""
    number = as_float(value)
    probe.note(what, number, look=look if isinstance(number, float) else "")


def note_plain(probe, values):
    """Write down whether numbers are plain ones, once they are compared."""
    probe.note(
        "plain numbers", not any(isinstance(value, torch.Tensor) for value in values),
        "The numbers are right, but they are in tensors, and plain floats are wanted.",
        ".item() takes the number out of a tensor that holds just one.",
    )  # fmt: skip
