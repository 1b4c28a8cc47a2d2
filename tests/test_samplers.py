import pytest
import smalldiffusion
import torch
from diffusers import DDIMScheduler, DDPMScheduler

from course_utils.diffusion import NoiseFromVelocity
from course_utils.samplers import ddim, ddpm, last, posterior_mean, samples
from course_utils.schedule import (
    cosine_schedule,
    linear_schedule,
    log_linear_schedule,
    sigma_schedule,
)
from course_utils.unet import UNet

SCHEDULES = {"linear": linear_schedule, "squaredcos_cap_v2": cosine_schedule}
SHAPE = (4, 3, 6, 5)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def toy(xt, t):
    """Stand in for a network: it depends on every pixel and on the time."""
    return torch.sin(2 * xt) + 0.3 * xt.roll(1, dims=-1) + 0.001 * t


def perfect(x0, schedule):
    """Return the noise predictor that knows the picture behind everything."""

    def model(xt, t):
        alpha_bar = schedule.alpha_bar[t]
        return (xt - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()

    return model


def exact(schedule):
    """Return the schedule with tables in float64.

    diffusers takes beta from the ratio of two alpha_bars, and in float32 that loses four digits.
    """
    schedule.betas = schedule.betas.double()
    schedule.alpha_bar = torch.cumprod(1 - schedule.betas, dim=0)
    return schedule


def by_diffusers(scheduler, schedule, xT, **options):
    """Run a scheduler of diffusers; its noise comes from torch's generator, as ours does."""
    scheduler.alphas_cumprod = schedule.alpha_bar
    torch.manual_seed(1)
    xt, steps = xT, []
    for t in scheduler.timesteps.tolist():
        out = scheduler.step(toy(xt, t), t, xt, **options)
        xt = out.prev_sample
        steps.append((t, xt, out.pred_original_sample))
    return steps


def assert_same(ours, theirs):
    torch.manual_seed(1)
    ours = list(ours)
    assert [t for t, _, _ in ours] == [t for t, _, _ in theirs]
    for (_, xt, x0), (_, their_xt, their_x0) in zip(ours, theirs):
        torch.testing.assert_close(xt, their_xt, rtol=0, atol=1e-5)
        torch.testing.assert_close(x0, their_x0, rtol=0, atol=1e-5)


@pytest.mark.parametrize("t", [999, 500, 1])
def test_posterior_mean_is_the_product_of_two_gaussians(t):
    x0, xt = torch.randn(2, *SHAPE, dtype=torch.float64)
    schedule = exact(linear_schedule())
    beta, before = schedule.betas[t], schedule.alpha_bar[t - 1]
    of_x0, of_xt = 1 / (1 - before), (1 - beta) / beta  # how sure each is: one over its variance
    mean = of_x0 * before.sqrt() * x0 + of_xt * xt / (1 - beta).sqrt()
    torch.testing.assert_close(posterior_mean(x0, xt, t, schedule), mean / (of_x0 + of_xt))


def test_posterior_mean_before_the_first_step_is_x0():
    x0, xt = torch.randn(2, *SHAPE)
    assert torch.allclose(posterior_mean(x0, xt, 0, exact(cosine_schedule())).float(), x0)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("T", [1000, 40])
def test_ddpm_is_that_of_diffusers_step_by_step(name, T):
    xT, schedule = torch.randn(SHAPE).double(), exact(SCHEDULES[name](T))
    scheduler = DDPMScheduler(T, beta_schedule=name, clip_sample=True, variance_type="fixed_small")
    assert_same(ddpm(toy, xT, schedule), by_diffusers(scheduler, schedule, xT))


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("eta", [0.0, 0.7, 1.0])
@pytest.mark.parametrize(("T", "steps"), [(1000, 50), (1000, 1), (60, 60), (60, 20)])
def test_ddim_is_that_of_diffusers_step_by_step(name, eta, T, steps):
    xT, schedule = torch.randn(SHAPE).double(), exact(SCHEDULES[name](T))
    options = dict(clip_sample=True, timestep_spacing="trailing", set_alpha_to_one=True)
    scheduler = DDIMScheduler(T, beta_schedule=name, **options)
    scheduler.set_timesteps(steps)
    theirs = by_diffusers(scheduler, schedule, xT, eta=eta, use_clipped_model_output=True)
    assert_same(ddim(toy, xT, schedule, steps, eta), theirs)


@pytest.mark.parametrize("name", SCHEDULES)
def test_networks_that_predict_v_are_sampled_as_in_diffusers(name):
    xT, schedule = torch.randn(SHAPE).double(), exact(SCHEDULES[name](60))
    options = dict(clip_sample=True, timestep_spacing="trailing", prediction_type="v_prediction")
    scheduler = DDIMScheduler(60, beta_schedule=name, **options)
    scheduler.set_timesteps(20)
    theirs = by_diffusers(scheduler, schedule, xT, eta=0.7, use_clipped_model_output=True)
    assert_same(ddim(NoiseFromVelocity(toy, schedule), xT, schedule, 20, 0.7), theirs)
    scheduler = DDPMScheduler(60, beta_schedule=name, prediction_type="v_prediction")
    theirs = by_diffusers(scheduler, schedule, xT)
    assert_same(ddpm(NoiseFromVelocity(toy, schedule), xT, schedule), theirs)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_perfect_denoiser_returns_the_pictures(name):
    x0, xT = torch.rand(SHAPE).double() * 2 - 1, torch.randn(SHAPE).double()
    schedule = exact(SCHEDULES[name](200))
    model = perfect(x0, schedule)
    for steps in (ddpm(model, xT, schedule), *(ddim(model, xT, schedule, 20, e) for e in (0, 1))):
        torch.testing.assert_close(last(steps), x0, rtol=0, atol=1e-6)


def test_ddim_with_every_step_and_eta_1_is_ddpm():
    xT, schedule = torch.randn(SHAPE).double(), exact(linear_schedule(50))
    assert_same(ddim(toy, xT, schedule, 50, 1.0), list(seeded(ddpm(toy, xT, schedule))))


def seeded(steps):
    torch.manual_seed(1)
    yield from steps


def test_every_guess_is_clipped_to_where_pictures_live():
    xT, schedule = 3 * torch.randn(SHAPE), linear_schedule(20)
    for steps in (ddpm(toy, xT, schedule), ddim(toy, xT, schedule, 5)):
        assert all(x0.abs().max() <= 1 for _, _, x0 in steps)


def test_with_eta_0_nothing_is_random_but_xT():
    xT, schedule = torch.randn(SHAPE), linear_schedule(20)
    state = torch.get_rng_state()
    first = last(ddim(toy, xT, schedule, 5))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(last(ddim(toy, xT, schedule, 5)), first)
    assert not torch.allclose(last(ddim(toy, -xT, schedule, 5)), first)


def test_ddpm_and_eta_above_0_draw_from_the_global_generator():
    xT, schedule = torch.randn(SHAPE), linear_schedule(20)
    for sampler in (ddpm, lambda *args: ddim(*args, 5, 1.0)):
        one, other = last(sampler(toy, xT, schedule)), last(sampler(toy, xT, schedule))
        assert not torch.allclose(one, other)
        one, other = (last(seeded(sampler(toy, xT, schedule))) for _ in range(2))
        assert torch.equal(one, other)


def test_xT_is_left_as_it_was():
    xT, schedule = torch.randn(SHAPE), linear_schedule(20)
    kept = xT.clone()
    last(ddpm(toy, xT, schedule))
    last(ddim(toy, xT, schedule, 5, 1.0))
    assert torch.equal(xT, kept)


def test_samplers_leave_grad_mode_as_it_was():
    inside = []
    xT, schedule = torch.randn(SHAPE), linear_schedule(4)

    def model(xt, t):
        inside.append(torch.is_grad_enabled())
        return toy(xt, t)

    for steps in (ddpm(model, xT, schedule), ddim(model, xT, schedule, 4)):
        for _ in steps:
            assert torch.is_grad_enabled()  # between two steps too
            break
        steps.close()
        assert torch.is_grad_enabled()
    with torch.no_grad():
        last(ddim(model, xT, schedule, 4))
        assert not torch.is_grad_enabled()
    assert inside == [False] * 6


def test_samplers_take_a_network():
    net, xT = UNet(3, 4, (1, 2), 8).eval(), torch.randn(2, 3, 8, 8)
    for steps in (ddpm(net, xT, linear_schedule(5)), ddim(net, xT, linear_schedule(5), 3)):
        x0 = last(steps)
        assert x0.shape == xT.shape and x0.isfinite().all() and not x0.requires_grad


def test_ddim_takes_each_step_once_for_any_number_of_steps():
    xT = torch.zeros(1, 1, 1, 1)
    for T in range(1, 40):
        schedule = linear_schedule(T)
        for steps in range(1, T + 1):
            times = [t for t, _, _ in ddim(lambda xt, t: xt, xT, schedule, steps)]
            assert len(times) == steps and times[0] == T - 1
            assert times == sorted(set(times), reverse=True) and times[-1] >= 0


@pytest.mark.parametrize("steps", [-1, 0, 21])
def test_ddim_takes_from_one_to_T_steps(steps):
    with pytest.raises(ValueError, match=f"steps must be from 1 to 20; got {steps}"):
        last(ddim(toy, torch.randn(SHAPE), linear_schedule(20), steps))


FAMILY = [(1, 0.5), (1, 0), (2, 0), (1.6, 0), (1.3, 0.7)]


class ToyModel(torch.nn.Module, smalldiffusion.ModelMixin):
    """Our toy in the dress of smalldiffusion."""

    input_dims = SHAPE[1:]

    def forward(self, x, sigma, cond=None):
        return toy(x, sigma)


@pytest.mark.parametrize(("gam", "mu"), FAMILY)
@pytest.mark.parametrize("steps", [1, 2, 20, 50])
def test_samples_are_those_of_smalldiffusion_step_by_step(gam, mu, steps):
    sigmas = log_linear_schedule(50, 0.01, 20).sample_sigmas(steps)
    xT = torch.randn(SHAPE) * sigmas[0]
    torch.manual_seed(1)
    theirs = list(smalldiffusion.samples(ToyModel(), sigmas, gam, mu, xt=xT))
    torch.manual_seed(1)
    ours = list(samples(toy, xT, sigmas, gam, mu))
    assert [float(sigma) for sigma, _, _ in ours] == sigmas[:-1].tolist()
    for (_, xt, _), their_xt in zip(ours, theirs, strict=True):
        torch.testing.assert_close(xt, their_xt, rtol=1e-5, atol=1e-5)


def test_without_fresh_noise_it_is_ddim_in_other_words():
    schedule, xT = exact(linear_schedule(40)), torch.randn(SHAPE).double()
    levels = sigma_schedule(schedule).sigmas.double().flip(0)
    size = schedule.alpha_bar.flip(0).sqrt()

    def clean(xt, sigma):  # a toy whose guess of the picture is within [-1, 1]: DDIM clips it
        return (xt - 0.5 * torch.tanh(xt / (1 + sigma))) / sigma

    def told_t(xt, t):
        alpha_bar = schedule.alpha_bar[t]
        return clean(xt / alpha_bar.sqrt(), ((1 - alpha_bar) / alpha_bar).sqrt())

    by_sigma = list(samples(clean, xT / size[0], levels))
    by_t = list(ddim(told_t, xT, schedule, steps=40))[:-1]
    for (_, a, a0), (_, b, b0), s in zip(by_sigma, by_t, size[1:], strict=True):
        torch.testing.assert_close(a * s, b, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(a0, b0, rtol=1e-5, atol=1e-5)


def test_sigma_samplers_arrive_at_the_picture_when_the_noise_is_known():
    x0 = torch.rand(SHAPE) * 2 - 1
    sigmas = torch.cat([log_linear_schedule(30).sample_sigmas(10), torch.zeros(1)])
    for gam, mu in FAMILY:
        steps = list(
            samples(lambda xt, sigma: (xt - x0) / sigma, 10 * torch.randn(SHAPE), sigmas, gam, mu)
        )
        torch.testing.assert_close(steps[-1][2], x0, rtol=0, atol=1e-4)
        assert steps[-1][1].isfinite().all()


def test_equal_levels_one_after_the_other_give_no_nan():
    # With equal levels sigma_down is sigma_next, and rounding puts it above or below.
    sigmas = torch.linspace(2.0, 0.1, 40).repeat_interleave(2)
    for _, xt, _ in samples(toy, torch.randn(SHAPE), sigmas, 1, 0.5):
        assert xt.isfinite().all()


@pytest.mark.parametrize("mu", [-0.1, 1, 2])
def test_a_mu_that_cannot_be_is_told(mu):
    with pytest.raises(ValueError, match="mu must be from 0 to 1, 1 left out"):
        next(samples(toy, torch.randn(SHAPE), torch.tensor([2.0, 1.0]), 1, mu))
