"""The exercises of notebook 03. A docstring of a wrong answer is what its author is told."""

import functools
import math

import numpy
import torch
from einops import einsum, rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import ConvBlock, Downsample
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.probe import Stop
from course_utils.checks.engine.weights import fill
from course_utils.checks.mistakes import by_hand
from course_utils.encoder import Encoder

NOTEBOOK = "03_encoder"


# 3.1 Downsample


def downsample_experiment(probe, Downsample):
    for B, C, H, W in [(2, 3, 6, 10), (3, 5, 14, 4), (4, 1, 2, 8)]:
        module = probe.build(Downsample, C)
        probe.train_and_eval(module, probe.normal(B, C, H, W))
    probe.on_fake_device(module, probe.normal(2, 1, 4, 6))


class StrideForgotten(nn.Conv2d):
    """Your window moves by one pixel at a time, so the picture hardly gets smaller. It must step
    by two: stride=2."""

    def __init__(self, ch):
        super().__init__(ch, ch, kernel_size=2)


class ThreeByThree(nn.Conv2d):
    """That is a 3x3 convolution that steps by 2. It halves too, and other networks use it, but
    its windows overlap. Asked for is a 2x2 window: each pixel is read once."""

    def __init__(self, ch):
        super().__init__(ch, ch, kernel_size=3, stride=2, padding=1)


class Padded(nn.Conv2d):
    """Your picture is padded, so that it comes out one pixel too high and too wide. Windows of
    2x2 that step by 2 tile the picture; nothing has to be added."""

    def __init__(self, ch):
        super().__init__(ch, ch, kernel_size=2, stride=2, padding=1)


class OnePixel(nn.Conv2d):
    """Your window is 1x1: three pixels of four are never looked at. Take kernel_size=2."""

    def __init__(self, ch):
        super().__init__(ch, ch, kernel_size=1, stride=2)


class FourByFour(nn.Conv2d):
    """Your window is 4x4. Asked for is a 2x2 window: each pixel is read once."""

    def __init__(self, ch):
        super().__init__(ch, ch, kernel_size=4, stride=2, padding=1)


class ChannelByChannel(nn.Conv2d):
    """With groups=ch each channel is halved by itself. Here every output channel reads all input
    channels: leave groups out."""

    def __init__(self, ch):
        super().__init__(ch, ch, kernel_size=2, stride=2, groups=ch)


class NoBias(nn.Conv2d):
    """Your convolution has no bias. The formula adds one number to each output channel, which is
    what nn.Conv2d does if you leave bias alone."""

    def __init__(self, ch):
        super().__init__(ch, ch, kernel_size=2, stride=2, bias=False)


class DoublesChannels(nn.Conv2d):
    """Your layer doubles the channels. It keeps them: the block that follows will change their
    number."""

    def __init__(self, ch):
        super().__init__(ch, 2 * ch, kernel_size=2, stride=2)


class NothingHandedOn(nn.Conv2d):
    """Your class is an nn.Conv2d. So super().__init__ wants to know what every convolution wants
    to know: the channels in and out, the kernel size, the stride."""

    def __init__(self, ch):
        super().__init__()


class BracketsForgotten(nn.Conv2d):
    """Brackets are missing behind super: it is super().__init__(...)."""

    def __init__(self, ch):
        super.__init__(ch, ch, kernel_size=2, stride=2)


class ParentForgotten(nn.Conv2d):
    """Your class is an nn.Conv2d itself, so it needs no convolution inside. Call the constructor of
    its parent, super().__init__(...), with the convolution's settings."""

    def __init__(self, ch):
        self.conv = nn.Conv2d(ch, ch, kernel_size=2, stride=2)


class MaxPooled(nn.Module):
    """That is max pooling: it keeps the largest of four pixels and learns nothing. Asked for is
    a convolution, whose weights are learned."""

    def __init__(self, ch):
        super().__init__()
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        return self.pool(x)


class AveragePooled(MaxPooled):
    """That is average pooling: it has no weights and learns nothing. Asked for is a convolution,
    which can learn to average, and other things."""

    def __init__(self, ch):
        super().__init__(ch)
        self.pool = nn.AvgPool2d(2)


class Activated(nn.Conv2d):
    """There is an activation behind your convolution. Downsample is the convolution alone; the
    block that follows has activations enough."""

    def __init__(self, ch):
        super().__init__(ch, ch, kernel_size=2, stride=2)

    def forward(self, x):
        return F.silu(super().forward(x))


class Holding(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.halve = nn.Conv2d(channels, channels, 2, 2)

    def forward(self, picture):
        return self.halve(picture)


class BySlices(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.b = nn.Parameter(torch.zeros(ch))
        self.w = nn.Parameter(torch.randn(ch, ch, 2, 2) / (4 * ch) ** 0.5)

    def forward(self, x):
        out = self.b[:, None, None]
        for u in range(2):
            for v in range(2):
                out = out + einsum(
                    self.w[:, :, u, v], x[:, :, u::2, v::2], "k c, b c h w -> b k h w"
                )
        return out


class ByPatches(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.conv = nn.Conv2d(ch, ch, 2)

    def forward(self, x):
        patches = rearrange(x, "b c (h u) (w v) -> b (c u v) h w", u=2, v=2)
        return F.conv2d(patches, self.conv.weight.flatten(1)[:, :, None, None], self.conv.bias)


class EverySecond(nn.Conv2d):
    def __init__(self, ch):
        super().__init__(ch, ch, kernel_size=(2, 2))

    def forward(self, x):
        return super().forward(x)[..., ::2, ::2]


# 3.2 receptive_field


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


def field_of(probe, receptive_field, net, x):
    """Call the attempt. Where something is None, it is hardly a list's append here."""
    try:
        probe.call(receptive_field, net, x)
    except Stop:
        if "NoneType" in str(probe.seen[-1].value.error):
            probe.seen[-1].look = (
                "Something is None. backward() returns nothing: the gradient is in x.grad after "
                "it. And x.grad is None where backward() was not called, or where this x did not "
                "ask before it went into net."
            )
        raise


def receptive_field_experiment(probe, receptive_field):
    def layers(*layers):
        net = nn.Sequential(*layers)
        fill(net)
        return net

    x = probe.normal(1, 3, 14, 9)
    net = layers(nn.Conv2d(3, 5, 3, padding=1), nn.SiLU(), nn.Conv2d(5, 4, 3, padding=1))
    field_of(probe, receptive_field, net, x)
    halving = layers(nn.Conv2d(3, 7, (5, 1), padding=(2, 0)), nn.SiLU(), nn.Conv2d(7, 2, 2, 2))
    field_of(probe, receptive_field, halving, x)  # the same x: no gradient may be left in it
    net = layers(nn.Conv2d(2, 6, 3), nn.Tanh(), nn.Conv2d(6, 6, 2, 2), nn.Conv2d(6, 3, (1, 3)))
    field_of(probe, receptive_field, net, probe.normal(1, 2, 11, 16))
    field_of(probe, receptive_field, lambda x: F.avg_pool2d(x.square(), 3, 1), probe.normal(1, 4, 6, 7))
    probe.on_fake_device(receptive_field, lambda x: F.avg_pool2d(x, 3, 1), probe.normal(1, 2, 6, 8))
    for training in (True, False):
        net.train(training)
        field_of(probe, receptive_field, net, probe.normal(1, 2, 11, 16))
        probe.note(
            "the mode of net", net.training,
            "Your code switches net to another mode, training or eval, and leaves it there.",
            "Whoever calls receptive_field chooses the mode: leave net as it is.",
        )  # fmt: skip
    probe.note(
        "weights that ask for gradients", all(p.requires_grad for p in net.parameters()),
        "Your code freezes the weights of net: they ask for no gradient any more.",
        "Who calls receptive_field may want to train net after it: leave net as it is.",
    )  # fmt: skip


def field_gradient(x, chosen):
    (gradient,) = torch.autograd.grad(chosen.sum(), x)
    return gradient[0].abs().sum(dim=0)


def of_all_pixels(net, x):
    """This is the gradient of all output pixels together. Take one of them, the middle one, and
    only then the gradient."""
    x = x.clone().requires_grad_()
    return field_gradient(x, net(x))


def of_the_corner(net, x):
    """This is the gradient of the corner pixel, [0, 0]. The middle one is at [h // 2, w // 2]."""
    x = x.clone().requires_grad_()
    return field_gradient(x, net(x)[0, :, 0, 0])


def middle_of_the_input(net, x):
    """You take the middle of x for the middle of the output. They differ when net makes the
    picture smaller: take h and w from the shape of net(x)."""
    x = x.clone().requires_grad_()
    h, w = x.shape[2:]
    return field_gradient(x, net(x)[0, :, h // 2, w // 2])


def rows_for_columns(net, x):
    """Height and width are the wrong way round. Rows come first: [0, :, h // 2, w // 2]."""
    x = x.clone().requires_grad_()
    out = net(x)
    h, w = out.shape[2:]
    return field_gradient(x, out[0, :, w // 2, h // 2])


def pixel_before_the_middle(net, x):
    """Your pixel lies beside the middle one, which is at [h // 2, w // 2]: for h = 5 that is row
    2, for h = 6 it is row 3."""
    x = x.clone().requires_grad_()
    out = net(x)
    h, w = out.shape[2:]
    return field_gradient(x, out[0, :, (h - 1) // 2, (w - 1) // 2])


def first_channel_only(net, x):
    """You look at the first channel of the output pixel only. Take the sum of all its channels."""
    x = x.clone().requires_grad_()
    out = net(x)
    h, w = out.shape[2:]
    return field_gradient(x, out[0, 0, h // 2, w // 2])


def mean_of_channels(net, x):
    """You take the mean of the output pixel's channels. Take their sum."""
    x = x.clone().requires_grad_()
    out = net(x)
    h, w = out.shape[2:]
    return field_gradient(x, out[0, :, h // 2, w // 2].mean())


def mean_of_input_channels(net, x):
    """You take the mean over the channels of x. Take their sum."""
    return receptive_field(net, x) / x.shape[1]


def signs_kept(net, x):
    """Your gradients have signs. A negative one is an influence too, and in the sum over the
    channels it would cancel a positive one: take abs first."""
    x = x.clone().requires_grad_()
    out = net(x)
    h, w = out.shape[2:]
    (gradient,) = torch.autograd.grad(out[0, :, h // 2, w // 2].sum(), x)
    return gradient[0].sum(dim=0)


def summed_before_abs(net, x):
    """You add up the channels of x first and take absolute values then. On the way, a positive
    gradient and a negative one may cancel: take abs first."""
    return signs_kept(net, x).abs()


def channels_left(net, x):
    """Your result still has the channels of x. Add them up, so that one number is left for each
    pixel. The gradient is (1, C, H, W), its [0] is (C, H, W), and sum(dim=0) of that is (H, W)."""
    x = x.clone().requires_grad_()
    out = net(x)
    h, w = out.shape[2:]
    (gradient,) = torch.autograd.grad(out[0, :, h // 2, w // 2].sum(), x)
    return gradient[0].abs()


def batch_left(net, x):
    """Your result still has the axis of the batch, of size 1. Take its only picture: [0]."""
    return receptive_field(net, x)[None]


def yes_or_no(net, x):
    """Your result says only whether a pixel has an influence. Return how strong it is."""
    return receptive_field(net, x) > 0


def left_in_x(net, x):
    """The first call is right, the second is not: backward adds to what x.grad held already.
    Work on a copy, x = x.clone().requires_grad_(), or use torch.autograd.grad, which adds up
    nothing."""
    x.requires_grad_()
    out = net(x)
    h, w = out.shape[2:]
    out[0, :, h // 2, w // 2].sum().backward()
    return x.grad[0].abs().sum(dim=0)


def nothing_asked(net, x):
    """PyTorch keeps gradients only for what asks for them. Let x ask, before it goes into net:
    x = x.clone().requires_grad_()."""
    out = net(x)
    h, w = out.shape[2:]
    (gradient,) = torch.autograd.grad(out[0, :, h // 2, w // 2].sum(), x)
    return gradient[0].abs().sum(dim=0)


def asked_too_late(net, x):
    """The tensor whose gradient you want is not the one that went into net. Make the copy that
    asks, x = x.clone().requires_grad_(), before net is called, and give that one to net."""
    out = net(x.clone().requires_grad_())
    return field_gradient(x.requires_grad_(), out[0, :, out.shape[2] // 2, out.shape[3] // 2])


def grad_of_one_that_did_not_ask(net, x):
    """Something is None. backward() returns nothing: the gradient is in x.grad after it. And x.grad
    is None where backward() was not called, or where this x did not ask before it went into net.
    The tensor that asks, the one that goes into net and the one whose grad you read must be the
    same."""
    out = net(x.clone().requires_grad_())
    h, w = out.shape[2:]
    out[0, :, h // 2, w // 2].sum().backward()
    return x.grad[0].abs().sum(dim=0)


def grad_is_none(net, x):
    """Something is None. backward() returns nothing: the gradient is in x.grad after it. And x.grad
    is None where backward() was not called, or where this x did not ask before it went into net.
    Write x = x.clone().requires_grad_() first, and give that x to net."""
    out = net(x.clone().requires_grad_())
    h, w = out.shape[2:]
    out[0, :, h // 2, w // 2].sum().backward()
    return x.grad.abs().sum(dim=(0, 1))


def tuple_returned(net, x):
    """torch.autograd.grad returns a tuple, with a gradient for each tensor that you named. Take
    its only item, (1, C, H, W), then abs, then the sum over the channels."""
    x = x.clone().requires_grad_()
    out = net(x)
    h, w = out.shape[2:]
    return torch.autograd.grad(out[0, :, h // 2, w // 2].sum(), x)


def tuple_taken(net, x):
    """torch.autograd.grad returns a tuple, with a gradient for each tensor that you named. Take
    its only item first: [0]."""
    return tuple_returned(net, x).abs().sum(dim=1)[0]


def under_no_grad(net, x):
    """Nothing asked for a gradient when net was called. Either x did not, or torch.no_grad() is
    around it, under which PyTorch keeps track of nothing."""
    x = x.clone().requires_grad_()
    with torch.no_grad():
        out = net(x)
    h, w = out.shape[2:]
    return field_gradient(x, out[0, :, h // 2, w // 2])


def each_channel_alone(net, x):
    """You take the gradient of each output channel by itself and add up absolute values. Here the
    K channels are added up first, and there is one gradient, that of their sum."""
    x = x.clone().requires_grad_()
    out = net(x)
    h, w = out.shape[2:]
    field = 0
    for value in out[0, :, h // 2, w // 2]:
        (gradient,) = torch.autograd.grad(value, x, retain_graph=True)
        field = field + gradient[0].abs().sum(dim=0)
    return field


def abs_of_output(net, x):
    """You take absolute values of the output. Take those of the gradient: it is the influence
    that counts, whichever its sign."""
    x = x.clone().requires_grad_()
    out = net(x)
    h, w = out.shape[2:]
    return field_gradient(x, out[0, :, h // 2, w // 2].abs())


def with_slash(net, x):
    """An index must be an int, and / makes a float. Divide with //."""
    x = x.clone().requires_grad_()
    out = net(x)
    h, w = out.shape[2:]
    return field_gradient(x, out[0, :, h / 2, w / 2])


def nothing_summed(net, x):
    """A gradient is that of one number. The middle pixel has K of them, one for each channel:
    take their sum before you ask for the gradient."""
    x = x.clone().requires_grad_()
    out = net(x)
    h, w = out.shape[2:]
    (gradient,) = torch.autograd.grad(out[0, :, h // 2, w // 2], x)
    return gradient[0].abs().sum(dim=0)


def one_index_short(net, x):
    """The output has four axes, (1, K, h, w), and your index has too few, so the row's number meets
    the channels. Write [0, :, h // 2, w // 2]."""
    x = x.clone().requires_grad_()
    out = net(x)
    h, w = out.shape[2:]
    return field_gradient(x, out[0, h // 2, w // 2])


def plain_number(net, x):
    """.item() makes a plain number of the sum, which no longer knows where it came from. Call
    backward() on the tensor: leave .item() out."""
    out = net(x.clone().requires_grad_())
    out.sum().item().backward()


def switches_to_eval(net, x):
    """net may be a plain function, which has no mode to switch. Whoever calls receptive_field
    chooses the mode: leave net as it is."""
    net.eval()
    return receptive_field(net, x)


def field_by_backward(net, x):
    picture = x.detach().clone().requires_grad_(True)
    pixels = net(picture)
    pixels[:, :, pixels.shape[2] // 2, pixels.shape[3] // 2].sum().backward()
    return picture.grad.abs().sum((0, 1))


def field_by_jacobian(net, x):
    def middle(x):
        out = net(x)
        return out[0, :, out.size(2) // 2, out.size(3) // 2].sum()

    return torch.autograd.functional.jacobian(middle, x).abs().sum(dim=1).squeeze(0)


def field_by_seed(net, x):
    x = x.detach().requires_grad_()
    out = net(x)
    seed = torch.zeros_like(out)
    seed[..., out.shape[-2] // 2, out.shape[-1] // 2] = 1
    out.backward(seed)
    return torch.einsum("bchw->hw", x.grad.abs())


def field_by_function(net, x):
    def middle(x):
        pixels = rearrange(net(x), "1 k h w -> h w k")
        return pixels[len(pixels) // 2, pixels.shape[1] // 2].sum()

    return torch.linalg.vector_norm(torch.func.grad(middle)(x), ord=1, dim=(0, 1))


# 3.3 level_costs


def level_costs(H, W, chs):
    """Count what a 3x3 convolution costs at each level: values, weights, multiplications.

    () -> a list of tuples of three ints, one for each level, top to bottom

    At level i a picture has H/2^i x W/2^i pixels, and the convolution has chs[i] channels in and
    as many out. values: how many numbers it returns for one picture. weights: those of its
    kernel, biases left out. multiplications: of one picture's pixels with weights.
    """
    costs = []
    for i, ch in enumerate(chs):
        values = ch * (H // 2**i) * (W // 2**i)
        weights = ch * ch * 3 * 3
        costs.append((values, weights, values * ch * 3 * 3))
    return costs


def level_costs_experiment(probe, level_costs):
    @functools.wraps(level_costs)
    def with_plain_numbers(*args):
        return plain_numbers(level_costs(*args))

    for H, W, chs in [
        (16, 24, [5, 7, 11]),
        (12, 4, [3, 10, 6]),
        (6, 7, [4]),
        (40, 56, [2, 3, 5, 9]),
    ]:
        result = probe.call(with_plain_numbers, H, W, chs)
        if hasattr(result, "__next__"):
            probe.seen[-2].look = "Make a list of it: list(...)."


def plain_numbers(value):
    """Return lists and numbers of NumPy or PyTorch as Python's own."""
    if isinstance(value, (list, tuple)):
        return type(value)(plain_numbers(v) for v in value)
    return value.tolist() if hasattr(value, "tolist") else value


def not_halved(H, W, chs):
    """All your levels have H x W pixels. Each level down has half the rows and half the columns
    of the one above."""
    return [(K * H * W, 9 * K * K, 9 * K * K * H * W) for K in chs]


def halved_too_early(H, W, chs):
    """Your level 0 is halved already. It has the full H x W pixels: 2**0 is 1."""
    return level_costs(H // 2, W // 2, chs)


def half_the_pixels(H, W, chs):
    """Your levels have half the pixels of the one above. Both sides are halved, so a quarter of
    the pixels is left."""
    pixels = [H * W // 2**i for i in range(len(chs))]
    return [(K * p, 9 * K * K, 9 * K * K * p) for K, p in zip(chs, pixels)]


def divided_by_twice_i(H, W, chs):
    """You divide by 2 * i, or multiply by i, where each level halves again: 1, 2, 4, 8 and so on
    are powers, 2**i."""
    sizes = [(H // max(1, 2 * i), W // max(1, 2 * i)) for i in range(len(chs))]
    return [(K * h * w, 9 * K * K, 9 * K * K * h * w) for K, (h, w) in zip(chs, sizes)]


def from_left_to_right(H, W, chs):
    """// and * go from left to right: H // 2 * i is (H // 2) * i. Each level halves again, so you
    divide by a power: H // 2**i."""
    sizes = [(H // 2 * i, W // 2 * i) for i in range(len(chs))]
    return [(K * h * w, 9 * K * K, 9 * K * K * h * w) for K, (h, w) in zip(chs, sizes)]


def divided_by_i_plus_one(H, W, chs):
    """You divide by i + 1, that is by 1, 2, 3 and so on. Each level halves again: 1, 2, 4 and so on
    are powers, 2**i."""
    sizes = [(H // (i + 1), W // (i + 1)) for i in range(len(chs))]
    return [(K * h * w, 9 * K * K, 9 * K * K * h * w) for K, (h, w) in zip(chs, sizes)]


def only_the_last(H, W, chs):
    """Only the last level is left: the list is made in the loop, anew in each round. Begin it
    before the loop."""
    return level_costs(H, W, chs)[-1:]


def always_square(H, W, chs):
    """You use H for both sides. A picture may be wider than high: rows from H, columns from W."""
    return level_costs(H, H, chs)


def one_side_of_the_channels(H, W, chs):
    """Your kernel has one set of 3x3 weights for each output channel. It has one for each pair of
    an input channel and an output channel: chs[i] * chs[i] of them."""
    return [(v, 9 * K, 9 * v) for K, (v, _, _) in zip(chs, level_costs(H, W, chs))]


def weights_of_one_input(H, W, chs):
    """Your weights are 9 for each output channel. The kernel has 9 for each pair of an input
    channel and an output channel: chs[i] * chs[i] pairs."""
    return [(v, 9 * K, m) for K, (v, _, m) in zip(chs, level_costs(H, W, chs))]


def weights_without_kernel(H, W, chs):
    """Your weights leave out the 3x3 of the kernel: there are nine for each pair of an input
    channel and an output channel."""
    return [(v, w // 9, m) for v, w, m in level_costs(H, W, chs)]


def values_without_channels(H, W, chs):
    """Your values are those of one output channel. There are chs[i] channels: times chs[i]."""
    return [(v // K, w, m) for K, (v, w, m) in zip(chs, level_costs(H, W, chs))]


def three_for_nine(H, W, chs):
    """Your kernel has three weights for each pair of channels. It is 3x3, so it has nine."""
    return [(v, w // 3, m // 3) for v, w, m in level_costs(H, W, chs)]


def weights_three_for_nine(H, W, chs):
    """Your weights are three for each pair of channels. The kernel is 3x3, so there are nine."""
    return [(v, w // 3, m) for v, w, m in level_costs(H, W, chs)]


def from_the_level_above(H, W, chs):
    """Your convolution takes the channels of the level above. The one to count has chs[i] channels
    in and as many out."""
    ins = [chs[0], *chs]
    return [
        (v, 9 * above * K, v * 9 * above)
        for K, above, (v, _, _) in zip(chs, ins, level_costs(H, W, chs))
    ]


def doubled_from_the_top(H, W, chs):
    """You double chs[0] from level to level. Here chs may be any list: take chs[i]."""
    return level_costs(H, W, [chs[0] * 2**i for i in range(len(chs))])


def quartered(H, W, chs):
    """You divide each side by 4**i. Each side is halved, by 2**i; it is their product that falls
    to a quarter."""
    sizes = [(H // 4**i, W // 4**i) for i in range(len(chs))]
    return [(K * h * w, 9 * K * K, 9 * K * K * h * w) for K, (h, w) in zip(chs, sizes)]


def additions_too(H, W, chs):
    """Your multiplications are twice as many as they should be. Do you count the additions too?
    They are left out here."""
    return [(v, w, 2 * m) for v, w, m in level_costs(H, W, chs)]


def products_without_channels(H, W, chs):
    """Your multiplications are 9 for each value. Each value is a sum over 3x3 pixels of every
    input channel: 9 * chs[i]."""
    return [(v, w, 9 * v) for v, w, _ in level_costs(H, W, chs)]


def products_of_one_pixel(H, W, chs):
    """Your multiplications are those of one pixel. The kernel is laid on every pixel of the
    picture: times (H/2^i) * (W/2^i)."""
    return [(v, w, w) for v, w, _ in level_costs(H, W, chs)]


def values_times_weights(H, W, chs):
    """You multiply all values by all weights. Each value meets the weights of its own output
    channel only, 9 * chs[i] of them."""
    return [(v, w, v * w) for v, w, _ in level_costs(H, W, chs)]


def kernel_of_one(H, W, chs):
    """Your kernel has one weight for each pair of channels. A 3x3 kernel has nine."""
    return [(v, w // 9, m // 9) for v, w, m in level_costs(H, W, chs)]


def with_biases(H, W, chs):
    """Your weights include the biases. Leave them out here: they are few, and no pixel is
    multiplied with them."""
    return [(v, w + K, m) for K, (v, w, m) in zip(chs, level_costs(H, W, chs))]


def bottom_forgotten(H, W, chs):
    """The last level is missing. There are as many levels as numbers in chs; only the halvings
    between them are one fewer."""
    return level_costs(H, W, chs)[:-1]


def from_below(H, W, chs):
    """Your levels are in the wrong order. The first of your list is the top one, with chs[0]."""
    return level_costs(H, W, chs)[::-1]


def with_fractions(H, W, chs):
    """The numbers are right, but they are floats: / makes a float even where nothing is left
    over. For whole numbers divide with //."""
    return [(float(v), w, float(m)) for v, w, m in level_costs(H, W, chs)]


def only_the_first(H, W, chs):
    """Your function returns after the first level: the return stands inside the loop. It belongs
    behind it."""
    return level_costs(H, W, chs)[:1]


def in_one_row(H, W, chs):
    """All your numbers stand in one long list. Append a tuple for each level: += and extend put
    in its three numbers one by one."""
    return [n for level in level_costs(H, W, chs) for n in level]


def by_column(H, W, chs):
    """You return three lists, one for each kind of number. Return a tuple of three for each
    level: zip(values, weights, multiplications) makes them."""
    return [list(column) for column in zip(*level_costs(H, W, chs))]


def weights_first(H, W, chs):
    """Your weights come first. The order is values, weights, multiplications."""
    return [(w, v, m) for v, w, m in level_costs(H, W, chs)]


def products_without_kernel(H, W, chs):
    """Your multiplications leave out the 3x3 of the kernel: each value is a sum over nine pixels
    of every input channel."""
    return [(v, w, m // 9) for v, w, m in level_costs(H, W, chs)]


def hat(H, W, chs):
    """In Python, ^ is no power: 2^3 is 1. Write 2**i."""
    sizes = [(H // 2 ^ i, W // 2 ^ i) for i in range(len(chs))]
    return [(K * h * w, 9 * K * K, 9 * K * K * h * w) for K, (h, w) in zip(chs, sizes)]


def costs_by_numpy(H, W, chs):
    K, shrink = numpy.array(chs), 2 ** numpy.arange(len(chs))
    values = K * (H // shrink) * (W // shrink)
    return numpy.stack([values, 9 * K**2, 9 * K * values], axis=1)


def costs_by_halving(H, W, chs):
    table = []
    for K in chs:
        weights = (3 * K) ** 2
        table.append([K * H * W, weights, weights * H * W])
        H, W = H // 2, W // 2
    return table


def costs_by_layers(H, W, chs):
    costs = []
    for i, ch in enumerate(chs):
        conv = nn.Conv2d(ch, ch, 3, padding=1, bias=False)
        out = conv(torch.zeros(1, ch, H >> i, W >> i))
        costs.append((out.numel(), conv.weight.numel(), out.numel() * conv.weight[0].numel()))
    return costs


def costs_in_one_line(H, W, chs):
    shapes = [(ch, H // 2**i, W // 2**i) for i, ch in enumerate(chs)]
    return [(math.prod(s), s[0] ** 2 * 9, math.prod(s) * s[0] * 9) for s in shapes]


# 3.4 Encoder


def encoder_experiment(probe, Encoder):
    for B, C, H, W, D, chs in [
        (3, 1, 10, 6, 5, [7, 4]),
        (2, 3, 8, 24, 6, [4, 9, 10, 5]),
    ]:
        module = probe.build(Encoder, C, chs, D)
        has_weights = any(True for _ in module.parameters())
        probe.note(
            "has weights", has_weights,
            "Your encoder has no weights that the optimizer could find.",
            "Make the layers in __init__, and keep them on self.",
        )  # fmt: skip
        if not has_weights:
            raise Stop
        probe.train_and_eval(module, probe.normal(B, C, H, W), probe.normal(B, D))
    probe.on_fake_device(module, probe.normal(2, 3, 8, 16), probe.normal(2, 6))


class SkipAfterHalving(Encoder):
    """Your skips are taken after the downsample: they have half the height and width that they
    should have. A skip is what the block returns, before it is halved."""

    def forward(self, x, temb):
        skips = []
        for block, down in zip(self.blocks, self.downs):
            x = down(block(x, temb))
            skips.append(x)
        return self.bottom(x, temb), skips


class SkipBeforeBlock(Encoder):
    """Your skips are taken before the block, so the first one is the picture itself. A skip is
    what the block returns."""

    def forward(self, x, temb):
        skips = []
        for block, down in zip(self.blocks, self.downs):
            skips.append(x)
            x = down(block(x, temb))
        return self.bottom(x, temb), skips


class FromBelow(Encoder):
    """Your skips are in the wrong order: skip 0 is that of the top level, the largest. The
    decoder will turn them round itself."""

    def forward(self, x, temb):
        bottom, skips = super().forward(x, temb)
        return bottom, skips[::-1]


class BottomAmongSkips(Encoder):
    """The bottom is also among your skips. It goes straight up into the decoder: n halvings have
    n skips, one for each level above the bottom."""

    def forward(self, x, temb):
        bottom, skips = super().forward(x, temb)
        return bottom, [*skips, bottom]


class NoBottomBlock(nn.Module):
    """The last block is missing: you return what comes out of the last downsample. At the bottom
    one more block follows, with chs[-1] channels, which is not halved."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__()
        ins = [in_ch, *chs]
        self.blocks = nn.ModuleList(ConvBlock(i, o, time_dim) for i, o in zip(ins, chs[:-1]))
        self.downs = nn.ModuleList(Downsample(ch) for ch in chs[:-1])

    def forward(self, x, temb):
        skips = []
        for block, down in zip(self.blocks, self.downs):
            skips.append(block(x, temb))
            x = down(skips[-1])
        return x, skips


class BottomNotCalled(Encoder):
    """The last block is made, but forward does not call it: you return what comes out of the last
    downsample."""

    def forward(self, x, temb):
        skips = []
        for block, down in zip(self.blocks, self.downs):
            skips.append(block(x, temb))
            x = down(skips[-1])
        return x, skips


class SkipsOneByOne(Encoder):
    """Your skips are returned one by one, beside the bottom. Return two things, the bottom and the
    list of the skips, without a star: `return bottom, skips`."""

    def forward(self, x, temb):
        bottom, skips = super().forward(x, temb)
        return bottom, *skips


class HalvedWithSkip(nn.Module):
    """All your levels are treated alike: the bottom is put among the skips and is halved. The
    last block stands alone: what it returns is the bottom, no skip, and is not halved."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__()
        ins = [in_ch, *chs]
        self.blocks = nn.ModuleList(ConvBlock(i, o, time_dim) for i, o in zip(ins, chs))
        self.downs = nn.ModuleList(Downsample(ch) for ch in chs)

    def forward(self, x, temb):
        skips = []
        for block, down in zip(self.blocks, self.downs):
            x = block(x, temb)
            skips.append(x)
            x = down(x)
        return x, skips


class SkipsFirst(Encoder):
    """You return the skips first and the bottom second. It is the other way round."""

    def forward(self, x, temb):
        return super().forward(x, temb)[::-1]


class SkipsLost(Encoder):
    """Your forward returns the bottom alone. Return both: `return bottom, skips`."""

    def forward(self, x, temb):
        return super().forward(x, temb)[0]


class SkipsRemembered(Encoder):
    """Your skips of the first call are still there in the second: the list is made in __init__.
    Begin a new one in every forward: skips = []."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__(in_ch, chs, time_dim)
        self.skips = []

    def forward(self, x, temb):
        bottom, skips = super().forward(x, temb)
        self.skips.extend(skips)
        return bottom, self.skips


class SkipsDetached(Encoder):
    """The values are right, but no gradient comes back through your skips: .detach(), .data or
    no_grad cuts it off. Put the tensor itself into the list."""

    def forward(self, x, temb):
        bottom, skips = super().forward(x, temb)
        return bottom, [skip.detach() for skip in skips]


class TimeNotHandedOn(Encoder):
    """A block wants two things, the picture and the time. Hand temb on to every block, the
    bottom too."""

    def forward(self, x, temb):
        skips = []
        for block, down in zip(self.blocks, self.downs):
            x = block(x)
            skips.append(x)
            x = down(x)
        return self.bottom(x), skips


class TimeIgnored(Encoder):
    """The time has no effect: your blocks get something else in its place. Hand on temb itself."""

    def forward(self, x, temb):
        return super().forward(x, torch.zeros_like(temb))


class InOneSequence(nn.Module):
    """An nn.Sequential hands one thing from layer to layer, and your blocks need two: the
    picture and the time. Keep the layers in an nn.ModuleList and go through them in a loop."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__()
        ins = [in_ch, *chs]
        self.levels = nn.ModuleList(
            nn.Sequential(ConvBlock(i, o, time_dim), Downsample(o)) for i, o in zip(ins, chs[:-1])
        )
        self.bottom = ConvBlock(ins[-2], chs[-1], time_dim)

    def forward(self, x, temb):
        skips = []
        for level in self.levels:
            x = level(x, temb)
            skips.append(x)
        return self.bottom(x, temb), skips


class NeverHalved(Encoder):
    """Your pictures are never halved: all skips and the bottom are as large as the input. After
    each skip write x = down(x); the call alone leaves x as it was."""

    def forward(self, x, temb):
        skips = []
        for block in self.blocks:
            x = block(x, temb)
            skips.append(x)
        return self.bottom(x, temb), skips


class LastNotHalved(Encoder):
    """There is no halving between your last skip and the bottom. Every level above the bottom is
    halved after its skip."""

    def forward(self, x, temb):
        skips = []
        for i, block in enumerate(self.blocks):
            x = block(x, temb)
            skips.append(x)
            if i < len(self.blocks) - 1:
                x = self.downs[i](x)
        return self.bottom(x, temb), skips


class HalvedBeforeBlock(nn.Module):
    """You halve before the block, so the top level has lost its details before any block saw
    them. The order is: block, skip, downsample."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__()
        ins = [in_ch, *chs]
        self.downs = nn.ModuleList(Downsample(i) for i in ins[:-2])
        self.blocks = nn.ModuleList(ConvBlock(i, o, time_dim) for i, o in zip(ins, chs[:-1]))
        self.bottom = ConvBlock(ins[-2], chs[-1], time_dim)

    def forward(self, x, temb):
        skips = []
        for block, down in zip(self.blocks, self.downs):
            x = block(down(x), temb)
            skips.append(x)
        return self.bottom(x, temb), skips


class Pooled(Encoder):
    """Max pooling halves your pictures. Use the Downsample that you built: its weights learn what
    to keep."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__(in_ch, chs, time_dim)
        self.downs = nn.ModuleList(nn.MaxPool2d(2) for _ in chs[:-1])


class InPlainLists(Encoder):
    """Your layers are in a plain Python list, where PyTorch does not find them: the optimizer
    would never see their weights. Put them into nn.ModuleList(...), which is used like a list."""

    def __init__(self, in_ch, chs, time_dim):
        nn.Module.__init__(self)
        ins = [in_ch, *chs]
        self.blocks = [ConvBlock(i, o, time_dim) for i, o in zip(ins, chs[:-1])]
        self.downs = [Downsample(ch) for ch in chs[:-1]]
        self.bottom = ConvBlock(ins[-2], chs[-1], time_dim)


class MadeInForward(nn.Module):
    """Your encoder has no weights of its own: its layers are made in forward, anew in each call,
    and nothing that they learn would stay. Make them in __init__, and keep them on self."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__()
        self.settings = in_ch, chs, time_dim

    def forward(self, x, temb):
        return Encoder(*self.settings)(x, temb)


class ListInTheLoop(Encoder):
    """Only your last skip is left: the list is made in the loop, anew in each round. Begin it
    before the loop."""

    def forward(self, x, temb):
        for block, down in zip(self.blocks, self.downs):
            skips = []
            x = block(x, temb)
            skips.append(x)
            x = down(x)
        return self.bottom(x, temb), skips


class ReturnInTheLoop(Encoder):
    """Your loop ends after its first round: the return stands inside it. It belongs behind it."""

    def forward(self, x, temb):
        skips = []
        for block, down in zip(self.blocks, self.downs):
            x = block(x, temb)
            skips.append(x)
            x = down(x)
            return self.bottom(x, temb), skips


class DownTooMany(Encoder):
    """You make one Downsample more than forward uses, and its weights would never learn. n
    halvings need n of them: chs[:-1]."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__(in_ch, chs, time_dim)
        self.downs.append(Downsample(chs[-1]))


class BlockTooMany(Encoder):
    """You make one block more than forward uses, and its weights would never learn. With the last
    block, n halvings need n + 1 of them."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__(in_ch, chs, time_dim)
        self.blocks.append(ConvBlock(chs[-2], chs[-1], time_dim))


class ListOverwritten(Encoder):
    """append changes the list and returns None, and None takes the list's name. Write
    skips.append(x) alone."""

    def forward(self, x, temb):
        skips = []
        for block, down in zip(self.blocks, self.downs):
            x = block(x, temb)
            skips = skips.append(x)
            x = down(x)
        return self.bottom(x, temb), skips


class PictureByPicture(Encoder):
    """`skips += x` puts in the pictures of the batch one by one. Write skips.append(x): one tensor
    for each level."""

    def forward(self, x, temb):
        skips = []
        for block, down in zip(self.blocks, self.downs):
            x = block(x, temb)
            skips += x
            x = down(x)
        return self.bottom(x, temb), skips


class ZipForgotten(Encoder):
    """zip is missing: `zip(self.blocks, self.downs)` hands out a block and a downsample in each
    round."""

    def forward(self, x, temb):
        for block, down in self.blocks, self.downs:
            x = down(block(x, temb))
        return x


class InputHalved(Encoder):
    """Your Downsample gets what went into the block. Halve what the block returned, the skip."""

    def forward(self, x, temb):
        skips = []
        for block, down in zip(self.blocks, self.downs):
            skips.append(block(x, temb))
            x = down(x)
        return self.bottom(x, temb), skips


class AlwaysFromInput(Encoder):
    """A block behind the first expects in_ch channels. It gets those that the level above made: in
    a loop, write in_ch = ch at the end of each round."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__(in_ch, chs, time_dim)
        self.bottom = ConvBlock(in_ch, chs[-1], time_dim)


class NumberPlusList(Encoder):
    """in_ch is a number and chs a list. [in_ch, *chs] makes one list of the two."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__(in_ch, in_ch + chs, time_dim)


class OneForAll(Encoder):
    """One and the same block serves all your levels. Its channels fit the first level only, and
    levels that share weights could not learn different things: make one block for each."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__(in_ch, chs, time_dim)
        self.blocks = nn.ModuleList([ConvBlock(in_ch, chs[0], time_dim)] * (len(chs) - 1))


class OneDownForAll(Encoder):
    """One and the same Downsample serves all your levels. Each level has its own number of
    channels: make one Downsample for each, with chs[i]."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__(in_ch, chs, time_dim)
        self.downs = nn.ModuleList([Downsample(chs[0])] * (len(chs) - 1))


class DownForNextLevel(Encoder):
    """Your Downsample is made for the channels of the next level. It halves what this level's
    block returns, chs[i] channels; only the next block changes their number."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__(in_ch, chs, time_dim)
        self.downs = nn.ModuleList(Downsample(ch) for ch in chs[1:])


class DownForLevelAbove(Encoder):
    """Your Downsample is made for the channels that come into the level's block. It stands behind
    the block and halves what that returns, chs[i] channels."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__(in_ch, chs, time_dim)
        self.downs = nn.ModuleList(Downsample(ch) for ch in [in_ch, *chs[:-2]])


class WrittenOut(Encoder):
    """An index is larger than its list is long. chs may have two numbers or five: go through it in
    a loop. With n + 1 numbers, the last is chs[n]."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__(in_ch, chs, time_dim)
        self.bottom = ConvBlock(chs[-1], chs[len(chs)], time_dim)


class FromLevelToLevel(Encoder):
    """Your first block expects chs[0] channels, but the picture that comes in has in_ch. The
    blocks go from in_ch to chs[0], from chs[0] to chs[1], and so on."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__(in_ch, chs, time_dim)
        self.blocks = nn.ModuleList(ConvBlock(i, o, time_dim) for i, o in zip(chs, chs[1:]))


class BottomFromItself(Encoder):
    """Your last block expects chs[-1] channels and gets those of the level above, chs[-2]. It is
    the one that makes chs[-1] of them."""

    def __init__(self, in_ch, chs, time_dim):
        super().__init__(in_ch, chs, time_dim)
        self.bottom = ConvBlock(chs[-1], chs[-1], time_dim)


class Paired(nn.Module):
    def __init__(self, channels, widths, D):
        super().__init__()
        self.levels = nn.ModuleList()
        for width in widths:
            self.levels.append(ConvBlock(channels, width, D))
            channels = width
        self.halve = nn.Sequential(*[Downsample(width) for width in widths[:-1]])

    def forward(self, h, time):
        skips = ()
        for level, halve in zip(self.levels, self.halve):
            h = level(h, time)
            skips += (h,)
            h = halve(h)
        return self.levels[-1](h, time), skips


class FromTheBottom(nn.Module):
    def __init__(self, in_ch, chs, time_dim):
        super().__init__()
        first, *rest = chs
        self.block = ConvBlock(in_ch, first, time_dim)
        if rest:
            self.down = nn.Conv2d(first, first, 2, stride=2)
            self.below = FromTheBottom(first, rest, time_dim)

    def forward(self, x, temb):
        h = self.block(x, temb)
        if not hasattr(self, "below"):
            return h, []
        bottom, skips = self.below(self.down(h), temb)
        return bottom, [h] + skips


class ByIndex(nn.Module):
    def __init__(self, in_ch, chs, time_dim):
        super().__init__()
        self.n = len(chs) - 1
        for i in range(self.n, -1, -1):
            before = chs[i - 1] if i else in_ch
            self.add_module(f"block{i}", ConvBlock(before, chs[i], time_dim))
        self.kernels = nn.ParameterList(torch.randn(ch, ch, 2, 2) / 9 for ch in chs[:-1])
        self.shifts = nn.ParameterList(torch.zeros(ch) for ch in chs[:-1])

    def forward(self, x, temb):
        outs = []
        for i in range(self.n + 1):
            outs.append(getattr(self, f"block{i}")(x, temb))
            if i < self.n:
                x = F.conv2d(outs[-1], self.kernels[i], self.shifts[i], stride=2)
        return outs.pop(), outs


class InPairs(nn.Module):
    def __init__(self, in_ch, chs, time_dim):
        super().__init__()
        pairs = zip([in_ch, *chs], chs)
        self.blocks = nn.ModuleDict({str(o): ConvBlock(i, o, time_dim) for i, o in pairs})
        self.downs = nn.ModuleDict({str(ch): Downsample(ch) for ch in chs[:-1]})
        self.chs = [str(ch) for ch in chs]

    def forward(self, x, temb):
        h, skips = self.blocks[self.chs[0]](x, temb), []
        for above, ch in zip(self.chs, self.chs[1:]):
            skips = [*skips, h]
            h = self.blocks[ch](self.downs[above](h), temb)
        return h, skips


EXERCISES = [
    Exercise(
        id="3.1",
        title="Halve a picture",
        notebook=NOTEBOOK,
        reference=Downsample,
        experiment=downsample_experiment,
        look="It is one convolution: ch channels in, ch out, a 2x2 window, steps of 2.",
        catalogue=by_hand({
            "stride forgotten": StrideForgotten,
            "3x3 window": ThreeByThree,
            "padding": Padded,
            "1x1 window": OnePixel,
            "4x4 window": FourByFour,
            "each channel by itself": ChannelByChannel,
            "no bias": NoBias,
            "channels doubled": DoublesChannels,
            "nothing handed on to nn.Conv2d": NothingHandedOn,
            "super without brackets": BracketsForgotten,
            "a convolution inside the convolution": ParentForgotten,
            "max pooling": MaxPooled,
            "average pooling": AveragePooled,
            "an activation behind it": Activated,
        }),
        also_right=[Holding, BySlices, ByPatches, EverySecond],
    ),
    Exercise(
        id="3.2",
        title="What one pixel sees",
        notebook=NOTEBOOK,
        reference=receptive_field,
        experiment=receptive_field_experiment,
        look="In this order: x asks for its gradient, net(x), one pixel, sum over its channels, "
        "gradient, abs, sum over the channels of x.",
        catalogue=by_hand({
            "all output pixels together": of_all_pixels,
            "the corner pixel": of_the_corner,
            "middle of the input": middle_of_the_input,
            "height and width exchanged": rows_for_columns,
            "the pixel before the middle": pixel_before_the_middle,
            "first output channel only": first_channel_only,
            "mean of the output channels": mean_of_channels,
            "mean of the input channels": mean_of_input_channels,
            "signs kept": signs_kept,
            "absolute values after the sum": summed_before_abs,
            "channels of x left": channels_left,
            "axis of the batch left": batch_left,
            "yes or no": yes_or_no,
            "gradients of the last call": left_in_x,
            "no gradient asked for": nothing_asked,
            "asked too late": asked_too_late,
            "gradient of another tensor": grad_of_one_that_did_not_ask,
            "gradient is None": grad_is_none,
            "a tuple returned": tuple_returned,
            "a tuple taken for a tensor": tuple_taken,
            "under no_grad": under_no_grad,
            "each output channel by itself": each_channel_alone,
            "absolute values of the output": abs_of_output,
            "/ instead of //": with_slash,
            "no sum over the channels": nothing_summed,
            "an index too few": one_index_short,
            "a plain number": plain_number,
            "switches net to eval mode": switches_to_eval,
        }),
        also_right=[field_by_backward, field_by_jacobian, field_by_seed, field_by_function],
    ),
    Exercise(
        id="3.3",
        title="What a level costs",
        notebook=NOTEBOOK,
        reference=level_costs,
        experiment=level_costs_experiment,
        look="Try level_costs(4, 4, [1, 2]): it is [(16, 9, 144), (8, 36, 288)].",
        catalogue=by_hand({
            "never halved": not_halved,
            "halved too early": halved_too_early,
            "half the pixels": half_the_pixels,
            "2 * i instead of 2**i": divided_by_twice_i,
            "H // 2 * i": from_left_to_right,
            "i + 1 instead of 2**i": divided_by_i_plus_one,
            "the list made in the loop": only_the_last,
            "H for both sides": always_square,
            "weights for one side of the channels": one_side_of_the_channels,
            "weights for one input channel": weights_of_one_input,
            "weights without the kernel": weights_without_kernel,
            "values without the channels": values_without_channels,
            "3 instead of 3 * 3": three_for_nine,
            "weights with 3 instead of 3 * 3": weights_three_for_nine,
            "channels of the level above": from_the_level_above,
            "channels doubled from the top": doubled_from_the_top,
            "each side divided by 4**i": quartered,
            "additions counted": additions_too,
            "multiplications without the input channels": products_without_channels,
            "multiplications of one pixel": products_of_one_pixel,
            "values times weights": values_times_weights,
            "a 1x1 kernel": kernel_of_one,
            "biases counted": with_biases,
            "last level missing": bottom_forgotten,
            "levels from below": from_below,
            "floats": with_fractions,
            "return inside the loop": only_the_first,
            "one long list": in_one_row,
            "columns instead of rows": by_column,
            "weights first": weights_first,
            "multiplications without the kernel": products_without_kernel,
            "^ instead of **": hat,
        }),
        also_right=[costs_by_halving, costs_by_layers, costs_in_one_line, costs_by_numpy],
    ),
    Exercise(
        id="3.4",
        title="The encoder",
        notebook=NOTEBOOK,
        reference=Encoder,
        experiment=encoder_experiment,
        look="At each level: block, keep the result as a skip, downsample. Then the last block.",
        catalogue=by_hand({
            "skip after the downsample": SkipAfterHalving,
            "skip before the block": SkipBeforeBlock,
            "skips from below": FromBelow,
            "bottom among the skips": BottomAmongSkips,
            "last block missing": NoBottomBlock,
            "last block not called": BottomNotCalled,
            "bottom treated like the other levels": HalvedWithSkip,
            "skips returned first": SkipsFirst,
            "skips one by one": SkipsOneByOne,
            "skips not returned": SkipsLost,
            "skips of the last call": SkipsRemembered,
            "skips detached": SkipsDetached,
            "time not handed on": TimeNotHandedOn,
            "time without effect": TimeIgnored,
            "nn.Sequential": InOneSequence,
            "never halved": NeverHalved,
            "last level not halved": LastNotHalved,
            "halved before the block": HalvedBeforeBlock,
            "max pooling": Pooled,
            "plain lists": InPlainLists,
            "layers made in forward": MadeInForward,
            "the list made in the loop": ListInTheLoop,
            "return inside the loop": ReturnInTheLoop,
            "a downsample too many": DownTooMany,
            "a block too many": BlockTooMany,
            "the list overwritten by append": ListOverwritten,
            "the batch taken apart": PictureByPicture,
            "no zip": ZipForgotten,
            "the block's input halved": InputHalved,
            "every block from in_ch": AlwaysFromInput,
            "in_ch + chs": NumberPlusList,
            "one block for all levels": OneForAll,
            "one downsample for all levels": OneDownForAll,
            "downsample for the next level": DownForNextLevel,
            "downsample for the level above": DownForLevelAbove,
            "an index past the end": WrittenOut,
            "in_ch forgotten": FromLevelToLevel,
            "last block from its own channels": BottomFromItself,
        }),
        also_right=[Paired, FromTheBottom, ByIndex, InPairs],
    ),
]
