"""6.7 Down by three, up by two."""

import torch
from einops import pack, reduce
from torch.nn import functional as F

from course_utils.checks.exercises.nb06.healthy_networks import PoolUNet
from course_utils.checks.exercises.nb06.repairs import joins, repair_experiment
from course_utils.checks.parts import edits

TIP = "Print the sizes after every layer: up has to multiply by what the pool divides by."
CASES = [(2, 3, 4, 12, 6), (3, 1, 5, 8, 6), (4, 2, 3, 4, 10)]


def sizes(probe, B, C, K, H, W):
    return (C, K), [probe.normal(B, C, H, W)]


MISTAKES = """
# windows of 3
- nn.MaxPool2d(2)
+ nn.MaxPool2d(3, stride=2, padding=1)
| nn.MaxPool2d(3, stride=2, ceil_mode=True)
The pool steps by 2, but its windows are still 3 wide, so they overlap or don't fit. nn.MaxPool2d(2)
has windows of 2 x 2 pixels.
# pool steps by another number
+ nn.MaxPool2d(2, stride=1)
| nn.MaxPool2d(4)
The pool doesn't divide the sides by 2, and up multiplies them by 2: nn.MaxPool2d(2).
# convolution in place of the pool
+ nn.Conv2d(ch, ch, 2, stride=2)
You use a convolution in place of the pool. That makes a good network, but another one: a pool has
nothing to learn. Keep nn.MaxPool2d(2).
# average
- nn.MaxPool2d
+ nn.AvgPool2d
The pool takes the average of its pixels. Here it takes the largest: nn.MaxPool2d(2).
# no SiLU
- F.silu(self.down(x))
+ self.down(x)
or
- F.silu(self.bottom(self.pool(skip)))
+ self.bottom(self.pool(skip))
A SiLU is missing. Both convolutions on the way down have one.
# made to fit
- nn.MaxPool2d(2)
+ nn.MaxPool2d(3)
- self.up(h)
+ F.interpolate(self.up(h), size=skip.shape[2:])
You stretch the map that comes up to the skip's size, which hides the fault, and the two no longer
show the same place: pool by 2, as up doubles.
# skip cut
+ nn.MaxPool2d(3)
- skip], dim=1)
+ skip[:, :, : self.up(h).shape[2], : self.up(h).shape[3]]], dim=1)
You cut the skip to the size of what comes up, so the picture that comes out is smaller too: pool by
2, as up doubles.
# tripled instead
+ nn.MaxPool2d(3)
- kernel_size=2, stride=2
+ kernel_size=3, stride=3
The transposed convolution now steps by 3, as the pool does. That runs where 3 divides the sides,
but the network should halve and double.
"""


class PoolByFunction(PoolUNet):
    def forward(self, x):
        h = F.silu(self.down(x))
        low = self.bottom(F.max_pool2d(h, kernel_size=2, stride=2))
        return self.out(torch.cat((self.up(F.silu(low)), h), 1))


class PoolByEinops(PoolUNet):
    def forward(self, x):
        skip = F.silu(self.down(x))
        half = reduce(skip, "b c (h i) (w j) -> b c h w", "max", i=2, j=2)
        joined, _ = pack([self.up(F.silu(self.bottom(half))), skip], "b * h w")
        return self.out(joined)


class PoolAdaptive(PoolUNet):
    def forward(self, x):
        skip = F.silu(self.down(x))
        H, W = x.shape[2:]
        half = F.adaptive_max_pool2d(skip, (H // 2, W // 2))
        return self.out(torch.hstack([self.up(F.silu(self.bottom(half))), skip]))


class PoolBySlices(PoolUNet):
    def forward(self, x):
        skip = F.silu(self.down(x))
        rows = torch.maximum(skip[:, :, ::2], skip[:, :, 1::2])
        h = self.bottom(torch.maximum(rows[..., ::2], rows[..., 1::2]))
        return self.out(torch.cat([self.up(F.silu(h)), skip], dim=-3))


REFERENCE = PoolUNet
experiment = repair_experiment(sizes, CASES, {"Sizes of tensors": TIP})
LOOK = (
    "Only the pool's number has to change. The order stays: convolution, SiLU, pool, "
    "convolution, SiLU, transposed convolution, the skip behind what comes up, convolution."
)
CATALOGUE = edits(PoolUNet, joins("self.up(h)", "self.out = nn.Conv2d(2 * ch") + MISTAKES)
ALSO_RIGHT = [PoolByFunction, PoolByEinops, PoolAdaptive, PoolBySlices]
