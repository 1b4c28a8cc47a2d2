"""2.5 The conv block."""

import torch
from einops.layers.torch import Rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import ConvBlock
from course_utils.checks.exercises.nb02.conv_bn_silu import conv_bn_silu
from course_utils.checks.exercises.nb02.shortcut import shortcut
from course_utils.checks.exercises.nb02.timed_convs import TIME, TimedConvs, block_experiment
from course_utils.checks.parts import Exercise, edits

MISTAKES = """
# time after the second convolution
- h = h + self.time_proj(temb)[:, :, None, None]
- h = F.silu(self.norm2(self.conv2(h)))
+ h = F.silu(self.norm2(self.conv2(h)))
+ h = h + self.time_proj(temb)[:, :, None, None]
You add the time after the second convolution. There it can only shift each channel; added before,
it lets the second convolution change what it does with the picture.
# time before the first SiLU
- h = F.silu(self.norm1(self.conv1(x)))
- h = h + self.time_proj(temb)[:, :, None, None]
+ h = self.norm1(self.conv1(x))
+ h = F.silu(h + self.time_proj(temb)[:, :, None, None])
You add the time before the first SiLU. Here it comes after. (Both are in use.)
# time before the first BatchNorm
+ h = self.conv1(x)
+ h = F.silu(self.norm1(h + self.time_proj(temb)[:, :, None, None]))
You add the time before the first BatchNorm, which takes much of it out again with the mean. Add it
after SiLU, just before the second convolution.
# time forgotten
- h = h + self.time_proj(temb)[:, :, None, None]
+
The time never reaches the result. Add temb, projected to K numbers, between the convolutions.
# shortcut multiplied
- return h + self.shortcut(x)
+ return h * self.shortcut(x)
You multiply by the shortcut. Add it, so that a gradient can run back through the sum unchanged.
# sum divided by sqrt(2)
+ return (h + self.shortcut(x)) / 2**0.5
You divide the sum by sqrt(2), as some published networks do. Here it is the plain sum.
# shortcut of another x
+ return h + self.shortcut(h)
Your shortcut gets what the convolutions made, not the block's input. Is x overwritten on the way?
Give what the convolutions make another name, such as h.
# shortcut not called
+ return h + self.shortcut
You add the layer self.shortcut itself. Call it on x and add what it returns.
# SiLU after the sum
+ return F.silu(h + self.shortcut(x))
or
- h = F.silu(self.norm2(self.conv2(h)))
- return h + self.shortcut(x)
+ return F.silu(self.norm2(self.conv2(h)) + self.shortcut(x))
You apply SiLU to the sum. Apply it before, so that x itself can pass through the block.
# shortcut before the second convolution
+ return F.silu(self.norm2(self.conv2(h + self.shortcut(x))))
You add the shortcut before the second convolution. It goes around both: add it at the end.
# shortcut without a convolution
- nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)
+ nn.Identity()
Something with in_ch channels is added to something with out_ch. If it is x, it needs a 1x1
convolution to out_ch; if it is the time, its linear layer must return out_ch numbers.
# shortcut always with a convolution
+ nn.Conv2d(in_ch, out_ch, 1)
You use a convolution even where the channels are equal. There, add x unchanged: nn.Identity().
# shortcut of 3x3
+ nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 3, padding=1)
Your shortcut is a 3x3 convolution. Use 1x1, which leaves everything in its place.
# BatchNorm on the shortcut
- nn.Conv2d(in_ch, out_ch, 1)
+ nn.Sequential(nn.Conv2d(in_ch, out_ch, 1), nn.BatchNorm2d(out_ch))
There is a norm on your shortcut. Leave the 1x1 convolution alone there.
# no SiLU after the first convolution
- F.silu(self.norm1(self.conv1(x)))
+ self.norm1(self.conv1(x))
SiLU is missing after the first convolution.
# ReLU instead of SiLU
+ F.relu(self.norm1(self.conv1(x)))
- F.silu(self.norm2(self.conv2(h)))
+ F.relu(self.norm2(self.conv2(h)))
You use ReLU as the activation; the exercise asks for SiLU.
# GELU instead of SiLU
+ F.gelu(self.norm1(self.conv1(x)))
- F.silu(self.norm2(self.conv2(h)))
+ F.gelu(self.norm2(self.conv2(h)))
You use GELU as the activation; the exercise asks for SiLU.
# SiLU before BatchNorm
+ self.norm1(F.silu(self.conv1(x)))
- F.silu(self.norm2(self.conv2(h)))
+ self.norm2(F.silu(self.conv2(h)))
SiLU comes before BatchNorm in your block. Each time the order is convolution, BatchNorm, SiLU.
# no SiLU after the second convolution
- F.silu(self.norm2(self.conv2(h)))
+ self.norm2(self.conv2(h))
SiLU is missing after the second convolution.
# no BatchNorm after the first convolution
- self.norm1 = nn.BatchNorm2d(out_ch)
+ self.norm1 = nn.Identity()
BatchNorm is missing after the first convolution.
# BatchNorm for in_ch channels
+ self.norm1 = nn.BatchNorm2d(in_ch)
The first BatchNorm expects in_ch channels, but it follows a convolution that makes out_ch.
# GroupNorm instead of BatchNorm
+ self.norm1 = nn.GroupNorm(8, out_ch)
or
+ self.norm1 = nn.GroupNorm(32, out_ch)
or
+ self.norm1 = nn.GroupNorm(1, out_ch)
- self.norm2 = nn.BatchNorm2d(out_ch)
+ self.norm2 = nn.GroupNorm(1, out_ch)
You use GroupNorm, as notebook 10 will. Here the norm is BatchNorm.
# pre-activation
+ self.norm1 = nn.BatchNorm2d(in_ch)
- F.silu(self.norm1(self.conv1(x)))
+ self.conv1(F.silu(self.norm1(x)))
- F.silu(self.norm2(self.conv2(h)))
+ self.conv2(F.silu(self.norm2(h)))
You normalise and activate before each convolution (pre-activation, as notebook 10 does). Here the
order is convolution, BatchNorm, SiLU.
# no BatchNorm after the second convolution
- self.norm2 = nn.BatchNorm2d(out_ch)
+ self.norm2 = nn.Identity()
BatchNorm is missing after the second convolution.
# one BatchNorm for both
+ self.norm2 = self.norm1
or
- self.norm2(self.conv2(h))
+ self.norm1(self.conv2(h))
Both convolutions share one BatchNorm, whose running averages would mix two different features. Give
each its own.
# second convolution for in_ch channels
- self.conv2 = nn.Conv2d(out_ch, out_ch, 3, padding=1)
+ self.conv2 = nn.Conv2d(in_ch, out_ch, 3, padding=1)
The second convolution gets the out_ch channels that the first one made. (Or did you call the first
one again?)
# no padding
+ self.conv2 = nn.Conv2d(out_ch, out_ch, 3)
- self.conv1 = nn.Conv2d(in_ch, out_ch, 3, padding=1)
+ self.conv1 = nn.Conv2d(in_ch, out_ch, 3)
Your convolutions have no padding, so each cuts off two rows and two columns. Give both padding=1.
# second convolution not used
- h = F.silu(self.norm2(self.conv2(h)))
+
The second convolution, with its BatchNorm and SiLU, is never used.
# no shortcut
- h + self.shortcut(x)
+ h
or
+ h
- self.shortcut = nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)
+
The shortcut is missing: add x, or its 1x1 convolution where the channels differ, at the end.
# shortcut only where the channels are equal
+ h + x if x.shape == h.shape else h
- self.shortcut = nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)
+
Where in_ch and out_ch differ, your block has no shortcut. There, add a 1x1 convolution of x.
# shortcut from the middle
- h = F.silu(self.norm2(self.conv2(h)))
- return h + self.shortcut(x)
+ return F.silu(self.norm2(self.conv2(h))) + h
- self.shortcut = nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)
+
Your shortcut begins after the first convolution. It has to begin at the block's input x.
"""


class BlockOfTwo(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.convs = TimedConvs(in_ch, out_ch, time_dim)
        self.around = shortcut(in_ch, out_ch)

    def forward(self, x, temb):
        return self.around(x) + self.convs(x, temb)


class BlockInParts(nn.Module):
    def __init__(self, c_in, c_out, d):
        super().__init__()
        self.skip = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else None
        self.embed = nn.Sequential(nn.Linear(d, c_out), Rearrange("b k -> b k 1 1"))
        self.b, self.a = conv_bn_silu(c_out, c_out), conv_bn_silu(c_in, c_out)

    def forward(self, x, temb):
        out = self.b(self.a(x) + self.embed(temb))
        out += x if self.skip is None else self.skip(x)
        return out


class BlockOverwritingX(nn.Module):
    def __init__(self, in_channels, out_channels, emb_dim):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.bn1, self.bn2 = nn.BatchNorm2d(out_channels), nn.BatchNorm2d(out_channels)
        self.emb, self.act = nn.Linear(emb_dim, out_channels), nn.SiLU(inplace=True)
        if in_channels != out_channels:
            self.residual = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x, emb):
        residual = self.residual(x) if hasattr(self, "residual") else x
        x = self.act(self.bn1(self.conv1(x)))
        x = x + self.emb(emb)[(...,) + (None,) * 2]
        x = self.act(self.bn2(self.conv2(x)))
        return torch.add(x, residual)


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
    reference=ConvBlock,
    experiment=block_experiment,
    look="Go through it in the order of the picture: convolution, BatchNorm, SiLU, time, "
    "convolution, BatchNorm, SiLU, shortcut.",
    catalogue=edits(ConvBlock, TIME.replace("self.conv1(x)", "h") + MISTAKES),
    also_right=[BlockOfTwo, BlockInParts, BlockOverwritingX, BlockByFunctions],
)
