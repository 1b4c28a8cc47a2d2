"""6.15 A stack of convolutions."""

import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks.exercises.nb06.healthy_networks import LateLayers
from course_utils.checks.parts import call_of, tensors

FOUND = "All layers are found. SiLU follows each 3x3 convolution; the 1x1 one of x is added last."
KEPT = "PyTorch finds those that __init__ keeps on self or in nn.ModuleList."


def experiment(probe, LateLayers):
    for B, C, K, depth, H, W in [(3, 4, 4, 2, 5, 7), (2, 3, 5, 3, 6, 4), (2, 6, 4, 1, 3, 5)]:
        x = probe.normal(B, C, H, W)
        note_what_is_kept(probe, LateLayers, (C, K, depth), x)
        module = probe.build(LateLayers, C, K, depth)
        with probe.advice(look=FOUND):
            probe.train_and_eval(module, x)
    probe.on_fake_device(module, x)


def note_what_is_kept(probe, cls, args, x):
    """Write down what PyTorch finds before the first call, and whether a second gives the same.

    probe.build would stop at the first fault, and could not tell who has repaired one of the two.
    """
    module = probe.run(call_of(cls, args), cls, *args, seed=1)
    if not isinstance(module, nn.Module) or "_parameters" not in vars(module):
        return  # probe.build says it
    found = list(module.parameters())  # counted below: a lazy one gets its size in the first call
    what = call_of(module, [x])
    one, other = (probe.run(what, module, x.clone(), seed=seed) for seed in (2, 3))
    alike = [torch.allclose(a, b, equal_nan=True) for a, b in zip(tensors(one), tensors(other))]
    told = "Two calls with the same picture give two answers: a layer is made anew in each call."
    look = "Make every layer in __init__, and use it in forward."
    probe.note("the same answer twice", all(alike), told, look)
    count = sum(p.numel() for p in found)
    look = f"3x3 convolutions: {args[2]}; 1x1: one, in any case; all with a bias. {KEPT}"
    probe.note("numbers to train, before the first call", count, look=look)


MISTAKES = """
# list still plain
- self.convs = nn.ModuleList(nn.Conv2d(i, out_ch, 3, padding=1) for i in ins)
+ self.convs = [nn.Conv2d(i, out_ch, 3, padding=1) for i in ins]
PyTorch doesn't find convolutions in a plain list, dict or tuple, so they never learn. Use
nn.ModuleList.
# tuple for list
- self.convs = nn.ModuleList(nn.Conv2d(i, out_ch, 3, padding=1) for i in ins)
- self.shortcut = nn.Conv2d(in_ch, out_ch, 1)
+ self.convs = tuple(nn.Conv2d(i, out_ch, 3, padding=1) for i in ins)
- self.shortcut(x)
+ nn.Conv2d(x.shape[1], h.shape[1], 1)(x)
PyTorch finds the layers in a tuple no more than those in a list, and the shortcut is still made in
forward. Use nn.ModuleList, and make the shortcut in __init__.
# one convolution for all
- nn.ModuleList(nn.Conv2d(i, out_ch, 3, padding=1) for i in ins)
+ nn.ModuleList([nn.Conv2d(in_ch, out_ch, 3, padding=1)]
+     + [nn.Conv2d(out_ch, out_ch, 3, padding=1)] * (depth - 1))
One convolution is used again and again. Each place needs weights of its own, a new nn.Conv2d.
# one too few
- (depth - 1)
+ (depth - 2)
One convolution is missing. depth counts all of them, also the first.
# only one runs
- F.silu(conv(h))
+ F.silu(conv(x))
Only one convolution runs: each round of the loop begins with x again. Use h = F.silu(conv(h)).
# no SiLU
+ conv(h)
| conv(h) if conv is self.convs[-1] else F.silu(conv(h))
| F.relu(conv(h))
SiLU, not ReLU, follows each convolution, also the last one. Yours doesn't always.
# SiLU of the sum
- h + self.shortcut(x)
+ F.silu(h + self.shortcut(x))
A SiLU comes after the sum. Each convolution has its own; the sum has none.
# shortcut of another x
+ h + self.shortcut(h)
The shortcut gets what the convolutions made, not the block's input. Don't overwrite x on the way.
# no shortcut
+ h
or
- self.shortcut = nn.Conv2d(in_ch, out_ch, 1)
+
- h + self.shortcut(x)
+ h
or
+ self.shortcut = nn.Conv2d(in_ch, out_ch, 1) if in_ch != out_ch else nn.Identity()
The 1x1 convolution of x is missing. It's made in __init__, also where in_ch is out_ch, and added at
the end.
# shortcut still in forward
+
- self.shortcut(x)
+ nn.Conv2d(x.shape[1], h.shape[1], 1)(x)
The shortcut is still made in forward, with new random weights in each call, so it never learns.
Make it in __init__.
# made in the first call
+
- return h
+ if not hasattr(self, "shortcut"):
+     self.shortcut = nn.Conv2d(x.shape[1], h.shape[1], 1)
+ return h
The shortcut is made in the first call, too late for an optimizer made before it: use __init__.
# without bias
+ self.shortcut = nn.Conv2d(in_ch, out_ch, 1, bias=False)
or
- self.convs = nn.ModuleList(nn.Conv2d(i, out_ch, 3, padding=1) for i in ins)
+ self.convs = nn.ModuleList(nn.Conv2d(i, out_ch, 3, padding=1, bias=False) for i in ins)
Some of your convolutions have no bias. Leave bias at its default, True.
"""


class LateSequential(nn.Module):
    def __init__(self, in_ch, out_ch, depth):
        super().__init__()
        self.skip, self.body = nn.Conv2d(in_ch, out_ch, kernel_size=1), nn.Sequential()
        for _ in range(depth):
            self.body.append(nn.Conv2d(in_ch, out_ch, 3, padding="same")).append(nn.SiLU())
            in_ch = out_ch

    def forward(self, x):
        return self.skip(x) + self.body(x)


class LateByName(nn.Module):
    def __init__(self, in_ch, out_ch, depth):
        super().__init__()
        for i in range(depth):
            setattr(self, f"conv{i}", nn.Conv2d([in_ch, out_ch][i > 0], out_ch, 3, padding=1))
        self.around, self.depth = nn.Linear(in_ch, out_ch), depth

    def forward(self, x):
        around = self.around(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        for i in range(self.depth):
            x = F.silu(getattr(self, f"conv{i}")(x))
        return x + around


class LateInPlace(LateLayers):
    def forward(self, x):
        h = x.clone()
        for conv in self.convs:
            h = conv(h)
            h = h * torch.sigmoid(h)
        h += self.shortcut(x)
        return h


class LateRegistered(LateLayers):
    """The list is plain, but each of its layers is kept on self too."""

    def __init__(self, in_ch, out_ch, depth):
        super().__init__(in_ch, out_ch, depth)
        self.kept, convs = self.convs, list(self.convs)
        del self.convs
        self.convs = convs


REFERENCE = LateLayers
LOOK = (
    "Print sum(p.numel() for p in net.parameters()) before the first call, and call it "
    "twice with the same x: all layers should count, and the answers agree."
)
ALSO_RIGHT = [LateSequential, LateByName, LateInPlace, LateRegistered]
