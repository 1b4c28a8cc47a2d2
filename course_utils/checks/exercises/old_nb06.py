"""The exercises 6.1 to 6.7 of notebook 06. A docstring of a wrong answer is what its author is
told."""

import torch
from einops import pack, rearrange, reduce, repeat
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import ConvBlock, Upsample
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.exercises import broken_networks as patients
from course_utils.checks.exercises.healthy_networks import (
    PoolUNet,
    TimedConv,
    TokenMixer,
    TutorialDecoder,
    UpStep,
)
from course_utils.checks.mistakes import by_hand

NOTEBOOK = "06_debugging_dimensions"


# 6.3


def decoder_experiment(probe, TutorialDecoder):
    cases = [(3, [2, 5, 10], 4, 6, 1, 2), (2, [4, 7, 6, 3], 2, 5, 1, 1), (4, [5, 8], 1, 3, 3, 2)]
    for B, chs, K, D, H, W in cases:
        module = probe.build(TutorialDecoder, chs, K, D)
        skips = [
            probe.normal(B, ch, H * 2**n, W * 2**n)
            for ch, n in zip(chs, range(len(chs) - 1, 0, -1))
        ]
        inputs = probe.normal(B, chs[-1], H, W), skips, probe.normal(B, D)
        probe.train_and_eval(module, *inputs)
        note_parameters(probe, module)
    probe.on_fake_device(module, *inputs)


def note_parameters(probe, module):
    """Write down how many numbers a module learns; call it last, so that values come first."""
    probe.note("number of parameters", sum(p.numel() for p in module.parameters()))


class OtherDecoder(TutorialDecoder):
    """A decoder with other layers or another way to join: `below` and `here` are the channels of
    the level that comes up and of the one it comes to."""

    def __init__(self, chs, out_ch, time_dim):
        nn.Module.__init__(self)
        pairs = list(zip(chs[:0:-1], chs[-2::-1]))
        self.ups = nn.ModuleList(self.make_up(*pair) for pair in pairs)
        self.blocks = nn.ModuleList(self.make_block(*pair, time_dim) for pair in pairs)
        self.fits = nn.ModuleList(self.make_fit(*pair) for pair in pairs)
        self.out = nn.Conv2d(chs[0], out_ch, 1)

    def make_up(self, below, here):
        return Upsample(below, here)

    def make_block(self, below, here, time_dim):
        return ConvBlock(2 * here, here, time_dim)

    def make_fit(self, below, here):
        return nn.Identity()

    def join(self, x, skip, fit, block):
        return torch.cat([x, skip], dim=1)

    def forward(self, x, skips, temb):
        levels = zip(self.ups, self.blocks, self.fits, reversed(skips))
        for up, block, fit, skip in levels:
            x = block(self.join(up(x), skip, fit, block), temb)
        return self.out(x)


class BlocksOfBothLevels(OtherDecoder):
    """The block is made for chs[i] + chs[i - 1] channels. The layer before it has changed chs[i]
    to chs[i - 1] already, and the skip has chs[i - 1] too. Count what cat joins."""

    def make_block(self, below, here, time_dim):
        return ConvBlock(below + here, here, time_dim)


class BlocksOfTheLevelBelow(OtherDecoder):
    """The block is made for chs[i] channels. That is right only where a level has twice the
    channels of the one above it. cat joins chs[i - 1] and chs[i - 1]: 2 * chs[i - 1]."""

    def make_block(self, below, here, time_dim):
        return ConvBlock(below, here, time_dim)


class BlocksOfOneLevel(OtherDecoder):
    """The block is made for chs[i - 1] channels. The skip brings as many again: cat joins two
    maps of chs[i - 1] channels each."""

    def make_block(self, below, here, time_dim):
        return ConvBlock(here, here, time_dim)


class SkipAdded(BlocksOfOneLevel):
    """The skip is added. That runs, but it is another network: what comes up and what comes
    across can no longer be told apart. Keep cat, and correct the channels of the block."""

    def join(self, x, skip, fit, block):
        return x + skip


class SkipLeftOut(BlocksOfOneLevel):
    """The skips are not used. That runs, but the details of the picture come in nowhere. Keep
    cat, and correct the channels of the block."""

    def join(self, x, skip, fit, block):
        return x


class UpWithoutChange(OtherDecoder):
    """The layer that doubles keeps chs[i] channels. That runs, and it is a larger network than
    the one asked for. Leave self.ups alone: the fault is in one number in self.blocks."""

    def make_up(self, below, here):
        return Upsample(below, below)

    def make_block(self, below, here, time_dim):
        return ConvBlock(below + here, here, time_dim)


class BlocksKept(OtherDecoder):
    def make_block(self, below, here, time_dim):
        return ConvBlock(2 * below, here, time_dim)


class UpMadeWider(BlocksKept):
    """The layer that doubles returns more channels, so that there are enough for the block. That
    runs, and it is another network. Two maps of chs[i - 1] channels are joined: give the block
    as many as that."""

    def make_up(self, below, here):
        return Upsample(below, 2 * below - here)


class SkipMadeWider(BlocksKept):
    """Layers were added or changed so that what is joined has 2 * chs[i] channels. That runs, and
    it is another network. Joined are two maps of chs[i - 1] channels: give the block as many as
    that."""

    def make_up(self, below, here):
        return Upsample(below, below)

    def make_fit(self, below, here):
        return nn.Conv2d(here, below, 1)

    def join(self, x, skip, fit, block):
        return torch.cat([x, fit(skip)], dim=1)


class ConvolutionBetween(BlocksKept):
    """A convolution between cat and the block makes the channels fit. That runs, and it hides the
    fault behind a layer nobody needs. Take it out, and give the block the channels that cat
    joins."""

    def make_fit(self, below, here):
        return nn.Conv2d(2 * here, 2 * below, 1)

    def join(self, x, skip, fit, block):
        return fit(torch.cat([x, skip], dim=1))


class ChannelsPadded(BlocksKept):
    """Channels are cut away, or zeros put behind, until the block takes them. That runs, with
    weights that only ever see zeros. Give the block the channels that cat joins."""

    def join(self, x, skip, fit, block):
        joined = torch.cat([x, skip], dim=1)
        return F.pad(joined, (0, 0, 0, 0, 0, block.conv1.in_channels - joined.shape[1]))


class JoinedTwice(BlocksKept):
    """Maps are joined more than once, so that there are channels enough for the block. The skip
    is joined once; correct the channels of the block."""

    def join(self, x, skip, fit, block):
        return torch.cat([x, skip, x, skip], dim=1)


class SkipFirst(OtherDecoder):
    """cat has the skip first. Here the map that comes up is first, then the skip."""

    def join(self, x, skip, fit, block):
        return torch.cat([skip, x], dim=1)


class SkipsTopFirst(TutorialDecoder):
    """The skips are taken from the top. They are listed top to bottom, and the way up begins at
    the bottom: reversed(skips)."""

    def forward(self, x, skips, temb):
        return super().forward(x, list(reversed(skips)), temb)


class JoinedAlongTheBatch(OtherDecoder):
    """cat joins along dim 0, the batch. The channels are dim 1."""

    def join(self, x, skip, fit, block):
        return torch.cat([x, skip])


class WiderBlocks(OtherDecoder):
    """The blocks return chs[i] channels. Each returns chs[i - 1], those of the level it comes to:
    the next layer that doubles is made for them. The wrong number is that of its inputs."""

    def make_block(self, below, here, time_dim):
        return ConvBlock(2 * here, below, time_dim)


class DecoderByPairs(nn.Module):
    def __init__(self, chs, out_ch, time_dim):
        super().__init__()
        self.up, self.conv = nn.ModuleList(), nn.ModuleList()
        for below, here in zip(chs[:0:-1], chs[-2::-1]):
            self.up.append(nn.ConvTranspose2d(below, here, 2, 2))
            self.conv.append(ConvBlock(here + here, here, time_dim))
        self.last = nn.Linear(chs[0], out_ch)

    def forward(self, x, skips, temb):
        for i in range(len(skips)):
            x = self.conv[i](torch.cat((self.up[i](x), skips[-1 - i]), 1), temb)
        return self.last(x.movedim(1, -1)).movedim(-1, 1)


class DecoderThatPops(TutorialDecoder):
    def __init__(self, chs, out_ch, time_dim):
        super().__init__(list(chs), out_ch, time_dim)
        self.blocks = nn.ModuleList([ConvBlock(2 * c, c, time_dim) for c in chs[:-1]])

    def forward(self, x, skips, temb):
        skips, blocks = list(skips), list(self.blocks)
        for up in self.ups:
            x, _ = pack([up(x), skips.pop()], "b * h w")
            x = blocks.pop()(x, temb)
        assert not skips
        return self.out(x)


class OneLevel(nn.Module):
    def __init__(self, below, here, time_dim):
        super().__init__()
        self.block = ConvBlock(2 * here, here, time_dim)
        self.up = Upsample(below, here)

    def forward(self, x, skip, temb):
        return self.block(torch.hstack([self.up(x), skip]), temb)


class DecoderOfLevels(nn.Module):
    def __init__(self, chs, out_ch, time_dim):
        super().__init__()
        self.out = nn.Conv2d(chs[0], out_ch, kernel_size=1)
        self.levels = nn.ModuleDict(
            {str(i): OneLevel(chs[i + 1], chs[i], time_dim) for i in range(len(chs) - 1)}
        )

    def forward(self, x, skips, temb):
        for i, skip in reversed(list(enumerate(skips))):
            x = self.levels[str(i)](x, skip, temb)
        return self.out(x)


class DecoderByNumbers(TutorialDecoder):
    def __init__(self, chs, out_ch, time_dim):
        nn.Module.__init__(self)
        n = len(chs)
        self.ups = nn.ModuleList([Upsample(chs[n - 1 - i], chs[n - 2 - i]) for i in range(n - 1)])
        ins = [2 * up.out_channels for up in self.ups]
        self.blocks = nn.ModuleList([ConvBlock(c, c // 2, time_dim) for c in ins])
        self.out = nn.Conv2d(chs[0], out_ch, 1)


# 6.4 TokenMixer


def mixer_experiment(probe, TokenMixer):
    for B, N, C, heads in [(3, 5, 8, 2), (4, 7, 6, 3), (5, 2, 9, 1)]:
        module = probe.build(TokenMixer, C, heads)
        probe.train_and_eval(module, 2 * probe.normal(B, N, C) + 1)
        note_parameters(probe, module)
    probe.on_fake_device(module, probe.normal(B, N, C))


class TakesTheWeights(TokenMixer):
    """nn.MultiheadAttention returns two things: what it took from the tokens, (B, N, C), and the
    weights, (B, N, N). These are the weights. Take the first: h, _ = ... or [0]."""

    def forward(self, tokens):
        h = self.norm(tokens)
        return tokens + self.mix(self.attention(h, h, h)[1])


class TakesThePair(TokenMixer):
    """nn.MultiheadAttention returns a pair, and the next layer takes a tensor. Take the first of
    the two: h, _ = ... or [0]."""

    def forward(self, tokens):
        h = self.norm(tokens)
        return tokens + self.mix(self.attention(h, h, h))


class TakesTheFirstPicture(TokenMixer):
    """[0] is there once too often: the first of the pair is right, and then the first picture of
    the batch is taken for all."""

    def forward(self, tokens):
        h = self.norm(tokens)
        return tokens + self.mix(self.attention(h, h, h)[0][0])


class BatchLooksAtBatch(TokenMixer):
    """batch_first=True is lost. Then dim 0 is taken for the tokens and dim 1 for the batch: the
    shapes are the same, but pictures look at each other, and tokens do not."""

    def __init__(self, ch, heads):
        super().__init__(ch, heads)
        self.attention = nn.MultiheadAttention(ch, heads)


class AttentionLeftOut(TokenMixer):
    """The attention is left out: no token looks at another. Call it by itself,
    self.attention(h, h, h), outside nn.Sequential."""

    def forward(self, tokens):
        return tokens + self.mix(self.norm(tokens))


class NothingAdded(TokenMixer):
    """The tokens themselves are missing in the sum: return tokens plus what the layers give."""

    def forward(self, tokens):
        h = self.norm(tokens)
        return self.mix(self.attention(h, h, h)[0])


class AddsTheNormalised(TokenMixer):
    """The normalised tokens are added. Add the tokens as they came in; h is a good name for what
    is made of them."""

    def forward(self, tokens):
        h = self.norm(tokens)
        return h + self.mix(self.attention(h, h, h)[0])


class AddsTwice(TokenMixer):
    """The tokens are added twice, or the sum comes before the last layer too. They are added
    once, at the end: tokens + mix(...)."""

    def forward(self, tokens):
        h = self.norm(tokens)
        h = tokens + self.attention(h, h, h)[0]
        return h + self.mix(h)


class AddsBeforeTheMix(TokenMixer):
    """The tokens are added before the last layer, which then mixes them too. Add them at the end:
    tokens + mix(...)."""

    def forward(self, tokens):
        h = self.norm(tokens)
        return self.mix(tokens + self.attention(h, h, h)[0])


class NormAfterwards(TokenMixer):
    """The norm comes after the attention. The order is: norm, attention, linear layer."""

    def forward(self, tokens):
        h = self.attention(tokens, tokens, tokens)[0]
        return tokens + self.mix(self.norm(h))


class NormAtTheEnd(TokenMixer):
    """The norm comes at the end. The order is: norm, attention, linear layer, and then the
    sum."""

    def forward(self, tokens):
        h = self.attention(tokens, tokens, tokens)[0]
        return self.norm(tokens + self.mix(h))


class NormNotUsed(TokenMixer):
    """The norm is not used. In nn.Sequential it came first: h = self.norm(tokens), and the
    attention gets h three times."""

    def forward(self, tokens):
        h = self.attention(tokens, tokens, tokens)[0]
        return tokens + self.mix(h)


class QueriesAsTheyCame(TokenMixer):
    """The queries are the tokens as they came in. Normalise them too: attention(h, h, h), with
    h = self.norm(tokens)."""

    def forward(self, tokens):
        h = self.norm(tokens)
        return tokens + self.mix(self.attention(tokens, h, h)[0])


class OnlyQueriesNormalised(TokenMixer):
    """Only the queries are normalised. Keys and values are too: attention(h, h, h), with
    h = self.norm(tokens)."""

    def forward(self, tokens):
        h = self.norm(tokens)
        return tokens + self.mix(self.attention(h, tokens, tokens)[0])


class MixLeftOut(TokenMixer):
    """The linear layer is not used. The order is: norm, attention, linear layer."""

    def forward(self, tokens):
        h = self.norm(tokens)
        return tokens + self.attention(h, h, h)[0]


class OneHead(TokenMixer):
    """The attention has one head, whatever heads says. Hand the number on."""

    def __init__(self, ch, heads):
        super().__init__(ch, 1)


class MixerOfALayer(nn.Module):
    def __init__(self, ch, heads):
        super().__init__()
        self.layers = nn.Sequential(nn.LayerNorm(ch), SelfAttention(ch, heads), nn.Linear(ch, ch))

    def forward(self, tokens):
        return tokens + self.layers(tokens)


class SelfAttention(nn.MultiheadAttention):
    def __init__(self, ch, heads):
        super().__init__(ch, heads, batch_first=True)

    def forward(self, x):
        return super().forward(x, x, x, need_weights=False)[0]


class MixerByIndex(nn.Module):
    def __init__(self, ch, heads):
        super().__init__()
        self.layers = nn.ModuleList(
            [nn.LayerNorm(ch), nn.MultiheadAttention(ch, heads), nn.Linear(ch, ch)]
        )

    def forward(self, tokens):
        h = self.layers[0](tokens).transpose(0, 1)
        h = self.layers[1](query=h, key=h, value=h)[0].transpose(0, 1)
        return self.layers[2](h).add(tokens)


class MixerByHand(nn.Module):
    def __init__(self, ch, heads):
        super().__init__()
        self.heads = heads
        self.to_out, self.to_mix = nn.Linear(ch, ch), nn.Linear(ch, ch)
        self.to_qkv, self.norm = nn.Linear(ch, 3 * ch), nn.LayerNorm(ch)

    def forward(self, tokens):
        qkv = self.to_qkv(self.norm(tokens))
        q, k, v = rearrange(qkv, "b n (s h c) -> s b h n c", s=3, h=self.heads)
        h = rearrange(F.scaled_dot_product_attention(q, k, v), "b h n c -> b n (h c)")
        return tokens + self.to_mix(self.to_out(h))


class MixerByFunctions(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.attend = nn.MultiheadAttention(channels, heads, batch_first=True)
        self.before, self.behind = nn.LayerNorm([channels]), nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        seen, _ = self.attend(*3 * [self.before(x)])
        return x + self.behind(seen.mT).mT


# 6.5 UpStep


def step_experiment(probe, UpStep):
    for B, C, K, D, H, W in [(3, 7, 4, 5, 2, 3), (2, 3, 6, 4, 3, 1), (4, 10, 5, 3, 1, 2)]:
        module = probe.build(UpStep, C, K, D)
        inputs = probe.normal(B, C, H, W), probe.normal(B, K, 2 * H, 2 * W), probe.normal(B, D)
        note_skip(probe, module, *inputs)
        probe.train_and_eval(module, *inputs)
        note_parameters(probe, module)
    probe.on_fake_device(module, *inputs)


def note_skip(probe, module, x, skip, temb):
    """Write down whether a call does anything with the skip before it ends or fails."""
    touched, how = [], "Your forward never looks at the skip."

    class Watched(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            touched.append(function)
            return super().__torch_function__(function, types, args, kwargs or {})

    try:
        module(x, skip.as_subclass(Watched), temb)
    except RuntimeError as error:
        how = f'Your forward fails before it looks at the skip: "{error}".'
    except Exception:
        return probe.note("the skip is used", True)  # the probe will show what it is
    probe.note(
        "the skip is used", bool(touched), how,
        "Print the shapes on the way. The skip goes behind the doubled map: dim=1.",
    )  # fmt: skip


class NarrowStep(UpStep):
    """An UpStep whose block is made for out_ch channels."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.block = ConvBlock(out_ch, out_ch, time_dim)


class StepWithoutSkip(NarrowStep):
    """The block is made for out_ch channels now, and the skip is not used. That runs, but the
    details of the picture, which only the skip has, are lost. Put the skip behind the doubled
    map, with cat; the block was right."""

    def forward(self, x, skip, temb):
        return self.block(self.up(x), temb)


class StepWithSum(NarrowStep):
    """The skip is added, and the block is made for out_ch channels. That runs, but the sketch
    says: put the skip behind. Join them with cat; the block was right."""

    def forward(self, x, skip, temb):
        return self.block(self.up(x) + skip, temb)


class SumForWideBlock(UpStep):
    """The skip is used, and what the block gets has out_ch channels all the same: it is added, or
    what was joined is not what goes on. The block waits for 2 * out_ch: join the two, with cat
    along dim 1, and give it that."""

    def forward(self, x, skip, temb):
        return self.block(self.up(x) + skip, temb)


class StepAddsAtTheEnd(NarrowStep):
    """The skip is added behind the block, which never sees it. Join it to the doubled map before
    the block, with cat; the block was made for that."""

    def forward(self, x, skip, temb):
        return self.block(self.up(x), temb) + skip


class StepJoinsAtTheEnd(NarrowStep):
    """The skip is joined behind the block, which never sees it, and 2 * out_ch channels come out.
    Join it before the block; the block was made for that."""

    def forward(self, x, skip, temb):
        return torch.cat([self.block(self.up(x), temb), skip], dim=1)


class StepUpWider(UpStep):
    """The layer that doubles now returns 2 * out_ch channels, and the skip is not used. That
    runs, but the details of the picture, which only the skip has, are lost. Join the skip to a
    map of out_ch channels."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.up = Upsample(in_ch, 2 * out_ch)

    def forward(self, x, skip, temb):
        return self.block(self.up(x), temb)


class StepSkipFirst(UpStep):
    """The skip is put before the doubled map. That runs, but weights that were trained the other
    way round would read the wrong channels. The skip goes behind: cat([x, skip], dim=1)."""

    def forward(self, x, skip, temb):
        return self.block(torch.cat([skip, self.up(x)], dim=1), temb)


class StepJoinsTheMapTwice(UpStep):
    """The doubled map is joined to itself. The channels fit, and the skip is still not used:
    cat([x, skip], dim=1)."""

    def forward(self, x, skip, temb):
        x = self.up(x)
        return self.block(torch.cat([x, x], dim=1), temb)


class StepJoinsTheSkipTwice(UpStep):
    """The skip is joined to itself, and what comes from below is lost: cat([x, skip], dim=1)."""

    def forward(self, x, skip, temb):
        return self.block(torch.cat([skip, skip], dim=1), temb)


class StepWithZeros(UpStep):
    """The missing channels are filled with zeros. The channels fit, and the skip is still not
    used: cat([x, skip], dim=1)."""

    def forward(self, x, skip, temb):
        x = self.up(x)
        return self.block(torch.cat([x, torch.zeros_like(x)], dim=1), temb)


class StepAlongTheBatch(UpStep):
    """The two are joined along dim 0, the batch. The channels are dim 1: cat([x, skip], dim=1)."""

    def forward(self, x, skip, temb):
        return self.block(torch.cat([self.up(x), skip]), temb)


class StepAlongTheRows(UpStep):
    """The two are joined along dim 2, the rows: one picture below the other. The channels are
    dim 1: cat([x, skip], dim=1)."""

    def forward(self, x, skip, temb):
        return self.block(torch.cat([self.up(x), skip], dim=2), temb)


class StepAlongTheColumns(UpStep):
    """The two are joined along the last axis, the columns: one picture beside the other. The
    channels are dim 1: cat([x, skip], dim=1)."""

    def forward(self, x, skip, temb):
        return self.block(torch.cat([self.up(x), skip], dim=-1), temb)


class StepJoinsTooEarly(UpStep):
    """The skip is joined before the map is doubled, when their sizes differ. First
    x = self.up(x), then cat([x, skip], dim=1)."""

    def forward(self, x, skip, temb):
        return self.block(self.up(torch.cat([x, skip], dim=1)), temb)


class StepDetached(UpStep):
    """No gradient comes through to the skip: detach or .data cuts the way. The encoder learns
    through it. Take it out."""

    def forward(self, x, skip, temb):
        return super().forward(x, skip.detach(), temb)


class StepByEinops(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.convs = ConvBlock(2 * out_ch, out_ch, time_dim)
        self.up2 = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=2, stride=2)

    def forward(self, x, skip, temb):
        joined, _ = pack([self.up2(x), skip], "b * h w")
        return self.convs(joined, temb)


class StepThatFills(UpStep):
    def forward(self, x, skip, temb):
        K = skip.shape[1]
        joined = skip.new_empty(len(skip), 2 * K, *skip.shape[2:])
        joined[:, :K] = self.up(x)
        joined[:, K:] = skip
        return self.block(joined, temb)


class StepInOneLine(UpStep):
    def forward(self, below, across, temb):
        return self.block(torch.hstack((self.up(below), across)), temb)


class StepByStack(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.parts = nn.ModuleDict(
            {"block": ConvBlock(2 * out_ch, out_ch, time_dim), "up": Upsample(in_ch, out_ch)}
        )

    def forward(self, x, skip, temb):
        two = torch.stack([self.parts["up"](x), skip], dim=1)
        return self.parts["block"](two.flatten(1, 2), temb)


# 6.6 TimedConv


def timed_experiment(probe, TimedConv):
    # Where sizes agree, most wrong places of an axis run: each has its own wrong values there.
    cases = [(4, 3, 4, 6, 4, 4), (2, 3, 5, 8, 4, 7), (3, 6, 2, 4, 7, 5), (1, 2, 6, 3, 5, 8)]
    for B, C, K, D, H, W in cases:
        module = probe.build(TimedConv, C, K, D)
        probe.train_and_eval(module, probe.normal(B, C, H, W), probe.normal(B, D))
        note_parameters(probe, module)
    probe.on_fake_device(module, probe.normal(B, C, H, W), probe.normal(B, D))


class OtherTimed(TimedConv):
    """A TimedConv in which the projected time is spread in another way."""

    def forward(self, x, temb):
        return F.silu(self.conv(x) + self.spread(self.time_proj(temb)))


class TimeOnTheColumns(OtherTimed):
    """The projected time is (B, 1, 1, K): its channels meet the columns. The new axes go behind:
    [:, :, None, None] makes (B, K, 1, 1)."""

    def spread(self, time):
        return time[:, None, None]


class TimeOnTheRows(OtherTimed):
    """The projected time is (B, 1, K, 1): its channels meet the rows. Both new axes go behind:
    [:, :, None, None] makes (B, K, 1, 1)."""

    def spread(self, time):
        return time[:, None, :, None]


class TimeOneAxisShort(OtherTimed):
    """The projected time is (B, K, 1), or (1, B, K, 1). PyTorch lines shapes up from the right, so
    B meets the channels, and K the rows. Both new axes go behind: [:, :, None, None]."""

    def spread(self, time):
        return time.unsqueeze(-1)


class TimeOneAxisShortInside(OtherTimed):
    """The projected time is (B, 1, K), or (1, B, 1, K). PyTorch lines shapes up from the right, so
    B meets the channels, and K the columns. Both new axes go behind: [:, :, None, None]."""

    def spread(self, time):
        return time.unsqueeze(1)


class TimeWithoutBatch(OtherTimed):
    """The projected time has more channels than the map. view(1, -1, 1, 1) does that, for it puts
    all pictures in one row of B * K channels; so may a number of channels that is written down. It
    must be (B, K, 1, 1): [:, :, None, None] makes that of (B, K), whatever B and K are."""

    def spread(self, time):
        return time.view(1, -1, 1, 1)


class TimeOfAllChannels(OtherTimed):
    """The projected time is averaged over its channels, so all channels get the same number. That
    runs, but each channel should have its own: [:, :, None, None]."""

    def spread(self, time):
        return time.mean(dim=1)[:, None, None, None]


class TimeOfAllPictures(OtherTimed):
    """The projected time is averaged over the batch. That runs, but each picture has a time of its
    own: [:, :, None, None] keeps the batch."""

    def spread(self, time):
        return time.mean(dim=0)[:, None, None]


class TimeAsOneNumber(OtherTimed):
    """The projected time is averaged to a single number. That runs, but each picture and each
    channel has its own: [:, :, None, None] keeps them."""

    def spread(self, time):
        return time.mean()


class TimeOfTheFirstPicture(OtherTimed):
    """Every picture gets the time of the first one. Each has its own row in temb:
    [:, :, None, None] keeps them all."""

    def spread(self, time):
        return time[0].view(1, -1, 1, 1)


class TimeActivatedToo(OtherTimed):
    """The projected time goes through SiLU before it is added. There is one SiLU, of the sum."""

    def spread(self, time):
        return F.silu(time)[:, :, None, None]


class TimeAfterSilu(TimedConv):
    """The time is added after SiLU. Add it to what the convolution returns; SiLU comes last."""

    def forward(self, x, temb):
        return F.silu(self.conv(x)) + self.time_proj(temb)[:, :, None, None]


class TimeWithoutSilu(TimedConv):
    """SiLU is lost. The sum of the two goes through it, as before."""

    def forward(self, x, temb):
        return self.conv(x) + self.time_proj(temb)[:, :, None, None]


class TimeMultiplies(TimedConv):
    """The time multiplies the map; here it is added."""

    def forward(self, x, temb):
        return F.silu(self.conv(x) * self.time_proj(temb)[:, :, None, None])


class TimeLeftOut(TimedConv):
    """The time has no effect on what is returned. Add self.time_proj(temb) to what the
    convolution returns."""

    def forward(self, x, temb):
        return F.silu(self.conv(x))


class TimeOnTheInput(TimedConv):
    """The time is added to the input, and time_proj has in_ch channels for that. That runs, but
    it is another network. Add it after the convolution; time_proj was right."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.time_proj = nn.Linear(time_dim, in_ch)

    def forward(self, x, temb):
        return F.silu(self.conv(x + self.time_proj(temb)[:, :, None, None]))


class ConvTimedByView(TimedConv):
    def forward(self, x, temb):
        h, time = self.conv(x), self.time_proj(temb)
        h += time.view(*time.shape, 1, 1)
        return F.silu(h)


class ConvTimedByEinops(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.time = nn.Linear(time_dim, out_ch)
        self.layer = nn.Conv2d(in_ch, out_ch, (3, 3), padding="same")

    def forward(self, x, temb):
        time = repeat(self.time(temb), "b k -> b k h w", h=x.shape[2], w=x.shape[3])
        h = self.layer(x) + time
        return h * h.sigmoid()


class ConvTimedByConv(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.spread = nn.Sequential(
            nn.Unflatten(1, (time_dim, 1, 1)), nn.Conv2d(time_dim, out_ch, 1)
        )
        self.conv, self.act = nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.SiLU(inplace=True)

    def forward(self, x, temb):
        return self.act(self.spread(temb) + self.conv(x))


class ConvTimedLast(TimedConv):
    def forward(self, x, temb):
        h = self.conv(x).permute(2, 3, 0, 1)  # (H, W, B, K)
        return F.silu(h + self.time_proj(temb)).permute(2, 3, 0, 1)


# 6.7 PoolUNet


def pool_experiment(probe, PoolUNet):
    for B, C, K, H, W in [(2, 3, 4, 12, 6), (3, 1, 5, 8, 6), (4, 2, 3, 4, 10)]:
        module = probe.build(PoolUNet, C, K)
        probe.train_and_eval(module, probe.normal(B, C, H, W))
        note_parameters(probe, module)
    probe.on_fake_device(module, probe.normal(B, C, H, W))


class ThirdUNet(PoolUNet):
    """A PoolUNet that still pools by 3."""

    def __init__(self, in_ch, ch):
        super().__init__(in_ch, ch)
        self.pool = nn.MaxPool2d(3)

    def forward(self, x):
        skip = F.silu(self.down(x))
        h = F.silu(self.bottom(self.pool(skip)))
        return self.out(torch.cat(self.fitted(self.up(h), skip), dim=1))


class PadsTheMap(ThirdUNet):
    """The map that comes up is padded to the size of the skip. That runs, but the two no longer
    show the same place: a third is pooled away, and a half comes back. Pool by 2, as the
    transposed convolution doubles."""

    def fitted(self, up, skip):
        H, W = skip.shape[2:]
        return F.pad(up, (0, W - up.shape[3], 0, H - up.shape[2])), skip


class PadsAround(ThirdUNet):
    """The map that comes up is padded on all sides to the size of the skip. That runs, but the
    two no longer show the same place: a third is pooled away, and a half comes back. Pool by 2,
    as the transposed convolution doubles."""

    def fitted(self, up, skip):
        rows, columns = skip.shape[2] - up.shape[2], skip.shape[3] - up.shape[3]
        left, top = columns // 2, rows // 2
        return F.pad(up, (left, columns - left, top, rows - top)), skip


class StretchesTheMap(ThirdUNet):
    """The map that comes up is stretched to the size of the skip. That runs, and hides the fault:
    the pool and the layer that doubles do not belong together. Pool by 2."""

    def fitted(self, up, skip):
        return F.interpolate(up, size=skip.shape[2:]), skip


class StretchesSmoothly(ThirdUNet):
    """The map that comes up is stretched to the size of the skip. That runs, and hides the fault:
    the pool and the layer that doubles do not belong together. Pool by 2."""

    def fitted(self, up, skip):
        return F.interpolate(up, size=skip.shape[2:], mode="bilinear"), skip


class CutsTheSkip(ThirdUNet):
    """The skip is cut to the size of what comes up. That runs, but the picture that comes out is
    smaller than the one that went in. Pool by 2, as the transposed convolution doubles."""

    def fitted(self, up, skip):
        return up, skip[:, :, : up.shape[2], : up.shape[3]]


class ShrinksTheSkip(ThirdUNet):
    """The skip is shrunk to the size of what comes up. That runs, but the picture that comes out
    is smaller than the one that went in. Pool by 2, as the transposed convolution doubles."""

    def fitted(self, up, skip):
        return up, F.interpolate(skip, size=up.shape[2:])


class WithOutputPadding(ThirdUNet):
    """output_padding, or a kernel of 3, adds one row and one column. That is not enough: 12 rows
    pool to 4 and come back as 9. Pool by 2."""

    def __init__(self, in_ch, ch):
        super().__init__(in_ch, ch)
        self.up = nn.ConvTranspose2d(2 * ch, ch, kernel_size=2, stride=2, output_padding=1)

    def fitted(self, up, skip):
        return up, skip


class TriplesInstead(ThirdUNet):
    """The transposed convolution now steps by 3, as the pool does. That runs where 3 divides the
    sides, but asked for is one halving: leave it at 2, and pool by 2."""

    def __init__(self, in_ch, ch):
        super().__init__(in_ch, ch)
        self.up = nn.ConvTranspose2d(2 * ch, ch, kernel_size=3, stride=3)

    def fitted(self, up, skip):
        return up, skip


class OtherPool(PoolUNet):
    """A PoolUNet with another pool."""

    def __init__(self, in_ch, ch):
        super().__init__(in_ch, ch)
        self.pool = self.make_pool(ch)


class OverlappingPool(OtherPool):
    """The pool steps by 2, but its windows are still 3 wide, with padding. The sizes fit; the
    values are those of other windows. nn.MaxPool2d(2) takes 2x2 pixels, and steps by 2."""

    def make_pool(self, ch):
        return nn.MaxPool2d(3, stride=2, padding=1)


class OverlappingCeilPool(OtherPool):
    """The pool steps by 2, but its windows are still 3 wide, and reach over the border. The sizes
    fit; the values are those of other windows. nn.MaxPool2d(2) takes 2x2 pixels, and steps by
    2."""

    def make_pool(self, ch):
        return nn.MaxPool2d(3, stride=2, ceil_mode=True)


class OverlappingShortPool(OtherPool):
    """The pool steps by 2, but its windows are still 3 wide: the last does not fit, and a row is
    missing. nn.MaxPool2d(2) takes 2x2 pixels, and steps by 2."""

    def make_pool(self, ch):
        return nn.MaxPool2d(3, stride=2)


class AveragePool(OtherPool):
    """The pool takes the average of its pixels. The largest is asked for: nn.MaxPool2d(2)."""

    def make_pool(self, ch):
        return nn.AvgPool2d(2)


class ConvolvedPool(OtherPool):
    """A convolution that steps by 2 stands in place of the pool. That is a good network, and
    another one: here it is nn.MaxPool2d(2), which learns nothing."""

    def make_pool(self, ch):
        return nn.Conv2d(ch, ch, 2, stride=2)


class SkipNotJoined(PoolUNet):
    """The skip is gone, and the last convolution takes ch channels. That runs for any pool, but
    what is pooled away cannot come back. Join it, and correct the pool."""

    def __init__(self, in_ch, ch):
        super().__init__(in_ch, ch)
        self.out = nn.Conv2d(ch, in_ch, 3, padding=1)

    def forward(self, x):
        return self.out(self.up(F.silu(self.bottom(self.pool(F.silu(self.down(x)))))))


class PoolSkipFirst(PoolUNet):
    """cat has the skip first. Here the map that comes up is first, then the skip."""

    def forward(self, x):
        skip = F.silu(self.down(x))
        h = F.silu(self.bottom(self.pool(skip)))
        return self.out(torch.cat([skip, self.up(h)], dim=1))


class PoolByFunction(nn.Module):
    def __init__(self, in_ch, ch):
        super().__init__()
        self.up = Upsample(2 * ch, ch)
        self.out = nn.Conv2d(2 * ch, in_ch, 3, 1, 1)
        self.first, self.second = nn.Conv2d(in_ch, ch, 3, 1, 1), nn.Conv2d(ch, 2 * ch, 3, 1, 1)

    def forward(self, x):
        h = F.silu(self.first(x))
        low = self.second(F.max_pool2d(h, kernel_size=2, stride=2))
        return self.out(torch.cat((self.up(F.silu(low)), h), 1))


class PoolByEinops(PoolUNet):
    def forward(self, x):
        skip = F.silu(self.down(x))
        half = reduce(skip, "b c (h i) (w j) -> b c h w", "max", i=2, j=2)
        joined, _ = pack([self.up(F.silu(self.bottom(half))), skip], "b * h w")
        return self.out(joined)


class PoolAdaptive(PoolUNet):
    def forward(self, x):
        skip = F.silu(self.down(x))
        H, W = x.shape[2:]
        half = F.adaptive_max_pool2d(skip, (H // 2, W // 2))
        return self.out(torch.hstack([self.up(F.silu(self.bottom(half))), skip]))


class PoolInSequence(nn.Module):
    def __init__(self, in_ch, ch):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(in_ch, ch, 3, padding="same"), nn.SiLU())
        self.around = nn.Sequential(
            nn.MaxPool2d((2, 2), ceil_mode=True),
            nn.Conv2d(ch, 2 * ch, 3, padding="same"),
            nn.SiLU(),
            nn.ConvTranspose2d(2 * ch, ch, 2, 2),
        )
        self.out = nn.Conv2d(2 * ch, in_ch, 3, padding="same")

    def forward(self, x):
        x = self.down(x)
        return self.out(torch.cat([self.around(x), x], dim=-3))


EXERCISES = [
    Exercise(
        id="6.4",
        title="A layer that returns two things",
        notebook=NOTEBOOK,
        reference=TokenMixer,
        patient=patients.TokenMixer,
        experiment=mixer_experiment,
        look="The order is: norm, attention of the normalised tokens with themselves, linear "
        "layer; then the tokens as they came in are added.",
        catalogue=by_hand(
            {
                "weights taken": TakesTheWeights,
                "pair taken": TakesThePair,
                "first picture taken": TakesTheFirstPicture,
                "batch_first lost": BatchLooksAtBatch,
                "no attention": AttentionLeftOut,
                "nothing added": NothingAdded,
                "normalised tokens added": AddsTheNormalised,
                "tokens added twice": AddsTwice,
                "tokens added before the linear layer": AddsBeforeTheMix,
                "norm after the attention": NormAfterwards,
                "norm at the end": NormAtTheEnd,
                "no norm": NormNotUsed,
                "queries not normalised": QueriesAsTheyCame,
                "keys and values not normalised": OnlyQueriesNormalised,
                "no linear layer": MixLeftOut,
                "one head": OneHead,
            }
        ),
        also_right=[MixerOfALayer, MixerByIndex, MixerByHand, MixerByFunctions],
    ),
    Exercise(
        id="6.5",
        title="Half the channels are missing",
        notebook=NOTEBOOK,
        reference=UpStep,
        patient=patients.UpStep,
        experiment=step_experiment,
        look="The order is: double the map, put the skip behind it along the channels, block. "
        "Print the shape before each.",
        catalogue=by_hand(
            {
                "skip not used": StepWithoutSkip,
                "skip added": StepWithSum,
                "skip added, block unchanged": SumForWideBlock,
                "skip added at the end": StepAddsAtTheEnd,
                "skip joined at the end": StepJoinsAtTheEnd,
                "up made wider": StepUpWider,
                "skip first": StepSkipFirst,
                "map joined to itself": StepJoinsTheMapTwice,
                "skip joined to itself": StepJoinsTheSkipTwice,
                "filled with zeros": StepWithZeros,
                "joined along the batch": StepAlongTheBatch,
                "joined along the rows": StepAlongTheRows,
                "joined along the columns": StepAlongTheColumns,
                "joined before doubling": StepJoinsTooEarly,
                "skip detached": StepDetached,
            }
        ),
        also_right=[StepByEinops, StepThatFills, StepInOneLine, StepByStack],
    ),
    Exercise(
        id="6.6",
        title="The time on the wrong axis",
        notebook=NOTEBOOK,
        reference=TimedConv,
        patient=patients.TimedConv,
        experiment=timed_experiment,
        look="Write the two shapes below each other, flush right: (B, K, H, W) and that of the "
        "projected time. In each column the numbers are the same, or one is 1.",
        catalogue=by_hand(
            {
                "channels on the columns": TimeOnTheColumns,
                "channels on the rows": TimeOnTheRows,
                "one axis short": TimeOneAxisShort,
                "one axis short, inside": TimeOneAxisShortInside,
                "batch lost in view": TimeWithoutBatch,
                "mean over the channels": TimeOfAllChannels,
                "mean over the batch": TimeOfAllPictures,
                "a single number": TimeAsOneNumber,
                "time of the first picture for all": TimeOfTheFirstPicture,
                "SiLU on the time": TimeActivatedToo,
                "time after SiLU": TimeAfterSilu,
                "no SiLU": TimeWithoutSilu,
                "time multiplied": TimeMultiplies,
                "time not used": TimeLeftOut,
                "time on the input": TimeOnTheInput,
            }
        ),
        also_right=[ConvTimedByView, ConvTimedByEinops, ConvTimedByConv, ConvTimedLast],
    ),
    Exercise(
        id="6.7",
        title="Down by three, up by two",
        notebook=NOTEBOOK,
        reference=PoolUNet,
        patient=patients.PoolUNet,
        experiment=pool_experiment,
        look="Print height and width behind every layer: what the pool takes away, the "
        "transposed convolution has to give back.",
        catalogue=by_hand(
            {
                "padded": PadsTheMap,
                "padded all around": PadsAround,
                "stretched": StretchesTheMap,
                "stretched smoothly": StretchesSmoothly,
                "skip cut": CutsTheSkip,
                "skip shrunk": ShrinksTheSkip,
                "output_padding": WithOutputPadding,
                "tripled instead": TriplesInstead,
                "windows of 3, padded": OverlappingPool,
                "windows of 3 over the border": OverlappingCeilPool,
                "windows of 3": OverlappingShortPool,
                "average": AveragePool,
                "convolution in place of the pool": ConvolvedPool,
                "skip not used": SkipNotJoined,
                "skip first": PoolSkipFirst,
            }
        ),
        also_right=[PoolByFunction, PoolByEinops, PoolAdaptive, PoolInSequence],
    ),
]
