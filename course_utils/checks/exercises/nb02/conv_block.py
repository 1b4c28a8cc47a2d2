"""2.5 The conv block."""

import torch
from torch import nn

from course_utils.blocks import ConvBlock
from course_utils.checks.exercises.nb02.shortcut import shortcut
from course_utils.checks.exercises.nb02.timed_convs import TIME, TimedConvs, experiment  # noqa: F401
from course_utils.checks.parts import edits

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
You add the time before the first BatchNorm, which takes much of it out again. Add it after SiLU.
# time forgotten
- h = h + self.time_proj(temb)[:, :, None, None]
+
The time never reaches the result. Add temb, projected to K numbers, between the convolutions.
# sum divided by sqrt(2)
- return h + self.shortcut(x)
+ return (h + self.shortcut(x)) / 2**0.5
You divide the sum by sqrt(2), as some published networks do. Here it is the plain sum.
# shortcut of another x
+ return h + self.shortcut(h)
Your shortcut gets what the convolutions made, not the input. Is x overwritten on the way?
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
Something with in_ch channels is added to something with out_ch. The shortcut of x needs a 1x1
convolution to out_ch. The time needs out_ch numbers, and comes after the first convolution.
# channels swapped
- nn.Conv2d(in_ch, out_ch, 1)
+ nn.Conv2d(out_ch, in_ch, 1)
or
- nn.Linear(time_dim, out_ch)
+ nn.Linear(out_ch, time_dim)
The two numbers of a layer are swapped: what comes in goes first, then what comes out.
# shortcut without a bias
- nn.Conv2d(in_ch, out_ch, 1)
+ nn.Conv2d(in_ch, out_ch, 1, bias=False)
The convolution on your shortcut has no bias. Use nn.Conv2d as it comes, with one.
# shortcut always with a convolution
- nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)
+ nn.Conv2d(in_ch, out_ch, 1)
You use a convolution even where the channels are equal. There, add x unchanged: nn.Identity().
# BatchNorm on the shortcut
- nn.Conv2d(in_ch, out_ch, 1)
+ nn.Sequential(nn.Conv2d(in_ch, out_ch, 1), nn.BatchNorm2d(out_ch))
There is a norm on your shortcut. Leave the 1x1 convolution alone there.
# another activation
- F.silu(self.norm1(self.conv1(x)))
+ F.relu(self.norm1(self.conv1(x)))
- F.silu(self.norm2(self.conv2(h)))
+ F.relu(self.norm2(self.conv2(h)))
Your activation isn't SiLU, x * sigmoid(x), which the exercise asks for.
# SiLU before BatchNorm
+ self.norm1(F.silu(self.conv1(x)))
- F.silu(self.norm2(self.conv2(h)))
+ self.norm2(F.silu(self.conv2(h)))
SiLU comes before BatchNorm in your block. Each time the order is convolution, BatchNorm, SiLU.
# no SiLU after a convolution
+ self.norm1(self.conv1(x))
or
- F.silu(self.norm2(self.conv2(h)))
+ self.norm2(self.conv2(h))
SiLU is missing after the first convolution or the second. It follows both.
# no BatchNorm after the first convolution
- self.norm1 = nn.BatchNorm2d(out_ch)
+ self.norm1 = nn.Identity()
BatchNorm is missing after the first convolution.
# BatchNorm for in_ch channels
+ self.norm1 = nn.BatchNorm2d(in_ch)
The first BatchNorm expects in_ch channels, but it follows a convolution that makes out_ch.
# GroupNorm instead of BatchNorm
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
You normalise and activate before each convolution, as notebook 10 does. Here both come after it.
# no BatchNorm after the second convolution
- self.norm2 = nn.BatchNorm2d(out_ch)
+ self.norm2 = nn.Identity()
BatchNorm is missing after the second convolution.
# one BatchNorm for both
+ self.norm2 = self.norm1
or
- self.norm2(self.conv2(h))
+ self.norm1(self.conv2(h))
Both convolutions share one BatchNorm, whose averages would mix two features. Give each its own.
# second convolution for in_ch channels
- self.conv2 = nn.Conv2d(out_ch, out_ch, 3, padding=1)
+ self.conv2 = nn.Conv2d(in_ch, out_ch, 3, padding=1)
A convolution for in_ch channels gets out_ch. Is it the second one? Is it the first, called again,
or on what the shortcut made in place of x?
# no padding
+ self.conv2 = nn.Conv2d(out_ch, out_ch, 3)
or
+ self.conv2 = nn.Conv2d(out_ch, out_ch, 3)
- self.conv1 = nn.Conv2d(in_ch, out_ch, 3, padding=1)
+ self.conv1 = nn.Conv2d(in_ch, out_ch, 3)
A 3x3 convolution needs padding=1, or it cuts off two rows and columns. (The shortcut is 1x1.)
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
or
+ return F.silu(self.norm2(self.conv2(h))) + h
Your shortcut begins after the first convolution, not at the input. Is x overwritten on the way?
"""


class BlockOfTwo(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.convs = TimedConvs(in_ch, out_ch, time_dim)
        self.around = shortcut(in_ch, out_ch)

    def forward(self, x, temb):
        return self.around(x) + self.convs(x, temb)


class BlockFromTimedConvs(TimedConvs):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.skip = nn.Conv2d(in_ch, out_ch, 1) if in_ch != out_ch else None

    def forward(self, x, temb):
        return super().forward(x, temb) + (self.skip(x) if self.skip else x)


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


class BlockBySum(BlockOfTwo):
    def forward(self, x, temb):
        return torch.stack([self.around(x), self.convs(x, temb)]).sum(dim=0)


REFERENCE = ConvBlock
LOOK = (
    "Go through it in the order of the picture: convolution, BatchNorm, SiLU, time, "
    "convolution, BatchNorm, SiLU, shortcut."
)
CATALOGUE = edits(ConvBlock, TIME.replace("self.conv1(x)", "h") + MISTAKES)
ALSO_RIGHT = [BlockOfTwo, BlockFromTimedConvs, BlockOverwritingX, BlockBySum]
