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


def mixed_with_none(model, xT, sigmas, gam=1.0, mu=0.0):
    last, eps = None, model(xT, sigmas[0])
    yield sigmas[0], xT, gam * eps + (1 - gam) * last


def true_or_false(model, xT, sigmas, gam=1.0, mu=0.0):
    eps = model(xT, sigmas[0])
    yield sigmas[0], xT, eps if eps else xT


def twelve_is_hidden(self, xt, t):
    return self.net(xt, t, torch.full_like(self.labels, 12))


def one_t(self, xt, t):
    return self.net(xt, float(t), self.labels)


@pytest.mark.parametrize(
    "id, attempt, words",
    [
        ("8.2", changed("8.2", __init__=linear_layers), "that of a map is its width"),
        ("8.3", changed("8.3", forward=viewed_at_once), "would mix up the numbers"),
        ("8.3", changed("8.3", forward=chunks_of_the_batch), "go along axis 0, the batch"),
        ("8.5", changed("8.5", forward=chunks_of_the_batch), "go along axis 0, the batch"),
        ("10.4", mixed_with_none, "At the first step there is no eps from before"),
        ("10.4", true_or_false, "Ask `if last is None`"),
        ("10.5", changed("10.5", __call__=twelve_is_hidden), "Take net.cond_embed.hidden"),
        ("10.5", changed("10.5", __call__=one_t), "Pass it on as it is"),
    ],
)
def test_exception_gets_the_advice_that_is_meant_for_it(id, attempt, words):
    verdict = grade(id, attempt)
    assert verdict.mistake is None and words in verdict.message, verdict.message
