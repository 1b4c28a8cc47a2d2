import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from course_utils.memory import peak_memory

CPU = torch.device("cpu")


def test_peak_is_what_is_alive_at_one_time():
    def run():
        a = torch.zeros(1000)
        b = a + 1  # 8,000 bytes now
        del a
        c = b * 2  # 8,000 again
        return c.view(10, 100).t()  # a view takes nothing

    assert peak_memory(run, CPU) == 8000


def test_what_was_there_before_is_not_counted():
    x = torch.zeros(1000)
    assert peak_memory(lambda: x.add_(1), CPU) == 0
    assert peak_memory(lambda: x + x, CPU) == 4000


def test_what_the_backward_pass_needs_is_counted():
    net, x = nn.Sequential(*[nn.Sigmoid() for _ in range(8)]), torch.zeros(1000, requires_grad=True)
    whole = peak_memory(lambda: net(x).sum().backward(), CPU)
    # Each of the eight outputs is kept; a gradient or two are there at one time.
    assert 8 * 4000 <= whole <= 11 * 4000
    kept = peak_memory(lambda: checkpoint(net[4:], net[:4](x), use_reentrant=False).sum(), CPU)
    assert kept <= 7 * 4000


def test_it_is_the_same_each_time():
    net, x = nn.Conv2d(3, 4, 3), torch.randn(2, 3, 9, 9)

    def step():
        net.zero_grad()
        net(x).square().mean().backward()

    assert peak_memory(step, CPU) == peak_memory(step, CPU) > 0


def test_error_comes_through():
    with pytest.raises(RuntimeError):
        peak_memory(lambda: torch.zeros(2) @ torch.zeros(3), CPU)
    assert torch.utils._python_dispatch._get_current_dispatch_mode() is None
