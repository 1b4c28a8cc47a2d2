"""6.9 Groups that divide."""

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.checks.exercises.nb06.healthy_networks import NormedConv

ORDER = (
    "The order is convolution (3x3, padding=1, with a bias), GroupNorm with scale and shift, SiLU."
)


def experiment(probe, NormedConv):
    """64 first: there 32 groups are right, and wrong answers differ in what comes after it."""
    for B, C, K, groups, H, W in [
        (2, 4, 64, 32, 3, 5), (3, 2, 32, 32, 4, 2), (2, 3, 7, 7, 5, 4), (3, 6, 48, 24, 2, 5),
        (2, 5, 40, 20, 4, 3), (3, 2, 33, 11, 2, 4), (2, 3, 37, 1, 4, 2),
    ]:  # fmt: skip
        look = f"{K} channels should make {groups} groups, the largest divisor of {K} up to 32"
        order = "in_channels|embedding|normalized|expected input|channels, but got", "", ORDER
        with probe.advice(order, look=f"{look}. Print what your code gets."):
            module = probe.build(NormedConv, C, K)
        for made in [m.num_groups for m in module.modules() if isinstance(m, nn.GroupNorm)]:
            right = f"The number of groups is right. {ORDER}"
            look = right if made == groups else f"{look}; yours makes {made}"
        with probe.advice(order, look=look.rstrip(".") + "."):
            probe.train_and_eval(module, probe.normal(B, C, H, W))
    probe.on_fake_device(module, probe.normal(B, C, H, W))


MISTAKES = """
# each channel
- max(g for g in range(1, 33) if out_ch % g == 0)
+ out_ch
Each channel is a group of its own. Take the largest divisor of out_ch that is not above 32.
# only powers of two
+ math.gcd(32, out_ch)
You try only powers of 2, as halving 32 or math.gcd(32, out_ch) does. But 48 channels can be split
into 24 groups, not just 16: try every number from 32 down.
# too few
+ 1
| max(g for g in range(1, 17) if out_ch % g == 0)
| max(g for g in range(1, 9) if out_ch % g == 0)
You make at most 1, 8 or 16 groups. Take the largest divisor of out_ch up to 32.
# at most 32
+ min(32, out_ch)
min(32, out_ch) helps below 32. But the groups must divide out_ch, and 32 doesn't divide 48.
# another number unless 32 fits
+ 32 if out_ch % 32 == 0 else 1
| 32 if out_ch % 32 == 0 else out_ch
You give up where 32 doesn't fit. 48 channels make 24 groups: the largest divisor up to 32.
# groups of the input
- if out_ch % g == 0
+ if in_ch % g == 0
| if out_ch % g == in_ch % g == 0
You split the input channels. The norm comes after the convolution: its groups divide out_ch alone.
# 32 left out
- range(1, 33)
+ range(1, 32)
32 itself is left out: range(1, 32) ends at 31. Write range(1, 33).
# another norm
- nn.GroupNorm(groups, out_ch)
+ nn.BatchNorm2d(out_ch)
GroupNorm is gone, so it's another network. Keep it, and choose its number of groups by out_ch.
# norm not learned
+ nn.GroupNorm(groups, out_ch, affine=False)
Your norm has no scale and shift to learn. Leave affine at its default, True.
# arguments swapped
+ nn.GroupNorm(out_ch, groups)
nn.GroupNorm takes the number of groups first: nn.GroupNorm(groups, out_ch).
# norm in front
+ nn.GroupNorm(max(g for g in range(1, 33) if in_ch % g == 0), in_ch)
- self.norm(self.conv(x))
+ self.conv(self.norm(x))
The norm stands before the convolution. The order is convolution, GroupNorm, SiLU.
# SiLU not at the end
- F.silu(self.norm(self.conv(x)))
+ self.norm(F.silu(self.conv(x)))
| self.norm(self.conv(x))
| F.relu(self.norm(self.conv(x)))
The last thing isn't SiLU any more. Leave the order as it was: convolution, GroupNorm, SiLU.
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
        norm = nn.GroupNorm(next(g for g in range(32, 0, -1) if not out_ch % g), out_ch)
        super().__init__(nn.Conv2d(in_ch, out_ch, 3, 1, 1), norm, nn.SiLU())


class NormedByFunction(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.conv = nn.Conv2d(in_ch, out_ch, 3, padding=1)
        self.scale, self.shift = nn.Parameter(torch.ones(out_ch)), nn.Parameter(torch.zeros(out_ch))
        self.divisors = [g for g in range(1, out_ch + 1) if out_ch % g == 0 and g <= 32]

    def forward(self, x):
        return F.silu(F.group_norm(self.conv(x), self.divisors[-1], self.scale, self.shift))


class NormedByHand(NormedConv):
    def forward(self, x):
        h = self.conv(x)
        parts = rearrange(h, "b (g c) h w -> b g (c h w)", g=self.norm.num_groups)
        var, mean = torch.var_mean(parts, dim=2, correction=0, keepdim=True)
        normal = ((parts - mean) / torch.sqrt(var + 1e-5)).view_as(h)
        return F.silu(normal * self.norm.weight.view(-1, 1, 1) + self.norm.bias.view(-1, 1, 1))


REFERENCE = NormedConv
LOOK = ORDER
ALSO_RIGHT = [NormedByWhile, NormedSequential, NormedByFunction, NormedByHand]
