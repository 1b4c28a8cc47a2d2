"""Directions from v, bent paths and repaired sketches, against what is known in closed form."""

import math

import pytest
import torch
from test_straight import MEAN, SHAPE, SPREAD, Net, axes, gaussian, toy

from course_utils.diffusion import velocity
from course_utils.fields import FieldFromVelocity, bend, direction_from_velocity, repair
from course_utils.samplers import ddim, last
from course_utils.schedule import Schedule, cosine_schedule
from course_utils.straight import euler, heun, on_line


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def scale(t):
    return math.hypot(1 - t, t)


@pytest.mark.parametrize("t", [0.0, 0.1, 0.5, 0.8, 1.0])
def test_the_direction_is_found_from_the_velocity(t):
    x0, eps = torch.randn(2, *SHAPE)
    v = velocity(x0, eps, torch.full((len(x0),), (1 - t) ** 2) / scale(t) ** 2)
    xt = on_line(x0, eps, torch.full((len(x0),), t))
    torch.testing.assert_close(direction_from_velocity(xt, v, t), eps - x0)


def exact_velocity(schedule):
    """A network that knows all about Gaussian pictures, and predicts v."""

    def net(z, t):
        alpha_bar = schedule.alpha_bar_at(t)
        a, b = axes(alpha_bar.sqrt()), axes((1 - alpha_bar).sqrt())
        off = (z - a * MEAN) / (a**2 * SPREAD**2 + b**2)
        return velocity(MEAN + a * SPREAD**2 * off, b * off, alpha_bar)

    return net


def test_a_network_that_predicts_v_becomes_the_exact_field():
    schedule, xt = cosine_schedule(), torch.randn(SHAPE)
    field = FieldFromVelocity(exact_velocity(schedule), schedule)
    for step in (5, 100, 500, 990):  # at the noise of a step it is exact
        sigma = ((1 - schedule.alpha_bar[step]) / schedule.alpha_bar[step]).sqrt().item()
        t = sigma / (1 + sigma)
        torch.testing.assert_close(field(xt, t), gaussian(xt, t), rtol=1e-3, atol=1e-3)
    for t in (0.05, 0.3, 0.7, 0.95, 1.0):  # and between two nearly
        torch.testing.assert_close(field(xt, t), gaussian(xt, t), rtol=0.02, atol=0.02)
    noise = torch.randn(SHAPE)
    torch.testing.assert_close(
        last(heun(field, noise, 50)), MEAN + SPREAD * noise, rtol=0, atol=0.02
    )


def test_the_network_sees_the_mixture_of_ddpm_and_the_nearest_step():
    schedule, net, xt = cosine_schedule(50), Net(), torch.randn(SHAPE)
    FieldFromVelocity(net, schedule)(xt, 0.3)
    z, told, _ = net.asked[0]
    torch.testing.assert_close(z, xt / scale(0.3))
    assert told.shape == (len(xt),)
    expected = (schedule.alpha_bar - 0.7**2 / scale(0.3) ** 2).abs().argmin()
    assert (told == expected).all()


def test_euler_on_the_line_is_ddim_in_other_words():
    """Along the same levels of noise, both give the same pictures and the same guesses."""
    n, start = 12, 0.9
    times = [start * i / n for i in range(n + 1)]
    kept = torch.tensor([(1 - t) ** 2 / scale(t) ** 2 for t in times], dtype=torch.float64)
    schedule = Schedule((1 - kept[1:] / kept[:-1]).tolist())
    schedule.alpha_bar = kept[1:]

    def guess(z, sigma):  # within [-1, 1], because DDIM clips
        return 0.7 * torch.tanh(z / (1 + sigma))

    def noise(z, step):
        a, b = kept[step + 1].sqrt(), (1 - kept[step + 1]).sqrt()
        return (z - a * guess(z, b / a)) / b

    def field(xt, t):
        x0 = guess(xt / scale(t), t / (1 - t))
        return (xt - x0) / t

    xt = torch.randn(SHAPE, dtype=torch.float64)
    line = list(euler(field, xt, n, start=start))
    curve = list(ddim(noise, xt / scale(start), schedule, n, 0.0))
    for (t, a, a0), (_, b, b0) in zip(line, curve, strict=True):
        torch.testing.assert_close(a / scale(t - start / n), b, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(a0, b0, rtol=1e-6, atol=1e-6)


def test_straight_paths_bend_by_nothing():
    noise, way = torch.randn(2, *SHAPE)
    assert bend(lambda xt, t: way, noise) == pytest.approx(0, abs=1e-8)
    assert bend(toy, noise, 1) == pytest.approx(0, abs=1e-8)  # one step is straight


def test_bent_paths_bend_as_much_as_the_integral_says():
    """Gaussian pictures: the path from noise is (1 - t) MEAN + noise sqrt(var(t))."""
    noise = torch.randn(SHAPE, dtype=torch.float64)
    t = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000
    var = (1 - t) ** 2 * SPREAD**2 + t**2
    slope = (t - (1 - t) * SPREAD**2) / var.sqrt()
    whole = noise - (MEAN + SPREAD * noise)
    astray = slope[:, None] * noise.flatten() - MEAN - whole.flatten()
    expected = (astray.square().mean() / whole.square().mean()).item()
    assert expected > 0.01
    assert bend(gaussian, noise, 1000) == pytest.approx(expected, rel=0.01)
    assert isinstance(bend(gaussian, noise), float)
    assert bend(gaussian, noise) == bend(gaussian, noise, 50)


def test_a_repaired_sketch_arrives_where_its_mixture_leads():
    sketch, noise = torch.randn(2, *SHAPE, dtype=torch.float64)
    for strength in (0.3, 0.6, 1.0):
        mixed = (1 - strength) * sketch + strength * noise
        var = (1 - strength) ** 2 * SPREAD**2 + strength**2
        expected = MEAN + SPREAD * (mixed - (1 - strength) * MEAN) / var**0.5
        found = repair(gaussian, sketch, noise, strength, 2000)
        torch.testing.assert_close(found, expected, rtol=0, atol=2e-3)
    torch.testing.assert_close(repair(gaussian, sketch, noise, 0.0), sketch)


def test_repair_takes_eight_evaluations_from_0_6_unless_told_otherwise():
    sketch, noise = torch.randn(2, *SHAPE)
    expected = last(euler(toy, 0.4 * sketch + 0.6 * noise, 8, start=0.6))
    torch.testing.assert_close(repair(toy, sketch, noise), expected)
    torch.testing.assert_close(repair(toy, sketch, noise, 1.0, 3), last(euler(toy, noise, 3)))


def test_what_is_made_on_the_way_is_on_the_device_of_the_pictures():
    """The device "meta" has shapes without numbers, and refuses to meet the CPU."""
    sketch, noise = (torch.randn(SHAPE, device="meta") for _ in range(2))
    assert repair(toy, sketch, noise).is_meta
    net = Net()
    assert FieldFromVelocity(net, cosine_schedule(50))(noise, 0.3).is_meta
    assert net.asked[0][1].is_meta  # the step that it is told
