"""Seventh set of networks that strangers got wrong: sizes at skips, channels."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "street_of_five_pools": [
        "11",
        "10",
        "odd|round|multiple|divisible|divide|halv|lost|pool|even|pad|crop|interpolate|resize",
    ],
    "vessels_without_padding": [
        "28",
        "20",
        "padding|unpadded|crop|border|shrink|valid|interpolate|resize",
    ],
    "own_pictures_for_ddpm": [
        "26",
        "25",
        "odd|round|multiple|divisible|divide|halv|stride|even|pad|crop|interpolate|resize",
    ],
    "sound_of_300_samples": [
        "37",
        "36",
        "odd|round|multiple|divisible|divide|factor|lost|stride|pad|crop|shorter|even",
    ],
    "judge_of_gray_pictures": [
        "10",
        "12",
        "photo|rgb|gray|grey|colour|color|3 channel|three channel|3 instead|9 + 3|3 of",
    ],
    "fusion_counts_on_colour": [
        "fuse",
        "6",
        "4|1 + 3|3 + 1|1 and 3|gray|grey|colour|color|hard|fixed|written",
    ],
    "colour_comes_last": [
        "24",
        "permute|transpose|movedim|moveaxis|rearrange|channels first|channels last|last axis|NHWC",
    ],
    "slices_taken_for_channels": [
        "12",
        "slice|depth|Conv3d|unsqueeze|[:, None]|transpose|volume|as a batch|permute|batch of|swap",
    ],
}


class StreetUNet(nn.Module):
    """Down by pooling, up by transposed convolutions, what was seen is joined."""

    def __init__(self):
        super().__init__()
        wide = (3, 4, 6, 8, 8)
        self.looks = nn.ModuleList(nn.Conv2d(a, b, 3, 1, 1) for a, b in zip(wide, wide[1:]))
        pairs = ((8, 8), (8, 6), (6, 4))
        self.rises = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in pairs)
        self.joins = nn.ModuleList(nn.Conv2d(2 * a, a, 3, 1, 1) for a in (8, 6, 4))
        self.kinds = nn.Conv2d(4, 5, 1)

    def forward(self, street):
        h, seen = street, []
        for look in self.looks[:-1]:
            seen.append(F.relu(look(h)))
            h = F.max_pool2d(seen[-1], 2)
        h = F.relu(self.looks[-1](h))
        for rise, join in zip(self.rises, self.joins):
            h = F.relu(join(torch.cat((seen.pop(), rise(h)), dim=1)))
        return self.kinds(h)


def street_of_five_pools():
    """Own pictures of 760 x 540 went into a U-Net that pools five times; 70 and 71 met at a join.

    https://github.com/lbktrinh/UNet_scAG/issues/1
    """
    return StreetUNet(), [draw(2, 3, 24, 44)], StreetUNet(), [draw(2, 3, 24, 48)]


class VesselNet(nn.Module):
    """Finds blood vessels; one level down and one up."""

    def __init__(self, crops):
        super().__init__()
        self.crops = crops
        self.eye = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU())
        self.deep = nn.Sequential(nn.Conv2d(4, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU())
        self.grow = nn.ConvTranspose2d(8, 4, 2, 2)
        self.merge = nn.Sequential(nn.Conv2d(8, 4, 3), nn.ReLU(), nn.Conv2d(4, 1, 1))

    def forward(self, retina):
        fine = self.eye(retina)
        coarse = self.grow(self.deep(F.max_pool2d(fine, 2)))
        if self.crops:
            edge = (fine.shape[-1] - coarse.shape[-1]) // 2
            fine = fine[:, :, edge:-edge, edge:-edge]
        return self.merge(torch.cat([coarse, fine], dim=1))


def vessels_without_padding():
    """What the encoder saw should have been cropped before the join; 56 was expected, 64 came.

    https://github.com/nikhilroxtomar/Retina-Blood-Vessel-Segmentation-in-PyTorch/issues/2
    """
    x = draw(2, 1, 32, 32)
    return VesselNet(False), [x], VesselNet(True), [x]


class NoiseGuesser(nn.Module):
    """Small denoiser: every map of the way down is put by and taken on the way up."""

    def __init__(self):
        super().__init__()
        self.when = nn.Embedding(50, 8)
        self.head = nn.Conv2d(3, 8, 3, 1, 1)
        self.falls = nn.ModuleList(nn.Conv2d(8, 8, 3, 2, 1) for _ in range(2))
        self.works = nn.ModuleList(nn.Conv2d(16, 8, 3, 1, 1) for _ in range(3))
        self.tail = nn.Conv2d(8, 3, 3, 1, 1)

    def forward(self, x, t):
        told = self.when(t)[:, :, None, None]
        h = self.head(x)
        kept = [h]
        for fall in self.falls:
            h = F.silu(fall(h) + told)
            kept.append(h)
        for i, work in enumerate(self.works):
            if i:
                h = F.interpolate(h, scale_factor=2, mode="nearest")
            h = F.silu(work(torch.cat([h, kept.pop()], dim=1)) + told)
        return self.tail(h)


def own_pictures_for_ddpm():
    """Pictures of one's own for a diffusion model; 126 was expected at a join and 125 came.

    https://github.com/zoubohao/DenoisingDiffusionProbabilityModel-ddpm-/issues/46
    """
    t = torch.tensor([3, 40])
    return NoiseGuesser(), [draw(2, 3, 50, 32), t], NoiseGuesser(), [draw(2, 3, 52, 32), t]


class SoundLevel(nn.Module):
    """Shrinks sound by a factor, hands it inward, grows it and adds it to what came."""

    def __init__(self, wide, factor, inner):
        super().__init__()
        self.shrink = nn.Conv1d(wide, wide, factor, factor)
        self.inner = inner
        self.grow = nn.ConvTranspose1d(wide, wide, factor, factor)

    def forward(self, sound):
        deeper = self.grow(self.inner(F.silu(self.shrink(sound))))
        return sound + 0.7 * deeper


class SoundNet(nn.Module):
    """Levels within levels."""

    def __init__(self, factors):
        super().__init__()
        body = nn.Conv1d(6, 6, 3, 1, 1)
        for factor in reversed(factors):
            body = SoundLevel(6, factor, body)
        self.net = nn.Sequential(nn.Conv1d(1, 6, 7, 1, 3), body, nn.Conv1d(6, 1, 7, 1, 3))

    def forward(self, sound):
        return self.net(sound)


def sound_of_300_samples():
    """19200 samples do not go through the factors 4, 4, 4, 2, 2, ...; 37 was added to 36.

    https://github.com/archinetai/audio-diffusion-pytorch/issues/81
    """
    right = draw(2, 1, 320)
    return SoundNet([4, 2, 2]), [draw(2, 1, 300)], SoundNet([4, 2, 2]), [right]


class PlanJudge(nn.Module):
    """Judges whether a photograph was really taken of a plan of kinds."""

    def __init__(self, plan, photo):
        super().__init__()
        self.first = nn.Conv2d(plan + photo, 6, 4, 2, 1)
        self.second = nn.Conv2d(6, 8, 4, 2, 1)
        self.verdict = nn.Conv2d(8, 1, 3, 1, 1)

    def forward(self, plan, photo):
        h = F.leaky_relu(self.first(torch.cat((plan, photo), dim=1)), 0.2)
        return self.verdict(F.leaky_relu(self.second(h), 0.2))


def judge_of_gray_pictures():
    """The judge was made for gray pictures but the loader gives them with three channels.

    https://github.com/NVIDIA/pix2pixHD/issues/218
    """
    plan, photo = draw(2, 9, 16, 16), draw(2, 3, 16, 16)
    return PlanJudge(9, 1), [plan, photo], PlanJudge(9, 1), [plan, photo.mean(1, keepdim=True)]


class TwoWayDenoiser(nn.Module):
    """Guesses noise, then weighs the noisy picture and the guess against each other."""

    def __init__(self, channels, guess, fused):
        super().__init__()
        self.enter = nn.Conv2d(channels, 8, 3, 1, 1)
        self.guess = nn.Conv2d(8, guess, 3, 1, 1)
        self.fuse = nn.Conv2d(fused, guess, 1)

    def forward(self, noisy):
        guess = self.guess(F.relu(self.enter(noisy)))
        both = torch.cat([noisy, guess], 1)
        return noisy - self.fuse(torch.tanh(both)) * guess


def fusion_counts_on_colour():
    """Made for one gray channel, but the fusion is still written for two colour pictures.

    https://github.com/hellloxiaotian/DudeNet/issues/2
    """
    x = draw(2, 1, 12, 12)
    return TwoWayDenoiser(1, 3, 6), [x], TwoWayDenoiser(1, 1, 2), [x]


class SkinNet(nn.Module):
    """A gate lets through what matters of the finer map."""

    def __init__(self):
        super().__init__()
        self.near = nn.Conv2d(3, 6, 3, 1, 1)
        self.far = nn.Conv2d(6, 6, 3, 2, 1)
        self.gate, self.out = nn.Conv2d(6, 1, 1), nn.Conv2d(6, 1, 1)

    def forward(self, skin):
        near = F.relu(self.near(skin))
        far = F.interpolate(F.relu(self.far(near)), size=near.shape[-2:])
        return self.out(near * torch.sigmoid(self.gate(near + far)))


def colour_comes_last():
    """Pictures of (512, 512, 3) were given as they were read from the disk.

    https://github.com/LeeJunHyun/Image_Segmentation/issues/29
    """
    x = draw(2, 24, 20, 3)
    return SkinNet(), [x], SkinNet(), [x.permute(0, 3, 1, 2)]


class OrganNet(nn.Module):
    """Marks organs in slices of a scan."""

    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 4, 3, 1, 1), nn.BatchNorm2d(4), nn.ReLU())
        self.deep = nn.Sequential(nn.Conv2d(4, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.up, self.marks = nn.ConvTranspose2d(8, 4, 2, 2), nn.Conv2d(8, 2, 1)

    def forward(self, scan):
        fine = self.down(scan)
        return self.marks(torch.cat([fine, self.up(self.deep(fine))], dim=1))


def slices_taken_for_channels():
    """A scan of 301 slices came as (1, 301, 512, 512), so the slices count as channels.

    https://github.com/ishaanb92/PyTorch-UNet/issues/2
    """
    scan = draw(1, 12, 16, 20)
    return OrganNet(), [scan], OrganNet(), [scan.transpose(0, 1)]
