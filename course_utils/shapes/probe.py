"""Does what a network says of one picture depend on the others of its batch?"""

import torch

from course_utils.shapes.record import as_it_was
from course_utils.shapes.run import leaves


def check_batch(model, *inputs, **named):
    """Raise ValueError if the first picture's result changes with the others, in eval mode.

    (B, ...), ... -> None

    The others are replaced by copies of the first, in all inputs with an axis for the batch. A
    network that normalises or attends over the batch fails. No rule sees that; this runs it twice.
    """
    everything = [*inputs, *named.values()]
    sizes = {x.shape[0] for x in leaves(everything, torch.Tensor) if x.ndim}
    if len(sizes) != 1 or sizes == {1}:
        raise ValueError(f"the inputs need one batch of two or more; they have {sorted(sizes)}")
    mode = model.training
    try:
        with torch.no_grad(), as_it_was(model, any(p.is_cuda for p in model.parameters())):
            model.eval()
            together = model(*inputs, **named)
            alone = model(*map(copied, inputs), **{n: copied(x) for n, x in named.items()})
    finally:
        model.train(mode)
    for one, other in zip(leaves(together, torch.Tensor), leaves(alone, torch.Tensor)):
        far = (one[0] - other[0]).abs().max().item()
        if far > 1e-4 * (1 + one[0].abs().max().item()):
            raise ValueError(
                f"what the network says of one picture depends on the others of its batch: with "
                f"others beside it, the result differs by {far:.3g}. Does something normalise, "
                f"attend or reshape over axis 0?"
            )


def copied(x):
    """The first of a batch, as often as the batch has pictures."""
    return x[:1].expand_as(x).clone() if isinstance(x, torch.Tensor) and x.ndim else x
