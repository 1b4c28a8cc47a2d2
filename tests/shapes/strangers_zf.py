"""Seventh set of networks that strangers got wrong: axis, tuple, and five that raise nothing."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "squeeze_takes_the_batch_too": [
        "squeeze",
        "batch|first axis|axis of 1|one picture|size 1|all axes|length 1|dim=",
    ],
    "recurrent_layer_in_a_row": [
        "LSTM",
        "tuple|pair|two things|[0]|output, |both|state",
    ],
    "prices_against_a_flat_row": [
        "6, 6|6 x 6|broadcast|every pair|all pairs|each with each|every other|matrix|36",
        "squeeze|[:, None]|view|reshape|axis|6, 1|flatten|[:, 0]|same shape",
    ],
    "weights_shared_across_the_batch": [
        "softmax",
        "dim=-1|dim=0|dim 0|axis 0|batch|last axis|dim=1|first axis|dim 1",
    ],
    "clients_read_each_other": [
        "batch_first|transpose|permute|(length, batch|(time, batch|second axis|axis 1|"
        "sequence first",
        "batch|client|first axis|axis 0",
    ],
    "two_layers_without_effect": [
        "block.one|block.two|norm1|norm2|self.one|self.two|`one`|'one'|one and two|first two",
        "not used|unused|never|no gradient|nothing|ignored|no effect|dropped|thrown|overwrit|"
        "discard|replaced|lost",
    ],
    "frames_viewed_as_colours": [
        "view|reshape",
        "permute|transpose|movedim|mix|scrambl|turn|rearrange|swap|order|jumbl",
    ],
}


class CellSlopes(nn.Module):
    """Maps how far each pixel is from the middle of its cell; says how steep that is."""

    def __init__(self, squeezes):
        super().__init__()
        self.squeezes = squeezes
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3, 1, 1), nn.ReLU(), nn.Conv2d(6, 2, 3, 1, 1))
        slope = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])
        self.register_buffer("slope", slope[None, None])

    def forward(self, tissue):
        maps = self.body(tissue).permute(0, 2, 3, 1)
        if self.squeezes:
            maps = maps.squeeze()
        across = maps[..., 0].unsqueeze(1)
        return F.conv2d(across, self.slope, padding=1)


def squeeze_takes_the_batch_too():
    """The batch had one picture, so a squeeze took its axis as well: (80, 1, 80) reached conv2d.

    https://github.com/vqdang/hover_net/issues/94
    """
    x = draw(1, 3, 12, 14)
    return CellSlopes(True), [x], CellSlopes(False), [x]


class StepsOnly(nn.Module):
    """Drops the state that a recurrent layer gives besides its steps."""

    def forward(self, given):
        return given[0]


def recurrent_layer_in_a_row():
    """An LSTM stands in nn.Sequential before a Linear layer, which gets a tuple.

    https://github.com/pytorch/pytorch/issues/3349
    """
    x = draw(2, 6, 3)
    lstm, line = nn.LSTM(3, 8, batch_first=True), nn.Linear(8, 1)
    return nn.Sequential(lstm, line), [x], nn.Sequential(lstm, StepsOnly(), line), [x]


class PriceLine(nn.Module):
    """A price from two facts, and how far off it was."""

    def __init__(self):
        super().__init__()
        self.line = nn.Linear(2, 1)
        self.loss = nn.MSELoss()

    def forward(self, facts, price):
        return self.loss(self.line(facts), price)


def prices_against_a_flat_row():
    """Predictions of (100, 1) were compared with targets of (100,); nothing is raised.

    https://github.com/pytorch/pytorch/issues/16045
    """
    facts, price = draw(6, 2), draw(6)
    return PriceLine(), [facts, price], PriceLine(), [facts, price[:, None]]


class Heed(nn.Module):
    """Answers from a context: how much heed each answer pays to each word."""

    def __init__(self, dim):
        super().__init__()
        self.softmax = nn.Softmax(dim=dim)
        self.ask, self.mix = nn.Linear(8, 8), nn.Linear(16, 8)

    def forward(self, query, context):
        batch, answers, wide = query.shape
        scores = self.ask(query) @ context.mT
        scores = scores.view(batch * answers, context.shape[1])
        weights = self.softmax(scores).view(batch, answers, context.shape[1])
        return torch.tanh(self.mix(torch.cat((weights @ context, query), dim=-1)))


def weights_shared_across_the_batch():
    """The softmax goes along axis 0, the batch, and not over the words; nothing is raised.

    https://github.com/PetrochukM/PyTorch-NLP/issues/2
    """
    query, context = draw(3, 2, 8), draw(3, 5, 8)
    return Heed(0), [query, context], Heed(-1), [query, context]


class ClientReader(nn.Module):
    """Reads the payments of clients, (batch, payments, numbers), and tells fraud."""

    def __init__(self, **how):
        super().__init__()
        self.enter = nn.Linear(5, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, **how)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.fraud = nn.Linear(8, 1)

    def forward(self, payments):
        seen = self.encoder(self.enter(payments))
        return self.fraud(seen.mean(dim=1))


def clients_read_each_other():
    """The encoder takes the batch as its second axis and got it as the first; nothing is raised.

    https://github.com/IBM/TabFormer/pull/14
    """
    x = draw(3, 6, 5)
    return ClientReader(), [x], ClientReader(batch_first=True), [x]


class TumourBlock(nn.Module):
    """Three convolutions and a way past them."""

    def __init__(self, chained):
        super().__init__()
        self.chained = chained
        self.one, self.norm1 = nn.Conv3d(4, 4, 1), nn.BatchNorm3d(4)
        self.two, self.norm2 = nn.Conv3d(4, 4, 3, 1, 1), nn.BatchNorm3d(4)
        self.three, self.norm3 = nn.Conv3d(4, 4, 1), nn.BatchNorm3d(4)

    def forward(self, x):
        y = F.relu(self.norm1(self.one(x)))
        y = F.relu(self.norm2(self.two(y)))
        y = self.norm3(self.three(y if self.chained else x))
        return F.relu(x + y)


class TumourNet(nn.Module):
    """One block between an entry and a verdict for each place."""

    def __init__(self, chained):
        super().__init__()
        self.enter, self.block = nn.Conv3d(1, 4, 3, 1, 1), TumourBlock(chained)
        self.leave = nn.Conv3d(4, 2, 1)

    def forward(self, scan):
        return self.leave(self.block(self.enter(scan)))


def two_layers_without_effect():
    """The third convolution reads x and not y, which two layers had made; nothing is raised.

    https://github.com/pykao/BraTS2018-tumor-segmentation/issues/2
    """
    x = draw(2, 1, 6, 6, 6)
    return TumourNet(False), [x], TumourNet(True), [x]


class WalkerNet(nn.Module):
    """Knows walkers by short films of (batch, frames, channels, height, width)."""

    def __init__(self, turns):
        super().__init__()
        self.turns = turns
        self.stem, self.more = nn.Conv3d(3, 6, 3, 1, 1), nn.Conv3d(6, 8, 3, 2, 1)
        self.who = nn.Linear(8, 4)

    def forward(self, film):
        b, s, c, h, w = film.shape
        film = film.permute(0, 2, 1, 3, 4) if self.turns else film.view(b, c, s, h, w)
        seen = F.relu(self.more(F.relu(self.stem(film))))
        return self.who(seen.mean((2, 3, 4)))


def frames_viewed_as_colours():
    """(b, frames, 3, h, w) was viewed as (b, 3, frames, h, w) for Conv3d; nothing is raised.

    https://github.com/KaiyangZhou/deep-person-reid/issues/256
    """
    film = draw(2, 5, 3, 12, 8)
    return WalkerNet(False), [film], WalkerNet(True), [film]
