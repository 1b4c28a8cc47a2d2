# %% [markdown]
# # 10 The published U-Nets: the same letter, other handwriting
#
# {{badge}}
#
# In this notebook you will
#
# - compare your U-Net with two published ones, DDPM's and smalldiffusion's, part by part, and
#   measure what most of the differences do;
# - load weights that were saved under other names;
# - say "how noisy" in another language, sigma in place of t, and write a whole family of samplers
#   with two sliders;
# - train a network that knows labels, and ask it for a 7;
# - compare a U-Net with a transformer, DiT, in parameters, cost and quality.
#
# It has five exercises and takes about two hours. You need notebooks 00 to 05 before it, and 08
# for attention. Choose a GPU on Colab if you can (Runtime, Change runtime type).

# %%
# setup

# %%
import math
import time

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from course_utils import blocks
from course_utils.attention import MultiHeadAttention, SingleHeadAttention
from course_utils.averaging import averaged
from course_utils.blocks import NearestUpsample, PaddedDownsample, StridedDownsample
from course_utils.blocks import downsample, group_norm, upsample
from course_utils.checks import check
from course_utils.classifier import classifier
from course_utils.data import load
from course_utils.ddpm_unet import DDPMUNet, FlattenLinear
from course_utils.diffusion import add_noise
from course_utils.dit import DiT, DiTBlock
from course_utils.embedding import LabelEmbedding, timestep_table
from course_utils.plots import draw_block, draw_maps, plain_log, receptive_maps, strip
from course_utils.quality import measure
from course_utils.samplers import last
from course_utils.schedule import linear_schedule, log_linear_schedule, sigma_schedule
from course_utils.sigma_unet import Scaled, SigmaUNet, per_picture
from course_utils.sigma_unet import published_name as sigma_name
from course_utils.training import TrainConfig, train
from course_utils.unet import UNet
from course_utils.widgets import family_explorer

# %% [markdown]
# ## 1. Which differences are there?
#
# *DDPM* is the paper of 2020 that made diffusion models known ("Denoising Diffusion Probabilistic
# Models"). Its U-Net is rebuilt here as `DDPMUNet`, in the shape that the package local_diffusion
# gives it. *smalldiffusion* is a small package of clear code; its U-Net is `SigmaUNet`. We build
# both and yours, all with 64, 128 and 256 channels, and count.

# %%
torch.manual_seed(0)
nets = {
    "yours": UNet(1, base_ch=64, ch_mult=(1, 2, 4), time_dim=256),
    "DDPM": DDPMUNet(1000, 64, (1, 2, 4), attn=[1], num_res_blocks=2, dropout=0.1,
                     in_channels=1, out_channels=1),
    "smalldiffusion": SigmaUNet(16, 1, 1, ch=64, ch_mult=(1, 2, 4), attn_resolutions=(8,)),
}
kinds = {
    "BatchNorm": nn.BatchNorm2d, "GroupNorm": nn.GroupNorm, "3x3 convolutions": nn.Conv2d,
    "transposed": nn.ConvTranspose2d, "attention, 1 head": SingleHeadAttention,
    "attention, heads": MultiHeadAttention,
}

# %%
def row(what, values):
    print(f"{what:20}" + "".join(f"{value:>16}" for value in values))


def count(net, kind):
    found = [m for m in net.modules() if isinstance(m, kind)]
    return sum(kind is not nn.Conv2d or m.kernel_size == (3, 3) for m in found)


x, temb = torch.randn(2, 64, 16, 16), torch.randn(2, 256)
row("", nets)
row("parameters", [f"{sum(p.numel() for p in net.parameters()):,}" for net in nets.values()])
for what, kind in kinds.items():
    row(what, [count(net, kind) for net in nets.values()])
skips = [len(nets["yours"].encoder(x[:, :1], temb)[1])]
row("skips", skips + [len(nets[name].encoder(x, temb)) for name in ("DDPM", "smalldiffusion")])
eps = [{m.eps for m in net.modules() if hasattr(m, "eps")}.pop() for net in nets.values()]
row("eps of the norms", eps)

# %% [markdown]
# Same letter, same channels, and more than six times the parameters. They have two blocks on each
# level of the way down and three on the way up, where yours has one. Every output of the way down
# becomes a skip, including the first convolution's and the halved pictures: 9 skips where you
# have 2. There is no BatchNorm, there are no transposed convolutions, and there is attention: at
# 8 x 8 after each block, and in the middle. (Of what kind, notebook 08 took apart. DDPM's has one
# head, of four 1x1 convolutions. smalldiffusion's can have several, makes queries, keys and
# values with one layer, and has two projections at its end.)
#
# The two published ones are nearly twins. What differs is the kind of attention, the numbers in
# the last row (a norm's own eps, a small number under its root, against a division by 0), how
# they halve, how they are told the noise, and how they begin. We go through it part by part.
#
# ## 2. The block: norm first
#
# A norm makes numbers have mean 0 and variance 1. *BatchNorm* takes the mean of a channel over
# all pictures of the batch; *GroupNorm* splits the channels of one picture into groups, here 32,
# and takes the mean over each group, for each picture alone. **What happens to the first picture
# when the other pictures of the batch are replaced?**

# %%
torch.manual_seed(0)
alone, company, others = torch.randn(15, 64, 8, 8).split([1, 7, 7])
for name, norm in [("BatchNorm", nn.BatchNorm2d(64)), ("GroupNorm", group_norm(64))]:
    one = norm(torch.cat([alone, company]))[0]
    two = norm(torch.cat([alone, 3 * others]))[0]
    print(f"{name}: the first picture changes by up to {(one - two).abs().max():.3f}")

# %% [markdown]
# With BatchNorm, what a network says about a picture in training depends on its neighbours. That
# is why it keeps running averages, why `eval()` matters, and why averaged weights need them
# measured anew (notebook 07). None of it is needed with GroupNorm. The price: GroupNorm costs as
# much at drawing as in training.
#
# The second difference is the order. `ConvBlock` goes convolution, norm, SiLU. The published
# block goes **norm, SiLU, convolution**, and adds the shortcut at the end, after which nothing
# follows. So along the shortcuts a number can travel past all blocks through convolutions alone,
# without being squeezed by a norm on its way, and so can a gradient. Here is the course's, at work
# on 32 channels that an untrained convolution has made of a digit. Compare the order with that of
# notebook 02:

# %%
# alt: The published block as a diagram. The map, 32 x 16 x 16, goes through GroupNorm, SiLU and
#   Conv2d, then the projected time is added, then it goes through GroupNorm, SiLU and
#   Conv2d. An arrow leads around all of it, through a Conv2d, to the last addition.
torch.manual_seed(0)
digit, _ = load("digits", "test")
h = nn.Conv2d(1, 32, 3, padding=1)(digit[:1]).detach()
draw_maps(blocks.ResBlock(32, 64, 16), h, torch.randn(1, 16), title="The published block")
plt.show()

# %% [markdown]
# ### Exercise 10.1: the block of the published networks
# difficulty 3 of 5, about 20 minutes
#
# $$h = \mathrm{conv}_1(\mathrm{silu}(\mathrm{norm}_1(x))) + W\,\mathrm{silu}(\mathrm{temb})$$
# $$\mathrm{out} = \mathrm{conv}_2(\mathrm{dropout}(\mathrm{silu}(\mathrm{norm}_2(h)))) +
# \mathrm{shortcut}(x)$$
#
# | | |
# |---|---|
# | `x` | `(B, C, H, W)`, C is `in_ch` |
# | `temb` | `(B, D)`, D is `time_dim` |
# | returns | `(B, K, H, W)`, K is `out_ch` |
#
# `group_norm(ch, eps)` makes a norm of 32 groups. conv1 and conv2 are 3x3 convolutions that keep
# the size, W is an `nn.Linear` from D to K. The shortcut is x itself where C and K are equal,
# else a convolution with a kernel of `shortcut_size`, an odd number, that keeps the size of the
# picture too. `dropout` is the chance that `nn.Dropout` sets a number to zero in training. All
# convolutions and W have biases, and no two layers are the same one. Leave x and temb unchanged.

# %%
class ResBlock(nn.Module):
    """Normalise, activate, convolve, twice; the time in between, a shortcut around.

    (B, C, H, W), (B, D) -> (B, K, H, W)

    ConvBlock normalises after each convolution, this one before it: so the sum at its end is not
    normalised, and the way along the shortcuts is free from end to end. Where C and K differ, a
    1x1 convolution, or one of another size, carries the input around.
    Source: "Denoising Diffusion Probabilistic Models" (2020), appendix B; the order is that of
    "Identity Mappings in Deep Residual Networks" (2016).
    """

    def __init__(self, in_ch, out_ch, time_dim, dropout=0.0, eps=1e-5, shortcut_size=1):
        super().__init__()
        raise NotImplementedError("exercise 10.1")

    def forward(self, x, temb):
        raise NotImplementedError("exercise 10.1")

# %%
ResBlock = check("10.1", ResBlock)

# %% [markdown]
# <details><summary>Hint 1: how many channels has each norm?</summary>
#
# Each norm stands before its convolution, so it sees what goes in: norm1 has `in_ch` channels,
# norm2 has `out_ch`.
# </details>
#
# <details><summary>Hint 2: the time</summary>
#
# `self.time_proj(F.silu(temb))` has shape (B, K). `[:, :, None, None]` adds two axes of size 1.
# </details>
#
# <details><summary>Hint 3: the shortcut</summary>
#
# Begin with `self.shortcut = nn.Identity()`, and replace it if the channels differ, by
# `nn.Conv2d(in_ch, out_ch, shortcut_size, padding=shortcut_size // 2)`.
# </details>
#
# <details><summary>My check says that my norms stand behind the convolutions</summary>
#
# The block of notebook 02 had them there. Read the formula from the inside: what happens to x
# first?
# </details>

# %%
# solution 10.1

# %% [markdown]
# Your block at work. We feed it the same features with two different times, for 32, 64 and 128
# channels. **By how much will the outputs differ?**

# %%
torch.manual_seed(0)
early, late = torch.randn(2, 4, 256)
for ch in (32, 64, 128):
    block, h = ResBlock(ch, ch, 256), torch.randn(4, ch, 8, 8)
    with torch.no_grad():
        difference = (block(h, early) - block(h, late)).std().item()
    print(f"{ch:4} channels, {ch // 32} in each of the 32 groups: {difference:.2f}")

# %% [markdown]
# With 32 channels the time has no effect at all. The time adds one number to each channel, and
# norm2 comes next. If each channel is a group of its own, norm2 takes that number out again with
# the mean. So **a network with 32 groups needs more than 32 channels**: 64 at least, as the
# published ones have. No error tells you. (The same goes for the brightness of a picture: the
# norm before the last layer takes the mean of each group out.)
#
# ## 3. Halving: which pixel is it centred on?
#
# Your `downsample` is a 2x2 convolution with stride 2. The published ones use 3x3, which overlap.
# A picture of 16 pixels has no room for eight 3x3 squares, each two pixels from the next, without
# padding: DDPM pads
# all four sides by one, smalldiffusion only the right and the bottom. We ask autograd which input
# pixels the output pixel (3, 3) depends on, with all weights set to 1.

# %%
def seen_by(layer, row, column, size=12):
    """Return how much one output pixel depends on each input pixel.  () -> (size, size)"""
    nn.init.ones_(layer.weight)
    x = torch.zeros(1, layer.in_channels, size, size, requires_grad=True)
    layer(x)[0, 0, row, column].backward()
    return x.grad[0].sum(dim=0)


layers = {"yours, 2x2": downsample(1), "DDPM": StridedDownsample(1),
          "smalldiffusion": PaddedDownsample(1)}
fields = [seen_by(layer, 3, 3) for layer in layers.values()]
for name, field in zip(layers, fields):
    rows = field.any(dim=1).nonzero().flatten().tolist()
    print(f"{name:16} rows {rows}, centre {sum(rows) / len(rows)}")

# %%
# alt: Which pixels one output of each halving layer sees. Yours: a square of 2 x 2. DDPM's and
#   smalldiffusion's: squares of 3 x 3, the second one pixel farther down and to the right.
receptive_maps(fields, list(layers), size=2.0)
plt.show()

# %% [markdown]
# The same 3x3 kernel, one pixel apart: DDPM's is centred on (6, 6), smalldiffusion's on (7, 7).
# Yours is centred on the middle of the 2 x 2 square that it stands for, (6.5, 6.5); the others
# are half a pixel off, to either side. Weights that were trained with one padding see a shifted
# picture with the other, without any error.
#
# ## 4. Doubling: where does a checkerboard come from?
#
# You double with a transposed convolution: four separate weights paint the four pixels of a
# square. The published ones repeat each pixel four times and convolve. Feed both a picture of
# which all pixels are alike. **What comes out of fresh layers?**

# %%
torch.manual_seed(0)
flat = torch.ones(1, 16, 6, 6)
with torch.no_grad():
    doubled = {"transposed 2x2": upsample(16, 1)(flat),
               "nearest, then 3x3": NearestUpsample(16)(flat)[:, :1]}
for name, picture in doubled.items():
    inner = picture[..., 2:-2, 2:-2]
    print(f"{name:18} spread inside: {inner.std():.3f}, at all: {picture.std():.3f}")

# %%
# alt: What two layers that double make of a flat picture. The transposed convolution paints a
#   checkerboard. Nearest, then a convolution, is flat but for a rim one pixel wide.
strip(torch.cat([3 * (p - p[..., 4:8, 4:8].mean()) for p in doubled.values()]),
      titles=list(doubled), size=1.9)
plt.show()

# %% [markdown]
# The transposed convolution draws a pattern into a flat picture, and must learn not to. Repeated
# and convolved, a flat picture stays flat inside (the rim comes from the padding). Both are shown
# with three times the contrast, around the mean of their inside.
#
# ## 5. How is the network told the noise?
#
# Yours computes sines and cosines of t. DDPM looks the same up in a table, one row for each t: it
# can be told nothing between the steps. smalldiffusion tells the network not the step but
# *sigma*, the standard deviation of the noise, and two numbers are enough for it.

# %%
table = timestep_table(1000, 64)
print("DDPM: a table of", tuple(table.shape), "numbers, one row for each step")
for sigma in (0.01, 0.1, 1.0, 10.0, 100.0):
    angle = math.log(sigma) / 2
    print(f"sigma = {sigma:6}: sin {math.sin(angle):6.2f}  cos {math.cos(angle):6.2f}")

# %% [markdown]
# **Why the logarithm?** Going from 0.01 to 0.02 is as large a change of the noise as going from
# 10 to 20: it doubles. The logarithm makes equal steps of both. From 0.01 to 100 it goes from
# -4.6 to 4.6. Half of that is about three quarters of the way around the circle, so no two levels
# look alike.
#
# ### Exercise 10.2: tell the network sigma
# difficulty 2 of 5, about 10 minutes
#
# $$a = \tfrac12 \log\sigma \qquad
# \mathrm{temb} = W_2\,\mathrm{silu}(W_1\,[\sin a, \cos a])$$
#
# | | shape |
# |---|---|
# | `sigma` | `(B,)`, greater than 0 |
# | returns | `(B, D)`, D is `dim` |
#
# W1 is an `nn.Linear` from 2 to D, W2 one from D to D. log is the natural logarithm.

# %%
class SigmaEmbedding(nn.Module):
    """Two numbers tell the noise level, sine and cosine of log(sigma) / 2; then two linear layers.

    (B,) -> (B, D)

    sigma is the standard deviation of the noise, greater than 0.
    Source: the package smalldiffusion, which found that two numbers serve as well as many.
    """

    def __init__(self, dim):
        super().__init__()
        raise NotImplementedError("exercise 10.2")

    def forward(self, sigma):
        raise NotImplementedError("exercise 10.2")

# %%
SigmaEmbedding = check("10.2", SigmaEmbedding)

# %% [markdown]
# <details><summary>Hint 1: two columns</summary>
#
# `sigma.log() / 2` has shape (B,), and so have its sine and its cosine.
# `torch.stack([...], dim=1)` lays two such vectors side by side: (B, 2).
# </details>
#
# <details><summary>Hint 2: the layers</summary>
#
# `self.linear2(F.silu(self.linear1(pair)))`. Nothing comes after the last layer.
# </details>
#
# <details><summary>My check says that my angle is log(sigma)</summary>
#
# The factor 1/2 is missing, or you took sigma squared: log of the square is twice the log.
# </details>

# %%
# solution 10.2

# %% [markdown]
# ## 6. The first weights
#
# How does a network answer before it has learned anything?

# %%
torch.manual_seed(0)
x, t = torch.randn(4, 1, 16, 16), torch.full((4,), 500)
with torch.no_grad():
    for name, net in nets.items():
        told = t if name != "smalldiffusion" else torch.ones(4)
        print(f"{name:15} spread of its answers: {net.eval()(x, told).std():.6f}")

# %% [markdown]
# DDPM's fresh network answers with nearly zero. The last convolution of each block gets weights
# that are 100,000 times smaller than usual (a *gain* of 1e-5), and so does the last layer. Each
# block then begins as its shortcut, and training adds to it bit by bit. smalldiffusion starts
# with PyTorch's usual weights. (The original means to do the same for the last projection of its
# attention. But its blocks draw all their weights once more after the attention has made its own
# tiny, at full size. `start_near_zero` in `course_utils/ddpm_unet.py` does what was meant. For
# loaded weights it makes no difference.)
#
# ## 7. Can one load the other's weights?
#
# Trained weights are saved as a `state_dict`: a dict of names and tensors. The names come from
# the code, and ours are not those of the originals. What we have is a translation,
# `net.published_name`. To see it work, we write down a network under the original's names, as if
# it came from there, and let another one load it.

# %%
torch.manual_seed(1)
small = dict(T=1000, ch=32, ch_mult=(1, 2), attn=[1], num_res_blocks=1, dropout=0.0)
one, two = DDPMUNet(**small).eval(), DDPMUNet(**small).eval()
nn.init.normal_(one.conv_out.weight)  # not nearly zero, so that there is something to compare
saved = {one.published_name(name): value for name, value in one.state_dict().items()}
for ours in list(one.state_dict())[5:16:5]:
    print(f"{ours:42} {one.published_name(ours)}")
x, t = torch.randn(2, 3, 16, 16), torch.tensor([10, 900])
print("the same answers before:", torch.equal(one(x, t), two(x, t)))
two.load_published(saved)
print("the same answers after: ", torch.equal(one(x, t), two(x, t)))

# %% [markdown]
# Weights of another network must not get in, not even a part of them. **What would you like to be
# told?**

# %%
for wrong in [DDPMUNet(**small | dict(attn=[])), SigmaUNet(16, 3, 3, ch=32, ch_mult=(1, 2))]:
    try:
        wrong.load_published(saved)
    except ValueError as error:
        print(str(error)[:230], "...\n")

# %% [markdown]
# The first network has no attention on level 1, so its names are unknown there. (The original
# counts all blocks and halvings in one row: its block 2 is the first on level 1.) The second is
# another design. The names in the message are the original's, to be looked up in its code.
#
# ## 8. Sigma and t: two languages for one thing
#
# DDPM *mixes*: $x_t = \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1 - \bar\alpha_t}\,\varepsilon$, so the
# picture fades as the noise grows. smalldiffusion *adds*: $x_0 + \sigma\varepsilon$, and the
# picture stays as it is. Divide the first by $\sqrt{\bar\alpha_t}$:
#
# $$\frac{x_t}{\sqrt{\bar\alpha_t}} = x_0 + \sigma\varepsilon \qquad
# \sigma = \sqrt{\frac{1 - \bar\alpha_t}{\bar\alpha_t}}$$

# %%
images, labels = load("digits", "train")
generator = torch.Generator().manual_seed(0)
x0, eps = images[:1], torch.randn(1, 1, 16, 16, generator=generator)
betas, as_sigmas = linear_schedule(), sigma_schedule(linear_schedule())
for t in (0, 250, 500, 999):
    alpha_bar, sigma = betas.alpha_bar[t], as_sigmas.sigmas[t]
    mixed = add_noise(x0, eps, alpha_bar[None])
    apart = (mixed / alpha_bar.sqrt() - (x0 + sigma * eps)).abs().max() / sigma
    print(f"t = {t:3}: sigma = {sigma:7.3f}, the same up to 0.1%: {bool(apart < 1e-3)}")

# %% [markdown]
# So every schedule of betas is a schedule of sigmas. smalldiffusion has one of its own: sigmas
# that grow by the same factor at each step, which is a straight line if sigma is drawn on a
# logarithmic scale.

# %%
# alt: Two curves of sigma over the index t, on a logarithmic axis. The log-linear schedule is a
#   straight line from 0.05 to 10. DDPM's rises steeply at both ends, from 0.01 to above 100.
schedule = log_linear_schedule(1000, sigma_min=0.05, sigma_max=10.0)
plt.figure(figsize=(6.5, 2.8))
plt.plot(as_sigmas.sigmas, label="DDPM's linear betas")
plt.plot(schedule.sigmas, "--", label="log-linear, 0.05 to 10")
plain_log(plt.gca().yaxis)
plt.xlabel("index t")
plt.ylabel("sigma")
plt.legend()
plt.show()
print("factor from step to step:", f"{(schedule.sigmas[1] / schedule.sigmas[0]).item():.4f}")

# %% [markdown]
# DDPM's linear schedule spends its last third on sigmas above 10, where digits are long gone, and
# goes up to 157. The log-linear one spends as many steps between 0.1 and 0.2 as between 1 and 2.
#
# A sampler does not visit all 1,000 levels. It picks some.
#
# ### Exercise 10.3: noise levels for a sampler
# difficulty 2 of 5, about 12 minutes
#
# With n = `steps` and T = `len(sigmas)`, take the levels at the indices
#
# $$\mathrm{round}(T\,(1 - i/n)) - 1, \quad i = 0, \dots, n - 1, \qquad\text{and then } 0$$
#
# (`round` is Python's). They begin with the largest level, and end with the smallest: n + 1
# levels, for n steps. (With n = T the last two are equal.)
#
# | method | takes | returns |
# |---|---|---|
# | `sigma_at` | `t`, `(B,)`, indices, on a GPU perhaps | `(B,)`, the levels there, on t's device |
# | `sample_sigmas` | an int | `(n + 1,)`, falling |
#
# `sigmas` rises and is a tensor of shape `(T,)`. The reference refuses a number of steps below 1
# or above T. Yours need not.

# %%
class SigmaSchedule:
    """Noise levels sigma, from little noise to much: the standard deviations of added noise.

    (T,) -> sigmas (T,)

    Source: the package smalldiffusion.
    """

    def __init__(self, sigmas):
        self.sigmas = sigmas
        self.T = len(sigmas)

    def sigma_at(self, t):
        """Return sigma for each index in t, on t's device.

        (B,) -> (B,)
        """
        raise NotImplementedError("exercise 10.3")

    def sample_sigmas(self, steps):
        """Return falling levels for a sampler of so many steps: N = steps + 1 of them.

        () -> (N,)

        They are spread evenly over the indices, begin with the largest level and end with the
        smallest ("trailing" spacing). Raises ValueError unless there are 1 to T steps.
        Source: "Common Diffusion Noise Schedules and Sample Steps are Flawed" (2023), table 2.
        """
        raise NotImplementedError("exercise 10.3")

# %%
SigmaSchedule = check("10.3", SigmaSchedule)

# %% [markdown]
# <details><summary>Hint 1: indices, then levels</summary>
#
# Make a list of whole numbers first. A tensor can be indexed with a list: `self.sigmas[[9, 4,
# 0]]` is a tensor of three levels.
# </details>
#
# <details><summary>Hint 2: another device</summary>
#
# `self.sigmas` is on the CPU. Bring it to t before you look anything up:
# `self.sigmas.to(t.device)`.
# </details>
#
# <details><summary>My check says that my last level is the largest</summary>
#
# At i = n the formula gives -1, which in Python is the last index. Stop at n - 1, and add 0.
# </details>

# %%
# solution 10.3

# %%
schedule = SigmaSchedule(torch.logspace(math.log10(0.05), math.log10(10.0), 1000))
print("five steps:", [round(level, 3) for level in schedule.sample_sigmas(5).tolist()])

# %% [markdown]
# ## 9. Training a network that knows labels
#
# A network that is told sigma sees numbers of very different size: with sigma = 10, noise ten
# times as large as the picture. `Scaled(SigmaUNet)` divides its input by
# $\sqrt{1 + \sigma^2}$, so that what the first layer sees is always about as large as the noise
# alone at sigma = 1.
#
# There is a second trouble, at the other end. Sampling needs the picture, x0 = xt - sigma eps,
# and an error in eps is multiplied by sigma. **How good must the network be?**

# %%
for sigma in (0.1, 1.0, 10.0):
    print(f"sigma = {sigma:4}: eps wrong by 5% makes x0 wrong by {0.05 * sigma:.3f}")

# %% [markdown]
# At sigma = 10, a network that gets 95% of the noise right is off by half of the way from grey to
# white. In our measurements, pictures drifted in brightness just so. Large networks, trained for
# hours, get there. For a minute of training there is a better way, which you know from notebook
# 00: ask for v, and compute eps from it. In the language of sigma, with s for $\sqrt{1 +
# \sigma^2}$:
#
# $$v = \frac{\varepsilon - \sigma x_0}{s} \qquad
# \varepsilon = \frac{1}{s}\Big(\sigma\,\frac{x_t}{s} + v\Big)$$
#
# Now an error of 5% in v is one of 0.05 / s in eps, and times sigma it is never more than 0.05.

# %%
def AskedForVelocity(network):
    """Return a class like Scaled(network) that learns v and answers with eps.

    class -> class
    """

    class Network(Scaled(network)):
        def forward(self, x, sigma, cond=None):
            sigma = per_picture(sigma, x)[:, None, None, None]
            size = (1 + sigma**2).sqrt()
            return (sigma * x / size + super().forward(x, sigma, cond)) / size

    return Network


def loss_of_v(net, x0, t, eps, schedule, cond):
    """Return the mean squared error of v: that of eps, times 1 + sigma^2."""
    sigma = schedule.sigma_at(t)[:, None, None, None]
    return ((1 + sigma**2) * (net(x0 + sigma * eps, sigma, cond) - eps) ** 2).mean()

# %% [markdown]
# And the labels? A label becomes a vector, by a table with one row for each class and a linear
# layer, and is added to the vector of sigma. The network gets the labels as its third argument,
# `cond`, for condition. One row more stands for **hidden**: in training, one label in ten is
# replaced by it. So one network learns two things, to draw a 7 and to draw any digit. What that
# is good for, you will see in section 11.

# %%
labelled = LabelEmbedding(128, classes=10, dropout=0.1)
print("rows of the table:", len(labelled.table.weight), " the label 'hidden':", labelled.hidden)
torch.manual_seed(0)
nothing = labelled.eval()(torch.tensor([labelled.hidden]))
told = labelled.train()(torch.arange(10).repeat(1000))
share = ((told - nothing).abs().amax(dim=1) < 1e-4).float().mean()
print(f"in training, {share:.0%} of the labels come out as 'hidden'")

# %% [markdown]
# We build the smallest U-Net of this kind that draws digits: one block on each level, 32 channels
# at 16 x 16 and 64 at 8 x 8. (At 16 x 16 its blocks are blind to time and label, as you saw in
# section 2. At 8 x 8, with two channels in a group, they are not, and what they find comes up
# with the picture.) Your `SigmaEmbedding` is built in, with D = 4 x 32. On two CPU cores the
# training takes about a minute.

# %% tags=["nbval-ignore-output"]
def with_labels(dim):
    torch.manual_seed(0)
    return dict(cond_embed=LabelEmbedding(dim, classes=10))


def trained(net, steps, lr):
    """Train a network on the labelled digits; return the averaged one, the losses, the seconds."""
    config = TrainConfig(steps=steps, batch=16, lr=lr, warmup=80, ema=0.97)
    begin, losses = time.perf_counter(), []
    net = net.to(machine.device)
    for state in train(net, images, schedule, config, loss=loss_of_v, labels=labels):
        losses.append(state.loss)
    return averaged(state, images, schedule), losses, time.perf_counter() - begin


images, labels = images.to(machine.device), labels.to(machine.device)
unet = AskedForVelocity(SigmaUNet)(
    16, 1, 1, ch=32, ch_mult=(1, 2), num_res_blocks=1, attn_resolutions=(8,), dropout=0.0,
    sig_embed=SigmaEmbedding(128), **with_labels(128))
unet, losses, seconds = trained(unet, machine.budget(cpu=320, gpu=4000), lr=6e-3)
print(f"loss at the end: {sum(losses[-40:]) / 40:.2f}, took {seconds:.0f} s")
costs = {"U-Net": (len(losses), seconds)}  # for section 12

# %% [markdown]
# ## 10. A family of samplers
#
# DDIM goes from one sigma to the next and carries the noise along: xt - (sigma - sigma_next) eps.
# Two things can be changed about it, and each has a number.
#
# *gam*: in which direction? Not eps alone, but eps mixed with the one of the step before. With
# gam above 1 the step goes beyond the new eps, away from the old one: it looks ahead.
#
# *mu*: how much fresh noise? The step goes down **further** than the next level, to sigma_down,
# and fresh noise brings it back up to it. Noise adds up in variances, so what is missing is
# $\sigma_{next}^2 - \sigma_{down}^2$.
#
# $$\mathrm{mixed} = \mathrm{gam}\;\varepsilon + (1 - \mathrm{gam})\;\varepsilon_{before} \qquad
# \sigma_{down} = \Big(\frac{\sigma_{next}}{\sigma^{\,mu}}\Big)^{1 / (1 - mu)}$$
# $$x \leftarrow x - (\sigma - \sigma_{down})\,\mathrm{mixed} +
# \sqrt{\sigma_{next}^2 - \sigma_{down}^2}\;z$$
#
# | gam | mu | is |
# |---|---|---|
# | 1 | 0 | DDIM |
# | 1 | 0.5 | DDPM |
# | above 1, to 2 | 0 | an accelerated sampler |
#
# ### Exercise 10.4: the family
# difficulty 4 of 5, about 25 minutes
#
# A generator again. For each of the levels but the last, with the one after it as sigma_next:
#
# 1. `eps = model(xt, sigma)`, and the guess `x0 = xt - sigma * eps`, not clipped;
# 2. mixed, from eps and the **eps** of the step before; at the first step it is eps;
# 3. the step down, and, if mu > 0, fresh noise, with z from `torch.randn_like(xt)`;
# 4. `yield sigma, xt, x0`: the sigma that the model was told, xt after the step (a new tensor each
#    time), and x0.
#
# | | |
# |---|---|
# | `model` | `model(xt, sigma)` returns the noise in xt; sigma may be one number |
# | `xT` | `(B, C, H, W)`, noise of standard deviation `sigmas[0]` |
# | `sigmas` | `(N,)`, falling, on the CPU perhaps: `sigmas.to(xT)` brings them to xT |
#
# The last two levels may be equal, as 10.3 makes them where n = T. Then no noise is missing, and
# x must stay free of NaN.
#
# The reference refuses a mu below 0, and one of 1 or more. Yours need not.

# %%
@torch.no_grad()
def samples(model, xT, sigmas, gam=1.0, mu=0.0):
    """Go down a list of noise levels; two numbers choose a sampler from a family.

    SigmaUNet, (B, C, H, W), (N,) -> sampler

    The N levels fall, for N - 1 steps. The model is told sigma, xT is noise of standard deviation
    sigmas[0], and (sigma, xt, x0) is yielded, where x0 is not clipped. gam mixes the noise that
    was seen last into this step's: gam * eps + (1 - gam) * last eps. mu in [0, 1) says how much
    fresh noise is added. (gam, mu) = (1, 0.5) is DDPM, (1, 0) DDIM, (2, 0) an accelerated sampler.
    Raises ValueError for another mu.
    Source: "Interpreting and Improving Diffusion Models from an Optimization Perspective" (2023),
    algorithm 2 and appendix; the package smalldiffusion.
    """
    raise NotImplementedError("exercise 10.4")

# %%
samples = check("10.4", samples)

# %% [markdown]
# <details><summary>Hint 1: pairs of levels</summary>
#
# `zip(sigmas, sigmas[1:])` gives each level but the last, with the one after it.
# </details>
#
# <details><summary>Hint 2: the step before</summary>
#
# Say `eps = None` before the loop. In it, first `eps_last, eps = eps, model(xt, sigma)`: on the
# right the old eps is still there. If `eps_last` is None, mixed is eps.
# </details>
#
# <details><summary>Hint 3: a root of something below zero</summary>
#
# $\sigma_{next}^2 - \sigma_{down}^2$ is never negative. But where two levels are equal it is 0, and
# rounding can leave it a little below. The root of that is NaN. `.clamp(min=0)` before the root
# helps.
# </details>
#
# <details><summary>My check says that I keep mixed for the next step</summary>
#
# Keep what the model said, under another name than the mixture. Else the mixture of all earlier
# steps is mixed in.
# </details>

# %%
# solution 10.4

# %% [markdown]
# Eight digits from the same noise. Move the sliders. **What does gam = 2 do with 3 steps, and
# with 20? Which mu needs more steps?** (The network is called with labels here, 0 to 7.)

# %% tags=["nbval-ignore-output"]
# alt: The digits 0 to 7, drawn with gam = 0.5, 1, 1.5 and 2.5, in 5 steps on the left and in 20 on
#   the right. In 5 steps they are full of noise at 0.5, soft at 1, brighter with harder edges at
#   1.5, and noise again at 2.5. In 20 steps gam changes little.
torch.manual_seed(0)
start = torch.randn(8, 1, 16, 16).to(machine.device)
zero_to_seven = torch.arange(8).to(machine.device)


def told_labels(net, labels):
    return lambda xt, sigma: net(xt, sigma, labels)


def draw(gam, mu, steps):
    sigmas = schedule.sample_sigmas(steps)
    net = told_labels(unet, zero_to_seven)
    return last(samples(net, sigmas[0] * start, sigmas, gam, mu))


family_explorer(draw)

# %% [markdown]
# With few steps, gam above 1 makes edges sharper, for it allows for the way in which eps is
# turning, and too much of it spoils the picture. With 20 steps eps hardly turns from step to
# step, and gam matters less. Below 1 it holds on to the old eps, which was right for a picture with
# more noise, and noise is left over. Fresh noise has to be taken out again, so a large mu needs more
# steps.
#
# How many steps are enough? As in notebook 00, a small classifier judges the digits, here 100 of
# them, 10 of each class. Smaller distances are better; the last line has real digits.

# %% tags=["nbval-ignore-output"]
asked = torch.arange(10).repeat(10).to(machine.device)


def judged(model, steps, gam=1.0, mu=0.0):
    torch.manual_seed(0)
    sigmas = schedule.sample_sigmas(steps)
    xT = sigmas[0] * torch.randn(len(asked), 1, 16, 16).to(machine.device)
    pictures = last(samples(model, xT, sigmas, gam, mu)).clamp(-1, 1)
    return pictures, measure(pictures, "digits")


print("steps      DDIM      DDPM")
distances = {}
for steps in (2, 4, 10):
    for mu in (0.0, 0.5):
        drawn, quality = judged(told_labels(unet, asked), steps, mu=mu)
        distances[steps, mu] = quality.samples.distance
    print(f"{steps:5} {distances[steps, 0.0]:9.0f} {distances[steps, 0.5]:9.0f}")
print(f"100 real digits: {quality.real.distance:.0f}")

# %% tags=["trained"]
print("ten steps are better than two:", distances[10, 0.0] < distances[2, 0.0],
      distances[10, 0.5] < distances[2, 0.5])

# %% [markdown]
# Ten are clearly better than two. Try 20: does it still get better, or is what is left the
# network's own error, after a minute of training?
#
# ## 11. Guidance: more of what was asked for
#
# The network has learned to answer with the label and without. The difference of the two answers
# is what the label adds. **Classifier-free guidance** takes more of it than the network says:
#
# $$\varepsilon = \varepsilon_{told} + \mathrm{scale}\;(\varepsilon_{told} -
# \varepsilon_{untold})$$
#
# With scale 0 it only follows the labels. (Papers count in two ways. In the other one the formula
# begins with untold, and 1 is what is 0 here.)
#
# ### Exercise 10.5: guidance
# difficulty 3 of 5, about 12 minutes
#
# Write a class whose objects can be called like a network, `guided(xt, sigma)`, so that every
# sampler takes them.
#
# | | |
# |---|---|
# | `net` | `net(xt, sigma, labels)` returns the noise |
# | `net.cond_embed.hidden` | an int, the label "hidden" |
# | `labels` | `(B,)`, integers |
# | `scale` | a number |
# | `xt` | `(B, C, H, W)` |
# | `sigma` | one number for all, of shape `()`, or `(B,)` |
# | returns | `(B, C, H, W)` |
#
# The reference asks both at once, in a batch of twice the size. Asking twice is as right. It also
# refuses a network without labels. Yours need not.

# %%
class Guided:
    """Makes a network that knows labels follow them more closely: classifier-free guidance.

    (B, C, H, W), (B,) -> (B, C, H, W)

    The network is asked with the labels and with all labels hidden; the answer goes `scale` times
    the difference beyond the first. Scale 0 only follows the labels. Raises ValueError for a
    network without labels. Source: "Classifier-Free Diffusion Guidance" (2022), equation 6.
    """

    def __init__(self, net, labels, scale):
        raise NotImplementedError("exercise 10.5")

    def __call__(self, xt, sigma):
        raise NotImplementedError("exercise 10.5")

# %%
Guided = check("10.5", Guided)

# %% [markdown]
# <details><summary>Hint 1: what to keep</summary>
#
# In `__init__`, keep all three on self. In `__call__`, make the hidden labels:
# `torch.full_like(self.labels, self.net.cond_embed.hidden)`.
# </details>
#
# <details><summary>Hint 2: two questions</summary>
#
# `told = self.net(xt, sigma, self.labels)`, and the same with the hidden ones.
# </details>
#
# <details><summary>My check says that I go from the untold answer</summary>
#
# That is the other way to count. Here, scale 0 has to give the answer with labels: begin with
# told.
# </details>

# %%
# solution 10.5

# %% [markdown]
# Each digit from 0 to 9, with three scales. **What will change from row to row?**

# %% tags=["nbval-ignore-output"]
# alt: Ten drawings, asked for 0 to 9, in three rows. At scale 0 most are other digits. At scale 1
#   and more so at scale 3 they become the digit that was asked for, brighter and with harder
#   edges.
scales, hits, drawn = (0, 1, 3), {}, {}
judge = classifier("digits", "data", machine.device)
for scale in scales:
    drawn[scale], quality = judged(Guided(unet, asked, scale), steps=10, mu=0.5)
    hits[scale] = (judge(drawn[scale]).argmax(dim=1) == asked).float().mean().item()
    distances[scale] = quality.samples.distance
    print(f"scale {scale}: {hits[scale]:4.0%} are the digit that was asked for, "
          f"distance {distances[scale]:.0f}")
strip([drawn[scale][:10] for scale in scales], titles=range(10),
      labels=[f"scale {scale}" for scale in scales], size=0.95)
plt.show()

# %% tags=["trained"]
print("guidance draws more of what was asked for:", hits[1] > hits[0])

# %% [markdown]
# With scale 0 some are no digit, or another one. With scale 1 most are what was asked for. With
# scale 3 they are bold and clear, and yet the distance to the real digits has grown: they have
# become more alike. Guidance pays for clearness with variety.

# %% tags=["nbval-ignore-output"]
# alt: Ten drawings that were to be sevens, in three rows. At scale 0 they differ and many are no
#   sevens. At scale 1 most are. At scale 3 they are bright and look much alike.
sevens = [drawn[scale][asked == 7] for scale in scales]
for scale, pictures in zip(scales, sevens):
    print(f"scale {scale}: spread among the sevens {pictures.std(dim=0).mean():.2f}")
strip(sevens, labels=[f"scale {scale}" for scale in scales], size=0.8)
plt.show()

# %% [markdown]
# ## 12. Does it have to be a U? DiT
#
# A *DiT*, a diffusion transformer, has no U. It cuts the picture into patches, here of 2 x 2
# pixels. Each patch becomes a *token*, a vector of 96 numbers. Every block works on all tokens,
# whose number never changes: attention, in which tokens look at each other, then two linear
# layers on each. (Notebook 08 built both.) At the end each token becomes a patch again. This is one
# block, on 16 tokens. The time says how each norm is scaled and shifted, and how much of each part
# is added:

# %%
# alt: A block of DiT as a diagram. 16 tokens of 16 numbers go through LayerNorm, are multiplied and
#   shifted by what comes from the time, go through attention, are multiplied by the time again and
#   added to what came in. The second half is the same with two linear layers in place of attention.
torch.manual_seed(0)
block = DiTBlock(16, heads=4)
nn.init.normal_(block.modulation.weight, std=0.3)
draw_block(block, torch.randn(1, 16, 16), torch.randn(1, 16), title="A block of DiT",
           whole=["TokenAttention"])
plt.show()

# %% [markdown]
# We let our DiT have about as many parameters as the U-Net, and count the multiplications and
# additions of convolutions and matrix products for one picture.

# %%
def flops(net, size):
    """Return the millions of operations for one picture."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        with torch.no_grad():
            net(torch.zeros(1, 1, size, size), 1.0)
    return counter.get_total_flops() / 1e6


small = dict(ch=32, ch_mult=(1, 2), num_res_blocks=1, attn_resolutions=())
print("picture   U-Net     DiT  (million operations)")
for size in (16, 32, 64):
    pair = SigmaUNet(size, 1, 1, **small), DiT(size, 1, patch=2, dim=96, depth=4)
    print(f"{size:4} px {flops(pair[0], size):8.0f} {flops(pair[1], size):8.0f}")

# %% [markdown]
# (This U-Net has attention in its middle alone.) At 16 pixels DiT needs half as much, at 64 more.
# With twice the width there are four times the tokens, and attention, which compares each with
# each, costs sixteen times as much. So large pictures are made smaller before a transformer sees
# them, or get larger patches.
#
# Where does a token lie? Attention does not know: to it, the tokens are a heap. So DiT adds a
# vector for each place. **What happens without it when the patches are shuffled?**

# %%
torch.manual_seed(0)
net = DiT(16, 1, patch=2, dim=96, depth=2)
for p in net.parameters():
    nn.init.normal_(p, std=0.1)
cut, order = nn.PixelUnshuffle(2), torch.randperm(64)


def shuffled(x):
    """Move the 2 x 2 patches of a picture to other places."""
    return nn.PixelShuffle(2)(cut(x).flatten(2)[:, :, order].view(cut(x).shape))


with torch.no_grad():
    for name in ("with positions", "without"):
        if name == "without":
            net.positions.zero_()
        gap = (net(shuffled(x[:, :1]), 1.0) - shuffled(net(x[:, :1], 1.0))).abs().max()
        print(f"{name:15} shuffling before or after gives the same: {bool(gap < 1e-3)}")

# %% [markdown]
# A U-Net needs no such vector: a convolution knows where its neighbours are, and the padding at
# the rim tells the rest. Which pixels does the answer at one pixel depend on?

# %%
# alt: Two maps of the pixels that the answer in the middle depends on. The U-Net: all, most
#   strongly around the middle, and weaker with the distance. The DiT: its own patch of 2 x 2
#   pixels strongly, all others weakly and without order.
def depends_on(net, size=32):
    """Return how much the answer in the middle depends on each pixel.  () -> (size, size)"""
    torch.manual_seed(0)
    for p in net.parameters():
        if p.ndim > 1:
            nn.init.normal_(p, std=p[0].numel() ** -0.5)
    x = torch.randn(1, 1, size, size, requires_grad=True)
    net(x, 1.0)[0, 0, size // 2, size // 2].backward()
    return x.grad[0, 0].abs()


pair = {"U-Net": SigmaUNet(32, 1, 1, **small), "DiT": DiT(32, 1, patch=2, dim=96, depth=4)}
fields = [depends_on(net.eval()) for net in pair.values()]
receptive_maps(fields, list(pair))
plt.show()

# %%
away = torch.cartesian_prod(torch.arange(32), torch.arange(32)).sub(16).abs().amax(dim=1)
for name, field in zip(pair, fields):
    ring, far = (field.flatten()[(away >= a) & (away < b)].mean() for a, b in [(3, 6), (10, 16)])
    print(f"{name:6} 3 to 5 pixels away counts {ring / far:.1f} times as much as 10 to 15 away")

# %% [markdown]
# Both see the whole picture, the U-Net by the attention in its middle and by its norms, which
# average over all pixels. But fresh as they are, the
# U-Net listens to its neighbourhood most, and DiT, apart from the patch itself, to all pixels
# about equally: it has to learn from the data what is near. Now let DiT train, no longer than
# the U-Net did. In that time it can take more steps, for a step is cheaper.

# %% tags=["nbval-ignore-output"]
# alt: Ten drawings of the U-Net and ten of the DiT, asked for 0 to 9. Both draw some of the
#   digits. The DiT's have a grain of squares of 2 x 2 pixels.
dit = AskedForVelocity(DiT)(16, 1, patch=2, dim=96, depth=4, **with_labels(96))
dit, losses, seconds = trained(dit, machine.budget(cpu=380, gpu=6000), lr=3e-3)
drawn["U-Net"], results = drawn[1], {"U-Net": (hits[1], distances[1])}
drawn["DiT"], quality = judged(Guided(dit, asked, 1), steps=10, mu=0.5)
right = (judge(drawn["DiT"]).argmax(dim=1) == asked).float().mean().item()
results["DiT"] = right, quality.samples.distance
costs["DiT"] = len(losses), seconds
for name, net in zip(results, (unet, dit)):
    (right, distance), (n, seconds) = results[name], costs[name]
    print(f"{name:6} {sum(p.numel() for p in net.parameters()):,} parameters, {n} steps of "
          f"{1000 * seconds / n:.0f} ms: {right:.0%} as asked for, distance {distance:.0f}")
strip([drawn[name][:10] for name in results], titles=range(10), labels=list(results), size=0.95)
plt.show()

# %% [markdown]
# This is one race on one small track, a minute long, not a ranking. What can be
# said in general:
#
# | | U-Net | DiT |
# |---|---|---|
# | what is near | built in, by convolutions | learned, from positions |
# | far away | through the bottom, by attention there, and by the norms | in every block |
# | sizes | halves and doubles | one size throughout |
# | skips | from each level to its partner | none but the shortcuts of the blocks |
# | time and label | one number added per channel | scale, shift and gate in each block |
# | a fresh one answers | DDPM's with nearly 0 | with 0 |
# | cost of twice the width | a little over four times | four times, and its attention sixteen times |
#
# ## 13. As their authors use them
#
# And here they are in full size. These lines are the examples that the packages give. For
# Fashion-MNIST, smalldiffusion trains this one with 800 levels from 0.01 to 20, and draws in 20
# steps with gam = 1.6:

# %%
net = Scaled(SigmaUNet)(28, 1, 1, ch=64, ch_mult=(1, 1, 2), attn_resolutions=(14,)).eval()
levels = log_linear_schedule(800, 0.01, 20).sample_sigmas(20)
pictures = last(samples(net, levels[0] * torch.randn(2, 1, 28, 28), levels, gam=1.6))
print(f"{sum(p.numel() for p in net.parameters()):,} parameters")
print(f"{len(levels) - 1} steps, sigma from {levels[0]:.0f} to {levels[-1]:.2f}: "
      f"{tuple(pictures.shape)}, without NaN: {bool(pictures.isfinite().all())}")

# %% [markdown]
# (Untrained, it draws nothing yet.) For the colour pictures of CIFAR-10 it takes four levels, and
# so does local_diffusion:

# %%
cifar = Scaled(SigmaUNet)(32, 3, 3, ch=128, ch_mult=(1, 2, 2, 2), attn_resolutions=(16,))
ddpm = DDPMUNet(T=1000, ch=128, ch_mult=[1, 2, 3, 4], attn=[2], num_res_blocks=2, dropout=0.1)
for name, net in [("smalldiffusion", cifar), ("local_diffusion", ddpm)]:
    print(f"{name:16} {sum(p.numel() for p in net.parameters()):,} parameters")

# %% [markdown]
# Beside its U-Net, local_diffusion offers the opposite of a convolution, `FlattenLinear`: every
# number of its output has a weight for every number of its input, and for the time. A 3 × 3
# convolution on 32 channels has 9,248 parameters at any size. **How many has this layer on 4 × 4
# pixels, and how many times as many on 8 × 8?**

# %%
for size in (4, 8):
    layer = FlattenLinear(32, size, size, tdim=128)
    print(f"{size} x {size} pixels: {sum(p.numel() for p in layer.parameters()):>9,} parameters")

# %% [markdown]
# Twice the side is four times the numbers at each end: sixteen times the weights between pixels,
# four times those from the time. On 16 × 16 pixels one layer would have 68 million. This is why a
# U-Net is built of convolutions, with attention for what is far apart.
#
# Nothing in the two networks is new to you. Every one of their 36 and 83 million parameters
# belongs to a part that you have built: a block, a layer that halves, one that doubles,
# attention, an embedding, skips.
#
# ## Recap
#
# - Published U-Nets normalise before the convolution, by groups, and keep every output as a skip.
# - 32 groups on 32 channels wipe out what the time adds; no error tells you.
# - Mixing by alpha_bar and adding by sigma are two languages for one thing.
# - gam looks ahead, mu renews noise; DDIM and DDPM are two points of one family.
# - Hide labels now and then in training, and guidance can ask for more of them than was learned.
#
# **What can go wrong.** Weights load under the right names only, and the padding of a halving
# layer must be the original's, or the picture shifts. A network that is asked for eps at large
# sigma drifts in brightness; ask it for v. Guidance is counted from 0 here, and from 1 elsewhere.
#
# **Where to look.** `course_utils/blocks.py` has the parts, `res_unet.py` the two sides of the U,
# `ddpm_unet.py`, `sigma_unet.py` and `dit.py` the networks, `published.py` the loading.
# `schedule.py`, `samplers.py` and `diffusion.py` have sigmas, the family and guidance.
#
# ## Goodbye
#
# This is the last notebook. You have now written each part of a diffusion U-Net, some of them in
# two ways; you have trained them, found their faults, measured what they draw, and seen how the
# published ones differ. What passed its check in notebooks 01 to 05 is in your `my_unet.py`,
# which runs without the course.
#
# Where to go on: give a network of this notebook a GPU and Fashion-MNIST (`load("fashion_mnist")`
# gives pictures of 32 x 32, so in_dim is 32). Read the DDPM paper again: you will find that you
# know its appendix B by heart. Read the code of smalldiffusion, a few hundred lines, in which you
# will meet everything from sections 8 to 11. Then take something away from your network, or put
# something in, and measure whether it was worth it. That is how these networks came to be.
#
# The map of the course is in [00](00_start_here.ipynb).

# %% [markdown]
# ## How far are you?
#
# Here are all exercises of the course. What you have done is kept in `my_progress.txt`, beside
# `my_unet.py`.

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()
