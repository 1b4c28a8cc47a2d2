"""The time embedding: its width, its longest period, and one time in it."""

import torch

from course_utils.embedding import sinusoidal_embedding
from course_utils.plots import embedding_map
from course_utils.widgets.explorer import choice, explorer, slider


def embedding_explorer(T=1000):
    """Return controls for D, max_period and t, and the map of all T embeddings.

    () -> widget
    """
    times = torch.arange(T)

    def draw(dim, max_period, t):
        figure = embedding_map(sinusoidal_embedding(times, dim, max_period), times, at=t)
        figure.axes[0].set_title(f"slowest wave: once around in {6.2832 * max_period:,.0f} steps")
        return figure

    periods = choice("max_period", [10.0, 100.0, 1_000.0, 10_000.0, 100_000.0], 10_000.0)
    return explorer(
        draw, over={"max_period": [10.0, 1_000.0, 10_000.0, 100_000.0], "dim": [4, 32]},
        dim=slider("dim", 32, 4, 128, 2), max_period=periods, t=slider("t", 300, 0, T - 1),
    )  # fmt: skip
