import copy
import math
from dataclasses import replace

import pytest
import smalldiffusion
import torch
from smalldiffusion.model import CondEmbedderLabel
from smalldiffusion.model_unet import Unet
from torch import nn

from course_utils.averaging import averaged, refresh_norms, unwrapped, update_average
from course_utils.data import load
from course_utils.diffusion import (
    NoiseFromVelocity,
    draw_batch,
    noise_loss,
    sigma_loss,
    velocity_loss,
)
from course_utils.embedding import LabelEmbedding
from course_utils.quality import nearest
from course_utils.samplers import ddim, last
from course_utils.schedule import Schedule, linear_schedule, log_linear_schedule
from course_utils.sigma_unet import Scaled, SigmaUNet
from course_utils.training import (
    TrainConfig,
    add_gradient,
    learning_rate,
    start,
    take_step,
    train,
    train_sigmas,
)
from course_utils.unet import UNet

SCHEDULE = linear_schedule(20)
SHORT = TrainConfig(steps=6, batch=5, lr=0.01, warmup=2, ema=0.8)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def tiny():
    torch.manual_seed(0)
    return UNet(3, 4, (1, 2), 8)


def pictures(n=9):
    return torch.rand(n, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1


def weights(net):
    return nn.utils.parameters_to_vector(net.parameters()).detach().clone()


class Norm(nn.Module):
    """A model that is one BatchNorm and does not look at the time."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x, t):
        return self.norm(x)


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


# Sixteen bits


def test_small_batches_add_up_to_a_large_one():
    net = UNet(3, 4, (1, 2), 8).eval()  # in training mode, BatchNorm sees the batches apart
    grads = []
    for sizes in ([8], [4, 4]):
        state = start(copy.deepcopy(net), SHORT)
        state.model.train = lambda: state.model
        generator = torch.Generator().manual_seed(0)
        x0, t, eps = draw_batch(pictures(), SCHEDULE.T, 8, generator)
        config = replace(SHORT, accumulate=len(sizes))
        state.loss = 0.0
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


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_sixteen_bits_learn_like_thirty_two(precision):
    losses = {}
    for kind in ("fp32", precision):
        config = replace(SHORT, steps=60, precision=kind)
        losses[kind] = [s.loss for s in train(tiny(), pictures(), SCHEDULE, config)]
    assert losses["fp32"] != losses[precision]
    assert sum(losses[precision][-10:]) == pytest.approx(sum(losses["fp32"][-10:]), rel=0.1)
    assert sum(losses[precision][-10:]) < 0.9 * sum(losses[precision][:10])


def test_overflow_skips_the_step_and_halves_the_scale():
    state = start(tiny(), replace(SHORT, precision="fp16"))
    before, scale = weights(state.model), state.scaler.get_scale()
    for p in state.model.parameters():
        p.grad = torch.zeros_like(p)
    p.grad.view(-1)[0] = math.inf
    state.scaler.scale(torch.zeros(()))  # which makes its scale
    take_step(state, SHORT)
    assert torch.equal(weights(state.model), before)
    assert (state.skipped, state.step, state.scaler.get_scale()) == (1, 1, scale / 2)
    for p in state.model.parameters():
        p.grad = torch.ones_like(p)
    state.lr = 0.1
    take_step(state, SHORT)
    assert not torch.equal(weights(state.model), before) and state.skipped == 1


def test_gradients_are_clipped_at_their_true_size():
    state = start(tiny(), replace(SHORT, precision="fp16"))
    batch = draw_batch(pictures(), SCHEDULE.T, 5, state.generator)
    state.loss = 0.0
    add_gradient(state, batch, SCHEDULE, velocity_loss, replace(SHORT, precision="fp16"))
    scaled = math.sqrt(sum(p.grad.square().sum().item() for p in state.model.parameters()))
    take_step(state, SHORT)
    assert state.norm == pytest.approx(scaled / 65536, rel=1e-3)
    assert 1e-3 < state.norm < 1e3


def test_a_loss_that_overflows_in_fp16_names_the_layer():
    net = tiny()
    with torch.no_grad():
        net.encoder.blocks[0].conv2.weight.mul_(1e7)
    run = train(net, pictures(), SCHEDULE, replace(SHORT, precision="fp16"))
    words = "scale 65536; encoder.blocks.0.conv2 is the first layer .* Try .* bf16 or fp32"
    with pytest.raises(ValueError, match=words):
        next(run)


def test_another_precision_is_refused():
    run = train(tiny(), pictures(), SCHEDULE, replace(SHORT, precision="fp8"))
    with pytest.raises(ValueError, match="one of fp32, fp16, bf16; got 'fp8'"):
        next(run)


def test_what_is_around_a_network_is_taken_off():
    net = nn.Linear(2, 2)
    assert unwrapped(net) is net
    assert unwrapped(nn.DataParallel(net)) is net
    assert unwrapped(torch.compile(net, backend="eager")) is net
    assert unwrapped(torch.compile(nn.DataParallel(net), backend="eager")) is net


def sigma_pair(labels):
    """Return smalldiffusion's network and ours, with the same weights."""
    torch.manual_seed(0)
    settings = dict(ch=32, ch_mult=(1, 2), attn_resolutions=(4,), num_res_blocks=1)
    cond = CondEmbedderLabel(128, 10) if labels else None
    theirs = smalldiffusion.Scaled(Unet)(8, 3, 3, **settings, cond_embed=cond)
    cond = LabelEmbedding(128, 10) if labels else None
    ours = Scaled(SigmaUNet)(8, 3, 3, **settings, cond_embed=cond)
    return theirs.double(), ours.load_published(theirs.state_dict()).double()


@pytest.mark.parametrize("labels", [False, True])
def test_loop_over_sigmas_is_that_of_smalldiffusion(labels):
    theirs, ours = sigma_pair(labels)
    batches = [pictures(4).double(), pictures(3).double()]
    if labels:
        batches = [(x, torch.arange(len(x))) for x in batches]
    torch.manual_seed(7)
    loop = smalldiffusion.training_loop(
        batches,
        theirs,
        smalldiffusion.ScheduleLogLinear(50),
        smalldiffusion.diffusion.Accelerator(cpu=True),
        epochs=2,
        conditional=labels,
    )
    expected = [step.loss.item() for step in loop]
    torch.manual_seed(7)
    losses = list(train_sigmas(ours, batches, log_linear_schedule(50), epochs=2))
    torch.testing.assert_close(torch.tensor(losses), torch.tensor(expected), rtol=1e-6, atol=1e-6)
    trained = sigma_pair(labels)[1].load_published(theirs.state_dict())
    torch.testing.assert_close(weights(ours), weights(trained), rtol=0, atol=1e-5)


def test_the_same_train_trains_a_network_of_sigmas_with_labels():
    _, ours = sigma_pair(labels=True)
    seen = []

    def loss(net, x0, t, eps, schedule, cond):
        seen.append((x0, cond))
        return sigma_loss(net, x0, t, eps, schedule, cond)

    images, labels = pictures(), torch.arange(9)
    *_, state = train(ours.float(), images, log_linear_schedule(20), SHORT, loss, labels)
    assert state.step == SHORT.steps and math.isfinite(state.loss)
    for x0, cond in seen:
        assert torch.equal(x0, images[cond])


def test_a_network_without_batchnorm_is_only_averaged():
    _, ours = sigma_pair(labels=False)
    state = start(ours, SHORT)
    drawing = averaged(state, pictures(), log_linear_schedule(20))
    assert not drawing.training and torch.equal(weights(drawing), weights(ours))
