"""Networks that strangers got wrong: calls, devices and dtypes."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "sequential_takes_one_input": ["Sequential", "blocks", "one |single|only"],
    "variance_is_not_predicted": ["(2, 3, 8, 8)|3 channels", "6|twice|double|varian", "assert"],
    "mask_is_not_joined": ["9", "4", "join|concat|cat("],
    "extra_condition_left_out": ["extra", "None", "left out|not given|missing|give|needs|pass"],
    "schedule_stays_behind": ["cpu", "meta", "buffer|.to("],
    "layer_born_in_forward": ["cpu", "meta", "forward", "__init__"],
    "bool_is_subtracted": ["bool", "words|==|compar|pad"],
    "loss_for_each_word": ["(3, 1)|3 x 1", "mean|sum"],
    "bytes_are_convolved": ["uint8", "input|video|first", "float"],
    "labels_in_float64": ["float64", "label|wanted|target|third", "float32|.float()"],
}


class TimedBlock(nn.Module):
    def __init__(self, ch=8):
        super().__init__()
        self.conv, self.time = nn.Conv2d(ch, ch, 3, padding=1), nn.Linear(1, ch)

    def forward(self, h, t):
        return F.silu(self.conv(h) + self.time(t[:, None])[..., None, None])


class Passing(nn.Sequential):
    """A chain that hands the time on to each of its blocks."""

    def forward(self, h, t):
        for block in self:
            h = block(h, t)
        return h


class TimedNet(nn.Module):
    def __init__(self, chain):
        super().__init__()
        self.head = nn.Conv2d(1, 8, 3, padding=1)
        self.blocks = chain(TimedBlock(), TimedBlock())

    def forward(self, x, t):
        return self.blocks(self.head(x), t)


def sequential_takes_one_input():
    """Blocks that take two inputs were put into nn.Sequential, which takes one.

    https://github.com/pytorch/pytorch/issues/65676
    """
    inputs = [draw(2, 1, 6, 6), torch.rand(2)]
    return TimedNet(nn.Sequential), inputs, TimedNet(Passing), inputs


class BackwardStep(nn.Module):
    """One step of sampling; the net also says how wide the noise is."""

    def __init__(self, out_ch):
        super().__init__()
        self.net = nn.Conv2d(3, out_ch, 3, padding=1)

    def forward(self, x):
        said = self.net(x)
        assert said.shape == (len(x), 2 * x.shape[1], *x.shape[2:])
        eps, log_var = said.chunk(2, dim=1)
        return x - 0.1 * eps + (0.5 * log_var).exp() * torch.randn_like(x)


def variance_is_not_predicted():
    """The diffusion was told to learn the variance, but the net has 3 channels out and not 6.

    https://github.com/openai/improved-diffusion/issues/96
    """
    x = draw(2, 3, 8, 8)
    return BackwardStep(3), [x], BackwardStep(6), [x]


class Inpainter(nn.Module):
    """Made for the latents, a mask, and the latents of the masked picture: 4 + 1 + 4."""

    def __init__(self):
        super().__init__()
        self.enter, self.leave = nn.Conv2d(9, 8, 3, padding=1), nn.Conv2d(8, 4, 3, padding=1)

    def forward(self, latents):
        return self.leave(F.silu(self.enter(latents)))


class InpaintStep(nn.Module):
    def __init__(self, is_joined):
        super().__init__()
        self.is_joined, self.net = is_joined, Inpainter()

    def forward(self, latents, mask, masked):
        if self.is_joined:
            return self.net(torch.cat([latents, mask, masked], dim=1))
        return mask * self.net(latents) + (1 - mask) * masked


def mask_is_not_joined():
    """A net for inpainting (9 channels in) was used by code that gives it the latents only.

    https://github.com/runwayml/stable-diffusion/issues/9
    """
    inputs = [draw(2, 4, 8, 8), torch.ones(2, 1, 8, 8), draw(2, 4, 8, 8)]
    return InpaintStep(False), inputs, InpaintStep(True), inputs


class LargeUNet(nn.Module):
    """Besides the text it wants a dictionary of further conditions."""

    def __init__(self):
        super().__init__()
        self.conv, self.text = nn.Conv2d(4, 8, 3, padding=1), nn.Linear(12, 8)
        self.pooled = nn.Linear(5, 8)

    def forward(self, x, text, extra=None):
        if "pooled" not in extra:
            raise ValueError("extra must have 'pooled'")
        cond = self.text(text).mean(1) + self.pooled(extra["pooled"])
        return self.conv(x) + cond[..., None, None]


def extra_condition_left_out():
    """A script for smaller nets calls a larger one without its further conditions (None inside).

    https://github.com/huggingface/diffusers/issues/4324
    """
    x, text = draw(2, 4, 6, 6), draw(2, 7, 12)
    net = LargeUNet()
    return net, [x, text], net, [x, text, {"pooled": draw(2, 5)}]


class Schedule:
    """No module: nothing moves its tables."""

    def __init__(self):
        self.kept = torch.linspace(1, 0, 20)

    def noised(self, x, eps, t):
        kept = self.kept[t][:, None, None, None]
        return kept.sqrt() * x + (1 - kept).sqrt() * eps


class MovingSchedule(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("kept", torch.linspace(1, 0, 20))

    noised = Schedule.noised


class NoiseStep(nn.Module):
    def __init__(self, schedule):
        super().__init__()
        self.schedule, self.net = schedule, nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x, eps, t):
        return F.mse_loss(self.net(self.schedule.noised(x, eps, t)), eps)


def schedule_stays_behind():
    """The schedule of the noise is an ordinary object, so its tables stay on the CPU.

    https://github.com/explainingai-code/DDPM-Pytorch/issues/5
    """
    x = torch.empty(3, 1, 8, 8, device="meta")
    inputs = [x, torch.empty_like(x), torch.zeros(3, dtype=torch.long, device="meta")]
    fixed = NoiseStep(MovingSchedule()).to("meta")
    return NoiseStep(Schedule()).to("meta"), inputs, fixed, inputs


class LazyEncoder(nn.Module):
    """Its last layer is made when the first picture comes, or at the start."""

    def __init__(self, width=None):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.out = nn.Linear(width, 3) if width else None

    def forward(self, x):
        h = torch.relu(self.conv(x)).flatten(1)
        if self.out is None:
            self.out = nn.Linear(h.shape[1], 3)
        return self.out(h)


def layer_born_in_forward():
    """The last layer is made inside forward, after .to(device): it is on the CPU (and untrained).

    https://github.com/Project-MONAI/MONAI/issues/8577
    """
    x = torch.empty(2, 1, 8, 8, device="meta")
    return LazyEncoder().to("meta"), [x], LazyEncoder(64).to("meta"), [x]


class Summary(nn.Module):
    def __init__(self, seen_of):
        super().__init__()
        self.seen_of, self.embed = seen_of, nn.Embedding(10, 8)
        self.look = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, words):
        seen = self.seen_of(words)
        h = self.embed(words)
        return self.look(h, h, h, key_padding_mask=seen == 0)[0]


def bool_is_subtracted():
    """The mask of what is seen was made as 1 - (words == 0), and bool has no minus any more.

    https://github.com/nlpyang/PreSumm/issues/54
    """
    words = torch.tensor([[4, 2, 7, 0], [1, 9, 0, 0]])
    broken = Summary(lambda words: 1 - (words == 0))
    return broken, [words], Summary(lambda words: ~(words == 0)), [words]


class WordStep(nn.Module):
    """Reads letters from a strip; one loss for each word, then backward."""

    def __init__(self, is_averaged):
        super().__init__()
        self.is_averaged = is_averaged
        self.net = nn.Conv1d(4, 11, 3, padding=1)

    def forward(self, strip, letters):
        loss = F.cross_entropy(self.net(strip), letters, reduction="none")
        loss = loss.sum(1, keepdim=True) / letters.shape[1]
        if self.is_averaged:
            loss = loss.mean()
        loss.backward()
        return loss


def loss_for_each_word():
    """backward() was called on one loss for each word, (batch, 1), and not on their mean.

    https://github.com/mindee/doctr/pull/379
    """
    inputs = [draw(3, 4, 6), torch.randint(0, 11, (3, 6))]
    return WordStep(False), inputs, WordStep(True), inputs


class Tracker(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(3, 4, 3, padding=1)
        self.box = nn.Linear(4, 4)

    def forward(self, video):
        return self.box(self.conv(video).mean((3, 4)).mT)


def bytes_are_convolved():
    """Frames went into the net as they were read, in uint8: nothing had normalized them.

    https://github.com/open-mmlab/mmtracking/issues/390
    """
    video = torch.randint(0, 256, (1, 3, 5, 8, 8), dtype=torch.uint8)
    return Tracker(), [video], Tracker(), [video / 255]


class SimilarityStep(nn.Module):
    """How alike are two sentences? The mean squared error, then backward."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(30, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, one, two, wanted):
        a, b = (self.layer(self.embed(words)).mean(1) for words in (one, two))
        loss = F.mse_loss(F.cosine_similarity(a, b), wanted)
        loss.backward()
        return loss


def labels_in_float64():
    """The labels were Python or NumPy numbers and became float64; backward finds it too late.

    https://github.com/huggingface/sentence-transformers/issues/770
    """
    one, two = torch.randint(0, 30, (2, 3, 6))
    wanted = torch.tensor([0.1, 0.8, 0.5], dtype=torch.float64)
    net = SimilarityStep()
    return net, [one, two, wanted], net, [one, two, wanted.float()]
