"""Sixth set of networks that strangers got wrong: they run all the same, nothing is raised."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "divergence_of_everything": [
        "sum",
        "dim|axis|axes|scalar|whole|everything|all of|one number|single number|0-d",
    ],
    "softmax_over_the_heads": [
        "softmax",
        "dim=1|axis 1|head|dimension 1",
        "last|dim=-1|dim=3|axis 3|axis -1|key|features",
    ],
    "slope_of_each_pixel": [
        "norm",
        "dim=1|axis 1|channel|dimension 1",
        "flatten|view|reshape|whole picture|per picture|each picture|pixel|sample|(3, 8, 8)|"
        "all axes|element|place|axes 1, 2|(1, 2, 3)",
    ],
    "forecasts_meet_all_targets": [
        "(6, 1)|6 x 1|[6, 1]",
        "broadcast|(6, 6)|6 x 6|[6, 6]|squeeze|view_as|every pair|pairs|reshape|unsqueeze|spread",
    ],
    "pictures_become_time": [
        "lines|LSTM",
        "batch_first|transpos|permut|swap|axis 0|first axis|axis order",
        "batch|pictures|samples",
    ],
    "only_the_last_layer_counts": [
        "layers|blocks",
        "unused|no effect|ignored|thrown|overwrit|only the last|no gradient|never|discard|lost|"
        "not used|nothing|dropped|no influence",
    ],
}


class EventsVAE(nn.Module):
    """Events of a day with gaps; the loss is counted only where an event was."""

    def __init__(self, axis):
        super().__init__()
        self.axis = axis
        self.read, self.write = nn.Conv1d(5, 12, 3, padding=1), nn.Conv1d(6, 5, 3, padding=1)

    def forward(self, events, there):
        mean, log_var = self.read(events).transpose(1, 2).chunk(2, -1)
        z = mean + torch.randn_like(mean) * (0.5 * log_var).exp()
        error = (self.write(z.transpose(1, 2)) - events).pow(2).mean(1) * there
        inner = 1 + log_var - mean.pow(2) - log_var.exp()
        apart = torch.sum(inner) if self.axis is None else torch.sum(inner, dim=self.axis)
        return (error + -0.5 * apart * there).sum() / there.sum()


def divergence_of_everything():
    """The divergence was summed without dim, over the whole batch, then masked; nothing is raised.

    https://github.com/EDAPINENUT/GNTPP/issues/4
    """
    args = [draw(3, 5, 10), (torch.arange(10) < torch.tensor([[10], [7], [4]])).float()]
    return EventsVAE(None), args, EventsVAE(-1), args


class ToolAttention(nn.Module):
    """Features of a surgeon's tools attend to one another, in some heads."""

    def __init__(self, axis):
        super().__init__()
        self.axis = axis
        self.maps = nn.Conv2d(3, 24, 4, 4)
        self.query, self.key = nn.Linear(20, 7), nn.Linear(20, 7)
        self.mend = nn.Conv2d(24, 24, 1)

    def forward(self, picture):
        h = self.maps(picture)
        value = h.flatten(2).unflatten(1, (4, 6))
        scores = self.query(value) @ self.key(value).transpose(-1, -2) / 7**0.5
        mixed = scores.softmax(self.axis) @ value
        return h + self.mend(mixed.reshape(h.shape))


def softmax_over_the_heads():
    """The softmax of the attention goes over dim 1, these are the heads; nothing is raised.

    https://github.com/CAMMA-public/rendezvous/issues/10
    """
    x = draw(2, 3, 16, 20)
    return ToolAttention(1), [x], ToolAttention(-1), [x]


class SteepnessLoss(nn.Module):
    """A critic and the punishment if its slope at a picture is far from one."""

    def __init__(self, whole):
        super().__init__()
        self.whole = whole
        self.critic = nn.Sequential(
            nn.Conv2d(1, 6, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(96, 1)
        )

    def forward(self, real, fake):
        part = torch.rand(len(real), 1, 1, 1)
        between = (part * real + (1 - part) * fake).requires_grad_()
        said = self.critic(between).sum()
        slopes = torch.autograd.grad(said, between, create_graph=True)[0]
        if self.whole:
            slopes = slopes.flatten(1)
        return ((slopes.norm(2, dim=1) - 1) ** 2).mean()


def slope_of_each_pixel():
    """The norm of the slopes was taken over the channels only, for each pixel; nothing is raised.

    https://github.com/Zeleni9/pytorch-wgan/issues/40
    """
    args = [draw(3, 1, 8, 8), draw(3, 1, 8, 8)]
    return SteepnessLoss(False), args, SteepnessLoss(True), args


class PriceForecast(nn.Module):
    """One step ahead from a window of prices; returns the mean squared error."""

    def __init__(self, same):
        super().__init__()
        self.same = same
        self.look, self.memory = nn.Conv1d(4, 8, 3, padding=1), nn.GRU(8, 8, batch_first=True)
        self.ahead = nn.Linear(8, 1)

    def forward(self, window, target):
        series = F.gelu(self.look(window)).transpose(1, 2)
        said = self.ahead(self.memory(series)[0][:, -1])
        return F.mse_loss(said, target.view_as(said) if self.same else target)


def forecasts_meet_all_targets():
    """Forecasts of (batch, 1) were compared with targets of (batch,); nothing is raised.

    https://github.com/jsboige/CoursIA/pull/926
    """
    args = [draw(6, 4, 12), draw(6)]
    return PriceForecast(False), args, PriceForecast(True), args


class DigitsByLines(nn.Module):
    """Reads a digit line by line from the features of a convolution."""

    def __init__(self, batch_first):
        super().__init__()
        self.see = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU())
        self.lines = nn.LSTM(24, 9, batch_first=batch_first)
        self.digit = nn.Linear(9, 10)

    def forward(self, picture):
        rows = self.see(picture).permute(0, 2, 1, 3).flatten(2)
        return self.digit(self.lines(rows)[0][:, -1])


def pictures_become_time():
    """The LSTM takes (time, batch, features) and got (batch, time, features); nothing is raised.

    https://github.com/pytorch/pytorch/issues/1538
    """
    x = draw(5, 1, 16, 12)
    return DigitsByLines(False), [x], DigitsByLines(True), [x]


class TimedBlock(nn.Module):
    """A block of a score network; all its layers but one should come after another."""

    def __init__(self, chained):
        super().__init__()
        self.chained = chained
        self.enter, self.time = nn.Conv2d(3, 8, 3, 1, 1), nn.Linear(1, 8)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1), nn.InstanceNorm2d(8), nn.ReLU())
            for _ in range(3)
        )
        self.leave = nn.Conv2d(8, 3, 3, 1, 1)

    def forward(self, picture, steps):
        x = self.enter(picture) + self.time(steps[:, None])[:, :, None, None]
        out = x
        for layer in self.layers:
            out = layer(out if self.chained else x)
        return self.leave(x + out)


def only_the_last_layer_counts():
    """Each layer of the loop got x and not what the layer before made; nothing is raised.

    https://github.com/cyclomon/UNSB/issues/29
    """
    args = [draw(2, 3, 12, 12), torch.rand(2)]
    return TimedBlock(False), args, TimedBlock(True), args
