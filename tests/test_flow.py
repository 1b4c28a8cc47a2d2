"""The figure of a block has exactly the block's operations, each with the tensor that it made."""

import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.attention import (
    LinearAttention,
    SingleHeadAttention,
    TokenAttention,
    attention_weights,
    to_tokens,
)
from course_utils.diffusion import NoiseFromVelocity, add_noise, velocity
from course_utils.dit import DiTBlock
from course_utils.embedding import TimeEmbedding, sinusoidal_embedding
from course_utils.plots import draw_block, draw_sampler_step, draw_training_step
from course_utils.plots.operations import operations
from course_utils.samplers import ddim, ddpm
from course_utils.schedule import cosine_schedule
from course_utils.unet import UNet


@pytest.fixture(autouse=True)
def figures_are_closed():
    torch.manual_seed(0)
    yield
    plt.close("all")


def shown(figure):
    """What stands below each tensor, first line first."""
    return [text.get_text().split("\n") for text in figure.axes[0].texts if text.get_text()]


def ops(figure):
    return [lines[0] for lines in shown(figure) if "orange above 0" not in lines[0]]


def pictures(figure):
    return [torch.tensor(image.get_array()) for image in figure.axes[0].images]


def arrows(figure):
    return [text for text in figure.axes[0].texts if getattr(text, "arrow_patch", None)]


def holds(figure, value):
    return any(p.shape == value.shape and torch.allclose(p, value) for p in pictures(figure))


class WithoutSiLU(TimeEmbedding):
    def forward(self, t):
        return self.linear(sinusoidal_embedding(t, self.dim))


def test_the_time_embedding_is_drawn_as_it_is():
    net, t = TimeEmbedding(16), torch.tensor([0, 10, 900])
    figure = draw_block(net, t, batch=True, names={"constant": "frequencies", "×": "t × frequency"})
    steps = [
        "t",
        "rearrange",
        "frequencies",
        "t × frequency",
        "sin",
        "cos",
        "cat",
        "Linear",
        "silu",
    ]
    assert sorted(ops(figure)) == sorted(steps)
    assert holds(figure, sinusoidal_embedding(t, 16)) and holds(figure, net(t).detach())
    broken = WithoutSiLU(16)
    figure = draw_block(broken, t, batch=True)
    assert "silu" not in ops(figure) and holds(figure, broken(t).detach())


class WithoutSoftmax(SingleHeadAttention):
    def weights(self, x):
        return to_tokens(self.q(x)) @ to_tokens(self.k(x)).transpose(1, 2)


def test_attention_shows_the_matrix_of_shares():
    net, x = SingleHeadAttention(8), torch.randn(2, 8, 4, 4)
    figure = draw_block(net, x)
    assert ops(figure).count("matmul") == 2
    assert ["softmax", "over axis -1", "16 x 16"] in shown(figure)
    assert ops(figure)[ops(figure).index("÷") + 1] == "2.83"  # the root of 8
    assert [lines[1] for lines in shown(figure) if lines[0] == "Conv2d 1x1"] == [
        "q",
        "k",
        "v",
        "proj",
    ]
    assert holds(figure, net.weights(x)[0].detach())
    assert "softmax" not in ops(draw_block(WithoutSoftmax(8), x))


class AxesFromTheFirst(SingleHeadAttention):
    def weights(self, x):
        return (to_tokens(self.q(x)) @ to_tokens(self.k(x)).transpose(1, 2)).softmax(dim=2)


def test_axes_are_counted_from_the_last_for_the_batch_is_not_drawn():
    figure = draw_block(AxesFromTheFirst(8), torch.randn(2, 8, 4, 4))
    assert ["softmax", "over axis -1", "16 x 16"] in shown(figure)


def test_shares_are_amounts_whether_a_layer_or_a_function_makes_them():
    amounts = []
    for net in (nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=-1)), nn.Linear(4, 3)):
        figure = draw_block(net, torch.randn(2, 4))
        amounts.append([image.norm.vmin for image in figure.axes[0].images][-1] == 0)
    assert amounts == [True, False]


def test_a_fused_attention_is_taken_apart():
    net, x = TokenAttention(8, heads=2), torch.randn(1, 16, 8)
    q, k, _ = net.qkv(x)[0].detach().view(16, 3, 2, 4).permute(1, 2, 0, 3)
    figure = draw_block(net, x)
    for weights in attention_weights(q, k):
        assert holds(figure, weights)
    assert ["softmax(q kᵀ / √d)", "2 x 16 x 16"] in shown(figure)


def test_linear_attention_has_no_matrix_of_all_tokens():
    figure = draw_block(LinearAttention(8, heads=2), torch.randn(1, 8, 4, 4))
    assert (16, 16) not in {tuple(p.shape) for p in pictures(figure)}
    assert ["matmul", "2 x 4 x 4"] in shown(figure)
    parts = [lines[1:] for lines in shown(figure) if lines[0] == "rearrange"][:3]
    assert sorted(parts) == [  # v keeps its name where it is transposed
        ["part 1 of 3", "2 x 4 x 16"], ["part 2 of 3", "2 x 4 x 16"], ["part 3 of 3", "2 x 16 x 4"]
    ]  # fmt: skip


def test_tensors_are_to_scale():
    figure = draw_block(SingleHeadAttention(8), torch.randn(1, 8, 4, 4))
    units = set()
    for image in figure.axes[0].images:
        left, right, bottom, top = image.get_extent()
        high, wide = image.get_array().shape
        units |= {round((right - left) / wide, 3), round((top - bottom) / high, 3)}
    assert len(units) == 1


class WithoutGate(DiTBlock):
    def forward(self, x, temb):
        six = self.modulation(F.silu(temb))[:, None]
        scale, shift, *_, gate = six.chunk(6, dim=-1)
        x = x + self.attention(self.norm(x) * (1 + scale) + shift)
        return x + gate * self.linear2(F.gelu(self.linear1(self.norm(x))))


def test_a_block_of_dit_and_where_the_time_goes_in():
    x, temb = torch.randn(2, 16, 16), torch.randn(2, 16)
    figure = draw_block(DiTBlock(16, heads=4), x, temb, whole=["TokenAttention"])
    assert ops(figure).count("×") == 4 and ops(figure).count("+") == 4
    assert "temb (16)  →  silu (16)  →  modulation (96)" in ops(figure)
    assert ["TokenAttention", "attention", "16 x 16"] in shown(figure)
    assert ops(figure).count("LayerNorm") == 2
    assert ["+", "16 x 16"] in shown(figure)  # the result is no circle
    broken = draw_block(WithoutGate(16, heads=4), x, temb, whole=["TokenAttention"])
    assert ops(broken).count("×") == 2 and ops(broken).count("+") == 3


def test_a_layer_is_opened_unless_it_shall_stay_whole():
    net = nn.Sequential(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), nn.Linear(3, 2))
    x = torch.randn(2, 4)
    assert [n.op for n in operations(net, x)] == ["", "Linear", "ReLU", "Linear"]


def test_what_fails_is_raised():
    with pytest.raises(RuntimeError, match="shapes"):
        draw_block(nn.Linear(4, 3), torch.randn(2, 5))


@pytest.mark.parametrize("asks_for_v", [False, True])
def test_a_training_step_is_that_of_the_network(asks_for_v):
    net, schedule = UNet(base_ch=8, ch_mult=(1, 2), time_dim=16).eval(), cosine_schedule()
    x0, eps, t = torch.rand(2, 1, 8, 8), torch.randn(2, 1, 8, 8), torch.tensor([300, 800])
    figure = draw_training_step(net, x0, t, eps, schedule, asks_for_v)
    alpha_bar = schedule.alpha_bar_at(t)
    xt = add_noise(x0, eps, alpha_bar)
    true = [x0, eps, xt, net(xt, t).detach()] + [velocity(x0, eps, alpha_bar)] * asks_for_v
    assert len(pictures(figure)) == len(true)
    assert all(holds(figure, value[0, 0]) for value in true)
    assert len(arrows(figure)) == (10 if asks_for_v else 8)  # one leads back
    assert "mix at t = 300" in ops(figure) and ("true v" in ops(figure)) == asks_for_v


@pytest.mark.parametrize("at, share", [(0, 0), (2, 0.5), (3, 0.75), (4, 1)])
def test_a_samplers_step_is_that_of_the_sampler(at, share):
    net, schedule = UNet(base_ch=8, ch_mult=(1, 2), time_dim=16).eval(), cosine_schedule()
    model, xT = NoiseFromVelocity(net, schedule), torch.randn(2, 1, 8, 8)
    steps = list(ddim(model, xT, schedule, steps=5))
    figure = draw_sampler_step(lambda net: ddim(net, xT, schedule, steps=5), model, xT, at=share)
    t, after, x0 = steps[at]
    before = steps[at - 1][1] if at else xT
    for value in (before, model(before, t).detach(), x0, after):
        assert holds(figure, value[0, 0])
    following = f"t = {steps[at + 1][0]}" if at < 4 else "the end"
    assert f"xt, t = {t}" in ops(figure) and f"xt, {following}" in ops(figure)
    assert "5 times, from t = 999 to 199" in ops(figure)


def test_the_step_in_the_middle_of_a_long_way():
    schedule = cosine_schedule(T=20)
    figure = draw_sampler_step(
        lambda net: ddpm(net, torch.zeros(1, 1, 4, 4), schedule),
        lambda xt, t: xt,
        torch.zeros(1, 1, 4, 4),
    )
    assert "xt, t = 9" in ops(figure)
