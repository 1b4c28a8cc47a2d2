"""The U as a picture: a network is run, and what it does is drawn."""

import torch

from course_utils.plots.operations import ran
from course_utils.shapes.drawing import draw
from course_utils.unet import UNet


def draw_u(
    in_ch=1, size=16, chs=(32, 64, 128), highlight=None, net=None, xt=None, t=None, features=False
):
    """Draw the tutorial network, or net; with highlight, all but one of its parts are pale.

    () -> figure

    highlight is "time", "block", "encoder", "decoder" or "skips". With xt, noisy pictures of
    (B, C, H, W) at the steps t, the first of them is shown going in, and what the network makes of
    it coming out; with features, some channels of each tensor between them too. The network runs
    as it is: in eval mode, BatchNorm uses its averages. Raises ValueError for features without xt.
    """
    if features and xt is None:
        raise ValueError("features=True shows what a picture makes on its way: give xt and t too")
    if net is None:
        with torch.random.fork_rng(devices=[]):  # a picture does not change what is drawn next
            net = UNet(in_ch, 1, tuple(chs), 4 * chs[0])
    is_shown = xt is not None
    if not is_shown:
        device = next(net.parameters()).device
        xt = torch.zeros(2, in_ch, size, size, device=device)
        t = torch.zeros(2, dtype=torch.long, device=device)
    run, kept = ran(net, xt, t)
    shown = kept if is_shown else None
    return draw(run, highlight, shown, features, ("noisy picture", "prediction"))


def draw_maps(module, *inputs, ends=("input", "output"), title=""):
    """Draw what a module does with feature maps, and some channels of each tensor on its way.

    (B, C, H, W), ... -> figure

    The first of the batch is shown; ends are the names of what comes in and goes out. The module
    runs as it is: in eval mode, BatchNorm uses its averages.
    """
    run, kept = ran(module, *inputs)
    return draw(run, None, kept, True, ends, title)
