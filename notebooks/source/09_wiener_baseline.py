# %% [markdown]
# # 09 The Wiener baseline: how far without a network?
#
# {{badge}}
#
# In this notebook you will
#
# - find the best linear denoiser, the Wiener filter, without any training;
# - see how PCA works in it, with two pixels first and then with whole digits;
# - find out where your own U-Net looks, and why there;
# - build the *ideal denoiser*, which memorises its training set;
# - race them all, your network among them, and combine two.
#
# It has six exercises and takes about 75 minutes, three of them for training on two CPU cores. You
# need notebooks 00 to 05 before it. Choose a GPU on Colab if you can (Runtime, Change runtime
# type).

# %%
# setup

# %%
import math
import tempfile

import matplotlib.pyplot as plt
import torch
from torch.utils.data import DataLoader

from course_utils import keeping
from course_utils.averaging import averaged
from course_utils.checks import check
from course_utils.covariance import covariance_in_one_pass, empty_covariance, mean_of, vectors
from course_utils.data import load
from course_utils.denoisers import MeanDenoiser, NetDenoiser, NoiseAtSigma, denoising_error
from course_utils.denoisers import nearest_step
from course_utils.diffusion import NoiseFromVelocity, add_noise, noise_loss, predict_x0
from course_utils.diffusion import velocity_loss
from course_utils.plots import clouds, error_curves, grid, maps, spectrum, strip
from course_utils.precision import best_precision
from course_utils.quality import measure
from course_utils.samplers import last, samples
from course_utils.schedule import cosine_schedule, log_linear_schedule
from course_utils.training import TrainConfig, train
from course_utils.unet import UNet
from course_utils.widgets import hybrid_explorer, wiener_explorer
from course_utils.wiener import decompose, load_wiener_filter, save_wiener_filter

# %% [markdown]
# ## 1. What can you say without looking?
#
# Someone mixes a clean picture $x_0$ with noise, $x_t = \sqrt{\bar\alpha}\, x_0 + \sqrt{1 -
# \bar\alpha}\, \varepsilon$, and gives us $x_t$ and $\bar\alpha$. We predict $x_0$. The error is
# the mean squared difference.
#
# In this notebook we keep the picture at full strength: $x_t / \sqrt{\bar\alpha} = x_0 +
# \sigma \varepsilon$, with $\sigma = \sqrt{(1 - \bar\alpha) / \bar\alpha}$. Pixels lie between
# -1 and 1, so $\sigma = 0.1$ is a little grain, and at $\sigma = 10$ there is nothing but grain.

# %%
# alt: Eight digits, clean and at five levels: readable at 0.3, barely at 1, not at all from 3 on.
images, test = load("digits", "train")[0], load("digits", "test")[0]
images, test = images.to(machine.device), test.to(machine.device)
eps = torch.randn(test.shape, generator=torch.Generator().manual_seed(0)).to(test)


def noisy(x0, sigma):
    """Return pictures with this much noise, and their alpha_bar."""
    alpha_bar = torch.full((len(x0),), 1 / (1 + sigma**2), device=x0.device)
    return add_noise(x0, eps[: len(x0)], alpha_bar), alpha_bar


levels = [0.1, 0.3, 1.0, 3.0, 10.0]
rows = [noisy(test[:8], sigma)[0] * math.sqrt(1 + sigma**2) for sigma in levels]
strip([test[:8], *rows], labels=["clean"] + [f"{sigma:g}" for sigma in levels], size=0.9)
plt.show()

# %% [markdown]
# All denoisers here have one method, `predict_x0(xt, alpha_bar)`, so they can be compared. The
# simplest ignores xt and always gives the same answer. The best constant answer is the mean of all
# pictures, and its error is the *variance* of the pixels. **How will that error change with the
# noise?**

# %%
def errors_of(denoiser):
    """Return the error on the held-out digits at each noise level."""
    return [denoising_error(denoiser, test, eps, sigma) for sigma in levels]


def show_errors(*names):
    print(f"{'sigma':16}" + "".join(f"{sigma:9g}" for sigma in levels))
    for name in names:
        print(f"{name:16}" + "".join(f"{error:9.4f}" for error in errors[name]))


errors = {"mean": errors_of(MeanDenoiser(images.mean(dim=0)))}
show_errors("mean")

# %% [markdown]
# ## 2. What can one pixel tell us about itself?
#
# Now we look, at one pixel at a time. Over all digits it has a mean $m$ and a variance $v$, and we
# see $y = x + \sigma \varepsilon$. Say we go a fraction $k$ of the way from the mean to what we
# see: $m + k (y - m)$. Because picture and noise are independent, the expected squared error is
#
# $$\mathbb{E}\,[m + k (y - m) - x]^2 = (1 - k)^2\, v + k^2 \sigma^2$$
#
# The first term is what we miss by not going all the way, the second the noise that we let in. Set
# the derivative with respect to k to 0, and you get
#
# $$k = \frac{v}{v + \sigma^2}$$
#
# A pixel that hardly ever changes stays at its mean. One that varies much more than the noise is
# believed. **Where will this help more, at $\sigma$ = 0.1 or at 3?**

# %%
class PixelDenoiser:
    def __init__(self, images):
        self.mean, self.variance = images.mean(dim=0), images.var(dim=0)

    def predict_x0(self, xt, alpha_bar):
        y = xt / alpha_bar[:, None, None, None].sqrt()
        noise = ((1 - alpha_bar) / alpha_bar)[:, None, None, None]  # sigma squared
        return self.mean + self.variance / (self.variance + noise) * (y - self.mean)


errors["pixel by pixel"] = errors_of(PixelDenoiser(images))
show_errors("mean", "pixel by pixel")

# %% [markdown]
# At $\sigma = 0.1$ it helps enormously, because a pixel already shows nearly everything about
# itself. At 3 it shows next to nothing, and we're back at the mean. A pixel would have to ask the
# others.
#
# ## 3. What can two pixels tell us about each other?
#
# Take two neighbours. On the left, each dot below is one training digit. The dots form a long, thin
# cloud, because the two pixels are usually bright together or dark together. The mean product of
# their deviations from the mean is their *covariance*. Variances and covariances, here 2 x 2, make
# the covariance matrix $S$.
#
# The cloud has two axes at right angles, the *eigenvectors* of $S$. The variance along each axis is
# its *eigenvalue*, and the coordinates along the two have no covariance. Finding such axes is called
# *principal component analysis*, PCA, and the axes are the *principal components*.
#
# Noise is a round cloud, with variance $\sigma^2$ in every direction. So in these coordinates we
# are back in section 2: two separate problems, each with its own k. We subtract the mean, rotate to
# the axes, shrink each coordinate, and rotate back. **Along which axis will it shrink more?**

# %%
# alt: Three clouds: long and thin when clean, rounder with noise, thin again as guesses.
pair = images[:, 0, 10, 6:8]  # (N, 2)
S2, mean2, sigma = torch.cov(pair.T), pair.mean(dim=0), 0.5
U2, LA2, _ = decompose(S2)  # eigenvectors as columns, eigenvalues
y = pair + sigma * torch.randn(pair.shape, generator=torch.Generator().manual_seed(0)).to(pair)

along = (y - mean2) @ U2  # (N, 2): coordinates along the two axes
k = LA2 / (LA2 + sigma**2)
guess = mean2 + (k * along) @ U2.T

print("variance along the axes:", [f"{value:.2f}" for value in LA2.tolist()])
print("kept of each coordinate:", [f"{value:.2f}" for value in k.tolist()])
v = pair.var(dim=0)
one_by_one = mean2 + v / (v + sigma**2) * (y - mean2)
for name, found in {"noisy": y, "one by one": one_by_one, "along the axes": guess}.items():
    print(f"error, {name:15} {(found - pair).square().mean():.2f}")
clouds({"clean": pair, "with noise": y, "shrunk along the axes": guess}, mean2, U2, LA2)
plt.show()

# %% [markdown]
# Across the cloud digits hardly vary, so most of what we see there is noise, and most of it goes.
# That is how a pixel asks its neighbour.
#
# ## 4. And with all 256 pixels?
#
# Nothing changes but the size. A picture is a vector of $n = C H W$ numbers, here 256, and $S$ is
# $n \times n$:
#
# $$m = \frac{1}{N} \sum_i x_i \qquad S = \frac{1}{N - 1} \sum_i (x_i - m)(x_i - m)^T$$
#
# ### Exercise 9.1: mean and covariance, in two passes
# difficulty 3 of 5, about 12 minutes
#
# A data set may not fit into memory, so it comes in batches. Go through them twice: once for the
# mean, once for the products.
#
# | | |
# |---|---|
# | `dataloader` | batches: pictures `(B, C, H, W)`, or tuples or lists that begin with them; the last may be smaller |
# | `device` | that of the results |
# | `resolution`, `n_channels` | H and W; C |
# | returns | the covariance `(n, n)` and the mean `(n,)`, float32 |
#
# `vectors(dataloader, (C, H, W), device)` yields each batch as rows, `(B, n)`. The reference also
# refuses bad input. Yours need not, and may join all batches with `torch.cat`.

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
# Keep two things: how many pictures there were, and the sum of their rows, `x.sum(dim=0)`. Divide
# at the end. The mean of the batches' means would be wrong when the last batch is smaller.
# </details>
#
# <details><summary>Hint 2: the second pass</summary>
#
# Begin with zeros `(n, n)`. If `x` is a batch of rows with the mean taken out, `x.T @ x` is the sum
# of the products of all its pictures, `(n, n)`. Add these up, and divide by the number of pictures
# less 1.
# </details>
#
# <details><summary>My check says that digits are lost</summary>
#
# Was the mean taken out only at the end? Then two large sums are subtracted whose first digits are
# the same. The cell after next shows what float32 makes of that.
# </details>

# %%
# solution 9.1

# %%
# alt: The covariance of four pixels with all others: positive nearby, negative farther off.
S, mean = compute_wiener_filter(DataLoader(images, batch_size=100), machine.device, 16, 1)
S_image = S.view(16, 16, 16, 16).cpu()
places = [(2, 7), (7, 7), (7, 4), (12, 10)]
figure = maps([torch.stack([S_image[place] for place in places])], size=1.9,
              titles=[f"row {r}, column {c}" for r, c in places])
for ax, (r, c) in zip(figure.axes, places):
    ax.plot(c, r, "k+", ms=9)
plt.show()

# %% [markdown]
# Each map is one row of $S$. Orange pixels tend to be bright when the marked one is bright. Blue ones
# tend to be dark: the stroke would be there instead.
#
# Why two passes, if $S = \frac{1}{N-1} (\sum_i x_i x_i^T - N m m^T)$ needs only one? Where the mean
# is large, that subtracts two large numbers that are nearly equal, and float32 runs out of digits:

# %%
brighter = images.cpu() + 100  # the covariance stays the same
exact = brighter.flatten(1).double().T.cov()
for name, way, *kind in [("two passes", compute_wiener_filter),
                         ("one pass", covariance_in_one_pass, torch.float32)]:
    found = way(brighter.split(100), torch.device("cpu"), 16, 1, *kind)[0]
    print(f"{name}: error above 0.001:", bool((found - exact).abs().max() > 1e-3))

# %% [markdown]
# ### The principal components of digits
#
# `decompose` finds $S = U\, \mathrm{diag}(\lambda)\, U^T$ as it did for two pixels. Each column of
# $U$ is a principal component, and is itself a picture. LA holds the $\lambda$, largest first, and
# Vh is $U^T$.

# %%
# alt: Twelve principal components: smooth patterns in orange and blue that become finer.
U, LA, Vh = decompose(S)
first = U.T[:12].view(2, 6, 16, 16)
maps(list(first), size=1.35, limit=0.2)
plt.show()
shares = LA.cumsum(0) / LA.sum()
for count in (1, 10, 30):
    print(f"the first {count:2} have {shares[count - 1]:.0%} of the variance")
alive = int((LA > 1e-6).sum())
print(f"{alive} of {len(LA)} have any")

# %% [markdown]
# These are the ways in which digits differ most. Every digit is the mean plus a sum of them, each
# times a *coefficient*. Only 60 are ever used, because the scans were enlarged. (Notebook 00 counted
# 61, the mean included.)
#
# Each coefficient is shrunk by its own $k_i = \lambda_i / (\lambda_i + \sigma^2)$:

# %%
# alt: Variances fall from 8 to nearly nothing at 60; what is kept falls from 1 to 0.
spectrum(LA[:64], [0.1, 1.0, 3.0])
plt.show()

# %% [markdown]
# On the left, each noise level is a line. Components above it are mostly kept, components below
# mostly dropped. That is the *Wiener filter*.
#
# ### Exercise 9.2: how much is kept
# difficulty 2 of 5, about 6 minutes
#
# Write $k_i$ in terms of $\bar\alpha$: put $\sigma^2 = (1 - \bar\alpha) / \bar\alpha$ into the
# formula and simplify, until nothing is divided by $\bar\alpha$ any more.
#
# | | |
# |---|---|
# | `LA` | `(n,)`, none below 0, some may be 0 |
# | `alpha_bar` | `(B,)`, from 0 to 1, both included |
# | returns | `(B, n)`, from 0 to 1, in the dtype of LA |
#
# Where $\lambda_i$ is 0 nothing is kept, even at $\bar\alpha = 1$, where the formula is 0 / 0.

# %%
def shrink(LA, alpha_bar):
    """Return how much is kept of a noisy picture along each principal component: 0 to 1.

    (n,), (B,) -> (B, n)

    It is the variance of the pictures there, as a share of theirs and the noise's together. Where
    the pictures do not vary at all, nothing is kept.
    Source: "Extrapolation, Interpolation, and Smoothing of Stationary Time Series" (1949).
    """
    raise NotImplementedError("exercise 9.2")

# %%
shrink = check("9.2", shrink)

# %% [markdown]
# <details><summary>Hint 1: the formula</summary>
#
# Multiply numerator and denominator by $\bar\alpha$: $k_i = \bar\alpha\, \lambda_i /
# (\bar\alpha\, \lambda_i + (1 - \bar\alpha))$. Mind the inner brackets: added from the left, a
# tiny $\lambda_i$ is lost.
# </details>
#
# <details><summary>Hint 2: shapes</summary>
#
# `alpha_bar[:, None]` has shape `(B, 1)`. Times `(n,)` it becomes `(B, n)`.
# </details>
#
# <details><summary>Hint 3: 0 / 0</summary>
#
# Keep the denominator above 0 with `.clamp(min=1e-30)`, which changes nothing where the fraction
# makes sense. Write `a * LA + (1 - a)`, with brackets: at $\bar\alpha = 1$, `a * LA + 1 - a` loses
# a small `LA` beside the 1.
# </details>

# %%
# solution 9.2

# %% [markdown]
# ### Exercise 9.3: the filter
# difficulty 3 of 5, about 12 minutes
#
# You saw it with two pixels. Now write it for a batch of pictures, without making a new $n \times
# n$ matrix:
#
# $$\hat x_0 = m + U\, \mathrm{diag}(k)\, V_h\, \Big( \frac{x_t}{\sqrt{\bar\alpha}} - m \Big)$$
#
# | | |
# |---|---|
# | `xt` | `(B, C, H, W)` |
# | `alpha_bar` | `(B,)`, or one number for all; above 0 and below 1 |
# | returns | `(B, C, H, W)`, in the dtype of `xt` |
#
# The formula is for one picture as a column. Yours will be rows. You may change `__init__`, add
# methods, or make it an `nn.Module`.

# %%
class WienerDenoiser:
    """The best linear guess of the picture in a noisy one, found along the principal components.

    (n, n), (n,), (n, n), (n,) -> denoiser

    No matrix is made for a step: one product gives a picture's coefficients, each is shrunk, and
    another product makes a picture of them. Raises ValueError for sizes that do not fit and for a
    negative LA.
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
# <details><summary>Hint 3: rows</summary>
#
# The coefficients of rows x are `x @ self.Vh.T`, `(B, n)`. Coefficients become pictures by
# `coefficients @ self.U.T`.
# </details>

# %%
# solution 9.3

# %% [markdown]
# What is the shrinking worth? We also measure a filter that only *projects*: it keeps the 60
# components whole and drops the rest. **At which noise will the Wiener filter gain most?**

# %%
class Projection:
    def predict_x0(self, xt, alpha_bar):
        x = xt.flatten(1) / alpha_bar[:, None].sqrt() - mean
        return (mean + x @ U[:, :alive] @ U[:, :alive].T).view_as(xt)


by_wiener = WienerDenoiser(U, LA, Vh, mean)
errors["projection only"] = errors_of(Projection())
errors["Wiener"] = errors_of(by_wiener)
show_errors("mean", "pixel by pixel", "projection only", "Wiener")
pairs = list(zip(errors["Wiener"], errors["pixel by pixel"]))
print(f"{'pixel - Wiener':16}" + "".join(f"{p - w:9.4f}" for w, p in pairs))
print(f"{'Wiener / pixel':16}" + "".join(f"{w / p:9.2f}" for w, p in pairs))

# %% [markdown]
# In absolute terms the gain on pixel by pixel is largest at $\sigma = 1$. In relative terms it is
# largest at 0.1 and 0.3, where less than a quarter of the error is left. But most of that comes from
# the enlarged scans: at 0.1, projection alone has nine tenths of the gain. At 1 it is worse than
# pixel by pixel, so there it's the shrinking that pays.

# %% tags=["nbval-ignore-output"]
# alt: Six digits at four levels, and the guesses: ever smoother.
wiener_explorer(by_wiener, LA, test[:6])

# %% [markdown]
# The guess gets smoother as the noise grows, and ends at the mean. A linear filter can't say "either
# a 3 or an 8". All it can do about doubt is shrink.
#
# A filter can be kept in four files:

# %%
with tempfile.TemporaryDirectory() as folder:
    save_wiener_filter(U, LA, Vh, mean, folder)
    again = load_wiener_filter(folder, machine.device)
print("the same:", all(torch.equal(a, b) for a, b in zip((U, LA, Vh, mean), again)))

# %% [markdown]
# ## 5. What if mean and covariance were all there is?
#
# In a *Gaussian* with this mean and covariance there is nothing else to know, and the filter would
# be the best denoiser of all, not only of the linear ones. Let's visit that world.
#
# ### Exercise 9.4: draw from the Gaussian
# difficulty 2 of 5, about 8 minutes
#
# Along the principal components the coefficients are independent, and each is a normal number with
# variance $\lambda_i$. From that, derive how to draw a picture.
#
# | | |
# |---|---|
# | `N` | how many pictures |
# | `U`, `LA`, `mean` | `(n, n)`, `(n,)`, `(n,)` |
# | `generator` | a `torch.Generator` on the CPU, your only source of random numbers |
# | returns | `(N, n)`, on the device and in the dtype of U |

# %%
def draw_gaussian(N, U, LA, mean, generator):
    """Draw from the Gaussian that has this mean and covariance.

    (n, n), (n,), (n,) -> (N, n)
    """
    raise NotImplementedError("exercise 9.4")

# %%
draw_gaussian = check("9.4", draw_gaussian)

# %% [markdown]
# <details><summary>Hint 1: the formula</summary>
#
# $x = m + \sum_i \sqrt{\lambda_i}\, z_i\, u_i$, with $z_i$ standard normal and $u_i$ the columns
# of $U$.
# </details>
#
# <details><summary>Hint 2: the numbers</summary>
#
# `torch.randn(N, len(LA), generator=generator)` has a row for each picture. `.to(U)` brings it to
# the device of U. The components are the columns of U, so rows of coefficients are multiplied by
# `U.T`.
# </details>

# %%
# solution 9.4

# %% [markdown]
# A diffusion model draws by denoising again and again, so the filter can draw too. `samples`, the
# sampler of the package smalldiffusion (see notebook 10), goes down a list of sigmas.
# `NoiseAtSigma` tells it the noise that goes with a denoiser's $x_0$. **What will it draw with the
# filter in place of a network?**

# %%
# alt: Ten draws from the Gaussian and ten made with the filter: blots and strokes, hardly a digit.
drawn = draw_gaussian(500, U, LA, mean, torch.Generator().manual_seed(0)).view(500, 1, 16, 16)
sigmas = log_linear_schedule(sigma_max=30.0).sample_sigmas(25)


@torch.no_grad()
def draw_with(denoiser, count):
    """Draw with a denoiser, always from the same noise."""
    z = torch.randn(count, 1, 16, 16, generator=torch.Generator().manual_seed(2))
    return last(samples(NoiseAtSigma(denoiser), sigmas[0] * z.to(machine.device), sigmas))


by_filter = draw_with(by_wiener, 500)
strip([drawn[:10], by_filter[:10]], labels=["Gaussian", "filter"], size=0.9)
plt.show()

# %% tags=["nbval-ignore-output"]
for name, pictures in {"Gaussian": drawn, "drawn with the filter": by_filter}.items():
    kept = torch.linalg.eigvalsh(torch.cov(pictures.flatten(1).T)).flip(0)[:10].sum()
    print(f"{name:22} variance along its first 10 components: {kept:.0f}")
print(f"{'digits':22} variance along its first 10 components: {LA[:10].sum():.0f}")

# %% [markdown]
# It is the same world. The filter's pictures vary a little less, but only because our sampler takes
# few steps. (Try more.) Every pair of pixels has about the right covariance, yet hardly one picture
# is a digit. Pairs of pixels cannot tell what makes a stroke.
#
# ## 6. Where does a U-Net look, and why there?
#
# Which pixels of xt does a denoiser use for one pixel of its answer? The filter's weights are, up to
# a factor, a row of $U\, \mathrm{diag}(k)\, U^T$. For a network there's your receptive field of
# notebook 03: the gradient of that pixel with respect to all of xt. This time we keep the signs and
# average over test pictures. The network is yours, if you have trained one. **Will it look where the
# filter looks? At which noise do they look farthest?**

# %% tags=["nbval-ignore-output"]
net, predicts = keeping.trained(machine.device)
schedule = cosine_schedule()


def asked_for(predicts, net):
    """Return a network that answers with the noise, whatever it was asked for."""
    return NoiseFromVelocity(net, schedule) if predicts == "v" else net


def network_field(noise_of, column, pictures, sigma):
    """Return how x0 at row 7 and a column depends on the pixels of xt: (H, W)."""
    xt, alpha_bar = noisy(pictures, sigma)
    xt.requires_grad_()
    x0 = predict_x0(xt, noise_of(xt, nearest_step(schedule, alpha_bar)), alpha_bar)
    return torch.autograd.grad(x0[:, 0, 7, column].sum(), xt)[0].mean(dim=0)[0]


def filter_field(U, LA, column, sigma):
    return ((U * (LA / (LA + sigma**2))) @ U.T)[7 * 16 + column].view(16, 16)

# %% tags=["nbval-ignore-output"]
# alt: Five maps of the filter, five of your U-Net, much alike: an orange spot that grows, and a
#   blue ring.
def radius(field, column=7):
    """Return the mean distance from the pixel, weighted by how strongly each pixel counts."""
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    distance = ((rows - 7) ** 2 + (columns - column) ** 2).sqrt().to(field)
    return float((field.abs() * distance).sum() / field.abs().sum())


def alike(a, b):
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


def show_fields(by_formula, by_network, name):
    """Draw the weights of the filter and of a network, as shares of the largest in each map."""
    rows = [torch.stack([f / f.abs().max() for f in row]) for row in (by_formula, by_network)]
    maps(rows, ["filter", name], [f"sigma {sigma:g}" for sigma in levels], size=1.6, limit=1)
    plt.show()


by_formula = [filter_field(U, LA, 7, sigma) for sigma in levels]
by_network = [network_field(asked_for(predicts, net), 7, test[:100], sigma) for sigma in levels]
show_fields(by_formula, by_network, "your U-Net")
print("radius, filter:    ", [f"{radius(field):.1f}" for field in by_formula])
print("radius, your U-Net:", [f"{radius(field):.1f}" for field in by_network])
print("correlation:       ", [f"{alike(*both):.2f}" for both in zip(by_formula, by_network)])

# %% tags=["trained"]
print("both look farther when there is more noise:",
      all(radius(f[0]) < radius(f[2]) < radius(f[4]) for f in (by_formula, by_network)))

# %% [markdown]
# They are hard to tell apart. With little noise a pixel and its neighbours suffice. With more, both
# look farther. Yet nobody told the network a covariance, and nobody told the filter that pixels
# have neighbours.
#
# Do U-Nets look nearby because they are made of convolutions? Lukoianov and others claim otherwise
# in "Locality in Image Diffusion Models Emerges from Data Statistics" (2025): the data decide, by
# which of their pixels are correlated. Let's test that. We train the same U-Net on digits whose
# left and right halves have changed places. Our pixel is at the right edge now, and its old right
# neighbour is 15 columns away, at the left edge. **Where will the network look if the convolutions
# decide, and where if the data do?**

# %% tags=["nbval-ignore-output"]
# alt: Eight digits, black in the middle, with half a digit at each edge.
def trained_net(loss, images, steps):
    """Train a fresh U-Net, and return its average, ready to draw."""
    torch.manual_seed(0)
    net = UNet(in_ch=1, base_ch=32, ch_mult=(1, 2, 4), time_dim=128)
    net = net.to(machine.device, memory_format=torch.channels_last)
    config = TrainConfig(
        steps=steps, warmup=min(100, steps // 10), precision=best_precision(machine.device)
    )
    try:
        for state in train(net, images, schedule, config, loss):
            pass
    except KeyboardInterrupt:
        print(f"stopped after {state.step} of {steps} steps")
    return averaged(state, images, schedule)


def swap(pictures):
    return pictures.roll(8, dims=3)  # columns


swapped_net = trained_net(velocity_loss, swap(images), machine.budget(cpu=600, gpu=5000))
strip(swap(images[:8]), size=0.9)
plt.show()

# %% tags=["nbval-ignore-output"]
# alt: For a pixel at the right edge, filter and U-Net both have half a spot there, half at the left.
S_swapped, _ = compute_wiener_filter(swap(images).split(100), machine.device, 16, 1)
U_swapped, LA_swapped, _ = decompose(S_swapped)
noise_of, pictures = asked_for("v", swapped_net), swap(test[:100])
by_formula = [filter_field(U_swapped, LA_swapped, 15, sigma) for sigma in levels]
by_network = [network_field(noise_of, 15, pictures, sigma) for sigma in levels]
show_fields(by_formula, by_network, "U-Net")


def far(field):
    """Return how much of the weight is on the left half."""
    return float(field[:, :8].abs().sum() / field.abs().sum())


print("on the left half, filter:", [f"{far(field):.0%}" for field in by_formula])
print("on the left half, U-Net: ", [f"{far(field):.0%}" for field in by_network])
never = [network_field(asked_for(predicts, net), 15, pictures, sigma) for sigma in levels]
print("a U-Net that saw no swapped digits in training:", [f"{far(field):.0%}" for field in never])

# %% tags=["trained"]
print("at sigma 1 and 3 the U-Net looks across the picture:",
      all(far(field) > 0.25 for field in by_network[2:4]))
print("and more than one that saw no swapped digits in training:",
      all(far(new) > 1.2 * far(old) for new, old in zip(by_network[2:4], never[2:4])))

# %% [markdown]
# It looks to the other side of the picture, because that is where the information is, and about as
# much as the filter does. A network that never saw such digits looks there far less. So locality
# comes from the data, and the convolutions don't stand in the way.
#
# ## 7. And if we knew every picture?
#
# The other extreme knows all N training pictures, and believes that there are no others. Which of
# them became $x_t$? If it was $x_i$, then $x_t$ is
# $\sqrt{\bar\alpha}\, x_i$ plus noise of variance $1 - \bar\alpha$ in every pixel, a Gaussian:
#
# $$p(x_t \mid x_i) \propto \exp\left( -\frac{\lVert x_t - \sqrt{\bar\alpha}\, x_i \rVert^2}
# {2 (1 - \bar\alpha)} \right) \qquad\qquad
# p(x_i \mid x_t) = \frac{p(x_t \mid x_i)}{\sum_j p(x_t \mid x_j)}$$
#
# The second equation is Bayes' theorem with equal priors: each picture is as likely as any other
# beforehand, so their $1/N$ cancels. Exponentials divided by their sum are a softmax. The answer
# with the smallest squared error is the mean under these probabilities, $\hat x_0 = \sum_i p(x_i
# \mid x_t)\, x_i$. It is called the *ideal denoiser*, because no network can have a smaller loss on
# the training set.
#
# ### Exercise 9.6: the ideal denoiser
# difficulty 3 of 5, about 12 minutes
#
# | | |
# |---|---|
# | `xt` | `(B, C, H, W)` |
# | `alpha_bar` | `(B,)`, above 0 and below 1 |
# | `images` | `(N, C, H, W)`, the training pictures |
# | `chunk` | how many of them to compare with at a time; you may ignore it |
# | returns | `(B, C, H, W)`, in the dtype of `xt` |
#
# At $\bar\alpha = 0.9999$ the exponents are in the hundreds of thousands, so leave the division to
# `torch.softmax`.

# %%
@torch.no_grad()
def ideal_x0(xt, alpha_bar, images, chunk=1000):
    """Return the mean of all images, weighted by how likely each of them became xt.

    (B, C, H, W), (B,), (N, C, H, W) -> (B, C, H, W)

    The weights are a softmax of -|xt - sqrt(alpha_bar) x|^2 / (2 (1 - alpha_bar)). The images are
    taken a chunk at a time: when a likelier one turns up, the sums so far are scaled down to the
    new largest exponent, as in online softmax. The sums are in float64, because at small noise the
    exponents are large and close together.
    Source: "Elucidating the Design Space of Diffusion-Based Generative Models" (2022), appendix
    B.3; "Online normalizer calculation for softmax" (2018), algorithm 3.
    """
    raise NotImplementedError("exercise 9.6")

# %%
ideal_x0 = check("9.6", ideal_x0)

# %% [markdown]
# <details><summary>Hint 1: all distances at once</summary>
#
# `torch.cdist(a, b)` of `(B, n)` and `(N, n)` is the `(B, N)` of distances, not squared yet. Each
# row has its own $\bar\alpha$, so divide `xt` by $\sqrt{\bar\alpha}$ first. Then the squares have to
# be multiplied by $\bar\alpha$.
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
# **What will it say about a digit that is not in the training set? At $\sigma = 0.3$, where you can
# still see the digit well, will it beat the filter?**

# %%
# alt: Eight held-out digits, noisy, and the answers: clean digits with other strokes.
class IdealDenoiser:
    def predict_x0(self, xt, alpha_bar):
        return ideal_x0(xt, alpha_bar.expand(len(xt)), images)


by_ideal = IdealDenoiser()
errors["ideal"] = errors_of(by_ideal)
show_errors("Wiener", "ideal")
xt, alpha_bar = noisy(test[:8], 0.3)
answers = by_ideal.predict_x0(xt, alpha_bar)
strip([test[:8], xt, answers], labels=["held out", "noisy", "ideal"], size=0.9)
plt.show()

# %% [markdown]
# Look closely at the strokes: the answers are sharp, and they are *other* digits, written by other
# people. It can only answer with what it has memorised, and at little noise that is the nearest
# training picture. At 1 and 3 it wins, because there the question is which digit it is, and it has
# many to compare. And what does it draw?

# %%
# alt: Ten pictures that the ideal denoiser drew, and the same ten from the training set.
ideal_draws = draw_with(by_ideal, 500)
distances = torch.cdist(ideal_draws.flatten(1), images.flatten(1))
nearest = images[distances.argmin(dim=1)]
strip([ideal_draws[:10], nearest[:10]], labels=["drawn", "nearest in\ntraining"], size=0.9)
plt.show()
gap = (ideal_draws - nearest).square().mean(dim=(1, 2, 3)).sqrt()
print(f"drawn pictures that are a training picture: {(gap < 0.05).float().mean():.0%}")

# %% [markdown]
# It draws its training set: perfect digits, and nothing new. The ideal solution of the training
# task is useless. A network draws something new because it *fails* to reach that ideal, and what it
# does instead is what it has learned about digits in general.
#
# ## 8. Who denoises best?
#
# Now the race. Two U-Nets start from the same weights and see the same batches, steps and noises.
# They differ in the question only: one is asked for eps, the other for v. Your own network runs as
# well, though it isn't quite a fair competitor: it trained for longer. **Write down the order that
# you expect at $\sigma$ = 0.1, 1, 3 and 10.**

# %% tags=["nbval-ignore-output"]
steps = machine.budget(cpu=1000, gpu=8000)
nets = {"asked for eps": trained_net(noise_loss, images, steps),
        "asked for v": asked_for("v", trained_net(velocity_loss, images, steps)),
        "your network": asked_for(predicts, net)}
denoisers = {name: NetDenoiser(answers, schedule) for name, answers in nets.items()}

# %% tags=["nbval-ignore-output"]
# alt: Errors relative to the filter: the networks lowest up to 1, all close at 3 and 10 but eps.
errors |= {name: errors_of(denoiser) for name, denoiser in denoisers.items()}
board = ["Wiener", "mean", "pixel by pixel", "ideal", *denoisers]
show_errors(*board)
error_curves(levels, {name: errors[name] for name in board if name != "pixel by pixel"})
plt.show()

# %% tags=["trained"]
by_eps, by_v, wiener = (errors[n] for n in ("asked for eps", "asked for v", "Wiener"))
print("from 0.1 to 1, both beat the filter:",
      all(max(e, v) < w for e, v, w in list(zip(by_eps, by_v, wiener))[:3]))
print("and they are within 10% of each other:",
      all(abs(e / v - 1) < 0.1 for e, v in list(zip(by_eps, by_v))[:3]))
print("at 3, v is better than eps:", by_v[3] < by_eps[3])
print("at 10, eps is worse than the mean:", by_eps[4] > errors["mean"][4])
print("at 10, v is within 5% of the filter:", abs(by_v[4] / wiener[4] - 1) < 0.05)

# %% tags=["nbval-ignore-output"]
# alt: Eight digits with noise of sigma 1: the filter's answers are blurred, the ideal one's sharp.
xt, alpha_bar = noisy(test[:8], 1.0)
answers = [denoiser.predict_x0(xt, alpha_bar)
           for denoiser in (by_wiener, by_ideal, denoisers["asked for v"])]
strip([test[:8], xt * math.sqrt(2), *answers],
      labels=["held out", "sigma 1", "Wiener", "ideal", "asked for v"], size=0.9)
plt.show()

# %% [markdown]
# - **From 0.1 to 1 the networks win,** whichever question they were asked. They use what no pair of
#   pixels can tell, and aren't bound to the training set. At 1 the filter gives a blur, the ideal
#   denoiser a sharp digit that may be the wrong one, the U-Net something between.
# - **At 3 the ideal denoiser leads** by a little, and eps falls behind v.
# - **At 10 there is nothing to see.** All answer something near the mean, except the network asked
#   for eps: its small error in the noise is multiplied by $\sigma$ (notebook 05, section 9).
#
# So v costs next to nothing, and mends the large noise.
#
# ## 9. Can the formula help a network?
#
# The network asked for eps is poor at large noise, where the filter is as good as anyone. The figure
# suggests a *hybrid*: the filter above some sigma, the network below.
#
# ### Exercise 9.5: each where it is better
# difficulty 3 of 5, about 10 minutes
#
# | | |
# |---|---|
# | `above`, `below` | denoisers |
# | `sigma` | `above` answers where the noise is larger than this, `below` elsewhere |
# | `xt`, `alpha_bar` | `(B, C, H, W)`, and `(B,)` or one number for all |
# | returns | `(B, C, H, W)`, in the dtype of `xt` |
#
# One batch may hold pictures with different noise. You may hand a denoiser an empty batch.
# `__init__` keeps the $\bar\alpha$ that belongs to sigma; more noise is a *smaller* $\bar\alpha$.
# As in 9.3, you may change the class.

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
# **At which sigma would you hand over? Look where the two curves cross.** Here it is 2; change it if
# you like.

# %% tags=["nbval-ignore-output"]
hand_over = 2.0  # @param {type:"number"}
hybrid = Hybrid(by_wiener, denoisers["asked for eps"], hand_over)
errors["hybrid"] = errors_of(hybrid)
show_errors("Wiener", "asked for eps", "hybrid")

# %% [markdown]
# At each level the hybrid has the smaller error of the two. **Will it draw better, too?** The slider
# moves the hand-over:

# %% tags=["nbval-ignore-output"]
# alt: Ten drawings for each hand-over: soft blots from the filter, clear strokes from the network.
hybrid_explorer(lambda sigma: draw_with(Hybrid(by_wiener, denoisers["asked for eps"], sigma), 10))

# %% [markdown]
# ## 10. What do they draw?
#
# Five hundred pictures of each, judged as in notebook 00. The row "real" says how well one can do at
# all: its distance is that of 500 real pictures to all others, its last column that of held-out
# digits. **Which column will give the ideal denoiser away?**

# %% tags=["nbval-ignore-output"]
pictures = {"Gaussian": drawn, "ideal": ideal_draws}
pictures |= {name: draw_with(denoiser, 500) for name, denoiser in denoisers.items()}
pictures["hybrid"] = draw_with(hybrid, 500)

# %% tags=["nbval-ignore-output"]
# alt: Digits in all rows but the Gaussian's.
judged = {name: measure(found.clamp(-1, 1)) for name, found in pictures.items()}
quality = {"real": judged["ideal"].real} | {name: q.samples for name, q in judged.items()}
print(f"{'':16}{'recognised':>12}{'Frechet distance':>18}{'nearest in training':>21}")
for name, q in quality.items():
    print(f"{name:16}{q.recognised:12.0%}{q.distance:18.1f}{q.nearest:21.2f}")
shown = ["Gaussian", "ideal", "hybrid", "your network"]
strip([test[:10], *(pictures[name][:10] for name in shown)], labels=["real", *shown], size=0.9)
plt.show()

# %% tags=["trained"]
print("the hybrid draws no better than its network alone:",
      quality["hybrid"].distance > 0.9 * quality["asked for eps"].distance)
print("your network's are far closer to the digits than the Gaussian's:",
      2 * quality["your network"].distance < quality["Gaussian"].distance)
print("the ideal denoiser's are training pictures:",
      quality["ideal"].nearest < 0.25 * quality["real"].nearest)
print("your network's are not:", quality["your network"].nearest > 0.8 * quality["real"].nearest)

# %% [markdown]
# The hybrid disappoints: a smaller squared error, and no better pictures. A denoiser's error alone
# doesn't tell how well it draws.
#
# By the first two columns the ideal denoiser is as good as real digits, and better than any
# network. Only the last one gives it away. It's the test for memorising: how far is a drawn picture
# from the nearest training picture? Held-out digits, which are real and new, say how far it should
# be. Your network passes: it doesn't copy. (Compare its row with the ideal denoiser's. From the
# same noise, both often begin the same digit, and finish it differently.)
#
# ## Recap
#
# - The best linear denoiser shrinks along the principal components by $\lambda / (\lambda +
#   \sigma^2)$. It is the baseline: a network is worth its training where it beats this filter.
# - Where a U-Net looks is decided mostly by the data. It looks where the filter looks.
# - The ideal denoiser has the smallest possible training loss, and draws only the training set.
# - Your network's place is between them: it beats both where there is something to recognise, and
#   what it draws is new.
#
# **What can go wrong.** A covariance in one pass in float32. An eigendecomposition in float32, whose
# small eigenvalues are rounding errors. A covariance that doesn't fit into memory: it has $n^2$
# numbers. An error measured on training pictures, which rewards memorising.
#
# **Where to look.** `course_utils/wiener.py` has the filter, `ideal.py` the ideal denoiser,
# `denoisers.py` the interface that they share, and the hybrid. The next notebook, [10, published
# U-Nets](10_published_unets.ipynb), has the networks of DDPM and smalldiffusion. The map of the
# course is in [00](00_start_here.ipynb).

# %% [markdown]
# ## How far are you?

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()
