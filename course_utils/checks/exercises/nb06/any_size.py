"""6.8 A picture of any size."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks.exercises.nb06.healthy_networks import AnySize
from course_utils.checks.parts import freeze


class Recorder(nn.Module):
    """A stand-in for a U: it keeps what it is given, and its answer depends on the place."""

    def __init__(self, given):
        super().__init__()
        self.given = given
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, x, t):
        self.given.append((freeze(x), freeze(t)))
        rows, columns = (torch.arange(n, device=x.device) for n in x.shape[-2:])
        place = torch.sin(self.weight[0] * rows[:, None] + self.weight[1] * columns)
        return self.weight[2] * x + place


def experiment(probe, AnySize):
    for halvings, sizes in [
        (1, [(3, 2, 5, 7)]),
        (2, [(2, 3, 8, 4), (3, 5, 6, 11), (1, 2, 12, 5)]),
        (3, [(2, 4, 5, 9), (1, 7, 16, 6)]),
    ]:
        module = probe.build(AnySize, Recorder(given := []), halvings)
        for size in sizes:
            x, t = probe.normal(*size), probe.steps(size[0])
            call_and_look_inside(probe, module, given, x, t, 2**halvings)
        probe.train_and_eval(module, x, t)
    probe.on_fake_device(module, x, t)


def call_and_look_inside(probe, module, given, x, t, step):
    """Call the attempt; write down what the network inside is given, before what comes back."""
    given.clear()
    start = len(probe.seen)
    try:
        probe.call(module, x, t)
    finally:
        come_back, probe.seen[start:] = probe.seen[start:], []
        if given:
            note_what_is_given(probe, given, x, step)
        probe.seen += come_back


def note_what_is_given(probe, given, x, step):
    (picture, t), (H, W) = given[0], x.shape[2:]
    h, w = picture.shape[-2:]
    told = f"Your forward calls the network {len(given)} times. Once is enough."
    look = "Pad x, call self.net(padded, t), and cut what it returns."
    probe.note("how often the network is called", len(given), told, look)
    told = f"From a picture of {H} x {W} your network gets one of {h} x {w}. {step} has to divide "
    told += f"both sides, so the next size is {H + -H % step} x {W + -W % step}."
    look = "Print -H % self.step and -W % self.step: so many rows and columns are missing."
    probe.note("the size of the picture that the network gets", (h, w), told, look)
    look = (
        "Its size is right. Are the new rows and columns below and right copies of the last ones, "
        "and all others those of x, with nothing changed?"
    )
    probe.note("the picture that the network gets", picture, look=look)
    look = "Hand t on as it is: self.net(padded, t)."
    probe.note("the step that the network gets", t, look=look)


MISTAKES = """
# zeros
- (0, -W % self.step, 0, -H % self.step), mode="replicate"
+ (0, -W % self.step, 0, -H % self.step)
Zeros give the network a sharp edge to see. Repeat the last row and column: mode="replicate".
# mirrored or wrapped around
+ (0, -W % self.step, 0, -H % self.step), mode="reflect"
| (0, -W % self.step, 0, -H % self.step), mode="circular"
The rows you add come from elsewhere in the picture. Repeat the last one: mode="replicate".
# padded in front
+ (-W % self.step, 0, -H % self.step, 0), mode="replicate"
or
+ (-W % self.step, 0, -H % self.step, 0), mode="replicate"
- [:, :, :H, :W]
+ [:, :, -H:, -W:]
You pad at the left and the top. F.pad takes left, right, top, bottom: use the second and fourth.
# two numbers for F.pad
+ (-W % self.step, -H % self.step), mode="replicate"
F.pad wants two numbers for each axis, and begins with the last one: (0, columns, 0, rows).
# a full step more
+ (0, self.step - W % self.step, 0, -H % self.step), mode="replicate"
- -H % self.step
+ self.step - H % self.step
A side that fits gets a whole step more: step - H % step is step for H % step = 0. Use -H % step.
# padded by the rest
+ (0, W % self.step, 0, -H % self.step), mode="replicate"
- -H % self.step
+ H % self.step
H % step rows are too many; -H % step are missing: for 11 rows and step 4 that's 1, not 3.
# height and width exchanged
+ (0, -H % self.step, 0, -W % self.step), mode="replicate"
or
- H, W = x.shape[2:]
+ W, H = x.shape[2:]
Rows and columns are exchanged. F.pad begins with the last axis, so the columns come first: (0,
columns, 0, rows). And x.shape is (B, C, H, W).
# cut in front
- [:, :, :H, :W]
+ [:, :, -H:, -W:]
[-H:, -W:] keeps the padding. The picture is in the first H rows and W columns.
# cut by minus
+ [:, :, : -(-H % self.step), : -(-W % self.step)]
[:-rows, :-columns] is empty where you added nothing: -0 is 0. Cut with [:, :, :H, :W].
# not cut
+
The answer is as large as the padded picture. Cut it to the height and width of x: [:, :, :H, :W].
# height and width exchanged in the cut
+ [:, :, :W, :H]
Height and width are exchanged where you cut. Rows come before columns: [:, :, :H, :W].
"""


class AnySizeByLayer(nn.Module):
    def __init__(self, net, halvings):
        super().__init__()
        self.multiple, self.inner = 1 << halvings, net

    def forward(self, images, steps):
        h, w = images.shape[-2:]
        H, W = (math.ceil(n / self.multiple) * self.multiple for n in (h, w))
        padded = nn.ReplicationPad2d((0, W - w, 0, H - h))(images)
        return self.inner(padded, steps)[..., :h, :w]


class AnySizeByCat(AnySize):
    def forward(self, x, t):
        H, W = x.shape[-2:]
        while x.shape[2] % self.step:
            x = torch.cat([x, x[:, :, -1:]], dim=2)
        while x.shape[3] % self.step:
            x = torch.cat((x, x[..., -1:]), -1)
        return self.net(x, t=t).narrow(2, 0, H).narrow(3, 0, W)


class AnySizeByIndex(AnySize):
    def forward(self, x, t):
        H, W = x.shape[2], x.shape[3]
        larger = (-(-n // self.step) * self.step for n in (H, W))
        rows, columns = (torch.arange(n, device=x.device) for n in larger)
        out = self.net(x[:, :, rows.clamp(max=H - 1)][..., columns.clamp(max=W - 1)], t)
        return out.split([H, out.shape[2] - H], dim=2)[0][:, :, :, :W]


class AnySizeIfNeeded(AnySize):
    def forward(self, x, t):
        H, W = x.shape[2:]
        right, bottom = ((self.step - n % self.step) % self.step for n in (W, H))
        if right or bottom:
            x = F.pad(x, [0, right, 0, bottom], "replicate")
        out = self.net(x, t)
        return F.pad(out, (0, -right, 0, -bottom))


REFERENCE = AnySize
LOOK = "Cut what the network returns to the height and width of x: [:, :, :H, :W]."
ALSO_RIGHT = [AnySizeByLayer, AnySizeByCat, AnySizeByIndex, AnySizeIfNeeded]
