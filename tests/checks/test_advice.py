"""Exceptions that readers meet in 08 and 10, and a few slips there, get advice that fits."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks import EXERCISES, grade


def changed(id, **more):
    """The reference of an exercise with one method or more replaced.  "8.3", functions -> class"""
    return type("Mine", (EXERCISES[id].reference,), more)


def linear_layers(self, ch):
    nn.Module.__init__(self)
    self.q, self.k, self.v, self.proj = (nn.Linear(ch, ch) for _ in range(4))


def viewed_at_once(self, x):
    B, N, C = x.shape
    q, k, v = (part.view(B, self.heads, N, -1) for part in self.qkv(x).chunk(3, dim=-1))
    return F.scaled_dot_product_attention(q, k, v)


def chunks_of_the_batch(self, x):
    q, k, v = self.qkv(x).chunk(3)
    return q @ k.mT @ v


def no_axes(self, x, temb):
    return self.conv1(F.silu(self.norm1(x))) + self.time_proj(F.silu(temb))


def norm_of_the_input(self, in_ch, out_ch, time_dim, dropout=0.0, eps=1e-5, shortcut_size=1):
    nn.Module.__init__(self)
    self.norm1, self.conv1 = nn.GroupNorm(32, out_ch), nn.Conv2d(in_ch, out_ch, 3, padding=1)


def norm_alone(self, x, temb):
    return self.conv1(self.norm1(x))


def stacked_in_rows(self, sigma):
    return self.linear1(torch.stack([sigma.sin(), sigma.cos()]))


def mixed_with_none(model, xT, sigmas, gam=1.0, mu=0.0):
    last, eps = None, model(xT, sigmas[0])
    yield sigmas[0], xT, gam * eps + (1 - gam) * last


def true_or_false(model, xT, sigmas, gam=1.0, mu=0.0):
    eps = model(xT, sigmas[0])
    yield sigmas[0], xT, eps if eps else xT


def unclamped(model, xT, sigmas, gam=1.0, mu=0.0):
    xt, last = xT, None
    for sigma, after in zip(sigmas.tolist(), sigmas.tolist()[1:]):
        eps = model(xt, sigma)
        last = eps if last is None else last
        mixed, x0 = gam * eps + (1 - gam) * last, xt - sigma * eps
        last, down = eps, (after / sigma**mu) ** (1 / (1 - mu))
        if mu > 0 and after == sigma:
            down = after * (1 + 1e-7)  # as rounding may have it
        up = torch.tensor(after**2 - down**2).sqrt()
        xt = xt - (sigma - down) * mixed + (up * torch.randn_like(xt) if mu > 0 else 0)
        yield sigma, xt, x0


def one_label(self, xt, sigma):
    return self.net(xt, sigma, torch.tensor(0))


def ten_is_hidden(self, xt, sigma):
    return self.net(xt, sigma, torch.full_like(self.labels, 10))


def one_sigma(self, xt, sigma):
    return self.net(xt, float(sigma), self.labels)


@pytest.mark.parametrize(
    "id, attempt, words",
    [
        ("8.2", changed("8.2", __init__=linear_layers), "that of a map is its width"),
        ("8.3", changed("8.3", forward=viewed_at_once), "would mix up the numbers"),
        ("8.3", changed("8.3", forward=chunks_of_the_batch), "go along axis 0, the batch"),
        ("8.5", changed("8.5", forward=chunks_of_the_batch), "go along axis 0, the batch"),
        ("10.1", changed("10.1", forward=no_axes), "Two axes of size 1 are missing"),
        (
            "10.1",
            changed("10.1", __init__=norm_of_the_input, forward=norm_alone),
            "norm1 gets x, with in_ch",
        ),
        ("10.2", changed("10.2", forward=stacked_in_rows), "W1 goes from 2 to D"),
        ("10.4", mixed_with_none, "At the first step there is no eps before"),
        ("10.4", true_or_false, "Ask `if last is None`"),
        ("10.4", torch.no_grad()(unclamped), ".clamp(min=0) first"),
        ("10.5", changed("10.5", __call__=one_label), "a hidden one for each too"),
        ("10.5", changed("10.5", __call__=ten_is_hidden), "take net.cond_embed.hidden"),
        ("10.5", changed("10.5", __call__=one_sigma), "Hand it on as it is"),
    ],
)
def test_exception_gets_the_advice_that_is_meant_for_it(id, attempt, words):
    verdict = grade(id, attempt)
    assert verdict.mistake is None and words in verdict.message, verdict.message
