"""What makes a program wait for its GPU: each number that it reads."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode


def count_reads(run):
    """Call run() and return how many numbers it read out of tensors.

    loss.item(), float(loss), if loss < 1 and print(loss) read; arithmetic does not. Work for a GPU
    is put into a queue, and whoever reads a result waits until the queue is done.
    """
    with Reads() as reads:
        run()
    return reads.count


class Reads(TorchDispatchMode):
    """While it is entered, count the reads."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **kwargs or {})
