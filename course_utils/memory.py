"""How much memory does a training step take at its height, and how much is free?"""

import weakref
from contextlib import contextmanager

import psutil
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def peak_memory(run, device):
    """Call run() and return the largest number of bytes that its new tensors held at one time.

    What was there before, such as the weights, is not counted. On a GPU it is what PyTorch's own
    counters say; on a CPU every operation is watched, which makes it slow.
    """
    if device.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    with LiveMemory() as live:
        run()
    return live.peak


def free_memory(device):
    """Return how many bytes are free on a device."""
    is_gpu = device.type == "cuda"
    return torch.cuda.mem_get_info(device)[0] if is_gpu else psutil.virtual_memory().available


def ensure_free(size, device, need, instead="make the pictures smaller"):
    """Raise MemoryError if size bytes are not free; need says what for, with {} for the size."""
    free = free_memory(torch.device(device))
    if size > free:
        raise MemoryError(
            f"{need.format(f'{size / 2**20:,.0f} MiB')}, and {free / 2**20:,.0f} MiB are free; "
            f"{instead}"
        )


@contextmanager
def told_when_full(what, instead):
    """Raise MemoryError with a sentence if the memory is full: what doesn't fit, and what would."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # For a GPU PyTorch has a class of its own; for a CPU it raises a plain RuntimeError.
        known = isinstance(error, (MemoryError, torch.OutOfMemoryError))
        if not known and "DefaultCPUAllocator" not in str(error):
            raise
        raise MemoryError(f"{what} does not fit into the memory; {instead}") from error


class LiveMemory(TorchDispatchMode):
    """While it is entered, count the bytes of all tensors that are made and still alive."""

    def __init__(self):
        super().__init__()
        self.known = weakref.WeakKeyDictionary()  # storage -> its bytes
        self.now = self.peak = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        for tensor in tree_leaves((args, kwargs)):
            if isinstance(tensor, torch.Tensor):  # of before: known, and not counted
                self.known.setdefault(tensor.untyped_storage(), 0)
        returned = func(*args, **kwargs or {})
        for tensor in tree_leaves(returned):
            if isinstance(tensor, torch.Tensor):
                self.count(tensor.untyped_storage())
        return returned

    def count(self, storage):
        if storage not in self.known:
            size = self.known[storage] = storage.nbytes()
            self.now += size
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self.free, size)

    def free(self, size):
        self.now -= size
