import pytest
import torch
from torch import nn

from course_utils.attention import AttentionBlock
from course_utils.grown_unet import GrownUNet


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def tiny(**more):
    return GrownUNet(**dict(in_ch=2, base_ch=8, ch_mult=(1, 2, 3), time_dim=12, classes=4) | more)


@pytest.mark.parametrize("ch_mult", [(1, 2), (1, 2, 4), (2, 1, 3, 1)])
def test_output_has_the_shape_of_the_input(ch_mult):
    x = torch.randn(3, 2, 16, 24)
    assert tiny(ch_mult=ch_mult)(x, 5, torch.tensor([0, 3, 4])).shape == x.shape


def test_attention_stands_on_the_second_level_alone():
    net, sides = tiny(), []
    for block in (m for m in net.modules() if isinstance(m, AttentionBlock)):
        block.register_forward_hook(lambda block, given, out: sides.append(out.shape[2:]))
    net(torch.randn(1, 2, 16, 24), 5, torch.tensor([1]))
    assert sides == [(8, 12), (8, 12)]


def test_each_picture_has_its_own_step_and_label():
    net, x = tiny().eval(), torch.randn(1, 2, 8, 8).repeat(3, 1, 1, 1)
    same, other_t, other_label = net(x, torch.tensor([5, 900, 5]), torch.tensor([1, 1, 2]))
    assert not torch.allclose(same, other_t, atol=1e-3)
    assert not torch.allclose(same, other_label, atol=1e-3)
    torch.testing.assert_close(same, net(x[:1], 5, torch.tensor([1]))[0])


def test_labels_are_hidden_in_training_and_only_there():
    net, x = tiny(), torch.randn(1, 2, 8, 8)
    net.cond_embed.dropout = 1.0
    one, two = (net.train()(x, 5, torch.tensor([label])) for label in (0, 3))
    assert torch.equal(one, two)
    one, two = (net.eval()(x, 5, torch.tensor([label])) for label in (0, 3))
    assert not torch.allclose(one, two, atol=1e-3)


def test_all_skips_and_every_parameter_are_used():
    net = tiny()
    net(torch.randn(5, 2, 8, 8), torch.arange(5), torch.arange(5)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_no_picture_depends_on_the_others():
    net, x = tiny().train(), torch.randn(2, 2, 8, 8)
    net.cond_embed.dropout = 0.0
    assert not any(isinstance(m, nn.BatchNorm2d) for m in net.modules())
    alone = net(x[:1], 5, torch.tensor([1]))
    torch.testing.assert_close(net(x, 5, torch.tensor([1, 2]))[:1], alone)


@pytest.mark.parametrize("shape, words", [((1, 2, 10, 8), "halved once"), ((1, 3, 8, 8), "C, H")])
def test_a_wrong_picture_is_refused_in_words(shape, words):
    with pytest.raises(ValueError, match=words if "halved" in words else r"shape \(B, 2, H, W\)"):
        tiny()(torch.zeros(shape), 5, torch.tensor([1]))
