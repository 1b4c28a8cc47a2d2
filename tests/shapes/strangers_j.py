"""Third set of networks that strangers got wrong: channels, widths, axes and the batch."""

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "first_width_is_another": ["final", "12|4 + 8|8 + 4", "joined|concat|cat|4 + 8|8 + 4|enter"],
    "token_for_a_full_batch": [
        "token",
        "3",
        "batch|pictures|images|expand",
    ],
    "text_is_none": [
        "None|left out|not given|instead of|falls back|its own|self-attention|itself|text",
        "to_k|key|to_v",
        "6",
    ],
    "stereo_comes_last": [
        "(1, 40, 2)|stereo|2 channels|two channels|last axis|three axes|[:, None]",
        "4|four|axis|axes",
    ],
    "frames_in_a_net_of_pictures": [
        "(2, 5, 3, 16, 16)|2 x 5 x 3 x 16 x 16|five|5 axes|5-D",
        "frame|video|flatten|Conv3d|reshape|rearrange|merge|batch",
    ],
    "scale_and_shift_of_half_the_batch": [
        "chunk",
        "batch|pictures|images|axis 0|dim=0|first axis",
        "dim=1|axis 1|dim=-1|axis -1|columns|features|channels|last axis",
    ],
    "patches_of_twelve_channels": ["192", "48", "channel|12|3 x 4|3 * 4|patch"],
    "conv2d_for_a_sequence": [
        "Conv1d|1-D|one-dimensional|three axes|3 axes|sequence|batch",
        "(6, 8, 20)|6 x 8 x 20|6 channels",
    ],
}


class LengthUNet(nn.Module):
    """1-D; the first convolution may have a width of its own."""

    def __init__(self, first, last, dim=8):
        super().__init__()
        self.enter = nn.Conv1d(2, first, 7, padding=3)
        self.down, self.up = nn.Conv1d(first, dim, 4, 2, 1), nn.ConvTranspose1d(dim, dim, 4, 2, 1)
        self.final = nn.Sequential(nn.Conv1d(last, dim, 3, padding=1), nn.SiLU())
        self.out = nn.Conv1d(dim, 2, 1)

    def forward(self, x):
        x = self.enter(x)
        first = x.clone()
        x = self.up(F.silu(self.down(x)))
        return self.out(self.final(torch.cat([x, first], dim=1)))


def first_width_is_another():
    """The first width was chosen apart from `dim`; the last block reckons with twice `dim`.

    https://github.com/lucidrains/denoising-diffusion-pytorch/issues/329
    """
    x = draw(2, 2, 16)
    return LengthUNet(4, 16), [x], LengthUNet(4, 12), [x]


class SmallViT(nn.Module):
    """A token for the class goes before the patches."""

    def __init__(self, tokens, dim=8):
        super().__init__()
        self.cut = nn.Conv2d(3, dim, 4, stride=4)
        self.token = nn.Parameter(torch.randn(tokens, 1, dim))
        self.places = nn.Parameter(torch.randn(1, 10, dim))
        self.look = nn.TransformerEncoderLayer(dim, 2, 16, batch_first=True)
        self.say = nn.Linear(dim, 5)

    def forward(self, img):
        patches = self.cut(img).flatten(2).mT
        token = self.token
        if len(token) == 1:
            token = token.expand(len(img), -1, -1)
        return self.say(self.look(torch.cat([token, patches], dim=1) + self.places)[:, 0])


def token_for_a_full_batch():
    """The class token was made as a parameter with one row for each picture of a batch.

    https://github.com/MuhammadArdiPutra/medium_articles/pull/1
    """
    x = draw(3, 3, 12, 12)
    return SmallViT(4), [x], SmallViT(1), [x]


class TextBlock(nn.Module):
    """Attention to a text, or to itself where there is none."""

    def __init__(self, dim, text_dim):
        super().__init__()
        self.to_q = nn.Linear(dim, dim)
        self.to_k, self.to_v = nn.Linear(text_dim, dim), nn.Linear(text_dim, dim)

    def forward(self, x, text=None):
        text = x if text is None else text
        return F.scaled_dot_product_attention(self.to_q(x), self.to_k(text), self.to_v(text))


class TextUNet(nn.Module):
    def __init__(self, dim=8, text_dim=6):
        super().__init__()
        self.enter, self.leave = nn.Conv2d(4, dim, 3, padding=1), nn.Conv2d(dim, 4, 3, padding=1)
        self.cross = TextBlock(dim, text_dim)

    def forward(self, latent, text=None):
        h = self.enter(latent)
        tokens = rearrange(h, "b c h w -> b (h w) c")
        tokens = tokens + self.cross(tokens, text)
        return self.leave(rearrange(tokens, "b (h w) c -> b c h w", h=h.shape[2]))


def text_is_none():
    """For the step without a prompt None was given as the text: 320 meets 768.

    https://github.com/huggingface/diffusers/issues/1802
    """
    x = draw(2, 4, 6, 6)
    return TextUNet(), [x, None], TextUNet(), [x, torch.zeros(2, 3, 6)]


class SpeechCoder(nn.Module):
    """Takes (batch, samples) and adds the axis of channels itself."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv1d(1, 6, 10, 5), nn.GELU(), nn.Conv1d(6, 8, 3, 2))

    def forward(self, wave):
        return self.layers(wave.unsqueeze(1))


def stereo_comes_last():
    """A stereo recording came as (1, samples, 2) to a coder of speech for (batch, samples).

    https://github.com/thuhcsi/SECap/issues/4
    """
    x = draw(1, 40, 2)
    return SpeechCoder(), [x], SpeechCoder(), [x.mean(-1)]


class PictureNet(nn.Module):
    def __init__(self, is_for_clips=False):
        super().__init__()
        self.is_for_clips = is_for_clips
        self.stem, self.block = nn.Conv2d(3, 6, 4, stride=4), nn.Conv2d(6, 6, 3, padding=1)

    def forward(self, clip):
        if self.is_for_clips:
            return self.block(self.stem(clip.flatten(0, 1))).unflatten(0, clip.shape[:2])
        return self.block(self.stem(clip))


def frames_in_a_net_of_pictures():
    """Clips of 16 frames, (2, 16, 3, 448, 448), went into a net of 2-D convolutions.

    https://github.com/facebookresearch/ConvNeXt/issues/140
    """
    x = draw(2, 5, 3, 16, 16)
    return PictureNet(), [x], PictureNet(True), [x]


class AdaptiveNorm(nn.Module):
    """The step decides on a scale and a shift of the normed tokens."""

    def __init__(self, dim, axis):
        super().__init__()
        self.axis = axis
        self.norm, self.linear = nn.LayerNorm(dim), nn.Linear(dim, 2 * dim)

    def forward(self, x, emb):
        scale, shift = self.linear(F.silu(emb)).chunk(2, dim=self.axis)
        return self.norm(x) * (1 + scale[:, None]) + shift[:, None]


class StepTransformer(nn.Module):
    def __init__(self, axis, dim=6):
        super().__init__()
        self.rows, self.adapt = nn.Embedding(100, dim), AdaptiveNorm(dim, axis)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, tokens, t):
        return tokens + self.mlp(self.adapt(tokens, self.rows(t)))


def scale_and_shift_of_half_the_batch():
    """Scale and shift were split along axis 0, which is the batch, not along the features.

    https://github.com/huggingface/diffusers/pull/7369
    """
    inputs = [draw(4, 9, 6), torch.tensor([3, 50, 7, 99])]
    return StepTransformer(0), inputs, StepTransformer(1), inputs


class PatchNet(nn.Module):
    """Patches of 4 x 4 by einops; how many channels there are was not passed on."""

    def __init__(self, channels, dim=10):
        super().__init__()
        self.embed = nn.Linear(channels * 4 * 4, dim)
        self.look = nn.TransformerEncoderLayer(dim, 2, 16, batch_first=True)

    def forward(self, stack):
        patches = rearrange(stack, "b c (h p) (w q) -> b (h w) (p q c)", p=4, q=4)
        return self.look(self.embed(patches)).mean(1)


def patches_of_twelve_channels():
    """Four pictures were stacked to 12 channels; the layer of the patches reckons with 3.

    https://github.com/lucidrains/vit-pytorch/issues/137
    """
    x = draw(2, 12, 8, 8)
    return PatchNet(3), [x], PatchNet(12), [x]


class MelCoder(nn.Module):
    """(batch, mel bands, frames) to a code."""

    def __init__(self, first):
        super().__init__()
        self.first, self.norm = first, nn.BatchNorm1d(12)
        self.second = nn.Conv1d(12, 12, 3, padding=1)

    def forward(self, mel):
        return self.second(F.leaky_relu(self.norm(self.first(mel))))


def conv2d_for_a_sequence():
    """In a VAE of sounds a 1-D convolution was replaced by a 2-D one; the maps have three axes.

    https://github.com/yangyanli/DO-Conv/issues/6
    """
    x = draw(6, 8, 20)
    broken = MelCoder(nn.Conv2d(8, 12, (1, 4), stride=2, padding=1))
    return broken, [x], MelCoder(nn.Conv1d(8, 12, 4, stride=2, padding=1)), [x]
