"""The exercises of notebook 06, from 6.8 on. A docstring of a wrong answer is what its author is
told."""

import math
import random

import torch
from einops import einsum, rearrange, reduce
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import ConvBlock
from course_utils.checks.engine.compare import describe
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.probe import (
    Crash,
    Stop,
    arguments,
    change,
    freeze,
    name,
    state,
    tensors,
)
from course_utils.checks.exercises import broken_networks as patients
from course_utils.checks.exercises.healthy_networks import (
    AnySize,
    FlatUNet,
    LateLayers,
    NormedConv,
    PictureCode,
    PixelAttention,
    StepMLP,
    noisy_batch,
)
from course_utils.checks.mistakes import by_hand

NOTEBOOK = "06_debugging_dimensions"


def note_parameters(probe, module):
    """Write down how many numbers a module learns; call it last, so that values come first."""
    probe.note("number of parameters", sum(p.numel() for p in module.parameters()))


# 6.8 AnySize


class Recorder(nn.Module):
    """A stand-in for a U: it keeps what it is given, and its answer depends on the place."""

    def __init__(self, given):
        super().__init__()
        self.given = given
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, x, t):
        self.given.append((freeze(x), freeze(t)))
        rows, columns = (torch.arange(n, device=x.device) for n in x.shape[-2:])
        place = torch.sin(self.weight[0] * rows[:, None] + self.weight[1] * columns)
        return self.weight[2] * x + place


def any_size_experiment(probe, AnySize):
    given = []
    for halvings, sizes in [
        (1, [(3, 2, 5, 7)]),
        (2, [(2, 3, 8, 4), (3, 5, 6, 11)]),
        (3, [(2, 4, 3, 9), (1, 7, 16, 5)]),
    ]:
        module = probe.build(AnySize, Recorder(given), halvings)
        for size in sizes:
            x, t = probe.normal(*size), probe.steps(size[0])
            call_and_look_inside(probe, module, given, x, t)
        probe.train_and_eval(module, x, t)
    probe.on_fake_device(module, x, t)


def call_and_look_inside(probe, module, given, x, t):
    """Call the attempt; write down what the network inside is given, before what comes back."""
    given.clear()
    start = len(probe.seen)
    probe.call(module, x, t)
    come_back, probe.seen[start:] = probe.seen[start:], []
    probe.note(
        "how often the network is called", len(given),
        f"Your forward calls the network {len(given)} times. It should do so once.",
        "Pad x, call self.net(padded, t), and cut what it returns.",
    )  # fmt: skip
    if len(given) != 1:
        raise Stop
    probe.note("the picture that the network is given", given[0][0])
    probe.note(
        "the step that the network is given", given[0][1], "",
        "Hand t on as it is: self.net(padded, t).",
    )  # fmt: skip
    probe.seen += come_back


class AnySizeInSteps(AnySize):
    """AnySize in three steps, each of which a wrong answer can do in its own way."""

    def missing(self, H, W):
        return -H % self.step, -W % self.step

    def pad(self, x, rows, columns):
        return F.pad(x, (0, columns, 0, rows), mode="replicate")

    def cut(self, answer, H, W):
        return answer[:, :, :H, :W]

    def forward(self, x, t):
        H, W = x.shape[2:]
        return self.cut(self.net(self.pad(x, *self.missing(H, W)), t), H, W)


class ZeroPadded(AnySizeInSteps):
    """You pad with zeros: the network sees a grey bar beside the picture, with a sharp edge. Repeat
    the last row and the last column: mode="replicate"."""

    def pad(self, x, rows, columns):
        return F.pad(x, (0, columns, 0, rows))


class Mirrored(AnySizeInSteps):
    """You mirror the picture at its edge. That fails as soon as more rows are missing than there
    are. Repeat the last row and the last column: mode="replicate"."""

    def pad(self, x, rows, columns):
        return F.pad(x, (0, columns, 0, rows), mode="reflect")


class Wrapped(AnySizeInSteps):
    """Your padding goes on with the opposite side of the picture. Repeat the last row and the last
    column: mode="replicate"."""

    def pad(self, x, rows, columns):
        return F.pad(x, (0, columns, 0, rows), mode="circular")


class PaddedInFront(AnySizeInSteps):
    """You pad on the left and at the top. In F.pad the numbers are left, right, top, bottom: asked
    for are the second and the fourth. Then the cut is [:, :, :H, :W]."""

    def pad(self, x, rows, columns):
        return F.pad(x, (columns, 0, rows, 0), mode="replicate")

    def cut(self, answer, H, W):
        return answer[:, :, -H:, -W:]


class PaddedInFrontCutBehind(PaddedInFront):
    """You pad on the left and at the top, but cut on the right and at the bottom: the picture comes
    back shifted. In F.pad the numbers are left, right, top, bottom: use the second and the
    fourth."""

    def cut(self, answer, H, W):
        return answer[:, :, :H, :W]


class PaddedAllRound(AnySizeInSteps):
    """You pad on all four sides. That works too, but asked for are rows at the bottom and columns
    on the right alone: then the cut is [:, :, :H, :W]."""

    def pad(self, x, rows, columns):
        top, left = rows // 2, columns // 2
        return F.pad(x, (left, columns - left, top, rows - top), mode="replicate")

    def cut(self, answer, H, W):
        top, left = (answer.shape[2] - H) // 2, (answer.shape[3] - W) // 2
        return answer[:, :, top : top + H, left : left + W]


class PaddedAllRoundCutBehind(PaddedAllRound):
    """You pad on all four sides, but cut on the right and at the bottom: the picture comes back
    shifted. Pad on the right and at the bottom alone."""

    def cut(self, answer, H, W):
        return answer[:, :, :H, :W]


class FullStepMore(AnySizeInSteps):
    """A side that fits already is padded by a whole step: step - H % step is step where H % step is
    0. Take -H % step, which is 0 there."""

    def missing(self, H, W):
        return self.step - H % self.step, self.step - W % self.step


class CutInFront(AnySizeInSteps):
    """You cut on the left and at the top, [-H:, -W:]. The padding is on the right and at the
    bottom: keep the first H rows and the first W columns."""

    def cut(self, answer, H, W):
        return answer[:, :, -H:, -W:]


class CutByMinus(AnySizeInSteps):
    """[:-rows, :-columns] cuts off what was padded, but where nothing was, -0 is 0, and [:0] is
    empty. Keep the first H rows and the first W columns: [:, :, :H, :W]."""

    def cut(self, answer, H, W):
        return answer[:, :, : -(-H % self.step), : -(-W % self.step)]


class NotCut(AnySizeInSteps):
    """The answer comes back as large as the padded picture. Cut it to the size of x:
    [:, :, :H, :W]."""

    def cut(self, answer, H, W):
        return answer


class FirstAxesCut(AnySizeInSteps):
    """[:H, :W] cuts the first two axes, the pictures and the channels. Height and width are the
    last two: [:, :, :H, :W]."""

    def cut(self, answer, H, W):
        return answer[:H, :W]


class SidesExchanged(AnySizeInSteps):
    """Rows and columns are exchanged in the padding. F.pad begins with the last axis: left, right,
    then top, bottom. The columns come first."""

    def pad(self, x, rows, columns):
        return F.pad(x, (0, rows, 0, columns), mode="replicate")


class PaddedToSquare(AnySizeInSteps):
    """You pad to a square. Height and width need not be equal: each by itself goes to the next
    multiple of the step, and no further."""

    def missing(self, H, W):
        side = max(H, W) + -max(H, W) % self.step
        return side - H, side - W


class PaddedByTheRest(AnySizeInSteps):
    """H % step is what the picture has too much, not what it lacks: 11 % 4 is 3, but 1 row makes it
    12. Pad by -H % step."""

    def missing(self, H, W):
        return H % self.step, W % self.step


class SameForBoth(AnySizeInSteps):
    """Rows and columns get the same padding. Each side by itself goes to the next multiple:
    -H % step rows and -W % step columns."""

    def missing(self, H, W):
        return (-H % self.step,) * 2


class Stretched(AnySizeInSteps):
    """You stretch the picture to the next size and shrink the answer back. It runs, but the network
    sees another picture, and each pixel of the answer is a guess. Pad and cut instead: no pixel is
    touched."""

    mode = "nearest"

    def pad(self, x, rows, columns):
        return F.interpolate(x, (x.shape[2] + rows, x.shape[3] + columns), mode=self.mode)

    def cut(self, answer, H, W):
        return F.interpolate(answer, (H, W), mode=self.mode)


class StretchedSmoothly(Stretched):
    """You stretch the picture to the next size and shrink the answer back. It runs, but the network
    sees a blurred picture, and its answer is blurred again. Pad and cut instead: no pixel is
    touched."""

    mode = "bilinear"


class AnswerShrunk(AnySizeInSteps):
    """The picture is padded, but the answer is shrunk to the old size: all of it moves, the padding
    into the picture. Cut it: [:, :, :H, :W]."""

    def cut(self, answer, H, W):
        return F.interpolate(answer, (H, W))


class CutToFit(AnySizeInSteps):
    """You cut the picture until it fits, so rows and columns of it are lost. Pad it to the next
    larger size instead."""

    def pad(self, x, rows, columns):
        H, W = x.shape[2:]
        return x[:, :, : H - H % self.step, : W - W % self.step]


class TwiceAsManyHalvings(AnySize):
    """The step is 2 * halvings. Each halving doubles what has to divide the sides, so it is
    2 ** halvings: 8 for three halvings, not 6."""

    def __init__(self, net, halvings):
        super().__init__(net, halvings)
        self.step = 2 * halvings


class AlwaysEight(AnySize):
    """You pad to a multiple of 8, or another fixed number, whatever halvings says. The sides have
    to be multiples of 2 ** halvings, and no more than that is padded."""

    def __init__(self, net, halvings):
        super().__init__(net, halvings)
        self.step = 8


class PowersOfTwo(AnySizeInSteps):
    """You pad to the next power of two. A multiple of the step is enough: 12 can be halved twice,
    and need not become 16."""

    def missing(self, H, W):
        return [max(self.step, 2 ** math.ceil(math.log2(n))) - n for n in (H, W)]


class OnlyIfNoneFits(AnySizeInSteps):
    """You pad only where neither of the two sides fits. One side is enough to break the U: each is
    padded by itself."""

    def missing(self, H, W):
        both = H % self.step and W % self.step
        return super().missing(H, W) if both else (0, 0)


class StepNotHandedOn(AnySizeInSteps):
    """The network is called without t. Hand it on: self.net(padded, t)."""

    def forward(self, x, t):
        H, W = x.shape[2:]
        return self.cut(self.net(self.pad(x, *self.missing(H, W))), H, W)


class AnySizeByLayer(nn.Module):
    def __init__(self, net, halvings):
        super().__init__()
        self.multiple, self.inner = 1 << halvings, net

    def forward(self, images, steps):
        h, w = images.shape[-2:]
        H, W = (math.ceil(n / self.multiple) * self.multiple for n in (h, w))
        padded = nn.ReplicationPad2d((0, W - w, 0, H - h))(images)
        return self.inner(padded, steps)[..., :h, :w]


class AnySizeByCat(AnySize):
    def forward(self, x, t):
        H, W = x.shape[-2:]
        while x.shape[2] % self.step:
            x = torch.cat([x, x[:, :, -1:]], dim=2)
        while x.shape[3] % self.step != 0:
            x = torch.cat((x, x[..., -1:]), -1)
        return self.net(x, t=t).narrow(2, 0, H).narrow(3, 0, W)


class AnySizeByIndex(AnySize):
    def forward(self, x, t):
        H, W = x.shape[2], x.shape[3]
        rows, columns = (
            torch.arange((n + self.step - 1) // self.step * self.step).clamp(max=n - 1)
            for n in (H, W)
        )
        out = self.net(x[:, :, rows.to(x.device)][..., columns.to(x.device)], t)
        return out.split([H, out.shape[2] - H], dim=2)[0][:, :, :, :W]


class AnySizeIfNeeded(AnySize):
    def forward(self, x, t):
        H, W = x.shape[2:]
        if H % self.step == 0 and W % self.step == 0:
            return self.net(x, t)
        right = (self.step - W % self.step) % self.step
        bottom = (self.step - H % self.step) % self.step
        out = self.net(F.pad(x, [0, right, 0, bottom], "replicate"), t)
        return F.pad(out, (0, -right, 0, -bottom))


# 6.9 NormedConv


def normed_experiment(probe, NormedConv):
    """64 first: there 32 groups are right, and wrong answers differ in what comes after it."""
    for B, C, K, H, W in [
        (2, 4, 64, 3, 5),
        (3, 2, 32, 4, 2),
        (2, 3, 7, 5, 4),
        (3, 6, 48, 2, 5),
        (2, 5, 40, 4, 3),
        (3, 2, 33, 2, 4),
        (2, 3, 37, 4, 2),
    ]:
        module = probe.build(NormedConv, C, K)
        probe.train_and_eval(module, probe.normal(B, C, H, W))
    probe.on_fake_device(module, probe.normal(B, C, H, W))


def largest_divisor(n):
    return max(g for g in range(1, 33) if n % g == 0)


class Grouped(NormedConv):
    """NormedConv with another number of groups."""

    def __init__(self, in_ch, out_ch):
        nn.Module.__init__(self)
        self.conv = nn.Conv2d(in_ch, out_ch, 3, padding=1)
        self.norm = nn.GroupNorm(self.groups(in_ch, out_ch), out_ch)

    def groups(self, in_ch, out_ch):
        return largest_divisor(out_ch)


class EachChannel(Grouped):
    """Every channel is a group of its own, also where there are more than 32. That runs with any
    number, but 32 groups are the most: take the largest divisor of out_ch up to 32."""

    def groups(self, in_ch, out_ch):
        return out_ch


class OneGroup(Grouped):
    """All channels are one group. That runs with any number, but it is another norm: take the
    largest divisor of out_ch up to 32."""

    def groups(self, in_ch, out_ch):
        return 1


class CommonFactor(Grouped):
    """Your number of groups is the largest power of 2 that divides out_ch, as math.gcd(32, out_ch)
    gives it. But 48 channels can be split into 24 groups, not just 16: try all numbers from 32
    down."""

    def groups(self, in_ch, out_ch):
        return math.gcd(32, out_ch)


class SixteenGroups(Grouped):
    """The number of groups is always 16. That only moves the fault to other channels. Let it depend
    on out_ch: its largest divisor up to 32."""

    def groups(self, in_ch, out_ch):
        return 16


class TwentyFourGroups(SixteenGroups):
    """The number of groups is always 24, which fits 48 channels and few others. Let it depend on
    out_ch: its largest divisor up to 32."""

    def groups(self, in_ch, out_ch):
        return 24


class EightGroups(SixteenGroups):
    """The number of groups is always 8. That only moves the fault to other channels. Let it depend
    on out_ch: its largest divisor up to 32."""

    def groups(self, in_ch, out_ch):
        return 8


class AtMost32(Grouped):
    """min(32, out_ch) helps where there are fewer than 32 channels. But 48 channels cannot be split
    into 32 groups either: the number of groups has to divide out_ch."""

    def groups(self, in_ch, out_ch):
        return min(32, out_ch)


class OneUnless32(Grouped):
    """Where 32 does not divide the channels you take one group. Take as many as possible: the
    largest divisor of out_ch up to 32, 24 for 48 channels."""

    def groups(self, in_ch, out_ch):
        return 1 if out_ch % 32 else 32


class AllUnless32(Grouped):
    """Where 32 does not divide the channels each is a group of its own. For 48 channels that makes
    48 groups; 32 are the most. Take the largest divisor of out_ch up to 32."""

    def groups(self, in_ch, out_ch):
        return out_ch if out_ch % 32 else 32


class OfTheInput(Grouped):
    """You split the input channels. The norm comes after the convolution: its groups must divide
    out_ch."""

    def groups(self, in_ch, out_ch):
        return largest_divisor(in_ch)


class Below32(Grouped):
    """32 itself is left out: range(1, 32) ends at 31. Write range(1, 33)."""

    def groups(self, in_ch, out_ch):
        return max(g for g in range(1, 32) if out_ch % g == 0)


class SmallestDivisor(Grouped):
    """You take the smallest number that divides the channels. Take the largest one up to 32: search
    from 32 down."""

    def groups(self, in_ch, out_ch):
        return min(g for g in range(2, out_ch + 1) if out_ch % g == 0)


class GroupsOf32(Grouped):
    """You take groups of 32 channels each. 32 is the number of groups, and it is the most: take
    the largest divisor of out_ch up to 32."""

    def groups(self, in_ch, out_ch):
        return max(1, out_ch // 32)


class Unnormed(NormedConv):
    """The norm is gone. Then it runs with any number of channels, but it is another network. Choose
    the number of groups by out_ch instead."""

    def forward(self, x):
        return F.silu(self.conv(x))

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch)
        del self.norm


class UnnormedUnless32(Grouped):
    """Where 32 does not divide the channels there is no norm. Keep it, with fewer groups: the
    largest divisor of out_ch up to 32."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch)
        if out_ch % 32:
            self.norm = nn.Identity()


class BatchNormed(Grouped):
    """That is a BatchNorm. It takes any number of channels, but it mixes the pictures of a batch.
    Keep GroupNorm and choose its number of groups by out_ch."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch)
        self.norm = nn.BatchNorm2d(out_ch)


class NormNotLearned(Grouped):
    """Your norm has no scale and shift to learn. Leave affine at its default, True."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch)
        self.norm = nn.GroupNorm(largest_divisor(out_ch), out_ch, affine=False)


class MoreChannels(NormedConv):
    """You make more channels than asked for, so that 32 divides them. What comes next expects
    out_ch. Leave the channels, and choose the number of groups by them."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch + -out_ch % 32)


class ChannelsPadded(NormedConv):
    """You put empty channels behind the others, so that 32 divides them, and cut them off after the
    norm. Then they change the mean of their group. Choose the number of groups by out_ch
    instead."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch)
        self.more = -out_ch % 32
        self.norm = nn.GroupNorm(32, out_ch + self.more)

    def forward(self, x):
        h = self.conv(x)
        h = torch.cat([h, h.new_zeros(len(h), self.more, *h.shape[2:])], dim=1)
        return F.silu(self.norm(h)[:, : self.conv.out_channels])


class NormInFront(Grouped):
    """The norm stands before the convolution. The order is convolution, GroupNorm, SiLU."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch)
        self.norm = nn.GroupNorm(largest_divisor(in_ch), in_ch)

    def forward(self, x):
        return F.silu(self.conv(self.norm(x)))


class NormedByWhile(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        n = 32
        while out_ch % n != 0:
            n -= 1
        self.gn = nn.GroupNorm(num_channels=out_ch, num_groups=n)
        self.c = nn.Conv2d(in_ch, out_ch, (3, 3), padding="same")

    def forward(self, x):
        h = self.gn(self.c(x))
        return h * h.sigmoid()


class NormedSequential(nn.Sequential):
    def __init__(self, in_ch, out_ch):
        groups = next(g for g in reversed(range(33)) if not out_ch % g)
        super().__init__(
            nn.Conv2d(in_ch, out_ch, 3, 1, 1), nn.GroupNorm(groups, out_ch), nn.SiLU()
        )  # fmt: skip


class NormedByFunction(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.conv = nn.Conv2d(in_ch, out_ch, 3, padding=1)
        self.scale, self.shift = nn.Parameter(torch.ones(out_ch)), nn.Parameter(torch.zeros(out_ch))

    def forward(self, x):
        h = self.conv(x)
        divisors = [g for g in range(1, h.shape[1] + 1) if h.shape[1] % g == 0 and g <= 32]
        return F.silu(F.group_norm(h, divisors[-1], self.scale, self.shift))


class NormedByHand(Grouped):
    def forward(self, x):
        h = self.conv(x)
        parts = rearrange(h, "b (g c) h w -> b g (c h w)", g=self.norm.num_groups)
        var, mean = torch.var_mean(parts, dim=2, correction=0, keepdim=True)
        normal = ((parts - mean) / torch.sqrt(var + 1e-5)).view_as(h)
        return F.silu(normal * self.norm.weight.view(-1, 1, 1) + self.norm.bias.view(-1, 1, 1))


# 6.10 PictureCode


def code_experiment(probe, PictureCode):
    for B, C, K, H, W in [(4, 5, 7, 6, 3), (3, 6, 2, 4, 5)]:
        module = probe.build(PictureCode, C, K)
        x = probe.normal(B, C, H, W)
        probe.train_and_eval(module, x)
        alone = call_with_nan(probe, module.train(), x[1:2])
        together = call_with_nan(probe, module, x)
        same = (
            isinstance(alone, torch.Tensor)
            and isinstance(together, torch.Tensor)
            and torch.allclose(alone, together[1:2], atol=1e-4, equal_nan=True)
        )
        probe.note(
            "a picture alone and in its batch", same,
            "In training mode a picture alone gives something else than in its batch.",
            "What a picture gives must not depend on the others: nn.LayerNorm normalises the "
            "averages of each picture by themselves.",
        )  # fmt: skip
    probe.train_and_eval(module, 0.02 * probe.normal(2, C, W, H))  # so faint that the norm's eps counts
    probe.on_fake_device(module, x)


def call_with_nan(probe, module, x):
    """Call the attempt; write down whether NaN come back, so that these too can be recognised."""
    result = probe.run(f"{name(module)}({arguments([x], module)})", module, x.clone())
    bad = sum(int((~y.isfinite()).sum()) for y in tensors(result))
    probe.note(
        "NaN in training mode", bad > 0,
        f"In training mode, for {len(x)} of the pictures, {bad} values are NaN or infinite.",
        "For one picture alone the deviation over the batch is 0 or NaN.",
    )  # fmt: skip
    probe.note(f"what {len(x)} of the pictures give", change(result, torch.nan_to_num))
    return result


class CodeWithBatchNorm(PictureCode):
    """The patient, from which some wrong repairs start."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch)
        self.norm = nn.BatchNorm1d(in_ch)


class NotNormalised(PictureCode):
    """The norm is gone. Then a single picture runs, but it is another network. Take nn.LayerNorm,
    which needs no batch."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch)
        self.norm = nn.Identity()


class WithoutTracking(PictureCode):
    """track_running_stats=False makes it worse: now the norm needs a batch in eval mode too. Take
    nn.LayerNorm, which needs none."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch)
        self.norm = nn.BatchNorm1d(in_ch, track_running_stats=False)


class EvalForced(CodeWithBatchNorm):
    """You switch the norm to eval mode in forward. Then it uses the mean 0 and the variance 1 that
    it was born with and never learns others: it does nothing. Take nn.LayerNorm."""

    def forward(self, x):
        self.norm.eval()
        return super().forward(x)


class RunningAlways(CodeWithBatchNorm):
    """Your BatchNorm uses its running mean and variance in training too, and never updates them: it
    does nothing. Take nn.LayerNorm."""

    def forward(self, x):
        h, norm = x.mean(dim=(2, 3)), self.norm
        h = F.batch_norm(h, norm.running_mean, norm.running_var, norm.weight, norm.bias)
        return self.mix(h)


class SkippedForOne(CodeWithBatchNorm):
    """You leave the norm out where there is one picture alone. It runs, but the picture then gives
    something else than in a batch. Take nn.LayerNorm, which treats each picture by itself."""

    def forward(self, x):
        h = x.mean(dim=(2, 3))
        return self.mix(self.norm(h) if len(x) > 1 else h)


class RunningForOne(CodeWithBatchNorm):
    """For one picture alone you use the running mean and variance, those of eval mode. It runs, but
    the picture then gives something else than in a batch. Take nn.LayerNorm, which treats each
    picture by itself."""

    def forward(self, x):
        training, norm = self.training and len(x) > 1, self.norm
        h = F.batch_norm(
            x.mean(dim=(2, 3)), norm.running_mean, norm.running_var, norm.weight, norm.bias,
            training, norm.momentum,
        )  # fmt: skip
        return self.mix(h)


class TwiceTheOne(CodeWithBatchNorm):
    """You put a single picture into the batch twice. It runs, but two equal pictures differ by
    nothing, so the norm makes zeros of them. Take nn.LayerNorm, which needs no batch."""

    def forward(self, x):
        pair = torch.cat([x, x]) if len(x) == 1 else x
        return super().forward(pair)[: len(x)]


class NormOfBatchMaps(PictureCode):
    """You normalise the maps before the average, with BatchNorm2d. It runs for one picture, since
    that has many pixels, but what a picture gives still depends on the others of its batch. Average
    first, then nn.LayerNorm."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch)
        self.norm = nn.BatchNorm2d(in_ch)

    def forward(self, x):
        return self.mix(self.norm(x).mean(dim=(2, 3)))


class NormOfMaps(PictureCode):
    """You normalise the maps, and average then. The averages are what has to be normalised: first
    x.mean(dim=(2, 3)), then the norm."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch)
        self.norm = nn.GroupNorm(1, in_ch)

    def forward(self, x):
        return self.mix(self.norm(x).mean(dim=(2, 3)))


class CodeNormNotLearned(PictureCode):
    """Your norm has no scale and shift to learn. nn.LayerNorm(in_ch) has them unless told
    otherwise; nn.InstanceNorm1d and a bare F.layer_norm have none."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch)
        self.norm = nn.LayerNorm(in_ch, elementwise_affine=False)


class NormAfterMix(PictureCode):
    """The norm comes after the mixing. The order is: average, normalise, mix."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch)
        self.norm = nn.LayerNorm(out_ch)

    def forward(self, x):
        return self.norm(self.mix(x.mean(dim=(2, 3))))


class Summed(PictureCode):
    """You sum over the pixels. Take the mean: then a large picture does not give larger numbers
    than a small one."""

    def forward(self, x):
        return self.mix(self.norm(x.sum(dim=(2, 3))))


class OverTheBatch(PictureCode):
    """You take mean and standard deviation over the batch, by hand. That is BatchNorm again, and
    for one picture the deviation is 0 or NaN. Normalise over the channels of each picture, dim 1:
    nn.LayerNorm does."""

    def forward(self, x):
        h = x.mean(dim=(2, 3))
        h = (h - h.mean(dim=0)) / (h.std(dim=0) + 1e-5)
        return self.mix(h * self.norm.weight + self.norm.bias)


class OverTheBatchBiased(OverTheBatch):
    """You take mean and standard deviation over the batch, by hand. That is BatchNorm again, and
    one picture alone, less its own mean, is 0. Normalise over the channels of each picture, dim 1:
    nn.LayerNorm does."""

    def forward(self, x):
        h = x.mean(dim=(2, 3))
        h = (h - h.mean(dim=0)) / (h.var(dim=0, correction=0) + 1e-5).sqrt()
        return self.mix(h * self.norm.weight + self.norm.bias)


class OverEverything(PictureCode):
    """You normalise over pictures and channels together. One picture alone runs, but in a batch it
    still depends on the others. Normalise over the channels of each picture, dim 1: nn.LayerNorm
    does."""

    def forward(self, x):
        h = x.mean(dim=(2, 3))
        return self.mix(F.layer_norm(h, h.shape) * self.norm.weight + self.norm.bias)


class CodeEachChannel(PictureCode):
    """Each channel is a group of its own, with one number in it: less its mean it is 0, whatever
    the picture shows. All averages of a picture are normalised together: nn.LayerNorm."""

    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch)
        self.norm = nn.GroupNorm(in_ch, in_ch)


class CodeByGroupNorm(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.GroupNorm(1, in_ch), nn.Linear(in_ch, out_ch)
        )

    def forward(self, x):
        return self.layers(x)


class CodeByConv(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.mix = nn.Conv2d(in_ch, out_ch, 1)
        self.norm = nn.LayerNorm([in_ch])

    def forward(self, x):
        averages = self.norm(reduce(x, "b c h w -> b c", "mean"))
        return self.mix(averages[..., None, None]).squeeze(-1).squeeze(-1)


class CodeByHand(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(in_ch)), nn.Parameter(torch.zeros(in_ch))
        self.out = nn.Linear(in_ch, out_ch)

    def forward(self, x):
        h = x.flatten(2).mean(-1)
        h = h - h.mean(1, keepdim=True)
        h = h / (h.square().mean(1, keepdim=True) + 1e-5).sqrt()
        return self.out(h * self.scale + self.shift)


class CodeByFunction(PictureCode):
    def forward(self, x):
        h = F.adaptive_avg_pool2d(x, 1).view(x.size(0), -1)
        h = F.layer_norm(h, (h.size(1),), self.norm.weight, self.norm.bias)
        return F.linear(h, self.mix.weight, self.mix.bias)


# 6.11 StepMLP


def step_experiment(probe, StepMLP):
    for T, D, steps in [(4, 3, [2]), (50, 8, [7, 0, 49, 20, 3]), (1000, 6, [250, 700, 0])]:
        module = probe.build(StepMLP, T, D)
        t = torch.tensor(steps)
        try:
            probe.train_and_eval(module, t)
        except Stop:
            note_what_is_left(probe, module, torch.arange(5.0))
            raise
    probe.on_fake_device(module, t)


def note_what_is_left(probe, module, t):
    """Where whole numbers were the fault, write down what floats do: has t become a column?"""
    crash = probe.seen[-1].value
    if isinstance(crash, Crash) and "dtype" in str(crash.error):
        try:
            found = freeze(module(t))
        except Exception as error:
            found = str(error)
        probe.note("the same with t as float", found)


class StepsNotDivided(StepMLP):
    """The steps are floats and a column now, but not divided by T. Numbers up to 1000 drive the
    layers far out, where one step looks like the next: t / T."""

    def forward(self, t):
        return self.layers(t.float()[:, None])


class WholeNumbers(StepMLP):
    """t is a column now, but still of whole numbers, and a linear layer computes with floats. The
    division by T makes floats of them: t[:, None] / self.T."""

    def forward(self, t):
        return self.layers(t[:, None])


class DividedByLast(StepMLP):
    """You divide by T - 1. Asked for is t / T."""

    def forward(self, t):
        return self.layers(t[:, None] / (self.T - 1))


class RoundedToZero(StepMLP):
    """Dividing with //, or .long() after the division, leaves whole numbers: t / T is below 1, so
    every step becomes 0. Write a single /, and make no integers of it."""

    def forward(self, t):
        return self.layers((t // self.T).float()[:, None])


class FlooredWhole(StepMLP):
    """// leaves whole numbers, and a linear layer computes with floats. And every step becomes 0.
    Write a single /."""

    def forward(self, t):
        return self.layers(t[:, None] // self.T)


class OneRow(StepMLP):
    """t has become one row, (1, B): the layer takes it for one picture with B numbers. It needs a
    column, one number for each picture, (B, 1): t[:, None]."""

    def forward(self, t):
        return self.layers(t.unsqueeze(0) / self.T)


class OneRowNotDivided(StepMLP):
    """t has become one row, (1, B): the layer takes it for one picture with B numbers. It needs a
    column, (B, 1), t[:, None]. Then it has to be divided by T."""

    def forward(self, t):
        return self.layers(t.float().unsqueeze(0))


class NoColumn(StepMLP):
    """The steps are divided by T, but the axis of size 1 is missing: the layer takes the B steps
    for one picture with B numbers. Make a column of them, (B, 1): t[:, None]."""

    def forward(self, t):
        return self.layers(t / self.T)


class FloatsAlone(StepMLP):
    """t has floats now, but it is no column yet: the layer takes the B steps for one picture with B
    numbers. Make it (B, 1), t[:, None], and divide by T."""

    def forward(self, t):
        return self.layers(t.float())


class RowOfOutputs(StepMLP):
    """Your result has an axis too many: (B, 1, D). A column (B, 1) is enough for the layer."""

    def forward(self, t):
        return self.layers(t[:, None, None] / self.T)


class OneHot(nn.Module):
    """Each step is a position of its own, in a vector of T numbers or a table of T rows. Then
    nothing tells the network that step 20 is near step 21. Keep the two layers, and give them
    t / T as one column."""

    def __init__(self, T, dim):
        super().__init__()
        self.T = T
        self.layers = nn.Sequential(nn.Linear(T, dim), nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, t):
        return self.layers(F.one_hot(t, self.T).float())


class Table(nn.Module):
    """Each step has a row of its own in a table. Then nothing tells the network that step 20 is
    near step 21. Keep the two layers, and give them t / T as one column."""

    def __init__(self, T, dim):
        super().__init__()
        self.layers = nn.Sequential(nn.Embedding(T, dim), nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, t):
        return self.layers(t)


class DividedByLargest(StepMLP):
    """You divide by the largest step of the batch. Then what a step gives depends on the other
    pictures. Divide by self.T."""

    def forward(self, t):
        return self.layers(t[:, None] / t.max())


class AlwaysThousand(StepMLP):
    """You divide by 1000 always. T is an argument: divide by self.T."""

    def forward(self, t):
        return self.layers(t[:, None] / 1000)


class BothSigns(StepMLP):
    """You bring the steps to between -1 and 1. Asked for is t / T, from 0 to 1."""

    def forward(self, t):
        return self.layers(2 * t[:, None] / self.T - 1)


class OneStepForAll(StepMLP):
    """Every picture gets what belongs to the first step. Each has its own row: t[:, None]."""

    def forward(self, t):
        return self.layers(t[:1, None] / self.T).expand(len(t), -1)


class StepByUnsqueeze(nn.Module):
    def __init__(self, T, dim):
        super().__init__()
        self.scale = 1.0 / T
        self.second = nn.Linear(dim, dim)
        self.first = nn.Linear(1, dim)

    def forward(self, t):
        return self.second(F.silu(self.first(self.scale * t.unsqueeze(-1).float())))


class StepByEinops(StepMLP):
    def forward(self, t):
        column = rearrange(t.to(torch.float32), "b -> b 1")
        return self.layers(column.div(self.T))


class StepInLoop(StepMLP):
    def forward(self, steps):
        rows = [self.layers(step.reshape(1) / self.T) for step in steps]
        return torch.stack(rows)


class StepByView(nn.Module):
    def __init__(self, T, dim):
        super().__init__()
        self.register_buffer("T", torch.tensor(float(T)))
        self.weight, self.bias = nn.Parameter(torch.randn(dim)), nn.Parameter(torch.zeros(dim))
        self.tail = nn.Sequential(nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, t):
        return self.tail((t / self.T).view(-1, 1) * self.weight + self.bias)


# 6.12 noisy_batch


ENOUGH = 600, 2, 1, 3  # so many pictures that averages tell how steps and noise are drawn


def batch_experiment(probe, noisy_batch):
    """Write down properties alone: answers may draw steps and noise in any order."""
    one = drawn(probe, noisy_batch, probe.uniform(*ENOUGH), torch.tensor([0.9, 0.5, 0.1]), seed=1)
    other = drawn(probe, noisy_batch, probe.uniform(*ENOUGH), torch.tensor([0.9, 0.5, 0.1]), seed=2)
    note_steps(probe, one[1], 3)
    note_noise(probe, one[2])
    again = [
        key
        for key, a, b in zip(("t", "eps"), one[1:], other[1:])
        if torch.equal(a, b) and not (a == a[0]).all()  # one step for all may well be the same
    ]
    probe.note(
        "the same in two calls", again,
        f"Two calls of your function draw the same {' and '.join(again)}.",
        "Draw anew in each call, with torch.randint and torch.randn_like, and without a seed.",
    )  # fmt: skip
    note_mixture(probe, noisy_batch, probe.normal(4, 2, 3, 5), torch.full((6,), 0.36))
    alpha_bar = torch.tensor([0.95, 0.8, 0.7, 0.5, 0.3, 0.2, 0.1])
    note_own_steps(probe, noisy_batch, probe.normal(5, 4, 2, 3), alpha_bar)
    probe.on_fake_device(noisy_batch, probe.normal(2, 3, 5, 4), alpha_bar)


def drawn(probe, noisy_batch, *args, seed):
    """Call the attempt; return xt, t and eps if they are tensors of the right kind, else stop."""
    before, given = [state(a) for a in args], [a.clone() for a in args]
    what = f"{name(noisy_batch)}({arguments(args, noisy_batch)})"
    result = probe.run(what, noisy_batch, *given, seed=seed)
    bad = sum(int((~x.isfinite()).sum()) for x in tensors(result))
    probe.note("values that are NaN or infinite", bad, f"{bad} values are NaN or infinite.")
    several = isinstance(result, (tuple, list))
    kinds = [kind(v) for v in result] if several else kind(result)
    x0 = args[0]
    right = [kind(v) for v in (x0, torch.zeros(len(x0), dtype=torch.int64), x0)]
    came = "; ".join(kinds) if several else kinds
    probe.note(
        "what comes back", kinds,
        f"For pictures of shape {tuple(x0.shape)}, xt, t and eps should be {'; '.join(right)}. "
        f"What comes back is: {came}.",
        "Return xt, t, eps, in this order. t has one whole number for each picture.",
    )  # fmt: skip
    probe.note_changes(noisy_batch, args, given, before)
    if kinds != right:
        raise Stop
    return result


def kind(value):
    """Say what a value is, without the number itself, which may have been drawn."""
    if value is None or isinstance(value, torch.Tensor):
        return describe(value)
    return f"no tensor ({type(value).__name__})"


def note_steps(probe, t, T):
    """Write down which steps come up, and whether all of them do so equally often."""
    alone = bool((t == t[0]).all())
    probe.note(
        "one step for all pictures", alone, "All pictures of your batch get the same step t.",
        "Draw B numbers, one for each picture: torch.randint(0, T, (B,)).",
    )  # fmt: skip
    found = [] if alone else sorted(set(t.tolist()))
    probe.note(
        "steps that come up", found,
        f"With T = {T} the steps of {len(t)} pictures are {found}.",
        "All from 0 to T - 1 must come up. torch.randint(a, b, ...) draws from a to b - 1.",
    )  # fmt: skip
    often = alone or all(abs(int((t == s).sum()) / len(t) - 1 / T) < 0.08 for s in range(T))
    probe.note(
        "equally often", often, "Some steps come up more often than others.",
        "torch.randint draws all equally often. (Rounding is not fair to the first and the last.)",
    )  # fmt: skip


def note_noise(probe, eps):
    """Write down whether all of eps is drawn, and from which distribution."""
    parts = {
        "pictures": bool((eps[0] == eps[1]).all()),
        "channels": bool((eps[:, 0] == eps[:, 1]).all()),
        "pixels": bool((eps[..., 0] == eps[..., 1]).all()),
    }
    alike = [key for key, same in parts.items() if same]
    probe.note(
        "what gets the same noise", alike, f"All {' and '.join(alike)} get the same noise.",
        "Each number of eps is drawn by itself: torch.randn_like(x0).",
    )  # fmt: skip
    mean, std = float(eps.mean()), float(eps.std(correction=0))
    normal = [abs(mean) < 0.1, abs(std - 1) < 0.08, float(eps.abs().max()) > 2.5]
    probe.note(
        "standard normal", normal,
        f"eps is no standard normal noise: its mean is {mean:.2g}, its standard deviation "
        f"{std:.2g}, its largest number {float(eps.abs().max()):.2g}.",
        "torch.randn_like draws normal numbers; torch.rand_like draws from 0 to 1.",
    )  # fmt: skip


def note_mixture(probe, noisy_batch, x0, alpha_bar):
    """With alpha_bar the same at all steps, write down how much of x0 and eps is in xt."""
    xt, _, eps = drawn(probe, noisy_batch, x0, alpha_bar, seed=3)
    shares, rest = mixture(xt, x0, eps)
    probe.note(
        "how much of x0 and of eps is in xt, for each picture", shares, "",
        "xt = sqrt(alpha_bar[t]) x0 + sqrt(1 - alpha_bar[t]) eps. Are both roots there?",
    )  # fmt: skip
    probe.note(
        "something else in xt", rest > 1e-3,
        "There is something else in your xt than x0 and the eps that you return.",
        "Draw the noise once, mix it in, and return the same.",
    )  # fmt: skip


def note_own_steps(probe, noisy_batch, x0, alpha_bar):
    """Write down whether xt is noised to the t that comes with it."""
    xt, t, eps = drawn(probe, noisy_batch, x0, alpha_bar, seed=4)
    shares, rest = mixture(xt, x0, eps)
    found = (shares[:, :1] ** 2 - alpha_bar).abs().argmin(dim=1)  # the steps that xt looks like
    probe.note(
        "how far xt is from its step", (found - t) % len(alpha_bar),
        f"t is {t.tolist()}, but the pictures are noised to the steps {found.tolist()}.",
        "Draw t once, use alpha_bar[t] for it, and return that t.",
    )  # fmt: skip
    a = alpha_bar[t].view(-1, 1, 1, 1)
    gap = float((a.sqrt() * x0 + (1 - a).sqrt() * eps - xt).abs().max())
    probe.note(
        "xt is that of its t and its eps", [gap < 1e-4, rest < 1e-3],
        "xt is not sqrt(alpha_bar[t]) x0 + sqrt(1 - alpha_bar[t]) eps for the t and the eps that "
        "you return.",
    )  # fmt: skip


def mixture(xt, x0, eps):
    """For each picture, the shares of x0 and eps that come nearest to xt; and what is left over.

    (B, C, H, W) three times -> (B, 2), a float
    """
    parts = torch.stack([x0, eps], dim=1).flatten(2).double().mT  # (B, CHW, 2)
    target = xt.detach().flatten(1).double()[..., None]
    shares = torch.linalg.pinv(parts.detach()) @ target
    return shares.squeeze(2).float(), float((parts @ shares - target).abs().max())


def mixed(x0, eps, alpha_bar):
    a = alpha_bar.view(-1, 1, 1, 1)
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


def steps_for(x0, alpha_bar):
    return torch.randint(0, len(alpha_bar), (len(x0),), device=x0.device)


def one_step_repeated(x0, alpha_bar):
    """t has B numbers now, but it is the same number B times. Each picture needs a step of its own:
    draw B of them, torch.randint(0, T, (B,))."""
    t = torch.randint(0, len(alpha_bar), (1,), device=x0.device).repeat(len(x0))
    eps = torch.randn_like(x0)
    return mixed(x0, eps, alpha_bar[t]), t, eps


def one_noise_for_all(x0, alpha_bar):
    """All pictures get the same noise. Draw it for each: torch.randn_like(x0)."""
    t = steps_for(x0, alpha_bar)
    eps = torch.randn_like(x0[:1]).expand_as(x0)
    return mixed(x0, eps, alpha_bar[t]), t, eps


def noise_of_one_picture(x0, alpha_bar):
    """eps has the shape of one picture, so all get the same. Draw it for each:
    torch.randn_like(x0)."""
    t = steps_for(x0, alpha_bar)
    eps = torch.randn_like(x0[0])
    return mixed(x0, eps, alpha_bar[t]), t, eps


def last_step_left_out(x0, alpha_bar):
    """Step T - 1 never comes up: torch.randint(0, b, ...) ends at b - 1 by itself. Take T for b."""
    t = torch.randint(0, len(alpha_bar) - 1, (len(x0),), device=x0.device)
    eps = torch.randn_like(x0)
    return mixed(x0, eps, alpha_bar[t]), t, eps


def first_step_left_out(x0, alpha_bar):
    """Step 0 never comes up. t is from 0 to T - 1: torch.randint(0, T, ...)."""
    t = torch.randint(1, len(alpha_bar), (len(x0),), device=x0.device)
    eps = torch.randn_like(x0)
    return mixed(x0, eps, alpha_bar[t]), t, eps


def one_step_too_many(x0, alpha_bar):
    """Your t can be T or more, and alpha_bar ends at T - 1. torch.randint(0, T, ...) never gives T
    itself."""
    t = torch.randint(0, len(alpha_bar) + 1, (len(x0),), device=x0.device)
    eps = torch.randn_like(x0)
    return mixed(x0, eps, alpha_bar[t]), t, eps


def four_steps(x0, alpha_bar):
    """You draw four steps always. How many pictures there are, x0 knows: len(x0)."""
    t = torch.randint(0, len(alpha_bar), (4,), device=x0.device)
    eps = torch.randn_like(x0)
    return mixed(x0, eps, alpha_bar[t]), t, eps


def a_step_for_each_channel(x0, alpha_bar):
    """You draw as many steps as there are channels. There is one for each picture, and the pictures
    are axis 0: len(x0)."""
    t = torch.randint(0, len(alpha_bar), (x0.shape[1],), device=x0.device)
    eps = torch.randn_like(x0)
    return mixed(x0, eps, alpha_bar[t]), t, eps


def a_row_of_all_pixels(x0, alpha_bar):
    """You draw a step for each pixel. There is one for each picture: (len(x0),), not x0.shape."""
    t = torch.randint(0, len(alpha_bar), x0.shape, device=x0.device)
    eps = torch.randn_like(x0)
    return mixed(x0, eps, alpha_bar[t]), t, eps


def steps_without_repetition(x0, alpha_bar):
    """Your steps are all different, as torch.randperm gives them. Then there can be no more
    pictures than steps. Draw each by itself: torch.randint(0, T, (B,))."""
    t = torch.randperm(len(alpha_bar), device=x0.device)[: len(x0)]
    eps = torch.randn_like(x0)
    return mixed(x0, eps, alpha_bar[t]), t, eps


def steps_rounded(x0, alpha_bar):
    """The first and the last step come up half as often as the others: fewer numbers are rounded to
    them. torch.randint draws all equally often."""
    t = (torch.rand(len(x0), device=x0.device) * (len(alpha_bar) - 1)).round().long()
    eps = torch.randn_like(x0)
    return mixed(x0, eps, alpha_bar[t]), t, eps


def steps_for_pixels(x0, alpha_bar):
    """t has the shape of x0, a step for each pixel. It must be (B,), one step for each picture."""
    t = torch.randint(0, len(alpha_bar), x0.shape, device=x0.device)
    eps = torch.randn_like(x0)
    a = alpha_bar[t]
    return a.sqrt() * x0 + (1 - a).sqrt() * eps, t, eps


def steps_with_axes(x0, alpha_bar):
    """t comes back as (B, 1, 1, 1). The network wants (B,): give the axes to alpha_bar[t] alone."""
    t = steps_for(x0, alpha_bar).view(-1, 1, 1, 1)
    eps = torch.randn_like(x0)
    return mixed(x0, eps, alpha_bar[t]), t, eps


def float_steps(x0, alpha_bar):
    """t comes back as floats. Steps are whole numbers, int64, as torch.randint gives them."""
    t = steps_for(x0, alpha_bar)
    eps = torch.randn_like(x0)
    return mixed(x0, eps, alpha_bar[t]), t.float(), eps


def without_view(x0, alpha_bar):
    """alpha_bar[t] has shape (B,), and PyTorch lines it up with the last axis, the W columns. Where
    B is W it even runs, and each column gets the noise of another picture. Give it three more axes:
    .view(-1, 1, 1, 1)."""
    t = steps_for(x0, alpha_bar)
    eps = torch.randn_like(x0)
    a = alpha_bar[t]
    return a.sqrt() * x0 + (1 - a).sqrt() * eps, t, eps


def one_axis_more(x0, alpha_bar):
    """alpha_bar[t] has too few axes, and PyTorch lines up the last ones. It needs three more:
    .view(-1, 1, 1, 1)."""
    t = steps_for(x0, alpha_bar)
    eps = torch.randn_like(x0)
    a = alpha_bar[t][:, None]
    return a.sqrt() * x0 + (1 - a).sqrt() * eps, t, eps


def no_roots(x0, alpha_bar):
    """The two roots are missing: sqrt(alpha_bar[t]) x0 + sqrt(1 - alpha_bar[t]) eps."""
    t, eps = steps_for(x0, alpha_bar), torch.randn_like(x0)
    a = alpha_bar[t].view(-1, 1, 1, 1)
    return a * x0 + (1 - a) * eps, t, eps


def no_root_of_the_noise(x0, alpha_bar):
    """The root of 1 - alpha_bar[t] is missing: the noise is too weak."""
    t, eps = steps_for(x0, alpha_bar), torch.randn_like(x0)
    a = alpha_bar[t].view(-1, 1, 1, 1)
    return a.sqrt() * x0 + (1 - a) * eps, t, eps


def root_first(x0, alpha_bar):
    """The noise is multiplied by 1 - sqrt(alpha_bar[t]). It is the root of the difference:
    (1 - a).sqrt()."""
    t, eps = steps_for(x0, alpha_bar), torch.randn_like(x0)
    a = alpha_bar[t].view(-1, 1, 1, 1)
    return a.sqrt() * x0 + (1 - a.sqrt()) * eps, t, eps


def picture_for_noise(x0, alpha_bar):
    """Picture and noise are exchanged: alpha_bar belongs to x0, 1 - alpha_bar to eps."""
    t, eps = steps_for(x0, alpha_bar), torch.randn_like(x0)
    return mixed(eps, x0, alpha_bar[t]), t, eps


def step_before(x0, alpha_bar):
    """xt is noised to the step before the t that you return: alpha_bar[t], not alpha_bar[t - 1].
    t counts from 0, as Python does."""
    t, eps = steps_for(x0, alpha_bar), torch.randn_like(x0)
    return mixed(x0, eps, alpha_bar[t - 1]), t, eps


def steps_drawn_twice(x0, alpha_bar):
    """The t that you return is not the one that you noised with: it is drawn a second time. Draw it
    once, and keep it in a variable."""
    t, eps = steps_for(x0, alpha_bar), torch.randn_like(x0)
    return mixed(x0, eps, alpha_bar[t]), steps_for(x0, alpha_bar), eps


def noise_drawn_twice(x0, alpha_bar):
    """The eps that you return is not the one in xt: it is drawn a second time. The network would
    have to guess noise that it never saw. Draw it once, and keep it in a variable."""
    t = steps_for(x0, alpha_bar)
    return mixed(x0, torch.randn_like(x0), alpha_bar[t]), t, torch.randn_like(x0)


def uniform_noise(x0, alpha_bar):
    """Your noise is uniform, from 0 to 1. It must be normal: torch.randn_like, with an n."""
    t, eps = steps_for(x0, alpha_bar), torch.rand_like(x0)
    return mixed(x0, eps, alpha_bar[t]), t, eps


def always_thousand(x0, alpha_bar):
    """You draw t from 0 to 999 always. How many steps there are, alpha_bar knows: T is its
    length."""
    t = torch.randint(0, 1000, (len(x0),), device=x0.device)
    eps = torch.randn_like(x0)
    return mixed(x0, eps, alpha_bar[t]), t, eps


def step_comes_last(x0, alpha_bar):
    """The order is wrong: return xt, t, eps."""
    xt, t, eps = noisy_batch(x0, alpha_bar)
    return xt, eps, t


def noisy_alone(x0, alpha_bar):
    """Only xt comes back. The network must be told t, and is compared with eps: return all three,
    xt, t, eps."""
    return noisy_batch(x0, alpha_bar)[0]


def batch_noise_first(images, alpha_bar):
    noise = torch.randn(images.shape, device=images.device)
    B, T = images.shape[0], alpha_bar.shape[0]
    steps = torch.randint(high=T, size=[B], device=images.device)
    signal = alpha_bar[steps][:, None, None, None]
    return signal**0.5 * images + (1 - signal) ** 0.5 * noise, steps, noise


def batch_by_rand(x0, alpha_bar):
    t = (torch.rand(x0.size(0), device=x0.device) * len(alpha_bar)).long()
    eps = torch.empty_like(x0).normal_()
    a = rearrange(alpha_bar.index_select(0, t), "b -> b 1 1 1")
    return torch.sqrt(a) * x0 + torch.sqrt(1 - a) * eps, t, eps


def batch_in_loop(x0, alpha_bar):
    rows = []
    for picture in x0:
        t = random.randrange(len(alpha_bar))
        eps = torch.randn_like(picture)
        rows.append((picture * alpha_bar[t] ** 0.5 + eps * (1 - alpha_bar[t]) ** 0.5, t, eps))
    xt, t, eps = zip(*rows)
    return torch.stack(xt), torch.tensor(t, device=x0.device), torch.stack(eps)


def batch_by_einsum(x0, alpha_bar):
    t = torch.empty(len(x0), dtype=torch.long, device=x0.device).random_(0, len(alpha_bar))
    eps = torch.randn_like(x0)
    parts = zip((x0, eps), (alpha_bar[t], 1 - alpha_bar[t]))
    return [sum(einsum(p, w.sqrt(), "b c h w, b -> b c h w") for p, w in parts), t, eps]


# 6.13 FlatUNet


def flat_experiment(probe, FlatUNet):
    for B, C, K, D, H, W in [(3, 2, 4, 5, 6, 7), (2, 3, 5, 8, 3, 4)]:
        module = probe.build(FlatUNet, C, K, D)
        probe.train_and_eval(module, probe.normal(B, C, H, W), probe.normal(B, D))
        note_parameters(probe, module)


class FlatInSteps(FlatUNet):
    """FlatUNet with the order of the skips and the way they join as steps of their own."""

    def order(self, skips):
        return reversed(skips)

    def join(self, x, skip):
        return torch.cat([x, skip], dim=1)

    def keep(self, x):
        return x

    def forward(self, x, temb):
        skips = []
        for block in self.down:
            x = block(x, temb)
            skips.append(self.keep(x))
        for block, skip in zip(self.up, self.order(skips)):
            x = block(self.join(x, skip), temb)
        return self.out(x)


class SkipBeforeX(FlatInSteps):
    """The order of the skips is right now, but the skip stands before x. Keep torch.cat([x, skip]):
    x first."""

    def join(self, x, skip):
        return torch.cat([skip, x], dim=1)


class SkipBeforeXAlone(SkipBeforeX):
    """You exchanged x and skip in torch.cat. The fault is which skip comes when: the last one kept
    has to be taken first."""

    def order(self, skips):
        return skips


class LastSkipAlways(FlatInSteps):
    """Every block on the way up gets the last skip. Each level has its own: take them one by one,
    from the last to the first."""

    def order(self, skips):
        return [skips[-1]] * 3


class FirstSkipAlways(FlatInSteps):
    """Every block on the way up gets the first skip. Each level has its own: take them one by one,
    from the last to the first."""

    def order(self, skips):
        return [skips[0]] * 3


class OffByOne(FlatInSteps):
    """The skips come in the order first, last, middle. skips[-i] is the first one for i = 0, and
    reversing the list again in each round does the same. Take them from the last to the first:
    reversed(skips)."""

    def order(self, skips):
        return [skips[-i] for i in range(3)]


class LastTwoExchanged(FlatInSteps):
    """The last skip is taken first, which is right, but the others come in the old order: last,
    first, middle. Turn the whole list round."""

    def order(self, skips):
        return [skips[-1], *skips[:-1]]


class FirstTwoExchanged(FlatInSteps):
    """Only the first two skips are exchanged: middle, first, last. Turn the whole list round, so
    that the last comes first."""

    def order(self, skips):
        return [skips[1], skips[0], skips[2]]


class BottomLeftOut(FlatInSteps):
    """The last skip is left out, so one block fewer runs on the way up. All three are used: the
    last one kept goes to the first block of the way up."""

    def order(self, skips):
        return skips[-2::-1]


class KeptBeforeTheBlock(FlatInSteps):
    """What you keep is what goes into a block. The skip is what comes out of it: x = block(x, temb)
    first, then skips.append(x)."""

    def forward(self, x, temb):
        skips = []
        for block in self.down:
            skips.append(x)
            x = block(x, temb)
        for block, skip in zip(self.up, reversed(skips)):
            x = block(self.join(x, skip), temb)
        return self.out(x)


class SkipsAdded(FlatInSteps):
    """The skips are added. They have to be put behind x, torch.cat([x, skip], dim=1): then the
    block can treat them apart."""

    def __init__(self, in_ch, ch, time_dim):
        super().__init__(in_ch, ch, time_dim)
        self.up = nn.ModuleList(ConvBlock(ch, ch, time_dim) for _ in range(3))

    def join(self, x, skip):
        return x + skip


class NoSkips(SkipsAdded):
    """There are no skips any more. Then the fault is gone, and the U too. Keep them, and take the
    last one kept first."""

    def join(self, x, skip):
        return x


class TwiceX(FlatInSteps):
    """x is put behind itself, and no skip is used. Keep the skips, and take the last one kept
    first."""

    def join(self, x, skip):
        return torch.cat([x, x], dim=1)


class SkipsCutOff(FlatInSteps):
    """The numbers are right, but no gradient comes through the skips: detach, .data or no_grad cuts
    the way. Take it out."""

    def keep(self, x):
        return x.detach()


class MirroredSkips(FlatInSteps):
    """You turned the channels or the pixels of the skips round, as torch.flip does. It is the list
    that has to be turned: reversed(skips)."""

    def order(self, skips):
        return [skip.flip(1) for skip in skips]


class MirroredPictures(MirroredSkips):
    """You turned the pictures of each skip round: a tensor's flip(0) turns its batch. It is the
    list that has to be turned: reversed(skips)."""

    def order(self, skips):
        return [skip.flip(0) for skip in skips]


class FlatByPop(FlatUNet):
    def forward(self, x, temb):
        kept = []
        for block in self.down:
            kept += [block(kept[-1] if kept else x, temb)]
        x = kept[-1]
        for block in self.up:
            x = block(torch.cat((x, kept.pop()), 1), temb)
        return self.out(x)


class FlatByIndex(FlatUNet):
    def forward(self, x, temb):
        skips = {}
        for i, block in enumerate(self.down):
            skips[i] = x = block(x, temb)
        for i in range(len(self.up)):
            x = self.up[i](torch.concat([x, skips[2 - i]], dim=-3), temb)
        return self.out(x)


class FlatByName(nn.Module):
    def __init__(self, in_ch, ch, time_dim):
        super().__init__()
        self.d1 = ConvBlock(in_ch, ch, time_dim)
        self.d2, self.d3 = ConvBlock(ch, ch, time_dim), ConvBlock(ch, ch, time_dim)
        self.u1, self.u2, self.u3 = (ConvBlock(ch + ch, ch, time_dim) for _ in range(3))
        self.last = nn.Linear(ch, in_ch)

    def forward(self, x, temb):
        a = self.d1(x, temb)
        b = self.d2(a, temb)
        c = self.d3(b, temb)
        x = self.u1(torch.hstack([c, c]), temb)
        x = self.u2(torch.hstack([x, b]), temb)
        x = self.u3(torch.hstack([x, a]), temb)
        return self.last(x.movedim(1, -1)).movedim(-1, 1)


class FlatByRecursion(FlatUNet):
    def level(self, i, x, temb):
        skip = self.down[i](x, temb)
        h = self.level(i + 1, skip, temb) if i < 2 else skip
        return self.up[2 - i](torch.cat([h, skip], dim=1), temb)

    def forward(self, x, temb):
        return self.out(self.level(0, x, temb))


class FlatByInsert(FlatUNet):
    def forward(self, x, temb):
        skips = []
        for block in self.down:
            x = block(x, temb)
            skips.insert(0, x)
        for block, skip in zip(self.up, skips):
            x = block(torch.cat([x, skip], dim=1), temb)
        return self.out(x)


# 6.14 PixelAttention


def pixels_experiment(probe, PixelAttention):
    for B, C, H, W in [(2, 6, 4, 5), (3, 5, 2, 7), (5, 2, 3, 3)]:
        module = probe.build(PixelAttention, C)
        probe.train_and_eval(module, probe.normal(B, C, H, W))
        note_parameters(probe, module)
    probe.on_fake_device(module, probe.normal(B, C, H, W))


class PixelsInSteps(PixelAttention):
    """PixelAttention in three steps, each of which a wrong answer can do in its own way."""

    def tokens(self, x):
        return x.flatten(2).transpose(1, 2)

    def look(self, tokens):
        q, k, v = self.q(tokens), self.k(tokens), self.v(tokens)
        return F.scaled_dot_product_attention(q, k, v)

    def picture(self, seen, shape):
        return seen.transpose(1, 2).reshape(shape)

    def forward(self, x):
        return x + self.picture(self.look(self.tokens(x)), x.shape)


class WayInRepaired(PixelsInSteps):
    """The way in is right now, the way out is not: reshape of (B, HW, C) reads channels as pixels.
    Bring the channels back first: seen.transpose(1, 2).reshape(x.shape)."""

    def picture(self, seen, shape):
        return seen.reshape(shape)


class WayOutRepaired(PixelsInSteps):
    """The way out is right now, the way in is not: reshape to (B, HW, C) makes a token of C
    neighbouring pixels of one channel. Channels must move to the end:
    x.flatten(2).transpose(1, 2)."""

    def tokens(self, x):
        B, C, H, W = x.shape
        return x.reshape(B, H * W, C)


class WrongAxesTwice(PixelsInSteps):
    """You exchange channels and rows, and reshape then: a token is still no pixel. The channels
    have to become the last axis: x.permute(0, 2, 3, 1), then reshape; and permute(0, 3, 1, 2) on
    the way back."""

    def tokens(self, x):
        B, C, H, W = x.shape
        return x.permute(0, 2, 1, 3).reshape(B, H * W, C)

    def picture(self, seen, shape):
        B, C, H, W = shape
        return seen.reshape(B, H, C, W).permute(0, 2, 1, 3)


class ColumnsIn(PixelsInSteps):
    """The tokens are listed column by column, and put back row by row: height and width are
    exchanged on the way in. Use permute(0, 2, 3, 1), H before W, or flatten(2)."""

    def tokens(self, x):
        return rearrange(x, "b c h w -> b (w h) c")


class ColumnsOut(PixelsInSteps):
    """The tokens are listed row by row, and put back column by column: height and width are
    exchanged on the way out. Reshape to (B, C, H, W), or to (B, H, W, C) and move the channels."""

    def picture(self, seen, shape):
        return rearrange(seen, "b (w h) c -> b c h w", h=shape[2])


class NotAdded(PixelsInSteps):
    """x is lost. What the pixels take from each other is added to it: return x + ..."""

    def forward(self, x):
        return self.picture(self.look(self.tokens(x)), x.shape)


class OnlyFlattened(PixelsInSteps):
    """The pixels stand on the last axis, where the layers want the channels. flatten(2) gives
    (B, C, HW). Put transpose(1, 2) behind it, to have (B, HW, C)."""

    def tokens(self, x):
        return x.flatten(2)


class SidesTurnedOut(PixelsInSteps):
    """On the way out height and width change places: permute(0, 3, 2, 1) or transpose(1, 3) turns
    (B, H, W, C) into (B, C, W, H). Where H is W it even runs. It is permute(0, 3, 1, 2)."""

    def picture(self, seen, shape):
        B, C, H, W = shape
        return seen.reshape(B, H, W, C).permute(0, 3, 2, 1)


class ChannelsLook(PixelsInSteps):
    """Here the channels look at each other, not the pixels. The tokens must be (B, HW, C) when they
    come to F.scaled_dot_product_attention."""

    def look(self, tokens):
        q, k, v = (layer(tokens).mT for layer in (self.q, self.k, self.v))
        return F.scaled_dot_product_attention(q, k, v).mT


class PicturesLook(PixelsInSteps):
    """Your tokens are (HW, B, C), so the pictures of the batch look at each other. The batch has to
    stay first: (B, HW, C)."""

    def tokens(self, x):
        return rearrange(x, "b c h w -> (h w) b c")

    def picture(self, seen, shape):
        return rearrange(seen, "(h w) b c -> b c h w", h=shape[2])


class ValuesOld(PixelsInSteps):
    """Queries and keys are made of pixels now, the values still of the reshaped x. Use the same
    tokens for all three."""

    def forward(self, x):
        tokens, B = self.tokens(x), len(x)
        old = x.reshape(tokens.shape)
        seen = F.scaled_dot_product_attention(self.q(tokens), self.k(tokens), self.v(old))
        return x + seen.mT.reshape(B, *x.shape[1:])


class NotScaled(PixelsInSteps):
    """The scores are not divided by the root of C. F.scaled_dot_product_attention does that; keep
    it, the fault is not there."""

    def look(self, tokens):
        shares = (self.q(tokens) @ self.k(tokens).mT).softmax(dim=-1)
        return shares @ self.v(tokens)


class SharesTurned(PixelsInSteps):
    """The softmax runs over the queries. It has to run over the keys, the last axis, as
    F.scaled_dot_product_attention does it; keep it, the fault is not there."""

    def look(self, tokens):
        scores = self.q(tokens) @ self.k(tokens).mT / tokens.shape[-1] ** 0.5
        return scores.softmax(dim=1) @ self.v(tokens)


class OneLayerForAll(PixelsInSteps):
    """Queries, keys and values come from the same layer. Use all three: self.q, self.k and
    self.v."""

    def look(self, tokens):
        q = self.q(tokens)
        return F.scaled_dot_product_attention(q, q, q)


class PixelsByPermute(PixelAttention):
    def forward(self, x):
        B, C, H, W = x.shape
        tokens = x.permute(0, 2, 3, 1).reshape(B, H * W, C)
        seen = F.scaled_dot_product_attention(self.q(tokens), self.k(tokens), self.v(tokens))
        return x + seen.view(B, H, W, C).permute(0, 3, 1, 2)


class PixelsByEinops(PixelAttention):
    def forward(self, x):
        tokens = rearrange(x, "b c h w -> b (h w) c")
        q, k, v = self.q(tokens), self.k(tokens), self.v(tokens)
        shares = (einsum(q, k, "b i c, b j c -> b i j") / q.shape[-1] ** 0.5).softmax(-1)
        tokens = tokens + shares @ v
        return rearrange(tokens, "b (h w) c -> b c h w", h=x.shape[2])


class PixelsByConv(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(ch, ch, 1) for _ in range(3))

    def forward(self, x):
        q, k, v = (layer(x).flatten(2).mT for layer in self.layers)
        return F.scaled_dot_product_attention(q, k, v).mT.unflatten(2, x.shape[2:]) + x


class PixelsByColumns(PixelAttention):
    def forward(self, x):
        tokens = x.mT.flatten(2).mT
        seen = F.scaled_dot_product_attention(self.q(tokens), self.k(tokens), self.v(tokens))
        return x + seen.mT.reshape(*x.shape[:2], x.shape[3], x.shape[2]).mT


# 6.15 LateLayers


def late_experiment(probe, LateLayers):
    for B, C, K, depth, H, W in [(2, 3, 5, 3, 6, 4), (3, 4, 4, 2, 5, 7), (2, 6, 4, 1, 3, 5)]:
        x = probe.normal(B, C, H, W)
        note_what_is_kept(probe, LateLayers, (C, K, depth), x)
        module = probe.build(LateLayers, C, K, depth)
        probe.train_and_eval(module, x)
    probe.on_fake_device(module, x)


def note_what_is_kept(probe, cls, args, x):
    """Write down what PyTorch finds before the first call, and whether a second gives the same.

    probe.build would stop at the first fault, and could not tell who has repaired one of the two.
    """
    module = probe.run(f"{name(cls)}({arguments(args, cls)})", cls, *args, seed=1)
    if not isinstance(module, nn.Module) or "_parameters" not in vars(module):
        return  # probe.build says it
    found = sum(p.numel() for p in module.parameters())
    what = f"{name(cls)}({arguments([x], module)})"
    one, other = (probe.run(what, module, x.clone(), seed=seed) for seed in (2, 3))
    alike = [torch.allclose(a, b, equal_nan=True) for a, b in zip(tensors(one), tensors(other))]
    probe.note(
        "the same answer twice", all(alike),
        "Two calls with the same picture give two answers: a layer is made anew in each call.",
        "Make every layer in __init__, and use it in forward.",
    )  # fmt: skip
    probe.note(
        "numbers to train, before the first call", found, "",
        "PyTorch finds the layers that __init__ keeps on self, or in nn.ModuleList. It does not "
        "find those in a plain list, nor those that forward makes.",
    )  # fmt: skip


class ListRepaired(nn.Module):
    """PyTorch finds the convolutions now. But the shortcut is still made in forward, anew in each
    call, with new random weights: it never learns. Make it in __init__."""

    def __init__(self, in_ch, out_ch, depth):
        super().__init__()
        ins = [in_ch] + [out_ch] * (depth - 1)
        self.convs = nn.ModuleList([nn.Conv2d(i, out_ch, 3, padding=1) for i in ins])

    def forward(self, x):
        h = x
        for conv in self.convs:
            h = F.silu(conv(h))
        return h + nn.Conv2d(x.shape[1], h.shape[1], 1)(x)


class ShortcutRepaired(LateLayers):
    """The shortcut is made in __init__ now. But the convolutions are still in a plain list, dict or
    tuple, where PyTorch does not find them: they never learn. Use nn.ModuleList."""

    def __init__(self, in_ch, out_ch, depth):
        super().__init__(in_ch, out_ch, depth)
        convs = list(self.convs)
        del self.convs
        self.convs = convs


class LastOneRegistered(ShortcutRepaired):
    """Each convolution is kept on self under the same name, so only the last one stays there; the
    others are in the plain list alone. Use nn.ModuleList for all of them."""

    def __init__(self, in_ch, out_ch, depth):
        super().__init__(in_ch, out_ch, depth)
        for conv in self.convs:
            self.conv = conv


class OneForAll(LateLayers):
    """One convolution is used again and again. Each place has weights of its own: make a new
    nn.Conv2d for each."""

    def __init__(self, in_ch, out_ch, depth):
        super().__init__(in_ch, out_ch, depth)
        self.convs = nn.ModuleList([*self.convs[:1], *[self.convs[-1]] * (depth - 1)])


class OneUsedAgain(LateLayers):
    """The convolutions are there, but one of them is used again and again, and others never. Go
    through all of self.convs."""

    def forward(self, x):
        h = F.silu(self.convs[0](x))
        for _ in range(len(self.convs) - 1):
            h = F.silu(self.convs[1](h))
        return h + self.shortcut(x)


class OnlyTheLast(LateLayers):
    """Only one convolution runs: each loop begins with x again, or the loop has no effect. Hand on
    h: h = F.silu(conv(h))."""

    def forward(self, x):
        return F.silu(self.convs[0](x)) + self.shortcut(x)


class MadeOnce(ListRepaired):
    """The shortcut is made in the first call of forward, and kept. Then it is not there when the
    optimizer is made, or weights are loaded, before it. Make it in __init__."""

    def forward(self, x):
        h = x
        for conv in self.convs:
            h = F.silu(conv(h))
        if not hasattr(self, "shortcut"):
            self.shortcut = nn.Conv2d(x.shape[1], h.shape[1], 1)
        return h + self.shortcut(x)


class MadeOnceListKept(patients.LateLayers):
    """The shortcut is made in the first call of forward, and kept: too late for the optimizer. And
    the convolutions are in a plain list, where PyTorch does not find them. Make all in __init__,
    the convolutions in nn.ModuleList."""

    forward = MadeOnce.forward


class Seeded(ListRepaired):
    """A seed in forward makes the shortcut the same in each call. But it still never learns, and
    all random numbers after it are the same each time. Make the shortcut in __init__."""

    def forward(self, x):
        torch.manual_seed(0)
        return super().forward(x)


class AllInForward(nn.Module):
    """All layers are made in forward now, anew in each call, with new random weights: nothing
    learns. Make them in __init__, the convolutions in nn.ModuleList."""

    def __init__(self, in_ch, out_ch, depth):
        super().__init__()
        self.ins, self.out_ch = [in_ch] + [out_ch] * (depth - 1), out_ch

    def forward(self, x):
        h = x
        for conv in nn.ModuleList(nn.Conv2d(i, self.out_ch, 3, padding=1) for i in self.ins):
            h = F.silu(conv(h))
        return h + nn.Conv2d(x.shape[1], self.out_ch, 1)(x)


class NoShortcut(LateLayers):
    """The way around is gone. Make it in __init__, nn.Conv2d(in_ch, out_ch, 1), and add what it
    makes of x."""

    def __init__(self, in_ch, out_ch, depth):
        super().__init__(in_ch, out_ch, depth)
        del self.shortcut

    def forward(self, x):
        for conv in self.convs:
            x = F.silu(conv(x))
        return x


class ShortcutNotUsed(NoShortcut):
    """The shortcut is made in __init__, but forward does not add what it makes of x."""

    def __init__(self, in_ch, out_ch, depth):
        LateLayers.__init__(self, in_ch, out_ch, depth)


class SometimesNoShortcut(LateLayers):
    """Where the channels are equal, x is added as it is. Other blocks do that; here the 1x1
    convolution is there always."""

    def __init__(self, in_ch, out_ch, depth):
        super().__init__(in_ch, out_ch, depth)
        if in_ch == out_ch:
            self.shortcut = nn.Identity()


class ShortcutWithoutBias(LateLayers):
    """The 1x1 convolution has no bias. Leave bias at its default, True."""

    def __init__(self, in_ch, out_ch, depth):
        super().__init__(in_ch, out_ch, depth)
        self.shortcut = nn.Conv2d(in_ch, out_ch, 1, bias=False)


class WideShortcut(LateLayers):
    """The convolution around the others is 3x3. It was 1x1, and that was right."""

    def __init__(self, in_ch, out_ch, depth):
        super().__init__(in_ch, out_ch, depth)
        self.shortcut = nn.Conv2d(in_ch, out_ch, 3, padding=1)


class WithoutSiLU(LateLayers):
    """The SiLU after each convolution is lost. nn.Sequential(*convs) runs one convolution right
    after the other, and several of them are no more than one large one."""

    def forward(self, x):
        return nn.Sequential(*self.convs)(x) + self.shortcut(x)


class LastWithoutSiLU(LateLayers):
    """The last convolution has no SiLU. Each has one, then the shortcut is added."""

    def forward(self, x):
        h = x
        for conv in self.convs[:-1]:
            h = F.silu(conv(h))
        return self.convs[-1](h) + self.shortcut(x)


class SiLUOfTheSum(WithoutSiLU):
    """A SiLU comes after the sum. Each convolution has its own; the sum has none."""

    def forward(self, x):
        h = x
        for conv in self.convs:
            h = F.silu(conv(h))
        return F.silu(h + self.shortcut(x))


class LateSequential(nn.Module):
    def __init__(self, in_ch, out_ch, depth):
        super().__init__()
        layers = []
        for i in range(depth):
            layers += [nn.Conv2d(out_ch if i else in_ch, out_ch, 3, padding=1), nn.SiLU()]
        self.skip = nn.Conv2d(in_ch, out_ch, kernel_size=1)
        self.body = nn.Sequential(*layers)

    def forward(self, x):
        return self.skip(x) + self.body(x)


class LateByName(nn.Module):
    def __init__(self, in_ch, out_ch, depth):
        super().__init__()
        for i in range(depth):
            setattr(self, f"conv{i}", nn.Conv2d([in_ch, out_ch][i > 0], out_ch, 3, padding=1))
        self.around, self.depth = nn.Linear(in_ch, out_ch), depth

    def forward(self, x):
        around = self.around(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        for i in range(self.depth):
            x = F.silu(getattr(self, f"conv{i}")(x))
        return x + around


class LateByAppend(nn.Module):
    def __init__(self, in_ch, out_ch, depth):
        super().__init__()
        self.shortcut = nn.Conv2d(in_ch, out_ch, 1)
        self.convs = nn.ModuleList()
        for _ in range(depth):
            self.convs.append(nn.Conv2d(in_ch, out_ch, 3, padding="same"))
            in_ch = out_ch

    def forward(self, x):
        h = x.clone()
        for conv in self.convs:
            h = conv(h)
            h = h * torch.sigmoid(h)
        h += self.shortcut(x)
        return h


class LateRegistered(nn.Module):
    """The list is plain, but each of its layers is kept on self too."""

    def __init__(self, in_ch, out_ch, depth):
        super().__init__()
        ins = [in_ch, *(depth - 1) * [out_ch]]
        self.convs = [nn.Conv2d(i, out_ch, 3, padding=1) for i in ins]
        for i, conv in enumerate(self.convs):
            self.add_module(str(i), conv)
        self.layers = nn.ModuleDict({"shortcut": nn.Conv2d(in_ch, out_ch, 1)})

    def forward(self, x):
        h = x
        for conv in self.convs:
            h = F.silu(conv(h))
        return torch.add(h, self.layers["shortcut"](x))


EXERCISES = [
    Exercise(
        id="6.13",
        title="The skip of one's own level",
        notebook=NOTEBOOK,
        reference=FlatUNet,
        patient=patients.FlatUNet,
        experiment=flat_experiment,
        look="Number the skips as they are kept, 0, 1, 2. In which order does the way up use them? "
        "It should be 2, 1, 0, each behind x.",
        catalogue=by_hand({
            "skip before x": SkipBeforeX,
            "skip before x, order kept": SkipBeforeXAlone,
            "the last skip always": LastSkipAlways,
            "the first skip always": FirstSkipAlways,
            "off by one": OffByOne,
            "last, first, middle": LastTwoExchanged,
            "middle, first, last": FirstTwoExchanged,
            "bottom left out": BottomLeftOut,
            "kept before the block": KeptBeforeTheBlock,
            "skips added": SkipsAdded,
            "no skips": NoSkips,
            "x twice": TwiceX,
            "skips cut off": SkipsCutOff,
            "channels turned": MirroredSkips,
            "batch turned": MirroredPictures,
        }),
        also_right=[FlatByPop, FlatByIndex, FlatByName, FlatByRecursion, FlatByInsert],
    ),
    Exercise(
        id="6.14",
        title="A pixel is a token",
        notebook=NOTEBOOK,
        reference=PixelAttention,
        patient=patients.PixelAttention,
        experiment=pixels_experiment,
        look="Look at one token: are tokens[0, 0] and x[0, :, 0, 0] the same numbers? Then take "
        "the attention out: does the picture come back as it was?",
        catalogue=by_hand({
            "way in repaired alone": WayInRepaired,
            "way out repaired alone": WayOutRepaired,
            "wrong axes exchanged": WrongAxesTwice,
            "columns in": ColumnsIn,
            "columns out": ColumnsOut,
            "x not added": NotAdded,
            "height and width exchanged": SidesTurnedOut,
            "flattened only": OnlyFlattened,
            "channels look": ChannelsLook,
            "pictures look": PicturesLook,
            "old values": ValuesOld,
            "no scale": NotScaled,
            "softmax over the queries": SharesTurned,
            "one layer for all": OneLayerForAll,
        }),
        also_right=[PixelsByPermute, PixelsByEinops, PixelsByConv, PixelsByColumns],
    ),
    Exercise(
        id="6.15",
        title="Layers that are found",
        notebook=NOTEBOOK,
        reference=LateLayers,
        patient=patients.LateLayers,
        experiment=late_experiment,
        look="Print sum(p.numel() for p in net.parameters()) before the first call, and call it "
        "twice with the same x: all layers should count, and the answers agree.",
        catalogue=by_hand({
            "shortcut still in forward": ListRepaired,
            "list still plain": ShortcutRepaired,
            "the last one registered": LastOneRegistered,
            "one convolution for all": OneForAll,
            "one used again": OneUsedAgain,
            "only one runs": OnlyTheLast,
            "made in the first call": MadeOnce,
            "made in the first call, list still plain": MadeOnceListKept,
            "seed in forward": Seeded,
            "all made in forward": AllInForward,
            "no shortcut": NoShortcut,
            "shortcut not used": ShortcutNotUsed,
            "x added where it fits": SometimesNoShortcut,
            "shortcut without bias": ShortcutWithoutBias,
            "3x3 shortcut": WideShortcut,
            "no SiLU": WithoutSiLU,
            "last without SiLU": LastWithoutSiLU,
            "SiLU of the sum": SiLUOfTheSum,
        }),
        also_right=[LateSequential, LateByName, LateByAppend, LateRegistered],
    ),
]
