"""What a U-Net's sizes do to its shapes, its parameters and its memory."""

import html
from functools import lru_cache

import torch

from course_utils.shapes.drawing import draw
from course_utils.shapes.record import record
from course_utils.shapes.table import Trace
from course_utils.unet import UNet
from course_utils.widgets.explorer import explorer, slider


class Unchecked(UNet):
    """The tutorial's U-Net without the check of the picture's size: it fails where it breaks."""

    def forward(self, x, t):
        temb = self.time(t)  # (B, D)
        bottom, skips = self.encoder(x, temb)
        return self.decoder(bottom, skips, temb)


def shape_explorer():
    """Return sliders for size, levels, channels and batch; the U, its table, and where it breaks.

    () -> widget

    Nothing is computed: tensors on PyTorch's "meta" device have a shape and no numbers.
    """

    @lru_cache(1)  # the picture and the table take the same run
    def run(size, levels, channels, batch):
        with torch.device("meta"):
            net = Unchecked(1, channels, [2**i for i in range(levels)], 4 * channels)
            x, t = torch.empty(batch, 1, size, size), torch.empty(batch, dtype=torch.int64)
            return record(net, x, t)

    def tell(**sizes):
        table = Trace(run(**sizes)).table("out", "parameters", "memory", depth=2)
        return f"<pre style='line-height:1.3'>{html.escape(table)}</pre>"

    return explorer(
        lambda **sizes: draw(run(**sizes)), tell,
        over={"size": [16, 20]},
        size=slider("image size", 16, 8, 64), levels=slider("levels", 4, 1, 6),
        channels=slider("channels", 32, 8, 128, 8), batch=slider("batch", 16, 1, 128),
    )  # fmt: skip
