"""5.8 The noise from the velocity."""

import torch
from einops import rearrange

from course_utils.checks.exercises.nb00.add_noise import AXES
from course_utils.checks.parts import edits
from course_utils.diffusion import noise_from_velocity


def experiment(probe, noise_from_velocity):
    for B, C, H, W in [(2, 1, 4, 4), (5, 3, 7, 6)]:
        alpha_bar = 0.1 + 0.8 * probe.uniform(B)  # strictly inside: some ways divide by a root
        probe.call(
            noise_from_velocity, probe.normal(B, C, H, W), probe.normal(B, C, H, W), alpha_bar
        )
    xt, v = probe.normal(2, 1, 3, 4), probe.normal(2, 1, 3, 4)
    probe.on_fake_device(noise_from_velocity, xt, v, torch.tensor([0.3, 0.8]))


MISTAKES = """
# one part subtracted
- (1 - alpha_bar).sqrt() * xt + alpha_bar.sqrt() * v
+ (1 - alpha_bar).sqrt() * xt - alpha_bar.sqrt() * v
| alpha_bar.sqrt() * v - (1 - alpha_bar).sqrt() * xt
You subtract one part from the other. Put the definitions of xt and v into your formula: the two
parts with x0 must cancel, and here they add up.
# shares swapped
+ alpha_bar.sqrt() * xt + (1 - alpha_bar).sqrt() * v
The two factors are swapped. Where alpha_bar is 1, v is the noise: there eps comes from v alone.
# returns x0
+ alpha_bar.sqrt() * xt - (1 - alpha_bar).sqrt() * v
You return x0, the clean picture. It is found in the same way; eps needs the other combination, in
which the parts with x0 cancel.
# roots missing
+ (1 - alpha_bar) * xt + alpha_bar * v
| (1 - alpha_bar) * xt + alpha_bar.sqrt() * v
| (1 - alpha_bar).sqrt() * xt + alpha_bar * v
A root is missing. With the roots of alpha_bar and 1 - alpha_bar the factors are those of xt and v,
and their squares add up to 1.
# xt forgotten
+ alpha_bar.sqrt() * v
| v
You use v alone. It's the noise only where alpha_bar is 1; elsewhere a part of the noise is in xt.
# v taken for the noise in predict_x0
+ (xt - (1 - alpha_bar).sqrt() * v) / alpha_bar.sqrt()
You undo add_noise as if v were the noise. v is a mixture of eps and x0, so x0 isn't this, and what
is asked for is eps.
# divided once more
+ ((1 - alpha_bar).sqrt() * xt + alpha_bar.sqrt() * v) / (1 - alpha_bar).sqrt()
| ((1 - alpha_bar).sqrt() * xt + alpha_bar.sqrt() * v) / alpha_bar.sqrt()
| xt + v
You divide once too often. When xt and v are multiplied by their roots and added, the factor of eps
is (1 - alpha_bar) + alpha_bar, which is 1 already.
"""


def by_way_of_x0(xt, v, alpha_bar):
    a = alpha_bar.view(-1, 1, 1, 1)
    x0 = a.sqrt() * xt - (1 - a).sqrt() * v
    return (xt - a.sqrt() * x0) / (1 - a).sqrt()


def by_einops(xt, v, alpha_bar):
    kept, added = (rearrange(share, "b -> b 1 1 1") for share in (alpha_bar, 1 - alpha_bar))
    return v * torch.sqrt(kept) + xt * torch.sqrt(added)


def as_a_rotation(xt, v, alpha_bar):
    angle = torch.acos(alpha_bar.sqrt())[:, None, None, None]
    return torch.sin(angle) * xt + torch.cos(angle) * v


def as_linear_equations(xt, v, alpha_bar):
    """(xt, v) is a matrix times (x0, eps), so solve for these, and take the second."""
    a, b = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
    matrix = torch.stack([torch.stack([a, b], dim=1), torch.stack([-b, a], dim=1)], dim=1)
    known = torch.stack([xt, v], dim=1).flatten(2)
    return torch.linalg.solve(matrix, known)[:, 1].view_as(xt)


REFERENCE = noise_from_velocity
LOOK = (
    "Write down xt and v as mixtures of x0 and eps. Multiply each by a number such that the "
    "parts with x0 cancel when you add them."
)
CATALOGUE = edits(noise_from_velocity, MISTAKES + AXES)
ALSO_RIGHT = [by_way_of_x0, by_einops, as_a_rotation, as_linear_equations]
