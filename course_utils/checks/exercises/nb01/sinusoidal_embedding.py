"""1.2 The sinusoidal embedding."""

import math

import torch
from einops import repeat

from course_utils.embedding import frequencies, sinusoidal_embedding


def experiment(probe, sinusoidal_embedding):
    for B, dim in [(5, 8), (3, 32), (7, 12)]:
        probe.call(sinusoidal_embedding, probe.steps(B, 200), dim)
    with probe.advice(look="With the default max_period all is right. Is max_period handed on?"):
        probe.call(sinusoidal_embedding, probe.steps(4, 200), 20, 50.0)
    with probe.advice(look="With integers all is right, but t may also be floats, such as 12.7."):
        probe.call(sinusoidal_embedding, 100 * probe.uniform(3), 8)
    probe.on_fake_device(sinusoidal_embedding, probe.steps(3), 8)


MISTAKES = """
# sines and cosines take turns
- torch.cat([angles.sin(), angles.cos()], dim=1)
+ torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
Your sines and cosines take turns. Here all sines come first, then all cosines. (Both orders are in
use: a network of notebook 10 alternates them.)
# stacked instead of joined
+ torch.stack([angles.sin(), angles.cos()], dim=1)
| torch.stack([angles.sin(), angles.cos()])
torch.stack makes a new axis. torch.cat(..., dim=1) puts the two tables side by side.
# cosines first
+ torch.cat([angles.cos(), angles.sin()], dim=1)
Your cosines come first. Put the sines in the first half of each row.
# sines twice
+ torch.cat([angles.sin(), angles.sin()], dim=1)
Both halves are sines. A sine alone can't tell t from half a period minus t, but the cosine can.
# joined along the wrong dimension
+ torch.cat([angles.sin(), angles.cos()])
Your cosines are below the sines, as more rows. Join along dimension 1, so each t has one row.
# table transposed
+ torch.cat([angles.sin(), angles.cos()], dim=1).T
Your table is transposed: it has a column for each t. Stack with dim=1, or take .T at the end.
# table of integers
+ torch.cat([angles.sin(), angles.cos()], dim=1).to(t.dtype)
| torch.cat([angles.sin(), angles.cos()], dim=1).to(t.dtype).float()
Your table has t's integer type, so the sines are cut to 0. Make it a float table from the start.
# a factor 2 pi too many
- t.float()[:, None] * frequencies(dim, max_period).to(t.device)
+ 2 * math.pi * t.float()[:, None] * frequencies(dim, max_period).to(t.device)
Your angles have a factor 2 pi. The frequencies are already in radians per step.
# t divided by 1000
+ (t.float() / 1000)[:, None] * frequencies(dim, max_period).to(t.device)
You scale t first. Its unit is the step, and the frequencies are in radians per step already.
# max_period not handed on
+ t.float()[:, None] * frequencies(dim).to(t.device)
Your function ignores its argument max_period. Pass it on: frequencies(dim, max_period).
# frequencies for half of dim
+ t.float()[:, None] * frequencies(dim // 2, max_period).to(t.device)
frequencies already returns dim / 2 numbers. Call it with dim, not dim // 2.
# t not spread over the frequencies
+ t.float() * frequencies(dim, max_period).to(t.device)
| t.float()[None] * frequencies(dim, max_period).to(t.device)
t is (B,), the frequencies (D/2,). Every t must meet each frequency: t[:, None] gives (B, D/2).
# rows and columns exchanged
+ t.float() * frequencies(dim, max_period).to(t.device)[:, None]
Your table has a column for each t. The new axis belongs on t: t[:, None] gives each t a row.
# frequencies made integers
+ t[:, None] * frequencies(dim, max_period).to(t)
.to(t) also takes over the type of t, so where t holds integers your frequencies become 1, 0, 0 and
so on. Take over the device alone: .to(t.device).
# frequencies left on the CPU
+ t.float()[:, None] * frequencies(dim, max_period)
This is right on a CPU but stops on a GPU: t is there, and something of yours is still on the CPU.
Bring the frequencies to t with .to(t.device), and leave t where it is.
# frequencies divided by n
- frequencies(dim, max_period)
+ torch.exp(-math.log(max_period) * torch.arange(dim // 2) / (dim // 2))
Your own frequencies divide i by n = dim / 2. Divide by n - 1, or call frequencies(dim, max_period).
"""


def by_outer(t, dim, max_period=10_000.0):
    angles = torch.outer(t.float(), frequencies(dim, max_period).to(t.device))
    return torch.hstack([torch.sin(angles), torch.cos(angles)])


def embedding_by_einsum(t, dim, max_period=10_000.0):
    half = dim // 2
    i = torch.arange(half, device=t.device)
    freqs = torch.exp(-math.log(max_period) * i / (half - 1))
    angles = torch.einsum("b,f->bf", t.to(freqs.dtype), freqs)
    return torch.cat((angles.sin(), angles.cos()), -1)


def by_phase(t, dim, max_period=10_000.0):
    out = torch.empty(len(t), dim, device=t.device)
    for i, w in enumerate(frequencies(dim, max_period)):
        out[:, i] = torch.sin(w * t)
        out[:, i + dim // 2] = torch.cos(w * t)
    return out


def by_shifted_sines(t, dim, max_period=10_000.0):
    w = repeat(frequencies(dim, max_period), "f -> (two f)", two=2).to(t.device)
    phase = torch.tensor([0.0, math.pi / 2], device=t.device).repeat_interleave(dim // 2)
    return torch.sin(t.unsqueeze(-1) * w + phase)


REFERENCE = sinusoidal_embedding
LOOK = "Try t = 0 (all sines are 0, all cosines 1), then t = 1: the first sine is sin(1) = 0.84."
ALSO_RIGHT = [by_outer, embedding_by_einsum, by_phase, by_shifted_sines]
