import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.published import assert_same, ddpm_pair
from course_utils.attention import SingleHeadAttention
from course_utils.blocks import ResBlock
from course_utils.ddpm_unet import DDPMUNet, FlattenLinear

GOLDEN = Path(__file__).parent / "golden"
CASES = json.loads((GOLDEN / "locality_public.json").read_text())
FIGURES = np.load(GOLDEN / "locality_public.npz")
TAGS = ["ddpm_grey28", "ddpm_rgb32"]
TABLE = "time_embedding.timembedding.0.weight"


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def normal(name, shape):
    return np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)


def golden_weights(case, table):
    """Return the state_dict of the recipe that made the golden figures."""
    weights = {}
    for name, shape in case["parameters"].items():
        z = normal(name, shape)
        if len(shape) > 1:
            z = z / np.sqrt(np.prod(shape[1:]))
        else:
            z = 1 + 0.1 * z if name.endswith("weight") else 0.1 * z
        weights[name] = torch.tensor(z, dtype=torch.float32)
    return weights | {TABLE: table}


def golden_net(tag):
    net = DDPMUNet(dropout=0.0, **CASES[tag]["config"]).eval()
    return net.load_published(golden_weights(CASES[tag], net.time.table.clone()))


def golden_inputs(tag):
    case = CASES[tag]
    shape = (case["batch"], case["config"]["in_channels"], *[case["resolution"]] * 2)
    t = np.random.RandomState(zlib.crc32(f"{tag}.t".encode())).randint(0, 1000, case["batch"])
    return torch.tensor(normal(f"{tag}.x", shape), dtype=torch.float32), torch.tensor(t)


def tiny(attn=(1,), ch_mult=(1, 2), **options):
    return DDPMUNet(20, 32, ch_mult, attn, 1, 0.0, 2, 3, **options)


@pytest.mark.parametrize("tag", TAGS)
def test_network_gives_the_figures_of_the_published_one(tag):
    with torch.no_grad():
        output, middle, pretail, temb = golden_net(tag)(
            *golden_inputs(tag), return_all_features=True
        )
    found = dict(output=output, middle_feature=middle, temb=temb)
    found["pretail_features"] = pretail[:, :, ::4, ::4]
    for name, value in found.items():
        expected = FIGURES[f"{tag}/{name}"]
        assert np.abs(value.numpy() - expected).max() < 1e-5 * np.abs(expected).max(), name


@pytest.mark.parametrize(
    "settings",
    [
        (3, 32, (1, 2), (1,), 2),
        (1, 64, (1, 2, 2), (1, 2), 1),
        (2, 64, (1, 1, 1), (0, 1, 2), 3),
        (1, 32, (1, 3, 2, 1), (), 1),
    ],
)
def test_network_is_that_of_diffusers(settings):
    theirs, ours = ddpm_pair(*settings)
    x = torch.randn(2, settings[0], 16, 24)
    assert_same(theirs, ours, (x, torch.tensor([3, 900])))


@pytest.mark.parametrize("tag", TAGS)
def test_table_is_the_published_one(tag):
    table = golden_net(tag).time.table[:8].numpy()
    np.testing.assert_allclose(table, FIGURES[f"{tag}/sinusoid_table"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("tag", TAGS)
def test_there_are_as_many_numbers_as_in_the_published_one(tag):
    net = golden_net(tag)
    trained = sum(p.numel() for p in net.parameters())
    assert trained + net.time.table.numel() == CASES[tag]["n_parameters"]


def test_the_features_are_those_on_the_way_to_the_output():
    net, x = tiny().eval(), torch.randn(2, 2, 8, 12)
    output, middle, temb = net(x, 7, return_middle_feature=True)
    everything = net(x, 7, return_all_features=True)
    assert torch.equal(output, net(x, 7))
    assert middle.shape == (2, 64, 4, 6) and temb.shape == (2, 128)
    for one, other in zip(everything, (output, middle, everything[2], temb)):
        assert torch.equal(one, other)
    tail = nn.Sequential(net.norm_out, nn.SiLU(), net.conv_out)
    assert torch.equal(tail(everything[2]), output)


def test_attention_is_at_its_levels_and_in_the_middle():
    def attending(blocks):
        return [isinstance(b.attention, nn.Identity) for b in blocks]

    net = tiny(attn=(1,), ch_mult=(1, 2, 1))
    assert [attending(level) for level in net.encoder.blocks] == [[True], [False], [True]]
    assert [attending(level) for level in net.decoder.blocks] == [
        [True] * 2,
        [False] * 2,
        [True] * 2,
    ]
    assert attending(net.middle) == [False, True]


@pytest.mark.parametrize("ch_mult", [(1,), (2, 1), (2, 1, 3)])
def test_levels_may_have_any_channels(ch_mult):
    x = torch.randn(2, 2, 8, 12)
    assert tiny(attn=(0,), ch_mult=ch_mult)(x, torch.tensor([0, 19])).shape == (2, 3, 8, 12)


def test_a_fresh_network_answers_with_nearly_zero():
    net, x = tiny().eval(), torch.randn(4, 2, 8, 8)
    output, _, pretail, _ = net(x, 3, return_all_features=True)
    assert output.abs().max() < 1e-3 < 0.1 < pretail.abs().max()


def test_every_branch_begins_tiny_and_nothing_else():
    net = tiny()
    ends = [m.conv2 for m in net.modules() if isinstance(m, ResBlock)]
    ends += [m.proj for m in net.modules() if isinstance(m, SingleHeadAttention)]
    ends.append(net.conv_out)
    assert len(ends) == 8 + 4 + 1
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            fan = sum(nn.init._calculate_fan_in_and_fan_out(layer.weight))
            gain = 1e-5 if any(layer is end for end in ends) else 1
            assert 0.5 < layer.weight.abs().max() / (gain * (6 / fan) ** 0.5) <= 1
            assert not layer.bias.any()


def gradients(net):
    """Return the largest gradient of each parameter, from weights that are not tiny."""
    for p in net.parameters():
        nn.init.normal_(p, std=0.2)
    out = net(torch.randn(2, 2, 8, 8), torch.tensor([1, 9]))
    (out * torch.randn_like(out)).sum().backward()
    return {name: float(p.grad.abs().max()) for name, p in net.named_parameters()}


def test_every_parameter_is_trained():
    net = DDPMUNet(20, 64, (1, 2), (1,), 1, 0.0, 2, 3)
    idle = {name for name, most in gradients(net).items() if most < 1e-4}
    # The same number is added to all scores of a row, and softmax takes it away again.
    assert all(name.endswith("k.bias") for name in idle)
    assert not net.time.table.requires_grad


def test_with_one_channel_in_a_group_the_norm_takes_the_time_away_again():
    found = gradients(tiny())
    assert found["encoder.blocks.0.0.block.time_proj.weight"] < 1e-4  # 32 channels in 32 groups
    assert found["encoder.blocks.1.0.block.time_proj.weight"] > 0.1  # 64


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net: net(torch.randn(1, 2, 9, 8), 0), "9 x 8 cannot be halved"),
        (lambda net: net(torch.randn(1, 3, 8, 8), 0), r"\(B, 2, H, W\); got \(1, 3, 8, 8\)"),
        (lambda net: net(torch.randn(1, 2, 8, 8), 20), "t must be from 0 to 19; got 20 to 20"),
        (lambda net: net(torch.randn(2, 2, 8, 8), torch.tensor([1, -1])), "got -1 to 1"),
        (lambda net: net(torch.randn(2, 2, 8, 8), torch.tensor([1])), r"shape \(2,\)"),
        (lambda net: DDPMUNet(9, 48, (1,), (), 1, 0.0), "32 groups cannot split 48 channels"),
    ],
)
def test_bad_arguments_are_told(call, words):
    with pytest.raises(ValueError, match=words):
        call(tiny())


def test_example_of_the_document():
    net = DDPMUNet(1000, 128, [1, 2, 3, 4], [2], 2, 0.1).eval()
    with torch.no_grad():
        assert net(torch.randn(1, 3, 32, 32), 10).shape == (1, 3, 32, 32)


def test_flatten_linear_joins_pixels_and_time():
    layer, x, temb = FlattenLinear(2, 3, 4, 5), torch.randn(6, 2, 3, 4), torch.randn(6, 5)
    weight, bias = layer.linear.weight, layer.linear.bias
    flat = x.reshape(6, 24) @ weight[:, :24].T + temb @ weight[:, 24:].T + bias
    torch.testing.assert_close(layer(x, temb), flat.reshape(6, 2, 3, 4))
