"""Small networks with one mistake in their own Python, or that run and are wrong."""

import torch
from torch import nn
from torch.nn import functional as F


class Skips(nn.Module):
    """Takes three skips and keeps two."""

    def __init__(self):
        super().__init__()
        self.ups = nn.ModuleList(nn.Identity() for _ in range(3))

    def forward(self, x):
        skips = [x, x]
        for up in self.ups:
            x = up(x + skips.pop())
        return x


class Named(nn.Module):
    """Asks for conv2, and has conv1."""

    def __init__(self):
        super().__init__()
        self.conv1, self.act = nn.Conv2d(1, 1, 1), nn.ReLU

    def forward(self, x, how):
        if how == "name":
            return self.conv2(x)
        if how == "class":
            return self.act(self.conv1(x)).mean()
        if how == "tensor":
            return self.conv1(x).flaten(1)
        if how == "method":
            return self.encode(x)
        return self.conv1(x) + nn.MaxPool2d(1, return_indices=True)(x)


class Constructor(nn.Module):
    def _init_(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1)

    def forward(self, x):
        return self.conv(x)


class Unmade(nn.Module):
    def __init__(self):
        self.size = 3

    def forward(self, x):
        return x


class Pair(nn.Module):
    def forward(self, x):
        return x, x


class Nothing(nn.Module):
    def forward(self, x):
        x + 1


class Added(nn.Module):
    """x + layer(x), whatever the layer returns."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return x + self.layer(x)


class Stated(nn.Module):
    """A recurrent layer that begins with a state of the caller's."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x, state):
        return self.layer(x, state)[0]


class LastStep(nn.Module):
    """The answer for the last step of (B, L, D)."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return F.relu(self.layer(x)[0])[:, -1]


class ForMaps(nn.Module):
    """A recurrent layer on the pixels of a map."""

    def __init__(self):
        super().__init__()
        self.layer = nn.GRU(2, 3)

    def forward(self, x):
        return self.layer(x.flatten(2).transpose(1, 2))[0]


class Hub(nn.Module):
    """Loads weights that were trained with other sizes."""

    def __init__(self, keys):
        super().__init__()
        self.a, self.b = nn.Linear(2, 3), nn.Linear(3, 3)
        other = nn.ModuleDict({"a": nn.Linear(4, 3), "b": nn.Linear(3, 5)})
        self.weights = other.state_dict() if keys else {}

    def forward(self, x):
        self.load_state_dict(self.weights)
        return self.a(x)


class Demands(nn.Module):
    def forward(self, x, label=None):
        if label is None:
            raise ValueError("a label is needed")
        return x


class SameSize(nn.Module):
    def forward(self, x, y):
        assert x.shape == y.shape
        return x


class Written(nn.Module):
    """Writes to a part of a larger tensor."""

    def forward(self, x, channels):
        room = torch.zeros(2, 4, 4, 4)
        room[:, :channels, 1:3] = x
        return room


class ChangedInPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2)

    def forward(self, x):
        h = self.a(x).sigmoid()
        h += 1
        return h


class CutOff(nn.Module):
    """Some layers, and what is done to the result of the first."""

    def __init__(self, what):
        super().__init__()
        self.what = what
        self.a, self.b, self.c = (nn.Linear(2, 2) for _ in "abc")

    def forward(self, x):
        return self.c(self.what(self.b(self.a(x))))


def shared_blocks():
    return nn.Sequential(*[nn.Linear(2, 2)] * 3)
