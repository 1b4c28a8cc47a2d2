"""6.13 The skip of one's own level."""

import torch
from torch import nn

from course_utils.blocks import ConvBlock
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.exercises.nb06.broken_networks import PATIENTS
from course_utils.checks.exercises.nb06.healthy_networks import FlatUNet
from course_utils.checks.mistakes import edits


def note_parameters(probe, module):
    """Write down how many numbers a module learns; call it last, so that values come first."""
    probe.note("number of parameters", sum(p.numel() for p in module.parameters()))


def flat_unet_experiment(probe, FlatUNet):
    for B, C, K, D, H, W in [(3, 4, 4, 5, 6, 7), (2, 3, 5, 8, 3, 4)]:
        module = probe.build(FlatUNet, C, K, D)
        with probe.advice(
            ("channels, but got", "", "A block up gets x and a skip, joined along dim=1."),
            ("list index|pop from empty", "", "There are three skips: skips[0], [1] and [2]."),
            ("missing 1 required.*'temb'", "", "Every block needs temb too: block(x, temb)."),
        ):
            probe.train_and_eval(module, probe.normal(B, C, H, W), probe.normal(B, D))
        note_parameters(probe, module)


MISTAKES = """
# skip before x
- torch.cat([x, skip], dim=1)
+ torch.cat([skip, x], dim=1)
The order of the skips is right now, but the skip stands before x. Keep torch.cat([x, skip], dim=1).
# x twice
+ torch.cat([x, x], dim=1)
x is joined to itself, and no skip is used: torch.cat([x, skip], dim=1).

# the same skip always
- reversed(skips)
+ [skips[-1]] * 3
or
+ [skips[0]] * 3
Every block on the way up gets the same skip. Use them one by one, from the last to the first.
# off by one
+ [skips[-i] for i in range(3)]
The skips come in the order first, last, middle. skips[-i] is the first one for i = 0: use
reversed(skips), or skips[-1 - i].
# one past the end
+ [skips[len(skips) - i] for i in range(3)]
The index begins one past the end: the last of three is skips[2]. Use reversed(skips).
# only some turned round
+ [skips[2], skips[0], skips[1]]
or
+ [skips[1], skips[0], skips[2]]
Only some of the skips have changed places. Turn the whole list round: last, middle, first.
# one skip left out
+ skips[-2::-1]
One skip is left out, so only two blocks run on the way up. Use all three, the last one first.
# reverse() for its value
+ skips.reverse()
skips.reverse() turns the list round and returns None. Use reversed(skips), which gives the skips
from the end.
# channels or pictures turned
+ [skip.flip(1) for skip in skips]
or
+ [skip.flip(0) for skip in skips]
flip turned the channels or pictures of each skip. It's the list that has to be turned:
reversed(skips).

# kept before the block
- x = block(x, temb)
- skips.append(x)
+ skips.append(x)
+ x = block(x, temb)
You keep what goes into a block. The skip is what comes out of it: x = block(x, temb) first, then
skips.append(x).

# joined along another axis
- skip], dim=1)
+ skip])
or
+ skip], dim=-1)
The two maps are joined along another axis. The channels are axis 1: torch.cat([x, skip], dim=1).

# skips cut off
- skips.append(x)
+ skips.append(x.detach())
The numbers are right, but no gradient comes through the skips: detach, .data or no_grad cuts the
graph.

# last layer not used
- self.out(x)
+ x
The last 1x1 convolution isn't used, so ch channels come back in place of in_ch: self.out(x).

# skip before x, order kept
- reversed(skips)
+ skips
- torch.cat([x, skip], dim=1)
+ torch.cat([skip, x], dim=1)
You swapped x and skip in torch.cat. The fault is which skip comes when: the last one has to be used
first.

# skips added
- nn.ModuleList(ConvBlock(2 * ch, ch, time_dim) for _ in range(3))
+ nn.ModuleList(ConvBlock(ch, ch, time_dim) for _ in range(3))
- torch.cat([x, skip], dim=1)
+ x + skip
The skips are added. Join them, torch.cat([x, skip], dim=1), so that the block can treat the two
differently.

# no skips
+ nn.ModuleList(ConvBlock(ch, ch, time_dim) for _ in range(3))
- torch.cat([x, skip], dim=1)
+ x
There are no skips any more. Then the fault is gone, and the U too: use them, the last one first.
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


EXERCISE = Exercise(
    id="6.13",
    title="The skip of one's own level",
    notebook="06_debugging_dimensions",
    reference=FlatUNet,
    patient=PATIENTS["FlatUNet"],
    experiment=flat_unet_experiment,
    look="Number the skips as they are kept, 0, 1, 2. The way up should use them as 2, 1, 0, each "
    "behind x, and end with self.out.",
    catalogue=edits(FlatUNet, MISTAKES),
    also_right=[FlatByPop, FlatByIndex, FlatByName, FlatByRecursion],
)
