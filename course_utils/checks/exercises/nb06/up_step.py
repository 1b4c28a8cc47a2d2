"""6.5 Half the channels are missing."""

import torch
from einops import pack
from torch import nn

from course_utils.blocks import ConvBlock
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.exercises.nb06.broken_networks import PATIENTS
from course_utils.checks.exercises.nb06.healthy_networks import UpStep
from course_utils.checks.exercises.nb06.repairs import joins, repair_experiment
from course_utils.checks.mistakes import edits

HINTS = {
    "to have .* channels": "Print what goes into that layer. It should have 2K after the join.",
    "Sizes of tensors": "The skip is twice as large as x: double x, and then join the two.",
}
CASES = [(3, 7, 4, 5, 2, 3), (2, 3, 6, 4, 3, 1), (4, 10, 5, 3, 1, 2)]


def sizes(probe, B, C, K, D, H, W):
    inputs = probe.normal(B, C, H, W), probe.normal(B, K, 2 * H, 2 * W), probe.normal(B, D)
    return (C, K, D), inputs


def note_skip(probe, module, x, skip, temb):
    """Write down whether a call does anything with the skip before it ends or fails."""
    touched, how = [], "Your forward never looks at the skip."

    class Watched(torch.Tensor):
        @classmethod
        def __torch_function__(cls, *args, **kwargs):
            touched.append(args)
            return super().__torch_function__(*args, **kwargs)

    try:
        module(x, skip.as_subclass(Watched), temb)
    except RuntimeError as error:
        how = f'Your forward fails before it looks at the skip: "{error}".'
    except Exception:
        touched.append("perhaps")  # the probe will show what it is
    tip = "Print the shapes on the way. The skip goes behind the doubled map, along the channels."
    probe.note("the skip is used", bool(touched), how, tip)


MISTAKES = """
# block made narrower
- ConvBlock(2 * out_ch
+ ConvBlock(out_ch
The block is made for out_ch channels now, and gets those of two maps. It was right as it was.

# joined to itself
- [self.up(x), skip]
+ [self.up(x), self.up(x)]
or
+ [skip, skip]
One of the two maps is joined to itself, and the other isn't used. The channels fit, but half the
information is missing.
# filled with zeros
+ [self.up(x), torch.zeros_like(self.up(x))]
or
+ [self.up(x), torch.zeros_like(skip)]
The missing channels are filled with zeros. They fit, but the skip still isn't used.

# joined before doubling
- torch.cat([self.up(x), skip], dim=1)
+ self.up(torch.cat([x, skip], dim=1))
The skip meets x before it is doubled, when their sizes differ. First x = self.up(x), then join.

# skip added at the end
- ConvBlock(2 * out_ch
+ ConvBlock(out_ch
- x = torch.cat([self.up(x), skip], dim=1)
- return self.block(x, temb)
+ x = self.up(x)
+ return self.block(x, temb) + skip
The skip is added after the block, which never sees it. Join it to the doubled map before the block,
with cat.

# skip joined at the end
+ ConvBlock(out_ch
- x = torch.cat([self.up(x), skip], dim=1)
- return self.block(x, temb)
+ x = self.up(x)
+ return torch.cat([self.block(x, temb), skip], dim=1)
The skip is joined after the block, which never sees it. Join it before; the block was made for
both.
"""


class StepByEinops(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.convs = ConvBlock(2 * out_ch, out_ch, time_dim)
        self.up2 = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=2, stride=2)

    def forward(self, x, skip, temb):
        joined, _ = pack([self.up2(x), skip], "b * h w")
        return self.convs(joined, temb)


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


EXERCISE = Exercise(
    id="6.5",
    title="Half the channels are missing",
    notebook="06_debugging_dimensions",
    reference=UpStep,
    patient=PATIENTS["UpStep"],
    experiment=repair_experiment(sizes, CASES, hints=HINTS, before=note_skip),
    look="The order is: double the map, put the skip behind it along the channels, block.",
    catalogue=edits(UpStep, joins("self.up(x)", "ConvBlock(2 * out_ch") + MISTAKES),
    also_right=[StepByEinops, StepThatFills, StepByStack, StepByPadding],
)
