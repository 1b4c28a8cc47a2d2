"""2.3 Add the time, channel by channel."""

import torch
from einops import rearrange
from torch import nn

from course_utils.checks.exercises.nb02.conv_bn_silu import conv_bn_silu
from course_utils.checks.parts import edits


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


def experiment(probe, Block):
    for B, C, K, D, H, W in [(3, 2, 5, 8, 4, 11), (2, 6, 3, 4, 5, 8), (4, 3, 3, 6, 8, 5)]:
        module = probe.build(Block, C, K, D)
        probe.train_and_eval(module, probe.normal(B, C, H, W), probe.normal(B, D))
        counts = [int(n) for key, n in module.named_buffers() if key.endswith("batches_tracked")]
        probe.note(
            "a norm that saw the batch twice", max(counts, default=1) > 1,
            "A BatchNorm in your module is called more than once, so its running averages see each "
            "batch more than once.", "Call each layer once, and keep what it returns.", aside=True,
        )  # fmt: skip
    probe.on_fake_device(module, probe.normal(B, C, H, W), probe.normal(B, D))


# Mistakes with the time. ConvBlock has h where self.conv1(x) is here.
TIME = """
# time not spread over the pixels
- h = self.conv1(x) + self.time_proj(temb)[:, :, None, None]
+ h = self.conv1(x) + self.time_proj(temb)
| h = self.conv1(x) + self.time_proj(temb)[:, :, None]
The channels of the projected time meet W columns or H rows, because PyTorch lines up the last axes.
Two new axes must follow them, and none may come before: [:, :, None, None].
# time concatenated
+ h = self.conv1(x)
+ h = torch.cat([h, self.time_proj(temb)[:, :, None, None].expand_as(h)], dim=1)
You append the time as more channels, which conv2 has no inputs for. Here it is added.
# projection not called
+ h = self.conv1(x) + self.time_proj[:, :, None, None]
self.time_proj is a layer. Call it first, self.time_proj(temb), and index what it returns.
# axes before the projection
+ h = self.conv1(x) + self.time_proj(temb[:, :, None, None])
Your two axes come too early: a linear layer works on the last axis, which must be the D numbers of
temb. Index its result instead: self.time_proj(temb)[:, :, None, None].
# time multiplied
+ h = self.conv1(x) * self.time_proj(temb)[:, :, None, None]
| h = self.conv1(x) * (1 + self.time_proj(temb)[:, :, None, None])
The time multiplies the features; here it is added. (Some networks do both.)
# time of the first picture for all
+ h = self.conv1(x) + self.time_proj(temb[:1])[:, :, None, None]
Every picture gets the time of the first one. Each has its own row of temb, so project all of it.
# times on other channels or pictures
+ h = self.conv1(x) + self.time_proj(temb).T.reshape(len(x), -1, 1, 1)
or
+ h = self.conv1(x)
+ h = h + self.time_proj(temb).repeat_interleave(h[0, 0].numel(), 0).reshape(h.shape)
The times land on other channels or pictures: reshape swaps no axes. Index: [:, :, None, None].
# time not projected
+ h = self.conv1(x) + temb[:, :, None, None]
You add temb itself, which has D numbers. self.time_proj turns it into one number per channel.
# activation on the time
+ h = self.conv1(x) + F.silu(self.time_proj(temb))[:, :, None, None]
| h = self.conv1(x) + self.time_proj(F.silu(temb))[:, :, None, None]
The time goes through another activation. TimeEmbedding already ends with one, so leave it out.
"""

MISTAKES = """
# time before the first convolution
- h = self.conv1(x) + self.time_proj(temb)[:, :, None, None]
+ h = self.conv1(x + self.time_proj(temb)[:, :, None, None])
You add the time to x. It has K numbers, as many as conv1 makes channels: add it after conv1.
# time without effect
+ h = self.conv1(x)
The time has no effect. Is the result of the addition the tensor that goes into conv2?
# time after the second convolution
- h = self.conv1(x) + self.time_proj(temb)[:, :, None, None]
- return self.conv2(h)
+ h = self.conv1(x)
+ return self.conv2(h) + self.time_proj(temb)[:, :, None, None]
You add the time after the second convolution, where it can only shift each channel. Added before,
it lets conv2 change what it does with the picture.
# first convolution twice
- return self.conv2(h)
+ return self.conv1(h)
You call conv1 again, on the K channels that it made. That is conv2's turn.
# picture by picture
+ return torch.cat([self.conv2(picture[None]) for picture in h])
You give conv2 one picture at a time, so its BatchNorm never sees the whole batch. Call it once.
# second convolution of x
+ return self.conv2(x)
conv2 gets x. It should get h, which conv1 and the time have made.
# second convolution not used
+ return h
You never call conv2. The sum goes through it before you return it.
# one more activation
+ return self.conv2(F.silu(h))
| return F.silu(self.conv2(h))
There is one SiLU too many. conv1 and conv2 already end with their own.
# a shortcut already
+ return self.conv2(h) + h
You add something to what conv2 returns. A shortcut isn't part of this exercise; it comes next.
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
        return self.second(self.first(x) + self.to_channels(rearrange(temb, "b d -> b d 1 1")))


class TimedByExpand(TimedConvs):
    def forward(self, x, temb):
        h = self.conv1(x)
        time = self.time_proj(temb).unsqueeze(-1).unsqueeze(-1).expand_as(h)
        return self.conv2(torch.stack([h, time]).sum(dim=0))


class TimedChannelsLast(TimedConvs):
    def forward(self, x, temb):
        time = self.time_proj(temb)
        h = self.conv1(x).permute(2, 3, 0, 1) + time
        return self.conv2(h.permute(2, 3, 0, 1))


REFERENCE = TimedConvs
LOOK = (
    "Compare your forward with the formula: h is conv1(x) plus the projected time, and the "
    "result is conv2(h)."
)
CATALOGUE = edits(TimedConvs, TIME + MISTAKES)
ALSO_RIGHT = [TimedByView, TimedByEinops, TimedByExpand, TimedChannelsLast]
