"""A family of samplers on two sliders."""

import torch

from course_utils.plots import strip
from course_utils.widgets.explorer import choice, explorer


def family_explorer(sample):
    """Return controls for gam, mu and the number of steps, and what sample(gam, mu, steps) draws.

    function of (gam, mu, steps) -> (N, C, H, W) -> widget

    Fresh noise is the same at each move, so that only what is moved makes a difference.
    """

    def draw(gam, mu, steps):
        torch.manual_seed(0)
        return strip(sample(gam, mu, steps), size=1.0)

    return explorer(
        draw,
        over={"gam": [0.5, 1.0, 1.5, 2.0], "steps": [3, 20]},
        gam=choice("gam", [0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5], 1.0),
        mu=choice("mu", [0.0, 0.1, 0.25, 0.5, 0.75], 0.0),
        steps=choice("steps", [3, 5, 10, 20], 10),
    )
