"""The training loop: its steps, batches, gradients and learning rate, and what it refuses."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from tiny_run import SCHEDULE, SHORT, pictures, tiny, weights

from course_utils.averaging import averaged
from course_utils.data import load
from course_utils.diffusion import NoiseFromVelocity, draw_batch, noise_loss, velocity_loss
from course_utils.quality import nearest
from course_utils.samplers import ddim, last
from course_utils.schedule import linear_schedule
from course_utils.training import TrainConfig, add_gradient, learning_rate, start, train
from course_utils.unet import UNet


def test_eight_digits_are_learned_by_heart():
    images, schedule = load("digits", "train")[0][:8], linear_schedule()
    config = TrainConfig(steps=200, batch=32, lr=0.01, warmup=20, ema=0.97)
    losses = []
    for state in train(UNet(1, 8, (1, 2, 4), 32), images, schedule, config):
        losses.append(state.loss)
    assert sum(losses[-20:]) / 20 < 0.2  # a network that says 0 gets 0.7
    model = NoiseFromVelocity(averaged(state, images, schedule), schedule)
    drawn = last(ddim(model, torch.randn(32, 1, 16, 16), schedule, 20))
    assert nearest(drawn, images) < 0.35  # other digits are 0.45 away, noise 0.98


def test_every_step_is_yielded():
    for i, state in enumerate(train(tiny(), pictures(), SCHEDULE, SHORT)):
        rate = learning_rate(i, SHORT)
        assert (state.step, state.lr, state.optimizer.param_groups[0]["lr"]) == (i + 1, rate, rate)
    assert state.step == SHORT.steps


@pytest.mark.parametrize("loss", [noise_loss, velocity_loss])
def test_the_first_loss_is_that_of_the_first_batch(loss):
    generator = torch.Generator().manual_seed(SHORT.seed)
    batch = draw_batch(pictures(), SCHEDULE.T, SHORT.batch, generator)
    expected = loss(tiny(), *batch, SCHEDULE).item()
    assert next(train(tiny(), pictures(), SCHEDULE, SHORT, loss)).loss == expected


def test_without_another_wish_the_network_predicts_v():
    runs = [train(tiny(), pictures(), SCHEDULE, SHORT, *loss) for loss in ([], [velocity_loss])]
    assert next(runs[0]).loss == next(runs[1]).loss


def test_two_runs_from_one_seed_end_in_the_same_bits():
    ends = []
    for global_seed, seed in [(1, 0), (2, 0), (1, 3)]:
        net, config = tiny(), TrainConfig(steps=4, batch=5, seed=seed)
        torch.manual_seed(global_seed)  # which the run does not look at
        *_, state = train(net, pictures(), SCHEDULE, config)
        ends.append((state.loss, weights(net), weights(state.average)))
    one, same, other = ends
    assert one[0] == same[0] and torch.equal(one[1], same[1]) and torch.equal(one[2], same[2])
    assert one[0] != other[0] and not torch.allclose(one[1], other[1])


def test_training_leaves_the_global_generator_alone():
    net, state = tiny(), torch.get_rng_state()
    list(train(net, pictures(), SCHEDULE, SHORT))
    assert torch.equal(torch.get_rng_state(), state)


def test_leaving_early_keeps_what_was_learned():
    whole = [weights(state.model) for state in train(tiny(), pictures(), SCHEDULE, SHORT)]
    net = tiny()
    for state in train(net, pictures(), SCHEDULE, SHORT):
        if state.step == 3:
            break
    assert state.model is net and state.step == 3
    assert torch.equal(weights(net), whole[2])
    assert not torch.equal(whole[2], whole[1])


def test_the_network_is_trained_in_train_mode():
    net = tiny().eval()
    for state in train(net, pictures(), SCHEDULE, SHORT):
        assert net.training
        net.eval()  # as one who draws a sample between two steps does
    assert net.encoder.bottom.norm1.num_batches_tracked == SHORT.steps


def test_learning_rate_rises_in_a_line_and_falls_like_half_a_cosine():
    config = TrainConfig(steps=110, lr=0.4, warmup=10)
    rates = [learning_rate(i, config) for i in range(110)]
    assert rates[:10] == pytest.approx([0.04 * (i + 1) for i in range(10)])
    assert max(rates) == rates[10] == 0.4
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[35] == pytest.approx(0.2 * (1 + math.sqrt(0.5)))  # a quarter of the way down
    assert rates[60] == pytest.approx(0.2)
    assert 0 < rates[-1] < 0.001


@pytest.mark.parametrize(("steps", "warmup"), [(5, 0), (3, 10), (4, 4), (1, 0)])
def test_learning_rate_is_positive_in_runs_of_any_length(steps, warmup):
    config = TrainConfig(steps=steps, warmup=warmup, lr=0.4)
    assert all(0 < learning_rate(i, config) <= 0.4 for i in range(steps))
    assert 0 <= learning_rate(steps, config) <= 0.4  # one more, for who draws the curve


def test_each_step_goes_by_the_gradient_of_its_own_batch():
    run = train(tiny(), pictures(), SCHEDULE, SHORT)
    next(run)
    state = next(run)
    net = copy.deepcopy(state.model)
    net.zero_grad()
    generator = torch.Generator()
    generator.set_state(state.generator.get_state())
    batch = draw_batch(pictures(), SCHEDULE.T, SHORT.batch, generator)
    velocity_loss(net, *batch, SCHEDULE).backward()
    norm = torch.stack([p.grad.square().sum() for p in net.parameters()]).sum().sqrt().item()
    assert next(run).norm == pytest.approx(norm, rel=1e-4)


@pytest.mark.parametrize(("clip", "clipped"), [(1e-3, True), (1e3, False)])
def test_a_large_gradient_is_clipped(clip, clipped):
    net = tiny()
    state = next(train(net, pictures(), SCHEDULE, TrainConfig(clip=clip, batch=5)))
    norm = math.sqrt(sum(p.grad.square().sum().item() for p in net.parameters()))
    assert 1e-3 < state.norm < 1e3
    assert norm == pytest.approx(clip if clipped else state.norm, rel=1e-3)


def test_small_batches_add_up_to_a_large_one():
    net = UNet(3, 4, (1, 2), 8).eval()  # in training mode, BatchNorm sees the batches apart
    grads = []
    for sizes in ([8], [4, 4]):
        state = start(copy.deepcopy(net), SHORT)
        state.model.train = lambda: state.model
        generator = torch.Generator().manual_seed(0)
        x0, t, eps = draw_batch(pictures(), SCHEDULE.T, 8, generator)
        config = replace(SHORT, accumulate=len(sizes))
        state.last_loss = 0.0
        for part in zip(x0.split(sizes), t.split(sizes), eps.split(sizes)):
            add_gradient(state, part, SCHEDULE, velocity_loss, config)
        grads.append((state.loss, [p.grad for p in state.model.parameters()]))
    assert grads[0][0] == pytest.approx(grads[1][0])
    torch.testing.assert_close(grads[0][1], grads[1][1])


def test_an_accumulated_step_takes_as_many_batches():
    generator = torch.Generator().manual_seed(SHORT.seed)
    for _ in range(3):
        draw_batch(pictures(), SCHEDULE.T, SHORT.batch, generator)
    state = next(train(tiny(), pictures(), SCHEDULE, replace(SHORT, accumulate=3)))
    assert torch.equal(state.generator.get_state(), generator.get_state())
    assert state.step == 1


def test_draw_batch_draws_everything():
    images = torch.arange(7.0).view(7, 1, 1, 1).expand(7, 2, 4, 4)
    x0, t, eps = draw_batch(images, 5, 2000, torch.Generator().manual_seed(0))
    for drawn, kinds in ((x0[:, 0, 0, 0], 7), (t, 5)):
        counts = drawn.long().bincount()
        assert len(counts) == kinds and counts.min() > 2000 / kinds * 0.8
    assert eps.mean() == pytest.approx(0, abs=0.02) and eps.std() == pytest.approx(1, abs=0.02)
    # No two of the three go together.
    drawn = torch.stack([x0[:, 0, 0, 0], t.float(), eps[:, 0, 0, 0]])
    assert (drawn.corrcoef() - torch.eye(3)).abs().max() < 0.1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_images_with_nan_are_refused(value):
    images = pictures()
    images[3, 1, 2, 2] = value
    with pytest.raises(ValueError, match="the images hold NaN or infinity"):
        next(train(tiny(), images, SCHEDULE, SHORT))


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_loss_that_is_no_number_stops_the_run(value):
    net = tiny()
    run = train(net, pictures(), SCHEDULE, SHORT)
    next(run), next(run)
    with torch.no_grad():
        net.decoder.out.bias.fill_(float(value))
    before = weights(net)
    with pytest.raises(ValueError) as raised:
        next(run)
    for words in (
        f"the loss is {value} at step 2, learning rate 0.01, scale 1; decoder.out is the first",
        "the largest activation before is ",
        "Try a lower learning rate, and look for NaN",
    ):
        assert words in str(raised.value)
    torch.testing.assert_close(weights(net), before, rtol=0, atol=0, equal_nan=True)
