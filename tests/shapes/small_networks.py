"""Networks and inputs that are small enough to be traced in every test."""

import torch
from torch import nn
from torch.nn import functional as F

from course_utils.unet import UNet


def draw(*shape):
    return torch.randn(shape)


def steps(*t):
    return torch.tensor(t)


def small(cls=UNet, ch_mult=(1, 2, 4)):
    return cls(1, 8, ch_mult, 16)


def takes_float64_targets():
    """True of PyTorch 2.14: a loss of a float32 answer and a float64 target has a way back."""
    answer = torch.zeros(1, requires_grad=True)
    try:
        F.mse_loss(answer, torch.zeros(1).double()).backward()
    except RuntimeError:
        return False
    return True


def apply(function):
    class Applied(nn.Module):
        def forward(self, *inputs):
            return function(*inputs)

    return Applied()


class Wrapped(nn.Module):
    """A function of a module that is kept on self, so that its name can be told."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs):
        return self.function(self, *inputs)
