"""A small DiT, the transformer for diffusion: what to compare a U-Net with."""

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.attention import TokenAttention, to_tokens
from course_utils.embedding import SigmaEmbedding
from course_utils.sigma_unet import embed, per_picture


def positions_2d(side, dim):
    """Return a vector for each place in a square of tokens: half tells the column, half the row.

    () -> (N, D)

    Each half holds sines, then cosines, of the place times D/4 frequencies from 1 to nearly
    1 / 10,000. Raises ValueError unless 4 divides D.
    Source: "Scalable Diffusion Models with Transformers" (2022), and its code.
    """
    if dim % 4:
        raise ValueError(f"dim must be a multiple of 4, for two coordinates in pairs; got {dim}")
    frequencies = 10_000.0 ** (-torch.arange(dim // 4) / (dim // 4))  # (D/4,)
    angles = torch.arange(side)[:, None] * frequencies  # (side, D/4)
    place = torch.cat([angles.sin(), angles.cos()], dim=1)  # (side, D/2)
    column = place.expand(side, side, -1)  # (row, column, D/2)
    return torch.cat([column, column.transpose(0, 1)], dim=2).flatten(0, 1)  # (N, D)


class DiTBlock(nn.Module):
    """Attention, then two linear layers on each token; the time scales, shifts and gates both.

    (B, N, D), (B, D) -> (B, N, D)

    The gates begin at zero (adaLN-zero): a fresh block hands its input through.
    Source: "Scalable Diffusion Models with Transformers" (2022), figure 3.
    """

    def __init__(self, dim, heads):
        super().__init__()
        self.norm = nn.LayerNorm(dim, elementwise_affine=False, eps=1e-6)
        self.attention = TokenAttention(dim, heads, qkv_bias=True)
        self.linear1 = nn.Linear(dim, 4 * dim)
        self.linear2 = nn.Linear(4 * dim, dim)
        self.modulation = nn.Linear(dim, 6 * dim)

    def forward(self, x, temb):
        six = self.modulation(F.silu(temb))[:, None]  # (B, 1, 6 D)
        scale1, shift1, scale2, shift2, gate1, gate2 = six.chunk(6, dim=-1)
        x = x + gate1 * self.attention(self.norm(x) * (1 + scale1) + shift1)
        h = self.linear1(self.norm(x) * (1 + scale2) + shift2)
        return x + gate2 * self.linear2(F.gelu(h, approximate="tanh"))


class DiT(nn.Module):
    """Predict the noise in x0 + sigma * eps without a U: patches, transformer blocks, patches.

    (B, C, H, H), (B,) -> (B, C, H, H)

    Called as SigmaUNet is. A picture of in_dim x in_dim pixels is cut into patches; each becomes a
    token of dim numbers. A fresh network answers with zero. Raises ValueError unless patch divides
    in_dim, heads divides dim and 4 divides dim.
    Source: "Scalable Diffusion Models with Transformers" (2022), section 3.
    """

    def __init__(self, in_dim, in_ch, patch=2, dim=128, depth=4, heads=4, cond_embed=None):
        super().__init__()
        if in_dim % patch:
            raise ValueError(f"{in_dim} pixels cannot be cut into patches of {patch}")
        self.patch, self.side = patch, in_dim // patch
        self.patches = nn.Conv2d(in_ch, dim, kernel_size=patch, stride=patch)
        self.register_buffer("positions", positions_2d(self.side, dim))
        self.sig_embed, self.cond_embed = SigmaEmbedding(dim), cond_embed
        self.blocks = nn.ModuleList(DiTBlock(dim, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, elementwise_affine=False, eps=1e-6)
        self.modulation = nn.Linear(dim, 2 * dim)
        self.out = nn.Linear(dim, patch**2 * in_ch)
        start_at_zero(self)

    def forward(self, x, sigma, cond=None):
        temb = embed(self, per_picture(sigma, x), cond)  # (B, D)
        h = to_tokens(self.patches(x)) + self.positions  # (B, N, D)
        for block in self.blocks:
            h = block(h, temb)
        scale, shift = self.modulation(F.silu(temb))[:, None].chunk(2, dim=-1)
        h = self.out(self.norm(h) * (1 + scale) + shift)  # (B, N, patch * patch * C)
        size = dict(row=self.side, i=self.patch, j=self.patch)
        return rearrange(h, "b (row column) (i j c) -> b c (row i) (column j)", **size)


def start_at_zero(net):
    """Give a DiT its first weights: gates, modulations and the last layer are zero.

    DiT -> None
    """
    for layer in net.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    for layer in [*(block.modulation for block in net.blocks), net.modulation, net.out]:
        nn.init.zeros_(layer.weight)
