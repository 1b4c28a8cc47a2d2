"""A training run of a few steps, with a network and pictures of a few numbers."""

import torch
from torch import nn

from course_utils.schedule import linear_schedule
from course_utils.training import TrainConfig
from course_utils.unet import UNet

SCHEDULE = linear_schedule(20)
SHORT = TrainConfig(steps=6, batch=5, lr=0.01, warmup=2, ema=0.8)


def tiny():
    torch.manual_seed(0)
    return UNet(3, 4, (1, 2), 8)


def pictures(n=9):
    return torch.rand(n, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1


def weights(net):
    return nn.utils.parameters_to_vector(net.parameters()).detach().clone()
