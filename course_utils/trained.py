"""The networks of the command line by their names, and one of them out of its run's folder."""

import torch

from course_utils.averaging import refresh_norms
from course_utils.checkpoint import latest
from course_utils.data import load
from course_utils.ddpm_unet import DDPMUNet
from course_utils.diffusion import NoiseFromVelocity, SigmaFromStep
from course_utils.schedule import cosine_schedule
from course_utils.sigma_unet import Scaled, SigmaUNet
from course_utils.unet import UNet

SCHEDULE = cosine_schedule()
NETWORKS = {
    "tutorial": lambda C, size: UNet(C, 32, (1, 2, 4), 128),
    "ddpm": lambda C, size: DDPMUNet(SCHEDULE.T, 32, (1, 2), [1], 1, 0.0, C, C),
    "sigma": lambda C, size: Scaled(SigmaUNet)(
        size, C, C, 32, (1, 2), num_res_blocks=1, attn_resolutions=(size // 2,), dropout=0.0
    ),
}
RATES = {"tutorial": 4e-3, "ddpm": 2e-3, "sigma": 2e-3}


def network(name, images):
    """Make a network for such images.  (N, C, H, W) -> module"""
    torch.manual_seed(0)
    net = NETWORKS[name](images.shape[1], images.shape[2])
    return net.to(memory_format=torch.channels_last) if name == "tutorial" else net


def told_steps(name, net):
    """Return the network as one that is told steps t: it is, or is told sigma in their place."""
    return SigmaFromStep(net, SCHEDULE) if name == "sigma" else net


def noise_model(folder, device):
    """Return what the averaged network of a run predicts as the noise, and the run's pictures.

    model(xt, t) returns the noise, for the steps of SCHEDULE. Raises as checkpoint.latest() does.
    """
    content = latest(folder)
    name, data = content["settings"]["model"], content["settings"]["data"]
    images = load(data)[0].to(device)
    net = network(name, images).to(device)
    net.load_state_dict(content["average"])
    refresh_norms(net, images, SCHEDULE)
    return NoiseFromVelocity(told_steps(name, net), SCHEDULE), images
