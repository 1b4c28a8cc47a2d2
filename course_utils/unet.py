"""The whole network: the tutorial's U-Net, repaired."""

import torch
from torch import nn

from course_utils.decoder import Decoder
from course_utils.embedding import TimeEmbedding
from course_utils.encoder import Encoder


class UNet(nn.Module):
    """Predict the noise in a noisy picture, given the step t that it was noised to.

    (B, C, H, W), (B,) -> (B, C, H, W)

    Level i has base_ch * ch_mult[i] channels; between two levels the picture is halved. t is an
    integer tensor, or one int for the whole batch.
    Raises ValueError for a picture that cannot be halved often enough and for a t that does not
    go with x. Source: "U-Net" (2015) and "Denoising Diffusion Probabilistic Models" (2020).
    """

    def __init__(self, in_ch=1, base_ch=64, ch_mult=(1, 2, 4, 8), time_dim=256):
        super().__init__()
        self.in_ch, self.halvings = in_ch, len(ch_mult) - 1
        chs = [base_ch * m for m in ch_mult]
        self.time = TimeEmbedding(time_dim)
        self.encoder = Encoder(in_ch, chs, time_dim)
        self.decoder = Decoder(chs, in_ch, time_dim)

    def forward(self, x, t):
        check_picture(x, self.in_ch, self.halvings)
        temb = self.time(timesteps(t, x))  # (B, D)
        bottom, skips = self.encoder(x, temb)
        return self.decoder(bottom, skips, temb)


def check_picture(x, in_ch, halvings):
    """Raise ValueError, in words, unless x can go through a U of this many halvings.

    (B, C, H, W) -> None
    """
    if x.ndim != 4 or x.shape[1] != in_ch:
        raise ValueError(f"x must have shape (B, {in_ch}, H, W); got {tuple(x.shape)}")
    step = 2**halvings
    H, W = x.shape[2:]
    if H % step or W % step:
        possible = next(n for n in reversed(range(halvings)) if H % 2**n == 0 == W % 2**n)
        able = f"can be halved {times(possible)}, not {times(halvings)}"
        raise ValueError(
            f"{H} x {W} {able if possible else 'cannot be halved'}; pad to "
            f"{-(-H // step) * step} x {-(-W // step) * step} (any multiple of {step} works) "
            f"or use {possible + 1} level{'s' if possible else ''}"
        )


def times(n):
    return {1: "once", 2: "twice"}.get(n, f"{n} times")


def timesteps(t, x):
    """Return t as one number for each picture of x, on x's device.

    (B,), (B, C, H, W) -> (B,)

    An int is repeated for the whole batch. Raises ValueError for a tensor of another shape: one
    of shape (1,) would be spread over the batch without a word.
    """
    if isinstance(t, int):
        return torch.full((len(x),), t, device=x.device)
    if not isinstance(t, torch.Tensor) or t.shape != (len(x),):
        came = f"shape {tuple(t.shape)}" if isinstance(t, torch.Tensor) else type(t).__name__
        raise ValueError(
            f"t must be an int or a tensor of shape ({len(x)},), one step for each of the "
            f"{len(x)} images of x; got {came}"
        )
    return t.to(x.device)
