"""The exercises of notebook 10. A docstring of a wrong answer is what its author is told."""

import contextlib
import copy
import functools
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks.engine.compare import difference
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.probe import Probe, Stop, hinted, tensors
from course_utils.checks.exercises.test_doubles import (
    Elsewhere,
    LabelledNet,
    SigmaNet,
    all_steps,
    guided_by,
    schedule_of,
)
from course_utils.checks.mistakes import by_hand
from course_utils.diffusion import Guided

NOTEBOOK = "10_published_unets"


@contextlib.contextmanager
def advised(probe, look):
    """What is seen in here gets its own advice."""
    begun = len(probe.seen)
    try:
        yield
    finally:
        for seen in probe.seen[begun:]:
            seen.look = seen.look or look


# 10.5 Guided


OF_LABELS = [
    (r"labels are \d+ to \d+", r"", "The number of classes differs from network to network, and so "
     "does the label \"hidden\": take net.cond_embed.hidden."),
    (r"labels are integers", r"", "The network is called as net(xt, sigma, labels), in this order, "
     "and the hidden labels are integers too: torch.full_like(self.labels, ...)."),
    (r"pictures, \d+ labels", r"", "Each picture needs a label and a sigma. Who asks twice as many "
     "pictures hands over twice as many of both: sigma.expand(len(xt)).repeat(2)."),
    (r"'int' object has no attribute|of a 0-d", r"", "There is a label for each picture, and a "
     "hidden one for each too: torch.full_like(self.labels, self.net.cond_embed.hidden)."),
    (r"one element|to Scalar", r"sigma", "sigma may have shape (B,), one for each picture. Hand it "
     "on as it is."),
    (r"must be Tensor, not float|'Tensor' object has no attribute 'cond_embed'", r"",
     "__init__ gets the network first, then the labels, then the scale."),
]  # fmt: skip


def guided_experiment(probe, Guided):
    guided = guided_by(Guided)
    made = probe.run("Guided(net, labels, scale)", Guided, LabelledNet(4), torch.tensor([1, 3]), 2.0)
    probe.note(
        "can be called", callable(made), "An object of your class cannot be called.",
        "Write __call__; forward works in an nn.Module alone.",
    )  # fmt: skip
    if not callable(made):
        raise Stop
    for classes, B, C, H, W, scale in [
        (4, 3, 1, 4, 2, 2.0), (5, 4, 2, 3, 5, 0.0), (3, 5, 1, 2, 2, 0.7), (7, 2, 3, 3, 2, 1.0)
    ]:  # fmt: skip
        labels = probe.steps(B, classes - 1) + 1 if B < classes - 1 else torch.arange(B) % classes
        given = labels, scale, probe.normal(B, C, H, W)
        with hinted(probe, *OF_LABELS):
            probe.call(guided, LabelledNet(classes), *given, probe.uniform(B))
        with advised(probe, "sigma may have shape (): then it is the same for all pictures."):
            probe.call(guided, LabelledNet(classes), *given, torch.tensor(0.3))
    probe.on_fake_device(guided, LabelledNet(classes).to("meta"), *given, probe.uniform(B))


class Asking(Guided):
    """Asks twice, with and without labels; mix says what becomes of the answers."""

    def hidden(self):
        return torch.full_like(self.labels, self.net.cond_embed.hidden)

    def mix(self, told, untold):
        return told + self.scale * (told - untold)

    def __call__(self, xt, sigma):
        return self.mix(self.net(xt, sigma, self.labels), self.net(xt, sigma, self.hidden()))


class FromUntold(Asking):
    """You go from the untold answer: untold + scale * (told - untold). Other texts count so; here
    scale 0 has to follow the labels, so go on from told."""

    def mix(self, told, untold):
        return untold + self.scale * (told - untold)


class WrongWay(Asking):
    """The difference is the wrong way round: you go towards the answer without labels. It is
    told - untold."""

    def mix(self, told, untold):
        return told + self.scale * (untold - told)


class DifferenceAlone(Asking):
    """You return scale times the difference. It is added to the answer with labels."""

    def mix(self, told, untold):
        return self.scale * (told - untold)


class Unbalanced(Asking):
    """You add scale * told, and take nothing, or not as much, away. The difference of the two
    answers is what is scaled."""

    def mix(self, told, untold):
        return told + self.scale * told - untold


class TakesUntoldAlone(Asking):
    """You take scale * untold away from told. The difference of the two answers is what is
    scaled: told + scale * (told - untold)."""

    def mix(self, told, untold):
        return told - self.scale * untold


class ScaleIgnored(Asking):
    """scale has no effect. It multiplies the difference of the two answers."""

    def mix(self, told, untold):
        return told + (told - untold)


class NotGuided(Asking):
    """The answer follows the labels and no more: scale has no effect, or both answers are asked
    for with the labels. The second is asked with all labels hidden."""

    def mix(self, told, untold):
        return told


class Untold(Asking):
    """You return the answer without labels."""

    def mix(self, told, untold):
        return untold


class OrderSwapped(Asking):
    """told and untold are swapped: the first half of the answers belongs to the first half of
    what was asked."""

    def mix(self, told, untold):
        return untold + self.scale * (untold - told)


class OneMore(Asking):
    """You take 1 + scale times the difference, added to told. It is scale times."""

    def mix(self, told, untold):
        return told + (1 + self.scale) * (told - untold)


class HiddenIsZero(Asking):
    """For "hidden" you take the label 0. That is a class of its own; the label that says nothing
    is net.cond_embed.hidden."""

    def hidden(self):
        return torch.zeros_like(self.labels)


class HiddenIsLast(Asking):
    """For "hidden" you take the last class. The label that says nothing comes after it:
    net.cond_embed.hidden."""

    def hidden(self):
        return torch.full_like(self.labels, self.net.cond_embed.hidden - 1)


class HiddenIsMinusOne(Asking):
    """For "hidden" you take -1, which is in no table. The label that says nothing is
    net.cond_embed.hidden."""

    def hidden(self):
        return torch.full_like(self.labels, -1)


class NotTold(Asking):
    """To ask without labels, hand over the label net.cond_embed.hidden, once for each picture."""

    def __call__(self, xt, sigma):
        return self.mix(self.net(xt, sigma, self.labels), self.net(xt, sigma))


class AskingAtOnce(Asking):
    """Asks once, with two batches in one: set pictures, levels and both in a subclass."""

    def pictures(self, xt):
        return torch.cat([xt, xt])

    def levels(self, sigma, xt):
        return sigma.expand(len(xt)).repeat(2)

    def both(self):
        return torch.cat([self.labels, self.hidden()])

    def __call__(self, xt, sigma):
        answers = self.net(self.pictures(xt), self.levels(sigma, xt), self.both())
        return self.mix(*answers.chunk(2))


class SigmaJoined(AskingAtOnce):
    """sigma may have shape (), which cannot be joined to itself. Write
    sigma.expand(len(xt)).repeat(2)."""

    def levels(self, sigma, xt):
        return torch.cat([sigma, sigma])


class SigmaRepeated(AskingAtOnce):
    """sigma may have shape (), and repeat(2) makes 2 numbers of it. Write
    sigma.expand(len(xt)).repeat(2)."""

    def levels(self, sigma, xt):
        return sigma.repeat(2)


class SigmaInterleaved(AskingAtOnce):
    """sigma.repeat_interleave(2) has each level twice in a row, and torch.cat([xt, xt]) the whole
    batch twice. Write sigma.expand(len(xt)).repeat(2)."""

    def levels(self, sigma, xt):
        return sigma.expand(len(xt)).repeat_interleave(2)


class PicturesInterleaved(AskingAtOnce):
    """xt.repeat_interleave(2, dim=0) has each picture twice in a row, and the labels are the whole
    batch, then the hidden ones. Write torch.cat([xt, xt])."""

    def pictures(self, xt):
        return xt.repeat_interleave(2, dim=0)


class AllInterleaved(PicturesInterleaved, SigmaInterleaved):
    """repeat_interleave has each picture twice in a row, and the labels are the whole batch, then
    the hidden ones. Write torch.cat([xt, xt]), and sigma.expand(len(xt)).repeat(2)."""


class FirstSigma(Asking):
    """You use the first sigma for all pictures. Each has its own: hand them all over."""

    def __call__(self, xt, sigma):
        return super().__call__(xt, sigma.flatten()[0])


class SumScaled(Asking):
    """A minus is missing: you scale the sum of the two answers. Scale the difference,
    told - untold."""

    def mix(self, told, untold):
        return told + self.scale * (told + untold)


class ClampedAnswer(Asking):
    """The answer is cut to [-1, 1]. It is noise, which may be larger: return it as it is."""

    def mix(self, told, untold):
        return super().mix(told, untold).clamp(-1, 1)


class LabelsOverwritten(Asking):
    """fill_ changes the labels that you were given: nobody is told a label any more, and the
    caller's labels are gone. torch.full_like(self.labels, ...) makes new ones."""

    def __call__(self, xt, sigma):
        hidden = self.labels.fill_(self.net.cond_embed.hidden)
        return self.mix(self.net(xt, sigma, self.labels), self.net(xt, sigma, hidden))


class HiddenOnTheCpu(Asking):
    """This is right on a CPU, and stops on a GPU: the labels are there, and the hidden ones that
    you make are on the CPU. torch.full_like(self.labels, ...) makes them where the labels are."""

    def hidden(self):
        return torch.full(self.labels.shape, self.net.cond_embed.hidden, device="cpu")


class GuidedInTwo:
    def __init__(self, net, labels, scale):
        self.net, self.labels, self.scale = net, labels, scale
        self.nothing = labels * 0 + net.cond_embed.hidden

    def __call__(self, xt, sigma):
        untold = self.net(xt, sigma, self.nothing)
        told = self.net(xt, sigma, self.labels)
        return (1 + self.scale) * told - self.scale * untold


class GuidedAsModule(nn.Module):
    def __init__(self, net, labels, scale):
        super().__init__()
        self.net, self.scale = net, scale
        self.register_buffer("labels", labels)

    def forward(self, xt, sigma):
        B = len(xt)
        hidden = torch.ones_like(self.labels) * self.net.cond_embed.hidden
        sigma = torch.as_tensor(sigma, device=xt.device).expand(B).repeat(2)
        answers = self.net(xt.repeat(2, 1, 1, 1), sigma, torch.cat([hidden, self.labels]))
        return torch.lerp(answers[:B], answers[B:], 1.0 + self.scale)


class GuidedByLoop:
    def __init__(self, net, labels, scale):
        hidden = labels.new_full(labels.shape, net.cond_embed.hidden)
        self.asked = [(1 + scale, labels), (-scale, hidden)]
        self.net = net

    def __call__(self, xt, sigma):
        answer = torch.zeros_like(xt)
        for weight, labels in self.asked:
            answer = answer + weight * self.net(xt, sigma, cond=labels)
        return answer


class GuidedInEval(Guided):
    def __init__(self, net, labels, scale):
        super().__init__(net.eval(), labels, scale)
        self.device = next(net.parameters()).device


EXERCISES = [
    Exercise(
        id="10.5",
        title="Guidance",
        notebook=NOTEBOOK,
        reference=Guided,
        experiment=guided_experiment,
        look="With scale = 0 the answer is what the network says with the labels. Check that "
        "first, then the sign of the difference.",
        catalogue=by_hand({
            "counted from untold": FromUntold,
            "difference the wrong way round": WrongWay,
            "difference alone": DifferenceAlone,
            "scale on one answer": Unbalanced,
            "scale on untold alone": TakesUntoldAlone,
            "scale ignored": ScaleIgnored,
            "not guided": NotGuided,
            "labels never told": Untold,
            "told and untold swapped": OrderSwapped,
            "1 + scale": OneMore,
            "hidden is 0": HiddenIsZero,
            "hidden is the last class": HiddenIsLast,
            "hidden is -1": HiddenIsMinusOne,
            "no labels handed over": NotTold,
            "sigma joined": SigmaJoined,
            "sigma repeated": SigmaRepeated,
            "sigma interleaved": SigmaInterleaved,
            "pictures interleaved": PicturesInterleaved,
            "all interleaved": AllInterleaved,
            "first sigma for all": FirstSigma,
            "sum scaled": SumScaled,
            "answer clamped": ClampedAnswer,
            "labels overwritten": LabelsOverwritten,
            "hidden labels on the CPU": HiddenOnTheCpu,
        }),
        also_right=[GuidedInTwo, GuidedAsModule, GuidedByLoop, GuidedInEval],
    ),
]
