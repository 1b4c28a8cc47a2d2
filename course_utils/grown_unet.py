"""The reader's U-Net, grown: FiLM blocks, attention, and labels."""

import torch
from torch import nn
from torch.nn import functional as F

from course_utils.attention import Attended, AttentionBlock
from course_utils.blocks import FiLMBlock, downsample, upsample
from course_utils.embedding import LabelEmbedding, TimeEmbedding
from course_utils.unet import check_picture, timesteps


class GrownUNet(nn.Module):
    """The U-Net with FiLM blocks, attention on the second level, and a label for each picture.

    (B, C, H, W), (B,), (B,) -> (B, C, H, W)

    Level i has base_ch * ch_mult[i] channels. Labels are 0 ... classes - 1, or classes for
    "hidden"; cond_embed hides a tenth of them in training. Raises ValueError for a picture that
    cannot be halved often enough and for a t that does not go with x.
    Source: "Diffusion Models Beat GANs on Image Synthesis" (2021), section 3; "Classifier-Free
    Diffusion Guidance" (2022), algorithm 1.
    """

    def __init__(self, in_ch=1, base_ch=32, ch_mult=(1, 2, 4), time_dim=128, classes=10):
        super().__init__()
        self.in_ch, self.halvings = in_ch, len(ch_mult) - 1
        chs = [base_ch * m for m in ch_mult]

        def block(in_ch, level):
            after = AttentionBlock(chs[level], groups=8) if level == 1 else nn.Identity()
            return Attended(FiLMBlock(in_ch, chs[level], time_dim), after)

        levels = range(self.halvings)
        self.time = TimeEmbedding(time_dim)
        self.cond_embed = LabelEmbedding(time_dim, classes)
        self.conv_in = nn.Conv2d(in_ch, base_ch, 3, padding=1)
        self.down_blocks = nn.ModuleList(block([base_ch, *chs][i], i) for i in levels)
        self.downs = nn.ModuleList(downsample(chs[i]) for i in levels)
        self.bottleneck = FiLMBlock(chs[-2], chs[-1], time_dim)
        self.ups = nn.ModuleList(upsample(chs[i + 1], chs[i]) for i in reversed(levels))
        self.up_blocks = nn.ModuleList(block(2 * chs[i], i) for i in reversed(levels))
        self.norm_out = nn.GroupNorm(8, chs[0])
        self.conv_out = nn.Conv2d(chs[0], in_ch, 1)

    def forward(self, x, t, labels):
        check_picture(x, self.in_ch, self.halvings)
        temb = self.time(timesteps(t, x)) + self.cond_embed(labels)  # (B, D)
        h, skips = self.conv_in(x), []
        for block, down in zip(self.down_blocks, self.downs):
            h = block(h, temb)  # (B, chs[i], H/2^i, W/2^i)
            skips.append(h)
            h = down(h)
        h = self.bottleneck(h, temb)
        for up, block in zip(self.ups, self.up_blocks):
            h = block(torch.cat([up(h), skips.pop()], dim=1), temb)
        return self.conv_out(F.silu(self.norm_out(h)))
