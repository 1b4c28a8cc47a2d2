"""Third set of networks that strangers got wrong: sizes of maps, scans and windows."""

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "marks_of_an_odd_map": ["15", "14", "odd|divi|multiple|output_size|rounded|pool"],
    "way_back_shrinks": ["16", "8", "padding|shrink|shrank|smaller|took|no pad|transpos|border"],
    "added_skip_of_half_the_channels": ["16", "8", "channel|1x1|1 x 1|torch.cat|concat|join"],
    "added_volumes_differ_by_a_slice": ["5", "6", "odd|divi|multiple|rounded|halv|made 3"],
    "halved_below_one": [
        "1",
        "2",
        "too short|too small|too many|halv|cannot|longer|multiple|divi|odd|made 1 of 1|1 of 1",
    ],
    "norm_of_a_single_pixel": [
        "1 x 1|1, 1|one pixel|single pixel|one place|single value|one value|one number",
        "norm|Norm",
        "small|larger|halv|stride|8 x 8|8, 8|InstanceNorm|down|pool",
    ],
    "small_windows_of_an_odd_map": [
        "15",
        "odd|multiple|remain|left over|pad|divisible|even|stem|30",
    ],
    "windows_of_seven": ["7", "16", "multiple|divi|remain|left over|window|2.28|pad|14"],
    "shuffle_of_63_channels": ["63", "16", "widen|conv|64|48|multiple"],
}


class MarkNet(nn.Module):
    """SegNet in small: where the largest value was is remembered on the way down."""

    def __init__(self, tells_size):
        super().__init__()
        self.tells_size = tells_size
        self.enter, self.leave = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 2, 3, padding=1)
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.unpool = nn.MaxUnpool2d(2)

    def forward(self, scene):
        h, kept = self.enter(scene), []
        for _ in range(2):
            size = h.shape
            h, places = self.pool(h)
            kept.append((size, places))
        for size, places in kept[::-1]:
            h = self.unpool(h, places, size if self.tells_size else None)
        return self.leave(h)


def marks_of_an_odd_map():
    """540 rows were pooled three times and unpooled without a size: 134 rows meet marks of 135.

    https://github.com/pytorch/pytorch/issues/580
    """
    x = draw(1, 1, 30, 24)
    return MarkNet(False), [x], MarkNet(True), [x]


class WideKernels(nn.Module):
    """Two levels with large kernels, and the same kernels on the way back."""

    def __init__(self, back):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 5), nn.Conv2d(4, 6, 5)
        self.pool, self.unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)
        self.c, self.d = back(6, 4, 5), back(4, 3, 5)

    def forward(self, photo):
        h, outer = self.pool(F.relu(self.a(photo)))
        h, inner = self.pool(F.relu(self.b(h)))
        h = F.relu(self.c(self.unpool(h, inner)))
        return self.d(self.unpool(h, outer))


def way_back_shrinks():
    """The decoder was built of plain convolutions without padding: marks of 24 meet a map of 12.

    https://github.com/pytorch/pytorch/issues/14349
    """
    x = draw(1, 3, 36, 36)
    return WideKernels(nn.Conv2d), [x], WideKernels(nn.ConvTranspose2d), [x]


class BasicUNet(nn.Module):
    """Skips are added, not joined."""

    def __init__(self, middle):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
        self.dec = nn.Conv2d(8, 8, 3, padding=1)
        self.middle = nn.Conv2d(16, middle, 3, padding=1)
        self.out = nn.Conv2d(8, 1, 1)

    def forward(self, room):
        skip = F.relu(self.one(room))
        low = F.relu(self.two(F.max_pool2d(skip, 2)))
        up = F.interpolate(self.middle(low), scale_factor=2)
        return self.out(F.relu(self.dec(up + skip)))


def added_skip_of_half_the_channels():
    """The upsampled map has twice the channels of the skip that is added to it: 256 and 128.

    https://github.com/rollthecloudinc/hedge/issues/308
    """
    x = draw(2, 3, 12, 12)
    return BasicUNet(16), [x], BasicUNet(8), [x]


class SliceNet(nn.Module):
    """A volume net: strided blocks down, doubled and added up."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv3d(1, 4, 3, padding=1)
        self.down1, self.down2 = (nn.Conv3d(4, 4, 3, 2, 1) for _ in range(2))
        self.up2, self.up1 = (nn.ConvTranspose3d(4, 4, 2, 2) for _ in range(2))
        self.head = nn.Conv3d(4, 3, 1)

    def forward(self, organ):
        skip1 = self.stem(organ)
        skip2 = F.leaky_relu(self.down1(skip1))
        x = self.up2(F.leaky_relu(self.down2(skip2)))
        x = F.leaky_relu(x + skip2)
        return self.head(self.up1(x) + skip1)


def added_volumes_differ_by_a_slice():
    """A net for volumes met a data set of small organs; at the added skip 6 meets 5.

    https://github.com/YtongXie/CoTr/issues/7
    """
    return SliceNet(), [draw(1, 1, 8, 8, 10)], SliceNet(), [draw(1, 1, 8, 8, 12)]


class ShortUNet(nn.Module):
    """A 1-D denoiser; how often it halves does not depend on the length."""

    def __init__(self, levels):
        super().__init__()
        self.enter, self.leave = nn.Conv1d(1, 4, 1), nn.Conv1d(4, 1, 1)
        self.downs = nn.ModuleList(nn.Conv1d(4, 4, 3, 2, 1) for _ in range(levels))
        self.ups = nn.ModuleList(nn.Conv1d(8, 4, 3, padding=1) for _ in range(levels))

    def forward(self, seq):
        h, skips = self.enter(seq), []
        for down in self.downs:
            skips.append(h)
            h = F.silu(down(h))
        for up in self.ups:
            h = F.interpolate(h, scale_factor=2)
            h = F.silu(up(torch.cat([h, skips.pop()], dim=1)))
        return self.leave(h)


def halved_below_one():
    """Sequences of 8 in a U-Net that halves more than three times; 1 meets 2 at the join.

    https://github.com/lucidrains/denoising-diffusion-pytorch/issues/336
    """
    x = draw(3, 1, 8)
    return ShortUNet(4), [x], ShortUNet(3), [x]


class GlyphNet(nn.Module):
    """A coder of letters; each step halves and norms."""

    def __init__(self):
        super().__init__()
        steps = []
        for a, b in ((1, 4), (4, 6), (6, 8)):
            steps += [nn.Conv2d(a, b, 3, 2, 1), nn.InstanceNorm2d(b), nn.ReLU()]
        self.steps = nn.Sequential(*steps)

    def forward(self, glyph):
        return self.steps(glyph)


def norm_of_a_single_pixel():
    """At the bottom the map is 1 x 1, and an instance norm takes its mean over rows and columns.

    https://github.com/ueoo/Attr2Font/issues/22
    """
    return GlyphNet(), [draw(4, 1, 8, 8)], GlyphNet(), [draw(4, 1, 16, 16)]


class MobileBlock(nn.Module):
    """Convolves, halves, and lets the pixels of equal place in their 2 x 2 windows attend."""

    def __init__(self):
        super().__init__()
        self.stem, self.look = nn.Conv2d(3, 8, 3, 2, 1), nn.Linear(8, 24)

    def forward(self, img):
        h = self.stem(img)
        rows = h.shape[2] // 2
        h = rearrange(h, "b d (h ph) (w pw) -> b (ph pw) (h w) d", ph=2, pw=2)
        q, k, v = self.look(h).chunk(3, dim=-1)
        h = F.scaled_dot_product_attention(q, k, v)
        return rearrange(h, "b (ph pw) (h w) d -> b d (h ph) (w pw)", ph=2, h=rows)


def small_windows_of_an_odd_map():
    """A mobile ViT as backbone of another net: its map of 15 x 15 is cut into windows of 2 x 2.

    https://github.com/chinhsuanwu/mobilevit-pytorch/issues/8
    """
    return MobileBlock(), [draw(2, 3, 30, 30)], MobileBlock(), [draw(2, 3, 32, 32)]


class WindowNet(nn.Module):
    """Patches of 2, then attention within windows of a fixed side."""

    def __init__(self, side, dim=8):
        super().__init__()
        self.side = side
        self.patch = nn.Conv2d(3, dim, 2, stride=2)
        self.attend = nn.MultiheadAttention(dim, 2, batch_first=True)

    def forward(self, picture):
        tokens = self.patch(picture).permute(0, 2, 3, 1)
        n, rows, cols, dim = tokens.shape
        s = self.side
        cut = tokens.reshape(n, rows // s, s, cols // s, s, dim).transpose(2, 3)
        cut = cut.reshape(-1, s * s, dim)
        return self.attend(cut, cut, cut)[0]


def windows_of_seven():
    """The picture's side was changed from 224 to 512; the windows stayed 7 x 7.

    https://github.com/microsoft/Swin-Transformer/issues/117
    """
    x = draw(1, 3, 32, 32)
    return WindowNet(7), [x], WindowNet(8), [x]


class Enlarger(nn.Module):
    """Four times as large by pixel shuffle."""

    def __init__(self, width):
        super().__init__()
        self.enter = nn.Conv2d(3, 12, 3, padding=1)
        self.widen = nn.Conv2d(12, width, 3, padding=1)
        self.shuffle = nn.PixelShuffle(4)

    def forward(self, face):
        return self.shuffle(self.widen(F.relu(self.enter(face))))


def shuffle_of_63_channels():
    """A pixel shuffle by 4 is given 63 channels.

    https://github.com/Snowfallingplum/SHMT/issues/1
    """
    x = draw(1, 3, 6, 6)
    return Enlarger(63), [x], Enlarger(48), [x]
