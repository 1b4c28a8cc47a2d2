# %% [markdown]
# # 07 AMP training that survives a disconnect
#
# {{badge}}
#
# In this notebook you will
#
# - see what numbers of 16 bits can hold, and where small gradients die in them;
# - write the pieces of a good training loop, which waits for its GPU as seldom as it can;
# - save a run so that it resumes with the same numbers, to the last bit;
# - train your network with all of it, and let it draw as well as before in less time.
#
# *AMP* is automatic mixed precision: training in which some numbers have 16 bits and others 32.
# The notebook has five exercises and takes about 70 minutes. On Colab, choose a GPU if you can.
# %%
# setup

# %%
import copy
import math
import os
import tempfile
import textwrap
import time
from dataclasses import asdict
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from course_utils import checkpoint, drive, portfolio
from course_utils.averaging import averaged
from course_utils.checkpoint import latest, resume, runs_in, save
from course_utils.checks import check
from course_utils.data import load
from course_utils.diffusion import NoiseFromVelocity, draw_batch, velocity_loss
from course_utils.keeping import keep_weights
from course_utils.memory import peak_memory
from course_utils.plots import gradient_histograms, grid, lines, loss_curve, loss_curves
from course_utils.plots import number_lines
from course_utils.precision import PRECISIONS, autocast, best_precision
from course_utils.quality import measure
from course_utils.recompute import recompute_blocks
from course_utils.samplers import last
from course_utils.schedule import cosine_schedule
from course_utils.shapes import trace
from course_utils.training import TrainConfig, add_gradient, start, train
from course_utils.waiting import count_reads
from course_utils.widgets import TrainingView

# %% [markdown]
# ## 1. What can a number of 16 bits hold?
#
# PyTorch's usual numbers, fp32, have 32 bits: 1 for the sign, 8 for the *exponent*, which says
# between which two powers of two a number lies, and 23 for its digits. Two types make do with 16,
# take half the memory, and are multiplied several times as fast on a GPU.
#
# | type | bits for the exponent | bits for the digits |
# |---|---|---|
# | fp32, `torch.float32` | 8 | 23 |
# | fp16, `torch.float16` | 5 | 10 |
# | bf16, `torch.bfloat16` | 8 | 7 |
#

# Here is every number between 1 and 1.03 that each type has (fp32 has too many to draw). The red
# line is 1.0004. **What will 1 + 0.0004 be in fp16 and in bf16? And 1 - 0.0004?**
# %%
# alt: The numbers between 1 and 1.03 as strokes: fp32 is solid, fp16 has about thirty, bf16 four.
#   A line at 1.0004 lies between two strokes of fp16.
number_lines(1, 1.03, marked=1.0004)
plt.show()
for name, dtype in PRECISIONS.items():
    limits = torch.finfo(dtype)
    weights = torch.tensor([1, 1, 0.05, 0.05], dtype=dtype)
    moved = weights + torch.tensor([0.0004, -0.0004, 0.0004, -0.0004], dtype=dtype)
    print(f"{name}: from {limits.smallest_normal:.1e} to {limits.max:.1e}; 1 moves to "
          "{:.5f} and {:.5f}, 0.05 to {:.5f} and {:.5f}".format(*moved.tolist()))

# %% [markdown]
# bf16 has the exponent of fp32 and so its range, and pays with digits. fp16 has more digits, and
# nothing above 65,504; below its smallest normal number are *subnormal* ones, with fewer and fewer
# digits.
#
# **Weights need 32 bits.** A training step changes a weight by about the learning rate, say by
# 0.0004. In bf16 a weight of 1 never moves, and in fp16 only downwards, because below 1 the
# numbers lie twice as close. A weight of 0.05 moves in both.
#
# **Sums need 32 bits**, too. **Add 1 three thousand times in each type. Where does it end?**
# %%
for name, dtype in PRECISIONS.items():
    total, one = torch.zeros((), dtype=dtype), torch.ones((), dtype=dtype)
    for _ in range(3000):
        total = total + one
    print(f"{name}: {total.item():.0f}")

# %% [markdown]
# Above 256 the numbers of bf16 lie 2 apart, so 256 + 1 is rounded back to 256, again and again.
# fp16 gets stuck at 2,048. What 16 bits *are* good for is a product or a convolution. The hardware
# adds the products up in 32 bits and rounds once, and over many results these errors mostly
# cancel. So weights and sums are fp32 and products have 16 bits: that's *mixed* precision.
#
# ## 2. Where does a small gradient die?
#
# With products in 16 bits, the gradients that pass from layer to layer have 16 bits too. How small
# are they? The loss is a mean, so with 32 pictures of 16 x 16 the gradient of each pixel is
# divided by 8,192. fp16 has all its digits only down to 0.00006.
#
# Let's look at **your** network, made of the parts that you wrote and trained afresh for 40 steps
# by the course's loop, which section 4 takes apart. (`channels_last` is a layout in memory in
# which convolutions run faster.)
# %% tags=["nbval-ignore-output"]
mine = portfolio.load()
UNet, ConvBlock = mine.UNet, mine.ConvBlock

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
# The next function multiplies the loss by `scale` and returns two long rows: the gradients of the
# weights, and those of the feature maps that come out of the convolutions. (Biases are left out.
# Many stand before a BatchNorm, which cancels them.)
# %%
batch = draw_batch(digits, schedule.T, 32, torch.Generator().manual_seed(5))


def gradients(precision, scale=1.0, batch=batch):
    """Return the gradients of the weights and of the feature maps, each as one row."""
    maps = []
    handles = [layer.register_forward_hook(lambda layer, given, out: maps.append(out))
               for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    with autocast(precision, machine.device):
        loss = velocity_loss(net.train(), *batch, schedule)
    for handle in handles:
        handle.remove()
    for out in maps:
        out.retain_grad()
    net.zero_grad()
    (scale * loss).backward()
    weights = torch.cat([p.grad.flatten() for p in net.parameters() if p.ndim > 1])
    return weights, torch.cat([out.grad.flatten() for out in maps])


of_weights, of_maps = gradients("fp32")

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
# Count only numbers that are not 0, and return which share **of these** becomes 0 in fp16.
# (`tensor.half()` turns a tensor into fp16.) If there is nothing to count, nothing is lost: return
# 0.
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
# **Of a hundred gradients of the maps, how many will become 0? How many are large enough to keep
# all their digits?**

# %% tags=["nbval-ignore-output"]
# alt: The gradients over powers of two. Most lie near 2 to the power -19, where fp16 has fewer
#   digits, and a few where they become 0.
for name, g in [("weights", of_weights), ("feature maps", of_maps)]:
    g = g[g != 0].abs()
    normal = (g >= torch.finfo(torch.float16).smallest_normal).float().mean().item()
    print(f"{name}: {lost_in_fp16(g):.2%} become 0, {normal:.1%} keep all their digits")
gradient_histograms({"gradients of the feature maps": of_maps})
plt.show()

# %% [markdown]
# Few vanish, but almost none keep full precision, and the right side of fp16's range is empty. So
# multiply the loss by a large number, the *loss scale*. The chain rule multiplies every gradient
# by it, and afterwards we divide. **What if it's too large?**
# %% tags=["nbval-ignore-output"]
everything = torch.cat([of_maps, of_weights])
print("  scale     become 0         inf")
for power in (0, 8, 16, 24, 28):
    infinite = (everything * 2.0**power).half().isinf().sum().item()
    print(f"   2^{power:<2}   {lost_in_fp16(everything, 2.0**power):9.4%} {infinite:11,}")

# %% [markdown]
# Many scales are good, and 2^16 = 65536 is well inside their range. Do the weights notice? We
# compare their gradients with those in fp32: the *norm* of the difference (the root of the sum of
# squares) over that of the gradient. 64 colour pictures of 64 x 64 have 96 times as many numbers
# as our batch, so here is our loss divided by 96, too.
# %% tags=["nbval-ignore-output"]
errors = {}
rows = [("fp16", 1, 0), ("fp16", 96, 0), ("fp16", 96, 16), ("bf16", 96, 0)]
for precision, divided, power in rows:
    factor = 2.0**power / divided
    g = gradients(precision, factor)[0] / factor
    errors[precision, divided, power] = ((g - of_weights).norm() / of_weights.norm()).item()
    print(f"{precision}, loss / {divided:<2}, scale 2^{power:<2}: "
          f"error {errors[precision, divided, power]:6.2%}")
other = draw_batch(digits, schedule.T, 32, torch.Generator().manual_seed(6))
change = ((gradients("fp32", batch=other)[0] - of_weights).norm() / of_weights.norm()).item()
print(f"fp32, other pictures:       change {change:.0%}")

# %% tags=["trained"]
print("unscaled, the small loss has over ten times the error:",
      errors["fp16", 96, 0] > 10 * errors["fp16", 96, 16])
print("without a scale, bf16 is much better:", errors["bf16", 96, 0] < 0.3 * errors["fp16", 96, 0])

# %% [markdown]
# Without the scale, the small loss's gradient is off by nearly half its length. bf16 needs none,
# because it has the range of fp32. It has fewer digits, so its error is larger than that of scaled
# fp16, but other pictures change the gradient far more.
#
# ### Does the loss notice?
#
# Four trainings of a small U-Net; only the precision differs. A `GradScaler` multiplies the loss
# and divides the gradients, and the last run has none. The loss is divided by 6,144, as for 32
# colour pictures of 512 x 512. **Which runs will fail?**
# %% tags=["nbval-ignore-output"]
# alt: Four losses over 60 steps. Three lie on each other, fp16 without a scaler stays above them.
def small_net():
    """A small network for quick trials, always with the same weights."""
    torch.manual_seed(0)
    return UNet(in_ch=1, base_ch=8, ch_mult=(1, 2), time_dim=32).to(machine.device)


DIVIDED = 6144


def small_loss(*given):
    return velocity_loss(*given) / DIVIDED


def curve(precision, scaled=True):
    steps = machine.budget(cpu=60, gpu=300)
    config = TrainConfig(steps=steps, batch=16, warmup=steps // 6, precision=precision)
    state = start(small_net(), config)
    if not scaled:
        state.scaler = torch.amp.GradScaler(machine.device.type, enabled=False)
    run = train(state.model, digits, schedule, config, small_loss, state=state)
    return [DIVIDED * state.loss for state in run]


runs = {"fp32": curve("fp32"), "bf16": curve("bf16"),
        "fp16 with a scaler": curve("fp16"), "fp16 without": curve("fp16", scaled=False)}
loss_curves(runs)
plt.show()

# %% tags=["trained"]
ends = {name: sum(losses[-10:]) / 10 for name, losses in runs.items()}
print("bf16 and scaled fp16 end where fp32 does:",
      all(abs(ends[name] / ends["fp32"] - 1) < 0.1 for name in ("bf16", "fp16 with a scaler")))
print("fp16 without a scaler does not:", ends["fp16 without"] > 1.5 * ends["fp32"])

# %% [markdown]
# So: bf16 where the hardware computes with it, fp16 with a scale where it doesn't (Colab's T4),
# and fp32 on a CPU that can do neither. `best_precision` asks the hardware:
# %% tags=["nbval-ignore-output"]
print(best_precision(machine.device))

# %% [markdown]
# ## 3. What does autocast change?
#
# Inside `torch.autocast`, PyTorch chooses the type in which each operation runs. We send a
# batch through your `ConvBlock`, with the tracer of notebook 06. **The weights are fp32. What
# comes out of a convolution? Of the BatchNorm after it?**
# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
block = ConvBlock(8, 16, 32).to(machine.device)
x = torch.randn(4, 8, 16, 16, device=machine.device)
temb = torch.randn(4, 32, device=machine.device)
with torch.autocast(machine.device.type, dtype=torch.bfloat16):
    calls = trace(block, x, temb).run.calls
    out = block(x, temb)
    loss = F.mse_loss(out, torch.zeros_like(out))
for call in calls:
    if call.returned.dtype.is_floating_point:
        given = ", ".join(seen.kind for seen in call.given[:2] if hasattr(seen, "kind"))
        print(f"{call.place:10} {call.op:12} {given:18} -> {call.returned.kind}")
loss.backward()
print("loss:", loss.dtype, " weights:", {p.dtype for p in block.parameters()},
      " their gradients:", {p.grad.dtype for p in block.parameters()})

# %% [markdown]
# **Convolutions and linear layers**, which take nearly all of the time, turn what they get into 16
# bits, the weights too. **SiLU, addition and BatchNorm** keep the type they're given. The loss goes
# back to fp32, and on a GPU so do softmax, exponentials and GroupNorm.
#
# Autocast casts each weight once and keeps the copy until the context ends. The weights themselves
# and their gradients stay fp32, so the optimizer knows nothing of all this.
#
# ## 4. What is in a good training loop?
#
# Each step works out the learning rate, draws a batch, runs the backward pass from the scaled
# loss, and changes the weights and their average. All that changes is in one object, `state`.
#
# ### Exercise 7.2: the learning rate
# difficulty 2 of 5, about 8 minutes
#
# Adam divides each gradient by an average of its size. At first that average rests on very few
# gradients, and full steps in a badly known direction do harm. So the learning rate starts small
# and rises: the *warm-up*. Then it falls along half a cosine, so that the weights come to rest.
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
# The warm-up may be 0 steps long, or as long as the run: don't divide by zero then.

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
# `if step < config.warmup:` return the first formula. After it comes the second. `math.cos` and
# `math.pi` are there.
# </details>
#
# <details><summary>Hint 2: if you compute both formulas before you choose one</summary>
#
# Take `max(n - w, 1)` in place of n - w, and the same care with w.
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
# alt: Two learning rates rise to 0.004, then fall in a soft S to 0, by steps 100 and 300.
rates = {f"{n} steps": [learning_rate(step, TrainConfig(steps=n, warmup=30)) for step in range(n)]
         for n in (300, 100)}
rates["100 steps"] += [math.nan] * 200
lines(range(300), rates, "step", "learning rate")
plt.show()

# %% [markdown]
# A short run isn't the first part of a longer one, because it has come to rest.
#
# ### Exercise 7.3: the average
# difficulty 2 of 5, about 8 minutes
#
# Single steps jump about, because each has seen other pictures, and an average of the weights draws
# better. We needn't keep a hundred networks for it. The *exponential moving average*, EMA, moves a
# little towards the present weights after each step:
#
# $$a \leftarrow \mathrm{keep} \cdot a + (1 - \mathrm{keep}) \cdot p$$
#
# | | |
# |---|---|
# | `average` | a network: its parameters are the $a$, changed in place |
# | `model` | the network that is trained: its parameters are the $p$ |
# | `keep` | a number from 0 to 1 |
# | returns | nothing |

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
# p, by the share `weight` of the way. (`a.data = ...` gives the old parameter new numbers, which
# is fine too.)
# </details>
#
# <details><summary>My check says that keep and 1 - keep are exchanged</summary>
#
# With keep = 0.99 the average hardly moves. `lerp_` takes the share that is *not* kept.
# </details>

# %%
# solution 7.3

# %% [markdown]
# A step's share is multiplied by `keep` at each later step, so 0.99 looks back about a hundred
# steps. **How much of an average over the first 60 steps is still the untrained network?**

# %%
for keep, steps in [(0.99, 60), (0.99, 300), (0.9, 60), (0.999, 300)]:
    warmed = math.prod(min(keep, (1 + n) / (10 + n)) for n in range(steps))
    print(f"keep {keep}, after {steps} steps: {keep**steps:.0%} is the start; with EMA warm-up "
          f"{warmed:.0%}")

# %% [markdown]
# More than half. So let it look back over a tenth of the run at most, or warm it up: keep =
# min(keep, (1 + n) / (10 + n)) at step n.
#
# ### Exercise 7.4: the step
# difficulty 3 of 5, about 15 minutes
#
# The gradients are there, multiplied by the scale. `state.scaler` is a `GradScaler`: look up in
# PyTorch's documentation what its `unscale_`, `step` and `update` do, and where *clipping*
# belongs. (`nn.utils.clip_grad_norm_` makes all gradients smaller by one factor where their common
# norm is above a limit.) After your function,
#
# - each of `state.optimizer.param_groups` has the learning rate `state.lr`, and the weights have
#   moved by it, along their *true* gradients, clipped to a norm of `config.clip`;
# - where a gradient was infinite or NaN in fp16, the weights have not moved, and the scale is
#   smaller;
# - `state.last_norm` is the true norm before clipping, as a tensor;
# - in either case `state.step` has grown by 1, and `state.average` has moved by `config.ema`.
#
# With fp32 and bf16 the scaler is switched off and just calls the optimizer: one code serves all.
# %%
def take_step(state, config):
    """Change the weights a little against the gradient.

    TrainState, TrainConfig -> None

    The gradients are brought back to their true size before they are clipped. If one of them
    overflowed, the scaler leaves the step out, and halves its scale. No number is read.
    """
    raise NotImplementedError("exercise 7.4")

# %%
take_step = check("7.4", take_step)

# %% [markdown]
# <details><summary>Hint 1: the order</summary>
#
# Learning rates, `unscale_`, clip, `step`, `update`, average. `unscale_` and `step` take
# `state.optimizer`.
# </details>
#
# <details><summary>Hint 2: the norm</summary>
#
# `clip_grad_norm_(state.model.parameters(), config.clip)` returns the norm before clipping, as a
# tensor. You may also clip by hand.
# </details>
#
# <details><summary>My check says that the learning rate never reaches the optimizer</summary>
#
# `for group in state.optimizer.param_groups:` goes through all groups. An optimizer can have
# several, each with its own `group["lr"]`.
# </details>

# %%
# solution 7.4

# %% [markdown]
# This is the whole loop. (`config.accumulate` is for section 5.)
# %%
def steps_of(state, config, images):
    """Train from a state on, and yield it after each step; look at one loss in ten."""
    known = schedule.for_training(images.device)
    while state.step < config.steps:
        state.lr, state.last_loss = learning_rate(state.step, config), 0.0
        state.optimizer.zero_grad()
        for _ in range(config.accumulate):
            batch = draw_batch(images, known.T, config.batch, state.generator)
            add_gradient(state, batch, known, velocity_loss, config, look=state.step % 10 == 0)
        take_step(state, config)
        yield state

# %%
short = TrainConfig(steps=60, batch=16, warmup=10, ema=0.9)
losses = []
for state in steps_of(start(small_net(), short), short, digits):
    losses.append(state.loss)
print("the loss falls:", sum(losses[-10:]) < 0.7 * sum(losses[:10]))

# %% [markdown]
# ### Is the average ready to draw?
#
# Not yet. BatchNorm's running means and variances aren't parameters, so in the averaged network
# they are still 0 and 1. `averaged` measures them anew. **How bad is it to forget that?**
# %% tags=["nbval-ignore-output"]
@torch.no_grad()
def eval_loss(model):
    return velocity_loss(model.eval(), *batch, schedule).item()


forgotten, refreshed = eval_loss(state.average), eval_loss(averaged(state, digits, schedule))
print(f"loss with statistics forgotten: {forgotten:.2f}, measured anew: {refreshed:.2f}")

# %% [markdown]
# ### What does your program wait for?
#
# On a GPU, PyTorch puts work into a queue and goes on. Whoever *reads* a number, with `.item()`,
# `print` or `if`, waits until the queue is empty, and then the GPU idles until Python has filled
# it again: a *synchronisation*. **How many numbers do 20 steps of notebook 05's `training_step`
# read, and 20 of our loop?**
# %% tags=["nbval-ignore-output"]
small = small_net()
optimizer = torch.optim.AdamW(small.parameters(), lr=1e-3, fused=True)
run = steps_of(start(small_net(), short), short, digits)
shown = steps_of(start(small_net(), short), short, digits)
loops = {
    "training_step": lambda: mine.training_step(small, optimizer, digits, schedule, velocity_loss),
    "steps_of": lambda: next(run),
    "steps_of, loss printed": lambda: f"{next(shown).loss:.3f}",
}
for name, step in loops.items():
    reads = count_reads(lambda: [step() for _ in range(20)])
    print(f"{name:23} {reads:2} reads in 20 steps")

# %% [markdown]
# Your `training_step` reads its loss. The second read is hidden in the schedule, which checks
# every t; `for_training` trusts the loop. `steps_of` looks at one loss in ten and leaves the
# others on the device, so print `state.loss` only now and then. On a CPU there's no queue, and
# nothing to save. What a GPU saves, we haven't timed yet.
#
# ### What does the scaler do when it overflows?
#
# A scaler starts at 65536 and doubles after 2,000 good steps, so in every long run it's too large
# sooner or later. Here we start at 2^20. **What will the first lines say?**
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
# An occasional skipped step is normal. If all are skipped, something is infinite at any scale.
#
# ### What is clipping good for?
#
# Here nobody scaled the pixels of one batch: they go up to 255. **What will it do to the steps
# after it?**
# %% tags=["nbval-ignore-output"]
# alt: Not clipped, the step triples at the red line, then gets shorter than in the clipped run.
BAD, LENGTH = 60, 110


def with_bad_batch(clip):
    """Train with one bad batch; return the losses, and how far each step moved the weights."""
    config = TrainConfig(steps=10_000, batch=32, lr=2e-3, warmup=0, clip=clip)
    state, losses, moved = start(small_net(), config), [], []

    def loss(net, x0, *more):
        return velocity_loss(net, (x0 + 1) * 127.5 if state.step == BAD else x0, *more)

    run = train(state.model, digits, schedule, config, loss, state=state)
    for _ in range(LENGTH):
        before = nn.utils.parameters_to_vector(state.model.parameters()).detach().clone()
        losses.append(next(run).loss)
        after = nn.utils.parameters_to_vector(state.model.parameters()).detach()
        moved.append((after - before).norm().item())
    return losses, moved


def draw_runs(part, what, low):
    figure = lines(range(LENGTH), {name: both[part] for name, both in bad.items()}, "step", what,
                   log="y")
    figure.axes[0].axvline(BAD, color="red", lw=1, zorder=0)
    figure.axes[0].set_ylim(low, 1)
    plt.show()


bad = {name: with_bad_batch(clip) for name, clip in (("not clipped", math.inf), ("clipped", 1.0))}
print("length of the step: before the bad batch, at it, 5 and 10 steps later, at the end")
for name, (losses, moved) in bad.items():
    shown = [moved[i] for i in (BAD - 1, BAD, BAD + 5, BAD + 10, LENGTH - 1)]
    print(f"{name:12}", "  ".join(f"{length:.3f}" for length in shown))
draw_runs(1, "length of the step", low=0.01)

# %% tags=["nbval-ignore-output"]
# alt: The loss leaves the picture at the red line and comes back, and stays higher if not clipped.
draw_runs(0, "loss", low=0.05)

# %% tags=["trained"]
moved = bad["not clipped"][1]
print("not clipped: after the bad batch the steps are longer at first, and shorter in the end:",
      moved[BAD + 5] > 1.2 * moved[BAD - 1] and moved[-1] < 0.8 * moved[BAD - 1])

# %% [markdown]
# At first the steps are *longer*, because Adam's first moment, the average gradient, still holds that
# batch's and loses only a tenth of it at each step. Its second moment, that of the squares,
# remembers for about a thousand steps and divides by that one huge gradient, so all later steps are
# short. Clipped, the bad batch counts hardly more than any other.
#
# **What if you clip before you unscale?** Nothing fails. Clipping makes every batch's norm 1, and
# unscaling leaves 1 / 65536 of it. Adam would divide that away, if it didn't divide by the size
# *plus* eps = 1e-8:
# %%
for n in (9_225, 566_433, 8_819_521):
    size = 1 / 65536 / n**0.5  # of each of n gradients, when all together have the norm 1 / 65536
    print(f"{n:9,} weights: each gradient is about {size:.1e}; the step shrinks to "
          f"{size / (size + 1e-8):.0%}")

# %% [markdown]
# So it acts like a learning rate that falls with the number of weights. A norm in the thousands
# gives the mistake away.
#
# ### What if the loss isn't finite?
#
# A NaN loss makes every gradient NaN, and then every weight. Our loop leaves such a step out, and
# at its next look it stops and says what it knows. Here the learning rate is far too high:
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
# ## 5. What fills the memory?
#
# Some of it is taken all the time: the weights, their average, Adam's two averages and the
# gradients. The rest is what each layer keeps from the forward to the backward pass, above all its
# inputs: the *activations*. **Which part is larger?**
# %% tags=["nbval-ignore-output"]
size = sum(p.numel() for p in net.parameters()) * 4 / 2**20
print(f"weights {size:.1f} MiB, all five {5 * size:.1f} MiB\n")
print(trace(net.train(), *batch[:2]).table("memory", depth=2))

# %% [markdown]
# The activations, mostly at the top of the U, where the maps are large. Three remedies keep the
# network as it is: **16 bits**; **half a batch, twice** (`accumulate` adds gradients up); and
# **recomputing**, or *gradient checkpointing*, where a block keeps only its inputs and runs once
# more in the backward pass. `peak_memory` measures a step at its height. **Which saves most? Which
# costs most time?**
# %%
def one_step(recompute=False, base_ch=32, batch=32, accumulate=1, precision="fp32"):
    """Return a function that does one training step with these choices."""
    torch.manual_seed(0)
    net = UNet(in_ch=1, base_ch=base_ch, ch_mult=(1, 2, 4), time_dim=128)
    net = net.to(machine.device, memory_format=torch.channels_last)
    net = recompute_blocks(net, ConvBlock) if recompute else net
    config = TrainConfig(batch=batch, accumulate=accumulate, precision=precision)
    states = steps_of(start(net, config), config, digits)
    next(states)  # the first step makes Adam's averages
    return lambda: next(states)

# %% tags=["nbval-ignore-output"]
best = best_precision(machine.device)
bits = "bf16" if best == "fp32" else best  # we want to see 16 bits
choices = {
    "as it is": {},
    "16 bits": {"precision": bits},
    "half a batch, twice": {"batch": 16, "accumulate": 2},
    "recompute the blocks": {"recompute": True},
    "all three": {"precision": bits, "batch": 16, "accumulate": 2, "recompute": True},
    "16 channels for 32": {"base_ch": 16},
}


def seconds_of(step):
    """Return the time of the fastest of four steps."""
    times = []
    for _ in range(4):
        begun = time.perf_counter()
        step()
        if machine.has_gpu:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begun)
    return min(times)


peaks, times = {}, {}
for name, choice in choices.items():
    peaks[name] = peak_memory(one_step(**choice), machine.device)
    times[name] = seconds_of(one_step(**choice))
    print(f"{name:22} {peaks[name] / 2**20:5.1f} MiB   "
          f"{times[name] / times['as it is']:.1f} times as long")

# %%
print("16 bits, half batches and recomputing each save a third or more:",
      all(peaks[name] < 0.67 * peaks["as it is"] for name in list(choices)[1:4]))
print("all three together save two thirds or more:",
      peaks["all three"] < 0.33 * peaks["as it is"])

# %% [markdown]
# Try them in this order. 16 bits cost nothing where the hardware has them, half batches give
# BatchNorm noisier statistics, and recomputing changes no result. Only fewer channels shrink the
# first part, too.
#
# ## 6. How does a run survive?
#
# Colab takes idle machines away, and others after some hours, with all that is on them. So a run
# is written into a file now and then: a *checkpoint*. But the machine may disappear **while the
# file is being written**, and half a file under the name of the last good one loses both. So write
# to a file beside it and rename that at the end, which the file system does in a single action.
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
# Write into a file in the same folder, such as `path.with_suffix(".new")`. Before its `replace`
# renames it, everything must be on the disk: `file.flush()` hands over what Python hasn't yet
# written, and `os.fsync(file.fileno())` waits for the disk. Whatever is raised on the way, an
# interrupt too, the half file must go, and the error be raised on.
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
# BaseException:` with `new.unlink(missing_ok=True)`. A bare `raise` at its end raises on what was
# caught.
# </details>
#
# <details><summary>Hint 2: what stands in the with</summary>
#
# `write`, `flush` and `fsync` need the open file, so they stand inside of `with new.open("wb") as
# file:`. The renaming comes after it, when the file is closed.
# </details>
#
# <details><summary>My check says that the old file is gone</summary>
#
# Was something opened under `path` itself? `open("wb")` empties a file at once.
# </details>

# %%
# solution 7.5

# %% [markdown]
# A program is stopped while it replaces a file. **What is there after each way of writing?**
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
# `save` writes such a file, and `resume` puts what it holds into a fresh state. We train the small
# network for 40 steps and save it at the 20th:
# %%
plan = TrainConfig(steps=40, batch=16, warmup=8, ema=0.9)
settings = {"model": "small", "data": "digits"} | asdict(plan)
whole = []
for state in steps_of(start(small_net(), plan), plan, digits):
    whole.append(state.loss)
    if state.step == 20:
        path = save(state, folder, settings)
print(", ".join(checkpoint.load(path)))

# %% [markdown]

# Now the machine is gone at step 20: we delete the state, and a fresh network resumes from the
# file. **Will its losses be nearly or exactly those of the run that was left alone? And if the
# optimizer's state is left out?**
# %%
state = None


def go_on(forget=()):
    """Resume, with some parts as in a fresh run; return the losses to the end."""
    torch.manual_seed(123)  # whatever a new machine begins with
    net = UNet(in_ch=1, base_ch=8, ch_mult=(1, 2), time_dim=32).to(machine.device)
    state = resume(start(net, plan), folder, settings)
    fresh = start(net, plan)
    for part in forget:
        setattr(state, part, getattr(fresh, part))
    return [state.loss for state in steps_of(state, plan, digits)]


resumed = go_on()
lacking = {f"without the {part}": go_on([part]) for part in ("optimizer", "generator")}

# %%
gap = max(abs(a - b) for a, b in zip(resumed, whole[20:], strict=True))
print("the resumed run meets the other:", gap < 0.02, " bit for bit:", gap == 0)
for name, losses in lacking.items():
    print(f"{name} it does not:", losses != whole[20:])

# %% tags=["nbval-ignore-output"]
# alt: From step 21 on, the resumed run lies on the one that was left alone; those that lack
#   something go other ways.
loss_curves({"left alone": whole, "resumed": resumed, **lacking})
plt.show()

# %% [markdown]
# Exactly: on a CPU, every bit of every loss is the same. (On a GPU the last digits may differ.)
# That is the test of a checkpoint. By itself, each of the two other curves looks good.
#
# `save` keeps the last two files, and `resume` falls back to the older if the newer is damaged. A
# stranger's file can be dangerous, because PyTorch's files are *pickles*, which may call any
# function: load it with `weights_only=True`, the default since version 2.6.
#
# ## 7. Does your network draw as well, in less time?
#
# Now for real: your network, asked for v, for as many steps as in notebook 05, in this machine's
# best precision, and interrupted after a third of them. (A CPU without bf16 stays in fp32 and takes
# as long as before. GPUs: not measured yet, `make gpu` does it.)
#
# If you ticked `keep_on_drive`, the files are on your Drive: after a disconnect, run the cells
# again, and training resumes with the settings that it was begun with. To begin anew, rename its
# folder, `run-07`.
# %% tags=["nbval-ignore-output"]
scratch = tempfile.TemporaryDirectory()
folder = drive.folder() / "run-07" if drive.in_use else Path(scratch.name)
data = "digits"  # @param ["digits", "mnist", "fashion_mnist", "cifar10"]
config = TrainConfig(steps=machine.budget(cpu=2000, gpu=10_000),
                     precision=best_precision(machine.device))
settings = {"data": data} | asdict(config)
if runs_in(folder):
    settings = latest(folder)["settings"]
    data, config = settings["data"], TrainConfig(**{key: settings[key] for key in asdict(config)})
images = load(data, "train")[0].to(machine.device)
in_ch, base_ch = images.shape[1], 32 if data == "digits" else 64
of_net = dict(in_ch=in_ch, base_ch=base_ch, ch_mult=(1, 2, 4), time_dim=4 * base_ch)


def begin():
    """Return the state of a fresh network, resumed if there is a run to resume."""
    torch.manual_seed(0)
    net = UNet(**of_net).to(machine.device, memory_format=torch.channels_last)
    state = start(net, config)
    if runs_in(folder):
        resume(state, folder, settings)
    print(f"from step {state.step} to {config.steps}, in {config.precision}")
    return state

# %% tags=["nbval-ignore-output"]
def keep(state):
    if state.step % save_every == 0 or state.step == config.steps:
        save(state, folder, settings)


save_every, third = 500 if machine.has_gpu else 100, config.steps // 3
state, seconds, begun = begin(), 0.0, time.perf_counter()
for state in tqdm(steps_of(state, config, images), total=third, initial=state.step):
    keep(state)
    if state.step >= third:
        break
seconds = time.perf_counter() - begun
save(state, folder, settings)
del state  # the machine is gone

# %% [markdown]
# A fresh state resumes. `TrainingView` runs the loop in the background. Its button stops and
# saves; run this cell again to continue.
# %% tags=["nbval-ignore-output"]
xT = torch.randn(20, *images.shape[1:], generator=torch.Generator().manual_seed(1))


def draw(state):
    model = NoiseFromVelocity(averaged(state, images, schedule), schedule)
    return last(mine.ddim(model, xT.to(machine.device), schedule, steps=20))


def keep_too(state):
    save(state, folder, settings) if view.stop.is_set() else keep(state)


begun, state = time.perf_counter(), begin()
states = steps_of(state, config, images)
view = TrainingView(states, config, draw, keep_too, every=max(1, config.steps // 3)).start()

# %% [markdown]
# The next cell waits for the end; interrupt it to stop early.
# %% tags=["nbval-ignore-output"]
# alt: The loss on a logarithmic axis, from about 0.1 at the resumed step, slowly falling.
state = view.result() or state  # None if there was nothing left to do
seconds += time.perf_counter() - begun
print(f"{seconds:.0f} s of training, step {state.step}")
if view.losses:
    loss_curve(view.losses)
    plt.show()

# %% tags=["trained"]
print("all finite:", all(math.isfinite(loss) for loss in view.losses))
print("files:", [file.name for file in sorted(folder.glob("step-*.pt"))])

# %% [markdown]
# Five hundred pictures by your `ddim`, as in notebook 05. **Will 16 bits, or the interruption, have
# made them worse?**
# %% tags=["nbval-ignore-output"]
# alt: Forty pictures drawn by the averaged network, nearly all of them digits.
net = averaged(state, images, schedule)
model = NoiseFromVelocity(net, schedule)
torch.manual_seed(0)
noise = torch.randn(500, *images.shape[1:]).to(machine.device)
samples = last(mine.ddim(model, noise, schedule, steps=100, eta=1.0))
quality = measure(samples, data)
print(quality)
grid(samples[:40])
plt.show()

# %% tags=["nbval-ignore-output"]
keep_weights(net, "v", "07", quality, 100, seconds, of_net)

# %% tags=["trained"]
print("at least 85% are recognised, at a distance of 8 at most:",
      quality.samples.recognised >= 0.85 and quality.samples.distance <= 8)

# %% [markdown]
# 16 bits in the products cost the network nothing that the judge can see, and an interruption
# costs nothing at all. If you trained in 05, the table has both times.
#
# Long runs are safer in a shell. In the folder of the course (on Colab, after `!cd {course} &&`),
# this trains, resumes, and draws. `accelerate launch -m` in place of `python -m` uses several GPUs.
# (`torch.compile(net)` puts `_orig_mod.` before the names of the weights. The course's `save` takes
# it away.)
#
# ```
# python -m course_utils train --data digits --seconds 90 --out runs/digits
# python -m course_utils train --data digits --out runs/digits --resume
# python -m course_utils sample runs/digits --n 500 --steps 50 --out digits.npz
# ```
#
# ## Recap
#
# - fp16 has a small range, bf16 few digits. Products take 16 bits; weights and sums need 32.
# - In fp16, scale the loss. Unscale, then clip, then step.
# - Read a number from a GPU only now and then.
# - A checkpoint is whole or not there, and is tested by resuming.
#
# **What can go wrong.** Drawings much worse than the loss: BatchNorm wasn't measured anew for the
# average, or `ema` is too large for a short run.
#
# **Where to look.** `course_utils/precision.py`, `training.py` with `run.py`, and `checkpoint.py`.
# Next is [08, attention variants](08_attention_variants.ipynb). The map of the course is in
# [00](00_start_here.ipynb).
# %% [markdown]
# ## How far are you?

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()
