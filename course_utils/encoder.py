"""The left side of the U: the picture gets smaller, its channels more."""

from torch import nn

from course_utils.blocks import ConvBlock, downsample


class Encoder(nn.Module):
    """Go down the U and keep what every level saw.

    (B, C, H, W), (B, D) -> (B, K, H/2^n, W/2^n), n skips

    chs lists the channels of the levels, top to bottom: n + 1 numbers for n halvings; K is the
    last. Skip i is the output of level i's block, before it is halved: (B, chs[i], H/2^i, W/2^i).
    Source: "U-Net" (2015), figure 1.
    """

    def __init__(self, in_ch, chs, time_dim):
        super().__init__()
        ins = [in_ch, *chs]
        self.blocks = nn.ModuleList(ConvBlock(i, o, time_dim) for i, o in zip(ins, chs[:-1]))
        self.downs = nn.ModuleList(downsample(ch) for ch in chs[:-1])
        self.bottom = ConvBlock(ins[-2], chs[-1], time_dim)

    def forward(self, x, temb):
        skips = []
        for block, down in zip(self.blocks, self.downs):
            x = block(x, temb)  # (B, chs[i], H/2^i, W/2^i)
            skips.append(x)
            x = down(x)  # (B, chs[i], H/2^(i+1), W/2^(i+1))
        return self.bottom(x, temb), skips
