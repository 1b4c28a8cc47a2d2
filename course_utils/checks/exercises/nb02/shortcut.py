"""2.4 The way around."""

import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.mistakes import edits


def shortcut(in_ch, out_ch):
    """Return the way around a block: nothing at all, or a 1x1 convolution if the channels differ.

    () -> module of (B, C, H, W) -> (B, K, H, W)

    C is in_ch, K is out_ch. Source: "Deep Residual Learning" (2015), equations 1 and 2.
    """
    return nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)


def shortcut_experiment(probe, shortcut):
    for B, C, K, H, W in [(2, 3, 5, 4, 6), (3, 4, 4, 5, 2), (2, 6, 2, 3, 3)]:
        module = probe.build(shortcut, C, K)
        probe.train_and_eval(module, probe.normal(B, C, H, W))
    probe.on_fake_device(module, probe.normal(B, C, H, W))


MISTAKES = """
# always a convolution
- return nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)
+ return nn.Conv2d(in_ch, out_ch, 1)
Where the channels are equal there is a convolution too. Then x should come through untouched:
nn.Identity().

# never a convolution
- return nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)
+ return nn.Identity()
This hands x on unchanged even where the channels differ. The sum of the block would then fail: a
1x1 convolution has to make out_ch channels of in_ch.

# 3x3 instead of 1x1
- nn.Conv2d(in_ch, out_ch, 1)
+ nn.Conv2d(in_ch, out_ch, 3, padding=1)
The kernel is larger than 1x1. The way around should leave the place of everything alone: it only
mixes channels.

# the wrong way round
- if in_ch == out_ch
+ if in_ch != out_ch
It is the wrong way round: the convolution is for channels that differ.

# channels swapped
- nn.Conv2d(in_ch, out_ch, 1)
+ nn.Conv2d(out_ch, in_ch, 1)
The two channel numbers are swapped: first what comes in, then what goes out.

# no bias
- nn.Conv2d(in_ch, out_ch, 1)
+ nn.Conv2d(in_ch, out_ch, 1, bias=False)
Your convolution has no bias. It would do nearly as well; asked for is nn.Conv2d as it comes, with
one.

# BatchNorm on the way
- nn.Conv2d(in_ch, out_ch, 1)
+ nn.Sequential(nn.Conv2d(in_ch, out_ch, 1), nn.BatchNorm2d(out_ch))
There is more than a convolution on your way around. Leave BatchNorm and activation to the block
itself: the shortcut is there so that x comes through as it is.

# an activation on the way
- nn.Conv2d(in_ch, out_ch, 1)
+ nn.Sequential(nn.Conv2d(in_ch, out_ch, 1), nn.SiLU())
There is an activation on your way around. Leave it to the block itself: the shortcut is there so
that x comes through as it is.

# nn.Linear
- nn.Conv2d(in_ch, out_ch, 1)
+ nn.Linear(in_ch, out_ch)
nn.Linear works on the last axis, which is the W columns here. A 1x1 convolution does the same
with the channels: nn.Conv2d(in_ch, out_ch, 1).

# only for more channels
- if in_ch == out_ch
+ if in_ch >= out_ch
It works for in_ch < out_ch only. In the decoder the channels become fewer.
"""


def shortcut_in_sequence(in_ch, out_ch):
    layers = [nn.Conv2d(in_ch, out_ch, kernel_size=1)] if in_ch != out_ch else []
    return nn.Sequential(*layers)


class PixelByPixel(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.linear = nn.Linear(in_ch, out_ch)

    def forward(self, x):
        return self.linear(x.movedim(1, -1)).movedim(-1, 1)


def shortcut_by_linear(in_ch, out_ch):
    if out_ch == in_ch:
        return nn.Identity()
    return PixelByPixel(in_ch, out_ch)


class Around(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.differ = in_ch != out_ch
        if self.differ:
            self.weight = nn.Parameter(torch.randn(out_ch, in_ch, 1, 1) / in_ch**0.5)
            self.bias = nn.Parameter(torch.zeros(out_ch))

    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias) if self.differ else x


def shortcut_by_class(in_ch, out_ch):
    return Around(in_ch, out_ch)


EXERCISE = Exercise(
    id="2.4",
    title="The way around",
    notebook="02_conv_block",
    reference=shortcut,
    experiment=shortcut_experiment,
    look="Try shortcut(3, 3) and shortcut(3, 5) on a picture and compare with the input.",
    catalogue=edits(shortcut, MISTAKES),
    also_right=[shortcut_in_sequence, shortcut_by_linear, shortcut_by_class],
)
