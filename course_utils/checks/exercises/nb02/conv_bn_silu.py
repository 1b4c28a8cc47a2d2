"""2.2 Convolution, BatchNorm, SiLU."""

import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.mistakes import edits


def conv_bn_silu(in_ch, out_ch):
    """Return a 3x3 convolution that keeps the size, BatchNorm and SiLU, as one module.

    () -> module of (B, C, H, W) -> (B, K, H, W)

    C is in_ch, K is out_ch.
    """
    return nn.Sequential(
        nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.BatchNorm2d(out_ch), nn.SiLU()
    )  # fmt: skip


def conv_bn_silu_experiment(probe, conv_bn_silu):
    for B, C, K, H, W in [(3, 2, 4, 6, 5), (2, 5, 5, 3, 7), (4, 3, 1, 4, 4)]:
        module = probe.build(conv_bn_silu, C, K)
        probe.train_and_eval(module, 2 * probe.normal(B, C, H, W) + 1)
    probe.on_fake_device(module, probe.normal(B, C, H, W))


MISTAKES = """
# no padding
- nn.Conv2d(in_ch, out_ch, 3, padding=1)
+ nn.Conv2d(in_ch, out_ch, 3)
The padding is missing: each 3x3 convolution takes two rows and two columns away. With padding=1
the size stays.

# no BatchNorm
- nn.BatchNorm2d(out_ch),
+
BatchNorm is missing between the convolution and SiLU.

# no SiLU
- , nn.SiLU()
+
SiLU is missing at the end. Without an activation, two convolutions in a row are no more than one
large one.

# ReLU instead of SiLU
- nn.SiLU()
+ nn.ReLU()
That is a ReLU; asked for is SiLU.

# SiLU before BatchNorm
- nn.BatchNorm2d(out_ch), nn.SiLU()
+ nn.SiLU(), nn.BatchNorm2d(out_ch)
SiLU comes before BatchNorm here. The order is convolution, BatchNorm, SiLU.

# 1x1 kernel
- nn.Conv2d(in_ch, out_ch, 3, padding=1)
+ nn.Conv2d(in_ch, out_ch, 1)
This is a 1x1 convolution: it sees no neighbours. The kernel size is 3, with padding=1.

# GroupNorm instead of BatchNorm
- nn.BatchNorm2d(out_ch)
+ nn.GroupNorm(1, out_ch)
That is a GroupNorm; asked for is BatchNorm. (Notebook 10 rebuilds networks with GroupNorm.)

# BatchNorm for in_ch channels
- nn.BatchNorm2d(out_ch)
+ nn.BatchNorm2d(in_ch)
BatchNorm stands behind the convolution, so it gets out_ch channels, not in_ch.

# channels swapped
- nn.Conv2d(in_ch, out_ch, 3, padding=1)
+ nn.Conv2d(out_ch, in_ch, 3, padding=1)
The convolution has its two channel numbers swapped: first what comes in, then what goes out.

# nn.ModuleList
- return nn.Sequential(
-     nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.BatchNorm2d(out_ch), nn.SiLU()
- )
+ return nn.ModuleList([
+     nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.BatchNorm2d(out_ch), nn.SiLU()
+ ])
An nn.ModuleList only keeps layers. nn.Sequential(a, b, c) also calls them, one after the other.

# a layer handed to a layer
- return nn.Sequential(
-     nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.BatchNorm2d(out_ch), nn.SiLU()
- )
+ return nn.SiLU(nn.BatchNorm2d(nn.Conv2d(in_ch, out_ch, 3, padding=1)))
A layer is made from numbers and called on tensors; you hand it another layer. List the three,
each with its own numbers: nn.Sequential(a, b, c) calls one after the other.

# BatchNorm1d
- nn.BatchNorm2d(out_ch)
+ nn.BatchNorm1d(out_ch)
nn.BatchNorm1d is for (B, C) and (B, C, L). Pictures have two dimensions more than (B, C):
nn.BatchNorm2d.

# padding with other than zeros
- nn.Conv2d(in_ch, out_ch, 3, padding=1)
+ nn.Conv2d(in_ch, out_ch, 3, padding=1, padding_mode="replicate")
Your padding repeats or mirrors the border. Plain padding=1 puts zeros around the picture.
"""


def conv_bn_silu_same(in_ch, out_ch):
    conv = nn.Conv2d(in_ch, out_ch, kernel_size=(3, 3), padding="same", bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_ch), nn.SiLU(inplace=True))


class ConvBnSilu(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.norm = nn.BatchNorm2d(out_ch)
        self.conv = nn.Conv2d(in_ch, out_ch, 3)

    def forward(self, x):
        h = self.norm(self.conv(F.pad(x, (1, 1, 1, 1))))
        return h * torch.sigmoid(h)


def conv_bn_silu_by_class(in_ch, out_ch):
    return ConvBnSilu(in_ch, out_ch)


def conv_bn_silu_step_by_step(in_ch, out_ch):
    layers = nn.Sequential()
    layers.add_module("norm_last", nn.Conv2d(in_ch, out_ch, 3, 1, 1))
    layers.append(nn.BatchNorm2d(num_features=out_ch))
    layers.append(nn.SiLU())
    return layers


EXERCISE = Exercise(
    id="2.2",
    title="Convolution, BatchNorm, SiLU",
    notebook="02_conv_block",
    reference=conv_bn_silu,
    experiment=conv_bn_silu_experiment,
    look="Print the module: it has three layers, in the order of the name.",
    catalogue=edits(conv_bn_silu, MISTAKES),
    also_right=[conv_bn_silu_same, conv_bn_silu_by_class, conv_bn_silu_step_by_step],
)
