"""Right answers in ways that people write them: each kind stands for many."""

import dataclasses
from typing import NamedTuple

import numpy as np
import torch
from einops import einsum
from einops.layers.torch import EinMix, Rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import ConvBlock
from course_utils.checks import EXERCISES
from course_utils.embedding import frequencies, sinusoidal_embedding


class Embedding(nn.Module):
    """1.4 by hand: a vector of sines and cosines, a matrix, a bias, SiLU."""

    def __init__(self, dim):
        super().__init__()
        self.dim = dim
        self.W, self.b = nn.Parameter(torch.randn(dim, dim)), nn.Parameter(torch.randn(dim))

    def forward(self, t):
        return F.silu(sinusoidal_embedding(t, self.dim) @ self.W.T + self.b)


class InputsFirst(Embedding):
    def forward(self, t):
        return F.silu(sinusoidal_embedding(t, self.dim) @ self.W + self.b)


class BiasOfZeros(Embedding):
    def __init__(self, dim):
        super().__init__(dim)
        self.b = nn.Parameter(torch.zeros(1, dim))


class BiasOfOnes(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim, self.linear = dim, nn.Linear(dim, dim)
        nn.init.ones_(self.linear.bias)
        nn.init.zeros_(self.linear.weight)

    def forward(self, t):
        return F.silu(self.linear(sinusoidal_embedding(t, self.dim)))


class FrozenFrequencies(BiasOfOnes):
    def __init__(self, dim):
        super().__init__(dim)
        self.omega = nn.Parameter(frequencies(dim), requires_grad=False)

    def forward(self, t):
        angles = t[:, None] * self.omega
        return F.silu(self.linear(torch.cat([angles.sin(), angles.cos()], dim=1)))


class FrozenTable(BiasOfOnes):
    def __init__(self, dim):
        super().__init__(dim)
        self.table = nn.Embedding.from_pretrained(sinusoidal_embedding(torch.arange(1000), dim))

    def forward(self, t):
        return F.silu(self.linear(self.table(t.long())))


class Lazy(BiasOfOnes):
    def __init__(self, dim):
        super().__init__(dim)
        self.linear = nn.LazyLinear(dim)


class CompiledInside(BiasOfOnes):
    def __init__(self, dim):
        super().__init__(dim)
        self.linear = torch.compile(self.linear)


class Block(nn.Module):
    """2.5 in a list of steps."""

    norm = nn.BatchNorm2d

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(ch, out_ch, 3, padding=1, bias=False) for ch in (in_ch, out_ch)
        )
        self.norms = nn.ModuleList(self.norm(out_ch) for _ in range(2))
        self.acts = [nn.SiLU(), nn.SiLU()]
        self.time = nn.Linear(time_dim, out_ch)
        self.shortcut = nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)

    def forward(self, x, temb):
        h = self.acts[0](self.norms[0](self.convs[0](x)))
        h = h + self.time(temb).unflatten(1, (-1, 1, 1))
        return self.acts[1](self.norms[1](self.convs[1](h))) + self.shortcut(x)


class ZeroInit(Block):
    def __init__(self, *sizes):
        super().__init__(*sizes)
        nn.init.zeros_(self.norms[1].weight)


class LazyBlock(Block):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.convs = nn.ModuleList(
            nn.LazyConv2d(out_ch, 3, padding=1, bias=False) for _ in range(2)
        )
        self.time = nn.LazyLinear(out_ch)


class ChannelsLast(Block):
    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.to(memory_format=torch.channels_last)


def einmix(in_ch, out_ch):
    if in_ch == out_ch:
        return nn.Identity()
    return EinMix(
        "b c h w -> b k h w", weight_shape="c k", bias_shape="k", c=in_ch, k=out_ch
    )  # fmt: skip


def rearrange(*args):
    raise AssertionError("of the notebook")


class LayerNamedLikeAFunction(EXERCISES["8.5"].reference):
    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.rearrange = Rearrange("b c h w -> b c h w")

    def forward(self, x):
        rearrange  # of the notebook, and not in place of the layer
        return super().forward(self.rearrange(x))


class DropoutInAnotherLayout(EXERCISES["10.1"].reference):
    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.to(memory_format=torch.channels_last)

    def forward(self, x, temb):
        return super().forward(x.to(memory_format=torch.channels_last), temb)


class KeepsItsLastCall(EXERCISES["8.2"].reference):
    def weights(self, x):
        self.kept = {"last": super().weights(x), "lock": __import__("threading").Lock()}
        return self.kept["last"]


class LazyInForward(nn.Module):
    """8.2 with lazy layers, some of which only forward reaches."""

    def __init__(self, ch):
        super().__init__()
        self.q, self.k, self.v, self.proj = (nn.LazyConv2d(ch, 1) for _ in range(4))

    weights = EXERCISES["8.2"].reference.weights
    forward = EXERCISES["8.2"].reference.forward


class DenoiserAsModule(nn.Module):
    """9.3 and 9.5 ask for no module, and a class may be one."""

    predict_x0 = EXERCISES["9.3"].reference.predict_x0

    def __init__(self, *parts):
        super().__init__()
        for name, part in zip(("U", "LA", "Vh", "mean"), parts):
            self.register_buffer(name, part)


class HybridAsModule(nn.Module):
    predict_x0 = EXERCISES["9.5"].reference.predict_x0

    def __init__(self, above, below, sigma):
        super().__init__()
        self.above, self.below, self.alpha_bar = above, below, 1 / (1 + sigma**2)


class BareConvs(nn.Module):
    """6.15 with as many bare weights as there are convolutions, which a slice takes from a list."""

    def __init__(self, in_ch, out_ch, depth):
        super().__init__()
        convs = [nn.Conv2d(out_ch if i else in_ch, out_ch, 3) for i in range(depth)]
        self.params = nn.ParameterList([p for conv in convs for p in (conv.weight, conv.bias)])
        self.shortcut = nn.Conv2d(in_ch, out_ch, 1)

    def forward(self, x):
        h = x
        for weight, bias in zip(self.params[0::2], self.params[1::2]):
            h = F.silu(F.conv2d(h, weight, bias, padding=1))
        return h + self.shortcut(x)


class LazyConvs(EXERCISES["6.15"].reference):
    def __init__(self, in_ch, out_ch, depth):
        super().__init__(in_ch, out_ch, depth)
        self.convs = nn.ModuleList(nn.LazyConv2d(out_ch, 3, padding=1) for _ in range(depth))


class LinearOfPatches(nn.Module):
    """4.3 with a Linear of all pixels under a kernel."""

    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.linear = nn.Linear(9 * in_ch, out_ch)

    def forward(self, x):
        x = F.interpolate(x, scale_factor=2)
        out = self.linear(F.unfold(x, 3, padding=1).transpose(1, 2))
        return out.transpose(1, 2).unflatten(2, x.shape[2:])


class KernelInputsFirst(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.w = nn.Parameter(torch.randn(in_ch, 3, 3, out_ch))
        self.b = nn.Parameter(torch.zeros(out_ch))

    def forward(self, x):
        x = F.pad(F.interpolate(x, scale_factor=2), (1, 1, 1, 1))
        windows = x.unfold(2, 3, 1).unfold(3, 3, 1)
        out = einsum(windows, self.w, "b c h w u v, c u v k -> b k h w")
        return out + self.b[:, None, None]


class LastMatrixInputsFirst(EXERCISES["4.5"].reference):
    def __init__(self, chs, out_ch, time_dim):
        super().__init__(chs, out_ch, time_dim)
        self.out = nn.Identity()
        self.w = nn.Parameter(torch.randn(chs[0], out_ch))
        self.b = nn.Parameter(torch.zeros(1, out_ch, 1, 1))

    def forward(self, x, skips, temb):
        return torch.einsum("bchw,ck->bkhw", super().forward(x, skips, temb), self.w) + self.b


class EncoderOfLevels(nn.Module):
    """3.4 by recursion: what is below a level is an encoder."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__()
        first, *rest = chs
        self.block = ConvBlock(in_ch, first, time_dim)
        if rest:
            self.down = nn.Conv2d(first, first, 2, stride=2)
            self.below = EncoderOfLevels(first, rest, time_dim)

    def forward(self, x, temb):
        h = self.block(x, temb)
        if not hasattr(self, "below"):
            return h, []
        bottom, skips = self.below(self.down(h), temb)
        return bottom, [h] + skips


class DecoderOfLevels(nn.Module):
    """4.5 by recursion: the bottom level is the decoder of all levels but the first."""

    def __init__(self, chs, out_ch, time_dim, top=True):
        super().__init__()
        ch, *below = chs
        self.below = DecoderOfLevels(below, out_ch, time_dim, False) if below[1:] else None
        self.block = ConvBlock(2 * ch, ch, time_dim)
        self.up = nn.ConvTranspose2d(below[0], ch, 2, 2)
        self.out = nn.Linear(ch, out_ch) if top else nn.Identity()

    def forward(self, x, skips, temb):
        skip, *more = skips
        x = self.below(x, more, temb) if self.below else x
        both = torch.stack([self.up(x), skip], dim=1).flatten(1, 2)
        return self.out(self.block(both, temb).movedim(1, -1)).movedim(-1, 1)


class Encoded(NamedTuple):
    bottom: torch.Tensor
    skips: list


@dataclasses.dataclass
class EncodedData:
    bottom: torch.Tensor
    skips: list

    def __iter__(self):
        return iter((self.bottom, self.skips))


def returning(kind):
    class Attempt(EXERCISES["3.4"].reference):
        def forward(self, *args):
            return kind(*super().forward(*args))

    return Attempt


def rate_of_numpy(*given):
    return np.float64(EXERCISES["7.2"].reference(*given))


def ddpm_over_tensors(model, xT, schedule):
    for t, xt, x0 in EXERCISES["5.4"].reference(model, xT, schedule):
        yield torch.tensor(t), xt, x0


RIGHT = [
    ("1.4", Embedding), ("1.4", InputsFirst), ("1.4", BiasOfZeros), ("1.4", BiasOfOnes),
    ("1.4", FrozenFrequencies), ("1.4", FrozenTable), ("1.4", Lazy), ("1.4", CompiledInside),
    ("2.4", einmix), ("2.5", Block), ("2.5", ZeroInit), ("2.5", LazyBlock),
    ("2.5", ChannelsLast), ("8.5", LayerNamedLikeAFunction), ("10.1", DropoutInAnotherLayout),
    ("8.2", KeepsItsLastCall), ("8.2", LazyInForward), ("3.4", returning(Encoded)),
    ("3.4", returning(EncodedData)), ("7.2", rate_of_numpy), ("5.4", ddpm_over_tensors),
    ("9.3", DenoiserAsModule), ("9.5", HybridAsModule),
    ("6.15", BareConvs), ("6.15", LazyConvs), ("4.3", LinearOfPatches),
    ("4.3", KernelInputsFirst), ("4.5", LastMatrixInputsFirst), ("3.4", EncoderOfLevels),
    ("4.5", DecoderOfLevels),
]  # fmt: skip
