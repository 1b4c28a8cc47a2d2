"""8.4 PyTorch's attention, repaired."""

import torch
from einops import rearrange
from torch import nn

from course_utils.attention import TorchAttention
from course_utils.checks.exercises.nb08 import attention_layers as layers
from course_utils.checks.parts import edits

PAIR = (
    r"'tuple'", r"", "nn.MultiheadAttention returns a pair. Take the first of it, the mixed "
    "tokens: mixed, _ = self.attention(...).",
)  # fmt: skip


def experiment(probe, TorchAttention):
    for B, H, W, args in [(2, 4, 5, (32, 2)), (3, 2, 7, (16, 2)), (5, 3, 2, (12,))]:
        module, x = layers.build(probe, TorchAttention, *args), probe.normal(B, args[0], H, W)
        with probe.advice(PAIR, *layers.HINTS):
            layers.try_out(probe, module, x)
            note_layers(probe, module)
            layers.note_parameters(probe, module)
            probe.train_and_eval(module, x)
    probe.on_fake_device(module, x)


def note_layers(probe, module):
    """PyTorch's layer should be inside, and no others beside it."""
    whole = [part for part in module.modules() if isinstance(part, nn.MultiheadAttention)]
    inside = {part for layer in whole for part in layer.modules()}
    beside = [m for m in module.modules() if m not in inside and [*m.parameters(recurse=False)]]
    probe.note_unless(
        bool(whole), "nn.MultiheadAttention inside", "There's no nn.MultiheadAttention inside.",
        "Your own layers may do the same, but here you're asked to repair PyTorch's: "
        "nn.MultiheadAttention(ch, heads, batch_first=True).",
    )  # fmt: skip
    told = "There are layers beside nn.MultiheadAttention."
    look = "It has its own, for queries, keys, values and proj. Leave yours out."
    probe.note_unless(not beside, "no layers beside it", told, look)


MISTAKES = """
# always the same heads
- ch, heads, batch_first=True
+ ch, 1, batch_first=True
| ch, 4, batch_first=True
heads makes no difference in your class. Pass it on: nn.MultiheadAttention(ch, heads, ...).
# arguments swapped
+ heads, ch, batch_first=True
The channels come first, then the heads: nn.MultiheadAttention(ch, heads, batch_first=True).
# no biases
+ ch, heads, bias=False, batch_first=True
The layers inside have no biases. Leave bias at its default, True.
# dropout
+ ch, heads, dropout=0.1, batch_first=True
Your attention drops weights at random while it trains. Leave dropout at its default, 0.
# batch_first forgotten
+ ch, heads
or
- tokens = to_tokens(x)
+ tokens = to_tokens(x).transpose(0, 1)
- to_map(mixed,
+ to_map(mixed.transpose(0, 1),
Each pixel looks at the same pixel of the other pictures, and at none of its own.
nn.MultiheadAttention takes (B, N, C) with batch_first=True, and (N, B, C) without it.
# all pictures in one list
+ tokens = to_tokens(x).reshape(1, -1, x.shape[1])
- to_map(mixed,
+ to_map(mixed.view(len(x), -1, x.shape[1]),
All pictures are in one list of tokens, so pixels also look at those of other pictures. Keep the
batch as an axis of its own: to_tokens(x), with batch_first=True.
# map handed over
+ tokens = x
nn.MultiheadAttention gets the map as it is. It takes tokens, (B, N, C): to_tokens(x).
# flattened only
+ tokens = x.flatten(2)
flatten(2) makes (B, C, N). Tokens are (B, N, C): to_tokens(x), or transpose(1, 2) after it.
# reshaped on the way in
+ tokens = x.reshape(len(x), -1, x.shape[1])
You make the tokens by reshape or view. The shape (B, N, C) is right, but the numbers stay in their
old order. The channels have to move to the end: to_tokens(x).
# one argument
- mixed, _ = self.attention(tokens, tokens, tokens, need_weights=False)
+ mixed, _ = self.attention(tokens)
nn.MultiheadAttention wants queries, keys and values. Here that's the same tokens three times.
# weights taken
+ _, mixed = self.attention(tokens, tokens, tokens)
Of the pair that nn.MultiheadAttention returns, you take the weights. The mixed tokens come first.
# pair returned
- mixed, _ = self.attention(tokens, tokens, tokens, need_weights=False)
- return to_map(mixed, x.shape[2])
+ return self.attention(tokens, tokens, tokens)
| return self.attention(tokens, tokens, tokens, need_weights=False)
You return a pair, the mixed tokens and the weights. Take the first, and return it as a map.
# tokens returned
- return to_map(mixed, x.shape[2])
+ return mixed
You return a list of tokens. Make it a map again: to_map(mixed, x.shape[2]).
# input added
+ return x + to_map(mixed, x.shape[2])
You add x inside the layer. AttentionBlock, around it, already has that residual connection.
"""


class TorchTokensFirst(nn.Module):
    def __init__(self, ch, heads=4):
        super().__init__()
        self.layer = nn.MultiheadAttention(embed_dim=ch, num_heads=heads)

    def forward(self, x):
        B, C, H, W = x.shape
        tokens = x.permute(2, 3, 0, 1).reshape(H * W, B, C)
        return self.layer(tokens, tokens, tokens)[0].permute(1, 2, 0).view(B, C, H, W)


class TorchByEinops(nn.Module):
    def __init__(self, ch, heads=4):
        super().__init__()
        self.mha = nn.MultiheadAttention(ch, heads, dropout=0.0, bias=True, batch_first=True)

    def forward(self, x):
        tokens = rearrange(x, "b c h w -> b (h w) c")
        out, weights = self.mha(query=tokens, key=tokens, value=tokens)
        return rearrange(out, "b (h w) c -> b c h w", w=x.shape[-1])


class TorchOneByOne(nn.Module):
    def __init__(self, ch, heads=4):
        super().__init__()
        self.attention = nn.MultiheadAttention(ch, heads)

    def forward(self, x):
        pictures = x.flatten(2).swapaxes(1, 2)  # each of them without a batch
        mixed = torch.stack([self.attention(each, each, each)[0] for each in pictures])
        return mixed.swapaxes(1, 2).contiguous().view(x.size())


class TorchInherited(nn.MultiheadAttention):
    def __init__(self, ch, heads=4):
        super().__init__(ch, heads, batch_first=True)

    def forward(self, x):
        t = x.flatten(-2).mT
        return super().forward(t, t, t)[0].mT.unflatten(-1, x.shape[-2:])


REFERENCE = TorchAttention
LOOK = (
    "Step by step: each picture is a list of its own, of N = H * W tokens, row by row; "
    "attention(tokens, tokens, tokens) mixes them all; the first of its pair becomes a map again."
)
CATALOGUE = edits(TorchAttention, layers.MAPS + MISTAKES)
ALSO_RIGHT = [TorchTokensFirst, TorchByEinops, TorchOneByOne, TorchInherited]
