# %% [markdown]
# # 00 Start here: a network that draws digits
#
# {{badge}}
#
# In this notebook you will
#
# - see a picture drown in noise, step by step, and see what a diffusion model does to get it back;
# - see the whole network that this course builds, with the shape of every tensor on it;
# - train the finished network in front of your eyes, on real handwriting, and let it draw;
# - measure how good its drawings are;
# - do one small exercise, to learn how the exercises of the course work.
#
# You need to know Python, and you should have trained one neural network with PyTorch before.
# Nothing here has to be installed. It takes about 25 minutes; the training takes a minute and a
# half of them on two CPU cores.
#
# Run the next cell first. It fetches the course if it is not there yet, and says what it found.

# %%
# setup

# %%
import math

import matplotlib.pyplot as plt
import torch

from course_utils.averaging import averaged
from course_utils.data import load
from course_utils.diffusion import NoiseFromVelocity, add_noise, predict_x0, velocity
from course_utils.plots import (
    draw_sampler_step,
    draw_training_step,
    draw_u,
    grid,
    loss_curve,
    moving,
    strip,
)
from course_utils.quality import measure
from course_utils.samplers import ddim, last
from course_utils.schedule import cosine_schedule
from course_utils.training import TrainConfig, train
from course_utils.unet import UNet
from course_utils.widgets import LivePicture, noise_slider

# %% [markdown]
# ## 1. What are we going to make?
#
# Here are real handwritten digits: scans of what people wrote on paper. They come with
# scikit-learn, so they are already on your machine. At the end of this notebook, a network will
# draw digits that nobody wrote.
#
# In the next cell you may choose other pictures, which are downloaded: Fashion-MNIST, for example,
# has 60,000 pictures of clothes in 30 MB. The text of the course is about the digits. (On a T4, the
# 10,000 steps below take about two minutes with the digits, and a quarter of an hour with
# Fashion-MNIST. We haven't timed either: these are estimates, from 10 and 163 GFLOP a step.)

# %%
data = "digits"  # @param ["digits", "mnist", "fashion_mnist", "cifar10"]
images, labels = load(data, "train")
print("images:", tuple(images.shape), "from", images.min().item(), "to", images.max().item())

# %%
# alt: Twenty handwritten digits, white on black, in two rows of ten. They are 16 by 16 pixels
#   and a little blurred.
grid(images[:20])
plt.show()

# %% [markdown]
# A tensor of images has the shape `(N, C, H, W)`: so many images, each with C channels of H x W
# pixels. The digits have one channel, grey. A pixel is -1 where it is black and 1 where it is
# white.
#
# ## 2. What does noise do to a picture?
#
# A *diffusion model* learns to draw by learning to repair. To see what it repairs, we first break
# something. We take a clean picture, which everyone calls `x0`, and mix noise into it:
#
# $$x_t = \sqrt{\bar\alpha_t}\; x_0 + \sqrt{1 - \bar\alpha_t}\;\varepsilon$$
#
# - $\varepsilon$, in code `eps`, is the noise: a number drawn from a standard normal distribution
#   for each pixel.
# - $t$ says how far the breaking has gone, from 0 (hardly begun) to T - 1 = 999 (nothing left).
# - $\bar\alpha_t$, in code `alpha_bar`, says how much of the picture's variance is left at step t:
#   it falls from almost 1 to almost 0. The list of these numbers is called the *noise schedule*.
#
# Picture and noise are multiplied by square roots because it is the variances that add up to 1. So
# `xt` neither fades nor explodes, whatever t is, and at the end it is plain noise of variance 1.
# (*Variance* is the mean square of the distance from the mean.)

# %%
schedule = cosine_schedule(T=1000)
times = torch.tensor([0, 50, 100, 200, 300, 400, 500, 600, 700, 800, 999])
for t in (0, 200, 400, 600, 800, 999):
    print(f"t = {t:3}   alpha_bar = {schedule.alpha_bar[t]:.4f}")

# %%
# alt: A 3 at ten noise steps from t = 0 to t = 999. It is clear at first, hard to see at t = 300,
#   and gone among the noise at the end.
eps = torch.randn(1, *images.shape[1:], generator=torch.Generator().manual_seed(0))
x0 = images[3:4].expand(len(times), -1, -1, -1)
xt = add_noise(x0, eps.expand_as(x0), schedule.alpha_bar_at(times))
titles = [f"t = {t}" for t in times.tolist()]
strip(xt, titles, size=0.95)
plt.show()

# %% [markdown]
# **At which t do you stop recognising the digit?** Move the slider of the next cell (click on its
# handle and use the arrow keys for small steps) and decide for each of the six pictures. Some
# digits last longer than others; most are gone by t = 500 or so.

# %% tags=["nbval-ignore-output"]
# alt: Six clean digits, and below them the same six with noise, at t = 100, 200, 300, 400 and 600.
#   They are easy to read at 100 and hard to make out at 400. At 600 nearly nothing is left of them.
noise_slider(images[:6], schedule)

# %% [markdown]
# ## 3. What does the network have to do?
#
# The way into the noise is one line of arithmetic. The way back is what the network learns. It is
# given `xt` and `t`, and has to answer one question: **which noise is in there?** We call its
# answer the predicted `eps`.
#
# Why ask for the noise, when it is the picture that we want? Because either gives the other. Solve
# the equation above for $x_0$:
#
# $$x_0 = \frac{x_t - \sqrt{1 - \bar\alpha_t}\;\varepsilon}{\sqrt{\bar\alpha_t}}$$
#
# With the true noise we get the true picture back. (The last step is left out here: at t = 999 so
# little is left of the picture that rounding errors show.)

# %%
alpha_bar = schedule.alpha_bar_at(times)
back = predict_x0(xt, eps.expand_as(xt), alpha_bar)
print("largest difference to x0, t up to 800:", f"{(back - x0)[:-1].abs().max():.3f}")

# %% [markdown]
# A network is never exactly right. **Suppose that its prediction is off by a tenth: a tenth of
# another noise is added to the true one. What will the repaired picture look like at t = 100, and
# what at t = 800?** Decide before you run the cell.

# %%
# alt: Two rows at ten noise steps. Above, the 3 with more and more noise. Below, what the repair
#   gives: clean at small t, grainy from t = 700 on, black and white blocks at t = 999.
other = torch.randn(eps.shape, generator=torch.Generator().manual_seed(1))
guess = predict_x0(xt, (eps + 0.1 * other).expand_as(xt), alpha_bar)
strip([xt, guess], titles, labels=["xt", "repaired"], size=0.95)
plt.show()

# %% [markdown]
# The same small error does no harm at t = 100. At t = 800 the picture is grainy but can be read,
# and at t = 999 nothing is left of it: there the equation divides by a very small number. Two
# lessons follow.
#
# **First: not in one stroke.** When nearly everything is noise, nobody can know the picture in one
# look. So a diffusion model starts with pure noise at t = 999, asks the network, takes out *a part*
# of the noise, and so gets to a smaller t. There it looks again. Fifty such looks make a picture
# out of nothing, because each has to decide only a little.
#
# **Second: ask for what cannot be seen.** At a late step, `xt` is the noise, nearly. To ask for it
# is to ask for what is plain to see, and what we want to know, the picture, drowns in the small
# error of the answer. There we had better ask for the picture. At an early step it is the other way
# round. So we ask for a mixture that shifts from the noise to the picture (with its sign turned) as
# t grows. It is called *velocity*, or `v`:
#
# $$v = \sqrt{\bar\alpha_t}\;\varepsilon - \sqrt{1 - \bar\alpha_t}\; x_0
# \qquad\text{and from it}\qquad
# \varepsilon = \sqrt{1 - \bar\alpha_t}\; x_t + \sqrt{\bar\alpha_t}\; v$$
#
# You can check the second equation by putting $x_t$ and $v$ into it: $x_0$ cancels out. So a
# network that predicts v is a noise predictor with one more line of arithmetic, and that is how we
# use it. Here is the same error once more, a tenth of another noise, but now added to v:

# %%
# alt: The same two rows, and a third below for the repair by v: there the 3 is clear at every t,
#   with a little grain at the end.
a = alpha_bar[:, None, None, None]
v = velocity(x0, eps.expand_as(x0), alpha_bar) + 0.1 * other
guess_by_v = predict_x0(xt, (1 - a).sqrt() * xt + a.sqrt() * v, alpha_bar)
strip([xt, guess, guess_by_v], titles, labels=["xt", "by eps", "by v"], size=0.95)
plt.show()

# %% [markdown]
# The error does no harm at any t now. But do not take the last column for magic: we cheated, for
# the v that we used was made from the true picture. A network has to guess it, and from pure noise
# it can only guess an average. So the first lesson stands.
#
# ## 4. What does the network look like?
#
# What goes in is a picture, and what comes out, v, has the same shape. In between, the network has
# to see two things at once: the large shape (is this a 3 or an 8?) and the single pixel (is this
# bright dot part of the stroke, or noise?). The *U-Net* does both. On its left side the picture is
# halved again and again, while its channels grow in number: what is lost in detail is won in
# overview. On its right side it grows back. The horizontal arrows, the *skips*, bring the details
# of the left side over to the right.

# %%
# alt: The U-Net as a diagram. A noisy picture of 1 x 16 x 16 goes down on the left, 32 x 16 x 16,
#   64 x 8 x 8, to 128 x 4 x 4 at the bottom, and up again on the right to a prediction of the
#   first size. Skips cross from left to right on the two upper levels. Arrows lead into
#   each block from a bar above, which says: t, TimeEmbedding, and how many numbers it makes.
in_ch, size = images.shape[1], images.shape[2]
base_ch = 32 if data == "digits" else 64
draw_u(in_ch, size, chs=[base_ch, 2 * base_ch, 4 * base_ch])
plt.show()

# %% [markdown]
# The numbers beside each column are channels x height x width. The purple bar on top is how the
# network learns which t it is working at; notebook 01 is about it. The other parts each have a
# notebook too: the block that makes every column (02), the left side (03), the right side (04). You
# will write all of them. Today we take the finished one:

# %%
torch.manual_seed(0)
net = UNet(in_ch=in_ch, base_ch=base_ch, ch_mult=(1, 2, 4), time_dim=4 * base_ch)
net = net.to(machine.device, memory_format=torch.channels_last)
print(f"{sum(p.numel() for p in net.parameters()):,} parameters")
noisy = images[:5].to(machine.device)
print("in: ", tuple(noisy.shape), "\nout:", tuple(net(noisy, t=500).shape))

# %% [markdown]
# (`channels_last` changes how the numbers lie in memory, not the numbers. Convolutions run faster
# that way.)
#
# ## 5. Training: guess the noise, again and again
#
# One training step is this:
#
# 1. take 64 clean pictures, and for each a random t and random noise `eps`;
# 2. mix them to `xt`, as above;
# 3. let the network guess v from `xt` and `t`;
# 4. the *loss* is the mean squared difference between guess and truth. Change the weights a little
#    so that it gets smaller.
#
# Nobody labels anything: we made the noise ourselves, so we know the right answer. Here is such a
# step with one picture, before the network has learned anything:

# %%
# alt: A training step. A clean digit and noise give a noisy digit and the true v. From the noisy
#   digit the U-Net predicts a nearly even grey. It is compared with the true v, and an arrow leads
#   back to the U-Net: gradients.
t = torch.tensor([300]).to(machine.device)
x0, eps = images[3:4].to(t.device), eps.to(t.device)
draw_training_step(net.eval(), x0, t, eps, schedule, asks_for_v=True)
plt.show()

# %% [markdown]
# The function `train` does such steps in a loop, and hands us the state of things after every step.
# Six times on the way, early more often than late, we let the network draw, always from the same
# noise, and show it in a row of its own, with the number of the step at its left.
#
# (For drawing we do not take the weights of the last step, but their average over the last hundred
# or so: single steps jump about, the average is steadier. `averaged` returns the network with
# these.)
#
# **Before you run it: what will it draw first, and what later?**

# %% tags=["nbval-ignore-output"]
# alt: Six rows of twelve drawings, after 20, 60, 160, 400, 1000 and 2000 steps. The first row is
#   noise, the second grey shapes, the third soft strokes. The last can nearly all be read.
config = TrainConfig(steps=machine.budget(cpu=2000, gpu=10_000))
images = images.to(machine.device)
torch.manual_seed(1)
xT = torch.randn(12, *images.shape[1:]).to(machine.device)
losses, drawings, view = [], {}, LivePicture()
moments = [config.steps * share // 100 for share in (1, 3, 8, 20, 50, 100)]


def noise_predictor(state):
    return NoiseFromVelocity(averaged(state, images, schedule), schedule)


for state in train(net, images, schedule, config):
    losses.append(state.loss)
    if state.step in moments:
        drawings[f"{state.step}"] = last(ddim(noise_predictor(state), xT, schedule, steps=20))
        view.show(strip(list(drawings.values()), labels=list(drawings), size=0.7))

# %% tags=["nbval-ignore-output"]
# alt: The loss of 2,000 steps, on a logarithmic axis. It falls steeply from 1 in the first hundred
#   steps, then ever more slowly to about 0.1, and jumps a little from step to step.
loss_curve(losses)
plt.show()

# %% [markdown]
# After 20 steps there is nothing but noise, after 60 there are grey shapes, after 160 strokes, some
# of which lead nowhere. Then they become digits, row by row. The loss falls fast, then slowly, and
# it jumps about: each step has other pictures, and a guess at t = 20 is a different task from a
# guess at t = 900. It does not go to zero, for nobody can tell noise from picture perfectly. While
# the loss hardly moves, the drawings still get better. So the loss is not how we judge a diffusion
# model.
#
# Now let us look inside. Here a digit with the noise of t = 300 goes through the trained network.
# **Where can you still make it out? What do the skips bring to the right side?**

# %% tags=["nbval-ignore-output"]
# alt: The U-Net, and in place of each column three of its channels. A noisy 3 goes in. Its strokes
#   are there at 16 x 16 and 8 x 8 pixels; 4 x 4 are a few squares. The skips bring maps with strokes
#   to the right side. What comes out is v, mostly noise.
t = torch.full((1,), 300, device=machine.device)
noisy = add_noise(images[3:4], eps.to(t.device), schedule.alpha_bar_at(t))
draw_u(net=net.eval(), xt=noisy, t=t, features=True)
plt.show()

# %% [markdown]
# You can follow the strokes through the two upper rows. At 4 x 4 only a few squares are left, and
# what comes up from there is coarse. The skips lay maps with strokes beside it.
#
# ## 6. From noise to a digit
#
# Now we watch pictures come into being. The *sampler* `ddim` goes from t = 999 down to 0 in 50
# looks. After each it gives us t, the pictures as they are then, and the network's present idea of
# the finished ones. Here are twenty pictures after every second look. (Run the cell again to see
# them move once more: they stop after three rounds.)

# %% tags=["nbval-ignore-output", "picture:digits"]
# alt: Twenty squares of noise, in two rows of ten. The noise thins out, strokes appear in it, and
#   at the end there are twenty digits, white on black, most of which can be read.
torch.manual_seed(0)
model = noise_predictor(state)
xT = torch.randn(20, *images.shape[1:]).to(machine.device)
times, pictures, ideas = zip(*ddim(model, xT, schedule, steps=50, eta=1.0))
moving(pictures[1::2])

# %% [markdown]
# This is one of the fifty steps, with the network's present idea in the middle:

# %% tags=["nbval-ignore-output"]
# alt: A sampler's step. From a noisy picture comes the predicted noise, from both the predicted clean
#   picture. They are mixed again, with less noise, and an arrow leads back to the start: 50 times.
draw_sampler_step(lambda net: ddim(net, xT[:1], schedule, steps=50), model, xT[:1], at=0.6,
             network="U-Net, eps from v")
plt.show()

# %% [markdown]
# And now two of them slowly, with the network's idea under each picture:

# %% tags=["nbval-ignore-output"]
# alt: Two drawings come into being from t = 919 to t = 19, each with the picture above and the
#   network's idea of the clean one below. The pictures stay noise for a long time. The ideas begin
#   as grey blots and are digits half way.
rows = [torch.stack(seen)[4::5, n] for n in (0, 1) for seen in (pictures, ideas)]  # (10, C, H, W)
strip(rows, [f"t = {t}" for t in times[4::5]], labels=["picture", "idea"] * 2, size=0.95)
plt.show()

# %% [markdown]
# Every fifth look is shown. (`eta=1.0` makes the sampler add a little fresh noise after each look;
# notebook 05 shows why that helps.) At the start its idea is a blur: the average of all that it
# could still become. Then it makes up its mind, first about the large shape, and only then about
# the pixels.
#
# And now five hundred at once, in a hundred looks each. Here are forty of them:

# %% tags=["nbval-ignore-output"]
# alt: Digits drawn by the network, in four rows of ten. Most can be read, and they look written by
#   hand.
xT = torch.randn(500, *images.shape[1:]).to(machine.device)
samples = last(ddim(model, xT, schedule, steps=100, eta=1.0))
grid(samples[:40])
plt.show()

# %% [markdown]
# ## 7. Are they any good?
#
# They look good, but we like what we made ourselves. `measure` asks a second network, a small
# *classifier* that has learned to tell the real pictures apart. For comparison, it also looks at
# real pictures that were held out from all training, and at the simplest thing that one could do
# without any network: draw from a *Gaussian*, a normal distribution, that has the mean and the
# covariance of the data (how bright each pixel is on average, and which pixels are bright
# together).

# %% tags=["nbval-ignore-output"]
quality = measure(samples, data)
print(quality)

# %% [markdown]
# How to read it:
#
# - **recognised**: the share of pictures that the classifier puts into one class with a confidence
#   over 0.9. A smear is not recognised, but neither are some real digits.
# - **entropy of the classes**: are all ten digits drawn about equally often? Then it is 3.32 bits,
#   the logarithm of ten to the base 2. A network that draws nothing but ones gets 0.
# - **Frechet distance**: the classifier describes each picture by 64 numbers, its *features*. This
#   is the distance between the cloud of our samples and the cloud of the real pictures, in mean and
#   covariance, and small is good. Not even real pictures get 0, since 500 of them are never quite
#   like the others. It depends on the number of pictures, so compare it at the same number only:
#   the figure under "real" is that of as many real pictures, against all the other ones. A distance
#   as small as that does not mean better than real. It means that this measure sees no difference
#   any more.
# - **nearest training picture**: how far a picture is from the most similar one of the training
#   set. If this were much smaller than for real held-out pictures, the network would have learned
#   pictures by heart instead of learning to draw.

# %% tags=["trained"]
print("nearer to the real pictures than the Gaussian is, five times over:",
      5 * quality.samples.distance < quality.gaussian.distance)
print("all ten classes are drawn:", quality.samples.entropy > math.log2(9))
print("not learned by heart:", quality.samples.nearest > 0.8 * quality.real.nearest)

# %% [markdown]
# ## 8. How the exercises work
#
# From here on you write the network yourself, one part at a time. Each exercise has a header that
# says what to build, a *stub* (the beginning of the code, with a place for yours), a *check*, hints
# that open when you click on them, and a solution cell that is closed.
#
# The check feeds your code with random inputs of several sizes and compares it with the reference,
# the finished code in `course_utils`. It does not care how you wrote it. When something is wrong,
# it tries to name the mistake. And it never stops the notebook: as long as your version is missing
# or wrong, the notebook goes on with the reference, and says so.
#
# Do you study with an AI assistant beside you? Switch Colab's completions off for the exercises
# (*Settings > AI Assistance*), because they finish a stub before you have read it. Ask the
# assistant what it would ask you, not for the code: "which shape should this line return?" serves
# you better than "write this function". When a check says something that you do not understand,
# show it the sentence and your code, and let it explain the sentence. Take the hints in their order
# before you take its answer; the course's `AGENTS.md` tells it to do the same. And when it has
# helped, close its answer, write the code once more from memory, and let the check decide.
#
# Here is one to warm up. You have seen the formula and used the finished function above.
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
# Replace the last line of the next cell, run it, and run the check below it. Leave the inputs as
# they are: whoever calls your function may need them again.

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
# `add_noise` is yours now, if the check said "correct". The next cell uses it, on pictures that get
# more noise from left to right:

# %%
# alt: Ten digits with more and more noise from left to right. The first is clean, and the last is
#   only noise.
several = images[:10].cpu()
eps = torch.randn(several.shape, generator=torch.Generator().manual_seed(2))
strip(add_noise(several, eps, alpha_bar=torch.linspace(1, 0, 10)), size=0.95)
plt.show()

# %% [markdown]
# ## 9. The map
#
# | notebook | what you build |
# |---|---|
# | 00 start here | nothing yet: you have seen where we are going |
# | [01 time embedding](01_time_embedding.ipynb) | the purple bar: how a number t becomes something that a network can use |
# | [02 conv block](02_conv_block.ipynb) | the columns: convolutions that know the time |
# | [03 encoder](03_encoder.ipynb) | the left side of the U |
# | [04 decoder](04_decoder.ipynb) | the right side, and the skips |
# | [05 full U-Net](05_full_unet.ipynb) | the whole, and the samplers |
# | [06 debugging dimensions](06_debugging_dimensions.ipynb) | what to do when shapes do not fit |
# | [07 AMP training](07_amp_training.ipynb) | training that is faster and survives a disconnect |
# | [08 attention variants](08_attention_variants.ipynb) | letting far pixels talk to each other |
# | [09 Wiener baseline](09_wiener_baseline.ipynb) | how far one gets without a network |
# | [10 published U-Nets](10_published_unets.ipynb) | two networks of the literature, rebuilt |
#
# ### How far are you?
#
# Here are all exercises of the course. What you have done is kept in two files beside the
# notebooks: `my_progress.txt` says which exercises passed their check, and `my_unet.py` has your
# own parts of the network. Each notebook ends with this table. (On Colab every notebook has a
# machine of its own, and Colab deletes it in the end. To keep both files on your Google Drive,
# tick `keep_on_drive` in the first cell of each notebook, and run that cell.)

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()

# %% [markdown]
# ## Recap
#
# - Noise is mixed into a picture by one line: `sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps`.
# - The network sees the noisy picture and t, and predicts v; from v follows the noise, and from the
#   noise the clean picture.
# - From far out, the picture can only be guessed roughly. So sampling goes in many steps.
# - The U-Net halves the picture to see its shape, grows it back, and uses skips to keep the
#   details.
# - Quality is measured on the samples, beside real pictures and beside something simple.
#
# **What can go wrong.** If the training cell is stopped half way, the cells below still work with
# what is learned by then. If a download fails, choose the digits in section 1.
#
# **Where to look.** The code that you used is meant to be read: `course_utils/diffusion.py` has the
# formulas, `training.py` the loop, `samplers.py` the way back. The next notebook is [01, the time
# embedding](01_time_embedding.ipynb).
