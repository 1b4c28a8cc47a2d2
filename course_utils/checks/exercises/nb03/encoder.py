"""3.4 The encoder."""

import torch
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import ConvBlock, Downsample
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.probe import Stop, arguments, name, tensors
from course_utils.checks.mistakes import edits
from course_utils.encoder import Encoder

HINTS = [
    (r"to have \d+ channels", "", "Write down each block's channels: in_ch to chs[0], chs[0] to "
     "chs[1], and so on. A Downsample has as many as the block above it returns."),
    ("ModuleList", "forward", "A ModuleList only keeps layers: go through it in a loop."),
]  # fmt: skip


def encoder_experiment(probe, Encoder):
    for B, C, H, W, D, chs in [(3, 1, 10, 6, 5, [7, 4]), (2, 3, 8, 12, 6, [4, 9, 5])]:
        with probe.advice(*HINTS):
            module = probe.build(Encoder, C, chs, D)
            has_weights = any(True for _ in module.parameters())
            probe.note(
                "has weights", has_weights,
                "Your encoder has no weights that the optimizer could find.",
                "Make the layers in __init__, and keep them on self.",
            )  # fmt: skip
            if not has_weights:
                raise Stop
            x, temb = probe.normal(B, C, H, W), probe.normal(B, D)
            called = f"{name(module)}({arguments((x, temb), module)})"
            note_shapes(probe, called, probe.run(called, module.eval(), x, temb), len(chs) - 1)
        with probe.advice(
            look="The shapes are right, the values aren't. The order is block, skip, downsample; "
            "then the last block. Every block gets temb."
        ):
            probe.train_and_eval(module, x, temb)
    probe.on_fake_device(module, x, temb)


def note_shapes(probe, called, out, n):
    """Write down what forward returns, before the numbers in it."""
    pair = isinstance(out, (tuple, list)) and len(out) == 2 and isinstance(out[1], (tuple, list))
    probe.note(
        f"the number of skips in {called}", len(out[1]) if pair else out,
        "" if pair else "Your forward doesn't return a pair: the bottom and the list of the skips.",
        f"With {n + 1} numbers in chs there are {n} skips: return bottom, skips.",
    )  # fmt: skip
    parts = [("skips", out[1]), ("bottom", out[0])] if pair else []
    for what, part in parts:
        probe.note(
            f"the shapes of the {what}", [tuple(x.shape) for x in tensors(part)],
            look="A skip is what a level's block returns, before the downsample, the top level first. "
            "The last block isn't halved any more.",
        )  # fmt: skip


MISTAKES = """
# skip after the downsample
- skips.append(x)
- x = down(x)
+ x = down(x)
+ skips.append(x)
Your skips are taken after the downsample, at half their height and width. A skip is what the block
returns, before it's halved.

# skip before the block
- x = block(x, temb)
- skips.append(x)
+ skips.append(x)
+ x = block(x, temb)
Your skips are taken before the block, so the first one is the picture itself. A skip is what the
block returns.

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
Your skips are in the wrong order: skip 0 is the top level's, the largest. The decoder reverses them
itself.

# bottom among the skips
- return self.bottom(x, temb), skips
+ x = self.bottom(x, temb)
+ return x, [*skips, x]
The bottom is among your skips too. It goes straight into the decoder: n halvings have n skips, one
for each level above the bottom.

# no last block
- self.bottom = ConvBlock(ins[-2], chs[-1], time_dim)
+
- self.bottom(x, temb), skips
+ x, skips
The last block is missing: you return what the last downsample gives. One more block follows, with
chs[-1] channels, which isn't halved.

# last block not called
- self.bottom(x, temb), skips
+ x, skips
The last block is made, but forward doesn't call it: you return what the last downsample gives.

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
what it returns is the bottom, which is neither a skip nor halved.

# skips returned first
- self.bottom(x, temb), skips
+ skips, self.bottom(x, temb)
You return the skips first and the bottom second. It's the other way round.

# skips one by one
- , skips
+ , *skips
You return the skips one by one. Return two things, the bottom and the list: return bottom, skips.

# skips not returned
- , skips
+
Your forward returns the bottom alone. Return both: return bottom, skips.

# skips of the last call
- super().__init__()
+ super().__init__()
+ self.skips = []
- skips = []
+ skips = self.skips
The list is made in __init__, so the skips of the first call are still in it in the second. Make a new
one in every forward: skips = [].

# skips detached
- skips.append(x)
+ skips.append(x.detach())
The values are right, but no gradient comes back through your skips: .detach(), .data or no_grad cuts
it off. Put the tensor itself into the list.

# temb not passed on
- block(x, temb)
+ block(x)
A block needs two things, the picture and the time. Pass temb to every block, the last one too. (An
nn.Sequential passes on just one thing: use nn.ModuleList and a loop.)

# nn.Sequential
- block(x, temb)
+ nn.Sequential(block)(x, temb)
nn.Sequential passes one thing from layer to layer, and your blocks need two: the picture and the
time. Keep the layers in an nn.ModuleList and go through them in a loop.

# time_dim left out
- (i, o, time_dim)
+ (i, o)
A ConvBlock is made from three numbers: channels in, channels out, time_dim.

# never halved
- x = down(x)
+ down(x)
Your pictures are never halved. After each skip write x = down(x); the call alone leaves x as it was.

# last level not halved
- x = down(x)
+ x = x if down is self.downs[-1] else down(x)
There's no halving between your last skip and the bottom. Every level above the bottom is halved after
its skip.

# halved before the block
- ch in chs[:-1]
+ ch in ins[:-2]
- block(x, temb)
+ block(down(x), temb)
- x = down(x)
+
You halve before the block, so level 0 loses its details before a block has seen them. The order is
block, skip, downsample.

# pooling
- Downsample(ch)
+ nn.MaxPool2d(2)
or
- Downsample(ch)
+ nn.AvgPool2d(2)
You halve by pooling. Use the Downsample you built: its weights learn what to keep.

# another downsample
- Downsample(ch)
+ nn.Conv2d(ch, ch, 3, stride=2, padding=1)
You halve with a 3x3 convolution. Use the Downsample you built, which is 2x2.

# plain lists
- self.blocks = nn.ModuleList(
+ self.blocks = list(
Your layers are in a plain Python list, where PyTorch doesn't find them, so the optimizer would never
see their weights. Put them into nn.ModuleList(...), which is used like a list.

# layers made in forward
+ def __init__(self, in_ch, chs, time_dim):
+     super().__init__()
Your encoder has no weights of its own. Layers made in forward are new in each call, and nothing they
learn would last: make them in __init__, and keep them on self.

# downsample made in forward
- self.downs = nn.ModuleList(Downsample(ch) for ch in chs[:-1])
+
- block, down in zip(self.blocks, self.downs)
+ block in self.blocks
- down(x)
+ Downsample(x.shape[1])(x)
Your Downsample is made in forward, with new random weights in each call, and the optimizer never sees
it. Make one per level in __init__, and keep them in an nn.ModuleList.

# list made in the loop
- skips = []
+
- x = block(x, temb)
+ skips = []
+ x = block(x, temb)
Only your last skip is left, because the list is made anew in each round. Make it before the loop.

# return inside the loop
-     return self.bottom(x, temb), skips
+         return self.bottom(x, temb), skips
Your loop ends after its first round, because the return is inside it. Move it behind the loop.

# a downsample too many
- ch in chs[:-1]
+ ch in chs
You make one Downsample more than forward uses, and its weights would never learn. n halvings need n
of them: chs[:-1].

# a block too many
- zip(ins, chs[:-1])
+ zip(ins, chs)
You make one block more than forward uses, and its weights would never learn. With the last block,
n halvings need n + 1.

# append assigned
- skips.append(x)
+ skips = skips.append(x)
append changes the list and returns None, and you give None the list's name. Write skips.append(x)
alone.

# pictures taken apart
- skips.append(x)
+ skips += x
skips += x puts the pictures of the batch in one by one. Write skips.append(x): one tensor per level.

# no zip
- zip(self.blocks, self.downs)
+ self.blocks, self.downs
zip is missing: zip(self.blocks, self.downs) gives a block and a downsample in each round.

# block's input halved
- x = block(x, temb)
- skips.append(x)
+ skips.append(block(x, temb))
Your Downsample gets what went into the block. Halve what the block returned, the skip.

# every block from in_ch
- (i, o, time_dim)
+ (in_ch, o, time_dim)
or
- ins[-2], chs[-1]
+ in_ch, chs[-1]
A block after the first is built for in_ch channels, and gets what the level above made. In a loop,
write in_ch = ch at the end of each round.

# in_ch + chs
- [in_ch, *chs]
+ in_ch + chs
in_ch is a number and chs a list. [in_ch, *chs] makes one list of the two.

# downsample for the next level
- ch in chs[:-1]
+ ch in chs[1:]
Your Downsample is built for the channels of the next level. It halves what this level's block
returns, chs[i] channels; only the next block changes their number.

# downsample for the level above
- ch in chs[:-1]
+ ch in ins[:-2]
Your Downsample is built for the channels that enter the block. It halves what the block returns,
chs[i] channels.

# index past the end
- chs[-1]
+ chs[len(chs)]
An index is larger than its list is long. With n + 1 numbers, the last is chs[n]; and chs may have two
numbers or five, so go through it in a loop.

# in_ch forgotten
- zip(ins, chs[:-1])
+ zip(chs, chs[1:])
Your first block is built for chs[0] channels, but the picture has in_ch. The blocks go from in_ch to
chs[0], from chs[0] to chs[1], and so on.

# last block from its own channels
- ins[-2], chs[-1]
+ chs[-1], chs[-1]
Your last block is built for chs[-1] channels and gets those of the level above, chs[-2]. It's the one
that makes chs[-1] of them.

# caller's list changed
- chs[-1]
+ chs.pop()
Your code changes the caller's list chs, which builds the decoder too. Read chs[-1], or copy the list.
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
    look="At each level: block, keep the result as a skip, downsample. Then the last block.",
    catalogue=edits(Encoder, MISTAKES),
    also_right=[Paired, Recursive, ByIndex, InDicts],
)
