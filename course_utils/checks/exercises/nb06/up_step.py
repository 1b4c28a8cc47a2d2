"""6.5 Half the channels are missing."""

import torch
from einops import pack

from course_utils.checks.exercises.nb06.healthy_networks import UpStep
from course_utils.checks.exercises.nb06.repairs import joins, repair_experiment
from course_utils.checks.parts import edits

HINTS = {
    "to have .* channels": "Print what goes into that layer. It should have 2K after the join.",
    "Sizes of tensors": "The skip is twice as large as x: double x first, then join the two.",
}
CASES = [(3, 7, 4, 5, 2, 3), (2, 3, 6, 4, 3, 1), (4, 10, 5, 3, 1, 2)]


def sizes(probe, B, C, K, D, H, W):
    inputs = probe.normal(B, C, H, W), probe.normal(B, K, 2 * H, 2 * W), probe.normal(B, D)
    return (C, K, D), inputs


def experiment(probe, UpStep):
    """With a skip of another size first: to add it fails in another way than to forget it."""
    made, (x, skip, temb) = sizes(probe, *CASES[0])
    module, error = probe.build(UpStep, *made), ""
    try:
        module(x, skip[:, :, 1:], temb)
    except Exception as raised:
        error = str(raised)
    wrong = "Your forward doesn't look at the skip."
    tip = "It goes behind the doubled map, along the channels."
    probe.note("the skip is used", "channels, but got" not in error, wrong, tip)
    repair_experiment(sizes, CASES, HINTS)(probe, UpStep)


MISTAKES = """
# joined to itself
- torch.cat([self.up(x), skip], dim=1)
+ torch.cat([self.up(x), self.up(x)], dim=1)
| torch.cat([skip, skip], dim=1)
You join one of the two maps to itself, and don't use the other. The channels fit, but half the
information is missing.
# channels alternate
+ torch.stack([self.up(x), skip], dim=2).flatten(1, 2)
The channels of the two maps alternate. Those of the skip go behind all others: torch.cat.
# skip cut off
+ torch.cat([self.up(x), skip.detach()], dim=1)
No gradient gets through the skip to the blocks that made it. Join it without detach or no_grad.
# joined before doubling
+ self.up(torch.cat([x, skip], dim=1))
You join the skip to x before x is doubled, so their sizes differ. First x = self.up(x), then join.
# SiLU
- self.block(x, temb)
+ F.silu(self.block(x, temb))
There's a SiLU too many. What the block returns is the result.
# added behind the block too
+ self.block(x, temb) + skip
You add the skip behind the block. It's joined in front of it; what the block returns is the result.
# no time
+ self.block(x, 0 * temb)
The block doesn't get temb as it is: self.block(x, temb).
# skip after the block
- ConvBlock(2 * out_ch
+ ConvBlock(out_ch
- x = torch.cat([self.up(x), skip], dim=1)
- return self.block(x, temb)
+ x = self.up(x)
+ return self.block(x, temb) + skip
The skip comes in after the block, which never sees it. Join it to the doubled map before the block,
with cat: the block was made for both.
"""


class StepByEinops(UpStep):
    def forward(self, x, skip, temb):
        return self.block(pack([self.up(x), skip], "b * h w")[0], temb)


class StepThatFills(UpStep):
    def forward(self, x, skip, temb):
        K = skip.shape[1]
        joined = skip.new_empty(len(skip), 2 * K, *skip.shape[2:])
        joined[:, :K] = self.up(x)
        joined[:, K:] = skip
        return self.block(joined, temb)


class StepByStack(UpStep):
    def forward(self, below, across, temb):
        return self.block(torch.stack([self.up(below), across], dim=1).flatten(1, 2), temb)


class StepByPadding(UpStep):
    def forward(self, x, skip, temb):
        nothing = torch.zeros_like(skip)
        return self.block(torch.hstack([self.up(x), nothing]) + torch.hstack([nothing, skip]), temb)


REFERENCE = UpStep
LOOK = (
    "The join makes self.up(x), then skip, K channels each. That goes through self.block with "
    "temb, and comes back as it is. Print what differs."
)
CATALOGUE = edits(UpStep, joins("self.up(x)", "ConvBlock(2 * out_ch") + MISTAKES)
ALSO_RIGHT = [StepByEinops, StepThatFills, StepByStack, StepByPadding]
