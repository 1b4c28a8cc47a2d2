"""Where attention looks, and what it costs."""

import matplotlib.pyplot as plt

from course_utils.plots.colours import AMOUNT, GREY, MARKERS, mark
from course_utils.plots.pictures import frame, show
from course_utils.plots.style import plain_log


def attention_maps(image, weights, places, names=None, largest=None, size=2.1):
    """Draw a picture, and how much of each of its pixels the pixels at some places take.

    (C, H, W), (heads, N, N), [(row, column), ...] -> figure

    There is a row for each place. The N tokens are those of a square map, which may be smaller
    than the picture. All maps have one scale, up to the largest: 1 is an even share, 1/N. names are
    those of the maps.
    """
    n = weights.shape[-1]
    side = round(n**0.5)
    shares = n * weights.detach().cpu().view(-1, side, side, n)
    figure, axes = plt.subplots(
        len(places), len(shares) + 1, squeeze=False, layout="constrained",
        figsize=(size * (len(shares) + 1) + 0.9, (size + 0.1) * len(places) + 0.25),
    )  # fmt: skip
    chosen = [shares[:, row, column].view(-1, side, side) for row, column in places]
    largest = largest or max(float(maps.max()) for maps in chosen)
    for line, (row, column), maps in zip(axes, places, chosen):
        show(line[0], image)
        line[0].images[0].set_extent((-0.5, side - 0.5, side - 0.5, -0.5))
        line[0].set_title(f"row {row}, column {column}")
        for ax, share in zip(line[1:], maps):
            drawn = ax.imshow(share.numpy(), cmap=AMOUNT, vmin=0, vmax=largest)
            frame(ax)
        for ax in line:
            mark(ax, row, column, 1, 1)
    for ax, name in zip(axes[0, 1:], names or [f"head {i}" for i in range(len(shares))]):
        ax.set_title(name)
    bar = figure.colorbar(drawn, ax=axes[:, 1:], fraction=0.05, pad=0.02)
    bar.set_label("times an even share")
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
        ax.set_xticks(tokens, [f"{n:,}" for n in tokens])
        ax.minorticks_off()
        ax.set_xlabel("tokens N")
        ax.set_ylabel(title)
    axes[0, 0].legend()
    return figure
