"""Eighth set of networks that strangers got wrong: channels and widths."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "gray_batch_has_no_channel": [
        "6",
        "channel",
        "unsqueeze|[:, None]|6, 1, 16|6 x 1|axis|axes|dimension|without a batch|unbatched|3D|3-D",
    ],
    "gray_pair_for_a_coloured_pair": [
        "6",
        "2",
        "gray|grey|in_channels|colour|color|rgb|3 channel|three|one channel|1 channel|1 + 1|"
        "Conv2d(2|head",
    ],
    "cepstra_are_turned": [
        "transpose|permute|swap|turn",
        "10",
        "13",
    ],
    "stereo_makes_four_parts": [
        "4",
        "2",
        "stereo|mono|1 channel|one channel|twice|doubl|2 x 2|2 * 2|real|2, 1, |2 x 1|mean|sound|"
        "average|two channels|2 channels",
    ],
    "label_widens_the_noise": [
        "12",
        "8",
        "first|label|cat|Linear(12|in_features|joined|concat",
    ],
    "text_is_spread_over_four_places": [
        "8",
        "4",
        "repeat|expand|written|fixed|hard|shape[-2:]|size of the map|resize|interpolate|picture|"
        "spread",
    ],
    "branches_are_stacked_as_a_batch": [
        "cat|concat|join",
        "24",
        "dim=1|dim 1|axis 1|dim=-1|dim=0|dim 0|axis 0|batch|last axis|first axis|, 1)|, 0)",
    ],
}


class XrayNet(nn.Module):
    """A small U-Net that finds what is broken on an x-ray picture."""

    def __init__(self, channels):
        super().__init__()
        self.inc = nn.Sequential(nn.Conv2d(channels, 4, 3, 1, 1), nn.BatchNorm2d(4), nn.ReLU())
        self.down = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(4, 8, 3, 1, 1), nn.ReLU())
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.mix, self.outc = nn.Conv2d(8, 4, 3, 1, 1), nn.Conv2d(4, 1, 1)

    def forward(self, rays):
        x1 = self.inc(rays)
        x2 = self.up(self.down(x1))
        return self.outc(F.relu(self.mix(torch.cat([x1, x2], dim=1))))


def gray_batch_has_no_channel():
    """A batch of 15 gray pictures was given as (15, 224, 224), without an axis for its channel.

    https://github.com/milesial/Pytorch-UNet/issues/57
    """
    rays = draw(6, 16, 20)
    return XrayNet(1), [rays], XrayNet(1), [rays[:, None]]


class Painter(nn.Module):
    """Guesses the noise of a picture from another picture, and from how much noise there is."""

    def __init__(self, channels):
        super().__init__()
        self.head = nn.Conv2d(2 * channels, 8, 3, 1, 1)
        self.level = nn.Sequential(nn.Linear(1, 8), nn.SiLU(), nn.Linear(8, 8))
        self.body = nn.Sequential(nn.GroupNorm(2, 8), nn.SiLU(), nn.Conv2d(8, 8, 3, 1, 1))
        self.tail = nn.Conv2d(8, channels, 3, 1, 1)

    def forward(self, hint, noisy, level):
        h = self.head(torch.cat([hint, noisy], dim=1))
        h = h + self.level(level[:, None])[:, :, None, None]
        return self.tail(h + self.body(h))


def gray_pair_for_a_coloured_pair():
    """Pictures of one channel went into a net that joins two coloured pictures to 6 channels.

    https://github.com/Janspiry/Palette-Image-to-Image-Diffusion-Models/issues/70
    """
    given = [draw(2, 1, 12, 12), draw(2, 1, 12, 12), torch.rand(2)]
    return Painter(3), given, Painter(1), given


class SoundReader(nn.Module):
    """Ten features for each moment of a sound, then convolutions along time."""

    def __init__(self, turns):
        super().__init__()
        self.turns = turns
        self.cepstra = nn.Conv1d(1, 10, 8, 4)
        self.conv = nn.Sequential(nn.Conv1d(10, 16, 3, 1, 1), nn.ReLU(), nn.Conv1d(16, 8, 3, 1, 1))
        self.word = nn.Linear(8, 3)

    def forward(self, sound):
        seen = self.cepstra(sound)
        if self.turns:
            seen = seen.transpose(1, 2)
        return self.word(self.conv(seen).mean(2))


def cepstra_are_turned():
    """Features of (1, 40, 81) were transposed just before a Conv1d that wants 40 channels.

    https://github.com/kyegomez/zeta/issues/406
    """
    sound = draw(2, 1, 56)
    return SoundReader(True), [sound], SoundReader(False), [sound]


class Sharpener(nn.Module):
    """Works on a spectrum whose real and imaginary parts are channels."""

    def __init__(self, ears):
        super().__init__()
        self.register_buffer("window", torch.hann_window(16))
        self.enter = nn.Conv2d(2 * ears, 6, 1)
        self.body = nn.Sequential(nn.GELU(), nn.Conv2d(6, 6, (8, 1), (4, 1), (2, 0)), nn.GELU())
        self.leave = nn.Conv2d(6, 2 * ears, 1)

    def forward(self, sound):
        b, c, n = sound.shape
        flat = sound.reshape(b * c, n)
        wave = torch.stft(flat, 16, 8, window=self.window, return_complex=True)
        parts = torch.view_as_real(wave).permute(0, 3, 1, 2)
        parts = parts.reshape(b, 2 * c, *parts.shape[-2:])
        return self.leave(self.body(self.enter(parts)))


def stereo_makes_four_parts():
    """A stereo sound has four real and imaginary parts, and the first layer was made for two.

    https://github.com/slp-rl/aero/issues/3
    """
    sound = draw(2, 2, 80)
    return Sharpener(1), [sound], Sharpener(1), [sound.mean(1, keepdim=True)]


class FlowerMaker(nn.Module):
    """Makes flowers out of noise and out of the label of a flower."""

    def __init__(self, noise, label, enters):
        super().__init__()
        self.label = nn.Embedding(5, label)
        self.first = nn.Linear(enters, 6 * 4 * 4)
        self.grow = nn.ConvTranspose2d(6, 4, 4, 2, 1)
        self.paint = nn.Conv2d(4, 3, 3, 1, 1)

    def forward(self, noise, kind):
        told = F.normalize(self.label(kind), dim=1)
        both = torch.cat([noise, told], dim=1)
        h = self.first(both).view(len(noise), 6, 4, 4)
        return torch.tanh(self.paint(F.leaky_relu(self.grow(h), 0.2)))


def label_widens_the_noise():
    """Noise and label were joined for the generator, whose first layer is as wide as the noise.

    https://github.com/MiaoyunZhao/GANTransferLimitedData/issues/1
    """
    given = [draw(3, 8), torch.tensor([0, 4, 2])]
    return FlowerMaker(8, 4, 8), given, FlowerMaker(8, 4, 12), given


class TextJudge(nn.Module):
    """Judges whether a picture fits a sentence."""

    def __init__(self):
        super().__init__()
        self.look = nn.Sequential(nn.Conv2d(3, 6, 4, 2, 1), nn.LeakyReLU(0.2))
        self.look2 = nn.Sequential(nn.Conv2d(6, 8, 4, 2, 1), nn.LeakyReLU(0.2))
        self.both, self.verdict = nn.Conv2d(14, 8, 3, 1, 1), nn.Conv2d(8, 1, 4, 4)

    def forward(self, picture, sentence):
        h = self.look2(self.look(picture))
        told = sentence.view(-1, 6, 1, 1)
        told = told.repeat(1, 1, 4, 4)
        both = torch.cat((h, told), 1)
        return torch.sigmoid(self.verdict(F.leaky_relu(self.both(both), 0.2))).flatten(1)


def text_is_spread_over_four_places():
    """The sentence is repeated over 4 x 4 places, but the map of the picture was 8 x 8.

    https://github.com/sidward14/Style-AttnGAN/issues/5
    """
    told = draw(2, 6)
    return TextJudge(), [draw(2, 3, 32, 32), told], TextJudge(), [draw(2, 3, 16, 16), told]


class ThreeViews(nn.Module):
    """Looks at three views of a thing with one eye and decides on all of them."""

    def __init__(self, dim):
        super().__init__()
        self.dim = dim
        self.eye = nn.Sequential(
            nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 2, 3, 2, 1), nn.Flatten()
        )
        self.decide = nn.Sequential(nn.Linear(24, 10), nn.ReLU(), nn.Linear(10, 2))

    def forward(self, front, side, top):
        seen = [self.eye(view) for view in (front, side, top)]
        return self.decide(torch.cat(seen, self.dim))


def branches_are_stacked_as_a_batch():
    """What six branches saw was joined along the batch, and the next layer wants it side by side.

    https://github.com/pytorch/pytorch/issues/139037
    """
    views = [draw(2, 1, 8, 8) for _ in range(3)]
    return ThreeViews(0), views, ThreeViews(1), views
