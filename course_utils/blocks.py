"""The parts that the U is made of: one block, one layer that halves, one that doubles."""

from torch import nn
from torch.nn import functional as F


class ConvBlock(nn.Module):
    """Two convolutions that know the time, and a shortcut around them.

    (B, C, H, W), (B, D) -> (B, K, H, W)

    The time is projected to one number per channel and added between the convolutions.
    Where C and K differ, a 1x1 convolution carries the input around; else it is unchanged.
    Source: the tutorial's ConvBlock; the shortcut is that of "Deep Residual Learning" (2015).
    """

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.conv1 = nn.Conv2d(in_ch, out_ch, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(out_ch)
        self.time_proj = nn.Linear(time_dim, out_ch)
        self.conv2 = nn.Conv2d(out_ch, out_ch, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(out_ch)
        self.shortcut = nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x)))  # (B, K, H, W)
        h = h + self.time_proj(temb)[:, :, None, None]
        h = F.silu(self.norm2(self.conv2(h)))
        return h + self.shortcut(x)


class Downsample(nn.Conv2d):
    """Halve height and width: a 2x2 convolution that steps by 2.

    (B, C, H, W) -> (B, C, H/2, W/2)
    """

    def __init__(self, ch):
        super().__init__(ch, ch, kernel_size=2, stride=2)


class Upsample(nn.ConvTranspose2d):
    """Double height and width: a 2x2 transposed convolution that steps by 2.

    (B, C, H, W) -> (B, K, 2H, 2W)
    """

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch, kernel_size=2, stride=2)
