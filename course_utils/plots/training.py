"""Pictures of a training run."""

import matplotlib.pyplot as plt
import torch
from matplotlib.ticker import LogLocator

from course_utils.plots.colours import BLUE, GREY


def loss_curve(losses, window=50):
    """Draw the loss of every step, and its mean over a window.

    () -> figure
    """
    figure, ax = plt.subplots(figsize=(7, 2.6))
    losses = torch.as_tensor(losses)
    ax.plot(losses, color=GREY, lw=0.6, label="each step")
    means = losses.unfold(0, min(window, len(losses)), 1).mean(dim=1)
    ax.plot(range(len(losses) - len(means), len(losses)), means, color=BLUE,
            label=f"mean of {window}")  # fmt: skip
    ax.set_yscale("log")
    ax.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter("{x:g}")
    ax.set_xlabel("step")
    ax.set_ylabel("loss")
    ax.legend(frameon=False)
    figure.tight_layout(pad=0.4)
    return figure
