"""4.5 The decoder."""

import torch
from torch import nn

from course_utils.blocks import ConvBlock, upsample
from course_utils.checks.parts import call_of
from course_utils.decoder import Decoder

HINTS = [
    (r"to have \d+ channels", "", "With [4, 9], upsample makes 4 channels of 9, the skip has 4, "
     "and the block takes 8 and returns 4. The last convolution takes chs[0]."),
    ("Sizes of tensors must match", "", "Two tensors of different height are joined. Double x "
     "first, and start with the last skip."),
    ("cat", "cat", "torch.cat takes a list of tensors: torch.cat([up(x), skip], dim=1)."),
]  # fmt: skip
LOOK = (
    "At each level: upsample, [up(x), skip] in this order, the block with temb, and nothing else. "
    "After the last level: a bare 1x1 convolution from chs[0] channels to out_ch."
)


def experiment(probe, Decoder):
    for B, chs, C, D, H, W in [(3, [4, 6, 10, 7], 2, 8, 2, 3), (2, [9, 5], 3, 5, 1, 3)]:
        x, skips, temb = inputs = decoder_inputs(probe, B, chs, D, H, W)
        with probe.advice(*HINTS):
            module = probe.build(Decoder, chs, C, D).eval()
            given = list(skips)
            probe.run(call_of(module, inputs), module, x, given, temb)
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
- for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
+ for up, block, skip in zip(self.ups, self.blocks, skips):
You take the skips from the top down. Start with the last, the lowest: reversed(skips).
# the same skip at every level
+ for up, block, skip in zip(self.ups, self.blocks, [skips[-1]] * len(skips)):
You use the same skip at every level. Each level has its own: go through reversed(skips).
# one round too few
+ for up, block, skip in zip(self.ups, self.blocks, reversed(skips[1:])):
Your loop makes one round too few. n skips take n rounds, with n up-layers and n blocks.
# skips detached
+ for up, block, skip in zip(self.ups, self.blocks, [skip.detach() for skip in reversed(skips)]):
No gradient goes back through the skips, so the encoder learns nothing from them. Don't detach them.
# layers in the order going down
+ for up, block, skip in zip(self.ups[::-1], self.blocks[::-1], reversed(skips)):
or
- list(reversed(chs))
+ chs
Your first up-layer isn't the bottom's, chs[-1]. Build the layers from reversed(chs).
# skip first
- up(x), skip
+ skip, up(x)
You join [skip, up(x)]. That would learn as well, but weights trained with [up(x), skip], the order
of this course, wouldn't fit.
# up-layer called twice
+ up(up(x)), skip
You call the up-layer twice. Once doubles the picture, and makes this level's channels.
# activation after upsample
+ F.silu(up(x)), skip
There's an activation before the block. Leave it out: the block has its own.
# joined before upsample
+ x, skip
Where you join the skip, x is still half as large. Double it first: torch.cat([up(x), skip], dim=1).
# joined along another axis
- dim=1
+ dim=0
| dim=-1
| dim=2
You join along the wrong axis. dim=0, the default, is the batch. The channels are dim=1.
# something added to the block's result
- x = block(x, temb)
+ x = block(x, temb) + x[:, : skip.shape[1]]
You add up(x) to what the block returns. Leave that out: the block has a shortcut of its own.
# temb not passed on
+ x = block(x)
A block needs temb too. Pass it to every block: block(x, temb).
# block's result not kept
+ block(x, temb)
or
- (2 * ch, ch, time_dim) for ch in upward[1:]
+ (2 * ch, 2 * ch, time_dim) for ch in upward[1:]
After the block, x still has 2 * ch channels. Build it to return ch, and write x = block(x, temb).
# blocks not reversed
+ (2 * ch, ch, time_dim) for ch in chs[:-1]
Your up-layers go up and your blocks go down. Build both from reversed(chs).
# blocks for the channels of the level below
+ (2 * i, ch, time_dim) for i, ch in zip(upward, upward[1:])
| (i, ch, time_dim) for i, ch in zip(upward, upward[1:])
| (i + ch, ch, time_dim) for i, ch in zip(upward, upward[1:])
Your blocks count the channels of the level below. But upsample has already brought those down, so
the concatenation has twice the channels of the level that you go up to.
# skip not counted
+ (ch, ch, time_dim) for ch in upward[1:]
Your blocks are built for the channels of upsample alone. The skip brings as many again: 2 * ch.
# block's result not the next input
- x = torch.cat([up(x), skip], dim=1)
- x = block(x, temb)
+ h = torch.cat([up(x), skip], dim=1)
+ h = block(h, temb)
- return self.out(x)
+ return self.out(h)
Every round begins with the bottom. The next level needs what the block returns: x = block(...).
# return inside the loop
-     return self.out(x)
+         return self.out(x)
You return after the first level: the return is inside the loop. Move it after the loop.
# activation at the end
- return self.out(x)
+ return self.out(x).tanh()
| return F.silu(self.out(x))
| return self.out(x).sigmoid()
| return self.out(F.silu(x))
There's an activation around the last convolution. Leave it out: noise may be any number.
# no last convolution
+ return x
or
- self.out = nn.Conv2d(chs[0], out_ch, 1)
+
- return self.out(x)
+ return x
A 1x1 convolution, the last layer, is missing. It makes out_ch channels of chs[0].
# last convolution with other channels
+ self.out = nn.Conv2d(chs[-1], out_ch, 1)
| self.out = nn.Conv2d(out_ch, chs[0], 1)
| self.out = nn.Conv2d(chs[0], 1, 1)
The last convolution goes from the channels of the top level, chs[0], to out_ch.
# 3x3 convolution at the end
+ self.out = nn.Conv2d(chs[0], out_ch, 3, padding=1)
The last convolution is 3x3. Make it 1x1: the blocks have already seen the neighbours.
# last convolution without bias
+ self.out = nn.Conv2d(chs[0], out_ch, 1, bias=False)
The last convolution has no bias. Leave bias at its default, True.
# skip added
- torch.cat([up(x), skip], dim=1)
+ up(x) + skip
- (2 * ch, ch
+ (ch, ch
You add the skip, as some networks do. Here it's concatenated, so the block takes 2 * ch channels.
# no concatenation
+ up(x)
- (2 * ch, ch
+ (ch, ch
or
+ up(x)
| up(x) + skip
Concatenate the skip, torch.cat([up(x), skip], dim=1): the block is built for 2 * ch channels.
# another up-layer
- upsample(i, o)
+ nn.ConvTranspose2d(i, o, 2, stride=2, bias=False)
| nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(i, o, 3, padding=1))
Your up-layers aren't those that upsample makes (exercise 4.2), with a bias. Use upsample.
# up-layers keep channels
+ upsample(i, i)
- 2 * ch, ch, time_dim) for ch in upward[1:]
+ i + ch, ch, time_dim) for i, ch in zip(upward, upward[1:])
or
+ upsample(i, i)
Your up-layers keep the channels of the level below. Let them make those of the level that you go up
to, and build blocks for twice as many.
"""


class ByLevels(nn.Module):
    def __init__(self, chs, out_ch, time_dim):
        super().__init__()
        self.stages = nn.ModuleList()
        for i in range(len(chs) - 1, 0, -1):
            stage = {"up": upsample(chs[i], chs[i - 1])}
            stage["block"] = ConvBlock(2 * chs[i - 1], chs[i - 1], time_dim)
            self.stages.append(nn.ModuleDict(stage))
        self.to_picture = nn.Conv2d(chs[0], out_ch, kernel_size=1)

    def forward(self, x, skips, temb):
        skips = list(skips)
        for stage in self.stages:
            x = stage["block"](torch.hstack([stage["up"](x), skips.pop()]), temb)
        return self.to_picture(x)


class ByPopping(ByLevels):
    def forward(self, x, skips, temb):
        left = list(skips)
        for stage in self.stages:
            x = stage["block"](torch.hstack([stage["up"](x), left.pop()]), temb)
        return self.to_picture(x)


class ByIndex(ByLevels):
    def forward(self, x, skips, temb):
        for i, stage in enumerate(self.stages, 1):
            x = stage["block"](torch.cat((stage["up"](x), skips[-i]), -3), temb)
        return self.to_picture(x)


class IntoOneTensor(ByLevels):
    def forward(self, x, skips, temb):
        for stage, skip in zip(self.stages, skips[::-1]):
            joined = skip.repeat(1, 2, 1, 1)
            joined[:, : skip.shape[1]] = stage["up"](x)
            x = stage["block"](joined, temb)
        return self.to_picture(x)


REFERENCE = Decoder
ALSO_RIGHT = [ByLevels, ByPopping, ByIndex, IntoOneTensor]
