"""The weights that a check fills in depend on their shape alone."""

import torch
from torch import nn

from course_utils.checks.engine.weights import fill


def test_fill_depends_on_shape_alone():
    linear, conv = nn.Linear(6, 4), nn.Conv2d(6, 4, 1)
    fill(linear)
    fill(conv)
    x = torch.randn(5, 6)
    assert torch.equal(linear.weight, conv.weight.flatten(1))
    torch.testing.assert_close(linear(x), conv(x[:, :, None, None])[:, :, 0, 0])


def test_fill_tells_scale_from_bias():
    norm, plain = nn.BatchNorm2d(64), nn.Linear(2, 64)
    fill(norm)
    fill(plain)
    assert abs(norm.weight.mean() - 1) < 0.1 and abs(norm.bias.mean()) < 0.1
    assert torch.equal(norm.bias, plain.bias)
