# %% [markdown]
# # 08 Attention variants: every pixel looks at every other
#
# {{badge}}
#
# In this notebook you will
#
# - see what a convolution cannot see, and work out attention by hand on 16 pixels;
# - build attention with one head, with several heads, and one that costs far less;
# - meet two mistakes that no shape and no loss gives away, and the two tests that find them;
# - repair a published network that crashes, and put attention into a U-Net;
# - choose a pixel with sliders, and see where a trained network looks from there;
# - measure four more pieces of advice: deeper blocks, noisier pictures, clipping, GroupNorm.
#
# It has five exercises and takes about two hours. You need notebooks 01 to 05 before it.

# %%
# setup

# %%
import copy
import math
import time

import matplotlib.pyplot as plt
import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from course_utils import attention
from course_utils.attention import Attended, AttentionBlock, to_map, to_tokens
from course_utils.blocks import ConvBlock
from course_utils.checks import check
from course_utils.data import load
from course_utils.diffusion import add_noise, draw_batch, noise_loss
from course_utils.plots import (
    attention_maps,
    cost_curves,
    draw_block,
    draw_u,
    loss_curves,
    number_maps,
    receptive_maps,
)
from course_utils.schedule import cosine_schedule
from course_utils.unet import UNet
from course_utils.widgets import attention_explorer

# %% [markdown]
# This is the U that you built, with half as many channels, so that we can train it many times.
# Attention is a layer that leaves the shape as it is. So it can stand behind any of the coloured
# blocks.

# %%
# alt: The U-Net as a diagram. The columns on both sides are coloured, and all else is pale.
draw_u(chs=(16, 32, 64), highlight="block")
plt.show()

# %% [markdown]
# ## 1. What does a convolution not see?
#
# A 3x3 convolution computes each pixel from its 9 neighbours. If two things lie far apart, such
# as the two ends of a stroke, it cannot compare them. `sees` measures, with a gradient, on which
# pixels of the input one pixel of the output depends (as in notebook 03). We ask for the pixel in
# row 2, column 2. **How many 3x3 convolutions in a row would that pixel need to see the opposite
# corner of a picture of 16 x 16?**

# %%
# alt: Four maps of what the pixel in row 2, column 2 sees. One convolution: 3 x 3 pixels. Four: 7
#   x 7, up to the corner. Thirteen: the whole picture, strongly near by and hardly at all in the
#   far corner. One attention layer: the whole picture, evenly, and itself most.
def sees(layer, row, column):
    """Return how strongly output pixel (row, column) depends on each of 16 x 16 input pixels."""
    x = torch.randn(1, 8, 16, 16, generator=torch.Generator().manual_seed(0)).requires_grad_()
    layer(x)[0, :, row, column].sum().backward()
    return x.grad[0].abs().sum(dim=0)


torch.manual_seed(0)
convs = [nn.Conv2d(8, 8, 3, padding=1) for _ in range(13)]
layers = [convs[0], nn.Sequential(*convs[:4]), nn.Sequential(*convs),
          attention.SingleHeadAttention(8)]
titles = ["one 3x3 convolution", "four", "thirteen", "one attention layer"]
receptive_maps([sees(layer, 2, 2) for layer in layers], titles)
plt.show()

# %% [markdown]
# Each convolution adds one pixel on each side. From column 2 to column 15 it is 13 pixels, so it
# takes 13 convolutions, and even then the far corner has next to no effect (the colours stand for
# powers of ten). The last picture is attention, the layer of this notebook: one layer, and every
# pixel sees every other, however far away. In the U, the encoder halves the picture, so that few
# convolutions reach far. But what is far apart then meets only at the bottom, where the picture
# is coarse.
#
# ## 2. How does attention choose where to look?
#
# In this notebook, a pixel of a feature map is called a *token*: a vector of C numbers. A map of
# H x W pixels is a list of N = H * W tokens, row by row. Attention makes three vectors of each
# token:
#
# - its *query*: what it looks for;
# - its *key*: what it offers to those that look;
# - its *value*: what it hands over when it is looked at.
#
# The *score* of tokens i and j is the dot product of query i with key j. A softmax turns the
# scores of token i into shares that add up to 1. What token i gets is the values of all tokens,
# mixed by these shares.
#
# Let us do it by hand for 16 tokens, a map of 4 x 4. Each token is one number: 1 for ink, 0 for
# paper. There are two pixels of ink, in opposite corners. Key and value are the number itself,
# the query is twice the number.

# %%
ink = torch.zeros(4, 4)
ink[0, 0] = ink[3, 3] = 1
k = v = ink.reshape(16, 1)
q = 2 * k
scores = q @ k.T  # (16, 16)
print("scores of token 0, an ink pixel: ", scores[0].int().tolist())
print("scores of token 5, a paper pixel:", scores[5].int().tolist())

# %% [markdown]
# The softmax takes the exponential of each score and divides by the sum. $e^2$ is 7.39, and $e^0$
# is 1. **What share does token 0 take of the other ink pixel? And how does token 5 share itself
# out? Work out both.**

# %%
total = 2 * math.exp(2) + 14 * math.exp(0)
print(f"token 0: {math.exp(2) / total:.3f} of each ink pixel, {1 / total:.3f} of each paper pixel")
print(f"token 5: {1 / 16:.4f} of each pixel")

# %%
# alt: Three maps of 4 x 4 numbers. Token 0, in the corner, looks at itself and at the opposite
#   corner with a share of 0.257 each, at others with 0.035. Token 5 looks at all with 0.062. The
#   two corners get 0.514, all others 0.125.
shares = scores.softmax(dim=1)
number_maps([part.reshape(4, 4).round(decimals=3) for part in (shares[0], shares[5], shares @ v)],
            ["where token 0 looks", "where token 5 looks", "what each token gets"])
plt.show()

# %% [markdown]
# Ink looks at ink, wherever it is: the pixel in the one corner takes a quarter of its sight from
# the other corner, seven times as much as from any paper pixel. Paper has no preference and gets
# the mean. Nothing here has asked where a token lies.
#
# In a network the vectors have D numbers. A dot product is a sum of D products, so it grows with
# D. **What does a softmax do with large scores?** Here are ten random scores for two values of D:

# %%
torch.manual_seed(0)
for D in (4, 256):
    scores = torch.randn(10, D) @ torch.randn(D)
    scaled = scores / D**0.5
    print(f"D = {D:3}: largest share {scores.softmax(0).max():.2f}, "
          f"with scores / sqrt(D) {scaled.softmax(0).max():.2f}")

# %% [markdown]
# With D = 256 one token takes nearly everything. Then the others get no gradient, and the network
# can hardly learn to look elsewhere. So the scores are divided by $\sqrt D$, which is how much a
# sum of D random products grows.
#
# ### Exercise 8.1: the weights of attention
# difficulty 2 of 5, about 10 minutes
#
# For whole batches now. Row i belongs to the query of token i, and adds up to 1:
#
# $$w_{ij} = \mathrm{softmax}_j\Big(\frac{q_i \cdot k_j}{\sqrt D}\Big)$$
#
# | | shape |
# |---|---|
# | `q`, `k` | `(B, N, D)` |
# | returns | `(B, N, N)` |
#
# If you write the softmax out, you may simply take `exp`, though it overflows in fp32 for scores
# above 88. (PyTorch's softmax subtracts the largest score first.)

# %%
def attention_weights(q, k):
    """Return how much of every token each token takes: rows of shares that add up to 1.

    (B, N, D), (B, N, D) -> (B, N, N)

    Row i belongs to the query of token i: softmax over j of q_i . k_j / sqrt(D).
    Source: "Attention Is All You Need" (2017), equation 1.
    """
    raise NotImplementedError("exercise 8.1")

# %%
attention_weights = check("8.1", attention_weights)

# %% [markdown]
# <details><summary>Hint 1: all dot products at once</summary>
#
# `q @ k.T` above gave all of them for one list of tokens. For a batch of lists, the last two axes
# of k have to change places: `k.transpose(1, 2)` has the shape (B, D, N).
# </details>
#
# <details><summary>Hint 2: which axis is which</summary>
#
# In the scores, (B, N, N), axis 1 counts the queries and axis 2 the keys. A query shares itself
# out over the keys.
# </details>
#
# <details><summary>My check says that columns add up to 1</summary>
#
# `softmax(dim=1)` runs over the queries. Row i has to add up to 1, so the softmax runs along the
# row: over the last axis, `dim=-1`.
# </details>

# %%
# solution 8.1

# %%
w = attention_weights(q[None], k[None])  # the same 16 tokens, as a batch of one
print("shape:", tuple(w.shape))
print("as by hand:", torch.allclose(w[0], shares))

# %% [markdown]
# ## 3. Attention as a layer
#
# The layer learns what to look for. Queries, keys and values are made by three 1x1 convolutions:
# each pixel by itself, with the same parameters everywhere. A fourth one, `proj`, works on what
# was mixed. (On a map, the course calls the number of channels C. Here D is C.)
#
# Maps have to become lists of tokens and lists maps again. `to_tokens` and `to_map` do it:

# %%
x = torch.arange(12).reshape(1, 2, 2, 3)  # 2 channels, 2 rows, 3 columns
print("channel 0:", x[0, 0].tolist(), " channel 1:", x[0, 1].tolist())
print("tokens:   ", to_tokens(x)[0].tolist())
print("and back: ", torch.equal(to_map(to_tokens(x), height=2), x))

# %% [markdown]
# ### Exercise 8.2: attention with one head
# difficulty 3 of 5, about 15 minutes
#
# $$\mathrm{out} = \mathrm{proj}(w\, v), \qquad w = \mathrm{attention\_weights}(q, k)$$
#
# | | shape |
# |---|---|
# | `x` | `(B, C, H, W)` |
# | the layers `q`, `k`, `v`, `proj` | four 1x1 convolutions from C to C channels, with biases |
# | `weights(x)` | `(B, N, N)`, with N = H * W |
# | `forward(x)` | `(B, C, H, W)` |
#
# Use `attention_weights`, `to_tokens` and `to_map`. There is no norm in it, and x is not added:
# the block around it will do both.

# %%
class SingleHeadAttention(nn.Module):
    """Attention by four 1x1 convolutions, everything written out.

    (B, C, H, W) -> (B, C, H, W)

    Source: "Denoising Diffusion Probabilistic Models" (2020), appendix B, and its code.
    """

    def __init__(self, ch):
        super().__init__()
        raise NotImplementedError("exercise 8.2")

    def weights(self, x):
        """Return the shares that each pixel takes of all pixels.

        (B, C, H, W) -> (B, H*W, H*W)
        """
        raise NotImplementedError("exercise 8.2")

    def forward(self, x):
        raise NotImplementedError("exercise 8.2")

# %%
SingleHeadAttention = check("8.2", SingleHeadAttention)

# %% [markdown]
# <details><summary>Hint 1: weights</summary>
#
# `self.q(x)` is a map, (B, C, H, W). `to_tokens(self.q(x))` is what `attention_weights` takes.
# </details>
#
# <details><summary>Hint 2: mixing</summary>
#
# Row i of the weights times the column of values: a matrix product, `weights @ values`, with the
# shapes (B, N, N) and (B, N, C).
# </details>
#
# <details><summary>My check says that the tokens are made by reshape</summary>
#
# Reshape never moves a number: it reads them in their old order and cuts the row elsewhere. In
# the example above, `x.reshape(1, 6, 2)` begins with the token [0, 1], two neighbours of channel
# 0. The token of the first pixel is [0, 6].
# </details>

# %%
# solution 8.2

# %% [markdown]
# Here is your layer, untrained, on the map with two ink pixels: 8 channels, all equal, and ink is
# 3 in place of 1, so that the shares differ clearly. **Will it look more at ink or more at
# paper?**

# %%
# alt: Two maps of 4 x 4 shares, of a layer with random weights. Token 0 looks at the two corners
#   with ink, and hardly at the others. Token 5 looks at all others evenly, and less at the two
#   corners.
torch.manual_seed(1)
layer = SingleHeadAttention(8)
w = layer.weights(3 * ink.expand(1, 8, 4, 4))[0].detach()
number_maps([w[0].view(4, 4).round(decimals=3), w[5].view(4, 4).round(decimals=3)],
            ["where token 0 looks", "where token 5 looks"])
plt.show()

# %% [markdown]
# That is chance, for the layer's parameters are random: change the seed and look again. What is
# worth looking at is learned.
#
# This is your layer as a picture, drawn from what it did with the same map: each tensor as the
# matrix that it is, all to one scale. The two largest are N x N: the products q · k of every pair of
# tokens, and the shares that the softmax makes of them.

# %% tags=["nbval-ignore-output"]
# alt: Attention with one head as a diagram. The map, 8 x 4 x 4, goes through three convolutions q,
#   k and v, each rearranged to tokens. The product of q and k is a matrix of 16 x 16, a softmax
#   makes shares of it, and their product with v is 16 x 8, which becomes a map of 8 x 4 x 4 again
#   and goes through the convolution proj.
draw_block(layer, 3 * ink.expand(1, 8, 4, 4), title="Attention with one head")
plt.show()

# %% [markdown]
# ## 4. Two mistakes that nothing gives away
#
# A layer that takes `(B, C, H, W)` and returns `(B, C, H, W)` fits, whatever it does inside. Here
# are two wrong ones, made from the course's layer. The first makes its tokens with reshape. The
# second has the softmax over the wrong axis.

# %%
class Reshaped(attention.SingleHeadAttention):
    def weights(self, x):
        B, C, H, W = x.shape
        q, k = self.q(x).reshape(B, H * W, C), self.k(x).reshape(B, H * W, C)
        return attention.attention_weights(q, k)

    def forward(self, x):
        B, C, H, W = x.shape
        mixed = self.weights(x) @ self.v(x).reshape(B, H * W, C)
        return self.proj(mixed.reshape(B, C, H, W))


class WrongAxis(attention.SingleHeadAttention):
    def weights(self, x):
        q, k = to_tokens(self.q(x)), to_tokens(self.k(x))
        return (q @ k.transpose(1, 2) / q.shape[-1] ** 0.5).softmax(dim=1)

# %% [markdown]
# **Would training show that they are wrong?** We put each into the U-Net, behind the second block
# of the encoder, where the picture is 8 x 8. `AttentionBlock(ch, variant)` normalises, attends
# and adds x. (It normalises by GroupNorm: mean 0 and variance 1 over groups of channels of each
# picture. Section 10 compares it with BatchNorm.) `Attended(block, attention)` sets it behind a
# block that also gets the time:

# %%
def small_unet(variant=None, level=1):
    """Return a fresh U-Net, with attention behind block `level` of the encoder if one is given."""
    torch.manual_seed(0)
    net = UNet(in_ch=1, base_ch=16, ch_mult=(1, 2, 4), time_dim=64)
    if variant:
        blocks, ch = net.encoder.blocks, 16 * 2**level
        blocks[level] = Attended(blocks[level], AttentionBlock(ch, variant, groups=8))
    return net.to(machine.device)

# %% [markdown]
# `fit` trains a network on the digits. It has three switches that we need later: `extra` noise on
# the pictures, the largest gradient norm `clip`, and a step at which a bad batch comes, `bad`.
# `tested` returns the loss on 360 digits that were not trained on.

# %%
images, test = (load("digits", split)[0].to(machine.device) for split in ("train", "test"))
schedule = cosine_schedule()


def fit(net, steps, pictures=images, extra=0.0, clip=math.inf, bad=None):
    """Train a network; return the loss and the gradient's norm at each step."""
    generator = torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    history = []
    for step in range(steps):
        x0, t, eps = draw_batch(pictures, 1000, 32, generator)
        x0 = x0 + extra * torch.randn(x0.shape, generator=generator).to(x0.device)
        x0 = (x0 + 1) * 127.5 if step == bad else x0  # pixels from 0 to 255: nobody scaled them
        loss = noise_loss(net.train(), x0, t, eps, schedule)
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
        history.append((loss.item(), norm.item()))
    return history


@torch.no_grad()
def tested(net, pictures=test):
    """Return the loss at evenly spread steps t, the network in eval mode."""
    t = torch.arange(len(pictures)) * 1000 // len(pictures)
    eps = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(2))
    eps, t = eps.to(pictures.device), t.to(pictures.device)
    return noise_loss(net.eval(), pictures, t, eps, schedule).item()

# %% tags=["nbval-ignore-output"]
steps = machine.budget(cpu=60, gpu=400)
variants = {"right": SingleHeadAttention, "reshaped": Reshaped, "wrong axis": WrongAxis}
losses, curves = {}, {}
for name, variant in variants.items():
    net = small_unet(variant)
    curves[name] = [loss for loss, norm in fit(net, steps)]
    losses[name] = tested(net)
    print(f"{name:11} loss after {steps} steps: {losses[name]:.3f}")

# %% tags=["nbval-ignore-output"]
# alt: Three curves of the loss over 60 steps, for the right layer, the reshaped one and the one
#   with the wrong axis. They lie on each other.
loss_curves(curves)
plt.show()

# %% tags=["trained"]
gap = max(losses.values()) / min(losses.values()) - 1
print("the three losses are within 25% of each other:", gap < 0.25)

# %% [markdown]
# All three learn. You see nearly one line, for the three lie on top of each other: what the layer
# finds is added to a path that works without it, and training makes some use of whatever it
# mixes. So the loss does not tell. You have to ask the layer itself. Two properties follow from
# what attention is:
#
# 1. **Rows add up to 1.** The weights of one query are shares.
# 2. **Shuffling commutes.** Attention does not know where a token lies. So shuffle the pixels
#    first, or shuffle the result: it must be the same.
#
# **Which test will find which mistake?**

# %%
def rows_add_up(layer, x):
    sums = layer.weights(x).sum(dim=-1)
    return torch.allclose(sums, torch.ones_like(sums), atol=1e-5)


def shuffle_commutes(layer, x):
    order = torch.randperm(x.shape[2] * x.shape[3])
    shuffled = x.flatten(2)[:, :, order].view_as(x)
    out = layer(x).flatten(2)[:, :, order].view_as(x)
    return torch.allclose(layer(shuffled), out, atol=1e-5)


torch.manual_seed(0)
x = torch.randn(2, 8, 5, 7)
print("             shape   rows   shuffle")
for name, variant in variants.items():
    layer = variant(8)
    print(f"{name:11}  {layer(x).shape == x.shape!s:6}  {rows_add_up(layer, x)!s:6} "
          f"{shuffle_commutes(layer, x)!s}")

# %% [markdown]
# The shuffle finds the reshape: there a "token" is a run of neighbours in one channel, so the
# place matters. The sums find the wrong axis. Each test misses the other mistake, so you need
# both. They take a few lines each and no training. They find these two mistakes, not all: section
# 6 has one that passes both.
#
# ## 5. Why several heads?
#
# With one set of shares, a pixel takes the same mixture for all its channels. It cannot take one
# thing from here and another from there. *Heads* change that. The channels are dealt out to the
# heads, d = C / heads for each, and each head does attention with its own part of queries, keys
# and values.
#
# An example on 4 x 4 tokens. A token has eight numbers: the first four say in which row it lies,
# the last four in which column. Queries and keys are the tokens themselves. **Where does the
# token in row 1, column 2 look with one head? And with two heads of four numbers each?**

# %%
# alt: Where token 6 looks, on a map of 4 x 4. With one head: at itself, and a little at its row
#   and column. With two heads, one looks along its row and the other along its column, evenly.
place = torch.arange(16)
rows, columns = F.one_hot(place // 4, 4), F.one_hot(place % 4, 4)
tokens = 2.5 * torch.cat([rows, columns], dim=1)[None]  # (1, 16, 8)
one = attention_weights(tokens, tokens)
two = [attention_weights(half, half) for half in tokens.chunk(2, dim=2)]
number_maps([w[0, 6].view(4, 4).round(decimals=2) for w in (one, *two)],
            ["one head", "two heads: head 0", "head 1"])
plt.show()

# %% [markdown]
# One head has to compromise: it looks at itself most, then at its row and its column alike. With
# two heads, half of the channels bring what is in its row, the other half what is in its column.
#
# ### Exercise 8.3: several heads
# difficulty 4 of 5, about 20 minutes
#
# This one takes tokens. One linear layer, `qkv`, makes queries, keys and values together, 3C
# numbers: the first C are the query, the next C the key, the last C the value. Each of these is
# dealt out to the heads in order: head 0 gets the first d, head 1 the next d, and so on. At the
# end the heads' results lie beside each other in the same order, and go through `proj`.
#
# | | shape |
# |---|---|
# | `x` | `(B, N, C)` |
# | `self.qkv(x)` | `(B, N, 3C)`; it has biases if `qkv_bias` is True |
# | queries, keys, values | `(B, heads, N, d)` each, d = C / heads |
# | mixed, for each head | `(B, heads, N, d)` |
# | side by side, then `self.proj`, C to C, with biases | `(B, N, C)` |
#
# `F.scaled_dot_product_attention(q, k, v)` does softmax(q k^T / sqrt(d)) v on the last two axes,
# whatever axes stand before them. `rearrange` gives axes names:
# `rearrange(x, "b n (h d) -> b h n d", h=heads)` splits the last axis and moves the heads
# forward. The reference refuses a number of heads that does not divide C. Yours need not.

# %%
class TokenAttention(nn.Module):
    """Attention with several heads: each head has its own C / heads numbers of every token.

    (B, N, C) -> (B, N, C)

    One linear layer makes queries, keys and values. Raises ValueError unless heads divides C.
    Source: "Attention Is All You Need" (2017), section 3.2.2.
    """

    def __init__(self, ch, heads=4, qkv_bias=False):
        super().__init__()
        raise NotImplementedError("exercise 8.3")

    def forward(self, x):
        raise NotImplementedError("exercise 8.3")

# %%
TokenAttention = check("8.3", TokenAttention)

# %% [markdown]
# <details><summary>Hint 1: three at once</summary>
#
# The 3C numbers are an axis of three parts: `(qkv h d)`, with `qkv=3`. Put that axis first, and
# the result can be unpacked: `q, k, v = rearrange(...)`.
# </details>
#
# <details><summary>Hint 2: the pattern</summary>
#
# In: `"b n (qkv h d) -> qkv b h n d"`. Out: `"b h n d -> b n (h d)"`.
# </details>
#
# <details><summary>My check says that the numbers are viewed in the old order</summary>
#
# From (B, N, C), `view(B, heads, N, d)` has the right shape and the wrong numbers: the same
# mistake as `Reshaped` above. `view(B, N, heads, d)` only cuts the last axis; then
# `transpose(1, 2)` moves it.
# </details>

# %%
# solution 8.3

# %% [markdown]
# **Which has more parameters, one head or four?** The same parameters, used with one head and
# with four:

# %%
torch.manual_seed(0)
single, several = TokenAttention(32, heads=1), TokenAttention(32, heads=4)
several.load_state_dict(single.state_dict())
x = torch.randn(2, 16, 32)
for name, layer in (("1 head ", single), ("4 heads", several)):
    print(name, f"{sum(p.numel() for p in layer.parameters()):,} parameters")
print(f"largest difference of their outputs: {(single(x) - several(x)).abs().max():.2f}")

# %% [markdown]
# The same number: heads share out the channels, they do not add any. What differs is how many
# sets of shares there are for each token, one or four, and how long the vectors are that are
# compared, 32 numbers or 8. Here are two heads on 16 tokens of 8 numbers: two matrices of shares,
# where there was one.

# %% tags=["nbval-ignore-output"]
# alt: Attention with two heads as a diagram. A linear layer makes 16 x 24 of 16 tokens of 8
#   numbers. It is taken apart into queries, keys and values for two heads, 2 x 16 x 4 each. Queries
#   and keys give two matrices of shares, 2 x 16 x 16, which are multiplied by the values; the
#   result is put together to 16 x 8 and goes through a last linear layer.
torch.manual_seed(0)
parts = {"part 1 of 3": "queries q", "part 2 of 3": "keys k", "part 3 of 3": "values v"}
draw_block(TokenAttention(8, heads=2), torch.randn(1, 16, 8), title="Two heads", names=parts)
plt.show()

# %% [markdown]
# On maps it is one line, with `to_tokens` before and `to_map` after:

# %%
class MultiHeadAttention(nn.Module):
    def __init__(self, ch, heads=4):
        super().__init__()
        self.tokens = TokenAttention(ch, heads)

    def forward(self, x):
        return to_map(self.tokens(to_tokens(x)), x.shape[2])


x = torch.randn(2, 8, 5, 7)
print("shuffle commutes:", shuffle_commutes(MultiHeadAttention(8), x))

# %% [markdown]
# ## 6. A published network that crashes
#
# PyTorch has a layer with several heads, `nn.MultiheadAttention`. The tutorial that our U-Net
# comes from suggests this as an extension, here for 32 channels. **Will it
# work? What will go wrong first?**

# %%
published = nn.Sequential(nn.GroupNorm(8, 32), nn.MultiheadAttention(32, 4))
try:
    published(torch.randn(2, 32, 8, 8))
except TypeError as error:
    print("TypeError:", error)

# %% [markdown]
# `nn.Sequential` hands one thing from layer to layer. `nn.MultiheadAttention` does not fit in
# there, for three reasons: it wants three inputs, query, key and value; it takes tokens, not
# maps; and it returns a pair, the mixed tokens and the weights. There is a fourth trap. Unless
# you say `batch_first=True`, it takes tokens as (N, B, C), with the batch second.
#
# ### Exercise 8.4: repair it
# difficulty 2 of 5, about 8 minutes
#
# | | shape |
# |---|---|
# | `x` | `(B, C, H, W)` |
# | `self.attention` | `nn.MultiheadAttention` with C channels and `heads` heads, biases as by default |
# | returns | `(B, C, H, W)`, the mixed tokens as a map |
#
# Queries, keys and values are the same tokens, those of x. The layer has its own linear layers
# inside, `proj` too. Leave its other options, dropout among them, as they are by default. The norm
# stays outside.

# %%
class TorchAttention(nn.Module):
    """PyTorch's own nn.MultiheadAttention on feature maps, called as it must be.

    (B, C, H, W) -> (B, C, H, W)

    It takes tokens, not maps; it wants queries, keys and values, here three times the same; and it
    returns a pair. So it cannot stand in nn.Sequential, where the tutorial has it.
    """

    def __init__(self, ch, heads=4):
        super().__init__()
        raise NotImplementedError("exercise 8.4")

    def forward(self, x):
        raise NotImplementedError("exercise 8.4")

# %%
TorchAttention = check("8.4", TorchAttention)

# %% [markdown]
# <details><summary>Hint 1: the call</summary>
#
# `tokens = to_tokens(x)`, and then `mixed, _ = self.attention(tokens, tokens, tokens)`. With
# `need_weights=False` PyTorch does not write out the weights, which is faster.
# </details>
#
# <details><summary>My check says that pixels look at other pictures</summary>
#
# The first axis is taken for the tokens. Tokens (B, N, C) need `batch_first=True`; without it,
# hand over (N, B, C). One of the two, not both.
# </details>

# %%
# solution 8.4

# %% [markdown]
# How bad is the fourth trap? We change picture 1 of a batch, and look at what comes out for
# picture 0. **Should it change?**

# %%
torch.manual_seed(0)
tokens = torch.randn(2, 16, 32)
changed = tokens.clone()
changed[1] += 1
for batch_first in (True, False):
    layer = nn.MultiheadAttention(32, 4, batch_first=batch_first)
    before, after = layer(tokens, tokens, tokens)[0], layer(changed, changed, changed)[0]
    same = torch.allclose(before[0], after[0], atol=1e-5)
    print(f"batch_first={batch_first!s:5}  picture 0 changed: {not same}")

# %% [markdown]
# Without it, tokens look at the same place in other pictures, and not at their own picture.
# Shapes and loss say nothing, once more, and even the shuffle commutes. What finds it is what we
# just did: change one picture of the batch, and see that the others stay as they are. The
# repaired layer does fit behind the norm:

# %%
repaired = nn.Sequential(nn.GroupNorm(8, 32), TorchAttention(32, 4))
print("out:", tuple(repaired(torch.randn(2, 32, 8, 8)).shape))

# %% [markdown]
# ## 7. What does it cost?
#
# Every token meets every other, so there are N x N scores. **The picture gets twice as high and
# twice as wide. How much more memory do the shares take?**

# %%
for side in (8, 16, 32, 64):
    N = side * side
    print(f"{side:2} x {side:2}: N = {N:4}, one matrix of shares: {4 * N * N / 2**20:6.2f} MB")

# %% [markdown]
# Sixteen times. N grows with the square of the side, and the matrix with the square of N. (And
# that is for one picture and one head. While training, it is kept until the gradients are
# computed.)
#
# *Linear attention* gets round it by changing the order of the products. In $(q\,k^T)\,v$ the
# matrix $q\,k^T$ is N x N. In $q\,(k^T v)$ the matrix $k^T v$ is d x d: keys and values are
# summed up over all pixels first, and each query reads this summary. A softmax over $q\,k^T$
# would not allow that. So queries and keys have a softmax each, before they meet. The result is
# not the same as before: it is another layer, with other shares.
#
# ### Exercise 8.5: linear attention
# difficulty 4 of 5, about 20 minutes
#
# On maps again, with heads. `qkv` is one 1x1 convolution without biases from C to 3C channels, in
# the order of 8.3: first q, then k, then v, and in each the heads in order. `proj` is a 1x1
# convolution from C to C with biases. Written with tokens as columns, for each head:
#
# $$S = \mathrm{softmax}_N(k)\; v^T \qquad\quad \mathrm{mixed} = S^T\, \mathrm{softmax}_d(q)$$
#
# | | shape |
# |---|---|
# | `x` | `(B, C, H, W)` |
# | `q`, `k`, `v` | `(B, heads, d, N)` each: here d stands before N |
# | softmax of k | over the N pixels: each channel shares itself out over the pixels |
# | softmax of q | over the d channels: each pixel shares itself out over the channels |
# | the summary S | `(B, heads, d, d)` |
# | mixed | `(B, heads, d, N)` |
# | returns | `(B, C, H, W)` |
#
# The reference refuses a number of heads that does not divide C. Yours need not.

# %%
class LinearAttention(nn.Module):
    """Attention whose cost grows with N, not with N squared: no token meets another.

    (B, C, H, W) -> (B, C, H, W)

    Keys and values are first summed up in one small matrix for each head, which every query then
    reads. Raises ValueError unless heads divides C.
    Source: "Efficient Attention: Attention with Linear Complexities" (2018), equation 4.
    """

    def __init__(self, ch, heads=4):
        super().__init__()
        raise NotImplementedError("exercise 8.5")

    def forward(self, x):
        raise NotImplementedError("exercise 8.5")

# %%
LinearAttention = check("8.5", LinearAttention)

# %% [markdown]
# <details><summary>Hint 1: the pattern</summary>
#
# `"b (qkv h d) y x -> qkv b h d (y x)"` takes the channels apart and lays the rows of pixels one
# behind the other. On the way back: `"b h d (y x) -> b (h d) y x"`, with `y=x.shape[2]`.
# </details>
#
# <details><summary>Hint 2: the axes</summary>
#
# In (B, heads, d, N) the pixels are axis -1 and the channels axis -2. `v.transpose(-1, -2)` is
# $v^T$.
# </details>
#
# <details><summary>My check says that the softmaxes have changed places</summary>
#
# Keys: a channel of k says which pixels to sum up, so it is a set of shares over pixels. Queries:
# a pixel says which of the summaries it wants, so it is a set of shares over channels.
# </details>

# %%
# solution 8.5

# %%
torch.manual_seed(0)
x = torch.randn(2, 8, 5, 7)
print("shuffle commutes:", shuffle_commutes(LinearAttention(8), x))

# %% [markdown]
# Here it is as a picture. In place of the N x N shares there is one small matrix for each head, 4 x 4
# for a head of 4 numbers. However many tokens come in, it keeps its size.

# %% tags=["nbval-ignore-output"]
# alt: Linear attention with two heads as a diagram. A convolution makes queries, keys and values of
#   2 x 4 x 16. The softmax of the keys is multiplied by the values, which gives 2 x 4 x 4, two very
#   small matrices. They are multiplied by the softmax of the queries, and the result, 2 x 4 x 16,
#   becomes a map again and goes through the convolution proj. No matrix is 16 x 16.
draw_block(LinearAttention(8, heads=2), torch.randn(1, 8, 4, 4), title="Linear attention",
           names=parts)
plt.show()

# %% [markdown]
# Now the prices, for 32 channels and one picture. Memory we compute: the matrices of shares, or
# the summaries S, in bytes. (`F.scaled_dot_product_attention`, which you may have used in 8.3,
# often works through the matrix piece by piece and never has all of it. The curve shows what four
# heads take where it is written out.) Time we measure. **Will the lines be straight? How steep?**

# %%
def bytes_of_weights(N, ch=32, heads=4):
    return {"one head": 4 * N**2, "four heads": 4 * heads * N**2,
            "linear": 4 * heads * (ch // heads) ** 2}


@torch.no_grad()
def milliseconds(layer, *inputs, repeats=5):
    """Return the time of one forward pass, the best of some."""
    best = math.inf
    for _ in range(repeats):
        begun = time.perf_counter()
        layer(*inputs)
        if machine.has_gpu:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - begun)
    return 1000 * best

# %% tags=["nbval-ignore-output"]
# alt: Two panels over the number of tokens, from 64 to 4096, in powers of ten. Time and memory of
#   one head and of four grow nearly as fast as N squared. The time of linear attention grows
#   slowly, and its memory does not grow at all.
sides = [8, 16, 32, 64]
layers = {"one head": SingleHeadAttention(32), "four heads": MultiHeadAttention(32),
          "linear": LinearAttention(32)}
taken = {name: [] for name in layers}
for side in sides:
    x = torch.randn(1, 32, side, side).to(machine.device)
    for name, layer in layers.items():
        taken[name].append(milliseconds(layer.to(machine.device), x))
sizes = [bytes_of_weights(side**2) for side in sides]
written = {name: [size[name] / 2**20 for size in sizes] for name in layers}
cost_curves([side**2 for side in sides],
            {"milliseconds for one picture": taken, "MB of shares or summaries": written})
plt.show()

# %%
print("at 4,096 tokens, linear is the fastest:",
      taken["linear"][-1] < min(taken["one head"][-1], taken["four heads"][-1]))
print("and its summary does not grow:", written["linear"][0] == written["linear"][-1])

# %% [markdown]
# In these axes a power is a straight line, and N squared is the grey one. For few tokens all
# three cost about the same: most of the time goes into calling the layers. From a thousand tokens
# on, the square takes over. Linear attention goes up with N alone, half as steep, and its summary
# stays as it is; only its maps grow with N, as in every layer. Four heads have four times as many
# shares, yet PyTorch's function can be as fast as one head written out, or faster.
#
# ## 8. Where in the U?
#
# That decides where attention can be afforded. The deeper the level, the fewer tokens. The DDPM
# paper has it where pictures are 16 x 16, and at the bottom. These are the places in our encoder,
# for a batch of 32 pictures, and what they would be for pictures of 64 x 64:

# %%
print("            tokens    shares    for pictures of 64 x 64")
for place, halvings in (("level 0", 0), ("level 1", 1), ("bottom", 2)):
    N, large = (16 >> halvings) ** 2, (64 >> halvings) ** 2
    sizes = [32 * 4 * n * n / 2**20 for n in (N, large)]
    print(f"{place:9} {N:8} {sizes[0]:8.2f} MB {sizes[1]:11.1f} MB")

# %% [markdown]
# At level 0, pictures of 64 x 64 would take two gigabytes for a single head, and eight for four.
# `Attended` can replace any block of the U:

# %%
nets = {"no attention": small_unet(), "level 0": small_unet(SingleHeadAttention, 0),
        "level 1": small_unet(SingleHeadAttention, 1), "bottom": small_unet()}
bottom = nets["bottom"].encoder.bottom
block = AttentionBlock(64, SingleHeadAttention, groups=8).to(machine.device)
nets["bottom"].encoder.bottom = Attended(bottom, block)
for name, net in nets.items():
    print(f"{name:13} {sum(p.numel() for p in net.parameters()):8,} parameters")

# %% tags=["nbval-ignore-output"]
for name, net in nets.items():
    print(f"{name:13} {milliseconds(net.eval(), images[:32], 500):6.1f} ms for 32 pictures")

# %% [markdown]
# **Does it help?** We train the network without attention as long as the three of section 4:

# %% tags=["nbval-ignore-output"]
plain = nets["no attention"]
plain_history = fit(plain, steps)
losses["none"] = tested(plain)
for name in ("none", "right"):
    print(f"{name:6} loss after {steps} steps: {losses[name]:.3f}")

# %% tags=["trained"]
print("attention makes less than 25% of a difference here:",
      abs(losses["none"] / losses["right"] - 1) < 0.25)

# %% [markdown]
# Hardly, here. Digits of 16 x 16 are small, and with two halvings a pixel sees most of the
# picture anyway (notebook 03 measured it). What attention is good for shows with larger pictures,
# when the left side has to agree with the right, and after far more steps. That is worth knowing:
# a layer that helps elsewhere may cost you time and bring nothing. Measure it on your data.
#
# ## 9. Where does a trained network look?
#
# We train a network with two heads at 8 x 8 for a little longer, and look at the shares that it
# computes, before and after. PyTorch calls a *forward hook* whenever a layer has run, with its
# input; from that we compute the shares again. (We take the course's layer, whose parts have
# known names.)

# %%
class TwoHeads(attention.MultiHeadAttention):
    def __init__(self, ch):
        super().__init__(ch, heads=2)


def head_weights(layer, x):
    """Return the shares of a TokenAttention for each head.  (B, N, C) -> (B, heads, N, N)"""
    q, k, _ = rearrange(layer.qkv(x), "b n (qkv h d) -> qkv b h n d", qkv=3, h=layer.heads)
    return (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(dim=-1)

@torch.no_grad()
def shares_of(net, xt):
    """Return where each pixel looks at t = 50.  (B, C, H, W) -> (B, heads, N, N)"""
    kept = {}
    layer = net.encoder.blocks[1].attention.attention.tokens  # AttentionBlock, TwoHeads, tokens

    def keep(layer, inputs, out):
        kept.update(w=head_weights(layer, inputs[0]))

    with layer.register_forward_hook(keep):
        net.eval()(xt.to(machine.device), 50)
    return kept["w"].cpu()

# %% tags=["nbval-ignore-output"]
alpha_bar = schedule.alpha_bar_at(torch.full((8,), 50))  # t = 50: a little noise
eps = torch.randn(8, 1, 16, 16, generator=torch.Generator().manual_seed(3))
xt = add_noise(test[:8].cpu(), eps, alpha_bar)
net = small_unet(TwoHeads)
fresh = shares_of(net, xt)
history = fit(net, machine.budget(cpu=240, gpu=2000))
seen = shares_of(net, xt)
print("shares:", tuple(seen.shape))

# %% tags=["nbval-ignore-output"]
# alt: A noisy digit with a framed pixel beside its stroke, and two maps of where that pixel looks.
#   One head prefers the stroke, the other the background.
attention_maps(xt[1], seen[1], row=4, column=4)
plt.show()

# %% [markdown]
# Left, the noisy digit; the frame marks the pixel that asks, one of 8 x 8. Each head's map shows
# how much it takes of every pixel. "Even" would be 1/64 of each.
#
# Choose a picture and a pixel. **Do the two heads look at the same things? What do they look at
# from ink, and what from paper? Is the pixel itself among it?**

# %% tags=["nbval-ignore-output"]
# alt: A noisy digit six times, each time with another of its pixels framed, and two maps of where
#   that pixel looks, one for each head.
attention_explorer(xt, seen)

# %% [markdown]
# The heads learn different things. In most of our runs one of them preferred the stroke, and the
# other the paper or the border: far from the pixel that asks as well as near it, and the pixel
# itself is nothing special. Which head does what is chance. One number does not depend on that:
# how large is the largest share of a pixel, beside an even share, before training and after it?

# %% tags=["nbval-ignore-output"]
largest = {name: 64 * shares.amax(dim=-1).mean().item()
           for name, shares in (("fresh", fresh), ("trained", seen))}
for name, times in largest.items():
    print(f"{name:8} the largest share is {times:.1f} times an even one")

# %% tags=["trained"]
print("training has made it choose:", largest["trained"] > 1.5 * largest["fresh"])

# %% [markdown]
# ## 10. Four more pieces of advice, measured
#
# The tutorial ends with a list of things to try. Attention was one. Here are the others.
#
# **Deeper blocks.** Two blocks per level instead of one. The second has a shortcut, so what the
# first found still gets through. `Deeper` puts two blocks together, and takes the place of one.
# **How many more parameters will the network have, and how much slower will it be?**

# %%
class Deeper(nn.Module):
    def __init__(self, first, second):
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x, temb):
        return self.second(self.first(x, temb), temb)


deep = small_unet()
for part in (deep.encoder.blocks, deep.decoder.blocks):
    for i, block in enumerate(part):
        ch = block.conv2.out_channels
        part[i] = Deeper(block, ConvBlock(ch, ch, 64))
deep.to(machine.device)
for name, net in (("one block", plain), ("two blocks", deep)):
    print(f"{name:10} {sum(p.numel() for p in net.parameters()):8,} parameters")

# %% tags=["nbval-ignore-output"]
fit(deep, steps)
losses["deeper"] = tested(deep)
for name, net in (("none", plain), ("deeper", deep)):
    spent = milliseconds(net.eval(), images[:32], 500)
    print(f"{name:6} loss after {steps} steps: {losses[name]:.3f}, {spent:.1f} ms for 32 pictures")

# %% tags=["trained"]
print("after as many steps, the deeper one is within 25%:",
      abs(losses["deeper"] / losses["none"] - 1) < 0.25)

# %% [markdown]
# After as many steps, the deeper one is hardly better here, and each step takes half as long
# again, or more. Compare networks after the same time, not after the same number of steps.
#
# **Noisier pictures.** A little noise on x0, drawn anew at each step, is meant to keep a network
# from learning its pictures by heart. We train on 64 digits only, which can be learned by heart,
# and measure on these and on digits never seen. **What do you expect of the two losses?**

# %% tags=["nbval-ignore-output"]
few = images[:64]
new = {}
for extra in (0.0, 0.1):
    net = small_unet()
    fit(net, machine.budget(cpu=90, gpu=200), pictures=few, extra=extra)
    new[extra] = tested(net)
    known = tested(net, few)
    print(f"extra noise {extra}: loss on the 64 {known:.3f}, on new ones {new[extra]:.3f}")

# %% tags=["trained"]
print("after a short training, the extra noise costs more than it brings:", new[0.1] > new[0.0])

# %% [markdown]
# After so few steps, the network does about as well on new pictures as on those that it knows: it
# has not learned them by heart. (Diffusion adds noise anyway, and makes every input new.) So
# there is nothing to gain yet, and the extra noise has a price, on both: the network now takes
# pictures with grain for clean ones, and is asked to leave the grain in. It is a tool for small
# data sets and long training.
#
# **Gradient clipping.** One batch in a training run is bad: its pixels were not scaled, and go up
# to 255. The *norm* of the gradient is the length of the vector of all its numbers. Clipping
# scales a gradient that is longer than 1 down to length 1, in its direction. **What will the
# bad batch do to the steps after it?**

# %% tags=["nbval-ignore-output"]
length, bad = machine.budget(cpu=70, gpu=200), machine.budget(cpu=25, gpu=100)
histories = {}
for name, clip in (("not clipped", math.inf), ("clipped to 1", 1.0)):
    histories[name] = fit(small_unet(), length, clip=clip, bad=bad)
    norms = [norm for loss, norm in histories[name]]
    print(f"{name:12} norm before: {norms[bad - 1]:.2f}, of the bad batch: {norms[bad]:,.0f}")

# %% tags=["nbval-ignore-output"]
# alt: The loss over 70 steps on a logarithmic axis, not clipped and clipped to 1. The two lie on each
#   other up to a red line at step 26, where both leave the picture upwards. They come back at once,
#   and after that the clipped run stays lower.
figure = loss_curves({name: [loss for loss, _ in h] for name, h in histories.items()})
figure.axes[0].set_ylim(0.05, 2)
figure.axes[0].axvline(bad + 1, color="red", lw=1, zorder=0)
plt.show()

# %% tags=["trained"]
after = {name: sum(loss for loss, _ in h[-20:]) / 20 for name, h in histories.items()}
norms = [norm for _, norm in histories["not clipped"]]
print("the bad batch's gradient is over 100 times as long:", norms[bad] > 100 * norms[bad - 1])
print("afterwards, the clipped one is lower:", after["clipped to 1"] < after["not clipped"])

# %% [markdown]
# Both losses jump at the bad batch, at the red line, far out of the picture. What happens after it
# is due to Adam. It divides each step by the size of the gradients that it remembers, and it
# remembers this one for about a thousand steps. Not clipped, all steps after it are tiny, and
# learning all but stops. Clipped, the bad batch counts hardly more than any other.
#
# **GroupNorm instead of BatchNorm.** BatchNorm takes mean and variance over the whole batch while
# it trains, and averages of these in eval mode. *GroupNorm* takes them over groups of channels of
# each picture alone, the same in both modes. Here is one BatchNorm on features of 16 channels and
# 4 x 4 pixels. We let it see 300 batches, then send 20 more through it in both modes.
# **For which batch sizes will the two outputs differ most?**

# %%
def features(batch, generator):
    """Return features of pictures that differ in brightness.  () -> (batch, 16, 4, 4)"""
    brightness = torch.randn(batch, 1, 1, 1, generator=generator)
    return 1 + brightness + torch.randn(batch, 16, 4, 4, generator=generator)


@torch.no_grad()
def mode_gap(norm, batch, generator):
    """Return how much the outputs in train and eval mode differ; their own size is 1."""
    for _ in range(300):
        norm.train()(features(batch, generator))
    squares = []
    for x in (features(batch, generator) for _ in range(20)):
        in_eval = norm.eval()(x)
        squares.append((copy.deepcopy(norm).train()(x) - in_eval).square().mean())
    return torch.stack(squares).mean().sqrt().item()


generator = torch.Generator().manual_seed(0)
print("batch   BatchNorm   GroupNorm")
for batch in (2, 4, 16, 64):
    gaps = [mode_gap(norm, batch, generator) for norm in (nn.BatchNorm2d(16), nn.GroupNorm(8, 16))]
    print(f"{batch:5} {gaps[0]:11.2f} {gaps[1]:11.2f}")

# %% [markdown]
# With two pictures, mean and variance are taken from two pictures only: what a picture becomes
# depends on which other one is beside it. GroupNorm knows no batch. What does a small batch do to
# the loss of a network with BatchNorm? The network
# from section 8 was trained with 32 pictures at a time. In training mode it answers for 2, 4 and
# 32 pictures at a time, beside its answer in eval mode:

# %% tags=["nbval-ignore-output"]
@torch.no_grad()
def loss_by_batches(net, batch, pictures=test[:320]):
    net, generator = copy.deepcopy(net).train(), torch.Generator().manual_seed(2)
    t = torch.randint(1000, (len(pictures),), generator=generator).to(pictures.device)
    eps = torch.randn(pictures.shape, generator=generator).to(pictures.device)
    parts = zip(*(a.split(batch) for a in (pictures, t, eps)))
    return sum(noise_loss(net, *part, schedule).item() for part in parts) * batch / len(pictures)


by_batch = {batch: loss_by_batches(plain, batch) for batch in (2, 4, 32)}
print(f"eval mode: {tested(plain):.3f}")
for batch, loss in by_batch.items():
    print(f"{batch:2} at a time: {loss:.3f}")

# %% tags=["trained"]
print("2 at a time is worse than 32:", by_batch[2] > 1.1 * by_batch[32])

# %% [markdown]
# (The loss in eval mode is of other steps t and other noise, so compare the rows below it.) So,
# if memory allows only a few pictures at a time, GroupNorm is the safer choice. We have not
# trained with it here; the published networks of notebook 10 do.
#
# ## Recap
#
# - Attention mixes the values of all tokens; the shares are a softmax of query times key, divided
#   by the root of D.
# - Shapes and losses do not show a wrong reshape or a wrong axis. Rows that add up to 1, a
#   shuffle that commutes, and other pictures that do not matter do.
# - Heads share out the channels: several sets of shares for the same number of parameters.
# - The weights grow with the square of the number of pixels, so attention stands deep in the U,
#   or is linear.
# - Put a new layer in with a shortcut, and measure whether it helps: on small digits attention
#   hardly does.
#
# **What can go wrong.** `reshape` and `view` never move a number; `transpose` and `rearrange` do.
# `nn.MultiheadAttention` without `batch_first=True` lets pictures look at each other. A softmax
# without `/ sqrt(D)` looks at almost one token only when D is large. And four times as many
# pixels take sixteen times as much memory.
#
# **Where to look.** `course_utils/attention.py` has all variants, `AttentionBlock` and
# `Attended`. The next notebook, [09, the Wiener baseline](09_wiener_baseline.ipynb), asks how far
# one gets with no network at all. The map of the course is in [00](00_start_here.ipynb).

# %% [markdown]
# ## How far are you?
#
# Here are all exercises of the course. What you have done is kept in `my_progress.txt`, beside
# `my_unet.py`.

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()
