"""6.6 The time on the wrong axis."""

from einops import repeat
from torch import nn
from torch.nn import functional as F

from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.exercises.nb06.broken_networks import PATIENTS
from course_utils.checks.exercises.nb06.healthy_networks import TimedConv
from course_utils.checks.exercises.nb06.repairs import repair_experiment
from course_utils.checks.mistakes import edits

LINE_UP = "Write both shapes flush right. Where they differ, one of the numbers has to be 1."
HINTS = {
    "size of tensor a|expanded size": LINE_UP,
    "for input of size": "view repeats nothing. (B, K, 1, 1) is repeated by the sum itself.",
    "mat1 and mat2": "The new axes belong to what self.time_proj returns, not to temb.",
}
CASES = [(2, 3, 5, 8, 4, 7), (3, 6, 2, 4, 7, 5)]
LENIENT = [(1, 3, 4, 6, 4, 4), (4, 3, 4, 6, 4, 4)]


def sizes(probe, B, C, K, D, H, W):
    return (C, K, D), [probe.normal(B, C, H, W), probe.normal(B, D)]


MISTAKES = """
# channels on the columns
- [:, :, None, None]
+ [:, None, None]
The projected time is (B, 1, 1, K), so its channels meet the columns. The new axes go behind the
channels: [:, :, None, None].
# channels on the rows
+ [:, None, :, None]
The projected time is (B, 1, K, 1), so its channels meet the rows. Both new axes go behind them: [:,
:, None, None].
# pictures on the channels, channels on the rows
+ [:, :, None]
The projected time is (B, K, 1), or (1, B, K, 1). Shapes line up from the right, so B meets the
channels, and K the rows: both new axes go behind.
# pictures on the channels, channels on the columns
+ [:, None]
The projected time is (B, 1, K), or (1, B, 1, K). Shapes line up from the right, so B meets the
channels, and K the columns: both new axes go behind.
# an axis too many
+ [:, :, None, None, None]
or
+ [None, :, None, None]
The projected time has five axes, and so has the sum. It should be (B, K, 1, 1).
# batch lost in view
+ .view(1, -1, 1, 1)
The batch is lost: view(1, -1, 1, 1) puts all pictures in one row of B * K channels. Keep both axes,
with [:, :, None, None].
# averaged
+ .mean(dim=1)[:, None, None, None]
or
+ .mean(dim=0)[:, None, None]
or
+ .mean()
The projected time is averaged, so pictures or channels share a number. Each picture has its own for
each channel.
# time of the first picture for all
+ [:1, :, None, None]
Every picture gets the time of the first one, and each has its own row in temb.

# axes before the projection
- temb)[:, :, None, None]
+ temb[:, :, None, None])
The new axes come too early. A linear layer works on the last axis, which has to be temb's D
numbers: give the axes to what it returns.

# SiLU on the time
- self.time_proj(temb)[:, :, None, None]
+ F.silu(self.time_proj(temb))[:, :, None, None]
The projected time goes through a SiLU of its own. There is one SiLU, and it's that of the sum.

# SiLU on the embedding
- self.time_proj(temb)
+ self.time_proj(F.silu(temb))
temb goes through SiLU before its linear layer, as in many published blocks. Here there is one SiLU,
that of the sum.

# SiLU on the convolution
- self.conv(x) +
+ F.silu(self.conv(x)) +
The map goes through SiLU before the sum as well. There is one SiLU, that of the sum.
# time multiplied
+ self.conv(x) *
The time multiplies the map, and here it's added.

# time after SiLU
- F.silu(self.conv(x) + self.time_proj(temb)[:, :, None, None])
+ F.silu(self.conv(x)) + self.time_proj(temb)[:, :, None, None]
The time is added after SiLU. Add it to what the convolution returns, so that SiLU comes last.
# no SiLU
+ self.conv(x) + self.time_proj(temb)[:, :, None, None]
SiLU is lost. The sum of the two goes through it, as before.

# another activation
- F.silu
+ F.relu
The activation is another one. Here it's SiLU, as it was.

# time not used
- self.conv(x) + self.time_proj(temb)[:, :, None, None]
+ self.conv(x)
or
- self.time_proj = nn.Linear(time_dim, out_ch)
+
- self.conv(x) + self.time_proj(temb)[:, :, None, None]
+ self.conv(x)
The time has no effect. Add self.time_proj(temb) to what the convolution returns.

# time on the input
- nn.Linear(time_dim, out_ch)
+ nn.Linear(time_dim, in_ch)
- self.conv(x) + self.time_proj(temb)[:, :, None, None]
+ self.conv(x + self.time_proj(temb)[:, :, None, None])
The time is added to the input, and time_proj has in_ch channels for that. Add it after the
convolution; time_proj was right.
"""


class ConvTimedByView(TimedConv):
    def forward(self, x, temb):
        h, time = self.conv(x), self.time_proj(temb)
        h += time.view(*time.shape, 1, 1)
        return F.silu(h)


class ConvTimedByEinops(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.time = nn.Linear(time_dim, out_ch)
        self.layer = nn.Conv2d(in_ch, out_ch, (3, 3), padding="same")

    def forward(self, x, temb):
        time = repeat(self.time(temb), "b k -> b k h w", h=x.shape[2], w=x.shape[3])
        h = self.layer(x) + time
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


EXERCISE = Exercise(
    id="6.6",
    title="The time on the wrong axis",
    notebook="06_debugging_dimensions",
    reference=TimedConv,
    patient=PATIENTS["TimedConv"],
    experiment=repair_experiment(sizes, CASES, LENIENT, HINTS),
    look="The projected time, (B, K, 1, 1), is added to what the convolution returns, and SiLU "
    "comes last.",
    catalogue=edits(TimedConv, MISTAKES),
    also_right=[ConvTimedByView, ConvTimedByEinops, ConvTimedByConv, ConvTimedLast],
)
