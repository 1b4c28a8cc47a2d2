"""9.2 How much is kept."""

import numpy
import torch

from course_utils.checks.engine.compare import agree
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.probe import Stop
from course_utils.checks.exercises.nb09.calls import call
from course_utils.checks.mistakes import edits
from course_utils.wiener import shrink


def shrink_experiment(probe, attempt):
    right = True
    for B, n in [(3, 5), (4, 2), (2, 7)]:
        LA, alpha_bar = 0.1 + 3 * probe.uniform(n), 0.05 + 0.9 * probe.uniform(B)
        came = call(probe, attempt, LA, alpha_bar)
        right = right and agree(shrink(LA, alpha_bar), came)
    if not right:  # what it does with zeros says no more
        raise Stop
    LA = torch.tensor([2.0, 0.7, 0.0, 0.0])
    call(
        probe, attempt, LA, torch.tensor([0.2, 0.5, 0.9]),
        look="Right where LA is above 0. Where it is 0, nothing is kept.",
    )  # fmt: skip
    call(
        probe, attempt, torch.tensor([2.0, 0.7, 1.0]), torch.tensor([0.5, 1.0]),
        look="Right for alpha_bar below 1. At alpha_bar = 1, everything is kept where LA is above "
        "0. Is alpha_bar clipped, or something added to the divisor? .clamp(min=1e-30) is enough.",
    )  # fmt: skip
    call(
        probe, attempt, torch.tensor([2.0**-20, 2.0**-15, 1.0]), torch.tensor([0.9999, 1.0]),
        look="The guard against 0 / 0 is too large: it changes the fraction where LA is small, "
        "here 1e-6. Use 1e-30.",
    )  # fmt: skip
    call(
        probe, attempt, LA, torch.tensor([0.5, 1.0]),
        look="Right for alpha_bar below 1. At alpha_bar = 1, everything is kept where LA is above "
        "0, and nothing where it is 0.",
    )  # fmt: skip
    probe.on_fake_device(attempt, LA, torch.tensor([0.5, 0.8, 0.3]))


MISTAKES = """
# infinity by infinity
- pictures / (pictures + noise).clamp(min=1e-30)
+ (pictures / noise) / (pictures / noise + 1)
At alpha_bar = 1 you divide by 1 - alpha_bar, which is 0, and the infinity that comes out is divided
by infinity: NaN, for every LA. alpha_bar LA / (alpha_bar LA + 1 - alpha_bar) divides only once.

# 0 / 0
- .clamp(min=1e-30)
+
Right except in one place: at LA = 0 and alpha_bar = 1 you compute 0 / 0, which is NaN. Nothing is
kept there. Keep the divisor above 0 with .clamp(min=1e-30), or choose with torch.where.

# root or square of alpha_bar
- alpha_bar[:, None]
+ alpha_bar[:, None].sqrt()
or
+ alpha_bar[:, None] ** 2
or
- alpha_bar * LA
+ alpha_bar.sqrt() * LA
or
- return pictures
+ return alpha_bar.sqrt() * LA
or
- / (pictures
+ / (alpha_bar.sqrt() * LA
You use the root of alpha_bar, or its square. The pictures are multiplied by sqrt(alpha_bar) and LA
holds variances, so LA is multiplied by alpha_bar itself.

# alpha_bar missing before LA
- alpha_bar * LA
+ LA
or
- return pictures
+ return LA
or
- / (pictures
+ / (LA
An LA stands without alpha_bar. In xt the pictures are multiplied by sqrt(alpha_bar), so their
variance is alpha_bar LA, both above the line and below it. (Or do your brackets make alpha_bar
multiply the noise as well?)

# share of the noise
- return pictures
+ return noise
This is the share of the noise, which is what has to go. The share of the pictures is kept, so
alpha_bar LA stands above the line.

# upside down
- pictures / (pictures + noise).clamp(min=1e-30)
+ (pictures + noise) / pictures
The fraction is upside down: alpha_bar LA stands above the line and the sum below.

# divided by the noise alone
- (pictures + noise)
+ noise
You divide by the variance of the noise alone. What's kept is a share of the whole: divide by
alpha_bar LA + 1 - alpha_bar.

# difference below the line
- pictures + noise
+ pictures - noise
There's a minus below the line. The variances of pictures and noise add up: alpha_bar LA + 1 -
alpha_bar, or brackets around what you subtract.

# another variance of the noise
- 1 - alpha_bar
+ (1 - alpha_bar) ** 2
or
+ (1 - alpha_bar).sqrt()
or
+ 1 - alpha_bar**2
or
+ 1
The noise isn't 1 - alpha_bar in your fraction. In xt it's multiplied by sqrt(1 - alpha_bar), so its
variance is 1 - alpha_bar, with neither a square nor a root.

# sigma for its square
- alpha_bar * LA, 1 - alpha_bar
+ LA, ((1 - alpha_bar) / alpha_bar).sqrt()
You compare LA with sigma, the root of (1 - alpha_bar) / alpha_bar. LA holds variances, so compare
it with sigma squared.

# root of the share
- return pictures / (pictures + noise).clamp(min=1e-30)
+ return (pictures / (pictures + noise).clamp(min=1e-30)).sqrt()
You take the root at the end, or of each part. The best factor is the ratio of the variances itself,
even though it multiplies amplitudes.

# LA squared, or its root
- alpha_bar * LA
+ alpha_bar * LA**2
or
+ alpha_bar * LA.sqrt()
You square LA, or take its root. LA holds variances, and variances are what you compare here.

# roles swapped
- alpha_bar * LA, 1 - alpha_bar
+ (1 - alpha_bar) * LA, alpha_bar
alpha_bar and 1 - alpha_bar have changed places: alpha_bar belongs to the pictures, 1 - alpha_bar to
the noise.

# brackets missing
- (pictures + noise).clamp(min=1e-30)
+ alpha_bar * LA + noise
or
+ pictures + noise
or
- 1 - alpha_bar
+ (1 - alpha_bar) * LA
Brackets are missing below the line, or in the wrong place. Python reads a * LA / a * LA + 1 - a
from left to right; below belongs the whole sum, (a * LA + 1 - a), in which only a is multiplied by
LA.

# turned
- return pictures / (pictures + noise).clamp(min=1e-30)
+ return (pictures / (pictures + noise).clamp(min=1e-30)).T
The result is the wrong way round, (n, B). There should be a row for each alpha_bar and a column for
each LA, so give the new axis to alpha_bar: alpha_bar[:, None].

# axes meet
- alpha_bar = alpha_bar[:, None]
+
or
+ alpha_bar = alpha_bar[None]
or
+
- alpha_bar * LA
+ LA * alpha_bar
or
- 1 - alpha_bar
+ 1 - alpha_bar[:, 0]
alpha_bar, (B,), meets LA, (n,), or the table (B, n). Each has to meet every one of the other, so
give alpha_bar another axis everywhere: alpha_bar[:, None], with shape (B, 1).

# one alpha_bar for all
- alpha_bar[:, None]
+ alpha_bar[:1].expand(len(alpha_bar))[:, None]
or
+ alpha_bar.mean().expand(len(alpha_bar))[:, None]
You use one alpha_bar for all pictures, the first or the mean. Each picture has its own, and gets a
row of its own.
"""


def shrink_by_sigma(LA, alpha_bar):
    noise = (1 / alpha_bar - 1).unsqueeze(1)
    return torch.where(LA > 0, LA / (LA + noise), torch.zeros(()).to(LA))


def shrink_repaired(LA, alpha_bar):
    signal = torch.outer(alpha_bar, LA)
    return torch.nan_to_num(signal / (signal + (1 - alpha_bar).view(-1, 1)), nan=0.0)


def shrink_row_by_row(LA, alpha_bar):
    return torch.stack([a * LA / (a * LA + (1 - a) + 1e-12) for a in alpha_bar])


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
    look="With LA = 1 and alpha_bar = 0.5, half is kept. Which part of your fraction is different, "
    "or is something added to the divisor?",
    catalogue=edits(shrink, MISTAKES),
    also_right=[shrink_by_sigma, shrink_repaired, shrink_row_by_row, shrink_by_numpy],
)
