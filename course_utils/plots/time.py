"""Pictures of the time embedding."""

import matplotlib.pyplot as plt

from course_utils.plots.colours import AMOUNT, BLUE, ORANGE, SIGNED


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


def similarity_map(similar):
    """Draw how alike every two times look, and how that depends on their distance.

    (T, T) -> figure

    The curve is the mean over all pairs of times so many steps apart; a band around it goes from
    the least to the largest.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 3.2), width_ratios=(1, 1.7), layout="constrained"
    )
    image = left.imshow(similar.numpy(), cmap=AMOUNT)
    left.set(xlabel="t", ylabel="t")
    figure.colorbar(image, ax=left)
    apart = [similar.diagonal(distance) for distance in range(len(similar))]
    right.plot([pairs.mean() for pairs in apart], color=BLUE)
    low, high = [pairs.min() for pairs in apart], [pairs.max() for pairs in apart]
    right.fill_between(range(len(apart)), low, high, color=ORANGE, lw=0)
    right.set(xlabel="distance of two times", ylabel="cosine of the angle")
    return figure
