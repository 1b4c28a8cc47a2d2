"""What one pixel of an output sees of the input."""

import matplotlib.pyplot as plt
from matplotlib.colors import LogNorm

from course_utils.plots.colours import AMOUNT, mark
from course_utils.plots.pictures import frame as bordered


def receptive_maps(fields, titles=None, size=2.3):
    """Draw how strongly one output pixel depends on each pixel of the input.

    [(H, W), ...] -> figure

    Each map is drawn in shares of its largest value, white where it is 0; the frame holds all
    that is not 0.
    """
    columns = len(fields)
    figure, axes = plt.subplots(
        1, columns, figsize=(size * columns + 0.9, size + 0.35), squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for ax, field, title in zip(axes[0], fields, titles or [None] * columns):
        field = field.detach().cpu()
        image = ax.imshow(
            (field / field.max()).where(field > 0, float("nan")).numpy(), cmap=AMOUNT,
            norm=LogNorm(1e-4, 1), interpolation="nearest",
        )  # fmt: skip
        top, left, high, wide = frame(field)
        mark(ax, top, left, high, wide)
        ax.set_title("\n".join(filter(None, [title, f"{high} x {wide}"])))
        bordered(ax)
    figure.colorbar(image, ax=list(axes[0]), label="share of the largest", pad=0.01, format="{x:g}")
    return figure


def frame(field):
    """Return where the part of a map that is not 0 begins, and its size: top, left, high, wide.

    (H, W) -> four ints
    """
    rows, columns = (field > 0).any(dim=1).nonzero(), (field > 0).any(dim=0).nonzero()
    if not len(rows):
        return 0, 0, 0, 0
    top, left = int(rows[0]), int(columns[0])
    return top, left, int(rows[-1]) - top + 1, int(columns[-1]) - left + 1
