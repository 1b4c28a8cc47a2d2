"""2.4 The shortcut."""

from einops.layers.torch import EinMix
from torch import nn


def shortcut(in_ch, out_ch):
    """Return the shortcut of a block: nothing at all, or a 1x1 convolution if channels differ.

    () -> module of (B, C, H, W) -> (B, K, H, W)

    C is in_ch, K is out_ch. Source: "Deep Residual Learning" (2015), equations 1 and 2.
    """
    return nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)


def experiment(probe, shortcut):
    differ = "Where in_ch and out_ch differ, return nn.Conv2d(in_ch, out_ch, 1) and nothing else."
    equal = "Where in_ch equals out_ch, the module should return its input as it is: nn.Identity()."
    many = int("300"), int("300")  # equal, but two objects: `is` tells them apart
    for B, C, K, H, W in [(2, 3, 5, 4, 6), (3, 4, 4, 5, 2), (1, *many, 2, 3), (2, 6, 2, 3, 3)]:
        with probe.advice(look=equal if C == K else differ):
            module = probe.build(shortcut, C, K)
            probe.train_and_eval(module, probe.normal(B, C, H, W))
    probe.on_fake_device(module, probe.normal(B, C, H, W))


MISTAKES = """
# always a convolution
- nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)
+ nn.Conv2d(in_ch, out_ch, 1)
You use a convolution even where the channels are equal. There, return nn.Identity().
# never a convolution
+ nn.Identity()
You return x unchanged even where the channels differ. There, in_ch channels have to become out_ch.
# no module where the channels are equal
+ None if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)
Where the channels are equal you return no module. Return nn.Identity(), which hands on its input.
# the wrong way round
+ nn.Identity() if in_ch != out_ch else nn.Conv2d(in_ch, out_ch, 1)
Your condition is the wrong way round: the convolution belongs where the channels differ.
# only for more channels, or for fewer
+ nn.Identity() if in_ch >= out_ch else nn.Conv2d(in_ch, out_ch, 1)
| nn.Identity() if in_ch <= out_ch else nn.Conv2d(in_ch, out_ch, 1)
For some channels that differ you return no convolution: print shortcut(3, 5) and shortcut(6, 2). It
belongs wherever in_ch != out_ch, whether more come out, fewer, or twice as many.
# is instead of ==
+ nn.Identity() if in_ch is out_ch else nn.Conv2d(in_ch, out_ch, 1)
`is` asks for the same object, and two equal numbers above 256 may be two objects. Compare with ==.
# frozen
- nn.Conv2d(in_ch, out_ch, 1)
+ nn.Conv2d(in_ch, out_ch, 1).requires_grad_(False)
Your convolution is frozen, so it learns nothing. Leave requires_grad_(False) out.
# 3x3 instead of 1x1
+ nn.Conv2d(in_ch, out_ch, 3, padding=1)
Your kernel is larger than 1x1. A shortcut leaves everything in its place and mixes only channels.
# no bias
+ nn.Conv2d(in_ch, out_ch, 1, bias=False)
Your convolution has no bias. Use nn.Conv2d as it comes, with one.
# channels swapped
+ nn.Conv2d(out_ch, in_ch, 1)
The two channel numbers are swapped: what comes in goes first, then what comes out.
# BatchNorm on the way
+ nn.Sequential(nn.Conv2d(in_ch, out_ch, 1), nn.BatchNorm2d(out_ch))
There is a norm on your shortcut. The 1x1 convolution stands alone there.
# an activation on the way
+ nn.Sequential(nn.Conv2d(in_ch, out_ch, 1), nn.SiLU())
There is an activation on your shortcut. The 1x1 convolution stands alone there.
# nn.Linear
+ nn.Linear(in_ch, out_ch)
nn.Linear works on the last axis, the W columns. For the channels use nn.Conv2d(in_ch, out_ch, 1).
"""


def in_sequence(in_ch, out_ch):
    layers = [nn.Conv2d(in_ch, out_ch, kernel_size=1)] if in_ch != out_ch else []
    return nn.Sequential(*layers)


class LinearOnPixels(nn.Linear):
    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


def by_einops(in_ch, out_ch):
    sizes = dict(c=in_ch, k=out_ch, weight_shape="c k", bias_shape="k")
    return EinMix("b c h w -> b k h w", **sizes) if in_ch != out_ch else nn.Identity()


REFERENCE = shortcut
LOOK = "Try shortcut(3, 3) and shortcut(3, 5) on a picture."
MAKES_LAYER = True
ALSO_RIGHT = [
    in_sequence, by_einops,
    lambda in_ch, out_ch: nn.Identity() if out_ch == in_ch else LinearOnPixels(in_ch, out_ch),
    lambda in_ch, out_ch: nn.LazyConv2d(out_ch, 1) if in_ch != out_ch else nn.Flatten(0, 0),
]  # fmt: skip
