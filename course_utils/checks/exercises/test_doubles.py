"""What experiments hand to an attempt in place of networks, and what calls it.

An exception raised in here is the attempt's, so these stand apart from the exercises.
"""

import functools
import itertools
import math
from collections.abc import Iterator

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks.parts import agree, change, freeze, tensors


class NoiseNet(nn.Module):
    """Stands in for a network that is told t: its answer depends on xt, on t, and on a weight.

    What it was asked, (xt, t) each time, is kept in `asked`.
    """

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.7))
        self.asked = []

    def forward(self, xt, t):
        t = torch.as_tensor(t, dtype=xt.dtype, device=xt.device).view(-1, 1, 1, 1)
        self.asked.append((freeze(xt), freeze(t.flatten())))
        return self.weight * xt + 0.3 * torch.sin(t + 2 * xt)


class LineNet(NoiseNet):
    """The same for straight lines: it may be told labels too, which it keeps beside xt and t."""

    def forward(self, xt, t, *labels):
        answer = super().forward(xt, t)
        self.asked[-1] += (freeze(labels),)
        return sum((y.view(-1, 1, 1, 1) * xt.sign() for y in labels), answer)


class LineField(NoiseNet):
    """Stands in for a field: it's told one number t for the whole batch."""

    def forward(self, xt, t):
        return super().forward(xt, float(t))

    def times(self):
        """The times that it was told, in order."""
        return [round(t.item(), 4) for _, t in self.asked]


class SigmaNet(nn.Module):
    """Stands in for a network that is told sigma: its answer depends on xt and on sigma."""

    def forward(self, xt, sigma):
        sigma = torch.as_tensor(sigma, dtype=xt.dtype, device=xt.device).view(-1, 1, 1, 1)
        return 0.6 * xt / (1 + sigma) + 0.4 * torch.sin(3 * sigma + xt)


class Labels:
    """What guidance needs of a labelled network's cond_embed."""

    def __init__(self, hidden):
        self.hidden = hidden


class LabelledNet(nn.Module):
    """Stands in for a network that is told labels too."""

    def __init__(self, classes):
        super().__init__()
        self.cond_embed = Labels(classes)
        z = torch.randn(classes + 1, generator=torch.Generator().manual_seed(classes))
        self.table = nn.Parameter(z[:, None])

    def forward(self, xt, sigma, cond=None):
        if cond is None:
            raise ValueError("this network needs a label for each picture; some may be hidden")
        if cond.is_floating_point():
            raise ValueError("labels are integers")
        sigma = torch.as_tensor(sigma, dtype=xt.dtype, device=xt.device).flatten()
        if len(sigma) not in (1, len(xt)) or len(cond) != len(xt):
            raise ValueError(
                f"{len(xt)} pictures, {len(cond)} labels, {len(sigma)} sigmas; there must be as "
                f"many of each, or one sigma for all"
            )
        if not cond.is_meta and not 0 <= int(cond.min()) <= int(cond.max()) < len(self.table):
            hidden = self.cond_embed.hidden
            raise ValueError(
                f"labels are 0 to {hidden - 1}, and {hidden} is the hidden one; "
                f"got {int(cond.min())} to {int(cond.max())}"
            )
        cond = cond + torch.zeros_like(cond, device=xt.device)  # no labels of another device
        shift = F.embedding(cond, self.table.to(xt.device)) + sigma[:, None]
        return torch.sin(xt * (1 + shift[:, :, None, None]))


# What calls an attempt


def guided_by(Guided):
    def guided(net, labels, scale, xt, t):
        return Guided(net, labels, scale)(xt, t)

    return guided


def run_to_end(sampler, *args):
    """Run a sampler: what it returned, 100 steps at most as they came, and as they are then."""
    result = sampler(*args)
    steps = itertools.islice(result if isinstance(result, (Iterator, list)) else [], 100)
    return result, *as_they_came(steps)


def as_they_came(steps):
    both = [(change(step, torch.clone), step) for step in steps]  # a later one may write into it
    return [came for came, _ in both], [step for _, step in both]


def pictures_of(sampler):
    """A function that runs a sampler to its end: the pictures of every step, without its t."""

    def run(*args):
        return [tuple(step[1:]) for step in run_to_end(sampler, *args)[1]]

    return run


def all_steps(probe, sampler):
    """A function that runs a sampler of sigmas to its end: its steps, as a list."""

    @functools.wraps(sampler)
    def run(model, xT, sigmas, *more):
        result = sampler(model, xT, sigmas, *more)
        found, kept = as_they_came(result if hasattr(result, "__iter__") else [])
        note_written(probe, found, kept)
        steps = len(sigmas) - 1
        probe.note(
            "the number of steps", len(found),
            f"{len(found)} steps come out of your sampler; {steps + 1} levels make {steps} steps.",
            "Is there a yield sigma, xt, x0 in the loop, as its last line? Each step needs a "
            "level and the one after it.",
        )  # fmt: skip
        return [(*map(number, step),) if type(step) in (tuple, list) else step for step in found]

    return run


def note_kept(probe, came, steps):
    """Write down whether the steps keep what gradients would need, and stay as they came."""
    probe.note(
        "gradients are kept", any(x.requires_grad for x in tensors(steps)),
        "Your sampler keeps what gradients would need, which fills the memory of a real network.",
        "Leave @torch.no_grad() in the line above def.", aside=True,
    )  # fmt: skip
    note_written(probe, came, steps)


def note_written(probe, came, steps):
    """Write down whether a later step has changed what an earlier one yielded."""
    probe.note(
        "steps overwritten", not agree(tensors(came), tensors(steps)),
        "A later step writes into an xt that you yielded before, so a list of all steps is wrong.",
        "Make a new tensor at each step: xt = xt + ..., not +=, -= or copy_.", aside=True,
    )  # fmt: skip


# Numbers are numbers: Python's, NumPy's, and tensors that hold one


def as_float(value):
    """A number as a float, NaN and infinity as words, so that they equal themselves; anything
    else as it is."""
    if hasattr(value, "item") and math.prod(value.shape) == 1:
        value = value.item()
    if not isinstance(value, (int, float)):
        return value
    return round(float(value), 6) if math.isfinite(value) else str(value)


def number(value):
    """A number as a tensor of shape (); anything else as it is."""
    if isinstance(value, (float, numpy.floating)):
        value = torch.tensor(float(value))
    return value.reshape(()) if isinstance(value, torch.Tensor) and value.numel() == 1 else value
