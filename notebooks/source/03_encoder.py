# %% [markdown]
# # 03 The encoder: down the left side of the U
#
# {{badge}}
#
# In this notebook you will
#
# - halve a picture in four ways, and see why the network learns how to do it;
# - measure with a gradient how much of the picture one pixel sees, and draw it;
# - see what a level costs, and where the memory goes when a network trains;
# - build `Encoder`, the left side of your U-Net, which returns the bottleneck and the skips.
#
# It has three exercises and takes about 50 minutes.

# %%
# setup

# %%
import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from course_utils import encoder as finished
from course_utils import portfolio
from course_utils.checks import check
from course_utils.data import load
from course_utils.plots import draw_maps, draw_u, receptive_maps, strip
from course_utils.widgets import receptive_explorer

# %% [markdown]
# The next cell fetches your parts from `my_unet.py`, and the course's where you have none yet.

# %% tags=["nbval-ignore-output"]
mine = portfolio.load()
ConvBlock, TimeEmbedding = mine.ConvBlock, mine.TimeEmbedding

# %% [markdown]
# This is where we are in the U. A *level* is a row of the drawing. Level 0 is at the top, and each
# level below has half the height, half the width and twice the channels. The list of the channels,
# from top to bottom, is called `chs`. What the lowest level returns is the *bottleneck*, or bottom
# for short. The arrows across are the *skip connections*; section 4 is about them.

# %%
# alt: The U-Net as a diagram. Its left side, the encoder, is coloured: 32 x 16 x 16, 64 x 8 x 8,
#   128 x 4 x 4. The rest is pale.
chs = [32, 64, 128]
draw_u(chs=chs, highlight="encoder")
plt.show()

# %% [markdown]
# ## 1. How do you make a picture half as large?
#
# Cut it into squares of 2 x 2 pixels and make one pixel of each. Three rules come to mind: take the
# first of the four and drop the rest, take the largest (*max pooling*), or take the mean (*average
# pooling*).

# %%
# alt: Eight digits in four rows: in 16 x 16 pixels, and halved in three ways. With the first pixel
#   of each square the strokes are ragged, with the largest they are fat and bright, with the mean
#   they are thin and grey.
images, _ = load("digits", "train")
ways = {
    "the first": lambda x: x[:, :, ::2, ::2],
    "the largest": lambda x: F.max_pool2d(x, 2),
    "the mean": lambda x: F.avg_pool2d(x, 2),
}
halves = [halve(images[:8]) for halve in ways.values()]
strip([images[:8], *halves], labels=["16 x 16", *ways])
plt.show()

# %% [markdown]
# You can still read the digits, more or less, because strokes are wide. Now take something finer:
# stripes one pixel wide, white (1) and black (-1) in turn. And the same stripes moved by one
# pixel, so that white and black change places. **What will each rule make of the two pictures?
# Which rule can tell them apart?**

# %%
stripes = torch.ones(1, 1, 8, 8)
stripes[:, :, :, 1::2] = -1
moved = stripes.roll(1, dims=3)
for name, halve in ways.items():
    print(f"{name:11} stripes {halve(stripes).unique().tolist()}, "
          f"moved {halve(moved).unique().tolist()}")

# %% [markdown]
# The largest makes both white, as if there were no stripes. The mean makes both grey. The first
# tells them apart, but takes them for a white picture and a black one, because it saw only every
# other column.
#
# But our network has to name the noise in every single pixel, and noise contains fine stripes of
# every kind. A fixed rule throws things away no matter whether they are needed. So we let the
# network learn its rule. (A pooling layer after a learned convolution can work too: the U-Net of
# 2015 has max pooling, and ADM, a large diffusion model of 2021, takes means.)
#
# A convolution can do it. Its window (the *kernel*) is 2 x 2 pixels, and it moves by 2 (the
# *stride*), so that each pixel is read once. Every output channel has its own four weights for
# each input channel:
#
# $$\mathrm{out}_{k,i,j} = b_k + \sum_{c} \sum_{u=0}^{1} \sum_{v=0}^{1} W_{k,c,u,v}\; x_{c,\,2i+u,\,2j+v}$$
#
# ### Exercise 3.1: halve a picture
# difficulty 1 of 5, about 4 minutes
#
# Write a function that returns this layer.
#
# | | |
# |---|---|
# | `ch` | the number of channels that come in, and go out |
# | returns | a module that takes `(B, C, H, W)`, with H and W even, and returns `(B, C, H/2, W/2)` |

# %%
def downsample(ch):
    """Return the layer that halves height and width: a 2x2 convolution with stride 2.

    () -> module of (B, C, H, W) -> (B, C, H/2, W/2)

    C is ch.
    """
    raise NotImplementedError("exercise 3.1")

# %%
downsample = check("3.1", downsample)

# %% [markdown]
# <details><summary>Hint 1: which layer?</summary>
#
# It is an `nn.Conv2d`, as in notebook 02, with another kernel and without padding.
# </details>
#
# <details><summary>Hint 2: what nn.Conv2d wants to know</summary>
#
# In this order: the channels in, the channels out, `kernel_size` and `stride`. Nothing else is
# needed.
# </details>
#
# <details><summary>My check says that the window moves by one pixel at a time</summary>
#
# A convolution moves by 1 unless it is told otherwise: `stride=2`.
# </details>

# %%
# solution 3.1

# %% [markdown]
# What can it learn? The next cell puts in weights by hand. First 1/4 four times, which is average
# pooling. Then a plus for the left column and a minus for the right one. **Will that one see the
# stripes?**

# %%
down = downsample(1)
rules = {"mean": [[0.25, 0.25], [0.25, 0.25]], "left - right": [[0.25, -0.25], [0.25, -0.25]]}
for name, rule in rules.items():
    with torch.no_grad():
        for p in down.parameters():
            p.copy_(torch.tensor(rule)[None, None] if p.ndim == 4 else torch.zeros(1))
        print(f"{name:13} stripes {down(stripes).unique().tolist()}, "
              f"moved {down(moved).unique().tolist()}")

# %% [markdown]
# It sees them, and tells the two pictures apart. A layer with many output channels has room for
# many such rules side by side.
#
# One more thing before we go on. Some pictures have an odd number of rows. **A picture of 28 x 28
# is halved three times. How many rows are left, and what does PyTorch say?**

# %%
h = torch.zeros(1, 1, 28, 28)
for _ in range(3):
    rows = h.shape[2]
    h = nn.Conv2d(1, 1, kernel_size=2, stride=2)(h)
    print(f"{rows} rows become {h.shape[2]}")

# %% [markdown]
# 7 rows become 3, silently: the last row and the last column are dropped. On the way back up, 3
# would become 6, and nothing would fit. So the pictures of a U with n halvings must have a height
# and a width divisible by $2^n$. The finished U-Net checks that first.
#
# ## 2. How far does one pixel see?
#
# Why does the network halve at all? Think of one pixel of the output. To know whether it lies on a
# stroke of a 3 or of a 7, it has to see a good part of the picture. A 3x3 convolution shows it 3 x
# 3 pixels. The part of the input that an output pixel depends on is its *receptive field*. **How
# large is it after two 3x3 convolutions in a row? After six?**
#
# We don't have to work that out, because we can measure it. If a pixel of the input has any
# influence, a small change of it changes the output. The *gradient* says by how much: the gradient
# of the output pixel with respect to the input has one number for each input pixel, and PyTorch
# computes all of them at once. In training you take the gradient of a loss with respect to the
# weights. Here we take the gradient of an output pixel with respect to the picture.
#
# ### Exercise 3.2: what one pixel sees
# difficulty 3 of 5, about 12 minutes
#
# `net` turns `x` into an output of K channels and h x w pixels. You can only take the gradient of
# a single number, so take the middle pixel of the output and add up its channels. The gradient has
# a number for each channel of each pixel of `x`. Take absolute values, and add up the channels:
#
# $$\mathrm{field}_{i,j} = \sum_{c} \left|\, \frac{\partial}{\partial x_{c,i,j}} \sum_{k} \mathrm{net}(x)_{k,\,h//2,\,w//2} \right|$$
#
# | | shape |
# |---|---|
# | `net` | a module or any function of x |
# | `x` | `(1, C, H, W)`: one picture |
# | `net(x)` | `(1, K, h, w)`; h and w may differ from H and W |
# | returns | `(H, W)` |
#
# Leave `x` as it is, and `net` too: whoever calls the function chooses its mode, training or eval.
# Stay with PyTorch all the way, so that it runs on a GPU too: `.numpy()` fails there.

# %%
def receptive_field(net, x):
    """Return how strongly the middle pixel of net(x) depends on each pixel of x.

    (1, C, H, W) -> (H, W)

    net is any function of x that returns (1, K, h, w); its middle pixel is at row h // 2, column
    w // 2. The gradient is that of the sum of this pixel's K channels. Its absolute values are
    added up over the C channels of x. What is 0 has no influence.
    """
    raise NotImplementedError("exercise 3.2")

# %%
receptive_field = check("3.2", receptive_field)

# %% [markdown]
# <details><summary>Hint 1: x must ask for its gradient</summary>
#
# PyTorch keeps track of gradients only for tensors that ask for it, before they are used. Write
# `x = x.clone().requires_grad_()`. The clone leaves the caller's x alone.
# </details>
#
# <details><summary>Hint 2: from the pixel to the gradient</summary>
#
# With `out = net(x)`, the pixel's channels are `out[0, :, h // 2, w // 2]`. Call their sum s. Then
# either call `s.backward()` and read `x.grad`, or call `torch.autograd.grad(s, x)`, which returns
# a tuple with one gradient in it. Both have the shape of x.
# </details>
#
# <details><summary>My check says that signs cancel, or that the channels are left</summary>
#
# The gradient has the shape `(1, C, H, W)`. `[0]` takes the only picture, `.abs()` makes every
# influence count, and `.sum(dim=0)` adds up the channels. The order of the last two matters.
# </details>

# %%
# solution 3.2

# %% [markdown]
# Now we measure. The height of the field is the number of rows that hold anything but 0:

# %%
def seen(field):
    rows, columns = (field > 0).any(dim=1).sum(), (field > 0).any(dim=0).sum()
    return f"{rows} x {columns}"


def conv(in_ch, out_ch):
    return nn.Conv2d(in_ch, out_ch, 3, padding=1)


# %%
noise = torch.randn(1, 1, 40, 40, generator=torch.Generator().manual_seed(0))
torch.manual_seed(0)
plain = {}
for n in (1, 2, 3, 6, 8):
    net = nn.Sequential(conv(1, 8), *[conv(8, 8) for _ in range(n - 1)])
    plain[n] = receptive_field(net, noise)
    print(f"convolutions: {n}, pixels seen: {seen(plain[n])}")

# %% [markdown]
# Each convolution adds a ring one pixel wide: two rows and two columns. That is slow. It takes
# eight of them before the middle of a digit sees all of its 16 x 16 pixels, and a photo has far
# more.
#
# So we halve in between. We keep the six convolutions, and put a `downsample` after the second and
# the fourth. A pixel after it stands for 2 x 2 pixels before it. **How many rows do the six see
# now?**

# %%
def levels(halvings):
    """Two convolutions at each level, and a downsample between one level and the next."""
    layers = [conv(1, 8), conv(8, 8)]
    for _ in range(halvings):
        layers += [downsample(8), conv(8, 8), conv(8, 8)]
    return nn.Sequential(*layers)


torch.manual_seed(0)
fields = [receptive_field(levels(halvings), noise) for halvings in (0, 1, 2)]
for halvings, field in enumerate(fields):
    print(f"halvings: {halvings}, convolutions: {2 * halvings + 2}, pixels seen: {seen(field)}")

# %% [markdown]
# 32 rows, where the six alone saw 13. One level down, each step of a convolution is twice as long,
# counted in pixels of the input. Here are the maps, cropped to what is not 0:

# %%
# alt: Four maps of what a pixel sees. Six convolutions without halving see 13 x 13 pixels. With
#   halvings, level 0 sees 5 x 5, level 1 sees 14 x 14, and level 2 sees 32 x 32, nearly the whole
#   picture.
receptive_maps([plain[6], *fields], ["6 without halving", "level 0", "level 1", "level 2"])
plt.show()

# %% [markdown]
# Look at the colours too. The scale is logarithmic: from one mark to the next is a factor of ten.
# In the first map the middle is bright and the rim is dark. A pixel *can* be influenced by its
# whole field, but what is near counts most. By how much?

# %%
inner = plain[6][17:24, 17:24].sum() / plain[6].sum()
print(f"of {seen(plain[6])} pixels, the inner 7 x 7 have {inner:.0%} of the influence,")
print(f"though they are only {7 * 7 / 13**2:.0%} of the pixels")

# %% [markdown]
# ### A trap: BatchNorm in training mode
#
# `ConvBlock` has two 3x3 convolutions, so its field should be 5 x 5. It also has BatchNorm. In
# eval mode BatchNorm uses numbers that it remembers. In training mode it takes the mean and the
# variance of each channel over all pixels of all pictures in the batch. **What will we measure in
# each mode?**

# %%
# alt: Two maps of what a pixel of a block sees: 5 x 5 pixels in eval mode; in training mode all 40
#   x 40, weakly outside the middle.
torch.manual_seed(0)
block, temb = ConvBlock(1, 8, 64), torch.randn(1, 64)
both = []
for mode in (False, True):
    both.append(receptive_field(lambda x: block.train(mode)(x, temb), noise))
    print("training mode:" if mode else "eval mode:    ", seen(both[-1]))
receptive_maps(both, ["eval mode", "training mode"])
plt.show()

# %% [markdown]
# In training mode every pixel depends a little on every other, through the common mean and
# variance. That is true, but it isn't what we want to know. So receptive fields are measured in
# eval mode.
#
# ### Try it out
#
# The sliders set the number of halvings, the convolutions at each level, and the width of their
# kernel. The input has 64 x 64 pixels. **Without any halving, can you see all of it? What helps
# more: larger kernels, more convolutions, or one more halving?**

# %% tags=["nbval-ignore-output"]
# alt: Eight maps of what one pixel sees of 64 x 64. With two convolutions at each level it sees 5 x
#   5 pixels without a halving, then 14 x 14, 32 x 32, and nearly all after three halvings. With
#   eight it begins with 17 x 17, and two halvings are enough to see all.
receptive_explorer(receptive_field)

# %% [markdown]
# Convolutions and kernels add, halvings multiply. Without a halving, even eight convolutions with
# kernels of 7 do not reach the rim. With three halvings, two convolutions with kernels of 3 at each
# level reach it, or nearly.
#
# ## 3. Where do memory and work go?
#
# Each level has a quarter of the pixels of the one above. If the channels stayed the same, it
# would hold a quarter of the numbers, too. Instead we double the channels. What does that do to
# the cost of a level?
#
# Take one 3x3 convolution with K channels in and K channels out, on a feature map of h x w pixels,
# like the second one in every block. Three things can be counted:
#
# - the **values** that it returns, K h w. They need memory while the network trains, because the
#   backward pass needs them again;
# - its **weights**, 9 K K: 3 x 3 for each pair of an input channel and an output channel. They need
#   memory too, and have to be learned;
# - the **multiplications**, 9 K for each value that it returns. They need time.
#
# **From one level to the next, which of the three rises, which falls, which stays?** We let PyTorch
# count, for pictures of 64 x 64 pixels, once with channels that double and once with equal ones.
# (`FlopCounterMode` counts the multiplications and the additions of everything inside it.)

# %%
for name, channels in {"doubled": chs, "equal": [32, 32, 32]}.items():
    for i, ch in enumerate(channels):
        layer, h = conv(ch, ch), torch.zeros(1, ch, 64 // 2**i, 64 // 2**i)
        with FlopCounterMode(display=False) as counter:
            values = layer(h).numel()
        products = counter.get_total_flops() // 2  # the other half are additions
        print(f"{name}, level {i}: {values:>7,} values  {layer.weight.numel():>7,} weights  "
              f"{products:>10,} multiplications")

# %% [markdown]
# With doubled channels, the values fall to a half from level to level, the weights grow to four
# times as many, and the multiplications stay the same. That is a good reason for doubling: every
# level does the same work. With equal channels, each level has a quarter of the work of the one
# above.
#
# ## 4. What goes across?
#
# The encoder goes down level by level: a block, then a `downsample`. At the bottom is one last
# block. On the way it keeps one tensor from each level above the bottom, for the decoder, which
# meets them again on its way up. Such a tensor is called a *skip*, because it skips everything
# below.
#
# But which tensor of the level should it be: the one before the downsample, or the one after it?
# The U-Net has to name the noise in every pixel, so let's see how much of the noise survives a
# halving. We take noise of variance 1, halve it by taking means, and double it again by repeating
# each pixel. **What share of the variance will be lost after one halving? After two?**

# %%
eps = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
for factor in (2, 4):
    back = F.interpolate(F.avg_pool2d(eps, factor), scale_factor=factor)
    print(f"1/{factor} of the height and width: {(back - eps).square().mean():.2f} of 1 is lost")

# %% [markdown]
# After a halving there are a quarter as many numbers as before. For a single channel, as here, that
# leaves at most a quarter of the noise, whatever the weights. Many channels give more room: this is
# what section 1 was about, and it is why the levels below can work with fine detail at all. But the
# network would have to learn to pack every pixel into channels on the way down, and to unpack it on
# the way up. The skip makes that unnecessary, because it carries the details across as they are. So
# it is taken **before** the downsample.
#
# Here is one level and the bottom below it, of the course's encoder, with a digit on its way. The
# skip is the tensor at the upper right, with the blue arrow: it is returned too.

# %%
# alt: One level of the encoder as a diagram. A digit, 1 x 16 x 16, goes through a ConvBlock, which
#   gives 8 x 16 x 16, from there straight down through a Conv2d to 8 x 8 x 8, and through another
#   ConvBlock to 16 x 8 x 8. Both blocks take temb from a bar above. The digit is clear in the
#   channels of the upper row and coarse in those of the lower one.
torch.manual_seed(0)
temb = TimeEmbedding(16)(torch.tensor([300])).detach()
draw_maps(finished.Encoder(1, [8, 16], 16).eval(), images[:1], temb, ends=("picture", "bottom"),
          title="One level of the encoder, and the bottom")
plt.show()

# %% [markdown]
# There is a second reason. On the way up, the decoder doubles the bottom and puts it beside the
# skip of the level above. For that they need the same height and width. With 16 x 16 pixels and
# `chs = [32, 64, 128]`:
#
# | | shape | |
# |---|---|---|
# | `x` | `(B, 1, 16, 16)` | |
# | skip 0 | `(B, 32, 16, 16)` | after the downsample it would have 8 x 8 |
# | skip 1 | `(B, 64, 8, 8)` | fits the bottom, doubled |
# | bottom | `(B, 128, 4, 4)` | goes straight into the decoder: it isn't a skip |
#
# ### Exercise 3.4: the encoder
# difficulty 3 of 5, about 20 minutes
#
# `chs` has n + 1 numbers, for n halvings. There are n blocks, each followed by a `downsample`,
# and the last block by itself. The first block goes from `in_ch` channels to `chs[0]`, the next
# from `chs[0]` to `chs[1]`, and so on. Every block gets the time.
#
# $$h_0 = x, \qquad \mathrm{skip}_i = \mathrm{block}_i(h_i, \mathrm{temb}), \qquad
# h_{i+1} = \mathrm{down}_i(\mathrm{skip}_i), \qquad
# \mathrm{bottom} = \mathrm{block}_n(h_n, \mathrm{temb})$$
#
# | | shape |
# |---|---|
# | `x` | `(B, C, H, W)`, with C = `in_ch`; H and W can be halved n times |
# | `temb` | `(B, D)`, with D = `time_dim` |
# | `ConvBlock(i, o, time_dim)(x, temb)` | `(B, i, H, W), (B, D) -> (B, o, H, W)` |
# | `downsample(ch)(x)` | `(B, ch, H, W) -> (B, ch, H/2, W/2)` |
# | returns | `bottom, skips`: a tensor and a list of n tensors, skip 0 first |

# %%
class Encoder(nn.Module):
    """Go down the U and keep what every level saw.

    (B, C, H, W), (B, D) -> (B, K, H/2^n, W/2^n), n skips

    chs lists the channels of the levels, top to bottom: n + 1 numbers for n halvings; K is the
    last. Skip i is the output of level i's block, before it is halved: (B, chs[i], H/2^i, W/2^i).
    Source: "U-Net" (2015), figure 1.
    """

    def __init__(self, in_ch, chs, time_dim):
        super().__init__()
        raise NotImplementedError("exercise 3.4")

    def forward(self, x, temb):
        raise NotImplementedError("exercise 3.4")

# %%
Encoder = check("3.4", Encoder)

# %% [markdown]
# <details><summary>Hint 1: who gets which channels</summary>
#
# Write them down for `in_ch = 1` and `chs = [32, 64, 128]`. The blocks: 1 to 32, 32 to 64, and
# the last 64 to 128. The downsamples: 32 and 64. With `ins = [in_ch, *chs]`, block i goes from
# `ins[i]` to `chs[i]`.
# </details>
#
# <details><summary>Hint 2: lists of layers</summary>
#
# PyTorch does not look into a plain list. `nn.ModuleList([...])` is a list that it does look
# into: you can index it and loop over it as usual. `self.blocks` and `self.downs` have n layers
# each, and the last block stands alone, as `self.bottom`.
# </details>
#
# <details><summary>Hint 3: forward</summary>
#
# Begin with `skips = []` and go through `zip(self.blocks, self.downs)`. Three things happen in
# each round, in this order: `x` goes through the block, is appended to `skips`, goes through the
# downsample. After the loop there is one more block.
# </details>
#
# <details><summary>My check says that a block expects other channels</summary>
#
# Print `ins` and `chs` for a small case and pair them off: `zip(ins, chs)` gives the channels in
# and out of every block, the last one included. A downsample comes after the block of its level,
# so it has `chs[i]` channels.
# </details>

# %%
# solution 3.4

# %% [markdown]
# ## 5. The encoder at work
#
# This is the left side of your U-Net. What does one pixel of each of its outputs see? Each block
# has two 3x3 convolutions, as in section 2. To have room, we put a digit into the middle of a
# larger black picture, and paint everything grey that the middle pixel of the output does not
# depend on. **At which level can you tell which digit it is?**

# %%
# alt: The part of a digit 9 that one pixel of each level sees. Skip 0 sees a corner of the stroke,
#   5 x 5 pixels. Skip 1 sees most of the digit, 14 x 14. The bottom sees all of it and the space
#   around, 32 x 32.
torch.manual_seed(0)
encoder = Encoder(1, chs, time_dim=64).eval()
temb = TimeEmbedding(64)(torch.tensor([300])).detach()
x = F.pad(images[5:6], [12, 12, 12, 12], value=-1.0)
outputs = {
    "skip 0": lambda x: encoder(x, temb)[1][0],
    "skip 1": lambda x: encoder(x, temb)[1][1],
    "bottom": lambda x: encoder(x, temb)[0],
}
views = {name: receptive_field(output, x) for name, output in outputs.items()}
windows = torch.stack([torch.where(field > 0, x[0], 0.0) for field in views.values()])
strip(windows, [f"{name}: {seen(field)}" for name, field in views.items()], size=2)
plt.show()

# %% [markdown]
# Skip 0 has a pixel for each pixel of the picture, so it keeps the exact place of everything, but
# each of its pixels sees only a bit of a stroke. A pixel of skip 1 sees nearly all of the digit. A
# pixel of the bottom sees all of it and more, but there are few such pixels, each for a square of 4
# x 4. So the skips can say *where* something is, and the bottom can say *what* it is. The decoder
# gets both.
#
# ### Where does the memory go?
#
# While a network trains, PyTorch keeps what the backward pass will need again: above all, what the
# layers return. `saved_tensors_hooks` shows us every tensor that is kept. We run a batch of 16
# pictures of 64 x 64 pixels, sort what is kept by its height, and set it beside the weights.
# **Which level needs the most memory? Which has the most weights?**

# %%
kept = {}
def keep(h):
    kept[h.data_ptr(), h.shape] = h  # by its place in memory: kept twice, it counts once
    return h


with torch.autograd.graph.saved_tensors_hooks(keep, lambda h: h):
    encoder.train()(torch.zeros(16, 1, 64, 64), torch.zeros(16, 64))

# %% tags=["nbval-ignore-output"]
for i, ch in enumerate(chs):
    height = 64 // 2**i
    at_level = [h for h in kept.values() if h.ndim == 4 and h.shape[2] == height]
    megabytes = sum(h.nbytes for h in at_level) / 1e6
    # All layers of a level, and only they, have ch channels out.
    weights = sum(p.nbytes for p in encoder.parameters() if p.shape[0] == ch) / 1e6
    print(f"level {i}: {megabytes:4.1f} MB kept, {weights:.2f} MB of weights")

# %% [markdown]
# It's close to what we counted in section 3. From level to level, what is kept falls to about a
# half, and the weights grow to three to five times as many. So the two live at opposite ends of
# the U:
#
# - When memory runs out in training, the **top** level fills it. Smaller pictures, a smaller batch
#   or fewer channels at the top help. Dropping the bottom level saves little.
# - When the file with the weights is too large, the **bottom** is the reason.
#
# What is kept grows with the batch and with the picture. The weights don't.
#
# ## Recap
#
# - A 2x2 convolution with stride 2 halves the picture, and learns what to keep.
# - The receptive field is measured by the gradient of one output pixel, in eval mode. Convolutions
#   add to it, halvings multiply it.
# - Half the height and width with twice the channels: half the values, four times the weights, the
#   same work.
# - A skip is what a level's block returns, **before** the downsample.
# - `Encoder` returns `bottom, skips`, the largest skip first; n halvings give n skips.
#
# **What can go wrong.** A picture with an odd height or width silently loses a row. Layers in a
# plain list are not trained. A list of skips that is made in `__init__` grows with every call. And
# a skip from the wrong place raises no error here, only later, in the decoder: print the shapes of
# what your encoder returns.
#
# **Where to look.** `downsample` is in `course_utils/blocks.py`, the encoder in
# `course_utils/encoder.py`. Next comes the way back up: [04, the decoder](04_decoder.ipynb).

# %% [markdown]
# ## How far are you?

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()
