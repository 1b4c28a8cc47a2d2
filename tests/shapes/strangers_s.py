"""Fifth set of networks that strangers got wrong: calls, losses, dtypes, devices."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "method_without_self": ["self", "def|method|first|missing|staticmethod|lacks|left out|without"],
    "encoder_returns_a_store_too": [
        "encode|tuple|pair|two",
        "[0]|first|unpack|returns|return|gives|also|both",
    ],
    "dice_of_a_coloured_mask": [
        "4",
        "6",
        "one_hot|one-hot|class|channel|colour",
    ],
    "class_taken_of_the_depth": [
        "[:, 1]|index|select|slice|depth|channel",
        "class|channel|four axes|4 axes|squeeze|axes|depth",
    ],
    "latents_stay_in_half": ["enter", "half|float16", ".float()|.to(|dtype|float32|convert|cast"],
    "places_of_words_stay_behind": [
        "places",
        "register_buffer|buffer|plain tensor|not move|does not move|moved",
    ],
    "norm_turns_pictures_only": ["5|five|(2,", "norm|video|frames|picture|volume|Conv3d"],
}


class TextUNet(nn.Module):
    """Denoises latents; the sines of the step are made by a method."""

    def __init__(self):
        super().__init__()
        self.lift, self.enter = nn.Linear(8, 6), nn.Conv2d(4, 6, 3, padding=1)
        self.leave = nn.Conv2d(6, 4, 3, padding=1)

    def waves(step):
        angle = step[:, None] * torch.logspace(0, -3, 4)
        return torch.cat([angle.cos(), angle.sin()], dim=1)

    def forward(self, latents, step):
        told = self.lift(self.waves(step))[:, :, None, None]
        return self.leave(F.silu(self.enter(latents) + told))


class TextUNetMended(TextUNet):
    def waves(self, step):
        return TextUNet.waves(step)


def method_without_self():
    """The function for the time's embedding stands in the class but does not take self.

    https://github.com/lansinuote/Diffusion_From_Scratch/issues/4
    """
    x, step = draw(2, 4, 8, 8), torch.tensor([5.0, 90.0])
    return TextUNet(), [x, step], TextUNetMended(), [x, step]


class CausalEncoder(nn.Module):
    """Returns what it made and what the next clip needs."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(3, 8, 3, padding=(0, 1, 1))

    def forward(self, clip):
        padded = torch.cat([clip[:, :, :1], clip[:, :, :1], clip], 2)
        return self.conv(padded), clip[:, :, -2:]


class VideoVAE(nn.Module):
    def __init__(self, knows):
        super().__init__()
        self.knows = knows
        self.encode, self.decode = CausalEncoder(), nn.Conv3d(4, 3, 3, padding=1)

    def forward(self, clip):
        h = self.encode(clip)
        if self.knows:
            h = h[0]
        mean, spread = torch.chunk(h, 2, dim=1)
        return self.decode(mean + torch.randn_like(mean) * (spread / 2).exp())


def encoder_returns_a_store_too():
    """A newer encoder returns a cache besides the map, and both went to where the halves are made.

    https://github.com/kijai/ComfyUI-CogVideoXWrapper/issues/231
    """
    x = draw(2, 3, 4, 8, 8)
    return VideoVAE(False), [x], VideoVAE(True), [x]


class DiceTrainer(nn.Module):
    """A segmentation net and its loss by overlap."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), nn.ReLU(), nn.Conv2d(8, 6, 1))

    def forward(self, street, mask):
        said = self.net(street).softmax(1)
        met = (mask * said).sum((2, 3))
        return 1 - (2 * met / (mask.sum((2, 3)) + said.sum((2, 3)) + 1)).mean()


def dice_of_a_coloured_mask():
    """Masks were read as pictures of 4 channels, the net has 18 classes.

    https://github.com/sithu31296/semantic-segmentation/issues/9
    """
    x, kinds = draw(2, 3, 8, 8), torch.randint(6, (2, 8, 8))
    onehot = F.one_hot(kinds, 6).movedim(-1, 1).float()
    return DiceTrainer(), [x, torch.rand(2, 4, 8, 8)], DiceTrainer(), [x, onehot]


class HeartNet(nn.Module):
    """Says heart or not for each place of a volume; trained by overlap."""

    def __init__(self, classes):
        super().__init__()
        self.body = nn.Sequential(nn.Conv3d(1, 4, 3, 1, 1), nn.ReLU())
        self.last = nn.Conv3d(4, classes, 1)

    def forward(self, scan, truth):
        chance = self.last(self.body(scan)).squeeze(1).sigmoid()
        heart = chance[:, 1]
        both = (heart * (truth == 1)).sum()
        return 1 - 2 * both / (heart.sum() + truth.sum() + 1e-5)


def class_taken_of_the_depth():
    """The answer had no axis of classes, so [:, 1] took a plane of the volume; the truth is whole.

    https://github.com/ycwu1997/MC-Net/issues/8
    """
    x, truth = draw(2, 1, 6, 6, 5), torch.randint(2, (2, 6, 6, 5))
    return HeartNet(1), [x, truth], HeartNet(2), [x, truth]


class TuneStep(nn.Module):
    """Latents are made by a frozen encoder in half precision, the denoiser is tuned."""

    def __init__(self, casts):
        super().__init__()
        self.casts = casts
        self.vae = nn.Conv2d(3, 4, 4, 4).half().requires_grad_(False)
        self.enter, self.leave = nn.Conv2d(4, 8, 3, padding=1), nn.Conv2d(8, 4, 3, padding=1)

    def forward(self, picture):
        z = self.vae(picture.half())
        if self.casts:
            z = z.float()
        noise = torch.randn_like(z)
        return F.mse_loss(self.leave(F.silu(self.enter(z + noise))), noise)


def latents_stay_in_half():
    """Fine-tuning began with latents in half precision and a denoiser in float32.

    https://github.com/bitsandbytes-foundation/bitsandbytes/issues/140
    """
    x = draw(2, 3, 16, 16)
    return TuneStep(False), [x], TuneStep(True), [x]


class WordEncoder(nn.Module):
    """Words and their places; says what a picture should show."""

    def __init__(self, kept):
        super().__init__()
        self.words, self.spots = nn.Embedding(30, 8), nn.Parameter(torch.rand(8))
        if kept:
            self.register_buffer("places", torch.arange(7))
        else:
            self.places = torch.arange(7)
        self.mix = nn.Linear(8, 8)

    def forward(self, words):
        return self.mix(self.words(words) + torch.sin(self.places[:, None] * self.spots))


def places_of_words_stay_behind():
    """On another GPU than the first the index of an embedding is on the wrong device.

    https://github.com/easydiffusion/easydiffusion/pull/561
    """
    words = torch.randint(30, (2, 7), device="meta")
    return WordEncoder(False).to("meta"), [words], WordEncoder(True).to("meta"), [words]


class LastAxisNorm(nn.Module):
    """Norm for maps whose channels stand last."""

    def __init__(self, channels, videos):
        super().__init__()
        self.norm, self.videos = nn.GroupNorm(2, channels), videos

    def forward(self, x):
        if self.videos:
            return self.norm(x.movedim(-1, 1)).movedim(1, -1)
        x = x.permute(0, 3, 1, 2)
        return self.norm(x).permute(0, 2, 3, 1)


class StepVAE(nn.Module):
    def __init__(self, videos):
        super().__init__()
        self.conv, self.norm = nn.Conv3d(3, 8, 3, padding=1), LastAxisNorm(8, videos)
        self.out = nn.Linear(8, 4)

    def forward(self, clip):
        h = self.conv(clip).movedim(1, -1)
        return self.out(F.silu(self.norm(h)))


def norm_turns_pictures_only():
    """A video went through a norm that turns the axes of a picture.

    https://github.com/stepfun-ai/Step-Video-T2V/issues/25
    """
    x = draw(2, 3, 5, 8, 8)
    return StepVAE(False), [x], StepVAE(True), [x]
