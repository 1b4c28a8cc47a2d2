# %% [markdown]
# # 08 Attention variants: every pixel looks at every other
#
# {{badge}}
#
# In this notebook you will
#
# - meet a task that four convolutions can't solve, and solve it with one layer of your own;
# - work attention out by hand, then build it with one head, with several, and in linear time;
# - find two mistakes that neither shapes nor losses give away;
# - measure what attention costs, and see what FlashAttention changes about that;
# - let pixels look at words, as text-to-image models do;
# - put attention into your trained network, train it further, and judge what it brings.
#
# It has six exercises and takes about 75 minutes.

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

from course_utils import attention, keeping, portfolio
from course_utils.attention import to_map, to_tokens
from course_utils.attention_unet import attention_shares, gated
from course_utils.averaging import averaged
from course_utils.checks import check
from course_utils.data import load
from course_utils.diffusion import NoiseFromVelocity, add_noise, noise_loss, velocity_loss
from course_utils.memory import peak_memory
from course_utils.plots import (
    attention_maps,
    cost_curves,
    draw_block,
    lines,
    number_maps,
    strip,
)
from course_utils.precision import best_precision
from course_utils.quality import measure
from course_utils.samplers import ddim, last
from course_utils.schedule import cosine_schedule
from course_utils.training import TrainConfig, train
from course_utils.widgets import attention_explorer

# %% [markdown]
# ## 1. What can a convolution not do?
#
# Here is a task. In a picture of 16 x 16 pixels, eight pixels at random places are marked. All
# eight share one brightness, drawn anew for each picture, but each mark shows it with noise of its
# own, whose standard deviation is 1.5 times that of the brightness. The network gets two channels:
# what the marks show, and where they are. At each mark, it must predict the true brightness.

# %%
# alt: Three pictures, each grey with eight pixels of different brightness, and below each the
#   places of the marks.
def marked(n, generator):
    """Return n pictures with eight marks each, and the brightness that the marks share.

    () -> (n, 2, 16, 16), (n, 1, 1)
    """
    brightness = torch.randn(n, 1, generator=generator)
    places = torch.rand(n, 256, generator=generator).argsort(dim=1)[:, :8]
    marks = torch.zeros(n, 256).scatter(1, places, 1.0)
    shown = marks * (brightness + 1.5 * torch.randn(n, 256, generator=generator))
    pictures = torch.stack([shown, marks], dim=1).view(n, 2, 16, 16)
    return pictures.to(machine.device), brightness[:, :, None].to(machine.device)


pictures, brightness = marked(500, torch.Generator().manual_seed(9))
strip([pictures[:3, :1].cpu() / 3, 2 * pictures[:3, 1:].cpu() - 1], labels=["shown", "marks"],
      size=1.5)
plt.show()

# %% [markdown]
# How well can one do? By the posterior of notebook 05, a measurement whose noise has variance
# $\sigma^2$ leaves an error of $1 / (1 + 1/\sigma^2)$ in a quantity of variance 1. Eight of them
# leave $1 / (1 + 8/\sigma^2)$. We'll compare layers half-way through four 3x3 convolutions, each with
# a residual connection around it. The first is a 1x1 convolution, which looks at no other pixel.
#
# **Between the two limits that the cell prints, where will the convolutions end up?**

# %%
print(f"from the own mark alone: {1 / (1 + 1 / 1.5**2):.2f}")
print(f"from all eight marks:    {1 / (1 + 8 / 1.5**2):.2f}")


class Residual(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return x + self.layer(x)


def one_by_one(ch):
    return nn.Conv2d(ch, ch, 1)


def four_convs(layer=one_by_one, ch=12):
    """Return four convolutions, with a layer, a class such as SingleHeadAttention, half-way."""
    torch.manual_seed(0)
    a, b, c, d = (nn.Conv2d(i, o, 3, padding=1) for i, o in ((2, ch), (ch, ch), (ch, ch), (ch, 1)))
    layers = a, nn.SiLU(), b, nn.SiLU(), Residual(layer(ch)), c, nn.SiLU(), d
    return nn.Sequential(*layers).to(machine.device)


def error_at_marks(net, pictures, brightness):
    marks = pictures[:, 1]
    return (marks * (net(pictures)[:, 0] - brightness) ** 2).sum() / marks.sum()


def fit(net, steps=machine.budget(cpu=400, gpu=1500)):
    """Train on fresh pictures in every step; return the error on others, measured ten times."""
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    generator, found = torch.Generator().manual_seed(0), []
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 5e-3 * min(1, 2 * (1 - step / steps))
        loss = error_at_marks(net, *marked(32, generator))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) * 10 // steps > step * 10 // steps:
            with torch.no_grad():
                found.append(error_at_marks(net, pictures, brightness).item())
    return found

# %% tags=["nbval-ignore-output"]
errors = {"none": fit(four_convs())}
print(f"four convolutions: {errors['none'][-1]:.2f}")

# %% [markdown]
# Better than from one mark, far from the optimum. Four convolutions see four pixels to each side,
# so a mark can use the marks that happen to lie near it, and no others. Every further convolution
# would see one pixel more. What we want is a layer in which a mark finds *the other marks*,
# however far away they are.
#
# ## 2. How does attention choose where to look?
#
# From here on we call a pixel of a feature map a *token*: a vector of C numbers. A map of H x W
# pixels is a list of N = H * W tokens, row by row. Attention makes three vectors of each:
#
# - its *query*: what it looks for;
# - its *key*: what it can be found by;
# - its *value*: what it hands over when it is found.
#
# The *score* of tokens i and j is the dot product of query i and key j. A softmax turns the scores
# of token i into *attention weights*, shares that add up to 1, and token i gets the values of all
# tokens, mixed by these shares.
#
# Let's do it by hand on a map of 4 x 4. Each token is one number: 1 for ink, 0 for paper, with ink
# in two opposite corners. Key and value are that number, and the query is twice the number. $e^2$
# is 7.39. **What share does token 0 take of the opposite corner? And token 5, on paper?**

# %%
# alt: Three maps of 4 x 4 numbers. Token 0 takes 0.257 of itself and of the opposite corner, and
#   0.035 of all others. Token 5 takes 0.062 of each. The corners get 0.514, all others 0.125.
ink = torch.zeros(4, 4)
ink[0, 0] = ink[3, 3] = 1
k = v = ink.reshape(16, 1)
q = 2 * k
scores = q @ k.T  # (16, 16)
print(f"e^2 = {math.exp(2):.2f}, so token 0: {math.exp(2) / (2 * math.exp(2) + 14):.3f}")
shares = scores.softmax(dim=1)
number_maps([part.reshape(4, 4).round(decimals=3) for part in (shares[0], shares[5], shares @ v)],
            ["where token 0 looks", "where token 5 looks", "what each token gets"])
plt.show()

# %% [markdown]
# Ink looks at ink, wherever it is. Paper has no preference and gets the mean. Nothing here asks
# where a token lies.
#
# Real queries and keys have D numbers, so a dot product is a sum of D products, and its size grows
# with D. **What does a softmax do with large scores?**

# %%
torch.manual_seed(0)
for D in (4, 256):
    scores = torch.randn(10, D) @ torch.randn(D)
    scaled = scores / D**0.5
    print(f"D = {D:3}: largest share {scores.softmax(0).max():.2f}, "
          f"with scores / sqrt(D) {scaled.softmax(0).max():.2f}")

# %% [markdown]
# With D = 256 one token takes nearly everything. The others get hardly any gradient then, so the
# network can't learn to look elsewhere. A sum of D random products grows like $\sqrt D$, so we
# divide by that.
#
# ### Exercise 8.1: attention weights
# difficulty 2 of 5, about 6 minutes
#
# For whole batches now. Row i belongs to the query of token i:
#
# $$w_{ij} = \mathrm{softmax}_j\Big(\frac{q_i \cdot k_j}{\sqrt D}\Big)$$
#
# | | shape |
# |---|---|
# | `q`, `k` | `(B, N, D)` |
# | returns | `(B, N, N)` |

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
# `q @ k.T` above gave all of them for one list of tokens. For a batch of lists, swap the last two
# axes of k: `k.transpose(1, 2)` has shape (B, D, N).
# </details>
#
# <details><summary>Hint 2: which axis is which</summary>
#
# In the scores, (B, N, N), axis 1 counts the queries and axis 2 the keys. A query spreads its
# attention over the keys.
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
print("as by hand:", torch.allclose(attention_weights(q[None], k[None])[0], shares))

# %% [markdown]
# As a layer, attention learns what to look for. Three 1x1 convolutions make queries, keys and
# values of each pixel, and a fourth, `proj`, works on the mixture. Maps become lists of tokens for
# that, and lists become maps again:

# %%
x = torch.arange(12).reshape(1, 2, 2, 3)  # 2 channels, 2 rows, 3 columns
print("channel 0:", x[0, 0].tolist(), " channel 1:", x[0, 1].tolist())
print("tokens:   ", to_tokens(x)[0].tolist())
print("and back: ", torch.equal(to_map(to_tokens(x), height=2), x))

# %% [markdown]
# ### Exercise 8.2: attention with one head
# difficulty 3 of 5, about 10 minutes
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
# Leave norm and residual connection out. Whoever uses the layer adds them.

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
# Your layer as a diagram, drawn from what it did with the map of ink. The two large matrices are
# the N x N scores and their softmax.

# %% tags=["nbval-ignore-output"]
# alt: Attention with one head as a diagram: convolutions q, k and v, tokens, a matrix of 16 x 16
#   scores, the shares, their product with v, a map again, and proj.
torch.manual_seed(1)
draw_block(SingleHeadAttention(8), 3 * ink.expand(1, 8, 4, 4), title="Attention with one head")
plt.show()

# %% [markdown]
# Back to the marks, with your layer half-way through the four convolutions. **How close to the
# optimum will it get, and where will a mark look?**

# %% tags=["nbval-ignore-output"]
# alt: Two pictures of the marks, each with a framed mark, and a map of where that mark looks: at
#   all eight marks, and hardly anywhere else.
with_layer = four_convs(SingleHeadAttention)
errors["right"] = fit(with_layer)
print(f"with your layer: {errors['right'][-1]:.2f}")


def where_it_looks(net, pictures):
    """Return the shares that its attention takes.  (B, 2, 16, 16) -> (B, 1, N, N)"""
    return net[4].layer.weights(net[:4](pictures))[:, None].detach()


looks = where_it_looks(with_layer, pictures[:1])
attention_maps(pictures[0, :1].cpu() / 3, looks[0], pictures[0, 1].nonzero()[[1, 6]].tolist(),
               names=["where it looks"])
plt.show()

# %% tags=["trained"]
looks, marks = where_it_looks(with_layer, pictures[:100])[:, 0], pictures[:100, 1].flatten(1) > 0
shares = torch.stack([look[at][:, at].mean() for look, at in zip(looks, marks)])
print("the error is at most two thirds of that without:",
      errors["right"][-1] < errors["none"][-1] * 2 / 3)
print("a mark takes at least three times an even share of a mark:", bool(256 * shares.mean() > 3))

# %% [markdown]
# One layer halves the error and comes close to the optimum. Nobody told it where to look: it
# has learned keys that say "I am a mark" and queries that ask for them, at any distance. (It looks
# beside some marks, too. After two convolutions, their neighbours know what they show.)
#
# ## 3. Does the loss show what is wrong?
#
# A layer that takes `(B, C, H, W)` and returns `(B, C, H, W)` fits, whatever it does inside. Here
# are two wrong ones. The first makes its tokens by reshape, the second has its softmax over the
# wrong axis. **Will training on the marks show that they are wrong?**

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

# %% tags=["nbval-ignore-output"]
# alt: The error over training: without attention it stays near a half; right, reshaped and wrong
#   axis all fall to about a quarter.
errors["reshaped"], errors["wrong axis"] = fit(four_convs(Reshaped)), fit(four_convs(WrongAxis))
for name, found in errors.items():
    print(f"{name:10} {found[-1]:.2f}")
lines(range(1, len(errors["none"]) + 1), errors, "tenths of the training", "error at the marks",
      dots=True)
plt.show()

# %% tags=["trained"]
wrong = max(errors["reshaped"][-1], errors["wrong axis"][-1])
print("both wrong layers are closer to the right one than to none:",
      wrong - errors["right"][-1] < errors["none"][-1] - wrong)

# %% [markdown]
# It hardly does, even on a task that needs attention. Both wrong layers still carry something from
# far away, and training makes the best of whatever they mix. So don't trust the
# loss here. Test the layer itself, for two properties that attention must have:
#
# 1. **Rows add up to 1**, because the weights of one query are shares.
# 2. **Shuffling commutes.** Attention doesn't know where a token lies, so shuffling the pixels
#    before it or after it must give the same.
#
# **Which test finds which mistake?**

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
kinds = {"right": SingleHeadAttention, "reshaped": Reshaped, "wrong axis": WrongAxis}
for name, kind in kinds.items():
    layer = kind(8)
    print(f"{name:11}  {layer(x).shape == x.shape!s:6}  {rows_add_up(layer, x)!s:6} "
          f"{shuffle_commutes(layer, x)!s}")

# %% [markdown]
# The shuffle finds the reshape, because a "token" there is a run of neighbours in one channel. The
# sums find the wrong axis. Each test misses the other mistake, so you need both.
#
# ## 4. Why several heads?
#
# With one set of weights, a pixel takes the same mixture for all its channels. It can't take one
# thing from here and another from there. *Heads* change that: the channels are split between them,
# d = C / heads for each, and each head does attention of its own.
#
# For example, let a token have eight numbers: four say in which row of a 4 x 4 map it lies, four
# in which column. Queries and keys are the tokens themselves. **Where does the token in row 1,
# column 2 look with one head? And with two heads of four numbers each?**

# %%
# alt: Where token 6 looks on a map of 4 x 4. With one head: at itself, and a little along its row
#   and column. With two, one looks along the row, the other along the column.
place = torch.arange(16)
rows, columns = F.one_hot(place // 4, 4), F.one_hot(place % 4, 4)
tokens = 2.5 * torch.cat([rows, columns], dim=1)[None]  # (1, 16, 8)
one = attention_weights(tokens, tokens)
two = [attention_weights(half, half) for half in tokens.chunk(2, dim=2)]
number_maps([w[0, 6].view(4, 4).round(decimals=2) for w in (one, *two)],
            ["one head", "two heads: head 0", "head 1"])
plt.show()

# %% [markdown]
# One head has to compromise. Two heads bring what is in its row and in its column separately.
#
# In code, one linear layer makes queries, keys and values of all heads, 3C numbers for each token.
# `rearrange` takes them apart by names. Play with it: here are two tokens, with C = 4 and two
# heads.

# %%
numbers = torch.arange(24).view(1, 2, 12)  # (B, N, 3C)
print(rearrange(numbers, "b n (qkv h d) -> qkv b h n d", qkv=3, h=2)[0].tolist())

# %% [markdown]
# These are the queries: head 0 has the first two numbers of each token, head 1 the next two.
#
# ### Exercise 8.3: several heads
# difficulty 3 of 5, about 12 minutes
#
# | | shape |
# |---|---|
# | `x` | `(B, N, C)`, tokens |
# | `self.qkv(x)` | `(B, N, 3C)`, by one linear layer, which has biases if `qkv_bias` is True |
# | queries, keys, values | `(B, heads, N, d)` each, split as above |
# | mixed, for each head | `(B, heads, N, d)` |
# | heads side by side, then `self.proj`, C to C, with biases | `(B, N, C)` |
#
# `F.scaled_dot_product_attention(q, k, v)` does softmax(q k^T / sqrt(d)) v on the last two axes,
# whatever axes stand before them. (Here and below, the references refuse heads that don't divide
# C.)

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
# <details><summary>Hint: the two patterns</summary>
#
# In: `q, k, v = rearrange(...)` with the pattern of the play cell. Out:
# `"b h n d -> b n (h d)"`.
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
# **Which has more parameters, one head or four?** We give the very same ones to both:

# %%
torch.manual_seed(0)
single, several = TokenAttention(32, heads=1), TokenAttention(32, heads=4)
several.load_state_dict(single.state_dict())
x = torch.randn(2, 16, 32)
for name, layer in (("1 head ", single), ("4 heads", several)):
    print(name, f"{sum(p.numel() for p in layer.parameters()):,} parameters")
print(f"largest difference of their outputs: {(single(x) - several(x)).abs().max():.2f}")

# %% [markdown]
# They have the same number, because heads split the channels and add none. What differs is how
# many sets of attention weights each token has.
#
# ### The tutorial's layer
#
# The tutorial that our U-Net comes from suggests PyTorch's own layer as an extension. **Will this
# work?**

# %%
published = nn.Sequential(nn.GroupNorm(8, 32), nn.MultiheadAttention(32, 4))
try:
    published(torch.randn(2, 32, 8, 8))
except TypeError as error:
    print("TypeError:", error)

# %% [markdown]
# `nn.Sequential` passes one thing on. `nn.MultiheadAttention` wants three, query, key and value;
# it takes tokens, not maps; and it returns a pair, the mixed tokens and the weights. There's a
# fourth trap: unless you say `batch_first=True`, it takes tokens as (N, B, C).
#
# ### Exercise 8.4: repair it
# difficulty 2 of 5, about 5 minutes
#
# | | shape |
# |---|---|
# | `x` | `(B, C, H, W)` |
# | `self.attention` | `nn.MultiheadAttention`, C channels, `heads` heads, all else by default |
# | returns | `(B, C, H, W)`, the mixed tokens as a map |
#
# Queries, keys and values are the same tokens, those of x. The norm stays outside.

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
# <details><summary>Hint: the call</summary>
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
print("your layer behind a norm:", tuple(nn.Sequential(
    nn.GroupNorm(8, 32), TorchAttention(32, 4))(torch.randn(2, 32, 8, 8)).shape))

# %% [markdown]
# Without `batch_first=True`, a token looks at the same place in *other pictures*. No shape gives
# that away, but a test like this one does.
#
# ## 5. What does it cost?
#
# Every token meets every other, so there are N x N scores, and N itself grows with the square of
# the side. **A picture gets twice as high and twice as wide. How much larger is the matrix?**
#
# *Linear attention* avoids it by changing the order of the products. In $(q\,k^T)\,v$ the inner
# matrix is N x N. In $q\,(k^T v)$ it is d x d: keys and values are first summed up over all
# pixels, and then each query reads this summary. The softmax over $q\,k^T$ stands in the way of
# that. So queries and keys get a softmax each before they meet, which makes it another layer, with
# other weights.
#
# ### Exercise 8.5: linear attention
# difficulty 4 of 5, about 12 minutes
#
# On maps again, with heads. `qkv` is one 1x1 convolution without biases from C to 3C channels, in
# the order of 8.3. `proj` is a 1x1 convolution from C to C with biases. With tokens as columns,
# for each head:
#
# $$S = \mathrm{softmax}_N(k)\; v^T \qquad\quad \mathrm{mixed} = S^T\, \mathrm{softmax}_d(q)$$
#
# | | shape |
# |---|---|
# | `x` | `(B, C, H, W)` |
# | `q`, `k`, `v` | `(B, heads, d, N)` each: here d stands before N |
# | softmax of k | over the N pixels |
# | softmax of q | over the d channels |
# | the summary S | `(B, heads, d, d)` |
# | mixed | `(B, heads, d, N)` |
# | returns | `(B, C, H, W)` |

# %%
class LinearAttention(nn.Module):
    """Attention whose cost grows with N, not with N squared: no token meets another.

    (B, C, H, W) -> (B, C, H, W)

    Keys and values are first summed up in one small matrix for each head, which every query then
    reads. Raises ValueError unless heads divides C.
    Source: "Efficient Attention: Attention with Linear Complexities" (2018).
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

# %% [markdown]
# Now measure a training step, forward and backward, on one picture with 32 channels and one head:
# its time, and with notebook 07's `peak_memory` the most memory that it holds at a time. "Written
# out" is 8.2. "SDPA" is the solution of 8.3, with `F.scaled_dot_product_attention`. **Which curves
# will follow N squared, in time, and in memory?**

# %% tags=["nbval-ignore-output"]
# alt: Time and memory over the number of tokens, from 64 to 4,096. In time, written out and SDPA
#   follow N squared; in memory, only written out does.
def training_step(layer, x):
    layer(x).sum().backward()


def milliseconds(run, *inputs, repeats=5):
    """Return how long a call takes, the best of some."""
    best = math.inf
    for _ in range(repeats):
        begun = time.perf_counter()
        run(*inputs)
        if machine.has_gpu:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - begun)
    return 1000 * best


sides = [8, 16, 32, 64]
layers = {"written out": attention.SingleHeadAttention(32).to(machine.device),
          "SDPA": attention.MultiHeadAttention(32, heads=1).to(machine.device),
          "linear": LinearAttention(32, heads=1).to(machine.device)}
taken, held = {name: [] for name in layers}, {name: [] for name in layers}
for side in sides:
    x = torch.randn(1, 32, side, side).to(machine.device)
    for name, layer in layers.items():
        taken[name].append(milliseconds(training_step, layer, x))
        held[name].append(peak_memory(lambda: training_step(layer, x), machine.device) / 2**20)
for name in layers:
    print(f"{name:12} {sides[-1]} x {sides[-1]}: {taken[name][-1]:6.1f} ms, "
          f"{held[name][-1]:6.1f} MiB")
cost_curves([side**2 for side in sides], {"milliseconds": taken, "MiB": held})
plt.show()

# %% tags=["trained"]
grown = {name: mib[-1] / mib[-2] for name, mib in held.items()}
print("four times as many tokens: SDPA takes less than five times the memory:", grown["SDPA"] < 5)
print("written out, it is more than that:", grown["written out"] > 5)
times = [taken[name][-1] for name in layers]
print("linear is the fastest:", times[2] < min(times[:2]))

# %% [markdown]
# Twice the side makes the N x N matrix sixteen times as large, and written out, attention keeps it
# until the gradients are computed. Where it can, PyTorch's function never holds all of it: it goes
# through the matrix block by block, keeps a running softmax, and recomputes what the gradients
# need. That algorithm is called *FlashAttention* (Dao and others, 2022), and it's one reason why
# attention at 64 x 64 is common today. Its memory grows like N, but every token still meets every
# other, so its time grows like N squared. Linear attention needs both like N.
#
# What does linear attention lose? Ask the marks:

# %% tags=["nbval-ignore-output"]
errors["linear"] = fit(four_convs(lambda ch: LinearAttention(ch, heads=1)))
for name, label in {"none": "no attention", "linear": "linear", "right": "softmax"}.items():
    print(f"{label:13} {errors[name][-1]:.2f}")

# %% tags=["trained"]
print("linear attention beats none clearly:", errors["linear"][-1] < 0.8 * errors["none"][-1])

# %% [markdown]
# Nothing, here: all marks need the same mixture, so one summary is enough. A softmax lets each
# query form a mixture of its own, which this task doesn't ask for.
#
# ## 6. How do words get into a picture?
#
# Nothing says that keys and values must come from the pixels. In *cross-attention*, pixels ask and
# something else answers: a list of M tokens with E numbers each, the *context*. In Stable
# Diffusion, it's the words of your prompt, and its U-Net has such a layer at nearly every level.
#
# ### Exercise 8.6: cross-attention
# difficulty 3 of 5, about 12 minutes
#
# | | shape |
# |---|---|
# | `x` | `(B, C, H, W)` |
# | `context` | `(B, M, E)`, E is `context_dim` |
# | the layers `q`, `k`, `v` | three linear layers without biases, for single tokens |
# | `proj` | a linear layer from C to C, with biases |
# | `weights(x, context)` | `(B, heads, N, M)` |
# | `forward(x, context)` | `(B, C, H, W)` |
#
# Which layer takes which tokens, and of what width? Heads, scores and softmax are as before.

# %%
class CrossAttention(nn.Module):
    """The pixels of a map ask, and the tokens of a context answer.

    (B, C, H, W), (B, M, E) -> (B, C, H, W)

    Queries come from the pixels, keys and values from the context. Raises ValueError unless heads
    divides C. Source: "High-Resolution Image Synthesis with Latent Diffusion Models" (2021),
    section 3.3.
    """

    def __init__(self, ch, context_dim, heads=4):
        super().__init__()
        raise NotImplementedError("exercise 8.6")

    def weights(self, x, context):
        """Return how much of each token of the context each pixel takes, head by head.

        (B, C, H, W), (B, M, E) -> (B, heads, H*W, M)
        """
        raise NotImplementedError("exercise 8.6")

    def forward(self, x, context):
        raise NotImplementedError("exercise 8.6")

# %%
CrossAttention = check("8.6", CrossAttention)

# %% [markdown]
# <details><summary>Hint 1: who takes what</summary>
#
# `q` takes the pixels, `to_tokens(x)`, and goes from C to C. `k` and `v` take the context, and go
# from E to C, because queries and keys must be equally long to be compared.
# </details>
#
# <details><summary>Hint 2: heads</summary>
#
# `rearrange(tokens, "b n (h d) -> b h n d", h=self.heads)` splits any of the three. You need it
# for q and k in `weights`, and for v in `forward`.
# </details>
#
# <details><summary>Hint 3: forward</summary>
#
# `self.weights(x, context)`, (B, heads, N, M), times v, (B, heads, M, d), is (B, heads, N, d).
# Then the heads side by side, `proj`, and `to_map` with the height `x.shape[2]`.
# </details>

# %%
# solution 8.6

# %% [markdown]
# Let's paint by words. A drawing is made of three materials, and each pixel says which one it is.
# Three words come with it, in random order; each names a material and gives its brightness. Your
# layer stands between two 1x1 convolutions and has to find the brightness of each pixel among the
# words. **What will a word's attention map look like?**

# %%
def scene(n, generator):
    """Return drawings, their words in random order, and what should be painted.

    () -> (n, 3, 8, 8), (n, 3, 4), (n, 1, 8, 8)
    """
    kinds = torch.randint(3, (n, 4, 4), generator=generator)
    kinds = kinds.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    drawing = F.one_hot(kinds, 3).permute(0, 3, 1, 2).float()
    brightness = torch.rand(n, 3, generator=generator)
    order = torch.rand(n, 3, generator=generator).argsort(dim=1)
    words = torch.cat([F.one_hot(order, 3), brightness.gather(1, order)[..., None]], dim=2)
    painted = (drawing * brightness[:, :, None, None]).sum(dim=1, keepdim=True)
    return [x.to(machine.device) for x in (drawing, words, painted)]


class Painter(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 16, 1), nn.Conv2d(16, 1, 1)
        self.attention = CrossAttention(16, 4, heads=1)

    def forward(self, drawing, words):
        return self.last(self.attention(self.first(drawing), words))

# %% tags=["nbval-ignore-output"]
# alt: Above, a drawing as three maps, one for each material. Below, which pixels look at the word
#   that names it: the same maps.
torch.manual_seed(0)
painter, generator = Painter().to(machine.device), torch.Generator().manual_seed(0)
optimizer = torch.optim.Adam(painter.parameters(), lr=0.02)
for _ in range(machine.budget(cpu=200, gpu=200)):
    drawing, words, painted = scene(64, generator)
    loss = F.mse_loss(painter(drawing, words), painted)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

drawing, words, painted = scene(500, torch.Generator().manual_seed(1))
with torch.no_grad():
    error = F.mse_loss(painter(drawing, words), painted).item() / painted.var().item()
    weights = painter.attention.weights(painter.first(drawing), words)[:, 0]  # (500, 64, 3)
named = words[:, :, :3].argmax(dim=2)
print(f"error: {error:.1%} of the variance")
looks = to_map(weights, 8)[0, named[0].argsort()]  # each word below the material that it names
strip([2 * part[:, None].cpu() - 1 for part in (drawing[0], looks)], size=1.5,
      titles=[f"material {i}" for i in range(3)], labels=["drawing", "its word"])
plt.show()

# %% tags=["trained"]
fits = named[:, None, :] == drawing.flatten(2).argmax(dim=1)[:, :, None]
print("the error is below 5% of the variance:", error < 0.05)
print("pixels look at the word that names them:", bool((weights * fits).sum(2).mean() > 0.9))

# %% [markdown]
# Each word's map is its material: a picture of where that word matters. In Stable Diffusion such
# maps show where a word of the prompt has gone, and Prompt-to-Prompt (2022) edits pictures by
# changing them.
#
# ## 7. Your network gets attention
#
# Where in a U does attention belong? Where there are few tokens: DDPM has it at 16 x 16, and your
# network will get it at 8 x 8. `with_attention` runs the network once and looks for the blocks
# that make maps of half the picture's side, whatever you called them. Behind each it puts your
# 8.3, with a norm and a residual connection. What attention finds goes through a *zero
# convolution* first (ControlNet, 2023): 1x1, with weights that begin at 0. **What does the network
# predict right afterwards?**

# %% tags=["nbval-ignore-output"]
mine = portfolio.load()
net, predicts = keeping.trained(machine.device)
torch.manual_seed(0)
attended = mine.with_attention(copy.deepcopy(net))

# %%
images, test = (load("digits", split)[0].to(machine.device) for split in ("train", "test"))
with torch.no_grad():
    t = torch.full((8,), 500, device=machine.device)
    print("the same as before:", torch.equal(attended(test[:8], t), net(test[:8], t)))

# %% [markdown]
# Exactly what it predicted before, so nothing that you trained is lost. (If you have run this
# notebook before, your network has attention already and stays as it is: all rows below have it.)
#
# Is attention worth it? More training helps by itself, so we train both networks further, with and
# without attention, on the same batches for as many steps, and let each draw 500 pictures from the
# same noise. **Which gain will be larger: that of the extra training, or that of attention?**

# %% tags=["nbval-ignore-output"]
schedule = cosine_schedule()
config = TrainConfig(steps=machine.budget(cpu=600, gpu=3000), lr=1e-3, warmup=50,
                     precision=best_precision(machine.device))
loss = {"eps": noise_loss, "v": velocity_loss}[predicts]


def trained_further(net):
    """Return a copy after more training, and how many seconds that took."""
    begun = time.perf_counter()
    net = copy.deepcopy(net).to(memory_format=torch.channels_last)
    try:
        for state in train(net, images, schedule, config, loss):
            pass
    except KeyboardInterrupt:
        print(f"stopped after {state.step} of {config.steps} steps")
    return averaged(state, images, schedule), time.perf_counter() - begun


def drawn(net):
    """Return 500 drawings and how many seconds they took."""
    torch.manual_seed(0)
    noise = torch.randn(500, 1, 16, 16).to(machine.device)
    begun = time.perf_counter()
    model = NoiseFromVelocity(net, schedule) if predicts == "v" else net
    return last(ddim(model, noise, schedule, steps=100, eta=1.0)), time.perf_counter() - begun

# %% tags=["nbval-ignore-output"]
nets = {"before": (net, 0.0), "without": trained_further(net), "with": trained_further(attended)}
samples, quality = {}, {}
print("attention   parameters   training   drawing   recognised   Frechet distance")
for name, (model, seconds) in nets.items():
    samples[name], drawing_seconds = drawn(model)
    quality[name] = measure(samples[name])
    found = quality[name].samples
    print(f"{name:9} {sum(p.numel() for p in model.parameters()):12,} {seconds:8.0f} s "
          f"{drawing_seconds:7.0f} s {found.recognised:12.1%} {found.distance:18.1f}")
gates = [layer.gate.weight.abs().mean().item() for layer in gated(nets["with"][0])]
print("weights of the zero convolutions, on average:", ", ".join(f"{gate:.3f}" for gate in gates))

# %% tags=["trained"]
found = {name: q.samples for name, q in quality.items()}
print("with attention, at most three points fewer are recognised than before:",
      found["with"].recognised > found["before"].recognised - 0.03)
print("and the zero convolutions are not zero any more:", min(gates) > 0.001)

# %% [markdown]
# The extra training moved the figures a little, and attention made no difference that 500 pictures
# can show, although the zero convolutions did move. Our pictures are small: after two halvings, a
# pixel sees most of the picture anyway (notebook 03), so little is left to bring together. And
# every step takes more time.
#
# That's a result, too. Without the row in the middle, we might have credited attention with what
# the training did. In large pictures distant parts must agree, and there networks do use it,
# such as those of notebook 10. Yours keeps it, since it does no harm.

# %% tags=["nbval-ignore-output"]
# alt: Three rows of ten drawings from the same noise: before, without and with attention.
strip([x[:10].cpu() for x in samples.values()], labels=list(samples))
plt.show()

# %% tags=["nbval-ignore-output"]
keeping.keep_weights(nets["with"][0], predicts, "08", quality["with"], 100, nets["with"][1])

# %% [markdown]
# ### Where does it look?
#
# Choose a picture, here with a little noise (t = 50), and a pixel of the 8 x 8. Each map shows
# what one head takes of all pixels, in multiples of an even share. **Does a pixel look at anything
# in particular, as the marks did?**

# %% tags=["nbval-ignore-output"]
# alt: A noisy digit with different pixels framed, and two maps of where that pixel looks, one for
#   each head: spotted, nowhere more than about twice an even share.
t = torch.full((8,), 50, device=machine.device)
eps = torch.randn(8, 1, 16, 16, generator=torch.Generator().manual_seed(3)).to(machine.device)
xt = add_noise(test[:8], eps, schedule.alpha_bar_at(t))
shares = {name: attention_shares(model, xt, t)[0].cpu()
          for name, model in (("fresh", attended), ("trained", nets["with"][0]))}
for name, found in shares.items():
    times = 64 * found.amax(dim=-1).mean()
    print(f"{name:8} the largest share is {times:.1f} times an even one")
attention_explorer(xt.cpu(), shares["trained"])

# %% [markdown]
# Hardly. A mark took many times an even share of other marks. Here the largest share is nearly
# what chance gave it before the training. Little seems to be gained by looking far, at least in so
# few steps.
#
# ## Recap
#
# - Attention mixes the values of all tokens, by the softmax of $q \cdot k / \sqrt D$.
# - Neither shapes nor losses show a wrong reshape or a wrong axis. Tests of the layer do.
# - Heads split the channels: several sets of weights, the same number of parameters.
# - FlashAttention takes memory like N, but time like N squared. Linear attention takes both like N.
# - In cross-attention, pixels ask and words answer.
# - Behind a zero convolution, a new layer can join a trained network without harm.
#
# **What can go wrong.** `reshape` and `view` never move a number; `transpose` and `rearrange` do.
# And a layer that wins on one task may bring little on another, so compare with as much training
# without it.
#
# **Where to look.** `course_utils/attention.py` has the variants, `cross_attention.py` and
# `attention_unet.py` the rest. The next notebook, [09, the Wiener
# baseline](09_wiener_baseline.ipynb), asks how far one gets with no network at all. The map of the
# course is in [00](00_start_here.ipynb).

# %% [markdown]
# ## How far are you?

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()
