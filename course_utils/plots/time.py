"""Pictures of the time embedding."""

import matplotlib.pyplot as plt
import torch

from course_utils.plots.colours import AMOUNT, BLUE, LINES, SIGNED


def waves(values, t, labels):
    """Draw numbers of an embedding as curves over time, one below the other.

    (T, K), (T,) -> figure
    """
    K = values.shape[1]
    figure, axes = plt.subplots(
        K, 1, figsize=(8, 0.75 * K + 0.5), sharex=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for ax, wave, label in zip(axes[:, 0], values.detach().T, labels):
        ax.plot(t, wave, color=BLUE, lw=1.2)
        ax.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
        ax.set_yticks([-1, 1])
    axes[-1, 0].set_xlabel("t")
    return figure


def embedding_map(emb, t, at=None):
    """Draw a set of embeddings as a map: a row for each t, a column for each number.

    (T, D), (T,) -> figure

    With at, a row of the map is marked.
    """
    figure, ax = plt.subplots(figsize=(8, 3.4), layout="constrained")
    extent = (0, emb.shape[1], float(t[-1]), float(t[0]))
    limit = float(emb.abs().max())
    image = ax.imshow(
        emb.numpy(), aspect="auto", cmap=SIGNED, vmin=-limit, vmax=limit, extent=extent,
    )  # fmt: skip
    if at is not None:
        ax.axhline(at, color="black", lw=1)
    ax.set_xlabel("place in the vector")
    ax.set_ylabel("t")
    figure.colorbar(image, pad=0.01)
    return figure


def similarity_map(similar, t, marked):
    """Draw how alike every two times look, and some of the rows as curves.

    (T, T), (T,) -> figure
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 3.4), width_ratios=(1, 1.5), layout="constrained"
    )
    extent = (float(t[0]), float(t[-1]), float(t[-1]), float(t[0]))
    image = left.imshow(similar.numpy(), cmap=AMOUNT, extent=extent)
    left.set_xlabel("t")
    left.set_ylabel("t")
    figure.colorbar(image, ax=left, fraction=0.046)
    for at, style in zip(marked, LINES):
        nearest = int(torch.argmin((t - at).abs()))
        right.plot(t, similar[nearest], style, label=f"to t = {at}")
    right.set_xlabel("t")
    right.set_ylabel("cosine of the angle")
    right.legend(frameon=False, ncols=len(marked), loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure
