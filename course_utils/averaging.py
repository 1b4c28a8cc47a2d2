"""The average of the weights over the last steps: it draws better than the weights themselves."""

import copy

import torch
from torch import nn

from course_utils.diffusion import draw_batch, velocity_loss


def unwrapped(model):
    """Return the network itself, without what torch.compile or several processes put around it.

    UNet -> UNet
    """
    model = getattr(model, "_orig_mod", model)
    return getattr(model, "module", model)


@torch.no_grad()
def update_average(average, model, keep):
    """Move the averaged weights a little towards the model's.

    UNet, UNet -> None
    """
    for a, p in zip(average.parameters(), model.parameters()):
        a.lerp_(p, 1 - keep)


@torch.no_grad()
def refresh_norms(model, images, schedule, batches=30, seed=0, *, loss=velocity_loss):
    """Measure BatchNorm's statistics anew, for weights that were averaged; return the model.

    UNet, (N, C, H, W), Schedule -> UNet

    Averaged weights see features that no training step saw, so the running means and variances
    that training left behind do not fit them. The loss is that of the training: it says how the
    pictures are noised. The model is left in eval mode; one without BatchNorm has nothing to
    measure.
    Source: "Averaging Weights Leads to Wider Optima and Better Generalization" (2018), section 3.
    """
    generator = torch.Generator().manual_seed(seed)
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    if not norms:
        return model.eval()
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
    model.train()
    for _ in range(batches):
        loss(model, *draw_batch(images, schedule.T, 64, generator), schedule)
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
    return model.eval()


def averaged(state, images, schedule, loss=velocity_loss):
    """Return a copy of the averaged network that is ready to draw: fresh BatchNorm, eval mode.

    TrainState, (N, C, H, W), Schedule -> UNet

    The loss is that of the training. Training goes on undisturbed.
    """
    return refresh_norms(copy.deepcopy(state.average), images, schedule, loss=loss)
