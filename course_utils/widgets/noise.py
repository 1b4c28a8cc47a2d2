"""A picture drowning in noise."""

import torch

from course_utils.diffusion import add_noise
from course_utils.plots import strip
from course_utils.widgets.explorer import explorer, slider


def noise_slider(images, schedule):
    """Return a slider for t, and the images with as much noise as step t has.

    (N, C, H, W), Schedule -> widget
    """
    eps = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))

    def draw(t):
        alpha_bar = schedule.alpha_bar_at(torch.full((len(images),), t))
        figure = strip([images, add_noise(images, eps, alpha_bar)], labels=["clean", f"t = {t}"])
        left = 100 * float(alpha_bar[0])
        figure.suptitle(f"{left:.1f}% of the variance is still the picture's", y=1.06, fontsize=10)
        return figure

    over = {"t": [100, 300, 600]}
    return explorer(draw, over=over, t=slider("noise step t", 200, 0, schedule.T - 1))
