"""3.4 The encoder."""

from torch import nn
from torch.nn import functional as F

from course_utils.blocks import ConvBlock, downsample
from course_utils.checks.parts import call_of, tensors
from course_utils.encoder import Encoder

HINTS = [
    (r"to have \d+ channels", "", "Write down each block's channels: in_ch to chs[0], chs[0] to "
     "chs[1], and so on. downsample(ch) takes as many as the block before it makes."),
    ("mat1 and mat2", "", "temb has time_dim numbers. Build every block with time_dim."),
    ("unbatched", "", "A block takes the picture first, then the time: block(x, temb)."),
]  # fmt: skip
SKIPS = "A skip is what a level's block returns, before its downsample. The top level's is first."
BOTTOM = "The last block takes what the last downsample returns, and its result isn't halved."
LOOK = "Block, skip, downsample at each level, nothing else; then the last block. All get temb."


def experiment(probe, Encoder):
    for B, C, H, W, D, chs in [(2, 1, 16, 24, 5, [7, 4, 6, 5]), (2, 3, 6, 10, 6, [4, 9])]:
        x, temb = inputs = probe.normal(B, C, H, W), probe.normal(B, D)
        with probe.advice(*HINTS):
            module = probe.build(Encoder, C, chs, D)
            called = call_of(module, inputs)
            note_shapes(probe, called, probe.run(called, module.eval(), *inputs), len(chs) - 1)
            probe.train_and_eval(module, *inputs)
    probe.on_fake_device(module, *inputs)


def note_shapes(probe, called, out, n):
    """Write down what forward returns, before the numbers in it."""
    pair = isinstance(out, (tuple, list)) and len(out) == 2 and isinstance(out[1], (tuple, list))
    wrong = "" if pair else "Your forward doesn't return the bottom and then the list of the skips."
    tip = f"Return bottom, skips. With {n + 1} numbers in chs, the list has {n} of them."
    probe.note(f"The number of skips in {called}", len(out[1]) if pair else out, wrong, tip)
    if pair:
        for what, part, look in ("skips", out[1], SKIPS), ("bottom", out[0], BOTTOM):
            shapes = [tuple(x.shape) for x in tensors(part)]
            probe.note(f"The shapes of the {what} in {called}", shapes, look=look)


MISTAKES = """
# skip after the downsample
- x = block(x, temb)
+ x = down(block(x, temb))
- x = down(x)
+
Your skips come from after the downsample, half as large. Append what the block returns.
# skip before the block
+
- x = down(x)
+ x = down(block(x, temb))
Your skips come from before the block. A skip is what the block returns.
# block's input halved
- x = block(x, temb)
- skips.append(x)
+ skips.append(block(x, temb))
You halve what went into the block. Halve what the block returned, the skip.
# the picture among the skips
- skips = []
+ skips = [x]
Your list begins with the picture itself. A skip is what a level's block returns: begin with [].
# skips from below
- return self.bottom(x, temb), skips
+ return self.bottom(x, temb), skips[::-1]
Your skips are in the wrong order. The first is the top level's; the decoder reverses them itself.
# skips one by one
+ return self.bottom(x, temb), *skips
You return the skips one by one. Return two things, the bottom and the list: return bottom, skips.
# skips not returned
+ return self.bottom(x, temb)
Your forward returns the bottom alone. Return both: return bottom, skips.
# bottom among the skips
+ x = self.bottom(x, temb)
+ return x, [*skips, x]
The bottom is among your skips. It goes to the decoder by itself: n halvings have n skips.
# last block not called
+ return x, skips
or
- self.bottom = ConvBlock(ins[-2], chs[-1], time_dim)
+
- self.bottom(x, temb), skips
+ x, skips
Your forward lacks the last block. It comes after the last downsample, and isn't halved.
# skips returned first
- return self.bottom(x, temb), skips
+ return skips, self.bottom(x, temb)
You return the skips first and the bottom second. It's the other way round.
# skips detached
- skips.append(x)
+ skips.append(x.detach())
No gradient comes back through your skips: .detach(), .data or no_grad cuts it off.
# pictures taken apart
+ skips += x
skips += x puts in the pictures of the batch one by one. Write skips.append(x).
# temb not passed on
- x = block(x, temb)
+ x = block(x)
| x = nn.Sequential(block)(x, temb)
A block needs temb too, the last one as well, and nn.Sequential passes on just one thing. Keep the
blocks in an nn.ModuleList.
# never halved
- x = down(x)
+ down(x)
Your pictures are never halved. Write x = down(x): the call alone leaves x as it was.
# activation after the downsample
+ x = F.silu(down(x))
There's an activation after your downsample. Leave it out: the blocks have theirs.
# pooling
- downsample(ch)
+ nn.MaxPool2d(2)
| nn.AvgPool2d(2)
| nn.Conv2d(ch, ch, 3, stride=2, padding=1)
You halve by pooling or by another convolution. Use your downsample.
# return inside the loop
- return self.bottom(x, temb), skips
+     return self.bottom(x, temb), skips
Your loop ends after its first round: the return is inside it. Move it after the loop.
# downsample for the next level
- ch in chs[:-1]
+ ch in chs[1:]
You build downsample for the next level's channels. It halves this level's skip: chs[i].
# a layer too many
+ ch in chs
or
- (i, o, time_dim) for i, o in zip(ins, chs[:-1])
+ (i, o, time_dim) for i, o in zip(ins, chs)
You make a layer that forward never uses. n halvings take n Downsamples, and n + 1 blocks in all.
# a layer too few
+ (i, o, time_dim) for i, o in zip(ins, chs[:-2])
or
- ch in chs[:-1]
+ ch in chs[:-2]
You have too few blocks or Downsamples, so zip ends early. n halvings take n of each.
# in_ch forgotten
- (i, o, time_dim) for i, o in zip(ins, chs[:-1])
+ (i, o, time_dim) for i, o in zip(chs, chs[1:])
or
- [in_ch, *chs]
+ [chs[0], *chs]
Your first block is built for chs[0] channels, and gets in_ch: it goes from in_ch to chs[0].
# every block from in_ch
- (i, o, time_dim) for i, o in zip(ins, chs[:-1])
+ (in_ch, o, time_dim) for i, o in zip(ins, chs[:-1])
All your blocks start from in_ch channels. In a loop, write in_ch = ch at the end of each round.
# last block for other channels
- self.bottom = ConvBlock(ins[-2], chs[-1], time_dim)
+ self.bottom = ConvBlock(chs[-1], chs[-1], time_dim)
| self.bottom = ConvBlock(ins[-3], chs[-1], time_dim)
| self.bottom = ConvBlock(in_ch, chs[-1], time_dim)
Your last block is built for other channels than it gets. It goes from chs[-2] to chs[-1].
# skips of the last call
- super().__init__()
+ super().__init__()
+ self.skips = []
- skips = []
+ skips = self.skips
Your list is made in __init__, so it still has the skips of the last call. Make it in forward.
"""


class Paired(nn.Module):
    def __init__(self, channels, widths, D):
        super().__init__()
        self.levels = nn.ModuleList()
        for width in widths:
            self.levels.append(ConvBlock(channels, width, D))
            channels = width
        self.halve = nn.Sequential(*[downsample(width) for width in widths[:-1]])

    def forward(self, h, time):
        skips = ()
        for level, halve in zip(self.levels, self.halve):
            h = level(h, time)
            skips += (h,)
            h = halve(h)
        return self.levels[-1](h, time), skips


class Stepwise(nn.Module):
    def __init__(self, in_ch, chs, time_dim):
        super().__init__()
        self.blocks = nn.ModuleList(ConvBlock(i, o, time_dim) for i, o in zip([in_ch, *chs], chs))
        self.downs = nn.ModuleList([nn.Identity(), *map(downsample, chs[:-1])])

    def forward(self, x, temb):
        hs = [x]
        for block, down in zip(self.blocks, self.downs):
            hs.append(block(down(hs[-1]), temb))
        return hs[-1], hs[1:-1]


class ByIndex(Stepwise):
    def forward(self, x, temb):
        outs = [self.blocks[0](x, temb)]
        for i in range(1, len(self.blocks)):
            x = F.conv2d(outs[-1], self.downs[i].weight, self.downs[i].bias, stride=2)
            outs.append(self.blocks[i](x, temb))
        return outs.pop(), outs


class InDicts(nn.Module):
    def __init__(self, in_ch, chs, time_dim):
        super().__init__()
        pairs = zip([in_ch, *chs], chs)
        self.blocks = nn.ModuleDict({str(o): ConvBlock(i, o, time_dim) for i, o in pairs})
        self.downs = nn.ModuleDict({str(ch): downsample(ch) for ch in chs[:-1]})

    def forward(self, x, temb):
        skips = {}
        for key, block in self.blocks.items():
            x = skips[key] = block(x, temb)
            x = self.downs[key](x) if key in self.downs else x
        return x, list(skips.values())[:-1]


REFERENCE = Encoder
ALSO_RIGHT = [Paired, Stepwise, ByIndex, InDicts]
