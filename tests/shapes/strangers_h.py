"""More networks that strangers got wrong: they run all the same, nothing is raised."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "frames_are_mixed": ["reshape|view", "permute|transpose|movedim|mixes|mixed|axis 2 before"],
    "sines_along_the_batch": [
        "batch|picture|image|axis 0|first axis",
        "sin|cos|[::2]|waves|embedding|place in the batch|position in the batch|order",
    ],
    "layers_in_a_plain_list": [
        "ModuleList|plain list|in a list|Python list",
        "middle|norms",
    ],
    "class_is_ignored_by_default": [
        "label",
        "not used|unused|nothing|ignored|never|no effect|no influence|no difference",
    ],
    "one_step_for_all_pictures": [
        "(1,)|one step|same step|one time|same time|single|only one|one t|same t",
        "picture|image|batch|all 4|all four",
    ],
    "pictures_joined_to_one_row": [
        "view",
        "(1, 512)|one row|1 row|joined|merge|512",
        "batch|picture|image|axis 0|(4, 8, 4, 4)",
    ],
}


class FrameAttention(nn.Module):
    """In a VAE for videos: the pixels of each frame look at each other."""

    def __init__(self, is_moved, ch=4):
        super().__init__()
        self.is_moved = is_moved
        self.norm, self.out = nn.GroupNorm(2, ch), nn.Conv3d(ch, ch, 1)
        self.q, self.k, self.v = (nn.Conv3d(ch, ch, 1) for _ in range(3))

    def to_frames(self, x):
        n, c, t, rows, cols = x.shape
        if self.is_moved:
            x = x.permute(0, 2, 1, 3, 4)
        return x.reshape(n * t, c, rows * cols).mT

    def forward(self, video):
        n, c, t, rows, cols = video.shape
        h = self.norm(video)
        q, k, v = (self.to_frames(layer(h)) for layer in (self.q, self.k, self.v))
        seen = F.scaled_dot_product_attention(q, k, v).mT
        if self.is_moved:
            seen = seen.reshape(n, t, c, rows, cols).permute(0, 2, 1, 3, 4)
        else:
            seen = seen.reshape(n, c, t, rows, cols)
        return video + self.out(seen)


def frames_are_mixed():
    """Channels and frames were not exchanged before the reshape to (batch * frames, channels, ...).

    https://github.com/PKU-YuanGroup/Open-Sora-Plan/issues/171
    """
    x = draw(2, 4, 3, 5, 6)
    return FrameAttention(False), [x], FrameAttention(True), [x]


class WaveTime(nn.Module):
    """The time as sines and cosines in turn."""

    def __init__(self, is_by_column, dim=8):
        super().__init__()
        self.is_by_column = is_by_column
        self.register_buffer("rates", 100.0 ** (-torch.arange(dim) / dim))

    def forward(self, t):
        angles = t[:, None] * self.rates
        waves = torch.empty_like(angles)
        if self.is_by_column:
            waves[:, ::2], waves[:, 1::2] = angles[:, ::2].sin(), angles[:, 1::2].cos()
        else:
            waves[::2], waves[1::2] = angles[::2].sin(), angles[1::2].cos()
        return waves


class TimedNet(nn.Module):
    def __init__(self, is_by_column):
        super().__init__()
        self.time, self.widen = WaveTime(is_by_column), nn.Linear(8, 8)
        self.enter, self.leave = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x, t):
        h = self.enter(x) + self.widen(self.time(t))[..., None, None]
        return self.leave(F.silu(h))


def sines_along_the_batch():
    """Sines went to every other picture, cosines to the rest: the wrong axis was indexed.

    https://github.com/gmongaras/Diffusion_models_from_scratch/issues/10
    """
    inputs = [draw(4, 3, 6, 6), torch.tensor([9.0, 30.0, 2.0, 17.0])]
    return TimedNet(False), inputs, TimedNet(True), inputs


class SegmentNet(nn.Module):
    """Segments without labels; the number of middle layers can be chosen."""

    def __init__(self, keep, ch=6, depth=2):
        super().__init__()
        self.enter, self.leave = nn.Conv2d(3, ch, 3, padding=1), nn.Conv2d(ch, ch, 1)
        self.middle = keep([nn.Conv2d(ch, ch, 3, padding=1) for _ in range(depth)])
        self.norms = keep([nn.BatchNorm2d(ch) for _ in range(depth)])

    def forward(self, photo):
        h = F.relu(self.enter(photo))
        for conv, norm in zip(self.middle, self.norms):
            h = norm(F.relu(conv(h)))
        return self.leave(h)


def layers_in_a_plain_list():
    """Convolutions and norms of the middle were put into ordinary lists.

    https://github.com/kanezaki/pytorch-unsupervised-segmentation/pull/6
    """
    x = draw(2, 3, 8, 8)
    return SegmentNet(list), [x], SegmentNet(nn.ModuleList), [x]


class MaybeClassNet(nn.Module):
    """A denoiser that can be told of classes, if it was made so."""

    def __init__(self, classes=None):
        super().__init__()
        self.enter, self.leave = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 1, 3, padding=1)
        self.time = nn.Sequential(nn.Linear(1, 8), nn.SiLU(), nn.Linear(8, 8))
        self.classes = None if classes is None else nn.Embedding(classes, 8)

    def forward(self, x, t, label):
        emb = self.time(t[:, None])
        if self.classes is not None:
            emb = emb + self.classes(label)
        return self.leave(F.silu(self.enter(x) + emb[..., None, None]))


def class_is_ignored_by_default():
    """Labels were given to a U-Net that was not made with a number of classes.

    https://github.com/huggingface/diffusers/issues/5330
    """
    inputs = [draw(2, 1, 8, 8), torch.rand(2), torch.tensor([2, 0])]
    return MaybeClassNet(), inputs, MaybeClassNet(4), inputs


class FlowStep(nn.Module):
    """A step of training: on the way from picture to noise, which way is it?"""

    def __init__(self, is_for_each):
        super().__init__()
        self.is_for_each = is_for_each
        self.enter, self.leave = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 3, 3, padding=1)
        self.time = nn.Linear(1, 8)

    def forward(self, latents):
        t = torch.rand(len(latents) if self.is_for_each else 1)
        noise = torch.randn_like(latents)
        part = t[:, None, None, None]
        h = self.enter((1 - part) * latents + part * noise)
        said = self.leave(F.silu(h + self.time(t[:, None])[..., None, None]))
        return F.mse_loss(said, noise - latents)


def one_step_for_all_pictures():
    """The step of training draws one time, where it drew one for each picture before.

    https://github.com/XLabs-AI/x-flux/issues/133
    """
    x = draw(4, 3, 6, 6)
    return FlowStep(False), [x], FlowStep(True), [x]


class CellStep(nn.Module):
    """Pictures of cells to a few numbers; the side of the last map is written in."""

    def __init__(self, side):
        super().__init__()
        self.length = 8 * side * side
        self.one, self.two = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.code = nn.Linear(self.length, 5)

    def forward(self, cells, wanted):
        h = F.max_pool2d(F.relu(self.one(cells)), 2)
        h = F.max_pool2d(F.relu(self.two(h)), 2)
        return F.mse_loss(self.code(h.view(-1, self.length)), wanted)


def pictures_joined_to_one_row():
    """view(-1, n) with the n of larger pictures: several pictures became one row, (1, 18) of 8.

    https://github.com/weka511/hpa-scc/issues/38
    """
    inputs = [draw(4, 2, 16, 16), torch.rand(4, 5)]
    return CellStep(8), inputs, CellStep(4), inputs
