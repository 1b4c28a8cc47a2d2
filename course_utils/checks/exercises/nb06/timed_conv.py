"""6.6 The time, added to a map."""

from einops import repeat
from torch import nn
from torch.nn import functional as F

from course_utils.checks.exercises.nb06.healthy_networks import TimedConv
from course_utils.checks.exercises.nb06.repairs import repair_experiment

LINE_UP = "Line both shapes up at their right ends. Where they differ, one number has to be 1."
HINTS = {
    "size of tensor a|expanded size": LINE_UP,
    "for input of size": "view can't repeat anything. The sum itself spreads (B, K, 1, 1).",
    "mat1 and mat2": "The new axes belong to what self.time_proj returns, not to temb.",
}
CASES = [(2, 3, 5, 8, 4, 7), (3, 6, 2, 4, 7, 5)]
LENIENT = [(1, 3, 4, 6, 4, 4), (4, 3, 4, 6, 4, 4)]


def sizes(probe, B, C, K, D, H, W):
    return (C, K, D), [probe.normal(B, C, H, W), probe.normal(B, D)]


MISTAKES = """
# new axes in the wrong place
- F.silu(self.conv(x) + self.time_proj(temb)[:, :, None, None])
+ F.silu(self.conv(x) + self.time_proj(temb)[:, None, None])
| F.silu(self.conv(x) + self.time_proj(temb)[:, None, :, None])
| F.silu(self.conv(x) + self.time_proj(temb)[:, :, None])
Shapes line up from the right, so the K channels of your projected time meet the rows or columns of
the map. Both new axes go behind the channels: [:, :, None, None].
# batch lost in view
+ F.silu(self.conv(x) + self.time_proj(temb).view(1, -1, 1, 1))
view(1, -1, 1, 1) puts the numbers of all pictures in one row of B * K channels. Keep both axes,
with [:, :, None, None].
# new axes in front
+ F.silu(self.conv(x) + self.time_proj(temb)[None, None])
| F.silu(self.conv(x) + self.time_proj(temb)[None, None, :, :])
| F.silu(self.conv(x) + self.time_proj(temb).unsqueeze(0).unsqueeze(0))
You put the new axes in front, where PyTorch adds axes by itself, so nothing has changed. They
belong behind the channels: [:, :, None, None].
# one picture's time for all
+ F.silu(self.conv(x) + self.time_proj(temb)[0][None, :, None, None])
Every picture gets the time of the first. Keep the axis of the batch: [:, :, None, None].
# axes before the projection
+ F.silu(self.conv(x) + self.time_proj(temb[:, :, None, None]))
The new axes come too early. A linear layer works on the last axis, where temb's D numbers have to
be: give the axes to what it returns.
# SiLU on the time or the map
+ F.silu(self.conv(x) + F.silu(self.time_proj(temb))[:, :, None, None])
| F.silu(self.conv(x) + self.time_proj(F.silu(temb))[:, :, None, None])
| F.silu(F.silu(self.conv(x)) + self.time_proj(temb)[:, :, None, None])
The time or the map goes through a SiLU of its own. There's only one SiLU, that of the sum.
# time multiplied
+ F.silu(self.conv(x) * self.time_proj(temb)[:, :, None, None])
You multiply the map by the time, but here the time is added.
# time after SiLU
+ F.silu(self.conv(x)) + self.time_proj(temb)[:, :, None, None]
You add the time after SiLU. Add it to what the convolution returns, so that SiLU comes last.
# no SiLU
+ self.conv(x) + self.time_proj(temb)[:, :, None, None]
SiLU is missing. The sum of the two goes through it, as before.
# another activation
+ F.relu(self.conv(x) + self.time_proj(temb)[:, :, None, None])
That's another activation. Here it's SiLU, as it was.
# time not used
- self.conv(x) + self.time_proj(temb)[:, :, None, None]
+ self.conv(x)
The time has no effect. Add self.time_proj(temb) to what the convolution returns.
# convolution changed
- out_ch, 3, padding=1)
+ out_ch, 3)
| out_ch, 3, padding=1, bias=False)
The convolution has lost its padding or its bias. Leave it as it was, with padding=1.
"""


class ConvTimedByView(TimedConv):
    def forward(self, x, temb):
        h, time = self.conv(x), self.time_proj(temb)
        h += time.view(*time.shape, 1, 1)
        return F.silu(h)


class ConvTimedByEinops(TimedConv):
    def forward(self, x, temb):
        time = repeat(self.time_proj(temb), "b k -> b k h w", h=x.shape[2], w=x.shape[3])
        h = self.conv(x) + time
        return h * h.sigmoid()


class ConvTimedByConv(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.spread = nn.Conv2d(time_dim, out_ch, 1)
        self.conv, self.act = nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.SiLU(inplace=True)

    def forward(self, x, temb):
        return self.act(self.spread(temb.unflatten(1, (-1, 1, 1))) + self.conv(x))


class ConvTimedLast(TimedConv):
    def forward(self, x, temb):
        h = self.conv(x).permute(2, 3, 0, 1)  # (H, W, B, K)
        return F.silu(h + self.time_proj(temb)).permute(2, 3, 0, 1)


REFERENCE = TimedConv
experiment = repair_experiment(sizes, CASES, HINTS, LENIENT)
LOOK = (
    "The projected time, (B, K, 1, 1), is added to what the convolution returns, and SiLU "
    "comes last."
)
ALSO_RIGHT = [ConvTimedByView, ConvTimedByEinops, ConvTimedByConv, ConvTimedLast]
