"""Eighth set of networks that strangers got wrong: sizes that do not fit."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "nested_pools_lose_a_row": [
        "14",
        "15",
        "odd|round|multiple|divisible|divide|halv|lost|lose|pool|even|pad|crop|interpolate|resize",
    ],
    "bands_are_cut_short": [
        "16",
        "20",
        "odd|round|multiple|divisible|divide|halv|lost|lose|pool|even|pad|crop|interpolate|slice",
    ],
    "answers_twice_as_large": [
        "24",
        "12",
        "mask|label|target|truth|grow|upsampl|ConvTranspose|twice|doubl|interpolate|resize",
    ],
    "truths_for_a_fixed_side": [
        "6",
        "8",
        "written|fixed|hard|constant|ones|side|made for|same size|same shape|resize|24",
    ],
    "values_take_the_size_of_queries": [
        "10",
        "9|81|1296",
        "odd|round|multiple|divisible|even|upsampl|interpolate|shuffle|doubl|twice|view|reshape|"
        "resize|ask",
    ],
    "map_of_nine_is_written": [
        "9",
        "7|49",
        "written|fixed|hard|constant|made for|side|view|reshape|36|28|picture size|image size",
    ],
    "places_of_a_larger_picture": [
        "17",
        "2",
        "places|position|patch|picture|image|resize|interpolate|16 x 16",
    ],
    "tokens_folded_by_four": [
        "25",
        "4",
        "divisible|multiple|divide|odd|whole|remainder|square|pad|24|left over|even",
    ],
}


class CellNet(nn.Module):
    """Down by pooling, up by nearest neighbours; what was seen is joined."""

    def __init__(self):
        super().__init__()
        self.pool = nn.MaxPool2d(2, 2)
        self.see1, self.see2 = nn.Conv2d(3, 4, 3, 1, 1), nn.Conv2d(4, 8, 3, 1, 1)
        self.see3 = nn.Conv2d(8, 16, 3, 1, 1)
        self.up3 = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(16, 8, 3, 1, 1))
        self.up2 = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(8, 4, 3, 1, 1))
        self.mix3, self.mix2 = nn.Conv2d(16, 8, 3, 1, 1), nn.Conv2d(8, 4, 3, 1, 1)
        self.cells = nn.Conv2d(4, 1, 1)

    def forward(self, tissue):
        e1 = F.relu(self.see1(tissue))
        e2 = F.relu(self.see2(self.pool(e1)))
        e3 = F.relu(self.see3(self.pool(e2)))
        d3 = self.mix3(torch.cat((e2, self.up3(e3)), dim=1))
        d2 = self.mix2(torch.cat((e1, self.up2(F.relu(d3))), dim=1))
        return self.cells(F.relu(d2))


def nested_pools_lose_a_row():
    """Pictures were no multiple of 2^4; at a join 61 was expected and 60 came.

    https://github.com/bigmb/Unet-Segmentation-Pytorch-Nest-of-Unets/issues/55
    """
    return CellNet(), [draw(2, 3, 30, 32)], CellNet(), [draw(2, 3, 32, 32)]


class SpectralPrior(nn.Module):
    """Restores a picture of many bands and says how far it is from what was measured."""

    def __init__(self):
        super().__init__()
        wide = (1, 4, 4, 6)
        self.falls = nn.ModuleList(nn.Conv3d(a, b, 3, 1, 1) for a, b in zip(wide, wide[1:]))
        self.rises = nn.ModuleList(nn.Conv3d(6, 6, 3, 1, 1) for _ in range(3))
        self.last = nn.Conv3d(6, 1, 1)

    def forward(self, bands, known):
        h = bands
        for fall in self.falls:
            h = F.max_pool3d(F.leaky_relu(fall(h)), 2)
        for rise in self.rises:
            h = F.leaky_relu(rise(F.interpolate(h, scale_factor=2)))
        restored = self.last(h)
        return ((restored - bands) * known).square().mean()


def bands_are_cut_short():
    """A picture of 200 bands came out with 192, and was compared with the picture.

    https://github.com/acecreamu/deep-hs-prior/issues/1
    """
    wrong, right = draw(1, 1, 20, 8, 8), draw(1, 1, 24, 8, 8)
    known = [torch.rand_like(x).round() for x in (wrong, right)]
    return SpectralPrior(), [wrong, known[0]], SpectralPrior(), [right, known[1]]


class LiverNet(nn.Module):
    """Marks the liver, at twice the side of the scan, and tells how bad it was."""

    def __init__(self):
        super().__init__()
        self.look = nn.Conv3d(1, 4, 3, 1, 1)
        self.fall = nn.Conv3d(4, 8, (1, 2, 2), (1, 2, 2))
        self.rise = nn.ConvTranspose3d(8, 4, (1, 2, 2), (1, 2, 2))
        self.grow = nn.ConvTranspose3d(4, 2, (1, 2, 2), (1, 2, 2))

    def forward(self, scan, mask):
        seen = F.relu(self.look(scan))
        back = F.relu(self.rise(F.relu(self.fall(seen))) + seen)
        liver = self.grow(back).softmax(1)[:, 1]
        both = (liver * mask).sum((1, 2, 3))
        return 1 - (2 * both / (liver.sum((1, 2, 3)) + mask.sum((1, 2, 3)) + 1)).mean()


def answers_twice_as_large():
    """The masks were made small with the scans, but the net answers at double side: 512 and 256.

    https://github.com/lee-zq/3DUNet-Pytorch/issues/33
    """
    scan = draw(1, 1, 4, 12, 12)
    small, large = torch.rand(1, 4, 12, 12).round(), torch.rand(1, 4, 24, 24).round()
    return LiverNet(), [scan, small], LiverNet(), [scan, large]


class CartoonJudge(nn.Module):
    """Judges patches of a picture; the loss for pictures that are drawn."""

    def __init__(self, side):
        super().__init__()
        self.side = side
        self.one, self.two = nn.Conv2d(3, 6, 3, 2, 1), nn.Conv2d(6, 8, 3, 2, 1)
        self.verdict = nn.Conv2d(8, 1, 3, 1, 1)
        self.loss = nn.BCEWithLogitsLoss()

    def forward(self, drawn):
        h = F.leaky_relu(self.two(F.leaky_relu(self.one(drawn), 0.2)), 0.2)
        verdict = self.verdict(h)
        truth = torch.ones(len(drawn), 1, self.side, self.side)
        return self.loss(verdict, truth)


def truths_for_a_fixed_side():
    """The truths were 56 x 56 whatever the picture; the judge gave 64 x 72.

    https://github.com/FilipAndersson245/cartoon-gan/issues/14
    """
    wrong, right = draw(2, 3, 32, 36), draw(2, 3, 24, 24)
    return CartoonJudge(6), [wrong], CartoonJudge(6), [right]


class DepthNet(nn.Module):
    """Depth: what comes from below asks, what was seen answers."""

    def __init__(self):
        super().__init__()
        self.stem, self.deep = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 32, 3, 2, 1)
        self.shuffle = nn.PixelShuffle(2)
        self.ask, self.value = nn.Linear(8, 8), nn.Linear(8, 8)
        self.depth = nn.Linear(8, 1)

    def forward(self, photo):
        fine = F.relu(self.stem(photo))
        coarse = self.shuffle(F.relu(self.deep(fine)))
        b, c, h, w = coarse.shape
        asked = self.ask(coarse.permute(0, 2, 3, 1))
        value = self.value(fine.flatten(2).transpose(1, 2))
        value = value.view(b, h, w, c)
        return self.depth(torch.sigmoid(asked) * value).squeeze(-1)


def values_take_the_size_of_queries():
    """1089 values, 33 x 33, were viewed as 34 x 34, the size of the upsampled queries.

    https://github.com/ashutosh1807/PixelFormer/issues/18
    """
    return DepthNet(), [draw(2, 3, 18, 18)], DepthNet(), [draw(2, 3, 20, 20)]


class SlotNet(nn.Module):
    """Says what is seen by slots that look at the places of a map."""

    def __init__(self, side):
        super().__init__()
        self.side = side
        self.backbone = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU(), nn.Conv2d(6, 8, 3, 2, 1))
        self.narrow = nn.Conv2d(8, 4, 1)
        self.slots = nn.Parameter(draw(5, 4))

    def forward(self, bird):
        h = self.backbone(bird).flatten(1)
        h = self.narrow(h.view(len(bird), 8, self.side, self.side))
        looks = torch.einsum("sc,bchw->bshw", self.slots, h)
        return torch.sigmoid(looks).sum((2, 3))


def map_of_nine_is_written():
    """A side of 9 was written for the map, and pictures of 224 make one of 7.

    https://github.com/wbw520/scouter/issues/10
    """
    return SlotNet(9), [draw(2, 3, 28, 28)], SlotNet(9), [draw(2, 3, 36, 36)]


class PictureTower(nn.Module):
    """The half of a model of words and pictures that reads the pictures."""

    def __init__(self, side):
        super().__init__()
        self.patches = nn.Conv2d(3, 12, 4, 4, bias=False)
        self.first = nn.Parameter(draw(12))
        self.places = nn.Parameter(draw((side // 4) ** 2 + 1, 12))
        self.norm = nn.LayerNorm(12)
        self.block = nn.TransformerEncoderLayer(12, 3, 24, batch_first=True)

    def forward(self, picture):
        x = self.patches(picture).flatten(2).transpose(1, 2)
        first = self.first.expand(len(x), 1, 12)
        x = torch.cat([first, x], dim=1)
        x = x + self.places
        return self.block(self.norm(x))[:, 0]


def places_of_a_larger_picture():
    """Pictures of 32 x 32 made 2 tokens where the model has 50 places.

    https://github.com/openai/CLIP/issues/189
    """
    return PictureTower(16), [draw(2, 3, 4, 4)], PictureTower(16), [draw(2, 3, 16, 16)]


class PictureToWords(nn.Module):
    """Four tokens of a picture are folded into one, then made as wide as words."""

    def __init__(self):
        super().__init__()
        self.eye = nn.Conv2d(3, 6, 4, 4)
        self.wide, self.wider = nn.Linear(24, 16), nn.Linear(16, 16)

    def forward(self, picture):
        seen = self.eye(picture).flatten(2).transpose(1, 2).contiguous()
        b, _, d = seen.shape
        folded = seen.view(b, -1, d * 4)
        return self.wider(F.silu(self.wide(folded)))


def tokens_folded_by_four():
    """Another picture model gave 729 tokens, which cannot be folded by fours as 196 can.

    https://github.com/wyf3/llm_related/issues/25
    """
    return PictureToWords(), [draw(2, 3, 20, 20)], PictureToWords(), [draw(2, 3, 16, 16)]
