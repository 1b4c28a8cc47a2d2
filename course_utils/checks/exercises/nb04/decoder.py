"""4.5 The decoder."""

import torch
from einops import rearrange
from torch import nn

from course_utils.blocks import ConvBlock, Upsample
from course_utils.checks.parts import Exercise, arguments, edits, name
from course_utils.decoder import Decoder

HINTS = [
    (r"to have \d+ channels", "", "With [4, 9], Upsample makes 4 channels of 9, the skip has 4, "
     "and the block takes 8 and returns 4. The last convolution takes chs[0]."),
    ("Sizes of tensors must match", "", "Two tensors of different height are joined. Double x "
     "first, and start with the last skip."),
    ("cat", "cat", "torch.cat takes a list of tensors: torch.cat([up(x), skip], dim=1)."),
    ("ModuleList", "", "A ModuleList only keeps layers: go through it in a loop."),
]  # fmt: skip
VALUES = (
    "At each level: [up(x), skip] in this order, then the block with temb. After the last level: a "
    "bare 1x1 convolution from chs[0] channels to out_ch."
)


def decoder_experiment(probe, Decoder):
    for B, chs, C, D, H, W in [(3, [4, 6, 10], 2, 8, 2, 3), (2, [9, 5], 1, 5, 1, 3)]:
        x, skips, temb = inputs = decoder_inputs(probe, B, chs, D, H, W)
        with probe.advice(*HINTS):
            module = probe.build(Decoder, chs, C, D).eval()
            given = list(skips)
            probe.run(f"{name(module)}({arguments(inputs, module)})", module, x, given, temb)
            probe.train_and_eval(module, *inputs)
            probe.call(module, *decoder_inputs(probe, B + 1, chs, D, W + 1, H))
        probe.note(
            "skips are left alone", [id(skip) for skip in given] == [id(skip) for skip in skips],
            "Your forward takes skips out of the caller's list, or reverses it.",
            "The caller may need it again: go through reversed(skips), or a copy.", aside=True,
        )  # fmt: skip
    probe.on_fake_device(module, *inputs)


def decoder_inputs(probe, B, chs, D, H, W):
    """Draw a bottom of H x W, its skips and a time embedding."""
    n = len(chs) - 1
    skips = [probe.normal(B, ch, H << (n - i), W << (n - i)) for i, ch in enumerate(chs[:-1])]
    return probe.normal(B, chs[-1], H, W), skips, probe.normal(B, D)


MISTAKES = """
# skips not reversed
- reversed(skips)
+ skips
You take the skips from the top down. Start with the last, the lowest: reversed(skips).
# skips detached
+ [skip.detach() for skip in reversed(skips)]
No gradient goes back through the skips, so the encoder learns nothing from them. Don't detach them.
# skip first
- up(x), skip
+ skip, up(x)
You join [skip, up(x)]. That would learn as well, but weights trained with [up(x), skip], the order
of this course, wouldn't fit.
# joined before Upsample
+ x, skip
Where you join the skip, x is still half as large. Double it first: torch.cat([up(x), skip], dim=1).
# joined along another axis
- dim=1
+ dim=0
or
+ dim=-1
You join along the wrong axis. dim=0, the default, is the batch. The channels are dim=1.
# block's result not kept
- x = block(x, temb)
+ block(x, temb)
You don't keep what the block returns, so x is still the concatenation. Write x = block(x, temb).
# layers in the order going down
- zip(self.ups, self.blocks,
+ zip(self.ups[::-1], self.blocks[::-1],
Your first up-layer isn't the bottom's. Build the layers from the bottom up, from reversed(chs).
# list not reversed
- list(reversed(chs))
+ chs
Your layers are built for the way down. The bottom has chs[-1]: build them from reversed(chs).
# blocks not reversed
- ch in upward[1:]
+ ch in chs[:-1]
Your up-layers go up and your blocks go down. Build both from reversed(chs).
# return inside the loop
-     return self.out(x)
+         return self.out(x)
You return after the first level: the return is inside the loop. Move it after the loop.
# twice the channels of the level below
- 2 * ch, ch, time_dim) for ch in upward[1:]
+ 2 * i, ch, time_dim) for i, ch in zip(upward, upward[1:])
Your blocks take twice the channels of the level below, as in the published tutorial. Upsample has
brought those down, so the concatenation gives 2 * chs[i - 1].
# channels of the level below
+ i, ch, time_dim) for i, ch in zip(upward, upward[1:])
Your blocks take the channels of the level below, which fits only where these double. Upsample and
the skip give 2 * chs[i - 1].
# channels from below added to the skip's
+ i + ch, ch, time_dim) for i, ch in zip(upward, upward[1:])
You add the channels of the level below to the skip's. Upsample has brought those down: 2 * ch.
# skip not counted
- (2 * ch, ch
+ (ch, ch
Your blocks are built for Upsample's channels alone. The skip brings as many again: 2 * ch.
# temb not passed on
- block(x, temb)
+ block(x)
A block needs temb too. Pass it to every block: block(x, temb).
# no last convolution
- return self.out(x)
+ return x
or
- self.out = nn.Conv2d(chs[0], out_ch, 1)
+
- return self.out(x)
+ return x
You return the chs[0] channels of the top level. A 1x1 convolution, the last layer, brings them to
out_ch.
# activation at the end
- return self.out(x)
+ return self.out(x).tanh()
or
+ return F.silu(self.out(x))
or
+ return self.out(x).sigmoid()
There's an activation at the end. Noise may be any number, so end with the bare convolution.
# SiLU before the last convolution
- self.out(x)
+ self.out(F.silu(x))
There's a SiLU before the last convolution. Leave it out: the block has one of its own.
# last convolution for the bottom's channels
- chs[0], out_ch
+ chs[-1], out_ch
The last convolution is built for the channels of the bottom, chs[-1]. At the top there are chs[0].
# 3x3 convolution at the end
- out_ch, 1
+ out_ch, 3, padding=1
The last convolution is 3x3. Make it 1x1: the blocks have already seen the neighbours.
# last convolution without bias
+ out_ch, 1, bias=False
The last convolution has no bias. Leave bias at its default, True.
# no concatenation
- torch.cat([up(x), skip], dim=1)
+ up(x)
- (2 * ch, ch
+ (ch, ch
or
+ up(x)
You leave out the skips. torch.cat([up(x), skip], dim=1) goes into a block for 2 * ch channels.
# skip added
+ up(x) + skip
- (2 * ch, ch
+ (ch, ch
You add the skip, as some networks do. Here it's concatenated, so the block takes 2 * ch channels.
# up-layers keep channels
- Upsample(i, o)
+ Upsample(i, i)
- 2 * ch, ch, time_dim) for ch in upward[1:]
+ i + ch, ch, time_dim) for i, ch in zip(upward, upward[1:])
or
+ Upsample(i, i)
Your up-layers keep the channels of the level below. Some U-Nets do, but here Upsample(chs[i],
chs[i - 1]) brings them to those of its own level, and the block takes 2 * chs[i - 1].
"""


class ByLevels(nn.Module):
    def __init__(self, chs, out_ch, time_dim):
        super().__init__()
        self.stages = nn.ModuleList()
        for i in range(len(chs) - 1, 0, -1):
            stage = {"up": Upsample(chs[i], chs[i - 1])}
            stage["block"] = ConvBlock(2 * chs[i - 1], chs[i - 1], time_dim)
            self.stages.append(nn.ModuleDict(stage))
        self.to_picture = nn.Conv2d(chs[0], out_ch, kernel_size=1)

    def forward(self, x, skips, temb):
        skips = list(skips)
        for stage in self.stages:
            x = stage["block"](torch.hstack([stage["up"](x), skips.pop()]), temb)
        return self.to_picture(x)


class ByIndex(nn.Module):
    def __init__(self, chs, out_ch, time_dim):
        super().__init__()
        self.head = nn.Linear(chs[0], out_ch)
        for i, ch in enumerate(chs[:-1]):
            self.add_module(f"conv{i}", ConvBlock(ch + ch, ch, time_dim))
            self.add_module(f"up{i}", nn.ConvTranspose2d(chs[i + 1], ch, 2, 2))

    def forward(self, h, skips, temb):
        for i in reversed(range(len(skips))):
            h = getattr(self, f"up{i}")(h)
            h = getattr(self, f"conv{i}")(torch.cat((h, skips[i]), 1), temb)
        return rearrange(self.head(rearrange(h, "b c h w -> b h w c")), "b h w c -> b c h w")


class Recursive(nn.Module):
    """The bottom level is the decoder of all levels but the first."""

    def __init__(self, chs, out_ch, time_dim, top=True):
        super().__init__()
        ch, *below = chs
        self.below = Recursive(below, out_ch, time_dim, False) if below[1:] else None
        self.block = ConvBlock(2 * ch, ch, time_dim)
        self.up = Upsample(below[0], ch)
        self.out = nn.Conv2d(ch, out_ch, 1) if top else nn.Identity()

    def forward(self, x, skips, temb):
        skip, *more = skips
        x = self.below(x, more, temb) if self.below else x
        both = torch.stack([self.up(x), skip], dim=1).flatten(1, 2)
        return self.out(self.block(both, temb))


class IntoOneTensor(ByLevels):
    def forward(self, x, skips, temb):
        for stage, skip in zip(self.stages, skips[::-1]):
            joined = skip.repeat(1, 2, 1, 1)
            joined[:, : skip.shape[1]] = stage["up"](x)
            x = stage["block"](joined, temb)
        return self.to_picture(x)


EXERCISE = Exercise(
    id="4.5",
    title="The decoder",
    reference=Decoder,
    experiment=decoder_experiment,
    look=VALUES,
    catalogue=edits(Decoder, MISTAKES),
    also_right=[ByLevels, ByIndex, Recursive, IntoOneTensor],
)
