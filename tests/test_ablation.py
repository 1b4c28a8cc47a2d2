"""A network without one of its parts."""

import pytest
import torch

from course_utils.ablation import without
from course_utils.unet import UNet

torch.manual_seed(0)
NET = UNet(1, 8, (1, 2, 4), 16).eval()
X, T = torch.randn(3, 1, 16, 16), torch.tensor([5, 300, 900])


@torch.no_grad()
def by_hand(bottom=1, skip_0=1, time=1):
    temb = time * NET.time(T)
    h, skips = NET.encoder(X, temb)
    return NET.decoder(bottom * h, [skip_0 * skips[0], *skips[1:]], temb)


@pytest.mark.parametrize(
    ("part", "zero"), [("bottom", "bottom"), ("skip 0", "skip_0"), ("time", "time")]
)
@torch.no_grad()
def test_a_part_returns_zeros_and_comes_back(part, zero):
    before = NET(X, T)
    with without(NET, part):
        assert torch.equal(NET(X, T), by_hand(**{zero: 0}))
        assert not torch.allclose(NET(X, T), before)
    assert torch.equal(NET(X, T), before)


@torch.no_grad()
def test_the_part_comes_back_after_an_error():
    before = NET(X, T)
    with pytest.raises(ZeroDivisionError), without(NET, "bottom"):
        1 / 0
    assert torch.equal(NET(X, T), before)


def test_another_part_is_refused():
    with (
        pytest.raises(ValueError, match="bottom, skip 0, time; got 'middle'"),
        without(NET, "middle"),
    ):
        pass
