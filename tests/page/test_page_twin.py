"""A reader's network under the course's names, or a sentence that says why there is none."""

import copy

import pytest
import torch
from page_networks import NETWORKS, SMALL, answer, shaken
from torch import nn
from torch.nn import functional as F

from course_utils import blocks, decoder, encoder
from course_utils.attention_unet import with_attention
from course_utils.checks.exercises.nb05 import unet as right_answers
from course_utils.ddpm_unet import DDPMUNet
from course_utils.diffusion import NoiseFromVelocity
from course_utils.dit import DiT
from course_utils.grown_unet import GrownUNet
from course_utils.page.twin import settings_of, twin
from course_utils.schedule import cosine_schedule
from course_utils.sigma_unet import SigmaUNet
from course_utils.unet import UNet

NEVER = {"in_ch": 7}  # settings that a network of the course's own class does not need


class LaterBlock(nn.Module):
    """A ConvBlock with other names, another order, and no bias where a norm follows."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.around = nn.Conv2d(in_ch, out_ch, 1) if in_ch != out_ch else nn.Identity()
        self.clock = nn.Linear(time_dim, out_ch)
        self.second = nn.Sequential(
            nn.Conv2d(out_ch, out_ch, 3, padding=1, bias=False), nn.BatchNorm2d(out_ch), nn.SiLU()
        )
        self.first = nn.Sequential(
            nn.Conv2d(in_ch, out_ch, 3, padding="same"), nn.BatchNorm2d(out_ch), nn.SiLU()
        )

    def forward(self, x, temb):
        short = self.around(x)
        return self.second(self.first(x) + self.clock(temb)[..., None, None]) + short


class BlockWithReLU(blocks.ConvBlock):
    def forward(self, x, temb):
        h = F.relu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
        return F.silu(self.norm2(self.conv2(h))) + self.shortcut(x)


class OwnGrownUNet(GrownUNet):
    """A reader's: another class of that name."""


OwnGrownUNet.__name__ = "GrownUNet"


class LinearShortcut(blocks.ConvBlock):
    """Its 1x1 convolution is a linear layer."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.shortcut = nn.Linear(in_ch, out_ch) if in_ch != out_ch else nn.Identity()

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
        return F.silu(self.norm2(self.conv2(h))) + self.shortcut(x.movedim(1, 3)).movedim(3, 1)


class Answerless(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x, t):
        raise RuntimeError("no idea\nnone at all")


def with_block(monkeypatch, Block):
    for module in (encoder, decoder):
        monkeypatch.setattr(module, "ConvBlock", Block)
    net = shaken(right_answers.UNetInOtherWords(**SMALL))
    monkeypatch.undo()
    return net


def assert_same_answers(net, same):
    generator = torch.Generator().manual_seed(5)
    label = same.cond_embed.hidden if isinstance(same, GrownUNet) else None
    for t in (0, 20, 999):
        x = torch.randn(same.in_ch, 16, 16, generator=generator)
        torch.testing.assert_close(
            answer(same, x, t, label), answer(net, x, t, label), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("name", NETWORKS)
def test_the_courses_own_networks_need_no_settings(name):
    same = twin(NETWORKS[name], NEVER, 16)
    assert same is not NETWORKS[name] and not same.training
    assert_same_answers(NETWORKS[name], same)
    assert list(same.state_dict()) == list(NETWORKS[name].state_dict())


@pytest.mark.parametrize("ch_mult", [(1, 2, 4), (2, 3), (1, 1, 2, 5)])
@pytest.mark.parametrize("network", [UNet, GrownUNet])
def test_settings_are_read_off_the_weights(network, ch_mult):
    net = network(2, 8, ch_mult, 12)
    again = network(**settings_of(net))
    shapes = {name: value.shape for name, value in net.state_dict().items()}
    assert {name: value.shape for name, value in again.state_dict().items()} == shapes


@pytest.mark.parametrize("Network", right_answers.ALSO_RIGHT, ids=lambda n: n.__name__)
def test_other_right_answers_are_the_same_network(Network):
    net = shaken(Network(**SMALL)).train()
    before, state = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    same = twin(net, SMALL, 16)
    assert net.training and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert_same_answers(net.eval(), same)


@pytest.mark.parametrize("Block", [LaterBlock, LinearShortcut])
def test_blocks_may_be_written_otherwise(monkeypatch, Block):
    net = with_block(monkeypatch, Block)
    assert_same_answers(net, twin(net, SMALL, 16))


def test_a_readers_network_may_have_attention_and_labels():
    net = shaken(with_attention(right_answers.UNetInOtherWords(**SMALL), heads=4))
    assert_same_answers(net, twin(net, SMALL, 16))
    net = shaken(OwnGrownUNet(**SMALL))
    assert_same_answers(net, twin(net, SMALL, 16))
    assert type(twin(net, SMALL, 16)) is GrownUNet


def test_what_compiling_puts_around_a_network_is_taken_off():
    net = NETWORKS["UNet"]
    around = nn.Module()
    around.module = net
    assert_same_answers(net, twin(around, NEVER, 16))


@pytest.mark.parametrize(
    "net, message",
    [
        (DDPMUNet(1000, 32, (1, 2), [1], 1, 0.0, 1, 1), "this is a DDPMUNet"),
        (SigmaUNet(16, 1, 1, 32, (1, 2)), "this is a SigmaUNet"),
        (DiT(16, 1, 4, 32, 1, 2), "this is a DiT"),
        (NoiseFromVelocity(NETWORKS["UNet"], cosine_schedule()), "this is a NoiseFromVelocity"),
        (lambda x, t: x, "this is a function"),
        (nn.Identity(), "This Identity is neither: it has no weights"),
        (Answerless(), r"it fails \(RuntimeError: no idea\)$"),
        (right_answers.UNetByHand(1, 8, (1, 2), 16), r"are used \d times in it"),
    ],
    ids=str.__class__,
)
def test_another_network_is_refused_in_a_sentence(net, message):
    with pytest.raises(ValueError, match=message):
        twin(net, SMALL, 16)


def test_the_same_layers_used_otherwise_are_refused(monkeypatch):
    net = with_block(monkeypatch, BlockWithReLU)
    with pytest.raises(ValueError, match=r"its answers differ from that one's by \d+%"):
        twin(net, SMALL, 16)


def test_a_part_put_into_the_courses_own_network_is_noticed():
    net = shaken(UNet(**SMALL))
    net.encoder.bottom.__class__ = BlockWithReLU
    with pytest.raises(ValueError, match="it computes something else"):
        twin(net, NEVER, 16)


def test_a_network_without_finite_answers_is_refused():
    net = shaken(UNet(**SMALL))
    net.decoder.out.bias.data[:] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        twin(net, NEVER, 16)


def test_settings_that_are_none_are_refused():
    with pytest.raises(ValueError, match="no settings of a UNet"):
        twin(right_answers.UNetByHand(**SMALL), {"channels": 3}, 16)


def test_a_size_that_cannot_be_halved_is_refused():
    with pytest.raises(ValueError, match="18 x 18 can be halved once"):
        twin(NETWORKS["UNet"], NEVER, 18)
