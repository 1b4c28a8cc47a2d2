"""The two sides of the U that DDPM's and smalldiffusion's networks share.

Against our Encoder and Decoder: several blocks on each level, and every output on the way down is
kept, also the halved pictures. So the way up has one block more on each level than the way down.
"""

import torch
from torch import nn

from course_utils.blocks import NearestUpsample


class ResEncoder(nn.Module):
    """Go down the U and keep everything.

    (B, C, H, W), (B, D) -> skips

    chs lists the channels of the levels, depth the number of blocks on each. block(in_ch, out_ch,
    level) and downsample(ch) make the layers. The skips are the input, the output of each block
    and each halved picture, in this order; the last one is the bottom.
    """

    def __init__(self, ch, chs, depth, block, downsample):
        super().__init__()
        self.blocks = nn.ModuleList()
        for level, (in_ch, out_ch) in enumerate(zip([ch, *chs], chs)):
            ins = [in_ch] + [out_ch] * (depth - 1)
            self.blocks.append(nn.ModuleList(block(i, out_ch, level) for i in ins))
        self.downs = nn.ModuleList(downsample(ch) for ch in chs[:-1])

    def forward(self, h, temb):
        skips = [h]
        for blocks, down in zip(self.blocks, [*self.downs, None]):
            for block in blocks:
                skips.append(block(skips[-1], temb))  # (B, chs[i], H/2^i, W/2^i)
            if down:
                skips.append(down(skips[-1]))  # (B, chs[i], H/2^(i+1), W/2^(i+1))
        return skips


class ResDecoder(nn.Module):
    """Go up the U: every block is joined by the skip that was kept last and not yet used.

    (B, K, H/2^n, W/2^n), skips, (B, D) -> (B, C, H, W)

    The arguments are those of ResEncoder. The skips are used up.
    """

    def __init__(self, ch, chs, depth, block):
        super().__init__()
        self.blocks = nn.ModuleList()
        below = chs[-1]
        for level in reversed(range(len(chs))):
            out_ch, halved_ch = chs[level], [ch, *chs][level]
            ins = [below + out_ch] + [2 * out_ch] * (depth - 1) + [out_ch + halved_ch]
            self.blocks.append(nn.ModuleList(block(i, out_ch, level) for i in ins))
            below = out_ch
        self.ups = nn.ModuleList(NearestUpsample(ch) for ch in reversed(chs[1:]))

    def forward(self, h, skips, temb):
        for blocks, up in zip(self.blocks, [*self.ups, None]):
            for block in blocks:
                h = block(torch.cat([h, skips.pop()], dim=1), temb)  # (B, chs[i], H/2^i, W/2^i)
            if up:
                h = up(h)  # (B, chs[i], H/2^(i-1), W/2^(i-1))
        assert not skips, "every skip is used"
        return h
