# %% [markdown]
# # 04 The decoder: back up the right side of the U
#
# {{badge}}
#
# In this notebook you will
#
# - build the layer that makes a picture larger, first by hand, and see where its checkerboard comes
#   from;
# - cut the skips of a small network, and find out what they are needed for;
# - count the channels of a concatenation, and repair a published network that counted them wrong;
# - build `Decoder`, the right side of your U-Net.
#
# It has five exercises, one of them optional, and takes about 65 minutes.

# %%
# setup

# %%
import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from course_utils import decoder as finished
from course_utils import portfolio
from course_utils.checks import check
from course_utils.data import load
from course_utils.plots import draw_maps, draw_u, number_maps, receptive_maps, strip
from course_utils.unet import UNet
from course_utils.widgets import overlap_explorer

# %% [markdown]
# The next cell fetches your parts from `my_unet.py`, and the course's where you have none yet.

# %% tags=["nbval-ignore-output"]
mine = portfolio.load()
ConvBlock, Encoder, TimeEmbedding = mine.ConvBlock, mine.Encoder, mine.TimeEmbedding

# %% [markdown]
# This is where we are in the U. The encoder has shrunk the picture and multiplied its channels. The
# decoder goes back up. At each level it doubles height and width, joins the skip of that level, and
# sends both through a block. At the end there is one number for each pixel again.

# %%
# alt: The U-Net as a diagram. Its right side, the decoder, is coloured, and the rest is pale.
draw_u(highlight="decoder")
plt.show()

# %% [markdown]
# ## 1. How can a picture get larger?
#
# `downsample` reads a square of 2 x 2 pixels, multiplies each by a weight, and adds up: four
# numbers become one. On the way back, one number must become four. The simplest way is to run that
# step backwards: **each input pixel paints a square of the output.** It takes the kernel, a small
# square of weights, multiplies it by its own value, and adds the result to the output. Its
# neighbour does the same, a few pixels further on. That distance is the *stride*.
#
# This is a *transposed convolution*. We do it by hand first, for one picture with one channel.
#
# ### Exercise 4.1: a transposed convolution, painted by hand
# difficulty 2 of 5, about 12 minutes
#
# Start with an output full of zeros. For each input pixel (i, j), add `x[i, j] * kernel` to the
# square of k x k pixels whose upper left corner is at row i * stride, column j * stride:
#
# $$\mathrm{out}_{\,i s + u,\; j s + v} \mathrel{+}= x_{ij}\; \mathrm{kernel}_{uv}, \qquad u, v = 0, \dots, k - 1$$
#
# | | shape |
# |---|---|
# | `x` | `(H, W)` |
# | `kernel` | `(k, k)` |
# | `stride` | s, an int; it may be smaller than k, equal to it, or larger |
# | returns | `((H - 1) * stride + k, (W - 1) * stride + k)` |
#
# The height of the output follows from the last row of squares: it begins at row (H - 1) * stride
# and has k rows. (`F.conv_transpose2d` would pass the check, but by hand you see what it does.)

# %%
def paint(x, kernel, stride):
    """Return the transposed convolution of one channel: every input pixel paints the kernel.

    (H, W), (k, k) -> ((H - 1) * stride + k, (W - 1) * stride + k)

    Pixel (i, j) adds x[i, j] * kernel to the k x k patch whose upper left corner is at
    (i * stride, j * stride). Where patches overlap, they add up.
    """
    raise NotImplementedError("exercise 4.1")

# %%
paint = check("4.1", paint)

# %% [markdown]
# <details><summary>Hint 1: two loops</summary>
#
# `H, W = x.shape` and `k = len(kernel)`. Make the output with `torch.zeros(rows, columns)`, then
# go through all i and all j. Two loops are slow for large pictures, and fine here.
# </details>
#
# <details><summary>Hint 2: one patch</summary>
#
# `out[top : top + k, left : left + k]` is a k x k part of the output, and `+=` adds to it in
# place.
# </details>
#
# <details><summary>My check says that the patches stand one pixel apart</summary>
#
# Pixel (i, j) of the input does not paint at row i and column j of the output. Both numbers are
# multiplied by the stride first.
# </details>

# %%
# solution 4.1

# %% [markdown]
# PyTorch does the same for many pictures and channels at once. Its tensors have four axes, so we
# add two of size 1 with `None`, and take them away again with `[0, 0]`. The name comes from the
# backward pass: a convolution is a matrix product, and its backward pass multiplies by the
# *transpose* of that matrix. So if we ask autograd for that gradient, the same numbers should come
# out a third time:

# %%
x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
kernel = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
theirs = F.conv_transpose2d(x[None, None], kernel[None, None], stride=2)[0, 0]
print(paint(x, kernel, 2))
print("the same as PyTorch's:", torch.allclose(paint(x, kernel, 2), theirs))

large = torch.zeros(1, 1, 5, 5, requires_grad=True)
small = F.conv2d(large, kernel[None, None], stride=2)
back = torch.autograd.grad(small, large, x[None, None])[0][0, 0]
print("the same as a convolution's backward pass:", torch.allclose(paint(x, kernel, 2), back))

# %% [markdown]
# ## 2. Where does the checkerboard come from?
#
# Take a picture in which every pixel is 1, and a kernel of 3 x 3 in which every weight is 1. Then
# the output counts how often each of its pixels is painted. **The stride is 2. Will all pixels be
# painted equally often? Which are painted most?**

# %%
# alt: Two maps of numbers, painted with ones. With kernel 3 and stride 2 there are rows and
#   columns of 2 between the ones, and 4 where they cross: a checkerboard. With kernel 2 and stride
#   2 every number is 1.
ones = torch.ones(6, 6)
number_maps([paint(ones, torch.ones(3, 3), 2), paint(ones, torch.ones(2, 2), 2)],
            ["kernel 3, stride 2", "kernel 2, stride 2"], size=4)
plt.show()

# %% [markdown]
# With a kernel of 3, the squares are one pixel wider than the step, so neighbours overlap by one
# row or column, and where four squares meet, a pixel is painted four times. A plain grey picture
# becomes a *checkerboard*: a pattern that repeats every 2 pixels. With a kernel of 2 the squares
# lie edge to edge.
#
# Your `paint` draws the next picture. **For which kernels and strides is every pixel away from the
# border painted equally often? Find the rule. And what happens when the stride is larger than the
# kernel?**

# %% tags=["nbval-ignore-output"]
# alt: Eight maps of how often each pixel is painted, for kernels 2, 3, 4 and 6 with strides 2 and
#   3. Away from the border they are even where the kernel is a multiple of the stride. Kernel 3
#   with stride 2 gives a checkerboard of 1, 2 and 4, and kernel 2 with stride 3 leaves lines of
#   zeros.
overlap_explorer(paint)

# %% [markdown]
# The overlap is even when the kernel's size is a multiple of the stride: 2 or 4 with stride 2, 3
# or 6 with stride 3. When the stride is larger, some pixels are never painted at all.
#
# In a network the weights are not all 1; they are learned. **Could a 3x3 kernel with stride 2
# paint an even picture if its weights were well chosen?** A pixel that is painted four times would
# need a quarter from each, one that is painted twice a half from each:

# %%
tent = torch.tensor([0.5, 1.0, 0.5])
print(tent[:, None] * tent)
print(paint(torch.ones(3, 3), tent[:, None] * tent, 2))

# %% [markdown]
# It could, except at the border. So an uneven overlap doesn't force a checkerboard. But a network
# starts with random weights, and would first have to learn to balance them. That is a good reason
# for an even overlap. The tutorial whose network we rebuild takes a kernel of 2 with a stride of
# 2.
#
# ### Exercise 4.2: the layer that doubles
# difficulty 1 of 5, about 4 minutes
#
# `nn.ConvTranspose2d` is the transposed convolution with weights, for many channels: each pair of
# an input and an output channel has a kernel of its own. Write a function that returns such a
# layer.
#
# | | shape |
# |---|---|
# | `in_ch`, `out_ch` | C and K, the channels that come in and go out |
# | kernel and stride | 2 and 2 |
# | all else | as it is by default: no padding, and a bias |
# | returns | a module that takes `(B, C, H, W)` and returns `(B, K, 2H, 2W)` |

# %%
def upsample(in_ch, out_ch):
    """Return the layer that doubles height and width: a 2x2 transposed convolution with stride 2.

    () -> module of (B, C, H, W) -> (B, K, 2H, 2W)

    C is in_ch, K is out_ch.
    """
    raise NotImplementedError("exercise 4.2")

# %%
upsample = check("4.2", upsample)

# %% [markdown]
# <details><summary>Hint 1: what it wants to know</summary>
#
# Like `nn.Conv2d`: the channels that come in, the channels that go out, `kernel_size` and `stride`.
# </details>

# %%
# solution 4.2

# %%
up = upsample(64, 32)
print("out:    ", tuple(up(torch.zeros(1, 64, 4, 4)).shape))
print("weights:", tuple(max(up.parameters(), key=torch.numel).shape))

# %% [markdown]
# Note the order: in a transposed convolution, the input's channels come first in the weights.
#
# The overlap is even now. **Is that the end of the pattern? What will an untrained `upsample`,
# with its random weights, make of a picture in which every pixel is 1?**

# %%
# alt: What two layers make of a picture that is 1 everywhere. Kernel 3, stride 2: numbers from
#   -0.22 to 0.53 in a checkerboard, and other ones at the rim. upsample: four numbers, which
#   repeat in every square of 2 x 2.
torch.manual_seed(0)
layers = {"kernel 3, stride 2": nn.ConvTranspose2d(1, 1, 3, stride=2),
          "upsample": upsample(1, 1)}
flat = torch.ones(1, 1, 4, 4)
number_maps([layer(flat)[0, 0].round(decimals=2) for layer in layers.values()], list(layers),
            size=4)
plt.show()

# %% [markdown]
# There is still a pattern. The four weights differ, so every square of 2 x 2 has four different
# numbers, and it is the same square everywhere. What the even overlap buys is that balance is
# easy: four equal weights, and the pattern is gone. The blocks that follow can smooth it too, and
# the network of notebook 00 drew its digits with this layer. But there is a layer that cannot make
# such a pattern out of a flat picture, whatever its weights.
#
# ### Exercise 4.3 (optional): repeat, then convolve
# difficulty 2 of 5, about 6 minutes
#
# Repeat every pixel, so that it becomes a square of 2 x 2 equal pixels. This is called *nearest*,
# because each new pixel takes the value of the nearest old one. Then smooth the squares, and change
# the number of channels, with an ordinary 3x3 convolution.
#
# | | shape |
# |---|---|
# | `x` | `(B, C, H, W)` |
# | after repeating | `(B, C, 2H, 2W)` |
# | after the 3x3 convolution, padded by 1 with zeros | `(B, K, 2H, 2W)` |

# %%
class NearestUpsample(nn.Module):
    """Double height and width: repeat every pixel, then a 3x3 convolution.

    (B, C, H, W) -> (B, K, 2H, 2W)

    Source: "Deconvolution and Checkerboard Artifacts" (Distill, 2016).
    """

    def __init__(self, in_ch, out_ch):
        super().__init__()
        raise NotImplementedError("exercise 4.3")

    def forward(self, x):
        raise NotImplementedError("exercise 4.3")

# %%
NearestUpsample = check("4.3", NearestUpsample)

# %% [markdown]
# <details><summary>Hint 1: repeating</summary>
#
# `F.interpolate(x, scale_factor=2, mode="nearest")` repeats every pixel.
# </details>
#
# <details><summary>My check says that the whole picture is repeated</summary>
#
# `x.repeat(1, 1, 2, 2)` lays four copies of the picture side by side, as tiles. Every pixel must
# be repeated where it stands.
# </details>

# %%
# solution 4.3

# %% [markdown]
# Now all three, on the picture of ones. The convolution pads its border with zeros, so we leave
# out two pixels at each side, and print the largest difference between any two that remain. Beside
# it stands the price: **how many weights does each layer have for a pair of channels, and how many
# of them does each pixel of the output meet?**

# %%
torch.manual_seed(0)
layers["NearestUpsample"] = NearestUpsample(1, 1)
flat = torch.ones(1, 1, 8, 8)
for name, layer in layers.items():
    with FlopCounterMode(display=False) as counter:
        out = layer(flat)
    inside = out[0, 0, 2:-2, 2:-2]
    weights = max(p.numel() for p in layer.parameters())
    met = counter.get_total_flops() / 2 / out.numel()  # it counts additions too
    print(f"{name:18} pattern {(inside.max() - inside.min()).item():.2f}, {weights} weights, "
          f"each output pixel meets {met:.1f}")

# %% [markdown]
# Away from the border, a flat picture stays flat under `NearestUpsample`. The price: each output
# pixel meets all nine weights; in `upsample` it lies in one square and meets one of four. Both
# layers are in use: the tutorial takes transposed convolutions, and the networks of notebook 10
# repeat and convolve.
#
# ## 3. What are the skips needed for?
#
# We can double now. So why not go down, come up, and be done? Let's try it with a small U-Net of
# the course: three halvings, 8 channels at every level. We need a switch: `keep` is multiplied
# with every skip. With `keep = 1` they pass; with `keep = 0` they are cut, and the decoder gets
# zeros. Everything else is the same, even the number of weights. (t is 0 for all pictures and
# plays no part.)

# %%
images, _ = load("digits", "train")
test, _ = load("digits", "test")


def through(net, x, keep):
    """Send pictures through a U-Net whose skips are multiplied by keep.  (B, C, H, W) -> same"""
    temb = net.time(torch.zeros(len(x)))
    bottom, skips = net.encoder(x, temb)
    return net.decoder(bottom, [keep * skip for skip in skips], temb)

# %% [markdown]
# Everything without skips has to pass through the bottleneck. How narrow is it?

# %%
net = UNet(base_ch=8, ch_mult=(1, 1, 1, 1), time_dim=8)
bottom, skips = net.encoder(test[:1], torch.zeros(1, 8))
print("picture:", test[0].numel(), "numbers; bottom:", bottom[0].numel(), "numbers")
for i, skip in enumerate(skips):
    print(f"skip {i}: {skip[0].numel()} numbers, {tuple(skip.shape)}")

# %% [markdown]
# First task: give back the picture that came in. Without skips, this network is an *autoencoder*.
# `fit` trains one for 80 steps. `task` makes an input, and the answer that is wanted, from a batch
# of pictures. **What will the digits look like that had to pass through 32 numbers?**

# %%
def fit(task, keep, steps=80):
    """Train a small U-Net, with its skips (keep = 1) or without them (keep = 0)."""
    torch.manual_seed(0)
    net = UNet(base_ch=8, ch_mult=(1, 1, 1, 1), time_dim=8)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(steps):
        x, answer = task(images[torch.randint(len(images), (32,))])
        loss = (through(net, x, keep) - answer).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net.eval()

# %%
@torch.no_grad()
def examine(task, nets):
    """Return what each network answers about the test pictures, and its mean squared error."""
    torch.manual_seed(1)
    x, answer = task(test)
    answers = {keep: through(net, x, keep) for keep, net in nets.items()}
    errors = {keep: (a - answer).square().mean().item() for keep, a in answers.items()}
    return x, answer, answers, errors

# %% tags=["nbval-ignore-output"]
# alt: Ten digits in three rows. The answers of the network without skips are blurred copies of the
#   input. Those with skips look like the input.
def same(x0):
    return x0, x0


x, answer, answers, copied = examine(same, {keep: fit(same, keep) for keep in (0, 1)})
print(f"error without skips: {copied[0]:.4f}, with skips: {copied[1]:.4f}")
strip([x[:10], answers[0][:10], answers[1][:10]], labels=["input", "no skips", "skips"])
plt.show()

# %% [markdown]
# Without skips you can tell most of the digits, but they are blurred. With skips the picture comes
# back sharp. That is no great feat, though. Skip 0 has the size of the picture, so the network
# only had to pass it on. Copying is easy. Do the skips help with what a U-Net is for?
#
# So we give it that work. We mix noise into the pictures, `xt = 0.8 * x0 + 0.6 * eps`, and ask for
# the noise, as in a diffusion model. Notebook 00 told you that asking for the noise and asking for
# the picture come to the same, since either gives the other. So we train four networks: without
# and with skips, asked for `eps` and asked for `x0`. From a predicted x0 we compute the noise,
# `(xt - 0.8 * x0) / 0.6`, so that all four errors are errors of eps. For comparison we take the
# simplest predictor again, the best number c of notebook 01. **Which of the five will be worst?**

# %% tags=["nbval-ignore-output"]
def for_eps(x0):
    eps = torch.randn_like(x0)
    return 0.8 * x0 + 0.6 * eps, eps


def for_x0(x0):
    return for_eps(x0)[0], x0


xt, eps, answers, errors = examine(for_eps, {keep: fit(for_eps, keep) for keep in (0, 1)})
_, _, clean, _ = examine(for_x0, {keep: fit(for_x0, keep) for keep in (0, 1)})
by_x0 = {keep: ((xt - 0.8 * x0) / 0.6 - eps).square().mean().item() for keep, x0 in clean.items()}
c = (xt * eps).mean() / (xt * xt).mean()
print("                asked for eps   asked for x0")
for name, keep in [("without skips", 0), ("with skips", 1)]:
    print(f"{name:16}{errors[keep]:13.2f}{by_x0[keep]:15.2f}")
print(f"{'one number c':16}{(c * xt - eps).square().mean():13.2f}")

# %% tags=["trained"]
print("without skips, asked for eps, worse than one number:",
      errors[0] > (c * xt - eps).square().mean().item())
print("without skips, asked for x0, at least 3 times better:", 3 * by_x0[0] < errors[0])
print("with skips, the two errors are alike, to within a third:",
      abs(errors[1] - by_x0[1]) < errors[1] / 3)

# %% [markdown]
# Now look at the pictures: what each network leaves when its noise is taken out of `xt`, or what it
# predicts as x0.

# %% tags=["nbval-ignore-output"]
# alt: Ten digits in six rows: clean, noisy, and cleaned by four networks. Without skips and asked
#   for eps they are as noisy as before. Asked for x0 without skips they are readable and blurred.
#   With skips they are readable, whatever was asked for.
cleaned = {keep: (xt - 0.6 * answers[keep]) / 0.8 for keep in (0, 1)}
strip([x[:10] for x in (test, xt, cleaned[0], clean[0], cleaned[1], clean[1])],
      labels=["clean", "noisy", "no skips,\neps", "no skips,\nx0", "skips,\neps", "skips,\nx0"])
plt.show()

# %% [markdown]
# Without skips, the network that was asked for the noise has learned nothing: an error of 1 is what
# the answer 0 costs, and even a single number does better. The network that was asked for the
# picture, with the same 32 numbers in its bottleneck, is four times better than the single number.
# Digits are alike in many ways, so a few numbers say a lot about one of them, and whatever else is
# in xt must be noise. (Ours use only 61 dimensions.) But the noise itself is 256 independent
# pixels, and 32 numbers can hold only about an eighth of it.
#
# So the bottleneck doesn't keep a network from denoising. It keeps it from *copying the noise out*,
# pixel by pixel, and that is what a network that predicts eps has to do. With skips, both questions
# come to the same here, and the pictures are sharper too.
#
# None of this says that the bottom is idle. It sees farthest, as notebook 03 measured. The skips
# bring *where*, and we expect the bottom to bring *what*; in notebook 05 you will take either away
# from your trained network and see. How are the two put together?
#
# ## 4. How does the skip get in?
#
# There are two common ways. *Add* the skip to what comes from below: both must have the same
# channels, and the result has as many. Or *concatenate*: put the channels of one after those of the
# other. Then the next convolution has weights of its own for each of them, and can learn what to
# take from where. Most U-Nets concatenate, and so do we, in this order: first what comes from
# below, then the skip.

# %%
h, skip = torch.zeros(5, 3, 8, 8), torch.ones(5, 4, 8, 8)
print("joined:", tuple(torch.cat([h, skip], dim=1).shape))

# %% [markdown]
# The channels add up, and the block that follows must be built for the sum. Here is one step up,
# with the channels of the tutorial's network, `chs = [64, 128, 256, 512]`. We name a step by the
# level that it goes up **to**. This is the one to level i = 2:
#
# | | channels | in terms of `chs` |
# |---|---|---|
# | from level i + 1 below | 512 | `chs[i + 1]` |
# | after `upsample` | 256 | `chs[i]` |
# | the skip of level i | 256 | `chs[i]` |
# | joined | ? | ? |
# | after the block | 256 | `chs[i]` |
#
# **What belongs in place of the question marks?** The tutorial whose network we rebuild used, in
# effect, `2 * chs[i + 1]`, and crashes as published. Let's run that step:

# %%
chs, i = [64, 128, 256, 512], 2
x, skip, temb = torch.randn(2, 512, 2, 2), torch.randn(2, 256, 4, 4), torch.randn(2, 32)
up = upsample(chs[i + 1], chs[i])
block = ConvBlock(2 * chs[i + 1], chs[i], time_dim=32)
joined = torch.cat([up(x), skip], dim=1)
try:
    block(joined, temb)
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# Read such a message from its end. *Got 512 channels*: that is what came. *To have 1024 channels*:
# that is what the layer was built for, and 1024 is the second number of its *weight of size*. So
# the tensor has half of what the layer wants. **Which of the two is wrong, the tensor or the
# layer?**
#
# The tensor is as it should be, 256 + 256. The layer was built for twice the channels of the level
# below, but `upsample` has already brought them down to `chs[i]`. The index is off by one:

# %%
block = ConvBlock(2 * chs[i], chs[i], time_dim=32)
print("the block returns", tuple(block(joined, temb).shape))

# %% [markdown]
# This error is easy to make and easy to hide. Where every level has twice the channels of the one
# above, `chs[i + 1]` equals `2 * chs[i]`, and a block built for `chs[i + 1]` works. Then somebody
# chooses other channels, and it stops working.
#
# ### Exercise 4.4: the channels of the decoder
# difficulty 2 of 5, about 10 minutes
#
# Write down the channels of all layers of the decoder, for any list `chs`. A pair `(in, out)`
# stands for a layer. Begin with the layers of the lowest step, as the data meets them.
#
# | | |
# |---|---|
# | `chs` | a list of n + 1 ints, top to bottom; the last is the bottom's |
# | returns | two lists: the n pairs of the up-layers, and the n pairs of the blocks |
#
# Leave `chs` as it is: the encoder uses the same list.

# %%
def decoder_channels(chs):
    """Return the (in, out) channels of the up-layers, and of the blocks, in the order going up.

    () -> n pairs, n pairs

    chs lists the channels of the levels, top to bottom: n + 1 numbers. An up-layer takes the
    channels of the level below and gives those of its own level. A block takes what the
    concatenation gives, and returns the channels of its level.
    """
    raise NotImplementedError("exercise 4.4")

# %%
decoder_channels = check("4.4", decoder_channels)

# %% [markdown]
# <details><summary>Hint 1: going up</summary>
#
# `list(reversed(chs))` begins with the bottom and leaves `chs` as it is.
# </details>
#
# <details><summary>Hint 2: neighbours</summary>
#
# For a list `upward`, `zip(upward, upward[1:])` gives every number with the one after it: the
# channels of the level below with those of the level itself.
# </details>
#
# <details><summary>My check says: twice the channels of the level below</summary>
#
# Count with numbers that do not double: `chs = [4, 9]`. The up-layer makes 4 channels of 9, the
# skip has 4. Together that is 8, and not 18.
# </details>

# %%
# solution 4.4

# %%
ups, blocks = decoder_channels([64, 128, 256, 512])
for (below, ch), (wide, out) in zip(ups, blocks):
    print(f"up {below} -> {ch}, with the skip {ch} + {ch} = {wide}, block {wide} -> {out}")

# %% [markdown]
# ## 5. The whole right side
#
# Now put it together. With `chs = [32, 64, 128]` and pictures of 16 x 16, the data goes this way:
#
# | step | what comes in | what comes out |
# |---|---|---|
# | `upsample` | `(B, 128, 4, 4)` | `(B, 64, 8, 8)` |
# | join skip 1, `(B, 64, 8, 8)` | | `(B, 128, 8, 8)` |
# | `ConvBlock`, with `temb` | | `(B, 64, 8, 8)` |
# | `upsample` | | `(B, 32, 16, 16)` |
# | join skip 0, `(B, 32, 16, 16)` | | `(B, 64, 16, 16)` |
# | `ConvBlock`, with `temb` | | `(B, 32, 16, 16)` |
# | 1x1 convolution | | `(B, C, 16, 16)` |
#
# Here is one level of it, of the course's decoder with random weights. The bottom and the skip are
# those of an encoder that was given a digit. (`upsample` leaves a checkerboard, as you saw; it has
# learned nothing yet.)

# %%
# alt: One level of the decoder as a diagram. The bottom, 16 x 8 x 8, goes up through a
#   ConvTranspose2d to 8 x 16 x 16 and is concatenated with the skip, 8 x 16 x 16, which comes from
#   the left: 16 x 16 x 16. A ConvBlock, which takes temb, makes 8 x 16 x 16 of it, and a Conv2d
#   the output, 1 x 16 x 16. The skip's channels show a digit; those that were upsampled are coarse
#   and chequered.
torch.manual_seed(0)
temb = TimeEmbedding(16)(torch.tensor([300])).detach()
bottom, skips = Encoder(1, [8, 16], 16).eval()(images[:1], temb)
draw_maps(finished.Decoder([8, 16], 1, 16).eval(), bottom, skips, temb, ends=("bottom", "output"),
          title="One level of the decoder, and the last layer")
plt.show()

# %% [markdown]
# The encoder's last skip is the decoder's first: last in, first out, like a stack. Go through the
# list from its end, but leave the list itself as it is, because whoever calls the decoder may need
# it again. The last layer is a convolution without an activation, because the noise that we want to
# predict can be any number, positive or negative.
#
# ### Exercise 4.5: the decoder
# difficulty 3 of 5, about 20 minutes
#
# Use `upsample` and `ConvBlock(in_ch, out_ch, time_dim)`, and the channels that you have just
# counted.
#
# | | |
# |---|---|
# | `chs` | the encoder's list of n + 1 channels, top to bottom |
# | `out_ch` | C, the channels of the picture that comes out |
# | `x` | the bottom, `(B, chs[n], H/2^n, W/2^n)` |
# | `skips` | a list of n tensors, top to bottom; skip i is `(B, chs[i], H/2^i, W/2^i)` |
# | `temb` | `(B, D)`; each block gets it |
# | returns | `(B, C, H, W)` |
#
# The reference raises a ValueError when there are too many or too few skips, as its docstring says.
# Yours may leave that out: the check doesn't look at it.

# %%
class Decoder(nn.Module):
    """Go up the U: double, join the skip of that level, convolve.

    (B, K, H/2^n, W/2^n), n skips, (B, D) -> (B, C, H, W)

    chs is the encoder's list. Going up to level i, upsample gives chs[i] channels and the skip
    has chs[i], so the block takes 2 * chs[i]. Raises ValueError when the skips are too many or
    too few. Source: "U-Net" (2015), figure 1.
    """

    def __init__(self, chs, out_ch, time_dim):
        super().__init__()
        raise NotImplementedError("exercise 4.5")

    def forward(self, x, skips, temb):
        raise NotImplementedError("exercise 4.5")

# %%
Decoder = check("4.5", Decoder)

# %% [markdown]
# <details><summary>Hint 1: the layers</summary>
#
# You need n up-layers, n blocks and one `nn.Conv2d` with a kernel of 1. A list of layers must be
# an `nn.ModuleList`, or PyTorch does not find them. `decoder_channels(chs)` says how to build
# each.
# </details>
#
# <details><summary>Hint 2: the loop</summary>
#
# Go through the up-layers, the blocks and `reversed(skips)` together, with `zip`. In the loop,
# `x` gets a new value at each level.
# </details>
#
# <details><summary>Hint 3: one level</summary>
#
# `torch.cat([up(x), skip], dim=1)` goes into the block, together with `temb`.
# </details>
#
# <details><summary>My check says that sizes of tensors must match</summary>
#
# Then two tensors of different height are joined. Either the skips are taken from the top down,
# or the skip is joined before `upsample` and not after it.
# </details>
#
# <details><summary>My check says that my network would learn as well</summary>
#
# Then skip and upsampled features are joined in the other order. Nothing is wrong with that, but
# weights that were trained with one order do not fit the other, and this course has chosen one.
# </details>

# %%
# solution 4.5

# %% [markdown]
# This is the right side of your U-Net. Notebook 03 showed how much of the picture each skip sees.
# How far does each *reach*? We take a decoder with one more level, for pictures of 64 x 64, change
# one number of skip 0 in the middle of the picture, and see which pixels of the output change.
# Then one number of each other skip, then one of the bottom. A block has two 3x3 convolutions, and
# each carries a change one pixel further. **How large will the four spots be?**

# %%
torch.manual_seed(0)
widths = [8, 16, 24, 32]
decoder = Decoder(widths, 1, 64).eval().double()
temb = TimeEmbedding(64)(torch.tensor([300])).detach().double()
inputs = [torch.randn(1, ch, 64 // 2**i, 64 // 2**i).double() for i, ch in enumerate(widths)]
names = ["skip 0", "skip 1", "skip 2", "bottom"]


@torch.no_grad()
def reach(level):
    """Return how much each output pixel changes with one number of a level.  () -> (64, 64)"""
    moved = [x.clone() for x in inputs]
    moved[level][:, 0, 32 // 2**level, 32 // 2**level] += 1.0
    before, after = (decoder(xs[-1], xs[:-1], temb) for xs in (inputs, moved))
    change = (after - before)[0, 0].abs()
    return torch.where(change > 1e-12, change, 0.0)  # what is smaller is rounding

# %%
spots = [reach(level) for level in range(4)]
for name, spot in zip(names, spots):
    high, across = (int(spot.any(dim=dim).sum()) for dim in (1, 0))
    print(f"{name}: {high} x {across} pixels change")

# %%
# alt: Four maps of the pixels that one number of each level changes: 5 x 5 for skip 0, 14 x 14 for
#   skip 1, 32 x 32 for skip 2, 36 x 36 for the bottom.
receptive_maps(spots, names)
plt.show()

# %% [markdown]
# The colour says how much a pixel changes, on a logarithmic scale as in notebook 03. One number of
# skip 0 reaches 5 x 5 pixels: two convolutions, two pixels to each side. One number of skip 1
# reaches 5 x 5 pixels of its own level, `upsample` makes 10 x 10 of them, and the next block adds
# two to each side: 14 x 14. And so on up to 36 x 36 from the bottom. What the bottom has found out
# counts for a wide region, and what skip 0 brings stays where it belongs.
#
# ## Recap
#
# - In a transposed convolution each input pixel paints a square, and squares that overlap add up.
# - The overlap is even when the kernel is a multiple of the stride. That makes a checkerboard easy
#   to avoid. Where pixels are repeated and convolved, a flat picture stays flat.
# - Noise does not fit through a narrow bottleneck, pictures do. A network that is asked for the
#   noise needs the skips, which carry each pixel across.
# - Concatenation adds channels: going up to level i, the block takes `2 * chs[i]`.
# - `Decoder` takes the bottom, the skips and `temb`, and uses the last skip first.
#
# **What can go wrong.** Skips in the wrong order raise an error only because their sizes differ;
# between two levels of the same size and channels there would be none. `chs.reverse()` reverses
# the list that the encoder uses too. And weights trained with the skip last do not work with the
# skip first, though every shape is right.
#
# **Where to look.** `upsample` is in `course_utils/blocks.py`, the decoder in
# `course_utils/decoder.py`. Next you join the two sides and draw digits: [05, the full
# U-Net](05_full_unet.ipynb).

# %% [markdown]
# ## How far are you?

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()
