# %% [markdown]
# # 09 The Wiener baseline: how far without a network?
#
# {{badge}}
#
# In this notebook you will
#
# - take noise out of pictures without any training, as well as a linear formula can;
# - draw digits from that formula, and see what they lack;
# - build the other extreme, a denoiser that knows its training set by heart;
# - measure what your U-Net does better than both, at which noise, on pictures that none has seen;
# - put a formula and a network together, each where it is better.
#
# It has six exercises and takes about two hours. You need notebooks 00 to 05 before it. Choose a
# GPU on Colab if you can (Runtime, Change runtime type).

# %%
# setup

# %%
import math
import tempfile

import matplotlib.pyplot as plt
import torch
from torch.utils.data import DataLoader

from course_utils.averaging import averaged
from course_utils.checkpoint import runs_in
from course_utils.checks import check
from course_utils.covariance import covariance_in_one_pass, empty_covariance, mean_of, vectors
from course_utils.data import load
from course_utils.denoisers import MeanDenoiser, NetDenoiser, NoiseAtSigma, NoiseFromX0
from course_utils.denoisers import denoising_error
from course_utils.diffusion import NoiseFromVelocity, add_noise, noise_loss, velocity_loss
from course_utils.plots import error_curves, grid, strip
from course_utils.plots.colours import SIGNED
from course_utils.quality import measure
from course_utils.samplers import ddim, last, samples
from course_utils.schedule import cosine_schedule, linear_schedule, log_linear_schedule
from course_utils.trained import SCHEDULE, noise_model
from course_utils.training import TrainConfig, train
from course_utils.unet import UNet
from course_utils.widgets import hybrid_explorer, wiener_explorer
from course_utils.wiener import decompose, load_wiener_filter, save_wiener_filter

# %% [markdown]
# ## 1. What can one say without looking?
#
# The task is always the same. Somebody takes a clean picture $x_0$, mixes it with noise,
# $x_t = \sqrt{\bar\alpha}\, x_0 + \sqrt{1 - \bar\alpha}\, \varepsilon$, and shows us $x_t$ and
# $\bar\alpha$. We guess $x_0$. The error is the mean square of the difference, over all pixels.
#
# How noisy is it? In this notebook we say it by $\sigma = \sqrt{(1 - \bar\alpha) / \bar\alpha}$:
# the noise that is in $x_t / \sqrt{\bar\alpha} = x_0 + \sigma \varepsilon$. The pixels of our
# pictures lie between -1 and 1, so at $\sigma = 0.1$ one sees a picture with some grain, and at
# $\sigma = 10$ nothing but grain.

# %%
# alt: Ten digits in six rows: clean, and with noise of sigma 0.1, 0.3, 1, 3 and 10. At 0.3 they
#   can be read easily, at 1 hardly, and from 3 on not at all.
images, test = load("digits", "train")[0], load("digits", "test")[0]
images, test = images.to(machine.device), test.to(machine.device)
eps = torch.randn(test.shape, generator=torch.Generator().manual_seed(0)).to(test)


def noisy(x0, sigma):
    """Return pictures with that much noise, and their alpha_bar."""
    alpha_bar = torch.full((len(x0),), 1 / (1 + sigma**2), device=x0.device)
    return add_noise(x0, eps[: len(x0)], alpha_bar), alpha_bar


levels = [0.1, 0.3, 1.0, 3.0, 10.0]
rows = [noisy(test[:10], sigma)[0] * math.sqrt(1 + sigma**2) for sigma in levels]
strip([test[:10], *rows], labels=["clean"] + [f"{sigma:g}" for sigma in levels], size=0.8)
plt.show()

# %% [markdown]
# All denoisers of this notebook have one method, `predict_x0(xt, alpha_bar)`, which returns a
# guess of the clean pictures. So whatever they are, they can be compared.
#
# The simplest one does not look at $x_t$ at all. It always says the same. The constant picture
# with the smallest mean squared error is the mean of all pictures, and its error is the
# *variance*: the mean square of what is left when the mean is taken away. **How will it change
# with the noise?**

# %%
mean_image = images.mean(dim=0)
by_mean = MeanDenoiser(mean_image)


def errors_of(denoiser):
    """Return the error on the held-out digits at each noise level."""
    return [denoising_error(denoiser, test, eps, sigma) for sigma in levels]


def row(name, errors):
    print(f"{name:20}" + "".join(f"{error:10.5f}" for error in errors))


errors = {"mean": errors_of(by_mean)}
print(f"{'sigma':20}" + "".join(f"{sigma:10g}" for sigma in levels))
row("mean", errors["mean"])

# %% [markdown]
# ## 2. What can one say pixel by pixel?
#
# Now we look, but at one pixel at a time. A pixel has a mean $m$ and a variance $v$ over all
# digits. We see $y = x + \sigma \varepsilon$. How far should we go from the mean towards what we
# see? If we go a share $k$ of the way, the guess is $m + k (y - m)$, and its error
#
# $$\mathbb{E}\,[m + k (y - m) - x]^2 = (1 - k)^2\, v + k^2 \sigma^2$$
#
# since picture and noise have nothing to do with each other. The first part is what we miss by
# not going all the way, the second the noise that we take in. Set the derivative to 0, and out
# comes
#
# $$k = \frac{v}{v + \sigma^2}$$
#
# A pixel that hardly ever changes ($v$ small) is left at its mean. One that changes more than the
# noise does is believed. **At which noise will that help most, against the mean? At $\sigma = 0.1$,
# or at 3?**

# %%
class PixelDenoiser:
    def __init__(self, images):
        self.mean, self.variance = images.mean(dim=0), images.var(dim=0)

    def predict_x0(self, xt, alpha_bar):
        y = xt / alpha_bar[:, None, None, None].sqrt()
        noise = ((1 - alpha_bar) / alpha_bar)[:, None, None, None]  # sigma squared
        return self.mean + self.variance / (self.variance + noise) * (y - self.mean)


errors["pixel by pixel"] = errors_of(PixelDenoiser(images))
for name, values in errors.items():
    row(name, values)

# %% [markdown]
# The mean does not look, so its error is the same at any noise. By pixels it is far better at
# $\sigma = 0.1$: there a pixel knows nearly all about itself. At $\sigma = 3$ it knows next to nothing,
# and the mean is as good. So a pixel has to ask the others.
#
# ## 3. Which pixels know about each other?
#
# Pixels that tend to be bright together have a positive *covariance*: the mean of the product of
# both, after their means were taken away. If one is bright when the other is dark, it is
# negative. A picture of $C \times H \times W$ numbers, laid out as one long row of
# $n = C H W$, has an $n \times n$ table of covariances, $S$:
#
# $$m = \frac{1}{N} \sum_i x_i \qquad S = \frac{1}{N - 1} \sum_i (x_i - m)(x_i - m)^T$$
#
# Our pictures have $n = 256$, so $S$ has 65,536 numbers. For pictures of 64 x 64 in colour it
# would have 151 million, 576 MiB of them. The pictures themselves may be far more than fit into
# memory, so they come in batches, from a *loader*, and one goes through them twice: once for the
# mean, once for the products.
#
# ### Exercise 9.1: mean and covariance, in two passes
# difficulty 3 of 5, about 12 minutes
#
# | | |
# |---|---|
# | `dataloader` | gives batches: pictures `(B, C, H, W)`, or tuples or lists whose first item they are; the last batch may be smaller |
# | `device` | where the results have to be |
# | `resolution` | H and W |
# | `n_channels` | C |
# | returns | the covariance `(n, n)` and the mean `(n,)`, float32 |
#
# `vectors(dataloader, shape, device)`, with `shape` = (C, H, W), yields each batch as rows,
# `(B, n)`. If `x` is such a batch, without its mean, `x.T @ x` is the sum of the products of all
# its pictures, `(n, n)`. The reference also refuses bad input, and asks `empty_covariance` whether
# there is room for $S$. Yours need not. You may also join all batches with `torch.cat`, since these
# pictures fit into memory.

# %%
def compute_wiener_filter(dataloader, device, resolution, n_channels):
    """Return the covariance of the pixels of a set of pictures, and the mean picture.

    batches -> (n, n), (n,)

    The pictures are gone through twice, once for the mean and once for the products of what is
    left without it. Batches are pictures (B, C, H, W), H = W = resolution, or tuples whose first
    item they are. Raises ValueError for other pictures, NaN or fewer than two, MemoryError when
    the covariance would not fit into the memory.
    Source: "Locality in Image Diffusion Models Emerges from Data Statistics" (2025), section 3.
    """
    raise NotImplementedError("exercise 9.1")

# %%
compute_wiener_filter = check("9.1", compute_wiener_filter)

# %% [markdown]
# <details><summary>Hint 1: the first pass</summary>
#
# Keep two things: how many pictures there were, and the sum of their rows, `x.sum(dim=0)`. At the
# end, divide. The mean of the batches' means would be wrong when the last batch is smaller.
# </details>
#
# <details><summary>Hint 2: the second pass</summary>
#
# Begin with zeros `(n, n)`. For each batch, subtract the mean and add `x.T @ x`. At the end,
# divide by the number of pictures less 1.
# </details>
#
# <details><summary>My check says that digits are lost</summary>
#
# Was the mean taken out only at the end? Then two large sums are subtracted, and their first
# digits are the same. Section 3 goes on with that.
# </details>

# %%
# solution 9.1

# %%
# alt: Four maps of how a pixel varies together with the others. Around the pixel, marked by a
#   cross, they go along with it, in orange. At some places farther off they go against it, in
#   blue.
S, mean = compute_wiener_filter(DataLoader(images, batch_size=100), machine.device, 16, 1)
S_image = S.view(16, 16, 16, 16).cpu()
places = [(2, 7), (7, 7), (7, 4), (12, 10)]
figure, axes = plt.subplots(1, 4, figsize=(9, 2.4), layout="constrained")
for ax, (r, c) in zip(axes, places):
    shown = ax.imshow(S_image[r, c], cmap=SIGNED, vmin=-0.4, vmax=0.4)
    ax.plot(c, r, "w+", ms=9)
    ax.set_title(f"row {r}, column {c}", fontsize=9)
    ax.set_xticks([])
    ax.set_yticks([])
figure.colorbar(shown, ax=axes, shrink=0.8)
plt.show()

# %% [markdown]
# Each picture is one row of $S$: the covariances of one pixel, marked by the cross, with all the
# others. Yellow pixels tend to be bright when it is bright, blue ones dark. Its neighbours go with
# it, and the places where the stroke would be instead go against it.
#
# ### Why two passes?
#
# One would do, it seems: $S = \frac{1}{N-1} (\sum_i x_i x_i^T - N m m^T)$. Both sums can be
# collected on the way. `covariance_in_one_pass` does that. **Suppose that all pictures are
# brighter by 100. The covariance is the same then, since the mean goes up by 100 as well. What
# will the formula give in float32, which has about 7 digits?**

# %%
def largest_error(way, shift, *more):
    """Return how far a covariance in float32 is from that of float64, at worst."""
    pictures = images.cpu() + shift
    exact = pictures.flatten(1).double().T.cov()
    found = way(pictures.split(100), torch.device("cpu"), 16, 1, *more)[0]
    return (found - exact).abs().max().item()


ways = {
    "two passes, float32": (compute_wiener_filter,),
    "one pass, float32": (covariance_in_one_pass, torch.float32),
    "one pass, float64": (covariance_in_one_pass, torch.float64),
}
worst = {name: [largest_error(way[0], shift, *way[1:]) for shift in (0, 100)]
         for name, way in ways.items()}

# %% tags=["nbval-ignore-output"]
print(f"{'largest error':22}{'as they are':>14}{'100 brighter':>14}")
for name, (as_is, brighter) in worst.items():
    print(f"{name:22}{as_is:14.1e}{brighter:14.1e}")

# %%
print("100 brighter, one pass in float32 is off by more than 0.001:",
      worst["one pass, float32"][1] > 1e-3)
print("two passes stay below that:", worst["two passes, float32"][1] < 1e-3)

# %% [markdown]
# The squares are near 10,000 and the covariances near 0.5. What float32 has left for these, after
# the first digits cancel, is not much. With the mean taken out first, or with the 16 digits of
# float64, nothing is lost that matters. (For pictures between -1 and 1 all three are good.)
#
# ## 4. What is the best linear guess?
#
# Now the other pixels come in: each pixel of the guess is a sum over *all* noisy pixels, with
# fixed weights. That looks like $n^2$ weights to be found, for each noise level. There is a way
# to see them at once.
#
# A matrix of covariances can be taken apart as $S = U\, \mathrm{diag}(\lambda)\, U^T$. The columns
# of $U$ are pictures too, the *eigenimages*. They are at right angles to each other and have
# length 1. Any digit is the mean plus a sum of eigenimages, each with its share, and **the shares
# have no covariance with each other**. The variance of the share of eigenimage $i$ is $\lambda_i$.
# `decompose` returns U, LA (the $\lambda$) and Vh, where Vh is $U^T$.

# %%
# alt: The first twelve eigenimages with their variances, from 7.6 down to 0.9: smooth patterns of
#   bright and dark blots, finer from left to right.
U, LA, Vh = decompose(S)
strip(4 * U.T[:12].reshape(12, 1, 16, 16), [f"{v:.1f}" for v in LA[:12].tolist()], size=0.85)
plt.show()
share = LA.cumsum(0) / LA.sum()
for count in (1, 10, 30, 60):
    print(f"the first {count:2}: {share[count - 1]:.1%} of the variance")
print(f"eigenimages with a variance below 0.0001: {(LA < 1e-4).sum().item()} of 256")

# %% [markdown]
# Those are the ways in which digits differ most from their mean, the strongest first, with its
# variance above it. (Grey is 0.) The scans were 8 x 8 before they were made larger, so no more
# than 64 eigenimages can have anything to say. All others have no variance, but for rounding.
#
# What becomes of the noise? It is the same in all directions: along each eigenimage it has the
# variance $\sigma^2$, and what it is along one says nothing about the others. So in the language of
# shares we are back in section 2. **Each share can be guessed by itself,** with
# $k_i = \lambda_i / (\lambda_i + \sigma^2)$ in place of $v / (v + \sigma^2)$. That is the *Wiener
# filter*. With $\sigma^2 = (1 - \bar\alpha) / \bar\alpha$ it is
#
# $$k_i = \frac{\bar\alpha\, \lambda_i}{\bar\alpha\, \lambda_i + 1 - \bar\alpha}$$
#
# ### Exercise 9.2: how much is kept
# difficulty 2 of 5, about 6 minutes
#
# | | |
# |---|---|
# | `LA` | `(n,)`, none below 0, some may be 0 |
# | `alpha_bar` | `(B,)`, from 0 to 1, both included |
# | returns | `(B, n)`, from 0 to 1, in the dtype of LA |
#
# Where $\lambda_i$ is 0, nothing is kept, also at $\bar\alpha = 1$, where the formula would be
# 0 / 0.

# %%
def shrink(LA, alpha_bar):
    """Return how much is kept of what a noisy picture says along each eigenimage: 0 to 1.

    (n,), (B,) -> (B, n)

    It is the variance of the pictures there, as a share of theirs and the noise's together. Where
    the pictures do not vary at all, nothing is kept.
    Source: "Extrapolation, Interpolation, and Smoothing of Stationary Time Series" (1949).
    """
    raise NotImplementedError("exercise 9.2")

# %%
shrink = check("9.2", shrink)

# %% [markdown]
# <details><summary>Hint 1: shapes</summary>
#
# `alpha_bar[:, None]` has shape `(B, 1)`. Times `(n,)` it becomes `(B, n)`.
# </details>
#
# <details><summary>Hint 2: 0 / 0</summary>
#
# Keep the number below the fraction from being 0: `.clamp(min=1e-30)`. It changes nothing where
# the fraction makes sense. Write `a * LA + (1 - a)`, with brackets: at $\bar\alpha = 1$,
# `a * LA + 1 - a` loses a small `LA` beside the 1.
# </details>

# %%
# solution 9.2

# %% [markdown]
# ### Exercise 9.3: the filter
# difficulty 3 of 5, about 12 minutes
#
# For each picture:
#
# 1. lay it out as a row, and divide by $\sqrt{\bar\alpha}$: it is $x_0 + \sigma \varepsilon$ now;
# 2. subtract the mean;
# 3. its shares along the eigenimages are the products with the rows of Vh: `x @ self.Vh.T`;
# 4. shrink each share;
# 5. put them together again with the columns of U: `shares @ self.U.T`;
# 6. add the mean, and give it the shape that it had.
#
# Everything is `(B, n)` on the way. (One could multiply the three matrices into one beforehand,
# as the package does that was published with the paper of exercise 9.1. But it is another matrix at each noise level, and making it takes
# far longer than using it.)
#
# | | |
# |---|---|
# | `xt` | `(B, C, H, W)` |
# | `alpha_bar` | `(B,)`, or one number for all; above 0 and below 1 |
# | returns | `(B, C, H, W)`, in the dtype of `xt` |
#
# `__init__` is there. You may change it, add methods, or make the class an `nn.Module`.

# %%
class WienerDenoiser:
    """The best linear guess of the picture in a noisy one, worked out along the eigenimages.

    (n, n), (n,), (n, n), (n,) -> denoiser

    No matrix is made for a step: a picture is taken apart into eigenimages by one product, each
    share is shrunk, and another product puts it together. Raises ValueError for sizes that do not
    fit and for a negative LA.
    """

    def __init__(self, U, LA, Vh, mean):
        self.U, self.LA, self.Vh, self.mean = U, LA, Vh, mean

    def predict_x0(self, xt, alpha_bar):
        """Return the guess of the clean pictures.

        (B, C, H, W), (B,) -> (B, C, H, W)

        alpha_bar may also be one number for all. Raises ValueError for pictures of another size.
        """
        raise NotImplementedError("exercise 9.3")

# %%
WienerDenoiser = check("9.3", WienerDenoiser)

# %% [markdown]
# <details><summary>Hint 1: one number for all</summary>
#
# `torch.as_tensor(alpha_bar).expand(len(xt))` makes `(B,)` of a number, and leaves `(B,)` as it
# is. (It has to be on the device of `xt`.)
# </details>
#
# <details><summary>Hint 2: the two ends</summary>
#
# `x = xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean`, and at the end
# `(self.mean + ...).view_as(xt)`.
# </details>
#
# <details><summary>Are Vh and the transposed U not the same?</summary>
#
# Here they are. For a filter that was fitted with another program, the two may differ where
# $\lambda$ is 0. Nothing is kept there, so it makes no difference which one you use.
# </details>

# %%
# solution 9.3

# %% [markdown]
# **At which noise will it gain most on pixel by pixel?**

# %%
by_wiener = WienerDenoiser(U, LA, Vh, mean)
errors["Wiener"] = errors_of(by_wiener)
print(f"{'sigma':20}" + "".join(f"{sigma:10g}" for sigma in levels))
for name, values in errors.items():
    row(name, values)

# %% tags=["nbval-ignore-output"]
# alt: Eight digits with noise of sigma 0.1, 0.5, 1, 3 and 10, the filter's guesses, and the share
#   of each eigenimage that it keeps. The more noise there is, the fewer are kept and the smoother
#   are the guesses. At 10 all eight are nearly the same grey blot.
wiener_explorer(by_wiener, test[:8])

# %% [markdown]
# The best linear guess of all cannot be worse than one of them, and it gains most in the middle.
# Move the slider, or click on it and press the arrow keys. At $\sigma = 1$ little more than a third
# of the error of pixel by pixel is left. The eigenimages with a large variance are kept, the others are
# dropped, and the more noise there is, the fewer are kept. The guess becomes smoother and smoother,
# and ends at the mean. It has no sharp edges: it cannot say "either a 3 or an 8". All that it can
# do with doubt is to shrink.
#
# A filter can be kept in files, the same four that the package of the paper writes:

# %%
with tempfile.TemporaryDirectory() as folder:
    save_wiener_filter(U, LA, Vh, mean, folder)
    again = load_wiener_filter(folder, machine.device)
print("the same:", all(torch.equal(a, b) for a, b in zip((U, LA, Vh, mean), again)))

# %% [markdown]
# ## 5. What would such digits look like?
#
# The Wiener filter knows nothing but mean and covariance. A *Gaussian* (normal distribution) with
# that mean and that covariance is a world in which there is nothing else to know. In that world
# the filter would be the best denoiser of all, not only of the linear ones. We can go there.
#
# ### Exercise 9.4: draw from the Gaussian
# difficulty 2 of 5, about 8 minutes
#
# In the language of eigenimages it is easy. Each share is a normal number of its own, with variance
# $\lambda_i$:
#
# $$x = m + \sum_i \sqrt{\lambda_i}\, z_i\, u_i \qquad z_i \text{ standard normal, } u_i
# \text{ the columns of } U$$
#
# | | |
# |---|---|
# | `N` | how many pictures |
# | `U`, `LA`, `mean` | `(n, n)`, `(n,)`, `(n,)` |
# | `generator` | a `torch.Generator` of the CPU: the only source of random numbers |
# | returns | `(N, n)`, on the device and in the dtype of U |
#
# The draws need not be those of the reference, so take the random numbers in any order you like.

# %%
def draw_gaussian(N, U, LA, mean, generator):
    """Draw from the Gaussian that has this mean and covariance.

    (n, n), (n,), (n,) -> (N, n)
    """
    raise NotImplementedError("exercise 9.4")

# %%
draw_gaussian = check("9.4", draw_gaussian)

# %% [markdown]
# <details><summary>Hint 1: the numbers</summary>
#
# `torch.randn(N, len(LA), generator=generator)` has a row for each picture. `.to(U)` brings it to
# the device of U.
# </details>
#
# <details><summary>Hint 2: the sum over the eigenimages</summary>
#
# They are the columns of U, so the shares are multiplied by `U.T`.
# </details>

# %%
# solution 9.4

# %%
# alt: Twenty pictures drawn from the Gaussian, in two rows of ten. They are blots and strokes at
#   the places where digits have them. Hardly one is a digit.
drawn = draw_gaussian(500, U, LA, mean, torch.Generator().manual_seed(0))
drawn = drawn.view(500, 1, 16, 16)
grid(drawn[:20])
plt.show()

# %% [markdown]
# No two pixels have a wrong covariance, and few of these are clean digits. There are blots of the
# right width in the right places. What makes a stroke a stroke is in no pair of pixels.
#
# A diffusion model draws by denoising again and again. So the filter can draw as well: `ddim` and
# the other samplers only want to be told the noise. `NoiseFromX0` works it out from the guess of
# the picture. `samples` is the sampler of the package smalldiffusion, which goes from sigma to
# smaller sigma (notebook 10 has more on it); for it, `NoiseAtSigma` does the same. **What will they draw, with the filter in place of the network?**

# %% tags=["nbval-ignore-output"]
# alt: Two rows of ten pictures that the filter draws, by ddim and by samples. Each pair is the
#   same blurred shape, and few look like digits.
schedule = linear_schedule()
sigmas = log_linear_schedule(sigma_max=30.0).sample_sigmas(40)
xT = torch.randn(500, 1, 16, 16, generator=torch.Generator().manual_seed(1)).to(machine.device)
by_ddim = last(ddim(NoiseFromX0(by_wiener, schedule), xT, schedule, steps=40))
by_samples = last(samples(NoiseAtSigma(by_wiener), sigmas[0] * xT, sigmas))
strip([by_ddim[:10], by_samples[:10]], labels=["ddim", "samples"], size=0.8)
plt.show()

# %% [markdown]
# Blots again, for a diffusion model is no better than its denoiser. With enough steps it draws
# from the Gaussian: its pixels vary nearly as much, and 40 steps lose a little. (`ddim` clips its
# guesses to -1 to 1, which the Gaussian does not.)

# %% tags=["trained"]
def spread(pictures):
    return pictures.std(dim=0).mean().item()


print(f"spread of the pixels: drawn {spread(drawn):.2f}, by the sampler {spread(by_samples):.2f}, "
      f"digits {spread(images):.2f}")

# %% [markdown]
# ## 6. Can the formula help a network?
#
# Time for a network. This one is asked for the noise, as in the tutorial and in DDPM. We compare it
# with the filter at each noise level, on digits that it was not trained with. **At which levels
# will the network be better, at which the filter?**

# %% tags=["nbval-ignore-output"]
def trained_net(schedule, steps, loss):
    """Train a fresh U-Net, and return its average, ready to draw."""
    torch.manual_seed(0)
    net = UNet(in_ch=1, base_ch=32, ch_mult=(1, 2, 4), time_dim=128)
    net = net.to(machine.device, memory_format=torch.channels_last)
    config = TrainConfig(
        steps=steps, batch=32, warmup=min(100, steps // 10), ema=1 - 10 / max(steps, 20)
    )
    for state in train(net, images, schedule, config, loss):
        pass
    return averaged(state, images, schedule)


noise_net = trained_net(schedule, machine.budget(cpu=300, gpu=2500), noise_loss)
by_noise_net = NetDenoiser(noise_net, schedule)
errors["network, asked for noise"] = errors_of(by_noise_net)
print(f"{'sigma':26}" + "".join(f"{sigma:10g}" for sigma in levels))
for name in ("mean", "Wiener", "network, asked for noise"):
    print(f"{name:26}" + "".join(f"{error:10.5f}" for error in errors[name]))

# %% tags=["trained"]
asked_for_noise = errors["network, asked for noise"]
print("at sigma 0.3 and 1 the network is better than the filter:",
      all(n < w for n, w in list(zip(asked_for_noise, errors["Wiener"]))[1:3]))
print("at sigma 10 it is worse than the mean:", asked_for_noise[4] > errors["mean"][4])

# %% [markdown]
# At $\sigma = 10$ the network is worse than someone who does not look. It was asked for the noise,
# and the picture is $x_0 = y - \sigma \varepsilon$: an error of 0.05 in the noise is an error of 0.5
# in the picture. A network that predicts the noise has to be most exact where it matters least for
# its loss.
#
# And that is where a drawing begins, so the brightness of a whole picture may come out wrong. But
# the filter is as good as anyone there. So take its guess at large noise, and the network's at
# small noise: a *hybrid*.
#
# ### Exercise 9.5: each where it is better
# difficulty 3 of 5, about 10 minutes
#
# | | |
# |---|---|
# | `above`, `below` | denoisers |
# | `sigma` | a number: `above` answers where the noise level is larger, `below` elsewhere |
# | `xt`, `alpha_bar` | `(B, C, H, W)`, and `(B,)` or one number for all |
# | returns | `(B, C, H, W)`, in the dtype of `xt` |
#
# `__init__` is there, and keeps the $\bar\alpha$ that belongs to sigma. More noise is a *smaller*
# $\bar\alpha$. The pictures of one batch may have different levels. A denoiser takes what you take,
# also an empty batch. As in 9.3, you may change the class.

# %%
class Hybrid:
    """One denoiser above a noise level sigma, another up to it.

    denoiser, denoiser -> denoiser
    """

    def __init__(self, above, below, sigma):
        self.above, self.below = above, below
        self.alpha_bar = 1 / (1 + sigma**2)

    def predict_x0(self, xt, alpha_bar):
        """Return the guess of the one that is meant, for each picture.

        (B, C, H, W), (B,) -> (B, C, H, W)

        alpha_bar may also be one number for all.
        """
        raise NotImplementedError("exercise 9.5")

# %%
Hybrid = check("9.5", Hybrid)

# %% [markdown]
# <details><summary>Hint 1: which pictures</summary>
#
# `is_above = alpha_bar < self.alpha_bar` is a tensor `(B,)` of True and False. `xt[is_above]` are
# the pictures where it is True, and `alpha_bar[is_above]` their levels.
# </details>
#
# <details><summary>Hint 2: simpler, with twice the work</summary>
#
# Ask both about all, and choose: `torch.where(is_above[:, None, None, None], a, b)`.
# </details>

# %%
# solution 9.5

# %% [markdown]
# The next slider says below which noise level the network answers. At its right end the network
# does all; the further left, the more of the way the filter goes. The drawing begins with the same
# noise each time, and uses `samples` again. (gam = 1.6 lets each step go a little further than it
# should, which notebook 10 explains.) **Where do the drawings get better?**

# %% tags=["nbval-ignore-output"]
# alt: Ten drawings from the same noise for each of six hand-overs, from 0.02 to 10. Where the
#   filter does nearly all they are soft blots with grey around them. The more of the way the network
#   does, the clearer are the strokes. From 3 on little changes, and some are no digits.
hybrid_sigmas = log_linear_schedule().sample_sigmas(20)  # from 10 down to 0.02


def draw_with(denoiser, count):
    """Draw with smalldiffusion's sampler, always from the same noise."""
    z = torch.randn(count, 1, 16, 16, generator=torch.Generator().manual_seed(2))
    xT = hybrid_sigmas[0] * z.to(machine.device)
    return last(samples(NoiseAtSigma(denoiser), xT, hybrid_sigmas, gam=1.6)).clamp(-1, 1)


hybrid_explorer(lambda sigma: draw_with(Hybrid(by_wiener, by_noise_net, sigma), 10))

# %% [markdown]
# Five hundred of each, judged as in notebook 00, section 7:

# %% tags=["nbval-ignore-output"]
def judge(name, pictures):
    """Print the figures of some pictures, and return them."""
    found = measure(pictures).samples
    print(f"{name:26}{found.recognised:12.0%}{found.distance:18.1f}{found.nearest:18.2f}")
    return found


heading = f"{'':26}{'recognised':>12}{'Frechet distance':>18}{'nearest picture':>18}"
print(heading)
quality = {}
quality["network"] = judge("network alone", draw_with(by_noise_net, 500))
for sigma in (3.0, 1.0):
    hybrid = Hybrid(by_wiener, by_noise_net, sigma)
    quality[sigma] = judge(f"network below sigma = {sigma:g}", draw_with(hybrid, 500))
quality["Gaussian"] = judge("Gaussian", drawn.clamp(-1, 1))

# %% tags=["trained"]
print("the hybrid is nearer to the digits than the network alone:",
      quality[1.0].distance < 0.97 * quality["network"].distance)

# %% [markdown]
# The differences are small here. On a CPU, after 300 steps, the distance fell by a tenth when the
# filter took the noise above 1. The worse a network is at large noise, the more it gains.
#
# ## 7. What if one knows all pictures by heart?
#
# The filter knows only means and covariances. The other extreme knows every training picture, and
# nothing else. If $x_0$ can only be one of $N$ pictures, all equally likely, then the best guess is
# the mean of them, each weighted by how likely it is that just this one became $x_t$:
#
# $$\hat x_0 = \sum_i w_i\, x_i \qquad
# w = \mathrm{softmax}_i \left( -\frac{\lVert x_t - \sqrt{\bar\alpha}\, x_i \rVert^2}
# {2 (1 - \bar\alpha)} \right)$$
#
# It is called the *ideal denoiser*: no network can have a smaller loss on the training set.
#
# ### Exercise 9.6: the ideal denoiser
# difficulty 3 of 5, about 12 minutes
#
# | | |
# |---|---|
# | `xt` | `(B, C, H, W)` |
# | `alpha_bar` | `(B,)`, above 0 and below 1 |
# | `images` | `(N, C, H, W)`, the training pictures |
# | `chunk` | how many of them are looked at together |
# | returns | `(B, C, H, W)`, in the dtype of `xt` |
#
# The reference goes through the pictures in chunks, so that it needs little memory. Yours may do
# them all at once, and leave `chunk` alone. At $\bar\alpha = 0.9999$ the exponents are in the
# hundreds of thousands, so let `torch.softmax` do the division. The check allows an error of 0.0001
# of the largest value; float32 is enough for that.

# %%
@torch.no_grad()
def ideal_x0(xt, alpha_bar, images, chunk=1000):
    """Return the mean of all images, weighted by how likely each of them became xt.

    (B, C, H, W), (B,), (N, C, H, W) -> (B, C, H, W)

    The weights are a softmax of -|xt - sqrt(alpha_bar) x|^2 / (2 (1 - alpha_bar)). The images are
    gone through a chunk at a time: when a likelier one turns up, the sums so far are made smaller
    by what the largest exponent grew, as in online softmax. The sums are in float64, for at small
    noise the exponents are large and lie close together.
    Source: "Elucidating the Design Space of Diffusion-Based Generative Models" (2022), appendix
    B.3; "Online normalizer calculation for softmax" (2018), algorithm 3.
    """
    raise NotImplementedError("exercise 9.6")

# %%
ideal_x0 = check("9.6", ideal_x0)

# %% [markdown]
# <details><summary>Hint 1: all distances at once</summary>
#
# `torch.cdist(a, b)` of `(B, n)` and `(N, n)` is the `(B, N)` of distances. They still have to be
# squared. Each row has its own $\bar\alpha$, so divide `xt` by $\sqrt{\bar\alpha}$ first. Then the
# squares have to be multiplied by $\bar\alpha$.
# </details>
#
# <details><summary>Hint 2: weights and sum</summary>
#
# `weights = torch.softmax(-squares / (2 * (1 - alpha_bar))[:, None], dim=1)`, over the pictures,
# where `squares` are those of the formula.
# `weights @ images.flatten(1)` is the mean, `(B, n)`.
# </details>

# %%
# solution 9.6

# %% [markdown]
# **It knows everything about the training set. What will it say about a digit that is not in it?
# At $\sigma = 0.3$, where you can still see the digit well, will it beat the filter?**

# %%
# alt: Ten held-out digits, the same with noise, and what the ideal denoiser gives: clean digits,
#   some of which are not those that were asked for but similar ones.
class IdealDenoiser:
    def __init__(self, images):
        self.images = images

    def predict_x0(self, xt, alpha_bar):
        return ideal_x0(xt, alpha_bar.expand(len(xt)), self.images)


by_ideal = IdealDenoiser(images)
errors["ideal"] = errors_of(by_ideal)
print(f"{'sigma':20}" + "".join(f"{sigma:10g}" for sigma in levels))
for name in ("Wiener", "ideal"):
    row(name, errors[name])
xt, alpha_bar = noisy(test[:10], 0.3)
guess = by_ideal.predict_x0(xt, alpha_bar)
strip([test[:10], xt, guess], labels=["held out", "noisy", "ideal"], size=0.8)
plt.show()

# %% [markdown]
# Look closely at the strokes: the digits in the last row are sharp, and they are *others*, written by
# someone else, though often the same digit. It can only answer with what it knows, and at little
# noise that is the nearest training picture. So at $\sigma = 0.1$ its error is twenty times that of
# the filter. At 1 and 3 it wins, for there the question is which digit it is, and it knows many. And
# what does it draw?

# %%
# alt: Ten digits that the ideal denoiser drew, and below each the nearest training picture. The
#   rows look alike.
sample = draw_with(by_ideal, 500)
distances = torch.cdist(sample.flatten(1), images.flatten(1))
nearest = images[distances.argmin(dim=1)]
strip([sample[:10], nearest[:10]], labels=["drawn", "nearest\nin training"], size=0.8)
plt.show()
gap = (sample - nearest).square().mean(dim=(1, 2, 3)).sqrt()
print(f"drawn pictures that are a training picture: {(gap < 0.05).float().mean():.0%}")

# %% [markdown]
# It draws its training set. They are perfect digits and nothing is new. The **ideal** solution of
# the training task is of no use, and every network that draws something new does so because it
# *fails* to reach it. What it does in between is what the network learned: what digits have in
# common.
#
# ## 8. The scoreboard
#
# Now the best U-Net that we can afford here: asked for v, as in notebook 00. You have seen the mean,
# the filter and the ideal denoiser. **Write down the order that you expect, at $\sigma$ = 0.1, 1, 3
# and 10, before you run the next cell.** (To put your own network on the board, go back to
# `trained_net` in section 6, write `portfolio.load().UNet` in place of `UNet`, after
# `from course_utils import portfolio`, and run that cell and the next one here again.)

# %% tags=["nbval-ignore-output"]
cosine = cosine_schedule()
net = trained_net(cosine, machine.budget(cpu=1000, gpu=8000), velocity_loss)
by_net = NetDenoiser(NoiseFromVelocity(net, cosine), cosine)
errors["U-Net"] = errors_of(by_net)

# %% [markdown]
# The course has a command line as well: `python -m course_utils train` (the README tells how)
# trains this network, DDPM's or smalldiffusion's. What was trained with it on the digits, and kept
# in folders of `runs` in the folder of the course, goes on the board too:

# %% tags=["nbval-ignore-output"]
others = []
for folder in sorted((course / "runs").glob("*")):
    if runs_in(folder):
        model, pictures = noise_model(folder, machine.device)
        if pictures.shape == images.shape:
            others.append(folder.name)
            errors[folder.name] = errors_of(NetDenoiser(model, SCHEDULE))

# %% tags=["nbval-ignore-output"]
# alt: The error of each denoiser over sigma, divided by that of the Wiener filter. The mean's is
#   far above 1 at small sigma and comes down to 1. So does the ideal denoiser's, which is below 1
#   at sigma 1. The network that was asked for noise is below 1 at 0.3 and at 2 at sigma 10. The
#   U-Net is below 1 up to sigma 1, and near 1 from 3 on.
board = ["Wiener", "mean", "ideal", "network, asked for noise", "U-Net", *others]
print(f"{'sigma':26}" + "".join(f"{sigma:10g}" for sigma in levels))
for name in board:
    print(f"{name:26}" + "".join(f"{error:10.5f}" for error in errors[name]))
error_curves(levels, {name: errors[name] for name in board})
plt.show()

# %% tags=["trained"]
better = [u < w for u, w in zip(errors["U-Net"], errors["Wiener"])]
print("levels from 0.1 to 3 at which the U-Net beats the filter:", sum(better[:4]), "of 4")
print("at 10 they are equal to 5%:", abs(errors["U-Net"][4] / errors["Wiener"][4] - 1) < 0.05)
print("the ideal denoiser beats the U-Net at sigma 3, and loses at 0.1 to 1:",
      [i < u for i, u in zip(errors["ideal"], errors["U-Net"])][:4] == [False, False, False, True])

# %% tags=["nbval-ignore-output"]
# alt: Ten held-out digits, the same with noise of sigma 1, and the guesses of three denoisers.
#   Those of the Wiener filter are blurred with soft shadows, those of the ideal one are clean
#   digits, those of the U-Net are clean and a little blurred.
def compare(sigma):
    xt, alpha_bar = noisy(test[:10], sigma)
    guesses = [d.predict_x0(xt, alpha_bar) for d in (by_wiener, by_ideal, by_net)]
    labels = ["held out", f"sigma {sigma:g}", "Wiener", "ideal", "U-Net"]
    strip([test[:10], xt * math.sqrt(1 + sigma**2), *guesses], labels=labels, size=0.75)
    plt.show()


compare(1.0)

# %% tags=["nbval-ignore-output"]
# alt: The same with noise of sigma 3. All three denoisers give blurred grey blots, in which only a
#   few digits can be told.
compare(3.0)

# %% [markdown]
# (In the curves, what leaves the picture at the top is far worse than the filter.)
#
# - **At the largest noise all agree,** but for the network that is asked for the noise. There is
#   nothing to see, and all say something near the mean.
# - **From 0.1 to 1 the U-Net is best.** At $\sigma = 1$ the filter gives a blur, the ideal denoiser a
#   sharp training digit that fits the noise, and the U-Net a softer one. On average that one is
#   nearest to the truth, though it can be another digit too. The U-Net uses what
#   no pair of pixels tells, and it is not bound to the training set. At $\sigma = 3$ all three are
#   blurs, and the ideal denoiser is a little better.
# - **At little noise the ideal denoiser is far worse than the others that look.** It can only say
#   what it has seen.
#
# So a table of errors on *training* pictures would have it all wrong: the ideal denoiser would win
# everywhere. And what do they draw?

# %% tags=["nbval-ignore-output"]
# alt: Four rows of ten: real digits that were held out, pictures drawn from the Gaussian, those
#   that the ideal denoiser draws, and those of the U-Net. The Gaussian's are blots with strokes.
#   The ideal's are digits, and most of the U-Net's can be read as digits.
print(heading)
quality["real"] = judge("held-out digits", test)
quality["Gaussian"] = judge("Gaussian", drawn.clamp(-1, 1))
quality["ideal"] = judge("ideal", sample)
by_unet = draw_with(by_net, 500)
quality["U-Net"] = judge("U-Net", by_unet)
strip([pictures[:10] for pictures in (test, drawn, sample, by_unet)],
      labels=["real", "Gaussian", "ideal", "U-Net"], size=0.8)
plt.show()

# %% tags=["trained"]
print("the U-Net's are far nearer to the digits than the Gaussian's:",
      2 * quality["U-Net"].distance < quality["Gaussian"].distance)
print("the ideal denoiser's are training pictures:",
      quality["ideal"].nearest < 0.25 * quality["real"].nearest)
print("the U-Net's are not:", quality["U-Net"].nearest > 0.8 * quality["real"].nearest)

# %% [markdown]
# The last column, "nearest picture", is the test for learning by heart. It is the distance of a
# drawn picture to the nearest training picture. Held-out digits, which are real and new, say how
# large it should be. By the other two columns the ideal denoiser is the best of all that draw. Only
# this one gives it away. (The classifier calls half of the Gaussian's blots digits. It knows only
# ten answers.)
#
# ## Recap
#
# - The best constant guess is the mean. The best linear one shrinks along the eigenimages, by
#   $\lambda / (\lambda + \sigma^2)$. It needs no training.
# - It is the baseline: a network that does not beat it at some noise level has learned nothing
#   there that the filter does not know. At $\sigma = 10$ nothing is clearly better.
# - A network that is asked for the noise is bad at large noise. v, or a hybrid, mends that.
# - The ideal denoiser has the smallest loss on the training set there can be, and draws nothing but
#   the training set.
# - What a network learned is what it does better than the filter on pictures that it has not seen.
#
# **What can go wrong.** One pass in float32 for pictures with a large mean. An eigendecomposition
# in float32, whose small eigenvalues are rounding errors. A covariance that does not fit: it has
# $n^2$ numbers. An error measured on training pictures, which praises learning by heart.
#
# **Where to look.** `course_utils/wiener.py` has the filter, `ideal.py` the ideal denoiser,
# `denoisers.py` the call that they share, and the hybrid. The next notebook, [10, published
# U-Nets](10_published_unets.ipynb), has the networks of DDPM and smalldiffusion. The map of the
# course is in [00](00_start_here.ipynb).

# %% [markdown]
# ## How far are you?
#
# Here are all exercises of the course. What you have done is kept in `my_progress.txt`, beside
# `my_unet.py`.

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()
