import math

import pytest
import torch
from diffusers.models.embeddings import get_timestep_embedding
from torch.nn import functional as F

from course_utils.embedding import TimeEmbedding, frequencies, sinusoidal_embedding


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
