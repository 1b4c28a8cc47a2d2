"""6.2 A wrapper for torchsummary."""

import torch
from einops import rearrange
from torch import nn

from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.values import freeze, word
from course_utils.checks.engine.weights import fill
from course_utils.checks.mistakes import edits
from course_utils.unet import UNet


class ForSummary(nn.Module):
    """Make a network that takes a step t fit for torchsummary, which sends floats.

    (B, C, H, W), (B, 1, 1, 1) -> (B, C, H, W)

    The second input is a float from 0 to 1; the model gets floor(T * it), an int64 (B,).
    """

    def __init__(self, model, T):
        super().__init__()
        self.model = model
        self.T = T

    def forward(self, x, t):
        return self.model(x, (t.flatten() * self.T).long())


class Listener(nn.Module):
    """Stands for the network: keeps what it is called with, and returns the picture."""

    def __init__(self):
        super().__init__()
        self.came = []

    def forward(self, x, t):
        self.came.append((freeze(x), freeze(t)))
        return x


def summary_experiment(probe, ForSummary):
    for B, C, T, H, W in [(4, 2, 1000, 4, 6), (1, 3, 10, 6, 2)]:
        x, t = probe.normal(B, C, H, W), probe.uniform(B, 1, 1, 1)
        listener = Listener()
        module = probe.build(ForSummary, listener, T)
        probe.run("ForSummary(model, T)(x, t)", module, x, t)
        note_inputs(probe, *listener.came[-1:], B=B)
        net = UNet(C, 3, (1, 2), 6)
        fill(net)
        module = probe.build(ForSummary, net, T)
        probe.train_and_eval(module, x, t)
        count, total = (sum(p.numel() for p in m.parameters()) for m in (module, net))
        probe.note(
            "number of parameters", count,
            f"Your wrapper has {count} parameters, and the network in it has {total}. torchsummary "
            "has to find them.",
            "Keep the model itself on self: self.model = model.",
        )  # fmt: skip
    probe.on_fake_device(module, x, t)


def note_inputs(probe, came=(None, None), B=1):
    x, t = came
    probe.note("What the model gets first", x, look="Call self.model(x, ...) in forward.")
    shape, dtype = (word(t.shape), word(t.dtype)) if torch.is_tensor(t) else (repr(t), "number")
    wrong = f"The t that the model gets is {shape} ({dtype})."
    look = f"It should have shape ({B},): one number for each picture, and no other axis."
    probe.note("shape", shape, wrong, look)
    probe.note("dtype", dtype, wrong, "Steps are int64: convert t with .long().")
    look = "Multiply t by T, and then cut off what is behind the point: floor(T * t)."
    probe.note("The values of the model's t", t, look=look)


MISTAKES = """
# t not flattened
- t.flatten()
+ t
t keeps its shape (B, 1, 1, 1), but the network takes (B,), which t.flatten() makes of it.
# t with an axis too many
+ t.flatten(1)
or
+ t.flatten(2)
Axes of size 1 are left in t. The network takes (B,), which t.flatten() makes of any of these.
# t squeezed
+ t.squeeze()
squeeze() takes out every axis of size 1, and with one picture that includes the batch. t.flatten()
always leaves one axis.

# t as floats
- .long()
+
or
- (t.flatten() * self.T).long()
+ (t.flatten() * self.T).floor()
t is scaled, but it's still a float, and a network may look it up in a table: .long().
# t rounded
- .long()
+ .round().long()
or
+ .ceil().long()
t is rounded, so a t near 1 becomes step T, and the last one is T - 1. Asked for is floor, which
.long() is.
# t as int32
+ .int()
t is int32. Steps are int64, and some functions take nothing else: .long(), not .int().

# t not scaled
- (t.flatten() * self.T).long()
+ t.flatten()
or
+ t
t goes on between 0 and 1, as it came. Steps are 0 to T - 1: multiply by T, then .long().
# t of the first picture for all
+ int(t.flatten()[0] * self.T)
or
- t.flatten()
+ t[0].flatten()
or
+ t.flatten()[0]
All pictures get the step of the first, and each comes with its own: convert the whole tensor.
# int of the whole batch
- (t.flatten() * self.T).long()
+ int(t * self.T)
or
- t.flatten()
+ t.item()
int() and .item() take one number, and t has one for each picture. .long() takes a tensor.

# t all zero
- t.flatten() * self.T
+ t.flatten().long() * self.T
or
+ t.flatten()
Every t becomes 0, because .long() makes 0 of any number below 1. Multiply by T first.

# T - 1
- self.T)
+ (self.T - 1))
t is multiplied by T - 1. Since t is below 1, the last step would never come: multiply by T.

# t before the picture
- x, (t.flatten() * self.T).long()
+ (t.flatten() * self.T).long(), x
The model gets t first and the picture second. Call it as self.model(x, t).

# model out of sight
- self.model = model
+ self.model = model.forward
or
+ self.model = [model]
- self.model(x
+ self.model[0](x
torchsummary would count no parameters, because PyTorch doesn't find a model in a list or a
function: self.model = model.

# no gradients
- def forward
+ @torch.no_grad()
+ def forward
No gradient comes through, because forward runs under no_grad or detaches its result. Leave that to
whoever calls the wrapper.

# t returned too
- self.model(x, (t.flatten() * self.T).long())
+ self.model(x, (t.flatten() * self.T).long()), (t.flatten() * self.T).long()
forward returns more than the model's answer. Return that alone.
"""


class SummaryByIndex(nn.Module):
    def __init__(self, model, T):
        super().__init__()
        self.steps, self.net = T, model

    def forward(self, picture, fraction):
        t = torch.floor(self.steps * fraction[:, 0, 0, 0]).to(torch.int64)
        return self.net.forward(picture, t=t)


class SummaryByEinops(nn.Module):
    def __init__(self, model, T):
        super().__init__()
        self.T = T
        self.inner = nn.ModuleDict({"net": model})

    def forward(self, x, t):
        steps = rearrange(t, "b 1 1 1 -> b").mul(self.T).type(torch.long)
        return self.inner["net"](x, steps.clamp(0, self.T - 1))


class SummaryInSequence(nn.Sequential):
    def __init__(self, model, T):
        super().__init__(model)
        self.register_buffer("T", torch.tensor(T))

    def forward(self, x, t):
        return self[0](x, (t * self.T).long().view(x.shape[0]))


class SummaryWithSqueeze(ForSummary):
    def forward(self, x, t):
        return self.model(x, (t.squeeze(3).squeeze(2).squeeze(1) * self.T).trunc().long())


EXERCISE = Exercise(
    id="6.2",
    title="A wrapper for torchsummary",
    notebook="06_debugging_dimensions",
    reference=ForSummary,
    experiment=summary_experiment,
    look="Print t as it comes in, and what you hand to the model: shape, dtype, values.",
    catalogue=edits(ForSummary, MISTAKES),
    also_right=[SummaryByIndex, SummaryByEinops, SummaryInSequence, SummaryWithSqueeze],
)
