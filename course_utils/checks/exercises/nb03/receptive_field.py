"""3.2 What one pixel sees."""

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.weights import fill
from course_utils.checks.mistakes import edits


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
    ("NoneType", "", "backward() returns nothing; the gradient is in x.grad afterwards. x.grad is "
     "None if this x isn't the one that asked, and went into net."),
    ("scalar outputs", "", "Take the sum of the middle pixel's channels before its gradient."),
    ("grad_fn", "", "Does x ask for its gradient before it goes into net?"),
]  # fmt: skip
PIXEL = (
    "This net is a 1x1 convolution with weight 1, so the field is 1 at the middle pixel, "
    "[h // 2, w // 2], and 0 elsewhere."
)
SIZE = "This net halves the picture: h and w are those of net(x), not of x."
SUMS = (
    "Before the gradient, add up the middle pixel's channels. After it, take absolute values, then "
    "the sum over the channels of x."
)
LEAVE = "Whoever calls receptive_field chooses the mode, so leave net as it is."


def receptive_field_experiment(probe, receptive_field):
    with probe.advice(*HINTS, look=PIXEL):
        probe.call(
            receptive_field, network(nn.Conv2d(1, 1, 1), weights=1), probe.normal(1, 1, 5, 8)
        )
    with probe.advice(*HINTS, look=SIZE):
        halving = network(nn.Conv2d(1, 1, 2, 2), weights=1)
        probe.call(receptive_field, halving, probe.normal(1, 1, 6, 8))
    x = probe.normal(1, 3, 10, 7)
    net = network(nn.Conv2d(3, 5, 3, padding=1), nn.SiLU(), nn.Conv2d(5, 4, (1, 2))).eval()
    modal = network(nn.Conv2d(3, 2, 3), BatchStatistics(), nn.Tanh(), nn.Conv2d(2, 3, (1, 2)))
    with probe.advice(*HINTS, look=SUMS):
        probe.call(receptive_field, net, x)
    with probe.advice(look=f"This net has BatchNorm in it, and is in training mode. {LEAVE}"):
        probe.call(receptive_field, modal, x)  # the same x: no gradient may be left in it
    with probe.advice(*HINTS, look="Here, net is a plain function."):
        squares = probe.normal(1, 4, 6, 7)
        probe.call(receptive_field, lambda x: F.avg_pool2d(x.square(), 3, 1), squares)
    probe.note(
        "the modes of net", (net.training, modal.training),
        "Your code switches net to the other mode, training or eval, and leaves it there.", LEAVE,
    )  # fmt: skip
    probe.note(
        "weights that ask for gradients", all(p.requires_grad for p in net.parameters()),
        "Your code freezes net: its weights no longer ask for gradients.",
        "The caller may want to train net afterwards, so leave it as it is.",
    )  # fmt: skip
    probe.on_fake_device(receptive_field, lambda x: F.avg_pool2d(x, 3, 1), probe.normal(1, 2, 6, 8))


ASKING = """
# the caller's x asks
- x = x.clone().requires_grad_()
+ x.requires_grad_()
You make the caller's own x ask for gradients, which then add up in x.grad from call to call. Work
on a copy: x = x.clone().requires_grad_().

# under no_grad
- out = net(x)
+ with torch.no_grad():
+     out = net(x)
or
+ out = net(x).detach()
Nothing was recorded while net ran. Is it under torch.no_grad(), or detached afterwards?
"""

MISTAKES = """
# all output pixels together
- out[0, :, h // 2, w // 2].sum()
+ out.sum()
or
+ out.mean()
You differentiate all output pixels together. Pick the middle one, out[0, :, h // 2, w // 2].

# the corner pixel
- h // 2, w // 2
+ 0, 0
This is the gradient of the corner pixel, [0, 0]. The middle one is at [h // 2, w // 2].
# height and width swapped
+ w // 2, h // 2
Height and width are swapped. Rows come first: [0, :, h // 2, w // 2].
# the pixel beside the middle
+ (h - 1) // 2, (w - 1) // 2
or
+ h // 2 - 1, w // 2 - 1
Your pixel is next to the middle one: [h // 2, w // 2] is row 2 for h = 5, row 3 for h = 6.
# / instead of //
+ h / 2, w / 2
An index must be an int, and / makes a float. Divide with //.

# middle of the input
- out.shape[2:]
+ x.shape[2:]
You take the middle of x. net may make it smaller, so take h and w from the shape of net(x).

# first output channel only
- 0, :, h // 2
+ 0, 0, h // 2
You use only the first channel of the output pixel. Add up all of its channels.
# one index too few
+ 0, h // 2
or
+ :, h // 2
The output has four axes, (1, K, h, w), and your index has one too few: [0, :, h // 2, w // 2].

# mean of the output channels
- w // 2].sum()
+ w // 2].mean()
You take the mean of the output pixel's channels. Take their sum.
# absolute values of the output
+ w // 2].abs().sum()
You take absolute values of the output. Take those of its gradient instead.
# output channels not summed
+ w // 2]
A gradient is that of one number, and the middle pixel has K. Take their sum first.

# mean of the input channels
- .sum(dim=0)
+ .mean(dim=0)
You take the mean over the channels of x. Take their sum.
# largest input channel
+ .amax(dim=0)
You keep the largest of the input channels. Add them up.
# channels of x left
+
or
- x.grad[0].abs().sum(dim=0)
+ x.grad.abs()
or
+ x.grad.abs().squeeze()
Your result still has the channels of x. The gradient is (1, C, H, W), its [0] is (C, H, W), and
sum(dim=0) of that is (H, W). (grad returns a tuple, which needs a [0] of its own.)
# rows summed
- .sum(dim=0)
+ .sum(dim=1)
After [0] the channels are dimension 0, and your sum runs over the rows.
# summed to one number
+ .sum()
You add up everything. Sum over the channels alone, dim=0, so that an (H, W) map is left.
# yes or no
+ .sum(dim=0) > 0
Your result only says whether a pixel has an influence. Return how strong it is.

# signs kept
- .abs().sum(dim=0)
+ .sum(dim=0)
Your gradients keep their signs, so they cancel in the sum over the channels. Take abs first.
# absolute values after the sum
+ .sum(dim=0).abs()
You sum over the channels before abs, so positive and negative gradients cancel. Take abs first.
# squares for absolute values
+ .square().sum(dim=0)
You square the gradient. Take its absolute value: abs.

# scaled to 1
- return x.grad[0].abs().sum(dim=0)
+ field = x.grad[0].abs().sum(dim=0)
+ return field / field.max()
You divide by the largest value. Return the gradients as they are; a plot can scale them.

# batch axis left
- x.grad[0].abs().sum(dim=0)
+ x.grad.abs().sum(dim=1)
or
- .sum(dim=0)
+ .sum(dim=0, keepdim=True)
Your result has an axis of size 1 too many. Take the picture with [0]; sum without keepdim.

# x.grad is None
- x = x.clone().requires_grad_()
+ x = x.clone()
or
+ x = x.clone()
- x.grad[0].abs()
+ x.grad.abs()
Something is None. backward() itself returns nothing: the gradient is in x.grad afterwards. x.grad
is None unless backward() was called, and this same x asked for gradients before it went into net.

# net in eval mode
- out = net(x)
+ net.eval()
+ out = net(x)
or
+ if isinstance(net, nn.Module):
+     net.eval()
+ out = net(x)
You switch net to eval mode. Its mode is the caller's choice (and net may be a plain function).
# net in eval mode and back
+ was = getattr(net, "training", False)
+ net.eval() if was else None
+ out = net(x)
+ net.train() if was else None
or
+ was = net.training
+ net.eval()
+ out = net(x)
+ net.train(was)
You measure in eval mode and switch back. With BatchNorm that's another field, and net may be a
plain function: the mode is the caller's choice, so leave it alone.
# gradients of the weights cleared
+ net.zero_grad()
+ out = net(x)
net may be a plain function, without zero_grad. Leave it out: your copy of x has no old gradient.
"""

TUPLE = """
# no gradient asked for
- x = x.clone().requires_grad_()
+ x = x.clone()
Your x doesn't ask for its gradient. Before net(x), write x = x.clone().requires_grad_().

# asked too late
- x = x.clone().requires_grad_()
- out = net(x)
+ out = net(x)
+ x = x.clone().requires_grad_()
The x you differentiate by isn't the one that went into net. Make the copy that asks before net(x).

# tuple returned
- (gradient,)
+ gradient
- return gradient[0].abs().sum(dim=0)
+ return gradient
torch.autograd.grad returns a tuple. Take its only item, (1, C, H, W), then abs, then the sum over
the channels.

# tuple taken for a tensor
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


def field_by_jacobian(net, x):
    def middle(x):
        out = net(x)
        return out[0, :, out.size(2) // 2, out.size(3) // 2].sum()

    return torch.autograd.functional.jacobian(middle, x).abs().sum(dim=1).squeeze(0)


def field_by_mask(net, x):
    inp = torch.autograd.Variable(x.detach(), requires_grad=True)
    out = net(inp)
    mask = torch.zeros_like(out)
    mask[..., out.shape[-2] // 2, out.shape[-1] // 2] = 1
    out.backward(gradient=mask)
    return torch.einsum("bchw->hw", inp.grad.abs())


def field_by_function(net, x):
    def middle(x):
        pixels = rearrange(net(x), "1 k h w -> h w k")
        return pixels[len(pixels) // 2, pixels.shape[1] // 2].sum()

    return torch.linalg.vector_norm(torch.func.grad(middle)(x), ord=1, dim=(0, 1))


EXERCISE = Exercise(
    id="3.2",
    title="What one pixel sees",
    notebook="03_encoder",
    reference=receptive_field,
    experiment=receptive_field_experiment,
    look=SUMS,
    catalogue=edits(field_by_backward, MISTAKES + ASKING) + edits(receptive_field, ASKING + TUPLE),
    also_right=[field_by_backward, field_by_jacobian, field_by_mask, field_by_function],
)
