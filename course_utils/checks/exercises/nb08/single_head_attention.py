"""8.2 Attention with one head."""

import torch
from einops import einsum, rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.attention import SingleHeadAttention, attention_weights, to_map, to_tokens
from course_utils.checks.engine.compare import difference
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.probe import Stop
from course_utils.checks.exercises.nb08 import attention_layers as layers
from course_utils.checks.exercises.nb08.attention_weights import SCORES
from course_utils.checks.mistakes import edits

OF_WEIGHTS = (
    "This is what weights(x) returns. Print the shapes: as tokens, queries and keys are (B, N, C), "
    "and a token is one pixel with all its channels."
)
OF_FORWARD = (
    "Your weights(x) is right, so look at forward: weights @ values, both for tokens, then a map "
    "again, then proj."
)


def single_experiment(probe, SingleHeadAttention):
    for B, C, H, W in [(2, 32, 2, 3), (3, 5, 2, 7), (5, 3, 4, 4)]:
        module, x = layers.build(probe, SingleHeadAttention, C), probe.normal(B, C, H, W)
        probe.note("the method weights", hasattr(module, "weights"))
        if not hasattr(module, "weights"):
            raise Stop
        with probe.advice(*layers.ON_MAPS):
            layers.try_out(probe, module.weights, x, "weights")
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
    C, made_by = x.shape[1], [getattr(module, key, None) for key in "qk"]
    if any(getattr(layer, "weight", None) is None for layer in made_by):
        return False
    with torch.no_grad():
        made_by[1].weight.copy_(made_by[1].weight.roll(1, dims=0))  # the probe fills both alike
        q, k = (F.linear(to_tokens(x), a.weight.view(C, C), a.bias) for a in made_by)
        return difference(attention_weights(k, q), module.weights(x)) is None


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
# reshaped in weights
- to_tokens(self.q(x))
+ self.q(x).reshape(len(x), -1, x.shape[1])
or
- to_tokens(self.k(x))
+ self.k(x).reshape(len(x), -1, x.shape[1])
or
- q, k = to_tokens(self.q(x)), to_tokens(self.k(x))
+ q, k = (a.reshape(len(x), -1, x.shape[1]) for a in (self.q(x), self.k(x)))
In weights, you make tokens by reshape or view. The shape (B, N, C) is right, but the numbers stay
in their old order. Use to_tokens for queries and keys.

# values reshaped
- to_tokens(self.v(x))
+ self.v(x).reshape(len(x), -1, x.shape[1])
You make the values into tokens by reshape or view, in their old order. Use to_tokens(self.v(x)).

# a layer not used
- return self.proj(mixed)
+ return mixed
or
- self.proj = nn.Conv2d(ch, ch, 1)
+
- return self.proj(mixed)
+ return mixed
One of the four convolutions is not used. Is it proj, which comes last, or v, so that you mix x
itself? What is mixed is self.v(x), and the mixture goes through proj.
# tokens returned
- return self.proj(mixed)
+ return to_tokens(self.proj(mixed))
or
- mixed = to_map(mixed, x.shape[2])
- return self.proj(mixed)
+ return mixed
You return tokens. Make a map of them with to_map, and send that through proj.
# weights returned too
- return self.proj(mixed)
+ return self.proj(mixed), self.weights(x)
You return more than the map. Whoever wants the weights calls weights(x).

# input compared with itself
- q, k = to_tokens(self.q(x)), to_tokens(self.k(x))
+ q, k = to_tokens(x), to_tokens(x)
You compare x with itself. Compare queries with keys, self.q(x) with self.k(x).
# maps for tokens
+ q, k = self.q(x), self.k(x)
You compare maps, (B, C, H, W). Attention compares tokens, (B, N, C): use to_tokens first.
# tokens convolved
+ q, k = self.q(to_tokens(x)), self.k(to_tokens(x))
In weights, a convolution gets tokens. It takes maps, so convolve first: to_tokens(self.q(x)).

# one layer called twice
- self.k(x)
+ self.q(x)
One of the layers q, k and v is called twice, another never. Did you copy a line and not change it?

# one layer for two things
- self.proj = nn.Conv2d(ch, ch, 1)
+ self.proj = nn.Conv2d(ch, ch, 1)
+ self.k = self.q
One layer does two jobs. (If it makes queries and keys, i looks at j just as j looks at i.) You need
four layers: q, k, v and proj.
# proj with a 3x3 kernel
+ self.proj = nn.Conv2d(ch, ch, 3, padding=1)
proj has a 3x3 kernel. All four convolutions are 1x1, each pixel by itself.

# queries and keys swapped
- q, k = to_tokens
+ k, q = to_tokens
Queries and keys are swapped: in your weights, the layer k makes the queries and q the keys. Row i
belongs to the query of token i.

# mixture convolved
- mixed = to_map(mixed, x.shape[2])
+
In forward, a convolution gets tokens. It takes maps: to_tokens(self.v(x)) for the values, and
self.proj(to_map(...)) at the end.

# weights transposed
- self.weights(x) @ v
+ self.weights(x).transpose(1, 2) @ v
Your weights are right, but forward uses them transposed. Row i belongs to the query of token i, so
it's weights @ values (with values (B, C, N): values @ weights.transpose(1, 2)).
# softmax in forward again
+ self.weights(x).softmax(dim=-1) @ v
forward takes a softmax of the weights, which are shares already. Use them as they are.

# no biases
- nn.Conv2d(ch, ch, 1) for
+ nn.Conv2d(ch, ch, 1, bias=False) for
q, k and v have no biases. Leave bias at its default, True, in all four convolutions.
# 3x3 kernels
+ nn.Conv2d(ch, ch, 3, padding=1) for
q, k and v have 3x3 kernels. All four are 1x1, since it's the weights that look around.

# layers made in weights
- self.q(x)
+ nn.Conv2d(x.shape[1], x.shape[1], 1)(x)
You make a layer anew in every call: its weights are random each time, and the optimizer never sees
them. Make it in __init__, and keep it on self.

# reshaped on the way in
- q, k = to_tokens(self.q(x)), to_tokens(self.k(x))
+ q, k = (a.reshape(len(x), -1, x.shape[1]) for a in (self.q(x), self.k(x)))
- to_tokens(self.v(x))
+ self.v(x).reshape(len(x), -1, x.shape[1])
You make the tokens by reshape or view. The shape (B, N, C) is right, but the numbers stay in their
old order, so a token gets C neighbouring pixels of one channel. The channels have to move to the
end: to_tokens.

# column by column
+ q, k = to_tokens(self.q(x).mT), to_tokens(self.k(x).mT)
- to_tokens(self.v(x))
+ to_tokens(self.v(x).mT)
- to_map(mixed, x.shape[2])
+ to_map(mixed, x.shape[3]).mT
Your tokens go through the map column by column. to_tokens lists them row by row: bring (B, C, H, W)
to (B, H, W, C), then flatten H and W.

# channels look at channels
+ q, k = self.q(x).flatten(2), self.k(x).flatten(2)
- to_tokens(self.v(x))
+ self.v(x).flatten(2)
- to_map(mixed, x.shape[2])
+ mixed.view_as(x)
Your weights compare channels with channels, C x C of them. The pixels should look at each other:
with tokens of shape (B, N, C) the weights are (B, N, N).

# no method weights
- def weights(
+ def shares(
- self.weights(
+ self.shares(
Your class has no method weights. The notebook calls weights(x) for the shares, (B, N, N).

# one layer cut in three
- self.q, self.k, self.v = (nn.Conv2d(ch, ch, 1) for _ in range(3))
+ self.qkv = nn.Conv2d(ch, 3 * ch, 1)
- self.q(x)
+ self.qkv(x).chunk(3, dim=1)[0]
- self.k(x)
+ self.qkv(x).chunk(3, dim=1)[1]
- self.v(x)
+ self.qkv(x).chunk(3, dim=1)[2]
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


EXERCISE = Exercise(
    id="8.2",
    title="Attention with one head",
    notebook="08_attention_variants",
    reference=SingleHeadAttention,
    experiment=single_experiment,
    look="The order is: the three convolutions, tokens, weights, weights @ values, map, proj.",
    catalogue=edits(
        SingleHeadInSteps, SCORES + layers.NORM + layers.LAYER + layers.MAPS + MISTAKES
    ),
    also_right=[SingleHeadInSteps, SingleByLinear, SingleByEinsum, SingleByTorch],
)
