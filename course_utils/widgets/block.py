"""A block that is told the time, the right one or a wrong one."""

import torch

from course_utils.plots import maps
from course_utils.widgets.explorer import explorer, slider


def told_time_slider(net, xt, true_t, shown=8):
    """Return a slider for the time that the net is told, and what its block makes of xt.

    UNet-like, (1, C, H, W) -> widget

    The net has the parts time, block and out. Shown are some channels of the block's output, how
    they differ from those at the true time, and the answer.
    """
    net = net.eval()

    @torch.no_grad()
    def features(t):
        return net.block(xt, net.time(torch.full((len(xt),), t)))

    at_true_time = features(true_t)
    limit = float(at_true_time[0, :shown].abs().max())

    @torch.no_grad()
    def draw(told):
        h = features(told)
        change = h - at_true_time
        rows = [h[0, :shown], change[0, :shown], torch.cat([xt[0], net.out(h)[0]])]
        labels = [f"told t = {told}", f"minus t = {true_t}", "xt, answer"]
        return maps(rows, labels, limit=limit)

    over = {"told": sorted({0, true_t, 999})}
    return explorer(draw, over=over, told=slider("told t", true_t, 0, 999))
