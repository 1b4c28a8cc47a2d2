"""Pictures of numbers of 32 and of 16 bits."""

import math

import matplotlib.pyplot as plt
import torch

from course_utils.plots.colours import BLUE, PALE, PALE_BLUE, RED
from course_utils.precision import PRECISIONS


def number_lines(low, high, marked):
    """Draw every number between two limits that each type has, and mark one place.

    () -> figure
    """
    figure, ax = plt.subplots(figsize=(8, 0.4 * len(PRECISIONS) + 0.6), layout="constrained")
    for row, dtype in enumerate(PRECISIONS.values()):
        step = torch.finfo(dtype).eps * 2.0 ** math.floor(math.log2(low))
        if (high - low) / step > 500:  # too many to tell apart
            ax.barh(row, high - low, left=low, height=0.5, color=BLUE)
        else:
            numbers = [low + i * step for i in range(int((high - low) / step) + 1)]
            ax.vlines(numbers, row - 0.25, row + 0.25, color=BLUE, lw=1.4)
    ax.axvline(marked, color=RED, lw=1)
    ax.set_xlim(low - 0.02 * (high - low), high)
    ax.set_yticks(range(len(PRECISIONS)), PRECISIONS)
    ax.invert_yaxis()
    ax.ticklabel_format(axis="x", useOffset=False)
    return figure


def gradient_histograms(rows):
    """Draw the sizes of the nonzero numbers of some tensors over the range of fp16.

    {title: tensor} -> figure
    """
    least, normal, largest = limits(torch.float16)
    size = 8, 1.35 * len(rows) + 0.4
    how = {"sharex": True, "squeeze": False, "layout": "constrained"}
    figure, axes = plt.subplots(len(rows), 1, figsize=size, **how)
    low, high = -48, 24
    parts = [(low, least - 1, RED, "becomes 0"), (least - 1, normal, PALE_BLUE, "fewer digits"),
             (normal, largest, PALE, "all digits"), (largest, high, RED, "inf")]  # fmt: skip
    for ax, (title, values) in zip(axes[:, 0], rows.items()):
        for left, right, colour, word in parts:
            ax.axvspan(left, right, color=colour, alpha=0.35, lw=0)
            ax.text((left + right) / 2, 0.97, word, transform=ax.get_xaxis_transform(),
                    ha="center", va="top", fontsize=8)  # fmt: skip
        sizes = values[values != 0].abs().log2().clamp(low, high).cpu()
        counts = sizes.histc(bins=2 * (high - low), min=low, max=high)
        middles = (torch.arange(low, high, 0.5) + 0.25).numpy()
        ax.bar(middles, (counts / len(sizes)).numpy(), width=0.5, color=BLUE)
        ax.set_title(title, fontsize=9, loc="left")
        ax.set_yticks([])
        ax.set_ylim(top=1.35 * float(counts.max()) / len(sizes))
        ax.set_xlim(low, high)
    ax.set_xticks(range(low, high + 1, 8), [f"$2^{{{e}}}$" for e in range(low, high + 1, 8)])
    ax.set_xlabel("size")
    return figure


def limits(dtype):
    """The powers of two of the least number above 0, the least normal one, and the largest."""
    numbers = torch.finfo(dtype)
    normal = math.log2(numbers.smallest_normal)
    return normal + math.log2(numbers.eps), normal, math.log2(numbers.max)
