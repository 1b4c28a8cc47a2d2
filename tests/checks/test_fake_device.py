"""The device that stands for a GPU stops what a GPU would stop."""

import pytest
import torch

from course_utils.checks.engine.fake_device import FAKE_DEVICE, FakeDeviceMode, device_mismatch


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


@pytest.mark.parametrize(
    "attempt, stops",
    [
        (changed_there, False),
        (by_way_of_the_cpu, False),
        (changed_abroad_then_mixed, True),
        (lambda x: x.cpu(), True),
        (lambda x: torch.rand(3, device=x.device, generator=torch.Generator()), True),
    ],
)
def test_what_a_gpu_would_stop_is_seen_without_one(attempt, stops):
    with FakeDeviceMode():
        assert bool(device_mismatch(attempt, torch.ones(3).to(FAKE_DEVICE))) == stops
