"""The exercises of notebook 04. A docstring of a wrong answer is what its author is told."""

import torch
from einops import einsum, rearrange, repeat
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import ConvBlock, Upsample
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.mistakes import by_hand
from course_utils.decoder import Decoder

NOTEBOOK = "04_decoder"


# 4.1 paint


def paint(x, kernel, stride):
    """Return the transposed convolution of one channel: every input pixel paints the kernel.

    (H, W), (k, k) -> ((H - 1) * stride + k, (W - 1) * stride + k)

    Pixel (i, j) adds x[i, j] * kernel to the k x k patch whose upper left corner is at
    (i * stride, j * stride). Where patches overlap, they add up.
    """
    (H, W), k = x.shape, len(kernel)
    out = x.new_zeros((H - 1) * stride + k, (W - 1) * stride + k)
    for i in range(H):
        for j in range(W):
            top, left = i * stride, j * stride
            out[top : top + k, left : left + k] += x[i, j] * kernel
    return out


# H, W, k, stride. Twice the stride is less than the first k, so that the patch that does not fit
# tells whether it is the output that is too small, or each of its parts.
PAINTINGS = [(3, 4, 5, 2), (4, 2, 2, 2), (2, 3, 4, 3), (3, 5, 3, 1), (3, 2, 2, 3)]


def paint_experiment(probe, paint):
    for H, W, k, stride in PAINTINGS:
        probe.call(paint, probe.normal(H, W), probe.normal(k, k), stride)


def paint_over(x, kernel, stride):
    """Each patch replaces what lies under it. Where patches overlap they must add up: write
    += instead of =."""
    (H, W), k = x.shape, len(kernel)
    out = torch.zeros((H - 1) * stride + k, (W - 1) * stride + k)
    for i in range(H):
        for j in range(W):
            out[i * stride : i * stride + k, j * stride : j * stride + k] = x[i, j] * kernel
    return out


def paint_closely(x, kernel, stride):
    """The patches stand one pixel apart. Neighbours must stand stride pixels apart: the patch of
    pixel (i, j) begins at (i * stride, j * stride)."""
    (H, W), k = x.shape, len(kernel)
    out = torch.zeros((H - 1) * stride + k, (W - 1) * stride + k)
    for i in range(H):
        for j in range(W):
            out[i : i + k, j : j + k] += x[i, j] * kernel
    return out


def paint_one_apart(x, kernel, stride):
    """stride makes no difference in your function. The patch of pixel (i, j) begins at
    (i * stride, j * stride), and the size of the output depends on stride too."""
    return paint(x, kernel, 1)


def paint_side_by_side(x, kernel, stride):
    """The patches stand k pixels apart, side by side. They must stand stride pixels apart, and
    overlap where the kernel is larger than the stride."""
    return torch.kron(x, kernel)


def paint_cut_off(x, kernel, stride):
    """Your output has stride * H rows. The last patch begins at (H - 1) * stride and is k long,
    so there are (H - 1) * stride + k of them, and the same for the columns."""
    (H, W), k = x.shape, len(kernel)
    out = torch.zeros(H * stride + k, W * stride + k)
    full = paint(x, kernel, stride)
    out[: full.shape[0], : full.shape[1]] = full
    return out[: H * stride, : W * stride]


def paint_over_the_edge(x, kernel, stride):
    """Your output is too small: a patch does not fit into it any more. The last one begins at row
    (H - 1) * stride and is k long. So (H - 1) * stride + k rows are needed, and the columns
    likewise."""
    (H, W), k = x.shape, len(kernel)
    out = torch.zeros(H * stride, W * stride)
    for i in range(H):
        for j in range(W):
            out[i * stride : i * stride + k, j * stride : j * stride + k] += x[i, j] * kernel
    return out


def paint_narrow_patches(x, kernel, stride):
    """The part of the output that you add to has stride rows. It must be as large as the kernel:
    from i * stride to i * stride + k."""
    (H, W), k = x.shape, len(kernel)
    out = torch.zeros((H - 1) * stride + k, (W - 1) * stride + k)
    for i in range(H):
        for j in range(W):
            top, left = i * stride, j * stride
            out[top : top + stride, left : left + stride] += x[i, j] * kernel
    return out


def paint_first_row(x, kernel, stride):
    """Only the first row of x is painted. Does the return stand in the loop? It belongs behind
    both loops."""
    full = torch.zeros_like(x)
    full[0] = x[0]
    return paint(full, kernel, stride)


def paint_first_pixel(x, kernel, stride):
    """Only the first pixel of x is painted. Does the return stand in the loop? It belongs behind
    both loops."""
    full = torch.zeros_like(x)
    full[0, 0] = x[0, 0]
    return paint(full, kernel, stride)


def paint_all_but_the_last(x, kernel, stride):
    """The last row and the last column of x are left out. range(H) ends with H - 1 already."""
    full = torch.zeros_like(x)
    full[:-1, :-1] = x[:-1, :-1]
    return paint(full, kernel, stride)


def paint_rows_apart(x, kernel, stride):
    """The patches stand stride rows apart, but one column only. Multiply j by the stride too."""
    (H, W), k = x.shape, len(kernel)
    out = torch.zeros((H - 1) * stride + k, (W - 1) * stride + k)
    for i in range(H):
        for j in range(W):
            out[i * stride : i * stride + k, j : j + k] += x[i, j] * kernel
    return out


def paint_too_large(x, kernel, stride):
    """Your output has stride * H + k rows, and the last ones stay empty. The last patch begins at
    (H - 1) * stride, so (H - 1) * stride + k are enough."""
    (H, W), k = x.shape, len(kernel)
    out = torch.zeros(H * stride + k, W * stride + k)
    full = paint(x, kernel, stride)
    out[: full.shape[0], : full.shape[1]] = full
    return out


def paint_flipped(x, kernel, stride):
    """The kernel is turned by half a circle. A transposed convolution paints it as it is. (If you
    put zeros between the pixels and convolve: conv2d does not turn the kernel, so you must.)"""
    return paint(x, kernel.flip(0, 1), stride)


def paint_mirrored(x, kernel, stride):
    """Rows and columns of the kernel have changed places. Add x[i, j] * kernel as it is."""
    return paint(x, kernel.T, stride)


def paint_values(x, kernel, stride):
    """Each patch is filled with x[i, j] itself. Multiply by the kernel: x[i, j] * kernel."""
    return paint(x, torch.ones_like(kernel), stride)


def paint_kernels(x, kernel, stride):
    """Each pixel adds the bare kernel. Multiply it by the pixel's value: x[i, j] * kernel."""
    return paint(torch.ones_like(x), kernel, stride)


def paint_averages(x, kernel, stride):
    """Where patches overlap you take their mean. A transposed convolution adds them up; that is
    where its checkerboard comes from."""
    visits = paint(torch.ones_like(x), torch.ones_like(kernel), stride)
    return paint(x, kernel, stride) / visits.clamp(min=1)


def paint_columns_first(x, kernel, stride):
    """Rows and columns of x are mixed up: i counts rows, of which there are H, and j counts
    columns, of which there are W."""
    return paint(x.T, kernel, stride)


def paint_backwards(x, kernel, stride):
    """That is the ordinary convolution, which makes the picture smaller. Here each input pixel
    paints a patch of the output, and the picture grows."""
    return F.conv2d(x[None, None], kernel[None, None], stride=stride)[0, 0]


def paint_by_kernel_pixel(x, kernel, stride):
    (H, W), k = x.shape, kernel.shape[0]
    out = torch.zeros((H - 1) * stride + k, (W - 1) * stride + k)
    for a in range(k):
        for b in range(k):
            grid = out[a : a + (H - 1) * stride + 1 : stride, b : b + (W - 1) * stride + 1 : stride]
            grid += kernel[a, b] * x
    return out


def paint_by_stuffing(x, kernel, stride):
    (H, W), k = x.shape, len(kernel)
    spread = torch.zeros((H - 1) * stride + 1, (W - 1) * stride + 1)
    spread[::stride, ::stride] = x
    turned = kernel.rot90(2)[None, None]
    return F.conv2d(spread[None, None], turned, padding=k - 1).squeeze()


def paint_by_folding(x, kernel, stride):
    (H, W), k = x.shape, len(kernel)
    patches = rearrange(einsum(kernel, x, "a b, h w -> a b h w"), "a b h w -> 1 (a b) (h w)")
    size = ((H - 1) * stride + k, (W - 1) * stride + k)
    return F.fold(patches, size, kernel_size=k, stride=stride)[0, 0]


def paint_by_padding(x, kernel, stride):
    H, W = x.shape
    return sum(
        F.pad(
            x[i, j] * kernel,
            (j * stride, (W - 1 - j) * stride, i * stride, (H - 1 - i) * stride),
        )
        for i in range(H)
        for j in range(W)
    )


# 4.2 Upsample


def upsample_experiment(probe, Upsample):
    for B, C, K, H, W in [(2, 3, 5, 4, 6), (3, 7, 2, 5, 4), (5, 4, 4, 2, 3)]:
        module = probe.build(Upsample, C, K)
        probe.train_and_eval(module, probe.normal(B, C, H, W))
        probe.call(module, probe.normal(B + 1, C, W, H + 1))
    probe.on_fake_device(module, probe.normal(B, C, H, W))


class StrideForgotten(nn.ConvTranspose2d):
    """The stride is missing, so patches stand one pixel apart and the picture grows by one pixel
    only. Give it stride=2."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch, kernel_size=2)


class KernelThree(nn.ConvTranspose2d):
    """The kernel is 3 x 3. With stride 2 that gives 2H + 1 rows, and an uneven overlap. Asked for
    is a kernel of 2 x 2."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch, kernel_size=3, stride=2)


class KernelThreePadded(nn.ConvTranspose2d):
    """The shapes are right, but the kernel is 3 x 3: with stride 2 its patches overlap unevenly.
    Asked for is kernel_size=2, without padding."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch, kernel_size=3, stride=2, padding=1, output_padding=1)


class KernelFour(nn.ConvTranspose2d):
    """The shapes are right, and 4 is a multiple of 2, so the overlap is even: a good layer, which
    many networks use. But asked for is kernel_size=2, without padding."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch, kernel_size=4, stride=2, padding=1)


class OutputPadded(nn.ConvTranspose2d):
    """output_padding adds a row and a column that no patch reaches. With kernel 2 and stride 2 the
    size is right without it."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch, kernel_size=2, stride=2, output_padding=1)


class Swapped(nn.ConvTranspose2d):
    """in_ch and out_ch are the wrong way round. nn.ConvTranspose2d takes the input's channels
    first, as nn.Conv2d does."""

    def __init__(self, in_ch, out_ch):
        super().__init__(out_ch, in_ch, kernel_size=2, stride=2)


class KeepsChannels(nn.ConvTranspose2d):
    """Your layer returns as many channels as it gets. It must return out_ch of them."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, in_ch, kernel_size=2, stride=2)


class NoBias(nn.ConvTranspose2d):
    """The bias is missing. Leave bias at its default, True."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch, kernel_size=2, stride=2, bias=False)


class ActivatedUpsample(Upsample):
    """There is a SiLU at the end. It is not asked for: activations stand in the blocks."""

    def forward(self, x):
        return F.silu(super().forward(x))


class Halves(nn.Conv2d):
    """That is an ordinary convolution with stride 2: it halves the picture, as Downsample does.
    To double it, take nn.ConvTranspose2d."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch, kernel_size=2, stride=2)


class NearestInstead(nn.Module):
    """That repeats every pixel and convolves: the layer of exercise 4.3. Here, take a transposed
    convolution."""

    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.conv = nn.Conv2d(in_ch, out_ch, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2))


class NearestAndPointwise(nn.Module):
    """That repeats every pixel, so that the four pixels of a patch are always equal. The four
    weights of a transposed convolution may differ: take nn.ConvTranspose2d."""

    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.conv = nn.Conv2d(in_ch, out_ch, 1)

    def forward(self, x):
        return F.interpolate(self.conv(x), scale_factor=2)


class Shuffled(nn.Module):
    """A 1x1 convolution and PixelShuffle do nearly the same work: each pixel gives a patch of
    2 x 2. But the weights have another shape, and there are four biases where one is asked for.
    Take nn.ConvTranspose2d."""

    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.conv = nn.Conv2d(in_ch, 4 * out_ch, 1)

    def forward(self, x):
        return F.pixel_shuffle(self.conv(x), 2)


class UpsampleInside(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.layer = nn.Sequential(nn.ConvTranspose2d(in_ch, out_ch, (2, 2), (2, 2)))

    def forward(self, x):
        return self.layer(x)


class UpsampleByEinsum(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.tile = nn.Parameter(torch.randn(in_ch, out_ch, 2, 2))
        self.offset = nn.Parameter(torch.zeros(out_ch))

    def forward(self, x):
        patches = einsum(x, self.tile, "b c h w, c k i j -> b k h i w j")
        doubled = rearrange(patches, "b k h i w j -> b k (h i) (w j)")
        return doubled + self.offset[:, None, None]


class UpsampleByPainting(nn.Module):
    def __init__(self, C, K):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(K))
        self.weight = nn.Parameter(torch.randn(C, K, 2, 2) / C**0.5)

    def forward(self, x):
        rows = [
            torch.stack([torch.tensordot(x, self.weight[:, :, a, b], ([1], [0])) for b in (0, 1)])
            for a in (0, 1)
        ]  # each (2, B, H, W, K)
        B, _, H, W = x.shape
        out = torch.stack(rows).permute(2, 5, 3, 0, 4, 1).reshape(B, -1, 2 * H, 2 * W)
        return out + self.bias.view(1, -1, 1, 1)


# 4.3 NearestUpsample


class NearestUpsample(nn.Module):
    """Double height and width: repeat every pixel, then a 3x3 convolution.

    (B, C, H, W) -> (B, K, 2H, 2W)

    Source: "Deconvolution and Checkerboard Artifacts" (Distill, 2016).
    """

    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.conv = nn.Conv2d(in_ch, out_ch, 3, padding=1)

    def forward(self, x):
        x = F.interpolate(x, scale_factor=2, mode="nearest")  # (B, C, 2H, 2W)
        return self.conv(x)


class ConvolvesFirst(NearestUpsample):
    """The convolution comes before the doubling, so that the output is made of 2 x 2 blocks of
    equal pixels. Repeat first: then the convolution smooths the blocks."""

    def forward(self, x):
        return F.interpolate(self.conv(x), scale_factor=2)


class Bilinear(NearestUpsample):
    """The doubling is smooth here (bilinear). Asked for is mode="nearest", which repeats every
    pixel."""

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2, mode="bilinear"))


class BilinearAligned(NearestUpsample):
    """The doubling is smooth here (bilinear, with aligned corners). Asked for is mode="nearest",
    which repeats every pixel."""

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True))


class NoPadding(NearestUpsample):
    """The padding is missing: a 3x3 convolution without it cuts a pixel off each side."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch)
        self.conv = nn.Conv2d(in_ch, out_ch, 3)


class Pointwise(NearestUpsample):
    """The convolution is 1x1: it sees one pixel only and leaves 2 x 2 blocks of equal pixels.
    Asked for is 3x3, with padding=1."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch)
        self.conv = nn.Conv2d(in_ch, out_ch, 1)


class TiledPicture(NearestUpsample):
    """x.repeat(1, 1, 2, 2) puts four copies of the whole picture side by side. Every pixel must be
    repeated where it is: F.interpolate with scale_factor=2 does that."""

    def forward(self, x):
        return self.conv(x.repeat(1, 1, 2, 2))


class OneSideOnly(NearestUpsample):
    """Only the height is doubled; double the width too."""

    def forward(self, x):
        return self.conv(x.repeat_interleave(2, dim=2))


class ConvolutionForgotten(NearestUpsample):
    """The convolution is made, but forward does not use it."""

    def forward(self, x):
        return F.interpolate(x, scale_factor=2)


class TransposedAgain(NearestUpsample):
    """That is a transposed convolution, as in exercise 4.2. Here, repeat every pixel and take an
    ordinary convolution."""

    def __init__(self, in_ch, out_ch):
        nn.Module.__init__(self)
        self.up = nn.ConvTranspose2d(in_ch, out_ch, 2, stride=2)

    def forward(self, x):
        return self.up(x)


class Activated(NearestUpsample):
    """There is a SiLU at the end. It is not asked for: activations stand in the blocks."""

    def forward(self, x):
        return F.silu(super().forward(x))


class SwappedConvolution(NearestUpsample):
    """in_ch and out_ch are the wrong way round: nn.Conv2d takes the input's channels first."""

    def __init__(self, in_ch, out_ch):
        super().__init__(out_ch, in_ch)


class ConvolutionWithoutBias(NearestUpsample):
    """The convolution has no bias. Leave bias at its default, True."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch)
        self.conv = nn.Conv2d(in_ch, out_ch, 3, padding=1, bias=False)


class ConvolutionMadeInForward(nn.Module):
    """The convolution is made anew in every call of forward, with new random weights, and the
    optimizer never sees it. Make it once, in __init__, and keep it on self."""

    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.in_ch, self.out_ch = in_ch, out_ch

    def forward(self, x):
        conv = nn.Conv2d(self.in_ch, self.out_ch, 3, padding=1)
        return conv(F.interpolate(x, scale_factor=2))


class NearestInSequence(nn.Sequential):
    def __init__(self, in_ch, out_ch):
        super().__init__(nn.Upsample(scale_factor=2), nn.Conv2d(in_ch, out_ch, 3, padding="same"))


class NearestByRepeat(nn.Module):
    def __init__(self, C, K):
        super().__init__()
        self.smooth = nn.Conv2d(C, K, (3, 3), padding=(1, 1))

    def forward(self, x):
        return self.smooth(x.repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2))


class NearestByEinops(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_ch, in_ch, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_ch))

    def forward(self, x):
        doubled = repeat(x, "b c h w -> b c (h i) (w j)", i=2, j=2)
        return F.conv2d(F.pad(doubled, (1, 1, 1, 1)), self.weight, self.bias)


# 4.4 decoder_channels


def decoder_channels(chs):
    """Return the (in, out) channels of the up-layers, and of the blocks, in the order going up.

    () -> n pairs, n pairs

    chs lists the channels of the levels, top to bottom: n + 1 numbers. An up-layer takes the
    channels of the level below and gives those of its own level. A block takes what the
    concatenation gives, and returns the channels of its level.
    """
    upward = list(reversed(chs))
    ups = list(zip(upward, upward[1:]))
    blocks = [(2 * ch, ch) for ch in upward[1:]]
    return ups, blocks


def channels_experiment(probe, decoder_channels):
    for chs in ([3, 5, 11], [4, 9], [8, 16, 32, 64], [7, 7, 5, 12]):
        probe.call(decoder_channels, chs)


def channels_as_published(chs):
    """Your blocks take twice the channels of the level below. That is the published tutorial's
    fault: the up-layer has brought them to those of its own level, and the skip has as many. So
    it is 2 * chs[i - 1], not 2 * chs[i]."""
    ups, _ = decoder_channels(chs)
    return ups, [(2 * below, ch) for below, ch in ups]


def channels_of_level_below(chs):
    """Your blocks are built for the level below: both numbers are. After the up-layer you are on
    level i - 1: the block takes 2 * chs[i - 1] and returns chs[i - 1]."""
    ups, _ = decoder_channels(chs)
    return ups, [(2 * below, below) for below, _ in ups]


def channels_blocks_first(chs):
    """The blocks come first in your answer. Return the up-layers first, then the blocks."""
    ups, blocks = decoder_channels(chs)
    return blocks, ups


def channels_in_one_list(chs):
    """You return one list. Return two of them: return ups, blocks."""
    ups, blocks = decoder_channels(chs)
    return ups + blocks


def channels_in_turn(chs):
    """You return one list, in which up-layers and blocks take turns. Return two of them: all
    up-layers, then all blocks."""
    return [pair for level in zip(*decoder_channels(chs)) for pair in level]


def channels_without_top(chs):
    """The last step is missing, that up to level 0. There are n halvings, so n steps."""
    ups, blocks = decoder_channels(chs)
    return ups[:-1], blocks[:-1]


def channels_of_below(chs):
    """Your blocks take the channels of the level below. That is right only where the channels
    double from level to level; with [4, 9], the concatenation gives 4 + 4 and not 9."""
    ups, _ = decoder_channels(chs)
    return ups, list(ups)


def channels_without_skip(chs):
    """Your blocks take the channels that the up-layer gives, and leave out those of the skip.
    The concatenation has both."""
    ups, _ = decoder_channels(chs)
    return ups, [(ch, ch) for _, ch in ups]


def channels_kept(chs):
    """Your up-layers keep the channels of the level below, and the blocks bring them down. That
    network works, and some U-Nets are built so. Here, the up-layer gives the channels of its own
    level already."""
    ups, _ = decoder_channels(chs)
    return [(below, below) for below, _ in ups], [(below + ch, ch) for below, ch in ups]


def channels_kept_but_not_counted(chs):
    """Your up-layers keep the channels of the level below. They must give those of their own
    level: only then does the concatenation have twice those."""
    ups, blocks = decoder_channels(chs)
    return [(below, below) for below, _ in ups], blocks


def channels_downward(chs):
    """These are in the order going down. The decoder begins at the bottom: the last of chs comes
    first."""
    ups, blocks = decoder_channels(chs)
    return ups[::-1], blocks[::-1]


def channels_turned(chs):
    """in and out of the up-layers are the wrong way round, or the list is not reversed: going
    up, a layer takes the channels of the level below and gives those of its own."""
    ups, blocks = decoder_channels(chs)
    return [(ch, below) for below, ch in ups], blocks


def channels_of_encoder(chs):
    """The list is not reversed: this goes down, as the encoder does. Going up, the first up-layer
    takes the last number of chs."""
    return decoder_channels(chs[::-1])


def channels_added_too_early(chs):
    """Your blocks take the channels of the level below and those of the skip. But the up-layer
    stands between: of [4, 9] it makes 4 out of 9, and 4 + 4 go into the block, not 9 + 4."""
    ups, _ = decoder_channels(chs)
    return ups, [(below + ch, ch) for below, ch in ups]


def channels_out_in(chs):
    """All your pairs are (out, in). They are (in, out): what a layer takes comes first."""
    ups, blocks = decoder_channels(chs)
    return [pair[::-1] for pair in ups], [pair[::-1] for pair in blocks]


def channels_past_the_top(chs):
    """There is a step too many: it goes from chs[0] to chs[-1], which in Python is the last. There
    are n halvings, so n steps; the last leads to level 0."""
    ups, blocks = decoder_channels(chs)
    return [*ups, (chs[0], chs[-1])], [*blocks, (2 * chs[-1], chs[-1])]


def channels_of_first_step(chs):
    """You return after the first step. The return belongs behind the loop, not into it."""
    ups, blocks = decoder_channels(chs)
    return ups[:1], blocks[:1]


def channels_of_ups(chs):
    """You return the pairs of the up-layers alone. Return two lists: theirs, and those of the
    blocks."""
    return decoder_channels(chs)[0]


def channels_doubled_out(chs):
    """Your blocks return as many channels as they take. A block takes 2 * ch, and returns ch."""
    ups, blocks = decoder_channels(chs)
    return ups, [(i, i) for i, _ in blocks]


def channels_with_bottom(chs):
    """There is a block too many: the bottom's belongs to the encoder. There are n halvings, so n
    up-layers and n blocks."""
    ups, _ = decoder_channels(chs)
    return ups, [(2 * ch, ch) for ch in reversed(chs)]


def channels_by_level(chs):
    """You return a pair of up-layer and block for each level. Return two lists: all up-layers,
    then all blocks."""
    return list(zip(*decoder_channels(chs)))


def channels_by_index(chs):
    ups, blocks = [], []
    for i in range(len(chs) - 1, 0, -1):
        ups.append((chs[i], chs[i - 1]))
        blocks.append((chs[i - 1] + chs[i - 1], chs[i - 1]))
    return ups, blocks


def channels_by_popping(chs):
    chs = [*chs]
    ups, blocks, below = [], [], chs.pop()
    while chs:
        ch = chs.pop()
        ups += [[below, ch]]
        blocks += [[ch * 2, ch]]
        below = ch
    return [ups, blocks]


def channels_by_recursion(chs):
    if len(chs) == 1:
        return (), ()
    top, below, *_ = chs
    ups, blocks = channels_by_recursion(chs[1:])
    return (*ups, (below, top)), (*blocks, (2 * top, top))


# 4.5 Decoder


def decoder_experiment(probe, Decoder):
    for B, chs, C, D, H, W in [
        (3, [4, 6, 10], 2, 8, 3, 5),
        (2, [9, 5], 1, 12, 3, 4),
        (3, [3, 3, 3, 7], 2, 5, 1, 2),
    ]:
        module = probe.build(Decoder, chs, C, D)
        probe.train_and_eval(module, *decoder_inputs(probe, B, chs, D, H, W))
        probe.call(module, *decoder_inputs(probe, B + 1, chs, D, W + 1, H))
    probe.on_fake_device(module, *decoder_inputs(probe, B, chs, D, H, W))


def decoder_inputs(probe, B, chs, D, H, W):
    """Draw a bottom of H x W, its skips and a time embedding."""
    n = len(chs) - 1
    skips = [probe.normal(B, ch, H << (n - i), W << (n - i)) for i, ch in enumerate(chs[:-1])]
    return probe.normal(B, chs[-1], H, W), skips, probe.normal(B, D)


class NoConcatenation(nn.Module):
    """The skips have no effect: they are not joined. At every level, torch.cat([up(x), skip],
    dim=1) goes into the block."""

    def __init__(self, chs, out_ch, time_dim):
        super().__init__()
        upward = chs[::-1]
        self.ups = nn.ModuleList(Upsample(i, o) for i, o in zip(upward, upward[1:]))
        self.blocks = nn.ModuleList(ConvBlock(ch, ch, time_dim) for ch in upward[1:])
        self.out = nn.Conv2d(chs[0], out_ch, 1)

    def forward(self, x, skips, temb):
        for up, block in zip(self.ups, self.blocks):
            x = block(up(x), temb)
        return self.out(x)


class AddsSkip(NoConcatenation):
    """The skip is added. Here it is concatenated, so that the block can tell the two apart and
    gets 2 * chs[i] channels. (Adding works as well, and some networks do it.)"""

    def forward(self, x, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
            x = block(up(x) + skip, temb)
        return self.out(x)


class SkipsNotReversed(Decoder):
    """The skips are used from the top down. The decoder begins at the bottom, so the last skip
    comes first: reversed(skips)."""

    def forward(self, x, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, skips):
            x = block(torch.cat([up(x), skip], dim=1), temb)
        return self.out(x)


class SkipsResized(Decoder):
    """The skips are resized until they fit, but each comes to the wrong level. Take them in
    reverse: then they have the right size already."""

    def forward(self, x, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, skips):
            x = up(x)
            skip = F.interpolate(skip, x.shape[2:])
            x = block(torch.cat([x, skip], dim=1), temb)
        return self.out(x)


class SkipFirst(Decoder):
    """The skip stands before the upsampled features: [skip, up(x)]. That network would learn as
    well. But the order decides which weight belongs to which channel, and weights trained with
    [up(x), skip], as here and in notebook 05, would not fit."""

    def forward(self, x, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
            x = block(torch.cat([skip, up(x)], dim=1), temb)
        return self.out(x)


class SkipsReverseIsNone(Decoder):
    """skips.reverse() turns the list round in place and returns None. reversed(skips) and
    skips[::-1] return the skips in reverse, and leave the list alone."""

    def forward(self, x, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, skips.reverse()):
            x = block(torch.cat([up(x), skip], dim=1), temb)
        return self.out(x)


class JoinsAlongTheBatch(Decoder):
    """The skip is joined along the batch, as if it were more pictures. Channels are dimension 1:
    torch.cat([up(x), skip], dim=1)."""

    def forward(self, x, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
            x = block(torch.cat([up(x), skip]), temb)
        return self.out(x)


class JoinsBeforeUp(Decoder):
    """Where the skip is joined, x is still half as large. Either it is joined before Upsample, or
    what up(x) returns is not kept. Double first, then join: torch.cat([up(x), skip], dim=1)."""

    def forward(self, x, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
            x = block(up(torch.cat([x, skip], dim=1)), temb)
        return self.out(x)


class AddsSkipAfterBlock(NoConcatenation):
    """The skip is added behind the block, which never sees it. Concatenate it with up(x), and let
    the block have both."""

    def forward(self, x, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
            x = block(up(x), temb) + skip
        return self.out(x)


class LayersGoDown(Decoder):
    """The bottom's channels meet an up-layer that was built for a higher level. Either the layers
    stand in the order going down (build them from reversed(chs)), or x does not get its new value
    in the loop."""

    def __init__(self, chs, out_ch, time_dim):
        super().__init__(chs, out_ch, time_dim)
        self.ups = nn.ModuleList(reversed(self.ups))
        self.blocks = nn.ModuleList(reversed(self.blocks))


class OneLevelOnly(Decoder):
    """Your forward returns after the first level. The return belongs behind the loop, not into
    it."""

    def forward(self, x, skips, temb):
        x = self.ups[0](x)
        return self.blocks[0](torch.cat([x, skips[-1]], dim=1), temb)


class OneLevelAndOut(Decoder):
    """Your forward returns after the first level, and the last convolution meets the channels of a
    lower one. The return belongs behind the loop, not into it."""

    def forward(self, x, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
            x = block(torch.cat([up(x), skip], dim=1), temb)
            return self.out(x)


class SkipsCut(Decoder):
    """The skips have no effect: something else takes their place in the concatenation. Join up(x)
    with the skip of that level."""

    def forward(self, x, skips, temb):
        return super().forward(x, [0 * skip for skip in skips], temb)


class OutputWithoutBias(Decoder):
    """The last convolution has no bias. Leave bias at its default, True."""

    def __init__(self, chs, out_ch, time_dim):
        super().__init__(chs, out_ch, time_dim)
        self.out = nn.Conv2d(chs[0], out_ch, 1, bias=False)


class SkipDetached(Decoder):
    """No gradient goes back through the skips, so the encoder learns nothing from them. Do not
    detach them."""

    def forward(self, x, skips, temb):
        return super().forward(x, [skip.detach() for skip in skips], temb)


class AsPublished(Decoder):
    """Your blocks ask for 2 * chs[i] channels, i being the level that they come from. That is the
    published tutorial's fault: the concatenation gives 2 * chs[i - 1]."""

    def __init__(self, chs, out_ch, time_dim):
        super().__init__(chs, out_ch, time_dim)
        upward = chs[::-1]
        pairs = zip(upward, upward[1:])
        self.blocks = nn.ModuleList(ConvBlock(2 * i, o, time_dim) for i, o in pairs)


class SkipNotCounted(Decoder):
    """Your blocks are built for chs[i - 1] channels, those that Upsample gives. The skip brings as
    many again: 2 * chs[i - 1]."""

    def __init__(self, chs, out_ch, time_dim):
        super().__init__(chs, out_ch, time_dim)
        self.blocks = nn.ModuleList(ConvBlock(ch, ch, time_dim) for ch in chs[-2::-1])


class UpKeepsTooMany(Decoder):
    """Your up-layers keep the channels of the level below. Upsample(chs[i], chs[i - 1]) brings them
    to those of its own level."""

    def __init__(self, chs, out_ch, time_dim):
        super().__init__(chs, out_ch, time_dim)
        self.ups = nn.ModuleList(Upsample(ch, ch) for ch in chs[:0:-1])


class BuiltLikeAnEncoder(nn.Module):
    """Your layers are built for the way down: the first takes chs[0] channels. The bottom has
    chs[-1]: build them from reversed(chs)."""

    def __init__(self, chs, out_ch, time_dim):
        super().__init__()
        self.ups = nn.ModuleList(Upsample(i, o) for i, o in zip(chs, chs[1:]))
        self.blocks = nn.ModuleList(ConvBlock(2 * ch, ch, time_dim) for ch in chs[1:])
        self.out = nn.Conv2d(chs[0], out_ch, 1)

    def forward(self, x, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
            x = block(torch.cat([up(x), skip], dim=1), temb)
        return self.out(x)


class FromBelow(Decoder):
    """Your blocks take as many channels as the level below has. That fits only where the channels
    double from level to level; the concatenation gives 2 * chs[i - 1]."""

    def __init__(self, chs, out_ch, time_dim):
        super().__init__(chs, out_ch, time_dim)
        upward = chs[::-1]
        pairs = zip(upward, upward[1:])
        self.blocks = nn.ModuleList(ConvBlock(i, o, time_dim) for i, o in pairs)


class UpKeepsChannels(nn.Module):
    """Your up-layers keep the channels of the level below. That network works too, but here
    Upsample(chs[i], chs[i - 1]) brings them to those of its own level, and the block takes
    2 * chs[i - 1]."""

    def __init__(self, chs, out_ch, time_dim):
        super().__init__()
        pairs = list(zip(chs[:0:-1], chs[-2::-1]))
        self.ups = nn.ModuleList(Upsample(i, i) for i, _ in pairs)
        self.blocks = nn.ModuleList(ConvBlock(i + o, o, time_dim) for i, o in pairs)
        self.out = nn.Conv2d(chs[0], out_ch, 1)

    def forward(self, x, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
            x = block(torch.cat([up(x), skip], dim=1), temb)
        return self.out(x)


class BlockBeforeUp(nn.Module):
    """The block comes before Upsample. Double first: the block must see the skip beside what came
    from below, and both in the size of its level."""

    def __init__(self, chs, out_ch, time_dim):
        super().__init__()
        upward = chs[::-1]
        ins = [upward[0]] + [2 * ch for ch in upward[1:-1]]
        self.blocks = nn.ModuleList(
            ConvBlock(i, o, time_dim) for i, o in zip(ins, upward[:-1], strict=True)
        )
        self.ups = nn.ModuleList(Upsample(i, o) for i, o in zip(upward, upward[1:]))
        self.out = nn.Conv2d(2 * chs[0], out_ch, 1)

    def forward(self, x, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
            x = torch.cat([up(block(x, temb)), skip], dim=1)
        return self.out(x)


class TimeNotHandedOn(Decoder):
    """temb makes no difference in your decoder. Hand it on to every block: block(x, temb)."""

    def forward(self, x, skips, temb):
        return super().forward(x, skips, torch.zeros_like(temb))


class TimeOnce(Decoder):
    """Only the first block learns the time. Hand temb on to every block."""

    def forward(self, x, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
            x = block(torch.cat([up(x), skip], dim=1), temb)
            temb = torch.zeros_like(temb)
        return self.out(x)


class TimeMissing(Decoder):
    """Hand temb on to every block: block(x, temb)."""

    def forward(self, x, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
            x = block(torch.cat([up(x), skip], dim=1))
        return self.out(x)


class NoOutput(Decoder):
    """The last convolution is made, but forward does not use it: your decoder returns the chs[0]
    channels of its last block."""

    def forward(self, x, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
            x = block(torch.cat([up(x), skip], dim=1), temb)
        return x


class NoOutputLayer(NoOutput):
    """There is no last convolution: your decoder returns the chs[0] channels of its last block.
    A 1x1 convolution brings them to out_ch."""

    def __init__(self, chs, out_ch, time_dim):
        super().__init__(chs, out_ch, time_dim)
        del self.out


class TanhAtTheEnd(Decoder):
    """There is a tanh at the end, so that your network can only answer between -1 and 1. Noise
    goes beyond: the last layer is the bare 1x1 convolution."""

    def forward(self, x, skips, temb):
        return super().forward(x, skips, temb).tanh()


class SiluAtTheEnd(Decoder):
    """There is a SiLU at the end, so that your network can hardly answer with a negative number.
    Half of all noise is negative: the last layer is the bare 1x1 convolution."""

    def forward(self, x, skips, temb):
        return F.silu(super().forward(x, skips, temb))


class SiluBeforeOutput(Decoder):
    """There is a SiLU before the last convolution. It is not asked for: the block has ended with
    its own."""

    def forward(self, x, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
            x = block(torch.cat([up(x), skip], dim=1), temb)
        return self.out(F.silu(x))


class OutputOfBottom(Decoder):
    """The last convolution is built for the channels of the bottom, chs[-1]. At the top there are
    chs[0]."""

    def __init__(self, chs, out_ch, time_dim):
        super().__init__(chs, out_ch, time_dim)
        self.out = nn.Conv2d(chs[-1], out_ch, 1)


class WideOutput(Decoder):
    """The last convolution is 3x3. Asked for is 1x1: the blocks have looked around already."""

    def __init__(self, chs, out_ch, time_dim):
        super().__init__(chs, out_ch, time_dim)
        self.out = nn.Conv2d(chs[0], out_ch, 3, padding=1)


class BlocksInAList(Decoder):
    """Your layers are in a plain Python list, where PyTorch does not find them: the optimizer
    never sees them. Use nn.ModuleList."""

    def __init__(self, chs, out_ch, time_dim):
        nn.Module.__init__(self)
        upward = chs[::-1]
        self.ups = nn.ModuleList(Upsample(i, o) for i, o in zip(upward, upward[1:]))
        self.blocks = [ConvBlock(2 * ch, ch, time_dim) for ch in upward[1:]]
        self.out = nn.Conv2d(chs[0], out_ch, 1)


class TurnsTheList(Decoder):
    """chs.reverse() turns round the list that you were given, and the encoder uses the same one.
    Make a new list: list(reversed(chs)) or chs[::-1]."""

    def __init__(self, chs, out_ch, time_dim):
        super().__init__(chs, out_ch, time_dim)
        chs.reverse()


class DecoderByPopping(nn.Module):
    def __init__(self, chs, out_ch, time_dim):
        super().__init__()
        self.stages = nn.ModuleList()
        for i in range(len(chs) - 1, 0, -1):
            stage = {"up": Upsample(chs[i], chs[i - 1])}
            stage["block"] = ConvBlock(2 * chs[i - 1], chs[i - 1], time_dim)
            self.stages.append(nn.ModuleDict(stage))
        self.to_picture = nn.Conv2d(chs[0], out_ch, kernel_size=1)

    def forward(self, x, skips, temb):
        for stage in self.stages:
            h = stage["up"](x)
            x = stage["block"](torch.hstack([h, skips.pop()]), temb)
        return self.to_picture(x)


class DecoderByIndex(nn.Module):
    def __init__(self, chs, out_ch, time_dim):
        super().__init__()
        self.head = nn.Linear(chs[0], out_ch)
        for i, ch in enumerate(chs[:-1]):
            self.add_module(f"conv{i}", ConvBlock(ch + ch, ch, time_dim))
            self.add_module(f"up{i}", nn.ConvTranspose2d(chs[i + 1], ch, 2, 2))
        self.n = len(chs) - 1

    def forward(self, h, skips, temb):
        for i in range(self.n - 1, -1, -1):
            h = getattr(self, f"up{i}")(h)
            h = getattr(self, f"conv{i}")(torch.cat((h, skips[i]), 1), temb)
        return rearrange(self.head(rearrange(h, "b c h w -> b h w c")), "b h w c -> b c h w")


class DecoderByRecursion(nn.Module):
    """The bottom level is the decoder of all levels but the first."""

    def __init__(self, chs, out_ch, time_dim, top=True):
        super().__init__()
        ch, *below = chs
        self.below = DecoderByRecursion(below, out_ch, time_dim, False) if below[1:] else None
        self.block = ConvBlock(2 * ch, ch, time_dim)
        self.up = Upsample(below[0], ch)
        self.out = nn.Conv2d(ch, out_ch, 1) if top else nn.Identity()

    def forward(self, x, skips, temb):
        skip, *more = skips
        if self.below:
            x = self.below(x, more, temb)
        up = self.up(x)
        both = torch.stack([up, skip], dim=1).flatten(1, 2)
        return self.out(self.block(both, temb))


EXERCISES = [
    Exercise(
        id="4.1",
        title="A transposed convolution, painted by hand",
        notebook=NOTEBOOK,
        reference=paint,
        experiment=paint_experiment,
        look="Try a single pixel of value 1: the output is the kernel. Then try two pixels in a "
        "row: the second patch begins stride columns further right.",
        catalogue=by_hand({
            "patches overwrite one another": paint_over,
            "patches one pixel apart": paint_closely,
            "stride not used": paint_one_apart,
            "patches k apart": paint_side_by_side,
            "output cut off": paint_cut_off,
            "output too small for the last patch": paint_over_the_edge,
            "parts of the output too small": paint_narrow_patches,
            "first row only": paint_first_row,
            "first pixel only": paint_first_pixel,
            "last row and column left out": paint_all_but_the_last,
            "stride for the rows only": paint_rows_apart,
            "output too large": paint_too_large,
            "kernel turned by half a circle": paint_flipped,
            "rows and columns of the kernel exchanged": paint_mirrored,
            "kernel not used": paint_values,
            "value of the pixel not used": paint_kernels,
            "mean instead of sum": paint_averages,
            "rows and columns of x exchanged": paint_columns_first,
            "ordinary convolution": paint_backwards,
        }),
        also_right=[paint_by_kernel_pixel, paint_by_stuffing, paint_by_folding, paint_by_padding],
    ),
    Exercise(
        id="4.2",
        title="The layer that doubles",
        notebook=NOTEBOOK,
        reference=Upsample,
        experiment=upsample_experiment,
        look="Asked for is one transposed convolution: in_ch, out_ch, a kernel of 2, a stride of "
        "2, all else by default.",
        catalogue=by_hand({
            "stride forgotten": StrideForgotten,
            "kernel of 3": KernelThree,
            "kernel of 3 with padding": KernelThreePadded,
            "kernel of 4": KernelFour,
            "output_padding": OutputPadded,
            "channels exchanged": Swapped,
            "channels kept": KeepsChannels,
            "no bias": NoBias,
            "SiLU at the end": ActivatedUpsample,
            "ordinary convolution": Halves,
            "nearest and 3x3 convolution": NearestInstead,
            "nearest and 1x1 convolution": NearestAndPointwise,
            "pixel shuffle": Shuffled,
        }),
        also_right=[UpsampleInside, UpsampleByEinsum, UpsampleByPainting],
    ),
    Exercise(
        id="4.3",
        title="Repeat, then convolve",
        notebook=NOTEBOOK,
        reference=NearestUpsample,
        experiment=upsample_experiment,
        look="The order is: repeat every pixel, twice in each direction, then the 3x3 convolution.",
        catalogue=by_hand({
            "convolution before the doubling": ConvolvesFirst,
            "bilinear": Bilinear,
            "bilinear with aligned corners": BilinearAligned,
            "no padding": NoPadding,
            "1x1 convolution": Pointwise,
            "whole picture repeated": TiledPicture,
            "only the height doubled": OneSideOnly,
            "convolution not used": ConvolutionForgotten,
            "transposed convolution": TransposedAgain,
            "SiLU at the end": Activated,
            "channels exchanged": SwappedConvolution,
            "no bias": ConvolutionWithoutBias,
            "convolution made in forward": ConvolutionMadeInForward,
        }),
        also_right=[NearestInSequence, NearestByRepeat, NearestByEinops],
    ),
    Exercise(
        id="4.4",
        title="The channels of the decoder",
        notebook=NOTEBOOK,
        reference=decoder_channels,
        experiment=channels_experiment,
        look="Draw the levels of [4, 9]: 9 channels come from below, the up-layer makes 4 of them, "
        "the skip has 4.",
        catalogue=by_hand({
            "twice the channels of the level below": channels_as_published,
            "the channels of the level below": channels_of_below,
            "blocks of the level below": channels_of_level_below,
            "blocks first": channels_blocks_first,
            "one list": channels_in_one_list,
            "one list, in turn": channels_in_turn,
            "last step missing": channels_without_top,
            "skip not counted": channels_without_skip,
            "up-layers keep channels": channels_kept,
            "up-layers keep channels, blocks do not know": channels_kept_but_not_counted,
            "order going down": channels_downward,
            "up-layers turned round": channels_turned,
            "list not reversed": channels_of_encoder,
            "channels from below added to the skip's": channels_added_too_early,
            "pairs (out, in)": channels_out_in,
            "a step too many": channels_past_the_top,
            "return inside the loop": channels_of_first_step,
            "up-layers only": channels_of_ups,
            "blocks keep channels": channels_doubled_out,
            "a block for the bottom": channels_with_bottom,
            "grouped by level": channels_by_level,
        }),
        also_right=[channels_by_index, channels_by_popping, channels_by_recursion],
    ),
    Exercise(
        id="4.5",
        title="The decoder",
        notebook=NOTEBOOK,
        reference=Decoder,
        experiment=decoder_experiment,
        look="At each level, from the bottom up: Upsample, join the skip behind it, the block with "
        "temb. After the last level, the 1x1 convolution.",
        catalogue=by_hand({
            "no concatenation": NoConcatenation,
            "skip added": AddsSkip,
            "skips not reversed": SkipsNotReversed,
            "skips resized": SkipsResized,
            "skip first": SkipFirst,
            "skips detached": SkipDetached,
            "reverse() taken for its value": SkipsReverseIsNone,
            "skip joined along the batch": JoinsAlongTheBatch,
            "skip joined before Upsample": JoinsBeforeUp,
            "skip added behind the block": AddsSkipAfterBlock,
            "layers in the order going down": LayersGoDown,
            "return inside the loop": OneLevelOnly,
            "last convolution inside the loop": OneLevelAndOut,
            "skips cut": SkipsCut,
            "last convolution without bias": OutputWithoutBias,
            "twice the channels of the level below": AsPublished,
            "the channels of the level below": FromBelow,
            "skip not counted": SkipNotCounted,
            "up-layers keep channels": UpKeepsChannels,
            "up-layers keep channels, blocks do not know": UpKeepsTooMany,
            "list not reversed": BuiltLikeAnEncoder,
            "block before Upsample": BlockBeforeUp,
            "time not handed on": TimeNotHandedOn,
            "time handed to the first block only": TimeOnce,
            "temb left out": TimeMissing,
            "last convolution not used": NoOutput,
            "no last convolution": NoOutputLayer,
            "tanh at the end": TanhAtTheEnd,
            "SiLU at the end": SiluAtTheEnd,
            "SiLU before the last convolution": SiluBeforeOutput,
            "last convolution takes the bottom's channels": OutputOfBottom,
            "3x3 convolution at the end": WideOutput,
            "layers in a plain list": BlocksInAList,
            "list turned round in place": TurnsTheList,
        }),
        also_right=[DecoderByPopping, DecoderByIndex, DecoderByRecursion],
    ),
]
