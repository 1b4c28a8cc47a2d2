"""8.6 Cross-attention."""

import torch
from einops import einsum, rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.attention import to_map, to_tokens
from course_utils.checks.exercises.nb08 import attention_layers as layers
from course_utils.checks.exercises.nb08.attention_weights import SCORES
from course_utils.checks.parts import edits
from course_utils.cross_attention import CrossAttention

HINTS = [
    (r"mat1 and mat2 shapes", r"q\(", "q takes pixels as tokens, (B, N, C): to_tokens(x)."),
    (r"mat1 and mat2 shapes", r"\b[kv]\(", "The context's tokens have E = context_dim numbers, so "
     "the layers k and v go from context_dim to ch."),
    *layers.HINTS,
]  # fmt: skip


def experiment(probe, CrossAttention):
    for B, H, W, M, E, args in [
        (2, 3, 5, 4, 6, (8,)), (3, 2, 7, 5, 3, (2,)), (5, 4, 2, 3, 5, ()), (3, 1, 5, 2, 7, (1,))
    ]:  # fmt: skip
        C = 32 if args == (8,) else 12
        module = layers.build(probe, CrossAttention, C, E, *args)
        told = "Your class has no method weights."
        look = "The notebook calls weights(x, context) for the shares, (B, heads, N, M)."
        probe.note_unless(hasattr(module, "weights"), "the method weights", told, look)
        x, context = probe.normal(B, C, H, W), probe.normal(B, M, E)
        with probe.advice(*HINTS):
            layers.try_out(probe, module.weights, x, context)
            layers.note_parameters(probe, module)
            with probe.advice(look="This is what weights(x, context) returns."):
                probe.call(module.weights, x, context)
            layers.try_out(probe, module, x, context)
            probe.train_and_eval(module, x, context)
    probe.on_fake_device(module, x, context)


class CrossInSteps(nn.Module):
    def __init__(self, ch, context_dim, heads=4):
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(ch, ch, bias=False)
        self.k = nn.Linear(context_dim, ch, bias=False)
        self.v = nn.Linear(context_dim, ch, bias=False)
        self.proj = nn.Conv2d(ch, ch, 1)

    def split(self, tokens):
        return rearrange(tokens, "b n (h d) -> b h n d", h=self.heads)

    def weights(self, x, context):
        q = self.split(self.q(to_tokens(x)))
        k = self.split(self.k(context))
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        return scores.softmax(dim=-1)

    def forward(self, x, context):
        v = self.split(self.v(context))
        mixed = self.weights(x, context) @ v
        mixed = rearrange(mixed, "b h n d -> b n (h d)")
        mixed = to_map(mixed, x.shape[2])
        return self.proj(mixed)


MISTAKES = """
# tokens ask pixels
- q @ k.transpose(-2, -1)
+ k @ q.transpose(-2, -1)
Your weights are (B, heads, M, N): the tokens ask, and the pixels answer. It's the other way round:
a row for each pixel, a column for each token.
# self-attention
- self.k(context)
+ self.q(to_tokens(x))
- self.v(context)
+ self.q(to_tokens(x))
Your pixels look at pixels, and the context has no say. Keys and values come from the context.
# keys for values
- self.v(context)
+ self.k(context)
You mix the keys. What is mixed are the values, self.v(context).
# heads split by view
- rearrange(tokens, "b n (h d) -> b h n d", h=self.heads)
+ tokens.reshape(len(tokens), self.heads, tokens.shape[1], -1)
You view tokens as (B, heads, N, d) at once. The shape is right, but a head gets whole tokens. Split
the last axis first, (B, N, heads, d), then move the heads: transpose(1, 2).
# heads not moved back
- rearrange(mixed, "b h n d -> b n (h d)")
+ mixed.reshape(len(x), -1, x.shape[1])
You reshape (B, heads, N, d) to (B, N, C) at once. The shape is right, but numbers of different
pixels get mixed up. Move the heads back first: transpose(1, 2), then flatten(2).
# heads in turn
- "b n (h d)
+ "b n (d h)
- b n (h d)"
+ b n (d h)"
or
+ "b n (d h)
You deal the channels out to the heads one at a time. Head 0 should get the first d of them, head 1
the next d, and so on: "(h d)", not "(d h)".
# always the same heads
- self.heads = heads
+ self.heads = 4
| self.heads = 1
heads makes no difference in your class. Keep it as self.heads, and split into that many.
# scaled by another root
- q.shape[-1]
+ x.shape[1]
| context.shape[-1]
You divide the scores by the root of C or of E. What counts is the length of one head's vectors,
d = C / heads: q.shape[-1].
# weights averaged
- scores.softmax(dim=-1)
+ scores.softmax(dim=-1).mean(dim=1, keepdim=True).expand_as(scores)
You average the weights over the heads. Each head keeps its own: (B, heads, N, M).
# reshaped on the way in
- to_tokens(x)
+ x.reshape(len(x), -1, x.shape[1])
You make tokens by reshape or view. The shape is right, but a token gets C neighbouring pixels of
one channel. The channels have to move to the end: to_tokens(x).
# context of ch numbers
- self.k = nn.Linear(context_dim, ch, bias=False)
+ self.k = nn.Linear(ch, ch, bias=False)
or
- self.v = nn.Linear(context_dim, ch, bias=False)
+ self.v = nn.Linear(ch, ch, bias=False)
Your layers k and v take C numbers, but a token of the context has E: nn.Linear(context_dim, ch).
# projection not used
- return self.proj(mixed)
+ return mixed
The mixture never goes through proj. It comes last.
# biases
- self.q = nn.Linear(ch, ch, bias=False)
+ self.q = nn.Linear(ch, ch)
or
- self.k = nn.Linear(context_dim, ch, bias=False)
+ self.k = nn.Linear(context_dim, ch)
or
- self.v = nn.Linear(context_dim, ch, bias=False)
+ self.v = nn.Linear(context_dim, ch)
or
- self.q = nn.Linear(ch, ch, bias=False)
- self.k = nn.Linear(context_dim, ch, bias=False)
- self.v = nn.Linear(context_dim, ch, bias=False)
+ self.q = nn.Linear(ch, ch)
+ self.k = nn.Linear(context_dim, ch)
+ self.v = nn.Linear(context_dim, ch)
Some of q, k and v have biases. Here they have none: bias=False. Only proj has one.
# keys and values in one layer
- self.k = nn.Linear(context_dim, ch, bias=False)
- self.v = nn.Linear(context_dim, ch, bias=False)
+ self.kv = nn.Linear(context_dim, 2 * ch, bias=False)
- self.k(context)
+ self.kv(context).chunk(2, dim=-1)[0]
- self.v(context)
+ self.kv(context).chunk(2, dim=-1)[1]
One layer makes keys and values. That's as good, but here each has its own, from E to C numbers.
"""


class CrossByTorch(nn.Module):
    def __init__(self, ch, context_dim, heads=4):
        super().__init__()
        self.h = heads
        self.ask = nn.Conv2d(ch, ch, 1, bias=False)
        self.value, self.key = (nn.Linear(context_dim, ch, bias=False) for _ in range(2))
        self.out = nn.Linear(ch, ch)

    def parts(self, x, context):
        tokens = self.ask(x).flatten(2).mT, self.key(context), self.value(context)
        return [a.unflatten(2, (self.h, -1)).transpose(1, 2) for a in tokens]

    def weights(self, x, context):
        q, k, _ = self.parts(x, context)
        return F.softmax(torch.matmul(q * q.shape[-1] ** -0.5, k.mT), 3)

    def forward(self, x, context):
        mixed = F.scaled_dot_product_attention(*self.parts(x, context))
        return self.out(mixed.transpose(1, 2).flatten(2)).mT.reshape(x.shape)


class CrossByEinsum(CrossAttention):
    def weights(self, x, context):
        q = rearrange(self.q(to_tokens(x)), "b n (h d) -> b h n d", h=self.heads)
        k = rearrange(self.k(context), "b m (h d) -> b h m d", h=self.heads)
        return (einsum(q, k, "b h n d, b h m d -> b h n m") / q.size(3) ** 0.5).softmax(3)

    def forward(self, x, context):
        B, C, H, W = x.shape
        v = self.v(context).view(B, -1, self.heads, C // self.heads)
        mixed = torch.einsum("bhnm,bmhd->bnhd", self.weights(x, context), v)
        return self.proj(mixed.flatten(2)).transpose(1, 2).view(B, C, H, W)


class CrossByLoop(CrossAttention):
    def weights(self, x, context):
        q, k = self.q(x.movedim(1, -1)).flatten(1, 2), self.k(context)
        pairs = zip(q.chunk(self.heads, -1), k.chunk(self.heads, -1))
        return torch.stack([(a @ b.mT / a.shape[2] ** 0.5).softmax(-1) for a, b in pairs], 1)

    def forward(self, x, context):
        values = self.v(context).chunk(self.heads, dim=2)
        mixed = [w @ v for w, v in zip(self.weights(x, context).unbind(1), values)]
        return to_map(self.proj(torch.cat(mixed, dim=2)), len(x[0, 0]))


class CrossBySDPA(CrossInSteps):
    def forward(self, x, context):
        q, k, v = self.split(self.q(to_tokens(x))), self.k(context), self.v(context)
        mixed = F.scaled_dot_product_attention(q, self.split(k), self.split(v))
        return self.proj(to_map(rearrange(mixed, "b h n d -> b n (h d)"), x.shape[2]))


REFERENCE = CrossAttention
LOOK = (
    "Queries come from to_tokens(x), keys and values from context. Split each into heads, "
    "(B, heads, N or M, d); softmax over the M tokens; move the heads back; proj; a map again."
)
CATALOGUE = edits(CrossInSteps, SCORES + layers.LAYER + layers.MAPS + MISTAKES)
ALSO_RIGHT = [CrossByTorch, CrossByEinsum, CrossByLoop, CrossBySDPA]
