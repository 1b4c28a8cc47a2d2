"""The U as a picture, with the shape of every tensor on it."""

import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, Rectangle

from course_utils.plots.colours import BLUE, GREY, INK, ORANGE, PALE, PURPLE, SLATE

COLOURS = {"encoder": BLUE, "decoder": ORANGE, "time": PURPLE, "skips": SLATE}


def draw_u(in_ch=1, size=16, chs=(32, 64, 128), highlight=None):
    """Draw the tutorial network; with highlight, all but one of its parts are pale.

    () -> figure

    highlight is "time", "block", "encoder", "decoder" or "skips". Columns stand for the tensors
    that the blocks return: as high as the picture is, and the wider the more channels.
    """
    n = len(chs) - 1
    figure, ax = plt.subplots(figsize=(9.2, 1.5 * (n + 1) + 0.7))

    def colour(part, block=False):
        wanted = highlight in (None, part) or (highlight == "block" and block)
        return COLOURS[part] if wanted else PALE

    left = [(2.0 + 1.5 * i, -1.7 * i) for i in range(n)]
    right = [(12.0 - x, y) for x, y in left]
    bottom = (6.0, -1.7 * n)
    shapes = [f"{ch} x {size // 2**i} x {size // 2**i}" for i, ch in enumerate(chs)]
    for i in range(n):
        column(ax, left[i], i, shapes[i], "left", colour("encoder", block=True))
        column(ax, right[i], i, shapes[i], "right", colour("decoder", block=True))
        arrow(ax, beside(left[i], 0.4), beside(right[i], -0.4), colour("skips"))
        ax.text(6.0, left[i][1] + 0.1, f"skip {i}", ha="center", fontsize=8, color=INK)
    column(ax, bottom, n, shapes[n], "below", colour("encoder", block=True))
    for i, (a, b) in enumerate(zip(left, [*left[1:], bottom])):
        arrow(ax, (a[0], a[1] - 0.65 * 0.8**i), beside(b, -0.45, 0.1), colour("encoder"))
    for i, (a, b) in enumerate(zip(right, [*right[1:], bottom])):
        arrow(ax, beside(b, 0.45, 0.1), (a[0], a[1] - 0.65 * 0.8**i), colour("decoder"))
    ends(ax, f"{in_ch} x {size} x {size}", GREY if highlight is None else PALE)
    arrow(ax, (0.25, 0), beside(left[0], -0.25), colour("encoder"))
    arrow(ax, beside(right[0], 0.25), (11.75, 0), colour("decoder"))
    time_bar(ax, colour("time"))
    ax.set_xlim(-0.8, 12.8)
    ax.set_ylim(bottom[1] - 1.0, 1.9)
    ax.axis("off")
    figure.tight_layout(pad=0.2)
    return figure


def column(ax, point, level, text, side, colour):
    """Draw a tensor with its shape: lower and wider the deeper it lies."""
    (x, y), high, wide = point, 1.2 * 0.8**level, 0.3 * 1.25**level
    ax.add_patch(Rectangle((x - wide / 2, y - high / 2), wide, high, color=colour, zorder=2))
    at = {"left": (x - wide, "right"), "right": (x + wide, "left"), "below": (x, "center")}
    where, align = at[side]
    low = y - high / 2 - (0.08 if side == "below" else 0)
    ax.text(where, low, text, ha=align, va="top" if side == "below" else "bottom", fontsize=8.5)


def ends(ax, shape, colour):
    """Draw what goes in and what comes out."""
    for x, name in ((0.0, "noisy picture"), (12.0, "prediction")):
        ax.add_patch(Rectangle((x - 0.12, -0.6), 0.24, 1.2, color=colour, zorder=2))
        ax.text(x, 0.68, name, ha="center", fontsize=9)
        ax.text(x, -0.68, shape, ha="center", va="top", fontsize=8.5)


def time_bar(ax, colour):
    """Draw the time embedding, which goes to every block."""
    ax.add_patch(Rectangle((3.0, 1.3), 6.0, 0.4, color=colour, zorder=2))
    ink = SLATE if colour == PALE else "white"
    words = "t  →  time embedding  →  every block"
    ax.text(6.0, 1.49, words, ha="center", va="center", fontsize=9, color=ink, zorder=3)


def arrow(ax, start, end, colour):
    style = {"arrowstyle": "-|>", "mutation_scale": 11, "lw": 1.6, "color": colour, "zorder": 1}
    ax.add_patch(FancyArrowPatch(start, end, shrinkA=0, shrinkB=0, **style))


def beside(point, dx, dy=0.0):
    return point[0] + dx, point[1] + dy
