"""6.14 A pixel is a token."""

from einops import einsum, rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.checks.exercises.nb06.healthy_networks import PixelAttention
from course_utils.checks.exercises.nb06.repairs import repair_experiment

CASES = [(2, 6, 4, 5), (3, 5, 2, 7), (5, 2, 3, 3)]
HINTS = {
    "mat1 and mat2": "A linear layer wants the C channels last: (B, H*W, C).",
    "must match|is invalid": "What is added to x must be (B, C, H, W), as x is.",
}


def arguments(probe, *case):
    return (case[1],), (probe.normal(*case),)


MISTAKES = """
# way in repaired alone
- x + seen.transpose(1, 2).reshape(x.shape)
+ x + seen.reshape(x.shape)
On the way out, reshape of (B, HW, C) reads channels as pixels. Bring the channels back first:
seen.transpose(1, 2).reshape(x.shape).
# columns out
+ x + seen.transpose(1, 2).reshape(*x.shape[:2], x.shape[3], x.shape[2]).transpose(2, 3)
Tokens are listed row by row and put back column by column. Reshape to (B, C, H, W), H before W.
# height and width exchanged
+ x + seen.transpose(1, 2).reshape(x.shape).transpose(2, 3)
Height and width change places on the way out. From (B, H, W, C) it's permute(0, 3, 1, 2).
# x not added
+ seen.transpose(1, 2).reshape(x.shape)
x is lost. What the pixels take from each other is added to it: return x + ...
# way out repaired alone
- x.flatten(2).transpose(1, 2)
+ x.reshape(len(x), -1, x.shape[1])
On the way in, reshape makes a token of neighbouring pixels of one channel. Channels must move to
the end: x.flatten(2).transpose(1, 2).
# wrong axes exchanged
+ x.transpose(1, 2).reshape(len(x), -1, x.shape[1])
You exchange two axes, but a token still isn't a pixel. The channels have to become the last axis:
x.permute(0, 2, 3, 1), then reshape; on the way back permute(0, 3, 1, 2).
# columns in
+ x.transpose(2, 3).flatten(2).transpose(1, 2)
Tokens are listed column by column and put back row by row. Use flatten(2), or permute(0, 2, 3, 1).
# channels attend
- seen = F.scaled_dot_product_attention(self.q(tokens), self.k(tokens), self.v(tokens))
+ q, k, v = (layer(tokens).mT for layer in (self.q, self.k, self.v))
+ seen = F.scaled_dot_product_attention(q, k, v).mT
Here the channels attend to each other, not the pixels. Attention needs tokens of shape (B, HW, C).
# rows attend
+ q, k, v = (layer(x.movedim(1, -1)) for layer in (self.q, self.k, self.v))
+ seen = F.scaled_dot_product_attention(q, k, v).flatten(1, 2)
Your tokens have an axis for the rows, (B, H, W, C), so a pixel sees only its own row: (B, HW, C).
# scaled differently
+ seen = (self.q(tokens) @ self.k(tokens).mT).softmax(-1) @ self.v(tokens)
The scores aren't divided by the root of C exactly once. F.scaled_dot_product_attention does that.
# one layer for q, k and v
- self.q, self.k, self.v = (nn.Linear(ch, ch) for _ in range(3))
+ self.qkv = nn.Linear(ch, 3 * ch)
- self.q(tokens), self.k(tokens), self.v(tokens))
+ *self.qkv(tokens).chunk(3, dim=-1))
or
+ self.q, self.kv = nn.Linear(ch, ch), nn.Linear(ch, 2 * ch)
- self.q(tokens), self.k(tokens), self.v(tokens))
+ self.q(tokens), *self.kv(tokens).chunk(2, dim=-1))
One layer for q, k and v is common, but this check compares weights, so it can't tell whether yours
is right. Keep the three layers as they were: self.q, self.k and self.v.
# no bias
+ self.q, self.k, self.v = (nn.Linear(ch, ch, bias=False) for _ in range(3))
The three layers have lost their bias. Leave it at its default, True.
# attention changed
- self.v(tokens))
+ self.v(tokens), is_causal=True)
| tokens)
or
- seen = F.scaled_dot_product_attention(self.q(tokens), self.k(tokens), self.v(tokens))
+ q, k = self.q(tokens), self.k(tokens)
+ seen = (q @ k.mT / tokens.shape[-1] ** 0.5).softmax(1) @ self.v(tokens)
The attention differs: q, k and v are self.q, self.k and self.v of the tokens, nothing is masked,
and softmax is over the last axis, so that what each query takes adds up to 1.
"""


class PixelsByPermute(PixelAttention):
    def forward(self, x):
        B, C, H, W = x.shape
        tokens = x.permute(0, 2, 3, 1).reshape(B, H * W, C)
        seen = F.scaled_dot_product_attention(self.q(tokens), self.k(tokens), self.v(tokens))
        return x + seen.view(B, H, W, C).permute(0, 3, 1, 2)


class PixelsByEinops(PixelAttention):
    def forward(self, x):
        tokens = rearrange(x, "b c h w -> b (h w) c")
        q, k, v = self.q(tokens), self.k(tokens), self.v(tokens)
        shares = (einsum(q, k, "b i c, b j c -> b i j") / q.shape[-1] ** 0.5).softmax(-1)
        tokens = tokens + shares @ v
        return rearrange(tokens, "b (h w) c -> b c h w", h=x.shape[2])


class PixelsByConv(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(ch, ch, 1) for _ in range(3))

    def forward(self, x):
        q, k, v = (layer(x).flatten(2).mT for layer in self.layers)
        return F.scaled_dot_product_attention(q, k, v).mT.unflatten(2, x.shape[2:]) + x


class PixelsByColumns(PixelAttention):
    def forward(self, x):
        tokens = x.mT.flatten(2).mT
        seen = F.scaled_dot_product_attention(self.q(tokens), self.k(tokens), self.v(tokens))
        return x + seen.mT.reshape(*x.shape[:2], x.shape[3], x.shape[2]).mT


REFERENCE = PixelAttention
experiment = repair_experiment(arguments, CASES, HINTS)
LOOK = (
    "Are tokens[0, 0] and x[0, :, 0, 0] the same numbers, and without attention, does the map "
    "come back? If so, look at the attention: its axes, q, k and v of a layer each, and the sum."
)
ALSO_RIGHT = [PixelsByPermute, PixelsByEinops, PixelsByConv, PixelsByColumns]
