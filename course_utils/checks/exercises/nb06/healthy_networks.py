"""The networks of notebook 06 as they should be; broken_networks.py has each with a fault."""

import torch
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import ConvBlock, upsample


class TutorialDecoder(nn.Module):
    """Go up the U: double, join the skip of that level, convolve.

    (B, K, H/2^n, W/2^n), n skips, (B, D) -> (B, C, H, W)

    chs lists the channels of the levels, top to bottom; the skip of level i has chs[i].
    """

    def __init__(self, chs, out_ch, time_dim):
        super().__init__()
        lower = range(len(chs) - 1, 0, -1)
        self.ups = nn.ModuleList(upsample(chs[i], chs[i - 1]) for i in lower)
        self.blocks = nn.ModuleList(ConvBlock(2 * chs[i - 1], chs[i - 1], time_dim) for i in lower)
        self.out = nn.Conv2d(chs[0], out_ch, 1)

    def forward(self, x, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
            x = torch.cat([up(x), skip], dim=1)
            x = block(x, temb)
        return self.out(x)


class TokenMixer(nn.Module):
    """Normalise the tokens, let each look at all, mix their channels, add what came out.

    (B, N, C) -> (B, N, C)
    """

    def __init__(self, ch, heads):
        super().__init__()
        self.norm = nn.LayerNorm(ch)
        self.attention = nn.MultiheadAttention(ch, heads, batch_first=True)
        self.mix = nn.Linear(ch, ch)

    def forward(self, tokens):
        h = self.norm(tokens)
        h, weights = self.attention(h, h, h)
        return tokens + self.mix(h)


class UpStep(nn.Module):
    """One level of the way up: double the map, put the skip behind it, convolve.

    (B, C, H, W), (B, K, 2H, 2W), (B, D) -> (B, K, 2H, 2W)
    """

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.up = upsample(in_ch, out_ch)
        self.block = ConvBlock(2 * out_ch, out_ch, time_dim)

    def forward(self, x, skip, temb):
        x = torch.cat([self.up(x), skip], dim=1)
        return self.block(x, temb)


class TimedConv(nn.Module):
    """A convolution, then one number for each channel from the time, added to all its pixels.

    (B, C, H, W), (B, D) -> (B, K, H, W)
    """

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.conv = nn.Conv2d(in_ch, out_ch, 3, padding=1)
        self.time_proj = nn.Linear(time_dim, out_ch)

    def forward(self, x, temb):
        return F.silu(self.conv(x) + self.time_proj(temb)[:, :, None, None])


class PoolUNet(nn.Module):
    """A U with one halving: pool down, a 2x2 transposed convolution that steps by 2 up.

    (B, C, H, W) -> (B, C, H, W)
    """

    def __init__(self, in_ch, ch):
        super().__init__()
        self.down = nn.Conv2d(in_ch, ch, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.bottom = nn.Conv2d(ch, 2 * ch, 3, padding=1)
        self.up = nn.ConvTranspose2d(2 * ch, ch, kernel_size=2, stride=2)
        self.out = nn.Conv2d(2 * ch, in_ch, 3, padding=1)

    def forward(self, x):
        skip = F.silu(self.down(x))
        h = F.silu(self.bottom(self.pool(skip)))
        return self.out(torch.cat([self.up(h), skip], dim=1))


class AnySize(nn.Module):
    """Give a U any size of picture: pad, call the network, cut its answer back.

    (B, C, H, W), (B,) -> (B, C, H, W)

    Rows at the bottom and columns on the right are repeated (mode="replicate") until 2^halvings
    divides both sides, and never more than that.
    """

    def __init__(self, net, halvings):
        super().__init__()
        self.net = net
        self.step = 2**halvings

    def forward(self, x, t):
        H, W = x.shape[2:]
        padded = F.pad(x, (0, -W % self.step, 0, -H % self.step), mode="replicate")
        return self.net(padded, t)[:, :, :H, :W]


class NormedConv(nn.Module):
    """A convolution, GroupNorm, SiLU.

    (B, C, H, W) -> (B, K, H, W)

    There are as many groups as possible: the largest number up to 32 that divides the channels.
    """

    def __init__(self, in_ch, out_ch):
        super().__init__()
        groups = max(g for g in range(1, 33) if out_ch % g == 0)
        self.conv = nn.Conv2d(in_ch, out_ch, 3, padding=1)
        self.norm = nn.GroupNorm(groups, out_ch)

    def forward(self, x):
        return F.silu(self.norm(self.conv(x)))


class PictureCode(nn.Module):
    """Average each channel over the picture, normalise the averages, mix them.

    (B, C, H, W) -> (B, K)

    The norm is nn.LayerNorm: what a picture gives does not depend on the others of its batch.
    """

    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.norm = nn.LayerNorm(in_ch)
        self.mix = nn.Linear(in_ch, out_ch)

    def forward(self, x):
        return self.mix(self.norm(x.mean(dim=(2, 3))))


class StepMLP(nn.Module):
    """Turn a step into a vector: t / T as one column, then two linear layers.

    (B,) -> (B, D)

    t is an integer tensor from 0 to T - 1.
    """

    def __init__(self, T, dim):
        super().__init__()
        self.T = T
        self.layers = nn.Sequential(nn.Linear(1, dim), nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, t):
        return self.layers(t[:, None] / self.T)


def noisy_batch(x0, alpha_bar):
    """Draw a step for each picture, and noise each to its own.

    (B, C, H, W), (T,) -> xt (B, C, H, W), t (B,), eps (B, C, H, W)

    xt = sqrt(alpha_bar[t]) x0 + sqrt(1 - alpha_bar[t]) eps. t is int64, from 0 to T - 1.
    """
    t = torch.randint(0, len(alpha_bar), (len(x0),), device=x0.device)
    eps = torch.randn_like(x0)
    a = alpha_bar[t].view(-1, 1, 1, 1)
    return a.sqrt() * x0 + (1 - a).sqrt() * eps, t, eps


class FlatUNet(nn.Module):
    """A U without halvings: three blocks down, three up, each up with the skip of its level.

    (B, C, H, W), (B, D) -> (B, C, H, W)
    """

    def __init__(self, in_ch, ch, time_dim):
        super().__init__()
        self.down = nn.ModuleList(ConvBlock(c, ch, time_dim) for c in (in_ch, ch, ch))
        self.up = nn.ModuleList(ConvBlock(2 * ch, ch, time_dim) for _ in range(3))
        self.out = nn.Conv2d(ch, in_ch, 1)

    def forward(self, x, temb):
        skips = []
        for block in self.down:
            x = block(x, temb)
            skips.append(x)
        for block, skip in zip(self.up, reversed(skips)):
            x = block(torch.cat([x, skip], dim=1), temb)
        return self.out(x)


class PixelAttention(nn.Module):
    """Every pixel is a token and looks at all others; what it takes from them is added.

    (B, C, H, W) -> (B, C, H, W)
    """

    def __init__(self, ch):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(ch, ch) for _ in range(3))

    def forward(self, x):
        tokens = x.flatten(2).transpose(1, 2)  # (B, HW, C)
        seen = F.scaled_dot_product_attention(self.q(tokens), self.k(tokens), self.v(tokens))
        return x + seen.transpose(1, 2).reshape(x.shape)


class LateLayers(nn.Module):
    """Some convolutions, each with a SiLU, and a 1x1 convolution around them all.

    (B, C, H, W) -> (B, K, H, W)
    """

    def __init__(self, in_ch, out_ch, depth):
        super().__init__()
        ins = [in_ch] + [out_ch] * (depth - 1)
        self.convs = nn.ModuleList(nn.Conv2d(i, out_ch, 3, padding=1) for i in ins)
        self.shortcut = nn.Conv2d(in_ch, out_ch, 1)

    def forward(self, x):
        h = x
        for conv in self.convs:
            h = F.silu(conv(h))
        return h + self.shortcut(x)
