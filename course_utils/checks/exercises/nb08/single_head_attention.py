"""8.2 Attention with one head."""

import torch
from einops import einsum, rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.attention import SingleHeadAttention, attention_weights, to_map, to_tokens
from course_utils.checks.exercises.nb08 import attention_layers as layers
from course_utils.checks.exercises.nb08.attention_weights import SCORES
from course_utils.checks.parts import difference, edits

OF_WEIGHTS = (
    "This is what weights(x) returns. Print the shapes: as tokens, queries and keys are (B, N, C), "
    "the pixels row by row, each with all its channels."
)
OF_FORWARD = (
    "Your weights(x) is right, so look at forward: weights @ values, both for tokens, then a map "
    "again, then proj."
)


def experiment(probe, SingleHeadAttention):
    for B, C, H, W in [(2, 32, 2, 3), (3, 5, 2, 7), (5, 3, 4, 4)]:
        module, x = layers.build(probe, SingleHeadAttention, C), probe.normal(B, C, H, W)
        told = "Your class has no method weights."
        look = "The notebook calls weights(x) for the shares, (B, N, N)."
        probe.note_unless(hasattr(module, "weights"), "the method weights", told, look)
        with probe.advice(*layers.ON_MAPS):
            layers.try_out(probe, module.weights, x)
            with probe.advice(look=OF_WEIGHTS):
                probe.call(module.weights, x)
            layers.try_out(probe, module, x)
            layers.note_parameters(probe, module)
            with probe.advice(look=OF_FORWARD):
                probe.train_and_eval(module, x)
    probe.note("queries and keys swapped", has_swapped(module, x))
    probe.on_fake_device(module, x)


def has_swapped(module, x):
    """True where a layer named k makes the queries, and one named q the keys."""
    q, k = (getattr(module, key, None) for key in "qk")
    if not (isinstance(q, nn.Conv2d) and isinstance(k, nn.Conv2d)):
        return False
    with torch.no_grad():
        k.weight.copy_(k.weight.roll(1, dims=0))  # the probe fills both alike
        swapped = attention_weights(to_tokens(k(x)), to_tokens(q(x)))
        return difference(swapped, module.weights(x)) is None


class SingleHeadInSteps(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.q, self.k, self.v = (nn.Conv2d(ch, ch, 1) for _ in range(3))
        self.proj = nn.Conv2d(ch, ch, 1)

    def weights(self, x):
        q, k = to_tokens(self.q(x)), to_tokens(self.k(x))
        scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
        return scores.softmax(dim=-1)

    def forward(self, x):
        v = to_tokens(self.v(x))
        mixed = self.weights(x) @ v
        mixed = to_map(mixed, x.shape[2])
        return self.proj(mixed)


MISTAKES = """
# reshaped on the way in
- v = to_tokens(self.v(x))
+ v = self.v(x).reshape(len(x), -1, x.shape[1])
or
- q, k = to_tokens(self.q(x)), to_tokens(self.k(x))
+ q, k = (a.reshape(len(x), -1, x.shape[1]) for a in (self.q(x), self.k(x)))
or
+ q, k = (a.reshape(len(x), -1, x.shape[1]) for a in (self.q(x), self.k(x)))
- to_tokens(self.v(x))
+ self.v(x).reshape(len(x), -1, x.shape[1])
You make tokens by reshape or view. The shape is right, but a token gets C neighbouring pixels of
one channel. The channels have to move to the end: to_tokens, for queries, keys and values.
# input compared with itself
+ q, k = to_tokens(x), to_tokens(x)
You compare x with itself. Compare queries with keys, self.q(x) with self.k(x).
# maps for tokens
+ q, k = self.q(x), self.k(x)
You compare maps, (B, C, H, W). Attention compares tokens, (B, N, C): use to_tokens first.
# one layer called twice
+ q, k = to_tokens(self.q(x)), to_tokens(self.q(x))
One of the layers q, k and v is called twice, another never. Did you copy a line and not change it?
# queries and keys swapped
+ k, q = to_tokens(self.q(x)), to_tokens(self.k(x))
Queries and keys are swapped: in your weights, the layer k makes the queries and q the keys. Row i
belongs to the query of token i.
# tokens convolved
+ q, k = self.q(to_tokens(x)), self.k(to_tokens(x))
or
- mixed = to_map(mixed, x.shape[2])
+
A convolution of yours gets tokens, (B, N, C). It takes maps: to_tokens(self.q(x)) for queries, keys
and values alike, and self.proj(to_map(...)) at the end.
# a layer not used
- return self.proj(mixed)
+ return mixed
or
- self.proj = nn.Conv2d(ch, ch, 1)
+
- return self.proj(mixed)
+ return mixed
or
- v = to_tokens(self.v(x))
+ v = to_tokens(x)
One of the four convolutions is not used. Is it proj, which comes last, or v, so that you mix x
itself? What is mixed is self.v(x), and the mixture goes through proj.
# tokens returned
- mixed = to_map(mixed, x.shape[2])
- return self.proj(mixed)
+ return mixed
You return tokens. Make a map of them with to_map, and send that through proj.
# weights transposed
- self.weights(x) @ v
+ self.weights(x).transpose(1, 2) @ v
Your weights are right, but forward uses them transposed. Row i belongs to the query of token i, so
it's weights @ values, or, with values (B, C, N), values @ weights.transpose(1, 2).
# channels look at channels
+ q, k = self.q(x).flatten(2), self.k(x).flatten(2)
- to_tokens(self.v(x))
+ self.v(x).flatten(2)
- to_map(mixed, x.shape[2])
+ mixed.view_as(x)
Your weights compare channels with channels, C x C of them. The pixels should look at each other:
with tokens of shape (B, N, C) the weights are (B, N, N).
# no biases
- nn.Conv2d(ch, ch, 1) for
+ nn.Conv2d(ch, ch, 1, bias=False) for
q, k and v have no biases. Leave bias at its default, True, in all four convolutions.
# 3x3 kernels
+ nn.Conv2d(ch, ch, 3, padding=1) for
or
+ nn.Conv2d(ch, ch, 3, padding=1) for
- self.proj = nn.Conv2d(ch, ch, 1)
+ self.proj = nn.Conv2d(ch, ch, 3, padding=1)
Your convolutions have 3x3 kernels. All four are 1x1, because it's the weights that look around.
# one layer cut in three
- self.q, self.k, self.v = (nn.Conv2d(ch, ch, 1) for _ in range(3))
+ self.qkv = nn.Conv2d(ch, 3 * ch, 1)
+ self.q, self.k, self.v = (lambda x, i=i: self.qkv(x).chunk(3, dim=1)[i] for i in range(3))
One convolution makes queries, keys and values. That's as good, and 8.3 does it, but here four
layers are asked for: q, k, v and proj, from C to C channels each.
"""


class SingleByLinear(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.to_query, self.to_key = nn.Linear(ch, ch), nn.Linear(ch, ch)
        self.to_value, self.out = nn.Linear(ch, ch), nn.Linear(ch, ch)

    def weights(self, x):
        tokens = x.flatten(2).transpose(1, 2)
        q, k = self.to_query(tokens), self.to_key(tokens)
        return torch.softmax(torch.bmm(q, k.permute(0, 2, 1)) / q.shape[2] ** 0.5, dim=2)

    def forward(self, x):
        tokens = rearrange(x, "b c h w -> b (h w) c")
        out = self.out(torch.bmm(self.weights(x), self.to_value(tokens)))
        return rearrange(out, "b (h w) c -> b c h w", w=x.shape[3])


class SingleByEinsum(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.layers = nn.ModuleDict({name: nn.Conv2d(ch, ch, 1) for name in "qkvo"})

    def weights(self, x):
        q, k = self.layers["q"](x), self.layers["k"](x)
        scores = torch.einsum("bcij,bckl->bijkl", q, k) / x.shape[1] ** 0.5
        return scores.flatten(3).flatten(1, 2).softmax(-1)

    def forward(self, x):
        values = self.layers["v"](x).flatten(2)  # (B, C, N)
        mixed = einsum(self.weights(x), values, "b i j, b c j -> b c i")
        return self.layers["o"](mixed.unflatten(2, x.shape[2:]))


class SingleByTorch(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.q, self.k, self.v, self.proj = (nn.Conv1d(ch, ch, 1) for _ in range(4))

    def weights(self, x):
        x = x.flatten(2)
        return attention_weights(self.q(x).mT, self.k(x).mT)

    def forward(self, x):
        q, k, v = (layer(x.flatten(2)).mT for layer in (self.q, self.k, self.v))
        return self.proj(F.scaled_dot_product_attention(q, k, v).mT).view(x.shape)


REFERENCE = SingleHeadAttention
LOOK = "The order is: the three convolutions, tokens, weights, weights @ values, map, proj."
CATALOGUE = edits(SingleHeadInSteps, SCORES + layers.LAYER + layers.MAPS + MISTAKES)
ALSO_RIGHT = [SingleByLinear, SingleByEinsum, SingleByTorch]
