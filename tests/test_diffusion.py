import pytest
import smalldiffusion
import torch
from diffusers import DDPMScheduler
from smalldiffusion.model import CondEmbedderLabel
from smalldiffusion.model_unet import Unet

from course_utils.diffusion import (
    Guided,
    NoiseFromVelocity,
    add_noise,
    noise_from_velocity,
    noise_loss,
    predict_x0,
    sigma_loss,
    training_step,
    velocity,
    velocity_loss,
)
from course_utils.embedding import LabelEmbedding
from course_utils.schedule import cosine_schedule, linear_schedule, log_linear_schedule
from course_utils.sigma_unet import SigmaUNet
from course_utils.unet import UNet


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def pictures(n=4):
    return torch.rand(n, 3, 8, 8) * 2 - 1, torch.randn(n, 3, 8, 8)


def test_add_noise_is_that_of_diffusers():
    (x0, eps), t = pictures(), torch.tensor([0, 10, 500, 999])
    ours = add_noise(x0, eps, linear_schedule().alpha_bar_at(t))
    theirs = DDPMScheduler(1000, beta_schedule="linear").add_noise(x0, eps, t)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_noise_keeps_the_variance_of_a_picture_that_has_one():
    x0, eps = torch.randn(2, 50, 3, 32, 32)
    for alpha_bar in (0.0, 0.3, 1.0):
        assert add_noise(x0, eps, torch.full((50,), alpha_bar)).var() == pytest.approx(1, abs=0.02)


def test_no_noise_and_nothing_but_noise():
    x0, eps = pictures(2)
    xt = add_noise(x0, eps, torch.tensor([1.0, 0.0]))
    assert torch.equal(xt[0], x0[0]) and torch.equal(xt[1], eps[1])


@pytest.mark.parametrize("schedule", [linear_schedule(), cosine_schedule()])
def test_predict_x0_undoes_add_noise(schedule):
    (x0, eps), t = pictures(), torch.tensor([0, 10, 500, 900])
    alpha_bar = schedule.alpha_bar_at(t)
    x0_again = predict_x0(add_noise(x0, eps, alpha_bar), eps, alpha_bar)
    torch.testing.assert_close(x0_again, x0, rtol=0, atol=1e-5)


def test_predict_x0_takes_one_alpha_bar_for_all():
    xt, eps = pictures()
    one = predict_x0(xt, eps, torch.tensor(0.3))
    assert torch.equal(one, predict_x0(xt, eps, torch.full((4,), 0.3)))


def test_velocity_is_that_of_diffusers():
    (x0, eps), t = pictures(), torch.tensor([0, 10, 500, 999])
    ours = velocity(x0, eps, linear_schedule().alpha_bar_at(t))
    theirs = DDPMScheduler(1000, beta_schedule="linear").get_velocity(x0, eps, t)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_velocity_is_first_the_noise_and_at_last_minus_the_picture():
    x0, eps = pictures(2)
    v = velocity(x0, eps, torch.tensor([1.0, 0.0]))
    assert torch.equal(v[0], eps[0]) and torch.equal(v[1], -x0[1])


def test_the_noise_is_all_of_v_or_all_of_xt_at_the_ends():
    xt, v = pictures(2)
    eps = noise_from_velocity(xt, v, torch.tensor([1.0, 0.0]))
    assert torch.equal(eps[0], v[0]) and torch.equal(eps[1], xt[1])


@pytest.mark.parametrize("loss", [noise_loss, velocity_loss])
def test_training_steps_lower_the_loss(loss):
    net, images = UNet(3, 8, (1, 2), 16), pictures(8)[0]
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    losses = [training_step(net, optimizer, images, cosine_schedule(), loss, 16) for _ in range(60)]
    assert all(type(value) is float for value in losses)
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])


@pytest.mark.parametrize("t", [torch.tensor([0, 10, 500, 999]), 500])
@pytest.mark.parametrize("schedule", [linear_schedule(), cosine_schedule()])
def test_the_noise_is_found_from_velocity(schedule, t):
    x0, eps = pictures()
    alpha_bar = schedule.alpha_bar_at(torch.as_tensor(t).expand(4))

    def net(xt, t_seen):
        assert t_seen is t
        return velocity(x0, eps, alpha_bar)

    found = NoiseFromVelocity(net, schedule)(add_noise(x0, eps, alpha_bar), t)
    torch.testing.assert_close(found, eps, rtol=0, atol=1e-5)


@pytest.mark.parametrize("loss", [noise_loss, velocity_loss])
def test_loss_is_the_mean_square_of_what_the_network_gets_wrong(loss):
    (x0, eps), t, schedule = pictures(), torch.tensor([0, 3, 5, 9]), linear_schedule(10)
    alpha_bar = schedule.alpha_bar[t]
    right = eps if loss is noise_loss else velocity(x0, eps, alpha_bar)

    def off_by_two(xt, t_seen):
        assert torch.equal(t_seen, t)
        torch.testing.assert_close(xt, add_noise(x0, eps, alpha_bar))
        return right - 2

    assert loss(off_by_two, x0, t, eps, schedule) == pytest.approx(4)


@pytest.mark.parametrize("loss", [noise_loss, velocity_loss])
def test_loss_of_a_network_falls_along_its_gradient(loss):
    (x0, eps), schedule = pictures(), linear_schedule(10)
    net = UNet(3, 4, (1, 2), 8)
    before = loss(net, x0, torch.arange(4), eps, schedule)
    before.backward()
    with torch.no_grad():
        for p in net.parameters():
            p -= 0.01 * p.grad
    assert loss(net, x0, torch.arange(4), eps, schedule) < before


def test_one_step_for_the_whole_batch():
    (x0, eps), schedule, net = pictures(), linear_schedule(10), UNet(3, 4, (1, 2), 8).eval()
    for loss in (noise_loss, velocity_loss):
        assert loss(net, x0, 4, eps, schedule) == loss(net, x0, torch.full((4,), 4), eps, schedule)


@pytest.mark.parametrize(
    ("t", "sentence"),
    [
        (torch.tensor([3]), r"t must be an int or a tensor of shape \(8,\).*got shape \(1,\)"),
        (torch.full((8,), 0.5), "integers.*got torch.float32"),
        (torch.full((8,), -1), "from 0 to 9; got -1 to -1"),
        (10, "from 0 to 9; got 10 to 10"),
    ],
)
def test_bad_steps_are_refused(t, sentence):
    (x0, eps), schedule = pictures(8), linear_schedule(10)
    for loss in (noise_loss, velocity_loss):
        with pytest.raises(ValueError, match=sentence):
            loss(lambda xt, t: xt, x0, t, eps, schedule)
    with pytest.raises(ValueError, match=sentence):
        NoiseFromVelocity(lambda xt, t: xt, schedule)(x0, t)


def conditional():
    """Return smalldiffusion's network and ours, both with labels, in eval mode."""
    settings = dict(ch=32, ch_mult=(1, 2), attn_resolutions=(4,), num_res_blocks=1)
    theirs = Unet(8, 3, 3, **settings, cond_embed=CondEmbedderLabel(128, 10))
    ours = SigmaUNet(8, 3, 3, **settings, cond_embed=LabelEmbedding(128, 10))
    return theirs.eval(), ours.load_published(theirs.state_dict()).eval()


@pytest.mark.parametrize("cond", [None, torch.tensor([3, 0, 9, 10])])
def test_sigma_loss_is_that_of_smalldiffusion(cond):
    theirs, ours = conditional()
    if cond is None:
        theirs.cond_embed = ours.cond_embed = None
    (x0, eps), t = pictures(), torch.tensor([0, 7, 31, 49])
    schedule = log_linear_schedule(50)
    sigma = smalldiffusion.ScheduleLogLinear(50)[t].view(4, 1, 1, 1)
    expected = theirs.get_loss(x0, sigma, eps, cond=cond)
    torch.testing.assert_close(sigma_loss(ours, x0, t, eps, schedule, cond), expected)


@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("shape", [(), (4, 1, 1, 1), (4,)])
@torch.no_grad()
def test_guidance_is_that_of_smalldiffusion(scale, shape):
    theirs, ours = conditional()
    x, labels = pictures()[1], torch.tensor([3, 0, 9, 5])
    expected = theirs.predict_eps_cfg(x, torch.tensor(0.7), labels, scale)
    found = Guided(ours, labels, scale)(x, torch.full(shape, 0.7))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_guidance_of_scale_zero_only_follows_the_labels():
    ours, x, labels = conditional()[1], pictures()[1], torch.tensor([3, 0, 9, 5])
    found = Guided(ours, labels, 0)(x, 0.7)
    torch.testing.assert_close(found, ours(x, 0.7, labels), rtol=1e-4, atol=1e-5)


def test_a_network_without_labels_cannot_be_guided():
    net = SigmaUNet(8, 3, 3, ch=32, ch_mult=(1,))
    with pytest.raises(ValueError, match="made without cond_embed and knows no labels"):
        Guided(net, torch.zeros(2).long(), 1.0)


def test_velocity_loss_hands_labels_on():
    given = []

    def net(xt, t, *labels):
        given.extend(labels)
        return xt

    x0, eps, labels = torch.rand(2, 1, 4, 4), torch.randn(2, 1, 4, 4), torch.tensor([3, 1])
    t = torch.tensor([5, 900])
    velocity_loss(net, x0, t, eps, linear_schedule())
    assert given == []
    velocity_loss(net, x0, t, eps, linear_schedule(), labels)
    assert len(given) == 1 and given[0] is labels
