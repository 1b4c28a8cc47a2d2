"""DDPM's U-Net, as in the package local_diffusion of Analytic Diffusion Studio."""

import re

import torch
from torch import nn
from torch.nn import functional as F

from course_utils.attention import Attended, AttentionBlock, SingleHeadAttention
from course_utils.blocks import ResBlock, StridedDownsample, group_norm
from course_utils.embedding import TableEmbedding
from course_utils.published import load_published
from course_utils.res_unet import ResDecoder, ResEncoder
from course_utils.unet import check_picture, timesteps

# Pieces of our names, and what stands in their place in the original's.
PUBLISHED = {
    "time.table": "time_embedding.timembedding.0.weight",
    "time.linear1": "time_embedding.timembedding.1",
    "time.linear2": "time_embedding.timembedding.3",
    "conv_in": "head",
    "norm_out": "tail.0",
    "conv_out": "tail.2",
    "middle.": "middleblocks.",
    ".block.norm1": ".block1.0",
    ".block.conv1": ".block1.2",
    ".block.time_proj": ".temb_proj.1",
    ".block.norm2": ".block2.0",
    ".block.conv2": ".block2.3",
    ".block.shortcut": ".shortcut",
    ".attention.norm": ".attn.group_norm",
    ".attention.attention.proj": ".attn.proj",
    ".attention.attention.": ".attn.proj_",
}


class DDPMUNet(nn.Module):
    """Predict the noise in a noisy picture, given its step t.

    (B, C, H, W), (B,) -> (B, C, H, W)

    T is the number of noise steps, ch the channels of the first layer; level i has
    ch * ch_mult[i]. The levels listed in attn have attention after each block, and the middle has
    it after its first. A fresh network answers with nearly zero. With return_middle_feature,
    forward returns (output, middle, temb); with return_all_features (output, middle, the features
    before the last layers, temb). Raises ValueError for channels that 32 does not divide, for a
    picture that cannot be halved often enough and for a t that does not go with x.
    Source: "Denoising Diffusion Probabilistic Models" (2020), appendix B.
    """

    def __init__(
        self, T, ch, ch_mult, attn, num_res_blocks, dropout, in_channels=3, out_channels=3
    ):
        super().__init__()
        self.in_ch, self.halvings, self.depth = in_channels, len(ch_mult) - 1, num_res_blocks
        chs = [ch * m for m in ch_mult]

        def block(in_ch, out_ch, level=0, attend=None):
            res = ResBlock(in_ch, out_ch, 4 * ch, dropout)
            attend = level in attn if attend is None else attend
            look = AttentionBlock(out_ch, SingleHeadAttention) if attend else nn.Identity()
            return Attended(res, look)

        self.time = TableEmbedding(T, ch, 4 * ch)
        self.conv_in = nn.Conv2d(in_channels, ch, 3, padding=1)
        self.encoder = ResEncoder(ch, chs, num_res_blocks, block, StridedDownsample)
        self.middle = nn.ModuleList(block(chs[-1], chs[-1], attend=a) for a in (True, False))
        self.decoder = ResDecoder(ch, chs, num_res_blocks, block)
        self.norm_out = group_norm(chs[0])
        self.conv_out = nn.Conv2d(chs[0], out_channels, 3, padding=1)
        start_near_zero(self)

    def forward(self, x, t, return_middle_feature=False, return_all_features=False):
        check_picture(x, self.in_ch, self.halvings)
        temb = self.time(timesteps(t, x))  # (B, D)
        skips = self.encoder(self.conv_in(x), temb)
        middle = skips[-1]
        for block in self.middle:
            middle = block(middle, temb)  # (B, K, H/2^n, W/2^n)
        h = self.decoder(middle, skips, temb)  # (B, chs[0], H, W)
        output = self.conv_out(F.silu(self.norm_out(h)))
        if return_all_features:
            return output, middle, h, temb
        return (output, middle, temb) if return_middle_feature else output

    def load_published(self, state_dict):
        """Take over weights that local_diffusion saved.

        state_dict -> DDPMUNet

        Raises ValueError that lists what does not fit; then nothing is changed.
        """
        return load_published(self, state_dict, self.published_name)

    def published_name(self, name):
        """Return the original's name for one of our parameters: it counts layers, not levels."""

        def flat(side, level, layer, of):
            return f"{side}.{int(level) * of + int(layer)}"

        down, up = self.depth + 1, self.depth + 2
        for pattern, place in {
            r"encoder\.blocks\.(\d+)\.(\d+)": lambda m: flat("downblocks", m[1], m[2], down),
            r"encoder\.downs\.(\d+)": lambda m: flat("downblocks", m[1], down - 1, down) + ".main",
            r"decoder\.blocks\.(\d+)\.(\d+)": lambda m: flat("upblocks", m[1], m[2], up),
            r"decoder\.ups\.(\d+)": lambda m: flat("upblocks", m[1], up - 1, up) + ".main",
        }.items():
            name = re.sub(pattern, place, name)
        for ours, theirs in PUBLISHED.items():
            name = name.replace(ours, theirs)
        return name


def start_near_zero(net):
    """Give a DDPMUNet its first weights: Xavier's, but tiny ones at the end of every branch.

    DDPMUNet -> None

    So every block begins as its shortcut, and the network answers with nearly zero. The original
    means the same for attention, but its blocks draw those weights again, at full size, after the
    attention has made them tiny. Source: "Understanding the difficulty of training deep
    feedforward neural networks" (2010), equation 16.
    """
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    ends = [m.conv2 for m in net.modules() if isinstance(m, ResBlock)]
    ends += [m.proj for m in net.modules() if isinstance(m, SingleHeadAttention)]
    for layer in [*ends, net.conv_out]:
        nn.init.xavier_uniform_(layer.weight, gain=1e-5)


class FlattenLinear(nn.Module):
    """A linear layer over all pixels of a feature map and the time.

    (B, C, H, W), (B, D) -> (B, C, H, W)

    The opposite of a convolution: every output number has a weight for every input number.
    Source: the package local_diffusion, which offers it beside its U-Net.
    """

    def __init__(self, channels, height, width, tdim):
        super().__init__()
        self.linear = nn.Linear(channels * height * width + tdim, channels * height * width)

    def forward(self, x, temb):
        return self.linear(torch.cat([x.flatten(1), temb], dim=1)).view(x.shape)
