"""The ideal denoiser: its formula, chunks, small noise, and bad input."""

import pytest
import torch

from course_utils.data import load
from course_utils.ideal import IdealDenoiser, ideal_x0
from course_utils.memory import peak_memory


def pictures(N=50, seed=0):
    return torch.randn(N, 1, 4, 4, generator=torch.Generator().manual_seed(seed))


def by_the_formula(xt, a, images):
    x, y = images.flatten(1).double(), xt.flatten(1).double()
    distances = (y[:, None] - a**0.5 * x).square().sum(dim=2)
    return (torch.softmax(-distances / (2 * (1 - a)), dim=1) @ x).view_as(xt).float()


@pytest.mark.parametrize("a", [0.99, 0.5, 0.05, 1e-4])
@pytest.mark.parametrize("chunk", [1, 7, 50, 1000])
def test_it_is_the_weighted_mean(a, chunk):
    images, xt = pictures(), pictures(6, seed=1)
    x0 = ideal_x0(xt, torch.full((6,), a), images, chunk)
    torch.testing.assert_close(x0, by_the_formula(xt, a, images), rtol=1e-5, atol=1e-5)


def test_each_picture_has_its_own_noise_level():
    images, xt = pictures(), pictures(3, seed=1)
    alpha_bar = torch.tensor([0.9, 0.3, 0.01])
    x0 = IdealDenoiser(images).predict_x0(xt, alpha_bar)
    for i, a in enumerate(alpha_bar.tolist()):
        torch.testing.assert_close(x0[i : i + 1], by_the_formula(xt[i : i + 1], a, images))
    one = IdealDenoiser(images).predict_x0(xt, 0.3)
    torch.testing.assert_close(one[1], x0[1])


def test_little_noise_gives_the_nearest_and_much_the_mean():
    images = load("digits")[0][:200]
    ideal = IdealDenoiser(images)
    generator = torch.Generator().manual_seed(0)
    xt = images[:5] + 1e-3 * torch.randn(5, 1, 16, 16, generator=generator)
    for a in (1 - 1e-6, 1 - 1e-7, 1.0):
        torch.testing.assert_close(ideal.predict_x0(a**0.5 * xt, a), images[:5])
    far = ideal.predict_x0(torch.randn(4, 1, 16, 16, generator=generator), 1e-8)
    torch.testing.assert_close(far, images.mean(0).expand_as(far), rtol=0, atol=1e-2)


def test_ties_without_noise_are_no_nan():
    images = pictures(2)
    images[1] = images[0]
    assert torch.equal(IdealDenoiser(images).predict_x0(images[:1], 1.0), images[:1])


def test_memory_is_that_of_a_chunk():
    images, xt = torch.randn(4000, 1, 16, 16), torch.randn(2, 1, 16, 16)
    alpha_bar = torch.full((2,), 0.5)
    least = peak_memory(lambda: ideal_x0(xt, alpha_bar, images, chunk=100), torch.device("cpu"))
    assert least < 4 * 100 * 256 * 8


def test_bad_images_are_refused():
    with pytest.raises(ValueError, match=r"without NaN; got \(0, 1, 4, 4\)"):
        IdealDenoiser(pictures(0))
    with pytest.raises(ValueError, match="without NaN"):
        IdealDenoiser(torch.full((2, 1, 4, 4), torch.nan))
    with pytest.raises(ValueError, match=r"are \(50, 1, 4, 4\); got \(2, 1, 5, 5\)"):
        IdealDenoiser(pictures()).predict_x0(torch.zeros(2, 1, 5, 5), 0.5)
