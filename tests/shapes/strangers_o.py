"""Fourth set of networks that strangers got wrong: calls, losses, dtypes, devices."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "another_net_of_the_same_name": [
        "net",
        "only|one input|1 input|one argument|1 argument|takes one|takes 1 |forward(self, x|"
        "forward(x|(x)|gives it 2|given 2|got 2|2 inputs|two inputs|extra|too many|one more",
    ],
    "features_in_one_list": ["decoder", "*|unpack|list|one argument|separate|one by one"],
    "comma_makes_a_tuple": [
        "tuple",
        "comma|one tensor|[0]|1 tensor|single|holds|length 1|one entry|a tensor in|its first",
    ],
    "mask_lost_its_channel": [
        "(2, 8, 8)|2 x 8 x 8|three axes|3 axes|no axis|lacks|without",
        "channel|axis 1|unsqueeze|[:, None]|None",
    ],
    "one_class_more_than_the_net": ["3", "class|channel|0 to 2|0..2|0-2"],
    "time_stays_in_float32": ["float32", "bfloat16", "time|.to(|made|sin|cos|cat"],
    "attentions_in_a_plain_list": ["list", "ModuleList|register|plain|found"],
    "step_of_tables_left_behind": [
        "betas|far|table",
        "cpu",
        "buffer|move|.to(|stay|stayed|plain",
    ],
}


class PlainUNet(nn.Module):
    """A segmentation net: a picture in, a map out."""

    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Conv2d(3, 8, 3, 2, 1), nn.ConvTranspose2d(8, 3, 2, 2)

    def forward(self, x):
        return self.up(F.relu(self.down(x)))


class TimedUNet(PlainUNet):
    """A denoiser: it is told the step too."""

    def __init__(self):
        super().__init__()
        self.time = nn.Embedding(50, 8)

    def forward(self, x, t):
        return self.up(F.relu(self.down(x) + self.time(t)[:, :, None, None]))


class NoiseStep(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, car, noise, t):
        noisy = 0.6 * car + 0.8 * noise
        return F.mse_loss(self.net(noisy, t), noise)


def another_net_of_the_same_name():
    """A U-Net for segmentation was installed where the tutorial makes its own, which takes t too.

    https://github.com/dtransposed/code_videos/issues/1
    """
    inputs = [draw(2, 3, 8, 8), draw(2, 3, 8, 8), torch.tensor([4, 30])]
    return NoiseStep(PlainUNet()), inputs, NoiseStep(TimedUNet()), inputs


class StageEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in ((3, 4), (4, 8)))

    def forward(self, x):
        maps = [x]
        for stage in self.stages:
            maps.append(F.relu(stage(maps[-1])))
        return maps


class StageDecoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.block, self.out = nn.Conv2d(12, 4, 3, padding=1), nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, *maps):
        maps = maps[1:][::-1]
        low, skip = maps[0], maps[1]
        h = torch.cat([F.interpolate(low, scale_factor=2), skip], 1)
        return self.out(F.interpolate(F.relu(self.block(h)), scale_factor=2))


class TakenApart(nn.Module):
    """Encoder and decoder are called apart, to change the maps between them."""

    def __init__(self, unpacks):
        super().__init__()
        self.unpacks = unpacks
        self.encoder, self.decoder = StageEncoder(), StageDecoder()

    def forward(self, cell):
        maps = [m * 0.5 for m in self.encoder(cell)]
        return self.decoder(*maps) if self.unpacks else self.decoder(maps)


def features_in_one_list():
    """The encoder's list was given to the decoder as it is; the decoder takes the maps one by one.

    https://github.com/qubvel-org/segmentation_models.pytorch/issues/311
    """
    x = draw(2, 3, 16, 16)
    return TakenApart(False), [x], TakenApart(True), [x]


class DigitCoder(nn.Module):
    """Two convolutions, and back."""

    def __init__(self, has_comma):
        super().__init__()
        self.has_comma = has_comma
        self.near, self.far = nn.Conv2d(1, 4, 3, 2, 1), nn.Conv2d(4, 8, 3, 2, 1)
        self.back = nn.ConvTranspose2d(8, 1, 4, 4)

    def forward(self, digit):
        if self.has_comma:
            h = (self.near(digit),)
        else:
            h = self.near(digit)
        return self.back(self.far(h))


def comma_makes_a_tuple():
    """A comma was left at the end of a line of forward, so the next layer gets a tuple.

    https://github.com/MorvanZhou/PyTorch-Tutorial/issues/39
    """
    x = draw(2, 1, 12, 12)
    return DigitCoder(True), [x], DigitCoder(False), [x]


class HeartStep(nn.Module):
    """One step of training of a net for masks of the heart."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 1, 1)

    def forward(self, scan, mask):
        return F.binary_cross_entropy(self.b(F.relu(self.a(scan))).sigmoid(), mask)


def mask_lost_its_channel():
    """The edges' mask came as (batch, rows, columns), the net answers with a channel.

    https://github.com/sunjesse/shape-attentive-unet/issues/8
    """
    x, mask = draw(2, 1, 8, 8), torch.randint(2, (2, 8, 8)).float()
    return HeartStep(), [x, mask], HeartStep(), [x, mask[:, None]]


class SceneStep(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.down, self.mid = nn.Conv2d(3, 6, 3, 2, 1), nn.Conv2d(6, 6, 3, padding=1)
        self.up = nn.ConvTranspose2d(6, 4, 2, 2)
        self.out = nn.Conv2d(7, classes, 1)

    def forward(self, scene, mask):
        h = self.up(F.relu(self.mid(F.relu(self.down(scene)))))
        return F.cross_entropy(self.out(torch.cat([scene, h], 1)), mask)


def one_class_more_than_the_net():
    """Someone's own masks hold class 3, the number of classes in the code was left at three.

    https://github.com/qiaofengsheng/pytorch-UNet/issues/7
    """
    x, mask = draw(2, 3, 8, 8), torch.arange(4).repeat(32).reshape(2, 8, 8)
    return SceneStep(3), [x, mask], SceneStep(4), [x, mask]


class SongTime(nn.Module):
    """Sines of the step, and a layer."""

    def __init__(self, follows, dim=6):
        super().__init__()
        self.follows, self.dim = follows, dim
        self.mlp = nn.Sequential(nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, t):
        angles = t.float()[:, None] * 0.1 ** torch.arange(self.dim // 2)
        waves = torch.cat([angles.sin(), angles.cos()], dim=-1)
        if self.follows:
            waves = waves.to(self.mlp[0].weight.dtype)
        return self.mlp(waves)


class SongTransformer(nn.Module):
    """A denoiser of a song's latents, (batch, places, channels)."""

    def __init__(self, follows):
        super().__init__()
        self.time_embed, self.enter = SongTime(follows), nn.Linear(4, 6)
        self.look = nn.MultiheadAttention(6, 2, batch_first=True)
        self.leave = nn.Linear(6, 4)

    def forward(self, latent, t):
        h = self.enter(latent) + self.time_embed(t)[:, None]
        return self.leave(h + self.look(h, h, h)[0])


def time_stays_in_float32():
    """The model and its latents are in half the bits, the embedding of the time is made in float32.

    https://github.com/xiaomi-research/diffrhythm2/issues/5
    """
    inputs = [draw(2, 9, 4).bfloat16(), torch.rand(2).bfloat16()]
    broken, fixed = SongTransformer(False).bfloat16(), SongTransformer(True).bfloat16()
    return broken, inputs, fixed, inputs


class PlaceGate(nn.Module):
    """Which places of the map make one token."""

    def __init__(self, ch):
        super().__init__()
        self.norm, self.conv = nn.GroupNorm(1, ch), nn.Conv2d(ch, 1, 3, padding=1)

    def forward(self, x):
        return (x * self.conv(self.norm(x)).sigmoid()).mean((2, 3))


class TokenMaker(nn.Module):
    def __init__(self, keep, tokens=3):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 4, 4)
        self.gates = keep(PlaceGate(6) for _ in range(tokens))
        self.mix = nn.Linear(6, 6)

    def forward(self, photo):
        h = self.stem(photo)
        return self.mix(torch.stack([gate(h) for gate in self.gates], dim=1))


def attentions_in_a_plain_list():
    """A layer that learns tokens keeps its attentions in a plain list, and they do not move.

    https://github.com/rish-16/tokenlearner-pytorch/issues/4
    """
    x = draw(2, 3, 16, 16).to("meta")
    return TokenMaker(list).to("meta"), [x], TokenMaker(nn.ModuleList).to("meta"), [x]


class WordCleaner(nn.Module):
    """One step back from a noisy word of bits; how far is reckoned from two tables."""

    def __init__(self, keeps_tables, steps=12, bits=10):
        super().__init__()
        betas = torch.linspace(0.01, 0.2, steps)
        if keeps_tables:
            self.register_buffer("betas", betas)
            self.register_buffer("betas_sum", betas.cumsum(0))
        else:
            self.betas, self.betas_sum = betas, betas.cumsum(0)
        self.time, self.first = nn.Embedding(steps, 16), nn.Linear(bits, 16)
        self.last = nn.Linear(16, bits)

    def forward(self, word, t):
        noise = self.last(F.silu(self.first(word) + self.time(t)))
        whole, part = self.betas_sum[t], self.betas[t]
        far = (whole.sqrt() * part / (whole + part))[:, None]
        return word - far * noise


def step_of_tables_left_behind():
    """The length of a step back is taken from tables that stayed on the CPU, by steps that moved.

    https://github.com/yoniLc/DDECC/pull/2
    """
    inputs = [draw(2, 10).to("meta"), torch.tensor([3, 9]).to("meta")]
    return WordCleaner(False).to("meta"), inputs, WordCleaner(True).to("meta"), inputs
