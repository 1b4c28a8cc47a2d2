"""A sentence for each kind of failure."""

import pytest
import torch
from einops import rearrange
from small_networks import apply, draw, small, steps
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import ConvBlock
from course_utils.shapes import trace
from course_utils.widgets.shapes import Unchecked


class Residual(nn.Module):
    def __init__(self, kernel):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, kernel)

    def forward(self, x):
        return x + F.silu(self.conv(x))


class Joined(nn.Module):
    def __init__(self, axis):
        super().__init__()
        self.axis, self.conv = axis, nn.Conv2d(8, 4, 3)

    def forward(self, x):
        return self.conv(torch.cat([x, x], dim=self.axis))


class Pooled(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(4, 4, 2, stride=2)

    def forward(self, x):
        return torch.cat([self.up(F.max_pool2d(x, 3)), x], dim=1)


@pytest.mark.parametrize(
    "net, inputs, said",
    [
        (nn.Linear(6, 2), [draw(5, 4)], "expects 6 numbers on the last axis and gets (5, 4)."),
        (nn.Linear(6, 2), [draw(5, 6, 4)], "the 6 are on axis 1. Move that axis to the end."),
        (nn.Linear(1, 2), [draw(5)], "x[:, None] makes a column of it."),
        (nn.Conv2d(3, 4, 3), [draw(5, 3)], "Conv2d expects (B, C, H, W) and gets (5, 3)."),
        (nn.Conv2d(3, 4, 5), [draw(1, 3, 2, 9)], "the map is 2 x 9, too small for a kernel of 5"),
        (nn.Conv2d(4, 4, 3, groups=2), [draw(1, 6, 9, 9)], "expects 4 channels and gets 6"),
        (nn.ConvTranspose2d(4, 2, 2), [draw(1, 6, 9, 9)], "expects 4 channels and gets 6"),
        (nn.GroupNorm(2, 4), [draw(1, 6, 9, 9)], "expects 4 channels and gets 6"),
        (apply(lambda x: F.group_norm(x, 4)), [draw(1, 6, 2, 2)], "GroupNorm(4) cannot split 6 ch"),
        (nn.BatchNorm2d(4), [draw(2, 6, 9, 9)], "expects 4 channels and gets 6"),
        (nn.LayerNorm(4), [draw(2, 6)], "normalises the last axes, (4,), and gets (2, 6)."),
        (nn.Embedding(9, 2), [steps(3, 9)], "has rows 0 to 8 and is asked for rows from 3 to 9."),
        (nn.Embedding(9, 2), [steps(0, 9)], "has rows 0 to 8 and is asked for rows from 0 to 9."),
        (nn.Embedding(9, 2), [steps(-1)], "has rows 0 to 8 and is asked for rows from -1 to -1."),
        (nn.Embedding(9, 2), [draw(3)], "looks up rows by whole numbers and gets float32"),
        (apply(torch.matmul), [draw(2, 3), draw(2, 3)], "(2, 3) @ (2, 3), but 3 columns"),
        (apply(torch.matmul), [draw(4, 2, 3), draw(4, 2, 3)], "(4, 2, 3) @ (4, 2, 3), but 3"),
        (apply(lambda a, b: a @ b), [draw(2, 3), draw(2, 3)], "(2, 3) @ (2, 3), but 3 columns"),
        (apply(lambda x: x.view(4, 4)), [draw(2, 6)], "holds 12 numbers, (4, 4) asks for 16."),
        (apply(lambda x: x.mT.view(12)), [draw(2, 6)], "a transpose has moved them; use reshape."),
        (nn.MaxPool2d(2), [draw(1, 3, 1, 1)], "a map of 1 x 1 cannot be made smaller."),
        (apply(lambda a, b: torch.cat([a, b])), [draw(2, 3), draw(2, 4)], "axis 1 is 3 and 4."),
        (apply(lambda a, b: torch.cat([a, b])), [draw(2, 3), draw(2)], "number of axes differs"),
        (
            apply(lambda a, b: a + b),
            [draw(2, 3), draw(2, 4)],
            "axes, and 3 on axis -1 meet 4.",
        ),
        (apply(lambda a, b: a * b), [draw(2, 3, 4), draw(3, 1)], None),
        (apply(lambda a, b: a + b), [draw(4, 8, 5, 5), draw(2, 8, 1, 1)], "and 4 images meet 2."),
        (apply(lambda a, b: a + b), [draw(4, 8, 5, 5), draw(4, 6, 1, 1)], "and 8 channels meet 6."),
        (Residual(3), [draw(2, 4, 8, 8)], "conv lost the border; padding would keep it."),
        (Joined(0), [draw(2, 4, 8, 8)], "gets 4: the concatenation joined along axis 0, and the"),
        (Joined(-3), [draw(2, 4, 8, 8)], None),
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(16, 8, 3)), [draw(2, 3, 9, 9)], "gets 8."),
        (
            nn.Conv2d(3, 8, 3),
            [draw(2, 9, 9, 3)],
            "gets 9: the 3 are on the last axis of (2, 9, 9, 3), and channels",
        ),
        (nn.Linear(64, 3), [draw(5, 4, 4, 4)], "4 * 4 * 4 is 64; x.flatten(1) first."),
        (nn.Linear(3, 3), [torch.zeros(5, 3).byte()], "Bytes of pictures become floats first"),
        (
            nn.Sequential(apply(lambda x: None), nn.Conv2d(3, 3, 1)),
            [draw(1, 3, 2, 2)],
            "1 gets Non",
        ),
        (
            apply(lambda x: rearrange(x, "b (c d) -> b c d", c=3)),
            [draw(2, 16)],
            "(2, 16) by `b (c d) -> b c d`: 16 cannot be divided into parts of 3 (c)",
        ),
        (Pooled(), [draw(2, 4, 12, 12)], "max_pool2d in Pooled made 4 of 12, up made 8 of 4."),
        (
            apply(lambda a, b: a - b),
            [draw(1, 2, 3, 4), draw(1, 2, 4, 4)],
            "one map is 3 x 4, the other is 4 x 4.",
        ),
        (nn.Sequential(nn.LSTM(3, 3), nn.Linear(3, 3)), [draw(2, 3)], "a tuple of 2 from 0 ("),
        (ConvBlock(2, 3, 4), [draw(1, 2, 3, 3)], "takes x, temb and gets one input: missing temb."),
        (apply(lambda x: x.missing), [draw(1)], "AttributeError: "),
        (apply(lambda x: 1 / 0), [draw(1)], "Applied: ZeroDivisionError: division by zero"),
        (
            nn.MultiheadAttention(4, 2),
            [draw(3, 5)] * 3,
            "expects a query (..., 4) and gets (3, 5).",
        ),
    ],
)
def test_failure_is_explained(net, inputs, said):
    found = trace(net, *inputs)
    if said is None:
        assert found.cause is None
    else:
        assert said in found.cause
        assert found.cause == " ".join(found.cause.split())


def test_two_devices_are_named():
    net = nn.Linear(3, 3)
    x = torch.empty(2, 3, device="meta")
    found = trace(apply(lambda x: x + net.bias), x)
    assert "(2, 3) on meta and (3,) on cpu meet" in found.cause


def test_column_lost_is_told_from_a_row():
    found = trace(small(Unchecked), draw(2, 1, 16, 18), steps(3, 4))
    assert "the skip is 8 x 9, the upsampled map is 8 x 8: 9 is odd" in found.cause
    assert "lost a column" in found.cause


def test_operation_that_was_caught_is_not_blamed():
    def forward(x):
        try:
            return x @ x
        except RuntimeError:
            pass
        raise ValueError("the real one")

    assert trace(apply(forward), draw(2, 3)).cause == "Applied: the real one."
