"""Attention in a network that was trained without it, whatever its parts are called."""

import pytest
import torch
from torch import nn

from course_utils.attention_unet import (
    attention_heads,
    attention_shares,
    blocks_at,
    gated,
    with_attention,
)
from course_utils.blocks import ConvBlock
from course_utils.unet import UNet


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def network(ch_mult=(1, 2, 4)):
    """A network whose running averages are not those that it was made with."""
    net = UNet(in_ch=1, base_ch=8, ch_mult=ch_mult, time_dim=16)
    net(torch.randn(8, 1, 16, 16), torch.arange(8))
    return net.eval()


def answer(net):
    x = torch.randn(3, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return net(x, torch.tensor([0, 400, 999]))


def open_gates(net):
    for layer in gated(net):
        nn.init.dirac_(layer.gate.weight)
    return net


class Inner(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.conv, self.time = nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.Linear(5, out_ch)

    def forward(self, h, clock):
        return self.conv(h) + self.time(clock)[:, :, None, None]


class Outer(nn.Module):
    """A block around another, which is called with a name, and once more under another name."""

    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.inner = self.alias = Inner(in_ch, out_ch)

    def forward(self, h, clock):
        return self.inner(h, clock=clock).tanh()


class OtherNames(nn.Module):
    def __init__(self, depth=1):
        super().__init__()
        self.shrink, self.middle, self.last = nn.AvgPool2d(2), Outer(1, 12), nn.Conv2d(12, 1, 1)
        self.grow = nn.Upsample(scale_factor=2)
        self.top = Inner(1, 1)

    def forward(self, x, t):
        clock = t[:, None].float().expand(-1, 5) / 1000
        return self.top(x, clock) + self.last(self.grow(self.middle(self.shrink(x), clock)))


@pytest.mark.parametrize("make", [network, OtherNames])
def test_at_first_nothing_changes_and_then_it_does(make):
    net = make()
    before, state = answer(net), torch.get_rng_state()
    assert with_attention(net) is net and not torch.equal(torch.get_rng_state(), state)
    assert torch.equal(answer(net), before)
    assert not torch.allclose(answer(open_gates(net)), before, atol=1e-3)


def test_it_stands_behind_the_two_blocks_of_half_the_side():
    net = with_attention(network())
    assert [type(b).__name__ for b in net.encoder.blocks] == ["ConvBlock", "Attended"]
    assert [type(b).__name__ for b in net.decoder.blocks] == ["Attended", "ConvBlock"]
    assert isinstance(net.encoder.bottom, ConvBlock)


def test_the_innermost_block_is_taken_under_all_its_names():
    net = with_attention(OtherNames(), heads=3)
    assert net.middle.inner is net.middle.alias and attention_heads(net) == 3
    assert len(gated(net)) == 1 and isinstance(net.top, Inner)


def test_one_that_has_attention_stays_as_it_is():
    net = open_gates(with_attention(network(), heads=4))
    before = answer(net)
    assert attention_heads(with_attention(net, heads=2)) == 4 and len(gated(net)) == 2
    assert torch.equal(answer(net), before) and attention_heads(network()) is None


@pytest.mark.parametrize("mode", [True, False])
def test_modes_hooks_and_running_averages_are_left_alone(mode):
    net = network().train(mode)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert len(blocks_at(net, 8, torch.zeros(1, 1, 16, 16))) == 2
    assert net.training is mode and all(m.training is mode for m in net.modules())
    assert not any(m._forward_hooks for m in net.modules())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_no_place_for_it_is_told():
    with pytest.raises(ValueError, match="makes maps of 8 x 8, so there is no place"):
        with_attention(network(ch_mult=(1,)))


def test_heads_that_do_not_divide_the_channels_are_told():
    with pytest.raises(ValueError, match="16 channels cannot be shared out to 5 heads"):
        with_attention(network(), heads=5)


def test_gates_and_attention_learn():
    net = with_attention(network()).train()
    for _ in range(2):  # at first only the gates have a gradient
        net(torch.randn(8, 1, 16, 16), torch.arange(8)).square().mean().backward()
        with torch.no_grad():
            for p in net.parameters():
                p -= 0.1 * p.grad
    assert all(layer.gate.weight.any() for layer in gated(net))
    assert all(p.grad.any() for layer in gated(net) for p in layer.attention.parameters())


def test_shares_are_those_that_mix_the_values():
    net = open_gates(with_attention(network(), heads=2))
    layer, seen = gated(net)[0].attention.tokens, {}
    layer.register_forward_hook(lambda _, given, out: seen.update(x=given[0], out=out))
    t = torch.tensor([3, 500])
    shares, others = attention_shares(net, torch.randn(2, 1, 16, 16), t)
    assert shares.shape == others.shape == (2, 2, 64, 64)
    values = layer.qkv(seen["x"])[..., 32:].view(2, 64, 2, 8).transpose(1, 2)
    mixed = (shares @ values).transpose(1, 2).flatten(2)
    torch.testing.assert_close(layer.proj(mixed), seen["out"], rtol=1e-4, atol=1e-5)


def test_shares_are_found_under_other_names():
    class Bare(nn.Module):
        def __init__(self, tokens):
            super().__init__()
            self.w, self.o = tokens.qkv.weight, tokens.proj

        def forward(self, x):
            return self.o(x)

    net, x, t = with_attention(network()), torch.randn(2, 1, 16, 16), torch.tensor([3, 500])
    expected = attention_shares(net, x, t)
    for layer in gated(net):
        layer.attention.tokens = Bare(layer.attention.tokens)
    for one, other in zip(attention_shares(net, x, t), expected):
        assert torch.equal(one, other)
