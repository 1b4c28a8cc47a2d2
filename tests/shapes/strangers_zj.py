"""Eighth set of networks that strangers got wrong: indices, None, losses; five raise nothing."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "embeddings_in_a_row": [
        "embed",
        "float|integer|long|index|indices|int64|whole number",
        "Sequential|ModuleList|one after|chain|second|each column|in a row|previous|first one|"
        "other embedding|another embedding|`1`|.1|[1]",
    ],
    "mask_is_made_only_once": [
        "mask",
        "None",
        "first time|second|again|last_size|same size|self.mask|keep|kept|only when|only if|not set|"
        "never set|default|stored|store|once",
    ],
    "class_numbers_as_measures": [
        "7",
        "4",
        "CrossEntropy|cross_entropy|one_hot|one-hot|same shape|class|label|index|indices",
    ],
    "block_adds_itself": [
        "x + x|x += x|itself|twice|doubl|2 * x|two times|multiplied by 2|same tensor",
        "input|skip|residual|came in|before|shortcut|identity|original|entry|start",
    ],
    "colours_are_cut_into_frames": [
        "view|reshape",
        "permute|transpose|movedim|mix|scrambl|rearrange|order|swap|jumbl|turn|shuffl|axes",
    ],
    "classes_compete_across_the_batch": [
        "softmax",
        "dim=1|dim=0|dim 0|dim 1|axis 0|axis 1|dim=-1|batch|last axis|first axis|other pictures",
    ],
    "heads_are_viewed_not_turned": [
        "view|reshape",
        "permute|transpose|mix|scrambl|rearrange|order|swap|jumbl|turn|shuffl|axes",
    ],
    "squeezed_answers_meet_a_column": [
        "6, 6|6 x 6|broadcast|every pair|all pairs|each with each|every other|matrix|36|(6, 1)|"
        "6 x 1",
        "squeeze|[:, None]|view|reshape|axis|flatten|[:, 0]|same shape",
    ],
}


class IncomeNet(nn.Module):
    """Three columns of kinds, each of them embedded, say whether somebody earns much."""

    def __init__(self, chained):
        super().__init__()
        self.chained = chained
        layers = [nn.Embedding(4, 8) for _ in range(3)]
        self.embedded = nn.Sequential(*layers) if chained else nn.ModuleList(layers)
        self.stacked = nn.Sequential(
            nn.Linear(24, 16), nn.ReLU(), nn.BatchNorm1d(16), nn.Linear(16, 2)
        )

    def forward(self, kinds):
        if self.chained:
            seen = self.embedded(kinds).flatten(1)
        else:
            columns = [layer(kinds[:, i]) for i, layer in enumerate(self.embedded)]
            seen = torch.cat(columns, dim=1)
        return self.stacked(seen)


def embeddings_in_a_row():
    """Three embeddings for three columns stand in nn.Sequential, so the second one gets floats.

    https://github.com/pytorch/pytorch/issues/116598
    """
    kinds = torch.randint(4, (6, 3))
    return IncomeNet(True), [kinds], IncomeNet(False), [kinds]


class MaskedConv(nn.Conv2d):
    """A convolution that weighs its border by how much of the picture is under the kernel."""

    def __init__(self, *args, keeps):
        super().__init__(*args)
        self.keeps, self.last_size, self.kept = keeps, None, None

    def forward(self, x, mask=None):
        if self.last_size != x.shape:
            self.last_size = x.shape
            if mask is None:
                mask = torch.ones(1, 1, *x.shape[-2:])
            self.kept = mask
        if self.keeps:
            mask = self.kept
        return super().forward(torch.mul(x, mask))


class HoleFiller(nn.Module):
    """Fills holes step by step with one and the same convolution."""

    def __init__(self, keeps):
        super().__init__()
        self.enter = nn.Conv2d(3, 6, 3, 1, 1)
        self.step = MaskedConv(6, 6, 3, 1, 1, keeps=keeps)
        self.leave = nn.Conv2d(6, 3, 1)

    def forward(self, torn):
        h = F.relu(self.enter(torn))
        for _ in range(3):
            h = F.relu(self.step(h))
        return self.leave(h)


def mask_is_made_only_once():
    """The mask is made only when the size changes, so at the second step it is None.

    https://github.com/NVIDIA/partialconv/issues/7
    """
    torn = draw(2, 3, 10, 10)
    return HoleFiller(False), [torn], HoleFiller(True), [torn]


class DogLesson(nn.Module):
    """Tells seven breeds of dogs, and how wrong it was."""

    def __init__(self, loss):
        super().__init__()
        self.eye = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.breed, self.loss = nn.Linear(6, 7), loss

    def forward(self, dogs, breed):
        answers = self.breed(self.eye(dogs).flatten(1))
        return self.loss(answers, breed)


def class_numbers_as_measures():
    """MSELoss compared answers for 133 classes with the 10 numbers of the right classes.

    http://www.kouhan.cn/en/article/00050409
    """
    dogs, breed = draw(4, 3, 12, 12), torch.tensor([0, 6, 2, 3])
    return DogLesson(nn.MSELoss()), [dogs, breed], DogLesson(nn.CrossEntropyLoss()), [dogs, breed]


class BoardBlock(nn.Module):
    """Two convolutions, and a way past them."""

    def __init__(self, right):
        super().__init__()
        self.right = right
        self.conv1, self.bn1 = nn.Conv2d(6, 6, 3, 1, 1), nn.BatchNorm2d(6)
        self.conv2, self.bn2 = nn.Conv2d(6, 6, 3, 1, 1), nn.BatchNorm2d(6)

    def forward(self, x):
        start = x
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        x = x + start if self.right else x + x
        return F.relu(x)


class BoardNet(nn.Module):
    """Says how good a position on a board is."""

    def __init__(self, right):
        super().__init__()
        self.enter = nn.Conv2d(3, 6, 3, 1, 1)
        self.block1, self.block2 = BoardBlock(right), BoardBlock(right)
        self.worth = nn.Linear(6, 1)

    def forward(self, board):
        h = self.block2(self.block1(F.relu(self.enter(board))))
        return torch.tanh(self.worth(h.mean((2, 3))))


def block_adds_itself():
    """A residual block adds its own result, and not what came in, to it; nothing is raised.

    https://github.com/werner-duvaud/muzero-general/issues/89
    """
    board = draw(3, 3, 6, 6)
    return BoardNet(False), [board], BoardNet(True), [board]


class SpaceThenTime(nn.Module):
    """A convolution over each frame of a film, then one along time at each place."""

    def __init__(self, enters, leaves, turns):
        super().__init__()
        self.turns, self.leaves = turns, leaves
        self.space, self.time = nn.Conv2d(enters, 6, 3, 1, 1), nn.Conv1d(6, leaves, 3, 1, 1)

    def forward(self, film):
        b, c, t, h, w = film.shape
        if self.turns:
            film = film.permute(0, 2, 1, 3, 4).contiguous()
        x = F.relu(self.space(film.view(b * t, c, h, w)))
        x = x.view(b, t, 6, h * w).permute(0, 3, 2, 1).reshape(b * h * w, 6, t)
        x = self.time(x).view(b, h, w, self.leaves, t)
        return x.permute(0, 3, 4, 1, 2)


def colours_are_cut_into_frames():
    """A film of (b, c, t, h, w) was viewed as (b * t, c, h, w) unturned; nothing is raised.

    https://github.com/proceduralia/pytorch-conv2_1d/issues/1
    """
    film = draw(2, 3, 5, 8, 8)
    return SpaceThenTime(3, 4, False), [film], SpaceThenTime(3, 4, True), [film]


class ClothesNet(nn.Module):
    """Tells ten kinds of clothes."""

    def __init__(self, dim):
        super().__init__()
        self.dim = dim
        self.hidden, self.output = nn.Linear(64, 16), nn.Linear(16, 10)

    def forward(self, clothes):
        x = F.relu(self.hidden(clothes.view(clothes.shape[0], -1)))
        return F.log_softmax(self.output(x), dim=self.dim)


def classes_compete_across_the_batch():
    """log_softmax goes along axis 0, so pictures of a batch share their chances; nothing is raised.

    https://github.com/MicrosoftDocs/pytorchfundamentals/pull/21
    """
    clothes = draw(5, 1, 8, 8)
    return ClothesNet(0), [clothes], ClothesNet(1), [clothes]


class SeriesAttention(nn.Module):
    """The moments of a series look at each other with some heads."""

    def __init__(self, width, heads, turns):
        super().__init__()
        self.heads, self.turns = heads, turns
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)

    def split(self, x):
        b, n, width = x.shape
        x = x.view(b, n, self.heads, width // self.heads)
        return x.transpose(1, 2) if self.turns else x.view(b, self.heads, n, -1)

    def forward(self, series):
        q, k, v = (self.split(f(series)) for f in (self.query, self.key, self.value))
        weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).flatten(2))


def heads_are_viewed_not_turned():
    """Queries of (batch, length, heads, width) were viewed with heads first; nothing is raised.

    https://github.com/zhouhaoyi/Informer2020/issues/59
    """
    series = draw(2, 6, 8)
    return SeriesAttention(8, 2, False), [series], SeriesAttention(8, 2, True), [series]


class EssayMark(nn.Module):
    """Gives a mark to an essay, and says how far off it was."""

    def __init__(self, squeezes):
        super().__init__()
        self.squeezes = squeezes
        self.words, self.mark = nn.Embedding(30, 8), nn.Linear(8, 1)
        self.loss = nn.MSELoss()

    def forward(self, essay, mark):
        given = self.mark(self.words(essay).mean(1))
        if self.squeezes:
            given = given.squeeze()
        return self.loss(given, mark)


def squeezed_answers_meet_a_column():
    """Answers squeezed to (32,) were compared with labels of (32, 1); nothing is raised.

    https://github.com/deepset-ai/FARM/issues/229
    """
    essay, mark = torch.randint(30, (6, 9)), draw(6, 1)
    return EssayMark(True), [essay, mark], EssayMark(False), [essay, mark]
