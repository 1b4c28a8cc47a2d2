"""11.2 The direction from the velocity."""

import math

import torch

from course_utils.checks.exercises.nb05.sampling import mixture
from course_utils.checks.parts import advice, describe, edits, is_tensor
from course_utils.diffusion import noise_from_velocity, predict_x0  # noqa: F401  in the mistakes
from course_utils.fields import direction_from_velocity

CASES = [
    (0.5, 2, 1, 3, 4, "At t = 0.5 both shares of DDPM's mixture are 0.7071, the root of one half."),
    (0.2, 3, 2, 5, 2, "This is right for t = 0.5, where both shares are equal. With t = 0.2 DDPM's "
     "mixture has 0.9701 of x0 and 0.2425 of eps."),
    (0.85, 2, 3, 4, 5, "This is right for t = 0.2 and 0.5. Print both shares; their squares have "
     "to add up to 1."),
    (1.0, 3, 1, 2, 5, "This is right between the ends. At t = 1, xt is the noise and v is -x0, so "
     "u is xt + v. Divide by nothing that is 0 there."),
    (0.0, 2, 2, 3, 5, "This is right for t above 0. At t = 0, xt is the picture and v is eps, so u "
     "is v - xt. Divide by nothing that is 0 there."),
]  # fmt: skip
HINTS = [
    (r"must be Tensor, not|'float' object is not sub|'float' object has no attribute", r"", "t is "
     "one plain number: write (...) ** 0.5, and torch.full((len(xt),), a) where a function wants "
     "one for each picture."),
    (r"too many indices", r"", "noise_from_velocity takes an alpha_bar for each picture: "
     "torch.full((len(xt),), alpha_bar, device=xt.device)."),
]  # fmt: skip


def experiment(probe, direction_from_velocity):
    for t, B, C, H, W, look in CASES:
        xt, v = probe.normal(B, C, H, W), probe.normal(B, C, H, W)
        with probe.advice(*HINTS, look=look):
            what = f"direction_from_velocity(xt, v, {t})"
            u = probe.run(what, direction_from_velocity, xt.clone(), v.clone(), t)
            fits = is_tensor(u) and u.shape == xt.shape and u.dtype == xt.dtype
            tip = f"Return one tensor like xt: {describe(xt)}." if u is not None else advice(xt, u)
            probe.note_unless(fits, "a direction", f"{what} returns {describe(u)}.", tip)
            wrong = f"{what}: some of your numbers are NaN or infinite."
            probe.note_unless(bool(u.isfinite().all()), "numbers", wrong, look)
            for of, share in zip(("v", "xt"), mixture([v, xt], u.detach())[0]):
                share = round(share, 4) + 0.0  # no -0.0
                probe.note(f"The share of {of} in what you return at t = {t}", share)
            probe.call(direction_from_velocity, xt, v, t)
    probe.on_fake_device(direction_from_velocity, xt, v, 0.3)


def direction_step_by_step(xt, v, t):
    scale = ((1 - t) ** 2 + t**2) ** 0.5
    a, b = (1 - t) / scale, t / scale
    x = xt / scale
    x0 = a * x - b * v
    eps = b * x + a * v
    return eps - x0


def by_the_noise(xt, v, t):
    square = (1 - t) ** 2 + t**2
    alpha_bar = torch.full((len(xt),), (1 - t) ** 2 / square, device=xt.device)
    x = xt / square**0.5
    eps = noise_from_velocity(x, v, alpha_bar)
    kept, added = alpha_bar.sqrt()[:, None, None, None], (1 - alpha_bar).sqrt()[:, None, None, None]
    return eps - (kept * x - added * v)


MISTAKES = """
# not divided by the scale
- x = xt / scale
+ x = xt
You take xt for DDPM's mixture as it is. The squares of its shares don't add up to 1, so divide xt
by scale first.
# multiplied by the scale
+ x = xt * scale
You multiply xt by scale. Its shares (1 - t) and t are too small for DDPM's mixture, so divide.
# divided at the end
+ x = xt
- eps - x0
+ (eps - x0) / scale
You divide v, or the result, by scale. Divide xt alone, first of all.
# shares not divided by the scale
- a, b = (1 - t) / scale, t / scale
+ a, b = 1 - t, t
Your direction has the factor scale. Divide both shares by scale, as xt, and don't multiply by it at
the end.
# nothing divided by the scale
+ a, b = 1 - t, t
- x = xt / scale
+ x = xt
You leave out the scale. v belongs to a mixture whose squared shares add up to 1, which xt, 1 - t
and t become when you divide them by scale.
# shares swapped
+ b, a = (1 - t) / scale, t / scale
a and b are swapped: a, the picture's share, is (1 - t) / scale.
# roots of the shares
+ a, b = (1 - t) ** 0.5, t**0.5
| a, b = ((1 - t) / scale) ** 0.5, (t / scale) ** 0.5
Your shares are roots of what they should be. (1 - t) / scale is the root of alpha_bar already.
# scale without its root
- ((1 - t) ** 2 + t**2) ** 0.5
+ (1 - t) ** 2 + t**2
Your scale lacks its root. It's the length of the two shares: the root of (1 - t)^2 + t^2.
# scale without squares
+ ((1 - t) + t) ** 0.5
Your scale isn't the root of (1 - t)^2 + t^2. Square each of the two shares before you add them.
# direction the wrong way round
- eps - x0
+ x0 - eps
You return x0 - eps. The direction leads from the picture to the noise, as t grows: it's eps - x0.
# noise returned
+ eps
You return the noise. The direction is eps - x0, so find x0 as well.
# picture returned
+ x0
You return x0. The direction is eps - x0, so find eps as well.
# added up
+ eps + x0
You add eps and x0. The direction is their difference, eps - x0.
# divided once more
+ (eps - x0) / scale
You divide the direction by scale. x0 and eps are as long as they should be: it's eps - x0.
# velocity returned
+ v
| v * scale
| v / scale
You return v, or a multiple of it. v has other shares of eps and x0 than the direction, so find
both, and subtract.
# right at one end alone
+ v - xt
| v + xt
You return what is right at one end alone: v - xt at t = 0, v + xt at t = 1. Between them the shares
of both depend on t.
# point in place of an end
+ xt - x0
| eps - xt
You return the way from or to xt, which is only a part of the line. The direction is that of the
whole line, eps - x0.
# divided by 1 - t
+ (eps - xt) / (1 - t)
or
- x0 = a * x - b * v
- eps = b * x + a * v
+ eps = b * x + a * v
+ x0 = (x - b * eps) / a
This is right, except at t = 1, where you divide by 0. Euler starts there, so get x0 from x and v
without a division: a * x - b * v.
# divided by t
- eps - x0
+ (xt - x0) / t
or
- eps = b * x + a * v
+ eps = (x - a * x0) / b
This is right, except at t = 0, where you divide by 0. Get eps from x and v without a division: b *
x + a * v.
# a sign in eps
+ eps = b * x - a * v
In eps you subtract what should be added. Put in x = a x0 + b eps and v = a eps - b x0: the parts
with x0 must cancel.
# v taken for the noise
+ eps = v
You take v for the noise. It's a mixture of eps and x0, and eps is b * x + a * v.
# signs exchanged
- x0 = a * x - b * v
- eps = b * x + a * v
+ x0 = a * x + b * v
+ eps = b * x - a * v
Your signs are those for another v. Put x = a x0 + b eps and v = a eps - b x0 into your formulas:
the x0 in eps must cancel.
# a sign in x0
- x0 = a * x - b * v
+ x0 = a * x + b * v
In x0 you add what should be subtracted. Put in x = a x0 + b eps and v = a eps - b x0: the parts
with eps must cancel.
# picture from the noise's formula
+ x0 = (x - b * v) / a
You undo the mixture as if v were the noise. v is a mixture itself: x0 is a * x - b * v.
# v taken for the picture
+ x0 = v
You take v for the picture. It's a mixture of eps and x0, and x0 is a * x - b * v.
# clipped
+ x0 = (a * x - b * v).clamp(-1, 1)
You clip x0. A direction is exact for what the network says, so clip nothing here.
"""
BY_NOISE = """
# alpha_bar not squared
- torch.full((len(xt),), (1 - t) ** 2 / square, device=xt.device)
+ torch.full((len(xt),), ((1 - t) ** 2 / square) ** 0.5, device=xt.device)
| torch.full((len(xt),), (1 - t), device=xt.device)
Your alpha_bar isn't the square of the picture's share. The share is (1 - t) / scale, so alpha_bar
is (1 - t)^2 / ((1 - t)^2 + t^2).
# one plain alpha_bar
+ torch.tensor((1 - t) ** 2 / square)
noise_from_velocity takes an alpha_bar for each picture: torch.full((len(xt),), alpha_bar,
device=xt.device).
# alpha_bar made on the CPU
+ torch.full((len(xt),), (1 - t) ** 2 / square)
alpha_bar is made on the CPU, and xt may be on a GPU. Make it there: device=xt.device.
# noise of the point, not of the mixture
- noise_from_velocity(x, v, alpha_bar)
+ noise_from_velocity(xt, v, alpha_bar)
noise_from_velocity gets xt. v belongs to DDPM's mixture: hand it xt / scale.
# divided by 1 - t
- eps - (kept * x - added * v)
+ eps - predict_x0(x, eps, alpha_bar)
This is right, except at t = 1, where predict_x0 divides by 0. Euler starts there, so get x0 from x
and v without a division: sqrt(alpha_bar) x - sqrt(1 - alpha_bar) v.
"""


def in_closed_form(xt, v, t):
    square = 1 - 2 * t + 2 * t * t
    return ((2 * t - 1) / square) * xt + v / math.sqrt(square)


def as_a_rotation(xt, v, t):
    angle, scale = math.atan2(t, 1 - t), math.hypot(t, 1 - t)
    c, s = math.cos(angle), math.sin(angle)
    return (s - c) * (xt / scale) + (s + c) * v


def as_linear_equations(xt, v, t):
    """(xt, v) is a matrix times (x0, eps), so solve for these."""
    scale = torch.linalg.vector_norm(torch.tensor([1 - t, t])).item()
    matrix = torch.tensor([[1 - t, t], [-t / scale, (1 - t) / scale]], device=xt.device)
    x0, eps = torch.linalg.solve(matrix, torch.stack([xt, v]).flatten(1)).view(2, *xt.shape)
    return eps - x0


def with_tensors(xt, v, t):
    t = torch.as_tensor(t, dtype=xt.dtype, device=xt.device).expand(len(xt))[:, None, None, None]
    norm = ((1 - t).square() + t.square()).sqrt()
    x0 = ((1 - t) * xt / norm - t * v) / norm
    return (t * xt / norm + (1 - t) * v) / norm - x0


REFERENCE = direction_from_velocity
LOOK = "Divide xt by scale. Then find x0 and eps from it and v, as in 5.8, and subtract."
CATALOGUE = edits(direction_step_by_step, MISTAKES) + edits(by_the_noise, BY_NOISE)
ALSO_RIGHT = [in_closed_form, as_a_rotation, as_linear_equations, with_tensors]
