"""Where the patches of a transposed convolution overlap."""

import torch

from course_utils.plots import number_maps
from course_utils.widgets.explorer import explorer, slider


def overlap_explorer(paint, pixels=6):
    """Return controls for kernel and stride, and how often each output pixel is painted.

    () -> widget

    paint(x, kernel, stride) is a transposed convolution of one channel.
    """

    def draw(kernel, stride):
        visits = paint(torch.ones(pixels, pixels), torch.ones(kernel, kernel), stride)
        few, many = (kernel // stride) ** 2, (-(-kernel // stride)) ** 2
        times = f"{few} to {many}" if few < many else f"{few}"
        figure = number_maps(visits, size=4.6)
        figure.axes[0].set_title(f"far from the border, times painted: {times}", fontsize=10)
        return figure

    over = {"kernel": [2, 3, 4, 6], "stride": [2, 3]}
    return explorer(
        draw, over=over, kernel=slider("kernel", 3, 1, 6), stride=slider("stride", 2, 1, 4)
    )
