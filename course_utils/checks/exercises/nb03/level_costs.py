"""3.3 What a level costs."""

from dataclasses import fields, is_dataclass

import numpy
import torch
from torch import nn

from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.values import name
from course_utils.checks.mistakes import edits


def level_costs(H, W, chs):
    """Count what a 3x3 convolution costs at each level: values, weights, multiplications.

    () -> a list of tuples of three ints, one for each level, top to bottom

    At level i a picture has H/2^i x W/2^i pixels, and the convolution has chs[i] channels in and
    as many out. values: how many numbers it returns for one picture. weights: those of its
    kernel, biases left out. multiplications: of one picture's pixels with weights.
    """
    costs = []
    for i, ch in enumerate(chs):
        values = ch * (H // 2**i) * (W // 2**i)
        weights = ch * ch * 3 * 3
        costs.append((values, weights, values * ch * 3 * 3))
    return costs


LOOKS = {
    "values": "Level i has H // 2**i rows and W // 2**i columns (level 0 isn't halved), and a "
    "value for each pixel of each of its chs[i] channels.",
    "weights": "There are 3 x 3 weights for each pair of an input channel and an output channel.",
    "multiplications": "Each value is a sum over 3 x 3 pixels of all chs[i] input channels, so of "
    "9 * chs[i] products.",
}


def level_costs_experiment(probe, level_costs):
    for H, W, chs in [(16, 24, [5, 7, 11]), (6, 7, [4]), (40, 56, [2, 3, 5, 9])]:
        given, called = list(chs), f"in {name(level_costs)}({H}, {W}, {chs})"
        costs = plain(probe.run(called[3:], level_costs, H, W, given))
        rows = isinstance(costs, list) and all(isinstance(row, list) for row in costs)
        with probe.advice(
            look="Return a list with a tuple of three numbers for each number in chs."
        ):
            probe.note(f"The lengths {called}", [len(row) for row in costs] if rows else costs)
        for i, (what, look) in enumerate(LOOKS.items()):
            there = rows and all(len(row) > i for row in costs)
            numbers = [number(row[i]) for row in costs] if there else []
            probe.note(f"The {what} {called}", numbers, look=look)
        with probe.advice(look="The numbers are right. To make them ints, divide with //, not /."):
            types = [type(n).__name__ for row in costs for n in row] if rows else []
            probe.note(f"The types {called}", types)
        probe.note(
            "chs is left alone", given == chs, "Your code changes the caller's list chs.",
            "Whoever calls it may need the list as it was: go through chs, or through a copy.",
        )  # fmt: skip


def number(value):
    return float(value) if isinstance(value, (int, float)) else value


def plain(value):
    """Tuples of all kinds as lists, numbers of NumPy or PyTorch as Python's own."""
    if is_dataclass(value):
        value = [getattr(value, field.name) for field in fields(value)]
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "__next__"):
        return "an iterator"
    return value.tolist() if hasattr(value, "tolist") else value


MISTAKES = """
# never halved
- h, w = H // 2**i, W // 2**i
+ h, w = H, W
All your levels have H x W pixels. Each has half the rows and half the columns of the one above.
# halved ever more
+ H, W = H // 2**i, W // 2**i
+ h, w = H, W
You overwrite H and W, so level 2 is divided by 2 and then by 4. Halve them by 2 each time, or
divide the original ones by 2**i.

# halved too early
- 2**i, W // 2**i
+ 2 ** (i + 1), W // 2 ** (i + 1)
Your level 0 is halved already. It has the full H x W pixels: 2**0 is 1.

# only one side halved
- W // 2**i
+ W
You halve only one side of the picture. Both are, so a quarter of the pixels is left.
# H for both sides
+ H // 2**i
You use H for both sides. The columns come from W.

# 2 * i instead of 2**i
- H // 2**i, W // 2**i
+ H // max(1, 2 * i), W // max(1, 2 * i)
You divide by 2 * i. Each level is halved again: 1, 2, 4, 8 are powers, 2**i.
# divided by zero
+ H // (2 * i), W // (2 * i)
2 * i is 0 at level 0. (So is 2 ^ 2, because ^ isn't a power in Python.) Write 2**i.
# H // 2 * i
+ H // 2 * i, W // 2 * i
H // 2 * i is (H // 2) * i. Each level is halved again, so divide by a power: H // 2**i.
# i + 1 instead of 2**i
+ H // (i + 1), W // (i + 1)
You divide by 1, 2, 3 and so on. Each level is halved again: 1, 2, 4 and so on are powers, 2**i.
# ^ instead of **
+ H // 2 ^ i, W // 2 ^ i
In Python ^ isn't a power: 2 ^ 3 is 1. Write 2**i.
# sides divided by 4
+ H // 4**i, W // 4**i
You divide each side by 4**i. Divide by 2**i; it's their product that falls to a quarter.
# floats
+ H / 2**i, W / 2**i
The numbers are right, but they're floats, which / always makes. Divide with //.

# last level missing
- enumerate(chs)
+ enumerate(chs[:-1])
The last level is missing: there's one for each number in chs.

# levels from below
- return costs
+ return costs[::-1]
or
- enumerate(chs)
+ enumerate(chs[::-1])
Your levels go from bottom to top. The first is the top level: H x W pixels, with chs[0] channels.
# columns instead of rows
- return costs
+ return list(zip(*costs))
You return three lists, one for each kind of number. Return one tuple of three for each level.
# zip not made a list
+ return zip(*zip(*costs))
You return an iterator, which can be read only once. Make a list of it: list(...).

# return inside the loop
-     return costs
+         return costs
You return after the first level: the return is inside the loop. Move it after the loop.

# one long list
- append
+ extend
All your numbers are in one long list. Use append with a tuple; extend and += take it apart.

# order of the three
- append((values, weights,
+ append((weights, values,
or
- append((values, weights, multiplications
+ append((values, multiplications, weights
Your three numbers come in another order. It's values, weights, multiplications.

# values without the channels
- ch * h * w
+ h * w
or
- append((values
+ append((h * w
Your values are those of a single output channel. There are chs[i] channels.

# weights without one of the channels
- weights = 3 * 3 * ch * ch
+ weights = 3 * 3 * ch
or
+ weights = 3 * 3 * ch
- values * 3 * 3 * ch
+ values * 3 * 3
Your kernel has 3x3 weights per output channel. It has as many for each pair of an input channel and
an output channel: chs[i] * chs[i] pairs.

# weights without the kernel
- weights = 3 * 3 * ch
+ weights = ch
or
+ weights = ch
- values * 3 * 3 * ch
+ values * ch
You count one weight for each pair of channels. A 3x3 kernel has nine.
# weights with 3 instead of 3 * 3
+ weights = 3 * ch
or
+ weights = 3 * ch
- values * 3 * 3 * ch
+ values * 3 * ch
You count three weights for each pair of channels. A 3x3 kernel has nine.

# biases counted
- ch * ch
+ ch * ch + ch
Your weights include the biases. Leave them out here: no pixel is multiplied by them.

# channels of another level
- weights = 3 * 3 * ch * ch
- multiplications = values * 3 * 3 * ch
+ weights = 3 * 3 * chs[max(i - 1, 0)] * ch
+ multiplications = values * 3 * 3 * chs[max(i - 1, 0)]
or
+ weights = 3 * 3 * chs[i - 1] * ch
+ multiplications = values * 3 * 3 * chs[i - 1]
Your convolution connects two levels. The one to count has chs[i] channels in and out.

# channels doubled from the top
- values = ch
+ ch = chs[0] * 2**i
+ values = ch
You double chs[0] from level to level. chs may be any list: take chs[i].

# additions counted
- values * 3 * 3
+ 2 * values * 3 * 3
You have twice as many multiplications as there are. Do you count the additions too? Leave them out.

# multiplications without the input channels
- values * 3 * 3 * ch
+ values * 3 * 3
You count nine products per value. Each value sums 3x3 pixels of every input channel: 9 * chs[i].
# multiplications without the kernel
+ values * ch
You leave out the 3x3 of the kernel: each value sums nine pixels of every input channel.
# multiplications of one pixel
+ weights
Your multiplications are those of a single pixel. The kernel is laid on every pixel of the level.
# multiplications of the full picture
+ weights * H * W
Your multiplications use all H x W pixels at every level. Use those of level i.
# values times weights
+ values * weights
You multiply all values by all weights. Each value meets only 9 * chs[i] of them.

# list made in the loop
- costs = []
+
- h, w
+ costs = []
+ h, w
Only the last level is left: the list is made anew in each round. Make it before the loop.
"""


def costs_step_by_step(H, W, chs):
    costs = []
    for i, ch in enumerate(chs):
        h, w = H // 2**i, W // 2**i
        values = ch * h * w
        weights = 3 * 3 * ch * ch
        multiplications = values * 3 * 3 * ch
        costs.append((values, weights, multiplications))
    return costs


def costs_by_numpy(H, W, chs):
    K, shrink = numpy.array(chs), 2 ** numpy.arange(len(chs))
    values = K * (H // shrink) * (W // shrink)
    return numpy.stack([values, 9 * K**2, 9 * K * values], axis=1)


def costs_by_halving(H, W, chs):
    table = []
    for K in chs:
        weights = (3 * K) ** 2
        table.append([K * H * W, weights, weights * H * W])
        H, W = H // 2, W // 2
    return table


def costs_by_layers(H, W, chs):
    convs = [nn.Conv2d(ch, ch, 3, padding=1, bias=False) for ch in chs]
    outs = [c(torch.zeros(1, c.in_channels, H >> i, W >> i)) for i, c in enumerate(convs)]
    return [
        (out.numel(), c.weight.numel(), out[0, 0].numel() * c.weight.numel())
        for out, c in zip(outs, convs)
    ]


EXERCISE = Exercise(
    id="3.3",
    title="What a level costs",
    notebook="03_encoder",
    reference=level_costs,
    experiment=level_costs_experiment,
    look="Try level_costs(4, 4, [1, 2]): it is [(16, 9, 144), (8, 36, 288)].",
    catalogue=edits(costs_step_by_step, MISTAKES),
    also_right=[costs_step_by_step, costs_by_numpy, costs_by_halving, costs_by_layers],
)
