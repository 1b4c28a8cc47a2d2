"""6.2 A wrapper for torchsummary."""

import torch
from einops import rearrange
from torch import nn

from course_utils.checks.parts import Exercise, edits, fill, freeze, word
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
    """Stands for the network: it keeps what it is called with, and returns the picture."""

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
        wrong = f"Your wrapper has {count} parameters, but the network inside it has {total}."
        probe.note(
            "number of parameters", count, wrong, "Keep the model itself: self.model = model."
        )
    probe.on_fake_device(module, x, t)


def note_inputs(probe, came=(None, None), B=1):
    x, t = came
    probe.note("What the model gets first", x, look="Call self.model(x, ...) in forward.")
    shape, dtype = (word(t.shape), word(t.dtype)) if torch.is_tensor(t) else (repr(t), "number")
    wrong = f"The t that the model gets is {shape} ({dtype})."
    look = f"It should have shape ({B},), with one number for each picture and no other axis."
    probe.note("shape", shape, wrong, look)
    probe.note("dtype", dtype, wrong, "Steps are int64: convert t with .long().")
    look = "Multiply t by T, then drop what is behind the decimal point: floor(T * t)."
    probe.note("The values of the model's t", t, look=look)


MISTAKES = """
# t not flattened
- t.flatten()
+ t
or
+ t.flatten(1)
t still has axes of size 1, but the network takes one of shape (B,). That's what t.flatten() gives
you.
# t squeezed
+ t.squeeze()
squeeze() removes every axis of size 1, and with a single picture that includes the batch.
t.flatten() always keeps one axis.
# t of the first picture for all
+ t.flatten()[0]
Every picture gets the step of the first, but each comes with its own. Convert the whole tensor.
# t all zero
- * self.T
+
Every t becomes 0, because .long() turns any number below 1 into 0. Multiply by T first.
# t as floats
- .long()
+
or
+ .floor()
t is scaled, but it's still a float, and some networks look t up in a table. .long() makes int64 of
it.
# t rounded
+ .round().long()
or
+ .ceil().long()
You round t, so a t near 1 becomes step T, although the last step is T - 1. The table asks for
floor, and .long() does just that.
# int of the whole batch
- (t.flatten() * self.T).long()
+ int(t * self.T)
or
+ torch.floor(t.item() * self.T)
int() and .item() work on a single number, but t has one for each picture. .long() works on the
whole tensor.
# model out of sight
- self.model = model
+ self.model = model.forward
You keep the model's forward, which is a method, so PyTorch finds no layers in your wrapper and
torchsummary would list none. Keep the model itself: self.model = model.
# no gradients
- def forward
+ @torch.no_grad()
+ def forward
forward runs under no_grad, so no gradient comes through. Leave that to whoever calls the wrapper.
"""


class SummaryByIndex(nn.Module):
    def __init__(self, model, T):
        super().__init__()
        self.steps, self.net = T, nn.ModuleDict({"inner": model})

    def forward(self, picture, fraction):
        t = torch.floor(self.steps * fraction[:, 0, 0, 0]).to(torch.int64)
        return self.net["inner"].forward(picture, t=t)


class SummaryByEinops(ForSummary):
    def forward(self, x, t):
        steps = rearrange(t, "b 1 1 1 -> b").mul(self.T).type(torch.long)
        return self.model(x, steps.clamp(0, self.T - 1))


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
    id="6.2", title="A wrapper for torchsummary",
    reference=ForSummary, experiment=summary_experiment,
    look="Print t as it comes in, and what you hand to the model: shape, dtype, values.",
    catalogue=edits(ForSummary, MISTAKES),
    also_right=[SummaryByIndex, SummaryByEinops, SummaryInSequence, SummaryWithSqueeze],
)  # fmt: skip
