"""Pictures of what happens inside a block."""

import matplotlib.pyplot as plt
from matplotlib.ticker import MaxNLocator

from course_utils.plots.colours import GREY, LINES, SIGNED
from course_utils.plots.pictures import frame


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
    columns = max(map(len, rows))
    figure, axes = plt.subplots(
        len(rows), columns, squeeze=False, layout="constrained",
        figsize=(size * columns + 0.5, size * len(rows) * 1.04 + 0.2 * bool(titles)),
    )  # fmt: skip
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0, hspace=0)
    for places, row in zip(axes, rows):
        largest = limit or max(float(row.detach().abs().max()), 1e-6)
        for ax, values in zip(places, row.detach().float().cpu()):
            ax.imshow(values.numpy(), cmap=SIGNED, vmin=-largest, vmax=largest)
            frame(ax)
        for ax in places[len(row) :]:
            ax.axis("off")
        bar = figure.colorbar(places[0].images[0], ax=list(places), pad=0.01, aspect=12)
        bar.locator = MaxNLocator(3)
        bar.outline.set_visible(False)
    for ax, label in zip(axes[:, 0], labels or []):
        ax.set_ylabel(label)
    for ax, title in zip(axes[0], titles or []):
        ax.set_title(title)
    return figure
