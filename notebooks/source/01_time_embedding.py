# %% [markdown]
# # 01 The time embedding: how the network knows what time it is
#
# {{badge}}
#
# In this notebook you will
#
# - see why a network that removes noise should know the step t, and what it costs not to know it;
# - see what goes wrong when t is passed as an integer, as a number from 0 to 1, or one-hot;
# - build the sinusoidal embedding, one frequency at a time, and look at it from two sides;
# - build `TimeEmbedding`, the first part of your U-Net.
#
# It has four exercises, one of them optional, and takes about 50 minutes.

# %%
# setup

# %%
import math

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import embedding, portfolio
from course_utils.checks import check
from course_utils.data import load
from course_utils.diffusion import add_noise, draw_batch, noise_loss
from course_utils.plots import draw_block, draw_u, embedding_map, lines, similarity_map, waves
from course_utils.schedule import cosine_schedule, linear_schedule
from course_utils.unet import UNet
from course_utils.widgets import embedding_explorer

# %% [markdown]
# This is where we are in the U:

# %%
# alt: The U-Net as a diagram. All parts are pale but the time embedding, a bar above the U.
draw_u(highlight="time")
plt.show()

# %% [markdown]
# Parts that pass their check are kept in a file, `my_unet.py`, beside the notebooks, and later
# notebooks build on it. Where you haven't written a part, they use the course's. The next cell says
# what is there.

# %% tags=["nbval-ignore-output"]
mine = portfolio.load()

# %% [markdown]
# ## 1. Why must the network know t?
#
# Take the simplest noise predictor there is: multiply the noisy picture by one number c and call
# the result the noise, `eps = c * xt`. It cannot see strokes or digits. But even this predictor
# has something to learn: which c is best?
#
# The best c (the one with the smallest mean squared error) is the mean of `xt * eps` divided by the
# mean of `xt * xt`. **At t = 50 the picture is nearly clean, at t = 900 nearly all of it is noise.
# Roughly what will c be at each? Decide before you run the cell.**

# %%
images, _ = load("digits", "train")
schedule = cosine_schedule(T=1000)
eps = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))

noisy = {}
for t in (50, 300, 900):
    alpha_bar = schedule.alpha_bar_at(torch.full((len(images),), t))
    noisy[t] = xt = add_noise(images, eps, alpha_bar)
    c = (xt * eps).mean() / (xt * xt).mean()
    print(f"t = {t:3}: the best c is {c:.2f}, its error {(c * xt - eps).square().mean():.2f}")

# %% [markdown]
# At t = 50 almost nothing of `xt` is noise, at t = 900 almost everything is. A predictor that
# doesn't know t has to use one c for all of them:

# %%
everything = torch.stack(list(noisy.values()))
c = (everything * eps).mean() / (everything * everything).mean()
for t, xt in noisy.items():
    error = (c * xt - eps).square().mean()
    print(f"t = {t:3}: with c = {c:.2f} for all, the error is {error:.2f}")

# %% [markdown]
# At t = 300 nothing is lost: the shared c happens to be right there. At t = 50 the answer is now
# worse than no answer at all (c = 0 has an error of 1), and at t = 900 the error is ten times what
# it was.
#
# A real network can do better than this one. It can look at the picture and judge how noisy it is.
# But that uses up capacity, and we know t anyway, so we tell it. What that is worth in a real
# U-Net, you will see in section 7.
#
# ## 2. How do you tell a number to a network?
#
# t is an integer from 0 to 999. Three ways to pass it come to mind:
#
# - the **integer** itself, one input: 0, 1, ..., 999;
# - **scaled** to the range from 0 to 1, one input: t / 1000;
# - **one-hot**: 1,000 inputs, all of them 0 except the one with number t.
#
# Let's put them to a test. A small network gets t in one of these ways and has to learn a curve: at
# each step, the logarithm of the noise's variance divided by the picture's. (The inverse of that
# ratio is the *signal-to-noise ratio*, SNR.) We take the linear schedule, where this curve is steep
# at first and flat later, and bring it to mean 0 and variance 1:

# %%
# alt: The target over t from 0 to 999: a curve that rises steeply during the first fifty steps, and
#   then ever more slowly, almost in a straight line.
times = torch.arange(1000)
alpha_bar = linear_schedule(T=1000).alpha_bar
ratio = ((1 - alpha_bar) / alpha_bar).log10()
target = (ratio - ratio.mean()) / ratio.std()
lines(times, {"target": target}, "t", "noise to picture")
plt.show()

# %% [markdown]
# The network is trained on the **even** steps only, and then asked about the **odd** ones too. An
# error of 1 is what you get for knowing nothing. **Which of the three will do well on the even
# steps? And which on the odd ones, which it has never seen?**

# %%
def fit(name, code, steps=300):
    """Train a small network to turn the code of t, (1000, D), into the target."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(code.shape[1], 64), nn.SiLU(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(steps):
        loss = (net(code[::2])[:, 0] - target[::2]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    odd = (net(code[1::2])[:, 0] - target[1::2]).square().mean()
    print(f"{name:10} error on even steps {loss.item():.4f}, on odd steps {odd.item():.4f}")


# %% tags=["nbval-ignore-output"]
fit("integer", times.float()[:, None])
fit("scaled", times[:, None] / 1000)
fit("one-hot", F.one_hot(times, 1000).float())

# %% [markdown]
# Look at the last line first. One-hot memorises every even step, and knows nothing about the odd
# ones. To such a network, steps 10 and 11 have no more in common than 10 and 900: each step has
# weights of its own, and those of a step it has never seen are still random.
#
# The two that use one number know as much about the odd steps as about the even ones, because
# neighbouring steps look alike to them. But they look *too* much alike. Between t = 10 and t = 11
# the scaled input changes by a thousandth, and a smooth function hardly reacts to that, so the
# network is slow to learn whatever changes fast. The integer has the opposite problem: inputs in
# the hundreds, to a network that likes numbers around 1.
#
# We want both: **neighbours should look alike, and still every step should look different.**
#
# ## 3. What does a clock do?
#
# A clock has the same task: to show one moment among many thousands. A single hand that goes
# around once in twelve hours would do in principle, but nobody could read the minute from it. So a
# clock has several hands. The fast one tells neighbouring moments apart, but keeps returning to
# the same place. The slow one tells the hours apart. Together they show every moment in one way
# only, and moments that are close look alike.
#
# Our hands are waves. Each has a *frequency* $\omega$: at time t its angle is $\omega t$, in
# radians. We need some fast ones and some slow ones, so we let them fall by equal **factors**,
# like 1, 1/10, 1/100.
#
# ### Exercise 1.1: the frequencies
# difficulty 2 of 5, about 8 minutes
#
# A vector of D numbers has room for n = D/2 frequencies (you'll need the other half soon). They go
# from 1 down to exactly 1 / max_period:
#
# $$\omega_i = \exp\left(-\log(\mathrm{max\_period})\;\frac{i}{n - 1}\right), \qquad i = 0, \dots, n - 1$$
#
# | | |
# |---|---|
# | `dim` | D, an even number, at least 4 |
# | `max_period` | a float; the slowest wave takes `2 * pi * max_period` steps to go around |
# | returns | a tensor of shape `(D/2,)`, float32 |
#
# The reference refuses an odd `dim` with an error message. Yours need not.

# %%
def frequencies(dim, max_period=10_000.0):
    """Return the angular frequencies of the sinusoidal embedding, fast to slow.

    () -> (D/2,)

    They fall geometrically from 1 to 1 / max_period, in radians per time step:
    exp(-log(max_period) * i / (D/2 - 1)) for i = 0 ... D/2 - 1.
    Raises ValueError unless D is even and at least 4.
    Source: "Attention Is All You Need" (2017), section 3.5, spaced as in the DDPM code (2020).
    """
    raise NotImplementedError("exercise 1.1")

# %%
frequencies = check("1.1", frequencies)

# %% [markdown]
# <details><summary>Hint 1: all i at once</summary>
#
# `torch.arange(n)` holds 0, 1, ..., n - 1. Whatever you do to a tensor is done to all its numbers.
# </details>
#
# <details><summary>Hint 2: log and exp</summary>
#
# `max_period` is a plain number: take `math.log`. The exponent is a tensor: take `torch.exp`.
# </details>
#
# <details><summary>My check says that I divide by n</summary>
#
# With i / n, the last i gives (n - 1) / n, which is not 1. The formula wants 1 there, so that the
# last frequency is exactly 1 / max_period.
# </details>

# %%
# solution 1.1

# %%
print("dim = 8, max_period = 1000:", frequencies(8, 1000.0))

# %% [markdown]
# Each is a tenth of the one before. These are the waves they make:

# %%
# alt: Four sine curves over t from 0 to 200. The first goes up and down more than thirty times,
#   the second three times, the third rises once, and the fourth hardly moves.
moments = torch.linspace(0, 200, 2001)
omega = frequencies(8, 1000.0)
waves(torch.sin(moments[:, None] * omega), moments, [f"sin {w:.3f} t" for w in omega])
plt.show()

# %% [markdown]
# The fast ones tell t = 10 from t = 11, the slow ones t = 10 from t = 150.
#
# ## 4. Why sine and cosine?
#
# Look at one wave alone. On its way around, a sine takes every value twice: once going up and once
# coming down. **At which other t, below 6.28, is sin(t) the same as at t = 1?**

# %%
print(f"pi - 1 = {math.pi - 1:.3f}")
print(f"sin(1) = {math.sin(1):.3f}, sin(pi - 1) = {math.sin(math.pi - 1):.3f}")
print(f"cos(1) = {math.cos(1):.3f}, cos(pi - 1) = {math.cos(math.pi - 1):.3f}")

# %% [markdown]
# The sine cannot tell the two apart, but the cosine can. Together, sine and cosine are a point on a
# circle: the tip of the clock's hand. So each frequency gets two places in the vector.
#
# ### Exercise 1.2: the sinusoidal embedding
# difficulty 2 of 5, about 10 minutes
#
# Make a row of D numbers for each t: first the sines of all its angles, then their cosines.
#
# $$\mathrm{emb}(t) = [\sin(\omega_0 t), \dots, \sin(\omega_{n-1} t),\; \cos(\omega_0 t), \dots, \cos(\omega_{n-1} t)]$$
#
# | | shape |
# |---|---|
# | `t` | `(B,)`, integers or floats, on any device |
# | `frequencies(dim, max_period)` | `(D/2,)`, on the CPU |
# | returns | `(B, D)`, float32, on the device of t |

# %%
def sinusoidal_embedding(t, dim, max_period=10_000.0):
    """Return the sines, then the cosines, of t times each frequency.

    (B,) -> (B, D)

    t counts noise steps and may be integer or float; all values returned are in [-1, 1].
    Raises ValueError unless D is even and at least 4.
    Source: "Attention Is All You Need" (2017), section 3.5.
    """
    raise NotImplementedError("exercise 1.2")

# %%
sinusoidal_embedding = check("1.2", sinusoidal_embedding)

# %% [markdown]
# <details><summary>Hint 1: every t with every frequency</summary>
#
# You need a table of angles with B rows and D/2 columns. Multiply a column of shape `(B, 1)` by a
# row of shape `(D/2,)`: PyTorch repeats both to `(B, D/2)`. `t[:, None]` is such a column.
# </details>
#
# <details><summary>Hint 2: joining</summary>
#
# `torch.cat([a, b], dim=1)` puts two tables side by side.
# </details>
#
# <details><summary>My check says that something stays on the CPU</summary>
#
# A tensor that you make yourself is on the CPU. On a GPU, t is not. `frequencies(...).to(t.device)`
# brings it there, and does nothing if it is there already.
# </details>

# %%
# solution 1.2

# %% [markdown]
# One row of this table is what the network will be told. Here are the rows of the first 200 steps
# as a picture, with orange for +1, white for 0 and blue for -1:

# %%
# alt: A map with a row for each t from 0 to 199 and a column for each of 32 numbers. In the left
#   half the sines: columns that change colour from row to row at the left, and ever more slowly to
#   the right. In the right half the same for the cosines, which begin at 1.
table = sinusoidal_embedding(times, 32)
embedding_map(table[:200], times[:200])
plt.show()

# %% [markdown]
# The sines are on the left, the cosines on the right. In each half the waves get slower from left
# to right, until they hardly change within these steps.
#
# And the test from section 2? **Where will the sinusoidal embedding end up?**

# %% tags=["nbval-ignore-output"]
fit("sinusoidal", sinusoidal_embedding(times, 64))

# %% [markdown]
# With the same hidden layer and as many steps, it learns the even steps as well as one-hot does,
# and the odd ones too.
#
# ## 5. Which times look alike?
#
# We asked for neighbours that look alike, so let's measure that. Two vectors point the same way
# when the *cosine* of the angle between them is 1. It is 0 when they are at right angles, and -1
# when they are opposite. You get it as their dot product, divided by both their lengths.
#
# ### Exercise 1.3 (optional): how alike are two times?
# difficulty 2 of 5, about 8 minutes
#
# Compare every row of a table with every other row:
#
# $$\mathrm{similarity}_{ij} = \frac{e_i \cdot e_j}{\lVert e_i \rVert\, \lVert e_j \rVert}$$
#
# | | shape |
# |---|---|
# | `emb` | `(N, D)`, a vector in each row; leave it as it is |
# | returns | `(N, N)` |

# %%
def similarity(emb):
    """Return the cosine of the angle between every two vectors.

    (N, D) -> (N, N)

    Entry [i, j] is the dot product of vectors i and j, divided by both their lengths.
    """
    raise NotImplementedError("exercise 1.3")

# %%
similarity = check("1.3", similarity)

# %% [markdown]
# <details><summary>Hint 1: all dot products at once</summary>
#
# A matrix product is a table of dot products: entry [i, j] of `a @ b` is row i of `a` times column
# j of `b`. What must `b` be, so that its columns are the rows of `emb`?
# </details>
#
# <details><summary>Hint 2: the lengths</summary>
#
# `emb.norm(dim=1, keepdim=True)` has shape `(N, 1)`: the length of each row. If every row is
# divided by its length first, the dot products are the cosines.
# </details>

# %%
# solution 1.3

# %%
# alt: Left, a map of how alike any two times are: bright on the diagonal, darker away from it.
#   Right, one curve over the distance of two times: from 1 at distance 0 it falls to 0.5 within
#   some fifty steps, and goes on falling in ripples, to between 0 and 0.4. A band around it, from
#   the least to the largest, cannot be seen.
similarity_map(similarity(sinusoidal_embedding(times, 64)))
plt.show()

# %% [markdown]
# Away from the diagonal the similarity falls, first fast, then slowly, with ripples from the fast
# waves. The curve on the right is the mean over all pairs of times that many steps apart. (All
# pairs at one distance are equally alike, so the band around the curve is too thin to see.) It
# never comes back to 1.
#
# ## 6. How does it get into the network?
#
# The sinusoids are fixed: nothing in them is learned. But what a block of the U-Net needs to know
# is not "the third wave is at 0.4". It is more like "there is so much noise that only the outline
# counts". A small network sits between the two: a linear layer, the activation SiLU, and a second
# linear layer. That second one each block has for itself, because each needs to know something
# different (notebook 02). The first one and the SiLU are `TimeEmbedding`. (DDPM's code has one
# linear layer more: two in front, and one in each block.)
#
# SiLU is $x \cdot \mathrm{sigmoid}(x)$: like ReLU, but without a corner.
#
# Here is all of it, for six times and D = 16. Each row of a matrix belongs to one time. (This one
# is the course's. In the drawing, `rearrange` stands for any reshape or transpose, `cat` for
# `torch.cat`.)

# %%
# alt: The time embedding as a diagram, from left to right. Six times become a column and are
#   multiplied by 8 frequencies. Of the products, sines and cosines are taken, 6 x 8 each, and
#   joined to 6 x 16. In the upper rows, the small times, the right half of each is nearly even.
#   Then come a linear layer and SiLU, 6 x 16 both, without a visible order.
torch.manual_seed(0)
draw_block(embedding.TimeEmbedding(16), torch.tensor([0, 10, 100, 300, 500, 900]), batch=True,
           title="The time embedding", names={"constant": "frequencies", "×": "t × frequency"})
plt.show()

# %% [markdown]
# ### Exercise 1.4: the time embedding as a module
# difficulty 2 of 5, about 10 minutes
#
# $$\mathrm{temb} = \mathrm{SiLU}(W\,\mathrm{emb}(t) + b)$$
#
# | | shape |
# |---|---|
# | `t` | `(B,)`, integers from 0 to 999 |
# | the linear layer | D inputs, D outputs |
# | returns | `(B, D)` |
#
# Use your `sinusoidal_embedding`, with `dim` and the default `max_period`.

# %%
class TimeEmbedding(nn.Module):
    """The vector that tells every block the time: sinusoids, one linear layer, SiLU.

    (B,) -> (B, D)

    The second linear layer stands in each block, which needs its own view of the time.
    Source: "Denoising Diffusion Probabilistic Models" (2020), appendix B.
    """

    def __init__(self, dim):
        super().__init__()
        raise NotImplementedError("exercise 1.4")

    def forward(self, t):
        raise NotImplementedError("exercise 1.4")

# %%
TimeEmbedding = check("1.4", TimeEmbedding)

# %% [markdown]
# <details><summary>Hint 1: what goes where</summary>
#
# What has weights is made in `__init__` and kept on `self`: the layer `nn.Linear(dim, dim)`. What
# happens to t is written in `forward`. Keep `dim` too, `forward` needs it.
# </details>
#
# <details><summary>Hint 2: forward</summary>
#
# It is one line, from the inside out: `sinusoidal_embedding`, then the linear layer, then `F.silu`.
# </details>
#
# <details><summary>My check says that the layer is made in forward</summary>
#
# A layer that is made in `forward` has new random weights at each call, and the optimizer does not
# know it. So it can never learn.
# </details>

# %%
# solution 1.4

# %% [markdown]
# This is the first part of your U-Net. The next cell puts it into the finished network, in place
# of the reference's, and asks about the same picture at two different times. **Nothing has been
# trained yet. Will the two answers be equal?**

# %%
torch.manual_seed(0)
net = UNet(base_ch=16, ch_mult=(1, 2), time_dim=64).eval()
net.time = TimeEmbedding(64)
with torch.no_grad():
    early, late = net(images[:1], t=10), net(images[:1], t=900)
print("temb:", tuple(net.time(torch.tensor([10, 900])).shape))
print("the answers differ:", bool((early - late).abs().max() > 1e-3))

# %% [markdown]
# They differ. The time gets through to the output, even before the network has learned what to do
# with it.
#
# ## 7. What is it worth in a real U-Net?
#
# The predictor of section 1 could recognise nothing, and the one of section 2 saw nothing but t. A
# U-Net sees far more. So here is the test that counts: three small U-Nets, identical except for
# how they are told the time. One is never told: it gets zeros. One gets t / 1000, through a linear
# layer and SiLU. One has your `TimeEmbedding`. Each trains for 400 steps with the same pictures
# and the same noise, and is then asked about pictures that were held out. **What do you expect: by
# how much will each be better than the one before it? At which t?**

# %%
class NeverTold(nn.Module):
    def forward(self, t):
        return torch.zeros(len(t), 64)


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 64)

    def forward(self, t):
        return F.silu(self.linear(t[:, None] / 1000))


def fit_unet(time, steps=400):
    """Train a small U-Net with this time embedding; return its loss on held-out pictures."""
    torch.manual_seed(0)
    net = UNet(base_ch=16, ch_mult=(1, 2, 4), time_dim=64)
    net.time = time
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        loss = noise_loss(net, *draw_batch(images, 1000, 32, generator), schedule)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    test, _ = load("digits", "test")
    eps = torch.randn(test.shape, generator=generator)
    with torch.no_grad():
        return [noise_loss(net.eval(), test, torch.full((len(test),), t), eps, schedule).item()
                for t in (50, 300, 900)]

# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
told = {"never told": NeverTold(), "t / 1000": Scaled(), "sinusoids": TimeEmbedding(64)}
errors = {name: fit_unet(time) for name, time in told.items()}
print("error at t =    50     300    900")
for name, values in errors.items():
    print(f"{name:14}", "  ".join(f"{value:.3f}" for value in values))

# %% tags=["trained"]
print("never told is the worst at t = 50:",
      errors["never told"][0] > max(errors["t / 1000"][0], errors["sinusoids"][0]))

# %% [markdown]
# The differences are much smaller than the toys suggested. A U-Net that is never told sees for
# itself most of what it needs, and t / 1000 is as good as sinusoids at t = 300 and t = 900. Only at
# t = 50 do sinusoids clearly help, probably because the noise is faint there, and how faint is hard
# to read off the picture. (This is one run of each. Another seed moves the figures a little.)
#
# So why does everybody use sinusoids? They were inherited. The Transformer of 2017 used them to
# number the words of a sentence, and its authors hoped that they would make it easy to find the
# word k places further on. A diffusion U-Net never asks what comes k steps later. What remains as
# a reason is what you saw in section 2: waves of many scales, with values between -1 and 1, show a
# network both small and large differences in t, and cost next to nothing.
#
# ## 8. Try it out
#
# Move the sliders. **What happens to the picture when max_period is much too small for 1,000 steps?
# When it is 100,000? And how few numbers would do?**

# %% tags=["nbval-ignore-output"]
# alt: Eight maps of the embeddings of all t. With max_period = 10 every wave is fast, and the same
#   stripes come again and again. With 1,000 and 10,000 the waves get slower from column to column,
#   and with 100,000 many columns hardly change. With dim = 4 there are only four columns, with 32
#   there are many.
embedding_explorer()

# %% [markdown]
# With max_period = 10, even the slowest wave goes around every 63 steps. No wave is left that
# tells early from late, and the same stripes return again and again. With 100,000, the columns on
# the right of each half hardly change within 1,000 steps, so they say little. 10,000 is the usual
# choice. As for dim: 4 numbers make only two waves, and too many times look alike. 32 are enough,
# and networks take 128 or more because numbers are cheap here.
#
# ## Recap
#
# - The right answer depends on t, so the network is told t.
# - A single number changes too little between neighbours; one-hot makes strangers of them.
# - Waves of many frequencies, a sine and a cosine of each, do both: neighbours look alike, and no
#   two times look the same.
# - A U-Net can see for itself how noisy a picture is, so being told is worth less to it than to the
#   toys, but it still helps.
# - `TimeEmbedding` is the sinusoids, a linear layer and SiLU: `(B,) -> (B, D)`.
#
# **What can go wrong.** Interleaving sines and cosines (a network of notebook 10 does that) works
# just as well, but weights trained with one order do not fit the other. Angles are in radians. And
# a tensor that you make inside a function is on the CPU, even if t is not.
#
# **Where to look.** All of this is in `course_utils/embedding.py`. The next notebook is [02, the
# conv block](02_conv_block.ipynb). The map of the course is in [00](00_start_here.ipynb).

# %% [markdown]
# ## How far are you?

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()
