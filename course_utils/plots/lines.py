"""Curves over one axis."""

import matplotlib.pyplot as plt

from course_utils.plots.colours import LINES, MARKERS
from course_utils.plots.style import plain_log


def lines(x, values, xlabel, ylabel, log="", dots=False):
    """Draw several curves over the same x.

    {name: one number for each x} -> figure

    log names the axes that are logarithmic: "x", "y" or "xy". With dots, each number is marked.
    """
    figure, ax = plt.subplots(figsize=(7.5, 2.8), layout="constrained")
    for i, (name, y) in enumerate(values.items()):
        marker = MARKERS[i % len(MARKERS)] if dots else None
        ax.plot(x, y, LINES[i % len(LINES)], marker=marker, label=name)
    for axis in log:
        plain_log(getattr(ax, f"{axis}axis"))
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend()
    return figure
