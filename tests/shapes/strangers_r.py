"""Fifth set of networks that strangers got wrong: channels, axes, time and text."""

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "stereo_for_a_mono_net": ["enter", "2|two|stereo"],
    "complex_on_the_last_axis": [
        "axis|axes",
        "last|complex|real|5|five|view_as_real|too many|one more",
    ],
    "colours_of_a_vit_of_four": ["64", "48", "4 * 4 * 3"],
    "decoder_keeps_the_width": [
        "8",
        "4",
        "steps.0|steps.1|narrow|previous|before|makes|made|gives",
    ],
    "slices_of_another_width": ["4", "8", "made|zeros|width|room|wide|empty|filled|written|holder"],
    "rates_of_two_axes": [
        "(2, 1)|2 x 1|two axes|axes|[:, None|[..., None|view(|reshape|1, 1",
        "picture|image|batch|rows|row|axis 0|axis 2|height",
    ],
    "label_with_an_axis_more": ["(3, 1, 8)", "met each other"],
    "text_of_four_axes": ["4|four|(2, 1, 1, 6)", "axes|axis|squeeze|dimension", "3|three"],
    "steps_for_half_the_batch": [
        "2",
        "4",
        "step|batch|doubl|twice|repeat|each|guid|picture|image",
    ],
}


class WaveUNet(nn.Module):
    """Cleans sound of one channel."""

    def __init__(self, channels):
        super().__init__()
        self.enter, self.down = nn.Conv1d(channels, 6, 15, padding=7), nn.Conv1d(6, 8, 4, 2, 1)
        self.up = nn.ConvTranspose1d(8, 6, 4, 2, 1)
        self.leave = nn.Conv1d(12, channels, 5, padding=2)

    def forward(self, noisy):
        first = F.leaky_relu(self.enter(noisy))
        deep = F.leaky_relu(self.down(first))
        return torch.tanh(self.leave(torch.cat([first, self.up(deep)], 1)))


def stereo_for_a_mono_net():
    """A recording of two channels was given to a denoiser for mono.

    https://github.com/will-rice/denoisers/issues/21
    """
    x = draw(3, 2, 32)
    return WaveUNet(1), [x], WaveUNet(1), [x.mean(1, keepdim=True)]


class SpectrumScore(nn.Module):
    """Score of a complex spectrogram, given the noisy one; both parts are channels."""

    def __init__(self, turned):
        super().__init__()
        self.turned = turned
        self.body = nn.Sequential(nn.Conv2d(4, 8, 3, 1, 1), nn.SiLU(), nn.Conv2d(8, 2, 3, 1, 1))

    def forward(self, clean, noisy):
        both = torch.view_as_real(torch.stack([clean, noisy], 1))
        if self.turned:
            both = rearrange(both, "b n f t part -> b (n part) f t")
        return self.body(both)


def complex_on_the_last_axis():
    """A complex spectrogram came to conv2d as five axes, the last one for its two parts.

    https://github.com/sp-uhh/sgmse/issues/43
    """
    a = torch.randn(3, 8, 8, dtype=torch.cfloat)
    return SpectrumScore(False), [a, a], SpectrumScore(True), [a, a]


class FourBandViT(nn.Module):
    """Patches of 4 x 4, normed, for pictures of some number of bands."""

    def __init__(self, bands):
        super().__init__()
        wide = bands * 16
        self.norm, self.embed = nn.LayerNorm(wide), nn.Linear(wide, 12)
        self.block = nn.TransformerEncoderLayer(12, 3, 24, batch_first=True)

    def forward(self, picture):
        cut = rearrange(picture, "b c (h p) (w q) -> b (h w) (p q c)", p=4, q=4)
        return self.block(self.embed(self.norm(cut))).mean(1)


def colours_of_a_vit_of_four():
    """A ViT was made for 4 channels, and its trainer made pictures of 3 channels for it.

    https://github.com/lucidrains/vit-pytorch/issues/291
    """
    return FourBandViT(4), [draw(2, 3, 16, 16)], FourBandViT(4), [draw(2, 4, 16, 16)]


class SegStep(nn.Module):
    def __init__(self, comes, goes, keeps):
        super().__init__()
        made = comes if keeps else goes
        self.conv, self.norm = nn.Conv2d(comes, made, 3, 1, 1), nn.BatchNorm2d(made)

    def forward(self, h, where):
        return F.relu(self.norm(self.conv(F.max_unpool2d(h, where, 2))))


class SegNet(nn.Module):
    """Goes down remembering where the largest values were, and up by it."""

    def __init__(self, keeps):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, 1, 1), nn.Conv2d(4, 8, 3, 1, 1)
        self.steps = nn.ModuleList([SegStep(8, 4, keeps), SegStep(4, 4, keeps)])
        self.classes = nn.Conv2d(4, 5, 1)

    def forward(self, road):
        h, one = F.max_pool2d(self.a(road), 2, return_indices=True)
        h, two = F.max_pool2d(self.b(h), 2, return_indices=True)
        return self.classes(self.steps[1](self.steps[0](h, two), one))


def decoder_keeps_the_width():
    """The decoder's convolution and norm were made with the incoming number of channels twice.

    https://github.com/trypag/pytorch-unet-segnet/issues/2
    """
    x = draw(2, 3, 16, 16)
    return SegNet(True), [x], SegNet(False), [x]


class SlicedAttention(nn.Module):
    """Attention to a text, one head of one picture at a time, to save memory."""

    def __init__(self, dim, text, heads, each, right):
        super().__init__()
        self.heads, self.right = heads, right
        self.q = nn.Linear(dim, heads * each, bias=False)
        self.k = nn.Linear(text, heads * each, bias=False)
        self.v, self.out = nn.Linear(text, heads * each, bias=False), nn.Linear(heads * each, dim)

    def forward(self, x, text):
        cut = "b n (h d) -> (b h) n d"
        q, k, v = (rearrange(a, cut, h=self.heads) for a in (self.q(x), self.k(text), self.v(text)))
        width = q.shape[2] if self.right else x.shape[2] // self.heads
        found = torch.zeros(len(q), q.shape[1], width)
        for i in range(len(q)):
            found[i] = (q[i] @ k[i].T).softmax(-1) @ v[i]
        return self.out(rearrange(found, "(b h) n d -> b n (h d)", h=self.heads))


def slices_of_another_width():
    """Sliced attention whose heads together are wider than the tokens that come in.

    https://github.com/huggingface/diffusers/pull/563
    """
    x, text = draw(2, 5, 8), draw(2, 3, 4)
    wrong, right = (SlicedAttention(8, 4, 2, 8, ok) for ok in (False, True))
    return wrong, [x, text], right, [x, text]


class Restorer(nn.Module):
    """One step back of a deterministic sampler."""

    def __init__(self, axes):
        super().__init__()
        self.axes = axes
        self.net = nn.Sequential(nn.Conv2d(3, 6, 3, 1, 1), nn.SiLU(), nn.Conv2d(6, 3, 3, 1, 1))
        self.register_buffer("gammas", torch.linspace(0.99, 0.01, 10))

    def forward(self, y, step):
        noise = self.net(y)
        now = self.gammas[step].view(-1, *[1] * self.axes)
        before = self.gammas[step - 1].view(-1, *[1] * self.axes)
        start = (y - (1 - now).sqrt() * noise) / now.sqrt()
        return before.sqrt() * start + (1 - before).sqrt() * noise


def rates_of_two_axes():
    """The rates were of shape (batch, 1) where the pictures have four axes; batch of 1 worked.

    https://github.com/jolibrain/joliGEN/pull/527
    """
    y, step = draw(2, 3, 8, 8), torch.tensor([3, 7])
    return Restorer(1), [y, step], Restorer(3), [y, step]


class LabelledBlock(nn.Module):
    """Adds the time and the kind of picture to a map."""

    def __init__(self):
        super().__init__()
        self.time = nn.Sequential(nn.Linear(1, 8), nn.SiLU(), nn.Linear(8, 8))
        self.kinds, self.conv = nn.Embedding(5, 8), nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x, t, kind):
        told = self.time(t[:, None]) + self.kinds(kind)
        h = self.conv(x)
        return F.silu(h + told.reshape(h.shape[0], h.shape[1], 1, 1))


def label_with_an_axis_more():
    """Labels were given as a condition and the embedding has one axis more than its block expects.

    https://github.com/mueller-franzes/medfusion/issues/29
    """
    x, t, kind = draw(3, 3, 8, 8), torch.rand(3), torch.tensor([[0], [4], [2]])
    return LabelledBlock(), [x, t, kind], LabelledBlock(), [x, t, kind[:, 0]]


class BoneDenoiser(nn.Module):
    """Map, then attention to a condition, by heads."""

    def __init__(self):
        super().__init__()
        self.enter, self.leave = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 1, 3, padding=1)
        self.q, self.k, self.v = nn.Linear(8, 8), nn.Linear(6, 8), nn.Linear(6, 8)

    def heads(self, x):
        batch, length, dim = x.shape
        return x.reshape(batch, length, 2, dim // 2).transpose(1, 2)

    def forward(self, x, told):
        h = self.enter(x)
        q = self.heads(self.q(h.flatten(2).mT))
        k, v = self.heads(self.k(told)), self.heads(self.v(told))
        seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return self.leave(h + seen.mT.reshape(h.shape))


def text_of_four_axes():
    """The condition came as (64, 1, 1, 64) to cross attention, which takes three axes.

    https://github.com/pongthang/generative-AI-anomaly-detection/issues/1
    """
    x, told = draw(2, 1, 6, 6), draw(2, 1, 1, 6)
    return BoneDenoiser(), [x, told], BoneDenoiser(), [x, told[:, 0]]


class GuidedNet(nn.Module):
    """Spreads a single step over the batch, as pipelines call it so."""

    def __init__(self):
        super().__init__()
        self.time, self.enter = nn.Embedding(20, 6), nn.Conv2d(4, 6, 3, padding=1)
        self.leave = nn.Conv2d(6, 4, 3, padding=1)

    def forward(self, latents, steps):
        steps = steps.expand(latents.shape[0])
        return self.leave(F.silu(self.enter(latents) + self.time(steps)[:, :, None, None]))


def steps_for_half_the_batch():
    """For guidance there are twice as many latents, the steps are for the pictures asked for.

    https://github.com/facebookincubator/AITemplate/issues/685
    """
    x, step = draw(4, 4, 8, 8), torch.tensor([3, 9])
    return GuidedNet(), [x, step], GuidedNet(), [x, step.repeat(2)]
