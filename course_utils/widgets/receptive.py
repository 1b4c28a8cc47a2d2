"""What one pixel sees, through convolutions and halvings."""

import torch
from torch import nn

from course_utils.blocks import downsample
from course_utils.plots import receptive_maps
from course_utils.widgets.explorer import explorer, slider

CHANNELS = 4


def receptive_explorer(receptive_field, size=64):
    """Return controls for a stack of convolutions, and the map of what its middle pixel sees.

    function (net, x) -> (H, W), int -> widget
    """
    x = torch.zeros(1, CHANNELS, size, size)

    def draw(halvings, convolutions, kernel):
        field = receptive_field(stack(halvings, convolutions, kernel), x)
        count = (halvings + 1) * convolutions
        small = size // 2**halvings
        title = f"{count} convolution{'s' * (count != 1)}, output {small} x {small}, it sees"
        return receptive_maps([field], [title], size=4.2)

    return explorer(
        draw, over={"halvings": [0, 1, 2, 3], "convolutions": [2, 8]},
        halvings=slider("halvings", 0, 0, 3), convolutions=slider("at each level", 2, 1, 8),
        kernel=slider("kernel", 3, 1, 7, 2),
    )  # fmt: skip


def stack(halvings, convolutions, kernel):
    """Return levels of convolutions with halvings between them; the weights are the same each time.

    () -> Sequential
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = []
        for level in range(halvings + 1):
            layers += [downsample(CHANNELS)] if level else []
            for _ in range(convolutions):
                layers.append(nn.Conv2d(CHANNELS, CHANNELS, kernel, padding=kernel // 2))
        return nn.Sequential(*layers)
