"""Networks that strangers got wrong: they run all the same, nothing is raised."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "pictures_look_at_each_other": ["look", "batch_first", "batch|picture|axis 0|axis 1"],
    "padding_hides_rows": [
        "(2, 1, 7, 1)",
        "mask|hidden",
        "key|quer|last axis|(2, 1, 1, 7)",
    ],
    "view_mixes_time_and_channels": ["view|reshape", "permute|transpose|movedim"],
    "depth_maps_spread": [
        "(3, 1, 6, 5)",
        "(3, 6, 5)",
        "spread|broadcast|(3, 3, 6, 5)|[:, None]",
    ],
    "label_meets_nothing": ["label", "not used|unused|nothing|ignored|never|no effect"],
    "answer_is_dropped": [
        "layer",
        "not used|unused|nothing|ignored|dropped|never|no effect",
    ],
}


class DetectorNeck(nn.Module):
    """Pixels of the smallest map look at each other before the boxes are found."""

    def __init__(self, **settings):
        super().__init__()
        self.head = nn.Conv2d(3, 8, 4, stride=4)
        self.look, self.norm = nn.MultiheadAttention(8, 2, **settings), nn.LayerNorm(8)
        self.boxes = nn.Conv2d(8, 4, 1)

    def forward(self, x):
        h = self.head(x)
        tokens = h.flatten(2).mT
        tokens = self.norm(tokens + self.look(tokens, tokens, tokens, need_weights=False)[0])
        return self.boxes(tokens.mT.unflatten(2, h.shape[2:]))


def pictures_look_at_each_other():
    """Self-attention on (batch, pixels, channels) without batch_first mixes the pictures.

    https://github.com/om-ai-lab/OmDet/issues/19
    """
    x = draw(3, 3, 24, 20)
    return DetectorNeck(), [x], DetectorNeck(batch_first=True), [x]


class Translator(nn.Module):
    """Words that are 0 are padding and must not be looked at."""

    def __init__(self, axis):
        super().__init__()
        self.axis = axis
        self.embed, self.qkv, self.out = nn.Embedding(10, 8), nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, words):
        h = self.embed(words)
        parts = self.qkv(h).chunk(3, dim=-1)
        q, k, v = (part.unflatten(2, (2, 4)).transpose(1, 2) for part in parts)
        hidden = (words == 0).unsqueeze(1).unsqueeze(self.axis)
        scores = (q @ k.mT / 2).masked_fill(hidden, -10000.0)
        seen = scores.softmax(-1) @ v
        return h + self.out(seen.transpose(1, 2).flatten(2))


def padding_hides_rows():
    """The padding mask got its new axis behind the words: it hides queries, and no key.

    https://github.com/hyunwoongko/transformer/pull/40
    """
    words = torch.tensor([[4, 2, 7, 5, 1, 0, 0], [1, 9, 3, 0, 0, 0, 0]])
    return Translator(3), [words], Translator(2), [words]


class VoiceNet(nn.Module):
    """Spectrogram (batch, channel, time, frequency): convolved, then read along the time."""

    def __init__(self, is_moved):
        super().__init__()
        self.is_moved = is_moved
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.read, self.mask = nn.LSTM(20, 6, batch_first=True), nn.Linear(6, 5)

    def forward(self, spectrogram):
        h = torch.relu(self.conv(spectrogram))
        n, ch, time, freq = h.shape
        if self.is_moved:
            steps = h.permute(0, 2, 1, 3).reshape(n, time, ch * freq)
        else:
            steps = h.view(n, time, ch * freq)
        return self.mask(self.read(steps)[0]).sigmoid()


def view_mixes_time_and_channels():
    """Channels were to be joined to the frequencies at each time, by a view without a permute.

    https://github.com/vitrioil/Speech-Separation/issues/4
    """
    x = draw(2, 2, 9, 5)
    return VoiceNet(False), [x], VoiceNet(True), [x]


class DepthStep(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Conv2d(3, 8, 3, padding=1)
        self.depth = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x, wanted):
        return F.smooth_l1_loss(self.depth(F.relu(self.encode(x))), wanted, reduction="sum")


def depth_maps_spread():
    """Predicted depth (batch, 1, rows, columns) meets wanted depth without the 1: all with all.

    https://github.com/jiwei0921/CoNet/issues/3
    """
    x, wanted = draw(3, 3, 6, 5), torch.rand(3, 6, 5)
    return DepthStep(), [x, wanted], DepthStep(), [x, wanted[:, None]]


class VideoUNet(nn.Module):
    """3-D, with a time and a label; the label is taken, and then forgotten."""

    def __init__(self, is_used):
        super().__init__()
        self.is_used = is_used
        self.head, self.tail = nn.Conv3d(3, 8, 3, padding=1), nn.Conv3d(8, 3, 3, padding=1)
        self.time = nn.Linear(1, 8)
        if is_used:
            self.labels = nn.Embedding(4, 8)

    def forward(self, video, t, label):
        cond = self.time(t[:, None])
        if self.is_used:
            cond = cond + self.labels(label)
        return self.tail(F.silu(self.head(video) + cond[..., None, None, None]))


def label_meets_nothing():
    """A 3-D U-Net takes labels of classes as an argument and never does anything with them.

    https://github.com/huggingface/diffusers/issues/7053
    """
    inputs = [draw(2, 3, 4, 6, 6), torch.rand(2), torch.tensor([1, 3])]
    return VideoUNet(False), inputs, VideoUNet(True), inputs


class SequenceBlock(nn.Module):
    """A layer along a 1-D sequence, with or without a way around it."""

    def __init__(self, has_way_around, is_kept=False):
        super().__init__()
        self.has_way_around, self.is_kept = has_way_around, is_kept
        self.layer, self.norm = nn.Conv1d(6, 6, 5, padding=2), nn.GroupNorm(1, 6)

    def forward(self, x):
        y = F.gelu(self.layer(x))
        if self.has_way_around:
            x = x + y
        elif self.is_kept:
            x = y
        return self.norm(x)


def answer_is_dropped():
    """In blocks without a residual the output of the layer went under another name, and was lost.

    https://github.com/state-spaces/s4/pull/30
    """
    x = draw(2, 6, 20)
    broken = nn.Sequential(SequenceBlock(False), SequenceBlock(True))
    return broken, [x], nn.Sequential(SequenceBlock(False, True), SequenceBlock(True)), [x]
