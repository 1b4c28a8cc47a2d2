"""A trained network without one of its parts: what does it rely on?"""

from contextlib import contextmanager

import torch

PARTS = ("bottom", "skip 0", "time")


@contextmanager
def without(net, part):
    """Within this context, a part of the U-Net returns zeros; no weight changes.

    part is "bottom", "skip 0" or "time". The network's own children are told apart by what they
    return: the encoder (bottom, skips), the time embedding a matrix. Raises ValueError for another
    part.
    """
    if part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(PARTS)}; got {part!r}")

    def change(module, inputs, output):
        if part == "time" and torch.is_tensor(output) and output.ndim == 2:
            return torch.zeros_like(output)
        if part == "time" or torch.is_tensor(output):
            return output
        bottom, (first, *others) = output
        if part == "bottom":
            return torch.zeros_like(bottom), [first, *others]
        return bottom, [torch.zeros_like(first), *others]

    hooks = [child.register_forward_hook(change) for child in net.children()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
