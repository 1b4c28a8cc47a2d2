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
from course_utils.samplers import samples

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


# 10.4 samples


OF_STEPS = [
    (r"NoneType", r"", "At the first step there is no eps before. There, mixed is eps: ask whether "
     "the last one is None."),
    (r"Boolean value of Tensor", r"", "A tensor of many numbers is neither true nor false. Ask "
     "`if last is None`, with the name that you gave to the eps of the step before."),
    (r"iteration over a 0-d|used as indices|to unpack", r"",
     "sigmas holds the levels themselves. zip(sigmas, sigmas[1:]) gives each but the last, with "
     "the one after it."),
]  # fmt: skip


def samples_experiment(probe, samples, reference=samples):
    for N, gam, mu, B, C, H, W, look in [
        (4, 1.0, 0.0, 2, 1, 3, 4, ""),
        (5, 1.6, 0.0, 3, 2, 2, 5, "Right for gam = 1; look at mixed."),
        (
            4, 1.0, 0.5, 2, 1, 4, 3,
            "Right for mu = 0; look at sigma_down and at the noise. z is new at each step, also "
            "the last.",
        ),
        (
            5, 0.7, 0.3, 2, 2, 2, 3,
            "Right where gam = 1 or mu = 0. Look at the constants, and at what mixed goes into.",
        ),
    ]:  # fmt: skip
        sigmas = (0.2 + probe.uniform(N)).cumsum(0).flip(0)
        xT = sigmas[0] * probe.normal(B, C, H, W)
        with advised(probe, look), hinted(probe, *OF_STEPS):
            steps = probe.call(all_steps(probe, samples), SigmaNet(), xT, sigmas, gam, mu)
    ours = Probe(0).run("ours", all_steps(Probe(0), reference), SigmaNet(), xT, sigmas, gam, mu)
    if difference(ours, steps) is None:
        note_equal_levels(probe, samples)

    def with_levels(model, xT):  # on a GPU the levels are still on the CPU
        return list(samples(model, xT, sigmas, gam, mu))

    probe.on_fake_device(with_levels, SigmaNet(), probe.normal(B, C, H, W))


def note_equal_levels(probe, samples):
    """Write down whether pictures stay numbers where two levels are equal. What a wrong answer
    makes of such levels is not asked: it is known by the rest."""
    what = "samples(model, xT, sigmas, 1.0, 0.5) with two equal levels at the end"
    look = (
        "With as many steps as there are levels, the last two are equal. Rounding can then leave "
        "sigma_next^2 - sigma_down^2 a little below 0, which has no root: .clamp(min=0) first."
    )
    with advised(probe, look):
        whole = True
        for level in (0.05, 0.07, 0.08, 0.13, 0.15, 0.2, 0.23):
            sigmas = torch.tensor([2 * level, level, level])
            given = SigmaNet(), torch.ones(1, 1, 2, 2), sigmas, 1.0, 0.5
            found = tensors(probe.run(what, all_steps(probe, samples), *given))
            whole &= not any(x.is_complex() or not x.isfinite().all() for x in found)
        probe.note(what, whole, f"{what}: some of your numbers are NaN.")


def samples_with(
    model, xT, sigmas, gam=1.0, mu=0.0, swap=False, zero_before=False, keep_mixed=False,
    down=lambda s, n, mu: (n / s**mu) ** (1 / (1 - mu)),
    up=lambda n, d, s: (n**2 - d**2).clamp(min=0) ** 0.5,
    told=lambda s, n: s, x0_of_mixed=False, clip=False, sign=1, noise=torch.randn_like,
):  # fmt: skip
    """The family with a switch for every way to err."""
    xt, before, found = xT, None, []
    with torch.no_grad():
        for sigma, after in zip(sigmas, sigmas[1:]):
            eps = model(xt, told(sigma, after))
            x0 = xt - sigma * eps
            if before is None and not zero_before:
                mixed = eps
            else:
                last = torch.zeros_like(eps) if before is None else before
                mixed = gam * last + (1 - gam) * eps if swap else gam * eps + (1 - gam) * last
            before = mixed if keep_mixed else eps
            x0 = xt - sigma * mixed if x0_of_mixed else x0
            x0 = x0.clamp(-1, 1) if clip else x0
            lower = down(sigma, after, mu)
            xt = xt - sign * (sigma - lower) * mixed
            if mu > 0:
                xt = xt + up(after, lower, sigma) * noise(xt)
            found.append((sigma, xt, x0))
    return found


def gam_swapped(model, xT, sigmas, gam=1.0, mu=0.0):
    """gam and 1 - gam stand on the wrong noises: gam belongs to this step's eps, 1 - gam to the
    last one's."""
    return samples_with(model, xT, sigmas, gam, mu, swap=True)


def gam_ignored(model, xT, sigmas, gam=1.0, mu=0.0):
    """gam has no effect. From the second step on, mixed = gam * eps + (1 - gam) * eps of the step
    before."""
    return samples_with(model, xT, sigmas, 1.0, mu)


def mixed_at_first(model, xT, sigmas, gam=1.0, mu=0.0):
    """At the first step there is no eps before, and you mix with zeros. There, mixed is eps."""
    return samples_with(model, xT, sigmas, gam, mu, zero_before=True)


def mixed_kept(model, xT, sigmas, gam=1.0, mu=0.0):
    """You keep mixed for the next step. Keep eps, what the model said: else all earlier steps
    are mixed in."""
    return samples_with(model, xT, sigmas, gam, mu, keep_mixed=True)


def mu_ignored(model, xT, sigmas, gam=1.0, mu=0.0):
    """mu has no effect. With mu > 0 the step goes down to sigma_down, below the next level, and
    fresh noise brings it back up."""
    return samples_with(model, xT, sigmas, gam, 0.0)


def no_way_up(model, xT, sigmas, gam=1.0, mu=0.0):
    """No fresh noise is added: the picture stays at sigma_down, below the next level. Add
    sqrt(sigma_next^2 - sigma_down^2) times torch.randn_like(xt)."""
    return samples_with(model, xT, sigmas, gam, mu, up=lambda n, d, s: 0.0)


def up_unscaled(model, xT, sigmas, gam=1.0, mu=0.0):
    """The fresh noise is not scaled. Multiply it by sqrt(sigma_next^2 - sigma_down^2)."""
    return samples_with(model, xT, sigmas, gam, mu, up=lambda n, d, s: 1.0)


def up_variance(model, xT, sigmas, gam=1.0, mu=0.0):
    """The fresh noise is multiplied by its variance: the root over sigma_next^2 - sigma_down^2 is
    missing."""
    return samples_with(model, xT, sigmas, gam, mu, up=lambda n, d, s: n**2 - d**2)


def up_difference(model, xT, sigmas, gam=1.0, mu=0.0):
    """You multiply the fresh noise by sigma_next - sigma_down. Variances add up, standard
    deviations do not: it is sqrt(sigma_next^2 - sigma_down^2)."""
    return samples_with(model, xT, sigmas, gam, mu, up=lambda n, d, s: n - d)


def up_everything(model, xT, sigmas, gam=1.0, mu=0.0):
    """The fresh noise has the size sigma_next, but noise of sigma_down is still in the picture.
    Only the rest is missing: sqrt(sigma_next^2 - sigma_down^2)."""
    return samples_with(model, xT, sigmas, gam, mu, up=lambda n, d, s: n)


def down_without_root(model, xT, sigmas, gam=1.0, mu=0.0):
    """In sigma_down the exponent 1 / (1 - mu) is missing."""
    return samples_with(model, xT, sigmas, gam, mu, down=lambda s, n, mu: n / s**mu)


def down_by_one_minus(model, xT, sigmas, gam=1.0, mu=0.0):
    """In sigma_down the exponent is 1 - mu. It is 1 / (1 - mu) (brackets?)."""
    return samples_with(
        model, xT, sigmas, gam, mu,
        down=lambda s, n, mu: (n / s**mu) ** (1 - mu),
        up=lambda n, d, s: (n**2 - d**2).clamp(min=0).sqrt(),
    )  # fmt: skip


def down_by_product(model, xT, sigmas, gam=1.0, mu=0.0):
    """In sigma_down you divide by sigma * mu. It is a power: sigma**mu."""
    return samples_with(
        model, xT, sigmas, gam, mu,
        down=lambda s, n, mu: (n / (s * mu)) ** (1 / (1 - mu)) if mu else n,
        up=lambda n, d, s: (n**2 - d**2).clamp(min=0).sqrt(),
    )  # fmt: skip


def down_swapped(model, xT, sigmas, gam=1.0, mu=0.0):
    """In sigma_down the level and the next one are swapped: sigma_next stands above, sigma**mu
    below."""
    return samples_with(
        model, xT, sigmas, gam, mu,
        down=lambda s, n, mu: (s / n**mu) ** (1 / (1 - mu)) if mu else n,
        up=lambda n, d, s: (n**2 - d**2).clamp(min=0).sqrt(),
    )  # fmt: skip


def down_to_next(model, xT, sigmas, gam=1.0, mu=0.0):
    """The step goes down to sigma_next, and then noise is added. It goes down to sigma_down, so
    that the noise brings it back up to sigma_next."""
    return samples_with(
        model, xT, sigmas, gam, mu,
        down=lambda s, n, mu: n,
        up=lambda n, d, s: (n**2 - (n / s**mu) ** (2 / (1 - mu))).sqrt(),
    )  # fmt: skip


def up_from_sigma(model, xT, sigmas, gam=1.0, mu=0.0):
    """The noise brings the picture back up to sigma, where it came from. It has to reach
    sigma_next: sqrt(sigma_next^2 - sigma_down^2)."""
    return samples_with(model, xT, sigmas, gam, mu, up=lambda n, d, s: (s**2 - d**2) ** 0.5)


def goes_up(model, xT, sigmas, gam=1.0, mu=0.0):
    """The step adds noise in place of taking it out: xt - (sigma - sigma_down) * mixed."""
    return samples_with(model, xT, sigmas, gam, mu, sign=-1)


def told_the_next(model, xT, sigmas, gam=1.0, mu=0.0):
    """The model is told the next level. Tell it the one that xt has now."""
    return samples_with(model, xT, sigmas, gam, mu, told=lambda s, n: n)


def x0_by_mixed(model, xT, sigmas, gam=1.0, mu=0.0):
    """Your x0 is computed from mixed. It is the model's guess at this step: xt - sigma * eps."""
    return samples_with(model, xT, sigmas, gam, mu, x0_of_mixed=True)


def x0_clipped(model, xT, sigmas, gam=1.0, mu=0.0):
    """x0 is clipped to [-1, 1]. This family yields it as it is."""
    return samples_with(model, xT, sigmas, gam, mu, clip=True)


def x0_late(model, xT, sigmas, gam=1.0, mu=0.0):
    """Your x0 is computed from the new xt. Compute it before the step: xt - sigma * eps."""
    before = xT
    for sigma, xt, _ in samples_with(model, xT, sigmas, gam, mu):
        yield sigma, xt, xt - sigma * model(before, sigma)
        before = xt


def clean_first(model, xT, sigmas, gam=1.0, mu=0.0):
    """In what you yield, xt and x0 are swapped: it is (sigma, xt, x0)."""
    for sigma, xt, x0 in samples_with(model, xT, sigmas, gam, mu):
        yield sigma, x0, xt


def next_yielded(model, xT, sigmas, gam=1.0, mu=0.0):
    """You yield the next level. Yield the one that the model was told at this step."""
    for after, (_, xt, x0) in zip(sigmas[1:], samples_with(model, xT, sigmas, gam, mu)):
        yield after, xt, x0


def old_yielded(model, xT, sigmas, gam=1.0, mu=0.0):
    """You yield the xt from before the step. Yield xt after the step."""
    before = xT
    for sigma, xt, x0 in samples_with(model, xT, sigmas, gam, mu):
        yield sigma, before, x0
        before = xt


def index_yielded(model, xT, sigmas, gam=1.0, mu=0.0):
    """You yield the number of the step. Yield (sigma, xt, x0), sigma as the model was told."""
    for i, (_, xt, x0) in enumerate(samples_with(model, xT, sigmas, gam, mu)):
        yield i, xt, x0


def down_yielded(model, xT, sigmas, gam=1.0, mu=0.0):
    """You yield sigma_down. Yield (sigma, xt, x0), sigma as the model was told."""
    steps = samples_with(model, xT, sigmas, gam, mu)
    for after, (sigma, xt, x0) in zip(sigmas[1:], steps):
        yield (after / sigma**mu) ** (1 / (1 - mu)), xt, x0


def pairs_yielded(model, xT, sigmas, gam=1.0, mu=0.0):
    """You yield xt and x0 without sigma. Yield (sigma, xt, x0), sigma as the model was told."""
    for _, xt, x0 in samples_with(model, xT, sigmas, gam, mu):
        yield xt, x0


def begun_larger(model, xT, sigmas, gam=1.0, mu=0.0):
    """You multiply xT by sigmas[0]. xT has that size already."""
    return samples_with(model, xT * sigmas[0], sigmas, gam, mu)


def noise_kept(model, xT, sigmas, gam=1.0, mu=0.0):
    """You draw the noise once, and add the same at each step. z is new at each step."""
    z = torch.randn_like(xT)
    return samples_with(model, xT, sigmas, gam, mu, noise=lambda xt: z)


def no_noise_at_last(model, xT, sigmas, gam=1.0, mu=0.0):
    """You add no noise at the last step. The last level is not 0 here: z is new at each step, also
    the last."""
    return samples_with(
        model, xT, sigmas, gam, mu,
        up=lambda n, d, s: 0.0 if n == sigmas[-1] else (n**2 - d**2) ** 0.5,
    )  # fmt: skip


def last_only(model, xT, sigmas, gam=1.0, mu=0.0):
    """You return the finished picture alone. Yield after every step: (sigma, xt, x0)."""
    return samples_with(model, xT, sigmas, gam, mu)[-1][1]


def noise_on_the_cpu(model, xT, sigmas, gam=1.0, mu=0.0):
    """This is right on a CPU, and stops on a GPU: xT is there, and noise or other numbers that you
    make are on the CPU. torch.randn_like(xt) makes noise where xt is, sigmas.to(xT) brings the
    levels along."""
    return samples_with(model, xT, sigmas, gam, mu, noise=lambda xt: torch.randn(xt.shape))


@torch.no_grad()
def samples_by_index(model, xT, sigmas, gam=1.0, mu=0.0):
    sigmas, seen = sigmas.to(xT.device), []
    for i in range(len(sigmas) - 1):
        now, then = sigmas[i], sigmas[i + 1]
        seen.append(model(xT, now.expand(len(xT))))
        direction = torch.lerp(seen[max(i - 1, 0)], seen[i], gam)
        guess = xT - now * seen[i]
        target = then ** (1 / (1 - mu)) * now ** (-mu / (1 - mu))
        xT = xT + (target - now) * direction
        xT = xT + (then**2 - target**2).clamp(min=0).sqrt() * torch.randn_like(xT)
        yield now, xT, guess


def samples_in_a_list(model, xT, sigmas, gam=1.0, mu=0.0):
    levels, out, old = sigmas.tolist(), [], None
    x = xT.clone()
    for now, then in zip(levels[:-1], levels[1:]):
        with torch.no_grad():
            new = model(x, now)
        mixed = new if old is None else old + gam * (new - old)
        old = new
        target = math.exp((math.log(then) - mu * math.log(now)) / (1 - mu))
        guess = x - new * now
        x = x - (now - target) * mixed
        x = x + max(then**2 - target**2, 0.0) ** 0.5 * torch.randn(x.shape, device=x.device)
        out.append([now, x, guess])
    return out


@torch.no_grad()
def samples_by_guess(model, xT, sigmas, gam=1.0, mu=0.0):
    xt, before, ratios = xT, None, sigmas[1:] / sigmas[:-1]
    for sigma, ratio in zip(sigmas.tolist(), ratios.tolist()):
        eps = model(xt, torch.tensor(sigma, device=xt.device))
        before = eps if before is None else before
        mixed = gam * eps + (1 - gam) * before
        kept = ratio ** (1 / (1 - mu))
        x0, aim = xt - sigma * eps, xt - sigma * mixed
        xt = kept * xt + (1 - kept) * aim
        if mu:
            xt = xt + torch.randn_like(xt) * sigma * (ratio**2 - kept**2) ** 0.5
        before = eps
        yield sigma, xt, x0


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
        id="10.4",
        title="A family of samplers",
        notebook=NOTEBOOK,
        reference=samples,
        experiment=samples_experiment,
        look="Try mu = 0 and gam = 1 first: then sigma_down is sigma_next, mixed is eps, and no "
        "noise is added.",
        catalogue=by_hand({
            "gam on the wrong noise": gam_swapped,
            "gam ignored": gam_ignored,
            "mixed with zeros at first": mixed_at_first,
            "mixed kept": mixed_kept,
            "mu ignored": mu_ignored,
            "no fresh noise": no_way_up,
            "fresh noise not scaled": up_unscaled,
            "fresh noise by its variance": up_variance,
            "fresh noise by a difference": up_difference,
            "fresh noise of sigma_next": up_everything,
            "sigma_down without the exponent": down_without_root,
            "sigma_down with the exponent 1 - mu": down_by_one_minus,
            "sigma_down by sigma * mu": down_by_product,
            "sigma_down swapped": down_swapped,
            "down to sigma_next": down_to_next,
            "up to sigma": up_from_sigma,
            "noise added": goes_up,
            "model told the next level": told_the_next,
            "x0 from mixed": x0_by_mixed,
            "x0 clipped": x0_clipped,
            "x0 from the new xt": x0_late,
            "xt and x0 swapped": clean_first,
            "next level yielded": next_yielded,
            "old xt yielded": old_yielded,
            "index yielded": index_yielded,
            "sigma_down yielded": down_yielded,
            "sigma not yielded": pairs_yielded,
            "xT made larger": begun_larger,
            "noise drawn once": noise_kept,
            "no noise at the last step": no_noise_at_last,
            "last picture only": last_only,
            "noise made on the CPU": noise_on_the_cpu,
        }),
        also_right=[samples_by_index, samples_in_a_list, samples_by_guess],
    ),
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
