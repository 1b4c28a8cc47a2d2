"""More networks that strangers got wrong: sizes that do not meet, of pictures, sounds and scans."""

import torch
from einops.layers.torch import Rearrange
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "gate_of_an_odd_picture": ["13", "12", "odd|halv|divi|multiple|rounded"],
    "stride_rounds_up": ["7", "8", "odd|round|divi|multiple|made 4|4 of 7"],
    "crop_leaves_the_odd_one": ["11", "10", "crop|odd|divi|multiple|rounded"],
    "answer_without_padding": ["26", "34", "padding|pad|smaller|shrink|shrank|took"],
    "decoder_adds_a_row": ["17", "16", "padding|decod|back|transpos|made 17|17 of 8"],
    "scan_is_no_multiple_of_the_patch": ["7", "4", "multiple|divisible|remain|left over|pad|crop"],
    "places_of_an_oblong_picture": ["24|6 x 4|6, 4|6 * 4", "square|root|sqrt|16|4 x 4|4 * 4"],
    "trilinear_for_pictures": [
        "bilinear",
        "(1, 4, 6, 5)|latent|picture|image|two sides|rows and columns|depth|volume|frames",
    ],
}


class GatedUNet(nn.Module):
    """The map that comes from below decides what is let through of the skip."""

    def __init__(self, ch=4):
        super().__init__()
        self.enter = nn.Conv2d(3, ch, 3, padding=1)
        self.deep, self.deeper = (nn.Conv2d(ch, ch, 3, padding=1) for _ in range(2))
        self.up = nn.ConvTranspose2d(ch, ch, 2, stride=2)
        self.of_signal, self.of_skip = nn.Conv2d(ch, ch, 1), nn.Conv2d(ch, ch, 1)
        self.share = nn.Conv2d(ch, 1, 1)
        self.leave = nn.Conv2d(2 * ch, 1, 1)

    def forward(self, photo):
        skip = self.deep(F.max_pool2d(F.relu(self.enter(photo)), 2))
        signal = self.up(F.relu(self.deeper(F.max_pool2d(skip, 2))))
        both = F.relu(self.of_signal(signal) + self.of_skip(skip))
        gated = skip * self.share(both).sigmoid()
        return self.leave(torch.cat([gated, signal], dim=1))


def gate_of_an_odd_picture():
    """An attention U-Net got pictures whose side is not divisible by its halvings (64 meets 65).

    https://github.com/sfczekalski/attention_unet/issues/1
    """
    return GatedUNet(), [draw(2, 3, 32, 26)], GatedUNet(), [draw(2, 3, 32, 24)]


class Denoiser(nn.Module):
    """Three levels; a level ends with a convolution of stride 2."""

    def __init__(self, chs=(4, 6, 8, 8)):
        super().__init__()
        pairs = list(zip(chs, chs[1:]))
        self.enter, self.leave = nn.Conv2d(1, chs[0], 3, padding=1), nn.Conv2d(chs[0], 1, 1)
        self.time = nn.Linear(1, chs[-1])
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairs)
        self.merge = nn.ModuleList(nn.Conv2d(a + b, a, 3, padding=1) for a, b in pairs[::-1])

    def forward(self, x, t):
        maps = [self.enter(x)]
        for layer in self.down:
            maps.append(F.silu(layer(maps[-1])))
        h = maps.pop() + self.time(t[:, None])[..., None, None]
        for layer in self.merge:
            h = F.interpolate(h, scale_factor=2.0)
            h = F.silu(layer(torch.cat([h, maps.pop()], dim=1)))
        return self.leave(h)


def stride_rounds_up():
    """A ready U-Net with three halvings got pictures of 28 x 28: 14, 7, 4, and doubled 8.

    https://github.com/huggingface/diffusers/issues/3630
    """
    t = torch.rand(2)
    return Denoiser(), [draw(2, 1, 28, 28), t], Denoiser(), [draw(2, 1, 32, 32), t]


class CroppingUNet(nn.Module):
    """What is larger on the way down is cut to the size on the way up."""

    def __init__(self, is_exact):
        super().__init__()
        self.is_exact = is_exact
        self.a, self.b = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.c, self.out = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(16, 2, 1)

    def crop(self, skip, h):
        rows, cols = (skip.shape[i] - h.shape[i] for i in (2, 3))
        top, left = rows // 2, cols // 2
        bottom, right = (rows - top, cols - left) if self.is_exact else (top, left)
        return skip[:, :, top : skip.shape[2] - bottom, left : skip.shape[3] - right]

    def forward(self, cells):
        skip = self.b(F.max_pool2d(F.relu(self.a(cells)), 2))
        h = F.interpolate(F.relu(self.c(F.max_pool2d(skip, 2))), scale_factor=2)
        return self.out(torch.cat([self.crop(skip, h), h], dim=1))


def crop_leaves_the_odd_one():
    """With padded convolutions 71 meets 70, and the cut takes half of the difference: nothing.

    https://github.com/hayashimasa/UNet-PyTorch/issues/3
    """
    x = draw(1, 1, 22, 24)
    return CroppingUNet(False), [x], CroppingUNet(True), [x]


class LabelStep(nn.Module):
    """One step of training: a U-Net of one level, and a class for each pixel."""

    def __init__(self, padding):
        super().__init__()
        self.left = nn.Conv2d(3, 6, 3, padding=padding)
        self.bottom = nn.Conv2d(6, 6, 3, padding=padding)
        self.right = nn.Conv2d(12, 4, 3, padding=padding)

    def forward(self, photo, labels):
        skip = F.relu(self.left(photo))
        h = F.interpolate(F.relu(self.bottom(F.max_pool2d(skip, 2))), scale_factor=2)
        cut = (skip.shape[-1] - h.shape[-1]) // 2
        skip = skip[..., cut : cut + h.shape[-2], cut : cut + h.shape[-1]]
        return F.cross_entropy(self.right(torch.cat([skip, h], dim=1)), labels)


def answer_without_padding():
    """The U-Net's convolutions take a border each; labels stayed as large as the photo.

    https://github.com/jvanvugt/pytorch-unet/issues/5
    """
    inputs = [draw(2, 3, 34, 34), torch.randint(4, (2, 34, 34))]
    return LabelStep(0), inputs, LabelStep(1), inputs


class SoundCoder(nn.Module):
    """Autoencoder of a mel spectrogram, and the error of what it gives back."""

    def __init__(self, padding, more):
        super().__init__()
        self.code = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.back = nn.ConvTranspose2d(4, 1, 3, 2, padding=padding, output_padding=more)

    def forward(self, mel):
        return F.mse_loss(self.back(F.relu(self.code(mel))), mel)


def decoder_adds_a_row():
    """The decoder gives 129 rows of a spectrogram of 128, its padding is not that of the encoder.

    https://github.com/tyiannak/deep_audio_features/issues/23
    """
    x = draw(2, 1, 16, 25)
    return SoundCoder((0, 1), 0), [x], SoundCoder(1, (1, 0)), [x]


class ScanTransformer(nn.Module):
    """Cubes of a scan are the tokens; their vectors become a small volume again."""

    def __init__(self, side=4, ch=8):
        super().__init__()
        cut = "b c (x i) (y j) (z k) -> b (x y z) (i j k c)"
        self.cubes = Rearrange(cut, i=side, j=side, k=side)
        self.embed = nn.Linear(side**3, ch)
        self.block = nn.TransformerEncoderLayer(ch, 2, 16, batch_first=True)
        self.classes = nn.Linear(ch, 3)

    def forward(self, scan):
        return self.classes(self.block(self.embed(self.cubes(scan))))


def scan_is_no_multiple_of_the_patch():
    """Scans were not cropped to the size said to UNETR: a side of 43 (or 54) and patches of 16.

    https://github.com/Project-MONAI/MONAI/issues/4100
    """
    x = draw(1, 1, 8, 8, 7)
    return ScanTransformer(), [x], ScanTransformer(), [F.pad(x, (0, 1))]


class PlacedPatches(nn.Module):
    """A ViT that stretches its learned places to the picture's grid."""

    def __init__(self, rows, cols, ch=8, is_square=True):
        super().__init__()
        self.grid = None if is_square else (rows, cols)
        self.patches = nn.Conv2d(3, ch, 4, stride=4)
        self.places = nn.Parameter(torch.zeros(1, rows * cols, ch))
        self.block = nn.TransformerEncoderLayer(ch, 2, 16, batch_first=True)

    def forward(self, photo):
        h = self.patches(photo)
        n = self.places.shape[1]
        side = int(n**0.5)
        rows, cols = self.grid or (side, side)
        assert rows * cols == n
        places = self.places.mT.unflatten(2, (rows, cols))
        h = h + F.interpolate(places, size=h.shape[2:], mode="bicubic")
        return self.block(h.flatten(2).mT)


def places_of_an_oblong_picture():
    """A ViT made for oblong pictures; forward takes the root of the number of its places.

    https://github.com/facebookresearch/dinov2/issues/506
    """
    x = draw(2, 3, 32, 16)
    return PlacedPatches(6, 4), [x], PlacedPatches(6, 4, is_square=False), [x]


class LatentEnlarger(nn.Module):
    """Latents are made larger, and decoded then."""

    def __init__(self, mode):
        super().__init__()
        self.mode = mode
        self.decode = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1), nn.SiLU(), nn.Conv2d(8, 3, 1))

    def forward(self, latents):
        large = F.interpolate(latents, scale_factor=2, mode=self.mode)
        return self.decode(large)


def trilinear_for_pictures():
    """Latents of a picture were to be made larger with the mode "trilinear".

    https://github.com/invoke-ai/InvokeAI/issues/4497
    """
    x = draw(1, 4, 6, 5)
    return LatentEnlarger("trilinear"), [x], LatentEnlarger("bilinear"), [x]
