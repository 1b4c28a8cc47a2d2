"""Pictures of the Wiener filter: how much it keeps, what comes out, and how others compare."""

from itertools import cycle

import matplotlib.pyplot as plt

from course_utils.plots.colours import LINES, MARKERS, PALE_BLUE
from course_utils.plots.pictures import show


def shrink_picture(kept, rows, labels):
    """Draw rows of images, and beside them how much is kept along each eigenimage.

    (n,), list of (N, C, H, W) -> figure
    """
    columns = len(rows[0])
    figure = plt.figure(figsize=(0.8 * columns + 3.4, 0.9 * len(rows) + 0.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[0.8 * columns, 3.4])
    for axes, row, label in zip(left.subplots(len(rows), columns, squeeze=False), rows, labels):
        for ax, image in zip(axes, row):
            show(ax, image)
        axes[0].set_ylabel(label)
    ax = right.subplots()
    ax.fill_between(range(1, len(kept) + 1), kept, color=PALE_BLUE)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_ylim(0, 1)
    ax.set_xlabel("number of the eigenimage")
    ax.set_title("share that is kept")
    return figure


def error_curves(sigmas, errors):
    """Draw the denoising error of each denoiser over the noise level, as a share of the first's.

    () -> figure

    errors is {name: one error for each sigma}; the first is the straight line at 1.
    """
    figure, ax = plt.subplots(figsize=(8.5, 3.4), layout="constrained")
    first = next(iter(errors.values()))
    for (name, values), style, marker in zip(errors.items(), cycle(LINES), cycle(MARKERS)):
        shares = [v / f for v, f in zip(values, first)]
        ax.plot(sigmas, shares, style, marker=marker, ms=5, label=name)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(sigmas, [f"{sigma:g}" for sigma in sigmas])
    ax.minorticks_off()
    ax.set_yticks([0.5, 1, 2, 5], ["0.5", "1", "2", "5"])
    ax.set_ylim(0.4, 8)
    ax.set_xlabel("sigma")
    ax.set_ylabel(f"error / that of {next(iter(errors))}")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure
