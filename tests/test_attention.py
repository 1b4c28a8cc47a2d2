import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.attention import (
    Attended,
    AttentionBlock,
    LinearAttention,
    MultiHeadAttention,
    SingleHeadAttention,
    TokenAttention,
    TorchAttention,
    attention_weights,
    to_map,
    to_tokens,
)
from course_utils.blocks import ConvBlock

VARIANTS = [SingleHeadAttention, MultiHeadAttention, TorchAttention, LinearAttention]
SHAPE = (3, 12, 5, 7)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def by_torch(x, qkv, proj, heads):
    """Return what F.multi_head_attention_forward makes of tokens; qkv and proj hold the weights."""
    ch = x.shape[2]
    weight, bias = (p.flatten(1) if p.ndim > 1 else p for p in qkv)
    out, _ = F.multi_head_attention_forward(
        *[x.transpose(0, 1)] * 3,
        ch,
        heads,
        weight,
        bias,
        None,
        None,
        False,
        0.0,
        proj.weight.flatten(1),
        proj.bias,
        need_weights=False,
    )
    return out.transpose(0, 1)


def test_tokens_are_the_pixels_row_by_row():
    x = torch.randn(SHAPE)
    tokens = to_tokens(x)
    assert torch.equal(tokens[1, 2 * 7 + 3], x[1, :, 2, 3])
    assert torch.equal(to_map(tokens, 5), x)


def test_weights_are_softmax_arithmetic():
    q, k = torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    shares = torch.zeros(2, 4, 4)
    for b in range(2):
        for i in range(4):
            scores = torch.tensor([(q[b, i] * k[b, j]).sum() / 3**0.5 for j in range(4)]).exp()
            shares[b, i] = scores / scores.sum()
    torch.testing.assert_close(attention_weights(q, k), shares)


def test_single_head_is_that_of_torch():
    net, x = SingleHeadAttention(12), torch.randn(SHAPE)
    parts = [net.q, net.k, net.v]
    qkv = [torch.cat([p.weight for p in parts]), torch.cat([p.bias for p in parts])]
    expected = to_map(by_torch(to_tokens(x), qkv, net.proj, heads=1), 5)
    torch.testing.assert_close(net(x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("heads", [1, 2, 3, 12])
def test_heads_are_those_of_torch(heads):
    net, x = MultiHeadAttention(12, heads), torch.randn(SHAPE)
    qkv = [net.tokens.qkv.weight, torch.zeros(36)]
    expected = to_map(by_torch(to_tokens(x), qkv, net.tokens.proj, heads), 5)
    torch.testing.assert_close(net(x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("heads", [1, 4])
def test_token_attention_may_have_a_bias(heads):
    net, x = TokenAttention(12, heads, qkv_bias=True), torch.randn(3, 9, 12)
    expected = by_torch(x, [net.qkv.weight, net.qkv.bias], net.proj, heads)
    torch.testing.assert_close(net(x), expected, rtol=1e-5, atol=1e-6)


def test_torch_attention_is_ours_with_its_weights():
    theirs, ours = TorchAttention(12, 3), MultiHeadAttention(12, 3)
    with torch.no_grad():
        ours.tokens.qkv.weight.copy_(theirs.attention.in_proj_weight)
        ours.tokens.proj.load_state_dict(theirs.attention.out_proj.state_dict())
    x = torch.randn(SHAPE)
    torch.testing.assert_close(theirs(x), ours(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("heads", [1, 3])
def test_linear_attention_is_its_sum_over_all_pairs(heads):
    net, x = LinearAttention(12, heads), torch.randn(SHAPE)
    q, k, v = net.qkv(x).view(3, 3, heads, 12 // heads, 35).unbind(1)
    # The N x N matrix that it never makes: shares of each token, key feature by key feature.
    pairs = torch.einsum("bhdi,bhdj->bhij", q.softmax(dim=2), k.softmax(dim=3))
    mixed = torch.einsum("bhij,bhej->bhei", pairs, v).reshape(3, 12, 5, 7)
    torch.testing.assert_close(net(x), net.proj(mixed), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_attention_commutes_with_a_shuffle_of_the_pixels(variant):
    net, x, order = variant(12), torch.randn(SHAPE), torch.randperm(35)

    def shuffled(maps):
        return maps.flatten(2)[:, :, order].view(maps.shape)

    torch.testing.assert_close(net(shuffled(x)), shuffled(net(x)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_pixel_sees_every_other_of_its_own_picture(variant):
    net, x = variant(12), torch.randn(SHAPE, requires_grad=True)
    net(x)[1, :, 4, 6].sum().backward()
    assert x.grad[1].abs().amin(dim=0).gt(0).all()
    assert not x.grad[0].any() and not x.grad[2].any()


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_parameter_matters(variant):
    net = AttentionBlock(12, variant, groups=3)
    (net(torch.randn(SHAPE)) * torch.randn(SHAPE)).sum().backward()
    # A bias of the keys adds the same to all scores of a row, which softmax takes away again.
    idle = {"attention.k.bias", "attention.attention.in_proj_bias"}
    assert {n for n, p in net.named_parameters() if p.grad.abs().max() < 1e-5} - idle == set()


@pytest.mark.parametrize("variant", [TokenAttention, MultiHeadAttention, LinearAttention])
def test_heads_that_do_not_divide_the_channels_are_told(variant):
    with pytest.raises(ValueError, match="12 channels cannot be shared out to 5 heads"):
        variant(12, 5)


def test_block_adds_what_attention_finds_in_the_normalised_map():
    block, x = AttentionBlock(12, SingleHeadAttention, groups=3), torch.randn(SHAPE)
    expected = x + block.attention(F.group_norm(x, 3, block.norm.weight, block.norm.bias))
    assert torch.equal(block(x), expected)


def test_attended_is_the_block_then_attention():
    block, look = ConvBlock(12, 6, 8).eval(), nn.Conv2d(6, 6, 1)
    x, temb = torch.randn(SHAPE), torch.randn(3, 8)
    assert torch.equal(Attended(block, look)(x, temb), look(block(x, temb)))
