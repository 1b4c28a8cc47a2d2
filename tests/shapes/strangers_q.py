"""Fifth set of networks that strangers got wrong: sizes, skips, fixed sizes."""

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "width_of_684": ["12", "11", "odd|round|multiple|divisible|stride|doubl|even"],
    "one_block_more": ["6", "7", "odd|halv|lost|multiple|divisible|round|pool"],
    "volume_of_434_slices": ["4", "5", "odd|halv|lost|multiple|divisible|round|stride|even"],
    "codec_of_an_odd_stride": ["39", "40", "output_padding|shorter|decode|up|stride|transpos"],
    "norm_of_a_written_map": [
        "norm",
        "6, 8|6 x 8",
        "12, 16|12 x 16",
        "written|fixed|made for|larger|meant for|size of|sizes of|twice|GroupNorm|only",
    ],
    "scan_without_batch": ["batch", "(1, 8, 8, 8)|1 x 8 x 8 x 8|four axes|4 axes|[None]|unsqueeze"],
    "mask_for_smaller_latents": [
        "4",
        "6",
        "interpolate|written|fixed|size=|made small|resiz|resampl|mask",
    ],
    "latent_of_odd_width": [
        "11",
        "odd|multiple|divisible|even|halv",
        "22|encode|vae|divid|pad|crop",
    ],
    "skip_is_never_joined": [
        "16",
        "8",
        "skip|join|cat|halv|halves|makes 8|made 8|gives 8|ups.0.0|rise",
    ],
}


class MaskNet(nn.Module):
    """Cuts cars out of photographs; goes down by strided convolutions."""

    def __init__(self):
        super().__init__()
        self.look = nn.Conv2d(3, 4, 3, padding=1)
        self.down1, self.down2 = nn.Conv2d(4, 6, 3, 2, 1), nn.Conv2d(6, 8, 3, 2, 1)
        self.grow = nn.ConvTranspose2d(8, 6, 2, 2)
        self.mix, self.last = nn.Conv2d(12, 6, 3, padding=1), nn.Conv2d(6, 1, 1)

    def forward(self, photo):
        high = F.elu(self.down1(F.elu(self.look(photo))))
        low = F.elu(self.down2(high))
        both = torch.cat((self.grow(low), high), dim=1)
        return self.last(F.elu(self.mix(both)))


def width_of_684():
    """Photographs of 1024 x 684 were given to a U-Net; one axis of the join is 44 and 43.

    https://github.com/Hsuxu/carvana-pytorch-uNet/issues/1
    """
    return MaskNet(), [draw(2, 3, 32, 22)], MaskNet(), [draw(2, 3, 32, 24)]


class KeypointHourglass(nn.Module):
    """As many levels as one asks for; returns a heat map."""

    def __init__(self, blocks):
        super().__init__()
        wide = [3] + [4 * (i + 1) for i in range(blocks)]
        self.falls = nn.ModuleList(nn.Conv2d(a, b, 3, 1, 1) for a, b in zip(wide, wide[1:]))
        self.rises = nn.ModuleList()
        now = wide[-1]
        for skip in reversed(wide[:-1]):
            self.rises.append(nn.Conv2d(now, 5, 3, 1, 1))
            now = 5 + skip
        self.heat = nn.Conv2d(now, 2, 3, padding=1)

    def forward(self, face):
        kept = [face]
        for fall in self.falls:
            kept.append(F.avg_pool2d(F.relu(fall(kept[-1])), 2))
        h = kept.pop()
        for rise in self.rises:
            h = F.relu(rise(F.interpolate(h, scale_factor=2)))
            h = torch.cat([h, kept.pop()], dim=1)
        return self.heat(h).flatten(2).softmax(-1)


def one_block_more():
    """The number of blocks of the hourglass was raised in the settings; 7 and 6 met at a join.

    https://github.com/AliaksandrSiarohin/first-order-model/issues/50
    """
    x = draw(2, 3, 28, 28)
    return KeypointHourglass(3), [x], KeypointHourglass(2), [x]


class RegistrationNet(nn.Module):
    """Moves one volume onto another: a field of three numbers for each place."""

    def __init__(self):
        super().__init__()
        self.e0, self.e1 = nn.Conv3d(2, 4, 3, padding=1), nn.Conv3d(4, 6, 3, 2, 1)
        self.e2 = nn.Conv3d(6, 6, 2, 2)
        self.d1, self.flow = nn.Conv3d(12, 4, 3, padding=1), nn.Conv3d(8, 3, 3, padding=1)

    def forward(self, moving, still):
        a = F.leaky_relu(self.e0(torch.cat([moving, still], 1)))
        b = F.leaky_relu(self.e1(a))
        c = F.leaky_relu(self.e2(b))
        d = self.d1(torch.cat([F.interpolate(c, scale_factor=2), b], 1))
        return self.flow(torch.cat([F.interpolate(d, scale_factor=2), a], 1))


def volume_of_434_slices():
    """Scans of 512 x 512 x 434 went into a 3-D U-Net for registration.

    https://github.com/voxelmorph/voxelmorph/issues/232
    """
    old, new = (2, 1, 8, 8, 10), (2, 1, 8, 8, 12)
    return RegistrationNet(), [draw(*old), draw(*old)], RegistrationNet(), [draw(*new), draw(*new)]


class AudioCodec(nn.Module):
    """Packs sound and unpacks it; returns the loss."""

    def __init__(self, extra):
        super().__init__()
        self.encode = nn.Sequential(nn.Conv1d(1, 4, 7, padding=3), nn.Conv1d(4, 6, 10, 5, 3))
        self.decode = nn.ConvTranspose1d(6, 4, 10, 5, 3, output_padding=extra)
        self.out = nn.Conv1d(4, 1, 7, padding=3)

    def forward(self, sound):
        again = self.out(torch.tanh(self.decode(self.encode(sound))))
        return (again - sound).abs().mean()


def codec_of_an_odd_stride():
    """An odd stride was set in the codec; the way up returns fewer samples than came in.

    https://github.com/descriptinc/descript-audio-codec/pull/78
    """
    x = draw(2, 1, 40)
    return AudioCodec(0), [x], AudioCodec(1), [x]


class StreetNet(nn.Module):
    """Classes for each place of a street; the map is normed over its places."""

    def __init__(self, rows, columns):
        super().__init__()
        self.see = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1))
        self.norm = nn.LayerNorm([rows, columns])
        self.classes = nn.Conv2d(8, 5, 1)

    def forward(self, street):
        return F.interpolate(self.classes(self.norm(self.see(street))), scale_factor=4)


def norm_of_a_written_map():
    """Trained on half-size pictures, evaluated on whole ones; the norm has the map's size in it.

    https://github.com/feinanshan/TDNet/issues/55
    """
    x = draw(2, 3, 48, 64)
    return StreetNet(6, 8), [x], StreetNet(12, 16), [x]


class WindowEncoder(nn.Module):
    """First stage of a transformer for pictures or volumes: norms each place."""

    def __init__(self):
        super().__init__()
        self.embed, self.norm = nn.Conv3d(1, 12, 2, 2), nn.LayerNorm(12)
        self.mix = nn.Linear(12, 12)

    def forward(self, scan):
        h = self.embed(scan)
        ways = "n c d h w -> n d h w c" if h.dim() == 5 else "n c h w -> n h w c"
        return self.mix(self.norm(rearrange(h, ways)))


def scan_without_batch():
    """One scan of size [1, 128, 128, 128] went in, there is no batch.

    https://github.com/Project-MONAI/research-contributions/issues/194
    """
    x = draw(1, 8, 8, 8)
    return WindowEncoder(), [x], WindowEncoder(), [x[None]]


class MaskedLatentLoss(nn.Module):
    """One step of training: noise is foretold where the mask says so."""

    def __init__(self, side):
        super().__init__()
        self.side = side
        self.encode = nn.Conv2d(3, 4, 8, 8)
        self.denoise = nn.Sequential(nn.Conv2d(4, 8, 3, 1, 1), nn.SiLU(), nn.Conv2d(8, 4, 3, 1, 1))

    def forward(self, picture, mask):
        latents = self.encode(picture)
        noise = torch.randn_like(latents)
        said = self.denoise(latents + noise)
        small = F.interpolate(mask, size=(self.side, self.side))
        return F.mse_loss(said * small, noise * small)


def mask_for_smaller_latents():
    """A model for larger pictures was taken; the mask is still made 64 x 64, latents are 96 x 96.

    https://github.com/google/break-a-scene/issues/14
    """
    x, mask = draw(2, 3, 48, 48), torch.ones(2, 1, 48, 48)
    return MaskedLatentLoss(4), [x, mask], MaskedLatentLoss(6), [x, mask]


class PackedFlow(nn.Module):
    """Latents are packed in patches of 2 x 2, then a transformer's layer."""

    def __init__(self):
        super().__init__()
        self.encode, self.enter = nn.Conv2d(3, 4, 2, 2), nn.Linear(16, 12)
        self.block = nn.TransformerEncoderLayer(12, 2, 24, batch_first=True)

    def forward(self, picture):
        z = self.encode(picture)
        packed = rearrange(z, "b c (h p) (w q) -> b (h w) (c p q)", p=2, q=2)
        return self.block(self.enter(packed))


def latent_of_odd_width():
    """A picture's width gives latents of 173 columns, which are packed two by two.

    https://github.com/yolain/ComfyUI-Easy-Use/issues/527
    """
    return PackedFlow(), [draw(2, 3, 16, 22)], PackedFlow(), [draw(2, 3, 16, 24)]


class PlainUNet(nn.Module):
    """Each step up is a transposed convolution and two convolutions in one Sequential."""

    def __init__(self, joins):
        super().__init__()
        self.joins = joins
        self.first, self.deep = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
        self.rise = nn.ConvTranspose2d(16, 8, 2, 2)
        self.ups = nn.Sequential(nn.Conv2d(16, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 1))
        self.whole = nn.Sequential(self.rise, self.ups)
        self.end = nn.Conv2d(8, 2, 1)

    def forward(self, scan):
        skip = F.relu(self.first(scan))
        deep = F.relu(self.deep(F.max_pool2d(skip, 2)))
        if self.joins:
            return self.end(self.ups(torch.cat([self.rise(deep), skip], 1)))
        return self.end(self.whole(deep))


def skip_is_never_joined():
    """The step up holds both the doubling and the convolutions, so the skip cannot come between.

    https://devgem.io/posts/how-to-fix-channel-mismatch-errors-in-u-net-architecture-in-pytorch
    """
    x = draw(2, 1, 16, 16)
    return PlainUNet(False), [x], PlainUNet(True), [x]
