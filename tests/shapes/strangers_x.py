"""Sixth set of networks that strangers got wrong: six of the seven run all the same."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "minus_instead_of_equals": [
        "14",
        "7",
        "minus|subtract|difference| - |sub",
        "x = |assign|pool|halv|second|typo|meant|intended",
    ],
    "encoder_reads_across_the_batch": [
        "batch_first|batch first|transpose|permute",
        "across|between|other|mix|sequence|axis 0|first axis|tokens|attend|each other",
    ],
    "weights_that_are_always_one": [
        "softmax",
        "always 1|all ones|always one|only 1|one value|size 1|single|constant|is 1|1 entry"
        "|one entry|equal 1|equals 1|length 1|one element|1.0|one number|are 1|of 1",
        "dim|axis|axes",
    ],
    "softmax_before_the_loss": [
        "softmax",
        "twice|already|logits|again|log_softmax|second|two times|itself",
        "cross_entropy|CrossEntropy|loss",
    ],
    "memories_in_a_plain_list": [
        "cells",
        "ModuleList|list|Sequential",
        "register|parameters|not trained|never trained|optimizer|state_dict|untrained|learn",
    ],
    "column_against_row": [
        "9, 1|9 x 1",
        "9, 9|9 x 9|broadcast|(9,)|every|each",
        "squeeze|reshape(-1)|unsqueeze|[:, None|flatten|view|[:, 0]|reshape",
    ],
    "cameras_are_reshaped": [
        "reshape|view",
        "permute|transpose|movedim|rearrange|scrambl|mix|turn",
    ],
}


class ClothesNet(nn.Module):
    """Two blocks and a layer for clothes of 28 x 28."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 10, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2))
        self.second = nn.Sequential(nn.Conv2d(10, 10, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2))
        self.classes = nn.Sequential(nn.Flatten(), nn.Linear(490, 10))

    def forward(self, x):
        x = self.first(x)
        x - self.second(x)
        return self.classes(x)


class ClothesNetMended(ClothesNet):
    def forward(self, x):
        x = self.first(x)
        x = self.second(x)
        return self.classes(x)


def minus_instead_of_equals():
    """In forward a minus was typed where the sign of assignment was meant.

    https://blog.gitcode.com/e5c4ae63e30a9c32bc6f8b929671be78.html
    """
    x = draw(2, 1, 28, 28)
    return ClothesNet(), [x], ClothesNetMended(), [x]


class SeriesTransformer(nn.Module):
    """Reads (batch, time, features) and returns one number."""

    def __init__(self, **how):
        super().__init__()
        self.enter = nn.Linear(3, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, **how)
        self.encode = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.leave = nn.Linear(8, 1)

    def forward(self, series):
        return self.leave(self.encode(self.enter(series)).mean(dim=1))


def encoder_reads_across_the_batch():
    """The layers of the encoder lack batch_first, so samples attend to samples; nothing is raised.

    https://github.com/Exorust/TorchLeet/issues/5
    """
    x = draw(6, 11, 3)
    return SeriesTransformer(), [x], SeriesTransformer(batch_first=True), [x]


class QuestionReader(nn.Module):
    """Reads a question in both directions and weighs its words."""

    def __init__(self, dim):
        super().__init__()
        self.dim = dim
        self.words = nn.Embedding(20, 6)
        self.read = nn.GRU(6, 5, batch_first=True, bidirectional=True)
        self.weigh, self.thing = nn.Linear(16, 1), nn.Linear(16, 4)

    def forward(self, question):
        x = self.words(question)
        both = torch.cat([x, self.read(x)[0]], dim=2)
        weights = F.softmax(self.weigh(both), dim=self.dim)
        return self.thing((weights * both).sum(dim=1))


def weights_that_are_always_one():
    """A softmax was taken over an axis of one entry, so every word weighs 1; nothing is raised.

    https://github.com/DEEP-PolyU/KEQA_WSDM19/issues/2
    """
    x = torch.randint(20, (3, 9))
    return QuestionReader(-1), [x], QuestionReader(1), [x]


class StreetTrainer(nn.Module):
    """Goes down, comes up, and returns the loss of its classes."""

    def __init__(self, soft):
        super().__init__()
        self.soft = soft
        self.down, self.up = nn.Conv2d(3, 8, 3, 2, 1), nn.ConvTranspose2d(8, 8, 2, 2)
        self.classes = nn.Conv2d(8, 5, 1)

    def forward(self, street, mask):
        said = self.classes(F.relu(self.up(F.relu(self.down(street)))))
        if self.soft:
            said = F.softmax(said, dim=1)
        return F.cross_entropy(said, mask)


def softmax_before_the_loss():
    """Probabilities went into a loss that takes the softmax itself; nothing is raised.

    https://github.com/say4n/pytorch-segnet/issues/5
    """
    x, mask = draw(2, 3, 12, 12), torch.randint(5, (2, 12, 12))
    return StreetTrainer(True), [x, mask], StreetTrainer(False), [x, mask]


class Updater(nn.Module):
    """Recurrent cells that tell how to change a weight from its gradient."""

    def __init__(self, keep):
        super().__init__()
        self.enter = nn.Linear(2, 6)
        self.cells = keep([nn.GRUCell(6, 6) for _ in range(3)])
        self.change = nn.Linear(6, 1)

    def forward(self, gradients):
        memory = [torch.zeros(gradients.size(1), 6) for _ in self.cells]
        for now in gradients:
            x = torch.tanh(self.enter(now))
            for i, cell in enumerate(self.cells):
                memory[i] = x = cell(x, memory[i])
        return self.change(x)


def memories_in_a_plain_list():
    """The cells stand in a list, so no optimiser ever sees their weights; nothing is raised.

    https://github.com/ikostrikov/pytorch-meta-optimizer/issues/11
    """
    x = draw(4, 5, 2)
    return Updater(list), [x], Updater(nn.ModuleList), [x]


class HeatNet(nn.Module):
    """The temperature at a place and time; returns the error at the start."""

    def __init__(self, flat):
        super().__init__()
        self.flat = flat
        self.body = nn.Sequential(nn.Linear(3, 12), nn.Tanh(), nn.Linear(12, 1))

    def forward(self, points, start):
        said = self.body(points)
        if self.flat:
            said = said.reshape(-1)
        return F.mse_loss(said, start)


def column_against_row():
    """A prediction (batch, 1) was compared with values (batch,), all with all; nothing is raised.

    https://github.com/Photon-AI-Research/NeuralSolvers/issues/20
    """
    points, start = draw(9, 3), draw(9)
    return HeatNet(False), [points, start], HeatNet(True), [points, start]


class RobotEyes(nn.Module):
    """What several cameras see (batch, camera, height, width, colour), to a movement."""

    def __init__(self, turns):
        super().__init__()
        self.turns = turns
        self.see = nn.Sequential(nn.Conv2d(3, 8, 5, 2, 2), nn.ReLU(), nn.Conv2d(8, 6, 3, 2, 1))
        self.move = nn.Linear(12, 4)

    def forward(self, views):
        b, cameras, h, w, c = views.shape
        if self.turns:
            pictures = views.permute(0, 1, 4, 2, 3).reshape(b * cameras, c, h, w)
        else:
            pictures = views.reshape(b * cameras, c, h, w)
        seen = self.see(pictures).mean(dim=(2, 3))
        return self.move(seen.reshape(b, cameras * 6))


def cameras_are_reshaped():
    """Pictures with colours last were brought to colours first by reshape; nothing is raised.

    https://github.com/Selen-Suyue/DensePolicy2D/issues/3
    """
    x = draw(3, 2, 12, 16, 3)
    return RobotEyes(False), [x], RobotEyes(True), [x]
