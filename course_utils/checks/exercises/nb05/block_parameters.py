"""5.2 Count the parameters of a block."""

from course_utils.blocks import ConvBlock
from course_utils.checks.parts import Exercise, edits


def block_parameters(in_ch, out_ch, time_dim):
    """Return the number of parameters of ConvBlock(in_ch, out_ch, time_dim).

    () -> int
    """
    convolutions = (9 * in_ch + 1) * out_ch + (9 * out_ch + 1) * out_ch
    norms = 2 * (2 * out_ch)
    time_proj = (time_dim + 1) * out_ch
    shortcut = 0 if in_ch == out_ch else (in_ch + 1) * out_ch
    return convolutions + norms + time_proj + shortcut


def block_parameters_experiment(probe, block_parameters):
    with probe.advice(
        look="There is no shortcut to count here, because in_ch equals out_ch. Print p.shape for "
        "each p of ConvBlock(5, 5, 2).parameters(), and compare layer by layer."
    ):
        probe.call(block_parameters, 5, 5, 2)
        probe.call(block_parameters, 5, 5, 9)
    with probe.advice(
        look="It is right where in_ch equals out_ch. So look at the shortcut, and at each place "
        "where in_ch and out_ch could be mixed up."
    ):
        for in_ch, out_ch, time_dim in [(1, 4, 8), (12, 3, 7), (64, 128, 256)]:
            probe.call(block_parameters, in_ch, out_ch, time_dim)
    probe.call(block_parameters, 300, int("300"), 2)  # equal, and two objects in Python's memory


MISTAKES = """
# bias of the time projection missing
- time_proj = (time_dim + 1) * out_ch
+ time_proj = time_dim * out_ch
You are out_ch short, with and without a shortcut. One bias for each channel is missing, most likely
that of the linear layer.
# time projected to in_ch
+ time_proj = (time_dim + 1) * in_ch
The time is added after the first convolution, so its linear layer goes from time_dim to out_ch.
# bias of the shortcut missing
- shortcut = 0 if in_ch == out_ch else (in_ch + 1) * out_ch
+ shortcut = 0 if in_ch == out_ch else in_ch * out_ch
The shortcut's biases are missing. A 1x1 convolution has them too, one for each output channel.
# shortcut counted as 3x3
+ shortcut = 0 if in_ch == out_ch else (9 * in_ch + 1) * out_ch
The shortcut is a 1x1 convolution. You count it with 9 weights for each pair of channels.
# shortcut always counted
+ shortcut = (in_ch + 1) * out_ch
You always count the shortcut. Where in_ch equals out_ch, x goes through it unchanged, without any.
# shortcut the wrong way round
+ shortcut = 0 if in_ch != out_ch else (in_ch + 1) * out_ch
The condition is the wrong way round. The shortcut has parameters where in_ch and out_ch differ.
# one norm, or no biases in the convolutions
- norms = 2 * (2 * out_ch)
+ norms = 2 * out_ch
You are 2 * out_ch short. Either the biases of the two convolutions are missing, or you count half
of what BatchNorm has: there are two, each with a scale and a shift for every channel.
# running averages counted
+ norms = 2 * (4 * out_ch)
You count BatchNorm's running mean and variance. They are stored (state_dict() lists them), but no
gradient changes them, so they are buffers and not parameters.
# kernel not squared
- (9 * in_ch + 1) * out_ch + (9 * out_ch + 1) * out_ch
+ (3 * in_ch + 1) * out_ch + (3 * out_ch + 1) * out_ch
A 3x3 kernel has 9 weights, not 3, for each pair of channels.
# both convolutions from the same channels
+ (9 * in_ch + 1) * out_ch + (9 * in_ch + 1) * out_ch
Both of your 3x3 convolutions start from the same channels. The first one goes from in_ch to out_ch,
the second one from out_ch to out_ch.
# no biases
+ 9 * in_ch * out_ch + 9 * out_ch * out_ch
- (time_dim + 1)
+ time_dim
- (in_ch + 1)
+ in_ch
You count no biases. Each convolution and the linear layer has one for each channel that comes out.
# no norms
- + norms
+
BatchNorm has parameters too: a scale and a shift for each channel, in both norms.
# time projection missing
- + time_proj
+
The projection of the time is missing: a linear layer from time_dim to out_ch, with biases.
# a float
- convolutions + norms
+ 1.0 * convolutions + norms
Your numbers are right, but they are floats. Return an int: count with whole numbers, and // for /.
# no brackets around the if
- return convolutions + norms + time_proj + shortcut
+ return convolutions + norms + time_proj + (in_ch + 1) * out_ch if in_ch != out_ch else 0
or
+ return convolutions + norms + time_proj + (in_ch + 1) * out_ch if in_ch != out_ch else in_ch
Python reads a + b if c else d as (a + b) if c else d. Put the shortcut in brackets: a + (b if ...).
# shortcut never counted
- + shortcut
+
The shortcut is missing. Where in_ch and out_ch differ, it is a 1x1 convolution.
"""


def counted_by_torch(in_ch, out_ch, time_dim):
    return sum(p.numel() for p in ConvBlock(in_ch, out_ch, time_dim).parameters())


def counted_layer_by_layer(C, K, D):
    count = 0
    for c in (C, K):
        count += 3 * 3 * c * K + K
        count += K + K
    count += D * K + K
    if C != K:
        count += C * K + K
    return count


def counted_per_channel(in_ch, out_ch, time_dim):
    per_channel = 9 * (in_ch + out_ch) + time_dim + 3 + 4
    if in_ch - out_ch:
        per_channel += in_ch + 1
    return out_ch * per_channel


def counted_by_helpers(in_ch, out_ch, time_dim):
    def conv(i, k):
        return out_ch * (i * k**2 + 1)

    skip = conv(in_ch, 1) * (in_ch != out_ch)
    return sum([conv(in_ch, 3), conv(out_ch, 3), 2 * (out_ch + out_ch), conv(time_dim, 1), skip])


EXERCISE = Exercise(
    id="5.2",
    title="Count the parameters of a block",
    reference=block_parameters,
    experiment=block_parameters_experiment,
    look="Print p.shape for each p of ConvBlock(300, 300, 2).parameters().",
    catalogue=edits(block_parameters, MISTAKES),
    also_right=[
        counted_by_torch, counted_layer_by_layer, counted_per_channel, counted_by_helpers,
    ],
)  # fmt: skip
