"""Sixth set of networks that strangers got wrong: attention, masks, places, calls."""

import math

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "mask_lacks_the_heads": [
        "2, 9, 9|2 x 9 x 9|(2, 9",
        "8, 9, 9|8 x 9 x 9|(8, 9|8",
        "heads|num_heads",
    ],
    "cross_attention_turned": [
        "36",
        "9",
        "batch_first|batch first|transpose|permute|swap",
    ],
    "words_for_every_frame": [
        "14",
        "2",
        "frame|repeat|expand|interleave|batch",
    ],
    "words_of_another_encoder": [
        "12",
        "20",
        "to_k|attention|context|text|words|encoder",
    ],
    "places_lie_along_the_batch": [
        "5",
        "14",
        "waves|position|places|PlaceAdder",
        "transpose|permute|batch|(1, 14|first axis|axis 0|squeeze|unsqueeze|dimension 0",
    ],
    "one_weight_for_each_picture": [
        "4",
        "12",
        "expand",
        "(4, 1, 1, 1)|4, 1, 1, 1|view|unsqueeze|[:, None|reshape|four axes|4 axes|trailing|right"
        "|align|axes|ones",
    ],
    "constructor_misspelt": [
        "__init__|_init_",
        "underscore|misspel|spell|typo|two|double|never called|never run|not called|not run"
        "|constructor|instead",
    ],
    "activation_is_built_not_called": [
        "ReLU",
        "nn.ReLU()|F.relu|torch.relu|.relu(|calls|called|call it|constructor|builds|constructs"
        "|instance|makes a layer|creates|module",
    ],
}


class MaskedBlock(nn.Module):
    """Each picture has its own mask of which patch may see which."""

    def __init__(self, each_head):
        super().__init__()
        self.each_head = each_head
        self.cut = nn.Conv2d(1, 12, 4, 4)
        self.mix = nn.MultiheadAttention(12, 4, batch_first=True)
        self.say = nn.Linear(12, 3)

    def forward(self, digit, hidden):
        tokens = self.cut(digit).flatten(2).transpose(1, 2)
        if self.each_head:
            hidden = hidden.repeat_interleave(4, dim=0)
        mixed, _ = self.mix(tokens, tokens, tokens, attn_mask=hidden)
        return self.say(mixed.mean(dim=1))


def mask_lacks_the_heads():
    """A mask of shape (batch, queries, keys) was given to attention with several heads.

    https://github.com/pytorch/pytorch/issues/64706
    """
    x, hidden = draw(2, 1, 12, 12), torch.ones(2, 9, 9).triu(1).bool()
    return MaskedBlock(False), [x, hidden], MaskedBlock(True), [x, hidden]


class SalientNet(nn.Module):
    """Fine tokens look at coarse ones."""

    def __init__(self, **how):
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(3, 16, 4, 4), nn.Conv2d(3, 8, 8, 8)
        self.look = nn.MultiheadAttention(16, 1, kdim=8, vdim=8, **how)
        self.mark = nn.Linear(16, 1)

    def forward(self, photo):
        q = self.fine(photo).flatten(2).transpose(1, 2)
        k = self.coarse(photo).flatten(2).transpose(1, 2)
        seen = self.look(query=q, key=k, value=k)[0]
        return torch.sigmoid(self.mark(q + seen))


def cross_attention_turned():
    """The word batch_first was taken away because an old version did not know it.

    https://github.com/DrowsyMon/RMFormer/issues/1
    """
    x = draw(2, 3, 24, 24)
    return SalientNet(), [x], SalientNet(batch_first=True), [x]


class VideoAttention(nn.Module):
    """Frames lie in the batch; each looks at the words."""

    def __init__(self, repeats):
        super().__init__()
        self.repeats = repeats
        self.q, self.k, self.v = nn.Linear(8, 8), nn.Linear(10, 8), nn.Linear(10, 8)

    def forward(self, tokens, words):
        if self.repeats:
            words = words.repeat_interleave(len(tokens) // len(words), dim=0)
        q, k, v = (
            t.unflatten(-1, (2, 4)).transpose(1, 2)
            for t in (self.q(tokens), self.k(words), self.v(words))
        )
        seen = F.scaled_dot_product_attention(q, k, v)
        return tokens + seen.transpose(1, 2).flatten(2)


class VideoDenoiser(nn.Module):
    def __init__(self, repeats):
        super().__init__()
        self.enter, self.leave = nn.Conv2d(4, 8, 3, 1, 1), nn.Linear(8, 4)
        self.attend = VideoAttention(repeats)

    def forward(self, clip, words):
        h = self.enter(clip.transpose(1, 2).flatten(0, 1))
        return self.leave(self.attend(h.flatten(2).transpose(1, 2), words))


def words_for_every_frame():
    """Frames were folded into the batch, the words of the prompt were not repeated for them.

    https://github.com/guoyww/AnimateDiff/issues/303
    """
    clip, words = draw(2, 4, 7, 6, 6), draw(2, 5, 10)
    return VideoDenoiser(False), [clip, words], VideoDenoiser(True), [clip, words]


class WordsToPixels(nn.Module):
    def __init__(self, width, told):
        super().__init__()
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(told, width, bias=False)
        self.to_v = nn.Linear(told, width, bias=False)

    def forward(self, x, words):
        q, k, v = self.to_q(x), self.to_k(words), self.to_v(words)
        return x + ((q @ k.transpose(1, 2)) / 4).softmax(-1) @ v


class UpscaleUNet(nn.Module):
    """Makes photographs larger while words tell what is on them."""

    def __init__(self, told):
        super().__init__()
        self.enter, self.leave = nn.Conv2d(4, 16, 3, 1, 1), nn.Conv2d(16, 4, 3, 1, 1)
        self.attn2 = WordsToPixels(16, told)

    def forward(self, latent, words):
        h = self.enter(latent)
        x = self.attn2(h.flatten(2).transpose(1, 2), words)
        return self.leave(x.transpose(1, 2).view_as(h))


def words_of_another_encoder():
    """The text encoder gives 768 features, the U-Net was made for one that gives 1280.

    https://github.com/yangxy/PASD/issues/57
    """
    latent, words = draw(2, 4, 8, 8), draw(2, 5, 12)
    return UpscaleUNet(20), [latent, words], UpscaleUNet(12), [latent, words]


class PlaceAdder(nn.Module):
    """Adds sines of the place; they were written down as (place, 1, feature)."""

    def __init__(self, width, longest, turns):
        super().__init__()
        self.turns = turns
        angle = torch.arange(longest)[:, None] * torch.exp(
            torch.arange(0, width, 2) * (-math.log(1e4) / width)
        )
        waves = torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)
        self.register_buffer("waves", waves[:, None])

    def forward(self, x):
        waves = self.waves[: x.size(1)]
        return x + (waves.transpose(0, 1) if self.turns else waves)


class FluForecast(nn.Module):
    """From weeks of illness to the next week."""

    def __init__(self, turns):
        super().__init__()
        self.enter, self.places = nn.Linear(1, 8), PlaceAdder(8, 40, turns)
        self.encode = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)
        self.next = nn.Linear(8, 1)

    def forward(self, weeks):
        return self.next(self.encode(self.places(self.enter(weeks)))[:, -1])


def places_lie_along_the_batch():
    """With batch_first the sines still lay as (place, 1, feature) and met the batch.

    https://github.com/KasperGroesLudvigsen/influenza_transformer/issues/9
    """
    x = draw(5, 14, 1)
    return FluForecast(False), [x], FluForecast(True), [x]


class WaterCritic(nn.Module):
    """Scores pictures that lie between real and made ones."""

    def __init__(self, shaped):
        super().__init__()
        self.shaped = shaped
        self.body = nn.Sequential(nn.Conv2d(6, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten())
        self.score = nn.Linear(288, 1)

    def forward(self, real, made):
        alpha = torch.rand(real.size(0), 1)
        if self.shaped:
            alpha = alpha.view(-1, 1, 1, 1)
        alpha = alpha.expand(real.size())
        return self.score(self.body(alpha * real + (1 - alpha) * made))


def one_weight_for_each_picture():
    """With more than one picture a weight of shape (batch, 1) could not be spread over them.

    https://github.com/Xiaodong-Bran/MLFcGAN/issues/3
    """
    a, b = draw(4, 6, 12, 12), draw(4, 6, 12, 12)
    return WaterCritic(False), [a, b], WaterCritic(True), [a, b]


class NameReader(nn.Module):
    """Reads letters (place, batch, letter) and tells the country of a name."""

    def _init_(self):
        super().__init__()
        self.first = nn.Conv1d(11, 8, 3, padding=1)
        self.more = nn.ModuleList(nn.Conv1d(8, 8, 3, padding=1) for _ in range(2))
        self.country = nn.Linear(8 * 10, 4)

    def forward(self, letters):
        x = torch.relu(self.first(torch.einsum("lbv->bvl", letters)))
        for layer in self.more:
            x = torch.relu(layer(x))
        return self.country(x.flatten(1))


class NameReaderMended(NameReader):
    def __init__(self):
        self._init_()


def constructor_misspelt():
    """The constructor was written with one underscore on either side, so it never ran.

    https://github.com/mikeizbicki/cmc-csci181-deeplearning/issues/7
    """
    x = draw(10, 3, 11)
    return NameReader(), [x], NameReaderMended(), [x]


class SignalAutoencoder(nn.Module):
    """Packs a signal and unpacks it."""

    def __init__(self):
        super().__init__()
        self.pack1, self.pack2 = nn.Conv1d(3, 8, 5), nn.Conv1d(8, 4, 5)
        self.unpack1, self.unpack2 = nn.ConvTranspose1d(4, 8, 5), nn.ConvTranspose1d(8, 3, 5)

    def forward(self, signal):
        x = nn.ReLU(self.pack1(signal))
        x = nn.ReLU(self.pack2(x))
        return self.unpack2(nn.ReLU(self.unpack1(x)))


class SignalAutoencoderMended(SignalAutoencoder):
    def forward(self, signal):
        x = F.relu(self.pack1(signal))
        x = F.relu(self.pack2(x))
        return self.unpack2(F.relu(self.unpack1(x)))


def activation_is_built_not_called():
    """The class nn.ReLU was given the signal as if it were a function.

    https://github.com/Lightning-AI/pytorch-lightning/issues/2282
    """
    x = draw(2, 3, 24)
    return SignalAutoencoder(), [x], SignalAutoencoderMended(), [x]
