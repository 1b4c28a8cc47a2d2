"""Rows and grids of images. Values are clipped to [-1, 1]; black is -1 and white is 1."""

import matplotlib.pyplot as plt
from matplotlib.ticker import MaxNLocator

from course_utils.plots.colours import PALE


def strip(images, titles=None, labels=None, size=1.1):
    """Draw rows of images side by side.

    (N, C, H, W), or a list of such for several rows -> figure

    titles stand above the first row, labels at the left of the rows.
    """
    rows = images if isinstance(images, (list, tuple)) else [images]
    return table([[(show, image) for image in row] for row in rows], titles, labels, size)


def table(rows, titles=None, labels=None, size=1.1, bars=False):
    """Draw rows of pictures, each given as (draw, what): draw(ax, what) is called.

    () -> figure

    With bars, each row has a bar with the numbers of its colours.
    """
    columns = max(len(row) for row in rows)
    figure, axes = plt.subplots(
        len(rows), columns, squeeze=False, layout="constrained",
        figsize=(size * columns + 0.5 * bars, size * len(rows) * 1.04 + 0.2 * bool(titles)),
    )  # fmt: skip
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0, hspace=0)
    for r, row in enumerate(rows):
        for ax, (draw, what) in zip(axes[r], row):
            draw(ax, what)
        for ax in axes[r, len(row) :]:
            ax.axis("off")
        if labels:
            axes[r, 0].set_ylabel(labels[r])
        if bars:
            bar = figure.colorbar(axes[r, 0].images[0], ax=list(axes[r]), pad=0.01, aspect=12)
            bar.locator = MaxNLocator(3)
            bar.outline.set_visible(False)
    for ax, title in zip(axes[0], titles or []):
        ax.set_title(title)
    return figure


def grid(images, columns=10, size=0.75):
    """Draw many images close together.

    (N, C, H, W) -> figure
    """
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(size * columns, size * rows), squeeze=False, layout="none",
        gridspec_kw={"wspace": 0.06, "hspace": 0.06},
    )  # fmt: skip
    for ax in axes.flat:
        ax.axis("off")
    for ax, image in zip(axes.flat, images):
        show(ax, image)
    figure.subplots_adjust(0, 0, 1, 1)
    return figure


def show(ax, image):
    """Draw one image of shape (C, H, W) into the axes."""
    pixels = ((image.detach().float().cpu().clamp(-1, 1) + 1) / 2).permute(1, 2, 0).numpy()
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    frame(ax)


def frame(ax):
    """Leave a thin frame around a picture, without numbers."""
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ax.spines.values():
        side.set(visible=True, color=PALE)
