import copy

import pytest
import smalldiffusion
import torch
from smalldiffusion.model import CondEmbedderLabel
from smalldiffusion.model_unet import Unet
from torch import nn

from course_utils.blocks import ResBlock
from course_utils.embedding import LabelEmbedding
from course_utils.sigma_unet import Scaled, SigmaUNet, per_picture

# in_dim, channels, settings, labels?
CONFIGURATIONS = [
    (28, 1, dict(ch=64, ch_mult=(1, 1, 2), attn_resolutions=(14,)), False),
    (28, 1, dict(ch=32, ch_mult=(1, 2), attn_resolutions=(28, 14), num_res_blocks=1), True),
    (28, 3, dict(ch=32, ch_mult=(2, 1, 1), attn_resolutions=(), embed_ch_mult=2), True),
    (32, 3, dict(ch=32, ch_mult=(1, 2, 2, 2), attn_resolutions=(16,)), False),
    (32, 1, dict(ch=32, ch_mult=(1, 2, 3), attn_resolutions=(16, 8), num_res_blocks=3), False),
    (32, 3, dict(ch=32, ch_mult=(1, 3), attn_resolutions=(16,), embed_ch_mult=1), True),
    (16, 1, dict(ch=64, ch_mult=(1,), attn_resolutions=(16,), num_res_blocks=1), False),
]
SMALL = dict(ch=32, ch_mult=(1, 2), attn_resolutions=(4,), num_res_blocks=1)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def pair(in_dim, channels, settings, labels, scaled=True):
    """Return smalldiffusion's network and ours, with the same weights."""
    dim = settings["ch"] * settings.get("embed_ch_mult", 4)
    size = (in_dim, channels, channels)
    theirs = smalldiffusion.Scaled(Unet) if scaled else Unet
    theirs = theirs(*size, **settings, cond_embed=CondEmbedderLabel(dim, 10) if labels else None)
    ours = Scaled(SigmaUNet) if scaled else SigmaUNet
    ours = ours(*size, **settings, cond_embed=LabelEmbedding(dim, 10) if labels else None)
    return theirs, ours.load_published(theirs.state_dict())


def small(labels=False):
    return SigmaUNet(8, 2, 3, **SMALL, cond_embed=LabelEmbedding(128, 10) if labels else None)


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize(("in_dim", "channels", "settings", "labels"), CONFIGURATIONS)
def test_network_is_that_of_smalldiffusion(in_dim, channels, settings, labels, scaled):
    theirs, ours = pair(in_dim, channels, settings, labels, scaled)
    sigma = torch.tensor([0.01, 1.0, 20.0]).view(3, 1, 1, 1)
    x = torch.randn(3, channels, in_dim, in_dim) * (1 + sigma)
    cond = torch.tensor([0, 9, 10]) if labels else None
    with torch.no_grad():
        expected = theirs.eval()(x, sigma, cond=cond)
        found = ours.eval()(x, sigma, cond)
        one = theirs(x, torch.tensor(0.5), cond=cond), ours(x, 0.5, cond)
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()
    assert (one[0] - one[1]).abs().max() < 1e-5 * one[0].abs().max()
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())


def test_training_mode_drops_the_same_features_and_labels():
    theirs, ours = pair(16, 1, dict(ch=32, ch_mult=(1, 2), attn_resolutions=(8,)), labels=True)
    x, sigma, cond = torch.randn(9, 1, 16, 16), torch.tensor(0.7), torch.arange(9)
    outs = []
    for net in (theirs, ours):
        torch.manual_seed(5)
        outs.append(net.train()(x, sigma, cond=cond))
    torch.testing.assert_close(*outs, rtol=1e-5, atol=1e-5)
    torch.manual_seed(6)
    assert (ours(x, sigma, cond) - outs[1]).abs().max() > 0.01


@pytest.mark.parametrize("size", [(28, 1, 1), (32, 3, 3)])
def test_examples_of_the_document(size):
    settings = {
        28: dict(ch=64, ch_mult=(1, 1, 2), attn_resolutions=(14,)),
        32: dict(ch=128, ch_mult=(1, 2, 2, 2), attn_resolutions=(16,)),
    }
    net = Scaled(SigmaUNet)(*size, **settings[size[0]]).eval()
    with torch.no_grad():
        assert net(torch.randn(1, size[1], size[0], size[0]), torch.tensor(20.0)).shape[1:] == (
            size[1],
            size[0],
            size[0],
        )


def test_sigma_may_be_given_in_several_ways():
    net, x = small().eval(), torch.randn(3, 2, 8, 8)
    sigma = torch.tensor([0.3, 0.3, 0.3])
    for other in (0.3, torch.tensor(0.3), sigma.view(3, 1, 1, 1), sigma.double()):
        torch.testing.assert_close(net(x, other), net(x, sigma))


def test_each_picture_has_its_own_sigma_and_label():
    net, x = small(labels=True).eval(), torch.randn(3, 2, 8, 8)
    sigma, cond = torch.tensor([0.1, 1.0, 5.0]), torch.tensor([1, 5, 9])
    together = net(x, sigma, cond)
    for i in range(3):
        alone = net(x[i : i + 1], sigma[i : i + 1], cond[i : i + 1])
        torch.testing.assert_close(alone[0], together[i], rtol=1e-4, atol=1e-5)
    assert (net(x, sigma, cond.flip(0)) - together)[[0, 2]].abs().amax(dim=(1, 2, 3)).min() > 1e-4
    assert (net(x, 2 * sigma, cond) - together).abs().amax(dim=(1, 2, 3)).min() > 1e-4


def test_scaled_divides_the_input_and_nothing_else():
    net = Scaled(SigmaUNet)(8, 2, 3, **SMALL).eval()
    plain = small().eval()
    plain.load_state_dict(net.state_dict())
    x = torch.randn(2, 2, 8, 8)
    torch.testing.assert_close(net(x, 3.0), plain(x / 10**0.5, 3.0))
    assert type(net).__name__ == "ScaledSigmaUNet" and isinstance(net, SigmaUNet)
    assert torch.equal(copy.deepcopy(net)(x, 3.0), net(x, 3.0))


def test_every_norm_has_the_small_eps():
    assert {m.eps for m in small().modules() if isinstance(m, nn.GroupNorm)} == {1e-6}


def test_embeddings_can_be_brought_along():
    class Constant(nn.Module):
        def forward(self, sigma):
            return torch.ones(len(sigma), 128)

    net, x = SigmaUNet(8, 2, 3, **SMALL, sig_embed=Constant()).eval(), torch.randn(2, 2, 8, 8)
    assert torch.equal(net(x, 0.1), net(x, 9.0))


def test_shortcut_may_be_a_3x3_convolution():
    block = ResBlock(32, 64, 8, shortcut_size=3)
    assert block.shortcut.weight.shape == (64, 32, 3, 3)
    x, temb = torch.randn(2, 32, 5, 6), torch.randn(2, 8)
    nn.init.zeros_(block.conv2.weight)
    nn.init.zeros_(block.conv2.bias)
    expected = nn.functional.conv2d(x, block.shortcut.weight, block.shortcut.bias, padding=1)
    torch.testing.assert_close(block(x, temb), expected)


X = torch.zeros(2, 2, 8, 8)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: small()(torch.zeros(2, 2, 8, 16), 1.0), r"\(B, 2, 8, 8\); got \(2, 2, 8, 16\)"),
        (lambda: small()(torch.zeros(2, 3, 8, 8), 1.0), r"\(B, 2, 8, 8\); got \(2, 3, 8, 8\)"),
        (lambda: small()(X, torch.ones(1)), r"have shape \(2,\) or \(2, 1, 1, 1\)"),
        (lambda: small()(X, torch.ones(2, 2)), r"got \(2, 2\)"),
        (lambda: small()(X, 0.0), "sigma must be greater than 0; got 0.0"),
        (lambda: small()(X, torch.tensor([1.0, torch.nan])), "greater than 0"),
        (lambda: small(labels=True)(X, 1.0), r"needs a label for each picture: .* \(2,\)"),
        (lambda: small()(X, 1.0, torch.zeros(2).long()), "takes no labels"),
        (lambda: SigmaUNet(28, 1, 1), "28 pixels cannot be halved 3 times"),
        (lambda: SigmaUNet(28, 1, 1, ch=48, ch_mult=(1,)), "32 groups cannot split 48 channels"),
    ],
)
def test_bad_arguments_are_told(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_per_picture_goes_where_the_pictures_are():
    x = torch.zeros(3, 1, 2, 2, dtype=torch.float64)
    sigma = per_picture(torch.tensor([1, 2, 3]), x)
    assert sigma.dtype == torch.float64 and sigma.tolist() == [1, 2, 3]
