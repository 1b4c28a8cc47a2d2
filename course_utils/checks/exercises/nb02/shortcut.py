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
    differ = "Where in_ch and out_ch differ, return nn.Conv2d(in_ch, out_ch, 1) and nothing else."
    equal = "Where in_ch equals out_ch, the module should return its input as it is: nn.Identity()."
    for B, C, K, H, W in [(2, 3, 5, 4, 6), (3, 4, 4, 5, 2), (2, 6, 2, 3, 3)]:
        with probe.advice(look=equal if C == K else differ):
            module = probe.build(shortcut, C, K)
            probe.train_and_eval(module, probe.normal(B, C, H, W))
    probe.on_fake_device(module, probe.normal(B, C, H, W))


MISTAKES = """
# always a convolution
- return nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)
+ return nn.Conv2d(in_ch, out_ch, 1)
You use a convolution even where the channels are equal. There, x should come through unchanged:
nn.Identity().

# never a convolution
- if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)
+
You return x unchanged even where the channels differ, so the block's sum would fail. There, a 1x1
convolution has to turn in_ch channels into out_ch.

# no module where the channels are equal
- nn.Identity() if
+ None if
or
- nn.Identity() if
+ (lambda x: x) if
What you return where the channels are equal is no module. The module that hands on its input
unchanged is nn.Identity().

# None where the channels differ
- nn.Conv2d(in_ch, out_ch, 1)
+ None
You return None where the channels differ. There, return a 1x1 convolution from in_ch to out_ch.

# 3x3 instead of 1x1
- out_ch, 1)
+ out_ch, 3, padding=1)
Your kernel is larger than 1x1. A shortcut should leave everything in its place and mix only the
channels.

# padded
- out_ch, 1)
+ out_ch, 1, padding=1)
A 1x1 convolution needs no padding: with padding=1 the picture grows by two rows and two columns.

# stride 2
- out_ch, 1)
+ out_ch, 1, stride=2)
Your shortcut has stride 2, as in a ResNet that halves the picture. This block keeps the size.

# the wrong way round
- if in_ch == out_ch
+ if in_ch != out_ch
Your condition is the wrong way round: the convolution belongs where the channels differ.

# channels swapped
- nn.Conv2d(in_ch, out_ch, 1)
+ nn.Conv2d(out_ch, in_ch, 1)
The two channel numbers are swapped: what comes in goes first, then what comes out.

# no bias
- out_ch, 1)
+ out_ch, 1, bias=False)
Your convolution has no bias. That would do nearly as well, but the exercise asks for nn.Conv2d as
it comes, with its bias.

# BatchNorm on the way
- nn.Conv2d(in_ch, out_ch, 1)
+ nn.Sequential(nn.Conv2d(in_ch, out_ch, 1), nn.BatchNorm2d(out_ch))
There is a norm on your shortcut. The convolution stands alone here, so that x comes through as
directly as possible.

# an activation on the way
- nn.Conv2d(in_ch, out_ch, 1)
+ nn.Sequential(nn.Conv2d(in_ch, out_ch, 1), nn.SiLU())
or
- nn.Conv2d(in_ch, out_ch, 1)
+ nn.Sequential(nn.Conv2d(in_ch, out_ch, 1), nn.BatchNorm2d(out_ch), nn.SiLU())
There is an activation on your shortcut. The convolution stands alone here, so that x comes through
as directly as possible.

# nn.Linear
- nn.Conv2d(in_ch, out_ch, 1)
+ nn.Linear(in_ch, out_ch)
nn.Linear works on the last axis, which is the W columns here. A 1x1 convolution does the same to
the channels: nn.Conv2d(in_ch, out_ch, 1).

# only for more channels
- if in_ch == out_ch
+ if in_ch >= out_ch
Your convolution is used only where in_ch < out_ch. In the decoder the channels become fewer, and it
is needed there too.

# only for fewer channels
- if in_ch == out_ch
+ if in_ch <= out_ch
Your convolution is used only where in_ch > out_ch. In the encoder the channels become more, and it
is needed there too.
"""


def shortcut_in_sequence(in_ch, out_ch):
    layers = [nn.Conv2d(in_ch, out_ch, kernel_size=1)] if in_ch != out_ch else []
    return nn.Sequential(*layers)


class LinearOnPixels(nn.Linear):
    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


def shortcut_by_linear(in_ch, out_ch):
    if out_ch == in_ch:
        return nn.Identity()
    return LinearOnPixels(in_ch, out_ch)


class Shortcut(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.differ = in_ch != out_ch
        if self.differ:
            self.weight = nn.Parameter(torch.randn(out_ch, in_ch, 1, 1) / in_ch**0.5)
            self.bias = nn.Parameter(torch.zeros(out_ch))

    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias) if self.differ else x


def shortcut_by_class(in_ch, out_ch):
    return Shortcut(in_ch, out_ch)


class Projection(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.linear = nn.Linear(in_ch, out_ch)

    def forward(self, x):
        out = torch.einsum("bchw,kc->bkhw", x, self.linear.weight)
        return out + self.linear.bias[:, None, None]


def shortcut_from_a_table(in_ch, out_ch):
    return {True: nn.Identity, False: lambda: Projection(in_ch, out_ch)}[in_ch == out_ch]()


EXERCISE = Exercise(
    id="2.4",
    title="The way around",
    notebook="02_conv_block",
    reference=shortcut,
    experiment=shortcut_experiment,
    look="Try shortcut(3, 3) and shortcut(3, 5) on a picture.",
    catalogue=edits(shortcut, MISTAKES),
    also_right=[
        shortcut_in_sequence,
        shortcut_by_linear,
        shortcut_by_class,
        shortcut_from_a_table,
    ],
)
