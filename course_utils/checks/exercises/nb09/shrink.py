"""9.2 How much is kept."""

import numpy
import torch

from course_utils.checks.exercises.nb09.calls import call
from course_utils.checks.parts import Stop, agree
from course_utils.wiener import shrink

BELOW_1 = "Right for alpha_bar below 1. At alpha_bar = 1, everything is kept where LA is above 0"
CLIPPED = "Is alpha_bar clipped, or a row set to 0? Guard the divisor alone: .clamp(min=1e-30)."
TOO_LARGE = (
    "The guard against 0 / 0 is too large, or alpha_bar is clipped: the fraction changes where LA "
    "is small, here 1e-6. Use .clamp(min=1e-30) on the divisor."
)
LOST = (
    "LA is 1e-9 and 1e-23 here. Added from the left, a * LA + 1 - a loses it beside the 1: write "
    "a * LA + (1 - a). And add nothing to the divisor."
)


def experiment(probe, attempt):
    right = True
    for B, n in [(3, 5), (4, 2), (2, 7)]:
        LA, alpha_bar = 0.1 + 3 * probe.uniform(n), 0.05 + 0.9 * probe.uniform(B)
        came = call(probe, attempt, LA, alpha_bar)
        right = right and agree(shrink(LA, alpha_bar), came)
    if not right:  # what it does with zeros says no more
        raise Stop
    zeros, tiny = [2.0, 0.7, 0.0, 0.0], [2.0**-20, 2.0**-15, 1.0]
    for LA, alpha_bar, look in [
        (zeros, [0.2, 0.5, 0.9], "Right where LA is above 0. Where it is 0, nothing is kept."),
        ([2.0, 0.7, 1.0], [0.5, 1.0], f"{BELOW_1}. {CLIPPED}"),
        (tiny, [0.9999, 1.0], TOO_LARGE),
        ([1e-9, 1e-23], [1.0], LOST),
        (zeros, [0.5, 1.0], f"{BELOW_1}, and nothing where it is 0."),
    ]:
        call(probe, attempt, torch.tensor(LA), torch.tensor(alpha_bar), look=look)
    probe.on_fake_device(attempt, torch.tensor(zeros), torch.tensor([0.5, 0.8, 0.3]))


MISTAKES = """
# infinity by infinity
- return pictures / (pictures + noise).clamp(min=1e-30)
+ return (pictures / noise) / (pictures / noise + 1)
At alpha_bar = 1 you divide by 1 - alpha_bar, which is 0, and the infinity that comes out is divided
by infinity: NaN, for every LA. alpha_bar LA / (alpha_bar LA + 1 - alpha_bar) divides only once.
# 0 / 0
+ return pictures / (pictures + noise)
Right except in one place: at LA = 0 and alpha_bar = 1 you compute 0 / 0, which is NaN. Nothing is
kept there. Keep the divisor above 0 with .clamp(min=1e-30), or choose with torch.where.
# LA lost beside 1
+ return pictures / (pictures + 1 - alpha_bar).clamp(min=1e-30)
a * LA + 1 - a is added from the left, so at alpha_bar = 1 a small LA is lost beside the 1: of 1e-9
nothing is left, and you divide by 0 or by your guard. Write a * LA + (1 - a).
# something kept where LA is 0
- alpha_bar * LA, 1 - alpha_bar
+ alpha_bar * LA.clamp(min=1e-30), 1 - alpha_bar
You lift LA above 0, or make 0 / 0 a 1, so at alpha_bar = 1 everything is kept where nothing should
be. Leave LA as it is, and guard the divisor alone.
# share of the noise
- return pictures / (pictures + noise).clamp(min=1e-30)
+ return noise / (pictures + noise).clamp(min=1e-30)
This is the share of the noise, which is what has to go. The share of the pictures is kept, so
alpha_bar LA stands above the line.
# upside down
+ return (pictures + noise) / pictures
The fraction is upside down: alpha_bar LA stands above the line and the sum below.
# divided by the noise alone
+ return pictures / noise.clamp(min=1e-30)
You divide by the variance of the noise alone. What's kept is a share of the whole: divide by
alpha_bar LA + 1 - alpha_bar.
# difference below the line
+ return pictures / (pictures - noise).clamp(min=1e-30)
There's a minus below the line. The variances of pictures and noise add up: alpha_bar LA + 1 -
alpha_bar, or brackets around what you subtract.
# root of the share
+ return (pictures / (pictures + noise).clamp(min=1e-30)).sqrt()
You take the root at the end, or of each part. The best factor is the ratio of variances itself.
# turned
+ return (pictures / (pictures + noise).clamp(min=1e-30)).T
The result is the wrong way round, (n, B). There should be a row for each alpha_bar and a column for
each LA, so give the new axis to alpha_bar: alpha_bar[:, None].
# brackets missing
+ return pictures / alpha_bar * LA + noise
| return pictures / pictures + noise
or
- alpha_bar * LA, 1 - alpha_bar
+ alpha_bar * LA, (1 - alpha_bar) * LA
Brackets are missing or misplaced below the line. Python reads a * LA / a * LA + 1 - a from left to
right; below belongs the whole sum, (a * LA + 1 - a), in which LA multiplies only a.
# another variance of the noise
+ alpha_bar * LA, (1 - alpha_bar) ** 2
| alpha_bar * LA, 1
The noise isn't 1 - alpha_bar in your fraction. In xt it's multiplied by sqrt(1 - alpha_bar), so its
variance is 1 - alpha_bar, with neither a square nor a root.
# sigma for its square
+ LA, ((1 - alpha_bar) / alpha_bar).sqrt()
You compare LA with sigma. LA holds variances: compare it with sigma^2, (1 - alpha_bar) / alpha_bar.
# LA squared, or its root
+ alpha_bar * LA**2, 1 - alpha_bar
| alpha_bar * LA.sqrt(), 1 - alpha_bar
You square LA, or take its root. LA holds variances, and variances are what you compare here.
# roles swapped
+ (1 - alpha_bar) * LA, alpha_bar
You've swapped alpha_bar and 1 - alpha_bar: the first belongs to the pictures, not to the noise.
# alpha_bar missing before LA
+ LA, 1 - alpha_bar
or
- return pictures / (pictures + noise).clamp(min=1e-30)
+ return LA / (pictures + noise).clamp(min=1e-30)
| return pictures / (LA + noise).clamp(min=1e-30)
An LA stands without alpha_bar, or your brackets make alpha_bar multiply the noise as well. The
variance of the pictures in xt is alpha_bar LA, both above the line and below it.
# root or square of alpha_bar
- alpha_bar = alpha_bar[:, None]
+ alpha_bar = alpha_bar[:, None].sqrt()
or
- alpha_bar * LA, 1 - alpha_bar
+ alpha_bar.sqrt() * LA, 1 - alpha_bar
You use the root of alpha_bar, or its square. The pictures are multiplied by sqrt(alpha_bar) and LA
holds variances, so LA is multiplied by alpha_bar itself.
# axes meet
+ alpha_bar * LA, 1 - alpha_bar[:, 0]
or
- alpha_bar = alpha_bar[:, None]
+
| alpha_bar = alpha_bar[None]
alpha_bar, (B,), meets LA, (n,), or the table (B, n). Each has to meet every one of the other, so
give alpha_bar another axis everywhere: alpha_bar[:, None], with shape (B, 1).
# one alpha_bar for all
+ alpha_bar = alpha_bar[:1].expand(len(alpha_bar))[:, None]
You use one alpha_bar for all pictures, such as the first. Each has its own, and its own row.
"""


def shrink_by_sigma(LA, alpha_bar):
    noise = (1 / alpha_bar - 1).unsqueeze(1)
    return torch.where(LA > 0, LA / (LA + noise), torch.zeros(()).to(LA))


def shrink_repaired(LA, alpha_bar):
    signal = torch.outer(alpha_bar, LA)
    return torch.nan_to_num(signal / (signal + (1 - alpha_bar).view(-1, 1)), nan=0.0)


def shrink_row_by_row(LA, alpha_bar):
    return torch.stack([a * LA / (a * LA + (1 - a) + 1e-30) for a in alpha_bar])


def shrink_by_numpy(LA, alpha_bar):
    signal = alpha_bar.cpu().numpy()[:, None] * LA.cpu().numpy()
    whole = signal + (1 - alpha_bar.cpu().numpy()[:, None])
    return torch.from_numpy(signal / numpy.maximum(whole, 1e-30)).to(LA)


REFERENCE = shrink
LOOK = (
    "With LA = 3 and alpha_bar = 0.5, exactly 0.75 is kept. Which part of your fraction is "
    "different, or is something added to the divisor?"
)
ALSO_RIGHT = [shrink_by_sigma, shrink_repaired, shrink_row_by_row, shrink_by_numpy]
