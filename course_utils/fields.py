"""What else there is to a field of directions: one from a network that predicts v, how much its
paths bend, and a walk that begins half way.
"""

import torch

from course_utils.denoisers import nearest_step
from course_utils.samplers import last
from course_utils.straight import euler, on_line


def direction_from_velocity(xt, v, t):
    """Return the direction eps - x0 at points on the straight lines, given v there.

    (B, C, H, W), (B, C, H, W), () -> (B, C, H, W)

    Divided by the root of (1 - t)^2 + t^2, xt is what DDPM makes of the same picture and noise; v
    belongs to that. Source: "Progressive Distillation for Fast Sampling of Diffusion Models"
    (2022), appendix D, for a straight line.
    """
    scale = ((1 - t) ** 2 + t**2) ** 0.5
    return (v + (2 * t - 1) * xt / scale) / scale


class FieldFromVelocity:
    """A network that predicts v, to be asked for the direction of the straight lines.

    (B, C, H, W), () -> (B, C, H, W)

    The network sees the picture as DDPM mixes it, and is told the step whose noise comes nearest,
    and the labels (B,), if it knows any.
    """

    def __init__(self, net, schedule, *labels):
        self.net, self.schedule, self.labels = net, schedule, labels

    def __call__(self, xt, t):
        square = (1 - t) ** 2 + t**2
        alpha_bar = torch.full((len(xt),), (1 - t) ** 2 / square, device=xt.device)
        v = self.net(xt / square**0.5, nearest_step(self.schedule, alpha_bar), *self.labels)
        return direction_from_velocity(xt, v, t)


@torch.no_grad()
def bend(field, noise, evaluations=50):
    """Return how much the paths from noise to pictures bend: 0 if they are straight.

    field, (B, C, H, W) -> ()

    On a straight path, walked at one speed, every step goes in the direction of the whole path.
    Returned is the mean square of what the steps of euler go astray, as a share of the mean square
    of the whole paths. Source: "Flow Straight and Fast" (2022), section 2.2, straightness.
    """
    places = torch.stack([noise, *(xt for _, xt, _ in euler(field, noise, evaluations))])
    directions = (places[:-1] - places[1:]) * evaluations  # (evaluations, B, C, H, W)
    whole = noise - places[-1]
    return ((directions - whole).square().mean() / whole.square().mean()).item()


@torch.no_grad()
def repair(field, sketch, noise, strength=0.6, evaluations=8):
    """Return pictures that look like sketches but as the field would have them: SDEdit.

    field, (B, C, H, W), (B, C, H, W) -> (B, C, H, W)

    The sketches are mixed with noise up to the time `strength`, in [0, 1], and euler goes from
    there. Source: "SDEdit: Guided Image Synthesis and Editing with Stochastic Differential
    Equations" (2021), algorithm 1.
    """
    t = torch.full((len(sketch),), strength, device=sketch.device)
    return last(euler(field, on_line(sketch, noise, t), evaluations, start=strength))
