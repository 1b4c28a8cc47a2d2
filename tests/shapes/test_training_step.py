"""A training step, loss and backward pass, and what depends on the batch."""

import subprocess
import sys

import pytest
import torch
from small_networks import draw, small, steps, takes_float64_targets
from torch import nn
from torch.nn import functional as F

from course_utils.shapes import check_batch, trace


def squares(model, x):
    return model(x).square().mean()


def test_gradients_are_afterwards_as_they_were():
    net = nn.Linear(3, 2)
    net.weight.grad = torch.ones(2, 3)
    found = trace.loss(net, squares, draw(4, 3))
    assert found.cause is None and found.remarks == []
    assert net.weight.grad.eq(1).all() and net.bias.grad is None


@pytest.mark.parametrize(
    "make, loss, said",
    [
        (lambda: nn.Linear(3, 2).requires_grad_(False), squares, "is frozen (requires_grad=False)"),
        (lambda: nn.Linear(3, 2), lambda net, x: net(x).detach().sum(), ".detach() in the network"),
        (lambda: nn.Linear(3, 2), lambda net, x: net(x), "one number, and the loss is (4, 2)"),
        (
            lambda: nn.Sequential(nn.Linear(3, 2), nn.Sigmoid()),
            lambda net, x: net(x).mul_(2).sum(),
            "mul_ in the network changed the result of 1, (4, 2), in place",
        ),
        pytest.param(
            lambda: nn.Linear(3, 2),
            lambda net, x: F.mse_loss(net(x), torch.zeros(4, 2).double()),
            "float64",
            marks=pytest.mark.skipif(takes_float64_targets(), reason="nothing fails"),
        ),
    ],
)
def test_what_fails_on_the_way_back_is_explained(make, loss, said):
    assert said in trace.loss(make(), loss, draw(4, 3)).cause


def no_grad_loss(net, x):
    with torch.no_grad():
        return net(x).sum()


def test_no_grad_is_named():
    found = trace.loss(nn.Linear(3, 2), no_grad_loss, draw(4, 3))
    assert "inside torch.no_grad()" in found.cause


class OverTheBatch(nn.Module):
    def __init__(self, **settings):
        super().__init__()
        self.look = nn.MultiheadAttention(4, 2, **settings)

    def forward(self, x):
        tokens = x.flatten(2).transpose(1, 2)
        return self.look(tokens, tokens, tokens, need_weights=False)[0]


def test_pictures_that_look_at_each_other_are_found():
    with pytest.raises(ValueError, match="depends on the others of its batch"):
        check_batch(OverTheBatch(), draw(3, 4, 2, 5))
    check_batch(OverTheBatch(batch_first=True), draw(3, 4, 2, 5))


def test_batch_norm_mixes_in_training_alone():
    net = small()
    check_batch(net, draw(3, 1, 16, 16), steps(1, 2, 3))
    assert net.training


def test_one_picture_has_no_others():
    with pytest.raises(ValueError, match="two or more"):
        check_batch(nn.Linear(3, 2), draw(1, 3))


def test_the_tracer_needs_torch_alone():
    code = (
        "import sys\n"
        "from course_utils.shapes import trace\n"
        "from torch import nn; import torch\n"
        "trace(nn.Linear(2, 2), torch.zeros(1, 3))\n"
        "print(sorted({'matplotlib', 'einops', 'torchvision', 'IPython'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
