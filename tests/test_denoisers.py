"""All denoisers behind one call, and in the samplers."""

import pytest
import torch

from course_utils.denoisers import (
    Hybrid,
    MeanDenoiser,
    NetDenoiser,
    NoiseAtSigma,
    denoising_error,
    nearest_step,
)
from course_utils.diffusion import NoiseFromVelocity, SigmaFromStep, add_noise, velocity
from course_utils.samplers import ddim, ddpm, last, samples
from course_utils.schedule import cosine_schedule, linear_schedule, sigma_schedule
from course_utils.wiener import WienerDenoiser

SCHEDULE = linear_schedule()


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class NoiseFromX0:
    """A denoiser as ddpm and ddim want it: told a step, it returns the noise."""

    def __init__(self, denoiser, schedule):
        self.denoiser, self.schedule = denoiser, schedule

    def __call__(self, xt, t):
        alpha_bar = self.schedule.alpha_bar[t].expand(len(xt))
        x0 = self.denoiser.predict_x0(xt, alpha_bar)
        alpha_bar = alpha_bar[:, None, None, None]
        return (xt - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()


class Knows:
    """Knows the clean pictures, and writes down what it was told."""

    def __init__(self, x0):
        self.x0, self.told = x0, []

    def predict_x0(self, xt, alpha_bar):
        self.told.append(alpha_bar)
        return self.x0[: len(xt)]


def test_mean_does_not_look():
    mean = randn(1, 4, 4)
    assert torch.equal(
        MeanDenoiser(mean).predict_x0(randn(3, 1, 4, 4), 0.5), mean.expand(3, 1, 4, 4)
    )


def test_a_network_that_knows_the_noise_finds_the_picture():
    x0, eps, t = randn(4, 1, 4, 4), randn(4, 1, 4, 4, seed=1), torch.tensor([0, 10, 500, 900])
    asked = []

    def noise(xt, t):
        asked.append(t)
        return eps

    alpha_bar = SCHEDULE.alpha_bar[t]
    found = NetDenoiser(noise, SCHEDULE).predict_x0(add_noise(x0, eps, alpha_bar), alpha_bar)
    torch.testing.assert_close(found, x0, rtol=1e-3, atol=1e-3)
    assert torch.equal(asked[0], t)
    NetDenoiser(noise, SCHEDULE).predict_x0(x0, float(SCHEDULE.alpha_bar[123]) * (1 + 1e-6))
    assert asked[1].tolist() == 4 * [123]


def test_the_nearest_step_is_found_for_each_picture():
    alpha_bar = SCHEDULE.alpha_bar[[3, 998]] * 1.000001
    assert nearest_step(SCHEDULE, alpha_bar).tolist() == [3, 998]
    assert nearest_step(SCHEDULE, torch.tensor([1.0, 0.0])).tolist() == [0, 999]


def test_networks_of_other_kinds():
    x0, eps = randn(2, 1, 4, 4), randn(2, 1, 4, 4, seed=1)
    alpha_bar = SCHEDULE.alpha_bar[torch.tensor([100, 100])]
    xt = add_noise(x0, eps, alpha_bar)
    by_v = NoiseFromVelocity(lambda xt, t: velocity(x0, eps, alpha_bar), SCHEDULE)
    by_sigma = SigmaFromStep(lambda x, sigma: (x - x0) / sigma[:, None, None, None], SCHEDULE)
    for net in (by_v, by_sigma):
        found = NetDenoiser(net, SCHEDULE).predict_x0(xt, alpha_bar)
        torch.testing.assert_close(found, x0, rtol=1e-4, atol=1e-4)


def test_no_gradient_is_kept():
    net = torch.nn.Conv2d(1, 1, 3, padding=1)
    found = NetDenoiser(lambda xt, t: net(xt), SCHEDULE).predict_x0(randn(1, 1, 4, 4), 0.5)
    assert not found.requires_grad


def test_hybrid_asks_each_about_its_own_pictures():
    above, below = Knows(torch.ones(9, 1, 2, 2)), Knows(torch.zeros(9, 1, 2, 2))
    hybrid = Hybrid(above, below, sigma=1.0)
    alpha_bar = torch.tensor([0.9, 0.4, 0.5, 0.1])  # sigma below 1, above, just 1, above
    found = hybrid.predict_x0(randn(4, 1, 2, 2), alpha_bar)
    assert found.flatten(1).amax(dim=1).tolist() == [0, 1, 0, 1]
    assert below.told[0].tolist() == alpha_bar[[0, 2]].tolist()
    assert above.told[0].tolist() == alpha_bar[[1, 3]].tolist()
    hybrid.predict_x0(randn(3, 1, 2, 2), 0.01)
    assert len(below.told) == 1 and len(above.told) == 2


@pytest.mark.parametrize("schedule", [linear_schedule(50), cosine_schedule(50)])
def test_samplers_end_where_a_denoiser_that_knows_points(schedule):
    x0 = randn(2, 1, 4, 4).clamp(-1, 1)
    torch.manual_seed(0)
    for drawn in (
        last(ddim(NoiseFromX0(Knows(x0), schedule), randn(2, 1, 4, 4, seed=1), schedule, 10)),
        last(ddpm(NoiseFromX0(Knows(x0), schedule), randn(2, 1, 4, 4, seed=1), schedule)),
    ):
        torch.testing.assert_close(drawn, x0, rtol=1e-4, atol=1e-4)


def test_the_sampler_of_sigmas_too():
    x0, sigmas = randn(2, 1, 4, 4), sigma_schedule(SCHEDULE).sample_sigmas(20)
    knows = Knows(x0)
    drawn = last(samples(NoiseAtSigma(knows), sigmas[0] * randn(2, 1, 4, 4, seed=1), sigmas))
    torch.testing.assert_close(drawn, x0, rtol=0, atol=4 * float(sigmas[-1]))
    torch.testing.assert_close(knows.told[3], 1 / (1 + sigmas[3] ** 2))


def test_both_adapters_ask_the_same():
    x0, eps = randn(3, 1, 4, 4), randn(3, 1, 4, 4, seed=1)
    denoiser = WienerDenoiser(torch.eye(16), torch.rand(16), torch.eye(16), torch.rand(16))
    alpha_bar = SCHEDULE.alpha_bar[300]
    xt = add_noise(x0, eps, alpha_bar.expand(3))
    sigma = ((1 - alpha_bar) / alpha_bar).sqrt()
    torch.testing.assert_close(
        NoiseFromX0(denoiser, SCHEDULE)(xt, 300),
        NoiseAtSigma(denoiser)(xt / alpha_bar.sqrt(), sigma), rtol=1e-4, atol=1e-4,
    )  # fmt: skip


def test_gaussian_pictures_come_out_of_ddim_as_they_should():
    """The sampler with the exact denoiser of a Gaussian draws from that Gaussian."""
    variance, mean = torch.tensor([0.04, 0.01, 0.0025, 0.0]), torch.tensor([0.3, 0.0, -0.3, 0.1])
    denoiser = WienerDenoiser(torch.eye(4), variance, torch.eye(4), mean)
    drawn = last(ddim(NoiseFromX0(denoiser, SCHEDULE), randn(20_000, 1, 2, 2), SCHEDULE, 200))
    drawn = drawn.flatten(1)
    torch.testing.assert_close(drawn.mean(dim=0), mean, rtol=0, atol=0.01)
    torch.testing.assert_close(drawn.std(dim=0), variance.sqrt(), rtol=0.05, atol=0.01)


def test_error_is_the_mean_square_at_the_level_asked_for():
    x0, eps = randn(50, 1, 4, 4), randn(50, 1, 4, 4, seed=1)
    assert denoising_error(MeanDenoiser(torch.zeros(1, 4, 4)), x0, eps, 3.0) == pytest.approx(
        x0.square().mean().item()
    )

    class Leaves:
        def predict_x0(self, xt, alpha_bar):
            return xt / alpha_bar[:, None, None, None].sqrt()

    for sigma in (0.1, 3.0):
        error = denoising_error(Leaves(), x0, eps, sigma)
        assert error == pytest.approx(sigma**2 * eps.square().mean().item(), rel=1e-4)
