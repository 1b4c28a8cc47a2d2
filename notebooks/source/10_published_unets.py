# %% [markdown]
# # 10 Published U-Nets: same letter, different handwriting
#
# {{badge}}
#
# In this notebook you will
#
# - compare your U-Net with two published ones, DDPM's and smalldiffusion's;
# - build the block that they share, and the better one that came after it;
# - let your own network grow: new blocks, attention, and labels, so that you can ask for a 7;
# - turn guidance up, first in a plane where you can see what it does, then on digits;
# - write a whole family of samplers with two numbers;
# - race your U-Net against a transformer, and let it write a number of your choice.
#
# It has four exercises and takes about 80 minutes. You need notebooks 00 to 05 before it, and 08
# for attention. Choose a GPU on Colab if you can (Runtime, Change runtime type).

# %%
# setup

# %%
import inspect
import math
import time

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import blocks, grown_unet, portfolio, samplers
from course_utils.attention import MultiHeadAttention, SingleHeadAttention
from course_utils.averaging import averaged
from course_utils.blocks import PaddedDownsample, StridedDownsample
from course_utils.blocks import downsample, group_norm
from course_utils.checks import check
from course_utils.classifier import classifier
from course_utils.data import load
from course_utils.ddpm_unet import DDPMUNet
from course_utils.denoisers import NetDenoiser, NoiseAtSigma
from course_utils.diffusion import NoiseFromVelocity, velocity_loss
from course_utils.dit import DiT, DiTBlock
from course_utils.embedding import LabelEmbedding
from course_utils.keeping import keep_weights
from course_utils.plots import draw_block, draw_maps, lines, strip
from course_utils.precision import best_precision
from course_utils.quality import measure
from course_utils.samplers import ddim, last
from course_utils.schedule import cosine_schedule, log_linear_schedule
from course_utils.sigma_unet import Scaled, SigmaUNet
from course_utils.training import TrainConfig, train
from course_utils.unet import UNet
from course_utils.widgets import family_explorer

# %% [markdown]
# ## 1. What do published U-Nets do differently?
#
# *DDPM* is the paper of 2020 that made diffusion models draw well. Its U-Net is rebuilt here as
# `DDPMUNet`, in the form that the package local_diffusion gives it. *smalldiffusion* is a small
# package of very clear code, whose U-Net is `SigmaUNet`. We build both, and the U-Net of notebook
# 05, each with 64, 128 and 256 channels. **Which of the three has the most parameters, and by how
# much?**

# %%
torch.manual_seed(0)
nets = {
    "notebook 05": UNet(1, base_ch=64, ch_mult=(1, 2, 4), time_dim=256),
    "DDPM": DDPMUNet(1000, 64, (1, 2, 4), attn=[1], num_res_blocks=2, dropout=0.1,
                     in_channels=1, out_channels=1),
    "smalldiffusion": SigmaUNet(16, 1, 1, ch=64, ch_mult=(1, 2, 4), attn_resolutions=(8,)),
}
kinds = {
    "BatchNorm": nn.BatchNorm2d, "GroupNorm": nn.GroupNorm, "3x3 convolutions": nn.Conv2d,
    "transposed": nn.ConvTranspose2d, "attention": (SingleHeadAttention, MultiHeadAttention),
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
skips = [len(nets["notebook 05"].encoder(x[:, :1], temb)[1])]
row("skips", skips + [len(nets[name].encoder(x, temb)) for name in ("DDPM", "smalldiffusion")])

# %% [markdown]
# It's the same letter, with the same channels, but the published networks have more than six times
# the parameters. They put two blocks on each level on the way down and three on the way up, where
# ours has one. Every output on the way down becomes a skip, even the halved pictures: 9 skips
# instead of 2. They use GroupNorm, resize without transposed convolutions, and have attention on
# the second level and in the middle. They are nearly twins, down to their block.
#
# ## 2. Why does the norm come first?
#
# *BatchNorm* takes the mean and variance of a channel over all pictures of the batch. *GroupNorm*
# splits the channels into groups, here 32, and takes them over one group of one picture. **What
# happens to the first picture when the other pictures of the batch are replaced?**

# %%
torch.manual_seed(0)
alone, company, others = torch.randn(15, 64, 8, 8).split([1, 7, 7])
for name, norm in [("BatchNorm", nn.BatchNorm2d(64)), ("GroupNorm", group_norm(64))]:
    one = norm(torch.cat([alone, company]))[0]
    two = norm(torch.cat([alone, 3 * others]))[0]
    print(f"{name}: the first picture changes by up to {(one - two).abs().max():.3f}")

# %% [markdown]
# With BatchNorm, the answer for one picture depends, during training, on the rest of its batch.
# That's why it needs running averages and `eval()`, and why averaged weights need those measured
# again. GroupNorm needs none of that.
#
# The order changes too. `ConvBlock` goes convolution, norm, SiLU. Because SiLU comes last, what it
# adds to its shortcut is never far below zero. The published block goes norm, SiLU, convolution, so
# it can subtract as freely as add. Here is the course's block at work on 32 channels that an
# untrained convolution has made of a digit:

# %%
# alt: The published block as a diagram. The map, 32 x 16 x 16, goes through GroupNorm, SiLU and
#   Conv2d, then the projected time is added, then GroupNorm, SiLU and Conv2d follow. An arrow leads
#   around all of it, through a Conv2d, to the last addition.
torch.manual_seed(0)
digit, _ = load("digits", "test")
h = nn.Conv2d(1, 32, 3, padding=1)(digit[:1]).detach()
draw_maps(blocks.ResBlock(32, 64, 16), h, torch.randn(1, 16), title="The published block")
plt.show()

# %% [markdown]
# ### Exercise 10.1: the block of the published networks
# difficulty 3 of 5, about 15 minutes
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
# | norms | `group_norm(ch, eps)`: 32 groups |
# | conv1, conv2 | 3x3, same size |
# | W | one linear layer, D to K |
# | `dropout` | the chance of `nn.Dropout` |
# | shortcut | x itself where C = K; else a convolution with the odd kernel size `shortcut_size`, same size |

# %%
class ResBlock(nn.Module):
    """Normalise, activate, convolve, twice; the time in between, a shortcut around.

    (B, C, H, W), (B, D) -> (B, K, H, W)

    ConvBlock ends each half with a norm and SiLU, this one begins with them, so what it adds to
    its input can be negative as well as positive. Where C and K differ, a 1x1 convolution, or one
    of another size, carries the input around.
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
# Each norm comes before its convolution, so it sees what goes in: norm1 has `in_ch` channels,
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
# <details><summary>My check says that my norms come after the convolutions</summary>
#
# The block of notebook 02 had them there. Read the formula from the inside: what happens to x
# first?
# </details>

# %%
# solution 10.1

# %% [markdown]
# Now your block at work. It gets the same features with two different times, for 32, 64 and 128
# channels. **By how much will the outputs differ?**

# %%
torch.manual_seed(0)
early, late = torch.randn(2, 4, 256)


def effect_of_time(block, ch):
    """Return how much the answers to two times differ."""
    h = torch.randn(4, ch, 8, 8)
    with torch.no_grad():
        return (block(h, early) - block(h, late)).std().item()


for ch in (32, 64, 128):
    difference = effect_of_time(ResBlock(ch, ch, 256), ch)
    print(f"{ch:4} channels, {ch // 32} in each of the 32 groups: {difference:.2f}")

# %% [markdown]
# With 32 channels the time has no effect at all. It adds one number to each channel, and norm2
# comes next. If each channel is a group of its own, norm2 subtracts that number again as part of
# the mean. So 32 groups need more than 32 channels. No error tells you.
#
# ## 3. How else can the time come in?
#
# The mistake suggests its own cure: let the time act *after* the norm. And if it can shift a
# channel, it may as well scale it. That is *FiLM* (feature-wise linear modulation, 2017). The U-Nets
# that first beat GANs, in 2021, use it as *adaptive group normalization*, and transformers as
# *adaLN*.
#
# ### Exercise 10.6: a block that scales and shifts
# difficulty 3 of 5, about 12 minutes
#
# Change your `ResBlock`. Between norm2 and the second SiLU, each channel is scaled and shifted by
# numbers that depend on the time. With zeros for both, nothing must change.
#
# $$\mathrm{scale}, \mathrm{shift} = W\,\mathrm{silu}(\mathrm{temb}) \qquad
# h \leftarrow (1 + \mathrm{scale})\,\mathrm{norm}_2(h) + \mathrm{shift}$$
#
# | | |
# |---|---|
# | `x`, `temb`, returns | as in 10.1 |
# | W | one linear layer, D to 2 K; its first K numbers are the scale, the others the shift |
# | norms | `nn.GroupNorm(groups, channels)` |
# | shortcut | x itself where C = K; else a 1x1 convolution |
# | dropout | none; the time isn't added anywhere |

# %%
class FiLMBlock(nn.Module):
    """A residual block in which the time scales and shifts what the second norm returns.

    (B, C, H, W), (B, D) -> (B, K, H, W)

    One linear layer makes 2 K numbers of the time: the first K scale the channels (1 is added to
    each), the others shift them. They come after the norm, so it cannot take them out again.
    Source: "FiLM: Visual Reasoning with a General Conditioning Layer" (2017); "Diffusion Models
    Beat GANs on Image Synthesis" (2021), section 3, as adaptive group normalization.
    """

    def __init__(self, in_ch, out_ch, time_dim, groups=8):
        super().__init__()
        raise NotImplementedError("exercise 10.6")

    def forward(self, x, temb):
        raise NotImplementedError("exercise 10.6")

# %%
FiLMBlock = check("10.6", FiLMBlock)

# %% [markdown]
# <details><summary>Hint 1: two halves</summary>
#
# `.chunk(2, dim=1)` splits a `(B, 2 K)` into two tensors of shape `(B, K)`.
# </details>
#
# <details><summary>Hint 2: shapes</summary>
#
# Add the two axes before you split: `self.time_proj(F.silu(temb))[:, :, None, None]` is
# `(B, 2 K, 1, 1)`.
# </details>
#
# <details><summary>Hint 3: where exactly?</summary>
#
# `h = self.norm2(self.conv1(...))` first, then scale and shift, then `self.conv2(F.silu(h))`.
# </details>

# %%
# solution 10.6

# %%
torch.manual_seed(0)
for ch in (32, 64, 128):
    block = FiLMBlock(ch, ch, 256, groups=32)
    print(f"{ch:4} channels, {ch // 32} in each of the 32 groups: {effect_of_time(block, ch):.2f}")

# %% [markdown]
# Now the time gets through at any width.
#
# ## 4. Are these really the published networks?
#
# They are if their weights fit and give the same answers. Weights are saved as a `state_dict`, a
# dict of names and tensors, and the originals' names aren't ours. `load_published` translates
# them. (The tests of the course compare the answers with those of the original packages. Here we
# save one network under the original's names and let another load it.) **What should happen when
# somebody loads the weights of a different network?**

# %%
torch.manual_seed(1)
small = dict(T=1000, ch=32, ch_mult=(1, 2), attn=[1], num_res_blocks=1, dropout=0.0)
one, two = DDPMUNet(**small).eval(), DDPMUNet(**small).eval()
nn.init.normal_(one.conv_out.weight)  # a fresh one answers with nearly 0
saved = {one.published_name(name): value for name, value in one.state_dict().items()}
for ours in list(one.state_dict())[5:16:5]:
    print(f"{ours:42} {one.published_name(ours)}")
x, t = torch.randn(2, 3, 16, 16), torch.tensor([10, 900])
two.load_published(saved)
print("the same answers:", torch.equal(one(x, t), two(x, t)))
try:
    DDPMUNet(**small | dict(attn=[])).load_published(saved)
except ValueError as error:
    print(str(error)[:150], "...")

# %% [markdown]
# It has to refuse, and to change nothing, because half-loaded weights would still run. The right
# names aren't enough, either. Here are three layers that halve a picture, with all weights set to
# 1. **Which input pixels does the output pixel (3, 3) depend on?**

# %%
for name, layer in {"notebook 03": downsample(1), "DDPM": StridedDownsample(1),
                    "smalldiffusion": PaddedDownsample(1)}.items():
    nn.init.ones_(layer.weight)
    x = torch.zeros(1, 1, 12, 12, requires_grad=True)
    layer(x)[0, 0, 3, 3].backward()
    rows = x.grad[0, 0].any(dim=1).nonzero().flatten().tolist()
    print(f"{name:15} rows and columns {rows}, centre {sum(rows) / len(rows)}")

# %% [markdown]
# Both published layers are 3x3 convolutions with stride 2, and their weights have the same shape.
# But local_diffusion pads all four sides by one. smalldiffusion pads only the right and the bottom,
# as DDPM's authors did. With the other padding, weights see a picture shifted by a pixel, without
# any error.
#
# This is how large the two are with their authors' settings for the colour pictures of CIFAR-10:

# %%
with torch.device("meta"):  # shapes without numbers
    cifar = Scaled(SigmaUNet)(32, 3, 3, ch=128, ch_mult=(1, 2, 2, 2), attn_resolutions=(16,))
    ddpm = DDPMUNet(T=1000, ch=128, ch_mult=[1, 2, 2, 2], attn=[1], num_res_blocks=2, dropout=0.1)
for name, net in [("smalldiffusion", cifar), ("DDPM", ddpm)]:
    print(f"{name:16} {sum(p.numel() for p in net.parameters()):,} parameters")

# %% [markdown]
# (`Scaled` divides the input by $\sqrt{1 + \sigma^2}$, because smalldiffusion adds noise instead of
# mixing it in. Section 7 comes back to that.) The second is the number in the DDPM paper. Nearly all
# these parameters belong to parts that you've built: blocks, attention, embeddings, resizing.
#
# ## 5. How does your network grow?
#
# Now yours grows: FiLM blocks with 8 groups, the attention of notebook 08 at 8 x 8, and something
# new, *labels*. A table with a row for each class turns the label into a vector, which is added to
# that of the time. One more row means **hidden**: in training it replaces a tenth of the labels. So
# one network learns to draw a 7, and to draw any digit. (The second is called *unconditional*.)
# Section 6 needs both.
#
# `portfolio.load()` puts the network together from your parts in `my_unet.py`. Its `forward` is your
# encoder and decoder in one piece, with three differences. **Can you spot them?**

# %% tags=["nbval-ignore-output"]
parts = portfolio.load()

# %%
print(inspect.getsource(grown_unet.GrownUNet.forward))

# %% [markdown]
# The label joins the time. A convolution makes channels of the picture, because the first block
# begins with a norm over groups of channels. A norm and a SiLU come before the last layer, because
# the blocks no longer end with them. We train it like the network of notebook 07: asked for v,
# batches of 64, 16 bits where the machine computes with them.

# %% tags=["nbval-ignore-output"]
images, labels = (a.to(machine.device) for a in load("digits", "train"))
schedule, settings = cosine_schedule(), dict(in_ch=1, base_ch=32, ch_mult=(1, 2, 4), time_dim=128)


def fit(net, steps):
    """Train a network with labels; return the averaged one, and the seconds."""
    config = TrainConfig(steps=steps, lr=3e-3, precision=best_precision(machine.device))
    begin, net = time.perf_counter(), net.to(machine.device)
    try:
        for state in train(net, images, schedule, config, velocity_loss, labels):
            pass
    except KeyboardInterrupt:
        print(f"stopped after {state.step} of {steps} steps")
    return averaged(state, images, schedule), time.perf_counter() - begin


torch.manual_seed(0)
net, seconds = fit(parts.GrownUNet(**settings), machine.budget(cpu=1000, gpu=8000))
print(f"{sum(p.numel() for p in net.parameters()):,} parameters, {seconds:.0f} s of training")

# %% [markdown]
# To draw, we ask for 50 of each digit, in order. The judge of notebook 00 has a new question to
# answer: is it the digit that was asked for? For comparison, the same network draws from the same
# noise with all labels hidden. **What do you expect?**

# %% tags=["nbval-ignore-output"]
asked = torch.arange(500, device=machine.device) % 10
judge = classifier("digits", "data", machine.device)


def draw(model, steps=25):
    """Draw a picture for each label in asked, from always the same noise."""
    torch.manual_seed(0)
    noise = torch.randn(len(asked), 1, 16, 16).to(machine.device)
    return last(ddim(NoiseFromVelocity(model, schedule), noise, schedule, steps, eta=1.0))


def judged(pictures):
    """Return the Quality of pictures, and the share that are what was asked for."""
    return measure(pictures), (judge(pictures).argmax(dim=1) == asked).float().mean().item()


def with_labels(net, labels):
    return lambda xt, t: net(xt, t, labels)


hidden = torch.full_like(asked, net.cond_embed.hidden)
drawn = {"asked": draw(with_labels(net, asked)), "hidden": draw(with_labels(net, hidden))}
results = {name: judged(pictures) for name, pictures in drawn.items()}
for name, (quality, right) in results.items():
    print(f"labels {name}: {right:.1%} as asked for, {quality.samples.recognised:.1%} recognised, "
          f"distance {quality.samples.distance:.1f}, nearest {quality.samples.nearest:.2f}")
real = quality.real
print(f"real digits: {real.recognised:.1%} recognised, distance {real.distance:.1f}, "
      f"nearest {real.nearest:.2f}")

# %% tags=["nbval-ignore-output"]
# alt: Four rows of the digits 0 to 9, each readable, and a row drawn without labels, some of which
#   are no digits.
rows = [drawn["asked"][10 * i: 10 * i + 10] for i in range(4)] + [drawn["hidden"][:10]]
strip(rows, titles=range(10), labels=["asked", "", "", "", "hidden"])
plt.show()

# %% tags=["trained"]
quality, right = results["asked"]
print("nearly all are what was asked for:", right > 0.95)
print("and they aren't copies:", quality.samples.nearest > 0.8 * quality.real.nearest)
print("nearer to the real digits than unconditional ones:",
      quality.samples.distance < results["hidden"][0].samples.distance)

# %% [markdown]
# It's the same network both times, but one has been told which digit to draw. Otherwise it has to
# decide while there is only noise to see. (The comparison isn't quite fair, because only a tenth of
# the training was without labels. And don't read much into a distance below the real one: the
# judge's reference includes the training pictures, and we ask for exactly 50 of each digit. It's
# `nearest` that says whether the network copies: notebook 09.)

# %% tags=["nbval-ignore-output"]
keep_weights(net, "v", "10", results["asked"][0], 25, seconds, settings)

# %% [markdown]
# ## 6. Can you ask more firmly?
#
# The network answers with the label and without. The difference between the two answers is what
# the label contributes. *Classifier-free guidance* (Ho and Salimans, 2022) takes more of it:
#
# $$\varepsilon = \varepsilon_{told} + \mathrm{scale}\;(\varepsilon_{told} -
# \varepsilon_{hidden})$$
#
# With scale 0 it only follows the label. (Stable Diffusion's scale counts from the answer without a
# label: it's 1 + ours.) Why should that help? Up to a factor, the noise in $x_t$ is minus the
# *score*, the gradient of $\log p(x_t)$. By Bayes' rule, $\log p(x_t | y) - \log p(x_t)$ is
# $\log p(y | x_t)$, up to a constant. So the difference, which is taken out like noise, points away
# from where *the label is easy to recognise*. At each noise level we go by
# $p(x_t|y)\,p(y|x_t)^{scale}$, as if a classifier were leaning on the drawing.
#
# Let's watch it where everything can be computed. Our "pictures" are points in a plane, in three
# clouds. Label 0 has the upper two, label 1 the lower one. For a mixture of Gaussians, the best
# guess of the noise is a formula. **Where will the points of label 0 go when the scale goes up?**

# %%
clouds, spread = torch.tensor([[-0.45, 0.2], [0.0, -0.25], [0.15, 0.35]]), 0.15
of_label = {0: [0, 2], 1: [1], 2: [0, 1, 2]}  # 2 stands for hidden


def best_noise(xt, t, label):
    """Return the mean of the noise in points, given their label.  (N, 2, 1, 1) -> (N, 2, 1, 1)"""
    alpha_bar, centres = schedule.alpha_bar[t], clouds[of_label[label]]
    variance = alpha_bar * spread**2 + 1 - alpha_bar
    away = xt.view(-1, 1, 2) - alpha_bar.sqrt() * centres  # (N, clouds, 2)
    likely = (-away.square().sum(dim=2) / (2 * variance)).softmax(dim=1)
    mean = (likely[:, :, None] * away).sum(dim=1)
    return ((1 - alpha_bar).sqrt() * mean / variance).view(xt.shape)


def guided_noise(scale):
    def model(xt, t):
        told, untold = best_noise(xt, t, 0), best_noise(xt, t, 2)
        return told + scale * (told - untold)

    return model

# %%
# alt: Four scatter plots of points of label 0, with scale 0, 0.5, 1 and 3, over circles for the
#   three clouds. At scale 0 the points fill both clouds of label 0. The larger the scale, the
#   further they move away from the cloud of label 1, and the more they bunch together.
figure, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained", sharex=True, sharey=True)
noise = torch.randn(400, 2, 1, 1, generator=torch.Generator().manual_seed(0))
for ax, scale in zip(axes, (0, 0.5, 1, 3)):
    points = samplers.ddim(guided_noise(scale), noise, schedule, steps=50)
    points = last(points).flatten(1)
    for (a, b), colour in zip(clouds.tolist(), ("C0", "C1", "C0")):
        ax.add_patch(plt.Circle((a, b), 2 * spread, fill=False, color=colour))
    ax.plot(*points.T, ".", ms=3)
    ax.set(title=f"scale {scale}", aspect="equal", xlim=(-1, 0.8), ylim=(-0.7, 1.1))
    gap = (points - clouds[1]).norm(dim=1).min()
    print(f"scale {scale}: nearest to the centre of label 1 {gap:.2f}, "
          f"spread from top to bottom {points[:, 1].std():.2f}")
plt.show()

# %% [markdown]
# Each circle holds about 86% of a cloud. With scale 0 the points fill the two clouds of their label.
# Guidance pushes them away from where label 1 could be meant. That makes them unmistakable, but they
# also leave the places where real points are, and gather at the far side.
#
# ### Exercise 10.5: guidance
# difficulty 3 of 5, about 12 minutes
#
# Write a class whose objects can be called like a network, so that every sampler takes them.
#
# | | |
# |---|---|
# | `net` | `net(xt, t, labels)` returns the noise (or v: the noise is linear in it) |
# | `net.cond_embed.hidden` | an int, the label "hidden" |
# | `labels` | `(B,)`, integers |
# | `scale` | a number |
# | `guided(xt, t)` | `(B, C, H, W)`; t is one number for all, or `(B,)` |
#
# You may ask the network twice, or once with a batch of twice the size. The reference also refuses
# a network without labels. Yours needn't.

# %%
class Guided:
    """Makes a network that knows labels follow them more closely: classifier-free guidance.

    (B, C, H, W), (B,) -> (B, C, H, W)

    The network is asked with the labels and with all labels hidden; the answer goes `scale` times
    the difference beyond the first. Scale 0 only follows the labels. t is whatever the network is
    told, a step or a sigma, also one for all. Raises ValueError for a network without labels.
    Source: "Classifier-Free Diffusion Guidance" (2022), equation 6.
    """

    def __init__(self, net, labels, scale):
        raise NotImplementedError("exercise 10.5")

    def __call__(self, xt, t):
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
# `told = self.net(xt, t, self.labels)`, and the same with the hidden ones.
# </details>
#
# <details><summary>My check says that I start from the answer without labels</summary>
#
# That's the other way to count. Here, scale 0 has to give the answer with labels, so begin with
# told.
# </details>

# %%
# solution 10.5

# %% [markdown]
# Your network knows its digits already. **What will guidance improve, and what will it cost?**

# %% tags=["nbval-ignore-output"]
# alt: Three rows of ten sevens, at scale 0, 1 and 3. From row to row they become bolder, and more
#   of them have the same shape.
def likeness(pictures):
    """Return the mean correlation of two drawings of the same digit."""
    same = [pictures[asked == digit].flatten(1) for digit in range(10)]
    return sum(torch.corrcoef(rows).mean().item() for rows in same) / 10


print("scale   as asked for   recognised   distance   likeness")
guided = {}
for scale in (0, 0.5, 1, 3):
    pictures = drawn["asked"] if scale == 0 else draw(Guided(net, asked, scale))
    guided[scale], (quality, right) = pictures, judged(pictures)
    print(f"{scale:5} {right:14.1%} {quality.samples.recognised:12.1%} "
          f"{quality.samples.distance:10.1f} {likeness(pictures):10.3f}")
strip([guided[s][asked == 7][:10] for s in (0, 1, 3)], labels=["scale 0", "scale 1", "scale 3"])
plt.show()

# %% [markdown]
# Every digit becomes what was asked for, and the distance to the real digits grows, because the
# pictures become bolder and more alike. **Guidance trades diversity for fidelity.** A network as
# sure of its labels as this one hardly needs it. Large text-to-image models do, because a sentence
# says far more than one of ten digits, and each sentence is rare in their data.
#
# ## 7. Can one sampler be many?
#
# smalldiffusion adds noise of standard deviation *sigma* to the full picture. Divide DDPM's mixture
# by $\sqrt{\bar\alpha_t}$, and you have what it works with:
#
# $$\frac{x_t}{\sqrt{\bar\alpha_t}} = x_0 + \sigma\varepsilon \qquad
# \sigma = \sqrt{\frac{1 - \bar\alpha_t}{\bar\alpha_t}}$$
#
# So your network can be asked at any sigma: multiply the picture by $\sqrt{\bar\alpha_t}$ and tell
# it the step t that comes nearest. (`NoiseAtSigma` does the first, `NetDenoiser` the second.)
# smalldiffusion's levels grow by the same factor from step to step, so they are *log-linear*; a
# sampler visits some of them:

# %%
levels = log_linear_schedule(1000, sigma_min=0.05, sigma_max=10.0)
chosen = levels.sample_sigmas(5)
print("five steps:", [round(level, 2) for level in chosen.tolist()])

# %% [markdown]
# In this language DDIM is one line, `x = x - (sigma - sigma_next) * eps`, and two numbers make a
# family of it.
#
# - **gam** changes the direction. The step doesn't follow eps alone but mixes in the eps of the step
#   before. With gam above 1 it looks ahead: it goes beyond the new eps, away from the old one.
# - **mu** renews noise. The step goes down further than the next level, to $\sigma_{down}$, and fresh
#   noise brings it back up. Variances add, so the variance that's missing is
#   $\sigma_{next}^2 - \sigma_{down}^2$.
#
# $$\mathrm{mixed} = \mathrm{gam}\;\varepsilon + (1 - \mathrm{gam})\;\varepsilon_{before} \qquad
# \sigma_{down} = \Big(\frac{\sigma_{next}}{\sigma^{\mathrm{mu}}}\Big)^{1 / (1 - \mathrm{mu})}$$
#
# (gam, mu) = (1, 0) is DDIM, (1, 0.5) is DDPM, and gam from 1 to 2 with mu = 0 an accelerated
# sampler.
#
# ### Exercise 10.4: the family
# difficulty 4 of 5, about 20 minutes
#
# Write the generator. It takes one step for each pair of neighbouring levels, and yields the sigma
# that the model was told, x after the step, and the predicted x0, `xt - sigma * eps`, unclipped.
#
# | | |
# |---|---|
# | `model(xt, sigma)` | the noise in xt; sigma may be one number |
# | `xT` | `(B, C, H, W)`, noise of standard deviation `sigmas[0]` |
# | `sigmas` | `(N,)`, falling, perhaps on the CPU: `sigmas.to(xT)` |
# | yields | `sigma, xt, x0`; xt is a new tensor each time |
#
# In the first step there's no eps from before, so mixed is eps. Fresh noise comes from
# `torch.randn_like(xt)`; with mu = 0 there is none. Where the last two levels are equal, no noise is
# missing, and x must stay free of NaN.

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
# <details><summary>Hint 3: the step</summary>
#
# `xt = xt - (sigma - sigma_down) * mixed`, and then, if mu > 0, the fresh noise times the root of
# the missing variance. Rounding can leave that a little below 0 where two levels are equal, and
# the root of that is NaN: `.clamp(min=0)` helps.
# </details>
#
# <details><summary>My check says that I keep mixed for the next step</summary>
#
# Keep what the model said, under another name than the mixture. Otherwise the mixture of all
# earlier steps is mixed in.
# </details>

# %%
# solution 10.4

# %% [markdown]
# Eight digits from the same noise. Move the sliders. **What does gam = 2 do in 3 steps, and in 20?
# Which mu needs more steps?**

# %% tags=["nbval-ignore-output"]
# alt: The digits 0 to 7, drawn with gam = 0.5, 1, 1.5 and 2, in 3 steps on the left and in 20 on
#   the right, all much alike.
def at_sigma(labels):
    """Return the network as a model of (x, sigma), asked for these labels."""
    model = NoiseFromVelocity(with_labels(net, labels), schedule)
    return NoiseAtSigma(NetDenoiser(model, schedule))


torch.manual_seed(0)
begin = torch.randn(len(asked), 1, 16, 16).to(machine.device)


def family(gam, mu, steps):
    sigmas = levels.sample_sigmas(steps)
    return last(samples(at_sigma(asked[:8]), sigmas[0] * begin[:8], sigmas, gam, mu))


family_explorer(family)

# %% [markdown]
# How many network evaluations (NFE) are enough? All 500 again, for three members of the family:

# %% tags=["nbval-ignore-output"]
# alt: The distance over the number of steps on two logarithmic axes, for three samplers. All fall;
#   the accelerated one is lowest with few steps.
members = {"DDIM": (1.0, 0.0), "accelerated, gam = 1.6": (1.6, 0.0), "DDPM": (1.0, 0.5)}
counts, found = (4, 8, 16), {name: [] for name in members}
for steps in counts:
    sigmas = levels.sample_sigmas(steps)
    for name, (gam, mu) in members.items():
        torch.manual_seed(0)
        pictures = last(samples(at_sigma(asked), sigmas[0] * begin, sigmas, gam, mu)).clamp(-1, 1)
        found[name].append(measure(pictures).samples.distance)
print(f"{'network evaluations':24}" + "".join(f"{steps:8}" for steps in counts))
for name, distances in found.items():
    print(f"{name:24}" + "".join(f"{distance:8.1f}" for distance in distances))
lines(counts, found, "network evaluations", "Frechet distance", log="xy", dots=True)
plt.show()

# %% [markdown]
# To the eye, three steps without fresh noise draw nearly what twenty draw. The judge sees more. With
# few evaluations, looking ahead pays: eps turns a lot from one step to the next, and gam above 1
# allows for that. Four evaluations come about as close to the real digits as 16 of DDIM's. Fresh
# noise takes old errors away, but has to be removed again. So DDPM needs more steps, and with enough
# of them it wins.
#
# ## 8. Does it have to be a U?
#
# A *DiT* (diffusion transformer, 2022) has no U. It cuts the picture into patches, here of 2 x 2
# pixels, and each becomes a token, a vector of 96 numbers. Every block lets all tokens attend to each
# other, and then puts each through two linear layers. The time and the label scale and shift what
# comes out of each norm, as in your FiLM block, and *gate* what is added. The gates begin at 0, so a
# fresh block returns its input. Together that's called *adaLN-zero*.

# %%
# alt: A block of DiT as a diagram. 16 tokens of 16 numbers go through LayerNorm, are scaled and
#   shifted by what comes from the time, go through attention, are multiplied by the time again and
#   added to what came in. The second half is the same with two linear layers in place of attention.
torch.manual_seed(0)
block = DiTBlock(16, heads=4)
nn.init.normal_(block.modulation.weight, std=0.3)
draw_block(block, torch.randn(1, 16, 16), torch.randn(1, 16), title="A block of DiT",
           whole=["TokenAttention"])
plt.show()

# %% [markdown]
# The race is fair if only the network differs: about as many parameters, the same labels, v,
# schedule, batches and learning rate, and as many seconds of training. (DiT is told sigma, so we
# put the step into its language.) **Who wins, after a minute?**

# %% tags=["nbval-ignore-output"]
# alt: Ten drawings of the U-Net and ten of the DiT, asked for 0 to 9. All can be
#   read, and the DiT's are a little softer.
class DiTAtStep(nn.Module):
    """A DiT that is told the step t.  (B, C, H, W), (B,), (B,) -> (B, C, H, W)"""

    def __init__(self, dit):
        super().__init__()
        self.dit, self.cond_embed = dit, dit.cond_embed

    def forward(self, x, t, labels):
        alpha_bar = schedule.alpha_bar.to(x.device)[t]
        return self.dit(x, ((1 - alpha_bar) / alpha_bar).sqrt(), labels)


torch.manual_seed(0)
dit = DiTAtStep(DiT(16, 1, dim=96, depth=4, cond_embed=LabelEmbedding(96, classes=10)))
dit, dit_seconds = fit(dit, machine.budget(cpu=700, gpu=5500))
drawn["DiT"] = draw(with_labels(dit, asked))
for name, model, spent in (("asked", net, seconds), ("DiT", dit, dit_seconds)):
    quality, right = judged(drawn[name])
    print(f"{'U-Net' if name == 'asked' else name:6}"
          f"{sum(p.numel() for p in model.parameters()):,} parameters, {spent:.0f} s: "
          f"{right:.1%} as asked for, distance {quality.samples.distance:.1f}")
strip([drawn[name][:10] for name in ("asked", "DiT")], titles=range(10), labels=["U-Net", "DiT"])
plt.show()

# %% [markdown]
# The U-Net wins, though DiT draws what was asked for, too. A convolution knows from the start that neighbours belong
# together, and that a stroke is the same stroke wherever it is. DiT has to learn that from fewer
# than a hundred and fifty pictures of each digit, in fewer steps, because each step costs more. This
# is one race, at the U-Net's learning rate. With far more data, what is built in matters less, and
# transformers grow well: the large image models since 2024, such as Stable Diffusion 3, are
# relatives of DiT.
#
# ## 9. Write something
#
# Type a number. Your network writes it, as nobody ever wrote it before:

# %% tags=["nbval-ignore-output"]
# alt: The digits 3, 1, 4, 1, 5, 9, 2, 6, 5 and 3, drawn by the network, all readable.
number = "3141592653"  # @param {type: "string"}
digits = torch.tensor([int(c) for c in number if c in "0123456789"], device=machine.device)
model = NoiseFromVelocity(Guided(net, digits, 0.5), schedule)
noise = torch.randn(len(digits), 1, 16, 16).to(machine.device)
strip(last(ddim(model, noise, schedule, steps=50, eta=1.0)))
plt.show()

# %% [markdown]
# ## Recap
#
# - Published U-Nets normalise before the convolution, in groups, and keep every output as a skip.
# - A norm can wipe out what was added before it. FiLM scales and shifts after it.
# - A label tells the network which digit to draw, and improves every figure here.
# - Guidance goes beyond the answer with a label. It trades diversity for fidelity.
# - Mixing by alpha_bar and adding by sigma describe the same thing. gam looks ahead, mu renews
#   noise, and DDIM and DDPM are two points of one family.
#
# **What can go wrong.** 32 groups on 32 channels ignore the time. Weights load under the right names
# only, and shift the picture if the padding differs. A scale of guidance is counted from 0 here, and
# from 1 elsewhere.
#
# **Where to look.** `course_utils/blocks.py` has the blocks, `grown_unet.py` your network,
# `ddpm_unet.py` (with local_diffusion's `FlattenLinear`), `sigma_unet.py` and `dit.py` the published
# ones, `samplers.py` the family, `training.py` smalldiffusion's loop, `train_sigmas`.
#
# `my_unet.py` now holds all of your network and runs without the course. Read appendix B of the DDPM
# paper: you'll know every line. The last notebook, [11, straight lines](11_straight_lines.ipynb),
# makes your network so fast that it draws in one look, and puts it on a page that you can send to a
# friend. The map of the course is in [00](00_start_here.ipynb).

# %% [markdown]
# ## How far are you?

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()
