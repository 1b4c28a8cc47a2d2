# %% [markdown]
# # 07 AMP training that survives a disconnect
#
# {{badge}}
#
# In this notebook you will
#
# - see what numbers of 16 bits can hold, and what they cannot;
# - measure where small gradients die, and how a scaled loss keeps them alive;
# - write the pieces of a training loop: the learning rate, the averaged weights, the step;
# - measure what fills the memory in training, and what to try first when it is full;
# - write a training run into a file, so that it goes on after the machine is gone, with the same
#   numbers as if nothing had happened;
# - train with all of it, and watch.
#
# *AMP* is short for automatic mixed precision: training in which some numbers have 16 bits and
# others 32. This notebook has five exercises and takes about two hours. You need notebooks 00 to
# 06 before it. On Colab, choose a GPU if you can. On a CPU everything works too, with less
# training.

# %%
# setup

# %%
import copy
import math
import os
import tempfile
import textwrap
import time
import warnings
from dataclasses import asdict
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import checkpoint, drive
from course_utils.averaging import averaged
from course_utils.blocks import ConvBlock
from course_utils.checkpoint import latest, resume, runs_in, save
from course_utils.checks import check
from course_utils.data import load
from course_utils.diffusion import NoiseFromVelocity, draw_batch, velocity_loss
from course_utils.files import FileError
from course_utils.memory import peak_memory
from course_utils.plots import gradient_histograms, grid, loss_curve, loss_curves
from course_utils.plots import number_lines, number_ranges
from course_utils.precision import PRECISIONS, autocast, best_precision
from course_utils.quality import measure
from course_utils.recompute import recompute_blocks
from course_utils.samplers import ddim, last
from course_utils.schedule import cosine_schedule
from course_utils.shapes import trace
from course_utils.training import TrainConfig, add_gradient, start, train
from course_utils.unet import UNet
from course_utils.widgets import TrainingView

# %% [markdown]
# We train the U-Net of notebook 05. The network stays as it is. What changes is how it is trained.
# ## 1. What can a number of 16 bits hold?
#
# PyTorch's usual numbers have 32 bits: 1 for the sign, 8 for the *exponent*, which says between
# which two powers of two the number lies, and 23 for the digits, which say where between them.
# The type is called float32, or fp32. There are two types with 16 bits. Half as many bits take
# half the memory, and GPUs multiply them several times as fast.
#
# | type | bits for the exponent | bits for the digits |
# |---|---|---|
# | fp32, `torch.float32` | 8 | 23 |
# | fp16, `torch.float16` | 5 | 10 |
# | bf16, `torch.bfloat16` | 8 | 7 |
#
# **Which of the two small types reaches as far as fp32, and what does it pay for that?**
# `torch.finfo` knows the limits of each type:

# %%
for name, dtype in PRECISIONS.items():
    limits = torch.finfo(dtype)
    smallest = limits.smallest_normal * limits.eps
    print(f"{name}: largest {limits.max:.3g}, smallest normal {limits.smallest_normal:.3g}, "
          f"smallest of all {smallest:.3g}, step after 1 {limits.eps:.3g}")

# %%
# alt: Bars for the numbers that each type has, over powers of two. fp32 and bf16 reach from about
#   2 to the power -130 up to 2 to the power 128. fp16 has a short bar, from -24 to 16.
number_ranges()
plt.show()

# %% [markdown]
# The black line is 1. bf16 has the exponent of fp32, and so its range. It pays with digits: after 1, its next number
# is 1.0078. fp16 has more digits, and its range is small: nothing above 65,504.
#
# The pale parts are the *subnormal* numbers. Where the exponent cannot fall any further, a number
# can still get smaller if its leading digits become 0. So the smaller it is, the fewer digits it
# has left. Half of the smallest one, or less, becomes 0.
#
# Now a small calculation. **What is 1 + 0.0004 in each of the three types?**

# %%
for name, dtype in PRECISIONS.items():
    one, small = torch.tensor(1.0, dtype=dtype), torch.tensor(0.0004, dtype=dtype)
    print(f"{name}: {small.item():.7f} is there, and 1 + 0.0004 is {(one + small).item():.7f}")

# %%
# alt: The numbers between 1 and 1.03 as strokes. fp32 has too many to tell apart, fp16 about
#   thirty, bf16 four. A line marks 1.0004, which lies between two strokes of fp16.
number_lines(1, 1.03, marked=1.0004)
plt.show()

# %% [markdown]
# Each stroke is a number that the type has (fp32 has too many to draw). The red line is 1.0004.
# There is nothing near it in the small types, so the sum is rounded back to 1. The 0.0004 alone
# is no problem: near 0 the numbers lie close together. The larger a number, the further away its
# neighbour. Near 1000:

# %%
# alt: The numbers between 1000 and 1024 as strokes. fp32 has too many to tell apart, fp16 has two
#   for each whole number, bf16 one in four. A line marks 1000.4.
number_lines(1000, 1024, marked=1000.4)
plt.show()
for name, dtype in PRECISIONS.items():
    print(f"{name}: after 1000 comes 1000 + {512 * torch.finfo(dtype).eps:.3g}")

# %% [markdown]
# (1000 lies between the powers 512 and 1024, and from 512 on, the steps are 512 times as large as
# after 1.) Two things follow for training.
#
# **Weights need 32 bits.** A training step changes a weight by about the learning rate, say by
# 0.0004. In 16 bits, a weight near 1 would never move.
#
# **Sums need 32 bits.** A sum of many small numbers is a large number to which small ones are
# added. **Add 1 a thousand times, in each type. Where does it end?**

# %%
for name, dtype in PRECISIONS.items():
    total, one = torch.zeros((), dtype=dtype), torch.ones((), dtype=dtype)
    for _ in range(1000):
        total = total + one
    print(f"{name}: {total.item():.0f}")

# %% [markdown]
# In bf16 the step after 256 is 2, and 256 + 1 is rounded back to 256, again and again. fp16 gets
# stuck too, at 2048.
#
# What 16 bits *are* good for is a product, or a convolution: each result is rounded once, up or
# down, and in a network of many such results the errors mostly cancel. The hardware helps. It
# multiplies numbers of 16 bits, adds the products up in 32 bits, and rounds only the sum. So the
# plan is: weights and sums in fp32, products in 16 bits. That is the *mixed* in mixed precision.
#
# ## 2. Where does a small gradient die?
#
# If the products of the forward pass have 16 bits, those of the backward pass have too. So the
# gradients of the feature maps, which are passed on from layer to layer, have 16 bits. How large
# are they?
#
# The loss is a mean, over the batch and its pixels. With 32 pictures of 16 x 16 it is a mean over
# 8,192 numbers, so a change of one of them is divided by 8,192. **Compare with the smallest
# numbers of fp16: the smallest normal one is 0.000061.** We train our network for 40 steps and
# look at its real gradients. (`channels_last` is how its numbers lie in memory: all channels of a
# pixel side by side. Its convolutions are faster so.)

# %% tags=["nbval-ignore-output"]
schedule = cosine_schedule()
digits = load("digits", "train")[0].to(machine.device)
torch.manual_seed(0)
net = UNet(in_ch=1, base_ch=32, ch_mult=(1, 2, 4), time_dim=128)
net = net.to(machine.device, memory_format=torch.channels_last)
for state in train(net, digits, schedule, TrainConfig(steps=40, batch=32, warmup=10)):
    pass
print(f"loss after 40 steps: {state.loss:.2f}")

# %% [markdown]
# The next function multiplies the loss by `scale`, runs the backward pass, and returns two long
# rows of numbers: the gradients of the weights, and those of the feature maps that come out of
# the convolutions. (A hook, as in notebook 06, keeps the maps. `retain_grad` asks PyTorch to keep
# their gradients. The biases are left out: many stand before a BatchNorm, which makes them
# superfluous, and the gradients of those are mere rounding errors.)

# %%
batch = draw_batch(digits, schedule.T, 32, torch.Generator().manual_seed(5))


def gradients(precision, scale):
    """Return the gradients of the weights and of the feature maps, each as one row."""
    maps = []
    handles = [layer.register_forward_hook(lambda layer, given, out: maps.append(out))
               for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    with autocast(precision, machine.device):
        loss = velocity_loss(net.train(), *batch, schedule)
    for thing in handles:
        thing.remove()
    for out in maps:
        out.retain_grad()
    net.zero_grad()
    (scale * loss).backward()
    weights = torch.cat([p.grad.flatten() for p in net.parameters() if p.ndim > 1])
    return weights, torch.cat([out.grad.flatten() for out in maps])


of_weights, of_maps = gradients("fp32", scale=1.0)
print(f"{len(of_weights):,} gradients of weights, {len(of_maps):,} of feature maps")

# %% [markdown]
# ### Exercise 7.1: how many die?
# difficulty 2 of 5, about 8 minutes
#
# | | |
# |---|---|
# | `gradient` | a tensor of any shape, fp32 |
# | `scale` | a number: the gradient is multiplied by it, in fp32, then turned into fp16 |
# | returns | a float from 0 to 1 |
#
# A gradient that is exactly 0 has nothing to lose. So count only those that are not 0, and return
# which share **of these** becomes 0 in fp16. (`tensor.half()` turns a tensor into fp16.) If no
# number is left to count, nothing is lost: return 0.

# %%
def lost_in_fp16(gradient, scale=1.0):
    """Return the share of a tensor's numbers that become 0 in fp16, of those that are not 0.

    any shape -> float from 0 to 1

    They are multiplied by scale first. Without a number that is not 0, nothing is lost: 0.0.
    Source: "Mixed Precision Training" (2017), section 3.2.
    """
    raise NotImplementedError("exercise 7.1")

# %%
lost_in_fp16 = check("7.1", lost_in_fp16)

# %% [markdown]
# <details><summary>Hint 1: which ones count</summary>
#
# `gradient[gradient != 0]` is one row with all numbers that are not 0.
# </details>
#
# <details><summary>Hint 2: a share</summary>
#
# `(numbers == 0)` is a tensor of True and False. `.float().mean()` makes a share of it, and
# `.item()` a plain number.
# </details>
#
# <details><summary>My check says that I turn the numbers into fp16 before I multiply</summary>
#
# What has become 0 stays 0, whatever it is multiplied by. Multiply first, then `.half()`.
# </details>

# %%
# solution 7.1

# %% [markdown]
# **Of a hundred gradients of the maps, how many will become 0? And how many will be large enough
# to have all their digits?**

# %% tags=["nbval-ignore-output"]
# alt: A histogram of the gradients of the feature maps over powers of two. Most lie where fp16 has
#   fewer digits, around 2 to the power -19. A few lie where they become 0.
for name, g in [("weights", of_weights), ("feature maps", of_maps)]:
    g = g[g != 0].abs()
    normal = (g >= torch.finfo(torch.float16).smallest_normal).float().mean().item()
    print(f"{name}: {lost_in_fp16(g):.2%} become 0, {normal:.1%} have all their digits")
gradient_histograms({"gradients of the feature maps": of_maps})
plt.show()

# %% [markdown]
# Not many die, but hardly one of them is well. They lie among the subnormal numbers, with a few
# digits each, or a single one. And the right side of fp16's range is empty.
#
# The way out is simple. **Multiply the loss by a large number before the backward pass.** The
# chain rule multiplies all gradients by the same number. The whole histogram moves to the right:

# %% tags=["nbval-ignore-output"]
# alt: The same histogram, times 65536. All of it lies where fp16 has all its digits, around 2 to
#   the power -3.
gradient_histograms({"gradients of the feature maps, times 65536": 65536 * of_maps})
plt.show()

# %% [markdown]
# At the end, the gradients of the weights, which are in fp32, are divided by it again. Which
# number? We try some. (`inf` counts what is above the largest number of fp16.)

# %% tags=["nbval-ignore-output"]
everything = torch.cat([of_maps, of_weights])
print("  scale     become 0         inf")
for power in (0, 4, 8, 12, 16, 20, 24, 28):
    infinite = (everything * 2.0**power).half().isinf().sum().item()
    print(f"   2^{power:<2}   {lost_in_fp16(everything, 2.0**power):9.4%} {infinite:11,}")

# %%
lost = {power: lost_in_fp16(everything, 2.0**power) for power in (0, 8, 16)}
print("each scale loses fewer:", lost[0] > lost[8] > lost[16])
print("with 2^16 next to nothing is lost:", lost[16] < 0.0001)
print("and with 2^28 some are infinite:", (everything * 2.0**28).half().isinf().any().item())

# %% [markdown]
# There is a wide range of good scales, and 2^16 = 65536 is well inside it. Does it matter in the
# end? We run the backward pass in fp16 with several scales, divide, and compare the gradients of
# the weights with those in fp32. (The error is the norm of the difference, divided by that of the
# gradient. The *norm* of many numbers is the root of the sum of their squares.)

# %% tags=["nbval-ignore-output"]
for precision, power in [("fp16", 0), ("fp16", 16), ("bf16", 0)]:
    g = gradients(precision, 2.0**power)[0] / 2.0**power
    error = (g - of_weights).norm() / of_weights.norm()
    print(f"{precision}, scale 2^{power}: error {error:.2%}")

# %% [markdown]
# With a scale of 1 the error is larger, but this network would still learn. It gets worse as the
# mean goes over more numbers. 64 colour pictures of 64 x 64 have 96 times as many numbers as our
# batch, so their gradients are about 96 times smaller:

# %% tags=["nbval-ignore-output"]
print(f"now: {lost_in_fp16(of_maps):.1%} become 0; 96 times smaller: "
      f"{lost_in_fp16(of_maps, 1 / 96):.1%}")

# %% [markdown]
# And bf16 needs no scale at all, for it has the range of fp32. Its error is larger, since it has
# fewer digits. Training is not disturbed by that: a batch of other pictures changes the gradient
# far more.
#
# So: bf16 where the hardware computes with it, fp16 with a scale where it does not, and fp32 on a
# CPU that can do neither. `best_precision` asks the hardware:

# %% tags=["nbval-ignore-output"]
print(best_precision(machine.device))

# %% [markdown]
# ## 3. What does autocast change?
#
# `torch.autocast` is a context. Inside it, PyTorch looks at each operation and decides in which
# type it runs. We send a batch through one block, with the tracer of notebook 06, which writes
# down every operation. The columns are what goes in, and what comes out. **The weights are fp32.
# In which type will the output of a convolution be? Of the BatchNorm after it? Of an addition?**

# %%
torch.manual_seed(0)
block = ConvBlock(8, 16, 32).to(machine.device)
x = torch.randn(4, 8, 16, 16, device=machine.device)
temb = torch.randn(4, 32, device=machine.device)
with torch.autocast(machine.device.type, dtype=torch.bfloat16):
    calls = trace(block, x, temb).run.calls
for call in calls:
    if call.returned.dtype.is_floating_point:
        given = ", ".join(seen.kind for seen in call.given[:2] if hasattr(seen, "kind"))
        print(f"{call.place:10} {call.op:12} {given:18} -> {call.returned.kind}")

# %% [markdown]
# There are two kinds here.
#
# - **Convolutions and linear layers** turn what they get into 16 bits, the weights too, and give
#   back 16 bits. That is where nearly all of the time goes.
# - **The rest** takes what comes. SiLU, addition and BatchNorm get 16 bits and give back 16 bits.
#   (BatchNorm's mean and variance are sums. It computes them in fp32 inside, and its running
#   averages stay fp32. `__getitem__` is the indexing that gives the time two more axes.)
#
# A third kind turns back to fp32: what needs digits or range. On every device that is the loss.
# On a GPU it is also softmax, exponentials, sums, LayerNorm and GroupNorm. We ask for the types
# that matter to us:

# %%
with torch.autocast(machine.device.type, dtype=torch.bfloat16):
    out = block(x, temb)
    loss = F.mse_loss(out, torch.zeros_like(out))
print("output of the block:", out.dtype, "\nloss:               ", loss.dtype)
loss.backward()
print("weights:            ", {p.dtype for p in block.parameters()})
print("their gradients:    ", {p.grad.dtype for p in block.parameters()})

# %% [markdown]
# The weights have not changed their type. Autocast makes copies of 16 bits, uses them and throws
# them away. So the optimizer sees weights and gradients in fp32, and knows nothing of all this.
# The backward pass stands outside of the `with`: each operation remembers in which type it ran.
#
# In old code, as in the tutorial that our U-Net comes from, you will find
# `torch.cuda.amp`. It says:

# %%
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    torch.cuda.amp.GradScaler(enabled=False)
for warning in caught:
    print(f"{warning.category.__name__}: {warning.message}")

# %% [markdown]
# It has become `torch.amp.autocast(device_type, dtype=...)`, the same as `torch.autocast`, and
# `torch.amp.GradScaler(device_type)`. They are told the type of the device, so they work on a CPU
# as well.
#
# ## 4. What is in a good training loop?
#
# The loop of `course_utils/training.py` does this at each step:
#
# 1. work out the learning rate for this step;
# 2. draw a batch, compute the loss inside of autocast, and run the backward pass from the scaled
#    loss (`add_gradient`);
# 3. change the weights, and the average of the weights (`take_step`).
#
# All that changes on the way is in one object, `state`: the model, its average, the optimizer,
# the scaler, the random generator, the number of the step. You write 1 and 3.
#
# ### Exercise 7.2: the learning rate
# difficulty 2 of 5, about 8 minutes
#
# The optimizer, Adam, divides each gradient by its usual size, of which it keeps an average. In
# the first steps that average rests on very few gradients, and full steps in a badly known
# direction do harm. So the learning rate starts small and rises: the *warm-up*. Then it falls,
# at the end nearly to 0, so that the weights come to rest, along half a cosine, which is flat at both ends.
#
# With $n$ = `config.steps`, $w$ = `config.warmup`:
#
# $$\mathrm{lr}(s) = \mathrm{lr} \cdot \frac{s + 1}{w} \quad\text{for } s < w
# \qquad\qquad
# \mathrm{lr}(s) = \mathrm{lr} \cdot \frac{1 + \cos(\pi\, d)}{2}, \quad
# d = \frac{s - w}{n - w} \quad\text{from } w \text{ on}$$
#
# | | |
# |---|---|
# | `step` | an int, from 0 to n - 1 |
# | `config` | has `steps`, `warmup` and `lr`, the highest learning rate |
# | returns | a float |
#
# Each formula is for its own steps only. The warm-up may be 0 steps long, or as long as the run. If
# you compute both formulas before you choose one, take max(n - w, 1) in place of n - w, and the same
# care with w.

# %%
def learning_rate(step, config):
    """Rise in a line to config.lr, then fall to 0 like half a cosine.

    () -> ()

    Source: "SGDR: Stochastic Gradient Descent with Warm Restarts" (2016), equation 5.
    """
    raise NotImplementedError("exercise 7.2")

# %%
learning_rate = check("7.2", learning_rate)

# %% [markdown]
# <details><summary>Hint 1: two cases</summary>
#
# `if step < config.warmup:` return the first formula. Behind it comes the second. `math.cos` and
# `math.pi` are there.
# </details>
#
# <details><summary>My check says that the first step has a learning rate of 0</summary>
#
# Steps count from 0. With s / w the first step would change nothing, and the warm-up would end
# below the full rate.
# </details>

# %%
# solution 7.2

# %%
# alt: The learning rate over 300 steps. It rises in a straight line to 0.004 at step 30 and falls
#   in a soft S to 0.
config = TrainConfig(steps=300, warmup=30)
plt.figure(figsize=(7, 2.4))
plt.plot([learning_rate(step, config) for step in range(config.steps)])
plt.xlabel("step")
plt.ylabel("learning rate")
plt.show()

# %% [markdown]
# Note that the curve belongs to the number of steps. A run of 300 steps is not the first part of
# a run of 2,000: it has come to rest, and the other has not.
#
# ### Exercise 7.3: the average
# difficulty 2 of 5, about 8 minutes
#
# Single steps jump about: each has seen other pictures. Their average over the last steps draws
# better. We need not keep a hundred networks for that. After each step, the averaged weights move
# a little towards the present ones:
#
# $$a \leftarrow \mathrm{keep} \cdot a + (1 - \mathrm{keep}) \cdot p$$
#
# This is an *exponential moving average*, EMA.
#
# | | |
# |---|---|
# | `average` | a network: its parameters are the $a$, and are changed in place |
# | `model` | the network that is trained: its parameters are the $p$, and stay as they are |
# | `keep` | a number from 0 to 1 |
# | returns | nothing; `average` itself is fine too |

# %%
@torch.no_grad()
def update_average(average, model, keep):
    """Move the averaged weights a little towards the model's.

    UNet, UNet -> None
    """
    raise NotImplementedError("exercise 7.3")

# %%
update_average = check("7.3", update_average)

# %% [markdown]
# <details><summary>Hint 1: pairs of parameters</summary>
#
# `zip(average.parameters(), model.parameters())` gives pairs of tensors that belong together.
# </details>
#
# <details><summary>Hint 2: in place</summary>
#
# `a = ...` makes a new tensor and gives it the name a. The network keeps its old one.
# `a.copy_(...)` or `a.mul_(...)` changes the tensor itself. `a.lerp_(p, weight)` moves a towards
# p, by the share `weight` of the way. (`a.data = ...` gives the old parameter new numbers, which is
# fine too.)
# </details>
#
# <details><summary>My check says that keep and 1 - keep are exchanged</summary>
#
# With keep = 0.99 the average hardly moves. `lerp_` takes the share that is *not* kept.
# </details>

# %%
# solution 7.3

# %% [markdown]
# How far back does it look? A step's share shrinks by `keep` with every step after it. **With
# keep = 0.99: how much of an average over the first 60 steps is still the untrained network?**

# %%
for keep, steps in [(0.99, 60), (0.99, 300), (0.9, 60), (0.999, 300)]:
    print(f"keep {keep}, after {steps} steps: {keep**steps:.0%} is the start")

# %% [markdown]
# More than half. So `keep` has to fit the length of the run: 0.9 looks back about ten steps, 0.99
# a hundred, 0.999 a thousand. As a rule of thumb, look back over the last tenth of the run: keep =
# 1 - 10 / steps.
#
# ### Exercise 7.4: the step
# difficulty 3 of 5, about 15 minutes
#
# Now the gradients are there, multiplied by the scale. `state.scaler` is a `GradScaler`. It keeps
# the scale and knows what to do with it. In this order:
#
# 1. Put `state.lr` into each `group["lr"]` of `state.optimizer.param_groups`.
# 2. `state.scaler.unscale_(state.optimizer)` divides the gradients by the scale, and remembers
#    whether one of them is infinite or NaN.
# 3. `nn.utils.clip_grad_norm_(state.model.parameters(), config.clip)` *clips*: if the norm of
#    all gradients together is larger than `config.clip`, all are made smaller, so that it is just
#    that. One bad batch cannot throw the weights far away then. It returns the norm before, as a
#    tensor: keep it as a number in `state.norm`. (You may also clip by hand.)
# 4. `state.scaler.step(state.optimizer)` changes the weights, **unless** something was infinite
#    or NaN. Then the step is left out.
# 5. `state.scaler.update()` halves the scale after such a step. (And it doubles it after 2,000
#    good ones in a row.) If the scale has become smaller, add 1 to `state.skipped`.
# 6. Add 1 to `state.step`. Move the average: `update_average(state.average, state.model,
#    config.ema)`. Do both after every step, even one that was left out.
#
# With fp32 and bf16 the scaler is switched off: 2 and 5 do nothing then, the scale is 1, and 4
# just calls `state.optimizer.step()`, whatever the gradients are. So the same code serves all three.

# %%
def take_step(state, config):
    """Change the weights a little against the gradient.

    TrainState, TrainConfig -> None

    The gradients are brought back to their true size before they are clipped. If one of them
    overflowed, the scaler leaves the step out, and halves its scale.
    """
    raise NotImplementedError("exercise 7.4")

# %%
take_step = check("7.4", take_step)

# %% [markdown]
# <details><summary>Hint 1: was the step left out?</summary>
#
# `state.scaler.get_scale()` is the scale. Ask for it before `update()`, and again after it.
# </details>
#
# <details><summary>Hint 2: adding True</summary>
#
# In Python, True counts as 1: `state.skipped += new_scale < scale`.
# </details>
#
# <details><summary>My check says that the learning rate never reaches the optimizer</summary>
#
# `for group in state.optimizer.param_groups:` goes through all groups. An optimizer can have
# several, each with its own learning rate.
# </details>

# %%
# solution 7.4

# %% [markdown]
# With your three pieces, this is the whole loop. (`draw_batch` draws pictures, a step t for each,
# and noise. `config.accumulate` is for section 5. Each
# `add_gradient` computes the loss of a batch, and adds its gradient to what is there.)

# %%
def steps_of(state, config, images):
    """Train from a state on, and yield it after each step."""
    while state.step < config.steps:
        state.lr, state.loss = learning_rate(state.step, config), 0.0
        state.optimizer.zero_grad()
        for _ in range(config.accumulate):
            batch = draw_batch(images, schedule.T, config.batch, state.generator)
            add_gradient(state, batch, schedule, velocity_loss, config)
        take_step(state, config)
        yield state

# %% [markdown]
# We try it on a small network, which takes a second or two:

# %%
def small_net():
    """A small network for quick trials, always with the same weights."""
    torch.manual_seed(0)
    return UNet(in_ch=1, base_ch=8, ch_mult=(1, 2), time_dim=32).to(machine.device)


short = TrainConfig(steps=60, batch=16, warmup=10, ema=0.9)
losses = []
for state in steps_of(start(small_net(), short), short, digits):
    losses.append(state.loss)
print("the loss falls:", sum(losses[-10:]) < 0.7 * sum(losses[:10]))

# %% [markdown]
# ### Is the average ready to draw?
#
# Not yet. You averaged the parameters. But BatchNorm also keeps running means and variances, for
# eval mode, and these are not parameters: in the averaged network they are still those of the
# start, 0 and 1. `averaged` shows it some batches, to measure them anew. **How bad is it to
# forget that?** Here are losses on the same batch, in eval mode:

# %% tags=["nbval-ignore-output"]
@torch.no_grad()
def eval_loss(model):
    return velocity_loss(model.eval(), *batch, schedule).item()


forgotten = eval_loss(state.average)
refreshed = eval_loss(averaged(state, digits, schedule))
print(f"statistics forgotten: {forgotten:.2f}, refreshed: {refreshed:.2f}")

# %%
print("fresh statistics make the loss smaller by a third or more:", refreshed < 0.67 * forgotten)

# %% [markdown]
# ### What does the scaler do when it overflows?
#
# A scaler starts at 65536 and doubles after 2,000 good steps. So sooner or later it is too large,
# in every run. To see that at once, we start at 2^20, in fp16. (This works on a CPU too. It is
# slower there, but it behaves alike.) **What will the first lines say?**

# %% tags=["nbval-ignore-output"]
half = TrainConfig(steps=8, batch=16, warmup=4, precision="fp16")
state = start(small_net(), half)
state.scaler = torch.amp.GradScaler(machine.device.type, init_scale=2.0**20)
for state in steps_of(state, half, digits):
    print(f"step {state.step}: norm {state.norm:.2f}, {state.skipped} skipped, "
          f"scale {state.scaler.get_scale():.0f}")

# %%
print("some steps were skipped, and some not:", 0 < state.skipped < 8)
print("each skipped step halved the scale:",
      state.scaler.get_scale() == 2.0**20 / 2**state.skipped)

# %% [markdown]
# As long as a gradient overflows, the norm is infinite, the weights stay as they are, and the
# scale is halved. After some steps it fits, and training begins. A few skipped steps are no
# fault, and no reason to worry. Skipped steps without end are: then something is infinite at any
# scale.
#
# ### What if you clip before you unscale?
#
# It is an easy mistake to make, and nothing fails. **The true norm is about 2, and
# `clip` is 1. What norm does clipping see if it comes first? What is left after unscaling?**

# %%
def norms(clip_first):
    """Return the norm that clipping sees, and the norm of what the optimizer gets."""
    state = start(small_net(), half)
    state.loss, parameters = 0.0, list(state.model.parameters())
    add_gradient(state, batch, schedule, velocity_loss, half)
    if not clip_first:
        state.scaler.unscale_(state.optimizer)
    seen = nn.utils.clip_grad_norm_(parameters, 1.0)
    if clip_first:
        state.scaler.unscale_(state.optimizer)
    return seen.item(), nn.utils.clip_grad_norm_(parameters, math.inf).item()  # only measures

# %% tags=["nbval-ignore-output"]
for clip_first in (False, True):
    seen, left = norms(clip_first)
    print(f"clip first: {clip_first!s:6} clipping sees {seen:9.1f}, the optimizer gets {left:.6f}")

# %%
(seen, left), (seen_first, left_first) = norms(clip_first=False), norms(clip_first=True)
print("clipping sees a norm 65536 times too large:",
      math.isclose(seen_first, 65536 * seen, rel_tol=0.01))
print("and leaves 1 / 65536:", math.isclose(left_first, 1 / 65536, rel_tol=0.01))

# %% [markdown]
# It sees a norm that is 65536 times too large, and clips every batch, the good ones as well.
# What is left is 1 / 65536, whatever the batch was. Plain gradient descent would stand still.
# Adam divides by the usual size of the gradient, so it hides the mistake: the loss falls nearly
# as well. (Try it.) But what you wanted is lost. Clipping is there for the one bad batch in a thousand, and
# now that batch cannot be told from the others. No error and no shape gives it away. `state.norm`
# does. Print it now and then: it should be a number like 0.3, not 20000.
#
# ### What if the loss is not finite?
#
# Then go no further. One NaN in the loss makes every gradient NaN, and without a scaler every
# weight at the next step. A loop that goes on silently wastes hours. Ours stops and says what it
# knows. Here is a learning rate that is far too high:

# %% tags=["nbval-ignore-output"]
wild = TrainConfig(steps=20, batch=16, warmup=1, lr=1000.0, precision="fp16")
said = "nothing"
try:
    for state in steps_of(start(small_net(), wild), wild, digits):
        pass
except ValueError as error:
    said = str(error)
print(textwrap.fill(said, 90))

# %%
print("the loop stopped, and said so:", said.startswith("the loss is"))

# %% [markdown]
# It names the step, the learning rate, the scale, and the first layer whose output is infinite or
# NaN. The largest number before it was a quarter of 65,504, where fp16 ends. If every layer is
# finite, look at the loss and at the pictures.
#
# ## 5. What fills the memory?
#
# "CUDA out of memory" comes to everyone who trains on a GPU. What is all that memory for? The
# first part is there all the time. **Our network has about 567,000 parameters of 4 bytes. Adam
# keeps two averages for each: of the gradient, and of its square. What else is there?**

# %%
def mib(tensors):
    """Return the size of tensors in MiB, 2^20 bytes."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors) / 2**20


weights = mib(net.parameters())
rows = {"weights": weights, "their average": weights, "Adam's two averages": 2 * weights,
        "gradients, during a step": weights}
for name, size in rows.items():
    print(f"{name:25} {size:4.1f} MiB")

# %% [markdown]
# The second part is there from the forward pass to the backward pass: what each layer has to
# remember so that its gradient can be computed, above all its inputs. These are called the kept
# *activations*. The tracer counts them, here for a batch of 32:

# %%
x0, t, eps = batch
print(trace(net.train(), x0, t).table("memory", depth=2))

# %% [markdown]
# Ten times the weights, and this part grows with the batch and with the pictures. The largest
# pieces are at the top of the U, where the maps are large. So when memory runs out, it is mostly
# the activations. There are four things to try:
#
# - **16 bits** (`precision="bf16"` or `"fp16"`): most activations take half the room.
# - **Half a batch, twice** (`batch=16, accumulate=2`): the gradients of two half batches are
#   added up before the step.
# - **Gradient checkpointing** (`recompute_blocks(net)`): a block keeps only its inputs. In the
#   backward pass it runs once more, to have again what it threw away. (It has nothing to do with
#   the checkpoints of section 6, but for the name.)
# - **Fewer channels**: another network.
#
# `peak_memory` runs a training step and tells how much memory it takes at its height, beyond what
# was there before. **Write down your guesses: which saves most? Which costs most time?**

# %%
def one_step(recompute=False, base_ch=32, batch=32, accumulate=1, precision="fp32"):
    """Return a function that does one training step with these choices."""
    torch.manual_seed(0)
    net = UNet(in_ch=1, base_ch=base_ch, ch_mult=(1, 2, 4), time_dim=128)
    net = net.to(machine.device, memory_format=torch.channels_last)
    config = TrainConfig(batch=batch, accumulate=accumulate, precision=precision)
    states = steps_of(start(recompute_blocks(net) if recompute else net, config), config, digits)
    next(states)  # the first step makes Adam's averages
    return lambda: next(states)

# %%
best = best_precision(machine.device)
bits = "bf16" if best == "fp32" else best  # fp32 is no choice here: we want to see 16 bits
choices = {
    "as it is": {},
    "16 bits": {"precision": bits},
    "half a batch, twice": {"batch": 16, "accumulate": 2},
    "recompute the blocks": {"recompute": True},
    "all three": {"precision": bits, "batch": 16, "accumulate": 2, "recompute": True},
    "16 channels for 32": {"base_ch": 16},
}
peaks = {name: peak_memory(one_step(**c), machine.device) for name, c in choices.items()}

# %% tags=["nbval-ignore-output"]
def seconds(step):
    """Return the time of the fastest of four steps."""
    times = []
    for _ in range(4):
        begun = time.perf_counter()
        step()
        times.append(time.perf_counter() - begun)
    return min(times)


times = {name: seconds(one_step(**choice)) for name, choice in choices.items()}
for name in choices:
    slower = times[name] / times["as it is"]
    print(f"{name:22} {peaks[name] / 2**20:5.1f} MiB   {slower:.1f} times as long")

# %%
print("16 bits, half batches and recomputing each save a third or more:",
      all(peaks[name] < 0.67 * peaks["as it is"] for name in list(choices)[1:4]))
print("all three together save two thirds or more:",
      peaks["all three"] < 0.33 * peaks["as it is"])

# %% [markdown]
# On this machine, that is. The times differ from one to the next, and what else a machine does
# while it measures shows in them: recomputing is more work, so a time below 1 for it says no more
# than that. On a GPU, 16 bits should *save* time; that is what its makers measure, and we haven't
# timed this network on one. On a CPU that cannot compute with them, every product is converted back
# and forth, and they cost time. Try in this order:
#
# | when memory runs out | price |
# |---|---|
# | 1. 16 bits | none on a GPU, it is even faster; fp16 needs the scaler |
# | 2. half a batch, twice | a little time; BatchNorm sees half batches: noisier statistics |
# | 3. recompute the blocks | a third more time or so; the results are the same |
# | 4. fewer channels, or smaller pictures | it is another network, and a weaker one |
#
# What none but the last saves is the first part: weights, averages, gradients. In a large network
# with a small batch, that is what fills the memory. Are the results of recomputing really the
# same? We compare the losses of five steps:

# %%
five = TrainConfig(steps=5, batch=16, warmup=2)
kept = [s.loss for s in steps_of(start(small_net(), five), five, digits)]
again = [s.loss for s in steps_of(start(recompute_blocks(small_net()), five), five, digits)]
print("the same:", all(math.isclose(a, b, rel_tol=1e-3) for a, b in zip(kept, again)))

# %% [markdown]
# ## 6. How does a run survive?
#
# Colab takes a machine away when it is idle, when a GPU has been yours for long, when your laptop
# goes to sleep. Everything in its memory is gone then, and its disk with it. So all that training
# needs to go on has to be written to a file every now and then, on your Google Drive: a
# *checkpoint*.
#
# And the machine may go away **while the file is being written**. Then there is half a file, and
# if it had the name of the last good one, that one is lost too. So a careful program writes
# beside it, and renames at the end. Renaming is one single action of the file system: before it,
# the old file is there, after it, the new one. (So it is on the disk of a machine. Drive copies
# the file to its own disks later, which is one more reason to keep two.)
#
# ### Exercise 7.5: whole or not at all
# difficulty 3 of 5, about 12 minutes
#
# | | |
# |---|---|
# | `write` | a function: `write(file)` fills a file that is open for writing bytes |
# | `path` | a `Path`: where the result has to be |
# | returns | nothing |
#
# 1. The file beside it is `path.with_suffix(".new")`, or has any other name in the same folder.
#    Open it with `.open("wb")`.
# 2. Call `write(file)`. Then `file.flush()`, which hands over to the operating system what Python
#    has not yet written, and `os.fsync(file.fileno())`, which waits until it is on the disk.
# 3. When the file is closed, rename it: `new.replace(path)`.
# 4. If anything is raised on the way (also when somebody interrupts, so `except
#    BaseException:`), remove the half file and raise on. `new.unlink(missing_ok=True)` removes it.

# %%
def write_whole(write, path):
    """Let write(file) fill a file; it appears under its path when it is whole, or not at all.

    () -> None

    It is written beside path, under the same name with .new for its suffix, flushed to the disk,
    and renamed, which replaces an older file of that name in one go. If anything is raised on the
    way, the half file is removed, and the old one is as it was.
    """
    raise NotImplementedError("exercise 7.5")

# %%
write_whole = check("7.5", write_whole)

# %% [markdown]
# <details><summary>Hint 1: the frame</summary>
#
# `new = path.with_suffix(".new")`, then `try:` with everything that can fail, then `except
# BaseException:`. A bare `raise` at its end raises on what was caught.
# </details>
#
# <details><summary>Hint 2: what stands in the with</summary>
#
# `write`, `flush` and `fsync` need the open file, so they stand inside of `with new.open("wb") as
# file:`. The renaming stands behind it, when the file is closed.
# </details>
#
# <details><summary>My check says that the old file is gone</summary>
#
# Was something opened under `path` itself? `open("wb")` empties a file at once.
# </details>

# %%
# solution 7.5

# %% [markdown]
# A file of 1,000 bytes is there. Then a new one of 2,000 is written, and the program is stopped
# half way. **What is there after each way of writing?** (A machine that goes away runs no
# `except`. Then half a file stays behind, under the other name, where it does no harm. The next
# `save` removes it.)

# %%
scratch = tempfile.TemporaryDirectory()  # it is gone when the notebook is closed
folder = Path(scratch.name)


def dies(file):
    file.write(bytes(1000))
    raise SystemExit("somebody stopped it")


def plainly(write, path):
    with path.open("wb") as file:
        write(file)


for writer in (plainly, write_whole):
    path = folder / "run.pt"
    path.write_bytes(b"x" * 1000)
    try:
        writer(dies, path)
    except SystemExit:
        print(f"{writer.__name__}: the file is the old one: {path.read_bytes() == b'x' * 1000}")

# %% [markdown]
# ### What has to be in the file?
#
# `save(state, folder, settings)` of `course_utils/checkpoint.py` writes such a file, and
# `resume(state, folder, settings)` puts what it holds into a fresh state. `settings` says what is
# trained and how. Someone who resumes with other settings is told so. We train the small network
# for 40 steps, and keep it at the 20th:

# %%
plan = TrainConfig(steps=40, batch=16, warmup=8, ema=0.9)
settings = {"model": "small", "data": "digits"} | asdict(plan)
whole = []
for state in steps_of(start(small_net(), plan), plan, digits):
    whole.append(state.loss)
    if state.step == 20:
        path = save(state, folder, settings)
for name, value in checkpoint.load(path).items():
    several = isinstance(value, (dict, list, torch.Tensor))
    print(f"{name:15} {type(value).__name__:7} {len(value) if several else ''}".rstrip())

# %% [markdown]
# | part | what goes wrong without it |
# |---|---|
# | `model` | everything is lost |
# | `average` | it starts anew from single, jumping weights |
# | `optimizer` | Adam's averages start at 0 again, and this time without a warm-up |
# | `scaler` | in fp16, the scale starts at 65536 again, with skipped steps |
# | `generator`, `random` | other pictures, other noise: a good run, but not the same one |
# | `step` | the learning rate starts with the warm-up again, and the end is never reached |
# | `settings`, `format` | nobody can say what the file is |
#
# Now the machine is gone at step 20. We simulate that: leave the loop, delete the state. Then a
# fresh network, made as on a new machine, goes on from the file. **Will the losses be those of
# the run that was left alone? Nearly, or exactly?** And what if the optimizer is left out?

# %%
del state


def go_on(forget=()):
    """Resume, with some parts as in a fresh run; return the losses to the end."""
    torch.manual_seed(123)  # whatever a new machine begins with
    state = start(UNet(in_ch=1, base_ch=8, ch_mult=(1, 2), time_dim=32).to(machine.device), plan)
    resume(state, folder, settings)
    fresh = start(state.model, plan)
    for part in forget:
        setattr(state, part, getattr(fresh, part))
    return [state.loss for state in steps_of(state, plan, digits)]


resumed = go_on()
without = {part: go_on(forget=[part]) for part in ("optimizer", "generator")}

# %%
gap = max(abs(a - b) for a, b in zip(resumed, whole[20:], strict=True))
print("the resumed run meets the other:", gap < 0.02, " bit for bit:", gap == 0)
for part, losses in without.items():
    print(f"without the {part} it does not:", losses != whole[20:])

# %% tags=["nbval-ignore-output"]
# alt: Losses of 40 steps. The resumed run begins at step 21 and lies on the curve of the run that
#   was left alone. The runs without the optimizer's and without the generator's state go other
#   ways.
lacking = {f"without the {part}": losses for part, losses in without.items()}
loss_curves({"left alone": whole, "resumed": resumed, **lacking})
plt.show()

# %% [markdown]
# Exactly: on a CPU, every bit of every loss is the same. (On a GPU some operations add numbers up
# in an order that changes from run to run. There the two curves lie on each other, but for the
# last digits.) That is the test of a checkpoint.
#
# Note how harmless the dashed curves look. Without the optimizer nothing jumps in this trial, and
# by itself each curve would pass for a good one. Only beside the run that was left alone can you
# see that something is missing. The test is worth doing with every training program that you
# write.
#
# ### What if the file is damaged?
#
# Disks fill up, and connections to Drive break. `save` keeps the last two files, so that there is
# another. We save at steps 30 and 40, and cut the last one in half. **What should a good program
# do: stop, or go on? What should it say?**

# %%
for state in steps_of(start(small_net(), plan), plan, digits):
    if state.step in (30, 40):
        path = save(state, folder, settings)
os.truncate(path, path.stat().st_size // 2)
print("files:", [file.name for file in sorted(folder.glob("step-*.pt"))])
state = resume(start(small_net(), plan), folder, settings)
print("resumed at step", state.step)

# %% [markdown]
# It says what is wrong with which file, and takes the one before. And if you resume with other
# settings, by mistake? A run of 80 steps has another learning rate at step 30, so it is not the
# same run:

# %%
path.unlink()  # the damaged one
try:
    resume(start(small_net(), plan), folder, settings | {"steps": 80})
except FileError as error:
    print(str(error).replace(str(folder), "the folder"))

# %% [markdown]
# ### Can a file be dangerous?
#
# Yes. PyTorch's files are *pickles*, and a pickle may name any function, which is called when it
# is loaded. Here is one that only prints. It might as well delete your Drive:

# %%
class Surprise:
    def __reduce__(self):
        return print, ("This line was run by loading a file.",)


torch.save({"model": Surprise()}, folder / "from-a-stranger.pt")
loaded = torch.load(folder / "from-a-stranger.pt", weights_only=False)
try:
    checkpoint.load(folder / "from-a-stranger.pt")
except FileError as error:
    print("ours:", error)

# %% [markdown]
# So load with `weights_only=True`, which takes tensors and plain values and nothing else. It has
# been PyTorch's default since version 2.6. `weights_only=False` is in many older programs, and is
# for files that you wrote yourself.
#
# ### Now for real
#
# On Colab, the box `keep_on_drive` in the first cell decides. If you ticked it, the files are kept
# on your Google Drive, and the run outlives the machine: after a disconnect, run the cells of this
# notebook again, and training resumes where the last file was written. Without the box they are in
# a temporary folder, and are gone when the notebook is closed.

# %% tags=["nbval-ignore-output"]
scratch = tempfile.TemporaryDirectory()
folder = drive.folder() / "run-07" if drive.in_use else Path(scratch.name)

# %% [markdown]
# The settings: as much training as suits the machine, and the precision that it is best at. The
# next machine may be another one, and would choose otherwise. So a run that is in the folder goes
# on with the settings that it was begun with.

# %% tags=["nbval-ignore-output"]
data = "digits"  # @param ["digits", "mnist", "fashion_mnist", "cifar10"]
steps = machine.budget(cpu=300, gpu=5000)
config = TrainConfig(
    steps=steps, batch=32 if data == "digits" else 64, warmup=min(100, steps // 10),
    ema=1 - 10 / max(steps, 20), precision=best_precision(machine.device))
settings = {"data": data} | asdict(config)
if runs_in(folder):
    settings = latest(folder)["settings"]
    data, config = settings["data"], TrainConfig(**{key: settings[key] for key in asdict(config)})

# %% [markdown]
# Pictures, network and state for them. (To train your own network, write
# `portfolio.load().UNet` in place of `UNet`, after `from course_utils import portfolio`.)

# %% tags=["nbval-ignore-output"]
images = load(data, "train")[0].to(machine.device)
in_ch, base_ch = images.shape[1], 32 if data == "digits" else 64
torch.manual_seed(0)
net = UNet(in_ch=in_ch, base_ch=base_ch, ch_mult=(1, 2, 4), time_dim=4 * base_ch)
state = start(net.to(machine.device, memory_format=torch.channels_last), config)
if runs_in(folder):
    resume(state, folder, settings)
print(f"from step {state.step} to {config.steps}, in {config.precision}")

# %% [markdown]
# And go. `TrainingView` runs your loop in the background and shows the loss, the learning rate,
# the scale, the skipped steps, the pictures per second, and three times on the way what the
# averaged network draws. After every 100 steps (on a GPU 500), `keep` saves. You may press the
# button to stop after the present step, which saves too. Then run this cell and the two above it
# again: it goes on from the last file. (Not the one that chooses the folder. Without Drive it makes
# a new one.)

# %% tags=["nbval-ignore-output"]
xT = torch.randn(20, *images.shape[1:], generator=torch.Generator().manual_seed(1))
save_every = 500 if machine.has_gpu else 100


def draw(state):
    model = NoiseFromVelocity(averaged(state, images, schedule), schedule)
    return last(ddim(model, xT.to(machine.device), schedule, steps=20))


def keep(state):
    if state.step % save_every == 0 or state.step == config.steps or view.stop.is_set():
        save(state, folder, settings)


states = steps_of(state, config, images)
view = TrainingView(states, config, draw, keep, every=max(1, config.steps // 3)).start()

# %% [markdown]
# The next cell waits for it. While it waits, other cells cannot run, and the button is not heard.
# That is the difference to the cell above, which returned at once. To end the run while this cell
# waits, interrupt it (the square beside the cell, or Runtime, Interrupt execution). That saves too.

# %% tags=["nbval-ignore-output"]
# alt: The loss of 300 steps on a logarithmic axis. It falls from 1 to about 0.15, steeply at
#   first.
state = view.result() or state  # None if there was nothing left to do
if view.losses:
    last_losses = view.losses[-50:]
    print(f"mean of the last {len(last_losses)} losses: {sum(last_losses) / len(last_losses):.3f}")
    loss_curve(view.losses)
    plt.show()

# %% tags=["trained"]
print("steps:", state.step, " all finite:", all(math.isfinite(loss) for loss in view.losses))
print("files:", [file.name for file in sorted(folder.glob("step-*.pt"))])

# %% [markdown]
# ## 7. What does it draw?
#
# Five hundred pictures of the averaged network, in 25 looks each, judged as in notebook 00 (its
# section 7 explains the figures):

# %% tags=["nbval-ignore-output"]
# alt: Forty pictures drawn by the averaged network, in four rows of ten. All are made of strokes,
#   and many are not digits yet.
torch.manual_seed(0)
model = NoiseFromVelocity(averaged(state, images, schedule), schedule)
xT = torch.randn(500, *images.shape[1:]).to(machine.device)
samples = last(ddim(model, xT, schedule, steps=25))
quality = measure(samples, data)
print(quality)
grid(samples[:40])
plt.show()

# %% tags=["trained"]
print("nearer to the real pictures than a Gaussian is:",
      quality.samples.distance < 0.8 * quality.gaussian.distance)
print("all ten classes are drawn:", quality.samples.entropy > math.log2(9))

# %% [markdown]
# Three hundred steps are few. The strokes are there, and many of them are not digits yet. (Why
# are the pictures from a Gaussian recognised nearly as often? It has the mean of the digits and
# the way in which their pixels vary together, so it draws smooth blots of the right size. Its
# distance is what tells them apart. Notebook 09 looks at it closely.)
#
# **Expected by now**, on the digits with batches of 32. Each line is a run of its own, from the
# warm-up to a learning rate of 0, with the settings of section 6; the loss is the mean of its
# last 50 steps. (Measured on 2026-11-21, two cores of a 2.5 GHz Xeon, torch 2.11, fp32; 500
# real digits have a distance of about 5.) If your figures are far worse, something is
# wrong, and the list at the end says where to look. To train longer, change `cpu=300` in section
# 6, and run the cells from the one that chooses the folder on. (If that is on your Drive, rename
# `run-07` there first, or this run is resumed.)
#
# | steps | loss | recognised | Frechet distance |
# |---|---|---|---|
# | 100 | 0.178 | 38% | 111 |
# | 300 | 0.135 | 53% | 50.5 |
# | 500 | 0.121 | 60% | 37.7 |
# | 2,000 | 0.103 | 76% | 13.9 |
#
# ## 8. And without a notebook?
#
# For longer runs a shell is better than a browser: nothing depends on an open page. The same loop
# runs from there. In the folder of the course (on Colab, write `!cd {course} &&` before a
# command):
#
# ```
# python -m course_utils train --data digits --seconds 90 --out runs/digits
# python -m course_utils train --data digits --out runs/digits --resume
# python -m course_utils sample runs/digits --n 500 --steps 50 --out digits.npz
# ```
#
# The first trains for about 90 seconds, in the best precision for the device, and saves every 500
# steps. Ctrl-C ends it after the present step, and saves. If it was ended, or cut off, the second
# goes on. The third writes
# the samples into an array, and a picture of a hundred beside it. `--model` takes `tutorial`,
# `ddpm` or `sigma`: the networks of notebook 10 are trained by the same loop.
#
# On a machine with several GPUs, `accelerate` starts one process for each, and each takes its
# share of every batch:
#
# ```
# accelerate launch -m course_utils train --data fashion_mnist --steps 20000 --out runs/fashion
# ```
#
# On a GPU, PyTorch can also *compile* a network: it looks at all operations, and writes faster
# code for them together. We estimate a minute or more at the start (we haven't timed it on a GPU),
# so it pays in long runs only.
# Compile what you train, and keep the plain network for everything else. They share their
# weights, and a checkpoint of one fits the other:
#
# ```
# state = start(torch.compile(net), config)
# ```
#
# ## Recap
#
# - fp16 has a small range, bf16 has few digits. Products take 16 bits; weights and sums need 32.
# - Scale the loss, so that small gradients stay above 0 in fp16. Unscale, then clip, then step. A
#   skipped step now and then belongs to it. bf16 needs no scale.
# - The learning rate rises, then falls to 0. The average of the weights draws, with its BatchNorm
#   measured anew.
# - Kept activations fill the memory. First 16 bits, then smaller batches, then recomputing.
# - A checkpoint holds all that changes, is whole or not there, and is tested by resuming: the
#   curves must meet.
#
# **What can go wrong.** A norm that is always in the thousands: clipped before unscaling. Skipped
# steps without end: something is infinite at any scale. Drawings much worse than the loss: the
# average was used without fresh BatchNorm, or `ema` is too large for a short run. Curves that do
# not meet after resuming: something is not in the file. A run that starts anew after a
# disconnect: the folder was on the machine's own disk.
#
# **Where to look.** `course_utils/precision.py` has autocast and the scaler, `training.py` the
# loop, `averaging.py` the average, `files.py` and `checkpoint.py` the files, `recompute.py` and
# `memory.py` what section 5 used, `__main__.py` the command line. The next notebook is [08,
# attention variants](08_attention_variants.ipynb). The map of the course is in
# [00](00_start_here.ipynb).

# %% [markdown]
# ## How far are you?
#
# Here are all exercises of the course. What you have done is kept in `my_progress.txt`, beside
# `my_unet.py`.

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()
