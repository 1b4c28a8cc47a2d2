"""Networks and inputs that are small enough to be traced in every test."""

import torch
from torch import nn

from course_utils.unet import UNet


def draw(*shape):
    return torch.randn(shape)


def steps(*t):
    return torch.tensor(t)


def small(cls=UNet, ch_mult=(1, 2, 4)):
    return cls(1, 8, ch_mult, 16)


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
