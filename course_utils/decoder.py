"""The right side of the U: the picture grows back, with the skips to remind it of the details."""

import torch
from torch import nn

from course_utils.blocks import ConvBlock, upsample


class Decoder(nn.Module):
    """Go up the U: double, join the skip of that level, convolve.

    (B, K, H/2^n, W/2^n), n skips, (B, D) -> (B, C, H, W)

    chs is the encoder's list. Going up to level i, upsample gives chs[i] channels and the skip
    has chs[i], so the block takes 2 * chs[i]. Raises ValueError when the skips are too many or
    too few. Source: "U-Net" (2015), figure 1.
    """

    def __init__(self, chs, out_ch, time_dim):
        super().__init__()
        upward = list(reversed(chs))
        self.ups = nn.ModuleList(upsample(i, o) for i, o in zip(upward, upward[1:]))
        self.blocks = nn.ModuleList(ConvBlock(2 * ch, ch, time_dim) for ch in upward[1:])
        self.out = nn.Conv2d(chs[0], out_ch, 1)

    def forward(self, x, skips, temb):
        if len(skips) != len(self.ups):
            raise ValueError(
                f"expected {len(self.ups)} skips, one for each halving; got {len(skips)}"
            )
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
            x = torch.cat([up(x), skip], dim=1)  # (B, 2 * chs[i], H/2^i, W/2^i)
            x = block(x, temb)  # (B, chs[i], H/2^i, W/2^i)
        return self.out(x)
