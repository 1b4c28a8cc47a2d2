"""2.5 The conv block."""

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import ConvBlock
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.exercises.nb02.shortcut import shortcut
from course_utils.checks.exercises.nb02.timed_convs import TimedConvs, block_experiment
from course_utils.checks.mistakes import edits

MISTAKES = """
# no shortcut
- self.shortcut = nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)
+
- return h + self.shortcut(x)
+ return h
The shortcut is missing: add x, or the 1x1 convolution of it, to what the convolutions return.

# shortcut multiplied
- return h + self.shortcut(x)
+ return h * self.shortcut(x)
The shortcut multiplies the result. It is added: then a gradient can run back through the sum as
it is.

# shortcut from the middle
- self.shortcut = nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)
+
- h = F.silu(self.norm2(self.conv2(h)))
- return h + self.shortcut(x)
+ return F.silu(self.norm2(self.conv2(h))) + h
Your shortcut begins after the first convolution. It begins at the block's input x.

# shortcut from the middle, and one that is not used
- h = F.silu(self.norm2(self.conv2(h)))
- return h + self.shortcut(x)
+ return F.silu(self.norm2(self.conv2(h))) + h
What you add at the end is what the first convolution made. Add what the shortcut makes of the
block's input x.

# shortcut of another x
- return h + self.shortcut(x)
+ return h + self.shortcut(h)
Your shortcut gets what the convolutions made, not the block's input. Is x overwritten on the way?
Leave x as it is, and give what the convolutions make another name, such as h.

# shortcut made in forward
- self.shortcut = nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)
+
- return h + self.shortcut(x)
+ return h + (x if x.shape == h.shape else nn.Conv2d(x.shape[1], h.shape[1], 1)(x))
The shortcut's convolution is made in forward, with new random weights in each call, and the
optimizer never sees it. Make it in __init__, and keep it on self.

# second convolution for in_ch channels
- self.conv2 = nn.Conv2d(out_ch, out_ch, 3, padding=1)
+ self.conv2 = nn.Conv2d(in_ch, out_ch, 3, padding=1)
The second convolution gets the out_ch channels that the first one made: it goes from out_ch to
out_ch. (Is it the second one that you call, and not the first one again?)

# second convolution not used
- h = F.silu(self.norm2(self.conv2(h)))
+
The second convolution is not used.

# shortcut without a convolution
- self.shortcut = nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)
+ self.shortcut = nn.Identity()
or
- return h + self.shortcut(x)
+ return x + h
Something with in_ch channels is added to something with out_ch. If it is x, it needs a 1x1
convolution that makes out_ch channels of it. If it is the time, its linear layer must return
out_ch numbers.

# shortcut only where the channels are equal
- self.shortcut = nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)
+
- return h + self.shortcut(x)
+ return h + x if x.shape == h.shape else h
Where in_ch and out_ch differ, your block has no shortcut. There, x goes around it through a 1x1
convolution.

# shortcut before the second convolution
- h = F.silu(self.norm2(self.conv2(h)))
- return h + self.shortcut(x)
+ return F.silu(self.norm2(self.conv2(h + self.shortcut(x))))
The shortcut is added before the second convolution. It goes around both: add it to what the
second one returns.

# shortcut not called
- return h + self.shortcut(x)
+ return h + self.shortcut
The shortcut is a layer, and you add the layer itself. Call it on x, and add what it returns.

# shortcut always with a convolution
- self.shortcut = nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)
+ self.shortcut = nn.Conv2d(in_ch, out_ch, 1)
Your shortcut has a convolution where the channels are equal too. There, x should come through
untouched: nn.Identity().

# shortcut not added
- return h + self.shortcut(x)
+ return h
The shortcut is made and not used: call it on x, and add the result to what the convolutions
return.

# shortcut of 3x3
- nn.Conv2d(in_ch, out_ch, 1)
+ nn.Conv2d(in_ch, out_ch, 3, padding=1)
The shortcut is a 3x3 convolution. Take 1x1: it leaves the place of everything alone.

# BatchNorm on the shortcut
- nn.Conv2d(in_ch, out_ch, 1)
+ nn.Sequential(nn.Conv2d(in_ch, out_ch, 1), nn.BatchNorm2d(out_ch))
There is BatchNorm on the shortcut. Leave it out: x should come through as it is.

# SiLU after the sum
- h = F.silu(self.norm2(self.conv2(h)))
- return h + self.shortcut(x)
+ return F.silu(self.norm2(self.conv2(h)) + self.shortcut(x))
or
- return h + self.shortcut(x)
+ return F.silu(h + self.shortcut(x))
SiLU is applied to the sum. It comes before the sum, so that the shortcut's x goes through the
block without an activation.

# no SiLU after the first convolution
- h = F.silu(self.norm1(self.conv1(x)))
+ h = self.norm1(self.conv1(x))
SiLU is missing after the first convolution.

# no SiLU after the second convolution
- h = F.silu(self.norm2(self.conv2(h)))
+ h = self.norm2(self.conv2(h))
SiLU is missing after the second convolution.

# no BatchNorm after the first convolution
- self.norm1 = nn.BatchNorm2d(out_ch)
+ self.norm1 = nn.Identity()
BatchNorm is missing after the first convolution.

# no BatchNorm after the second convolution
- self.norm2 = nn.BatchNorm2d(out_ch)
+ self.norm2 = nn.Identity()
BatchNorm is missing after the second convolution.

# one BatchNorm for both
- self.norm2 = nn.BatchNorm2d(out_ch)
+ self.norm2 = self.norm1
Both convolutions share one BatchNorm. Its running mean and variance would be a mixture of two
different features: each convolution needs its own.

# no padding
- self.conv1 = nn.Conv2d(in_ch, out_ch, 3, padding=1)
+ self.conv1 = nn.Conv2d(in_ch, out_ch, 3)
- self.conv2 = nn.Conv2d(out_ch, out_ch, 3, padding=1)
+ self.conv2 = nn.Conv2d(out_ch, out_ch, 3)
The padding is missing: each 3x3 convolution makes the picture two rows and two columns smaller.
Give both padding=1.

# ReLU instead of SiLU
- h = F.silu(self.norm1(self.conv1(x)))
+ h = F.relu(self.norm1(self.conv1(x)))
- h = F.silu(self.norm2(self.conv2(h)))
+ h = F.relu(self.norm2(self.conv2(h)))
That is a ReLU; asked for is SiLU.

# time not spread over the pixels
- h = h + self.time_proj(temb)[:, :, None, None]
+ h = h + self.time_proj(temb)
or
- h = h + self.time_proj(temb)[:, :, None, None]
+ h = self.time_proj(temb) + h
The projected time is one number for each channel. But PyTorch lines up the last axes, so its
channels meet the columns. It needs two more axes behind: [:, :, None, None].

# time one axis short
- h = h + self.time_proj(temb)[:, :, None, None]
+ h = h + self.time_proj(temb)[:, :, None]
The channels of the projected time meet the rows, for PyTorch lines up the last axes: (B, K, 1)
with K, H and W. Two new axes belong behind: [:, :, None, None].

# time after the second convolution
- h = h + self.time_proj(temb)[:, :, None, None]
- h = F.silu(self.norm2(self.conv2(h)))
+ h = F.silu(self.norm2(self.conv2(h))) + self.time_proj(temb)[:, :, None, None]
The time is added after the second convolution. Then it can only shift each channel; added before,
the second convolution can let it change what it does with the picture.

# time before the first SiLU
- h = F.silu(self.norm1(self.conv1(x)))
- h = h + self.time_proj(temb)[:, :, None, None]
+ h = F.silu(self.norm1(self.conv1(x)) + self.time_proj(temb)[:, :, None, None])
The time is added before the first SiLU. Here it comes after it: convolution, BatchNorm, SiLU,
then the time. (Both are in use.)

# activation on the projected time
- h = h + self.time_proj(temb)[:, :, None, None]
+ h = h + F.silu(self.time_proj(temb))[:, :, None, None]
The projected time goes through an activation before it is added. TimeEmbedding has one already;
here it is the bare linear layer.

# activation on the embedding
- h = h + self.time_proj(temb)[:, :, None, None]
+ h = h + self.time_proj(F.silu(temb))[:, :, None, None]
temb goes through an activation before the linear layer. TimeEmbedding ends with one already; here
it is the bare linear layer.

# time multiplied
- h = h + self.time_proj(temb)[:, :, None, None]
+ h = h * self.time_proj(temb)[:, :, None, None]
The time multiplies the features; here it is added.

# time forgotten
- h = h + self.time_proj(temb)[:, :, None, None]
+
The time is not used: forward must add temb, projected to K numbers, between the convolutions.

# input changed in place
- return h + self.shortcut(x)
+ if x.shape == h.shape:
+     x += h
+     return x
+ return h + self.shortcut(x)
Your forward writes its result into x. Whoever called it may still need the old x: the encoder
hands it over as a skip.
"""


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


EXERCISE = Exercise(
    id="2.5",
    title="The conv block",
    notebook="02_conv_block",
    reference=ConvBlock,
    experiment=block_experiment,
    look="Go through it in the order of the picture: convolution, BatchNorm, SiLU, time, "
    "convolution, BatchNorm, SiLU, shortcut.",
    catalogue=edits(ConvBlock, MISTAKES),
    also_right=[BlockOfTwo, BlockInOtherWords, BlockByFunctions],
)
