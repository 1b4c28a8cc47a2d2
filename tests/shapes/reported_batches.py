"""Networks that people got wrong: attention, time and tables, numbers of two kinds."""

import torch
from reported_inputs import draw, sinusoid, whole
from torch import nn
from torch.nn import functional as F


class NormedBlock(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.conv = nn.Conv2d(3, 24, 3, padding=1)
        self.norm = norm
        self.out = nn.Conv2d(24, 3, 3, padding=1)

    def forward(self, x):
        return self.out(F.silu(self.norm(self.conv(x))))


def layer_norm_on_maps():
    x = draw(2, 3, 14, 10)
    return NormedBlock(nn.LayerNorm(24)), [x], NormedBlock(nn.GroupNorm(1, 24)), [x]


class TextMixer(nn.Module):
    """Pixels look at words."""

    def __init__(self, **settings):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1)
        self.look = nn.MultiheadAttention(16, 4, **settings)

    def forward(self, x, words):
        h = self.conv(x)
        tokens = h.flatten(2).transpose(1, 2)
        seen, _ = self.look(tokens, words, words)
        return h + seen.transpose(1, 2).unflatten(2, h.shape[2:])


def attention_not_batch_first():
    inputs = [draw(2, 3, 6, 5), draw(2, 7, 16)]
    return TextMixer(), inputs, TextMixer(batch_first=True), inputs


class PixelAttention(nn.Module):
    """Made for maps of one size, or for any."""

    def __init__(self, ch, size=None):
        super().__init__()
        self.ch, self.size = ch, size
        self.norm = nn.LayerNorm(ch)
        self.look = nn.MultiheadAttention(ch, 4, batch_first=True)

    def forward(self, x):
        H, W = (self.size, self.size) if self.size else x.shape[2:]
        h = x.view(-1, self.ch, H * W).swapaxes(1, 2)
        normed = self.norm(h)
        h = h + self.look(normed, normed, normed)[0]
        return h.swapaxes(1, 2).reshape(-1, self.ch, H, W)


class AttendingNet(nn.Module):
    def __init__(self, size=None):
        super().__init__()
        self.head = nn.Conv2d(3, 8, 3, padding=1)
        self.one = nn.Conv2d(8, 16, 3, padding=1)
        self.look = PixelAttention(16, size)
        self.two = nn.Conv2d(16, 24, 3, padding=1)
        self.time = nn.Linear(32, 24)
        self.out = nn.Conv2d(24, 3, 1)

    def forward(self, x, t):
        h = F.max_pool2d(self.head(x), 2)
        h = self.look(F.silu(self.one(h)))
        h = self.two(F.max_pool2d(h, 2))
        h = h + self.time(sinusoid(t, 32))[:, :, None, None].repeat(1, 1, *h.shape[2:])
        return self.out(F.silu(h))


def attention_for_another_size():
    inputs = [draw(3, 3, 32, 32), whole(1, 20, 300)]
    return AttendingNet(8), inputs, AttendingNet(), inputs


class TimeMLP(nn.Module):
    def __init__(self, dim, width=48):
        super().__init__()
        self.dim = dim
        self.layers = nn.Sequential(nn.Linear(dim, width), nn.SiLU(), nn.Linear(width, dim))

    def forward(self, t):
        return self.layers(sinusoid(t, self.dim))


def embedding_of_odd_width():
    t = whole(1, 20, 300)
    return TimeMLP(27), [t], TimeMLP(28), [t]


class TableTime(nn.Module):
    def __init__(self, T):
        super().__init__()
        self.table = nn.Embedding(T, 16)
        self.conv = nn.Conv2d(1, 16, 3, padding=1)

    def forward(self, x, t):
        return F.silu(self.conv(x) + self.table(t)[:, :, None, None])


def more_steps_than_rows():
    inputs = [draw(3, 1, 8, 8), whole(0, 1999, 2500)]
    return TableTime(2000), inputs, TableTime(3000), inputs


class Noiser(nn.Module):
    """x_t = sqrt(a) x + sqrt(1 - a) eps, in several broken ways."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.register_buffer("alpha_bar", torch.linspace(0.999, 0.001, 1000))
        self.net = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x, t, eps):
        a = self.alpha_bar[t]
        if self.shape:
            a = a.view(self.shape)
        return self.net(a.sqrt() * x + (1 - a).sqrt() * eps)


def noiser_inputs(t):
    return [draw(4, 3, 16, 12), t, draw(4, 3, 16, 12)]


def floats_as_rows():
    t = torch.tensor([3.0, 10.0, 500.0, 999.0])
    each = (-1, 1, 1, 1)
    return Noiser(each), noiser_inputs(t), Noiser(each), noiser_inputs(t.long())


def schedule_meets_columns():
    inputs = noiser_inputs(whole(3, 10, 500, 999))
    return Noiser(None), inputs, Noiser((-1, 1, 1, 1)), inputs


class Positions(nn.Module):
    """A table of positions is added to tokens: a plain attribute, or a buffer."""

    def __init__(self, is_buffer):
        super().__init__()
        self.proj = nn.Linear(8, 16)
        table = torch.randn(50, 16)
        if is_buffer:
            self.register_buffer("table", table)
        else:
            self.table = table

    def forward(self, tokens):
        return self.proj(tokens) + self.table[: tokens.shape[1]]


def table_stays_behind():
    tokens = torch.empty(3, 20, 8, device="meta")
    return Positions(False).to("meta"), [tokens], Positions(True).to("meta"), [tokens]


class Experts(nn.Module):
    """Several heads: in a plain list, or in a ModuleList."""

    def __init__(self, box):
        super().__init__()
        self.head = nn.Linear(8, 16)
        self.experts = box([nn.Linear(16, 16) for _ in range(3)])

    def forward(self, tokens):
        h = self.head(tokens)
        return sum(expert(h) for expert in self.experts)


def layers_in_a_list_stay_behind():
    tokens = torch.empty(3, 20, 8, device="meta")
    return Experts(list).to("meta"), [tokens], Experts(nn.ModuleList).to("meta"), [tokens]


class TypedTime(nn.Module):
    def __init__(self, is_typed):
        super().__init__()
        self.is_typed = is_typed
        self.time = nn.Sequential(nn.Linear(32, 64), nn.SiLU(), nn.Linear(64, 16))
        self.conv = nn.Conv2d(1, 16, 3, padding=1)

    def forward(self, x, t):
        emb = sinusoid(t, 32)
        if self.is_typed:
            emb = emb.to(x.dtype)
        return self.conv(x) + self.time(emb)[:, :, None, None]


def time_table_is_float32():
    inputs = [draw(3, 1, 8, 8).double(), whole(1, 20, 300)]
    return TypedTime(False).double(), inputs, TypedTime(True).double(), inputs


class CrossAttention(nn.Module):
    """Pixels look at words; heads by hand."""

    def __init__(self, ch=16, text_ch=24, heads=2):
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(ch, ch)
        self.to_k = nn.Linear(text_ch, ch)
        self.to_v = nn.Linear(text_ch, ch)
        self.out = nn.Linear(ch, ch)

    def forward(self, x, text):
        B, C, H, W = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        q = self.to_q(tokens).view(B, H * W, self.heads, -1).transpose(1, 2)
        k, v = (
            layer(text).reshape(B, text.shape[1], self.heads, C // self.heads).transpose(1, 2)
            for layer in (self.to_k, self.to_v)
        )
        seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return x + self.out(seen).transpose(1, 2).unflatten(2, (H, W))


def text_in_float32():
    x, text = draw(2, 16, 5, 6).half(), draw(2, 7, 24)
    return CrossAttention().half(), [x, text], CrossAttention().half(), [x, text.half()]


CASES = {
    case.__name__: case
    for case in (
        layer_norm_on_maps,
        attention_not_batch_first,
        attention_for_another_size,
        embedding_of_odd_width,
        more_steps_than_rows,
        floats_as_rows,
        schedule_meets_columns,
        table_stays_behind,
        layers_in_a_list_stay_behind,
        time_table_is_float32,
        text_in_float32,
    )
}
