"""6.4 A layer that returns two things."""

from einops import rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.checks.exercises.nb06.healthy_networks import TokenMixer
from course_utils.checks.exercises.nb06.repairs import repair_experiment

HINTS = {
    "not tuple|'tuple' object": "Take the first of the pair that the attention returns.",
    "required positional": "The attention takes query, key and value: here h, h, h.",
}
CASES = [(3, 5, 8, 2), (4, 7, 6, 3), (5, 2, 9, 1)]


def sizes(probe, B, N, C, heads):
    return (C, heads), [2 * probe.normal(B, N, C) + 1]


MISTAKES = """
# weights taken
- h, weights = self.attention(h, h, h)
+ weights, h = self.attention(h, h, h)
You go on with the weights of the mixtures, (B, N, N). The new tokens are the first of the pair.
# pair taken
+ h = self.attention(h, h, h)
You pass on the pair that the attention returns. Take the first of the two: h, weights = ...
# no attention
+
The result doesn't depend on the attention, so no token looks at another. Call the attention, and go
on with what it returns.
# not all three normalised
+ h, weights = self.attention(tokens, h, h)
| h, weights = self.attention(h, tokens, tokens)
| h, weights = self.attention(h, h, tokens)
Not all of query, key and value are normalised. With h = self.norm(tokens), all three are h.
# first picture taken
- return tokens + self.mix(h)
+ return tokens + self.mix(h[0])
There's one [0] too many, and it takes the first picture of the batch for all of them.
# no linear layer
+ return tokens + h
The result doesn't depend on the linear layer. The order is norm, attention, linear layer.
# nothing added
+ return self.mix(h)
The tokens themselves are missing from the result: return tokens plus what mix returns.
# tokens added twice
+ return tokens + self.mix(tokens + h)
or
+ h = tokens + h
+ return h + self.mix(h)
You add the tokens twice, as many transformers do. Here they're added once, at the end: tokens +
mix(h).
# tokens added before the linear layer
+ return self.mix(tokens + h)
You add the tokens before the linear layer, which then mixes them too: tokens + mix(h).
# SiLU
+ return tokens + self.mix(F.silu(h))
| return tokens + F.silu(self.mix(h))
There's a SiLU too many. After the attention comes the linear layer alone: tokens + mix(h).
# batch_first lost
- self.attention = nn.MultiheadAttention(ch, heads, batch_first=True)
+ self.attention = nn.MultiheadAttention(ch, heads)
Without batch_first=True, the attention takes axis 0 for the tokens. The shapes are the same, but
now pictures look at each other, and tokens don't.
# one head
+ self.attention = nn.MultiheadAttention(ch, 1, batch_first=True)
The attention always has one head, whatever heads says. Hand the number on to it.
# attention changed
+ self.attention = nn.MultiheadAttention(ch, heads, batch_first=True, bias=False)
| self.attention = nn.MultiheadAttention(ch, heads, batch_first=True, dropout=0.1)
Your attention has dropout, or no bias. It's nn.MultiheadAttention(ch, heads, batch_first=True).
# normalised tokens added
- h = self.norm(tokens)
+ h = tokens = self.norm(tokens)
You add the normalised tokens. Add them as they came in: give the normalised ones another name, h.
# no norm
+ h = tokens
The result doesn't depend on the norm. It comes first: the attention gets h = norm(tokens).
# norm after the attention
+ h = tokens
- self.mix(h)
+ self.mix(self.norm(h))
or
+ h = tokens
- tokens + self.mix(h)
+ self.norm(tokens + self.mix(h))
The norm comes too late. The order is norm, attention, linear layer, and then the sum.
"""


class SelfAttention(nn.MultiheadAttention):
    def forward(self, x):
        return super().forward(x, x, x, need_weights=False)[0]


class MixerInSequence(nn.Sequential):
    def __init__(self, ch, heads):
        attention = SelfAttention(ch, heads, batch_first=True)
        super().__init__(nn.LayerNorm(ch), attention, nn.Linear(ch, ch))

    def forward(self, tokens):
        return tokens + super().forward(tokens)


class MixerOfPositions(TokenMixer):
    def __init__(self, ch, heads):
        super().__init__(ch, heads)
        self.attention = nn.MultiheadAttention(ch, heads)

    def forward(self, tokens):
        h = self.norm(tokens).transpose(0, 1)
        h = self.attention(query=h, key=h, value=h)[0].transpose(0, 1)
        return self.mix(h).add(tokens)


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


class MixerByFunctions(TokenMixer):
    def forward(self, x):
        h = F.layer_norm(x, x.shape[-1:], self.norm.weight, self.norm.bias)
        return x + F.linear(self.attention(*3 * [h])[0], self.mix.weight, self.mix.bias)


REFERENCE = TokenMixer
experiment = repair_experiment(sizes, CASES, HINTS, lenient=[(4, 4, 4, 2)])
LOOK = (
    "If your order is norm, attention, linear layer, sum, look at the layers: biases, dropout "
    "and the rest at their defaults, and no SiLU."
)
ALSO_RIGHT = [MixerInSequence, MixerOfPositions, MixerByHand, MixerByFunctions]
