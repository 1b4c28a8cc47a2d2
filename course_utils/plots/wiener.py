"""Pictures of the Wiener filter: its axes, what it keeps, and how other denoisers compare."""

from itertools import cycle

import matplotlib.pyplot as plt
import torch

from course_utils.plots.colours import BLUE, INK, LINES, MARKERS, ORANGE, PALE_BLUE
from course_utils.plots.pictures import show
from course_utils.plots.style import plain_log


def clouds(panels, mean, U, LA):
    """Draw clouds of points, each with the same two axes through the mean.

    {title: (N, 2)}, (2,), (2, 2), (2,) -> figure

    The axes are the columns of U, on either side as long as two standard deviations.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(3.1 * len(panels), 3.2), sharex=True, sharey=True,
        layout="constrained",
    )  # fmt: skip
    middle, ends = mean.cpu(), (2 * LA.sqrt() * U).T.cpu()
    for ax, (title, points) in zip(axes, panels.items()):
        ax.scatter(*points.cpu().T, s=5, alpha=0.35, color=BLUE, lw=0)
        for end, colour in zip(ends, (ORANGE, INK)):
            ax.plot(*torch.stack([middle - end, middle + end]).T, color=colour, lw=2)
        ax.set(aspect="equal", title=title, xlabel="pixel")
    axes[0].set_ylabel("its right neighbour")
    return figure


def spectrum(LA, sigmas):
    """Draw the variance along each principal component, and how much is kept at some sigmas.

    (n,) -> figure
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.2), layout="constrained")
    numbers, LA = range(1, len(LA) + 1), LA.cpu()
    left.plot(numbers, LA, color=INK)
    for sigma, style in zip(sigmas, LINES):
        (line,) = right.plot(numbers, LA / (LA + sigma**2), style, label=f"sigma = {sigma:g}")
        left.axhline(sigma**2, color=line.get_color(), ls=style)
        left.text(len(LA), sigma**2 * 1.3, f"sigma = {sigma:g}", ha="right", fontsize=8)
    plain_log(left.yaxis)
    left.set_ylim(bottom=1e-4)
    left.set(xlabel="component", title="variance of the digits, and of the noise")
    right.set(xlabel="component", title="how much is kept", ylim=(0, 1.02))
    right.legend()
    return figure


def shrink_picture(kept, rows, labels):
    """Draw rows of images, and beside them how much is kept along each principal component.

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
    ax.set_xlabel("component")
    ax.set_title("how much is kept")
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
