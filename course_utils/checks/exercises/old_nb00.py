"""The exercise of notebook 00. A docstring of a wrong answer is what its author is told."""

import math

import torch
from einops import rearrange

from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.mistakes import by_hand
from course_utils.diffusion import add_noise

NOTEBOOK = "00_start_here"


def experiment(probe, add_noise):
    for B, C, H, W in [(2, 1, 4, 4), (5, 3, 7, 6)]:
        probe.call(add_noise, probe.normal(B, C, H, W), probe.normal(B, C, H, W), probe.uniform(B))
    x0, eps = probe.normal(3, 1, 5, 4), probe.normal(3, 1, 5, 4)
    probe.call(add_noise, x0, eps, torch.tensor([1.0, 0.5, 0.0]))


def no_roots(x0, eps, alpha_bar):
    """The square roots are missing. alpha_bar and 1 - alpha_bar are shares of the variance; what
    a picture is multiplied by is the root of its share."""
    alpha_bar = alpha_bar[:, None, None, None]
    return alpha_bar * x0 + (1 - alpha_bar) * eps


def one_root(x0, eps, alpha_bar):
    """The picture has its square root, the noise has not: it needs sqrt(1 - alpha_bar)."""
    alpha_bar = alpha_bar[:, None, None, None]
    return alpha_bar.sqrt() * x0 + (1 - alpha_bar) * eps


def root_of_the_noise_only(x0, eps, alpha_bar):
    """The noise has its square root, the picture has not: it needs sqrt(alpha_bar)."""
    alpha_bar = alpha_bar[:, None, None, None]
    return alpha_bar * x0 + (1 - alpha_bar).sqrt() * eps


def root_inside(x0, eps, alpha_bar):
    """The noise is multiplied by 1 - sqrt(alpha_bar); it needs sqrt(1 - alpha_bar): first the
    difference, then the root."""
    root = alpha_bar[:, None, None, None].sqrt()
    return root * x0 + (1 - root) * eps


def swapped(x0, eps, alpha_bar):
    """Picture and noise are swapped. At alpha_bar = 1 the result must be the picture alone."""
    alpha_bar = alpha_bar[:, None, None, None]
    return (1 - alpha_bar).sqrt() * x0 + alpha_bar.sqrt() * eps


def noise_taken_away(x0, eps, alpha_bar):
    """The noise is subtracted. It is added: the formula has a plus between the two."""
    alpha_bar = alpha_bar[:, None, None, None]
    return alpha_bar.sqrt() * x0 - (1 - alpha_bar).sqrt() * eps


def picture_kept(x0, eps, alpha_bar):
    """The noise is added, but the picture keeps its full strength. It must fade by
    sqrt(alpha_bar), so that the variance of the sum stays about the same."""
    return x0 + (1 - alpha_bar[:, None, None, None]).sqrt() * eps


def own_noise(x0, eps, alpha_bar):
    """Your function draws noise of its own. It must use eps, which is passed in: the network
    will be asked for exactly this noise."""
    alpha_bar = alpha_bar[:, None, None, None]
    return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * torch.randn_like(x0)


def first_only(x0, eps, alpha_bar):
    """All pictures get the alpha_bar of the first one. Each has its own: keep all B numbers and
    give them three more axes."""
    return alpha_bar[0].sqrt() * x0 + (1 - alpha_bar[0]).sqrt() * eps


def not_spread(x0, eps, alpha_bar):
    """alpha_bar has shape (B,), the pictures (B, C, H, W). PyTorch lines up the last axes, so the
    B numbers meet the W columns. alpha_bar needs three more axes: (B, 1, 1, 1)."""
    return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps


def one_axis_short(x0, eps, alpha_bar):
    """The B numbers of alpha_bar meet the channels, for PyTorch lines up the last axes: (B, 1, 1)
    with C, H and W. Three new axes belong behind: [:, None, None, None] makes (B, 1, 1, 1)."""
    alpha_bar = alpha_bar[:, None, None]
    return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps


def two_axes_short(x0, eps, alpha_bar):
    """The B numbers of alpha_bar meet the rows, for PyTorch lines up the last axes: (B, 1) with H
    and W. Three new axes belong behind: [:, None, None, None] makes (B, 1, 1, 1)."""
    alpha_bar = alpha_bar[:, None]
    return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps


def not_spread_behind(x0, eps, alpha_bar):
    """alpha_bar has shape (B,), the pictures (B, C, H, W). PyTorch lines up the last axes, so the
    B numbers meet the W columns. alpha_bar needs three more axes: (B, 1, 1, 1)."""
    return x0 * alpha_bar.sqrt() + eps * (1 - alpha_bar).sqrt()


def one_axis_short_behind(x0, eps, alpha_bar):
    """The B numbers of alpha_bar meet the channels, for PyTorch lines up the last axes: (B, 1, 1)
    with C, H and W. Three new axes belong behind: [:, None, None, None] makes (B, 1, 1, 1)."""
    return not_spread_behind(x0, eps, alpha_bar[:, None, None])


def two_axes_short_behind(x0, eps, alpha_bar):
    """The B numbers of alpha_bar meet the rows, for PyTorch lines up the last axes: (B, 1) with H
    and W. Three new axes belong behind: [:, None, None, None] makes (B, 1, 1, 1)."""
    return not_spread_behind(x0, eps, alpha_bar[:, None])


def root_of_one_number(x0, eps, alpha_bar):
    """math.sqrt takes a single number, and alpha_bar holds B of them. A tensor has a root of its
    own, taken number by number: alpha_bar.sqrt()."""
    return math.sqrt(alpha_bar) * x0 + math.sqrt(1 - alpha_bar) * eps


def by_view(x0, eps, alpha_bar):
    share = alpha_bar.view(-1, 1, 1, 1)
    return share**0.5 * x0 + (1 - share) ** 0.5 * eps


def by_einops(x0, eps, alpha_bar):
    share = rearrange(alpha_bar, "b -> b 1 1 1")
    noise = eps * torch.sqrt(1 - share)
    return noise + x0 * torch.sqrt(share)


def picture_by_picture(x0, eps, alpha_bar):
    noisy = [a.sqrt() * x + (1 - a).sqrt() * e for x, e, a in zip(x0, eps, alpha_bar)]
    return torch.stack(noisy)


EXERCISES = [
    Exercise(
        id="0.1",
        title="Add noise",
        notebook=NOTEBOOK,
        reference=add_noise,
        experiment=experiment,
        look="Compare your line with the formula: which root stands over what?",
        catalogue=by_hand({
            "no square roots": no_roots,
            "no square root over the noise's share": one_root,
            "no square root over the picture's share": root_of_the_noise_only,
            "1 - sqrt instead of sqrt(1 - ...)": root_inside,
            "picture and noise swapped": swapped,
            "noise subtracted": noise_taken_away,
            "picture not faded": picture_kept,
            "noise of its own": own_noise,
            "one alpha_bar for all pictures": first_only,
            "alpha_bar not spread over the pixels": not_spread,
            "alpha_bar one axis short": one_axis_short,
            "alpha_bar two axes short": two_axes_short,
            # The same with the factors exchanged: PyTorch's message names the sizes in their order.
            "not spread, second factor": not_spread_behind,
            "one axis short, second factor": one_axis_short_behind,
            "two axes short, second factor": two_axes_short_behind,
            "math.sqrt of a tensor": root_of_one_number,
        }),
        also_right=[by_view, by_einops, picture_by_picture],
    )
]
