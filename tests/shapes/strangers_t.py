"""Fifth set of networks that strangers got wrong: they run all the same, nothing is raised."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "heads_are_merged_unturned": [
        "reshape|view",
        "permute|transpose|movedim|mix|scrambl|turn|heads",
    ],
    "decoders_are_ignored": [
        "dec1|dec2|dec3",
        "not used|unused|never|no gradient|nothing|ignored|no effect|dropped|thrown",
    ],
    "features_act_as_pixels": [
        "reshape|view",
        "permute|transpose|movedim|mix|scrambl|turn|.mT",
    ],
}


class HeadedBlock(nn.Module):
    """Attention with heads, then a map from each token to its new value."""

    def __init__(self, turns):
        super().__init__()
        self.turns = turns
        self.cut, self.qkv = nn.Conv2d(3, 12, 4, 4), nn.Linear(12, 36)
        self.out, self.norm = nn.Linear(12, 12), nn.LayerNorm(12)

    def forward(self, picture):
        x = self.cut(picture).flatten(2).transpose(1, 2)
        b, n, d = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, 3, 4).permute(2, 0, 3, 1, 4)
        values = ((q @ k.mT) / 2).softmax(-1) @ v
        if self.turns:
            values = values.permute(0, 2, 1, 3)
        return self.norm(x + self.out(values.reshape(b, n, d)))


def heads_are_merged_unturned():
    """The heads were put together by reshape alone, without bringing tokens before heads.

    https://github.com/jsbaan/transformer-from-scratch/pull/6
    """
    x = draw(2, 3, 16, 20)
    return HeadedBlock(False), [x], HeadedBlock(True), [x]


class RoadSegNet(nn.Module):
    """Down by pooling, up by decoders."""

    def __init__(self, uses):
        super().__init__()
        self.uses = uses
        self.enc1, self.enc2 = nn.Conv2d(3, 6, 3, 1, 1), nn.Conv2d(6, 6, 3, 1, 1)
        self.dec1, self.dec2 = nn.Conv2d(6, 6, 3, 1, 1), nn.Conv2d(6, 6, 3, 1, 1)
        self.last = nn.Conv2d(6, 4, 3, 1, 1)

    def forward(self, road):
        one = F.max_pool2d(F.relu(self.enc1(road)), 2)
        two = F.max_pool2d(F.relu(self.enc2(one)), 2)
        up2 = F.interpolate(F.relu(self.dec2(two)), scale_factor=2)
        up1 = F.interpolate(F.relu(self.dec1(up2)), scale_factor=2)
        return self.last(up1 if self.uses else F.interpolate(two, scale_factor=4))


def decoders_are_ignored():
    """What the decoders made is kept in variables that nobody reads.

    https://github.com/mehtanihar/pspnet/issues/6
    """
    x = draw(2, 3, 16, 16)
    return RoadSegNet(False), [x], RoadSegNet(True), [x]


class PictureReader(nn.Module):
    """Places of a picture, to which a word may attend."""

    def __init__(self, turns):
        super().__init__()
        self.turns = turns
        self.see = nn.Sequential(nn.Conv2d(3, 10, 4, 4), nn.ReLU())
        self.word, self.place = nn.Linear(6, 10), nn.Linear(10, 10)

    def forward(self, picture, word):
        seen = self.see(picture)
        b, c, h, w = seen.shape
        if self.turns:
            seen = seen.permute(0, 2, 3, 1).contiguous()
        places = self.place(seen.view(b, h * w, c))
        weights = (places @ self.word(word)[:, :, None]).softmax(1)
        return (weights * places).sum(1)


def features_act_as_pixels():
    """(batch, features, 7, 7) was viewed as (batch, 49, features); permute was left out.

    https://github.com/fawazsammani/knowing-when-to-look-adaptive-attention/issues/6
    """
    x, word = draw(2, 3, 16, 12), draw(2, 6)
    return PictureReader(False), [x, word], PictureReader(True), [x, word]
