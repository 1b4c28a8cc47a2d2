"""More networks that strangers got wrong: channels, widths, and how many pictures there are."""

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "norm_of_other_channels": ["norm", "channel|joined|concat|8 + 8", "16"],
    "mono_for_a_stereo_net": [
        "song|mono|stereo|as it came|was given|given to|network's",
        "2",
        "1",
    ],
    "fourier_width_written_in": ["24", "16", "8 + 8|rates|sin|cos|fourier|concat|time"],
    "codes_of_all_places_joined": ["20", "2", "rearrange|join|merge|(1, 10, 2)|10 x 2|flatten"],
    "latent_map_written_in": ["view|reshape", "16", "2 of 4|2 pictures|2 images|batch|(4, 32)"],
    "picture_without_batch": ["batch", "(3, 16, 16)|3 x 16 x 16|one picture|one image|three axes"],
    "guidance_doubles_only_the_pictures": [
        "text",
        "twice|doubl|two of each|repeat|cat|batch|pictures|images",
        "4",
    ],
    "text_without_words": [
        "text",
        "(2, 6)|2 x 6|two axes|2 axes",
        "word|token|axis|axes|three|[:, None]|unsqueeze",
    ],
    "frames_a_few_at_a_time": ["2", "8", "frame|multiple|remain|batch|too few"],
}


class NormFirstUNet(nn.Module):
    """One level; on the way up the norm comes before the convolution."""

    def __init__(self, width):
        super().__init__()
        self.down, self.bottom = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.up_norm, self.up = nn.BatchNorm2d(width), nn.Conv2d(16, 8, 3, padding=1)
        self.classes = nn.Conv2d(8, 2, 1)

    def forward(self, tissue):
        skip = F.relu(self.down(tissue))
        h = F.interpolate(self.bottom(F.max_pool2d(skip, 2)), scale_factor=2)
        h = self.up_norm(torch.cat([skip, h], dim=1))
        return self.classes(self.up(F.relu(h)))


def norm_of_other_channels():
    """The decoder's BatchNorm was made for fewer channels than are joined before it.

    https://github.com/TissueImageAnalytics/tiatoolbox/pull/273
    """
    x = draw(2, 3, 12, 12)
    return NormFirstUNet(8), [x], NormFirstUNet(16), [x]


class Separator(nn.Module):
    """Sound in, two sources out."""

    def __init__(self, ch=6):
        super().__init__()
        self.encode = nn.Conv1d(2, ch, 8, stride=4)
        self.gate = nn.Conv1d(ch, 2 * ch, 1)
        self.decode = nn.ConvTranspose1d(ch, 4, 8, stride=4)

    def forward(self, song):
        h = F.glu(self.gate(F.relu(self.encode(song))), dim=1)
        return self.decode(h).unflatten(1, (2, 2))


def mono_for_a_stereo_net():
    """A recording of one channel was given to a separator made for stereo.

    https://github.com/facebookresearch/demucs/issues/22
    """
    song = draw(1, 1, 64)
    return Separator(), [song], Separator(), [song.expand(-1, 2, -1)]


class TimedSignalNet(nn.Module):
    """1-D, the time enters as random sines and cosines."""

    def __init__(self, ch=12, waves=8):
        super().__init__()
        self.register_buffer("rates", torch.randn(waves))
        self.time = nn.Sequential(nn.Linear(2 * ch, ch), nn.SiLU(), nn.Linear(ch, ch))
        self.enter, self.leave = nn.Conv1d(2, ch, 5, padding=2), nn.Conv1d(ch, 2, 5, padding=2)

    def forward(self, signal, t):
        angles = 6.283 * t[:, None] * self.rates
        emb = self.time(torch.cat([angles.sin(), angles.cos()], dim=1))
        return self.leave(F.silu(self.enter(signal) + emb[..., None]))


def fourier_width_written_in():
    """The number of sines is written in (8), the layer behind them is made from the channels.

    https://github.com/huggingface/diffusers/issues/12110
    """
    inputs = [draw(2, 2, 20), torch.rand(2)]
    return TimedSignalNet(), inputs, TimedSignalNet(waves=12), inputs


class Codebook(nn.Module):
    """Codes are narrower than the tokens, and are widened when they are read."""

    def __init__(self, is_joined, width=6, narrow=2):
        super().__init__()
        self.is_joined = is_joined
        self.book = nn.Embedding(16, narrow)
        self.widen = nn.Linear(narrow, width)

    def forward(self, numbers):
        codes = self.book(numbers)
        if self.is_joined:
            codes = rearrange(codes, "... n d -> ... (n d)")
        return self.widen(codes)


def codes_of_all_places_joined():
    """Codes with a dimension of their own: a rearrange for several heads joins all the codes.

    https://github.com/lucidrains/vector-quantize-pytorch/issues/113
    """
    numbers = torch.randint(16, (1, 10))
    return Codebook(True), [numbers], Codebook(False), [numbers]


class PictureVAE(nn.Module):
    """Two halvings, a latent vector, and the way back."""

    def __init__(self, width, shown_width):
        super().__init__()
        self.shown_width = shown_width
        self.encode = nn.Sequential(
            nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, width, 3, 2, 1), nn.Flatten()
        )
        self.latent, self.spread = nn.Linear(4 * width, 10), nn.Linear(5, 4 * width)
        self.decode = nn.ConvTranspose2d(width, 4, 4, 2, 1)
        self.colours = nn.ConvTranspose2d(4, 3, 4, 2, 1)

    def forward(self, photo):
        mean, log_var = self.latent(self.encode(photo)).chunk(2, dim=1)
        z = mean + (log_var / 2).exp() * torch.randn_like(mean)
        h = self.spread(z).view(-1, self.shown_width, 2, 2)
        return self.colours(F.relu(self.decode(h)))


def latent_map_written_in():
    """A VAE with fewer channels than usual; its view has the usual number (512) written in.

    https://github.com/AntixK/PyTorch-VAE/pull/17
    """
    x = draw(4, 3, 8, 8)
    return PictureVAE(8, 16), [x], PictureVAE(8, 8), [x]


class FrameEncoder(nn.Module):
    """The eye of a world model: a frame becomes a mean and a spread."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 4, stride=2), nn.Conv2d(4, 8, 4, stride=2)
        self.mean, self.spread = nn.Linear(32, 5), nn.Linear(32, 5)

    def forward(self, frame):
        h = F.relu(self.two(F.relu(self.one(frame))))
        h = h.view(h.size(0), -1)
        return self.mean(h), self.spread(h).exp()


def picture_without_batch():
    """One frame without the axis of the batch; convolutions take it, its channels become rows.

    https://github.com/ctallec/world-models/issues/47
    """
    x = draw(3, 16, 16)
    return FrameEncoder(), [x], FrameEncoder(), [x[None]]


class TextNet(nn.Module):
    def __init__(self, ch=8, width=6):
        super().__init__()
        self.enter, self.leave = nn.Conv2d(4, ch, 3, padding=1), nn.Conv2d(ch, 4, 3, padding=1)
        self.q, self.k, self.v = nn.Linear(ch, ch), nn.Linear(width, ch), nn.Linear(width, ch)

    def forward(self, x, text):
        h = self.enter(x)
        pixels = h.flatten(2).mT
        looks = (self.q(pixels) @ self.k(text).mT / 3).softmax(dim=-1)
        return self.leave(h + (looks @ self.v(text)).mT.reshape(h.shape))


class GuidedStep(nn.Module):
    """The answer with the text and without it, in one call."""

    def __init__(self):
        super().__init__()
        self.net = TextNet()

    def forward(self, latents, text):
        with_text, without = self.net(torch.cat([latents, latents]), text).chunk(2)
        return without + 7.5 * (with_text - without)


def guidance_doubles_only_the_pictures():
    """Latents are repeated for the guidance, and only the texts without the empty ones were given.

    https://github.com/ashawkey/stable-dreamfusion/issues/279
    """
    x, text = draw(2, 4, 6, 6), draw(2, 7, 6)
    both = torch.cat([text, torch.zeros(2, 7, 6)])
    return GuidedStep(), [x, text], GuidedStep(), [x, both]


class ConditionedBlock(nn.Module):
    """Pixels look at the condition; heads are cut by hand."""

    def __init__(self, ch=8, width=6, heads=2):
        super().__init__()
        self.heads = heads
        self.q, self.kv = nn.Conv2d(ch, ch, 1), nn.Linear(width, 2 * ch)

    def forward(self, h, text):
        batch, words, _ = text.shape
        k, v = self.kv(text).view(batch, words, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        q = self.q(h).flatten(2).unflatten(1, (self.heads, -1)).mT
        seen = F.scaled_dot_product_attention(q, k, v)
        return h + seen.mT.reshape(h.shape)


def text_without_words():
    """A condition of one vector for each picture was given where attention wants several.

    https://github.com/huggingface/diffusers/issues/13176
    """
    h, text = draw(2, 8, 5, 5), draw(2, 6)
    return ConditionedBlock(), [h, text], ConditionedBlock(), [h, text[:, None]]


class MotionModule(nn.Module):
    """Each pixel looks along the frames."""

    def __init__(self, ch=4, length=8):
        super().__init__()
        self.length = length
        self.look = nn.MultiheadAttention(ch, 2, batch_first=True)

    def forward(self, frames):
        rows, cols = frames.shape[2:]
        h = rearrange(frames, "(b f) c y x -> (b y x) f c", f=self.length)
        h = h + self.look(h, h, h)[0]
        return rearrange(h, "(b y x) f c -> (b f) c y x", y=rows, x=cols)


def frames_a_few_at_a_time():
    """One picture (with and without its text: two) went through a motion module made for 8 frames.

    https://github.com/continue-revolution/sd-webui-animatediff/issues/532
    """
    return MotionModule(), [draw(2, 4, 6, 5)], MotionModule(), [draw(16, 4, 6, 5)]
