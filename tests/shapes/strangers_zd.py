"""Seventh set of networks that strangers got wrong: diffusion, attention, sound."""

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "solver_meets_six_channels": [
        "6",
        "3",
        "chunk|split|[:, :3]|variance|sigma|half|halves|twice|learned|first three|first 3|leave",
    ],
    "mask_in_rows_of_seven": [
        "7",
        "mask|reshape|view",
        "multiple|divis|divide|fixed|hard|written|batch|4 pictures|768",
    ],
    "long_picture_laid_in_a_square": [
        "4, 4|4 x 4|16|4 * 4",
        "24|4, 6|4 x 6|384",
        "square|fixed|written|side|height|width|long|rectang|shape|tokens|hard|grid",
    ],
    "policy_of_a_single_step": [
        "1",
        "2",
        "horizon|length|longer|short|multiple|divis|even|doubl|halv|odd|one step|single|time",
    ],
    "condition_of_the_wrong_width": [
        "17",
        "14",
        "film|state|action|joints|condition|linear",
    ],
    "twenty_over_three_heads": ["20", "3", "divi|multiple|heads|chunk|remainder"],
    "folded_heads_lack_a_mask": [
        "8",
        "mask",
        "head|repeat|expand|tile|interleave|[:, None]|unsqueeze|per batch|2",
    ],
    "bark_of_a_moment": [
        "three|7 x 1|7, 1|1 wide|width 1",
        "3",
        "short|longer|small|pad|frames|length|larger|bigger|wider|exceed|greater|shrink|left|fit",
    ],
}


class SolverStep(nn.Module):
    """One step of a solver; the network guesses noise and also how sure it is."""

    def __init__(self, splits):
        super().__init__()
        self.splits = splits
        self.enter, self.when = nn.Conv2d(3, 8, 3, 1, 1), nn.Linear(1, 8)
        self.leave = nn.Conv2d(8, 6, 3, 1, 1)

    def forward(self, x, t):
        h = F.silu(self.enter(x) + self.when(t[:, None])[:, :, None, None])
        noise = self.leave(h)
        if self.splits:
            noise, _ = noise.chunk(2, dim=1)
        rate = torch.exp(-t)[:, None, None, None]
        return (x - (1 - rate).sqrt() * noise) / rate.sqrt()


def solver_meets_six_channels():
    """The network also learns the variance, so it gives 6 channels to a solver of 3.

    https://github.com/LuChengTHU/dpm-solver/issues/28
    """
    x, t = draw(2, 3, 8, 8), torch.rand(2)
    return SolverStep(False), [x, t], SolverStep(True), [x, t]


class HoleFiller(nn.Module):
    """Keeps the pictures where a mask says so and makes the rest up."""

    def __init__(self):
        super().__init__()
        self.dream = nn.Sequential(nn.Conv2d(3, 6, 3, 1, 1), nn.SiLU(), nn.Conv2d(6, 3, 3, 1, 1))

    def forward(self, pictures):
        side = pictures.shape[-1]
        mask = torch.zeros(*pictures.shape)
        mask = mask.reshape(-1, 7, 3, side, side)
        mask[:, :, :, : side // 2] = 1
        mask = mask.reshape(-1, 3, side, side)
        return pictures * mask + self.dream(pictures * mask) * (1 - mask)


def mask_in_rows_of_seven():
    """The mask is reshaped to rows of 7 pictures whatever the batch is.

    https://github.com/openai/consistency_models/issues/48
    """
    return HoleFiller(), [draw(4, 3, 8, 8)], HoleFiller(), [draw(14, 3, 8, 8)]


class RegionAttention(nn.Module):
    """Lets places look at places, then pays heed to regions of the picture."""

    def __init__(self, square):
        super().__init__()
        self.square = square
        self.cut, self.region = nn.Conv2d(3, 8, 2, 2), nn.Conv2d(8, 8, 3, 1, 1)
        self.look, self.back = nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, latents):
        cells = self.cut(latents)
        high, wide = (4, 4) if self.square else cells.shape[-2:]
        tokens = cells.flatten(2).mT
        q, k, v = self.look(tokens).chunk(3, dim=-1)
        tokens = tokens + self.back((q @ k.mT / 8**0.5).softmax(-1) @ v)
        plane = tokens.reshape(tokens.shape[0], high, wide, tokens.shape[2])
        return self.region(plane.permute(0, 3, 1, 2))


def long_picture_laid_in_a_square():
    """12288 tokens of a picture that is not square were reshaped to 64 x 64.

    https://github.com/donahowe/AutoStudio/issues/39
    """
    x = draw(2, 3, 8, 12)
    return RegionAttention(True), [x], RegionAttention(False), [x]


class MotionUNet(nn.Module):
    """Denoises a plan of motions; time is the last axis inside."""

    def __init__(self):
        super().__init__()
        self.works = nn.ModuleList(nn.Conv1d(a, 8, 3, 1, 1) for a in (5, 8, 8))
        self.falls = nn.ModuleList(nn.Conv1d(8, 8, 3, 2, 1) for _ in range(2))
        self.mends = nn.ModuleList(nn.Conv1d(16, 8, 3, 1, 1) for _ in range(2))
        self.rises = nn.ModuleList(nn.ConvTranspose1d(8, 8, 4, 2, 1) for _ in range(2))
        self.last = nn.Conv1d(8, 5, 1)

    def forward(self, motions):
        h, kept = F.mish(self.works[0](motions.mT)), []
        for fall, work in zip(self.falls, self.works[1:]):
            kept.append(h)
            h = F.mish(work(fall(h)))
        for rise, mend in zip(self.rises, self.mends):
            h = F.mish(mend(torch.cat((rise(h), kept.pop()), dim=1)))
        return self.last(h).mT


def policy_of_a_single_step():
    """A policy with a horizon of 1; on the way up length 2 meets what was kept, of length 1.

    https://github.com/real-stanford/diffusion_policy/issues/32
    """
    return MotionUNet(), [draw(3, 1, 5)], MotionUNet(), [draw(3, 8, 5)]


class ArmPolicy(nn.Module):
    """Denoises motions of an arm by what the camera and the joints say."""

    def __init__(self, counted, motions, joints):
        super().__init__()
        self.camera = nn.Sequential(nn.Conv2d(3, 10, 4, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.enter, self.leave = nn.Conv1d(motions, 6, 3, 1, 1), nn.Conv1d(6, motions, 3, 1, 1)
        width = {"motions": motions, "joints": joints}[counted]
        self.film = nn.Linear(width + 10, 12)

    def forward(self, motions, joints, picture):
        told = torch.cat([joints, self.camera(picture).flatten(1)], dim=-1)
        scale, shift = self.film(told)[:, :, None].chunk(2, dim=1)
        return self.leave(F.mish(self.enter(motions) * (1 + scale) + shift))


def condition_of_the_wrong_width():
    """The width of the condition counts the numbers of a motion, but the state is what is joined.

    https://github.com/huggingface/lerobot/pull/278
    """
    inputs = [draw(2, 4, 8), draw(2, 7), draw(2, 3, 16, 16)]
    return ArmPolicy("motions", 4, 7), inputs, ArmPolicy("joints", 4, 7), inputs


class SeriesAttention(nn.Module):
    """Attention over the steps of a series of measurements."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.to_qkv, self.to_out = nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim)

    def forward(self, series):
        parts = self.to_qkv(series).chunk(3, dim=-1)
        q, k, v = (rearrange(p, "b n (h d) -> b h n d", h=self.heads) for p in parts)
        seen = (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1) @ v
        return self.to_out(rearrange(seen, "b h n d -> b n (h d)"))


def twenty_over_three_heads():
    """The width of 100 was to be cut into 3 heads.

    https://github.com/emadeldeen24/TS-TCC/issues/30
    """
    x = draw(2, 6, 20)
    return SeriesAttention(20, 3), [x], SeriesAttention(20, 5), [x]


class ShortLongAttention(nn.Module):
    """Boils all words down to a few, by heads, and attends to these."""

    def __init__(self, repeats):
        super().__init__()
        self.repeats = repeats
        self.q, self.kv = nn.Linear(12, 12), nn.Linear(12, 12)
        self.boil, self.out = nn.Linear(3, 2), nn.Linear(12, 12)

    def forward(self, words, mask):
        cut = "b n (h d) -> (b h) n d"
        q, kv = rearrange(self.q(words), cut, h=4), rearrange(self.kv(words), cut, h=4)
        weights = self.boil(kv)
        if self.repeats:
            mask = mask.repeat_interleave(4, dim=0)
        weights = weights.masked_fill(~mask[..., None], -1e4)
        few = weights.softmax(dim=1).mT @ kv
        seen = (q @ few.mT).softmax(-1) @ few
        return self.out(rearrange(seen, "(b h) n d -> b n (h d)", h=4))


def folded_heads_lack_a_mask():
    """The heads are folded into the batch, the mask was not repeated for each of them.

    https://github.com/lucidrains/long-short-transformer/issues/2
    """
    words, mask = draw(2, 6, 12), torch.ones(2, 6, dtype=torch.bool)
    return ShortLongAttention(False), [words, mask], ShortLongAttention(True), [words, mask]


class BarkTeller(nn.Module):
    """Tells what is heard from a spectrogram of (batch, 1, pitches, frames)."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 6, 3)
        self.three = nn.Conv2d(6, 6, 3)
        self.rnn, self.kinds = nn.GRU(6, 8, batch_first=True), nn.Linear(8, 5)

    def forward(self, heard):
        h = F.max_pool2d(F.elu(self.one(heard)), 2)
        h = F.elu(self.three(F.elu(self.two(h))))
        steps, _ = self.rnn(h.mean(2).mT)
        return self.kinds(steps[:, -1])


def bark_of_a_moment():
    """Recordings that are very short: a kernel is greater than what is left of them.

    https://github.com/ksanjeevan/crnn-audio-classification/issues/15
    """
    return BarkTeller(), [draw(2, 1, 20, 8)], BarkTeller(), [draw(2, 1, 20, 24)]
