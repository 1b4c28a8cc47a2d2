"""4.2 The layer that doubles."""

import torch
from einops import einsum, rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import Upsample
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.mistakes import edits


def upsample_experiment(probe, Upsample):
    for B, C, K, H, W in [(2, 3, 5, 4, 6), (3, 7, 2, 5, 4), (5, 4, 4, 2, 3)]:
        module = probe.build(Upsample, C, K)
        probe.train_and_eval(module, probe.normal(B, C, H, W))
        probe.call(module, probe.normal(B + 1, C, W, H + 1))
    probe.on_fake_device(module, probe.normal(B, C, H, W))


MISTAKES = """
# stride forgotten
- , stride=2
+
Your patches are one pixel apart, so the picture hardly grows. Pass stride=2.

# kernel of 3
- kernel_size=2
+ kernel_size=3
or
- kernel_size=2, stride=2
+ kernel_size=3, stride=2, padding=1, output_padding=1
Your kernel is 3 x 3, so with stride 2 patches overlap unevenly. Use kernel_size=2, no padding.

# kernel of 4
+ kernel_size=4, stride=2, padding=1
Your kernel is 4 x 4. Many networks use that, but here it's kernel_size=2, without padding.

# padding
- stride=2
+ stride=2, padding=1
padding=1 cuts a pixel off each side of a transposed convolution's output. Leave it out.
# output_padding
+ stride=2, output_padding=1
output_padding adds a row and a column that no patch reaches. The size is right without it.

# channels swapped
- in_ch, out_ch, kernel_size
+ out_ch, in_ch, kernel_size
in_ch and out_ch are swapped. nn.ConvTranspose2d takes the input's channels first, as nn.Conv2d
does.
# channels kept
+ in_ch, in_ch, kernel_size
Your layer returns as many channels as it gets. It should return out_ch of them.

# no bias
- kernel_size
+ bias=False, kernel_size
The bias is missing. Leave bias at its default, True.

# SiLU at the end
-     super().__init__(in_ch, out_ch, kernel_size=2, stride=2)
+     super().__init__(in_ch, out_ch, kernel_size=2, stride=2)
+ def forward(self, x):
+     return F.silu(super().forward(x))
There's a SiLU at the end. Leave it out: the activations are in the blocks.

# ordinary convolution
- nn.ConvTranspose2d
+ nn.Conv2d
That's an ordinary convolution, which halves the picture. To double it, use nn.ConvTranspose2d.

# nothing passed to nn.ConvTranspose2d
- super().__init__(in_ch, out_ch, kernel_size=2, stride=2)
+ super().__init__()
Your parent isn't nn.Module but a finished layer: it needs its channels, kernel size and stride.
# a layer inside the layer
+ self.up = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=2, stride=2)
Your class already is an nn.ConvTranspose2d, so it needs no other inside. Pass the settings to its
parent's constructor instead: super().__init__(...).

# super without brackets
- super()
+ super
The brackets after super are missing: it's super().__init__(...).
"""

OTHER_LAYERS = """
# nearest and a convolution
- nn.ConvTranspose2d(in_ch, out_ch, 2, stride=2)
+ nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(in_ch, out_ch, 3, padding=1))
or
+ nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(in_ch, out_ch, 1))
That repeats every pixel and then convolves, as the layer of exercise 4.3 does. Here, use
nn.ConvTranspose2d, whose four weights per patch may differ.
# bilinear and a convolution
+ nn.Sequential(nn.UpsamplingBilinear2d(scale_factor=2), nn.Conv2d(in_ch, out_ch, 3, padding=1))
That interpolates between pixels and then convolves. Here, use nn.ConvTranspose2d.
# pixel shuffle
+ nn.Sequential(nn.Conv2d(in_ch, 4 * out_ch, 1), nn.PixelShuffle(2))
Pixel shuffle does almost the same, with four biases per channel. Use nn.ConvTranspose2d.
"""


class LayerInside(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.layer = nn.ConvTranspose2d(in_ch, out_ch, 2, stride=2)

    def forward(self, x):
        return self.layer(x)


class ByEinsum(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.tile = nn.Parameter(torch.randn(in_ch, out_ch, 2, 2))
        self.bias = nn.Parameter(torch.zeros(out_ch))

    def forward(self, x):
        patches = einsum(x, self.tile, "b c h w, c k i j -> b k h i w j")
        doubled = rearrange(patches, "b k h i w j -> b k (h i) (w j)")
        return doubled + self.bias[:, None, None]


class ByShuffling(nn.ConvTranspose2d):
    def __init__(self, C, K):
        super().__init__(C, K, (2, 2), 2)

    def forward(self, x):
        kernel = self.weight.flatten(1).T[:, :, None, None]
        return F.pixel_shuffle(F.conv2d(x, kernel), 2) + self.bias.view(1, -1, 1, 1)


class ByCorners(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.up = nn.Sequential(nn.ConvTranspose2d(in_ch, out_ch, 2, 2, bias=True))

    def forward(self, x):
        out = x.new_zeros(len(x), self.up[0].out_channels, 2 * x.shape[2], 2 * x.shape[3])
        for a in range(2):
            for b in range(2):
                corner = torch.tensordot(x, self.up[0].weight[:, :, a, b], ([1], [0]))
                out[:, :, a::2, b::2] = corner.movedim(-1, 1) + self.up[0].bias[:, None, None]
        return out


EXERCISE = Exercise(
    id="4.2",
    title="The layer that doubles",
    notebook="04_decoder",
    reference=Upsample,
    experiment=upsample_experiment,
    look="It's a single transposed convolution: in_ch, out_ch, a kernel of 2, a stride of 2, and "
    "everything else by default.",
    catalogue=edits(Upsample, MISTAKES) + edits(LayerInside, OTHER_LAYERS),
    also_right=[LayerInside, ByEinsum, ByShuffling, ByCorners],
)
