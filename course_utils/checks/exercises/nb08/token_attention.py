"""8.3 Several heads."""

from functools import partial

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.attention import TokenAttention, attention_weights
from course_utils.checks.exercises.nb08 import attention_layers as layers
from course_utils.checks.exercises.nb08.attention_weights import SCORES
from course_utils.checks.parts import edits

ON_TOKENS = [
    (r"mat1 and mat2 shapes", r"proj", "proj takes (B, N, C). What you mixed is (B, heads, N, d): "
     "move the heads back with transpose(1, 2), then flatten(2) lays them side by side."),
    (r"Given groups", r"", "A convolution has its channels on axis 1, but tokens have them on the "
     "last: (B, N, C). The layers here are nn.Linear."),
    (r"view size is not compatible", r"^(?!.*(transpose|permute|\.mT|einsum|rearrange))", "A view "
     "can't do that, and reshape, which PyTorch suggests, would mix up the numbers. Split the last "
     "axis first, view(B, N, heads, d), then transpose(1, 2). On the way back, transpose(1, 2) "
     "comes first, then reshape."),
    *layers.HINTS,
    (r"__init__\(\) ", r"^$", "It's __init__(self, ch, heads=4, qkv_bias=False), with these names, "
     "this order and these defaults."),
]  # fmt: skip


def experiment(probe, TokenAttention):
    with probe.advice(*ON_TOKENS):  # all C are multiples of 4, so that four heads are possible
        for B, N, args in [
            (2, 7, (32, 8)), (3, 5, (12, 3, True)), (2, 16, (12,)), (5, 3, (4, 1, False))
        ]:  # fmt: skip
            module, x = layers.build(probe, TokenAttention, *args), probe.normal(B, N, args[0])
            layers.try_out(probe, module, x)
            layers.note_parameters(probe, module)
            probe.train_and_eval(module, x)
        for key, value in ("heads", 2), ("qkv_bias", True):
            called = f"TokenAttention(8, {key}={value})"
            probe.run(called, partial(TokenAttention, **{key: value}), 8)
    probe.on_fake_device(module, x)


class TokensInSteps(nn.Module):
    def __init__(self, ch, heads=4, qkv_bias=False):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(ch, 3 * ch, bias=qkv_bias)
        self.proj = nn.Linear(ch, ch)

    def forward(self, x):
        q, k, v = rearrange(self.qkv(x), "b n (qkv h d) -> qkv b h n d", qkv=3, h=self.heads)
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        mixed = scores.softmax(dim=-1) @ v
        mixed = rearrange(mixed, "b h n d -> b n (h d)")
        return self.proj(mixed)


ON_LINEAR = (
    (layers.LAYER + layers.HEADS).replace("(ch, ch, 1", "(ch, ch").replace("Conv2d", "Linear")
)
MISTAKES = """
# heads not moved
- rearrange(self.qkv(x), "b n (qkv h d) -> qkv b h n d", qkv=3, h=self.heads)
+ (a.reshape(len(x), self.heads, x.shape[1], -1) for a in self.qkv(x).chunk(3, dim=-1))
You view q, k and v as (B, heads, N, d) at once. The shape is right, but a head gets whole tokens.
Split the last axis first, (B, N, heads, d), then move the heads: transpose(1, 2).
# parts before the tokens
+ self.qkv(x).reshape(len(x), 3, x.shape[1], self.heads, -1).permute(1, 0, 3, 2, 4)
| self.qkv(x).reshape(3, *x.shape[:2], self.heads, -1).transpose(2, 3)
You reshape (B, N, 3C) to (B, 3, N, ...) or (3, B, N, ...) at once, which cuts the list of tokens in
three. The parts lie on the last axis: reshape(B, N, 3, heads, d), then permute(2, 0, 3, 1, 4).
# heads look at heads
+ rearrange(self.qkv(x), "b n (qkv h d) -> qkv b n h d", qkv=3, h=self.heads)
- "b h n d
+ "b n h d
or
+ rearrange(self.qkv(x), "b n (qkv h d) -> qkv b n h d", qkv=3, h=self.heads)
- rearrange(mixed, "b h n d -> b n (h d)")
+ mixed.transpose(1, 2).reshape(x.shape)
Your heads are where the tokens should be, so the heads of a token look at each other, and no token
sees another. q, k and v have to be (B, heads, N, d): transpose(1, 2).
# heads not moved back
- rearrange(mixed, "b h n d -> b n (h d)")
+ mixed.reshape(x.shape)
You reshape (B, heads, N, d) to (B, N, C) at once. The shape is right, but numbers of different
tokens get mixed up. Move the heads back first: transpose(1, 2), then flatten(2).
# scaled by another root
- k.transpose(-2, -1) / q.shape[-1]
+ k.transpose(-2, -1) / x.shape[-1]
| k.transpose(-2, -1) / self.heads
You divide the scores by the root of C, or of heads. What counts is the length of one head's
vectors, d = C / heads: q.shape[-1].
# the wrong axes of k transposed
+ k / q.shape[-1]
| k.transpose(1, 2) / q.shape[-1]
The last two axes of k, N and d, have to swap places before the product: k.transpose(-2, -1).
# weights transposed
- scores.softmax(dim=-1)
+ scores.softmax(dim=-1).mT
You use the weights transposed. Row i belongs to query i, so it's weights @ values.
# softmax over the heads
+ scores.softmax(dim=1)
Your softmax runs over axis 1, the heads, as F.softmax may without a dim. It has to run over the
keys, the last axis: dim=-1.
# qkv_bias ignored
- self.qkv = nn.Linear(ch, 3 * ch, bias=qkv_bias)
+ self.qkv = nn.Linear(ch, 3 * ch, bias=True)
| self.qkv = nn.Linear(ch, 3 * ch, bias=False)
The layer qkv is the same whatever qkv_bias says. Pass it on: bias=qkv_bias.
# three layers
+ self.q, self.k, self.v = (nn.Linear(ch, ch, bias=qkv_bias) for _ in range(3))
- self.qkv(x)
+ torch.cat([self.q(x), self.k(x), self.v(x)], dim=-1)
You have three layers for q, k and v. That's as good, but here one makes all: nn.Linear(ch, 3 * ch).
# projection with a bias only if qkv_bias
- self.proj = nn.Linear(ch, ch)
+ self.proj = nn.Linear(ch, ch, bias=qkv_bias)
qkv_bias is for the layer qkv alone. proj always has a bias.
"""


class TokensByView(TokensInSteps):
    def forward(self, x):
        B, N, C = x.shape
        d = C // self.heads
        q, k, v = self.qkv(x).split(C, dim=2)
        q = q.view(B, N, self.heads, d).transpose(1, 2) * d**-0.5
        k = k.view(B, N, self.heads, d).transpose(1, 2)
        v = v.view(B, N, self.heads, d).transpose(1, 2)
        shares = F.softmax(torch.matmul(q, k.transpose(2, 3)), dim=-1)
        return self.proj(torch.matmul(shares, v).transpose(1, 2).contiguous().view(B, N, C))


class TokensByLoop(nn.Module):
    def __init__(self, ch, heads=4, qkv_bias=False):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Conv1d(ch, 3 * ch, 1, bias=qkv_bias)
        self.proj = nn.Conv1d(ch, ch, 1)

    def forward(self, x):
        q, k, v = self.qkv(x.transpose(1, 2)).transpose(1, 2).chunk(3, dim=2)
        parts = zip(*(a.chunk(self.heads, dim=2) for a in (q, k, v)))
        mixed = torch.cat([attention_weights(a, b) @ c for a, b, c in parts], dim=2)
        return self.proj(mixed.mT).mT


class TokensByEinsum(TokensInSteps):
    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(2)  # (B, N, heads, d)
        scores = torch.einsum("bihd,bjhd->bhij", q, k).div(q.shape[-1] ** 0.5)
        return self.proj(torch.einsum("bhij,bjhd->bihd", scores.softmax(3), v).flatten(2))


REFERENCE = TokenAttention
LOOK = (
    "Try it with one head first. If that's right, print the shapes with several: q, k and v "
    "are (B, heads, N, d) each, and so is what was mixed."
)
CATALOGUE = edits(TokensInSteps, SCORES + ON_LINEAR + MISTAKES)
ALSO_RIGHT = [TokensByView, TokensByLoop, TokensByEinsum]
