"""A trace leaves nothing behind, and sees neither other threads nor exceptions that were caught."""

import threading
import weakref

import pytest
import torch
from small_networks import draw
from torch import nn
from torch.nn import functional as F
from torch.nn.modules import module as torch_module

from course_utils.shapes import trace
from course_utils.shapes.record import Recorder


class Ends(nn.Module):
    """Adds up what it sees, draws random numbers, and ends as told."""

    def __init__(self, error=None):
        super().__init__()
        self.norm, self.error = nn.BatchNorm1d(3), error

    def forward(self, x):
        x = F.dropout(self.norm(x))
        if self.error:
            raise self.error
        return x


def left_behind():
    return (
        list(torch_module._global_forward_hooks),
        list(torch_module._global_forward_pre_hooks),
        torch.overrides._get_current_function_mode_stack(),
    )


@pytest.mark.parametrize("error", [None, RuntimeError("of my own"), KeyboardInterrupt()])
def test_nothing_is_left_behind(error):
    net, x = Ends(error), draw(4, 3)
    before, random = left_behind(), torch.get_rng_state()
    values = {name: value.clone() for name, value in net.state_dict().items()}
    if isinstance(error, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            trace(net, x)
    else:
        assert trace(net, x).error is error
    assert left_behind() == before
    assert torch.equal(torch.get_rng_state(), random)
    for name, value in net.state_dict().items():
        assert torch.equal(value, values[name]), name
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_layers_of_another_thread_are_not_written_down():
    class Waits(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(2, 2)

        def forward(self, x):
            other = threading.Thread(target=nn.Linear(3, 3), args=[draw(1, 3)])
            other.start()
            other.join()
            return self.inner(x)

    found = trace(Waits(), draw(1, 2))
    assert [s.name for s in found.steps] == ["Waits", "inner"] and found.remarks == []


def test_exception_that_the_network_catches_is_no_failure():
    class Careful(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(3, 3), nn.Linear(4, 3)

        def forward(self, x):
            try:
                return self.first(x)
            except RuntimeError:
                return self.second(x)

    found = trace(Careful(), draw(2, 4))
    assert found.cause is None
    assert [s.milliseconds is None for s in found.steps] == [False, True, False]


def test_no_tensor_is_kept_that_the_network_lets_go():
    class Forgets(nn.Module):
        def forward(self, x):
            self.forgotten = weakref.ref(x.exp())
            assert self.forgotten() is None
            return x + 1

    assert trace(Forgets(), draw(2, 3)).error is None


def test_the_tracer_asks_nothing_that_it_would_see(monkeypatch):
    seen, goes_on = [], Recorder.__torch_function__

    def counts(self, func, *rest):
        seen.append(func.__name__)
        return goes_on(self, func, *rest)

    monkeypatch.setattr(Recorder, "__torch_function__", counts)
    trace(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), draw(2, 3))
    assert seen == ["linear", "relu"]
