"""The record of a run as a picture: the U with its shapes, its skips, and where it failed."""

import textwrap
from dataclasses import dataclass

import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, Rectangle

from course_utils.plots.colours import BLUE, GREY, INK, ORANGE, PALE, RED
from course_utils.shapes.calls import JOINING, UPWARD, given
from course_utils.shapes.cause import cause
from course_utils.shapes.record import Seen, record

MAPS = JOINING | UPWARD | {"conv2d", "max_pool2d", "avg_pool2d"}


@dataclass
class Column:
    """A stack of feature maps in the picture: all that follow one another with the same shape."""

    shape: tuple  # (C, H, W)
    colour: str
    numbers: set  # of the tensors that it stands for
    skip: int | None = None  # which column a concatenation took in
    rising: bool = False  # on the right side of the U
    failed: bool = False


def draw_u(model, *inputs, **named):
    """Run a network once, forward, and draw the shapes of its feature maps, from left to right.

    (B, C, H, W), (B,) -> figure

    The smaller a map, the lower it stands; grey arrows are skips. If the run fails, the place is
    red and the cause stands below. It takes what trace takes, and leaves as little behind.
    """
    return draw(record(model, *inputs, **named))


def draw(run):
    """Draw the U of a run that was recorded.

    () -> figure
    """
    columns = columns_of(run)
    sizes = sorted({c.shape[1] for c in columns}, reverse=True)
    most = max((c.shape[0] for c in columns), default=1)
    wide = max(6.0, 0.62 * len(columns) + 1.2)
    figure, ax = plt.subplots(figsize=(wide, 1.15 * len(sizes) + 1.4))
    tops = {size: -1.25 * level for level, size in enumerate(sizes)}
    heights = [tops[column.shape[1]] for column in columns]
    ax.plot(range(len(columns)), heights, color=PALE, lw=1.2, zorder=0)
    for x, (y, column) in enumerate(zip(heights, columns)):
        draw_column(ax, x, y, column, sizes, most)
        if column.skip is not None:
            draw_skip(ax, (column.skip, heights[column.skip]), (x, y), column.failed)
    ax.set_xlim(-0.8, len(columns) - 0.2)
    ax.set_ylim(min(tops.values(), default=0) - 1.0, 0.9)
    ax.axis("off")
    if run.error:
        words = textwrap.fill(cause(run), int(13 * wide))
        figure.text(0.02, 0.0, words, color=RED, fontsize=9, va="top")
    figure.tight_layout(pad=0.3)
    return figure


def columns_of(run):
    """Return the columns of a run, in the order in which they were made."""
    columns = []
    for seen in run.inputs:
        if isinstance(seen, Seen) and len(seen.shape) == 4:
            columns.append(Column(seen.shape[1:], INK, {seen.number}))
            break
    rising = False
    for call in run.calls:
        made = call.returned
        if not isinstance(made, Seen) or len(made.shape) != 4:
            continue
        rising |= call.op in UPWARD | JOINING
        if call.op in MAPS and (is_new(made, columns) or call.op in JOINING):
            column = Column(
                made.shape[1:], ORANGE if rising else BLUE, {made.number}, rising=rising
            )
            column.skip = taken_in(call, columns)
            columns.append(column)
        elif columns and columns[-1].shape == made.shape[1:]:
            columns[-1].numbers.add(made.number)
    if run.failed and run.error:
        mark_failure(run.failed, columns, rising)
    return columns


def is_new(made, columns):
    return not columns or columns[-1].shape != made.shape[1:]


def taken_in(call, columns):
    """Return the column of the older tensor of a concatenation, if it is one of them."""
    if call.op not in JOINING:
        return None
    old = min((s.number for s in given(call)), default=None)
    return next((i for i, c in enumerate(columns) if old in c.numbers), None)


def mark_failure(call, columns, rising):
    """Put a red column where an operation failed, as large as what it was given."""
    maps = [s for s in given(call) if len(s.shape) == 4]
    if call.op.startswith("conv"):
        maps = maps[:1]  # the other is the weight
    if maps:
        newest = max(maps, key=lambda s: s.number)
        skip = taken_in(call, columns)
        columns.append(Column(newest.shape[1:], RED, set(), skip, rising, failed=True))
    elif columns:
        columns[-1].failed, columns[-1].colour = True, RED


def draw_column(ax, x, y, column, sizes, most):
    channels, height, width = column.shape
    level = sizes.index(height)
    high = 0.95 * 0.82**level
    wide = 0.12 + 0.38 * (channels / most) ** 0.5
    ax.add_patch(Rectangle((x - wide / 2, y - high / 2), wide, high, color=column.colour, zorder=2))
    text = f"{channels} x {height} x {width}"
    ink = RED if column.failed else INK
    side, slope = ("left", -35) if column.rising else ("right", 35)
    low = y - high / 2 - 0.06
    ax.text(x, low, text, fontsize=7, rotation=slope, ha=side, va="top", color=ink)
    if column.failed:
        ax.text(x, y + high / 2 + 0.05, "fails", fontsize=9, ha="center", color=RED)


def draw_skip(ax, start, end, failed):
    (x0, y0), (x1, y1) = start, end
    ax.add_patch(
        FancyArrowPatch(
            (x0 + 0.3, y0 + 0.25), (x1 - 0.3, y1 + 0.25), arrowstyle="-|>", mutation_scale=10,
            lw=1.4, color=RED if failed else GREY, zorder=1,
            shrinkA=0, shrinkB=0,
        )
    )  # fmt: skip
