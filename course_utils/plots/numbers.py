"""Maps of numbers, one square for each."""

import matplotlib.pyplot as plt
from matplotlib.ticker import MaxNLocator

from course_utils.plots.colours import AMOUNT, SIGNED


def number_maps(values, titles=None, size=2.9):
    """Draw maps side by side in the same colours, with the numbers written on them.

    (H, W), or a list of such for several -> figure

    Where all numbers are at least 0, the colours go from dark (0) to bright; else from blue
    (negative) over white (0) to orange.
    """
    maps = [m.detach().cpu() for m in (values if isinstance(values, (list, tuple)) else [values])]
    low, high = min(float(m.min()) for m in maps), max(float(m.max()) for m in maps)
    limit = max(high, -low, 1e-6)
    colours = (SIGNED, -limit) if low < 0 else (AMOUNT, 0)
    figure, axes = plt.subplots(
        1,
        len(maps),
        figsize=(size * len(maps) + 0.5, size + 0.1),
        squeeze=False,
        layout="constrained",
    )
    for ax, m in zip(axes[0], maps):
        image = ax.imshow(m.numpy(), cmap=colours[0], vmin=colours[1], vmax=limit)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(5, integer=True))
        write(ax, m, image, font=min(9.0, 44 * size / max(m.shape)))
    for ax, title in zip(axes[0], titles or []):
        ax.set_title(title)
    return figure


def write(ax, m, image, font):
    """Write each number into its square, dark on bright and bright on dark."""
    for i, row in enumerate(m.tolist()):
        for j, value in enumerate(row):
            r, g, b, _ = image.cmap(image.norm(value))
            ink = "black" if 0.3 * r + 0.6 * g + 0.1 * b > 0.5 else "white"
            ax.text(j, i, f"{value:.3g}", ha="center", va="center", fontsize=font, color=ink)
