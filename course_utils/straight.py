"""Straight lines from noise to pictures: flow matching, and the reflow that straightens the paths.

Time t runs from 0, a picture, to 1, noise. Between them xt = (1 - t) x0 + t eps moves in the
direction u = eps - x0. A field is any callable: field(xt, t) returns a guess of u, for one number t
for the whole batch. The samplers here yield (t, xt, x0) like those of samplers.py: the time that
the step began at, the picture that it led to, and the guess of the clean picture there, not
clipped.
"""

import torch
from torch.nn import functional as F

from course_utils.samplers import last
from course_utils.unet import timesteps


def on_line(x0, eps, t):
    """Return the points at time t on the straight lines from pictures to noise.

    (B, C, H, W), (B, C, H, W), (B,) -> (B, C, H, W)

    t is in [0, 1]. Source: "Flow Straight and Fast" (2022), section 2.1; "Flow Matching for
    Generative Modeling" (2022), section 4.1.
    """
    t = t[:, None, None, None]  # (B, 1, 1, 1)
    return (1 - t) * x0 + t * eps


def straight_loss(net, x0, t, eps, schedule, *labels):
    """Return the mean squared error of a network that predicts the direction eps - x0.

    UNet, (B, C, H, W), (B,), (B, C, H, W), Schedule -> ()

    The steps t, from 0 to schedule.T - 1, stand for the times from 0 to 1. A network that knows
    labels gets theirs (B,) as well. Source: "Flow Straight and Fast" (2022), equation 1.
    """
    time = timesteps(t, x0) / (schedule.T - 1)
    return F.mse_loss(net(on_line(x0, eps, time), t, *labels), eps - x0)


class Field:
    """A network that was trained with straight_loss, to be asked at a time from 0 to 1.

    (B, C, H, W), () -> (B, C, H, W)

    The network is told the nearest of its T steps, and the labels (B,), if it knows any.
    """

    def __init__(self, net, *labels, T=1000):
        self.net, self.labels, self.T = net, labels, T

    def __call__(self, xt, t):
        return self.net(xt, int((self.T - 1) * t + 0.5), *self.labels)


@torch.no_grad()
def euler(field, xt, evaluations=25, start=1.0):
    """Go from time start to 0 in equal steps, each in the direction where it begins.

    field, (B, C, H, W) -> sampler

    Each step takes one evaluation of the field. At start = 1, xt is noise.
    Source: "Flow Straight and Fast" (2022), section 2.1.
    """
    step = start / evaluations
    for i in range(evaluations, 0, -1):
        t = i * step
        u = field(xt, t)
        x0 = xt - t * u
        xt = xt - step * u
        yield t, xt, x0


@torch.no_grad()
def heun(field, xt, steps=13):
    """Go from noise at time 1 to 0 in equal steps, by the mean of the directions at both ends.

    field, (B, C, H, W) -> sampler

    The far end of a step is where Euler's would lead. Each step takes two evaluations of the
    field, but the last, which is Euler's, takes one: 2 * steps - 1 in all. Source: "Elucidating
    the Design Space of Diffusion-Based Generative Models" (2022), algorithm 1.
    """
    step = 1 / steps
    for i in range(steps, 0, -1):
        t = i * step
        u = field(xt, t)
        x0 = xt - t * u
        if i > 1:
            u = (u + field(xt - step * u, t - step)) / 2
        xt = xt - step * u
        yield t, xt, x0


def reflow_pairs(field_of, noise, *labels, steps=8):
    """Return pairs for reflow_loss: the pictures that noise becomes, and that noise.

    field, (N, C, H, W) -> (N, 2C, H, W)

    field_of(*labels) makes the field that heun follows in so many steps; with labels (N,), it gets
    those of the noise. Source: "Flow Straight and Fast" (2022), algorithm 1.
    """
    parts = zip(*(values.split(250) for values in (noise, *labels)))
    pictures = [last(heun(field_of(*known), part, steps)) for part, *known in parts]
    return torch.cat([torch.cat(pictures), noise], dim=1)


def reflow_loss(net, pairs, t, _, schedule, *labels):
    """Return the straight_loss on pictures and noise that belong together.

    UNet, (B, 2C, H, W), (B,), (B, 2C, H, W), Schedule -> ()

    For train(), the pairs stand in the place of the pictures. The noise that is drawn there isn't
    used. Source: "Flow Straight and Fast" (2022), algorithm 1.
    """
    x0, eps = pairs.chunk(2, dim=1)
    return straight_loss(net, x0, t, eps, schedule, *labels)
