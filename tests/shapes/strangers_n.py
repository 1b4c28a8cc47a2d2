"""Fourth set of networks that strangers got wrong: channels, norms, widths."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "upsampling_keeps_the_channels": [
        "24",
        "16",
        "concat|joined|join|torch.cat|16 + 8|8 + 16|upsampl|skip",
    ],
    "skips_of_another_width": ["33", "36", "concat|joined|join|torch.cat|24 + 12|12 + 24|skip|9"],
    "norm_of_pictures_in_volumes": [
        "BatchNorm2d|norm",
        "BatchNorm3d|volume|Conv3d|(2, 4, 8, 8, 8)|2 x 4 x 8 x 8 x 8|five axes|5 axes",
    ],
    "norm_is_overwritten": ["norm_b", "BatchNorm1d|BatchNorm2d"],
    "picture_of_another_encoder": [
        "16",
        "20",
        "last axis|feature|embed|width|wide|numbers|proj|channel",
    ],
    "scale_without_an_axis": ["20", "3", "axis|[:, None]|unsqueeze|None|each picture|per picture"],
    "features_of_another_level": [
        "16",
        "8",
        "channel|feature|level|down|last axis|wide|width|another map|other map",
    ],
    "answer_has_the_variance_too": ["6", "3", "channel|half|chunk|twice|split|[:, :3]"],
}


class RoadUNet(nn.Module):
    """Three levels; learned or plain upsampling."""

    def __init__(self, learned):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ConvTranspose2d(16, 8, 2, 2) if learned else nn.UpsamplingBilinear2d(None, 2)
        self.conv, self.head = nn.Conv2d(16, 8, 3, padding=1), nn.Conv2d(8, 5, 1)

    def forward(self, street):
        skip = F.relu(self.one(street))
        low = F.relu(self.two(self.pool(skip)))
        return self.head(F.relu(self.conv(torch.cat([skip, self.up(low)], 1))))


def upsampling_keeps_the_channels():
    """The transposed convolution was replaced by bilinear upsampling, which halves no channels.

    https://github.com/meetps/pytorch-semseg/issues/165
    """
    x = draw(2, 3, 12, 12)
    return RoadUNet(False), [x], RoadUNet(True), [x]


class PoseNet(nn.Module):
    """A ready-made encoder of widths 6, 12, 24 and a decoder that reckons its own."""

    def __init__(self, skip_width):
        super().__init__()
        self.stem = nn.Conv2d(1, 6, 3, padding=1)
        self.stage1, self.stage2 = nn.Conv2d(6, 12, 2, 2), nn.Conv2d(12, 24, 2, 2)
        self.refine = nn.Conv2d(24 + skip_width, 10, 3, padding=1)
        self.heat = nn.Conv2d(10, 4, 1)

    def forward(self, mouse):
        kept = F.gelu(self.stage1(F.gelu(self.stem(mouse))))
        low = F.gelu(self.stage2(kept))
        low = F.interpolate(low, scale_factor=2, mode="bilinear")
        return self.heat(F.relu(self.refine(torch.cat([low, kept], 1))))


def skips_of_another_width():
    """The decoder took the skips' widths from a rate of 1.5, the encoder doubles.

    https://github.com/talmolab/sleap-nn/pull/428
    """
    x = draw(2, 1, 20, 20)
    return PoseNet(int(6 * 1.5)), [x], PoseNet(12), [x]


class KneeBlock(nn.Module):
    """One level of a volume U-Net."""

    def __init__(self, norm):
        super().__init__()
        self.conv, self.norm = nn.Conv3d(1, 4, 3, padding=1), norm(4)
        self.down, self.up = nn.Conv3d(4, 8, 2, 2), nn.ConvTranspose3d(8, 4, 2, 2)
        self.out = nn.Conv3d(8, 2, 1)

    def forward(self, knee):
        skip = F.relu(self.norm(self.conv(knee)))
        return self.out(torch.cat([skip, self.up(self.down(skip))], 1))


def norm_of_pictures_in_volumes():
    """A 3-D U-Net was made with the batch norm of pictures.

    https://github.com/shiba24/3d-unet/issues/10
    """
    x = draw(2, 1, 8, 8, 8)
    return KneeBlock(nn.BatchNorm2d), [x], KneeBlock(nn.BatchNorm3d), [x]


class SpeechEncoder(nn.Module):
    """A VAE's encoder: two convolutions over (bands, frames), then a layer, each with a norm."""

    def __init__(self, own_name):
        super().__init__()
        self.own_name = own_name
        self.conv_a, self.norm_a = nn.Conv2d(1, 4, (8, 1)), nn.BatchNorm2d(4)
        self.conv_b, self.norm_b = nn.Conv2d(4, 6, (1, 4), (1, 2), (0, 1)), nn.BatchNorm2d(6)
        self.full, self.mean = nn.Linear(6 * 5, 6), nn.Linear(6, 3)
        if own_name:
            self.norm_c = nn.BatchNorm1d(6)
        else:
            self.norm_b = nn.BatchNorm1d(6)

    def forward(self, speech):
        h = F.leaky_relu(self.norm_a(self.conv_a(speech)))
        h = F.leaky_relu(self.norm_b(self.conv_b(h)))
        h = self.full(h.flatten(1))
        h = self.norm_c(h) if self.own_name else self.norm_b(h)
        return self.mean(F.leaky_relu(h))


def norm_is_overwritten():
    """The last norm, a BatchNorm1d, got the name of one that belongs to a convolution.

    https://github.com/pytorch/pytorch/issues/6316
    """
    x = draw(3, 1, 8, 10)
    return SpeechEncoder(False), [x], SpeechEncoder(True), [x]


class PictureToVideo(nn.Module):
    """The tokens of a first picture are projected and looked at."""

    def __init__(self, picture=20, dim=8):
        super().__init__()
        self.proj = nn.Sequential(nn.LayerNorm(picture), nn.Linear(picture, dim), nn.GELU())
        self.enter, self.leave = nn.Conv3d(4, dim, 1), nn.Conv3d(dim, 4, 1)
        self.look = nn.MultiheadAttention(dim, 2, batch_first=True)

    def forward(self, clip, picture):
        h = self.enter(clip)
        seen = self.proj(picture)
        tokens = h.flatten(2).mT
        tokens = tokens + self.look(tokens, seen, seen)[0]
        return self.leave(tokens.mT.reshape(h.shape))


def picture_of_another_encoder():
    """A video model that takes a picture encoder's 1280 numbers was given one's with 1024.

    https://github.com/Comfy-Org/ComfyUI/issues/7022
    """
    clip = draw(2, 4, 3, 4, 4)
    broken, fixed = PictureToVideo(), PictureToVideo()
    return broken, [clip, draw(2, 7, 16)], fixed, [clip, draw(2, 7, 20)]


class AdaptiveBlock(nn.Module):
    """A layer norm whose scale and shift come from the step."""

    def __init__(self, has_axis, dim=8):
        super().__init__()
        self.has_axis = has_axis
        self.steps, self.both = nn.Embedding(50, dim), nn.Linear(dim, 2 * dim)
        self.norm = nn.LayerNorm(dim, elementwise_affine=False)

    def forward(self, x, t):
        both = self.both(F.silu(self.steps(t)))
        if self.has_axis:
            both = both[:, None]
        scale, shift = both.chunk(2, dim=-1)
        return self.norm(x) * (1 + scale) + shift


class AdaptiveDiT(nn.Module):
    def __init__(self, has_axis):
        super().__init__()
        self.patches, self.block = nn.Conv2d(4, 8, 2, 2), AdaptiveBlock(has_axis)
        self.mix, self.out = nn.Linear(8, 8), nn.Linear(8, 16)

    def forward(self, x, t):
        tokens = self.patches(x).flatten(2).mT
        tokens = tokens + self.mix(self.block(tokens, t))
        return F.pixel_shuffle(self.out(tokens).mT.unflatten(2, (4, 5)), 2)


def scale_without_an_axis():
    """Scale and shift for each picture of the batch have no axis for the tokens.

    https://github.com/huggingface/diffusers/issues/7575
    """
    inputs = [draw(3, 4, 8, 10), torch.tensor([3, 17, 40])]
    return AdaptiveDiT(False), inputs, AdaptiveDiT(True), inputs


class LookAt(nn.Module):
    """A map looks at tokens."""

    def __init__(self, ch):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(ch, ch) for _ in range(3))

    def forward(self, h, seen):
        q = self.q(h.flatten(2).mT)
        seen = F.scaled_dot_product_attention(q, self.k(seen), self.v(seen))
        return h + seen.mT.reshape(h.shape)


class ReferenceUNet(nn.Module):
    """Each level looks at the map that another net made of a reference picture."""

    def __init__(self):
        super().__init__()
        self.ref1, self.ref2 = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 16, 3, 2, 1)
        self.enter, self.down = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 16, 3, 2, 1)
        self.look1, self.look2 = LookAt(8), LookAt(16)
        self.up, self.leave = nn.ConvTranspose2d(16, 8, 2, 2), nn.Conv2d(16, 3, 3, padding=1)

    def forward(self, noisy, reference):
        first = self.ref1(reference)
        by_side = {m.shape[-1]: m.flatten(2).mT for m in (first, self.ref2(F.silu(first)))}
        h = self.look1(self.enter(noisy), by_side[8])
        low = self.look2(self.down(F.silu(h)), by_side[4])
        return self.leave(torch.cat([h, self.up(low)], dim=1))


def features_of_another_level():
    """A reference net's maps are picked by size; with larger pictures it is another level's.

    https://github.com/huggingface/diffusers/issues/10935
    """
    broken, fixed = ReferenceUNet(), ReferenceUNet()
    inputs = [draw(2, 3, 16, 16), draw(2, 3, 16, 16)]
    return broken, inputs, fixed, [draw(2, 3, 8, 8), draw(2, 3, 8, 8)]


class Church(nn.Module):
    """A trained denoiser whose answer has the noise and its spread."""

    def __init__(self):
        super().__init__()
        self.time, self.enter = nn.Embedding(50, 8), nn.Conv2d(3, 8, 3, padding=1)
        self.leave = nn.Conv2d(8, 6, 3, padding=1)

    def forward(self, x, t):
        return self.leave(F.silu(self.enter(x) + self.time(t)[..., None, None]))


class OwnSampler(nn.Module):
    """One step back, written by oneself."""

    def __init__(self, splits):
        super().__init__()
        self.net, self.splits = Church(), splits

    def forward(self, x, t):
        noise = self.net(x, t)
        if self.splits:
            noise = noise[:, :3]
        return (x - 0.1 * noise) / 0.95


def answer_has_the_variance_too():
    """Own sampling with a trained model: it answers with 6 channels for a picture of 3.

    https://github.com/openai/guided-diffusion/issues/98
    """
    inputs = [draw(2, 3, 8, 8), torch.tensor([7, 7])]
    return OwnSampler(False), inputs, OwnSampler(True), inputs
