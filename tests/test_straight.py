"""Straight lines against what is known in closed form, and against diffusers."""

from functools import partial

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler

from course_utils.samplers import last
from course_utils.schedule import linear_schedule
from course_utils.straight import (
    Field,
    euler,
    heun,
    on_line,
    reflow_loss,
    reflow_pairs,
    straight_loss,
)
from course_utils.training import TrainConfig, train
from course_utils.unet import UNet

MEAN, SPREAD = 0.4, 0.3  # of pictures whose pixels are independent and Gaussian
SHAPE = (4, 3, 6, 5)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def gaussian(xt, t):
    """The exact field of those pictures: E[eps - x0 | xt]."""
    off = (xt - (1 - t) * MEAN) / ((1 - t) ** 2 * SPREAD**2 + t**2)
    return t * off - (MEAN + (1 - t) * SPREAD**2 * off)


def toy(xt, t):
    """Stand in for a network: it depends on every pixel and on the time."""
    return torch.sin(2 * xt) + 0.3 * xt.roll(1, dims=-1) + t


def axes(t):
    return t[:, None, None, None]


class Net:
    """A network that keeps what it was asked: (xt, t, labels) each time."""

    def __init__(self, answer=toy):
        self.answer, self.asked = answer, []

    def __call__(self, xt, t, *labels):
        self.asked.append((xt, t, labels))
        return self.answer(xt, 0.0)


# --- the path and the loss


def test_the_line_has_the_picture_at_one_end_and_the_noise_at_the_other():
    x0, eps = torch.randn(2, *SHAPE)
    xt = on_line(x0, eps, torch.tensor([0, 0.25, 0.5, 1]))
    between = 0.75 * x0[1] + 0.25 * eps[1], (x0[2] + eps[2]) / 2
    torch.testing.assert_close(xt, torch.stack([x0[0], *between, eps[3]]))


@pytest.mark.parametrize("T", [1000, 11])
def test_the_first_step_is_the_picture_and_the_last_the_noise(T):
    x0, eps = torch.randn(2, *SHAPE)
    net, t = Net(), torch.tensor([0, T - 1, 5, 5])
    straight_loss(net, x0, t, eps, linear_schedule(T))
    xt, told, _ = net.asked[0]
    assert torch.equal(xt[0], x0[0]) and torch.equal(xt[1], eps[1]) and torch.equal(told, t)
    torch.testing.assert_close(xt[2], x0[2] + 5 / (T - 1) * (eps - x0)[2])


def test_what_is_asked_for_is_the_direction():
    x0, eps = torch.randn(2, *SHAPE)
    given = x0, torch.tensor([0, 4, 7, 19]), eps, linear_schedule(20)
    assert straight_loss(lambda xt, t: eps - x0, *given) == 0
    assert straight_loss(lambda xt, t: eps - x0 + 3, *given).item() == pytest.approx(9)


def test_the_loss_takes_one_step_for_all_and_hands_labels_on():
    x0, eps = torch.randn(2, *SHAPE)
    net, labels, schedule = Net(), torch.arange(4), linear_schedule(20)
    one = straight_loss(net, x0, 7, eps, schedule, labels)
    assert one == straight_loss(net, x0, torch.full((4,), 7), eps, schedule)
    assert net.asked[0][1:] == (7, (labels,)) and net.asked[1][2] == ()


@pytest.mark.parametrize(
    "away",
    [lambda xt, t: 0 * xt + 0.5, lambda xt, t: 0.3 * xt, lambda xt, t: 0.5 * torch.sin(3 * xt + t)],
)
def test_no_network_has_a_smaller_loss_than_the_exact_field(away):
    """What is off it costs its mean square: the rest of the error is not to be foreseen."""
    n, T = 5000, 1000
    x0 = MEAN + SPREAD * torch.randn(n, 1, 2, 2)
    given = x0, torch.randint(1, T, (n,)), torch.randn(n, 1, 2, 2), linear_schedule(T)
    extra = []

    def other(xt, t):
        time = axes(t / (T - 1))
        extra.append(away(xt, time).square().mean())
        return gaussian(xt, time) + away(xt, time)

    best = straight_loss(lambda xt, t: gaussian(xt, axes(t / (T - 1))), *given)
    assert (straight_loss(other, *given) - best).item() == pytest.approx(extra[0].item(), abs=0.03)


def test_a_field_tells_its_network_the_nearest_step_and_the_labels():
    net, labels, xt = Net(), torch.arange(4), torch.randn(SHAPE)
    field = Field(net, labels, T=11)
    for t in (0, 0.1, 0.14, 0.16, 0.96, 1):
        assert torch.equal(field(xt, t), toy(xt, 0.0))
    assert [t for _, t, _ in net.asked] == [0, 1, 1, 2, 10, 10]
    assert all(isinstance(t, int) and more == (labels,) for _, t, more in net.asked)
    Field(net)(xt, 0.5)
    assert net.asked[-1][1:] == (500, ())  # of 1000


# --- the samplers


def error(sampler, n):
    """How far the finished pictures are from those to which the exact field leads."""
    noise = torch.randn(SHAPE, dtype=torch.float64)
    return (last(sampler(gaussian, noise, n)) - (MEAN + SPREAD * noise)).abs().max().item()


@pytest.mark.parametrize(("sampler", "factor"), [(euler, 2), (heun, 4)])
def test_half_the_step_divides_the_error_by_two_or_four(sampler, factor):
    errors = [error(sampler, n) for n in (50, 100, 200)]
    assert errors[-1] < 0.1 ** (factor / 2)
    for coarse, fine in zip(errors, errors[1:]):
        assert coarse / fine == pytest.approx(factor, rel=0.1)


@pytest.mark.parametrize("sampler", [euler, heun])
def test_samplers_yield_time_picture_and_guess(sampler):
    noise = before = torch.randn(SHAPE)
    for i, (t, xt, x0) in enumerate(sampler(gaussian, noise, 5)):
        assert t == pytest.approx(1 - i / 5) and xt.shape == SHAPE
        off = (before - (1 - t) * MEAN) / ((1 - t) ** 2 * SPREAD**2 + t**2)
        torch.testing.assert_close(x0, MEAN + (1 - t) * SPREAD**2 * off)
        before = xt
    assert i == 4
    torch.testing.assert_close(xt, x0)  # the last step is Euler's in both


def test_the_guess_is_not_clipped():
    assert next(euler(toy, 9 * torch.randn(SHAPE)))[2].abs().max() > 2


def times_asked(walk, *args, **options):
    asked = []
    last(walk(lambda xt, t: asked.append(t) or xt, torch.randn(SHAPE), *args, **options))
    return asked


def test_how_often_and_at_which_times_a_field_is_asked():
    assert times_asked(euler, 4) == pytest.approx([1, 0.75, 0.5, 0.25])
    assert times_asked(euler, 3, start=0.6) == pytest.approx([0.6, 0.4, 0.2])
    assert times_asked(heun, 3) == pytest.approx([1, 2 / 3, 2 / 3, 1 / 3, 1 / 3])
    assert (len(times_asked(euler)), len(times_asked(heun))) == (25, 25)


@pytest.mark.parametrize("sampler", [euler, heun])
def test_where_the_direction_is_constant_one_step_is_exact(sampler):
    noise, way = torch.randn(2, *SHAPE)
    torch.testing.assert_close(last(sampler(lambda xt, t: way, noise, 1)), noise - way)
    torch.testing.assert_close(last(sampler(lambda xt, t: way, noise, 7)), noise - way)


def test_the_exact_field_of_a_few_pictures_leads_to_them():
    pictures = torch.randn(3, 12, dtype=torch.float64)

    def field(xt, t):
        far = (xt.flatten(1)[:, None] - (1 - t) * pictures).square().sum(dim=2)
        x0 = (-far / (2 * t**2)).softmax(dim=1) @ pictures
        return (xt - x0.view_as(xt)) / t

    noise = torch.randn(20, 3, 2, 2, dtype=torch.float64)
    ends = last(euler(field, noise, 200)).flatten(1)
    away, which = torch.cdist(ends, pictures).min(dim=1)
    assert away.max() < 1e-4 and len(which.unique()) == 3


def by_diffusers(scheduler, xt):
    steps = []
    for t in scheduler.timesteps:
        xt = scheduler.step(toy(xt, t.item() / 1000), t, xt).prev_sample
        steps.append(xt)
    return steps


def assert_same(ours, theirs):
    for (_, xt, _), their_xt in zip(ours, theirs, strict=True):
        torch.testing.assert_close(xt, their_xt, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("n", [1, 5, 20])
def test_euler_is_that_of_diffusers_step_by_step(n):
    scheduler, noise = FlowMatchEulerDiscreteScheduler(1000, shift=1.0), torch.randn(SHAPE)
    scheduler.set_timesteps(sigmas=[i / n for i in range(n, 0, -1)])
    assert_same(euler(toy, noise, n), by_diffusers(scheduler, noise))


@pytest.mark.parametrize("n", [1, 5, 20])
def test_heun_is_that_of_diffusers_step_by_step(n):
    scheduler, noise = FlowMatchHeunDiscreteScheduler(1000, shift=1.0), torch.randn(SHAPE)
    scheduler.set_timesteps(n)
    levels = torch.arange(n, -1, -1) / n
    sigmas = torch.cat([levels[:1], levels[1:-1].repeat_interleave(2), levels[-1:]])
    scheduler.sigmas, scheduler.timesteps = sigmas, 1000 * sigmas[:-1]
    theirs = by_diffusers(scheduler, noise)
    # diffusers hands out Euler's places too, between the others.
    assert_same(heun(toy, noise, n), [*theirs[1:-1:2], theirs[-1]])


@pytest.mark.parametrize("sampler", [euler, heun])
def test_samplers_leave_noise_and_grad_mode_as_they_were(sampler):
    noise, inside = torch.randn(SHAPE), []
    kept = noise.clone()

    def field(xt, t):
        inside.append(torch.is_grad_enabled())
        return toy(xt, t)

    places = [xt for _, xt, _ in sampler(field, noise, 3)]
    assert torch.equal(noise, kept) and torch.is_grad_enabled() and not any(inside)
    assert len({xt.data_ptr() for xt in places}) == 3  # each step's is a tensor of its own


# --- reflow


def test_pairs_are_what_heun_draws_and_its_noise():
    net, noise = Net(), torch.randn(260, 1, 2, 3)
    labels = torch.arange(260)
    pairs = reflow_pairs(partial(Field, net), noise, labels, steps=3)
    parts = [known for _, _, (known,) in net.asked]
    assert [len(part) for part in parts] == [250] * 5 + [10] * 5
    assert torch.equal(torch.cat([parts[0], parts[-1]]), labels)
    x0, eps = pairs.chunk(2, dim=1)
    assert torch.equal(eps, noise)
    torch.testing.assert_close(x0, last(heun(Field(toy_net), noise, 3)))
    assert len(reflow_pairs(partial(Field, net), noise[:3])) == 3 and net.asked[-1][2] == ()
    assert len(net.asked) == 10 + 15  # 8 steps


def toy_net(xt, t):
    return toy(xt, 0.0)


def test_reflow_loss_is_the_straight_loss_of_pairs():
    x0, eps, drawn = torch.randn(3, *SHAPE)
    t, schedule, labels = torch.tensor([0, 3, 8, 19]), linear_schedule(20), torch.arange(4)
    net, pairs = Net(), torch.cat([x0, eps], dim=1)
    loss = reflow_loss(net, pairs, t, torch.cat([drawn, drawn], dim=1), schedule, labels)
    assert loss == straight_loss(net, x0, t, eps, schedule, labels)
    assert [more for *_, more in net.asked] == [(labels,)] * 2


def test_a_network_is_trained_on_pairs():
    config = TrainConfig(steps=60, batch=16, lr=0.03, warmup=2)
    net, noise = UNet(3, 4, (1, 2), 8), torch.randn(16, 3, 4, 4)
    pairs = torch.cat([noise - 2, noise], dim=1)  # other noise would leave a loss of 1 at least
    for state in train(net, pairs, linear_schedule(20), config, reflow_loss):
        pass
    assert state.loss < 0.5
