"""The networks of the command line by their names, and one of them out of its run's folder."""

from pathlib import Path

import torch

from course_utils.checkpoint import latest
from course_utils.ddpm_unet import DDPMUNet
from course_utils.diffusion import NoiseFromVelocity, SigmaFromStep, noise_loss, velocity_loss
from course_utils.files import FileError, read, write_whole
from course_utils.grown_unet import GrownUNet
from course_utils.samplers import ddim, last
from course_utils.schedule import cosine_schedule
from course_utils.sigma_unet import Scaled, SigmaUNet
from course_utils.straight import Field, euler, straight_loss
from course_utils.unet import UNet, timesteps

SCHEDULE = cosine_schedule()
NETWORKS = {
    "tutorial": lambda C, size, base: UNet(C, base, (1, 2, 4), 4 * base),
    "grown": lambda C, size, base: GrownUNet(C, base, (1, 2, 4), 4 * base),
    "ddpm": lambda C, size, base: DDPMUNet(SCHEDULE.T, base, (1, 2), [1], 1, 0.0, C, C),
    "sigma": lambda C, size, base: Scaled(SigmaUNet)(
        size, C, C, base, (1, 2), num_res_blocks=1, attn_resolutions=(size // 2,), dropout=0.0
    ),
}
RATES = {"tutorial": 4e-3, "grown": 3e-3, "ddpm": 2e-3, "sigma": 2e-3}
LOSSES = {"noise": noise_loss, "velocity": velocity_loss, "straight": straight_loss}
LABELS = {"grown"}  # the models that know them
PACKED, FORMAT = "network.pt", "diffusion course, one network, 1"


def network(settings):
    """Make the network of a run, with fresh weights that are always the same.  dict -> module"""
    torch.manual_seed(0)
    C, size = settings["shape"][:2]
    net = NETWORKS[settings["model"]](C, size, settings["base"])
    return net.to(memory_format=torch.channels_last) if settings["model"] == "tutorial" else net


def told_steps(settings, net):
    """Return the network as one that is told steps t: it is, or is told sigma in their place."""
    if settings["model"] != "sigma":
        return net
    return (SigmaFromTime if settings["loss"] == "straight" else SigmaFromStep)(net, SCHEDULE)


class SigmaFromTime:
    """Lets a network that is told sigma be asked at a step t, about a picture on a straight line.

    (B, C, H, W), (B,) -> (B, C, H, W)

    xt / (1 - time) is x0 + sigma eps, with sigma = time / (1 - time). At the two ends sigma would
    be 0 and infinite: there, half a step is left.
    """

    def __init__(self, net, schedule):
        self.net, self.last = net, schedule.T - 1

    def __call__(self, xt, t):
        time = timesteps(t, xt).clamp(0.5, self.last - 0.5) / self.last  # (B,)
        return self.net(xt / (1 - time)[:, None, None, None], time / (1 - time))


def loaded(folder, device="cpu"):
    """Return the averaged network of a run, ready to draw, and the run's settings.

    () -> (module, dict)

    The folder holds checkpoints, or what pack() made of them. Raises as checkpoint.latest() does,
    and FileError for a run whose settings do not say what it was trained on.
    """
    content = packed(folder) or latest(folder)
    settings = content["settings"]
    if "shape" not in settings:
        raise FileError(f"the run in {folder} is of an older course; train it anew")
    net = network(settings).to(device)
    net.load_state_dict(content["average"])
    return net.eval(), settings


def load(folder, device="cpu"):
    """Return the averaged network of a run, in eval mode and ready to draw.

    () -> module

    Raises as loaded() does.
    """
    return loaded(folder, device)[0]


def pack(net, settings, folder):
    """Write a network into a folder as loaded() reads it: its weights alone, in 16 bits.

    module, dict -> None
    """
    folder.mkdir(parents=True, exist_ok=True)
    average = {k: v.half() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    content = {"format": FORMAT, "settings": settings, "average": average}
    write_whole(lambda file: torch.save(content, file), folder / PACKED)


def packed(folder):
    """Return what pack() wrote into a folder, None where it did not."""
    path = Path(folder) / PACKED
    if not path.exists():
        return None
    content = read(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FileError(f"{path} was not written by this course")
    return content


def draw(net, settings, noise, evaluations, eta=1.0):
    """Draw a picture from each noise, as a network was trained to.

    module, (N, C, H, W) -> (N, C, H, W)

    Straight lines are followed by euler; else ddim draws, with fresh noise as eta says. A network
    that knows labels is asked for 0, 1, ..., 9, 0, ... Returned are values in [-1, 1]. Raises
    ValueError as ddim does.
    """
    labels = torch.arange(len(noise), device=noise.device) % 10
    parts = zip(noise.split(250), labels.split(250))
    drawn = [last(sampler(net, settings, *part, evaluations, eta)) for part in parts]
    return torch.cat(drawn).clamp(-1, 1)


def sampler(net, settings, noise, labels, evaluations, eta):
    """Return the sampler of a run.  module, dict, (N, C, H, W), (N,) -> sampler"""
    net = told_steps(settings, net)

    def asked(xt, t):
        return net(xt, t, labels) if settings["model"] in LABELS else net(xt, t)

    if settings["loss"] == "straight":
        return euler(Field(asked), noise, evaluations)
    model = NoiseFromVelocity(asked, SCHEDULE) if settings["loss"] == "velocity" else asked
    return ddim(model, noise, SCHEDULE, evaluations, eta)
