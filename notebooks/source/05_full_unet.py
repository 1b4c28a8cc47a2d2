# %% [markdown]
# # 05 The full U-Net: yours, from noise to a digit
#
# {{badge}}
#
# In this notebook you will
#
# - assemble your parts into the whole network, and follow a picture through it;
# - write the loss and the training step, and do the first test that every new network deserves;
# - train your network, and find out what the U, the skips and the time are worth in it;
# - derive the step back from noise, write two samplers, DDPM and DDIM, and let your network draw;
# - ask for something better than the noise, draw again, and take your network home.
#
# It has seven exercises and takes about 110 minutes, ten of them for training on two CPU cores.
# Choose a GPU on Colab if you can (Runtime, Change runtime type).

# %%
# setup

# %%
import copy
import math
import time

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from course_utils import portfolio, samplers
from course_utils.ablation import without
from course_utils.averaging import refresh_norms, update_average
from course_utils.checks import check
from course_utils.data import load
from course_utils.diffusion import add_noise, predict_x0, velocity, velocity_loss
from course_utils.keeping import keep_weights
from course_utils.plots import draw_u, grid, lines, loss_curve, loss_curves, strip
from course_utils.quality import measure
from course_utils.samplers import last
from course_utils.schedule import cosine_schedule
from course_utils.training import TrainConfig, learning_rate
from course_utils.unet import check_picture, timesteps
from course_utils.widgets import sampler_explorer
from course_utils.wiener import WienerDenoiser, compute_wiener_filter, decompose

# %% [markdown]
# Now every part is in colour:

# %%
# alt: The whole U-Net, all parts coloured.
draw_u()
plt.show()

# %% [markdown]
# The next cell says which of these parts are yours. The network will be made of them, and of the
# course's where you have none yet.

# %% tags=["nbval-ignore-output"]
mine = portfolio.load()
ConvBlock, TimeEmbedding = mine.ConvBlock, mine.TimeEmbedding
Encoder, Decoder = mine.Encoder, mine.Decoder

# %% [markdown]
# ## 1. What happens to a picture on its way through?
#
# Before we build one class, let's send a batch of noisy pictures through the three parts by hand:
# five pictures, three levels, and the channels 32, 64 and 128. **Write down first: what are the
# shapes of temb, of the bottom and of the two skips?**

# %%
digits, _ = load("digits", "train")
schedule = cosine_schedule()
chs, time_dim = [32, 64, 128], 128
torch.manual_seed(0)
embed = TimeEmbedding(time_dim)
encoder = Encoder(1, chs, time_dim)
decoder = Decoder(chs, 1, time_dim)

t = torch.tensor([10, 200, 400, 600, 900])
xt = add_noise(digits[:5], torch.randn(5, 1, 16, 16), schedule.alpha_bar_at(t))
temb = embed(t)
bottom, skips = encoder(xt, temb)
out = decoder(bottom, list(skips), temb)  # a copy: yours may take the skips out of its list
for name, value in [("xt", xt), ("t", t), ("temb", temb), ("bottom", bottom), ("out", out)]:
    print(f"{name:8}", tuple(value.shape))
for i, skip in enumerate(skips):
    print(f"skip {i}  ", tuple(skip.shape))

# %% [markdown]
# Follow it once more in the diagram. The time step becomes one vector for all blocks. The encoder
# halves twice, 16 to 8 to 4, and the decoder doubles twice, with a skip at each level. What comes
# out has the shape of what went in: one number for each pixel, soon to be the noise in it.
#
# ### Exercise 5.1: the U-Net
# difficulty 2 of 5, about 10 minutes
#
# Make it one class. Level i has `base_ch * ch_mult[i]` channels.
#
# | | |
# |---|---|
# | `x` | `(B, C, H, W)`, C is `in_ch` |
# | `t` | `(B,)`, or one int for the whole batch: `timesteps(t, x)` makes `(B,)` of either |
# | returns | `(B, C, H, W)` |
#
# `TimeEmbedding(time_dim)`, `Encoder(in_ch, chs, time_dim)` and `Decoder(chs, out_ch, time_dim)`
# are there. The reference refuses pictures that cannot be halved often enough, with
# `check_picture`. Yours need not.

# %%
class UNet(nn.Module):
    """Predict the noise in a noisy picture, given the step t that it was noised to.

    (B, C, H, W), (B,) -> (B, C, H, W)

    Level i has base_ch * ch_mult[i] channels; between two levels the picture is halved. t is an
    integer tensor, or one int for the whole batch.
    Raises ValueError for a picture that cannot be halved often enough and for a t that does not
    go with x. Source: "U-Net" (2015) and "Denoising Diffusion Probabilistic Models" (2020).
    """

    def __init__(self, in_ch=1, base_ch=64, ch_mult=(1, 2, 4, 8), time_dim=256):
        super().__init__()
        raise NotImplementedError("exercise 5.1")

    def forward(self, x, t):
        raise NotImplementedError("exercise 5.1")

# %%
UNet = check("5.1", UNet)

# %% [markdown]
# <details><summary>Hint 1: __init__</summary>
#
# Make the list of channels first: `[base_ch * m for m in ch_mult]`. Then the three parts, kept on
# `self`, as in the cell above.
# </details>
#
# <details><summary>Hint 2: forward</summary>
#
# The three lines of the cell above, with `timesteps(t, x)` in place of t, and with `self.` before
# the parts: without it you would use those of the cell above.
# </details>
#
# <details><summary>My check says that an int t has to become a tensor</summary>
#
# Samplers say `net(xt, 999)`, because the whole batch is at the same step. `timesteps(999, x)`
# makes a tensor with 999 for each picture.
# </details>

# %%
# solution 5.1

# %% [markdown]
# How large is it? A convolution with a k x k kernel from C to K channels has $k^2 C K$ weights and
# K biases, so the block at the bottom, from 64 to 128 channels, should hold a large share. The
# package `torchsummary` prints a line for each layer. It passes only floats, so it needs a wrapper
# (notebook 06 says more).

# %%
class ForSummary(nn.Module):
    """A network with a time input, as torchsummary can take it: t as floats (B, 1, 1, 1)."""

    def __init__(self, net, T=1000):
        super().__init__()
        self.layers = nn.ModuleList(m for m in net.modules() if not list(m.children()))
        self.answer, self.T = net.forward, T

    def forward(self, x, t):
        return self.answer(x, (t.flatten() * self.T).long())

# %% tags=["nbval-ignore-output"]
try:
    from torchsummary import summary
except ImportError:  # Colab's TPU machines and Kaggle don't have it
    from course_utils.colab import no_torchsummary as summary

torch.manual_seed(0)
fresh = UNet(in_ch=1, base_ch=32, ch_mult=(1, 2, 4), time_dim=128)
summary(ForSummary(fresh), [(1, 16, 16), (1, 1, 1)], device="cpu")

# %% [markdown]
# Read the column "Output Shape" from top to bottom: 32 channels at 16 x 16, 64 at 8 x 8, 128 at 4
# x 4, and back again. (-1 stands for the batch.) Then add up "Param #" of the block at 4 x 4, from
# Conv2d-16 to Conv2d-21: the block with the smallest picture has more than two fifths of all
# parameters.
#
# ## 2. What do we ask the network to predict?
#
# The noise. Take clean pictures, a random step for each, and random noise. Mix them. Let the
# network guess the noise, and compare:
#
# $$\mathrm{loss} = \mathrm{mean}\big(\,(\mathrm{net}(x_t, t) - \varepsilon)^2\,\big)
# \qquad x_t = \sqrt{\bar\alpha_t}\; x_0 + \sqrt{1 - \bar\alpha_t}\;\varepsilon$$
#
# That is equation 14 of the DDPM paper, and all you need to train a diffusion model. Note what it
# asks for. Many noises fit one xt, and the answer with the smallest mean squared error is their
# *average*. (Up to a factor it is what others call the *score*.) So the predicted x0 is an average
# too, of all pictures that fit: sharp at early t, a blur at late t.
#
# ### Exercise 5.3: the training objective
# difficulty 2 of 5, about 8 minutes
#
# | | shape |
# |---|---|
# | `net` | a network: `net(xt, t)` returns `(B, C, H, W)` |
# | `x0`, `eps` | `(B, C, H, W)` |
# | `t` | `(B,)`, integers |
# | `schedule` | `schedule.alpha_bar_at(t)` returns `(B,)` |
# | returns | `()`, a tensor that holds one number |
#
# `add_noise(x0, eps, alpha_bar)` is the function of notebook 00. Call the network once, with the
# whole batch, and leave it in the mode that it's in.

# %%
def noise_loss(net, x0, t, eps, schedule):
    """Return the mean squared error of a network that predicts the noise.

    UNet, (B, C, H, W), (B,), (B, C, H, W), Schedule -> ()

    Source: "Denoising Diffusion Probabilistic Models" (2020), equation 14.
    """
    raise NotImplementedError("exercise 5.3")

# %%
noise_loss = check("5.3", noise_loss)

# %% [markdown]
# <details><summary>Hint 1: three lines</summary>
#
# First alpha_bar for these t. Then the noisy pictures. Then the mean of the squared differences;
# `F.mse_loss(a, b)` computes it.
# </details>
#
# <details><summary>My check says that no gradient comes out</summary>
#
# The loss must be a tensor that remembers how it was made. `.item()` makes a plain number of it,
# and `.detach()` lets it forget.
# </details>

# %%
# solution 5.3

# %% [markdown]
# ### Exercise 5.6: a training step
# difficulty 3 of 5, about 12 minutes
#
# Write one step of the training, from the pictures to the changed weights. How to draw the batch
# is up to you.
#
# | | |
# |---|---|
# | `net`, `optimizer` | `optimizer` is any of `torch.optim`, and holds the parameters of `net` |
# | `images` | `(N, C, H, W)`, all of them, on any device |
# | `schedule` | has `T`; steps go from 0 to T - 1 |
# | `loss` | a function: `loss(net, x0, t, eps, schedule)` returns `()`, such as your `noise_loss` |
# | `batch` | B, the number of pictures in the step |
# | returns | the loss of this step, as a plain Python number |
#
# Every picture of the batch gets a step t and noise of its own, and every call draws anew.

# %%
def training_step(net, optimizer, images, schedule, loss, batch=64):
    """Take one training step on random pictures, and return their loss.

    UNet, optimizer, (N, C, H, W), Schedule, loss -> float

    `batch` pictures are drawn, and a step t and noise eps for each, all on the device of images.
    The optimizer then takes one step down the gradient of loss(net, x0, t, eps, schedule).
    Source: "Denoising Diffusion Probabilistic Models" (2020), algorithm 1.
    """
    raise NotImplementedError("exercise 5.6")

# %%
training_step = check("5.6", training_step)

# %% [markdown]
# <details><summary>Hint 1: random pictures</summary>
#
# `torch.randint(len(images), (batch,))` draws the numbers of `batch` pictures, and `images[which]`
# takes those out.
# </details>
#
# <details><summary>Hint 2: the order of things</summary>
#
# Draw x0, t and eps; compute the loss; then three calls: `optimizer.zero_grad()`, `backward()` on
# the loss, `optimizer.step()`.
# </details>
#
# <details><summary>My check says that something is on the CPU</summary>
#
# `torch.randint(..., device=images.device)` draws where the pictures are, and
# `torch.randn_like(x0)` does so by itself.
# </details>

# %%
# solution 5.6

# %% [markdown]
# ## 3. The first test: can it memorise eight pictures?
#
# Before you train a network for an hour, train it for seconds on one batch that never changes:
# eight pictures, eight steps t, eight noises. Half a million parameters must be able to memorise
# these. If they can't, something is broken, and no amount of data will fix it. This cheap test
# finds many mistakes: noise that doesn't belong to the picture, a part without gradient, a learning
# rate that is far off. (Not all: a wrong question is memorised too.)
#
# We do it twice: once with your loss, and once with a broken one that compares with fresh noise, an
# easy mistake to make. **A network that knows nothing can answer 0, which costs 1, the variance
# of the noise. Where will the two losses end?**

# %%
generator = torch.Generator().manual_seed(0)
x0, t = digits[:8], torch.randint(1000, (8,), generator=generator)
eps = torch.randn(x0.shape, generator=generator)


def overfit(loss_of, steps=60):
    """Train a fresh network on eight fixed pictures; return the loss of each step."""
    torch.manual_seed(0)
    net = UNet(in_ch=1, base_ch=32, ch_mult=(1, 2, 4), time_dim=128)
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    losses = []
    for _ in range(steps):
        loss = loss_of(net)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def right(net):
    return noise_loss(net, x0, t, eps, schedule)


def broken(net):
    xt = add_noise(x0, eps, schedule.alpha_bar_at(t))
    return F.mse_loss(net(xt, t), torch.randn_like(xt))

# %% tags=["nbval-ignore-output"]
# alt: Two loss curves. The right network falls from 1 to about 0.0001, the broken one stays at 1.
curves = {"right": overfit(right), "broken": overfit(broken)}
loss_curves(curves)
plt.show()

# %%
print("the right one memorises its eight pictures:", curves["right"][-1] < 0.1)
print("the broken one does not:", curves["broken"][-1] > 0.5)

# %% [markdown]
# The broken one gets stuck near 1, because nobody can guess noise that they never saw. Note that it
# *runs*: no error, sensible shapes. Only the loss says that something is wrong.
#
# ## 4. Training
#
# Now the real thing. `fit` adds three things to your `training_step`. The *learning rate* rises
# during the first hundred steps and then falls slowly to 0. The *EMA*, an average of the weights
# over the last hundred steps or so, is kept on the side, because single steps jump about and the
# average draws better. And because averaged weights make features of their own, BatchNorm's running
# averages are measured anew at the end. (Notebook 07 takes all this apart. `machine`, from the
# setup cell, knows how much training suits this computer. If you stop the training, the cells below
# use what has been learned by then.)

# %%
data = "digits"  # @param ["digits", "mnist", "fashion_mnist", "cifar10"]
images, _ = load(data, "train")
images = images.to(machine.device)
in_ch, base_ch = images.shape[1], 32 if data == "digits" else 64
settings = dict(in_ch=in_ch, base_ch=base_ch, ch_mult=(1, 2, 4), time_dim=4 * base_ch)
config = TrainConfig(steps=machine.budget(cpu=2000, gpu=10_000))


def fit(make_net, loss):
    """Train a fresh network; return it with averaged weights, the losses and the seconds."""
    torch.manual_seed(0)
    net = make_net().to(machine.device, memory_format=torch.channels_last)
    average = copy.deepcopy(net)
    optimizer = torch.optim.AdamW(net.parameters(), lr=config.lr)
    losses, begin = [], time.perf_counter()
    try:
        for step in tqdm(range(config.steps)):
            optimizer.param_groups[0]["lr"] = learning_rate(step, config)
            losses.append(training_step(net, optimizer, images, schedule, loss))
            update_average(average, net, keep=config.ema)
    except KeyboardInterrupt:
        print(f"stopped after {len(losses)} of {config.steps} steps")
    seconds = time.perf_counter() - begin
    return refresh_norms(average, images, schedule), losses, seconds

# %% tags=["nbval-ignore-output"]
# alt: The loss, on a logarithmic axis: it falls to about 0.1 within a hundred steps, then slowly
#   to about 0.05.
net, losses, seconds = fit(lambda: UNet(**settings), noise_loss)
loss_curve(losses)
plt.show()

# %% [markdown]
# This is your network at work on a digit that it was not trained on, at t = 300. Of each tensor you
# see three channels:

# %% tags=["nbval-ignore-output"]
# alt: The U-Net with three channels of each tensor. The strokes of a noisy digit can be seen on
#   the two upper levels, and hardly on the lowest.
test = load(data, "test")[0][:360].to(machine.device)
noise = torch.randn(test.shape, generator=torch.Generator().manual_seed(0)).to(machine.device)


def at(t):
    """Return the test pictures noised to step t, and t for each of them."""
    t = torch.full((len(test),), t, device=machine.device)
    return add_noise(test, noise, schedule.alpha_bar_at(t)), t


xt, t = at(300)
draw_u(net=net, xt=xt[:1], t=t[:1], features=True)
plt.show()

# %% [markdown]
# ### Where is the task hard?
#
# The loss curve mixes all t. **At which t do you expect the largest error: where the noise is
# faint, in the middle, or where there is nothing but noise?** And what do we need a U for? We
# compare your network with two that are simpler. One is a single block of notebook 02, which sees 5
# x 5 pixels, trained in just the same way. The other is no network at all but the best *linear*
# filter, which predicts each pixel of x0 as a weighted sum of all pixels of xt (the Wiener filter;
# notebook 09 derives it).

# %% tags=["nbval-ignore-output"]
# alt: The loss over t: the single block is highest throughout, the U-Net lowest until about t =
#   800, then the linear filter.
class OneBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.time = TimeEmbedding(4 * base_ch)
        self.block = ConvBlock(in_ch, base_ch, 4 * base_ch)
        self.out = nn.Conv2d(base_ch, in_ch, 1)

    def forward(self, xt, t):
        return self.out(self.block(xt, self.time(timesteps(t, xt))))


S, mean = compute_wiener_filter(images.split(64), machine.device, images.shape[2], in_ch)
wiener = WienerDenoiser(*decompose(S), mean)
one_block, _, _ = fit(OneBlock, noise_loss)


def by_filter(xt, t):
    alpha_bar = schedule.alpha_bar_at(t)[:, None, None, None]
    x0 = wiener.predict_x0(xt, alpha_bar.flatten())
    return (xt - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()


predictors = {"one block": one_block, "linear filter": by_filter, "your U-Net": net}
times = [10, 30, 50, 100, 200, 300, 500, 700, 900, 980]
with torch.no_grad():
    errors = {name: [F.mse_loss(predict(*at(t)), noise).item() for t in times]
              for name, predict in predictors.items()}
print("loss at t =        50    300    900")
for name, values in errors.items():
    print(f"{name:16}", "  ".join(f"{values[times.index(t)]:.3f}" for t in (50, 300, 900)))
lines(times, errors, "t", "loss", log="y")
plt.show()

# %% [markdown]
# The smaller t, the harder it is to name the noise, because it is faint there. (The picture is then
# easy; section 9 comes back to this.) The filter beats the single block at every t, without a
# training step. It sees all pixels, has weights of its own for each, and exploits how few
# directions our digits vary in. Your U-Net is the best by far wherever there is something to
# recognise. Only at the very end does the filter win, where the best answer is nearly linear.
#
# ### What is each part worth?
#
# Your network is trained, so we can take parts away from it. Within `without(net, "bottom")`, zeros
# take the place of the bottom; in the same way we take away skip 0, and `temb`. No weight changes.
# **Which of the three will it miss most?**

# %% tags=["nbval-ignore-output"]
# alt: Ten noisy digits, and what is left without the predicted noise: clean from the whole
#   network and without the bottom, grainy without skip 0, as noisy as before without the time.
@torch.no_grad()
def found(t):
    """Return the predicted noise, and the picture that is left without it."""
    xt, ts = at(t)
    eps = net(xt, ts)
    return eps, predict_x0(xt, eps, schedule.alpha_bar_at(ts))


left = {"noisy": at(300)[0], "whole": found(300)[1]}
losses_of = {"whole": [F.mse_loss(found(t)[0], noise) for t in (50, 300, 900)]}
for part in ("bottom", "skip 0", "time"):
    with without(net, part):
        left[f"no {part}"] = found(300)[1]
        losses_of[f"no {part}"] = [F.mse_loss(found(t)[0], noise) for t in (50, 300, 900)]
for name, values in losses_of.items():
    print(f"{name:10} loss at t = 50, 300, 900:", ", ".join(f"{value:.3f}" for value in values))
strip([x[:10].cpu() for x in left.values()], labels=list(left), size=0.95)
plt.show()

# %% [markdown]
# Without skip 0 the answer is worse than no answer: that is how the noise comes across (notebook
# 04). Without `temb` it is worse still. The U-Net of notebook 01 that was never told the time did
# far better, because it had learned to do without. So this shows what a network relies on, not what
# it couldn't have learned to live without.
#
# And the bottom? At t = 50 and 900 you hardly notice that it is gone, and the digits at t = 300
# look nearly the same. Is it really worth so little? Let the network draw without it, from the same
# noise. (We take the course's sampler; you will write your own in a moment.)

# %% tags=["nbval-ignore-output"]
# alt: Ten drawings of the whole network, which are digits, and ten without the bottom: clean
#   strokes, mostly no digits.
def draws(model):
    torch.manual_seed(0)
    noise = torch.randn(10, in_ch, *images.shape[2:]).to(machine.device)
    return last(samplers.ddim(model, noise, schedule, steps=50))


with without(net, "bottom"):
    no_bottom = draws(net)
strip([draws(net), no_bottom], labels=["whole", "no bottom"])
plt.show()

# %% [markdown]
# The strokes are as clean as before, but they don't add up to digits. The skips suffice to clean
# up a picture that is already there. It is at the bottom that this network has learned to decide
# which strokes belong together. (Again, that is no proof that a U without a bottom couldn't learn
# it.)
#
# ## 5. Sampling: step by step, with DDPM
#
# Your network can name the noise in a picture. To draw, we start with pure noise at t = T - 1, ask
# for the noise, and get a predicted x0. Notebook 00 showed why we don't jump there: from pure
# noise it is a blur at best. So we go a small part of the way, to a picture with as much noise in
# it as belongs to t - 1. Which picture is that?
#
# Suppose we know xt, and believe x0. Then there are two things that we know about the picture
# $x_{t-1}$ between them, each a normal distribution:
#
# - **from x0**, by the jump of notebook 00: the mean is $m_1 = \sqrt{\bar\alpha_{t-1}}\; x_0$ and
#   the variance $v_1 = 1 - \bar\alpha_{t-1}$;
# - **from xt**, by undoing the last small step $x_t = \sqrt{1 - \beta_t}\; x_{t-1} +
#   \sqrt{\beta_t}\; z$: the mean is $m_2 = x_t / \sqrt{1 - \beta_t}$ and the variance $v_2 =
#   \beta_t / (1 - \beta_t)$.
#
# The noise of the small step is fresh, so the two errors are independent. Then they are combined
# like two measurements of one length: each is weighted by the inverse of its variance: the more
# certain counts more. The product of two Gaussians is a Gaussian with
#
# $$\mathrm{mean} = \frac{m_1 / v_1 + m_2 / v_2}{1 / v_1 + 1 / v_2} \qquad
# \mathrm{variance} = \frac{1}{1 / v_1 + 1 / v_2}$$
#
# It is called the *posterior*: what we know about $x_{t-1}$ after having seen xt.
#
# ### Exercise 5.7: the mean of the posterior
# difficulty 3 of 5, about 15 minutes
#
# Put the four into the formula for the mean, and write it as a function. On paper it can be
# simplified a good deal (equation 7 of the DDPM paper is the result). Whether you do that is up to
# you, but look out for t = 0: before the first step nothing is noise, so $\bar\alpha_{t-1} = 1$
# there, and the mean is x0.
#
# | | |
# |---|---|
# | `x0`, `xt` | `(B, C, H, W)`, on any device |
# | `t` | an int from 0 to T - 1, the same for all pictures |
# | `schedule` | `schedule.alpha_bar` and `schedule.betas`, both `(T,)`, on the CPU |
# | returns | `(B, C, H, W)` |

# %%
def posterior_mean(x0, xt, t, schedule):
    """Return the mean of the picture at step t - 1, given x0 and the picture xt at step t.

    (B, C, H, W), (B, C, H, W), int, Schedule -> (B, C, H, W)

    Before the first step alpha_bar is 1, so at t = 0 the mean is x0.
    Source: "Denoising Diffusion Probabilistic Models" (2020), equation 7.
    """
    raise NotImplementedError("exercise 5.7")

# %%
posterior_mean = check("5.7", posterior_mean)

# %% [markdown]
# <details><summary>Hint 1: the step before the first</summary>
#
# In Python, `alpha_bar[-1]` is the last one, without an error. And with $v_1 = 0$ you would divide
# by zero. So at t = 0 return x0 itself, or use the simplified formula with 1 in place of
# $\bar\alpha_{t-1}$.
# </details>
#
# <details><summary>Hint 2: simplifying</summary>
#
# $1/v_1 + 1/v_2$ over a common denominator is $(1 - \bar\alpha_t) / (\beta_t (1 -
# \bar\alpha_{t-1}))$, because $\bar\alpha_t = (1 - \beta_t)\, \bar\alpha_{t-1}$.
# </details>
#
# <details><summary>Hint 3: the result</summary>
#
# x0 is multiplied by $\sqrt{\bar\alpha_{t-1}}\, \beta_t / (1 - \bar\alpha_t)$, and xt by
# $\sqrt{1 - \beta_t}\, (1 - \bar\alpha_{t-1}) / (1 - \bar\alpha_t)$.
# </details>

# %%
# solution 5.7

# %% [markdown]
# Is it true? We can measure it. Take one pixel with x0 = 0.5. Jump to t = 299, a hundred thousand
# times, and each time take the small step to t = 300. For those that end up near one value, what
# were mean and variance at t = 299?

# %%
# alt: The mean at t = 299 over x at t = 300: measured and by formula, the same straight line.
torch.manual_seed(0)
t, pixel = 300, torch.full((100_000, 1, 1, 1), 0.5)
before = add_noise(pixel, torch.randn_like(pixel), schedule.alpha_bar[299].expand(len(pixel)))
beta = schedule.betas[t]
after = (1 - beta).sqrt() * before + beta.sqrt() * torch.randn_like(before)

ends = torch.linspace(-0.6, 1.2, 10)
near = [(after - end).abs() < 0.01 for end in ends]
measured = [before[n].mean().item() for n in near]
formula = posterior_mean(torch.full((10, 1, 1, 1), 0.5), ends[:, None, None, None], t, schedule)
spread = torch.stack([before[n].var() for n in near]).mean()
bars = schedule.alpha_bar
variance = (1 - bars[299]) / (1 - bars[300]) * beta
difference = (torch.tensor(measured) - formula.flatten()).abs().max()
print(f"mean: largest difference {difference:.3f}")
print(f"variance: measured {spread:.4f}, by the formula {variance:.4f}")
lines(ends, {"measured": measured, "posterior_mean": formula.flatten()}, "x at t = 300",
      "mean of x at t = 299", dots=True)
plt.show()

# %% [markdown]
# It is. So the step back is: go to the mean, and add noise of the posterior's variance, which
# simplifies to what the cell compared with:
#
# $$\sigma_t^2 = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}\,\beta_t$$
#
# ### Exercise 5.4: DDPM sampling
# difficulty 3 of 5, about 15 minutes
#
# Write a *generator*: a function that hands out a result with `yield` after every step, and
# continues when it is asked for the next. That way the caller can watch.
#
# For t = T - 1 down to 0:
#
# 1. `eps = model(xt, t)`, then `x0 = predict_x0(xt, eps, alpha_bar[t])`, clipped to [-1, 1] with
#   `.clamp(-1, 1)`, because no picture lies outside;
# 2. the new `xt` is `posterior_mean(x0, xt, t, schedule)` plus $\sigma_t z$, with `z =
#   torch.randn_like(xt)` drawn anew at each step. At t = 0, $\bar\alpha_{t-1}$ is 1 again, and no
#   noise is added;
# 3. `yield t, xt, x0`. Each xt is a new tensor, because the caller may keep them all.
#
# | | |
# |---|---|
# | `model` | `model(xt, t)` returns the noise in xt; t may be an int |
# | `xT` | `(B, C, H, W)`, pure noise |
# | `schedule` | has `T`, `betas` of shape `(T,)` and `alpha_bar` of shape `(T,)` |
#
# (`@torch.no_grad()` says that no gradients are needed in here, which saves memory and time: leave
# it there. On a GPU, xT is there and the schedule is not: begin with `alpha_bar =
# schedule.alpha_bar.to(xT.device)` and the same for betas.)

# %%
@torch.no_grad()
def ddpm(model, xT, schedule):
    """Go down every step from t = T - 1 to 0, adding a little noise again after each.

    UNet, (B, C, H, W), Schedule -> sampler

    The noise has the smaller of the two variances that the paper allows.
    Source: "Denoising Diffusion Probabilistic Models" (2020), algorithm 2, equations 6 and 7.
    """
    raise NotImplementedError("exercise 5.4")

# %%
ddpm = check("5.4", ddpm)

# %% [markdown]
# <details><summary>Hint 1: the frame</summary>
#
# Give the picture a name that changes, `xt = xT`, and write `for t in
# reversed(range(schedule.T)):`. The last line in the loop is the `yield`.
# </details>
#
# <details><summary>Hint 2: the step before the first</summary>
#
# In Python, `alpha_bar[-1]` is the last one, and no error. So at t = 0 you have to say yourself
# that it is 1: `alpha_bar[t - 1] if t > 0 else torch.ones(())`.
# </details>
#
# <details><summary>My check says that my noise has the variance beta</summary>
#
# The paper allows two choices. The larger is beta itself. The smaller, the posterior's own, is
# asked for here: it has the factor $(1 - \bar\alpha_{t-1}) / (1 - \bar\alpha_t)$ before it. For
# large t the two are nearly the same.
# </details>

# %%
# solution 5.4

# %% [markdown]
# Your network, your sampler, a thousand steps. Here are two pictures after every 111th step, and
# below each the predicted x0. (The very first prediction divides by a number near 0 and is
# clipped: black and white.)

# %% tags=["nbval-ignore-output"]
# alt: Two pictures from t = 999 to 0, each with its predicted x0 below: blocks, then a grey blot,
#   then ever clearer strokes.
torch.manual_seed(0)
xT = torch.randn(8, in_ch, *images.shape[2:]).to(machine.device)
taken = list(ddpm(net, xT, schedule))
shown = taken[::111]
rows = [torch.stack([seen[part][n] for seen in shown]) for n in (0, 1) for part in (1, 2)]
strip(rows, [f"t = {t}" for t, _, _ in shown], labels=["xt", "x0"] * 2, size=0.9)
plt.show()

# %% [markdown]
# They were drawn by a network that you built.
#
# ## 6. Sampling in fewer steps, with DDIM
#
# A thousand network evaluations per picture is a lot. Can we take larger steps? The posterior is
# made for neighbours. DDIM (Song, Meng and Ermon, 2020) looks at it differently. The network splits
# xt into two parts, a picture and a noise. If we know both, we can mix them again **for any other
# step**, one or a hundred steps below. Let $\bar\alpha'$ be the value there. The picture gets the
# variance $\bar\alpha'$, and $1 - \bar\alpha'$ is left for noise. Of that, $\sigma^2$ may be fresh,
# and the rest is the old $\varepsilon$. How large is $\sigma$? As large as the posterior's
# deviation, times a number eta of our choice:
#
# $$x_{t'} = \sqrt{\bar\alpha'}\; x_0 + \sqrt{1 - \bar\alpha' - \sigma^2}\;\varepsilon + \sigma z
# \qquad
# \sigma = \eta\,\sqrt{\frac{1 - \bar\alpha'}{1 - \bar\alpha_t}}\,\sqrt{1 - \frac{\bar\alpha_t}{\bar\alpha'}}$$
#
# With $\eta = 0$ there is no fresh noise, so the same xT always gives the same picture. With $\eta
# = 1$, $\sigma$ is that of DDPM: for neighbours $\bar\alpha_t / \bar\alpha' = 1 - \beta_t$, and
# the two roots become $\sigma_t$ from above.
#
# ### Exercise 5.5: DDIM sampling
# difficulty 4 of 5, about 20 minutes
#
# A generator again. With n = `steps`, it visits the steps
#
# $$t_i = \mathrm{round}(T\,(1 - i/n)) - 1, \qquad i = 0, \dots, n - 1$$
#
# beginning with T - 1 (`round` is Python's), and after the last one it goes to a picture without
# noise: there $\bar\alpha' = 1$. As in 5.4, bring `alpha_bar` to xT's device first. At each step:
#
# 1. the predicted x0 as before, clipped to [-1, 1];
# 2. **the noise that goes with the clipped x0**: solve
#    $x_t = \sqrt{\bar\alpha_t}\; x_0 + \sqrt{1 - \bar\alpha_t}\;\varepsilon$ for $\varepsilon$;
# 3. the new xt by the formula, a new tensor as in 5.4; z is `torch.randn_like(xt)`;
# 4. `yield t, xt, x0`, with the t that was visited.
#
# Rounding can leave what is under a root a little below 0. xt must stay free of NaN even so.
#
# The reference refuses a number of steps below 1 or above T. Yours need not.

# %%
@torch.no_grad()
def ddim(model, xT, schedule, steps=50, eta=0.0):
    """Go from noise to pictures in fewer, larger steps.

    UNet, (B, C, H, W), Schedule -> sampler

    The steps are spread evenly over the T of the schedule and begin with its last. With eta = 0
    nothing is random but xT; eta = 1 adds as much noise as DDPM does. Raises ValueError unless
    there are 1 to T steps. Source: "Denoising Diffusion Implicit Models" (2020), equation 12.
    """
    raise NotImplementedError("exercise 5.5")

# %%
ddim = check("5.5", ddim)

# %% [markdown]
# <details><summary>Hint 1: pairs of steps</summary>
#
# Make the list `times` first. In the loop you need each with the one after it:
# `zip(times, [*times[1:], None])` gives such pairs, and None after the last.
# </details>
#
# <details><summary>Hint 2: a root of something below zero</summary>
#
# $1 - \bar\alpha' - \sigma^2$ is never negative, but rounding can make it -0.0000001, and the
# root of that is NaN. `.clamp(min=0)` before the root helps.
# </details>
#
# <details><summary>My check says that the step goes on with the old eps</summary>
#
# When x0 is clipped, x0 and eps no longer add up to xt. Compute eps anew, from
# `xt - alpha_bar.sqrt() * x0`: divide it by `(1 - alpha_bar).sqrt()`.
# </details>

# %%
# solution 5.5

# %% [markdown]
# Here is what DDPM made of the eight noises in 1,000 evaluations, and below what DDIM makes of
# them in
# 20. The digits differ, because DDPM added fresh noise on its way and this DDIM adds none.

# %% tags=["nbval-ignore-output"]
# alt: Eight pictures by DDPM and eight by DDIM, most of them digits.
strip([taken[-1][1], last(ddim(net, xT, schedule, steps=20))], labels=["DDPM", "DDIM"])
plt.show()

# %% [markdown]
# Move the sliders: the number of network evaluations (often called NFE), and eta. The noise at the
# start stays the same. **How few evaluations are enough? What happens to the pictures when eta
# changes?**

# %% tags=["nbval-ignore-output"]
# alt: Eight pictures from 1 to 50 evaluations, with eta 0 and 1: blocks from one, grey shapes
#   from two, digits from five; from twenty on little changes.
sampler_explorer(lambda *settings: last(ddim(net, xT, schedule, *settings)))

# %% [markdown]
# Now let's measure, with 200 pictures for each of several numbers of evaluations (section 7 of
# notebook 00 explains the Frechet distance). The last point for eta = 1 is your DDPM, which is the
# same with a thousand. A line shows what 200 real pictures get; differences below it mean nothing.
# **Does fresh noise help or harm?**

# %% tags=["nbval-ignore-output"]
# alt: The distance over network evaluations: from about 150 at three to the line of the real
#   pictures at a hundred. From five to fifty, eta = 1 is higher.
torch.manual_seed(0)
many = torch.randn(200, in_ch, *images.shape[2:]).to(machine.device)
counts, distances = (3, 5, 10, 20, 50, 100), {"eta = 0": [], "eta = 1": []}


def judged(name, evaluations, drawn):
    found = measure(drawn, data).samples
    print(f"{name}, {evaluations:4} evaluations: distance {found.distance:3.0f}, "
          f"recognised {found.recognised:.0%}")
    return found.distance


floor = measure(many, data).real.distance
for eta, name in enumerate(distances):
    for evaluations in counts:
        drawn = last(ddim(net, many, schedule, evaluations, float(eta)))
        distances[name].append(judged(name, evaluations, drawn))
by_ddpm = judged("DDPM   ", schedule.T, last(ddpm(net, many, schedule)))
print(f"real pictures: distance {floor:.0f}")
lines([*counts, schedule.T], {"eta = 0": [*distances["eta = 0"], math.nan],
                              "eta = 1": [*distances["eta = 1"], by_ddpm],
                              "real": [floor] * (len(counts) + 1)},
      "network evaluations", "Frechet distance", log="xy", dots=True)
plt.show()

# %% [markdown]
# The two figures disagree. With fresh noise, more pictures are recognised at nearly every number of
# evaluations. But from five to fifty their distance is larger: each picture is more of a digit, all
# of them together less like the real ones. At a hundred, both come down to what real pictures get.
#
# ## 7. What does fresh noise do to an error?
#
# No network is perfect. After a step, xt is a little off: it is no longer what a picture with this
# much noise looks like. What becomes of such an error? We make a large one on purpose. After the
# 16th of 50 steps, all pixels become brighter by 0.5. From there on we watch how much brighter the
# *predicted x0* is than in a run that was left alone. (We take the course's `ddim`, which
# continues from the very tensor that it hands out.) **With which eta will more of the error be
# left at the end?**

# %% tags=["nbval-ignore-output"]
# alt: How much brighter x0 is: with eta = 0 it rises from 0.27 to 0.45, with eta = 1 it stays.
def predicted(eta, error):
    """Return the mean brightness of the predicted x0 after each step."""
    torch.manual_seed(1)
    xt = torch.randn(24, in_ch, *images.shape[2:]).to(machine.device)
    found = []
    for step, (t, xt, x0) in enumerate(samplers.ddim(net, xt, schedule, steps=50, eta=eta)):
        found.append(x0.mean().item())
        if step == 15:
            xt += error
    return torch.tensor(found)


brighter = {f"eta = {eta:.0f}": (predicted(eta, 0.5) - predicted(eta, 0.0))[16:]
            for eta in (0.0, 1.0)}
for name, values in brighter.items():
    print(f"{name}: brighter by {values[0]:.2f} at first, by {values[-1]:.2f} in the end")
root = schedule.alpha_bar[679].sqrt()  # at that step t is 679, and xt holds root * x0
print(f"in xt that is {root:.2f} * {brighter['eta = 0'][0]:.2f}, of the error of 0.5")
lines(range(17, 17 + len(brighter["eta = 0"])), brighter, "step", "x0 is brighter by")
plt.show()

# %% tags=["trained"]
print("with eta = 1, less of the error is left:",
      bool(brighter["eta = 1"][-1] < 0.8 * brighter["eta = 0"][-1]))

# %% [markdown]
# At once the network takes part of the error for picture, and the rest passes for noise. With eta =
# 0 that rest is handed on from step to step, and bit by bit it too is taken for picture. With eta =
# 1, some of the old noise is thrown away at each step, the error with it, and what takes its place
# has no error in it. So fresh noise repairs old errors and adds work, because it has to be taken
# out again. That fits the two figures of section 6: clearer digits, but a distance that needs more
# evaluations to come down.
#
# ## 8. Are they any good?
#
# As in notebook 00, a small classifier judges 500 pictures (the distance is smaller for more
# pictures):

# %% tags=["nbval-ignore-output"]
# alt: Forty pictures drawn by the network, most of them digits.
def draw(model):
    torch.manual_seed(0)
    noise = torch.randn(500, in_ch, *images.shape[2:]).to(machine.device)
    return last(ddim(model, noise, schedule, steps=100, eta=1.0))


samples = draw(net)
quality = measure(samples, data)
print(quality)
grid(samples[:40])
plt.show()

# %% tags=["trained"]
print("at least twice as close to the real pictures as the Gaussian:",
      2 * quality.samples.distance < quality.gaussian.distance)
print("all ten classes are drawn:", quality.samples.entropy > math.log2(9))

# %% [markdown]
# The next call keeps your trained network in `my_unet.pt`, beside `my_unet.py` (and on Drive, if
# you asked for that in the first cell), and prints how well it does:

# %% tags=["nbval-ignore-output"]
keep_weights(net, "eps", "05", quality, 100, seconds, settings)

# %% [markdown]
# ## 9. Can we ask for something better than the noise?
#
# At late t, xt is nearly all noise. Asking for it is asking for what is plain to see, and the small
# error of the answer, divided by the tiny $\sqrt{\bar\alpha_t}$, ruins the picture, as notebook 00
# showed. At late t we should ask for x0, at early t for eps. Salimans and Ho (2022) ask for a
# mixture that shifts from one to the other, the *velocity* v:
#
# $$v = \sqrt{\bar\alpha_t}\;\varepsilon - \sqrt{1 - \bar\alpha_t}\; x_0$$
#
# A sampler wants the noise, so we need a way back. You know two equations, that of v and that of
# the jump, $x_t = \sqrt{\bar\alpha_t}\; x_0 + \sqrt{1 - \bar\alpha_t}\;\varepsilon$, and you know
# xt and v. Two equations, two unknowns.
#
# ### Exercise 5.8: the noise from v
# difficulty 3 of 5, about 12 minutes
#
# Find $\varepsilon$ on paper, from $x_t$, $v$ and $\bar\alpha_t$ alone, and write it down as a
# function.
#
# | | shape |
# |---|---|
# | `xt`, `v` | `(B, C, H, W)` |
# | `alpha_bar` | `(B,)`, one number for each picture |
# | returns | `(B, C, H, W)` |

# %%
def noise_from_velocity(xt, v, alpha_bar):
    """Return the noise in the pictures xt, given their velocity v.

    (B, C, H, W), (B, C, H, W), (B,) -> (B, C, H, W)

    Source: "Progressive Distillation for Fast Sampling of Diffusion Models" (2022), appendix D.
    """
    raise NotImplementedError("exercise 5.8")

# %%
noise_from_velocity = check("5.8", noise_from_velocity)

# %% [markdown]
# <details><summary>Hint 1: get rid of x0</summary>
#
# Multiply the equation of xt by $\sqrt{1 - \bar\alpha_t}$ and that of v by $\sqrt{\bar\alpha_t}$,
# and add them up. What happens to the terms with x0?
# </details>
#
# <details><summary>Hint 2: what is left</summary>
#
# On the right side stands $\varepsilon$ times $(1 - \bar\alpha_t) + \bar\alpha_t$.
# </details>
#
# <details><summary>My check says something about axes</summary>
#
# As in exercise 0.1, alpha_bar needs three more axes: `alpha_bar[:, None, None, None]`.
# </details>

# %%
# solution 5.8

# %%
t = torch.tensor([10, 500, 990])
x0, eps = images[:3].cpu(), torch.randn(3, *images.shape[1:])
alpha_bar = schedule.alpha_bar_at(t)
xt, v = add_noise(x0, eps, alpha_bar), velocity(x0, eps, alpha_bar)
back = noise_from_velocity(xt, v, alpha_bar)
print("the noise comes back:", torch.allclose(back, eps, atol=1e-4))

# %% [markdown]
# Now train a second network of yours, with the same start, steps and learning rate. Only the
# question differs: `velocity_loss` is your `noise_loss` with v for eps (which also weighs late t
# more). Your `noise_from_velocity` turns the answer into the noise, so the samplers need no change.

# %% tags=["nbval-ignore-output"]
net_v, _, seconds_v = fit(lambda: UNet(**settings), velocity_loss)


def model(xt, t):
    """Answer with the noise, as the samplers want it."""
    return noise_from_velocity(xt, net_v(xt, t), schedule.alpha_bar_at(timesteps(t, xt)))


print("error of x0 at t =         50    300    700    900    990")
for name, predict in {"asked for eps": net, "asked for v": model}.items():
    found = []
    for t in (50, 300, 700, 900, 990):
        xt, ts = at(t)
        with torch.no_grad():
            x0 = predict_x0(xt, predict(xt, ts), schedule.alpha_bar_at(ts)).clamp(-1, 1)
        found.append(F.mse_loss(x0, test).item())
    print(f"{name:23}", "  ".join(f"{error:.3f}" for error in found))
blur = images.mean(dim=0, keepdim=True).expand_as(test)
print(f"{'mean of all pictures':23} {F.mse_loss(blur, test):.3f}, at every t")

# %% [markdown]
# Up to t = 700 the two are alike. At t = 990 the network that was asked for eps is far worse than
# the mean of all pictures, which is to say worse than knowing nothing. Asked for v, it is as good
# as the mean there, and nobody can do much better from what is nearly pure noise. Does it draw
# better, too?

# %% tags=["nbval-ignore-output"]
# alt: Forty pictures of the network that was asked for v, nearly all of them digits.
samples_v = draw(model)
quality_v = measure(samples_v, data)
print(quality_v)
grid(samples_v[:40])
plt.show()

# %% tags=["nbval-ignore-output"]
keep_weights(net_v, "v", "05", quality_v, 100, seconds_v, settings)

# %% [markdown]
# Perhaps. The figures lean that way, but the sampler clips the bad predictions of its first steps
# and recovers from them, and another seed could swap the two rows. What is certain is the gain at
# late t. And your own network, built from your own parts, is much closer to the real pictures than
# to the Gaussian.
#
# ## 10. Take it home
#
# Everything that passed its check is in one file of plain code, with the course's parts where yours
# are missing. It doesn't need the course. Here another Python, in an empty folder with nothing but
# this file, trains the network for two steps and lets it draw:

# %% tags=["nbval-ignore-output"]
print(portfolio.run_alone())

# %% [markdown]
# ## Recap
#
# - The U-Net is three parts: the time embedding, the encoder, and the decoder with the skips.
# - The loss is one line: the mean squared difference between the noise and the prediction.
# - Test a new network on eight fixed pictures before you train it.
# - DDPM goes down all steps by the posterior, which combines what x0 and xt say about the picture
#   between them. DDIM mixes picture and noise again for any step; eta says how much of the noise
#   is renewed.
# - Asked for v, the same network with the same training is much better at late t, and draws about
#   as well.
#
# **What can go wrong.** An eps loss near 1 means that the network has learned nothing, however long
# it trained. A network left in training mode draws worse. At the step before the first, alpha_bar
# is 1, and `alpha_bar[-1]` is not.
#
# **Where to look.** `course_utils/unet.py` has the network, `diffusion.py` the losses and the
# training step, `samplers.py` both samplers, `training.py` the course's own loop. What to do when
# shapes don't fit is the subject of [06, debugging dimensions](06_debugging_dimensions.ipynb). The
# map of the course is in [00](00_start_here.ipynb).

# %% [markdown]
# ## How far are you?

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()
