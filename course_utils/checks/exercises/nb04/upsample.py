"""4.2 The layer that doubles."""

import torch
from einops import einsum, rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import upsample


def experiment(probe, upsample):
    with probe.advice(look=LOOK):
        upsample_experiment(probe, upsample)


def upsample_experiment(probe, upsample):
    for B, C, K, H, W in [(2, 3, 5, 4, 6), (3, 7, 2, 5, 4), (5, 4, 4, 2, 3)]:
        module = probe.build(upsample, C, K)
        probe.train_and_eval(module, probe.normal(B, C, H, W))
        probe.call(module, probe.normal(B + 1, C, W, H + 1))
    probe.on_fake_device(module, probe.normal(B, C, H, W))


MISTAKES = """
# stride forgotten
- nn.ConvTranspose2d(in_ch, out_ch, kernel_size=2, stride=2)
+ nn.ConvTranspose2d(in_ch, out_ch, kernel_size=2)
Your patches are one pixel apart, so the picture hardly grows. Pass stride=2.
# larger kernel
+ nn.ConvTranspose2d(in_ch, out_ch, kernel_size=3, stride=2)
| nn.ConvTranspose2d(in_ch, out_ch, kernel_size=3, stride=2, padding=1, output_padding=1)
| nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
Your kernel is larger than 2 x 2, so patches overlap. Here it's kernel_size=2, without padding.
# padding
+ nn.ConvTranspose2d(in_ch, out_ch, kernel_size=2, stride=2, padding=1)
| nn.ConvTranspose2d(in_ch, out_ch, kernel_size=2, stride=2, output_padding=1)
In a transposed convolution, padding cuts the output and output_padding adds to it. Leave both out.
# channels swapped
+ nn.ConvTranspose2d(out_ch, in_ch, kernel_size=2, stride=2)
in_ch and out_ch are swapped. Like nn.Conv2d, nn.ConvTranspose2d takes the input's channels first.
# channels kept
+ nn.ConvTranspose2d(in_ch, in_ch, kernel_size=2, stride=2)
Your layer returns as many channels as it gets. It should return out_ch of them.
# no bias
+ nn.ConvTranspose2d(in_ch, out_ch, bias=False, kernel_size=2, stride=2)
The bias is missing. Leave bias at its default, True.
# SiLU at the end
+ nn.Sequential(nn.ConvTranspose2d(in_ch, out_ch, kernel_size=2, stride=2), nn.SiLU())
There's a SiLU at the end. Leave it out: the activations are in the blocks.
# interpolation and a convolution
+ nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(in_ch, out_ch, 3, padding=1))
That enlarges the picture by a fixed rule and then convolves. Here, use nn.ConvTranspose2d.
# pixel shuffle
+ nn.Sequential(nn.Conv2d(in_ch, 4 * out_ch, 1), nn.PixelShuffle(2))
Pixel shuffle does almost the same, with four biases per channel. Use nn.ConvTranspose2d.
# ordinary convolution
+ nn.Conv2d(in_ch, out_ch, kernel_size=2, stride=2)
That's an ordinary convolution, which halves the picture. To double it, use nn.ConvTranspose2d.
"""


class Doubling(nn.ConvTranspose2d):
    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch, kernel_size=2, stride=2)


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


REFERENCE = upsample
LOOK = (
    "It's a single transposed convolution: in_ch, out_ch, a kernel of 2, a stride of 2, and "
    "everything else by default. Return it."
)
ALSO_RIGHT = [Doubling, LayerInside, ByEinsum, ByShuffling]
MAKES_LAYER = True
