"""Sixth set of networks that strangers got wrong: sequences, masks and losses."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "clip_of_large_frames": [
        "remember|LSTM",
        "(3, 4, 6, 2, 2)|five axes|5 axes|five dim|5-D|5D|2 x 2",
        "squeeze|flatten|pool|smaller|8 x 8|three axes|3 axes|3-D|3D|1 x 1|mean|reshape|too large",
    ],
    "spectrogram_on_its_side": [
        "24",
        "40",
        "transpos|swap|permut|frequen|bins|bands|axis 2|axes|turn|order|height|rows|20|12",
    ],
    "flat_row_summed_by_columns": [
        "dim=1|axis 1|dimension 1|dim 1|axis=1|second axis",
        "view(-1)|flat|one axis|1 axis|1-D|1D|one dimension|single|only axis|dim=0|axis 0|reshape",
    ],
    "sum_of_a_bracket": [
        "tuple",
        "sum",
        "comma|bracket|parenthes|inside|torch.sum|.sum(|pair|dim=|list|two things",
    ],
    "mask_painted_in_colours": [
        "permute|one_hot",
        "5|five",
        "(2, 8, 12, 3)|colour|color|channel|RGB|[..., 0]|squeeze|4 axes|four axes",
    ],
    "judge_of_a_larger_picture": [
        "75",
        "3",
        "5 x 5|(3, 1, 5, 5)|25|1 x 1|16|larger|one more|another|pool|deeper|smaller|mean",
    ],
    "state_for_a_whole_batch": [
        "6",
        "4",
        "batch|rows|last|drop_last|state|hidden|written|fixed|zeros",
    ],
    "thirds_of_a_patch": [
        "15",
        "16",
        "multiple|divisible|divided|divide|round|floor|//|crop|third|rest|remainder|size=",
    ],
}


class LipReader(nn.Module):
    """Frames of a mouth; a convolution over time and place, then a memory."""

    def __init__(self):
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv3d(3, 4, 3, (1, 2, 2), 1),
            nn.ReLU(),
            nn.Conv3d(4, 6, (3, 4, 4), (1, 4, 4), (1, 0, 0)),
        )
        self.remember = nn.LSTM(6, 5, batch_first=True, bidirectional=True)

    def forward(self, clip):
        seen = self.look(clip).permute(0, 2, 1, 3, 4)
        return self.remember(seen.squeeze(4).squeeze(3))[0]


def clip_of_large_frames():
    """Frames of 128 x 128 leave 2 x 2 places, the LSTM was to get one vector for each frame.

    https://github.com/joannahong/Lip2Wav-pytorch/issues/4
    """
    return LipReader(), [draw(3, 3, 4, 16, 16)], LipReader(), [draw(3, 3, 4, 8, 8)]


class Listener(nn.Module):
    """Letters from a spectrogram: bands are halved and laid beside the channels."""

    def __init__(self):
        super().__init__()
        self.ears = nn.Sequential(nn.Conv2d(1, 4, (5, 3), (2, 1), (2, 1)), nn.Hardtanh(0, 20))
        self.rnn, self.letters = nn.GRU(24, 7, batch_first=True), nn.Linear(7, 9)

    def forward(self, spectrum):
        heard = self.ears(spectrum)
        b, c, bands, frames = heard.shape
        steps = heard.reshape(b, c * bands, frames).transpose(1, 2)
        return self.letters(self.rnn(steps)[0]).log_softmax(-1)


def spectrogram_on_its_side():
    """The spectrogram came as (time, frequency), the convolutions want (frequency, time).

    https://github.com/SeanNaren/deepspeech.pytorch/issues/494
    """
    return Listener(), [draw(2, 1, 20, 12)], Listener(), [draw(2, 1, 12, 20)]


class OrganDice(nn.Module):
    """A small net for one organ with the loss that compares its mask."""

    def __init__(self, axis):
        super().__init__()
        self.axis = axis
        self.body, self.out = nn.Conv3d(1, 4, 3, padding=1), nn.Conv3d(4, 1, 1)

    def forward(self, scan, organ):
        said = self.out(F.relu(self.body(scan))).sigmoid()
        predict, target = said.contiguous().view(-1), organ.contiguous().view(-1)
        both = torch.sum(predict * target, dim=self.axis)
        all_of_it = torch.sum(predict, dim=self.axis) + torch.sum(target, dim=self.axis) + 1
        return (1 - 2 * both / all_of_it).mean()


def flat_row_summed_by_columns():
    """Both masks were flattened to one row, and the Dice loss sums over dim 1.

    https://github.com/ljwztc/CLIP-Driven-Universal-Model/issues/83
    """
    args = [draw(2, 1, 4, 6, 6), torch.ones(2, 1, 4, 6, 6)]
    return OrganDice(1), args, OrganDice(0), args


class OverlapOfWarps(nn.Module):
    """Two maps of a brain; returns how little they lie on each other."""

    def __init__(self, right):
        super().__init__()
        self.right = right
        self.net = nn.Sequential(nn.Conv2d(2, 4, 3, 1, 1), nn.LeakyReLU(), nn.Conv2d(4, 3, 1))

    def forward(self, moving, atlas, labels):
        mapped = self.net(torch.cat([moving, atlas], 1)).softmax(1)
        if self.right:
            top = 2 * (labels * mapped).sum([1, 2, 3])
        else:
            top = 2 * (labels * mapped, [1, 2, 3]).sum()
        bottom = (labels + mapped).sum([1, 2, 3]).clamp(min=1e-5)
        return -(top / bottom).mean()


def sum_of_a_bracket():
    """The axes of the sum stand inside the bracket with the product, which makes a pair of both.

    https://github.com/voxelmorph/voxelmorph/issues/196
    """
    args = [draw(2, 1, 8, 6), draw(2, 1, 8, 6), torch.ones(2, 3, 8, 6)]
    return OverlapOfWarps(False), args, OverlapOfWarps(True), args


class CarCutter(nn.Module):
    """Classes for each pixel, compared with a mask of class numbers."""

    def __init__(self):
        super().__init__()
        self.down, self.deep = nn.Conv2d(3, 6, 3, 2, 1), nn.Conv2d(6, 6, 3, 1, 1)
        self.up, self.classes = nn.ConvTranspose2d(6, 6, 2, 2), nn.Conv2d(6, 4, 1)

    def forward(self, photo, mask):
        said = self.classes(F.relu(self.up(F.relu(self.deep(F.relu(self.down(photo)))))))
        true = F.one_hot(mask, 4).permute(0, 3, 1, 2).float()
        return 1 - 2 * (said.softmax(1) * true).mean()


def mask_painted_in_colours():
    """The mask was saved as a picture of three colours and not of one number for each pixel.

    https://github.com/milesial/Pytorch-UNet/issues/367
    """
    x, mask = draw(2, 3, 8, 12), torch.randint(4, (2, 8, 12))
    return CarCutter(), [x, mask[..., None].repeat(1, 1, 1, 3)], CarCutter(), [x, mask]


class FaceJudge(nn.Module):
    """Real or made? The last convolution leaves one number for a picture of 16 x 16."""

    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(3, 4, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(4, 8, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(8, 1, 4),
            nn.Sigmoid(),
        )

    def forward(self, faces):
        said = self.main(faces).view(-1)
        return F.binary_cross_entropy(said, torch.ones(len(faces)))


def judge_of_a_larger_picture():
    """The pictures were doubled in size, the discriminator stayed: many numbers for each picture.

    https://github.com/pytorch/examples/issues/1278
    """
    return FaceJudge(), [draw(3, 3, 32, 32)], FaceJudge(), [draw(3, 3, 16, 16)]


class RiverForecast(nn.Module):
    """Gauges of a river, filtered, then a memory that starts from zeros."""

    def __init__(self, batch):
        super().__init__()
        self.smooth = nn.Conv1d(5, 8, 3, padding=1)
        self.memory, self.level = nn.LSTM(8, 7, batch_first=True), nn.Linear(7, 1)
        self.batch = batch

    def forward(self, gauges):
        series = F.relu(self.smooth(gauges)).transpose(1, 2)
        start = torch.zeros(1, self.batch, 7), torch.zeros(1, self.batch, 7)
        return self.level(self.memory(series, start)[0][:, -1])


def state_for_a_whole_batch():
    """The state was made for the chosen batch size, but a batch may be smaller.

    https://github.com/MUST-Deep-Learning/KnowIt/issues/252
    """
    return RiverForecast(6), [draw(4, 5, 12)], RiverForecast(6), [draw(6, 5, 12)]


class ThreefoldZoom(nn.Module):
    """Makes a patch small, then three times larger again, and compares."""

    def __init__(self):
        super().__init__()
        self.first, self.upconv = nn.Conv2d(3, 6, 3, 1, 1), nn.Conv2d(6, 6, 3, 1, 1)
        self.last = nn.Conv2d(6, 3, 3, 1, 1)

    def forward(self, patch):
        low = F.interpolate(patch, scale_factor=1 / 3, mode="bicubic")
        high = F.interpolate(self.first(low), scale_factor=3, mode="nearest")
        return (self.last(F.leaky_relu(self.upconv(high))) - patch).abs().mean()


def thirds_of_a_patch():
    """A net for twofold zoom was changed to threefold; patches of 128 come back as 126.

    https://github.com/XPixelGroup/BasicSR/issues/222
    """
    return ThreefoldZoom(), [draw(2, 3, 16, 16)], ThreefoldZoom(), [draw(2, 3, 18, 18)]
