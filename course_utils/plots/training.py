"""Pictures of a training run."""

import matplotlib.pyplot as plt
import torch

from course_utils.plots.colours import BLUE, GREY, LINES, PALE_BLUE
from course_utils.plots.style import plain_log


def loss_curve(losses, window=50):
    """Draw the loss of every step, and its mean over a window with the step in its middle.

    () -> figure
    """
    figure, ax = axes_for_losses()
    losses = torch.as_tensor(losses)
    ax.plot(losses, color=GREY, lw=0.6, label="each step")
    means = losses.unfold(0, min(window, len(losses)), 1).mean(dim=1)
    begin = (len(losses) - len(means)) // 2
    ax.plot(range(begin, begin + len(means)), means, color=BLUE, label=f"mean of {window}")
    return finished(figure)


def loss_curves(runs):
    """Draw the losses of several runs; the first is broad, for others may lie on it.

    {name: losses} -> figure

    A run that is shorter than the first ends where that ends: it was resumed.
    """
    figure, ax = axes_for_losses()
    steps = max(map(len, runs.values()))
    for (name, losses), style in zip(runs.items(), ("-", *LINES)):
        broad = {"color": PALE_BLUE, "lw": 5} if losses is next(iter(runs.values())) else {}
        ax.plot(range(steps - len(losses) + 1, steps + 1), losses, style, label=name, **broad)
    return finished(figure)


def axes_for_losses():
    return plt.subplots(figsize=(7.5, 2.8), layout="constrained")


def finished(figure):
    (ax,) = figure.axes
    plain_log(ax.yaxis)
    ax.set(xlabel="step", ylabel="loss")
    ax.legend()
    return figure
