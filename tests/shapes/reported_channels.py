"""Networks that people got wrong: channels, and maps that are too small."""

import torch
from reported_batches import CrossAttention
from reported_inputs import draw
from reported_sizes import Plain2d
from torch import nn
from torch.nn import functional as F


class UpAndConvolve(nn.Module):
    """Doubling and convolving in one Sequential: the skip comes too late, or in between."""

    def __init__(self, is_late):
        super().__init__()
        self.is_late = is_late
        self.enc = nn.Conv2d(3, 16, 3, padding=1)
        self.low = nn.Conv2d(16, 32, 3, padding=1)
        self.up = nn.ConvTranspose2d(32, 16, 2, stride=2)
        self.twice = nn.Sequential(nn.Conv2d(32, 16, 3, padding=1), nn.ReLU())
        self.out = nn.Conv2d(32 if is_late else 16, 1, 1)

    def forward(self, x):
        skip = F.relu(self.enc(x))
        h = self.up(F.relu(self.low(F.max_pool2d(skip, 2))))
        if self.is_late:
            return self.out(torch.cat([self.twice(h), skip], dim=1))
        return self.out(self.twice(torch.cat([h, skip], dim=1)))


def convolved_before_the_skip():
    x = draw(2, 3, 12, 12)
    return UpAndConvolve(True), [x], UpAndConvolve(False), [x]


def rgba_pictures():
    x = draw(2, 4, 16, 16)
    return Plain2d(3), [x], Plain2d(3), [x[:, :3]]


class WaveMid(nn.Module):
    """1-D, with a middle that keeps the channels or halves them."""

    def __init__(self, mid_ch):
        super().__init__()
        self.head = nn.Conv1d(14, 16, 5, padding=2)
        self.down = nn.Conv1d(16, 32, 3, stride=2, padding=1)
        self.mid = nn.Conv1d(32, mid_ch, 5, padding=2)
        self.up = nn.ModuleList([nn.Conv1d(64, 16, 5, padding=2), nn.Conv1d(32, 16, 5, padding=2)])
        self.out = nn.Conv1d(16, 14, 1)

    def forward(self, x):
        one = F.mish(self.head(x))
        two = F.mish(self.down(one))
        h = F.mish(self.mid(two))
        h = F.mish(self.up[0](torch.cat((h, two), dim=1)))
        h = F.interpolate(h, scale_factor=2)
        return self.out(F.mish(self.up[1](torch.cat((h, one), dim=1))))


def middle_halves_channels():
    return WaveMid(16), [draw(4, 14, 16)], WaveMid(32), [draw(4, 14, 16)]


class LargePictures(nn.Module):
    """For large pictures the first level gets half of the base channels."""

    def __init__(self, base, mults, groups=32):
        super().__init__()
        chs = [base, *(int(m * base) for m in mults)]
        self.convs = nn.ModuleList(
            nn.Sequential(nn.GroupNorm(groups, a), nn.SiLU(), nn.Conv2d(a, b, 3, padding=1))
            for a, b in zip(chs, chs[1:])
        )
        self.head = nn.Conv2d(1, base, 3, padding=1)

    def forward(self, x):
        h = self.head(x)
        for conv in self.convs:
            h = conv(h)
        return h


def half_of_the_base_channels():
    x = draw(2, 1, 8, 8)
    return (
        lambda x: LargePictures(32, (0.5, 1, 2))(x), [x],
        lambda x: LargePictures(64, (0.5, 1, 2))(x), [x],
    )  # fmt: skip


def text_of_another_encoder():
    x = draw(2, 16, 5, 6)
    return CrossAttention(text_ch=32), [x, draw(2, 7, 24)], CrossAttention(), [x, draw(2, 7, 24)]


class TokensUp(nn.Module):
    """Attention on the way up, whose answer is turned back into a map, or not."""

    def __init__(self, is_turned):
        super().__init__()
        self.is_turned = is_turned
        self.head = nn.Conv2d(3, 16, 3, padding=1)
        self.look = nn.MultiheadAttention(16, 2, batch_first=True)
        self.mix = nn.Conv2d(32, 3, 3, padding=1)

    def forward(self, x):
        skip = self.head(x)
        h = F.silu(skip).flatten(2).transpose(1, 2)
        h = self.look(h, h, h)[0]
        if self.is_turned:
            h = h.transpose(1, 2).unflatten(2, skip.shape[2:])
        return self.mix(torch.cat([h, skip], dim=1))


def tokens_meet_a_map():
    x = draw(2, 3, 6, 5)
    return TokensUp(False), [x], TokensUp(True), [x]


class DeepUNet(nn.Module):
    def __init__(self, depth, ch=8):
        super().__init__()
        self.head = nn.Conv2d(3, ch, 3, padding=1)
        self.downs = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(ch, ch, 4, stride=2, padding=1), nn.BatchNorm2d(ch), nn.LeakyReLU(0.2)
            )
            for _ in range(depth)
        )
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(ch if i == 0 else 2 * ch, ch, 4, stride=2, padding=1)
            for i in range(depth)
        )
        self.tail = nn.Conv2d(2 * ch, 3, 3, padding=1)

    def forward(self, x):
        h, skips = self.head(x), []
        for down in self.downs:
            skips.append(h)
            h = down(h)
        for up in self.ups:
            h = torch.cat([up(h), skips.pop()], dim=1)
        return self.tail(h)


def too_many_halvings_for_batchnorm():
    return DeepUNet(4), [draw(1, 3, 20, 20)], DeepUNet(2), [draw(2, 3, 20, 20)]


class UnpaddedBottom(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(3, 8, 3, padding=1)
        self.low = nn.Conv2d(8, 8, 3)

    def forward(self, x):
        h = self.head(x)
        for _ in range(3):
            h = F.avg_pool2d(h, 2)
        return self.low(h)


def kernel_larger_than_map():
    return UnpaddedBottom(), [draw(2, 3, 16, 20)], UnpaddedBottom(), [draw(2, 3, 24, 32)]


class Folded(nn.Module):
    """The condition is folded by 8 before it enters."""

    def __init__(self):
        super().__init__()
        self.fold = nn.PixelUnshuffle(8)
        self.conv = nn.Conv2d(192, 8, 3, padding=1)

    def forward(self, x):
        return self.conv(self.fold(x))


def unshuffle_does_not_divide():
    return Folded(), [draw(1, 3, 64, 100)], Folded(), [draw(1, 3, 64, 104)]


class RearrangedUNet(nn.Module):
    """Halves by folding 2 x 2 pixels into channels, three times."""

    def __init__(self):
        super().__init__()
        self.downs = nn.ModuleList(nn.Conv2d(12 if i == 0 else 32, 8, 1) for i in range(3))

    def forward(self, x):
        from einops import rearrange

        for down in self.downs:
            x = down(rearrange(x, "b c (h p) (w q) -> b (c p q) h w", p=2, q=2))
        return x


def einops_cannot_halve():
    return RearrangedUNet(), [draw(2, 3, 20, 20)], RearrangedUNet(), [draw(2, 3, 24, 24)]


CASES = {
    case.__name__: case
    for case in (
        convolved_before_the_skip,
        rgba_pictures,
        middle_halves_channels,
        half_of_the_base_channels,
        text_of_another_encoder,
        tokens_meet_a_map,
        too_many_halvings_for_batchnorm,
        kernel_larger_than_map,
        unshuffle_does_not_divide,
        einops_cannot_halve,
    )
}
