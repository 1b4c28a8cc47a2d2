"""Networks of sigma: the loop is that of smalldiffusion, and train() takes them too."""

import math

import pytest
import smalldiffusion
import torch
from smalldiffusion.model import CondEmbedderLabel
from smalldiffusion.model_unet import Unet
from tiny_run import SHORT, pictures, weights

from course_utils.averaging import averaged
from course_utils.diffusion import sigma_loss
from course_utils.embedding import LabelEmbedding
from course_utils.schedule import log_linear_schedule
from course_utils.sigma_unet import Scaled, SigmaUNet
from course_utils.training import start, train, train_sigmas


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
