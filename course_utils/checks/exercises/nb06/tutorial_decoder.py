"""6.3 The tutorial's decoder."""

import torch
from einops import pack
from torch import nn

from course_utils.blocks import ConvBlock
from course_utils.checks.exercises.nb06.healthy_networks import TutorialDecoder
from course_utils.checks.exercises.nb06.repairs import joins, repair_experiment
from course_utils.checks.parts import edits

HINTS = {
    "to have .* channels": "Print the shape that cat makes, and what the block is made for.",
    "Sizes of tensors": "up(x) meets the skip of another level. The lowest skip is the last.",
    "out of range": "i goes from len(chs) - 1, the lowest level, to 1, the one below the top.",
}
CASES = [(3, [2, 5, 10], 4, 6, 1, 2), (2, [4, 7, 6, 3], 2, 5, 1, 1)]
LENIENT = [(2, [5, 5], 3, 4, 1, 2)]


def sizes(probe, B, chs, K, D, H, W):
    levels = [(ch, H * 2**n, W * 2**n) for n, ch in enumerate(reversed(chs))]
    x, *skips = [probe.normal(B, *level) for level in levels]
    return (chs, K, D), (x, skips[::-1], probe.normal(B, D))


def experiment(probe, attempt):
    repair_experiment(sizes, CASES, HINTS, LENIENT)(probe, attempt)
    made, (x, skips, temb) = sizes(probe, *CASES[0])
    given = list(skips)
    probe.run("decoder(x, skips, temb)", attempt(*made), x, given, temb)
    wrong = "Your forward changes the caller's list of skips."
    tip = "pop and reverse work on the list itself: make one of your own, list(reversed(skips))."
    probe.note("the skips are as they were", [*map(id, given)] == [*map(id, skips)], wrong, tip)


MISTAKES = """
# channels of both levels
- ConvBlock(2 * chs[i - 1],
+ ConvBlock(chs[i] + chs[i - 1],
The block is made for chs[i] + chs[i - 1] channels, but up has already turned the chs[i] into
chs[i - 1]. Count what cat joins.
# channels of the level below
+ ConvBlock(chs[i],
chs[i] channels fit only where a level has twice as many as the one above it. cat joins two maps of
chs[i - 1].
# channels of one map
+ ConvBlock(chs[i - 1],
The block is made for chs[i - 1] channels, as many as one map has. cat joins two of them.
# skips from the top
- for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
+ for up, block, skip in zip(self.ups, self.blocks, skips):
You take the skips from the top, but the way up begins at the bottom: reversed(skips).
# skips popped
+ for up, block in zip(self.ups, self.blocks):
+     skip = skips.pop()
Your forward changes the caller's list of skips, as pop, reverse and clear do. Go over
reversed(skips), which leaves it as it was.
# SiLU
- return self.out(x)
+ return F.silu(self.out(x))
or
- x = block(x, temb)
+ x = F.silu(block(x, temb))
There's a SiLU too many. The blocks have their own, and nothing follows self.out.
# no time
+ x = block(x, 0 * temb)
| x = block(x, torch.zeros_like(temb))
The blocks don't get temb as it came. Hand it on: block(x, temb).
# no bias
- self.out = nn.Conv2d(chs[0], out_ch, 1)
+ self.out = nn.Conv2d(chs[0], out_ch, 1, bias=False)
self.out has lost its bias. Leave it as it was.
# up keeps its channels
- upsample(chs[i], chs[i - 1])
+ upsample(chs[i], chs[i])
- ConvBlock(2 * chs[i - 1],
+ ConvBlock(chs[i] + chs[i - 1],
| ConvBlock(2 * chs[i],
up now keeps all chs[i] channels, which makes this another, larger network. Leave up as it was: the
fault is in one number of the blocks.
"""


class DecoderByPairs(nn.Module):
    def __init__(self, chs, out_ch, time_dim):
        super().__init__()
        self.up, self.conv = nn.ModuleList(), nn.ModuleList()
        for below, here in zip(chs[:0:-1], chs[-2::-1]):
            self.up.append(nn.ConvTranspose2d(below, here, 2, 2))
            self.conv.append(ConvBlock(here + here, here, time_dim))
        self.last = nn.Linear(chs[0], out_ch)

    def forward(self, x, skips, temb):
        for i in range(len(skips)):
            x = self.conv[i](torch.cat((self.up[i](x), skips[-1 - i]), 1), temb)
        return self.last(x.movedim(1, -1)).movedim(-1, 1)


class DecoderThatPops(TutorialDecoder):
    def forward(self, x, skips, temb):
        skips = list(skips)
        for up, block in zip(self.ups, self.blocks):
            x, _ = pack([up(x), skips.pop()], "b * h w")
            x = block(x, temb)
        return self.out(x)


class DecoderByNumbers(TutorialDecoder):
    def __init__(self, chs, out_ch, time_dim):
        super().__init__(chs, out_ch, time_dim)
        ins = [2 * up.out_channels for up in self.ups]
        self.blocks = nn.ModuleList([ConvBlock(c, c // 2, time_dim) for c in ins])


class DecoderByRecursion(TutorialDecoder):
    def forward(self, x, skips, temb):
        return self.out(self.level(x, skips, temb))

    def level(self, x, skips, temb):
        if not skips:
            return x
        x = self.ups[len(skips) - 1](self.level(x, skips[1:], temb))
        return self.blocks[len(skips) - 1](torch.hstack([x, skips[0]]), temb)


REFERENCE = TutorialDecoder
LOOK = (
    "Only a number in __init__ was wrong. Leave forward and self.out as they were: up(x), the "
    "skip behind it, block(x, temb), and self.out at the end, with no SiLU of its own."
)
CATALOGUE = edits(TutorialDecoder, joins("up(x)", "ConvBlock(2 * chs[i - 1],") + MISTAKES)
ALSO_RIGHT = [DecoderByPairs, DecoderThatPops, DecoderByNumbers, DecoderByRecursion]
