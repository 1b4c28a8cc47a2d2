"""What the reported networks are fed with."""

import math

import torch


def draw(*shape):
    return torch.randn(shape)


def whole(*values):
    return torch.tensor(values)


def sinusoid(t, dim):
    half = dim // 2
    rates = torch.exp(-math.log(10000) * torch.arange(half, device=t.device) / half)
    angles = t[:, None].float() * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
