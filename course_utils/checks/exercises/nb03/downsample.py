"""3.1 Halve a picture."""

import torch
from einops import einsum, rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import downsample


def experiment(probe, downsample):
    for B, C, H, W in [(2, 3, 6, 10), (3, 5, 14, 4), (4, 1, 2, 8)]:
        with probe.advice(
            ("multiple values", r"\(self", "super() passes self already."), look=LOOK
        ):
            module = probe.build(downsample, C)
            probe.train_and_eval(module, probe.normal(B, C, H, W))
    probe.on_fake_device(module, probe.normal(2, 1, 4, 6))


MISTAKES = """
# stride forgotten
- nn.Conv2d(ch, ch, kernel_size=2, stride=2)
+ nn.Conv2d(ch, ch, kernel_size=2)
Your window moves one pixel at a time, so the picture hardly shrinks. Pass stride=2.
# larger window
+ nn.Conv2d(ch, ch, kernel_size=3, stride=2)
| nn.Conv2d(ch, ch, kernel_size=3, stride=2, padding=1)
Your windows are larger than 2x2, so they overlap. Many networks halve that way, but here each pixel
is read once: kernel_size=2, without padding.
# 1x1 window
+ nn.Conv2d(ch, ch, kernel_size=1, stride=2)
Your window is 1x1, so three pixels out of four are never read. Use kernel_size=2.
# padding
+ nn.Conv2d(ch, ch, kernel_size=2, stride=2, padding=1)
Padding makes the picture one pixel too high and too wide. 2x2 windows tile it without any.
# each channel by itself
+ nn.Conv2d(ch, ch, kernel_size=2, stride=2, groups=ch)
With groups=ch, each output channel reads only one input channel. Here it reads all of them.
# no bias
+ nn.Conv2d(ch, ch, bias=False, kernel_size=2, stride=2)
Your convolution has no bias. The formula adds a b_k to each channel: leave bias at its default.
# channels doubled
+ nn.Conv2d(ch, 2 * ch, kernel_size=2, stride=2)
Your layer doubles the channels. downsample keeps them; the next block changes their number.
# pooling
+ nn.MaxPool2d(2)
| nn.AvgPool2d(2)
That's pooling, a fixed rule. Use a convolution, which learns what to keep.
# the same as two layers
+ nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * ch, ch, 1))
This can learn the same, but its weights are laid out differently from those of a single layer.
Return a single nn.Conv2d.
# activation
+ nn.Sequential(nn.Conv2d(ch, ch, kernel_size=2, stride=2), nn.SiLU())
There's an activation after your convolution. Leave it out: the blocks have theirs.
"""


class Halving(nn.Conv2d):
    def __init__(self, ch):
        super().__init__(ch, ch, kernel_size=2, stride=2)


class ConvolutionInside(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.halve = nn.Conv2d(ch, ch, 2, stride=2)

    def forward(self, x):
        return self.halve(x)


class BySlices(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(ch))
        self.w = nn.Parameter(torch.randn(ch, ch, 2, 2) / (4 * ch) ** 0.5)

    def forward(self, x):
        corners = torch.stack([x[:, :, u::2, v::2] for u in (0, 1) for v in (0, 1)])
        out = einsum(self.w.flatten(2), corners, "k c n, n b c h w -> b k h w")
        return out + self.bias[:, None, None]


class ByPatches(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 2)

    def forward(self, x):
        patches = rearrange(x, "b c (h u) (w v) -> b (c u v) h w", u=2, v=2)
        return F.conv2d(patches, self.conv.weight.flatten(1)[:, :, None, None], self.conv.bias)


REFERENCE = downsample
LOOK = "It's a single convolution: ch channels in, ch out, a 2x2 window, steps of 2. Return it."
ALSO_RIGHT = [ConvolutionInside, BySlices, ByPatches, Halving]
MAKES_LAYER = True
