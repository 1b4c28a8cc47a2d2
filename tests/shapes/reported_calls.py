"""Networks that people got wrong: how a layer is called; and what runs and is wrong."""

import torch
from reported_inputs import draw, sinusoid, whole
from reported_sizes import Plain2d
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


class SelfDown(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.attentions = nn.ModuleList([nn.Conv2d(8, 8, 1)])

    def forward(self, hidden, temb):
        return self.attentions[0](self.conv(hidden) + temb[:, :, None, None])


class TextDown(SelfDown):
    def __init__(self):
        super().__init__()
        self.words = nn.Linear(24, 8)

    def forward(self, hidden, temb, text):
        return super().forward(hidden, temb + self.words(text).mean(1))


class KeywordUNet(nn.Module):
    """Blocks are called by keywords; those with attention are given the text as well."""

    def __init__(self, block):
        super().__init__()
        self.head = nn.Conv2d(1, 8, 3, padding=1)
        self.time = nn.Linear(16, 8)
        self.down = nn.ModuleList([block])

    def forward(self, x, t, text):
        h, temb = self.head(x), self.time(sinusoid(t, 16))
        for block in self.down:
            h = block(hidden=h, temb=temb, text=text)
        return h


def block_does_not_know_the_keyword():
    inputs = [draw(2, 1, 8, 8), whole(3, 40), draw(2, 7, 24)]
    return KeywordUNet(SelfDown()), inputs, KeywordUNet(TextDown()), inputs


class Levels(nn.Module):
    def __init__(self, box):
        super().__init__()
        self.head = nn.Conv2d(1, 8, 3, padding=1)
        self.down = box(nn.Conv2d(8, 8, 3, padding=1), nn.SiLU())

    def forward(self, x):
        return self.down(self.head(x))


def module_list_is_called():
    x = draw(2, 1, 8, 8)
    return Levels(lambda *layers: nn.ModuleList(layers)), [x], Levels(nn.Sequential), [x]


class TimedPlain(nn.Module):
    def __init__(self):
        super().__init__()
        self.plain, self.time = Plain2d(), nn.Linear(16, 1)

    def forward(self, x, t):
        return self.plain(x) + self.time(sinusoid(t, 16))[:, :, None, None]


def net_takes_no_step():
    inputs = [draw(2, 1, 8, 8), whole(3, 40)]
    return Plain2d(), inputs, TimedPlain(), inputs


class Checked(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.classes = classes
        self.label = nn.Embedding(classes, 8)
        self.conv = nn.Conv2d(1, 8, 3, padding=1)

    def forward(self, x, y=None):
        assert (y is None) == (self.classes is None), "this network has classes: it needs y"
        return self.conv(x) + self.label(y)[:, :, None, None]


def label_left_out():
    x = draw(2, 1, 8, 8)
    return Checked(4), [x], Checked(4), [x, whole(1, 3)]


class Tuned(nn.Module):
    """A frozen head, then blocks whose maps are not kept but computed again."""

    def __init__(self, is_reentrant):
        super().__init__()
        self.is_reentrant = is_reentrant
        self.head = nn.Conv2d(1, 8, 3, padding=1).requires_grad_(False)
        self.body = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.SiLU(), nn.Conv2d(8, 1, 1))

    def forward(self, x):
        return checkpoint(self.body, self.head(x), use_reentrant=self.is_reentrant)


def frozen_and_recomputed():
    def step(net):
        def run(x):
            loss = net(x).square().mean()
            loss.backward()
            return loss

        return run

    x = draw(2, 1, 8, 8)
    return step(Tuned(True)), [x], step(Tuned(False)), [x]


class Categories(nn.Module):
    """Each pixel is a category, and each category a vector, that become channels."""

    def __init__(self, order, dim=6):
        super().__init__()
        self.order, self.dim = order, dim
        self.embed = nn.Embedding(10, dim)
        self.conv = nn.Conv2d(2 * dim, 8, 3, padding=1)

    def forward(self, x):
        B, C, H, W = x.shape
        h = self.embed(x).permute(self.order)
        return self.conv(h.reshape(B, C * self.dim, H, W))


def embedding_axis_not_moved():
    x = torch.randint(0, 10, (3, 2, 5, 7))
    return Categories((0, 1, 3, 2, 4)), [x], Categories((0, 1, 4, 2, 3)), [x]


class NormedTokens(nn.Module):
    def __init__(self, is_moved, ch=12):
        super().__init__()
        self.is_moved = is_moved
        self.conv, self.norm = nn.Conv2d(3, ch, 3, padding=1), nn.LayerNorm(ch)
        self.mix = nn.Linear(ch, ch)

    def forward(self, x):
        h = self.conv(x)
        b, c, height, width = h.shape
        if self.is_moved:
            tokens = h.flatten(2).transpose(1, 2)
        else:
            tokens = h.reshape(b, -1, c)
        seen = self.mix(self.norm(tokens))
        return h + seen.transpose(1, 2).reshape(b, c, height, width)


def pixels_and_channels_mixed():
    x = draw(2, 3, 5, 7)
    return NormedTokens(False), [x], NormedTokens(True), [x]


class Projected(nn.Module):
    def __init__(self, is_used, ch=8):
        super().__init__()
        self.is_used = is_used
        self.conv = nn.Conv2d(1, ch, 3, padding=1)
        self.qkv, self.proj = nn.Linear(ch, 3 * ch), nn.Linear(ch, ch)

    def forward(self, x):
        h = self.conv(x)
        tokens = h.flatten(2).transpose(1, 2)
        seen = F.scaled_dot_product_attention(*self.qkv(tokens).chunk(3, dim=-1))
        if self.is_used:
            seen = self.proj(seen)
        return h + seen.transpose(1, 2).unflatten(2, h.shape[2:])


def projection_forgotten():
    x = draw(2, 1, 6, 5)
    return Projected(False), [x], Projected(True), [x]


def loss_of(net, compare):
    """A training step's loss, with a network that the tracer sees as a module."""

    class Loss(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x, wanted):
            return compare(self.net(x), wanted)

    return Loss()


def one_channel_of_noise_for_two():
    def squares(made, wanted):
        return ((wanted - made) ** 2).mean(dim=(1, 2, 3))

    inputs = [draw(4, 1, 8, 6), draw(4, 1, 8, 6)]
    return (
        loss_of(nn.Conv2d(1, 2, 3, padding=1), squares), inputs,
        loss_of(nn.Conv2d(1, 1, 3, padding=1), squares), inputs,
    )  # fmt: skip


class Ending(nn.Module):
    def __init__(self, ch, is_returned):
        super().__init__()
        self.is_returned, self.conv = is_returned, nn.Conv2d(ch, 3, 1)

    def forward(self, x):
        x = self.conv(x)
        if self.is_returned:
            return x
        return None  # an empty return, in the report


def norm_gets_nothing():
    x = draw(2, 8, 6, 6)
    return (
        nn.Sequential(Ending(8, False), nn.GroupNorm(1, 3)), [x],
        nn.Sequential(Ending(8, True), nn.GroupNorm(1, 3)), [x],
    )  # fmt: skip


class Injected(nn.Module):
    """A condition is halved first, and each size of it joins the way down."""

    def __init__(self):
        super().__init__()
        self.of_condition = nn.ModuleList([nn.Conv2d(1, 4, 3, padding=1) for _ in range(2)])
        self.one, self.two = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(12, 8, 3, padding=1)
        self.out = nn.Conv2d(12, 3, 3, padding=1)

    def forward(self, x, condition):
        sizes = [condition, F.avg_pool2d(condition, 2)]
        first, second = (layer(c) for layer, c in zip(self.of_condition, sizes))
        h = self.two(torch.cat([self.one(x), first], dim=1))
        return self.out(torch.cat([F.avg_pool2d(h, 2), second], dim=1))


CASES = {
    case.__name__: case
    for case in (
        block_does_not_know_the_keyword,
        module_list_is_called,
        net_takes_no_step,
        label_left_out,
        frozen_and_recomputed,
        embedding_axis_not_moved,
        pixels_and_channels_mixed,
        projection_forgotten,
        one_channel_of_noise_for_two,
        norm_gets_nothing,
    )
}
