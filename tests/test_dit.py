import pytest
import torch
from smalldiffusion.model import CondEmbedderLabel
from smalldiffusion.model_dit import DiT as Published
from torch import nn

from course_utils.dit import DiT, positions_2d
from course_utils.embedding import LabelEmbedding


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def from_smalldiffusion(theirs):
    """Return smalldiffusion's weights under our names: it has three layers where we have one."""
    state, found = theirs.state_dict(), {}

    def take(ours, *names):
        for part in ("weight", "bias"):
            found[f"{ours}.{part}"] = torch.cat([state[f"{name}.{part}"] for name in names])

    take("patches", "x_embed.proj")
    take("sig_embed.linear1", "sig_embed.mlp.0")
    take("sig_embed.linear2", "sig_embed.mlp.2")
    take("cond_embed.linear", "cond_embed.mlp.1")
    found["cond_embed.table.weight"] = state["cond_embed.embeddings.weight"]
    found["positions"] = state["pos_embed"][0]
    for i in range(len(theirs.blocks)):
        own, other = f"blocks.{i}", f"blocks.{i}"
        norms = [f"{other}.{n}.modulation.proj.1" for n in ("norm1", "norm2")]
        take(f"{own}.modulation", *norms, f"{other}.scale_modulation.proj.1")
        take(f"{own}.attention.qkv", f"{other}.attn.qkv")
        take(f"{own}.attention.proj", f"{other}.attn.proj")
        take(f"{own}.linear1", f"{other}.mlp.0")
        take(f"{own}.linear2", f"{other}.mlp.2")
    take("modulation", "final_norm.modulation.proj.1")
    take("out", "final_linear")
    return found


@pytest.mark.parametrize(("in_dim", "channels", "patch"), [(16, 1, 2), (12, 3, 4), (8, 2, 1)])
def test_network_is_that_of_smalldiffusion(in_dim, channels, patch):
    theirs = Published(in_dim, channels, patch, 3, 8, 2, cond_embed=CondEmbedderLabel(16, 10))
    for p in theirs.parameters():
        if p.requires_grad:
            nn.init.normal_(p, std=0.2)
    ours = DiT(in_dim, channels, patch, 16, 3, 2, LabelEmbedding(16, 10))
    # The positions are a formula: they agree, and do not have to be loaded.
    torch.testing.assert_close(ours.positions, theirs.pos_embed[0], rtol=0, atol=1e-6)
    ours.load_state_dict(from_smalldiffusion(theirs))
    x, sigma = torch.randn(3, channels, in_dim, in_dim), torch.tensor([0.1, 1.0, 20.0])
    cond = torch.tensor([0, 9, 10])
    with torch.no_grad():
        expected = theirs.eval()(x, sigma.view(3, 1, 1, 1), cond)
        found = ours.eval()(x, sigma, cond)
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()


def test_a_fresh_block_hands_its_input_through():
    tokens, temb = torch.randn(2, 9, 16), torch.randn(2, 16)
    for block in DiT(8, 1, dim=16, depth=2, heads=2).blocks:
        assert torch.equal(block(tokens, temb), tokens)


def test_a_fresh_network_answers_with_zero_but_can_learn():
    net, x = DiT(8, 1, dim=16, depth=2, heads=2), torch.randn(4, 1, 8, 8)
    assert not net.modulation.weight.any()
    assert not net(x, 1.0).any()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(5):
        loss = (net(x, 1.0) - x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert all(p.grad.any() for n, p in net.named_parameters() if not n.endswith("qkv.bias"))
    assert loss < 0.99 * x.square().mean()


def test_positions_differ_from_place_to_place():
    places = positions_2d(5, 16)
    assert torch.pdist(places).min() > 0.1
    assert torch.equal(places[1, :8], places[6, :8])  # the same column
    assert torch.equal(places[5, 8:], places[6, 8:])  # the same row


def test_without_positions_the_tokens_could_be_in_any_order():
    net, x = DiT(8, 1, dim=16, depth=1, heads=2).eval(), torch.randn(2, 1, 8, 8)
    for p in net.parameters():
        nn.init.normal_(p, std=0.3)
    shifted = x.roll(2, dims=3)
    assert (net(shifted, 1.0) - net(x, 1.0).roll(2, dims=3)).abs().max() > 0.01
    net.positions.zero_()
    torch.testing.assert_close(net(shifted, 1.0), net(x, 1.0).roll(2, dims=3), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (dict(in_dim=9), "9 pixels cannot be cut into patches of 2"),
        (dict(dim=18), "multiple of 4"),
        (dict(dim=20, heads=3), "20 channels cannot be shared out to 3 heads"),
    ],
)
def test_bad_settings_are_told(settings, words):
    with pytest.raises(ValueError, match=words):
        DiT(**dict(in_dim=8, in_ch=1, dim=16, depth=1, heads=2) | settings)
