"""Networks for the page in which no layer is as it was made, and what a page holds of them."""

import torch
from torch import nn

from course_utils import page
from course_utils.attention_unet import gated, with_attention
from course_utils.grown_unet import GrownUNet
from course_utils.unet import UNet

SMALL = {"in_ch": 1, "base_ch": 8, "ch_mult": (1, 2, 4), "time_dim": 16}


def shaken(net, seed=0):
    """Return the network with numbers everywhere, also in what begins at 0 or 1; in eval mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in [*net.parameters(), *net.buffers()]:
            if value.is_floating_point() and value.ndim == 1:
                value += 0.3 * torch.rand(value.shape, generator=generator)
        for layer in gated(net):
            layer.gate.weight.normal_(0, 0.3, generator=generator)
        for module in net.modules():
            if isinstance(module, nn.Conv2d) and not module.weight.any():
                module.weight.normal_(0, 0.3, generator=generator)
    return net.eval()


def networks():
    """Return the networks that a page may hold, by name.  () -> {name: module}"""
    torch.manual_seed(0)
    return {
        "UNet": shaken(UNet(**SMALL)),
        "UNet, full size": shaken(UNet(1, 32, (1, 2, 4), 128)),
        "UNet, two channels, odd levels": shaken(UNet(3, 6, (1, 3), 10)),
        "UNet, four levels": shaken(UNet(1, 4, (1, 2, 3, 4), 8)),
        "UNet with attention": shaken(with_attention(UNet(**SMALL))),
        "UNet with attention, 4 heads": shaken(with_attention(UNet(1, 6, (1, 2), 8), heads=4)),
        "GrownUNet": shaken(GrownUNet(**SMALL)),
        "GrownUNet, three classes": shaken(GrownUNet(3, 16, (1, 2), 8, classes=3)),
    }


def quick_networks():
    """Return small ones, and the size of their pictures.  () -> {name: (module, size)}"""
    torch.manual_seed(0)
    less = {"in_ch": 1, "base_ch": 4, "ch_mult": (1, 2, 4), "time_dim": 8}
    return {
        "UNet": (shaken(UNet(**less)), 16),
        "UNet with attention": (shaken(with_attention(UNet(**less))), 16),
        "GrownUNet": (shaken(GrownUNet(1, 8, (1, 2, 4), 8)), 8),
        "GrownUNet, three classes": (shaken(GrownUNet(3, 8, (1, 2), 8, classes=3)), 8),
    }


NETWORKS, QUICK = networks(), quick_networks()


def answer(net, x, t, label=None):
    """Return what a network answers to one picture, as a vector.  (C, H, W) -> (N,)"""
    labels = [] if label is None else [torch.tensor([label])]
    with torch.no_grad():
        return net(x[None], torch.tensor([t]), *labels)[0].flatten()


def error_of(found, expected):
    found = torch.as_tensor(found).flatten()
    return ((found - expected.flatten()).norm() / expected.norm()).item()


def kept(net, predicts="straight", bits=32, size=16):
    """Return what a page holds of a network.  UNet -> dict"""
    return page.packed(net, page.known_settings(net, predicts, size), bits)
