import math

import pytest
import torch
from diffusers.models.embeddings import get_timestep_embedding
from smalldiffusion.model import CondEmbedderLabel, SigmaEmbedderSinCos
from torch.nn import functional as F

from course_utils.embedding import (
    LabelEmbedding,
    SigmaEmbedding,
    TableEmbedding,
    TimeEmbedding,
    frequencies,
    sinusoidal_embedding,
    timestep_table,
)


@pytest.mark.parametrize("dim", [4, 10, 256])
def test_embedding_is_that_of_diffusers(dim):
    t = torch.tensor([0, 1, 17, 500, 999, 4001])
    theirs = get_timestep_embedding(t, dim, flip_sin_to_cos=False, downscale_freq_shift=1)
    torch.testing.assert_close(sinusoidal_embedding(t, dim), theirs, rtol=0, atol=1e-5)


def test_max_period_is_that_of_diffusers():
    t = torch.arange(100)
    theirs = get_timestep_embedding(t, 32, downscale_freq_shift=1, max_period=50)
    torch.testing.assert_close(sinusoidal_embedding(t, 32, 50.0), theirs, rtol=0, atol=1e-5)


def test_a_value_worked_out_by_hand():
    # Two frequencies: 1, and 1 / 10,000.
    expected = torch.tensor([math.sin(3), math.sin(3e-4), math.cos(3), math.cos(3e-4)])
    torch.testing.assert_close(sinusoidal_embedding(torch.tensor([3]), 4)[0], expected)


def test_frequencies_fall_geometrically_from_one():
    f = frequencies(20, max_period=1000.0)
    torch.testing.assert_close(f[[0, -1]], torch.tensor([1.0, 1e-3]))
    torch.testing.assert_close(f[1:] / f[:-1], torch.full((9,), 1000.0 ** (-1 / 9)))


def test_integer_and_float_steps_agree():
    t = torch.tensor([0, 3, 999])
    assert torch.equal(sinusoidal_embedding(t, 16), sinusoidal_embedding(t.float(), 16))


def test_values_lie_between_minus_one_and_one():
    assert sinusoidal_embedding(torch.arange(1000), 64).abs().max() <= 1


def test_every_step_has_a_vector_of_its_own():
    vectors = sinusoidal_embedding(torch.arange(1000), 32)
    assert torch.pdist(vectors).min() > 0.1


@pytest.mark.parametrize("dim", [-2, 0, 2, 3, 5, 33])
def test_odd_and_small_dims_are_refused(dim):
    for make in (frequencies, lambda dim: sinusoidal_embedding(torch.arange(3), dim)):
        with pytest.raises(ValueError, match=f"even and at least 4.*got {dim}$"):
            make(dim)


def test_time_embedding_is_silu_of_a_linear_layer_of_the_sinusoids():
    torch.manual_seed(0)
    net, t = TimeEmbedding(12), torch.tensor([0, 40, 999])
    expected = F.silu(sinusoidal_embedding(t, 12) @ net.linear.weight.T + net.linear.bias)
    torch.testing.assert_close(net(t), expected)


def test_table_takes_turns_with_sine_and_cosine():
    table = timestep_table(1000, 6)
    for t in (0, 1, 500, 999):
        for i in range(3):
            angle = t / 10_000 ** (2 * i / 6)
            expected = torch.tensor([math.sin(angle), math.cos(angle)])
            torch.testing.assert_close(table[t, 2 * i : 2 * i + 2], expected, rtol=0, atol=1e-4)


def test_table_embedding_looks_up_and_mixes():
    net, t = TableEmbedding(20, 6, 8), torch.tensor([3, 19, 0])
    h = F.silu(F.linear(timestep_table(20, 6)[t], net.linear1.weight, net.linear1.bias))
    expected = F.linear(h, net.linear2.weight, net.linear2.bias)
    torch.testing.assert_close(net(t), expected)
    assert "table" in net.state_dict() and "table" not in dict(net.named_parameters())


@pytest.mark.parametrize("t", [[0, 20], [-1, 3]])
def test_a_step_outside_the_table_is_told(t):
    with pytest.raises(ValueError, match=f"t must be from 0 to 19; got {t[0]} to {t[1]}"):
        TableEmbedding(20, 6, 8)(torch.tensor(t))


def test_an_odd_table_is_told():
    with pytest.raises(ValueError, match="dim must be even"):
        timestep_table(20, 5)


def test_sigma_embedding_is_that_of_smalldiffusion():
    theirs, ours = SigmaEmbedderSinCos(8), SigmaEmbedding(8)
    ours.linear1.load_state_dict(theirs.mlp[0].state_dict())
    ours.linear2.load_state_dict(theirs.mlp[2].state_dict())
    sigma = torch.tensor([0.01, 0.3, 1.0, 80.0])
    torch.testing.assert_close(ours(sigma), theirs(4, sigma))


def label_pair(dropout):
    theirs, ours = CondEmbedderLabel(8, 10, dropout), LabelEmbedding(8, 10, dropout)
    ours.table.load_state_dict(theirs.embeddings.state_dict())
    ours.linear.load_state_dict(theirs.mlp[1].state_dict())
    return theirs, ours


@pytest.mark.parametrize("training", [True, False])
def test_label_embedding_is_that_of_smalldiffusion(training):
    labels, outs = torch.arange(200) % 10, []
    for net in label_pair(0.3):
        torch.manual_seed(2)
        outs.append(net.train(training)(labels))
    torch.testing.assert_close(*outs)


def test_hidden_labels_look_all_the_same():
    _, net = label_pair(0.3)
    hidden = net.eval()(torch.tensor([10]))
    share = torch.isclose(net.train()(torch.arange(1000) % 10), hidden).all(dim=1).float().mean()
    assert 0.2 < share < 0.4
    assert not torch.isclose(net.eval()(torch.arange(10)), hidden).all(dim=1).any()
