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
