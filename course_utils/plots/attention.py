"""Where attention looks, and what it costs."""

import matplotlib.pyplot as plt

from course_utils.plots.colours import AMOUNT, GREY, MARKERS, mark
from course_utils.plots.pictures import frame, show
from course_utils.plots.style import plain_log


def attention_maps(image, weights, row, column, size=2.1):
    """Draw a picture, and how much of each of its pixels the pixel at (row, column) takes.

    (C, H, W), (heads, N, N) -> figure

    The N tokens are those of a square map, which may be smaller than the picture. Each head is
    drawn from 0 to its own largest share; the title says how many times the even share that is.
    """
    n = weights.shape[-1]
    side = round(n**0.5)
    shares = weights.detach().cpu()[:, row * side + column].view(-1, side, side)
    figure, axes = plt.subplots(
        1, len(shares) + 1, figsize=(size * (len(shares) + 1), size + 0.35), layout="constrained"
    )
    show(axes[0], image)
    axes[0].images[0].set_extent((-0.5, side - 0.5, side - 0.5, -0.5))
    axes[0].set_title(f"row {row}, column {column}")
    for head, (ax, share) in enumerate(zip(axes[1:], shares)):
        ax.imshow(share.numpy(), cmap=AMOUNT, vmin=0, interpolation="nearest")
        ax.set_title(f"head {head}: up to {share.max() * n:.1f} x even")
        frame(ax)
    for ax in axes:
        mark(ax, row, column, 1, 1)
    return figure


def cost_curves(tokens, panels, size=3.3):
    """Draw what attention costs against the number of tokens, both in powers of ten.

    [N, ...], {title: {name: [cost, ...]}} -> figure

    The grey line in each panel grows with N squared.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(1.35 * size * len(panels), size), squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for ax, (title, curves) in zip(axes[0], panels.items()):
        for marker, (name, costs) in zip(MARKERS, curves.items()):
            ax.plot(tokens, costs, marker=marker, label=name)
        top = max(costs[-1] for costs in curves.values())
        squares = [top * 1.6 * (n / tokens[-1]) ** 2 for n in tokens]
        ax.plot(tokens, squares, color=GREY, ls=":", label="N squared")
        ax.set_ylim(bottom=min(min(costs) for costs in curves.values()) / 2)
        plain_log(ax.xaxis)
        plain_log(ax.yaxis)
        ax.set_xticks(tokens, [str(n) for n in tokens])
        ax.minorticks_off()
        ax.set_xlabel("tokens N")
        ax.set_title(title)
    axes[0, 0].legend()
    return figure
