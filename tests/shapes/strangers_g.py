"""More networks that strangers got wrong: calls, losses, kinds of numbers, devices."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "places_are_switched_off": ["places", "None|switched off|not made|0 channels"],
    "block_is_not_given_the_time": ["emb", "up.0|up[0]|self.up|block(h)|layer(h)"],
    "output_is_a_dict": ["sample", "dict", "unet|returns|returned"],
    "mask_of_three_colours": ["mask", "channel|colour|color|RGB|grey|gray", "3"],
    "void_class_is_255": ["255", "mask|label", "3|0 to 2|0, 1|less than"],
    "float_mask_for_classes": ["mask", "float", "long|whole|int64|class"],
    "picture_in_half": [
        "picture|first input|as it came|was given|the input",
        "float16|half",
        "float32|.float()|.half()",
    ],
    "noise_is_drawn_on_the_cpu": ["randn", "cpu", "device|randn_like|made in|drawn"],
    "added_in_place": ["+=|add_|in place|in-place", "relu"],
}


class PlacedUNet(nn.Module):
    """A map of learned channels for the places is joined to the weather map."""

    def __init__(self, place_channels, is_asked=False):
        super().__init__()
        self.is_asked = is_asked
        self.places = None
        if place_channels:
            self.places = nn.Parameter(torch.zeros(place_channels, 8, 8))
        self.enter = nn.Conv2d(2 + place_channels, 6, 3, padding=1)
        self.leave = nn.Conv2d(6, 2, 3, padding=1)

    def forward(self, weather):
        if not self.is_asked or self.places is not None:
            places = self.places[None].expand(len(weather), -1, -1, -1)
            weather = torch.cat([weather, places], dim=1)
        return self.leave(F.silu(self.enter(weather)))


def places_are_switched_off():
    """The places' channels were set to 0, which makes no table; forward joins it all the same.

    https://github.com/NVIDIA/physicsnemo/issues/504
    """
    x = draw(2, 2, 8, 8)
    return PlacedUNet(0), [x], PlacedUNet(0, is_asked=True), [x]


class TimedBlock(nn.Module):
    def __init__(self, ch, out):
        super().__init__()
        self.conv, self.of_time = nn.Conv2d(ch, out, 3, padding=1), nn.Linear(6, out)

    def forward(self, h, emb):
        return F.silu(self.conv(h) + self.of_time(emb)[..., None, None])


class CachedUNet(nn.Module):
    """Only the outer level is computed anew, the rest comes from the step before."""

    def __init__(self, is_given):
        super().__init__()
        self.is_given = is_given
        self.time = nn.Linear(1, 6)
        self.down = nn.ModuleList([TimedBlock(3, 8)])
        self.up = nn.ModuleList([TimedBlock(16, 8)])
        self.out = nn.Conv2d(8, 3, 1)

    def forward(self, x, t, kept):
        emb = self.time(t[:, None])
        h = x
        for block in self.down:
            h = block(h, emb)
        h = torch.cat([kept, h], dim=1)
        for block in self.up:
            h = block(h, emb) if self.is_given else block(h)
        return self.out(h)


def block_is_not_given_the_time():
    """A faster way through a U-Net calls its blocks with the map only, not with the time.

    https://github.com/aria1th/sd-webui-deepcache-standalone/issues/8
    """
    inputs = [draw(2, 3, 6, 6), torch.rand(2), draw(2, 8, 6, 6)]
    return CachedUNet(False), inputs, CachedUNet(True), inputs


class NoiseNet(nn.Module):
    """Like those of a library: the answer lies in a dictionary."""

    def __init__(self):
        super().__init__()
        self.enter, self.leave = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 3, 3, padding=1)
        self.steps = nn.Embedding(10, 8)

    def forward(self, x, t):
        h = self.enter(x) + self.steps(t)[..., None, None]
        return {"sample": self.leave(F.silu(h))}


class BackStep(nn.Module):
    """One step back; a net with twice the channels tells the variance too."""

    def __init__(self, key=None):
        super().__init__()
        self.key, self.unet = key, NoiseNet()

    def forward(self, x, t):
        said = self.unet(x, t)
        if self.key:
            said = said[self.key]
        if said.shape[1] == 2 * x.shape[1]:
            said, _ = said.chunk(2, dim=1)
        return (x - 0.1 * said) / 0.995


def output_is_a_dict():
    """The scheduler got what the net returns, a dictionary, where it wants the tensor in it.

    https://github.com/huggingface/diffusers/issues/434
    """
    inputs = [draw(2, 3, 8, 8), torch.tensor([3, 7])]
    return BackStep(), inputs, BackStep("sample"), inputs


class MaskStep(nn.Module):
    """Two classes by one number for each pixel."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, photo, mask):
        return F.binary_cross_entropy_with_logits(self.right(F.relu(self.left(photo))), mask)


def mask_of_three_colours():
    """Masks were loaded as colour pictures, the U-Net gives one channel.

    https://github.com/milesial/Pytorch-UNet/issues/244
    """
    photo, mask = draw(2, 3, 8, 8), torch.randint(2, (2, 1, 8, 8)).float()
    return MaskStep(), [photo, mask.expand(-1, 3, -1, -1)], MaskStep(), [photo, mask]


class MaskDiffusion(nn.Module):
    """Noise is added to the mask as it is, one channel for each class."""

    def __init__(self, classes=3):
        super().__init__()
        self.classes = classes
        self.net = nn.Sequential(
            nn.Conv2d(3 + classes, 8, 3, padding=1), nn.SiLU(), nn.Conv2d(8, classes, 1)
        )

    def forward(self, photo, mask):
        wanted = F.one_hot(mask, self.classes).permute(0, 3, 1, 2).float()
        noisy = wanted + torch.randn_like(wanted)
        return F.mse_loss(self.net(torch.cat([photo, noisy], dim=1)), wanted)


def void_class_is_255():
    """Labels of buildings are 255 in the files, and go to one_hot as they are.

    https://github.com/benediktkol/recursive-noise-diffusion/issues/4
    """
    photo, mask = draw(2, 3, 6, 6), torch.randint(2, (2, 6, 6))
    return MaskDiffusion(), [photo, mask * 255], MaskDiffusion(), [photo, mask]


class ClassStep(nn.Module):
    """Any loss can be taken for the classes of the pixels."""

    def __init__(self, loss):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1))
        self.loss = loss

    def forward(self, photo, mask):
        return self.loss(self.net(photo), mask)


def float_mask_for_classes():
    """Dice was replaced by cross entropy, and the masks were left as floats.

    https://github.com/qubvel-org/segmentation_models.pytorch/issues/197
    """
    photo, mask = draw(2, 3, 6, 6), torch.randint(4, (2, 6, 6))
    loss = nn.CrossEntropyLoss()
    return ClassStep(loss), [photo, mask.float()], ClassStep(loss), [photo, mask]


class LatentEncoder(nn.Module):
    """A picture becomes a mean of four channels."""

    def __init__(self):
        super().__init__()
        self.conv_in = nn.Conv2d(3, 8, 3, padding=1)
        self.down, self.quant = nn.Conv2d(8, 8, 3, stride=2, padding=1), nn.Conv2d(8, 8, 1)

    def forward(self, picture):
        h = self.down(F.silu(self.conv_in(picture * 2 - 1)))
        return self.quant(h).chunk(2, dim=1)[0] * 0.18


def picture_in_half():
    """To save memory the picture was made float16, and the encoder is float32.

    https://github.com/fastai/diffusion-nbs/issues/27
    """
    x = torch.rand(1, 3, 8, 8)
    return LatentEncoder(), [x.half()], LatentEncoder(), [x]


class AncestralStep(nn.Module):
    """Euler's step towards less noise, and some new noise."""

    def __init__(self, is_told):
        super().__init__()
        self.is_told = is_told
        self.net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.SiLU(), nn.Conv2d(8, 3, 1))

    def forward(self, x):
        x = x + (x - self.net(x)) * -0.3
        where = {"device": x.device} if self.is_told else {}
        noise = torch.randn(x.shape, **where)
        return x + noise * 0.1


def noise_is_drawn_on_the_cpu():
    """The sampler's new noise is made without a device, the picture is on another one.

    https://github.com/huggingface/diffusers/pull/1124
    """
    x = torch.randn(2, 3, 6, 6, device="meta")
    return AncestralStep(False).to("meta"), [x], AncestralStep(True).to("meta"), [x]


class ResidualStep(nn.Module):
    """A block with a way around, its loss, and the gradients."""

    def __init__(self, is_in_place):
        super().__init__()
        self.is_in_place = is_in_place
        self.conv, self.around = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(3, 8, 1)
        self.classes = nn.Conv2d(8, 2, 1)

    def forward(self, photo, wanted):
        h = F.relu(self.conv(photo))
        if self.is_in_place:
            h += self.around(photo)
        else:
            h = h + self.around(photo)
        loss = F.cross_entropy(self.classes(h), wanted)
        loss.backward()
        return loss


def added_in_place():
    """A residual block adds the way around with +=, to what relu still needs for its gradient.

    https://github.com/iMED-Lab/ER-Net/pull/3
    """
    inputs = [draw(2, 3, 6, 6), torch.randint(2, (2, 6, 6))]
    return ResidualStep(True), inputs, ResidualStep(False), inputs
