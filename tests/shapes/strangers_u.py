"""Sixth set of networks that strangers got wrong: sizes, patches, maps laid flat."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "patches_half_as_large": [
        "64",
        "32",
        "patch|cut|scale|upsampl|factor|doubl|stride|times|eight|three|rise",
    ],
    "seven_becomes_eight": [
        "7",
        "8",
        "odd|round|multiple|divisible|pad|even|stride|halv|crop",
    ],
    "judge_of_larger_faces": [
        "50|5, 5|5 x 5|5x5|25",
        "BCE|binary_cross_entropy|loss|target",
        "larger|made for|meant for|16, 16|16 x 16|pool|mean|average|one number|one value"
        "|one per|single|patch|kernel|verdict|flatten",
    ],
    "records_of_other_receivers": [
        "240",
        "180|360",
        "view|reshape|flatten|verdict",
        "fixed|written|made for|meant for|depends|Lazy|size(0)|flatten(1)|shape[0]|batch|hard"
        "|larger|smaller|pool",
    ],
    "features_with_two_ones": [
        "12",
        "embed|Linear",
        "flatten|squeeze|last axis|last dimension|(5, 12)|view|reshape|mean",
    ],
    "speech_of_more_frames": [
        "204",
        "156",
        "fc1|Linear",
        "time|longer|frame|made for|meant for|length|48|adaptive|Lazy|fixed|pool",
    ],
    "merging_pads_the_wrong_axis": [
        "3",
        "2",
        "cat|merge",
        "pad|odd|even|divisible|multiple",
    ],
}


class NucleiNet(nn.Module):
    """A transformer over patches; three steps up bring its tokens back to the picture."""

    def __init__(self, patch):
        super().__init__()
        self.cut = nn.Conv2d(3, 12, patch, patch)
        self.think = nn.TransformerEncoderLayer(12, 3, 16, 0.0, batch_first=True)
        self.rise = nn.Sequential(
            nn.ConvTranspose2d(12, 8, 2, 2), nn.ReLU(),
            nn.ConvTranspose2d(8, 8, 2, 2), nn.ReLU(),
            nn.ConvTranspose2d(8, 6, 2, 2),
        )  # fmt: skip
        self.near = nn.Conv2d(3, 6, 3, padding=1)
        self.mask = nn.Conv2d(12, 2, 1)

    def forward(self, tissue):
        grid = self.cut(tissue)
        tokens = self.think(grid.flatten(2).transpose(1, 2))
        high = self.rise(tokens.transpose(1, 2).view_as(grid))
        return self.mask(torch.cat([high, self.near(tissue)], dim=1))


def patches_half_as_large():
    """The patch size was halved in the settings, but the decoder still goes up eightfold.

    https://github.com/TIO-IKIM/CellViT/issues/95
    """
    x = draw(2, 3, 32, 32)
    return NucleiNet(4), [x], NucleiNet(8), [x]


class Deblurrer(nn.Module):
    """Sharpens photographs; what comes up is added to what went down."""

    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(3, 6, 3, padding=1)
        self.fall1, self.fall2 = nn.Conv2d(6, 8, 3, 2, 1), nn.Conv2d(8, 10, 3, 2, 1)
        self.lift2, self.lift1 = nn.Conv2d(10, 8, 1), nn.Conv2d(8, 6, 1)
        self.tail = nn.Conv2d(6, 3, 3, padding=1)

    def forward(self, blurred):
        a = F.relu(self.head(blurred))
        b = F.relu(self.fall1(a))
        c = F.relu(self.fall2(b))
        b = self.lift2(F.interpolate(c, scale_factor=2, mode="bilinear")) + b
        a = self.lift1(F.interpolate(b, scale_factor=2, mode="bilinear")) + a
        return blurred + self.tail(a)


def seven_becomes_eight():
    """A photograph of 1360 x 1814 went through strided layers; 452 and 453 rows were added.

    https://github.com/megvii-research/TLC/issues/22
    """
    return Deblurrer(), [draw(2, 3, 14, 20)], Deblurrer(), [draw(2, 3, 16, 20)]


class FaceJudge(nn.Module):
    """Says of each face whether it is real; returns the loss."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 6, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(6, 8, 4, 2, 1), nn.LeakyReLU(0.2),
        )  # fmt: skip
        self.verdict = nn.Conv2d(8, 1, 4)

    def forward(self, faces):
        said = torch.sigmoid(self.verdict(self.body(faces))).view(-1)
        return F.binary_cross_entropy(said, torch.ones(len(faces)))


def judge_of_larger_faces():
    """Pictures twice as large leave a map of 5 x 5 verdicts where the loss wants one.

    https://github.com/carpedm20/DiscoGAN-pytorch/issues/17
    """
    return FaceJudge(), [draw(2, 3, 32, 32)], FaceJudge(), [draw(2, 3, 16, 16)]


class SeismicCritic(nn.Module):
    """Scores records of waves, times by receivers."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.LeakyReLU(0.1), nn.MaxPool2d(2),
            nn.Conv2d(4, 6, 3, padding=1), nn.LeakyReLU(0.1), nn.MaxPool2d(2),
        )  # fmt: skip
        self.first, self.verdict = nn.Linear(240, 10), nn.Linear(10, 1)

    def forward(self, record):
        waves = self.layers(record).view(-1, 240)
        return self.verdict(F.leaky_relu(self.first(waves)))


def records_of_other_receivers():
    """The critic lays its map flat to a written number, but the records had other sizes.

    https://github.com/YangFangShu/FWIGAN/issues/7
    """
    return SeismicCritic(), [draw(2, 1, 40, 12)], SeismicCritic(), [draw(2, 1, 32, 20)]


class PairScorer(nn.Module):
    """Compares what is seen with words for a state and a thing."""

    def __init__(self, flat):
        super().__init__()
        self.flat = flat
        self.see = nn.Sequential(nn.Conv2d(3, 12, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.embed = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 6))

    def forward(self, photo, words):
        seen = self.see(photo)
        if self.flat:
            seen = seen.flatten(1)
        return F.normalize(self.embed(seen), dim=-1) @ words.T


def features_with_two_ones():
    """Pooled features of shape (batch, 512, 1, 1) went into a linear layer as they were.

    https://github.com/wqshmzh/CANet-CZSL/issues/7
    """
    photo, words = draw(5, 3, 16, 16), draw(7, 6)
    return PairScorer(False), [photo, words], PairScorer(True), [photo, words]


class FeelingNet(nn.Module):
    """Hears a feeling: a convolution and a transformer side by side, then one layer."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.turns = nn.TransformerEncoderLayer(12, 4, 16, 0.0, batch_first=True)
        self.fc1 = nn.Linear(156, 5)

    def forward(self, mfcc):
        seen = self.conv(mfcc).flatten(1)
        heard = self.turns(mfcc[:, 0].transpose(1, 2)).mean(dim=1)
        return self.fc1(torch.cat([seen, heard], dim=1))


def speech_of_more_frames():
    """The coefficients had 498 frames, where the last layer was made for 282.

    https://github.com/IliaZenkov/transformer-cnn-emotion-recognition/issues/4
    """
    return FeelingNet(), [draw(2, 1, 12, 64)], FeelingNet(), [draw(2, 1, 12, 48)]


class Merging(nn.Module):
    """Joins eight neighbours of a volume of tokens (depth, height, width, features)."""

    def __init__(self, width, right):
        super().__init__()
        self.right = right
        self.less = nn.Linear(8 * width, 2 * width)

    def forward(self, x):
        d, h, w = x.shape[1:4]
        if self.right:
            x = F.pad(x, (0, 0, 0, w % 2, 0, h % 2, 0, d % 2))
        else:
            x = F.pad(x, (0, 0, 0, d % 2, 0, w % 2, 0, h % 2))
        parts = [
            x[:, i::2, j::2, k::2] for i in range(2) for j in range(2) for k in range(2)
        ]  # fmt: skip
        return self.less(torch.cat(parts, dim=-1))


class VolumeSwin(nn.Module):
    def __init__(self, right):
        super().__init__()
        self.cut = nn.Conv3d(1, 6, 2, 2)
        self.merge = Merging(6, right)
        self.out = nn.Linear(12, 3)

    def forward(self, scan):
        tokens = self.cut(scan).permute(0, 2, 3, 4, 1)
        return self.out(self.merge(tokens)).mean(dim=(1, 2, 3))


def merging_pads_the_wrong_axis():
    """Odd axes are padded before neighbours are joined, but the axes stand in another order.

    https://github.com/Project-MONAI/MONAI/pull/4695
    """
    x = draw(2, 1, 18, 8, 8)
    return VolumeSwin(False), [x], VolumeSwin(True), [x]
