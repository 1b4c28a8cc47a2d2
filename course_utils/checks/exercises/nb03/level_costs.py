"""3.3 What a level costs."""

from dataclasses import fields, is_dataclass

import numpy
import torch
from torch import nn

from course_utils.checks.parts import Exercise, edits, name


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
        with probe.advice(look="Return a list with a tuple of three numbers for each level."):
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
            "Whoever calls it may need the list as it was: go through chs, or a copy.", aside=True,
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
You overwrite H and W, so level 2 is divided by 2 and then by 4. Either halve them once a level, or
divide the original ones by 2**i.
# halved too early
- 2**i, W // 2**i
+ 2 ** (i + 1), W // 2 ** (i + 1)
Your level 0 is halved already. It has the full H x W pixels: 2**0 is 1.
# only one side halved
- W // 2**i
+ W
You halve only one side of the picture. Halve both: a quarter of the pixels is left.
# columns from H
+ H // 2**i
You take the columns from H. Halve W for them.
# ^ instead of **
+ H // 2 ^ i, W // 2 ^ i
or
+ H // (2 ^ i), W // (2 ^ i)
In Python ^ isn't a power: 2 ^ 3 is 1. Write 2**i.
# 2 * i instead of 2**i
- H // 2**i, W // 2**i
+ H // (i + 1), W // (i + 1)
or
+ H // max(1, 2 * i), W // max(1, 2 * i)
or
+ H // (2 * i), W // (2 * i)
i + 1 and 2 * i grow evenly, and 2 * i is 0 at level 0. Each level is halved again: divide by 2**i.
# H // 2 * i
+ H // 2 * i, W // 2 * i
H // 2 * i is (H // 2) * i. Each level is halved again, so divide by a power: H // 2**i.
# sides divided by 4
+ H // 4**i, W // 4**i
You divide each side by 4**i. Divide each by 2**i: that makes a quarter of the pixels.
# floats
+ H / 2**i, W / 2**i
The numbers are right, but they're floats, because / always makes one. Divide with //.
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
Your kernel has 3x3 weights per output channel. It has as many for each pair of an input channel and
an output channel: chs[i] * chs[i] pairs.
# weights without the kernel
- weights = 3 * 3 * ch
+ weights = ch
or
+ weights = 3 * ch
or
+ weights = 3 * ch
- values * 3 * 3 * ch
+ values * 3 * ch
You count too few weights for each pair of channels. A 3x3 kernel has 3 * 3 of them.
# biases counted
- ch * ch
+ ch * ch + ch
or
- weights = 3 * 3 * ch * ch
- multiplications = values * 3 * 3 * ch
+ weights = 3 * 3 * ch * ch + ch
+ multiplications = weights * h * w
Your weights include the biases. Leave them out here: no pixel is multiplied by them.
# channels of another level
- weights = 3 * 3 * ch * ch
- multiplications = values * 3 * 3 * ch
+ weights = 3 * 3 * chs[max(i - 1, 0)] * ch
+ multiplications = values * 3 * 3 * chs[max(i - 1, 0)]
Your convolution goes from one level to the next. Count one with chs[i] channels in and out.
# additions counted
- values * 3 * 3
+ 2 * values * 3 * 3
You have twice as many multiplications as there are. Leave out the additions if you count them too.
# too few products per value
- values * 3 * 3 * ch
+ values * 3 * 3
or
+ values * ch
You count too few products per value. Each sums 3x3 pixels of every input channel: 9 * chs[i].
# multiplications of the full picture
+ weights * H * W
Your multiplications use all H x W pixels at every level. Use those of level i.
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
    weights = [nn.Conv2d(ch, ch, 3, bias=False).weight.numel() for ch in chs]
    outs = [torch.empty(ch, H >> i, W >> i, device="meta") for i, ch in enumerate(chs)]
    return [(out.numel(), n, out[0].numel() * n) for out, n in zip(outs, weights)]


EXERCISE = Exercise(
    id="3.3",
    title="What a level costs",
    reference=level_costs,
    experiment=level_costs_experiment,
    look="Try level_costs(4, 4, [1, 2]): it is [(16, 9, 144), (8, 36, 288)].",
    catalogue=edits(costs_step_by_step, MISTAKES),
    also_right=[costs_step_by_step, costs_by_numpy, costs_by_halving, costs_by_layers],
)
