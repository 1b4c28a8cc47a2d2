# %% [markdown]
# # 05 The full U-Net: yours, from noise to a digit
#
# {{badge}}
#
# In this notebook you will
#
# - put your parts together to the whole network, and follow a picture through it;
# - count its parameters by hand, and let `torchsummary` count them again;
# - write the training objective, and do the first test that every new network deserves;
# - train your network, write two samplers, DDPM and DDIM, and let it draw;
# - measure what it draws, and take it home as one file of plain code.
#
# It has five exercises and takes about two hours. Choose a GPU on Colab if you can (Runtime,
# Change runtime type). On a CPU everything works too, with less training.

# %%
# setup

# %%
import json
import math

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import portfolio
from course_utils.averaging import averaged
from course_utils.checks import check
from course_utils.data import load
from course_utils.diffusion import add_noise, predict_x0
from course_utils.plots import draw_u, grid, loss_curve, loss_curves
from course_utils.plots import draw_sampler_step, draw_training_step, strip
from course_utils.quality import measure
from course_utils.samplers import last
from course_utils.schedule import cosine_schedule
from course_utils.training import TrainConfig, train
from course_utils.unet import check_picture, timesteps
from course_utils.widgets import sampler_explorer

# %% [markdown]
# Nothing is pale any more:

# %%
# alt: The whole U-Net as a diagram, all parts coloured: the encoder going down on the left, the
#   decoder going up on the right, skips between them, and the time embedding above.
draw_u()
plt.show()

# %% [markdown]
# These are the parts that you have built, and those that you have not come to yet. The network
# will be made of both. (On Colab, tick `keep_on_drive` in the first cell if your `my_unet.py` is on
# your Google Drive.)

# %% tags=["nbval-ignore-output"]
mine = portfolio.load()
ConvBlock, TimeEmbedding = mine.ConvBlock, mine.TimeEmbedding
Encoder, Decoder = mine.Encoder, mine.Decoder

# %% [markdown]
# ## 1. What happens to a picture on its way through?
#
# Before we build the network as one class, let us lead a batch of pictures through its three
# parts by hand. We take five pictures, three levels and the channels 32, 64 and 128. **Write down
# first: what are the shapes of temb, of the bottom and of the two skips?**

# %%
images, _ = load("digits", "train")
chs, time_dim = [32, 64, 128], 128
torch.manual_seed(0)
time = TimeEmbedding(time_dim)
encoder = Encoder(1, chs, time_dim)
decoder = Decoder(chs, 1, time_dim)

xt, t = images[:5], torch.tensor([10, 200, 400, 600, 900])
temb = time(t)
bottom, skips = encoder(xt, temb)
eps = decoder(bottom, list(skips), temb)  # a copy: yours may take the skips out of its list
for name, value in [("xt", xt), ("t", t), ("temb", temb), ("bottom", bottom), ("eps", eps)]:
    print(f"{name:8}", tuple(value.shape))
for i, skip in enumerate(skips):
    print(f"skip {i}  ", tuple(skip.shape))

# %% [markdown]
# Follow it once more in the picture above. The time step becomes a vector, and the same vector
# goes to every block on both sides. The encoder halves twice, 16 to 8 to 4, and keeps what each
# level saw. The decoder doubles twice, and at each level lays the skip beside what comes from
# below. What comes out has the shape of what went in, one number for each pixel: the noise in it.
#
# ### Exercise 5.1: the U-Net
# difficulty 2 of 5, about 12 minutes
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
# are there. The reference refuses pictures that cannot be halved often enough, with `check_picture`.
# Yours need not.

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
# Samplers say `net(xt, 999)`, for the whole batch is at the same step. `timesteps(999, x)` makes
# a tensor with 999 for each picture.
# </details>

# %%
# solution 5.1

# %%
torch.manual_seed(0)
net = UNet(in_ch=1, base_ch=32, ch_mult=(1, 2, 4), time_dim=128)
print("in: ", tuple(images[:5].shape), "\nout:", tuple(net(images[:5], t=500).shape))

# %% [markdown]
# ## 2. How large is it?
#
# You should be able to say how many parameters a network has without running it: a wrong number
# is often the first sign of a wrong network. A convolution with a k x k kernel from C to K
# channels has $k^2 C K$ weights, and one *bias* for each of the K channels that come out. A
# linear layer from D to K has D K weights and K biases. BatchNorm has a scale and a shift for
# each channel.
#
# ### Exercise 5.2: count the parameters of a block
# difficulty 2 of 5, about 10 minutes
#
# | | |
# |---|---|
# | `in_ch`, `out_ch`, `time_dim` | those of `ConvBlock(in_ch, out_ch, time_dim)` |
# | returns | an int |
#
# The block has two 3x3 convolutions, two BatchNorms, the linear layer for the time and, where
# `in_ch` and `out_ch` differ, a 1x1 convolution. Every convolution has biases.

# %%
def block_parameters(in_ch, out_ch, time_dim):
    """Return the number of parameters of ConvBlock(in_ch, out_ch, time_dim).

    () -> int
    """
    raise NotImplementedError("exercise 5.2")

# %%
block_parameters = check("5.2", block_parameters)

# %% [markdown]
# <details><summary>Hint 1: one convolution</summary>
#
# The first convolution has `9 * in_ch * out_ch + out_ch` parameters. What does the second one
# see, and what does it return?
# </details>
#
# <details><summary>My check says that I count the running averages</summary>
#
# BatchNorm keeps a running mean and variance for eval mode. They are stored, but no gradient
# changes them, so they are *buffers* and no parameters.
# </details>

# %%
# solution 5.2

# %% [markdown]
# The rest of the network is quickly counted: the time embedding, two layers that halve, two that
# double, and the 1x1 convolution at the end. **Which part do you expect to be the largest?**

# %%
blocks = {
    "down, level 0": block_parameters(1, 32, 128),
    "down, level 1": block_parameters(32, 64, 128),
    "bottom": block_parameters(64, 128, 128),
    "up, level 1": block_parameters(2 * 64, 64, 128),
    "up, level 0": block_parameters(2 * 32, 32, 128),
}
others = {
    "time embedding": 128 * 128 + 128,
    "halving": (4 * 32 * 32 + 32) + (4 * 64 * 64 + 64),
    "doubling": (4 * 128 * 64 + 64) + (4 * 64 * 32 + 32),
    "last layer": 32 + 1,
}
for name, count in (blocks | others).items():
    print(f"{name:15} {count:8,}")
print(f"{'by hand':15} {sum(blocks.values()) + sum(others.values()):8,}")

# %% [markdown]
# The block at the bottom has more than two fifths of it all, though its picture is the smallest:
# weights go with channels times channels, not with pixels. Does PyTorch agree? (BatchNorm makes
# the biases of the convolutions before it superfluous. If you left them out, as many people do,
# your network has 640 parameters fewer, one for each channel of ten convolutions, and that is
# fine.)

# %%
counted = sum(p.numel() for p in net.parameters())
ours = sum(blocks.values()) + sum(others.values())
print("PyTorch counts the same, up to superfluous biases:", ours - 640 <= counted <= ours)

# %% [markdown]
# There is a package that prints such a table for any network, `torchsummary`; it is on Colab. It
# calls the network with random numbers and writes down what each layer returns. But it is made
# for plain networks. It can only pass in *floats*, and our second input t is an integer. And it
# stumbles over a part that returns a list, as the encoder does with its skips. So it needs a
# wrapper: a module that turns floats between 0 and 1 into time steps, and that shows it only the
# innermost layers, those without parts of their own.

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

summary(ForSummary(net), [(1, 16, 16), (1, 1, 1)], device="cpu")

# %% [markdown]
# Read the column "Output Shape" from top to bottom: 32 channels at 16 x 16, 64 at 8 x 8, 128 at 4
# x 4, and back again. (-1 stands for the batch.) The sizes in MB below are rough: the package
# counts every output twice, once for its gradient. How it fails without the wrapper, and what to
# do then, is a matter for notebook 06.
#
# ## 3. What is the network asked for?
#
# For the noise. Take clean pictures, a random step for each, and random noise. Mix them. Let the
# network guess the noise, and compare:
#
# $$\mathrm{loss} = \mathrm{mean}\big(\,(\mathrm{net}(x_t, t) - \varepsilon)^2\,\big)
# \qquad x_t = \sqrt{\bar\alpha_t}\; x_0 + \sqrt{1 - \bar\alpha_t}\;\varepsilon$$
#
# That is all. It is equation 14 of the DDPM paper, and nothing else is needed to train a
# diffusion model.
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
# `F.mse_loss(a, b)` is just that.
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
# A fresh network knows nothing. **What loss will it have?** The noise has variance 1, so the
# answer 0 would have a loss of 1:

# %%
schedule = cosine_schedule()
generator = torch.Generator().manual_seed(0)
x0, t = images[:64], torch.randint(1000, (64,), generator=generator)
eps = torch.randn(x0.shape, generator=generator)
with torch.no_grad():
    loss = noise_loss(net, x0, t, eps, schedule)
print(f"loss of a fresh network: {loss:.1f}")

# %% [markdown]
# ## 4. The first test: can it learn eight pictures by heart?
#
# Before you train a network for an hour, train it for a few seconds on a single batch that never
# changes: eight pictures, eight steps t, eight noises. A network with half a million parameters
# must be able to learn these by heart. If it cannot, something is broken, and no amount of data
# will mend it. It is the cheapest test there is, and it finds many mistakes: noise that does not
# belong to the picture, a part that gets no gradient, a learning rate that is far off. (Not all:
# a network that is asked for the wrong thing, the picture in place of the noise, learns that by
# heart as well.)
#
# We do it twice: once with your loss, once with a broken one that draws new noise to compare
# with, a mistake that is easily made. **Where will the two losses end?**

# %%
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
    return noise_loss(net, x0[:8], t[:8], eps[:8], schedule)


def broken(net):
    xt = add_noise(x0[:8], eps[:8], schedule.alpha_bar_at(t[:8]))
    return F.mse_loss(net(xt, t[:8]), torch.randn_like(xt))

# %% tags=["nbval-ignore-output"]
# alt: Two curves of the loss over 60 steps, on a logarithmic axis. That of the right network falls
#   from 1 to about 0.0001. That of the broken one stays at 1.
curves = {"right": overfit(right), "broken": overfit(broken)}
loss_curves(curves)
plt.show()

# %%
print("the right one learns its eight pictures:", curves["right"][-1] < 0.1)
print("the broken one does not:", curves["broken"][-1] > 0.5)

# %% [markdown]
# The right one falls and falls. The broken one gets stuck near 1: noise that the network never
# saw cannot be guessed, and the best answer is 0. Note that the broken one *runs*. No error,
# sensible shapes. Only the loss says that something is wrong, and in a long training run on
# changing data it is easy to overlook.
#
# ## 5. Training
#
# Now all pictures, random steps, random noise. One step looks like this, here with your network
# before it has learned anything:

# %%
# alt: A training step as a diagram. A clean digit and noise are mixed to a noisy digit, the U-Net
#   makes a prediction from it, and the prediction and the noise go into a box, mean squared
#   difference. An arrow leads from there back to the U-Net: gradients; the optimizer changes the
#   weights.
torch.manual_seed(0)
net = UNet(base_ch=32, ch_mult=(1, 2, 4), time_dim=128).eval()
draw_training_step(net, x0[:1], torch.tensor([300]), eps[:1], schedule)
plt.show()

# %% [markdown]
# (`machine`, from the setup cell, knows whether
# there is a GPU, and how much training suits it.) The loop is that of notebook 00 (it is in
# `course_utils/training.py`, and notebook 07 takes it apart). It is given your network and your
# loss. On two CPU cores this takes half a minute to a minute:

# %% tags=["nbval-ignore-output"]
# alt: The loss of 600 steps on a logarithmic axis. It falls from 1 to about 0.1 within a hundred
#   steps, then slowly to about 0.05.
data = "digits"  # @param ["digits", "mnist", "fashion_mnist", "cifar10"]
images, _ = load(data, "train")
images = images.to(machine.device)
in_ch, base_ch = images.shape[1], 32 if data == "digits" else 64
torch.manual_seed(0)
net = UNet(in_ch=in_ch, base_ch=base_ch, ch_mult=(1, 2, 4), time_dim=4 * base_ch)
net = net.to(machine.device, memory_format=torch.channels_last)
config = TrainConfig(steps=machine.budget(cpu=600, gpu=10_000), batch=32)
losses = []
for state in train(net, images, schedule, config, loss=noise_loss):
    losses.append(state.loss)
model = averaged(state, images, schedule)
loss_curve(losses)
plt.show()

# %% [markdown]
# (`averaged` returns the network with weights averaged over the last hundred steps or so, ready
# to draw. Single steps jump about.)
#
# This is your network at work on a picture that it was not trained on, a digit with the noise of
# t = 300. Every box is a part of yours; of each tensor you see three channels:

# %% tags=["nbval-ignore-output"]
# alt: The whole U-Net, and in place of each column three of its channels, orange above 0 and blue
#   below. A noisy digit goes in. Its strokes can be seen in the channels of the two upper levels,
#   and hardly in those of the lowest. What comes out is noise: the prediction.
test, _ = load(data, "test")
t300 = torch.full((1,), 300, device=machine.device)
noise = torch.randn(1, *images.shape[1:], generator=torch.Generator().manual_seed(0))
noisy = add_noise(test[:1], noise, schedule.alpha_bar_at(torch.tensor([300])))
draw_u(net=model, xt=noisy.to(machine.device), t=t300, features=True)
plt.show()

# %% [markdown]
# ## 6. Sampling: step by step, with DDPM
#
# The network can say how much noise is in a picture. How does that make a picture out of nothing?
# Start with pure noise at t = T - 1. At each step, ask the network for the noise, and from that
# compute its guess of the clean picture, x0. The first guesses are of no use: at t = T - 1 there
# is next to nothing of a picture in xt, and soon after they are a blur. So do not jump to them.
# Go only a small part of the way: to a picture that has as much noise in it as belongs to t - 1.
#
# What is the picture at t - 1, if we know the one at t and believe the guess x0? It is normally
# distributed, and its mean lies between the two: for most t a little of x0, and most of xt.
#
# $$x_{t-1} = \frac{\sqrt{\bar\alpha_{t-1}}\;\beta_t}{1 - \bar\alpha_t}\, x_0 +
# \frac{\sqrt{1 - \beta_t}\,(1 - \bar\alpha_{t-1})}{1 - \bar\alpha_t}\, x_t + \sigma_t z
# \qquad \sigma_t^2 = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}\,\beta_t$$
#
# ($\beta_t$, in `schedule.betas`, is the variance of the noise that step t adds.) z is fresh noise:
# a step back that only averages would wash all pictures out. Before the first
# step nothing is noise, so at t = 0, $\bar\alpha_{t-1}$ is 1 (and sigma is 0: no noise is added
# to the finished picture).
#
# ### Exercise 5.4: DDPM sampling
# difficulty 4 of 5, about 25 minutes
#
# Write a *generator*: a function that hands out a result with `yield` after every step, and goes
# on when it is asked for the next. Then whoever calls it can watch.
#
# For t = T - 1 down to 0:
#
# 1. `eps = model(xt, t)`, then `x0 = predict_x0(xt, eps, alpha_bar)`, clipped to [-1, 1] with
#    `.clamp(-1, 1)`, for there are no pictures outside;
# 2. the new `xt` by the formula, with `z = torch.randn_like(xt)`, drawn anew at each step;
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
# <details><summary>Hint 3: the formula in code</summary>
#
# Give each part a name: `x0_share`, `xt_share`, `sigma`. Then add up three products:
# `x0_share * x0`, `xt_share * xt` and `sigma * torch.randn_like(xt)`.
# </details>
#
# <details><summary>My check says that my noise has the variance beta</summary>
#
# The paper allows two choices. The larger is beta itself. The smaller, asked for here, has the
# factor $(1 - \bar\alpha_{t-1}) / (1 - \bar\alpha_t)$ before it. For large t the two are nearly
# the same.
# </details>

# %%
# solution 5.4

# %% [markdown]
# Your network, your sampler, a thousand steps. Here are two pictures after every 111th step, and
# below each the network's guess at that step. (The very first guess divides by a number near 0 and
# is clipped: black and white.)

# %% tags=["nbval-ignore-output"]
# alt: Two pairs of rows at ten steps from t = 999 to t = 0. In each, above, xt: noise, from which
#   strokes appear near the end. Below, x0: black and white blocks at first, then a grey blot, then
#   ever more clearly the same strokes.
torch.manual_seed(0)
xT = torch.randn(8, in_ch, *images.shape[2:]).to(machine.device)
taken = list(ddpm(model, xT, schedule))
shown = taken[::111]
rows = [torch.stack([seen[part][n] for seen in shown]) for n in (0, 1) for part in (1, 2)]
strip(rows, [f"t = {t}" for t, _, _ in shown], labels=["xt", "x0"] * 2, size=0.9)
plt.show()

# %% [markdown]
# They were drawn by a network that you built. One of the thousand steps, close up:

# %% tags=["nbval-ignore-output"]
# alt: A sampler's step as a diagram. A noisy picture at t = 300 goes into the U-Net, which predicts
#   the noise. From both follows the predicted clean picture. It is mixed with less noise to the
#   picture at t = 299, and a long arrow leads back: 1000 times, from t = 999 to 0.
draw_sampler_step(lambda net: ddpm(net, xT[:1], schedule), model, xT[:1], at=0.7)
plt.show()

# %% [markdown]
# ## 7. Sampling in fewer steps, with DDIM
#
# A thousand looks for one picture are many. Can we take larger steps? The formula above cannot:
# it is made for neighbours. DDIM looks at it another way. The network splits xt into two parts, a
# picture and a noise:
#
# $$x_t = \sqrt{\bar\alpha_t}\; x_0 + \sqrt{1 - \bar\alpha_t}\;\varepsilon$$
#
# If we know both parts, we can mix them again **for any other step**, one or a hundred steps
# below. Let $\bar\alpha'$ be the value at the next step that we want:
#
# $$x_{t'} = \sqrt{\bar\alpha'}\; x_0 + \sqrt{1 - \bar\alpha' - \sigma^2}\;\varepsilon + \sigma z
# \qquad
# \sigma = \eta\,\sqrt{\frac{1 - \bar\alpha'}{1 - \bar\alpha_t}}\,\sqrt{1 - \frac{\bar\alpha_t}{\bar\alpha'}}$$
#
# With $\eta = 0$ (eta) there is no fresh noise: the same xT always gives the same picture. With
# $\eta = 1$, part of the old noise makes way for new noise, as much as in DDPM.
#
# ### Exercise 5.5: DDIM sampling
# difficulty 4 of 5, about 20 minutes
#
# A generator again. With n = `steps`, it visits the steps
#
# $$t_i = \mathrm{round}(T\,(1 - i/n)) - 1, \qquad i = 0, \dots, n - 1$$
#
# beginning with T - 1 (`round` is Python's), and after the last one it goes to a picture without
# noise: there $\bar\alpha' = 1$. As in 5.4, bring `alpha_bar` to xT's device first. At each of
# them:
#
# 1. the guess x0 as before, clipped to [-1, 1];
# 2. **the noise that goes with the clipped guess**: solve $x_t = \dots$ above for
#    $\varepsilon$;
# 3. the new xt by the formula, a new tensor as in 5.4; z is `torch.randn_like(xt)`;
# 4. `yield t, xt, x0`, with the t that was visited.
#
# Rounding can leave what is under a root a little below 0. x must stay free of NaN even so.
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
# Twenty looks instead of a thousand, from the same eight noises. Above is what DDPM made of them,
# below what DDIM makes. The digits differ, for DDPM added fresh noise on its way and DDIM adds none.
# (So two things differ here, the number of looks and the fresh noise. The sliders after this cell
# move one at a time.)

# %% tags=["nbval-ignore-output"]
# alt: Two rows of eight pictures, drawn by DDPM in 1,000 steps and by DDIM in 20. All are strokes as
#   of handwriting, and most look like digits.
strip([taken[-1][1], last(ddim(model, xT, schedule, steps=20))], labels=["DDPM", "DDIM"])
plt.show()

# %% [markdown]
# Move the sliders: how many looks, and how much fresh noise. The noise at the start stays the
# same. **How few looks are enough? What happens to the pictures when eta changes?**

# %% tags=["nbval-ignore-output"]
# alt: Eight pictures each from 1, 2, 5, 10, 20 and 50 looks, with eta = 0 on the left and eta = 1
#   on the right. One look gives black and white blocks, two give grey shapes, five give digits;
#   from twenty on little changes. The digits on the right are often others than those on the left.
sampler_explorer(lambda *settings: last(ddim(model, xT, schedule, *settings)))

# %% [markdown]
# One look gives the first guess, which is nothing. With five, digits can be made out; from twenty
# on, more looks change little. Any eta above 0 leads each picture another way, for the noise on
# the way differs; with eta = 0 nothing is random but the start.
#
# ## 8. Why does fresh noise help?
#
# In notebook 00 we sampled with eta = 1, and promised to show why. No network is perfect: after a
# look, xt is a little off. It is no longer what a picture with this much noise looks like. What
# happens to such an error at the later looks?
#
# We make a large one on purpose. After the 16th of 50 looks, all pixels become brighter by 0.5.
# Then the sampler goes on, and we see how much brighter the finished pictures are than those that
# were left alone. (We take the course's `ddim` here, of which we know that it goes on from the
# very tensor that it hands out, so that we can change it.) **With which eta will more of the
# error be left?**

# %% tags=["nbval-ignore-output"]
from course_utils import samplers


def finished(eta, error):
    torch.manual_seed(1)
    xt = torch.randn(24, in_ch, *images.shape[2:]).to(machine.device)
    looks = samplers.ddim(model, xt, schedule, steps=50, eta=eta)
    for look, (t, xt, x0) in enumerate(looks):
        if look == 15:
            xt += error
    return xt


left = {}
for eta in (0.0, 1.0):
    calm, pushed = finished(eta, error=0.0), finished(eta, error=0.5)
    left[eta] = (pushed - calm).mean().item()
    print(f"eta = {eta:.0f}: brighter by {left[eta]:.2f} in the end")

# %% tags=["trained"]
print("with eta = 1, less of the error is left:", left[1.0] < 0.8 * left[0.0])

# %% [markdown]
# Look at the formula to see why. With eta = 0, everything in xt that is not explained by x0
# counts as noise $\varepsilon$, and is carried over to the next step, errors too. With eta = 1,
# part of that $\varepsilon$ is thrown away, and fresh z takes its place, which is certainly
# noise. Errors fade from look to look. It has a price: fresh noise has to be taken out again, so
# it needs more looks. Try 5 looks with eta = 0 and with eta = 1 in the picture above.
#
# ## 9. Are they any good?
#
# As in notebook 00, a small classifier judges 500 pictures (how to read the figures is explained
# there, in section 7):

# %% tags=["nbval-ignore-output"]
# alt: Forty pictures drawn by the network, in four rows of ten. All have clean strokes. Many are
#   digits, others nearly so.
torch.manual_seed(0)
many = torch.randn(500, in_ch, *images.shape[2:]).to(machine.device)
samples = last(ddim(model, many, schedule, steps=40, eta=1.0))
quality = measure(samples, data)
print(quality)
grid(samples[:40])
plt.show()

# %% [markdown]
# And these are the figures of notebook 00, as it was published:

# %% tags=["nbval-ignore-output"]
published = json.loads((course / "notebooks" / "00_start_here.ipynb").read_text(encoding="utf-8"))
outputs = [output for cell in published["cells"] for output in cell.get("outputs", [])]
texts = ["".join(output.get("text", "")) for output in outputs]
print(next(text for text in texts if "Frechet" in text))

# %% tags=["trained"]
print("nearer to the real pictures than a Gaussian is:",
      quality.samples.distance < 0.7 * quality.gaussian.distance)
print("all ten classes are drawn:", quality.samples.entropy > math.log2(9))

# %% [markdown]
# Your network is ahead of the Gaussian and behind notebook 00. Two things make the difference.
# Notebook 00 trained for 2,000 steps with 64 pictures in each, this one for 600 steps with 32.
# And there the network was asked for v, which is easier to answer well at the noisy steps, where
# the picture is decided. Try it: in section 5, set `steps=2000` and `batch=64`; then
# `loss=velocity_loss`, and sample with `NoiseFromVelocity(model, schedule)` (both from
# `course_utils.diffusion`). On two CPU cores that takes some minutes.
#
# ## 10. Take it home
#
# Everything that passed its check is in one file of plain code, together with the course's parts
# where yours are missing. It does not need the course. Here another Python, in an empty folder
# with nothing but this file, builds the network and lets it draw (untrained, so it draws noise):

# %% tags=["nbval-ignore-output"]
print(portfolio.run_alone())
mine = portfolio.load()

# %% [markdown]
# ## Recap
#
# - The U-Net is three parts: the time embedding, the encoder, and the decoder with the skips.
# - Parameters can be counted by hand: kernel size times channels in times channels out.
# - The objective is one line: the mean squared difference between the noise and the guess.
# - Test a new network on eight fixed pictures before you train it. What cannot learn eight by heart
#   is broken.
# - DDPM goes down all steps, with fresh noise after each. DDIM splits xt into picture and noise and
#   mixes them again for a step further down; eta says how much of the noise is renewed.
#
# **What can go wrong.** A loss near 1 means that the network has learned nothing, however long it
# has been trained. A network left in training mode draws worse. At the step before the first,
# alpha_bar is 1, and `alpha_bar[-1]` is not. And t must be that of the picture, in the network as
# in the schedule.
#
# **Where to look.** `course_utils/unet.py` has the network, `diffusion.py` the loss,
# `samplers.py` both samplers, `training.py` the loop. What to do when shapes do not fit is the
# subject of [06, debugging dimensions](06_debugging_dimensions.ipynb). The map of the course is in
# [00](00_start_here.ipynb).

# %% [markdown]
# ## How far are you?
#
# Here are all exercises of the course. What you have done is kept in `my_progress.txt`, beside
# `my_unet.py`.

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()
