"""What an attempt computes with, how large a tensor it makes, and how often it reads a number."""

import torch

from course_utils.checks.engine.fake_device import COPIES, DispatchMode
from course_utils.checks.engine.values import tensors


class Watch(DispatchMode):
    """While it is entered, see what is computed.

    places   where the numbers lie that something is computed with
    largest  how many numbers the largest tensor has that is made; views and copies do not count
    reads    how many numbers are read out of tensors: for each, a program waits for its GPU
    """

    def __init__(self):
        super().__init__()
        self.places, self.largest, self.reads = set(), 0, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **kwargs or {})
        given = {place(x) for x in tensors((args, kwargs))}
        self.places |= given
        if func.overloadpacket not in COPIES:
            made = (x.numel() for x in tensors(result) if place(x) not in given)
            self.largest = max([self.largest, *made])
        self.reads += func is torch.ops.aten._local_scalar_dense.default
        return result

    def calling(self, function):
        """Return what calls a function and watches it, and nothing that is done around the call."""

        def watched(*args):
            with self:
                return function(*args)

        return watched


def place(x):
    """Where the numbers of a tensor lie: the same for a tensor and its views."""
    return x.untyped_storage().data_ptr()
