import pytest
import torch

from course_utils.encoder import Encoder


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("chs", [[4], [4, 6], [4, 6, 10, 12]])
def test_one_skip_for_each_halving(chs):
    bottom, skips = Encoder(3, chs, 8)(torch.randn(2, 3, 16, 24), torch.randn(2, 8))
    n = len(chs) - 1
    assert bottom.shape == (2, chs[-1], 16 >> n, 24 >> n)
    assert [s.shape for s in skips] == [(2, chs[i], 16 >> i, 24 >> i) for i in range(n)]


def test_skips_are_what_the_blocks_gave_before_halving():
    net, x, temb = Encoder(3, [4, 6, 10], 8).eval(), torch.randn(2, 3, 8, 8), torch.randn(2, 8)
    bottom, skips = net(x, temb)
    first = net.blocks[0](x, temb)
    second = net.blocks[1](net.downs[0](first), temb)
    assert torch.equal(skips[0], first) and torch.equal(skips[1], second)
    assert torch.equal(bottom, net.bottom(net.downs[1](second), temb))


def test_every_level_sees_the_time():
    net, x = Encoder(3, [4, 6, 10], 8).eval(), torch.randn(2, 3, 8, 8)
    for i, block in enumerate([*net.blocks, net.bottom]):
        bottom, skips = net(x, torch.zeros(2, 8))
        block.time_proj.bias.data += 1
        bottom_after, skips_after = net(x, torch.zeros(2, 8))
        levels = zip([*skips, bottom], [*skips_after, bottom_after])
        assert [torch.equal(a, b) for a, b in levels] == [j < i for j in range(3)]


def test_a_picture_that_cannot_be_halved_loses_its_last_row():
    # Why UNet looks at the size first: the layers themselves say nothing.
    bottom, _ = Encoder(1, [4, 6], 8)(torch.randn(2, 1, 9, 8), torch.randn(2, 8))
    assert bottom.shape == (2, 6, 4, 4)
