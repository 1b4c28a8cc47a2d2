"""3.4 The encoder."""

import torch
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import ConvBlock, Downsample
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.probe import Stop
from course_utils.checks.engine.values import arguments, name, tensors
from course_utils.checks.mistakes import edits
from course_utils.encoder import Encoder

HINTS = [
    (r"to have \d+ channels", "", "Write down each block's channels: in_ch to chs[0], chs[0] to "
     "chs[1], and so on. A Downsample has as many as the block above it returns."),
    ("ModuleList", "", "A ModuleList only keeps layers: go through it in a loop."),
]  # fmt: skip
SHAPES = (
    "A skip is what a level's block returns, before its downsample, the top level first. The last "
    "block isn't halved any more."
)
VALUES = (
    "The shapes are right, the values aren't. The order is block, skip, downsample; then the last "
    "block. Every block gets temb."
)


def encoder_experiment(probe, Encoder):
    for B, C, H, W, D, chs in [(3, 1, 10, 6, 5, [7, 4]), (2, 3, 8, 12, 6, [4, 9, 5])]:
        x, temb = inputs = probe.normal(B, C, H, W), probe.normal(B, D)
        with probe.advice(*HINTS, look=VALUES):
            module = probe.build(Encoder, C, chs, D)
            weights = any(True for _ in module.parameters())
            probe.note(
                "has weights", weights, "Your encoder has no weights to be trained.",
                "Make the layers in __init__, and keep them on self.",
            )  # fmt: skip
            if not weights:
                raise Stop
            called = f"{name(module)}({arguments(inputs, module)})"
            note_shapes(probe, called, probe.run(called, module.eval(), *inputs), len(chs) - 1)
            probe.train_and_eval(module, *inputs)
    probe.on_fake_device(module, *inputs)


def note_shapes(probe, called, out, n):
    """Write down what forward returns, before the numbers in it."""
    pair = isinstance(out, (tuple, list)) and len(out) == 2 and isinstance(out[1], (tuple, list))
    probe.note(
        f"The number of skips in {called}", len(out[1]) if pair else out,
        "" if pair else "Your forward doesn't return the bottom and then the list of the skips.",
        f"Return two things, bottom, skips: for {n + 1} numbers in chs, a list of length {n}.",
    )  # fmt: skip
    if pair:
        for what, part in ("skips", out[1]), ("bottom", out[0]):
            shapes = [tuple(x.shape) for x in tensors(part)]
            probe.note(f"The shapes of the {what} in {called}", shapes, look=SHAPES)


MISTAKES = """
# skip after the downsample
- skips.append(x)
- x = down(x)
+ x = down(x)
+ skips.append(x)
Your skips come from after the downsample, half as large. Append what the block returns.

# skip before the block
- x = block(x, temb)
- skips.append(x)
+ skips.append(x)
+ x = block(x, temb)
Your skips come from before the block. A skip is what the block returns.
# block's input halved
+ skips.append(block(x, temb))
Your Downsample gets what went into the block. Halve what the block returned, the skip.

# the picture among the skips
- skips = []
+ skips = [x]
Your list begins with the picture itself. A skip is what a level's block returns: begin with [].

# skips from below
- , skips
+ , skips[::-1]
or
- skips.append(x)
+ skips.insert(0, x)
Your skips are in the wrong order. The first is the top level's; the decoder reverses them itself.
# skips one by one
- , skips
+ , *skips
You return the skips one by one. Return two things, the bottom and the list: return bottom, skips.
# skips not returned
+
Your forward returns the bottom alone. Return both: return bottom, skips.

# bottom among the skips
- return self.bottom(x, temb), skips
+ x = self.bottom(x, temb)
+ return x, [*skips, x]
The bottom is among your skips. It goes straight to the decoder: n halvings have n skips.

# last block not called
- self.bottom(x, temb), skips
+ x, skips
The last block is made, but forward doesn't call it.
# skips returned first
+ skips, self.bottom(x, temb)
You return the skips first and the bottom second. It's the other way round.

# skips detached
- skips.append(x)
+ skips.append(x.detach())
No gradient comes back through your skips: .detach(), .data or no_grad cuts it off.
# append assigned
+ skips = skips.append(x)
append returns None, and you give None the list's name. Write skips.append(x) alone.
# pictures taken apart
+ skips += x
skips += x puts in the pictures of the batch one by one. Write skips.append(x).

# temb not passed on
- block(x, temb)
+ block(x)
A block needs two things, the picture and the time. Pass temb to every block, the last one too. (An
nn.Sequential passes on just one thing: use nn.ModuleList and a loop.)
# nn.Sequential
+ nn.Sequential(block)(x, temb)
nn.Sequential passes one thing from layer to layer, and your blocks need two: the picture and the
time. Keep the layers in an nn.ModuleList and go through them in a loop.

# never halved
- x = down(x)
+ down(x)
Your pictures are never halved. Write x = down(x): the call alone leaves x as it was.

# pooling
- Downsample(ch)
+ nn.MaxPool2d(2)
or
+ nn.AvgPool2d(2)
You halve by pooling. Use the Downsample you built: its weights learn what to keep.
# another downsample
+ nn.Conv2d(ch, ch, 3, stride=2, padding=1)
You halve with a 3x3 convolution. Use the Downsample you built, which is 2x2.

# plain lists
- self.blocks = nn.ModuleList(
+ self.blocks = list(
Your layers are in a plain list, where PyTorch doesn't find them, so they'd never be trained. Put
them into nn.ModuleList(...), which is used like a list.

# return inside the loop
-     return self.bottom(x, temb), skips
+         return self.bottom(x, temb), skips
Your loop ends after its first round: the return is inside it. Move it after the loop.

# a downsample too many
- ch in chs[:-1]
+ ch in chs
You make a Downsample that forward never uses. n halvings need n of them: chs[:-1].
# downsample for the next level
+ ch in chs[1:]
Your Downsample is built for the next level's channels. It halves what this level's block returns,
chs[i] channels; only the next block changes their number.

# a block too many
- zip(ins, chs[:-1])
+ zip(ins, chs)
You make a block that forward never uses. With the last block, n halvings need n + 1.
# in_ch forgotten
+ zip(chs, chs[1:])
Your first block is built for chs[0] channels, and gets in_ch: it goes from in_ch to chs[0].

# no zip
- zip(self.blocks, self.downs)
+ self.blocks, self.downs
zip is missing: zip(self.blocks, self.downs) gives a block and a downsample in each round.

# every block from in_ch
- (i, o, time_dim)
+ (in_ch, o, time_dim)
or
- ins[-2], chs[-1]
+ in_ch, chs[-1]
All your blocks start from in_ch channels. In a loop, write in_ch = ch at the end of each round.

# in_ch + chs
- [in_ch, *chs]
+ in_ch + chs
in_ch is a number and chs a list. [in_ch, *chs] makes one list of the two.

# index past the end
- chs[-1]
+ chs[len(chs)]
An index goes past the end of its list. With n + 1 numbers, the last is chs[n], or chs[-1].

# last block from its own channels
- ins[-2], chs[-1]
+ chs[-1], chs[-1]
Your last block is built for chs[-1] channels. It gets chs[-2], and makes chs[-1] of them.

# no last block
- self.bottom = ConvBlock(ins[-2], chs[-1], time_dim)
+
- self.bottom(x, temb), skips
+ x, skips
The last block is missing. After the last downsample comes one more block, which isn't halved.

# bottom treated like the other levels
- zip(ins, chs[:-1])
+ zip(ins, chs)
- ch in chs[:-1]
+ ch in chs
- self.bottom = ConvBlock(ins[-2], chs[-1], time_dim)
+
- self.bottom(x, temb), skips
+ x, skips
You treat all levels alike, so the bottom becomes a skip and is halved. The last block stands alone:
what it returns is neither a skip nor halved.

# skips of the last call
- super().__init__()
+ super().__init__()
+ self.skips = []
- skips = []
+ skips = self.skips
Your list is made in __init__, so it still has the skips of the last call. Make it in forward.

# halved before the block
- ch in chs[:-1]
+ ch in ins[:-2]
- block(x, temb)
+ block(down(x), temb)
- x = down(x)
+
You halve before the block sees the details. The order is block, skip, downsample.

# layers made in forward
+ def __init__(self, in_ch, chs, time_dim):
+     super().__init__()
Your encoder has no weights. Layers made in forward are new in each call, so nothing they learn
lasts: make them in __init__, and keep them on self.

# list made in the loop
- skips = []
+
- x = block(x, temb)
+ skips = []
+ x = block(x, temb)
Only your last skip is left: the list is made anew in each round. Make it before the loop.
"""


class Paired(nn.Module):
    def __init__(self, channels, widths, D):
        super().__init__()
        self.levels = nn.ModuleList()
        for width in widths:
            self.levels.append(ConvBlock(channels, width, D))
            channels = width
        self.halve = nn.Sequential(*[Downsample(width) for width in widths[:-1]])

    def forward(self, h, time):
        skips = ()
        for level, halve in zip(self.levels, self.halve):
            h = level(h, time)
            skips += (h,)
            h = halve(h)
        return self.levels[-1](h, time), skips


class Recursive(nn.Module):
    def __init__(self, in_ch, chs, time_dim):
        super().__init__()
        first, *rest = chs
        self.block = ConvBlock(in_ch, first, time_dim)
        if rest:
            self.down = nn.Conv2d(first, first, 2, stride=2)
            self.below = Recursive(first, rest, time_dim)

    def forward(self, x, temb):
        h = self.block(x, temb)
        if not hasattr(self, "below"):
            return h, []
        bottom, skips = self.below(self.down(h), temb)
        return bottom, [h] + skips


class ByIndex(nn.Module):
    def __init__(self, in_ch, chs, time_dim):
        super().__init__()
        self.n = len(chs) - 1
        for i in range(self.n, -1, -1):
            before = chs[i - 1] if i else in_ch
            self.add_module(f"block{i}", ConvBlock(before, chs[i], time_dim))
        self.kernels = nn.ParameterList(torch.randn(ch, ch, 2, 2) / 9 for ch in chs[:-1])
        self.shifts = nn.ParameterList(torch.zeros(ch) for ch in chs[:-1])

    def forward(self, x, temb):
        outs = []
        for i in range(self.n + 1):
            outs.append(getattr(self, f"block{i}")(x, temb))
            if i < self.n:
                x = F.conv2d(outs[-1], self.kernels[i], self.shifts[i], stride=2)
        return outs.pop(), outs


class InDicts(nn.Module):
    def __init__(self, in_ch, chs, time_dim):
        super().__init__()
        pairs = zip([in_ch, *chs], chs)
        self.blocks = nn.ModuleDict({str(o): ConvBlock(i, o, time_dim) for i, o in pairs})
        self.downs = nn.ModuleDict({str(ch): Downsample(ch) for ch in chs[:-1]})

    def forward(self, x, temb):
        skips = {}
        for key, block in self.blocks.items():
            x = skips[key] = block(x, temb)
            x = self.downs[key](x) if key in self.downs else x
        return x, list(skips.values())[:-1]


EXERCISE = Exercise(
    id="3.4",
    title="The encoder",
    notebook="03_encoder",
    reference=Encoder,
    experiment=encoder_experiment,
    look=VALUES,
    catalogue=edits(Encoder, MISTAKES),
    also_right=[Paired, Recursive, ByIndex, InDicts],
)
