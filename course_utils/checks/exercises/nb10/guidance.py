"""10.5 Guidance."""

import torch
from torch import nn

from course_utils.checks.exercises.test_doubles import LabelledNet, guided_by
from course_utils.checks.parts import edits
from course_utils.diffusion import Guided

NO_SCALE = "With scale = 0 you must return what the network says with the labels. Try that first."
FORMULA = "scale = 0 is right, and so are the labels. Return told + scale * (told - untold)."
HIDDEN = "Ask with self.labels, and with torch.full_like(self.labels, self.net.cond_embed.hidden)."
ONE_T = "This is right with a t for each picture. It may also be one number, the same for all."
HINTS = [
    (r"labels are \d+ to \d+", r"", "The label \"hidden\" depends on the number of classes, which "
     "differs from network to network. Take net.cond_embed.hidden."),
    (r"pictures, \d+ labels", r"", "Each picture needs a label and a t. If you ask about twice "
     "as many pictures, pass twice as many of both: torch.as_tensor(t).expand(len(xt)).repeat(2)."),
    (r"one element|to Scalar", r"\bt\b", "t may have shape (B,), one for each picture. Pass it "
     "on as it is."),
    (r"must be Tensor, not float|'Tensor' object has no attribute 'cond_embed'", r"",
     "__init__ gets the network first, then the labels, then the scale."),
]  # fmt: skip


def experiment(probe, Guided):
    guided = guided_by(Guided)
    made = probe.run("Guided(...)", Guided, LabelledNet(4), torch.tensor([1, 3]), 2.0)
    told = "An object of your class can't be called."
    look = "Name the method __call__; forward works only in an nn.Module."
    probe.note_unless(callable(made), "can be called", told, look)
    for classes, B, C, H, W, scale in [
        (4, 3, 1, 4, 2, 0.0), (5, 4, 2, 3, 5, 2.0), (3, 5, 1, 2, 2, 0.7), (7, 2, 3, 3, 2, 1.0)
    ]:  # fmt: skip
        labels = probe.steps(B, classes - 1) + 1 if B < classes - 1 else torch.arange(B) % classes
        net, given = LabelledNet(classes), (labels, scale, probe.normal(B, C, H, W))
        t = probe.uniform(B)
        with probe.advice(*HINTS, look=FORMULA if scale else NO_SCALE):
            if scale:
                note_labels(probe, guided, LabelledNet(classes), *given, t)
            probe.call(guided, net, *given, t)
        with probe.advice(*HINTS, look=ONE_T):
            probe.call(guided, net, *given, torch.tensor(0.3))
            probe.call(guided, net, *given, 7)
    probe.on_fake_device(guided, net.to("meta"), *given, t)


def note_labels(probe, guided, net, labels, *given):
    """Write down with which labels the network is asked, in any order."""
    asked = set()

    def remember(net, args, more):
        cond = more.get("cond", args[-1])
        asked.update(cond.flatten().tolist() if torch.is_tensor(cond) else [])

    net.register_forward_pre_hook(remember, with_kwargs=True)
    probe.run("guided(xt, t)", guided, net, labels.clone(), *given)
    probe.note("labels that the network gets", sorted(asked), look=HIDDEN)


class GuidedInTwo:
    def __init__(self, net, labels, scale):
        self.net, self.labels, self.scale = net, labels, scale

    def __call__(self, xt, t):
        hidden = torch.full_like(self.labels, self.net.cond_embed.hidden)
        told = self.net(xt, t, self.labels)
        untold = self.net(xt, t, hidden)
        return told + self.scale * (told - untold)


MISTAKES = """
# counted from untold
- told + self.scale * (told - untold)
+ untold + self.scale * (told - untold)
You start from the untold answer: untold + scale * (told - untold). Many papers count that way; here
scale 0 has to follow the labels, so start from told.
# difference the wrong way round
+ told + self.scale * (untold - told)
The sign of your difference is wrong, so you move away from the labels. It's told - untold.
# difference alone
+ self.scale * (told - untold)
You return scale times the difference alone. Add it to the answer with labels.
# scale on one answer
+ told + self.scale * told - untold
| told - self.scale * untold
Your scale multiplies one of the answers. It multiplies their difference, in brackets.
# told and untold swapped
+ untold + self.scale * (untold - told)
told and untold are swapped. If you ask for both at once, the first half goes with the first labels.
# scale ignored
- self.scale * (
+ (
scale has no effect. It multiplies the difference of the two answers.
# 1 + scale
+ (1 + self.scale) * (
You add 1 + scale times the difference to told. It's scale times.
# one hidden label for all
- torch.full_like(self.labels, self.net.cond_embed.hidden)
+ self.net.cond_embed.hidden
| torch.tensor([self.net.cond_embed.hidden])
You pass a single hidden label. Each picture needs one: torch.full_like(self.labels, ...).
# another label for hidden
+ torch.zeros_like(self.labels)
| torch.full_like(self.labels, self.net.cond_embed.hidden - 1)
For "hidden" you take one of the classes, or a number that this network doesn't have. It's always
net.cond_embed.hidden.
"""

ASKING_TWICE = """
# labels both times
- self.net(xt, t, hidden)
+ self.net(xt, t, self.labels)
You ask with the labels both times, so the difference is 0. Hide all labels the second time.
# no labels passed
+ self.net(xt, t)
You ask without any labels. To hide them, pass the label net.cond_embed.hidden for each picture.
"""

ASKING_AT_ONCE = """
# t of shape () doubled
- if torch.is_tensor(t) and t.ndim > 0
+ if True
t may be one number, which can't be joined. Write torch.as_tensor(t).expand(len(xt)).repeat(2).
# t not doubled
- if torch.is_tensor(t) and t.ndim > 0:
-     t = torch.cat([t, t])
+
You double the pictures but not t. Write torch.as_tensor(t).expand(len(xt)).repeat(2).
# interleaved
- torch.cat([xt, xt])
+ xt.repeat_interleave(2, dim=0)
or
- torch.cat([t, t])
+ t.repeat_interleave(2)
- torch.cat([xt, xt])
+ xt.repeat_interleave(2, dim=0)
repeat_interleave puts the two copies of a picture side by side, but all labels come before all
hidden ones. Use torch.cat([xt, xt]) and torch.as_tensor(t).expand(len(xt)).repeat(2).
# split along the channels
- .chunk(2)
+ .chunk(2, dim=1)
You split the answers along their channels. The two halves lie along axis 0, the batch: .chunk(2).
"""


class GuidedAsModule(nn.Module):
    def __init__(self, net, labels, scale):
        super().__init__()
        self.net, self.scale = net.eval(), scale
        self.register_buffer("labels", labels)

    def forward(self, xt, t):
        B = len(xt)
        hidden = torch.ones_like(self.labels) * self.net.cond_embed.hidden
        t = torch.as_tensor(t, device=xt.device).expand(B).repeat(2)
        answers = self.net(xt.repeat(2, 1, 1, 1), t, torch.cat([hidden, self.labels]))
        return torch.lerp(answers[:B], answers[B:], 1.0 + self.scale)


class GuidedByLoop:
    def __init__(self, net, labels, scale):
        hidden = labels.new_full(labels.shape, net.cond_embed.hidden)
        self.asked = [(1 + scale, labels), (-scale, hidden)]
        self.net = net

    def __call__(self, xt, t):
        answer = torch.zeros_like(xt)
        for weight, labels in self.asked:
            answer = answer + weight * self.net(xt, t, cond=labels)
        return answer


class GuidedByLists(GuidedInTwo):
    def __call__(self, xt, t):
        nothing = self.labels * 0 + self.net.cond_embed.hidden
        eps, eps_hidden = [self.net(xt, t, c) for c in (self.labels, nothing)]
        return (1 + self.scale) * eps - self.scale * eps_hidden


REFERENCE = Guided
LOOK = NO_SCALE
CATALOGUE = edits(GuidedInTwo, MISTAKES + ASKING_TWICE) + edits(Guided, MISTAKES + ASKING_AT_ONCE)
ALSO_RIGHT = [GuidedAsModule, GuidedByLoop, GuidedByLists]
