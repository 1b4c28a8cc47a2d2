"""1.4 The time embedding as a module."""

import torch
from torch import nn

from course_utils.checks.parts import is_lazy
from course_utils.embedding import TimeEmbedding, sinusoidal_embedding


def experiment(probe, TimeEmbedding):
    for B, dim in [(3, 8), (5, 12), (2, 32)]:
        module = probe.build(TimeEmbedding, dim)
        with probe.advice(look="" if is_lazy(module) else learned(module, dim * dim + dim)):
            probe.train_and_eval(module, probe.steps(B, 200))
        probe.call(module, probe.steps(B, 200))  # another t
    probe.on_fake_device(module, probe.steps(B))


def learned(module, whole):
    """What to say if not as many numbers are trained as W and b have."""
    found = sum(p.numel() for p in module.parameters() if p.requires_grad)
    seen = f"PyTorch finds {found} numbers to learn in your module, but W and b are {whole}. "
    if found > whole:
        return seen + "A single nn.Linear(dim, dim) has as many as that."
    look = "Plain tensors, buffers and frozen layers don't learn; nn.Linear and nn.Parameter do."
    return seen + look if found != whole else ""


MISTAKES = """
# no SiLU
- F.silu(self.linear(sinusoidal_embedding(t, self.dim)))
+ self.linear(sinusoidal_embedding(t, self.dim))
The SiLU is missing. The next layer is linear too, and two linear layers in a row are only one.
# SiLU before the linear layer
+ self.linear(F.silu(sinusoidal_embedding(t, self.dim)))
SiLU comes before the linear layer. It belongs after it.
# another activation
+ F.relu(self.linear(sinusoidal_embedding(t, self.dim)))
| F.gelu(self.linear(sinusoidal_embedding(t, self.dim)))
| F.sigmoid(self.linear(sinusoidal_embedding(t, self.dim)))
Your activation isn't SiLU. The exercise asks for x * sigmoid(x), which is F.silu.
# dropout
+ F.dropout(F.silu(self.linear(sinusoidal_embedding(t, self.dim))), 0.1, self.training)
You drop values at random, so two calls give two results. The formula has no dropout.
# arguments swapped
+ F.silu(self.linear(sinusoidal_embedding(self.dim, t)))
You swapped the arguments: sinusoidal_embedding takes t first, then dim.
# t divided by 1000
+ F.silu(self.linear(sinusoidal_embedding(t / 1000, self.dim)))
You divide t by 1000. sinusoidal_embedding takes t in steps, as it is.
# linear layer not used
- self.linear(sinusoidal_embedding(t, self.dim))
+ sinusoidal_embedding(t, self.dim)
You make the linear layer, but forward never calls it, so it can't learn.
# SiLU twice
+ self.linear(F.silu(sinusoidal_embedding(t, self.dim)))
You apply SiLU twice. Once, after the linear layer, is enough.
# no bias
- nn.Linear(dim, dim)
+ nn.Linear(dim, dim, bias=False)
Your linear layer has no bias. The formula adds b, which nn.Linear does by default.
# the bare number t
+ nn.Linear(1, dim)
- sinusoidal_embedding(t, self.dim)
+ t.float()[:, None]
Your linear layer gets the bare number t. Give it sinusoidal_embedding(t, dim).
# both linear layers
- self.dim = dim
+ self.dim, self.second = dim, nn.Linear(dim, dim)
- F.silu(self.linear(sinusoidal_embedding(t, self.dim)))
+ self.second(F.silu(self.linear(sinusoidal_embedding(t, self.dim))))
A second linear layer follows your SiLU. That one is part of each block, in notebook 02.
"""


class InSequence(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.width = width
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU())

    def forward(self, t):
        return self.mlp(sinusoidal_embedding(t, self.width))


class ByHand(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim
        self.offset = nn.Parameter(torch.zeros(dim))
        self.matrix = nn.Parameter(torch.randn(dim, dim) / dim**0.5)

    def forward(self, t):
        h = sinusoidal_embedding(t, self.dim) @ self.matrix.T + self.offset
        return h * torch.sigmoid(h)


class ByConvolution(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim
        self.linear = nn.Conv1d(dim, dim, 1)

    def forward(self, t):
        emb = sinusoidal_embedding(t, self.dim)
        return nn.SiLU()(self.linear(emb[:, :, None])).squeeze(2)


class Subclassed(nn.Linear):
    def __init__(self, dim):
        super().__init__(dim, dim)

    def forward(self, t):
        return nn.SiLU()(super().forward(sinusoidal_embedding(t, self.out_features)))


REFERENCE = TimeEmbedding
LOOK = "It is F.silu(self.linear(sinusoidal_embedding(t, dim))), and nothing more."
ALSO_RIGHT = [InSequence, ByHand, ByConvolution, Subclassed]
