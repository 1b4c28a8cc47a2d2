"""Fourth set of networks that strangers got wrong: they run all the same, nothing is raised."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "variance_is_compared_too": [
        "(3, 1, 8, 8)|3 x 1 x 8 x 8|1 channel|one channel|axis 1|1 and 2|2 and 1|1 meets 2|2 meet",
        "broadcast|spread|repeat|stretch|expand|each",
    ],
    "tokens_become_a_map_unturned": [
        "reshape|view",
        "permute|transpose|movedim|.mT|mixes|mixed|scrambl|turn",
    ],
    "last_attention_has_no_effect": [
        "gate|attention|blocks.1",
        "No operation used|not used|unused|never|no gradient|not called|nothing|left out|no effect",
    ],
    "layer_made_anew_each_time": [
        "forward|each call|every call|anew|new |each time|every time",
        "train|parameter|optimi|regist|random|draws|not part|learn",
    ],
}


class ScanUNet(nn.Module):
    """Denoises a mask, given a scan."""

    def __init__(self, out):
        super().__init__()
        self.time = nn.Linear(1, 6)
        self.down, self.up = nn.Conv2d(5, 6, 3, 2, 1), nn.ConvTranspose2d(6, out, 2, 2)

    def forward(self, scan, noisy, t):
        h = self.down(torch.cat([scan, noisy], dim=1)) + self.time(t[:, None])[..., None, None]
        return self.up(F.silu(h))


class MaskStep(nn.Module):
    def __init__(self, out):
        super().__init__()
        self.net = ScanUNet(out)

    def forward(self, scan, noisy, t, noise):
        answer = self.net(scan, noisy, t)
        return ((noise - answer) ** 2).flatten(1).mean(1).mean()


def variance_is_compared_too():
    """The net keeps two channels out (mean and variance), the target of the loss has one.

    https://github.com/JuliaWolleb/Diffusion-based-Segmentation/issues/72
    """
    inputs = [draw(3, 4, 8, 8), draw(3, 1, 8, 8), torch.rand(3), draw(3, 1, 8, 8)]
    return MaskStep(2), inputs, MaskStep(1), inputs


class PatchFeatures(nn.Module):
    """A small ViT that gives back a map of features."""

    def __init__(self, turns, dim=8):
        super().__init__()
        self.turns = turns
        self.embed, self.norm = nn.Conv2d(3, dim, 4, 4), nn.LayerNorm(dim)
        self.look = nn.MultiheadAttention(dim, 2, batch_first=True)
        self.out = nn.Conv2d(dim, 2, 3, padding=1)

    def forward(self, photo):
        tokens = self.embed(photo).flatten(2).transpose(1, 2)
        tokens = self.norm(tokens + self.look(tokens, tokens, tokens)[0])
        n, _, dim = tokens.shape
        if self.turns:
            tokens = tokens.permute(0, 2, 1)
        maps = tokens.reshape(n, dim, photo.shape[2] // 4, photo.shape[3] // 4)
        return self.out(maps)


def tokens_become_a_map_unturned():
    """A ViT's (batch, patches, features) was reshaped to a map without exchanging the last two.

    https://github.com/lightly-ai/lightly-train/pull/119
    """
    x = draw(2, 3, 20, 24)
    return PatchFeatures(False), [x], PatchFeatures(True), [x]


class SqueezeGate(nn.Module):
    """A weight for each channel."""

    def __init__(self, ch):
        super().__init__()
        self.small, self.back = nn.Conv2d(ch, 2, 1), nn.Conv2d(2, ch, 1)

    def forward(self, x):
        share = F.relu(self.small(x.mean((2, 3), keepdim=True)))
        return x * self.back(share).sigmoid()


class GatedBlock(nn.Module):
    def __init__(self, low, skip, out, has_gate):
        super().__init__()
        self.gate = SqueezeGate(low + skip) if has_gate else None
        self.conv = nn.Conv2d(low + skip, out, 3, padding=1)

    def forward(self, x, skip=None):
        x = F.interpolate(x, scale_factor=2)
        if skip is not None:
            x = self.gate(torch.cat([x, skip], dim=1))
        return F.relu(self.conv(x))


class NestedUNet(nn.Module):
    """The last block has no skip to join."""

    def __init__(self, last_gate):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 8, 3, 2, 1)
        self.blocks = nn.ModuleList([GatedBlock(8, 4, 6, True), GatedBlock(6, 0, 4, last_gate)])
        self.head = nn.Conv2d(4, 1, 1)

    def forward(self, land):
        skip = F.relu(self.one(land))
        h = self.blocks[0](F.relu(self.two(skip)), skip)
        return self.head(self.blocks[1](h))


def last_attention_has_no_effect():
    """Attention was switched on in a U-Net++; that of the last block, which has no skip, is idle.

    https://github.com/qubvel-org/segmentation_models.pytorch/issues/677
    """
    x = draw(2, 3, 16, 16)
    return NestedUNet(True), [x], NestedUNet(False), [x]


class MobileBlock(nn.Module):
    """Widen, filter each channel, narrow; the input is added, brought to the same width."""

    def __init__(self, a, b, in_init):
        super().__init__()
        self.a, self.b = a, b
        self.widen, self.each = (
            nn.Conv2d(a, 2 * a, 1),
            nn.Conv2d(2 * a, 2 * a, 3, 1, 1, groups=2 * a),
        )
        self.narrow = nn.Conv2d(2 * a, b, 1)
        self.short = nn.Conv2d(a, b, 1) if in_init else None

    def forward(self, x):
        h = self.narrow(F.relu6(self.each(F.relu6(self.widen(x)))))
        short = self.short
        if short is None:
            short = nn.Conv2d(self.a, self.b, 1)
        return short(x) + h


class MobileUNet(nn.Module):
    def __init__(self, in_init):
        super().__init__()
        self.one, self.two = MobileBlock(3, 6, in_init), MobileBlock(6, 8, in_init)
        self.up, self.head = nn.ConvTranspose2d(8, 6, 2, 2), nn.Conv2d(12, 1, 1)

    def forward(self, portrait):
        skip = self.one(portrait)
        low = self.two(F.max_pool2d(skip, 2))
        return self.head(torch.cat([skip, self.up(low)], dim=1))


def layer_made_anew_each_time():
    """The convolution on the short way is made in forward, new at each call, and is never trained.

    https://github.com/lafith/Mobile-UNet/issues/1
    """
    x = draw(2, 3, 8, 8)
    return MobileUNet(False), [x], MobileUNet(True), [x]
