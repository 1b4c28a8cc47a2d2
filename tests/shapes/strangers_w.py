"""Sixth set of networks that strangers got wrong: short clips, norms, losses, axes, dtypes."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "clip_of_one_frame_less": [
        "pool",
        "frame|time|depth|short|clip|length|first axis|axis 2",
        "8|at least|too few|too short|longer|more frames|ceil|minimum|nothing left|larger"
        "|reaches 0|becomes 0|0 frames|0 places|no frame",
    ],
    "pooled_map_of_one_picture": [
        "BatchNorm",
        "batch|one picture|one image|single picture|single image",
        "eval|larger batch|bigger batch|GroupNorm|more than one|at least 2|at least two"
        "|two pictures|one value|1 value|drop_last|only one|variance",
    ],
    "small_crop_shrinks_to_a_point": [
        "1, 1, 1|1 x 1 x 1|1x1x1|one place|single|one value|one voxel|one element|1 value",
        "norm",
        "larger|bigger|small|halv|fewer|deeper|32|crop|stride|GroupNorm|LayerNorm|16",
    ],
    "labels_are_whole_numbers": [
        "Long|int64|integer|whole",
        "float",
        "label|target|BCELoss|binary_cross_entropy|loss",
    ],
    "overlap_of_two_channels": [
        "1, 2, |(1, 2|2 channel|two channel|2 classes",
        "assert|must be equal|same shape|same size|do not match|differ|unequal|not equal",
        "one_hot|one-hot|unsqueeze|channel|[:, None|argmax|squeeze|class|axis",
    ],
    "sum_into_a_smaller_tensor": [
        "(7,)|[7]|7",
        "1, 7|1 x 7|leading|first axis|extra axis|one axis more|two axes|2 axes",
        "in place|in-place|inplace|+=|squeeze|out of place|[0]|a + b|sum",
    ],
    "mel_with_an_axis_too_many": [
        "Conv1d|listen",
        "1, 1, 10|(1, 1, 10, 14)|four|4",
        "squeeze|[:, 0]|[0]|three|3|without|extra|too many",
    ],
    "series_with_channels_last": [
        "16",
        "3",
        "permute|transpose|movedim|channels last|channel last|mT|swap|axes|order",
    ],
}


class ClipNet(nn.Module):
    """Tells what is done in a clip; space and time shrink by pooling."""

    def __init__(self):
        super().__init__()
        self.conv1, self.pool1 = nn.Conv3d(3, 4, 3, padding=1), nn.MaxPool3d((1, 2, 2))
        self.conv2, self.pool2 = nn.Conv3d(4, 6, 3, padding=1), nn.MaxPool3d(2)
        self.conv3, self.pool3 = nn.Conv3d(6, 10, 3, padding=1), nn.MaxPool3d(2)
        self.conv4, self.pool4 = nn.Conv3d(10, 10, 3, padding=1), nn.MaxPool3d(2)
        self.deed = nn.Linear(40, 5)

    def forward(self, clip):
        x = self.pool1(torch.relu(self.conv1(clip)))
        x = self.pool2(torch.relu(self.conv2(x)))
        x = self.pool3(torch.relu(self.conv3(x)))
        x = self.pool4(torch.relu(self.conv4(x)))
        return self.deed(x.flatten(1))


def clip_of_one_frame_less():
    """Clips of 15 frames went into a network whose pooling needs 16.

    https://github.com/MichiganCOG/ViP/issues/47
    """
    return ClipNet(), [draw(2, 3, 7, 32, 32)], ClipNet(), [draw(2, 3, 8, 32, 32)]


class ScenePool(nn.Sequential):
    """One vector for the whole picture, spread over it again."""

    def __init__(self, told, made):
        super().__init__(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(told, made, 1, bias=False),
            nn.BatchNorm2d(made), nn.ReLU(),
        )  # fmt: skip

    def forward(self, x):
        return F.interpolate(super().forward(x), size=x.shape[-2:], mode="bilinear")


class AtrousNet(nn.Module):
    """Segments streets; sees near and far."""

    def __init__(self):
        super().__init__()
        self.base = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.far = nn.Conv2d(8, 6, 3, padding=4, dilation=4)
        self.scene = ScenePool(8, 6)
        self.classes = nn.Conv2d(12, 4, 1)

    def forward(self, street):
        h = self.base(street)
        return self.classes(torch.cat([self.far(h), self.scene(h)], dim=1))


def pooled_map_of_one_picture():
    """A batch of one picture was pooled to one number per channel and then normalised.

    https://github.com/VainF/DeepLabV3Plus-Pytorch/issues/27
    """
    return AtrousNet(), [draw(1, 3, 24, 24)], AtrousNet(), [draw(2, 3, 24, 24)]


class BrainEncoder(nn.Module):
    """Halves a volume four times; normalises over its places each time."""

    def __init__(self):
        super().__init__()
        wide = [1, 4, 6, 8, 10]
        self.steps = nn.ModuleList(
            nn.Sequential(nn.Conv3d(a, b, 2, 2), nn.InstanceNorm3d(b), nn.LeakyReLU())
            for a, b in zip(wide, wide[1:])
        )
        self.labels = nn.Conv3d(10, 9, 1)

    def forward(self, brain):
        for step in self.steps:
            brain = step(brain)
        return self.labels(brain)


def small_crop_shrinks_to_a_point():
    """Crops of 32 went into a network that shrinks them 32 times, then normalises one place.

    https://github.com/Project-MONAI/research-contributions/issues/66
    """
    return BrainEncoder(), [draw(2, 1, 16, 16, 16)], BrainEncoder(), [draw(2, 1, 32, 32, 32)]


class DigitJudge(nn.Module):
    """Whether a digit is real; returns the loss."""

    def __init__(self, label):
        super().__init__()
        self.label = label
        self.look = nn.Sequential(nn.Conv2d(1, 4, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten())
        self.real = nn.Sequential(nn.Linear(256, 1), nn.Sigmoid())
        self.loss = nn.BCELoss()

    def forward(self, digits):
        said = self.real(self.look(digits)).view(-1)
        return self.loss(said, torch.full((len(digits),), self.label))


def labels_are_whole_numbers():
    """The labels for real and made pictures were 1 and 0 instead of 1.0 and 0.0.

    https://github.com/AKASHKADEL/dcgan-mnist/pull/2
    """
    x = draw(3, 1, 16, 16)
    return DigitJudge(1), [x], DigitJudge(1.0), [x]


class CellTrainer(nn.Module):
    """A network for volumes and its loss by overlap."""

    def __init__(self, channels):
        super().__init__()
        self.net = nn.Sequential(nn.Conv3d(1, 4, 3, 1, 1), nn.ReLU(), nn.Conv3d(4, channels, 1))

    def forward(self, volume, cells):
        said = torch.sigmoid(self.net(volume))
        assert said.size() == cells.size()
        both = (said * cells).sum()
        return 1 - 2 * both / (said.sum() + cells.sum())


def overlap_of_two_channels():
    """The net returns two channels, the mask has none; the loss insists on equal shapes.

    https://github.com/wolny/pytorch-3dunet/issues/5
    """
    x, cells = draw(1, 1, 6, 8, 8), (draw(1, 6, 8, 8) > 0).float()
    return CellTrainer(2), [x, cells], CellTrainer(1), [x, cells[:, None]]


class FlowVAE(nn.Module):
    """A latent is drawn and pushed through a flow; sums of logarithms are kept."""

    def __init__(self, squeezes):
        super().__init__()
        self.squeezes = squeezes
        self.mean, self.spread = nn.Linear(9, 4), nn.Linear(9, 4)
        self.slope, self.back = nn.Parameter(torch.zeros(4)), nn.Linear(4, 9)

    def forward(self, x):
        noise = torch.randn(1, len(x), 4)
        z = (self.mean(x) + noise * self.spread(x).exp()) * self.slope.exp()
        log_q = -self.spread(x).sum(dim=-1) - self.slope.sum()
        log_p = -0.5 * (z**2 - noise**2).sum(dim=-1)
        if self.squeezes:
            log_p = log_p.squeeze(0)
        log_q += log_p - ((self.back(z) - x) ** 2).sum(dim=-1).view_as(log_p)
        return -log_q.mean()


def sum_into_a_smaller_tensor():
    """The decoder gives its logarithms an axis for samples; they are added in place to a row.

    https://github.com/VincentStimper/normalizing-flows/issues/19
    """
    x = draw(7, 9)
    return FlowVAE(False), [x], FlowVAE(True), [x]


class Vocoder(nn.Module):
    """Makes sound from noise and from a mel spectrogram."""

    def __init__(self):
        super().__init__()
        self.start, self.listen = nn.Conv1d(2, 8, 1), nn.Conv1d(10, 8, 1)
        self.end = nn.Conv1d(8, 2, 3, padding=1)

    def forward(self, noise, mel):
        return self.end(torch.tanh(self.start(noise) + self.listen(mel)))


def mel_with_an_axis_too_many():
    """The spectrogram of another program was saved as (1, 1, bands, frames).

    https://github.com/tianrengao/SqueezeWave/issues/5
    """
    noise, mel = draw(1, 2, 14), draw(1, 1, 10, 14)
    return Vocoder(), [noise, mel], Vocoder(), [noise, mel[:, 0]]


class SeriesNet(nn.Module):
    """Three measurements along time."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv1d(3, 12, 5, padding=2), nn.Conv1d(12, 6, 5, padding=2)
        self.kind = nn.Linear(6, 2)

    def forward(self, series):
        x = torch.relu(self.conv2(torch.relu(self.conv1(series))))
        return self.kind(x.mean(dim=-1))


def series_with_channels_last():
    """A table of shape (708, 256, 3) came from NumPy with its channels at the end.

    https://openillumi.com/en/en-pytorch-permute-fix-channel-error
    """
    x = draw(8, 16, 3)
    return SeriesNet(), [x], SeriesNet(), [x.transpose(1, 2)]
