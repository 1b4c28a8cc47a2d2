"""4.3 Repeat, then convolve."""

import torch
from einops import repeat
from torch import nn
from torch.nn import functional as F

from course_utils.checks.exercises.nb04.upsample import upsample_experiment


class NearestUpsample(nn.Module):
    """Double height and width: repeat every pixel, then a 3x3 convolution.

    (B, C, H, W) -> (B, K, 2H, 2W)

    Source: "Deconvolution and Checkerboard Artifacts" (Distill, 2016).
    """

    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.conv = nn.Conv2d(in_ch, out_ch, 3, padding=1)

    def forward(self, x):
        x = F.interpolate(x, scale_factor=2, mode="nearest")  # (B, C, 2H, 2W)
        return self.conv(x)


MISTAKES = """
# convolution before the doubling
- x = F.interpolate(x, scale_factor=2, mode="nearest")
- return self.conv(x)
+ return F.interpolate(self.conv(x), scale_factor=2)
You convolve first, which leaves 2 x 2 blocks of equal pixels. Repeat first, then convolve.
# not nearest
- x = F.interpolate(x, scale_factor=2, mode="nearest")
+ x = F.interpolate(x, scale_factor=2, mode="bilinear")
| x = F.interpolate(x, scale_factor=2, mode="bicubic")
Your doubling is smooth (bilinear or bicubic). Use mode="nearest", which repeats every pixel.
# doubling not kept
+ F.interpolate(x, scale_factor=2, mode="nearest")
F.interpolate returns a new picture, and you don't keep it. Write x = F.interpolate(x, ...).
# size instead of scale_factor
+ x = F.interpolate(x, size=2, mode="nearest")
The second argument of F.interpolate is the size of the output. To double it, write scale_factor=2.
# not doubled in both directions
+ x = F.interpolate(x, scale_factor=4, mode="nearest")
| x = F.interpolate(x, scale_factor=(2, 1), mode="nearest")
| x = F.interpolate(x, scale_factor=(1, 2), mode="nearest")
Each side has to become exactly twice as long: scale_factor=2.
# whole picture repeated
+ x = x.repeat(1, 1, 2, 2)
| x = x.repeat(1, 1, 2, 1).repeat_interleave(2, dim=3)
| x = x.repeat(1, 1, 1, 2).repeat_interleave(2, dim=2)
You put copies of the whole picture side by side. F.interpolate repeats each pixel in place.
# other padding
- nn.Conv2d(in_ch, out_ch, 3, padding=1)
+ nn.Conv2d(in_ch, out_ch, 3, padding=1, padding_mode="replicate")
| nn.Conv2d(in_ch, out_ch, 3, padding=1, padding_mode="reflect")
Your padding isn't zeros. Leave padding_mode at its default.
# no padding
+ nn.Conv2d(in_ch, out_ch, 3)
The padding is missing: without it, a 3x3 convolution cuts a pixel off each side.
# not 3x3
+ nn.Conv2d(in_ch, out_ch, 1)
| nn.Conv2d(in_ch, out_ch, 5, padding=2)
Your convolution isn't 3x3. Use a kernel of 3, with padding=1.
# convolution not used
- self.conv(x)
+ x
The convolution is made, but forward doesn't use it.
# activation at the end
+ F.silu(self.conv(x))
| F.relu(self.conv(x))
or
- nn.Conv2d(in_ch, out_ch, 3, padding=1)
+ nn.Sequential(nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.BatchNorm2d(out_ch))
There's an activation or a norm at the end. Leave it out: the blocks have theirs.
# channels swapped
+ nn.Conv2d(out_ch, in_ch, 3, padding=1)
in_ch and out_ch are swapped: nn.Conv2d takes the input's channels first.
# no bias
+ nn.Conv2d(in_ch, out_ch, 3, padding=1, bias=False)
The convolution has no bias. Leave bias at its default, True.
# transposed convolution
+ nn.ConvTranspose2d(in_ch, out_ch, 2, stride=2)
- x = F.interpolate(x, scale_factor=2, mode="nearest")
+
or
+ nn.ConvTranspose2d(in_ch, out_ch, 3, padding=1)
That's a transposed convolution, as in 4.2. Repeat every pixel, then use nn.Conv2d.
"""


class InSequence(nn.Sequential):
    def __init__(self, in_ch, out_ch):
        super().__init__(nn.Upsample(scale_factor=2), nn.Conv2d(in_ch, out_ch, 3, padding="same"))


class ByRepeating(nn.Module):
    def __init__(self, C, K):
        super().__init__()
        self.smooth = nn.Conv2d(C, K, (3, 3), padding=(1, 1))

    def forward(self, x):
        return self.smooth(x.repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2))


class ByEinops(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_ch, in_ch, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_ch))

    def forward(self, x):
        doubled = repeat(x, "b c h w -> b c (h i) (w j)", i=2, j=2)
        return F.conv2d(F.pad(doubled, (1, 1, 1, 1)), self.weight, self.bias)


class ByIndexing(nn.Conv2d):
    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch, kernel_size=3, stride=1, padding=1)

    def forward(self, x):
        rows, columns = (torch.arange(2 * n, device=x.device) // 2 for n in x.shape[2:])
        return super().forward(x[:, :, rows][:, :, :, columns])


REFERENCE = NearestUpsample
experiment = upsample_experiment
LOOK = (
    "The order is: repeat every pixel, twice in each direction, then a 3x3 convolution with "
    "zeros around, and nothing else."
)
ALSO_RIGHT = [InSequence, ByRepeating, ByEinops, ByIndexing]
