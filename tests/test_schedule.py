import pytest
import smalldiffusion
import torch
from diffusers import DDPMScheduler

from course_utils.schedule import (
    Schedule,
    SigmaSchedule,
    cosine_schedule,
    linear_schedule,
    log_linear_schedule,
    sigma_schedule,
)

OURS = {"linear": linear_schedule, "squaredcos_cap_v2": cosine_schedule}


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("T", [1000, 50])
def test_schedules_are_those_of_diffusers(name, T):
    ours, theirs = OURS[name](T), DDPMScheduler(T, beta_schedule=name)
    torch.testing.assert_close(ours.betas, theirs.betas, rtol=0, atol=1e-5)
    torch.testing.assert_close(ours.alpha_bar, theirs.alphas_cumprod, rtol=0, atol=1e-5)


def test_first_and_last_beta_can_be_chosen():
    theirs = DDPMScheduler(30, beta_schedule="linear", beta_start=1e-3, beta_end=0.3)
    torch.testing.assert_close(linear_schedule(30, 1e-3, 0.3).betas, theirs.betas)


@pytest.mark.parametrize("make", OURS.values())
def test_alpha_bar_falls_from_nearly_one_to_nearly_zero(make):
    schedule = make()
    assert schedule.T == 1000
    assert schedule.alpha_bar.dtype == schedule.betas.dtype == torch.float32
    assert (schedule.alpha_bar.diff() < 0).all()
    assert schedule.alpha_bar[0] > 0.999
    assert 0 < schedule.alpha_bar[-1] < 1e-4


def test_at_the_last_step_the_picture_is_noise():
    torch.manual_seed(0)
    x0, eps = torch.rand(100, 1, 16, 16) * 2 - 1, torch.randn(100, 1, 16, 16)
    for make in OURS.values():
        alpha_bar = make().alpha_bar[-1]
        xt = alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps
        assert (xt - eps).abs().max() < 0.01


def test_alpha_bar_is_a_product():
    schedule = Schedule([0.5, 0.2, 0.9])
    torch.testing.assert_close(schedule.alpha_bar, torch.tensor([0.5, 0.4, 0.04]))
    torch.testing.assert_close(schedule.betas, torch.tensor([0.5, 0.2, 0.9]))


def test_alpha_bar_is_computed_in_float64():
    schedule = linear_schedule(5000)
    exact = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 5000, dtype=torch.float64), dim=0)
    torch.testing.assert_close(schedule.alpha_bar, exact.float(), rtol=2e-7, atol=0)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
def test_alpha_bar_at_picks_each_step(dtype):
    schedule = linear_schedule(10)
    t = torch.tensor([9, 0, 3, 3], dtype=dtype)
    assert torch.equal(schedule.alpha_bar_at(t), schedule.alpha_bar[[9, 0, 3, 3]])


@pytest.mark.parametrize("t", [[0, -1], [10, 3], [-10, 10]])
def test_steps_outside_the_schedule_are_refused(t):
    sentence = f"t must be from 0 to 9; got {min(t)} to {max(t)}$"
    with pytest.raises(ValueError, match=sentence):
        linear_schedule(10).alpha_bar_at(torch.tensor(t))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_steps_that_are_no_integers_are_refused(dtype):
    with pytest.raises(ValueError, match=f"integers.*got {dtype}"):
        linear_schedule(10).alpha_bar_at(torch.ones(2, dtype=dtype))


@pytest.mark.parametrize("numbers", [(1000, 0.02, 10.0), (800, 0.01, 20.0), (7, 0.5, 0.6)])
def test_log_linear_levels_are_those_of_smalldiffusion(numbers):
    theirs = smalldiffusion.ScheduleLogLinear(*numbers).sigmas
    torch.testing.assert_close(log_linear_schedule(*numbers).sigmas, theirs, rtol=1e-5, atol=0)
    assert log_linear_schedule(*numbers).T == numbers[0]


def test_levels_from_betas_are_those_of_smalldiffusion():
    ours, theirs = sigma_schedule(linear_schedule()), smalldiffusion.ScheduleDDPM()
    torch.testing.assert_close(ours.sigmas, theirs.sigmas, rtol=1e-5, atol=2e-5)
    ours, theirs = sigma_schedule(cosine_schedule(50)), smalldiffusion.ScheduleCosine(50)
    torch.testing.assert_close(ours.sigmas, theirs.sigmas, rtol=1e-4, atol=2e-5)


def test_a_picture_mixed_with_noise_and_scaled_is_a_picture_with_noise_added():
    schedule = linear_schedule(30)
    x0, eps = torch.randn(30, 5), torch.randn(30, 5)
    alpha_bar, sigma = schedule.alpha_bar[:, None], sigma_schedule(schedule).sigmas[:, None]
    mixed = alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps
    torch.testing.assert_close(mixed / alpha_bar.sqrt(), x0 + sigma * eps, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("T", [7, 800, 1000])
def test_sampling_levels_are_those_of_smalldiffusion(T):
    ours, theirs = log_linear_schedule(T), smalldiffusion.ScheduleLogLinear(T)
    for steps in {1, 2, 3, 5, 7, min(T, 20), min(T, 33), T}:
        found = ours.sample_sigmas(steps)
        assert len(found) == steps + 1
        torch.testing.assert_close(found, theirs.sample_sigmas(steps), rtol=1e-5, atol=0)
        assert found[0] == ours.sigmas[-1] and found[-1] == ours.sigmas[0]


@pytest.mark.parametrize("steps", [0, -1, 8])
def test_a_number_of_steps_that_cannot_be_is_told(steps):
    with pytest.raises(ValueError, match=f"steps must be from 1 to 7; got {steps}"):
        log_linear_schedule(7).sample_sigmas(steps)


def test_sigma_at_looks_up():
    schedule = SigmaSchedule(torch.tensor([0.1, 0.5, 2.0]))
    assert torch.equal(schedule.sigma_at(torch.tensor([2, 0, 2])), torch.tensor([2.0, 0.1, 2.0]))
