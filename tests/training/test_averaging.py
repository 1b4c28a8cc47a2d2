"""The average of the weights, and the statistics of its BatchNorms."""

import copy
import math

import pytest
import torch
from tiny_run import SCHEDULE, SHORT, pictures, tiny, weights
from torch import nn

from course_utils.averaging import averaged, refresh_norms, unwrapped, update_average
from course_utils.schedule import Schedule
from course_utils.straight import straight_loss
from course_utils.training import start, train


class Norm(nn.Module):
    """A model that is one BatchNorm and does not look at the time."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x, t):
        return self.norm(x)


def test_average_is_the_closed_form():
    net, keep = tiny(), SHORT.ema
    p = [weights(net)]
    for state in train(net, pictures(), SCHEDULE, SHORT):
        p.append(weights(net))
        n = state.step
        since = sum(keep ** (n - i) * p[i] for i in range(1, n + 1))
        expected = keep**n * p[0] + (1 - keep) * since
        torch.testing.assert_close(weights(state.average), expected)


@pytest.mark.parametrize(("keep", "expected"), [(1.0, 2.0), (0.75, 3.0), (0.0, 6.0)])
def test_update_average(keep, expected):
    average, model = nn.Linear(2, 2), nn.Linear(2, 2)
    for net, value in ((average, 2.0), (model, 6.0)):
        for p in net.parameters():
            nn.init.constant_(p, value)
    update_average(average, model, keep)
    assert (weights(average) == expected).all() and (weights(model) == 6).all()


def test_refresh_norms_finds_the_mean_and_variance_of_the_input():
    image = torch.randn(1, 3, 8, 8) * torch.tensor([1, 2, 3.0]).view(3, 1, 1) + 5
    net, no_noise = Norm().eval(), Schedule([0.0])
    net.norm.running_mean.fill_(-7)  # the past, which must not count
    net.norm.num_batches_tracked.fill_(100)
    assert refresh_norms(net, image, no_noise) is net
    torch.testing.assert_close(net.norm.running_mean, image.mean(dim=(0, 2, 3)))
    n = 64 * 8 * 8  # BatchNorm keeps the unbiased variance
    variance = image.var(dim=(0, 2, 3), correction=0) * n / (n - 1)
    torch.testing.assert_close(net.norm.running_var, variance)


def test_refresh_norms_noises_pictures_as_the_training_did():
    grey, no_noise = torch.full((1, 3, 8, 8), 5.0), Schedule([0.0] * 11)
    straight = refresh_norms(Norm(), grey, no_noise, loss=straight_loss).norm
    assert (straight.running_mean - 2.5).abs().max() < 0.2  # half way on the lines, in the mean
    variance = 25 * 0.1 + 0.35  # of (1 - t) 5 and of t eps, with t from 0 to 1 in ten steps
    assert (straight.running_var - variance).abs().max() < 0.2
    assert torch.allclose(refresh_norms(Norm(), grey, no_noise).norm.running_mean, grey[0, 0, 0, 0])
    state = start(tiny(), SHORT)
    given = pictures(), SCHEDULE
    expected = refresh_norms(copy.deepcopy(state.average), *given, loss=straight_loss).state_dict()
    ours = averaged(state, *given, straight_loss).state_dict()
    assert all(torch.equal(ours[name], expected[name]) for name in expected)


def test_refresh_norms_averages_over_all_batches():
    # Of noise alone: a mean over the last batches only would be five times as far off.
    net = refresh_norms(Norm(), torch.zeros(1, 3, 8, 8), Schedule([1.0]), batches=50)
    assert net.norm.num_batches_tracked == 50
    assert net.norm.running_mean.abs().max() < 3 / math.sqrt(50 * 64 * 64)
    torch.testing.assert_close(net.norm.running_var, torch.ones(3), rtol=0, atol=0.01)


def test_refresh_norms_leaves_everything_else_as_it_was():
    net = tiny()
    net.encoder.bottom.norm1.momentum = 0.3
    before, rng = weights(net), torch.get_rng_state()
    refresh_norms(net, pictures(), SCHEDULE, batches=2)
    assert torch.equal(weights(net), before)
    assert not any(m.training for m in net.modules())
    momenta = [m.momentum for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    assert sorted(momenta) == [0.1] * (len(momenta) - 1) + [0.3]
    assert torch.equal(torch.get_rng_state(), rng)
    assert torch.is_grad_enabled()


def test_averaged_network_is_a_copy_ready_to_draw():
    def run(look):
        for state in train(tiny(), pictures(), SCHEDULE, SHORT):
            if look:
                net = averaged(state, pictures(), SCHEDULE)
                assert torch.equal(weights(net), weights(state.average))
                assert not net.training
        return state

    looked, plain = run(True), run(False)
    for ours, theirs in ((looked.model, plain.model), (looked.average, plain.average)):
        assert all(map(torch.equal, ours.state_dict().values(), theirs.state_dict().values()))
    expected = refresh_norms(copy.deepcopy(plain.average), pictures(), SCHEDULE).state_dict()
    ours = averaged(plain, pictures(), SCHEDULE).state_dict()
    assert all(torch.equal(ours[name], expected[name]) for name in expected)


def test_the_average_starts_as_a_copy():
    net = tiny()
    state = start(net, SHORT)
    assert state.model is net and state.step == 0
    assert torch.equal(weights(state.average), weights(net))
    mine = {id(p) for p in net.parameters()}
    assert not any(id(p) in mine for p in state.average.parameters())


def test_what_is_around_a_network_is_taken_off():
    net = nn.Linear(2, 2)
    assert unwrapped(net) is net
    assert unwrapped(nn.DataParallel(net)) is net
    assert unwrapped(torch.compile(net, backend="eager")) is net
    assert unwrapped(torch.compile(nn.DataParallel(net), backend="eager")) is net
