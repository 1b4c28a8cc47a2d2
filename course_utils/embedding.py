"""A time step becomes a vector: how the network is told how noisy its input is."""

import math

import torch
from torch import nn
from torch.nn import functional as F


def frequencies(dim, max_period=10_000.0):
    """Return the angular frequencies of the sinusoidal embedding, fast to slow.

    () -> (D/2,)

    They fall geometrically from 1 to 1 / max_period, in radians per time step:
    exp(-log(max_period) * i / (D/2 - 1)) for i = 0 ... D/2 - 1.
    Raises ValueError unless D is even and at least 4.
    Source: "Attention Is All You Need" (2017), section 3.5, spaced as in the DDPM code (2020).
    """
    if dim < 4 or dim % 2:
        raise ValueError(
            f"dim must be even and at least 4, to hold sin and cos of two frequencies or more; "
            f"got {dim}"
        )
    half = dim // 2
    i = torch.arange(half, dtype=torch.float32)
    return torch.exp(-math.log(max_period) * i / (half - 1))


def sinusoidal_embedding(t, dim, max_period=10_000.0):
    """Return the sines, then the cosines, of t times each frequency.

    (B,) -> (B, D)

    t counts noise steps and may be integer or float; all values returned are in [-1, 1].
    Raises ValueError unless D is even and at least 4.
    Source: "Attention Is All You Need" (2017), section 3.5.
    """
    angles = t.float()[:, None] * frequencies(dim, max_period).to(t.device)  # (B, D/2)
    return torch.cat([angles.sin(), angles.cos()], dim=1)  # (B, D)


class TimeEmbedding(nn.Module):
    """The vector that tells every block the time: sinusoids, one linear layer, SiLU.

    (B,) -> (B, D)

    The second linear layer stands in each block, which needs its own view of the time.
    Source: "Denoising Diffusion Probabilistic Models" (2020), appendix B.
    """

    def __init__(self, dim):
        super().__init__()
        self.dim = dim
        self.linear = nn.Linear(dim, dim)

    def forward(self, t):
        return F.silu(self.linear(sinusoidal_embedding(t, self.dim)))


def timestep_table(T, dim):
    """Return the embeddings of all steps 0 ... T - 1, sine and cosine taking turns.

    () -> (T, D)

    The frequencies are 10,000 ** (-i / D) for i = 0, 2, 4, ...: they end a little before
    1 / 10,000, where those of sinusoidal_embedding end at it. Raises ValueError unless D is even.
    Source: "Attention Is All You Need" (2017), section 3.5.
    """
    if dim % 2:
        raise ValueError(f"dim must be even, to hold pairs of sine and cosine; got {dim}")
    periods = torch.exp(-math.log(10_000) * torch.arange(0, dim, 2) / dim)  # (D/2,)
    angles = torch.arange(T)[:, None] * periods  # (T, D/2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)  # (T, D)


class TableEmbedding(nn.Module):
    """The time looked up in a table of sinusoids, then two linear layers: DDPM's embedding.

    (B,) -> (B, D)

    The table has table_dim columns and is not trained. Raises ValueError for a step outside
    0 ... T - 1. Source: "Denoising Diffusion Probabilistic Models" (2020), appendix B.
    """

    def __init__(self, T, table_dim, dim):
        super().__init__()
        self.register_buffer("table", timestep_table(T, table_dim))
        self.linear1 = nn.Linear(table_dim, dim)
        self.linear2 = nn.Linear(dim, dim)

    def forward(self, t):
        if ((t < 0) | (t >= len(self.table))).any():
            raise ValueError(
                f"t must be from 0 to {len(self.table) - 1}; got {int(t.min())} to {int(t.max())}"
            )
        return self.linear2(F.silu(self.linear1(self.table[t])))


class SigmaEmbedding(nn.Module):
    """Two numbers tell the noise level, sine and cosine of log(sigma) / 2; then two linear layers.

    (B,) -> (B, D)

    sigma is the standard deviation of the noise, greater than 0.
    Source: the package smalldiffusion, which found that two numbers serve as well as many.
    """

    def __init__(self, dim):
        super().__init__()
        self.linear1 = nn.Linear(2, dim)
        self.linear2 = nn.Linear(dim, dim)

    def forward(self, sigma):
        angle = sigma.log() / 2
        pair = torch.stack([angle.sin(), angle.cos()], dim=1)  # (B, 2)
        return self.linear2(F.silu(self.linear1(pair)))


class LabelEmbedding(nn.Module):
    """A class label becomes a vector. In training some labels are hidden.

    (B,) -> (B, D)

    Labels are 0 ... classes - 1. The number `classes` itself is the label "hidden", which stands
    in place of a label with the chance `dropout` while training.
    Source: "Classifier-Free Diffusion Guidance" (2022), algorithm 1.
    """

    def __init__(self, dim, classes, dropout=0.1):
        super().__init__()
        self.hidden, self.dropout = classes, dropout
        self.table = nn.Embedding(classes + 1, dim)
        self.linear = nn.Linear(dim, dim)

    def forward(self, labels):
        if self.training:
            hide = torch.rand(len(labels), device=labels.device) < self.dropout
            labels = torch.where(hide, self.hidden, labels)
        return self.linear(F.silu(self.table(labels)))
