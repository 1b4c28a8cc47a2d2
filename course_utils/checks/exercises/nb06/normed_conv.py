"""6.9 Groups that divide."""

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.exercises.nb06.broken_networks import PATIENTS
from course_utils.checks.exercises.nb06.healthy_networks import NormedConv
from course_utils.checks.mistakes import edits

ORDER = "The groups are right. The order is convolution (3x3, padding=1), GroupNorm, SiLU."


def normed_conv_experiment(probe, NormedConv):
    """64 first: there 32 groups are right, and wrong answers differ in what comes after it."""
    for B, C, K, groups, H, W in [
        (2, 4, 64, 32, 3, 5),
        (3, 2, 32, 32, 4, 2),
        (2, 3, 7, 7, 5, 4),
        (3, 6, 48, 24, 2, 5),
        (2, 5, 40, 20, 4, 3),
        (3, 2, 33, 11, 2, 4),
        (2, 3, 37, 1, 4, 2),
    ]:
        look = f"{K} channels should make {groups} groups, the largest divisor of {K} up to 32."
        with probe.advice(
            ("in_channels|embedding|normalized|expected input|channels, but got", "", ORDER),
            look=f"{look} Print what your code gets." if K < 64 else ORDER,
        ):
            module = probe.build(NormedConv, C, K)
            probe.train_and_eval(module, probe.normal(B, C, H, W))
    probe.on_fake_device(module, probe.normal(B, C, H, W))


MISTAKES = """
# each channel
- max(g for g in range(1, 33) if out_ch % g == 0)
+ out_ch
Every channel is a group of its own, also where there are more than 32. But 32 groups are the most:
take the largest divisor of out_ch up to 32.
# one group
+ 1
All channels are one group. Take as many groups as possible: the largest divisor of out_ch up to 32.
# only powers of two
+ math.gcd(32, out_ch)
You try only powers of 2, as halving 32 or math.gcd(32, out_ch) does. But 48 channels can be split
into 24 groups, not just 16: try every number from 32 down.
# a fixed number
+ 16
or
+ 8
or
+ 24
The number of groups is always the same, so the fault only moves to other channels. Take the largest
divisor of out_ch up to 32.
# at most 32
+ min(32, out_ch)
min(32, out_ch) helps below 32 channels. But 48 channels can't be split into 32 groups either: the
number of groups has to divide out_ch.
# another number unless 32 fits
+ 32 if out_ch % 32 == 0 else 1
or
+ 32 if out_ch % 32 == 0 else out_ch
Where 32 doesn't fit, you give up too soon. Take the largest divisor of out_ch up to 32: 24 for 48
channels, 20 for 40.

# groups of the input
- if out_ch % g == 0
+ if in_ch % g == 0
You split the input channels. The norm comes after the convolution: its groups divide out_ch.

# 32 left out
- range(1, 33)
+ range(1, 32)
32 itself is left out: range(1, 32) ends at 31. Write range(1, 33).
# 0 is tried
+ range(33)
range(33) begins with 0, and nothing can be divided by 0. Write range(1, 33).

# does it divide?
- out_ch % g == 0
+ g % out_ch == 0
or
+ out_ch % g
g divides the channels where out_ch % g == 0, with the channels before the %. You ask for something
else.

# no norm
- self.norm = nn.GroupNorm(groups, out_ch)
+ self.norm = nn.Identity()
The norm is gone, so it's another network. Choose the number of groups by out_ch instead.

# BatchNorm
- nn.GroupNorm(groups, out_ch)
+ nn.BatchNorm2d(out_ch)
That is BatchNorm, which mixes the pictures of a batch. Keep GroupNorm and choose its number of
groups by out_ch.
# norm not learned
+ nn.GroupNorm(groups, out_ch, affine=False)
Your norm has no scale and shift to learn. Leave affine at its default, True.
# arguments swapped
+ nn.GroupNorm(out_ch, groups)
nn.GroupNorm takes the number of groups first: nn.GroupNorm(groups, out_ch).

# SiLU before the norm
- F.silu(self.norm(self.conv(x)))
+ self.norm(F.silu(self.conv(x)))
SiLU comes before the norm. The order is convolution, GroupNorm, SiLU.
# no SiLU
+ self.norm(self.conv(x))
SiLU is missing at the end. The fault was the number of groups; leave the rest as it is.

# ReLU instead of SiLU
- F.silu
+ F.relu
That is ReLU, and it was SiLU. The fault was the number of groups; leave the rest as it is.

# norm in front
- nn.GroupNorm(groups, out_ch)
+ nn.GroupNorm(max(g for g in range(1, 33) if in_ch % g == 0), in_ch)
- self.norm(self.conv(x))
+ self.conv(self.norm(x))
The norm stands before the convolution. The order is convolution, GroupNorm, SiLU.
"""


class NormedByWhile(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        n = 32
        while out_ch % n != 0:
            n -= 1
        self.gn = nn.GroupNorm(num_channels=out_ch, num_groups=n)
        self.c = nn.Conv2d(in_ch, out_ch, (3, 3), padding="same")

    def forward(self, x):
        h = self.gn(self.c(x))
        return h * h.sigmoid()


class NormedSequential(nn.Sequential):
    def __init__(self, in_ch, out_ch):
        groups = next(g for g in reversed(range(33)) if not out_ch % g)
        super().__init__(
            nn.Conv2d(in_ch, out_ch, 3, 1, 1), nn.GroupNorm(groups, out_ch), nn.SiLU()
        )  # fmt: skip


class NormedByFunction(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.conv = nn.Conv2d(in_ch, out_ch, 3, padding=1)
        self.scale, self.shift = nn.Parameter(torch.ones(out_ch)), nn.Parameter(torch.zeros(out_ch))

    def forward(self, x):
        h = self.conv(x)
        divisors = [g for g in range(1, h.shape[1] + 1) if h.shape[1] % g == 0 and g <= 32]
        return F.silu(F.group_norm(h, divisors[-1], self.scale, self.shift))


class NormedByHand(NormedConv):
    def forward(self, x):
        h = self.conv(x)
        parts = rearrange(h, "b (g c) h w -> b g (c h w)", g=self.norm.num_groups)
        var, mean = torch.var_mean(parts, dim=2, correction=0, keepdim=True)
        normal = ((parts - mean) / torch.sqrt(var + 1e-5)).view_as(h)
        return F.silu(normal * self.norm.weight.view(-1, 1, 1) + self.norm.bias.view(-1, 1, 1))


EXERCISE = Exercise(
    id="6.9",
    title="Groups that divide",
    notebook="06_debugging_dimensions",
    reference=NormedConv,
    patient=PATIENTS["NormedConv"],
    experiment=normed_conv_experiment,
    look=ORDER,
    catalogue=edits(NormedConv, MISTAKES),
    also_right=[NormedByWhile, NormedSequential, NormedByFunction, NormedByHand],
)
