"""6.3 Too many channels for a block."""

import contextlib

import torch
from einops import pack
from torch import nn

from course_utils.blocks import ConvBlock, Upsample
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.probe import Hint, Stop
from course_utils.checks.exercises.nb06.broken_networks import PATIENTS
from course_utils.checks.exercises.nb06.healthy_networks import TutorialDecoder
from course_utils.checks.exercises.nb06.skip_joins import joins
from course_utils.checks.mistakes import edits


def decoder_experiment(probe, TutorialDecoder):
    # Wrong numbers of channels fit some lists. There, what else is wrong can be seen.
    for case in [(2, [5, 5], 3, 4, 1, 2), (2, [3, 6], 4, 5, 2, 1)]:
        with contextlib.suppress(Stop):
            decoder_case(probe, TutorialDecoder, *case)
    for case in [(3, [2, 5, 10], 4, 6, 1, 2), (2, [4, 7, 6, 3], 2, 5, 1, 1)]:
        module, inputs = decoder_case(probe, TutorialDecoder, *case)
    x, skips, temb = inputs
    given = list(skips)
    probe.run("decoder(x, skips, temb)", module, x, given, temb)
    kept = len(given) == len(skips) and all(a is b for a, b in zip(given, skips))
    wrong = "Your forward changes the caller's list of skips."
    tip = "pop and reverse work on the list itself: make one of your own, list(reversed(skips))."
    probe.note("the list of skips is as it was", kept, wrong, tip)
    probe.on_fake_device(module, *inputs)


def decoder_case(probe, TutorialDecoder, B, chs, K, D, H, W):
    with probe.advice(*HINTS):
        module = probe.build(TutorialDecoder, chs, K, D)
        sizes = [(ch, H * 2**n, W * 2**n) for n, ch in enumerate(reversed(chs[:-1]), start=1)]
        skips = [probe.normal(B, *size) for size in reversed(sizes)]
        inputs = probe.normal(B, chs[-1], H, W), skips, probe.normal(B, D)
        probe.train_and_eval(module, *inputs)
    note_parameters(probe, module)
    return module, inputs


def note_parameters(probe, module):
    """Write down how many numbers a module learns; call it last, so that values come first."""
    count = sum(p.numel() for p in module.parameters())
    look = "The result is right, but there is a layer too many or too few. Change only the fault."
    probe.note("number of parameters", count, look=look)


HINTS = [
    Hint(
        "to have .* channels",
        "",
        "Print the shapes of up(x), of skip and of what cat makes of them, and compare the last "
        "with what the block is made for.",
    ),
    Hint(
        "Sizes of tensors must match",
        "",
        "up(x) meets the skip of another level. skips lists the top first, and the way up begins "
        "at the bottom.",
    ),
    Hint("index out of range", "", "For the lowest level i is len(chs) - 1, for the top it is 1."),
]
MISTAKES = """
# channels of both levels
- ConvBlock(2 * chs[i - 1],
+ ConvBlock(chs[i] + chs[i - 1],
The block is made for chs[i] + chs[i - 1] channels, but up has already made chs[i - 1] of the
chs[i]. Count what cat joins.

# channels of the level below
- ConvBlock(2 * chs[i - 1],
+ ConvBlock(chs[i],
The block is made for chs[i] channels, which is right only where a level has twice the channels of
the one above it. cat joins two maps of chs[i - 1] channels.

# channels of one map
- ConvBlock(2 * chs[i - 1],
+ ConvBlock(chs[i - 1],
The block is made for chs[i - 1] channels, those of one map. cat joins two of them.

# blocks return too much
- chs[i - 1], time_dim)
+ chs[i], time_dim)
The block returns chs[i] channels, but the next layer is made for chs[i - 1]. Only the number of the
block's inputs is wrong.

# up keeps its channels
- Upsample(chs[i], chs[i - 1])
+ Upsample(chs[i], chs[i])
- ConvBlock(2 * chs[i - 1],
+ ConvBlock(chs[i] + chs[i - 1],
or
- Upsample(chs[i], chs[i - 1])
+ Upsample(chs[i], chs[i])
- ConvBlock(2 * chs[i - 1],
+ ConvBlock(2 * chs[i],
or
- Upsample(chs[i], chs[i - 1])
+ Upsample(chs[i], chs[i])
up keeps the chs[i] channels now. If it runs, it's a larger network than the one in the table: leave
up as it was, because the fault is in one number of the blocks.

# skips from the top
- reversed(skips)
+ skips
The skips are taken from the top, and the way up begins at the bottom: reversed(skips).

# skips popped
- for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
+ for up, block in zip(self.ups, self.blocks):
+     skip = skips.pop()
Your forward takes the skips out of the caller's list, which is empty after the call. Go over
reversed(skips), or pop from a list of your own.
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
    def __init__(self, chs, out_ch, time_dim):
        super().__init__(list(chs), out_ch, time_dim)
        self.blocks = nn.ModuleList([ConvBlock(2 * c, c, time_dim) for c in chs[:-1]])

    def forward(self, x, skips, temb):
        skips, blocks = list(skips), list(self.blocks)
        for up in self.ups:
            x, _ = pack([up(x), skips.pop()], "b * h w")
            x = blocks.pop()(x, temb)
        assert not skips
        return self.out(x)


class DecoderByNumbers(TutorialDecoder):
    def __init__(self, chs, out_ch, time_dim):
        nn.Module.__init__(self)
        n = len(chs)
        self.ups = nn.ModuleList([Upsample(chs[n - 1 - i], chs[n - 2 - i]) for i in range(n - 1)])
        ins = [2 * up.out_channels for up in self.ups]
        self.blocks = nn.ModuleList([ConvBlock(c, c // 2, time_dim) for c in ins])
        self.out = nn.Conv2d(chs[0], out_ch, 1)


EXERCISE = Exercise(
    id="6.3",
    title="Too many channels for a block",
    notebook="06_debugging_dimensions",
    reference=TutorialDecoder,
    patient=PATIENTS["TutorialDecoder"],
    experiment=decoder_experiment,
    look="Go through the table: up makes chs[i - 1] channels, cat puts the skip behind them, and "
    "the block makes chs[i - 1] of both.",
    catalogue=edits(TutorialDecoder, joins("up(x)", "ConvBlock(2 * chs[i - 1],") + MISTAKES),
    also_right=[DecoderByPairs, DecoderThatPops, DecoderByNumbers],
)
