"""6.13 A U without halvings."""

import torch
from torch import nn

from course_utils.blocks import ConvBlock
from course_utils.checks.exercises.nb06.healthy_networks import FlatUNet
from course_utils.checks.exercises.nb06.repairs import repair_experiment


def arguments(probe, B, C, K, D, H, W):
    return (C, K, D), (probe.normal(B, C, H, W), probe.normal(B, D))


HINTS = {
    "channels, but got": "A block up gets x and a skip, joined along dim=1.",
    "list index|pop from empty": "There are three skips: skips[0], [1] and [2].",
    "missing 1 required.*'temb'": "Every block needs temb too: block(x, temb).",
}
MISTAKES = """
# skip before x
- x = block(torch.cat([x, skip], dim=1), temb)
+ x = block(torch.cat([skip, x], dim=1), temb)
The skip stands before x. Keep torch.cat([x, skip], dim=1).
# no time on the way up
+ x = block(torch.cat([x, skip], dim=1), 0 * temb)
| x = block(torch.cat([x, skip], dim=1), torch.zeros_like(temb))
The blocks on the way up don't get temb as it is: block(..., temb).
# joined along another axis
+ x = block(torch.cat([x, skip]), temb)
The two maps are joined along another axis. The channels are axis 1: torch.cat([x, skip], dim=1).
# blocks turned
- zip(self.up, reversed(skips))
+ zip(reversed(self.up), skips)
You turned the blocks round, which are all alike, so each skip still goes to another level. Turn the
skips round: reversed(skips).
# one block three times
- nn.ModuleList(ConvBlock(2 * ch, ch, time_dim) for _ in range(3))
+ nn.ModuleList([ConvBlock(2 * ch, ch, time_dim)] * 3)
One block is used three times on the way up. Each level needs a block with weights of its own.
# skips added
+ nn.ModuleList(ConvBlock(ch, ch, time_dim) for _ in range(3))
- torch.cat([x, skip], dim=1)
+ x + skip
You add the skips. Join them, torch.cat([x, skip], dim=1), so that the block can tell them apart.
# SiLU at the end
- self.out(x)
+ F.silu(self.out(x))
There's a SiLU too many, behind self.out. Return what self.out gives.
# self.out not used
+ x
You return what the last block gives. self.out makes in_ch channels of it: return self.out(x).
# the same skip always
- reversed(skips)
+ [skips[-1]] * 3
| [skips[0]] * 3
Every block on the way up gets the same skip. Use them one by one, from the last to the first.
# off by one
+ [skips[-i] for i in range(3)]
The order is first, last, middle, because skips[-0] is the first. Use skips[-1 - i], or reversed().
# rolled or shuffled
+ skips[1:] + skips[:1]
| [skips[2], skips[0], skips[1]]
| [skips[1], skips[1], skips[0]]
The way up doesn't get the skips last to first: use skips[2], skips[1], skips[0].
# kept before the block
- x = block(x, temb)
- skips.append(x)
+ skips.append(x)
+ x = block(x, temb)
You keep what goes into a block. The skip is what comes out of it: append x after the block.
# skips cut off
- skips.append(x)
+ skips.append(x.detach())
The numbers are right, but detach, .data or no_grad lets no gradient through the skips.
"""


class FlatByPop(FlatUNet):
    def forward(self, x, temb):
        kept = []
        for block in self.down:
            kept += [block(kept[-1] if kept else x, temb)]
        x = kept[-1]
        for block in self.up:
            x = block(torch.cat((x, kept.pop()), 1), temb)
        return self.out(x)


class FlatByIndex(FlatUNet):
    def forward(self, x, temb):
        skips = {}
        for i, block in enumerate(self.down):
            skips[i] = x = block(x, temb)
        for i in range(len(self.up)):
            x = self.up[i](torch.concat([x, skips[2 - i]], dim=-3), temb)
        return self.out(x)


class FlatByName(nn.Module):
    def __init__(self, in_ch, ch, time_dim):
        super().__init__()
        self.d1 = ConvBlock(in_ch, ch, time_dim)
        self.d2, self.d3 = ConvBlock(ch, ch, time_dim), ConvBlock(ch, ch, time_dim)
        self.u1, self.u2, self.u3 = (ConvBlock(ch + ch, ch, time_dim) for _ in range(3))
        self.last = nn.Linear(ch, in_ch)

    def forward(self, x, temb):
        a = self.d1(x, temb)
        b = self.d2(a, temb)
        c = self.d3(b, temb)
        x = self.u1(torch.hstack([c, c]), temb)
        x = self.u2(torch.hstack([x, b]), temb)
        x = self.u3(torch.hstack([x, a]), temb)
        return self.last(x.movedim(1, -1)).movedim(-1, 1)


class FlatByRecursion(FlatUNet):
    def level(self, i, x, temb):
        skip = self.down[i](x, temb)
        h = self.level(i + 1, skip, temb) if i < 2 else skip
        return self.up[2 - i](torch.cat([h, skip], dim=1), temb)

    def forward(self, x, temb):
        return self.out(self.level(0, x, temb))


REFERENCE = FlatUNet
experiment = repair_experiment(arguments, [(3, 4, 4, 5, 6, 7), (2, 3, 5, 8, 3, 4)], HINTS)
LOOK = (
    "Number the skips as they are kept, 0, 1, 2. The way up should use them as 2, 1, 0, each "
    "behind x, each in a block of its own with temb, and end with self.out."
)
ALSO_RIGHT = [FlatByPop, FlatByIndex, FlatByName, FlatByRecursion]
