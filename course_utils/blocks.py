"""The parts that the U is made of: blocks, layers that halve a picture, layers that double it.

The first three are the tutorial's, the others those of the published networks.
"""

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


def downsample(ch):
    """Return the layer that halves height and width: a 2x2 convolution with stride 2.

    () -> module of (B, C, H, W) -> (B, C, H/2, W/2)

    C is ch.
    """
    return nn.Conv2d(ch, ch, kernel_size=2, stride=2)


def upsample(in_ch, out_ch):
    """Return the layer that doubles height and width: a 2x2 transposed convolution with stride 2.

    () -> module of (B, C, H, W) -> (B, K, 2H, 2W)

    C is in_ch, K is out_ch.
    """
    return nn.ConvTranspose2d(in_ch, out_ch, kernel_size=2, stride=2)


def group_norm(ch, eps=1e-5):
    """Return the norm of the published networks: 32 groups of channels, for each picture alone.

    () -> GroupNorm

    With 32 channels each is a group of its own, and what a ResBlock adds to a channel for the time
    is taken out again with the mean: give the levels 64 or more. Raises ValueError unless 32
    divides ch. Source: "Group Normalization" (2018).
    """
    if ch % 32:
        raise ValueError(
            f"GroupNorm in 32 groups cannot split {ch} channels; choose a multiple of 32"
        )
    return nn.GroupNorm(32, ch, eps=eps)


class ResBlock(nn.Module):
    """Normalise, activate, convolve, twice; the time in between, a shortcut around.

    (B, C, H, W), (B, D) -> (B, K, H, W)

    ConvBlock ends each half with a norm and SiLU, this one begins with them, so what it adds to
    its input can be negative as well as positive. Where C and K differ, a 1x1 convolution, or one
    of another size, carries the input around.
    Source: "Denoising Diffusion Probabilistic Models" (2020), appendix B; the order is that of
    "Identity Mappings in Deep Residual Networks" (2016).
    """

    def __init__(self, in_ch, out_ch, time_dim, dropout=0.0, eps=1e-5, shortcut_size=1):
        super().__init__()
        self.norm1 = group_norm(in_ch, eps)
        self.conv1 = nn.Conv2d(in_ch, out_ch, 3, padding=1)
        self.time_proj = nn.Linear(time_dim, out_ch)
        self.norm2 = group_norm(out_ch, eps)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(out_ch, out_ch, 3, padding=1)
        self.shortcut = nn.Identity()
        if in_ch != out_ch:
            self.shortcut = nn.Conv2d(in_ch, out_ch, shortcut_size, padding=shortcut_size // 2)

    def forward(self, x, temb):
        h = self.conv1(F.silu(self.norm1(x)))  # (B, K, H, W)
        h = h + self.time_proj(F.silu(temb))[:, :, None, None]
        h = self.conv2(self.dropout(F.silu(self.norm2(h))))
        return h + self.shortcut(x)


class FiLMBlock(nn.Module):
    """A residual block in which the time scales and shifts what the second norm returns.

    (B, C, H, W), (B, D) -> (B, K, H, W)

    One linear layer makes 2 K numbers of the time: the first K scale the channels (1 is added to
    each), the others shift them. They come after the norm, so it cannot take them out again.
    Source: "FiLM: Visual Reasoning with a General Conditioning Layer" (2017); "Diffusion Models
    Beat GANs on Image Synthesis" (2021), section 3, as adaptive group normalization.
    """

    def __init__(self, in_ch, out_ch, time_dim, groups=8):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, in_ch)
        self.conv1 = nn.Conv2d(in_ch, out_ch, 3, padding=1)
        self.time_proj = nn.Linear(time_dim, 2 * out_ch)
        self.norm2 = nn.GroupNorm(groups, out_ch)
        self.conv2 = nn.Conv2d(out_ch, out_ch, 3, padding=1)
        self.shortcut = nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)

    def forward(self, x, temb):
        h = self.conv1(F.silu(self.norm1(x)))  # (B, K, H, W)
        scale, shift = self.time_proj(F.silu(temb))[:, :, None, None].chunk(2, dim=1)
        h = self.norm2(h) * (1 + scale) + shift
        return self.conv2(F.silu(h)) + self.shortcut(x)


class StridedDownsample(nn.Conv2d):
    """Halve height and width: a 3x3 convolution that steps by 2, padded by one on all sides.

    (B, C, H, W) -> (B, C, H/2, W/2)
    """

    def __init__(self, ch):
        super().__init__(ch, ch, kernel_size=3, stride=2, padding=1)


class PaddedDownsample(nn.Conv2d):
    """Halve height and width: the same, but padded on the right and at the bottom alone.

    (B, C, H, W) -> (B, C, H/2, W/2)

    Output (i, j) is centred on input (2i + 1, 2j + 1), where StridedDownsample has (2i, 2j).
    """

    def __init__(self, ch):
        super().__init__(ch, ch, kernel_size=3, stride=2)

    def forward(self, x):
        return super().forward(F.pad(x, (0, 1, 0, 1)))


class NearestUpsample(nn.Conv2d):
    """Double height and width: every pixel four times, then a 3x3 convolution.

    (B, C, H, W) -> (B, C, 2H, 2W)

    Source: "Deconvolution and Checkerboard Artifacts" (2016).
    """

    def __init__(self, ch):
        super().__init__(ch, ch, kernel_size=3, padding=1)

    def forward(self, x):
        return super().forward(F.interpolate(x, scale_factor=2, mode="nearest"))
