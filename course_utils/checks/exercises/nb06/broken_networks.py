"""The broken networks of notebook 06: each is a healthy one with one edit.

A stub in the notebook is a broken network's source, to the letter; the builder compares them.
`PATIENTS["UpStep"]` is the edit, `UpStep` the class.
"""

from course_utils.checks.exercises.nb06 import healthy_networks
from course_utils.checks.parts import edits

FAULTS = """
== TutorialDecoder
# made for the channels of the level below
- ConvBlock(2 * chs[i - 1], chs[i - 1], time_dim)
+ ConvBlock(2 * chs[i], chs[i - 1], time_dim)
The block is made for twice the channels of the level below, but cat joins two maps that have the
channels of the block's own level.
== TokenMixer
# attention in nn.Sequential
- self.norm = nn.LayerNorm(ch)
- self.attention = nn.MultiheadAttention(ch, heads, batch_first=True)
- self.mix = nn.Linear(ch, ch)
+ self.layers = nn.Sequential(
+     nn.LayerNorm(ch),
+     nn.MultiheadAttention(ch, heads, batch_first=True),
+     nn.Linear(ch, ch),
+ )
- h = self.norm(tokens)
- h, weights = self.attention(h, h, h)
- return tokens + self.mix(h)
+ return tokens + self.layers(tokens)
nn.Sequential hands one tensor from layer to layer, but nn.MultiheadAttention takes three and
returns two.
== UpStep
# skip never used
- x = torch.cat([self.up(x), skip], dim=1)
+ x = self.up(x)
The skip is never used, so half of the channels that the block is made for are missing.
== TimedConv
# time on the wrong axis
- self.time_proj(temb)[:, :, None, None]
+ self.time_proj(temb)
The projected time is (B, K). PyTorch lines shapes up from the right, so its channels meet the
columns of the map.
== PoolUNet
# pools by 3
- nn.MaxPool2d(2)
+ nn.MaxPool2d(3)
The pool divides the sides by 3, and the transposed convolution multiplies them by 2.
== AnySize
# sizes taken as they come
- H, W = x.shape[2:]
- padded = F.pad(x, (0, -W % self.step, 0, -H % self.step), mode="replicate")
- return self.net(padded, t)[:, :, :H, :W]
+ return self.net(x, t)
Nothing is padded, so sides that 2^halvings doesn't divide lose rows or columns on the way down.
== NormedConv
# always 32 groups
- groups = max(g for g in range(1, 33) if out_ch % g == 0)
- self.conv = nn.Conv2d(in_ch, out_ch, 3, padding=1)
- self.norm = nn.GroupNorm(groups, out_ch)
+ self.conv = nn.Conv2d(in_ch, out_ch, 3, padding=1)
+ self.norm = nn.GroupNorm(32, out_ch)
32 groups need a number of channels that 32 divides.
== PictureCode
# BatchNorm
- nn.LayerNorm(in_ch)
+ nn.BatchNorm1d(in_ch)
BatchNorm mixes the pictures of a batch, and can't train on a batch of one.
== StepMLP
# t as it comes
- t[:, None] / self.T
+ t
t goes in as integers of shape (B,). A linear layer needs floats, and its inputs on the last axis.
== noisy_batch
# one step for all
- (len(x0),)
+ (1,)
One step is drawn for the whole batch, in place of one for each picture.
== FlatUNet
# skips in the wrong order
- reversed(skips)
+ skips
The skips are joined first to last, so each level gets the skip of another level.
== PixelAttention
# channels cut up in place of moved
- tokens = x.flatten(2).transpose(1, 2)
+ B, C, H, W = x.shape
+ tokens = x.reshape(B, H * W, C)
- seen.transpose(1, 2).reshape(x.shape)
+ seen.reshape(B, C, H, W)
reshape keeps the numbers in their order in memory, so a token is a run of pixels of one channel
rather than all the channels of one pixel.
== LateLayers
# layers that nobody finds
- self.convs = nn.ModuleList(nn.Conv2d(i, out_ch, 3, padding=1) for i in ins)
- self.shortcut = nn.Conv2d(in_ch, out_ch, 1)
+ self.convs = [nn.Conv2d(i, out_ch, 3, padding=1) for i in ins]
- self.shortcut(x)
+ nn.Conv2d(x.shape[1], h.shape[1], 1)(x)
PyTorch doesn't find layers in a plain list, and a layer made in forward is a new one in each call.
"""
PATIENTS = {}
for fault in FAULTS.split("\n== ")[1:]:
    name, edit = fault.split("\n", 1)
    (PATIENTS[name],) = edits(getattr(healthy_networks, name), edit)
    globals()[name] = PATIENTS[name].attempt
    globals()[name].__module__ = __name__
