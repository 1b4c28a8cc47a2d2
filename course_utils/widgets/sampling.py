"""How many network evaluations, and how much fresh noise."""

import torch

from course_utils.plots import strip
from course_utils.widgets.explorer import choice, explorer


def sampler_explorer(sample):
    """Return controls for the number of evaluations and for eta, and what sample(steps, eta) draws.

    function of (steps, eta) -> (N, C, H, W) -> widget

    Fresh noise is the same at each move, so that only what is moved makes a difference.
    """

    def draw(steps, eta):
        torch.manual_seed(0)
        return strip(sample(steps, eta), size=1.0)

    return explorer(
        draw,
        over={"steps": [1, 2, 5, 10, 20, 50], "eta": [0.0, 1.0]},
        steps=choice("evaluations", [1, 2, 3, 5, 10, 20, 50], 20),
        eta=choice("eta", [0.0, 0.25, 0.5, 0.75, 1.0], 0.0),
    )
