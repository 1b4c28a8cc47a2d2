"""The exercises of notebook 02. A docstring of a wrong answer is what its author is told."""

import math

import torch
from einops import rearrange, reduce, repeat
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import ConvBlock
from course_utils.checks.engine.grading import Exercise

NOTEBOOK = "02_conv_block"


# 2.1 batch_norm


def batch_norm(x, scale, shift, eps=1e-5):
    """Normalise every channel over the whole batch, then scale and shift it.

    (B, C, H, W), (C,), (C,) -> (B, C, H, W)

    What nn.BatchNorm2d does in training mode. The variance is that of the batch itself: the mean
    squared deviation, divided by B * H * W, not by one less.
    Source: "Batch Normalization" (2015), algorithm 1.
    """
    mean = x.mean(dim=(0, 2, 3), keepdim=True)  # (1, C, 1, 1)
    var = x.var(dim=(0, 2, 3), correction=0, keepdim=True)  # (1, C, 1, 1)
    normal = (x - mean) / (var + eps).sqrt()
    return scale[:, None, None] * normal + shift[:, None, None]


def batch_norm_experiment(probe, batch_norm):
    for B, C, H, W in [(2, 3, 4, 5), (5, 2, 3, 3), (1, 4, 6, 2)]:
        x = 3 * probe.normal(B, C, H, W) + probe.normal(C, 1, 1)
        probe.call(batch_norm, x, probe.normal(C), probe.normal(C))
    probe.call(batch_norm, probe.normal(3, 2, 2, 4), probe.normal(2), probe.normal(2), 0.5)


def each_picture(x, scale, shift, eps=1e-5):
    """You take mean and variance of each picture by itself. That is another normalisation
    (instance norm); BatchNorm pools all pictures of the batch, so dimension 0 belongs to it."""
    mean = x.mean(dim=(2, 3), keepdim=True)
    var = x.var(dim=(2, 3), correction=0, keepdim=True)
    return scale[:, None, None] * (x - mean) / (var + eps).sqrt() + shift[:, None, None]


def each_pixel(x, scale, shift, eps=1e-5):
    """You take mean and variance over the batch alone, for each pixel by itself. The pixels of a
    channel are pooled too: dimensions 0, 2 and 3."""
    mean, var = x.mean(dim=0), x.var(dim=0, correction=0)
    return scale[:, None, None] * (x - mean) / (var + eps).sqrt() + shift[:, None, None]


def all_channels(x, scale, shift, eps=1e-5):
    """You pool the channels too. Each channel has a mean and a variance of its own."""
    mean, var = x.mean(), x.var(correction=0)
    return scale[:, None, None] * (x - mean) / (var + eps).sqrt() + shift[:, None, None]


def layer_norm(x, scale, shift, eps=1e-5):
    """You normalise over the channels of each picture (layer norm). BatchNorm keeps the channels
    apart and pools the pictures."""
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    var = x.var(dim=(1, 2, 3), correction=0, keepdim=True)
    return scale[:, None, None] * (x - mean) / (var + eps).sqrt() + shift[:, None, None]


def one_less(x, scale, shift, eps=1e-5):
    """You divide the squared deviations by one less than their number, as x.var does unless told
    otherwise. Here it is the plain mean of the squares: correction=0."""
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    var = x.var(dim=(0, 2, 3), keepdim=True)
    return scale[:, None, None] * (x - mean) / (var + eps).sqrt() + shift[:, None, None]


def eps_outside(x, scale, shift, eps=1e-5):
    """eps is added to the root. It belongs under it: sqrt(var + eps)."""
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    std = x.std(dim=(0, 2, 3), correction=0, keepdim=True)
    return scale[:, None, None] * (x - mean) / (std + eps) + shift[:, None, None]


def by_the_variance(x, scale, shift, eps=1e-5):
    """You divide by the variance. Divide by its root, the standard deviation."""
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    var = x.var(dim=(0, 2, 3), correction=0, keepdim=True)
    return scale[:, None, None] * (x - mean) / (var + eps) + shift[:, None, None]


def not_scaled(x, scale, shift, eps=1e-5):
    """scale and shift are not used. Without them, every channel would have mean 0 and variance 1
    for ever; with them, the network can choose."""
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    return (x - mean) / (x.var(dim=(0, 2, 3), correction=0, keepdim=True) + eps).sqrt()


def shift_first(x, scale, shift, eps=1e-5):
    """The scale multiplies the shift too. First scale, then shift."""
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    var = x.var(dim=(0, 2, 3), correction=0, keepdim=True)
    return scale[:, None, None] * ((x - mean) / (var + eps).sqrt() + shift[:, None, None])


def shift_forgotten(x, scale, shift, eps=1e-5):
    """shift is not used. Each channel has a number of its own that is added at the end."""
    return batch_norm(x, scale, 0 * shift, eps)


def scale_forgotten(x, scale, shift, eps=1e-5):
    """scale is not used. Each channel is multiplied by a number of its own before the shift."""
    return batch_norm(x, torch.ones_like(scale), shift, eps)


def mean_kept(x, scale, shift, eps=1e-5):
    """The mean is not subtracted: your channels keep theirs."""
    var = x.var(dim=(0, 2, 3), correction=0, keepdim=True)
    return scale[:, None, None] * x / (var + eps).sqrt() + shift[:, None, None]


def brackets_forgotten(x, scale, shift, eps=1e-5):
    """Only the mean is divided, since / comes before -. Put brackets around the difference:
    (x - mean) / ..."""
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    var = x.var(dim=(0, 2, 3), correction=0, keepdim=True)
    return scale[:, None, None] * x - mean / (var + eps).sqrt() + shift[:, None, None]


def mean_of_squares(x, scale, shift, eps=1e-5):
    """Your variance is the mean of the squares of x. It is that of the squared differences from
    the mean: subtract the mean first."""
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    square = x.square().mean(dim=(0, 2, 3), keepdim=True)
    return scale[:, None, None] * (x - mean) / (square + eps).sqrt() + shift[:, None, None]


def by_std(x, scale, shift, eps=1e-5):
    """x.std divides by one less than the number of values, and eps is added to the root. Take the
    variance, with correction=0, add eps to it, and then take the root."""
    mean, std = x.mean(dim=(0, 2, 3), keepdim=True), x.std(dim=(0, 2, 3), keepdim=True)
    return scale[:, None, None] * (x - mean) / (std + eps) + shift[:, None, None]


def scale_on_the_columns(x, scale, shift, eps=1e-5):
    """scale has shape (C,), and PyTorch lines it up with the last axis, the W columns. It needs
    two more axes: (C, 1, 1)."""
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    var = x.var(dim=(0, 2, 3), correction=0, keepdim=True)
    return scale * (x - mean) / (var + eps).sqrt() + shift


def axes_lost(x, scale, shift, eps=1e-5):
    """Something of shape (C,) meets the W columns, for PyTorch lines up the last axes. With
    keepdim=True, mean and variance are (1, C, 1, 1); with [:, None, None], scale and shift are
    (C, 1, 1)."""
    mean, var = x.mean(dim=(0, 2, 3)), x.var(dim=(0, 2, 3), correction=0)
    return scale[:, None, None] * (x - mean) / (var + eps).sqrt() + shift[:, None, None]


def one_axis_short(x, scale, shift, eps=1e-5):
    """scale and shift have one axis too few: (C, 1) meets H and W. They need two more than they
    have, [:, None, None], to be (C, 1, 1)."""
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    var = x.var(dim=(0, 2, 3), correction=0, keepdim=True)
    return scale[:, None] * (x - mean) / (var + eps).sqrt() + shift[:, None]


def one_axis_short_behind(x, scale, shift, eps=1e-5):
    """scale and shift have one axis too few: (C, 1) meets H and W. They need two more than they
    have, [:, None, None], to be (C, 1, 1)."""
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    var = x.var(dim=(0, 2, 3), correction=0, keepdim=True)
    return (x - mean) / (var + eps).sqrt() * scale[:, None] + shift[:, None]


def one_axis_too_many(x, scale, shift, eps=1e-5):
    """scale and shift have one axis too many: (C, 1, 1, 1) has the channels where the pictures are.
    With [:, None, None] they are (C, 1, 1)."""
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    var = x.var(dim=(0, 2, 3), correction=0, keepdim=True)
    return scale[:, None, None, None] * (x - mean) / (var + eps).sqrt()


def one_axis_too_many_behind(x, scale, shift, eps=1e-5):
    """scale and shift have one axis too many: (C, 1, 1, 1) has the channels where the pictures are.
    With [:, None, None] they are (C, 1, 1)."""
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    return (x - mean) * scale[:, None, None, None]


def root_of_one_number(x, scale, shift, eps=1e-5):
    """math.sqrt takes a single number, and there is a variance for each channel. A tensor has a
    root of its own, taken number by number: (var + eps).sqrt()."""
    return x / math.sqrt(x.var(dim=(0, 2, 3)) + eps)


def own_eps(x, scale, shift, eps=1e-5):
    """eps makes no difference in your function. Add the argument to the variance, under the
    root."""
    return batch_norm(x, scale, shift)


def batch_norm_by_function(x, scale, shift, eps=1e-5):
    return F.batch_norm(x, None, None, scale, shift, training=True, eps=eps)


def batch_norm_by_einops(x, scale, shift, eps=1e-5):
    centred = x - reduce(x, "b c h w -> 1 c 1 1", "mean")
    power = reduce(centred**2, "b c h w -> 1 c 1 1", "mean")
    return rearrange(scale, "c -> c 1 1") * centred * (power + eps).rsqrt() + rearrange(
        shift, "c -> c 1 1"
    )


def batch_norm_channel_by_channel(x, scale, shift, eps=1e-5):
    out = torch.empty_like(x)
    for c in range(x.shape[1]):
        values = x[:, c]
        var = (values**2).mean() - values.mean() ** 2
        out[:, c] = (values - values.mean()) / torch.sqrt(var + eps) * scale[c] + shift[c]
    return out


# 2.2 conv_bn_silu


def conv_bn_silu(in_ch, out_ch):
    """Return a 3x3 convolution that keeps the size, BatchNorm and SiLU, as one module.

    () -> module of (B, C, H, W) -> (B, K, H, W)

    C is in_ch, K is out_ch.
    """
    return nn.Sequential(
        nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.BatchNorm2d(out_ch), nn.SiLU()
    )  # fmt: skip


def conv_bn_silu_experiment(probe, conv_bn_silu):
    for B, C, K, H, W in [(3, 2, 4, 6, 5), (2, 5, 5, 3, 7), (4, 3, 1, 4, 4)]:
        module = probe.build(conv_bn_silu, C, K)
        probe.train_and_eval(module, 2 * probe.normal(B, C, H, W) + 1)
    probe.on_fake_device(module, probe.normal(B, C, H, W))


def no_padding(in_ch, out_ch):
    """The padding is missing: each 3x3 convolution takes two rows and two columns away. With
    padding=1 the size stays."""
    return nn.Sequential(nn.Conv2d(in_ch, out_ch, 3), nn.BatchNorm2d(out_ch), nn.SiLU())


def no_norm(in_ch, out_ch):
    """BatchNorm is missing between the convolution and SiLU."""
    return nn.Sequential(nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.SiLU())


def no_silu(in_ch, out_ch):
    """SiLU is missing at the end. Without an activation, two convolutions in a row are no more
    than one large one."""
    return nn.Sequential(nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.BatchNorm2d(out_ch))


def with_relu(in_ch, out_ch):
    """That is a ReLU; asked for is SiLU."""
    return nn.Sequential(
        nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.BatchNorm2d(out_ch), nn.ReLU()
    )  # fmt: skip


def silu_first(in_ch, out_ch):
    """SiLU comes before BatchNorm here. The order is convolution, BatchNorm, SiLU."""
    return nn.Sequential(
        nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.SiLU(), nn.BatchNorm2d(out_ch)
    )  # fmt: skip


def one_by_one(in_ch, out_ch):
    """This is a 1x1 convolution: it sees no neighbours. The kernel size is 3, with padding=1."""
    return nn.Sequential(nn.Conv2d(in_ch, out_ch, 1), nn.BatchNorm2d(out_ch), nn.SiLU())


def group_norm(in_ch, out_ch):
    """That is a GroupNorm; asked for is BatchNorm. (Notebook 10 rebuilds networks with
    GroupNorm.)"""
    return nn.Sequential(
        nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.GroupNorm(1, out_ch), nn.SiLU()
    )  # fmt: skip


def norm_of_the_input(in_ch, out_ch):
    """BatchNorm stands behind the convolution, so it gets out_ch channels, not in_ch."""
    return nn.Sequential(nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.BatchNorm2d(in_ch), nn.SiLU())


def in_and_out_swapped(in_ch, out_ch):
    """The convolution has its two channel numbers swapped: first what comes in, then what goes
    out."""
    return nn.Sequential(nn.Conv2d(out_ch, in_ch, 3, padding=1), nn.BatchNorm2d(out_ch), nn.SiLU())


def kept_in_a_list(in_ch, out_ch):
    """An nn.ModuleList only keeps layers. nn.Sequential(a, b, c) also calls them, one after the
    other."""
    return nn.ModuleList(conv_bn_silu(in_ch, out_ch))


def one_into_the_other(in_ch, out_ch):
    """A layer is made from numbers and called on tensors; you hand it another layer. List the
    three, each with its own numbers: nn.Sequential(a, b, c) calls one after the other."""
    return nn.SiLU(nn.BatchNorm2d(nn.Conv2d(in_ch, out_ch, 3, padding=1)))


def norm_of_one_dimension(in_ch, out_ch):
    """nn.BatchNorm1d is for (B, C) and (B, C, L). Pictures have two dimensions more than (B, C):
    nn.BatchNorm2d."""
    return nn.Sequential(
        nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.BatchNorm1d(out_ch), nn.SiLU()
    )  # fmt: skip


def mirrored_border(in_ch, out_ch):
    """Your padding repeats or mirrors the border. Plain padding=1 puts zeros around the
    picture."""
    return nn.Sequential(
        nn.Conv2d(in_ch, out_ch, 3, padding=1, padding_mode="replicate"),
        nn.BatchNorm2d(out_ch),
        nn.SiLU(),
    )


def conv_bn_silu_same(in_ch, out_ch):
    conv = nn.Conv2d(in_ch, out_ch, kernel_size=(3, 3), padding="same", bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_ch), nn.SiLU(inplace=True))


class ConvBnSilu(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.norm = nn.BatchNorm2d(out_ch)
        self.conv = nn.Conv2d(in_ch, out_ch, 3)

    def forward(self, x):
        h = self.norm(self.conv(F.pad(x, (1, 1, 1, 1))))
        return h * torch.sigmoid(h)


def conv_bn_silu_by_class(in_ch, out_ch):
    return ConvBnSilu(in_ch, out_ch)


def conv_bn_silu_step_by_step(in_ch, out_ch):
    layers = nn.Sequential()
    layers.add_module("norm_last", nn.Conv2d(in_ch, out_ch, 3, 1, 1))
    layers.append(nn.BatchNorm2d(num_features=out_ch))
    layers.append(nn.SiLU())
    return layers


# 2.3 TimedConvs


class TimedConvs(nn.Module):
    """Two convolutions that know the time.

    (B, C, H, W), (B, D) -> (B, K, H, W)

    The time is projected to one number per channel and added between the convolutions.
    """

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.conv1 = conv_bn_silu(in_ch, out_ch)
        self.time_proj = nn.Linear(time_dim, out_ch)
        self.conv2 = conv_bn_silu(out_ch, out_ch)

    def forward(self, x, temb):
        h = self.conv1(x) + self.time_proj(temb)[:, :, None, None]  # (B, K, H, W)
        return self.conv2(h)


def block_experiment(probe, Block):
    for B, C, K, D, H, W in [(3, 2, 5, 8, 4, 7), (2, 6, 3, 4, 5, 8), (4, 3, 3, 6, 8, 5)]:
        module = probe.build(Block, C, K, D)
        probe.train_and_eval(module, probe.normal(B, C, H, W), probe.normal(B, D))
    probe.on_fake_device(module, probe.normal(B, C, H, W), probe.normal(B, D))


class TimeNotSpread(TimedConvs):
    """The projected time is one number for each channel. But PyTorch lines up the last axes, so
    its channels meet the columns. It needs two more axes behind: [:, :, None, None]."""

    def forward(self, x, temb):
        return self.conv2(self.conv1(x) + self.time_proj(temb))


class TimeOneAxisShort(TimedConvs):
    """The channels of the projected time meet the rows, for PyTorch lines up the last axes:
    (B, K, 1) with K, H and W. Two new axes belong behind: [:, :, None, None]."""

    def forward(self, x, temb):
        return self.conv2(self.conv1(x) + self.time_proj(temb)[:, :, None])


class TimeNotSpreadBefore(TimedConvs):
    """The projected time is one number for each channel. But PyTorch lines up the last axes, so
    its channels meet the columns. It needs two more axes behind: [:, :, None, None]."""

    def forward(self, x, temb):
        return self.conv2(self.time_proj(temb) + self.conv1(x))


class TimeOneAxisShortBefore(TimedConvs):
    """The channels of the projected time meet the rows, for PyTorch lines up the last axes:
    (B, K, 1) with K, H and W. Two new axes belong behind: [:, :, None, None]."""

    def forward(self, x, temb):
        return self.conv2(self.time_proj(temb)[:, :, None] + self.conv1(x))


class TimeAfterSecond(TimedConvs):
    """The time is added after the second convolution. Then it can only shift each channel; added
    before, conv2 can let it change what it does with the picture."""

    def forward(self, x, temb):
        return self.conv2(self.conv1(x)) + self.time_proj(temb)[:, :, None, None]


class TimeBeforeFirst(TimedConvs):
    """The time is added to x, before the first convolution. It has K numbers, as many as conv1
    makes channels: add it to what conv1 returns."""

    def forward(self, x, temb):
        return self.conv2(self.conv1(x + self.time_proj(temb)[:, :, None, None]))


class FirstTwice(TimedConvs):
    """conv1 is called a second time, on the K channels that it made. There it is conv2's turn."""

    def forward(self, x, temb):
        return self.conv1(self.conv1(x) + self.time_proj(temb)[:, :, None, None])


class ProjectionNotCalled(TimedConvs):
    """self.time_proj is a layer. Call it on temb, self.time_proj(temb), and give the two axes to
    what it returns."""

    def forward(self, x, temb):
        return self.conv2(self.conv1(x) + self.time_proj[:, :, None, None])


class AxesBeforeProjection(TimedConvs):
    """The two axes come too early: a linear layer works on the last axis, which must be the D
    numbers of temb. Give them to what it returns: self.time_proj(temb)[:, :, None, None]."""

    def forward(self, x, temb):
        return self.conv2(self.conv1(x) + self.time_proj(temb[:, :, None, None]))


class TimeMultiplied(TimedConvs):
    """The time multiplies the features; here it is added. (Scaling is a good idea too, and is in
    use elsewhere.)"""

    def forward(self, x, temb):
        return self.conv2(self.conv1(x) * self.time_proj(temb)[:, :, None, None])


class TimeForgotten(TimedConvs):
    """The time has no effect. Is the result of the addition the tensor that goes into conv2?"""

    def forward(self, x, temb):
        h = self.conv1(x)
        h + self.time_proj(temb)[:, :, None, None]
        return self.conv2(h)


class TimeTwice(TimedConvs):
    """The time is added twice. Add it once, between the convolutions."""

    def forward(self, x, temb):
        time = self.time_proj(temb)[:, :, None, None]
        return self.conv2(self.conv1(x) + time) + time


class TimeOfTheFirst(TimedConvs):
    """Every picture gets the time of the first one. Each has its own row in temb."""

    def forward(self, x, temb):
        return self.conv2(self.conv1(x) + self.time_proj(temb[0])[:, None, None])


class TimeRaw(TimedConvs):
    """temb goes in as it is, with D numbers. It must go through self.time_proj first, which makes
    one number for each of the K channels."""

    def forward(self, x, temb):
        return self.conv2(self.conv1(x) + temb[:, :, None, None])


class TimeActivated(TimedConvs):
    """The projected time goes through an activation before it is added. TimeEmbedding has one
    already; here it is the bare linear layer."""

    def forward(self, x, temb):
        return self.conv2(self.conv1(x) + F.silu(self.time_proj(temb))[:, :, None, None])


class EmbeddingActivated(TimedConvs):
    """temb goes through an activation before the linear layer. TimeEmbedding ends with one
    already; here it is the bare linear layer."""

    def forward(self, x, temb):
        return self.conv2(self.conv1(x) + self.time_proj(F.silu(temb))[:, :, None, None])


class SecondForgotten(TimedConvs):
    """The second convolution is not used."""

    def forward(self, x, temb):
        return self.conv1(x) + self.time_proj(temb)[:, :, None, None]


class TimedByView(TimedConvs):
    def forward(self, x, temb):
        h = self.conv1(x)
        h += self.time_proj(temb).view(*h.shape[:2], 1, 1)
        return self.conv2(h)


class TimedByEinops(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.second = conv_bn_silu(out_ch, out_ch)
        self.first = conv_bn_silu(in_ch, out_ch)
        self.to_channels = nn.Conv2d(time_dim, out_ch, 1)

    def forward(self, x, temb):
        time = self.to_channels(rearrange(temb, "b d -> b d 1 1"))
        H, W = x.shape[2:]
        return self.second(self.first(x) + repeat(time, "b k 1 1 -> b k h w", h=H, w=W))


class TimedByExpand(TimedConvs):
    def forward(self, x, temb):
        h = self.conv1(x)
        time = self.time_proj(temb).unsqueeze(-1).unsqueeze(-1).expand_as(h)
        return self.conv2(torch.stack([h, time]).sum(dim=0))


# 2.4 shortcut


def shortcut(in_ch, out_ch):
    """Return the way around a block: nothing at all, or a 1x1 convolution if the channels differ.

    () -> module of (B, C, H, W) -> (B, K, H, W)

    C is in_ch, K is out_ch. Source: "Deep Residual Learning" (2015), equations 1 and 2.
    """
    return nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)


def shortcut_experiment(probe, shortcut):
    for B, C, K, H, W in [(2, 3, 5, 4, 6), (3, 4, 4, 5, 2), (2, 6, 2, 3, 3)]:
        module = probe.build(shortcut, C, K)
        probe.train_and_eval(module, probe.normal(B, C, H, W))
    probe.on_fake_device(module, probe.normal(B, C, H, W))


def always_a_convolution(in_ch, out_ch):
    """Where the channels are equal there is a convolution too. Then x should come through
    untouched: nn.Identity()."""
    return nn.Conv2d(in_ch, out_ch, 1)


def never_a_convolution(in_ch, out_ch):
    """This hands x on unchanged even where the channels differ. The sum of the block would then
    fail: a 1x1 convolution has to make out_ch channels of in_ch."""
    return nn.Identity()


def three_by_three(in_ch, out_ch):
    """The kernel is larger than 1x1. The way around should leave the place of everything alone:
    it only mixes channels."""
    return nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 3, padding=1)


def wrong_way_round(in_ch, out_ch):
    """It is the wrong way round: the convolution is for channels that differ."""
    return nn.Identity() if in_ch != out_ch else nn.Conv2d(in_ch, out_ch, 1)


def channels_swapped(in_ch, out_ch):
    """The two channel numbers are swapped: first what comes in, then what goes out."""
    return nn.Identity() if in_ch == out_ch else nn.Conv2d(out_ch, in_ch, 1)


def without_bias(in_ch, out_ch):
    """Your convolution has no bias. It would do nearly as well; asked for is nn.Conv2d as it
    comes, with one."""
    return nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1, bias=False)


def normalised(in_ch, out_ch):
    """There is more than a convolution on your way around. Leave BatchNorm and activation to the
    block itself: the shortcut is there so that x comes through as it is."""
    if in_ch == out_ch:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(in_ch, out_ch, 1), nn.BatchNorm2d(out_ch))


def activated(in_ch, out_ch):
    """There is an activation on your way around. Leave it to the block itself: the shortcut is
    there so that x comes through as it is."""
    if in_ch == out_ch:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(in_ch, out_ch, 1), nn.SiLU())


def linear(in_ch, out_ch):
    """nn.Linear works on the last axis, which is the W columns here. A 1x1 convolution does the
    same with the channels: nn.Conv2d(in_ch, out_ch, 1)."""
    return nn.Identity() if in_ch == out_ch else nn.Linear(in_ch, out_ch)


def only_when_growing(in_ch, out_ch):
    """It works for in_ch < out_ch only. In the decoder the channels become fewer."""
    return nn.Conv2d(in_ch, out_ch, 1) if in_ch < out_ch else nn.Identity()


def shortcut_in_sequence(in_ch, out_ch):
    layers = [nn.Conv2d(in_ch, out_ch, kernel_size=1)] if in_ch != out_ch else []
    return nn.Sequential(*layers)


class PixelByPixel(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.linear = nn.Linear(in_ch, out_ch)

    def forward(self, x):
        return self.linear(x.movedim(1, -1)).movedim(-1, 1)


def shortcut_by_linear(in_ch, out_ch):
    if out_ch == in_ch:
        return nn.Identity()
    return PixelByPixel(in_ch, out_ch)


class Around(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.differ = in_ch != out_ch
        if self.differ:
            self.weight = nn.Parameter(torch.randn(out_ch, in_ch, 1, 1) / in_ch**0.5)
            self.bias = nn.Parameter(torch.zeros(out_ch))

    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias) if self.differ else x


def shortcut_by_class(in_ch, out_ch):
    return Around(in_ch, out_ch)


# 2.5 ConvBlock. It has two convolutions, two norms, the time and the shortcut: every one of them
# can be forgotten.


class NoShortcut(ConvBlock):
    """The shortcut is missing: add x, or the 1x1 convolution of it, to what the convolutions
    return."""

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
        return F.silu(self.norm2(self.conv2(h))) + 0 * self.shortcut(x)


class ShortcutMultiplied(ConvBlock):
    """The shortcut multiplies the result. It is added: then a gradient can run back through the
    sum as it is."""

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
        return F.silu(self.norm2(self.conv2(h))) * self.shortcut(x)


class ShortcutOfTheMiddle(ConvBlock):
    """Your shortcut begins after the first convolution. It begins at the block's input x."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.shortcut = nn.Identity()

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
        return F.silu(self.norm2(self.conv2(h))) + h


class ShortcutOfTheMiddleToo(ConvBlock):
    """What you add at the end is what the first convolution made. Add what the shortcut makes of
    the block's input x."""

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
        return F.silu(self.norm2(self.conv2(h))) + h


class ShortcutOfAnotherX(ConvBlock):
    """Your shortcut gets what the convolutions made, not the block's input. Is x overwritten on
    the way? Leave x as it is, and give what the convolutions make another name, such as h."""

    def forward(self, x, temb):
        x = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
        x = F.silu(self.norm2(self.conv2(x)))
        return x + self.shortcut(x)


class ShortcutMadeInForward(ConvBlock):
    """The shortcut's convolution is made in forward, with new random weights in each call, and
    the optimizer never sees it. Make it in __init__, and keep it on self."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.shortcut = nn.Identity()
        self.channels = in_ch, out_ch

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
        return F.silu(self.norm2(self.conv2(h))) + shortcut(*self.channels)(x)


class SecondForInput(ConvBlock):
    """The second convolution gets the out_ch channels that the first one made: it goes from out_ch
    to out_ch. (Is it the second one that you call, and not the first one again?)"""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.conv2 = nn.Conv2d(in_ch, out_ch, 3, padding=1)


class SecondNotUsed(ConvBlock):
    """The second convolution is not used."""

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
        return h + self.shortcut(x)


class ShortcutUnchanged(ConvBlock):
    """Something with in_ch channels is added to something with out_ch. If it is x, it needs a 1x1
    convolution that makes out_ch channels of it. If it is the time, its linear layer must return
    out_ch numbers."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.shortcut = nn.Identity()


class ShortcutUnchangedBefore(ConvBlock):
    """Something with in_ch channels is added to something with out_ch. If it is x, it needs a 1x1
    convolution that makes out_ch channels of it. If it is the time, its linear layer must return
    out_ch numbers."""

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
        return x + F.silu(self.norm2(self.conv2(h)))


class ShortcutOnlyWhereEqual(ConvBlock):
    """Where in_ch and out_ch differ, your block has no shortcut. There, x goes around it through a
    1x1 convolution."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.shortcut = nn.Identity()

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
        h = F.silu(self.norm2(self.conv2(h)))
        return h + x if x.shape == h.shape else h


class ShortcutTooEarly(ConvBlock):
    """The shortcut is added before the second convolution. It goes around both: add it to what the
    second one returns."""

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
        return F.silu(self.norm2(self.conv2(h + self.shortcut(x))))


class ShortcutNotCalled(ConvBlock):
    """The shortcut is a layer, and you add the layer itself. Call it on x, and add what it
    returns."""

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
        return F.silu(self.norm2(self.conv2(h))) + self.shortcut


class ShortcutAlwaysConvolved(ConvBlock):
    """Your shortcut has a convolution where the channels are equal too. There, x should come
    through untouched: nn.Identity()."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.shortcut = nn.Conv2d(in_ch, out_ch, 1)


class ActivatedSum(ConvBlock):
    """SiLU is applied to the sum. It comes before the sum, so that the shortcut's x goes through
    the block without an activation."""

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
        return F.silu(self.norm2(self.conv2(h)) + self.shortcut(x))


class ActivatedOnceMore(ConvBlock):
    """SiLU is applied to the sum. It comes before the sum, so that the shortcut's x goes through
    the block without an activation."""

    def forward(self, x, temb):
        return F.silu(super().forward(x, temb))


class ShortcutNotAdded(ConvBlock):
    """The shortcut is made and not used: call it on x, and add the result to what the
    convolutions return."""

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
        return F.silu(self.norm2(self.conv2(h)))


class ShortcutOfNine(ConvBlock):
    """The shortcut is a 3x3 convolution. Take 1x1: it leaves the place of everything alone."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        if in_ch != out_ch:
            self.shortcut = nn.Conv2d(in_ch, out_ch, 3, padding=1)


class ShortcutNormalised(ConvBlock):
    """There is BatchNorm on the shortcut. Leave it out: x should come through as it is."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        if in_ch != out_ch:
            self.shortcut = nn.Sequential(nn.Conv2d(in_ch, out_ch, 1), nn.BatchNorm2d(out_ch))


class FirstSiluMissing(ConvBlock):
    """SiLU is missing after the first convolution."""

    def forward(self, x, temb):
        h = self.norm1(self.conv1(x)) + self.time_proj(temb)[:, :, None, None]
        return F.silu(self.norm2(self.conv2(h))) + self.shortcut(x)


class LastSiluMissing(ConvBlock):
    """SiLU is missing after the second convolution."""

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
        return self.norm2(self.conv2(h)) + self.shortcut(x)


class BlockWithoutNorms(ConvBlock):
    """BatchNorm is missing after both convolutions."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.norm1 = self.norm2 = nn.Identity()


class BlockWithoutFirstNorm(ConvBlock):
    """BatchNorm is missing after the first convolution."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.norm1 = nn.Identity()


class BlockWithoutSecondNorm(ConvBlock):
    """BatchNorm is missing after the second convolution."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.norm2 = nn.Identity()


class OneNorm(ConvBlock):
    """Both convolutions share one BatchNorm. Its running mean and variance would be a mixture of
    two different features: each convolution needs its own."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.norm2 = self.norm1


class BlockWithoutPadding(ConvBlock):
    """The padding is missing: each 3x3 convolution makes the picture two rows and two columns
    smaller. Give both padding=1."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.conv1 = nn.Conv2d(in_ch, out_ch, 3)
        self.conv2 = nn.Conv2d(out_ch, out_ch, 3)


class BlockWithRelu(ConvBlock):
    """That is a ReLU; asked for is SiLU."""

    def forward(self, x, temb):
        h = F.relu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
        return F.relu(self.norm2(self.conv2(h))) + self.shortcut(x)


class BlockTimeNotSpread(ConvBlock):
    """The projected time is one number for each channel. But PyTorch lines up the last axes, so
    its channels meet the columns. It needs two more axes behind: [:, :, None, None]."""

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)
        return F.silu(self.norm2(self.conv2(h))) + self.shortcut(x)


class BlockTimeNotSpreadBefore(ConvBlock):
    """The projected time is one number for each channel. But PyTorch lines up the last axes, so
    its channels meet the columns. It needs two more axes behind: [:, :, None, None]."""

    def forward(self, x, temb):
        h = self.time_proj(temb) + F.silu(self.norm1(self.conv1(x)))
        return F.silu(self.norm2(self.conv2(h))) + self.shortcut(x)


class BlockTimeOneAxisShort(ConvBlock):
    """The channels of the projected time meet the rows, for PyTorch lines up the last axes:
    (B, K, 1) with K, H and W. Two new axes belong behind: [:, :, None, None]."""

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None]
        return F.silu(self.norm2(self.conv2(h))) + self.shortcut(x)


class BlockTimeAfterSecond(ConvBlock):
    """The time is added after the second convolution. Then it can only shift each channel; added
    before, the second convolution can let it change what it does with the picture."""

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x)))
        h = F.silu(self.norm2(self.conv2(h))) + self.time_proj(temb)[:, :, None, None]
        return h + self.shortcut(x)


class BlockTimeBeforeActivation(ConvBlock):
    """The time is added before the first SiLU. Here it comes after it: convolution, BatchNorm,
    SiLU, then the time. (Both are in use.)"""

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x)) + self.time_proj(temb)[:, :, None, None])
        return F.silu(self.norm2(self.conv2(h))) + self.shortcut(x)


class BlockTimeActivated(ConvBlock):
    """The projected time goes through an activation before it is added. TimeEmbedding has one
    already; here it is the bare linear layer."""

    def forward(self, x, temb):
        time = F.silu(self.time_proj(temb))[:, :, None, None]
        h = F.silu(self.norm1(self.conv1(x))) + time
        return F.silu(self.norm2(self.conv2(h))) + self.shortcut(x)


class BlockEmbeddingActivated(ConvBlock):
    """temb goes through an activation before the linear layer. TimeEmbedding ends with one
    already; here it is the bare linear layer."""

    def forward(self, x, temb):
        return super().forward(x, F.silu(temb))


class BlockTimeMultiplied(ConvBlock):
    """The time multiplies the features; here it is added."""

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x))) * self.time_proj(temb)[:, :, None, None]
        return F.silu(self.norm2(self.conv2(h))) + self.shortcut(x)


class BlockTimeForgotten(ConvBlock):
    """The time is not used: forward must add temb, projected to K numbers, between the
    convolutions."""

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x)))
        return F.silu(self.norm2(self.conv2(h))) + self.shortcut(x)


class BlockChangesItsInput(ConvBlock):
    """Your forward writes its result into x. Whoever called it may still need the old x: the
    encoder hands it over as a skip."""

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
        h = F.silu(self.norm2(self.conv2(h)))
        if x.shape != h.shape:
            return h + self.shortcut(x)
        x += h
        return x


class BlockOfTwo(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.convs = TimedConvs(in_ch, out_ch, time_dim)
        self.around = shortcut(in_ch, out_ch)

    def forward(self, x, temb):
        return self.around(x) + self.convs(x, temb)


class BlockInOtherWords(nn.Module):
    def __init__(self, c_in, c_out, d):
        super().__init__()
        self.skip = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else None
        self.embed = nn.Linear(d, c_out)
        self.b = nn.Sequential(
            nn.Conv2d(c_out, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.SiLU()
        )
        self.a = nn.Sequential(nn.Conv2d(c_in, c_out, 3, 1, 1), nn.BatchNorm2d(c_out), nn.SiLU())

    def forward(self, x, temb):
        out = self.b(self.a(x) + rearrange(self.embed(temb), "b k -> b k 1 1"))
        out += x if self.skip is None else self.skip(x)
        return out


class BlockByFunctions(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(out_ch) for _ in range(2))
        self.kernels = nn.ParameterList(
            torch.randn(out_ch, ch, 3, 3) / (9 * ch) ** 0.5 for ch in (in_ch, out_ch)
        )
        self.time = nn.Conv1d(time_dim, out_ch, 1)
        self.around = nn.Linear(in_ch, out_ch) if in_ch != out_ch else nn.Identity()

    def forward(self, x, temb):
        h = x
        for i, (kernel, norm) in enumerate(zip(self.kernels, self.norms)):
            h = norm(F.conv2d(h, kernel, padding=1))
            h = h / (1 + torch.exp(-h))
            if i == 0:
                h = h + self.time(temb[:, :, None])[..., None]
        return h + self.around(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


EXERCISES = [
    Exercise(
        id="2.1",
        title="BatchNorm by hand",
        notebook=NOTEBOOK,
        reference=batch_norm,
        experiment=batch_norm_experiment,
        look="Print the mean and the standard deviation of each channel of your result: with scale "
        "1 and shift 0 they are 0 and 1.",
        mistakes={
            "each picture by itself": each_picture,
            "each pixel by itself": each_pixel,
            "all channels together": all_channels,
            "over the channels of a picture": layer_norm,
            "divided by one less": one_less,
            "eps outside the root": eps_outside,
            "divided by the variance": by_the_variance,
            "scale and shift not used": not_scaled,
            "shifted before scaled": shift_first,
            "shift not used": shift_forgotten,
            "scale not used": scale_forgotten,
            "mean not subtracted": mean_kept,
            "only the mean divided": brackets_forgotten,
            "mean of the squares for the variance": mean_of_squares,
            "x.std, and eps outside the root": by_std,
            "scale not spread over the pixels": scale_on_the_columns,
            "keepdim forgotten": axes_lost,
            "scale one axis short": one_axis_short,
            "scale one axis short, second factor": one_axis_short_behind,
            "scale with an axis too many": one_axis_too_many,
            "scale with an axis too many, second factor": one_axis_too_many_behind,
            "math.sqrt of a tensor": root_of_one_number,
            "eps not used": own_eps,
        },
        also_right=[batch_norm_by_function, batch_norm_by_einops, batch_norm_channel_by_channel],
    ),
    Exercise(
        id="2.2",
        title="Convolution, BatchNorm, SiLU",
        notebook=NOTEBOOK,
        reference=conv_bn_silu,
        experiment=conv_bn_silu_experiment,
        look="Print the module: it has three layers, in the order of the name.",
        mistakes={
            "no padding": no_padding,
            "no BatchNorm": no_norm,
            "no SiLU": no_silu,
            "ReLU instead of SiLU": with_relu,
            "SiLU before BatchNorm": silu_first,
            "1x1 kernel": one_by_one,
            "GroupNorm instead of BatchNorm": group_norm,
            "BatchNorm for in_ch channels": norm_of_the_input,
            "channels swapped": in_and_out_swapped,
            "nn.ModuleList": kept_in_a_list,
            "a layer handed to a layer": one_into_the_other,
            "BatchNorm1d": norm_of_one_dimension,
            "padding with other than zeros": mirrored_border,
        },
        also_right=[conv_bn_silu_same, conv_bn_silu_by_class, conv_bn_silu_step_by_step],
    ),
    Exercise(
        id="2.3",
        title="Add the time, channel by channel",
        notebook=NOTEBOOK,
        reference=TimedConvs,
        experiment=block_experiment,
        look="The order is: conv1, plus the projected time, conv2.",
        mistakes={
            "time not spread over the pixels": TimeNotSpread,
            "time one axis short": TimeOneAxisShort,
            # The same with the two exchanged: PyTorch's message names the sizes in their order.
            "time not spread, first in the sum": TimeNotSpreadBefore,
            "time one axis short, first in the sum": TimeOneAxisShortBefore,
            "time after the second convolution": TimeAfterSecond,
            "time before the first convolution": TimeBeforeFirst,
            "first convolution twice": FirstTwice,
            "projection not called": ProjectionNotCalled,
            "axes before the projection": AxesBeforeProjection,
            "time multiplied": TimeMultiplied,
            "time without effect": TimeForgotten,
            "time added twice": TimeTwice,
            "time of the first picture for all": TimeOfTheFirst,
            "time not projected": TimeRaw,
            "activation on the projected time": TimeActivated,
            "activation on the embedding": EmbeddingActivated,
            "second convolution not used": SecondForgotten,
        },
        also_right=[TimedByView, TimedByEinops, TimedByExpand],
    ),
    Exercise(
        id="2.4",
        title="The way around",
        notebook=NOTEBOOK,
        reference=shortcut,
        experiment=shortcut_experiment,
        look="Try shortcut(3, 3) and shortcut(3, 5) on a picture and compare with the input.",
        mistakes={
            "always a convolution": always_a_convolution,
            "never a convolution": never_a_convolution,
            "3x3 instead of 1x1": three_by_three,
            "the wrong way round": wrong_way_round,
            "channels swapped": channels_swapped,
            "no bias": without_bias,
            "BatchNorm on the way": normalised,
            "an activation on the way": activated,
            "nn.Linear": linear,
            "only for more channels": only_when_growing,
        },
        also_right=[shortcut_in_sequence, shortcut_by_linear, shortcut_by_class],
    ),
    Exercise(
        id="2.5",
        title="The conv block",
        notebook=NOTEBOOK,
        reference=ConvBlock,
        experiment=block_experiment,
        look="Go through it in the order of the picture: convolution, BatchNorm, SiLU, time, "
        "convolution, BatchNorm, SiLU, shortcut.",
        mistakes={
            "no shortcut": NoShortcut,
            "shortcut multiplied": ShortcutMultiplied,
            "shortcut from the middle": ShortcutOfTheMiddle,
            "shortcut from the middle, and one that is not used": ShortcutOfTheMiddleToo,
            "shortcut of another x": ShortcutOfAnotherX,
            "shortcut made in forward": ShortcutMadeInForward,
            "second convolution for in_ch channels": SecondForInput,
            "second convolution not used": SecondNotUsed,
            "shortcut without a convolution": ShortcutUnchanged,
            "shortcut without a convolution, first in the sum": ShortcutUnchangedBefore,
            "shortcut only where the channels are equal": ShortcutOnlyWhereEqual,
            "shortcut before the second convolution": ShortcutTooEarly,
            "shortcut not called": ShortcutNotCalled,
            "shortcut always with a convolution": ShortcutAlwaysConvolved,
            "shortcut not added": ShortcutNotAdded,
            "shortcut of 3x3": ShortcutOfNine,
            "BatchNorm on the shortcut": ShortcutNormalised,
            "SiLU after the sum": ActivatedSum,
            "SiLU once more after the sum": ActivatedOnceMore,
            "no SiLU after the first convolution": FirstSiluMissing,
            "no SiLU after the second convolution": LastSiluMissing,
            "no BatchNorm": BlockWithoutNorms,
            "no BatchNorm after the first convolution": BlockWithoutFirstNorm,
            "no BatchNorm after the second convolution": BlockWithoutSecondNorm,
            "one BatchNorm for both": OneNorm,
            "no padding": BlockWithoutPadding,
            "ReLU instead of SiLU": BlockWithRelu,
            "time not spread over the pixels": BlockTimeNotSpread,
            "time not spread, first in the sum": BlockTimeNotSpreadBefore,
            "time one axis short": BlockTimeOneAxisShort,
            "time after the second convolution": BlockTimeAfterSecond,
            "time before the first SiLU": BlockTimeBeforeActivation,
            "activation on the projected time": BlockTimeActivated,
            "activation on the embedding": BlockEmbeddingActivated,
            "time multiplied": BlockTimeMultiplied,
            "time forgotten": BlockTimeForgotten,
            "input changed in place": BlockChangesItsInput,
        },
        also_right=[BlockOfTwo, BlockInOtherWords, BlockByFunctions],
    ),
]
