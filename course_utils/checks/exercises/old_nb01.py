"""The exercises of notebook 01. A docstring of a wrong answer is what its author is told."""

import math

import torch
from einops import einsum, rearrange, repeat
from torch import nn
from torch.nn import functional as F

from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.mistakes import by_hand
from course_utils.embedding import TimeEmbedding, frequencies, sinusoidal_embedding

NOTEBOOK = "01_time_embedding"


# 1.1 frequencies


def frequencies_experiment(probe, frequencies):
    for dim in (4, 6, 10, 32):
        probe.call(frequencies, dim)
    probe.call(frequencies, 12, 100.0)


def divided_by_half(dim, max_period=10_000.0):
    """You divide i by the number of frequencies, n (2i / dim is the same). Divide by n - 1: then
    the last i gives exactly 1 / max_period."""
    half = dim // 2
    return torch.exp(-math.log(max_period) * torch.arange(half) / half)


def divided_by_dim(dim, max_period=10_000.0):
    """You divide i by dim, the length of the whole vector. There are n = dim / 2 frequencies:
    divide by n - 1, so that the last one is exactly 1 / max_period."""
    return torch.exp(-math.log(max_period) * torch.arange(dim // 2) / dim)


def divided_by_dim_less_one(dim, max_period=10_000.0):
    """You divide i by dim - 1. There are n = dim / 2 frequencies: divide by n - 1, so that the
    last one is exactly 1 / max_period."""
    return torch.exp(-math.log(max_period) * torch.arange(dim // 2) / (dim - 1))


def one_per_number(dim, max_period=10_000.0):
    """There are as many frequencies here as numbers in the vector. Each frequency fills two
    places, a sine and a cosine, so there are dim / 2 of them."""
    return torch.exp(-math.log(max_period) * torch.arange(dim) / (dim - 1))


def periods(dim, max_period=10_000.0):
    """These grow from 1 to max_period: they are one over what is asked for. The exponent is
    negative."""
    half = dim // 2
    return torch.exp(math.log(max_period) * torch.arange(half) / (half - 1))


def exponents(dim, max_period=10_000.0):
    """These are the exponents: they fall from 0 to -log(max_period). The exp is missing."""
    half = dim // 2
    return -math.log(max_period) * torch.arange(half) / (half - 1)


def log_to_the_base_ten(dim, max_period=10_000.0):
    """You take the logarithm to the base 10. exp undoes the natural one: math.log."""
    half = dim // 2
    return torch.exp(-math.log10(max_period) * torch.arange(half) / (half - 1))


def exp_of_one_number(dim, max_period=10_000.0):
    """math.exp takes a single number, and your exponent is a tensor: take torch.exp."""
    half = dim // 2
    return math.exp(-math.log(max_period) * torch.arange(half) / (half - 1))


def evenly_spaced(dim, max_period=10_000.0):
    """Your frequencies fall in equal steps. They must fall by equal factors, so that slow ones
    are as many as fast ones: put the even steps into the exponent."""
    return torch.linspace(1, 1 / max_period, dim // 2)


def always_ten_thousand(dim, max_period=10_000.0):
    """max_period makes no difference in your function. Use the argument in place of 10000."""
    half = dim // 2
    return torch.exp(-math.log(10_000) * torch.arange(half) / (half - 1))


def powers_of_two(dim, max_period=10_000.0):
    """Your frequencies are 1, 1/2, 1/4 and so on, whatever max_period is. The factor between
    two neighbours must be chosen so that the last one is 1 / max_period."""
    return 0.5 ** torch.arange(dim // 2)


def frequencies_by_power(dim, max_period=10_000.0):
    n = dim // 2
    return max_period ** -(torch.arange(n) / (n - 1))


def frequencies_by_logspace(dim, max_period=10_000.0):
    return torch.logspace(0, -math.log10(max_period), dim // 2)


def frequencies_one_by_one(dim, max_period=10_000.0):
    ratio = (1 / max_period) ** (1 / (dim / 2 - 1))
    values = [1.0]
    while len(values) < dim // 2:
        values.append(values[-1] * ratio)
    return torch.tensor(values)


# 1.2 sinusoidal_embedding


def embedding_experiment(probe, sinusoidal_embedding):
    for B, dim in [(5, 8), (3, 32), (7, 6)]:
        probe.call(sinusoidal_embedding, probe.steps(B, 200), dim)
    probe.call(sinusoidal_embedding, probe.steps(4, 200), 10, 50.0)
    probe.call(sinusoidal_embedding, 100 * probe.uniform(3), 8)
    probe.on_fake_device(sinusoidal_embedding, probe.steps(3), 8)


def interleaved(t, dim, max_period=10_000.0):
    """Sines and cosines take turns in your vector. Ours has all sines first, then all cosines.
    (Both are in use: a network of notebook 10 lets them take turns.)"""
    angles = t.float()[:, None] * frequencies(dim, max_period)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


def cosines_first(t, dim, max_period=10_000.0):
    """The cosines come first in your vector. Ours has the sines first."""
    angles = t.float()[:, None] * frequencies(dim, max_period)
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def sines_twice(t, dim, max_period=10_000.0):
    """Both halves are sines. A sine alone cannot tell t from half a period minus t; the cosine
    can."""
    angles = t.float()[:, None] * frequencies(dim, max_period)
    return torch.cat([angles.sin(), angles.sin()], dim=1)


def joined_below(t, dim, max_period=10_000.0):
    """The cosines stand below the sines, as more rows. They belong beside them: join along
    dimension 1, so that each t has one row."""
    angles = t.float()[:, None] * frequencies(dim, max_period)
    return torch.cat([angles.sin(), angles.cos()])


def turns(t, dim, max_period=10_000.0):
    """Your angles have a factor 2 pi. The frequencies are in radians per step already."""
    angles = 2 * math.pi * t.float()[:, None] * frequencies(dim, max_period)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def period_forgotten(t, dim, max_period=10_000.0):
    """max_period makes no difference in your function. Hand it on to frequencies."""
    angles = t.float()[:, None] * frequencies(dim)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def divides(t, dim, max_period=10_000.0):
    """You divide t by the frequencies. An angle is a time times a frequency."""
    angles = t.float()[:, None] / frequencies(dim, max_period)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def not_spread(t, dim, max_period=10_000.0):
    """t has shape (B,), the frequencies (D/2,). Every t must meet every frequency: give t a
    second axis, (B, 1), and the product is (B, D/2)."""
    angles = t * frequencies(dim, max_period)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def as_whole_numbers(t, dim, max_period=10_000.0):
    """Your frequencies take over the type of t: .to(t) makes integers of them, 1, 0, 0 and so on,
    where t holds integers. Take over the device alone: .to(t.device)."""
    angles = t[:, None] * frequencies(dim, max_period).to(t)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def sine_of_one_number(t, dim, max_period=10_000.0):
    """math.sin takes a single number, and the angles are a tensor: take torch.sin and torch.cos."""
    angles = t.float()[:, None] * frequencies(dim, max_period).to(t.device)
    return torch.cat([math.sin(angles), math.cos(angles)], dim=1)


def not_spread_behind(t, dim, max_period=10_000.0):
    """t has shape (B,), the frequencies (D/2,). Every t must meet every frequency: give t a
    second axis, (B, 1), and the product is (B, D/2)."""
    angles = frequencies(dim, max_period) * t
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def left_behind(t, dim, max_period=10_000.0):
    """This is right on a CPU, and stops on a GPU: t is there, and something of yours is on the
    CPU. Bring the frequencies to t with .to(t.device), and leave t where it is."""
    angles = t.float()[:, None] * frequencies(dim, max_period)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def embedding_by_outer(t, dim, max_period=10_000.0):
    angles = torch.outer(t.float(), frequencies(dim, max_period).to(t.device))
    return torch.hstack([torch.sin(angles), torch.cos(angles)])


def embedding_by_einsum(t, dim, max_period=10_000.0):
    omega = frequencies(dim, max_period).to(t.device)
    angles = einsum(t.float(), omega, "b, f -> b f")
    return rearrange(torch.stack([angles.sin(), angles.cos()]), "two b f -> b (two f)")


def embedding_by_phase(t, dim, max_period=10_000.0):
    out = torch.empty(len(t), dim, device=t.device)
    for i, w in enumerate(frequencies(dim, max_period)):
        out[:, i] = torch.sin(w * t)
        out[:, i + dim // 2] = torch.cos(w * t)
    return out


# 1.3 similarity


def similarity(emb):
    """Return the cosine of the angle between every two vectors.

    (N, D) -> (N, N)

    Entry [i, j] is the dot product of vectors i and j, divided by both their lengths.
    """
    unit = emb / emb.norm(dim=1, keepdim=True)
    return unit @ unit.T


def similarity_experiment(probe, similarity):
    for N, D in [(5, 3), (4, 8), (7, 7)]:
        probe.call(similarity, probe.normal(N, D))


def plain_products(emb):
    """These are dot products, not yet cosines: each is still multiplied by the lengths of its
    two vectors. Divide every vector by its length first."""
    return emb @ emb.T


def across_features(emb):
    """Your result compares the D columns with one another. Compare the N rows: it is
    unit @ unit.T, not unit.T @ unit."""
    unit = emb / emb.norm(dim=1, keepdim=True)
    return unit.T @ unit


def wrong_length(emb):
    """You divide by the lengths of the columns. A vector is a row here: its length is taken
    over dim=1."""
    unit = emb / emb.norm(dim=0, keepdim=True)
    return unit @ unit.T


def square_of_length(emb):
    """Each vector is divided by its squared length. The length is the root of the sum of
    squares."""
    unit = emb / emb.square().sum(dim=1, keepdim=True)
    return unit @ unit.T


def own_length_only(emb):
    """Entry [i, j] is divided by the length of vector i alone. It is still multiplied by that of
    vector j: divide by both."""
    return emb @ emb.T / emb.norm(dim=1, keepdim=True)


def other_length_only(emb):
    """Entry [i, j] is divided by the length of vector j alone. It is still multiplied by that of
    vector i: divide by both."""
    return own_length_only(emb).T


def own_length_twice(emb):
    """Entry [i, j] is divided by the length of vector i twice. That is right on the diagonal
    only: divide by the length of i once and by that of j once."""
    return emb @ emb.T / emb.norm(dim=1, keepdim=True) ** 2


def other_length_twice(emb):
    """Entry [i, j] is divided by the length of vector j twice. That is right on the diagonal
    only: divide by the length of i once and by that of j once."""
    return own_length_twice(emb).T


def lengths_in_a_row(emb):
    """N numbers meet the D columns, for PyTorch lines up the last axes. If they are lengths,
    keepdim=True makes them (N, 1), one for each row. (And a matrix product is @, not *.)"""
    unit = emb / emb.norm(dim=1)
    return unit @ unit.T


def not_transposed(emb):
    """A matrix product takes the rows of the first factor and the columns of the second. The
    second must be transposed, .T, so that its columns are the vectors."""
    return emb @ emb


def one_length(emb):
    """All vectors are divided by one common length. Each has its own: norm(dim=1, keepdim=True)."""
    unit = emb / emb.norm()
    return unit @ unit.T


def distances(emb):
    """These are distances between the vectors: 0 on the diagonal. A cosine is 1 there."""
    return torch.cdist(emb, emb)


def similarity_by_normalize(emb):
    unit = F.normalize(emb, dim=-1)
    return torch.einsum("id,jd->ij", unit, unit)


def similarity_by_function(emb):
    return F.cosine_similarity(emb[:, None], emb[None], dim=2)


def similarity_by_division(emb):
    length = emb.pow(2).sum(1).sqrt()
    return emb.mm(emb.t()) / torch.outer(length, length)


# 1.4 TimeEmbedding


NO_WEIGHTS = (
    "Your module has no weights that the optimizer could find: make the linear layer in __init__, "
    "and keep it on self."
)


def module_experiment(probe, TimeEmbedding):
    for B, dim in [(3, 8), (5, 12), (2, 32)]:
        module = probe.build(TimeEmbedding, dim)
        begun = len(probe.seen)
        probe.train_and_eval(module, probe.steps(B, 200))
        if not list(module.parameters()):
            for seen in probe.seen[begun:]:
                seen.look = seen.look or NO_WEIGHTS
        probe.call(module, probe.steps(B, 200))
    probe.on_fake_device(module, probe.steps(B))


class NoActivation(nn.Module):
    """The SiLU is missing. A linear layer after a linear layer is one linear layer: the next
    one, in the block, could then not do more than scale and add the sinusoids."""

    def __init__(self, dim):
        super().__init__()
        self.dim, self.linear = dim, nn.Linear(dim, dim)

    def forward(self, t):
        return self.linear(sinusoidal_embedding(t, self.dim))


class ActivationFirst(NoActivation):
    """The SiLU comes before the linear layer. It belongs behind it."""

    def forward(self, t):
        return self.linear(F.silu(sinusoidal_embedding(t, self.dim)))


class WithRelu(NoActivation):
    """That is a ReLU; asked for is SiLU, x * sigmoid(x), as in the rest of the network."""

    def forward(self, t):
        return F.relu(self.linear(sinusoidal_embedding(t, self.dim)))


class WithSigmoid(NoActivation):
    """That is a sigmoid. SiLU is x * sigmoid(x)."""

    def forward(self, t):
        return torch.sigmoid(self.linear(sinusoidal_embedding(t, self.dim)))


class BothLinearLayers(NoActivation):
    """A second linear layer follows the SiLU. That one stands in each block, which you write in
    notebook 02. TimeEmbedding ends with the SiLU."""

    def __init__(self, dim):
        super().__init__(dim)
        self.second = nn.Linear(dim, dim)

    def forward(self, t):
        return self.second(F.silu(self.linear(sinusoidal_embedding(t, self.dim))))


class WithoutBias(nn.Module):
    """Your linear layer has no bias. The formula adds b, which nn.Linear does if you leave bias
    alone."""

    def __init__(self, dim):
        super().__init__()
        self.dim, self.linear = dim, nn.Linear(dim, dim, bias=False)

    def forward(self, t):
        return F.silu(self.linear(sinusoidal_embedding(t, self.dim)))


class LinearForgotten(NoActivation):
    """The linear layer is made, but forward does not use it, so it can never learn."""

    def forward(self, t):
        return F.silu(sinusoidal_embedding(t, self.dim))


class RawTime(nn.Module):
    """The linear layer gets the bare number t. Give it the sinusoidal embedding of t."""

    def __init__(self, dim):
        super().__init__()
        self.linear = nn.Linear(1, dim)

    def forward(self, t):
        return F.silu(self.linear(t.float()[:, None]))


class MadeInForward(nn.Module):
    """The linear layer is made anew in every call of forward, with new random weights, and the
    optimizer never sees it. Make it once, in __init__, and keep it on self."""

    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, t):
        return F.silu(nn.Linear(self.dim, self.dim)(sinusoidal_embedding(t, self.dim)))


class InAList(nn.Module):
    """The linear layer is in a plain Python list, where PyTorch does not find it: the optimizer
    never sees it. Keep it on self, or the list in an nn.ModuleList."""

    def __init__(self, dim):
        super().__init__()
        self.dim, self.layers = dim, [nn.Linear(dim, dim)]

    def forward(self, t):
        return F.silu(self.layers[0](sinusoidal_embedding(t, self.dim)))


class RemembersTheFirst(NoActivation):
    """The second call answers for the t of the first. Compute the sinusoids in every forward."""

    def forward(self, t):
        if not hasattr(self, "emb"):
            self.emb = sinusoidal_embedding(t, self.dim)
        return F.silu(self.linear(self.emb))


class InSequence(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.width = width
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU())

    def forward(self, t):
        return self.mlp(sinusoidal_embedding(t, self.width))


class ByHand(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim
        self.offset = nn.Parameter(torch.zeros(dim))
        self.matrix = nn.Parameter(torch.randn(dim, dim) / dim**0.5)

    def forward(self, t):
        h = sinusoidal_embedding(t, self.dim) @ self.matrix.T + self.offset
        return h * torch.sigmoid(h)


class ByConvolution(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.register_buffer("w", frequencies(dim))
        self.project = nn.Conv1d(dim, dim, 1)
        self.activation = nn.SiLU()

    def forward(self, t):
        angles = repeat(t, "b -> b f", f=len(self.w)) * self.w
        emb = torch.cat([angles.sin(), angles.cos()], dim=1)
        return self.activation(self.project(emb[:, :, None])).squeeze(2)


# 1.5 shift


def shift(emb, k, max_period=10_000.0):
    """Return the embedding of t + k, given that of t, without knowing t.

    (B, D) -> (B, D)

    emb holds sines, then cosines, as sinusoidal_embedding returns them; k is in time steps.
    sin(a + b) = sin a cos b + cos a sin b, and cos(a + b) = cos a cos b - sin a sin b.
    """
    angle = k * frequencies(emb.shape[1], max_period)  # (D/2,)
    sin, cos = emb.chunk(2, dim=1)  # (B, D/2) each
    later_sin = sin * angle.cos() + cos * angle.sin()
    later_cos = cos * angle.cos() - sin * angle.sin()
    return torch.cat([later_sin, later_cos], dim=1)


def shift_experiment(probe, shift):
    for B, dim, k in [(5, 8, 7), (3, 12, 250), (4, 6, -3)]:
        probe.call(shift, sinusoidal_embedding(probe.steps(B, 200), dim), k)
    probe.call(shift, sinusoidal_embedding(probe.steps(2, 200), 10, 50.0), 4, 50.0)


def shift_backwards(emb, k, max_period=10_000.0):
    """This is the embedding of t - k. The two signs are the wrong way round, or the first half of
    emb is taken for the cosines: it holds the sines."""
    return shift(emb, -k, max_period)


def shift_signs(emb, k, max_period=10_000.0):
    """Both lines have a plus. That of the cosine has a minus: cos a cos b - sin a sin b."""
    angle = k * frequencies(emb.shape[1], max_period)
    sin, cos = emb.chunk(2, dim=1)
    up = [sin * angle.cos() + cos * angle.sin(), cos * angle.cos() + sin * angle.sin()]
    return torch.cat(up, dim=1)


def shift_signs_of_the_sine(emb, k, max_period=10_000.0):
    """Both lines have a minus. That of the sine has a plus: sin a cos b + cos a sin b."""
    angle = k * frequencies(emb.shape[1], max_period)
    sin, cos = emb.chunk(2, dim=1)
    up = [sin * angle.cos() - cos * angle.sin(), cos * angle.cos() - sin * angle.sin()]
    return torch.cat(up, dim=1)


def shift_by_one(emb, k, max_period=10_000.0):
    """This is the embedding of t + 1, whatever k is. The angle b is k times the frequency."""
    return shift(emb, 1, max_period)


def shift_without_period(emb, k, max_period=10_000.0):
    """max_period makes no difference in your function. Hand it on to frequencies."""
    return shift(emb, k)


def shift_cosines_first(emb, k, max_period=10_000.0):
    """The values are right, but the cosines come first in your result. The sines belong into the
    first half, as in emb."""
    return shift(emb, k, max_period).roll(emb.shape[1] // 2, dims=1)


def shift_halves_exchanged(emb, k, max_period=10_000.0):
    """You take the first half of emb for the cosines. It holds the sines."""
    return shift(emb.roll(emb.shape[1] // 2, dims=1), k, max_period)


def shift_by_math(emb, k, max_period=10_000.0):
    """math.cos takes a single number, and the angles are a tensor: take torch.cos and torch.sin."""
    return emb * math.cos(k * frequencies(emb.shape[1], max_period))


def shift_one_by_one(emb, k, max_period=10_000.0):
    """The new sine is used to make the new cosine. Both need the old values: keep them under
    names of their own."""
    angle = k * frequencies(emb.shape[1], max_period)
    sin, cos = emb.chunk(2, dim=1)
    sin = sin * angle.cos() + cos * angle.sin()
    cos = cos * angle.cos() - sin * angle.sin()
    return torch.cat([sin, cos], dim=1)


def shift_adds(emb, k, max_period=10_000.0):
    """You add the embedding of k to that of t. A sine of a sum is not the sum of the sines: each
    pair (sin, cos) has to be turned by its own angle."""
    return emb + sinusoidal_embedding(torch.tensor([k]), emb.shape[1], max_period)


def shift_pairs(emb, k, max_period=10_000.0):
    """You take neighbours for pairs of sine and cosine. Here the sines fill the first half and
    the cosines the second: chunk(2, dim=1)."""
    angle = k * frequencies(emb.shape[1], max_period)
    sin, cos = emb[:, 0::2], emb[:, 1::2]
    up = [sin * angle.cos() + cos * angle.sin(), cos * angle.cos() - sin * angle.sin()]
    return torch.cat(up, dim=1)


def shift_by_complex(emb, k, max_period=10_000.0):
    half = emb.shape[1] // 2
    z = torch.complex(emb[:, half:], emb[:, :half])
    z = z * torch.exp(1j * k * frequencies(2 * half, max_period))
    return torch.cat([z.imag, z.real], dim=1)


def shift_by_angle(emb, k, max_period=10_000.0):
    half = emb.shape[1] // 2
    angle = torch.atan2(emb[:, :half], emb[:, half:]) + k * frequencies(2 * half, max_period)
    return torch.cat([angle.sin(), angle.cos()], dim=1)


def shift_by_rotation(emb, k, max_period=10_000.0):
    a = k * frequencies(emb.shape[1], max_period)
    turn = torch.stack([torch.stack([a.cos(), a.sin()]), torch.stack([-a.sin(), a.cos()])])
    pairs = rearrange(emb, "b (two f) -> b two f", two=2)
    return rearrange(einsum(turn, pairs, "i j f, b j f -> b i f"), "b two f -> b (two f)")


EXERCISES = [
    Exercise(
        id="1.1",
        title="The frequencies",
        notebook=NOTEBOOK,
        reference=frequencies,
        experiment=frequencies_experiment,
        look="Try dim = 6: there are three frequencies, 1, 1/100 and 1/10000. Does i begin at 0?",
        catalogue=by_hand({
            "divided by n instead of n - 1": divided_by_half,
            "divided by dim": divided_by_dim,
            "divided by dim - 1": divided_by_dim_less_one,
            "a frequency for each number": one_per_number,
            "periods instead of frequencies": periods,
            "no exp": exponents,
            "log10 instead of log": log_to_the_base_ten,
            "math.exp of a tensor": exp_of_one_number,
            "equal steps instead of equal factors": evenly_spaced,
            "max_period not used": always_ten_thousand,
            "powers of two": powers_of_two,
        }),
        also_right=[frequencies_by_power, frequencies_by_logspace, frequencies_one_by_one],
    ),
    Exercise(
        id="1.2",
        title="The sinusoidal embedding",
        notebook=NOTEBOOK,
        reference=sinusoidal_embedding,
        experiment=embedding_experiment,
        look="Try t = 0 (all sines 0, all cosines 1), then t = 1: the first sine is sin(1) = 0.84.",
        catalogue=by_hand({
            "sines and cosines take turns": interleaved,
            "cosines first": cosines_first,
            "sines twice": sines_twice,
            "joined along the wrong dimension": joined_below,
            "a factor 2 pi too many": turns,
            "max_period not handed on": period_forgotten,
            "divided by the frequency": divides,
            "t not spread over the frequencies": not_spread,
            "t not spread, second factor": not_spread_behind,
            "frequencies made integers": as_whole_numbers,
            "math.sin of a tensor": sine_of_one_number,
            "frequencies left on the CPU": left_behind,
        }),
        also_right=[embedding_by_outer, embedding_by_einsum, embedding_by_phase],
    ),
    Exercise(
        id="1.3",
        title="How alike are two times?",
        notebook=NOTEBOOK,
        reference=similarity,
        experiment=similarity_experiment,
        look="Entry [0, 1] belongs to rows 0 and 1, and the diagonal is 1.",
        catalogue=by_hand({
            "not divided by the lengths": plain_products,
            "columns compared instead of rows": across_features,
            "lengths of the columns": wrong_length,
            "divided by the squared length": square_of_length,
            "divided by the length of i only": own_length_only,
            "divided by the length of j only": other_length_only,
            "divided by the length of i twice": own_length_twice,
            "divided by the length of j twice": other_length_twice,
            "keepdim forgotten": lengths_in_a_row,
            "not transposed": not_transposed,
            "one length for all": one_length,
            "distances instead of cosines": distances,
        }),
        also_right=[similarity_by_normalize, similarity_by_function, similarity_by_division],
    ),
    Exercise(
        id="1.4",
        title="The time embedding as a module",
        notebook=NOTEBOOK,
        reference=TimeEmbedding,
        experiment=module_experiment,
        look="The order is: sinusoids, linear layer, SiLU.",
        catalogue=by_hand({
            "no SiLU": NoActivation,
            "SiLU before the linear layer": ActivationFirst,
            "ReLU instead of SiLU": WithRelu,
            "sigmoid instead of SiLU": WithSigmoid,
            "both linear layers": BothLinearLayers,
            "no bias": WithoutBias,
            "linear layer not used": LinearForgotten,
            "the bare number t": RawTime,
            "layer made in forward": MadeInForward,
            "layer in a plain list": InAList,
            "the first t remembered": RemembersTheFirst,
        }),
        also_right=[InSequence, ByHand, ByConvolution],
    ),
    Exercise(
        id="1.5",
        title="A step in time is a rotation",
        notebook=NOTEBOOK,
        reference=shift,
        experiment=shift_experiment,
        look="Compare shift(sinusoidal_embedding(t, 8), k) with sinusoidal_embedding(t + k, 8).",
        catalogue=by_hand({
            "backwards in time": shift_backwards,
            "plus where the cosine has a minus": shift_signs,
            "minus where the sine has a plus": shift_signs_of_the_sine,
            "k not used": shift_by_one,
            "max_period not handed on": shift_without_period,
            "cosines first in the result": shift_cosines_first,
            "cosines taken from the first half": shift_halves_exchanged,
            "math.cos of a tensor": shift_by_math,
            "the new sine used for the cosine": shift_one_by_one,
            "embeddings added": shift_adds,
            "neighbours taken for pairs": shift_pairs,
        }),
        also_right=[shift_by_complex, shift_by_angle, shift_by_rotation],
    ),
]
