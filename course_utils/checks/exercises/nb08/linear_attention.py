"""8.5 Linear attention."""

import torch
from einops import einsum, rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.attention import LinearAttention, to_map, to_tokens
from course_utils.checks.exercises.nb08 import attention_layers as layers
from course_utils.checks.parts import Watch, edits


def experiment(probe, LinearAttention):
    for B, H, W, args in [
        (2, 3, 5, (32, 8)), (3, 2, 7, (16, 2)), (5, 4, 4, (12,)), (3, 1, 5, (4, 1))
    ]:  # fmt: skip
        module, x = layers.build(probe, LinearAttention, *args), probe.normal(B, args[0], H, W)
        with probe.advice(*layers.ON_MAPS):
            layers.try_out(probe, module, x)
            layers.note_parameters(probe, module)
            probe.train_and_eval(module, x)
    note_cost(probe, module, args[0])
    probe.on_fake_device(module, x)


def note_cost(probe, module, C, side=24):
    """Write down whether the results are reached by way of an N x N matrix."""
    N = side * side
    watch, x = Watch(), probe.normal(1, C, side, side)
    with torch.no_grad():
        probe.run(f"forward(x), with {N} pixels", watch.calling(module), x)
    look = "Sum up keys and values first: k @ v.transpose(-1, -2) is d x d."
    probe.note("an N x N matrix", watch.largest >= N * N, look=look)


class LinearInSteps(nn.Module):
    def __init__(self, ch, heads=4):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Conv2d(ch, 3 * ch, 1, bias=False)
        self.proj = nn.Conv2d(ch, ch, 1)

    def forward(self, x):
        q, k, v = rearrange(self.qkv(x), "b (qkv h d) y x -> qkv b h d (y x)", qkv=3, h=self.heads)
        q, k = q.softmax(dim=-2), k.softmax(dim=-1)
        summary = k @ v.transpose(-1, -2)
        mixed = summary.transpose(-1, -2) @ q
        mixed = rearrange(mixed, "b h d (y x) -> b (h d) y x", y=x.shape[2])
        return self.proj(mixed)


MISTAKES = """
# no softmax of the queries
- q.softmax(dim=-2), k.softmax(dim=-1)
+ q, k.softmax(dim=-1)
The queries have no softmax. Take it over their d channels, axis -2.
# queries over the pixels
+ q.softmax(dim=-1), k.softmax(dim=-1)
The softmax of your queries runs over the pixels. It has to run over their d channels: dim=-2.
# queries over all channels
+ q.flatten(1, 2).softmax(dim=1).view_as(q), k.softmax(dim=-1)
The softmax of your queries runs over all C channels. It has to run over the d of each head: split
into heads first, then dim=-2.
# softmax over the heads
+ q.softmax(dim=1), k.softmax(dim=-1)
| q.softmax(dim=1), k.softmax(dim=1)
A softmax of yours runs over axis 1, the heads, as F.softmax may without a dim. For the queries it's
over their d channels, axis -2, and for the keys over the pixels, axis -1.
# softmaxes swapped
+ q.softmax(dim=-1), k.softmax(dim=-2)
The two softmaxes have swapped places. The keys' runs over the pixels, dim=-1, and the queries' over
their d channels, dim=-2.
# no softmax of the keys
+ q.softmax(dim=-2), k
The keys have no softmax. Take it over the pixels, the last axis.
# keys over the channels
+ q.softmax(dim=-2), k.softmax(dim=-2)
The softmax of your keys runs over the channels. It has to run over the pixels: dim=-1.
# summary not transposed
- summary.transpose(-1, -2) @ q
+ summary @ q
You use the summary the wrong way round. It has a row for each channel of the keys and a column for
each of the values, and queries meet the keys' side: S^T q.
# scaled
+ summary.transpose(-1, -2) @ q / q.shape[-2] ** 0.5
or
- q.softmax(dim=-2), k.softmax(dim=-1)
+ (q / q.shape[-2] ** 0.5).softmax(dim=-2), k.softmax(dim=-1)
You divide by the root of d, or multiply by d**-0.5. Some networks do, but here it isn't asked for:
both softmaxes already give shares.
# averaged
- v.transpose(-1, -2)
+ v.transpose(-1, -2) / v.shape[-1]
You divide by the number of pixels. Some networks do, but here it isn't asked for: the softmax of
the keys already gives shares.
# ordinary attention
- q, k = q.softmax(dim=-2), k.softmax(dim=-1)
- summary = k @ v.transpose(-1, -2)
- mixed = summary.transpose(-1, -2) @ q
+ mixed = v @ (k.mT @ q / q.shape[-2] ** 0.5).softmax(dim=-2)
| mixed = v @ (k.mT @ q).softmax(dim=-2)
That's ordinary attention: every pixel meets every other, N x N products. Here queries and keys have
a softmax each, and keys and values are summed up first: k @ v.transpose(-1, -2), which is d x d.
# an N x N matrix
- summary = k @ v.transpose(-1, -2)
- mixed = summary.transpose(-1, -2) @ q
+ mixed = v @ (k.mT @ q)
The numbers are right, but queries meet keys first, which makes an N x N matrix, as costly as
before. Sum up keys and values first: k @ v.transpose(-1, -2) is d x d, and every query reads that.
# reshaped on the way in
- rearrange(self.qkv(x), "b (qkv h d) y x -> qkv b h d (y x)", qkv=3, h=self.heads)
+ self.qkv(x).reshape(len(x), -1, 3, self.heads, x.shape[1] // self.heads).permute(2, 0, 3, 4, 1)
You make tokens by reshape or view, with N before the channels. The numbers stay in their old order:
move the channels first, to_tokens(self.qkv(x)), or keep them in front, (B, heads, d, N).
# reshaped on the way out
- rearrange(mixed, "b h d (y x) -> b (h d) y x", y=x.shape[2])
+ mixed.mT.reshape(x.shape)
| rearrange(mixed, "b h d n -> b n (h d)").reshape(x.shape)
You reshape tokens, with N before the channels, to a map at once, so the numbers stay in their old
order. The channels have to stand before N: transpose first.
# bias in qkv
- self.qkv = nn.Conv2d(ch, 3 * ch, 1, bias=False)
+ self.qkv = nn.Conv2d(ch, 3 * ch, 1)
The layer qkv has a bias. Here it has none: bias=False.
# three convolutions
+ self.q, self.k, self.v = (nn.Conv2d(ch, ch, 1, bias=False) for _ in range(3))
- self.qkv(x)
+ torch.cat([self.q(x), self.k(x), self.v(x)], dim=1)
You have three convolutions for q, k and v. That's as good, but here one makes all three:
nn.Conv2d(ch, 3 * ch, 1, bias=False).
"""


class LinearByTokens(nn.Module):
    def __init__(self, ch, heads=4):
        super().__init__()
        self.h = heads
        self.qkv = nn.Linear(ch, 3 * ch, bias=False)
        self.proj = nn.Linear(ch, ch)

    def forward(self, x):
        B, C, H, W = x.shape
        qkv = self.qkv(to_tokens(x)).view(B, H * W, 3, self.h, C // self.h)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, h, N, d)
        mixed = q.softmax(-1) @ (k.softmax(-2).transpose(2, 3) @ v)
        return to_map(self.proj(mixed.transpose(1, 2).flatten(2)), H)


class LinearByEinsum(nn.Module):
    def __init__(self, ch, heads=4):
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Conv2d(ch, 3 * ch, kernel_size=1, bias=False)
        self.to_out = nn.Sequential(nn.Conv2d(ch, ch, kernel_size=1))

    def forward(self, x):
        qkv = self.to_qkv(x).chunk(3, dim=1)
        q, k, v = map(lambda t: rearrange(t, "b (h c) x y -> b h c (x y)", h=self.heads), qkv)
        context = einsum(F.softmax(k, dim=3), v, "b h d n, b h e n -> b h d e")
        out = torch.einsum("bhde,bhdn->bhen", context, F.softmax(q, dim=2))
        return self.to_out(rearrange(out, "b h c (x y) -> b (h c) x y", x=x.shape[2]))


class LinearByLoop(LinearAttention):
    def forward(self, x):
        found = []
        q, k, v = self.qkv(x).flatten(2).chunk(3, dim=1)
        for a, b, c in zip(*(part.chunk(self.heads, dim=1) for part in (q, k, v))):
            summary = (b.softmax(2)[:, :, None] * c[:, None]).sum(dim=3)  # (B, d, d)
            found.append((summary[..., None] * a.softmax(1)[:, :, None]).sum(dim=1))
        return self.proj(torch.cat(found, dim=1).view(x.shape))


REFERENCE = LinearAttention
LOOK = (
    "One by one: q, k and v are (B, heads, d, N); k's softmax is over all N pixels, q's over "
    "the d channels of a head, and v has none; the pixels come back in the order they had."
)
CATALOGUE = edits(LinearInSteps, layers.LAYER + layers.HEIGHT + layers.HEADS + MISTAKES)
ALSO_RIGHT = [LinearByTokens, LinearByEinsum, LinearByLoop]
