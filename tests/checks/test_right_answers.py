"""Right answers, in every way that people write them, are accepted; and what only looks so is not.

Each kind stands for many: what is asked of the engine is its cause.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from right_answers import RIGHT, BiasOfOnes, Block, DenoiserAsModule
from torch import nn

from course_utils.checks import EXERCISES, grade
from course_utils.embedding import frequencies


@pytest.mark.parametrize("id, attempt", RIGHT, ids=lambda value: getattr(value, "__name__", value))
def test_right_answer_is_accepted(id, attempt):
    verdict = grade(id, attempt)
    assert verdict.outcome == "correct", verdict.message


# What a check must not accept


def by_way_of_numpy(t, dim, max_period=10_000.0):
    angles = t.numpy()[:, None] * frequencies(dim, max_period).numpy()
    return (
        torch.from_numpy(np.concatenate([np.sin(angles), np.cos(angles)], 1)).float().to(t.device)
    )


class SlowMomentum(Block):
    @staticmethod
    def norm(ch):
        return nn.BatchNorm2d(ch, momentum=0.99)


class FrozenWeight(BiasOfOnes):
    def __init__(self, dim):
        super().__init__(dim)
        self.linear.weight.requires_grad_(False)


class HiddenWeights(Block):
    def __init__(self, *sizes):
        super().__init__(*sizes)
        convs = list(self.convs)
        del self.convs
        self.convs = convs


class WrongDenoiserAsModule(DenoiserAsModule):
    def predict_x0(self, xt, alpha_bar):
        return super().predict_x0(xt, alpha_bar) - self.mean.view(xt.shape[1:])


class DetachedTime(EXERCISES["6.6"].reference):
    def forward(self, x, temb):
        return super().forward(x, temb.detach())


WRONG = [
    ("1.2", by_way_of_numpy, ".numpy() is refused"),
    ("2.5", SlowMomentum, "momentum"),
    ("1.4", FrozenWeight, "not yet"),
    ("2.5", HiddenWeights, "does not find the layers in self.convs"),
    ("9.3", WrongDenoiserAsModule, "You don't add the mean back"),
    ("6.6", DetachedTime, "detach, .data or no_grad cuts one of the ways"),
]


@pytest.mark.parametrize("id, attempt, words", WRONG, ids=lambda v: getattr(v, "__name__", ""))
def test_wrong_answer_is_refused(id, attempt, words):
    verdict = grade(id, attempt)
    assert verdict.outcome in ("not yet", "crashed")
    assert words in verdict.message


# The kernel


def test_a_compiled_attempt_does_not_end_the_process():
    """Compiled in a check's thread, the next backward pass would end the process."""
    code = (
        "import torch; from torch import nn; from course_utils.checks import EXERCISES, grade\n"
        "compiled = torch.compile(EXERCISES['1.3'].reference)\n"
        "def calls_it(emb): return compiled(emb)\n"
        "def makes_it(emb): return torch.compile(EXERCISES['1.3'].reference)(emb)\n"
        "print(*(grade('1.3', attempt) for attempt in (makes_it, calls_it, compiled)))\n"
        "net = nn.Linear(3, 3); net(torch.randn(2, 3)).sum().backward()\n"
        "print(torch.compile(lambda x: 2 * x, backend='eager')(torch.ones(2)).sum())\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1.3 correct. 1.3 correct. 1.3 correct.\ntensor(4.)\n"


def asks(emb):
    return emb * float(input("how much? "))


def test_a_check_asks_nobody():
    assert "a check has nobody" in grade("1.3", asks).message
