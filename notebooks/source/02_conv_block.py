# %% [markdown]
# # 02 The conv block: two convolutions that know the time
#
# {{badge}}
#
# In this notebook you will
#
# - see what a 3x3 convolution keeps of a picture, and what it changes;
# - see what BatchNorm does, what it depends on, and when another norm is better;
# - add the time to a feature map, channel by channel, and see what goes wrong without two more
#   axes;
# - build `ConvBlock`, the block that the whole U is made of, and measure what its parts are worth.
#
# It has five exercises, one of them optional, and takes about 60 minutes.

# %%
# setup

# %%
import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import blocks, portfolio
from course_utils.checks import check
from course_utils.data import load
from course_utils.diffusion import add_noise, draw_batch, noise_loss
from course_utils.plots import curves, draw_maps, draw_u, loss_curves, maps
from course_utils.schedule import cosine_schedule
from course_utils.widgets import told_time_slider

# %% [markdown]
# This is where we are in the U. Every coloured column is the output of one block, and all blocks
# have the same structure:

# %%
# alt: The U-Net as a diagram. The blocks on both sides and the maps that they make are coloured;
#   all else is pale.
draw_u(highlight="block")
plt.show()

# %% [markdown]
# What you wrote in earlier notebooks comes along, from `my_unet.py`. Where you haven't written a
# part yet, you get the course's.

# %% tags=["nbval-ignore-output"]
mine = portfolio.load()
TimeEmbedding = mine.TimeEmbedding

# %% [markdown]
# ## 1. What does a convolution keep, and what does it change?
#
# A *convolution* slides a small window over the picture. At each place it multiplies the pixels in
# the window by the numbers of a *kernel* and adds them up, which makes one pixel of the result.
# Here are three kernels of 3 x 3 numbers, chosen by hand. Pictures have the shape `(B, C, H, W)`,
# here `(1, 1, 16, 16)`. The three kernels together have the shape `(3, 1, 3, 3)`: three channels
# come out, one goes in. **What will each of them show?**

# %%
# alt: A digit 3 and what three kernels make of it: the same picture, a blurred one, and one that
#   is white where nothing changes, orange at left edges of the stroke and blue at right ones.
images, _ = load("digits", "train")
x = images[:1]
kernels = torch.tensor([
    [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
    [[0, 0, 0], [-1, 0, 1], [0, 0, 0]],
]).float()[:, None] / torch.tensor([1, 9, 2])[:, None, None, None]
h = F.conv2d(x, kernels, padding=1)
print("in: ", tuple(x.shape), "\nout:", tuple(h.shape))
titles = ["picture", "only itself", "mean of 9", "right - left"]
maps([torch.cat([x[0], h[0]])], titles=titles, size=1.6)
plt.show()

# %% [markdown]
# (Orange is positive, blue negative, white 0.) The first kernel keeps the picture, and the second
# blurs it. The third is orange where the picture gets brighter from left to right and blue where it
# gets darker: it finds edges. A layer `nn.Conv2d` learns its kernels, and often finds kernels like
# these on its own.
#
# The result has as many rows and columns as the picture because of `padding=1`, which puts a
# border of zeros around the picture first. **What size comes out without it? And what does the
# border do to a picture that is 1 everywhere, under a kernel that adds up all nine pixels?**

# %%
ones, all_nine = torch.ones(1, 1, 5, 5), torch.ones(1, 1, 3, 3)
print("without padding:", tuple(F.conv2d(ones, all_nine).shape))
print("with padding=1: ", tuple(F.conv2d(ones, all_nine, padding=1).shape))
print(F.conv2d(ones, all_nine, padding=1)[0, 0])

# %% [markdown]
# Without padding, the window cannot be centred on the border, so a row is lost at the top and the
# bottom, and a column on each side. With padding the size stays, but the border looks different: in
# a corner, only four of the nine pixels are there. So the network can tell where the border is,
# which does no harm and may even help.
#
# What a convolution keeps: each pixel of the result stands where it stood, and depends on its
# nearest neighbours only. What it changes: the number of channels, to whatever you like.
#
# ## 2. Why normalise, and over what?
#
# Each layer multiplies. So whatever makes one picture different from another can grow or shrink
# from layer to layer. Here are 32 pictures on their way through eight untrained convolutions. How
# far do they still differ? We take the standard deviation of each number over the 32 pictures, and
# print the mean of these deviations. We do it twice: with the weights that PyTorch starts from,
# and with *Kaiming initialisation*, which draws larger weights, chosen so that the variance is
# kept.

# %%
def differences(make_layer):
    """Send 32 pictures through eight layers; print how far they differ after 1, 4 and 8."""
    torch.manual_seed(0)
    h, found = images[:32], []
    for _ in range(8):
        h = make_layer(h.shape[1], 16)(h)
        found.append(h.std(dim=0).mean().item())
    print("after 1, 4 and 8 layers:", ", ".join(f"{found[n - 1]:.3f}" for n in (1, 4, 8)))


def plain(in_ch, out_ch):
    return nn.Conv2d(in_ch, out_ch, 3, padding=1)


def kaiming(in_ch, out_ch):
    conv = plain(in_ch, out_ch)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="linear")
    nn.init.zeros_(conv.bias)
    return conv


differences(plain)
differences(kaiming)

# %% [markdown]
# With PyTorch's weights, all pictures look nearly the same after eight layers. With Kaiming's they
# stay apart. So a good start solves the problem, *at the start*. In training the weights change,
# and nothing guarantees that the balance stays.
#
# *BatchNorm* keeps it at every step. It subtracts from every channel its mean and divides by its
# standard deviation, both taken over **the whole batch and all pixels** of the channel. Then it
# multiplies by a learned number and adds another, so that the network can still choose any mean and
# any strength it likes.
#
# ### Exercise 2.1 (optional): BatchNorm by hand
# difficulty 2 of 5, about 12 minutes
#
# For each channel c, with the mean $\mu_c$ and the variance $\sigma_c^2$ (the mean of the squared
# differences from $\mu_c$) over B, H and W:
#
# $$\mathrm{out}_c = \mathrm{scale}_c \cdot \frac{x_c - \mu_c}{\sqrt{\sigma_c^2 + \mathrm{eps}}} + \mathrm{shift}_c$$
#
# | | shape |
# |---|---|
# | `x` | `(B, C, H, W)`; leave it as it is |
# | `scale`, `shift` | `(C,)`, one number for each channel |
# | `eps` | a small float, not the noise; it prevents division by 0 in constant channels |
# | returns | `(B, C, H, W)` |

# %%
def batch_norm(x, scale, shift, eps=1e-5):
    """Normalise every channel over the whole batch, then scale and shift it.

    (B, C, H, W), (C,), (C,) -> (B, C, H, W)

    What nn.BatchNorm2d does in training mode. The variance is that of the batch itself: the mean
    squared deviation, divided by B * H * W, not by one less.
    Source: "Batch Normalization" (2015), algorithm 1.
    """
    raise NotImplementedError("exercise 2.1")

# %%
batch_norm = check("2.1", batch_norm)

# %% [markdown]
# <details><summary>Hint 1: a mean over several dimensions</summary>
#
# `x.mean(dim=(0, 2, 3), keepdim=True)` has shape `(1, C, 1, 1)`: one number for each channel,
# ready to be subtracted from x.
# </details>
#
# <details><summary>Hint 2: scale and shift</summary>
#
# `scale` has shape `(C,)`. PyTorch lines up last axes, so it would meet the W columns. `scale[:,
# None, None]` has shape `(C, 1, 1)`.
# </details>
#
# <details><summary>My check says that I divide by one less</summary>
#
# `x.var(...)` divides by the number of values minus 1, which is right for estimating the variance
# of a population from a sample. Here we want that of the batch itself: `x.var(...,
# correction=0)`.
# </details>

# %%
# solution 2.1

# %%
x = 3 * images[:8].repeat(1, 2, 1, 1) + 5
h = batch_norm(x, scale=torch.tensor([1.0, 2.0]), shift=torch.tensor([0.0, 7.0]))
print(f"before: mean {x.mean():.2f}, standard deviation {x.std():.2f}")
for c in (0, 1):
    print(f"channel {c}: mean {h[:, c].mean().abs():.2f}, standard deviation {h[:, c].std():.2f}")

# %% [markdown]
# Channel 0 has mean 0 and deviation 1, channel 1 has what `scale` and `shift` say.
#
# ### Training mode and eval mode
#
# There is something odd about BatchNorm: in training, the result for one picture depends on the
# other pictures of its batch. When a network draws, that would be a nuisance, because the same
# noise would give a different picture in a different batch. So `nn.BatchNorm2d` has two modes. In
# training mode it does what you have just seen, and on the side it keeps running averages of the
# means and variances it meets. In eval mode it uses these averages instead. **The next cell puts
# the same picture into two different batches, in both modes. When will its result be the same?**

# %%
torch.manual_seed(0)
norm = nn.BatchNorm2d(1)
for _ in range(50):
    norm(images[torch.randint(len(images), (64,))])
company, others = images[:8], torch.cat([images[:1], images[100:107]])
same = torch.allclose(norm(company)[0], norm(others)[0])
print("training mode: the same result in both batches:", same)
norm.eval()
same = torch.allclose(norm(company)[0], norm(others)[0])
print("eval mode:     the same result in both batches:", same)

# %% [markdown]
# This is why we write `net.eval()` before we draw, and `net.train()` before we resume training. A
# network left in the wrong mode raises no error. It just draws worse.
#
# ### What BatchNorm costs
#
# In training, the statistics are those of the batch. **How much do they vary from batch to batch,
# with 2, 8 and 64 pictures in each?** And in a diffusion model there is a second catch. A training
# batch mixes pictures of all t, but while we draw, all pictures are at the same t. **How far is the
# deviation of a channel at one t from that of a mixture?** We look at one channel of a convolution:

# %%
schedule = cosine_schedule()
torch.manual_seed(0)
conv = kaiming(1, 16)


def deviation(batch, t=None):
    """Return the standard deviation of a channel over a batch of noisy pictures, at t or mixed."""
    x0, mixed, eps = draw_batch(images, 1000, batch, None)
    t = mixed if t is None else torch.full_like(mixed, t)
    with torch.no_grad():
        return conv(add_noise(x0, eps, schedule.alpha_bar_at(t)))[:, 0].std().item()


for batch in (2, 8, 64):
    found = torch.tensor([deviation(batch) for _ in range(100)])
    print(f"{batch:2} pictures: deviation {found.mean():.2f}, give or take {found.std():.2f}")
for t in (10, 300, 990):
    print(f"64 pictures, all at t = {t:3}: deviation {deviation(64, t):.2f}")

# %% [markdown]
# With two pictures in a batch, the divisor varies by more than a tenth from step to step; with 64
# it hardly varies. So BatchNorm wants batches that are not too small. And what it measures in
# training is never quite what the network meets while it draws: a channel varies less where the
# pictures have little noise, and more where they are nothing but noise. Eval mode uses the averages
# of the mixture at every t.
#
# Both problems go away if each picture is normalised by itself. *GroupNorm* does that: it takes the
# mean and deviation over a group of channels of one picture. DDPM and Stable Diffusion use it, and
# so will you in notebooks 08 and 10. Our network, taken from a tutorial, has BatchNorm, and with 64
# pictures in a batch it works well, as you saw in notebook 00.
#
# ## 3. What is SiLU for?
#
# Two convolutions in a row with nothing in between are no more than one larger convolution (away
# from the border): sums of sums. They need something nonlinear between them, an *activation*. The
# best known is ReLU, `max(x, 0)`. Ours is SiLU, `x * sigmoid(x)`:

# %%
# alt: ReLU and SiLU, and their gradients. ReLU has a corner at 0, where its gradient jumps from 0
#   to 1. SiLU is smooth, goes a little below 0 for negative x, and its gradient passes from below
#   0 to above 1.
at = torch.linspace(-6, 6, 500)
curves(at, {"ReLU": F.relu, "SiLU": F.silu}, title="the activation")
plt.show()

# %% [markdown]
# They look very similar, but look at the gradients. ReLU's is 0 for every negative x, so the layers
# before it get no gradient from these values. SiLU's is hardly ever exactly 0, and it has no jump.
# ReLU networks learn all the same; SiLU is what diffusion models mostly use.
#
# ### Exercise 2.2: convolution, BatchNorm, SiLU
# difficulty 1 of 5, about 5 minutes
#
# These three go together, and every block needs them twice. Write a function that returns them as
# one module.
#
# $$\mathrm{out} = \mathrm{SiLU}(\mathrm{BatchNorm}(\mathrm{conv}_{3\times3}(x)))$$
#
# | | shape |
# |---|---|
# | `in_ch`, `out_ch` | the numbers of channels, C and K |
# | returns | a module that takes `(B, C, H, W)` and returns `(B, K, H, W)`: the size stays |
#
# The convolution keeps the size because it pads the picture with a border of zeros. From here on
# use PyTorch's layers: `nn.Conv2d`, `nn.BatchNorm2d`, `nn.SiLU`.

# %%
def conv_bn_silu(in_ch, out_ch):
    """Return a 3x3 convolution that keeps the size, BatchNorm and SiLU, as one module.

    () -> module of (B, C, H, W) -> (B, K, H, W)

    C is in_ch, K is out_ch.
    """
    raise NotImplementedError("exercise 2.2")

# %%
conv_bn_silu = check("2.2", conv_bn_silu)

# %% [markdown]
# <details><summary>Hint 1: one after the other</summary>
#
# `nn.Sequential(a, b, c)` is a module that calls a, then b, then c.
# </details>
#
# <details><summary>Hint 2: how many channels?</summary>
#
# The convolution turns in_ch channels into out_ch. What comes after it sees out_ch.
# </details>
#
# <details><summary>My check says that the padding is missing</summary>
#
# A 3x3 window loses one row and one column on each side. `padding=1` adds them first.
# </details>

# %%
# solution 2.2

# %% [markdown]
# Eight layers again, now with your three in each, and PyTorch's own weights:

# %%
differences(conv_bn_silu)

# %% [markdown]
# The differences come through.
#
# ## 4. How does the block learn what time it is?
#
# Nothing in `conv_bn_silu` has seen t. The network must remove a little noise at t = 10 and nearly
# everything at t = 900, and so far it cannot know which is asked of it.
#
# The time embedding is one vector for each picture, `temb` with shape `(B, D)`. The feature map
# `h` has shape `(B, K, H, W)`. **Before you read on: which operations could combine them, and what
# shape must `temb` have for each?**
#
# Three answers are common:
#
# - *Concatenate*: repeat `temb` over all pixels and append D channels. Then the next convolution
#   has D more inputs, at every level.
# - *Add*: turn `temb` into K numbers and add them, one for each channel, the same at every pixel.
# - *Scale and shift*: turn `temb` into two numbers for each channel, multiply the channel by the
#   first and add the second. It is called FiLM (2018), and in diffusion models AdaGN or adaLN.
#   Many have used it since 2021, though Stable Diffusion's U-Net still adds. You will meet it
#   again in notebook 10.
#
# We add, as DDPM does. It costs one small linear layer, and the number of channels stays what it
# was. How many parameters does each way need, for K = 64 channels and D = 128?

# %%
K, D = 64, 128
ways = {
    "concatenate": [nn.Conv2d(K + D, K, 3)],
    "add": [nn.Conv2d(K, K, 3), nn.Linear(D, K)],
    "scale and shift": [nn.Conv2d(K, K, 3), nn.Linear(D, 2 * K)],
}
for name, layers in ways.items():
    print(f"{name:15}", f"{sum(p.numel() for layer in layers for p in layer.parameters()):,}")

# %% [markdown]
# So `temb` goes through a linear layer from D to K numbers: shape `(B, K)`. That has to be added
# to `(B, K, H, W)`. **Simply adding them does not work. What will the message say?** Here B = 4, K
# = 16 and H = W = 16:

# %%
torch.manual_seed(0)
conv1, time_proj = conv_bn_silu(1, 16), nn.Linear(32, 16)
temb = TimeEmbedding(32)(torch.tensor([10, 300, 600, 900]))
h = conv1(images[:4])
print("h:", tuple(h.shape), " time_proj(temb):", tuple(time_proj(temb).shape))
try:
    print("the sum:", tuple((h + time_proj(temb)).shape))
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# PyTorch lines up the **last** axes: it tries to match `(4, 16)` with the last two axes of h,
# `(16, 16)`. The 16 channels meet the 16 columns, which fits by accident, and the 4 pictures meet
# the 16 rows, which does not. **Now take a batch of 16 pictures. What will happen?**

# %%
x = images[:16]
temb = TimeEmbedding(32)(torch.arange(16) * 60)
h = conv1(x)
wrong = h + time_proj(temb)
print("the sum:", tuple(wrong.shape))

# %% [markdown]
# No error, and a wrong result: picture 3's time is now added to row 3 of *every* picture. This is
# the worst kind of mistake, because nothing complains. Two more axes say what we mean. `[:, :,
# None, None]` turns `(B, K)` into `(B, K, 1, 1)`, and an axis of size 1 is repeated as often as
# needed:

# %%
# alt: What is added to six channels. In the upper row, called wrong, all six show the same grainy
#   pattern. In the lower row, called right, each channel has one colour all over.
right = h + time_proj(temb)[:, :, None, None]
print("time_proj(temb)[:, :, None, None]:", tuple(time_proj(temb)[:, :, None, None].shape))
maps([(wrong - h)[3, :6], (right - h)[3, :6]], labels=["wrong", "right"],
     titles=[f"channel {c}" for c in range(6)])
plt.show()

# %% [markdown]
# This is what was added to picture 3. Above: the times of all 16 pictures, one in each row, and the
# same pattern in every channel. Below: one number for each channel, the same at every pixel.
#
# ### Exercise 2.3: add the time, channel by channel
# difficulty 2 of 5, about 8 minutes
#
# Complete `forward`. The layers are there.
#
# $$h = \mathrm{conv}_1(x) + \mathrm{time\_proj}(\mathrm{temb}) \qquad\text{then}\qquad \mathrm{out} = \mathrm{conv}_2(h)$$
#
# | | shape |
# |---|---|
# | `x` | `(B, C, H, W)` |
# | `temb` | `(B, D)` |
# | `self.time_proj(temb)` | `(B, K)` |
# | returns | `(B, K, H, W)` |

# %%
class TimedConvs(nn.Module):
    """Two convolutions that know the time.

    (B, C, H, W), (B, D) -> (B, K, H, W)

    The time is projected to one number per channel and added between the convolutions.
    """

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.conv1 = conv_bn_silu(in_ch, out_ch)
        self.time_proj = nn.Linear(time_dim, out_ch)
        self.conv2 = conv_bn_silu(out_ch, out_ch)

    def forward(self, x, temb):
        raise NotImplementedError("exercise 2.3")

# %%
TimedConvs = check("2.3", TimedConvs)

# %% [markdown]
# <details><summary>Hint 1: the order</summary>
#
# First `self.conv1(x)`. To that, add the projected time. The sum goes into `self.conv2`.
# </details>
#
# <details><summary>Hint 2: two more axes</summary>
#
# `self.time_proj(temb)[:, :, None, None]`, as above.
# </details>
#
# <details><summary>My check says that the time has no effect</summary>
#
# Is the result of the addition the tensor that goes into `conv2`? `h + time` alone changes
# nothing; `h = h + time` does.
# </details>

# %%
# solution 2.3

# %% [markdown]
# Now time makes a difference. Here are the same pictures and the same weights at t = 10 and at t =
# 900, subtracted. The second row shows what is left of the difference when the rim and the mean of
# each channel are taken away:

# %%
# alt: Two rows of eight channels. Above, the output at t = 10 minus that at t = 900: each channel
#   has nearly one colour, with a different rim. Below, the same without rim and mean: in several
#   channels the shape of the digit can be seen.
torch.manual_seed(0)
convs = TimedConvs(1, 16, 32).eval()
times = TimeEmbedding(32)(torch.tensor([10, 900]))
with torch.no_grad():
    early, late = convs(images[:1], times[:1]), convs(images[:1], times[1:])
change = (early - late)[0, :8]
print(f"largest difference: {change.abs().max():.2f}")
inside = change[:, 1:-1, 1:-1]
maps([change, inside - inside.mean(dim=(1, 2), keepdim=True)],
     labels=["t = 10 minus\nt = 900", "inside, with-\nout its mean"])
plt.show()

# %% [markdown]
# **Why is the difference not one flat colour in each channel? We added one number per channel, the
# same at every pixel.** Because `conv2` comes after the addition, and SiLU bends what `conv2` makes
# of it, so the same shift acts differently in dark and in bright places. (And at the border,
# `conv2` sees zeros in place of the shift.) That is why the time is added *between* the
# convolutions. Added after the second, it would only shift each channel, and leave its effect to
# the next block.
#
# ## 5. Why a shortcut?
#
# The last piece is a *residual connection*, or *shortcut*: the input x is added to what the
# convolutions make of it.
#
# $$\mathrm{out} = \mathrm{convs}(x, \mathrm{temb}) + x$$
#
# Such a block doesn't have to learn how to pass on what it was given. It only has to learn what to
# change. That made networks of a hundred layers trainable (He and others, 2015, who still put a
# ReLU after the sum; the bare sum is from 2016).
#
# In the U there is a difficulty: the channels change from block to block, from 32 to 64, say, and
# then x does not fit the sum. A 1x1 convolution makes 64 channels out of 32. It looks at one pixel
# at a time and mixes its channels, so everything stays in its place. It no longer hands x on
# unchanged, but it is a straight road past both norms and both activations.
#
# ### Exercise 2.4: the shortcut
# difficulty 1 of 5, about 6 minutes
#
# Write a function that returns a module. It passes x on unchanged if `in_ch` equals `out_ch`;
# otherwise it is a 1x1 convolution (with its bias, as `nn.Conv2d` comes).
#
# | | shape |
# |---|---|
# | `in_ch`, `out_ch` | the numbers of channels, C and K |
# | returns | a module that takes `(B, C, H, W)` and returns `(B, K, H, W)` |

# %%
def shortcut(in_ch, out_ch):
    """Return the shortcut of a block: nothing at all, or a 1x1 convolution if channels differ.

    () -> module of (B, C, H, W) -> (B, K, H, W)

    C is in_ch, K is out_ch. Source: "Deep Residual Learning" (2015), equations 1 and 2.
    """
    raise NotImplementedError("exercise 2.4")

# %%
shortcut = check("2.4", shortcut)

# %% [markdown]
# <details><summary>Hint 1: a module that does nothing</summary>
#
# `nn.Identity()` returns what it is given.
# </details>
#
# <details><summary>Hint 2: a convolution of one pixel</summary>
#
# `nn.Conv2d(in_ch, out_ch, 1)` has a window of 1 x 1, so it needs no padding.
# </details>
#
# <details><summary>My check says that there is a convolution where the channels are equal</summary>
#
# Where in_ch equals out_ch, no convolution is wanted, not even one that starts as an identity.
# </details>

# %%
# solution 2.4

# %% [markdown]
# Is it worth it? In our U *every* block changes its channels, so every shortcut is a 1x1
# convolution. We test it in blocks like that: a noise predictor of six, which alternate between 16
# and 24 channels, trained for 200 steps. Then the same without shortcuts, and the same without
# BatchNorm. All three see the same pictures and the same noise, and start from the same weights.
# We do all this with two learning rates, a usual one and one four times as high. **Which will you
# miss more, and when?**

# %%
class Stack(nn.Module):
    """A noise predictor of six blocks, with or without their shortcuts and norms."""

    def __init__(self, shortcuts=True, norms=True):
        super().__init__()
        chs = [1, 16, 24, 16, 24, 16, 24]
        pairs = list(zip(chs, chs[1:]))
        self.time = TimeEmbedding(32)
        self.convs = nn.ModuleList(TimedConvs(i, o, 32) for i, o in pairs)
        self.around = nn.ModuleList(shortcut(i, o) for i, o in pairs)
        self.out = nn.Conv2d(24, 1, 1)
        self.shortcuts = shortcuts
        for part in [] if norms else list(self.modules()):
            for name, layer in part.named_children():
                if isinstance(layer, nn.BatchNorm2d):
                    setattr(part, name, nn.Identity())

    def forward(self, xt, t):
        h, temb = xt, self.time(t)
        for convs, around in zip(self.convs, self.around):
            h = convs(h, temb) + (around(h) if self.shortcuts else 0)
        return self.out(h)


def fit(net, steps=200, lr=5e-3):
    """Train a noise predictor; return the loss of each step."""
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(net.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        loss = noise_loss(net, *draw_batch(images, 1000, 64, generator), schedule)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses

# %% tags=["nbval-ignore-output"]
# alt: Three loss curves over 180 steps at the lower learning rate. With both, the loss falls
#   fastest. Without BatchNorm it catches up after 40 steps and is lowest in the end, without
#   shortcuts after 80.
kinds = {"both": {}, "no shortcuts": {"shortcuts": False}, "no BatchNorm": {"norms": False}}
runs = {}
for lr in (0.02, 0.005):
    for name, parts in kinds.items():
        torch.manual_seed(0)
        losses = torch.tensor(fit(Stack(**parts), lr=lr))
        print(f"learning rate {lr}, {name:13} mean loss of the first 50 steps "
              f"{losses[:50].mean():5.2f}, of the last 50 {losses[-50:].mean():.3f}")
        runs[name] = losses.unfold(0, 20, 1).mean(dim=1)  # over 20 steps, so that one can see
loss_curves(runs)
plt.show()

# %% [markdown]
# Shortcuts make the first steps faster, at both learning rates. Later the network without them
# catches up: six blocks are not a hundred layers. BatchNorm is a different matter. At the lower
# learning rate you hardly miss it, and in the end the network without it is even a little ahead. At
# the higher one, the same network blows up in its first steps and hasn't recovered after 200. So
# BatchNorm makes training less sensitive to the learning rate. (The curves are those of the lower
# one.)
#
# ## 6. The whole block
#
# Now put it together. Here is the course's block, with random weights, at work on 32 digits in
# training mode: every operation in its order, and three channels of each tensor for the first
# digit. Look at what the norms do, and at what the time adds.

# %%
# alt: The conv block as a diagram. A digit, 1 x 16 x 16, goes through Conv2d, BatchNorm2d and SiLU,
#   then something is added that comes from temb through a linear layer of 16 numbers, then through
#   Conv2d, BatchNorm2d and SiLU again. An arrow leads around all of it from the digit, through a
#   Conv2d, to a last addition. All tensors after the first are 16 x 16 x 16.
torch.manual_seed(0)
temb = TimeEmbedding(32)(torch.full((32,), 300)).detach()
draw_maps(blocks.ConvBlock(1, 16, 32), images[:32], temb, title="The conv block")
plt.show()

# %% [markdown]
# ### Exercise 2.5: the conv block
# difficulty 3 of 5, about 15 minutes
#
# Write both `__init__` and `forward`. You may use your `conv_bn_silu` and `shortcut`, your
# `TimedConvs`, or PyTorch's layers alone.
#
# | | shape |
# |---|---|
# | `x` | `(B, C, H, W)`, C is `in_ch` |
# | `temb` | `(B, D)`, D is `time_dim` |
# | returns | `(B, K, H, W)`, K is `out_ch` |
#
# Leave `x` as it is: the encoder will need it again. (`x = x + 1` makes a new tensor; `x += 1`
# changes the one that the caller holds.)

# %%
class ConvBlock(nn.Module):
    """Two convolutions that know the time, and a shortcut around them.

    (B, C, H, W), (B, D) -> (B, K, H, W)

    The time is projected to one number per channel and added between the convolutions.
    Where C and K differ, a 1x1 convolution carries the input around; else it is unchanged.
    Source: the tutorial's ConvBlock; the shortcut is that of "Deep Residual Learning" (2015).
    """

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        raise NotImplementedError("exercise 2.5")

    def forward(self, x, temb):
        raise NotImplementedError("exercise 2.5")

# %%
ConvBlock = check("2.5", ConvBlock)

# %% [markdown]
# <details><summary>Hint 1: you have nearly all of it</summary>
#
# `TimedConvs` is the left side of the diagram, `shortcut` the right side.
# </details>
#
# <details><summary>Hint 2: __init__</summary>
#
# `super().__init__()` first. Then one line for each layer, kept on `self`: what is not kept on
# self, no optimizer finds.
# </details>
#
# <details><summary>My check says that SiLU is applied to the sum</summary>
#
# The last thing that happens in the block is the addition. If SiLU came after it, x could not go
# through the block as it is.
# </details>
#
# <details><summary>My check says that forward writes into x</summary>
#
# Look for `+=` and for functions that end in an underscore. On a tensor that you made yourself in
# forward they are fine. On `x` they are not.
# </details>

# %%
# solution 2.5

# %% [markdown]
# ## 7. One block alone, at work
#
# How far does a single block get as a noise predictor? The next cell makes a network of your block,
# your time embedding and a 1x1 convolution that turns 16 channels into a picture. Each pixel of its
# answer sees 5 x 5 pixels, because of its two 3x3 convolutions. That is not much.

# %%
class OneBlock(nn.Module):
    """A noise predictor of one block."""

    def __init__(self, told):
        super().__init__()
        self.told = told
        self.time = TimeEmbedding(64)
        self.block = ConvBlock(1, 16, 64)
        self.out = nn.Conv2d(16, 1, 1)

    def forward(self, xt, t):
        return self.out(self.block(xt, self.time(t if self.told else 0 * t)))


print("out:", tuple(OneBlock(told=True)(images[:4], torch.tensor([10, 300, 600, 900])).shape))

# %% [markdown]
# We train it twice for 250 steps: once as it is, and once with t = 0 whatever t is. **At which of t
# = 50, 300 and 900 does being told cut the error by the largest factor?**

# %%
def errors(net, times=(50, 300, 900)):
    """Return the loss at some steps, on pictures that were held out."""
    held_out, _ = load("digits", "test")
    eps = torch.randn(held_out.shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        steps = [torch.full((len(held_out),), t) for t in times]
        return [noise_loss(net.eval(), held_out, t, eps, schedule).item() for t in steps]

# %% tags=["nbval-ignore-output"]
nets = {}
print("error at t =         50    300    900")
for name, told in [("told the time", True), ("not told", False)]:
    torch.manual_seed(0)
    nets[name] = OneBlock(told)
    fit(nets[name], steps=250)
    print(f"{name:18}", "  ".join(f"{e:.3f}" for e in errors(nets[name])))

# %%
better = [a < b for a, b in zip(errors(nets["told the time"]), errors(nets["not told"]))]
print("the block that knows t is better at t = 50, 300, 900:", better)

# %% [markdown]
# It is better everywhere, and by the largest factor at t = 900. There the noise is nearly all of
# xt, and a block that knows this can almost pass xt on. One that doesn't know has to be careful,
# because 5 x 5 pixels say little about how noisy a picture is.
#
# Now you tell it the time. The picture below has the noise of t = 300. The first row shows eight
# channels of the block's output for the time that the slider says, the second how they differ from
# those at t = 300, and the last the noisy picture and the network's answer. **What will change when
# you tell it t = 0? And t = 999?**

# %% tags=["nbval-ignore-output"]
# alt: What the block makes of one noisy digit when it is told t = 0, 300 and 999: eight channels,
#   how they differ from those at 300, and the answer. At 300 nothing differs. At 0 and 999 the
#   channels do, and so does the answer.
eps = torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(2))
xt = add_noise(images[:1], eps, schedule.alpha_bar_at(torch.tensor([300])))
told_time_slider(nets["told the time"], xt, true_t=300)

# %% [markdown]
# Told that it is late, it takes nearly everything for noise: its answer looks like the noisy
# picture, digit and all. Told that it is early, it answers with the finest grain alone, and makes
# it stronger, because at an early step only a little of the noise is in xt. Nothing in xt has
# changed, and no weight. One vector, added in the middle, does all this.
#
# ## Recap
#
# - A 3x3 convolution with padding keeps the size and lets each pixel see its neighbours; the
#   number of channels is free.
# - BatchNorm gives each channel mean 0 and deviation 1 over the batch, then a learned scale and
#   shift. In eval mode it uses running averages. It wants batches that are not too small;
#   GroupNorm doesn't look at the batch at all.
# - SiLU is the nonlinearity between the convolutions, and hardly ever stops a gradient.
# - The time is projected to one number per channel and added between the convolutions, with two
#   more axes: `[:, :, None, None]`.
# - The shortcut carries x past the convolutions. It is a 1x1 convolution where the channels differ.
#
# **What can go wrong.** A time that is not spread over the pixels fits by accident when B and K
# equal H and W. A network that draws in training mode draws worse, without an error. `x += ...` in
# a block changes what the caller holds.
#
# **Where to look.** The block is in `course_utils/blocks.py`. The next notebook is [03, the
# encoder](03_encoder.ipynb).

# %% [markdown]
# ## How far are you?

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()
