"""9.2 How much is kept."""

import numpy
import torch

from course_utils.checks.engine.compare import difference
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.probe import Stop
from course_utils.checks.mistakes import edits
from course_utils.checks.exercises.nb09.calls import call
from course_utils.wiener import shrink


def shrink_experiment(probe, attempt):
    wrong = False
    for B, n in [(3, 5), (4, 2), (2, 7)]:
        LA, alpha_bar = 0.1 + 3 * probe.uniform(n), 0.05 + 0.9 * probe.uniform(B)
        came = call(probe, attempt, LA, alpha_bar)
        wrong = wrong or difference(shrink(LA, alpha_bar), came)
    if wrong:  # what it does with zeros says no more
        raise Stop
    LA = torch.tensor([2.0, 0.7, 0.0, 0.0])
    call(
        probe, attempt, LA, torch.tensor([0.2, 0.5, 0.9]),
        look="Right where LA is above 0. Where it is 0, nothing is kept.",
    )  # fmt: skip
    note_ends(probe, attempt)
    call(
        probe, attempt, LA, torch.tensor([0.5, 1.0]),
        look="Right for alpha_bar below 1. At alpha_bar = 1, all is kept where LA is above 0, and "
        "nothing where it is 0.",
    )  # fmt: skip
    probe.on_fake_device(attempt, LA, torch.tensor([0.5, 0.8, 0.3]))


def note_ends(probe, attempt):
    """Ask where alpha_bar is 1 and LA above 0, then where LA is small."""
    kept = call(
        probe, attempt, torch.tensor([2.0, 0.7, 1.0]), torch.tensor([0.5, 1.0]),
        look="Right for alpha_bar below 1. At alpha_bar = 1 all is kept where LA is above 0.",
    )  # fmt: skip
    if not torch.is_tensor(kept) or kept.shape != (2, 3):
        raise Stop
    if difference(torch.ones(3), kept[1]):
        seen = next(seen for seen in probe.seen if seen.value is kept)
        seen.wrong = f"At alpha_bar = 1 and LA = 0.7 all is kept: 1. You keep {kept[1, 1]:.6g}."
        seen.look = (
            "Is alpha_bar clipped, or something added to the divisor? Use alpha_bar as it is, and "
            "keep the divisor above 0 with .clamp(min=1e-30)."
        )
        raise Stop
    call(
        probe, attempt, torch.tensor([2.0**-20, 2.0**-15, 1.0]), torch.tensor([0.9999, 1.0]),
        look="The guard is too large: it changes the fraction where LA is small, here 1e-6. Take "
        "1e-30.",
    )  # fmt: skip


MISTAKES = """
# infinity by infinity
- return pictures / (pictures + noise).clamp(min=1e-30)
+ return (pictures / noise) / (pictures / noise + 1)
At alpha_bar = 1 you divide by 1 - alpha_bar, which is 0. What comes is infinite, and infinity by
infinity is NaN, for every LA. Use alpha_bar LA / (alpha_bar LA + 1 - alpha_bar), which is not
divided twice.

# 0 / 0
- return pictures / (pictures + noise).clamp(min=1e-30)
+ return pictures / (pictures + noise)
Right but for one place: at LA = 0 and alpha_bar = 1 you compute 0 / 0, which is NaN. Where LA is
0, nothing is kept: keep the divisor above 0, with clamp(min=1e-30), or choose with torch.where.

# 1 for 0 / 0
- return pictures / (pictures + noise).clamp(min=1e-30)
+ return (pictures / (pictures + noise)).nan_to_num(nan=1.0)
Right but for one place: at LA = 0 and alpha_bar = 1, where the division would be 0 / 0, you give
1. Where LA is 0, the pictures do not vary and nothing is kept: give 0.

# root of alpha_bar
- alpha_bar = alpha_bar[:, None]
+ alpha_bar = alpha_bar[:, None].sqrt()
You take the root of alpha_bar. The pictures are multiplied by sqrt(alpha_bar) and LA are
variances, so they are multiplied by alpha_bar itself.

# root above
- return pictures / (pictures + noise).clamp(min=1e-30)
+ return alpha_bar.sqrt() * LA / (pictures + noise).clamp(min=1e-30)
sqrt(alpha_bar) stands above the line where alpha_bar belongs. Above and below, LA has the same
factor: the share is alpha_bar LA of alpha_bar LA + 1 - alpha_bar.

# root before LA
- pictures, noise = alpha_bar * LA, 1 - alpha_bar
+ pictures, noise = alpha_bar.sqrt() * LA, 1 - alpha_bar
LA is multiplied by the root of alpha_bar. LA are variances: when the pictures are multiplied by
sqrt(alpha_bar), their variances are by alpha_bar.

# alpha_bar squared
- alpha_bar = alpha_bar[:, None]
+ alpha_bar = alpha_bar[:, None] ** 2
You take alpha_bar squared. alpha_bar is a factor of variances already.

# no alpha_bar
- pictures, noise = alpha_bar * LA, 1 - alpha_bar
+ pictures, noise = LA, 1 - alpha_bar
LA stands without alpha_bar, or brackets make alpha_bar multiply 1 - alpha_bar too. In xt the
pictures are multiplied by sqrt(alpha_bar), so their variance there is alpha_bar LA. The noise has
1 - alpha_bar, as it is.

# no alpha_bar above
- return pictures / (pictures + noise).clamp(min=1e-30)
+ return LA / (pictures + noise).clamp(min=1e-30)
alpha_bar is missing above the line: it is alpha_bar LA that is a share of the whole. As it is,
more than 1 may come out.

# no alpha_bar below
- return pictures / (pictures + noise).clamp(min=1e-30)
+ return pictures / (LA + noise).clamp(min=1e-30)
alpha_bar is missing below the line: the whole is alpha_bar LA + 1 - alpha_bar.

# share of the noise
- return pictures / (pictures + noise).clamp(min=1e-30)
+ return noise / (pictures + noise).clamp(min=1e-30)
This is the share of the noise, which is to be taken away. What is kept is the share of the
pictures: alpha_bar LA stands above the line.

# upside down
- return pictures / (pictures + noise).clamp(min=1e-30)
+ return (pictures + noise) / pictures.clamp(min=1e-30)
The fraction is upside down. alpha_bar LA stands above, the sum below.

# against the noise
- return pictures / (pictures + noise).clamp(min=1e-30)
+ return pictures / noise.clamp(min=1e-30)
You divide by the variance of the noise alone. It is a share of the whole: divide by alpha_bar LA
+ 1 - alpha_bar.

# noise of 1
- pictures, noise = alpha_bar * LA, 1 - alpha_bar
+ pictures, noise = alpha_bar * LA, 1
The noise counts as 1. In xt it is multiplied by sqrt(1 - alpha_bar), so its variance is 1 -
alpha_bar.

# noise squared
- pictures, noise = alpha_bar * LA, 1 - alpha_bar
+ pictures, noise = alpha_bar * LA, (1 - alpha_bar) ** 2
1 - alpha_bar is squared. It is the variance of the noise already.

# root of the noise
- pictures, noise = alpha_bar * LA, 1 - alpha_bar
+ pictures, noise = alpha_bar * LA, (1 - alpha_bar).sqrt()
You take the root of 1 - alpha_bar. That is how much noise there is; its variance is 1 -
alpha_bar, and variances are compared here.

# 1 - alpha_bar squared
- pictures, noise = alpha_bar * LA, 1 - alpha_bar
+ pictures, noise = alpha_bar * LA, 1 - alpha_bar**2
The noise has 1 - alpha_bar**2. Its variance is 1 - alpha_bar.

# sigma for its square
- pictures, noise = alpha_bar * LA, 1 - alpha_bar
+ pictures, noise = LA, ((1 - alpha_bar) / alpha_bar).sqrt()
You compare LA with sigma, the root of (1 - alpha_bar) / alpha_bar. LA are variances: compare them
with sigma**2.

# amplitudes
- return pictures / (pictures + noise).clamp(min=1e-30)
+ return (pictures / (pictures + noise).clamp(min=1e-30)).sqrt()
You take the root at the end, or of both parts. The best factor is the ratio of the variances
itself, though it multiplies amplitudes.

# LA squared
- pictures, noise = alpha_bar * LA, 1 - alpha_bar
+ pictures, noise = alpha_bar * LA**2, 1 - alpha_bar
LA is squared. It is variances already, not standard deviations.

# root of LA
- pictures, noise = alpha_bar * LA, 1 - alpha_bar
+ pictures, noise = alpha_bar * LA.sqrt(), 1 - alpha_bar
You take the root of LA. LA are variances, and variances are compared here.

# roles swapped
- pictures, noise = alpha_bar * LA, 1 - alpha_bar
+ pictures, noise = (1 - alpha_bar) * LA, alpha_bar
alpha_bar and 1 - alpha_bar have changed places. alpha_bar belongs to the picture, 1 - alpha_bar
to the noise.

# brackets missing
- return pictures / (pictures + noise).clamp(min=1e-30)
+ return pictures / alpha_bar * LA + noise
Brackets are missing below the line: a * LA / a * LA + 1 - a is read from left to right, and only
the first a is below. Put the whole sum in brackets.

# brackets around the product
- return pictures / (pictures + noise).clamp(min=1e-30)
+ return pictures / pictures + noise
Brackets are missing below the line: the sum 1 - alpha_bar is added to the fraction. Put the whole
sum, a * LA + 1 - a, in brackets.

# noise times LA
- pictures, noise = alpha_bar * LA, 1 - alpha_bar
+ pictures, noise = alpha_bar * LA, (1 - alpha_bar) * LA
Brackets are wrong: 1 - alpha_bar is multiplied by LA too. It is alpha_bar * LA, plus 1 -
alpha_bar.

# turned
- return pictures / (pictures + noise).clamp(min=1e-30)
+ return (pictures / (pictures + noise).clamp(min=1e-30)).T
The result is the wrong way round, (n, B). There is a row for each alpha_bar and a column for each
of LA: give alpha_bar the new axis, alpha_bar[:, None].

# axes meet
- alpha_bar = alpha_bar[:, None]
+
or
- alpha_bar = alpha_bar[:, None]
- pictures, noise = alpha_bar * LA, 1 - alpha_bar
+ pictures, noise = LA * alpha_bar, 1 - alpha_bar
alpha_bar, (B,), meets LA, (n,). Each is to meet every one of the other: give alpha_bar another
axis, alpha_bar[:, None], with shape (B, 1).

# first for all
- alpha_bar = alpha_bar[:, None]
+ alpha_bar = alpha_bar[:1].expand(len(alpha_bar))[:, None]
Only the first alpha_bar is used. Each picture has its own: a row for each.

# mean for all
- alpha_bar = alpha_bar[:, None]
+ alpha_bar = alpha_bar.mean().expand(len(alpha_bar))[:, None]
The mean of alpha_bar is used for all. Each picture has its own: a row for each.
"""


def shrink_by_sigma(LA, alpha_bar):
    noise = (1 / alpha_bar - 1).unsqueeze(1)
    return torch.where(LA > 0, LA / (LA + noise), torch.zeros(()).to(LA))


def shrink_repaired(LA, alpha_bar):
    signal = torch.outer(alpha_bar, LA)
    return torch.nan_to_num(signal / (signal + (1 - alpha_bar).view(-1, 1)), nan=0.0)


def shrink_row_by_row(LA, alpha_bar):
    return torch.stack([a * LA / (a * LA + (1 - a) + 1e-12) for a in alpha_bar])


def shrink_from_one(LA, alpha_bar):
    noise = 1 - alpha_bar[:, None] + 1e-20
    return 1 - noise / (torch.einsum("b,n->bn", alpha_bar, LA) + noise)


def shrink_by_numpy(LA, alpha_bar):
    signal = alpha_bar.cpu().numpy()[:, None] * LA.cpu().numpy()
    whole = signal + 1 - alpha_bar.cpu().numpy()[:, None]
    return torch.from_numpy(signal / numpy.maximum(whole, 1e-30)).to(LA)


EXERCISE = Exercise(
    id="9.2",
    title="How much is kept",
    notebook="09_wiener_baseline",
    reference=shrink,
    experiment=shrink_experiment,
    look="With LA = 1 and alpha_bar = 0.5, half is kept. Which part of the fraction is not so, "
    "or is something added to the divisor?",
    catalogue=edits(shrink, MISTAKES),
    also_right=[
        shrink_by_sigma,
        shrink_repaired,
        shrink_row_by_row,
        shrink_from_one,
        shrink_by_numpy,
    ],
)
