"""Eighth set of networks that strangers got wrong: attention, time, norms, states."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "heads_together_are_wider": [
        "reshape|view",
        "8|80",
        "6|60",
    ],
    "one_question_to_five_scenes": [
        "batch_first|transpose|permute|sequence first|length, batch|batch axis|axis 1|second axis|"
        "L, N, E|time first",
        "5",
        "attend|attention",
    ],
    "causal_mask_meets_the_batch": [
        "7",
        "3",
        "batch_first|permute|transpose",
    ],
    "time_is_as_large_as_the_picture": [
        "8",
        "6",
        "(2,)|1-D|1D|one-dimensional|one axis|single axis|one number|single number|one step|"
        "one time|per picture|per sample|batch|vector|scalar",
    ],
    "norm_looks_at_the_last_axis": [
        "norm",
        "6",
        "permute|last axis|last dimension|GroupNorm|BatchNorm|channels last|channels-last|movedim|"
        "trailing|channel axis|8",
    ],
    "places_become_pictures": [
        "8",
        "batch|axis 0|first axis|pictures",
        "view|reshape|size=4|4 x 4|written|fixed|-1|side",
    ],
    "state_of_one_layer_for_two": [
        "state|hidden|hx|h0|h_0",
        "layer",
        "2",
    ],
}


class WideAttention(nn.Module):
    """Attention whose heads may together be wider than what comes in."""

    def __init__(self, enters, width, heads, right):
        super().__init__()
        self.width, self.heads, self.right = width, heads, right
        self.qkv = nn.Linear(enters, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        b, n, enters = x.shape
        qkv = self.qkv(x).reshape(b, n, self.heads, -1).permute(0, 2, 1, 3)
        q, k, v = qkv.chunk(3, dim=-1)
        weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)
        values = (weights @ v).permute(0, 2, 1, 3)
        values = values.reshape(b, n, self.width if self.right else enters)
        return self.out(values)


def heads_together_are_wider():
    """What the heads found was reshaped to the width of the input, not to that of the heads.

    https://github.com/phlippe/uvadlc_notebooks/issues/51
    """
    x = draw(2, 5, 6)
    return WideAttention(6, 8, 2, False), [x], WideAttention(6, 8, 2, True), [x]


class SceneFinder(nn.Module):
    """A sentence asks which of the scenes of a film it is about."""

    def __init__(self, **how):
        super().__init__()
        self.sentence, self.scene = nn.Linear(6, 8), nn.Linear(10, 8)
        self.attend = nn.MultiheadAttention(8, 2, **how)
        self.score = nn.Linear(8, 1)

    def forward(self, sentence, scenes):
        keys = self.scene(scenes)
        found, _ = self.attend(self.sentence(sentence), keys, keys)
        return self.score(found)


def one_question_to_five_scenes():
    """A query of (1, 1, 1536) and keys of (1, 23, 1536) met attention that wants the batch second.

    https://github.com/pytorch/pytorch/issues/122959
    """
    given = [draw(1, 1, 6), draw(1, 5, 10)]
    return SceneFinder(), given, SceneFinder(batch_first=True), given


class CommandReader(nn.Module):
    """Reads a command of seven words for a robot; a word sees only those before it."""

    def __init__(self, turns):
        super().__init__()
        self.turns = turns
        self.words, self.places = nn.Embedding(30, 8), nn.Parameter(draw(7, 8))
        self.norm = nn.LayerNorm(8)
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)
        self.register_buffer("mask", torch.full((7, 7), -torch.inf).triu(1))
        self.leave = nn.Linear(8, 5)

    def forward(self, words):
        x = self.words(words) + self.places
        if self.turns:
            x = x.permute(1, 0, 2)
        y = self.norm(x)
        x = x + self.attend(y, y, y, need_weights=False, attn_mask=self.mask)[0]
        if self.turns:
            x = x.permute(1, 0, 2)
        return self.leave(x.mean(1))


def causal_mask_meets_the_batch():
    """Words were turned to (77, 25, width) for attention that now has the batch first.

    https://github.com/cvlab-columbia/videopolicy/issues/1
    """
    words = torch.randint(30, (3, 7))
    return CommandReader(True), [words], CommandReader(False), [words]


class FlowNet(nn.Module):
    """Guesses which way a noisy picture should flow at a time."""

    def __init__(self):
        super().__init__()
        self.register_buffer("pitches", torch.exp(-torch.arange(6) / 2))
        self.when = nn.Sequential(nn.Linear(12, 16), nn.SiLU(), nn.Linear(16, 8))
        self.enter, self.leave = nn.Conv2d(1, 8, 3, 1, 1), nn.Conv2d(8, 1, 3, 1, 1)

    def forward(self, x, t):
        turns = t[:, None].float() * self.pitches[None]
        when = self.when(torch.cat((turns.sin(), turns.cos()), dim=-1))
        h = self.enter(x) + when[:, :, None, None]
        return self.leave(F.silu(h))


def time_is_as_large_as_the_picture():
    """The time was given as (1, 1, 256, 256), like the picture, and not as one number for each.

    https://github.com/milad1378yz/MOTFM/issues/2
    """
    x, t = draw(2, 1, 8, 8), torch.tensor([0.2, 0.7])
    wrong = t[:, None, None, None].expand(2, 1, 8, 8)
    return FlowNet(), [x, wrong], FlowNet(), [x, t]


class FuseHead(nn.Module):
    """Maps of two sizes are made equal, fused, normed and named."""

    def __init__(self, norm):
        super().__init__()
        self.stem, self.fall = nn.Conv2d(3, 4, 3, 1, 1), nn.Conv2d(4, 4, 3, 2, 1)
        self.fuse = nn.Conv2d(8, 6, 1, bias=False)
        self.norm = norm
        self.kinds = nn.Conv2d(6, 5, 1)

    def forward(self, street):
        fine = F.relu(self.stem(street))
        coarse = F.interpolate(F.relu(self.fall(fine)), size=fine.shape[-2:])
        fused = self.fuse(torch.cat([fine, coarse], dim=1))
        return self.kinds(F.relu(self.norm(fused)))


def norm_looks_at_the_last_axis():
    """The norm of a convolution was set to LayerNorm(256), and maps are (32, 256, 128, 128).

    https://github.com/open-mmlab/mmsegmentation/issues/3809
    """
    x = draw(2, 3, 8, 8)
    return FuseHead(nn.LayerNorm(6)), [x], FuseHead(nn.BatchNorm2d(6)), [x]


class MapAttention(nn.Module):
    """The places of a map look at each other."""

    def __init__(self, channels, size):
        super().__init__()
        self.channels, self.size = channels, size
        self.norm = nn.LayerNorm(channels)
        self.attend = nn.MultiheadAttention(channels, 2, batch_first=True)

    def forward(self, x):
        x = x.view(-1, self.channels, self.size * self.size).swapaxes(1, 2)
        y = self.norm(x)
        x = x + self.attend(y, y, y)[0]
        return x.swapaxes(2, 1).view(-1, self.channels, self.size, self.size)


class TimedDenoiser(nn.Module):
    """Down, attention, and the time is added to what comes up."""

    def __init__(self, side):
        super().__init__()
        self.fall = nn.Conv2d(3, 8, 4, 4)
        self.look = MapAttention(8, side // 4)
        self.rise, self.when = nn.ConvTranspose2d(8, 6, 4, 4), nn.Linear(4, 6)
        self.last = nn.Conv2d(6, 3, 3, 1, 1)

    def forward(self, noisy, t):
        h = self.rise(self.look(F.gelu(self.fall(noisy))))
        return self.last(F.gelu(h + self.when(t)[:, :, None, None]))


def places_become_pictures():
    """With larger pictures, attention made 192 pictures of 12, and the time did not fit them.

    https://github.com/dome272/Diffusion-Models-pytorch/issues/3
    """
    t = draw(2, 4)
    return TimedDenoiser(16), [draw(2, 3, 32, 32), t], TimedDenoiser(16), [draw(2, 3, 16, 16), t]


class QueryGuesser(nn.Module):
    """One recurrent net reads a query, another one writes the next query."""

    def __init__(self, layers):
        super().__init__()
        self.words = nn.Embedding(20, 6)
        self.read = nn.GRU(6, 5, batch_first=True, bidirectional=True)
        self.write = nn.GRU(6, 10, layers, batch_first=True)
        self.word = nn.Linear(10, 20)

    def forward(self, query, following):
        _, state = self.read(self.words(query))
        state = torch.cat([state[0:1], state[1:2]], dim=2)
        written, _ = self.write(self.words(following), state)
        return self.word(written)


def state_of_one_layer_for_two():
    """The decoder was given two layers, but the state that begins it is made for one.

    https://github.com/wasiahmad/context_attentive_ir/issues/10
    """
    given = [torch.randint(20, (3, 4)), torch.randint(20, (3, 6))]
    return QueryGuesser(2), given, QueryGuesser(1), given
