"""smalldiffusion's U-Net: it is told the noise level sigma, not a step t."""

import re

import torch
from torch import nn
from torch.nn import functional as F

from course_utils.attention import Attended, MultiHeadAttention
from course_utils.blocks import PaddedDownsample, ResBlock, group_norm
from course_utils.embedding import SigmaEmbedding
from course_utils.published import load_published
from course_utils.res_unet import ResDecoder, ResEncoder

# Pieces of our names, and what stands in their place in the original's.
PUBLISHED = {
    "sig_embed.linear1": "sig_embed.mlp.0",
    "sig_embed.linear2": "sig_embed.mlp.2",
    "cond_embed.table": "cond_embed.embeddings",
    "cond_embed.linear": "cond_embed.mlp.1",
    "middle.0.block.": "mid.0.",
    "middle.0.attention.": "mid.1.",
    "middle.1.block.": "mid.2.",
    ".block.": ".0.",
    ".attention.norm": ".1.norm",
    ".attention.proj_out": ".1.proj_out",
    ".attention.attention.": ".1.attention.",
    "attention.tokens.": "attn.",
    "norm_out": "out_layer.0",
    "conv_out": "out_layer.2",
    "norm1": "layer1.0",
    "conv1": "layer1.2",
    "time_proj": "temb_proj.1",
    "norm2": "layer2.0",
    "conv2": "layer2.3",
}


class SigmaAttention(nn.Module):
    """Normalise, attend, project once more, add.

    (B, C, H, W) -> (B, C, H, W)

    The projection that attention ends with and proj_out have nothing in between: together they are
    one linear layer, in twice the numbers. Source: the package smalldiffusion.
    """

    def __init__(self, ch, heads=1):
        super().__init__()
        self.norm = group_norm(ch, eps=1e-6)
        self.attention = MultiHeadAttention(ch, heads)
        self.proj_out = nn.Conv2d(ch, ch, 1)

    def forward(self, x):
        return x + self.proj_out(self.attention(self.norm(x)))


class SigmaUNet(nn.Module):
    """Predict the noise in x0 + sigma * eps, given sigma.

    (B, C, H, H), (B,) -> (B, C, H, H)

    Pictures are in_dim pixels wide and high. Level i has ch * ch_mult[i] channels; levels whose
    pictures have a size listed in attn_resolutions have attention. sigma is one number, or one for
    each picture, of shape (B,) or (B, 1, 1, 1). With a cond_embed, cond holds a label (B,) each.
    sig_embed and cond_embed are modules that give vectors (B, ch * embed_ch_mult).
    Raises ValueError for pictures of another size, for one that cannot be halved often enough, for
    channels that 32 does not divide and for labels that are missing or not asked for.
    Source: the package smalldiffusion, after the code of "Denoising Diffusion Implicit Models".
    """

    def __init__(
        self,
        in_dim,
        in_ch,
        out_ch,
        ch=128,
        ch_mult=(1, 2, 2, 2),
        embed_ch_mult=4,
        num_res_blocks=2,
        attn_resolutions=(16,),
        dropout=0.1,
        sig_embed=None,
        cond_embed=None,
    ):
        super().__init__()
        self.picture = picture_shape(in_ch, in_dim, halvings=len(ch_mult) - 1)
        chs, time_dim = [ch * m for m in ch_mult], ch * embed_ch_mult

        def block(in_ch, out_ch, level=0, attend=None):
            res = ResBlock(in_ch, out_ch, time_dim, dropout, eps=1e-6)
            attend = in_dim >> level in attn_resolutions if attend is None else attend
            return Attended(res, SigmaAttention(out_ch) if attend else nn.Identity())

        self.sig_embed, self.cond_embed = sig_embed or SigmaEmbedding(time_dim), cond_embed
        self.conv_in = nn.Conv2d(in_ch, ch, 3, padding=1)
        self.encoder = ResEncoder(ch, chs, num_res_blocks, block, PaddedDownsample)
        self.middle = nn.ModuleList(block(chs[-1], chs[-1], attend=a) for a in (True, False))
        self.decoder = ResDecoder(ch, chs, num_res_blocks, block)
        self.norm_out = group_norm(chs[0], eps=1e-6)
        self.conv_out = nn.Conv2d(chs[0], out_ch, 3, padding=1)

    def forward(self, x, sigma, cond=None):
        if x.shape[1:] != self.picture:
            expected = ", ".join(map(str, self.picture))
            raise ValueError(f"x must have shape (B, {expected}); got {tuple(x.shape)}")
        temb = embed(self, per_picture(sigma, x), cond)  # (B, D)
        skips = self.encoder(self.conv_in(x), temb)
        h = skips[-1]
        for block in self.middle:
            h = block(h, temb)  # (B, K, H/2^n, W/2^n)
        h = self.decoder(h, skips, temb)  # (B, chs[0], H, W)
        return self.conv_out(F.silu(self.norm_out(h)))

    def load_published(self, state_dict):
        """Take over weights that smalldiffusion saved.

        state_dict -> SigmaUNet

        Raises ValueError that lists what does not fit; then nothing is changed.
        """
        return load_published(self, state_dict, published_name)


def embed(net, sigma, cond):
    """Return what the blocks of a network are told: the noise level, and the label if it has any.

    SigmaUNet, (B,), (B,) -> (B, D)

    Raises ValueError for labels that are missing or not asked for.
    """
    if (cond is None) != (net.cond_embed is None):
        raise ValueError(
            "this network was made without cond_embed and takes no labels"
            if net.cond_embed is None
            else f"this network needs a label for each picture: cond, of shape ({len(sigma)},)"
        )
    temb = net.sig_embed(sigma)
    return temb if cond is None else temb + net.cond_embed(cond)


def per_picture(sigma, x):
    """Return sigma as one number for each picture of x, on x's device.

    (B,), (B, C, H, W) -> (B,)

    sigma may also be a number, or have shape () or (B, 1, 1, 1). Raises ValueError for another
    shape and for a sigma that is not greater than 0.
    """
    sigma = torch.as_tensor(sigma, dtype=x.dtype, device=x.device)
    if sigma.ndim == 0:
        sigma = sigma.expand(len(x))
    if sigma.shape not in ((len(x),), (len(x), 1, 1, 1)):
        raise ValueError(
            f"sigma must be a number or have shape ({len(x)},) or ({len(x)}, 1, 1, 1), one noise "
            f"level for each of the {len(x)} pictures; got {tuple(sigma.shape)}"
        )
    if not (sigma > 0).all():
        raise ValueError(f"sigma must be greater than 0; got {float(sigma.min())}")
    return sigma.flatten()


def picture_shape(in_ch, in_dim, halvings):
    if in_dim % 2**halvings:
        raise ValueError(
            f"{in_dim} pixels cannot be halved {halvings} times; use fewer entries in ch_mult, or "
            f"pad the pictures to a multiple of {2**halvings}"
        )
    return in_ch, in_dim, in_dim


def Scaled(network):
    """Return a class of networks like this one, that scale their input by 1 / sqrt(1 + sigma^2).

    class -> class

    So what the first layer sees does not grow with sigma. Scaled(SigmaUNet) is used like SigmaUNet.
    Source: the package smalldiffusion; "Elucidating the Design Space of Diffusion-Based Generative
    Models" (2022), table 1, for data of standard deviation 1.
    """

    class ScaledNetwork(network):
        def forward(self, x, sigma, cond=None):
            size = (1 + per_picture(sigma, x) ** 2).sqrt()
            return super().forward(x / size[:, None, None, None], sigma, cond)

    ScaledNetwork.__name__ = ScaledNetwork.__qualname__ = f"Scaled{network.__name__}"
    return ScaledNetwork


def published_name(name):
    """Return smalldiffusion's name for one of our parameters."""
    for side, theirs, resample in (("encoder", "downs", "down"), ("decoder", "ups", "up")):
        name = re.sub(rf"{side}\.blocks\.(\d+)\.(\d+)", rf"{theirs}.\1.blocks.\2", name)
        name = re.sub(rf"{side}\.{resample}s\.(\d+)", rf"{theirs}.\1.{resample}sample.1", name)
    for ours, theirs in PUBLISHED.items():
        name = name.replace(ours, theirs)
    return name
