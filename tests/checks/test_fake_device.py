"""The device that stands for a GPU stops what a GPU would stop."""

import numpy as np
import pytest
import torch

from course_utils.checks import grade
from course_utils.checks.engine.fake_device import FAKE_DEVICE, FakeDeviceMode, device_mismatch
from course_utils.embedding import frequencies


def changed_abroad_then_mixed(x):
    x = x.clone()
    x.add_(1)
    x[0] = 2
    return x + torch.zeros(3)


def changed_there(x):
    x = x.clone()
    x += 1
    x[1:] = 0
    return x + torch.zeros(3, device=x.device)


def by_way_of_the_cpu(x):
    return torch.from_numpy(x.cpu().add_(1).numpy()).to(x)


def through_a_list(x):
    return torch.tensor(x.tolist(), device=x.device)


def through_a_list_and_left_there(x):
    return x + torch.tensor(x.tolist())


def through_numpy_by_force(x):
    return torch.from_numpy(x.numpy(force=True)).to(x.device)


@pytest.mark.parametrize(
    "attempt, stops",
    [
        (changed_there, False),
        (by_way_of_the_cpu, False),
        (through_a_list, False),
        (through_numpy_by_force, False),
        (through_a_list_and_left_there, True),
        (changed_abroad_then_mixed, True),
        (lambda x: x.cpu(), True),
        (lambda x: torch.rand(3, device=x.device, generator=torch.Generator()), True),
    ],
)
def test_what_a_gpu_would_stop_is_seen_without_one(attempt, stops):
    with FakeDeviceMode():
        assert bool(device_mismatch(attempt, torch.ones(3).to(FAKE_DEVICE))) == stops


@pytest.mark.parametrize(
    "attempt",
    [
        lambda x: torch.from_numpy(x.numpy()).to(x.device),
        lambda x: torch.from_numpy(x.detach().numpy()).to(x.device),
        lambda x: torch.tensor(np.asarray(x), device=x.device),
        lambda x: torch.tensor(np.sqrt(x), device=x.device),
        lambda x: x * np.ones(3, dtype=np.float32),
    ],
)
def test_numpy_is_refused_with_a_sentence_for_the_reader(attempt):
    with FakeDeviceMode():
        found = device_mismatch(attempt, torch.ones(3).to(FAKE_DEVICE))
    assert found.why == "NumPy has no arrays there, so .numpy() is refused."
    assert found.tip.endswith("or go by way of .cpu().numpy().")


def test_a_right_answer_that_needs_numpy_is_told_what_a_gpu_would_say():
    def sinusoidal_embedding(t, dim, max_period=10_000.0):
        angles = t.numpy()[:, None] * frequencies(dim, max_period).numpy()
        return torch.from_numpy(np.concatenate([np.sin(angles), np.cos(angles)], 1)).float()

    verdict = grade("1.2", sinusoidal_embedding)
    assert verdict.outcome == "not yet"
    assert "On a GPU your code would stop: NumPy has no arrays there" in verdict.message
