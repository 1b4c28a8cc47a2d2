"""A small network that is trained in fp32 or fp16, with gradients of any size."""

import math

import torch
from torch import nn

from course_utils.checks.exercises.nb07.in_place import Net, copies


def small_net(probe):
    return Net(probe.normal, nn.Linear(3, 4), nn.SiLU(), nn.Linear(4, 2))


def give_gradients(probe, state, size):
    """Let the gradients have a norm of this size; one of them is infinite or NaN where it is."""
    state.optimizer.zero_grad()
    wanted = [probe.normal(*p.shape) for p in state.model.parameters()]
    norm = torch.cat([z.flatten() for z in wanted]).norm()
    if math.isfinite(size):
        wanted = [z * size / norm for z in wanted]
    else:
        wanted[1][0] = size
    state.scaler.scale(
        sum((p * z).sum() for p, z in zip(state.model.parameters(), wanted))
    ).backward()


def note_weights(probe, what, net, look):
    """Write down a network's weights. NaN and infinity become a word, so that two wrong answers
    that give them are the same."""
    found = copies(net.parameters())
    finite = all(x.isfinite().all() for x in found)
    probe.note(
        what, found if finite else "NaN or infinity",
        "" if finite else f"{what}: some are NaN or infinite.",
        look if finite else
        "A step whose gradient overflowed has to be left out, which state.scaler.step does.",
    )  # fmt: skip
