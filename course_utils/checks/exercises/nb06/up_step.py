"""6.5 Half the channels are missing."""

import torch
from einops import pack
from torch import nn

from course_utils.blocks import ConvBlock, Upsample
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.probe import Hint
from course_utils.checks.exercises.nb06.broken_networks import PATIENTS
from course_utils.checks.exercises.nb06.healthy_networks import UpStep
from course_utils.checks.exercises.nb06.skip_joins import joins
from course_utils.checks.exercises.nb06.tutorial_decoder import note_parameters
from course_utils.checks.mistakes import edits


def step_experiment(probe, UpStep):
    for B, C, K, D, H, W in [(3, 7, 4, 5, 2, 3), (2, 3, 6, 4, 3, 1), (4, 10, 5, 3, 1, 2)]:
        with probe.advice(*HINTS):
            module = probe.build(UpStep, C, K, D)
            inputs = probe.normal(B, C, H, W), probe.normal(B, K, 2 * H, 2 * W), probe.normal(B, D)
            note_skip(probe, module, *inputs)
            probe.train_and_eval(module, *inputs)
        note_parameters(probe, module)
    probe.on_fake_device(module, *inputs)


def note_skip(probe, module, x, skip, temb):
    """Write down whether a call does anything with the skip before it ends or fails."""
    touched, how = [], "Your forward never looks at the skip."

    class Watched(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            touched.append(function)
            return super().__torch_function__(function, types, args, kwargs or {})

    try:
        module(x, skip.as_subclass(Watched), temb)
    except RuntimeError as error:
        how = f'Your forward fails before it looks at the skip: "{error}".'
    except Exception:
        touched.append("perhaps")  # the probe will show what it is
    tip = "Print the shapes on the way. The skip goes behind the doubled map, along the channels."
    probe.note("the skip is used", bool(touched), how, tip)


HINTS = [
    Hint(
        "to have .* channels",
        "",
        "Print the shape of what goes into that layer. After the join it should have the channels "
        "of both maps, 2 * out_ch.",
    ),
    Hint(
        "Sizes of tensors must match",
        "",
        "The skip has twice the height and width of x. Double x first, then join the two.",
    ),
]
MISTAKES = """
# block made narrower
- ConvBlock(2 * out_ch
+ ConvBlock(out_ch
The block is made for out_ch channels now, and gets those of two maps. It was right as it was.

# skip added at the end
- ConvBlock(2 * out_ch
+ ConvBlock(out_ch
- x = torch.cat([self.up(x), skip], dim=1)
- return self.block(x, temb)
+ x = self.up(x)
+ return self.block(x, temb) + skip
The skip is added after the block, which never sees it. Join it to the doubled map before the block,
with cat; the block was made for both.

# skip joined at the end
- ConvBlock(2 * out_ch
+ ConvBlock(out_ch
- x = torch.cat([self.up(x), skip], dim=1)
- return self.block(x, temb)
+ x = self.up(x)
+ return torch.cat([self.block(x, temb), skip], dim=1)
The skip is joined after the block, which never sees it, so 2 * out_ch channels come out. Join it
before the block; the block was made for both.

# joined to itself
- [self.up(x), skip]
+ [self.up(x), self.up(x)]
or
- [self.up(x), skip]
+ [skip, skip]
One of the two maps is joined to itself, and the other isn't used. The channels fit, but half the
information is missing: join the doubled map and the skip.

# filled with zeros
- [self.up(x), skip]
+ [self.up(x), torch.zeros_like(self.up(x))]
or
- [self.up(x), skip]
+ [self.up(x), torch.zeros_like(skip)]
The missing channels are filled with zeros. They fit, but the skip still isn't used: join it to the
doubled map.

# joined before doubling
- torch.cat([self.up(x), skip], dim=1)
+ self.up(torch.cat([x, skip], dim=1))
The skip meets x before it is doubled, when their sizes differ. First x = self.up(x), then join the
two.

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


class StepInOneLine(UpStep):
    def forward(self, below, across, temb):
        return self.block(torch.hstack((self.up(below), across)), temb)


class StepByStack(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.parts = nn.ModuleDict({"up": Upsample(in_ch, out_ch)})
        self.parts["block"] = ConvBlock(2 * out_ch, out_ch, time_dim)

    def forward(self, x, skip, temb):
        two = torch.stack([self.parts["up"](x), skip], dim=1)
        return self.parts["block"](two.flatten(1, 2), temb)


EXERCISE = Exercise(
    id="6.5",
    title="Half the channels are missing",
    notebook="06_debugging_dimensions",
    reference=UpStep,
    patient=PATIENTS["UpStep"],
    experiment=step_experiment,
    look="The order is: double the map, put the skip behind it along the channels, block.",
    catalogue=edits(UpStep, joins("self.up(x)", "ConvBlock(2 * out_ch") + MISTAKES),
    also_right=[StepByEinops, StepThatFills, StepInOneLine, StepByStack],
)
