"""Less memory for more time: what a block computed is not kept, but computed once more."""

from contextlib import contextmanager, nullcontext
from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint

from course_utils.blocks import ConvBlock, ResBlock


def recompute_blocks(model, kinds=(ConvBlock, ResBlock)):
    """Let each block of these kinds keep its inputs alone until the backward pass; return model.

    UNet -> UNet

    In the backward pass a block runs again, to have what its gradient needs. The gradients are the
    same; BatchNorm's running statistics see each batch once.
    Source: "Training Deep Nets with Sublinear Memory Cost" (2016).
    """
    for block in model.modules():
        if isinstance(block, kinds):
            block.forward = partial(
                checkpoint, block.forward, use_reentrant=False, context_fn=partial(contexts, block)
            )
    return model


def contexts(block):
    """Return what surrounds the first run of a block, and what surrounds the second."""
    return nullcontext(), norms_at_rest(block)


@contextmanager
def norms_at_rest(block):
    """Inside, BatchNorm does not count the batch."""
    norms = [m for m in block.modules() if isinstance(m, nn.BatchNorm2d)]
    before = [(norm.momentum, norm.num_batches_tracked.clone()) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before):
            norm.momentum = momentum
            norm.num_batches_tracked.copy_(count)
