"""3.2 What one pixel sees."""

import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks.parts import edits, fill


def receptive_field(net, x):
    """Return how strongly the middle pixel of net(x) depends on each pixel of x.

    (1, C, H, W) -> (H, W)

    net is any function of x that returns (1, K, h, w); its middle pixel is at row h // 2, column
    w // 2. The gradient is that of the sum of this pixel's K channels. Its absolute values are
    added up over the C channels of x. What is 0 has no influence.
    """
    x = x.clone().requires_grad_()
    out = net(x)  # (1, K, h, w)
    h, w = out.shape[2:]
    (gradient,) = torch.autograd.grad(out[0, :, h // 2, w // 2].sum(), x)  # (1, C, H, W)
    return gradient[0].abs().sum(dim=0)


class BatchStatistics(nn.Module):
    """BatchNorm that remembers nothing, so that torch.func.grad can go through it too."""

    def forward(self, x):
        return F.batch_norm(x, None, None, training=True) if self.training else x


def network(*layers, weights=None):
    net = nn.Sequential(*layers)
    fill(net)
    for p in net.parameters() if weights else ():
        nn.init.constant_(p, weights)
    return net


HINTS = [
    ("'function' object has no", "", "net may be a plain function: all you do is call it."),
    ("NoneType", "", "backward() returns nothing. Afterwards the gradient is in x.grad, if this "
     "very x asked for it before it went into net."),
]  # fmt: skip
PIXEL = (
    "This net is a 1x1 convolution with weight 1, so the field is 1 at the middle pixel, "
    "[h // 2, w // 2], and 0 elsewhere."
)
SIZE = "This net's output is smaller than x: h and w are those of net(x)."
SUMS = (
    "Compare with the formula, step by step: the sum of the middle pixel's channels, its gradient, "
    "absolute values, the sum over the channels of x, and nothing else."
)
MODE = "This net has BatchNorm and is in training mode. Leave it in that mode."
PLAIN = "Here, net is a plain function."


def experiment(probe, receptive_field):
    same, smaller = (network(nn.Conv2d(1, 1, k), weights=1) for k in (1, 3))
    net = network(nn.Conv2d(3, 5, 3, padding=1), nn.SiLU(), nn.Conv2d(5, 4, (1, 2))).eval()
    modal = network(nn.Conv2d(3, 2, 3), BatchStatistics(), nn.Tanh(), nn.Conv2d(2, 3, (1, 2)))
    x = probe.normal(1, 3, 10, 7)  # passed in twice: no gradient may be left in it
    for given, picture, look in [
        (same, probe.normal(1, 1, 5, 8), PIXEL), (smaller, probe.normal(1, 1, 6, 8), SIZE),
        (net, x, SUMS), (modal, x, MODE),
        (lambda x: F.avg_pool2d(x.square(), 3, 1), probe.normal(1, 4, 6, 7), PLAIN),
    ]:  # fmt: skip
        with probe.advice(*HINTS, look=look):
            probe.call(receptive_field, given, picture)
    asking = [p.requires_grad for p in net.parameters()]
    wrong = "Your code leaves net in another mode, or its weights no longer ask for gradients."
    tip = "Both are the caller's choice, so leave net as it is."
    probe.note("net is left alone", (net.training, modal.training, asking), wrong, tip)
    probe.on_fake_device(receptive_field, lambda x: F.avg_pool2d(x, 3, 1), probe.normal(1, 2, 6, 8))


ASKING = """
# the caller's x asks
- x = x.clone().requires_grad_()
+ x.requires_grad_()
You make the caller's own x ask for its gradient, which then adds up in x.grad. Work on a copy:
x = x.clone().requires_grad_().
# under no_grad
- out = net(x)
+ out = net(x).detach()
PyTorch has no record of what net did. Is it under torch.no_grad(), or its output detached?
"""

MISTAKES = """
# all output pixels together
- out[0, :, h // 2, w // 2].sum()
+ out.sum()
| out.mean()
You differentiate all output pixels together. Pick the middle one, out[0, :, h // 2, w // 2].
# the corner pixel
+ out[0, :, 0, 0].sum()
This is the gradient of the corner pixel, [0, 0]. The middle one is at [h // 2, w // 2].
# height and width swapped
+ out[0, :, w // 2, h // 2].sum()
Height and width are swapped. Rows come first: [0, :, h // 2, w // 2].
# the pixel beside the middle
+ out[0, :, (h - 1) // 2, (w - 1) // 2].sum()
Your pixel is next to the middle one: [h // 2, w // 2] is row 2 for h = 5, row 3 for h = 6.
# / instead of //
+ out[0, :, h / 2, w / 2].sum()
An index must be an int, and / makes a float. Divide with //.
# first output channel only
+ out[0, 0, h // 2, w // 2].sum()
You use only the first channel of the output pixel. Add up all K of them.
# mean of the output channels
+ out[0, :, h // 2, w // 2].mean()
You take the mean of the output pixel's channels. Take their sum.
# absolute values of the output
+ out[0, :, h // 2, w // 2].abs().sum()
You take absolute values of the output. Take those of its gradient instead.
# output channels not summed
+ out[0, :, h // 2, w // 2]
The gradient is that of one number, and the middle pixel has K of them. Add them up first.
# middle of the input
- out.shape[2:]
+ x.shape[2:]
You take the middle of x. net may make it smaller, so take h and w from the shape of net(x).
# mean of the input channels
- return x.grad[0].abs().sum(dim=0)
+ return x.grad[0].abs().mean(dim=0)
You take the mean over the channels of x. Take their sum.
# channels of x left
+ return x.grad[0].abs()
| return x.grad.abs()
Your result still has the channels of x. The gradient is (1, C, H, W) and its [0] is (C, H, W), so
add up the channels with sum(dim=0).
# summed over other axes
+ return x.grad[0].abs().sum(dim=1)
Sum over the channels alone. After [0] they're dimension 0, and a map of (H, W) is left.
# yes or no
+ return x.grad[0].abs().sum(dim=0) > 0
Your result only says whether a pixel has an influence. Return how strong it is.
# signs kept
+ return x.grad[0].sum(dim=0)
Your gradients keep their signs, so they cancel in the sum over the channels. Take abs first.
# absolute values after the sum
+ return x.grad.sum(dim=1).abs().sum(dim=0)
You sum over the channels before abs, so positive and negative gradients cancel. Take abs first.
# squares for absolute values
+ return x.grad[0].square().sum(dim=0)
You square the gradient. Take its absolute value: abs.
# scaled to 1
+ field = x.grad[0].abs().sum(dim=0)
+ return field / field.max()
You divide by the largest value. Return the gradients as they are; a plot can scale them.
# batch axis left
+ return x.grad.abs().sum(dim=1)
Your result has an axis of size 1 too many. Take the picture with [0]; sum without keepdim.
# x.grad is None
- x = x.clone().requires_grad_()
+ x = x.clone()
Your x.grad is None. It's filled by backward(), and only if this same x asked for its gradient
before it went into net: x = x.clone().requires_grad_().
# net in eval mode
- out = net(x)
+ net.eval()
+ out = net(x)
or
+ was = net.training
+ net.eval()
+ out = net(x)
+ net.train(was)
You switch net to eval mode. The mode is the caller's choice: with BatchNorm it changes the field.
"""

TUPLE = """
# no gradient asked for
- x = x.clone().requires_grad_()
+ x = x.clone()
Your x never asks for its gradient. Before net(x), write x = x.clone().requires_grad_().
# asked too late
- x = x.clone().requires_grad_()
- out = net(x)
+ out = net(x)
+ x = x.clone().requires_grad_()
Your x asks only after it went into net. Write x = x.clone().requires_grad_() before net(x).
# tuple taken for a tensor
- (gradient,)
+ gradient
- gradient[0].abs()
+ gradient.abs()
torch.autograd.grad returns a tuple, one gradient per tensor you name. Take its first: [0].
"""


def field_by_backward(net, x):
    x = x.clone().requires_grad_()
    out = net(x)
    h, w = out.shape[2:]
    out[0, :, h // 2, w // 2].sum().backward()
    return x.grad[0].abs().sum(dim=0)


def middle(out):
    return out[0, :, out.size(2) // 2, out.size(3) // 2].sum()


def field_by_jacobian(net, x):
    jacobian = torch.autograd.functional.jacobian(lambda x: middle(net(x)), x)
    return jacobian.abs().sum(dim=1).squeeze(0)


def field_by_function(net, x):
    gradient = torch.func.grad(lambda x: middle(net(x)))(x)
    return torch.linalg.vector_norm(gradient, ord=1, dim=(0, 1))


def field_by_mask(net, x):
    inp = torch.autograd.Variable(x.detach(), requires_grad=True)
    out = net(inp)
    mask = torch.zeros_like(out)
    mask[..., out.shape[-2] // 2, out.shape[-1] // 2] = 1
    out.backward(gradient=mask)
    return torch.einsum("bchw->hw", inp.grad.abs())


REFERENCE = receptive_field
LOOK = SUMS
CATALOGUE = edits(field_by_backward, MISTAKES + ASKING) + edits(receptive_field, ASKING + TUPLE)
ALSO_RIGHT = [field_by_jacobian, field_by_mask, field_by_function]
