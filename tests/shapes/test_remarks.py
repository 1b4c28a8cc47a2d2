"""What ran and looks wrong all the same."""

import pytest
from broken_cases import LINED_UP
from small_networks import apply, draw
from torch import nn

from course_utils.blocks import ConvBlock
from course_utils.checks.exercises.nb06 import broken_networks as patients
from course_utils.shapes import trace


def test_one_number_for_each_channel_that_met_the_columns():
    found = trace(patients.TimedConv(3, 7, 4), draw(7, 3, 7, 7), draw(7, 4))
    assert found.error is None and LINED_UP in found.remarks[0]


def test_batch_of_one_in_training():
    net = ConvBlock(1, 4, 4)
    assert "batch of one" in trace(net, draw(1, 1, 4, 4), draw(1, 4)).remarks[0]
    assert trace(net.eval(), draw(1, 1, 4, 4), draw(1, 4)).remarks == []
    assert trace(net.train(), draw(2, 1, 4, 4), draw(2, 4)).remarks == []


def test_parameters_that_nothing_used():
    net = nn.Sequential(nn.Linear(3, 3))
    net.extra = nn.Linear(2, 2)
    net.forward = lambda x: net[0](x)
    assert trace(net, draw(1, 3)).remarks == [
        "No operation used extra.weight, extra.bias: what is that layer for?"
    ]


@pytest.mark.parametrize(
    "function, shape, said",
    [
        (lambda x: x.reshape(2, 20, 3), (2, 3, 4, 5), True),
        (lambda x: x.view(2, 20, 3), (2, 3, 4, 5), True),
        (lambda x: x.flatten(2).mT.reshape(2, 20, 3), (2, 3, 4, 5), False),
        (lambda x: x.permute(0, 2, 3, 1).reshape(2, 20, 3), (2, 3, 4, 5), False),
        (lambda x: x.permute(0, 2, 3, 1).reshape(2, 64, 8), (2, 8, 8, 8), False),
        (lambda x: x.reshape(2, 16, 16), (2, 16, 4, 4), False),  # (B, C, H W), as it may be
        (lambda x: x.reshape(2, 3, 4, 5), (2, 20, 3), True),
        (lambda x: x.mT.reshape(2, 3, 4, 5), (2, 20, 3), False),
        (lambda x: x.reshape(2, 1, 4, 5), (2, 20, 1), False),
        (lambda x: x.reshape(2, 4, 5, 4), (2, 20, 4), False),  # the 20 split into 4 and 5
        (lambda x: x.reshape(2, 3, 3, 5), (2, 15, 3), True),
    ],
)
def test_reshape_in_place_of_a_transpose(function, shape, said):
    assert any("old order" in r for r in trace(apply(function), draw(*shape)).remarks) is said
