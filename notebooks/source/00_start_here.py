# %% [markdown]
# # 00 Start here: a network that draws digits
#
# {{badge}}
#
# In this notebook you will
#
# - watch a picture drown in noise, and see what a diffusion model does to bring one back;
# - see the whole network that this course builds, with the shape of every tensor in it;
# - train the finished network before your eyes, on real handwriting, and let it draw;
# - measure how good its drawings are;
# - do one small exercise, to learn how the exercises work.
#
# You need to know Python, and you should have trained one neural network with PyTorch before. There
# is nothing to install. The notebook takes about 25 minutes, four of them for training on two CPU
# cores.
#
# Run the next cell first. It fetches the course if it isn't there yet, and says what it found.

# %%
# setup

# %%
import copy
import math

import matplotlib.pyplot as plt
import torch

from course_utils.averaging import averaged
from course_utils.data import load
from course_utils.diffusion import add_noise, noise_loss, predict_x0
from course_utils.plots import (
    draw_sampler_step,
    draw_training_step,
    draw_u,
    grid,
    lines,
    loss_curve,
    moving,
    strip,
)
from course_utils.quality import gaussian, measure
from course_utils.samplers import ddim, last
from course_utils.schedule import cosine_schedule, linear_schedule
from course_utils.training import TrainConfig, train
from course_utils.unet import UNet
from course_utils.widgets import LivePicture, noise_slider

# %% [markdown]
# ## 1. What are we going to make?
#
# Here are real handwritten digits. They come with scikit-learn, so they are already on your
# machine. By the end of this notebook, a network will draw digits that nobody ever wrote.
#
# In the next cell you can choose other pictures, which are downloaded: Fashion-MNIST, for example,
# has 60,000 pictures of clothes. The text of the course is about the digits. Choose others only if
# you have a GPU: on a CPU their training takes about ten times as long.

# %%
data = "digits"  # @param ["digits", "mnist", "fashion_mnist", "cifar10"]
images, labels = load(data, "train")
print("images:", tuple(images.shape), "from", images.min().item(), "to", images.max().item())

# %%
# alt: Twenty handwritten digits, white on black, a little blurred.
grid(images[:20])
plt.show()

# %% [markdown]
# A tensor of images has the shape `(N, C, H, W)`: N images, each with C channels of H x W pixels.
# The digits have one channel, grey. A pixel is -1 where it is black and 1 where it is white.
#
# They look soft because they were scanned with only 8 x 8 pixels, and enlarged to 16 x 16.
# Enlarging adds pixels, but no information. A picture of 16 x 16 pixels can vary in 256 independent
# ways, one for each pixel. How many of them do ours use? That is the *rank* of the matrix that has
# a picture in each row.

# %%
pixels = load("digits", "train")[0].flatten(1)  # (N, 256)
print("numbers in a picture:", pixels.shape[1])
print("independent of them: ", torch.linalg.matrix_rank(pixels).item())

# %% [markdown]
# That makes our digits easier than photographs: three quarters of all noise can be told from a
# digit at once.
#
# ## 2. What does noise do to a picture?
#
# A *diffusion model* learns to draw by learning to repair. (Sohl-Dickstein and others proposed
# this in 2015; Ho, Jain and Abbeel made it draw well in 2020, with a model called DDPM.) So first
# we break something. We take a clean picture, which everyone calls `x0`, and break it in T = 1,000
# small steps. Each step makes the picture a little weaker and adds a little fresh noise:
#
# $$x_t = \sqrt{1 - \beta_t}\; x_{t-1} + \sqrt{\beta_t}\; z$$
#
# Here z is a number from a standard normal distribution, drawn anew for each pixel at each step,
# and $\beta_t$ (beta) is the variance of the noise that step t adds. (*Variance* is the mean
# squared distance from the mean.) We count steps from 0, as the code does, so step 0 already adds a
# trace of noise, and the clean picture stands before it. The factor in front of $x_{t-1}$ makes
# room for the noise: where $x_{t-1}$ has variance 1, so has $x_t$.
#
# Nobody wants to run hundreds of steps to get one noisy picture, and nobody has to. A sum of
# independent normal numbers is normal again, so all the noise added up to step t is a single
# noise, `eps`, and the chain becomes one jump:
#
# $$x_t = \sqrt{\bar\alpha_t}\; x_0 + \sqrt{1 - \bar\alpha_t}\;\varepsilon
# \qquad\text{with}\qquad \bar\alpha_t = (1 - \beta_0)(1 - \beta_1) \cdots (1 - \beta_t)$$
#
# $\bar\alpha_t$, in code `alpha_bar`, is the share of the picture's variance that is left at step
# t. **Is the jump really the same as the chain?** Let's send 2,000 copies of one digit through 300
# small steps, and compare their mean and their standard deviation with what the jump promises, at
# three pixels in a row:

# %%
schedule = cosine_schedule(T=1000)
torch.manual_seed(0)
xt = images[3:4].expand(2000, -1, -1, -1)
for beta in schedule.betas[:300]:
    xt = (1 - beta).sqrt() * xt + beta.sqrt() * torch.randn_like(xt)

alpha_bar = schedule.alpha_bar[299]
jump = alpha_bar.sqrt() * images[3]  # the mean, because that of eps is 0
three = (0, 8, slice(5, 8))  # channel 0, row 8, three columns
for name, mean, deviation in [
    ("300 steps", xt.mean(dim=0)[three], xt.std(dim=0)[three]),
    ("one jump", jump[three], (1 - alpha_bar).sqrt().expand(3)),
]:
    print(f"{name:10}", "mean", [f"{m:5.2f}" for m in mean], "deviation",
          [f"{d:.2f}" for d in deviation])

# %% [markdown]
# They agree, apart from the chance error of 2,000 draws. From here on we jump.
#
# The list of all betas, or of all $\bar\alpha_t$, is the *noise schedule*. There are two famous
# ones. The *linear* schedule of the DDPM paper lets the betas grow in equal steps. The *cosine*
# schedule (Nichol and Dhariwal, 2021) lets $\bar\alpha_t$ fall like a squared cosine. **Which of
# them leaves you more time to look at a picture before it is gone?**

# %%
# alt: The share of variance that is left, over t. The linear schedule is near 0 from t = 600 on;
#   the cosine one falls more evenly.
schedules = {"linear": linear_schedule(T=1000), "cosine": schedule}
lines(range(1000), {name: s.alpha_bar for name, s in schedules.items()},
      xlabel="t", ylabel="alpha_bar")
plt.show()
for name, s in schedules.items():
    print(f"{name:6} alpha_bar at t = 300, 600, 900:",
          ", ".join(f"{s.alpha_bar[t]:.3f}" for t in (300, 600, 900)))

# %%
# alt: A 3 with more and more noise, in two rows. By the linear schedule it is gone at t = 500, by
#   the cosine schedule at about 700.
times = torch.tensor([0, 50, 100, 200, 300, 400, 500, 600, 700, 800, 999])
eps = torch.randn(1, *images.shape[1:], generator=torch.Generator().manual_seed(0))
x0, eps = (x.expand(len(times), -1, -1, -1) for x in (images[3:4], eps))
rows = [add_noise(x0, eps, s.alpha_bar_at(times)) for s in schedules.values()]
titles = [f"t = {t}" for t in times.tolist()]
strip(rows, titles, labels=list(schedules), size=0.95)
plt.show()

# %% [markdown]
# From t = 600 on, the linear schedule works on pictures in which hardly anything is left. The
# cosine schedule spreads the damage more evenly, so that is the one we use. At t = 999, the last
# step, both end in plain noise.
#
# **At which t do you stop recognising a digit?** Move the slider of the next cell (click on its
# handle and use the arrow keys for small steps) and decide for each of the six.

# %% tags=["nbval-ignore-output"]
# alt: Six digits, clean and with noise at t = 100, 300 and 600: easy to read, hard, and gone.
noise_slider(images[:6], schedule)

# %% [markdown]
# ## 3. What does the network have to do?
#
# The way into the noise is one line of arithmetic. The way back is what the network learns. It gets
# `xt` and `t`, and answers one question: **which noise is in there?** Its answer is the predicted
# `eps`.
#
# Why ask for the noise when we want the picture? Because either gives you the other. Solve the
# equation of the jump for $x_0$:
#
# $$x_0 = \frac{x_t - \sqrt{1 - \bar\alpha_t}\;\varepsilon}{\sqrt{\bar\alpha_t}}$$
#
# With the true noise, this gives the true picture back. A network is never exactly right, though.
# **Suppose its prediction is off by a tenth: a tenth of some other noise is added to the true one.
# What will the repaired picture look like at t = 100, and what at t = 800?** Decide before you run
# the cell.

# %%
# alt: Above, the 3 with more and more noise. Below, the repair: clean at small t, grainy from t =
#   700 on, black and white blocks at t = 999.
xt, alpha_bar = rows[1], schedule.alpha_bar_at(times)
other = torch.randn(xt[:1].shape, generator=torch.Generator().manual_seed(1))
repaired = predict_x0(xt, eps + 0.1 * other, alpha_bar)
strip([xt, repaired], titles, labels=["xt", "repaired"], size=0.95)
plt.show()

# %% [markdown]
# At t = 100 the error does no harm. At t = 800 the picture is grainy but readable, and at t = 999
# nothing of it survives, because there the equation divides by a number close to 0.
#
# So a single jump back from pure noise is hopeless, and a diffusion model doesn't try. It starts
# at t = 999, asks the network, removes *part* of the noise, and lands at a somewhat smaller t.
# There it asks again. Fifty such steps make a picture out of nothing, because each of them has to
# decide only a little.
#
# ## 4. What does the network look like?
#
# A picture goes in, and an answer of the same shape comes out, one number for each pixel. In
# between the network has to see both the whole (is this a 3 or an 8?) and the single pixel (stroke
# or noise?).
#
# The *U-Net* does both. Down its left side, the *encoder*, the picture is halved again and again
# while the number of channels grows: it trades detail for context. Up its right side, the
# *decoder*, the picture grows back. The horizontal arrows, the *skip connections*, carry the
# details straight across.
#
# Ronneberger, Fischer and Brox made it in 2015 to mark cells in microscope pictures: there too the
# answer is a picture, and has to be right to the pixel. Five years later DDPM took a U-Net to
# return the noise, pixel by pixel, and many diffusion models of images are built on one since.

# %%
# alt: The U-Net: 1 x 16 x 16 down to 128 x 4 x 4 and up again, two skips across, and the time
#   embedding as a bar above.
in_ch, size = images.shape[1], images.shape[2]
base_ch = 32 if data == "digits" else 64
draw_u(in_ch, size, chs=[base_ch, 2 * base_ch, 4 * base_ch])
plt.show()

# %% [markdown]
# The numbers beside each column are channels x height x width. The purple bar on top is how the
# network learns which t it is working at; notebook 01 is about it. The block that makes each column
# (02), the encoder (03) and the decoder (04) have theirs. You will write them all. Today we take
# the finished one:

# %%
torch.manual_seed(0)
net = UNet(in_ch=in_ch, base_ch=base_ch, ch_mult=(1, 2, 4), time_dim=4 * base_ch)
net = net.to(machine.device, memory_format=torch.channels_last)
print(f"{sum(p.numel() for p in net.parameters()):,} parameters")
noisy = images[:5].to(machine.device)
print("in: ", tuple(noisy.shape), "\nout:", tuple(net(noisy, t=500).shape))

# %% [markdown]
# (`channels_last` is a way to lay the numbers out in memory that many convolutions prefer. The
# numbers stay the same.)
#
# ## 5. Training: guess the noise, again and again
#
# One training step goes like this:
#
# 1. take 64 clean pictures, and for each a random t and random noise `eps`;
# 2. mix them to `xt`, as above;
# 3. let the network predict the noise from `xt` and `t`;
# 4. compute the *loss*, the mean squared difference between prediction and truth, and change the
#    weights a little so that it gets smaller.
#
# Nobody has to label anything: we made the noise ourselves, so we know the right answer. Here is
# one step with a single picture, before the network has learned anything:

# %%
# alt: A training step: digit and noise are mixed, the U-Net predicts a nearly even grey, which is
#   compared with the noise.
t = torch.tensor([300]).to(machine.device)
shown, noise = images[3:4].to(t.device), eps[:1].to(t.device)
draw_training_step(net.eval(), shown, t, noise, schedule)
plt.show()

# %% [markdown]
# The function `train` runs such steps in a loop and gives us its state after each. We let the
# network draw six times from the same noise, more often at the start, and show each result as a
# row with the number of the step at its left. (`machine`, from the setup cell, knows whether there
# is a GPU.)
#
# (We draw with weights averaged over the last hundred steps or so, because single steps jump about.
# This is the *exponential moving average*, EMA; `averaged` returns the network with it.)
#
# **Before you run it: what will it draw first, and what later?**

# %% tags=["nbval-ignore-output"]
# alt: Six rows of twelve drawings. The first three rows are noise, in the fourth there are soft
#   strokes. Most of the last row can be read.
config = TrainConfig(steps=machine.budget(cpu=2000, gpu=10_000))
train_images = images.to(machine.device)
torch.manual_seed(1)
xT = torch.randn(12, *images.shape[1:]).to(machine.device)
moments = [config.steps * share // 100 for share in (1, 3, 10, 30, 100)]
losses, drawings, view = [], {"0": last(ddim(net.eval(), xT, schedule, steps=20))}, LivePicture()

for state in train(copy.deepcopy(net), train_images, schedule, config, loss=noise_loss):
    losses.append(state.loss)
    if state.step in moments:
        model = averaged(state, train_images, schedule)
        drawings[f"{state.step}"] = last(ddim(model, xT, schedule, steps=20))
        view.show(strip(list(drawings.values()), labels=list(drawings), size=0.7))

# %% tags=["nbval-ignore-output"]
# alt: The loss, on a logarithmic axis: it falls steeply in the first hundred steps, then ever
#   more slowly to about 0.05.
loss_curve(losses)
plt.show()

# %% [markdown]
# By step 200 there are strokes, and by step 2,000 most drawings are digits. The loss falls fast at
# first and slowly later, and it jumps, because every step sees different pictures and different t.
# It never reaches zero: noise and picture cannot be separated perfectly. And while it hardly moves
# any more, the drawings still get better. So the loss is not how we judge a diffusion model.
#
# Let's look inside. Here a digit with the noise of t = 300 goes through the trained network.
# **Where can you still make it out? What do the skips bring to the right side?**

# %% tags=["nbval-ignore-output"]
# alt: The U-Net with three channels of each tensor. The strokes of a noisy 3 are there at 16 x 16
#   and 8 x 8; 4 x 4 are a few squares.
model = averaged(state, train_images, schedule)
draw_u(net=model, xt=add_noise(shown, noise, schedule.alpha_bar_at(t)), t=t, features=True)
plt.show()

# %% [markdown]
# You can follow the strokes along the two upper rows. At 4 x 4 only a few squares are left, and
# what comes up from there is coarse. The skips add maps in which the strokes are sharp.
#
# ## 6. From noise to a digit
#
# Now watch pictures come into being. The *sampler* `ddim` goes from t = 999 to clean pictures in 50
# network evaluations. After each it gives us t, the pictures as they are at that moment, and the
# *predicted x0*: what the network believes the finished pictures to be. Here are twenty pictures
# after every second evaluation. (They stop after three rounds; run the cell again to see them
# move.)

# %% tags=["nbval-ignore-output", "picture:digits"]
# alt: Twenty squares of noise become twenty digits, most of which can be read.
torch.manual_seed(0)
xT = torch.randn(20, *images.shape[1:]).to(machine.device)
visited, pictures, predicted = zip(*ddim(model, xT, schedule, steps=50, eta=1.0))
moving(pictures[1::2])

# %% [markdown]
# This is one of the fifty steps, with the predicted x0 in the middle:

# %% tags=["nbval-ignore-output"]
# alt: A sampler's step: predicted noise, predicted clean picture, and both mixed again with less
#   noise.
draw_sampler_step(lambda net: ddim(net, xT[:1], schedule, steps=50), model, xT[:1], at=0.6)
plt.show()

# %% [markdown]
# And two of the twenty slowly, with the predicted x0 under each picture:

# %% tags=["nbval-ignore-output"]
# alt: Two drawings come into being, each with its predicted x0 below: grey blots at first, digits
#   half way.
pairs = [torch.stack(seen)[4::5, n] for n in (0, 1) for seen in (pictures, predicted)]
strip(pairs, [f"t = {t}" for t in visited[4::5]], labels=["xt", "x0"] * 2, size=0.95)
plt.show()

# %% [markdown]
# Every fifth evaluation is shown. (`eta=1.0` makes the sampler add a little fresh noise after
# each; notebook 05 weighs what that gains and what it costs.) At the start the predicted x0 is a
# blur: the average of everything the picture could still become. Then it takes shape, first in
# outline and last in the single pixels, and it may change its mind on the way.
#
# And now five hundred at once, in a hundred evaluations each. Here are forty of them:

# %% tags=["nbval-ignore-output"]
# alt: Forty digits drawn by the network. Most can be read.
xT = torch.randn(500, *images.shape[1:]).to(machine.device)
samples = last(ddim(model, xT, schedule, steps=100, eta=1.0))
grid(samples[:40])
plt.show()

# %% [markdown]
# ## 7. Are they any good?
#
# We are biased, so `measure` asks a second network, a small *classifier* trained to tell real
# digits apart. It also looks at real pictures held out from training, and at the simplest thing
# without a network: draws from a *Gaussian* with the mean and the covariance of the data (how
# bright each pixel is on average, and which are bright together).

# %% tags=["nbval-ignore-output"]
quality = measure(samples, data)
print(quality)

# %% tags=["nbval-ignore-output"]
# alt: Ten real digits, ten grey smears of the Gaussian, and ten digits of the network, which look
#   like the real ones.
strip([load(data, "test")[0][:10], gaussian(images, 10), samples[:10].cpu()],
      labels=["real", "Gaussian", "network"], size=0.95)
plt.show()

# %% [markdown]
# Read the table with the pictures beside it:
#
# - **recognised** is the share of pictures that the classifier puts into one class with a
#   confidence over 0.9. It is easily impressed: it is sure about nearly half of the Gaussian's
#   smears.
# - **entropy of the classes** says whether all ten digits are drawn about equally often. Then it is
#   3.32 bits, the logarithm of ten to base 2. A network that draws nothing but ones gets 0.
# - **Frechet distance** is stricter. The classifier describes each picture by 64 numbers, its
#   *features*. We fit a Gaussian to the features of our samples and one to those of the real
#   pictures, and measure how far apart the two are, in mean $\mu$ and covariance $\Sigma$:
#   $\lVert\mu_1 - \mu_2\rVert^2 + \mathrm{trace}\,(\Sigma_1 + \Sigma_2 -
#   2(\Sigma_1\Sigma_2)^{1/2})$. Small is good; you needn't follow the formula. With the features of
#   a large classifier, Inception, this is the famous *FID*. It (Heusel and others, 2017) depends on
#   the number of pictures: the figure under "real" is what 500 real pictures get against the
#   others, and lower than that is no better.
# - **nearest training picture** is the median distance from a sample to the most similar training
#   picture. If it were much smaller than for held-out real pictures, the network would have
#   memorised its training set instead of learning to draw.

# %% tags=["trained"]
print("at least three times closer to the real pictures than the Gaussian:",
      3 * quality.samples.distance < quality.gaussian.distance)
print("all ten classes are drawn:", quality.samples.entropy > math.log2(9))
print("not memorised:", quality.samples.nearest > 0.8 * quality.real.nearest)

# %% [markdown]
# ## 8. How the exercises work
#
# From here on you write the network yourself, one part at a time. Each exercise says what to build,
# and gives you a *stub* (the beginning of the code, with a place for yours), a *check*, hints that
# open when you click on them, and a closed cell with a solution.
#
# The check runs your code on random inputs of several sizes and compares it with the reference, the
# finished code in `course_utils`. It doesn't care how you wrote it, and when something is wrong, it
# tries to name the mistake. As long as your version is missing or wrong, the notebook continues
# with the reference, and says so.
#
# Are you studying with an AI assistant? Switch off Colab's completions for the exercises (*Settings
# > AI Assistance*), because they finish a stub before you have read it. Ask the assistant for
# questions, not for code: "which shape should this line return?" serves you better than "write this
# function". When you don't understand what a check says, show the assistant the sentence together
# with your code. Go through the hints in order before taking its answer; the course's `AGENTS.md`
# asks it to work the same way. And when it has helped, close its answer, write the code once more
# from memory, and let the check decide.
#
# (The number of an exercise is only its name. They don't always come in order, and some are
# missing.)
#
# Here is an exercise to warm up. You have seen the formula and used the finished function above.
#
# ### Exercise 0.1: add the noise
# difficulty 1 of 5, about 5 minutes
#
# $$x_t = \sqrt{\bar\alpha_t}\; x_0 + \sqrt{1 - \bar\alpha_t}\;\varepsilon$$
#
# | | shape |
# |---|---|
# | `x0` | `(B, C, H, W)` |
# | `eps` | `(B, C, H, W)` |
# | `alpha_bar` | `(B,)`, one number for each picture |
# | returns | `(B, C, H, W)` |
#
# Replace the last line of the next cell, run it, and run the check below it. Leave the inputs
# unchanged, because whoever calls your function may need them again.

# %%
def add_noise(x0, eps, alpha_bar):
    """Return the pictures with noise mixed in: sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps.

    (B, C, H, W), (B, C, H, W), (B,) -> (B, C, H, W)

    alpha_bar, in [0, 1], is the share of each picture's variance that is kept.
    Source: "Denoising Diffusion Probabilistic Models" (2020), equation 4.
    """
    raise NotImplementedError("exercise 0.1")

# %%
from course_utils.checks import check

add_noise = check("0.1", add_noise)

# %% [markdown]
# <details><summary>Hint 1: an error about sizes</summary>
#
# `alpha_bar` has shape `(B,)` and `x0` has shape `(B, C, H, W)`. When PyTorch multiplies tensors of
# different shapes, it lines up their **last** axes. So it tries to match the B numbers with the W
# columns.
# </details>
#
# <details><summary>Hint 2: three more axes</summary>
#
# `alpha_bar[:, None]` has shape `(B, 1)`: indexing with `None` adds an axis of size 1. An axis of
# size 1 is repeated as often as needed. You need three of them.
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# Make `alpha_bar` a tensor of shape `(B, 1, 1, 1)` first. Then write the formula down as it stands,
# with `.sqrt()` for the roots.
# </details>

# %%
# solution 0.1

# %% [markdown]
# If the check said "correct", the next cell uses your `add_noise`, on pictures that get more noise
# from left to right:

# %%
# alt: Ten digits with more and more noise.
several = images[:10]
noises = torch.randn(several.shape, generator=torch.Generator().manual_seed(2))
strip(add_noise(several, noises, alpha_bar=torch.linspace(1, 0, 10)), size=0.95)
plt.show()

# %% [markdown]
# ## 9. The map
#
# | notebook | what you build |
# |---|---|
# | 00 start here | you have seen where we are going |
# | [01 time embedding](01_time_embedding.ipynb) | the purple bar: how a number t becomes something that a network can use |
# | [02 conv block](02_conv_block.ipynb) | the columns: convolutions that know the time |
# | [03 encoder](03_encoder.ipynb) | the left side of the U |
# | [04 decoder](04_decoder.ipynb) | the right side, and the skips |
# | [05 full U-Net](05_full_unet.ipynb) | the whole network, its training and its samplers |
# | [06 debugging dimensions](06_debugging_dimensions.ipynb) | what to do when shapes don't fit, and a bug hunt |
# | [07 AMP training](07_amp_training.ipynb) | faster training for your network, which survives a disconnect |
# | [08 attention variants](08_attention_variants.ipynb) | a layer in which far pixels talk, put into your network |
# | [09 Wiener baseline](09_wiener_baseline.ipynb) | how far you get without a network, and where yours stands |
# | [10 published U-Nets](10_published_unets.ipynb) | two published networks, and yours grown: it draws the digit you ask for |
# | [11 straight lines](11_straight_lines.ipynb) | one look instead of fifty, and a page on which your network draws |
#
# There are three ways through:
#
# - **An evening.** Run 01 to 05 from top to bottom and read along, but stop only for the exercises
#   2.3, 2.5, 3.4, 4.5, 5.1, 5.3 and 5.6. You will have a U-Net whose blocks, sides and training
#   step are your own, and pictures that it drew.
# - **A weekend.** Do all of 01 to 05 except the exercises marked as optional, which nothing later
#   needs. Then you will have written the samplers too, and know why each part is there.
# - **Everything.** Do the optional exercises too, and go on with 06 to 11. Your network trains
#   faster there, gets attention and labels, and draws the digit that you ask for. In the end it
#   draws in one look, on a page that you can send to a friend.
#
# ### How far are you?
#
# Here are all the exercises of the course. Your work is kept in two files beside the notebooks:
# `my_progress.txt` says which exercises passed their check, and `my_unet.py` holds your own parts
# of the network. Each notebook ends with this table. (On Colab every notebook has a machine of its
# own, which Colab deletes in the end. To keep both files on your Google Drive, tick
# `keep_on_drive` in the first cell of each notebook, and run that cell.)

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()

# %% [markdown]
# ## Recap
#
# - A chain of small noise steps is the same as one jump:
#   `sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps`. The schedule says how `alpha_bar` falls.
# - The network sees the noisy picture and t, and predicts the noise; the noise gives the picture.
# - From pure noise, the picture can only be guessed roughly. That is why sampling takes many steps.
# - The U-Net halves the picture to see the whole, and uses skips to keep the details.
# - Quality is measured on the samples, beside real pictures and beside something simple.
#
# **What can go wrong.** If you stop the training cell half way, the cells below still work, with
# what the network has learned by then. If a download fails, choose the digits in section 1.
#
# **Where to look.** The code that you used is meant to be read: `course_utils/diffusion.py` has the
# formulas, `training.py` the loop, `samplers.py` the way back. The next notebook is [01, the time
# embedding](01_time_embedding.ipynb).
