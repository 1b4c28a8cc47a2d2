"""0.1 Add noise."""

import torch
from einops import rearrange

from course_utils.checks.parts import edits
from course_utils.diffusion import add_noise


def experiment(probe, add_noise):
    for B, C, H, W in [(2, 1, 4, 4), (5, 3, 7, 6)]:
        probe.call(add_noise, probe.normal(B, C, H, W), probe.normal(B, C, H, W), probe.uniform(B))
    x0, eps = probe.normal(3, 1, 5, 4), probe.normal(3, 1, 5, 4)
    probe.call(add_noise, x0, eps, torch.tensor([1.0, 0.5, 0.0]))


MISTAKES = """
# no square roots
- alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps
+ alpha_bar * x0 + (1 - alpha_bar) * eps
The square roots are missing: alpha_bar and 1 - alpha_bar are shares of the variance.
# picture and noise swapped
+ alpha_bar.sqrt() * eps + (1 - alpha_bar).sqrt() * x0
You swapped x0 and the noise. At alpha_bar = 1 the result should be x0 alone.
# no square root over the noise's share
+ alpha_bar.sqrt() * x0 + (1 - alpha_bar) * eps
The noise lacks its square root: it is multiplied by sqrt(1 - alpha_bar).
# sqrt(alpha_bar) subtracted
+ alpha_bar.sqrt() * x0 + (1 - alpha_bar.sqrt()) * eps
| alpha_bar.sqrt() * x0 + (1 - alpha_bar.sqrt()).sqrt() * eps
You subtract sqrt(alpha_bar) from 1. Subtract alpha_bar itself, then take the root.
# no square root over the picture's share
+ alpha_bar * x0 + (1 - alpha_bar).sqrt() * eps
x0 lacks its square root: it is multiplied by sqrt(alpha_bar).
# picture not faded
+ x0 + (1 - alpha_bar).sqrt() * eps
x0 keeps its full strength. Multiply it by sqrt(alpha_bar), so that it fades as the noise grows.
# alpha_bar squared
+ alpha_bar * x0 + (1 - alpha_bar**2).sqrt() * eps
You take alpha_bar for the factor of x0. Its square root is: alpha_bar is that factor squared.
# noise subtracted
+ alpha_bar.sqrt() * x0 - (1 - alpha_bar).sqrt() * eps
You subtract the noise. The formula adds it.
# noise at full strength
+ alpha_bar.sqrt() * x0 + eps
You add the noise at full strength. Multiply it by sqrt(1 - alpha_bar).
# noise of its own
+ alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * torch.randn_like(x0)
Your function draws its own noise. Use eps: that is the noise the network will be asked for.
# values cut off
+ (alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps).clamp(-1, 1)
You cut the result off at -1 and 1. Noise goes beyond that, so leave the values as they are.
"""

AXES = """
# one alpha_bar for all pictures
- alpha_bar = alpha_bar[:, None, None, None]
+ alpha_bar = alpha_bar[0]
Every picture gets the first one's alpha_bar. Keep all B numbers and give them three more axes.
# alpha_bar with too few axes
+
| alpha_bar = alpha_bar[:, None, None]
| alpha_bar = alpha_bar[:, None]
The B numbers of alpha_bar meet columns, rows or channels, because PyTorch lines up the last axes.
Exactly three axes must follow them: [:, None, None, None] makes (B, 1, 1, 1).
"""


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


def by_einsum(x_start, noise, alphas_cumprod):
    kept, added = (torch.sqrt(share) for share in (alphas_cumprod, 1.0 - alphas_cumprod))
    faded = torch.einsum("b,bchw->bchw", kept, x_start)
    return torch.addcmul(faded, added.reshape(len(noise), *[1] * (noise.ndim - 1)), noise)


REFERENCE = add_noise
LOOK = (
    "Compare it with the formula, for each picture: what is multiplied by what, and what is "
    "under each root?"
)
CATALOGUE = edits(add_noise, MISTAKES + AXES)
ALSO_RIGHT = [by_view, by_einops, picture_by_picture, by_einsum]
