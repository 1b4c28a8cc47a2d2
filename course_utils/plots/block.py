"""Pictures of what happens inside a block."""

import matplotlib.pyplot as plt

from course_utils.plots.colours import GREY, LINES, SIGNED
from course_utils.plots.pictures import frame, table


def curves(x, values, title):
    """Draw functions of x, and their gradients as autograd finds them.

    (N,), {name: function} -> figure
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 2.8), sharex=True, layout="constrained")
    for (name, function), style in zip(values.items(), LINES):
        at = x.clone().requires_grad_()
        y = function(at)
        y.sum().backward()
        axes[0].plot(x, y.detach(), style, label=name, lw=2)
        axes[1].plot(x, at.grad, style, label=name, lw=2)
    for ax, what in zip(axes, (title, "its gradient")):
        ax.set_title(what)
        ax.set_xlabel("x")
        ax.axhline(0, color=GREY, lw=0.6)
    axes[0].legend()
    return figure


def maps(rows, labels=None, titles=None, size=1.1, limit=None):
    """Draw feature maps: orange is positive, blue negative, white 0, one scale for each row.

    list of (N, H, W) -> figure

    With limit, the strongest colour stands for that value in all rows. A bar at the right of each
    row has the numbers.
    """
    drawn = []
    for row in rows:
        show = on_scale(limit or max(float(row.detach().abs().max()), 1e-6))
        drawn.append([(show, values) for values in row.detach().float().cpu()])
    return table(drawn, titles, labels, size, bars=True)


def on_scale(largest):
    """Return what draws a map whose strongest colour stands for this value."""

    def show(ax, values):
        ax.imshow(values.numpy(), cmap=SIGNED, vmin=-largest, vmax=largest)
        frame(ax)

    return show
