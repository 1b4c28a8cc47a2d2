"""2.3 Add the time, channel by channel."""

import torch
from einops import rearrange, repeat
from torch import nn

from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.exercises.nb02.conv_bn_silu import conv_bn_silu
from course_utils.checks.mistakes import edits


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


MISTAKES = """
# time not spread over the pixels
- h = self.conv1(x) + self.time_proj(temb)[:, :, None, None]
+ h = self.conv1(x) + self.time_proj(temb)
or
- h = self.conv1(x) + self.time_proj(temb)[:, :, None, None]
+ h = self.time_proj(temb) + self.conv1(x)
The projected time is one number for each channel. But PyTorch lines up the last axes, so its
channels meet the columns. It needs two more axes behind: [:, :, None, None].

# time one axis short
- h = self.conv1(x) + self.time_proj(temb)[:, :, None, None]
+ h = self.conv1(x) + self.time_proj(temb)[:, :, None]
or
- h = self.conv1(x) + self.time_proj(temb)[:, :, None, None]
+ h = self.time_proj(temb)[:, :, None] + self.conv1(x)
The channels of the projected time meet the rows, for PyTorch lines up the last axes: (B, K, 1)
with K, H and W. Two new axes belong behind: [:, :, None, None].

# time after the second convolution
- h = self.conv1(x) + self.time_proj(temb)[:, :, None, None]
- return self.conv2(h)
+ return self.conv2(self.conv1(x)) + self.time_proj(temb)[:, :, None, None]
The time is added after the second convolution. Then it can only shift each channel; added before,
conv2 can let it change what it does with the picture.

# time before the first convolution
- h = self.conv1(x) + self.time_proj(temb)[:, :, None, None]
+ h = self.conv1(x + self.time_proj(temb)[:, :, None, None])
The time is added to x, before the first convolution. It has K numbers, as many as conv1 makes
channels: add it to what conv1 returns.

# first convolution twice
- return self.conv2(h)
+ return self.conv1(h)
conv1 is called a second time, on the K channels that it made. There it is conv2's turn.

# projection not called
- h = self.conv1(x) + self.time_proj(temb)[:, :, None, None]
+ h = self.conv1(x) + self.time_proj[:, :, None, None]
self.time_proj is a layer. Call it on temb, self.time_proj(temb), and give the two axes to what it
returns.

# axes before the projection
- h = self.conv1(x) + self.time_proj(temb)[:, :, None, None]
+ h = self.conv1(x) + self.time_proj(temb[:, :, None, None])
The two axes come too early: a linear layer works on the last axis, which must be the D numbers of
temb. Give them to what it returns: self.time_proj(temb)[:, :, None, None].

# time multiplied
- h = self.conv1(x) + self.time_proj(temb)[:, :, None, None]
+ h = self.conv1(x) * self.time_proj(temb)[:, :, None, None]
The time multiplies the features; here it is added. (Scaling is a good idea too, and is in use
elsewhere.)

# time without effect
- h = self.conv1(x) + self.time_proj(temb)[:, :, None, None]
+ h = self.conv1(x)
The time has no effect. Is the result of the addition the tensor that goes into conv2?

# time added twice
- return self.conv2(h)
+ return self.conv2(h) + self.time_proj(temb)[:, :, None, None]
The time is added twice. Add it once, between the convolutions.

# time of the first picture for all
- h = self.conv1(x) + self.time_proj(temb)[:, :, None, None]
+ h = self.conv1(x) + self.time_proj(temb[:1])[:, :, None, None]
Every picture gets the time of the first one. Each has its own row in temb.

# time not projected
- h = self.conv1(x) + self.time_proj(temb)[:, :, None, None]
+ h = self.conv1(x) + temb[:, :, None, None]
temb goes in as it is, with D numbers. It must go through self.time_proj first, which makes one
number for each of the K channels.

# activation on the projected time
- h = self.conv1(x) + self.time_proj(temb)[:, :, None, None]
+ h = self.conv1(x) + F.silu(self.time_proj(temb))[:, :, None, None]
The projected time goes through an activation before it is added. TimeEmbedding has one already;
here it is the bare linear layer.

# activation on the embedding
- h = self.conv1(x) + self.time_proj(temb)[:, :, None, None]
+ h = self.conv1(x) + self.time_proj(F.silu(temb))[:, :, None, None]
temb goes through an activation before the linear layer. TimeEmbedding ends with one already; here
it is the bare linear layer.

# second convolution not used
- return self.conv2(h)
+ return h
The second convolution is not used.
"""


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


EXERCISE = Exercise(
    id="2.3",
    title="Add the time, channel by channel",
    notebook="02_conv_block",
    reference=TimedConvs,
    experiment=block_experiment,
    look="The order is: conv1, plus the projected time, conv2.",
    catalogue=edits(TimedConvs, MISTAKES),
    also_right=[TimedByView, TimedByEinops, TimedByExpand],
)
