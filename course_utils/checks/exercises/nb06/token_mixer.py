"""6.4 A layer that returns two things."""

import contextlib

from einops import rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.probe import Hint, Stop
from course_utils.checks.exercises.nb06.broken_networks import PATIENTS
from course_utils.checks.exercises.nb06.healthy_networks import TokenMixer
from course_utils.checks.exercises.nb06.tutorial_decoder import note_parameters
from course_utils.checks.mistakes import edits


def mixer_experiment(probe, TokenMixer):
    with contextlib.suppress(Stop):  # with sizes that agree, wrong axes run and show the rest
        mixer_case(probe, TokenMixer, 4, 4, 4, 2)
    for sizes in [(3, 5, 8, 2), (4, 7, 6, 3), (5, 2, 9, 1)]:
        module, tokens = mixer_case(probe, TokenMixer, *sizes)
    probe.on_fake_device(module, tokens)


def mixer_case(probe, TokenMixer, B, N, C, heads):
    tokens = 2 * probe.normal(B, N, C) + 1
    with probe.advice(*HINTS):
        module = probe.build(TokenMixer, C, heads)
        probe.train_and_eval(module, tokens)
    note_parameters(probe, module)
    return module, tokens


HINTS = [
    Hint(
        "not tuple|'tuple' object",
        "",
        "nn.MultiheadAttention returns a pair, and you pass on the pair. Take its first part.",
    ),
    Hint(
        "missing . required positional",
        "",
        "nn.MultiheadAttention takes three inputs. nn.Sequential hands on one, so call the "
        "attention by itself: self.attention(h, h, h).",
    ),
]
MISTAKES = """
# weights taken
- h, weights = self
+ weights, h = self
These are the weights of the mixtures, (B, N, N), the second of the pair. The first is what the
tokens become, (B, N, C): h, weights = ...

# pair taken
- h, weights = self
+ h = self
nn.MultiheadAttention returns a pair, and the next layer takes a tensor. Take the first of the two:
h, weights = ... or [0].

# first picture taken
- self.mix(h)
+ self.mix(h[0])
There is one [0] too many. The first takes the new tokens from the pair, and the second takes the
first picture of the batch for all.

# batch_first lost
- , batch_first=True
+
batch_first=True is lost, so axis 0 is taken for the tokens and axis 1 for the batch. The shapes are
the same, but now pictures look at each other, and tokens don't.

# no attention
- h, weights = self.attention(h, h, h)
+
or
- self.attention = nn.MultiheadAttention(ch, heads, batch_first=True)
+
- h, weights = self.attention(h, h, h)
+
The attention has no part in the result, so no token looks at another. Call it by itself, and go on
with what it returns: h, weights = self.attention(h, h, h).

# nothing added
- tokens + self
+ self
The tokens themselves are missing from the result. Return tokens plus what the last layer gives.

# normalised tokens added
- h = self.norm(tokens)
+ h = tokens = self.norm(tokens)
You add the normalised tokens. Add them as they came in, and use another name, such as h, for what
you make of them.

# tokens added twice
- return tokens + self.mix(h)
+ return tokens + self.mix(tokens + h)
or
- return tokens + self.mix(h)
+ h = tokens + h
+ return h + self.mix(h)
or
- return tokens + self.mix(h)
+ return tokens + h + self.mix(h)
There is more than one sum. (Transformers often have two, but not this layer.) The tokens are added
once, to what the last layer gives: tokens + mix(h).

# tokens added before the linear layer
- return tokens + self.mix(h)
+ return self.mix(tokens + h)
The tokens are added before the linear layer, which then mixes them too. Add them at the end: tokens
+ mix(h).

# norm after the attention
- h = self.norm(tokens)
+ h = tokens
- self.mix(h)
+ self.mix(self.norm(h))
The norm comes after the attention. The order is norm, attention, linear layer.

# norm at the end
- h = self.norm(tokens)
+ h = tokens
- tokens + self.mix(h)
+ self.norm(tokens + self.mix(h))
The norm comes at the end, after the sum. The order is norm, attention, linear layer, and then the
sum.

# no norm
- h = self.norm(tokens)
+ h = tokens
or
- self.norm = nn.LayerNorm(ch)
+
- h = self.norm(tokens)
+ h = tokens
The norm has no part in the result. It comes first: h = self.norm(tokens), and the attention gets h
three times.

# not all three normalised
- self.attention(h, h, h)
+ self.attention(tokens, h, h)
or
- self.attention(h, h, h)
+ self.attention(h, tokens, tokens)
or
- self.attention(h, h, h)
+ self.attention(h, h, tokens)
Not all of query, key and value are normalised. With h = self.norm(tokens), all three are h.

# no linear layer
- self.mix(h)
+ h
or
- self.mix = nn.Linear(ch, ch)
+
- self.mix(h)
+ h
The linear layer has no part in the result. The order is norm, attention, linear layer.

# one head
- (ch, heads,
+ (ch, 1,
The attention always has one head, whatever heads says. Hand the number on to it.

"""


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
        layers = nn.LayerNorm(ch), nn.MultiheadAttention(ch, heads), nn.Linear(ch, ch)
        self.layers = nn.ModuleList(layers)

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


EXERCISE = Exercise(
    id="6.4",
    title="A layer that returns two things",
    notebook="06_debugging_dimensions",
    reference=TokenMixer,
    patient=PATIENTS["TokenMixer"],
    experiment=mixer_experiment,
    look="The order is norm, attention of the normalised tokens with themselves, linear layer. "
    "Then the tokens as they came in are added.",
    catalogue=edits(TokenMixer, MISTAKES),
    also_right=[MixerOfALayer, MixerByIndex, MixerByHand, MixerByFunctions],
)
