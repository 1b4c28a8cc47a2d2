"""10.6 A block that scales and shifts."""

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import FiLMBlock
from course_utils.checks.exercises.nb10.res_block import CHANNELS, note_effect_of_time

LOOK = (
    "The main path goes: norm1, SiLU, conv1, norm2, times 1 + scale, plus shift, SiLU, conv2. "
    "Compare it with yours, step by step."
)
LAYERS = (
    "Both norms are nn.GroupNorm(groups, channels), conv1 and conv2 are 3x3 convolutions, and W is "
    "one nn.Linear(time_dim, 2 * out_ch)."
)
SUM = (
    "The time has the right effect, so the main path is right too, up to its biases. Look at what "
    "is added to it: x, or a 1x1 convolution of x."
)
CASES = [
    (3, 16, 16, 7, 5, 4, (), SUM),
    (2, 16, 24, 5, 3, 6, (), "This is right where in_ch equals out_ch. Where they differ, the "
     "shortcut is a 1x1 convolution of x."),
    (2, 6, 9, 4, 4, 3, (3,), "This is right with 8 groups. Both norms need the number that is "
     "given: nn.GroupNorm(groups, ...)."),
]  # fmt: skip
SHARED = (
    "One of your norms or convolutions serves twice.",
    "Make norm1, conv1, norm2 and conv2 each a layer of its own.",
)
HINTS = [
    CHANNELS,
    (r"dimension [23]", r"", "Scale and shift are (B, K). Each needs two new axes after the "
     "channels: [:, :, None, None]."),
    (r"dimension 1", r"", "The linear layer gives 2 * out_ch numbers; scale and shift have out_ch "
     "each. Split them along axis 1: .chunk(2, dim=1)."),
]  # fmt: skip


def experiment(probe, FiLMBlock):
    for B, in_ch, out_ch, D, H, W, more, look in CASES:
        x, temb = probe.normal(B, in_ch, H, W), probe.normal(B, D)
        with probe.advice(*HINTS, look=LAYERS):
            block = probe.build(FiLMBlock, in_ch, out_ch, D, *more)
        with probe.advice(*HINTS, look=look):
            if look == SUM:
                note_effect_of_time(probe, block, x, temb, LOOK)
                enough = sum(p.numel() for p in block.parameters()) >= 4960
                probe.note("layers of their own", enough, *SHARED)
            probe.train_and_eval(block, x, temb)
    probe.on_fake_device(block, x, temb)


MISTAKES = """
# no 1 in the scale
- h = self.norm2(h) * (1 + scale) + shift
+ h = self.norm2(h) * scale + shift
You multiply by the scale alone. Multiply by 1 + scale, so that a scale of 0 changes nothing.
# 1 minus the scale
+ h = self.norm2(h) * (1 - scale) + shift
You multiply by 1 - scale. It's 1 + scale.
# before the norm
+ h = self.norm2(h * (1 + scale) + shift)
You scale and shift before norm2, which takes out most of it again. Do it to what norm2 returns.
# shift scaled too
+ h = (self.norm2(h) + shift) * (1 + scale)
You shift first and scale after that, so the shift is scaled too. Scale first, then shift.
# only shifted
+ h = self.norm2(h) + shift
The scale isn't used. What norm2 returns is multiplied by 1 + scale, then shift is added.
# only scaled
+ h = self.norm2(h) * (1 + scale)
The shift isn't used. After the scaling, shift is added.
# no time
+ h = self.norm2(h)
The time has no effect. Multiply what norm2 returns by 1 + scale, and add shift.
# after the SiLU
+ h = F.silu(self.norm2(h)) * (1 + scale) + shift
- self.conv2(F.silu(h))
+ self.conv2(h)
You scale and shift after the second SiLU. It's done between norm2 and the SiLU.
# scale and shift swapped
- scale, shift = self.time_proj(F.silu(temb))[:, :, None, None].chunk(2, dim=1)
+ shift, scale = self.time_proj(F.silu(temb))[:, :, None, None].chunk(2, dim=1)
You take the first half of W's numbers for the shift. The first K are the scale, the others the
shift.
# time without SiLU
+ scale, shift = self.time_proj(temb)[:, :, None, None].chunk(2, dim=1)
temb goes straight into the linear layer. Here it passes SiLU first: time_proj(silu(temb)).
# added as well
+ scale, shift = self.time_proj(F.silu(temb))[:, :, None, None].chunk(2, dim=1)
+ h = h + shift
The time is added before norm2 as well, as in ResBlock. Here it only scales and shifts after norm2.
# SiLU after the time's layer
+ F.silu(self.time_proj(temb))
You apply SiLU after the time's linear layer. Apply it to temb, before it: time_proj(silu(temb)).
# every other number
+ scale, shift = self.time_proj(F.silu(temb)).view(len(x), -1, 2)[..., None, None].unbind(2)
You take every other number for the scale. The first K numbers are the scale: .chunk(2, dim=1).
# split along the batch
+ scale, shift = self.time_proj(F.silu(temb))[:, :, None, None].chunk(2)
You split along the batch: .chunk(2) takes axis 0. Write .chunk(2, dim=1).
# time not spread over the pixels
+ scale, shift = self.time_proj(F.silu(temb)).chunk(2, dim=1)
The time is (B, 2 K), the features are (B, K, H, W). It needs two axes: [:, :, None, None].
# at the end
- h = self.norm2(h) * (1 + scale) + shift
- return self.conv2(F.silu(h)) + self.shortcut(x)
+ h = self.conv2(F.silu(self.norm2(h)))
+ return h * (1 + scale) + shift + self.shortcut(x)
You scale and shift what conv2 returns. It's done before, between norm2 and the second SiLU.
# SiLU missing
- self.conv1(F.silu(self.norm1(x)))
+ self.conv1(self.norm1(x))
or
- self.conv2(F.silu(h)) + self.shortcut(x)
+ self.conv2(h) + self.shortcut(x)
A SiLU is missing. One comes right before each of the two convolutions.
# norm missing
- self.conv1(F.silu(self.norm1(x)))
+ self.conv1(F.silu(x))
or
- h = self.norm2(h) * (1 + scale) + shift
+ h = h * (1 + scale) + shift
One of the norms isn't used. norm1 gets x, norm2 gets what conv1 returns.
# shortcut of h
- self.conv2(F.silu(h)) + self.shortcut(x)
+ self.conv2(F.silu(h)) + self.shortcut(h)
What you add at the end is made from h. It must be made from x, the input. (Do you overwrite x?)
# shortcut of the normalised x
+ self.conv2(F.silu(h)) + self.shortcut(self.norm1(x))
The shortcut carries x after its norm. It must carry x itself. (Do you overwrite x?)
# in_ch channels added to out_ch
+ self.conv2(F.silu(h)) + x
You add in_ch channels to out_ch channels. Where the two differ, x needs its 1x1 convolution.
# no shortcut
+ self.conv2(F.silu(h))
The shortcut is missing. The block returns conv2's output plus shortcut(x).
# shortcut always a convolution
- nn.Identity() if in_ch == out_ch else
+
Your shortcut has a convolution even where in_ch equals out_ch. There it's x itself: nn.Identity().
# groups ignored
- self.norm1 = nn.GroupNorm(groups, in_ch)
+ self.norm1 = nn.GroupNorm(1, in_ch)
- self.norm2 = nn.GroupNorm(groups, out_ch)
+ self.norm2 = nn.GroupNorm(1, out_ch)
or
+ self.norm1 = nn.InstanceNorm2d(in_ch, affine=True)
- self.norm2 = nn.GroupNorm(groups, out_ch)
+ self.norm2 = nn.InstanceNorm2d(out_ch, affine=True)
Your norms don't have the groups that were asked for. Write nn.GroupNorm(groups, channels).
# BatchNorm
+ self.norm1 = nn.BatchNorm2d(in_ch)
- self.norm2 = nn.GroupNorm(groups, out_ch)
+ self.norm2 = nn.BatchNorm2d(out_ch)
With BatchNorm a picture's result depends on its batch. Use nn.GroupNorm(groups, channels).
"""


class FiLMByHalves(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim, groups=8):
        super().__init__()

        def half(i):
            return nn.GroupNorm(groups, i), nn.SiLU(), nn.Conv2d(i, out_ch, 3, padding="same")

        self.one, (self.norm, *two) = nn.Sequential(*half(in_ch)), half(out_ch)
        self.two, self.K = nn.Sequential(*two), out_ch
        self.time = nn.Sequential(nn.SiLU(), nn.Linear(time_dim, 2 * out_ch))
        self.past = nn.Sequential(*[nn.Conv2d(in_ch, out_ch, 1)] * (in_ch != out_ch))

    def forward(self, x, temb):
        scale, shift = self.time(temb).unflatten(1, (2, self.K, 1, 1)).unbind(1)
        return self.past(x) + self.two(torch.addcmul(shift, self.norm(self.one(x)), 1 + scale))


class FiLMBySlices(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim, groups=8):
        super().__init__()
        self.norms = nn.ModuleList(nn.GroupNorm(groups, ch) for ch in (in_ch, out_ch))
        self.convs = nn.ModuleList(nn.Conv2d(i, out_ch, 3, 1, 1) for i in (in_ch, out_ch))
        self.W, self.around = nn.Linear(time_dim, 2 * out_ch), None
        if in_ch != out_ch:
            self.around = nn.Conv2d(in_ch, out_ch, 1)

    def forward(self, x, temb):
        w = self.W(temb * temb.sigmoid()).unsqueeze(-1).unsqueeze(-1)
        K = w.shape[1] // 2
        h = self.norms[1](self.convs[0](F.silu(self.norms[0](x))))
        h = self.convs[1](F.silu(h + h * w[:, :K] + w[:, K:], inplace=True))
        return h + (x if self.around is None else self.around(x))


class FiLMByEinops(FiLMBySlices):
    def forward(self, x, temb):
        around = x if self.around is None else self.around(x)
        scale, shift = rearrange(self.W(F.silu(temb)), "b (two k) -> two b k 1 1", two=2)
        h = self.norms[1](self.convs[0](F.silu(self.norms[0](x))))
        return sum([around, self.convs[1](F.silu(scale * h + h + shift))])


class FiLMInPlace(FiLMBySlices):
    def forward(self, x, temb):
        around = x.clone() if self.around is None else self.around(x)
        scale, shift = torch.tensor_split(self.W(nn.SiLU()(temb))[..., None, None], 2, dim=1)
        x = self.norms[1](self.convs[0](F.silu(self.norms[0](x))))
        x = x.mul(scale + 1).add_(shift)
        return self.convs[1](F.silu(x, inplace=True)).add_(around)


REFERENCE = FiLMBlock
ALSO_RIGHT = [FiLMByHalves, FiLMBySlices, FiLMByEinops, FiLMInPlace]
