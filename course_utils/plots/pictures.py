"""Rows and grids of images. Values are clipped to [-1, 1]; black is -1 and white is 1."""

import matplotlib.pyplot as plt
import torch
from einops import rearrange
from matplotlib.colors import to_rgb
from torch.nn import functional as F

from course_utils.plots.colours import PALE


def strip(images, titles=None, labels=None, size=1.1):
    """Draw rows of images side by side.

    (N, C, H, W), or a list of such for several rows -> figure

    titles stand above the first row, labels at the left of the rows. Smaller images are drawn as
    large as the largest.
    """
    rows = images if isinstance(images, (list, tuple)) else [images]
    columns, titles, labels = max(map(len, rows)), list(titles or []), list(labels or [])
    figure, ax = plt.subplots(
        figsize=(size * columns, size * len(rows) * 1.04 + 0.2 * bool(titles)), layout="constrained"
    )
    pixels, (down, across) = sheet(rows, columns)
    ax.imshow(pixels, interpolation="nearest")
    ax.set_frame_on(False)
    ax.tick_params(length=0, top=True, labeltop=True, labelbottom=False)
    look = {"size": plt.rcParams["axes.titlesize"], "color": plt.rcParams["axes.labelcolor"]}
    ax.set_xticks([(i + 0.5) * across for i in range(len(titles))], titles, **look)
    look |= {"rotation": 90, "va": "center"}
    ax.set_yticks([(i + 0.5) * down for i in range(len(labels))], labels, **look)
    return figure


def grid(images, columns=10, size=0.75):
    """Draw many images close together.

    (N, C, H, W) -> figure
    """
    rows = list(images.split(columns))
    figure = plt.figure(figsize=(size * columns, size * len(rows)), layout="none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.imshow(sheet(rows, columns)[0], interpolation="nearest")
    ax.axis("off")
    return figure


def sheet(rows, columns):
    """Paste rows of images on one sheet: that is drawn ten times as fast as forty pictures.

    list of (N, C, H, W) -> (H', W', 3), and how far apart the rows are and the columns, in pixels
    """
    high, wide = (max(row.shape[axis] for row in rows) for axis in (2, 3))
    gap = max(1, wide // 16)
    colour = torch.tensor(to_rgb(PALE)).view(3, 1, 1)
    tiles = colour.repeat(len(rows), columns, 1, high + gap, wide + gap)
    for tile, row in zip(tiles, rows):
        tile[: len(row), :, gap:, gap:] = F.interpolate(brightness(row), (high, wide))
        tile[len(row) :] = 1.0  # nothing is there
    pixels = rearrange(tiles, "row column c h w -> (row h) (column w) c")
    return pixels[gap:, gap:].numpy(), (high + gap, wide + gap)


def show(ax, image):
    """Draw one image of shape (C, H, W) into the axes."""
    pixels = brightness(image).permute(1, 2, 0).numpy()
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    frame(ax)


def brightness(images):
    """Return the values of images as brightness on the screen: from 0, black, to 1, white."""
    return (images.detach().float().cpu().clamp(-1, 1) + 1) / 2


def frame(ax):
    """Leave a thin frame around a picture, without numbers."""
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ax.spines.values():
        side.set(visible=True, color=PALE)
