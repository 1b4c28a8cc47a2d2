"""Pictures of what happens inside a block."""

import matplotlib.pyplot as plt


def curves(x, values, title):
    """Draw functions of x, and their gradients as autograd finds them.

    (N,), {name: function} -> figure
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 2.8), sharex=True)
    for (name, function), style in zip(values.items(), ("-", "--", ":", "-.")):
        at = x.clone().requires_grad_()
        y = function(at)
        y.sum().backward()
        axes[0].plot(x, y.detach(), style, label=name, lw=2)
        axes[1].plot(x, at.grad, style, label=name, lw=2)
    for ax, what in zip(axes, (title, "its gradient")):
        ax.set_title(what, fontsize=10)
        ax.set_xlabel("x")
        ax.axhline(0, color="#94a3b8", lw=0.6)
    axes[0].legend(frameon=False)
    figure.tight_layout(pad=0.4)
    return figure


def maps(rows, labels=None, titles=None, size=1.1, limit=None):
    """Draw feature maps: red is positive, blue negative, white 0, one scale for each row.

    list of (N, H, W) -> figure

    With limit, the strongest colour stands for that value in all rows.
    """
    columns = max(len(row) for row in rows)
    figure, axes = plt.subplots(
        len(rows), columns, figsize=(size * columns, size * len(rows) * 1.08 + 0.25), squeeze=False
    )
    for r, row in enumerate(rows):
        largest = limit or max(float(row.detach().abs().max()), 1e-6)
        for ax in axes[r]:
            ax.set_xticks([])
            ax.set_yticks([])
        for ax, values in zip(axes[r], row.detach().float().cpu()):
            ax.imshow(values, cmap="RdBu_r", vmin=-largest, vmax=largest, interpolation="nearest")
        for ax in axes[r, len(row) :]:
            ax.axis("off")
        if labels:
            axes[r, 0].set_ylabel(labels[r], fontsize=9)
    for ax, title in zip(axes[0], titles or []):
        ax.set_title(title, fontsize=9)
    figure.tight_layout(pad=0.3)
    return figure
