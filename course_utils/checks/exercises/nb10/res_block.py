"""10.1 The block of the published networks."""

import torch
from einops import reduce
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import ResBlock

LOOK = (
    "The main path goes: norm1, SiLU, conv1, plus time_proj(silu(temb)), norm2, SiLU, dropout, "
    "conv2. Compare it with yours, step by step."
)
LAYERS = (
    "Both norms are group_norm(channels, eps), conv1 and conv2 are 3x3 convolutions, and W is an "
    "nn.Linear(time_dim, out_ch)."
)
SUM = (
    "The time has the right effect, so the main path is right too, up to its biases. Look at what "
    "is added to it (x, or a convolution of x), and whether something happens to the sum."
)
CASES = [
    (3, 64, 64, 7, 5, 4, (), SUM),
    (3, 32, 64, 7, 5, 4, (), "This is right where in_ch equals out_ch. Look at the shortcut where "
     "they differ: it's a convolution of x."),
    (2, 64, 128, 5, 3, 6, (0.0, 1e-5, 5), "This is right with shortcut_size = 1, and not with 5."),
    (2, 96, 64, 6, 4, 3, (0.0, 0.5, 3), "This is right with the default eps. Both norms need the "
     "one that is given: group_norm(ch, eps)."),
    (3, 64, 64, 9, 2, 5, (0.3, 1e-5, 3), "This is right without dropout. There is one "
     "nn.Dropout(dropout), between the second SiLU and conv2."),
]  # fmt: skip
PASS_IT = "Pass on what is given: nn.Dropout(dropout)."
SHARED = (
    "Where in_ch equals out_ch, one of your norms or convolutions serves twice.",
    "Make norm1, conv1, norm2 and conv2 each a layer of its own.",
)
CHANNELS = (
    r"weight to be a vector|to have \d+ channels", r"", "norm1, conv1 and the shortcut get x with "
    "in_ch channels. norm2 and conv2 get h, with out_ch.",
)  # fmt: skip
HINTS = [
    CHANNELS,
    (r"Kernel size can't|dimension [23]", r"^(?!.*(temb|time))", "A convolution changes the height "
     "and width here. A kernel of size n keeps them with padding=n // 2."),
    (r"dimension [23]", r"", "The projected time is (B, K). It needs two new axes after the "
     "channels: [:, :, None, None]."),
]  # fmt: skip


def experiment(probe, ResBlock):
    # With 32 channels each is a group of its own, and norm2 takes the time out again.
    for B, in_ch, out_ch, D, H, W, more, look in CASES:
        x, temb = probe.normal(B, in_ch, H, W), probe.normal(B, D)
        with probe.advice(*HINTS, look=LAYERS):
            block = probe.build(ResBlock, in_ch, out_ch, D, *more)
        with probe.advice(*HINTS, look=look):
            p = [m.p for m in block.modules() if isinstance(m, nn.Dropout)]
            wrong = f"With dropout = 0.0 your nn.Dropout has p = {max(p, default=0.0)}."
            probe.note("dropout without need", not more and any(p), wrong, PASS_IT)
            if look == SUM:
                note_effect_of_time(probe, block, x, temb, LOOK)
            probe.train_and_eval(block, x, temb)
    enough = sum(p.numel() for p in block.parameters()) >= 74_752  # 2 norms, 2 convolutions, W
    probe.note("layers of their own", enough, *SHARED)
    probe.on_fake_device(block, x, temb)


def note_effect_of_time(probe, block, x, temb, look):
    """Write down what the time does to the output, which depends on the main path alone."""
    results = [probe.run("block(x, temb)", block, x.clone(), t) for t in (temb.clone(), -temb)]
    if all(map(torch.is_tensor, results)):
        effect = results[0].detach() - results[1].detach()
        probe.note("the effect of the time on the output", effect, look=look)


MISTAKES = """
# SiLU before the norm
- self.conv1(F.silu(self.norm1(x)))
+ self.conv1(self.norm1(F.silu(x)))
or
- h = self.conv2(self.dropout(F.silu(self.norm2(h))))
+ h = self.conv2(self.dropout(self.norm2(F.silu(h))))
or
- self.conv1(F.silu(self.norm1(x)))
+ self.conv1(self.norm1(F.silu(x)))
- self.dropout(F.silu(self.norm2(h)))
+ self.dropout(self.norm2(F.silu(h)))
SiLU comes before a norm. The order is norm, SiLU, convolution, in both halves.
# SiLU missing
+ self.conv1(self.norm1(x))
or
- h = self.conv2(self.dropout(F.silu(self.norm2(h))))
+ h = self.conv2(self.dropout(self.norm2(h)))
Between a norm and its convolution SiLU is missing. The order is norm, SiLU, convolution, twice.
# norm missing
+ h = self.conv2(self.conv1(F.silu(x)))
| h = self.conv2(self.dropout(F.silu(h)))
One of the norms isn't used. A norm and a SiLU come before each of the two convolutions.
# dropout in another place
+ h = self.conv2(F.silu(self.norm2(self.dropout(h))))
| h = self.dropout(self.conv2(F.silu(self.norm2(h))))
Your dropout is in the wrong place. There is one, after the second SiLU and right before conv2.
# dropout in eval mode
+ h = self.conv2(F.dropout(F.silu(self.norm2(h))))
- h))))
+ h)), self.dropout.p))
Your dropout stays active in eval mode. F.dropout needs training=self.training.
# time without SiLU
- h = h + self.time_proj(F.silu(temb))[:, :, None, None]
+ h = h + self.time_proj(temb)[:, :, None, None]
temb goes straight into the linear layer. Here it passes SiLU first: time_proj(silu(temb)).
# SiLU after the time's layer
+ h = h + F.silu(self.time_proj(temb))[:, :, None, None]
You apply SiLU after the time's linear layer. Apply it to temb, before it: time_proj(silu(temb)).
# time multiplied
+ h = h * self.time_proj(F.silu(temb))[:, :, None, None]
The time multiplies the features; here it is added. (Scaling works too: DiT does it.)
# no time
+
The time has no effect. Add time_proj(silu(temb)) to what conv1 returns, and pass on the sum.
# time not spread over the pixels
+ h = h + self.time_proj(F.silu(temb))
The projected time is (B, K), the features are (B, K, H, W). It needs two axes: [:, :, None, None].
# time in another place
+
- return h + self.shortcut(x)
+ return h + self.time_proj(F.silu(temb))[:, :, None, None] + self.shortcut(x)
You add the time after conv2. Add it to what conv1 returns, before norm2.
# shortcut of the normalised x
- self.shortcut(x)
+ self.shortcut(self.norm1(x))
| self.shortcut(F.silu(self.norm1(x)))
The shortcut carries x after its norm. It must carry x itself. (Do you overwrite x?)
# in_ch channels added to out_ch
+ x
You add in_ch channels to out_ch channels. The time must be projected to out_ch, and x needs its
convolution where the two differ.
# shortcut of h
+ self.shortcut(h)
or
- h = self.conv2(self.dropout(F.silu(self.norm2(h))))
- return h + self.shortcut(x)
+ return self.conv2(self.dropout(F.silu(self.norm2(h)))) + self.shortcut(h)
What you add at the end is made from h. It must be made from x, the input. (Do you overwrite x?)
# no shortcut
- return h + self.shortcut(x)
+ return h
The shortcut is missing. The block returns h + shortcut(x).
# sum changed
+ return F.silu(h + self.shortcut(x))
You change the sum, by an activation or a factor. Return h + shortcut(x) as it is.
# added to x in place
+ out = self.shortcut(x)
+ out += h
+ return out
nn.Identity returns x itself, so += writes into the x of whoever called. Write h + shortcut(x).
# shortcut always a convolution
- if in_ch != out_ch
+ if True
Your shortcut has a convolution even where in_ch equals out_ch. There it's x itself: nn.Identity().
# shortcut_size ignored
- self.shortcut = nn.Conv2d(in_ch, out_ch, shortcut_size, padding=shortcut_size // 2)
+ self.shortcut = nn.Conv2d(in_ch, out_ch, 1)
shortcut_size has no effect. It's the kernel size of the shortcut's convolution.
# norm for the wrong channels
- group_norm(in_ch, eps)
+ group_norm(out_ch, eps)
A norm has as many channels as its input: in_ch for norm1, which gets x, and out_ch for norm2.
# norms after the convolutions
+ group_norm(out_ch, eps)
- self.conv1(F.silu(self.norm1(x)))
+ F.silu(self.norm1(self.conv1(x)))
- self.conv2(self.dropout(F.silu(self.norm2(h))))
+ self.dropout(F.silu(self.norm2(self.conv2(h))))
Your norms come after the convolutions, as in ConvBlock. Here the order is norm, SiLU, convolution,
so norm1 has in_ch channels.
# dropout ignored
- nn.Dropout(dropout)
+ nn.Identity()
dropout has no effect in training. nn.Dropout(dropout) comes right before conv2.
# dropout of channels
+ nn.Dropout2d(dropout)
nn.Dropout2d sets whole channels to zero. nn.Dropout picks single numbers.
# another activation
- def forward(self, x, temb):
+ def forward(self, x, temb, F=type("F", (), {"silu": F.relu})):
Your activation isn't SiLU but another one. Use F.silu or nn.SiLU(), for the time as well.
# another number of groups
- self.norm1 = group_norm(in_ch, eps)
+ self.norm1 = nn.GroupNorm(8, in_ch, eps)
- self.norm2 = group_norm(out_ch, eps)
+ self.norm2 = nn.GroupNorm(8, out_ch, eps)
Your norms don't have 32 groups. Use group_norm(ch, eps), or nn.GroupNorm(32, ch, eps).
# BatchNorm
+ self.norm1 = nn.BatchNorm2d(in_ch, eps)
- self.norm2 = group_norm(out_ch, eps)
+ self.norm2 = nn.BatchNorm2d(out_ch, eps)
With BatchNorm a picture's result depends on its batch. Use GroupNorm here: group_norm(ch, eps).
# eps ignored
+ self.norm1 = group_norm(in_ch)
- self.norm2 = group_norm(out_ch, eps)
+ self.norm2 = group_norm(out_ch)
or
- self.norm2 = group_norm(out_ch, eps)
+ self.norm2 = group_norm(out_ch)
eps doesn't reach both norms. Pass it to each: group_norm(ch, eps).
# no bias
- self.conv1 = nn.Conv2d(in_ch, out_ch, 3, padding=1)
+ self.conv1 = nn.Conv2d(in_ch, out_ch, 3, padding=1, bias=False)
- self.conv2 = nn.Conv2d(out_ch, out_ch, 3, padding=1)
+ self.conv2 = nn.Conv2d(out_ch, out_ch, 3, padding=1, bias=False)
or
+ self.conv1 = nn.Conv2d(in_ch, out_ch, 3, padding=1, bias=False)
or
- self.shortcut = nn.Conv2d(in_ch, out_ch, shortcut_size, padding=shortcut_size // 2)
+ self.shortcut = nn.Conv2d(in_ch, out_ch, shortcut_size, padding=shortcut_size // 2, bias=False)
or
- self.norm1 = group_norm(in_ch, eps)
+ self.norm1 = nn.GroupNorm(32, in_ch, eps, affine=False)
- self.norm2 = group_norm(out_ch, eps)
+ self.norm2 = nn.GroupNorm(32, out_ch, eps, affine=False)
Biases are missing, or the scale and shift of the norms. Leave out bias=False and affine=False.
"""


class Half(nn.Sequential):
    def __init__(self, in_ch, out_ch, eps, dropout=0.0):
        conv = nn.Conv2d(in_ch, out_ch, 3, padding="same")
        super().__init__(nn.GroupNorm(32, in_ch, eps), nn.SiLU(), nn.Dropout(dropout), conv)


class BlockOfHalves(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim, dropout=0.0, eps=1e-5, shortcut_size=1):
        super().__init__()
        self.half2, self.half1 = Half(out_ch, out_ch, eps, dropout), Half(in_ch, out_ch, eps)
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(time_dim, out_ch))
        self.past = nn.Sequential()
        if out_ch != in_ch:
            self.past.append(nn.Conv2d(in_ch, out_ch, shortcut_size, padding="same"))

    def forward(self, x, temb):
        h = self.half1(x)
        h += self.mlp(temb).unflatten(1, (-1, 1, 1))
        return self.half2(h).add(self.past(x))


class BlockByEinops(ResBlock):
    def forward(self, x, temb):
        time = reduce(self.time_proj(F.silu(temb)), "b c -> b c 1 1", "sum")
        h = time + self.conv1(F.silu(self.norm1(x)))
        return sum([self.shortcut(x), self.conv2(self.dropout(F.silu(self.norm2(h))))])


class BlockWithFunctions(ResBlock):
    def forward(self, x, temb):
        h, time = x, self.time_proj(temb * temb.sigmoid())[..., None, None]
        for norm, conv, p in (
            (self.norm1, self.conv1, 0.0),
            (self.norm2, self.conv2, self.dropout.p),
        ):
            h = F.group_norm(h, 32, norm.weight, norm.bias, norm.eps)
            h = F.dropout(h * h.sigmoid(), p, self.training)
            h, time = F.conv2d(h, conv.weight, conv.bias, padding=1) + time, 0
        return h + self.shortcut(x)


class BlockInPlace(ResBlock):
    def forward(self, x, temb):
        around = self.shortcut(x)
        x = self.conv1(F.silu(self.norm1(x), inplace=True))
        x += self.time_proj(F.silu(temb)).view(*x.shape[:2], 1, 1)
        return self.conv2(self.dropout(F.silu(self.norm2(x), inplace=True))).add_(around)


REFERENCE = ResBlock
ALSO_RIGHT = [BlockOfHalves, BlockByEinops, BlockWithFunctions, BlockInPlace]
