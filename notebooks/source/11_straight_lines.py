# %% [markdown]
# # 11 Straight lines: a network that draws in one look
#
# {{badge}}
#
# In this notebook you will
#
# - train a field of directions in a plane, and follow its paths;
# - show that your network has known straight lines all along;
# - walk along them by Euler's and by Heun's method, and count network evaluations;
# - straighten the paths until one evaluation is enough;
# - mend a bad sketch, finish half a digit, walk from one drawing to another;
# - make a page on which your network draws, and send it to somebody.
#
# One *look* is one network evaluation. The notebook has five exercises and takes about 60 minutes,
# three of them for computing on two CPU cores. You need notebooks 00 to 05 and 10 before it.

# %%
# setup

# %%
import copy
import inspect
import time
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import page
from course_utils.averaging import averaged
from course_utils.blocks import FiLMBlock
from course_utils.checks import check
from course_utils.data import load
from course_utils.fields import FieldFromVelocity
from course_utils.grown_unet import GrownUNet
from course_utils.keeping import COURSES, keep_weights, trained
from course_utils.plots import lines, strip
from course_utils.precision import best_precision
from course_utils.quality import measure
from course_utils.samplers import last
from course_utils.schedule import cosine_schedule
from course_utils.straight import Field, euler, on_line, reflow_loss, reflow_pairs
from course_utils.training import TrainConfig, train
from course_utils.unet import timesteps
from course_utils.widgets import evaluations_explorer

# %% [markdown]
# ## 1. Why not go straight?
#
# Diffusion adds noise along a curve: $\sqrt{\bar\alpha_t}$ shrinks the picture while
# $\sqrt{1 - \bar\alpha_t}$ lets the noise grow. The simplest way from a picture to noise is a
# straight line, walked at one speed:
#
# $$x_t = (1 - t)\,x_0 + t\,\varepsilon \qquad 0 \le t \le 1 \qquad
# u = \frac{dx_t}{dt} = \varepsilon - x_0$$
#
# At $t = 0$ you're at the picture, at $t = 1$ at the noise, and the direction $u$ is the same all
# the way. (To draw, walk against it, from $t = 1$ to 0.) A network that is asked for $u$ learns a *field*, which says for each point and each time
# where to go. That's *flow matching*, found by several groups in 2022; with straight lines
# it's also called *rectified flow*. Papers call $u$ the *velocity* and the field a *velocity
# field*. We say direction, because velocity is already the name of v. Stable Diffusion 3 and FLUX
# (both 2024) were trained this way.
#
# In a plane we can watch. Our "pictures" are points in three clouds.

# %%
def cloud_points(n, seed):
    """Return n points of three clouds.  () -> (n, 2, 1, 1)"""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.tensor([[-1.6, 1.0], [0.2, -1.6], [1.5, 1.2]])
    points = centres[torch.randint(3, (n,), generator=generator)]
    return (points + 0.18 * torch.randn(n, 2, generator=generator))[:, :, None, None]


class PlaneNet(nn.Module):
    """A network for points of a plane, told the step t.  (B, 2, 1, 1), (B,) -> (B, 2, 1, 1)"""

    def __init__(self, width=128):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(3, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 2),
        )

    def forward(self, x, t):
        time = timesteps(t, x)[:, None] / 999
        return self.layers(torch.cat([x.flatten(1), time], dim=1))[:, :, None, None]


torch.manual_seed(0)
points, plane_noise = cloud_points(2000, 0), torch.randn(2000, 2, 1, 1)

# %% [markdown]
# ### Exercise 11.1: the loss
# difficulty 2 of 5, about 8 minutes
#
# Write the loss of a network that predicts the direction. Your training loops draw a step t from 0
# to T - 1, and networks are told steps. So the step stands for the time t / (T - 1), which runs
# from 0 to 1.
#
# | | |
# |---|---|
# | `net(xt, t, *labels)` | the guess of $u$, `(B, C, H, W)` |
# | `x0`, `eps` | `(B, C, H, W)` |
# | `t` | `(B,)`, or one int: `timesteps(t, x0)` makes `(B,)` of both |
# | `schedule.T` | the number of steps; nothing else of the schedule is used |
# | `labels` | nothing, or one tensor `(B,)`; pass it on |
# | returns | the mean squared error, `()` |
#
# `on_line(x0, eps, time)` mixes them for you; `time` has shape `(B,)`.

# %%
def straight_loss(net, x0, t, eps, schedule, *labels):
    """Return the mean squared error of a network that predicts the direction eps - x0.

    UNet, (B, C, H, W), (B,), (B, C, H, W), Schedule -> ()

    The steps t, from 0 to schedule.T - 1, stand for the times from 0 to 1. A network that knows
    labels gets theirs (B,) as well. Source: "Flow Straight and Fast" (2022), equation 1.
    """
    raise NotImplementedError("exercise 11.1")

# %%
straight_loss = check("11.1", straight_loss)

# %% [markdown]
# <details><summary>Hint 1: which one?</summary>
#
# It's built like your `noise_loss` of exercise 5.3: mix, ask the network, compare. Only the
# mixture and what the answer is compared with are different. And don't forget to pass on
# `*labels`.
# </details>
#
# <details><summary>Hint 2: step or time?</summary>
#
# The network gets the step t, as ever. `on_line` gets the time, `timesteps(t, x0) /
# (schedule.T - 1)`.
# </details>

# %%
# solution 11.1

# %% [markdown]
# We train the field with your loss, in a few seconds. (`Field(net)` takes a time, finds its step,
# and asks the network.) Then we start at 60 points of noise and take 100 small steps. Every line that the network learned from is straight. **Will the
# paths be straight?**

# %% tags=["nbval-ignore-output"]
# alt: Three panels. On the left, straight lines from the clouds to scattered noise, which cross.
#   In the middle, arrows of the field at t = 0.6. On the right, paths that the field leads along:
#   they start towards the centre and then bend into one of the three clouds.
schedule = cosine_schedule()


def fit_plane(net, data, loss, steps=1500):
    """Train a network for points, and return it with averaged weights."""
    *_, state = train(net, data, schedule, TrainConfig(steps=steps, batch=256, lr=3e-3), loss)
    return averaged(state, data, schedule, loss)


def draw_paths(ax, paths, title):
    """Draw paths (steps, N, 2, 1, 1), from noise, and a dot at the end of each."""
    x, y = paths.flatten(2).unbind(dim=2)
    ax.plot(x, y, lw=0.8)
    ax.plot(x[-1], y[-1], "k.", ms=3)
    ax.set(title=title, aspect="equal", xlim=(-3, 3), ylim=(-2.6, 2.6))


def paths_of(field, noise, evaluations):
    return torch.stack([noise, *(xt for _, xt, _ in euler(field, noise, evaluations))])


torch.manual_seed(0)
plane_net = fit_plane(PlaneNet(), points, straight_loss)
plane_field = Field(plane_net)
figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
draw_paths(axes[0], torch.stack([plane_noise, points])[:, :60], "what it learned from")
places = torch.cartesian_prod(torch.linspace(-2.7, 2.7, 13), torch.linspace(-2.4, 2.4, 12))
with torch.no_grad():
    arrows = -plane_field(places[:, :, None, None], 0.6).flatten(1)  # towards the pictures
axes[1].quiver(*places.T, *arrows.T, angles="xy")
axes[1].set(title="where to go, at t = 0.6", aspect="equal", xlim=(-3, 3), ylim=(-2.6, 2.6))
draw_paths(axes[2], paths_of(plane_field, plane_noise[:60], 100), "where that leads")
plt.show()

# %% [markdown]
# The lines cross, but the paths bend. Where two lines meet at the same time, the network sees the
# same point and the same $t$ with two different answers, and it can't tell which line it's on. As
# in notebook 05, the answer with the smallest mean squared error is the average of all that fit.
# At $t = 1$ the noise says nothing yet about the picture, so every picture fits, and all paths set
# out for the mean of the three clouds. As $t$ falls, the point itself gives away which cloud it's
# heading for. Fewer lines fit, their average changes, and the path turns towards that cloud.
#
# Two paths can't be at the same point at the same time, because there the field has only one
# direction, and they would go on together. So where lines cross, paths have to turn aside. (Paths
# drawn across each other are there at different times.)
#
# Does the average still lead to the right place? It does, and that's the theorem behind flow
# matching: at every $t$, the points on the paths are spread just like the points on the lines.
# Only who goes where differs.
#
# ## 2. Has your network known this all along?
#
# You've met networks that predict $\varepsilon$, v and u. But a noisy picture hides only two
# unknowns, $x_0$ and $\varepsilon$. How they were mixed is one equation, the network's answer is a
# second. So each of the three answers gives you both unknowns:
#
# | asked for | the mixture | picture in it | noise in it |
# |---|---|---|---|
# | $\varepsilon$ | $x = a x_0 + b\,\varepsilon$ | $(x - b\,\varepsilon) / a$ | $\varepsilon$ |
# | $v = a\,\varepsilon - b\,x_0$ | the same | $a x - b\,v$ | $b x + a\,v$ |
# | $u = \varepsilon - x_0$ | $x_t = (1 - t)x_0 + t\,\varepsilon$ | $x_t - t\,u$ | $x_t + (1 - t)\,u$ |
#
# Here $a = \sqrt{\bar\alpha}$ and $b = \sqrt{1 - \bar\alpha}$, so $a^2 + b^2 = 1$. On the line, the
# squares of the two shares don't add up to 1. But divide $x_t$ by the right number and they do:
# then it *is* DDPM's mixture, at the step where noise and picture have the same ratio.
#
# ### Exercise 11.2: one answer from another
# difficulty 3 of 5, about 10 minutes
#
# A network predicts v. Derive the direction u at a point $x_t$ of the line from its answer. First
# find the number `scale` such that $x_t$ divided by it is DDPM's mixture. That tells you $a$ and
# $b$. Then take picture and noise from the row of v, and subtract: $u = \varepsilon - x_0$. (If
# you like algebra, simplify the result. It fits on one line.)
#
# | | |
# |---|---|
# | `xt` | `(B, C, H, W)`, a point on the line, not divided |
# | `v` | `(B, C, H, W)`, the answer for the divided point |
# | `t` | one number, from 0 to 1; both ends count |
# | returns | $u$, `(B, C, H, W)` |

# %%
def direction_from_velocity(xt, v, t):
    """Return the direction eps - x0 at points on the straight lines, given v there.

    (B, C, H, W), (B, C, H, W), () -> (B, C, H, W)

    Divided by the root of (1 - t)^2 + t^2, xt is what DDPM makes of the same picture and noise; v
    belongs to that. Source: "Progressive Distillation for Fast Sampling of Diffusion Models"
    (2022), appendix D, for a straight line.
    """
    raise NotImplementedError("exercise 11.2")

# %%
direction_from_velocity = check("11.2", direction_from_velocity)

# %% [markdown]
# <details><summary>Hint 1: the number</summary>
#
# `scale = ((1 - t) ** 2 + t ** 2) ** 0.5`. Then a is `(1 - t) / scale`, and b is `t / scale`.
# </details>
#
# <details><summary>Hint 2: the two ends</summary>
#
# With `x = xt / scale`, the picture is `a * x - b * v` and the noise is `b * x + a * v`. You needn't
# simplify their difference.
# </details>
#
# <details><summary>My check says that my answer is NaN at t = 1</summary>
#
# You divide by a, or by 1 - t. The row of v in the table divides by nothing.
# </details>

# %%
# solution 11.2

# %% [markdown]
# So the network of notebook 10 can be asked for directions as it is. (`FieldFromVelocity` finds the
# step, asks, and translates.) We let it draw along straight lines with `euler`: go a little way in
# against the direction that it says, and ask again. Beside that it draws in DDIM's way: guess picture and
# noise, and mix them again with less noise. Both visit the same noise levels. **How far apart will
# the pictures be?**

# %% tags=["nbval-ignore-output"]
net, predicts = trained(machine.device, kind="GrownUNet")
settings = dict(in_ch=1, base_ch=32, ch_mult=(1, 2, 4), time_dim=128)
asked = torch.arange(500, device=machine.device) % 10
torch.manual_seed(0)
noise = torch.randn(500, 1, 16, 16).to(machine.device)

# %%
# alt: Two rows of the digits 0 to 9, drawn along the line and by DDIM. They are the same.
def shares(t):
    """Return a and b, DDPM's shares of picture and noise, where the line is at t."""
    scale = ((1 - t) ** 2 + t**2) ** 0.5
    return (1 - t) / scale, t / scale


@torch.no_grad()
def ddim_by_v(net, labels, noise, evaluations):
    """DDIM with the answer v, at the levels of noise that Euler's method visits."""
    x = noise
    for i in range(evaluations, 0, -1):
        (a, b), (a_next, b_next) = shares(i / evaluations), shares((i - 1) / evaluations)
        step = int((schedule.alpha_bar - a**2).abs().argmin())  # with these shares
        v = net(x, step, labels)
        x = a_next * (a * x - b * v) + b_next * (b * x + a * v)
    return x


by_line = last(euler(FieldFromVelocity(net, schedule, asked[:10]), noise[:10], 25))
by_ddim = ddim_by_v(net, asked[:10], noise[:10], 25)
print("the same pictures:", torch.allclose(by_line, by_ddim, atol=1e-3))
strip([by_line, by_ddim], labels=["line", "DDIM"])
plt.show()

# %% [markdown]
# They are the same pictures. An Euler step keeps the guesses of picture and noise, and moves to
# the point between them that belongs to the next $t$. That's just what DDIM does. So DDIM *is*
# Euler's method on the straight line, seen through a scale that changes with time, and flow
# matching from Gaussian noise isn't another kind of model. It changes which noise levels a sampler
# visits, how much the errors at each level count in training, and how simple it all looks.
#
# ## 3. How many evaluations does it take?
#
# Nearly all the time goes into the network, so samplers are compared by their number of network
# evaluations (*NFE*). Euler's method takes one evaluation per step, and assumes
# that the direction stays the same until the next:

# %%
head, _, body = inspect.getsource(euler).split('"""')
print(head + body)

# %% [markdown]
# ### Exercise 11.3: Heun's method
# difficulty 3 of 5, about 10 minutes
#
# If a path bends, the direction at the beginning of a step is no longer right at its end. *Heun's
# method* takes Euler's step as a trial and asks for the direction where it lands. Then it goes
# back, and takes the step again in the mean of the two directions. The last step is a plain Euler
# step: its trial lands at $t = 0$, where there's no noise left by which to judge a direction.
#
# | | |
# |---|---|
# | `field(xt, t)` | the direction $u$, `(B, C, H, W)`; t is one number |
# | `xt` | `(B, C, H, W)`, noise, at t = 1 |
# | `steps` | equal steps from 1 to 0, so `2 * steps - 1` evaluations |
# | yields, after each step | t at its beginning; the new `xt`; `x0`, the guess of the first evaluation, `xt - t * u` |

# %%
@torch.no_grad()
def heun(field, xt, steps=13):
    """Go from noise at time 1 to 0 in equal steps, by the mean of the directions at both ends.

    field, (B, C, H, W) -> sampler

    The far end of a step is where Euler's would lead. Each step takes two evaluations of the
    field, but the last, which is Euler's, takes one: 2 * steps - 1 in all. Source: "Elucidating
    the Design Space of Diffusion-Based Generative Models" (2022), algorithm 1.
    """
    raise NotImplementedError("exercise 11.3")

# %%
heun = check("11.3", heun)

# %% [markdown]
# <details><summary>Hint 1: where to begin</summary>
#
# Begin with Euler's loop above, with start = 1 and `steps` for `evaluations`. It needs an `if` and
# one more line, between x0 and the new xt.
# </details>
#
# <details><summary>Hint 2: the second question</summary>
#
# Euler would arrive at `xt - step * u`, at the time `t - step`. Ask there, unless it's the last
# step.
# </details>

# %%
# solution 11.3

# %% [markdown]
# Your network draws 500 digits with 1 to 25 evaluations, always from the same noise. **At how many
# does Heun overtake Euler?**

# %% tags=["nbval-ignore-output"]
# alt: The Frechet distance over 1, 3, 7 and 25 network evaluations, on two logarithmic axes, for
#   Euler and Heun. Both fall steeply.
curved = FieldFromVelocity(net, schedule, asked)


def quality_of(field, counts, sampler=euler):
    """Return the figures of 500 pictures for each number of steps of a sampler."""
    return [measure(last(sampler(field, noise, n)).clamp(-1, 1)).samples for n in counts]


compared = {"Euler": quality_of(curved, (1, 3, 7, 25)),
            "Heun": quality_of(curved, (1, 2, 4, 13), heun)}
distances = {name: [row.distance for row in rows] for name, rows in compared.items()}
print("network evaluations" + "".join(f"{n:8}" for n in (1, 3, 7, 25)))
for name, row in distances.items():
    print(f"{name:19}" + "".join(f"{distance:8.1f}" for distance in row))
lines((1, 3, 7, 25), distances, "network evaluations", "Frechet distance", log="xy", dots=True)
plt.show()

# %% [markdown]
# At three already. Heun takes two steps where Euler takes three, and still comes nearer to the real
# digits. With seven evaluations it's nearly where Euler is with 25. With one
# evaluation they're the same, because Heun's last step is Euler's, and it's far from enough.
#
# ## 4. Why do few steps fail?
#
# Look at what one evaluation gives. At $t = 1$ the point is pure noise, and the guess of the picture
# is $x_1 - u$. **Which picture is the best guess, if all you know is the label?**

# %% tags=["nbval-ignore-output"]
# alt: Two rows of the blurred digits 0 to 9: one evaluation, and the mean of the training pictures
#   of each digit. They look the same.
images, labels = (a.to(machine.device) for a in load("digits", "train"))
slow_field = FieldFromVelocity(net, schedule, asked[:10])
once = last(euler(slow_field, noise[:10], 1))
means = torch.stack([images[labels == digit].mean(dim=0) for digit in range(10)])
strip([once, means], titles=range(10), labels=["one look", "mean"])
plt.show()

# %% [markdown]
# It's the mean of all pictures with that label, as in the plane, where all paths first headed for
# the middle. At $t = 1$ that is the best answer. The mistake is to follow it all the way. Euler's
# method assumes that the direction stays the same during a step. On a
# straight path that's true, and one step of any length arrives exactly. On a path that bends, the
# error grows with the length of the step. So how straight are the paths? You can measure that.
#
# ### Exercise 11.4: how much do paths bend?
# difficulty 3 of 5, about 8 minutes
#
# If a path were straight, and walked at constant speed, each step would have the direction of the
# whole path. Like u, directions point towards the noise, so that of the whole path is the noise
# minus the picture where it ends. Measure how far the steps deviate: the mean square of (direction
# of a step minus direction of the whole path), over all steps, pictures and pixels. Divide it by
# the mean square of the directions of the whole paths. Then 0 means straight.
#
# | | |
# |---|---|
# | `field`, `noise` | as in `euler(field, noise, evaluations)`, which you may use |
# | `evaluations` | the number of steps to walk in |
# | returns | one number |
#
# A direction is counted per unit of time. The whole path takes a time of 1, but one step only
# `1 / evaluations`. So scale up what a step moves before you compare.

# %%
@torch.no_grad()
def bend(field, noise, evaluations=50):
    """Return how much the paths from noise to pictures bend: 0 if they are straight.

    field, (B, C, H, W) -> ()

    On a straight path, walked at one speed, every step goes in the direction of the whole path.
    Returned is the mean square of what the steps of euler go astray, as a share of the mean square
    of the whole paths. Source: "Flow Straight and Fast" (2022), section 2.2, straightness.
    """
    raise NotImplementedError("exercise 11.4")

# %%
bend = check("11.4", bend)

# %% [markdown]
# <details><summary>Hint 1: all places of a path</summary>
#
# `places = torch.stack([noise, *(xt for _, xt, _ in euler(field, noise, evaluations))])` has shape
# (evaluations + 1, B, C, H, W).
# </details>
#
# <details><summary>Hint 2: directions</summary>
#
# `(places[:-1] - places[1:]) * evaluations` are those of the steps. That of the whole path is
# `noise - places[-1]`.
# </details>

# %%
# solution 11.4

# %% tags=["nbval-ignore-output"]
print(f"in the plane: {bend(plane_field, plane_noise):.3f}")
print(f"your network: {bend(slow_field, noise[:10]):.3f}")
hidden = FieldFromVelocity(net, schedule, torch.full_like(asked[:10], net.cond_embed.hidden))
print(f"your network, labels hidden: {bend(hidden, noise[:10]):.3f}")

# %% [markdown]
# Your network's paths bend far less than those in the plane. The label helps, because it says from
# the start which cloud is meant, but it isn't the main reason: even with the labels hidden, the
# paths stay much straighter. What counts is how much is still undecided at the start, compared
# with the length of the path. In the plane, the clouds lie as far apart as the noise reaches, so a
# wrong first guess is a large part of the way. Two pictures differ much less than pure noise
# differs from a picture, so their paths are long and nearly agree. But the little that's left is
# all that separates a blur from a digit.
#
# ## 5. Can paths be straightened?
#
# The lines in the plane crossed because each picture was paired with a random noise. But the
# trained field has found better pairs: it leads each noise to one picture, and two paths never
# meet. So take *these* pairs, the noise where a path starts and the picture where it ends, draw a
# straight line between the two, and train on those lines. That's *reflow*. The new lines can still
# cross, but they do so much less often, so the paths bend less. (Another round of reflow
# straightens them further.) **What will the answer at $t = 1$ be now?**

# %% tags=["nbval-ignore-output"]
# alt: Two panels. On the left the paths after reflow, nearly straight. On the right the same in
#   one single step: the points reach the three clouds too, with some in between.
torch.manual_seed(1)
pairs = reflow_pairs(lambda: plane_field, torch.randn(4000, 2, 1, 1), steps=8)
straightened = Field(fit_plane(copy.deepcopy(plane_net), pairs, reflow_loss))
figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.4), layout="constrained")
draw_paths(axes[0], paths_of(straightened, plane_noise[:60], 100), "after reflow")
draw_paths(axes[1], paths_of(straightened, plane_noise[:150], 1), "in one evaluation")
plt.show()
print(f"bend after reflow: {bend(straightened, plane_noise):.3f}")

# %% [markdown]
# At $t = 1$ the answer is no longer a mean over all clouds. Each noise now has one picture of its
# own, so the path can set out in the right direction, and a single step nearly gets there. A few
# points end up between the clouds. They started near a border, where neighbours lead to different
# clouds. The answer would have to jump there, and a network smooths the jump.
#
# Now the same with your network. First it draws 4,000 digits by Heun's method, in 8 steps and so 15
# evaluations each, for the labels 0 to 9 and for 10, which means "hidden". (`reflow_pairs` gets a
# function that makes a field, because every part of the noise has other labels. A pair is a picture
# and its noise, as two channels.) Then a copy of the network is trained on these pairs, and sees no
# real digits any more. It answered v so far, and now learns to answer u, beginning with what it
# knows. (`reflow_loss` is the loss of exercise 11.1, with the pair's own noise.)
#
# So reflow isn't free. Each pair costs a whole drawing, the network has to be trained again, and
# it learns every mistake in the drawings, too. It pays off if you draw often.

# %% tags=["nbval-ignore-output"]
pair_labels = torch.arange(4000, device=machine.device) % 11
pair_noise = torch.randn(4000, 1, 16, 16, generator=torch.Generator().manual_seed(1))
begin = time.perf_counter()
field_of = partial(FieldFromVelocity, net, schedule)
pairs = reflow_pairs(field_of, pair_noise.to(machine.device), pair_labels, steps=8)
print(f"{time.perf_counter() - begin:.0f} s for the pairs")

# %% tags=["nbval-ignore-output"]
def fit(net, data, labels, loss, steps, lr=3e-3):
    """Train a network with labels; return the averaged one, and the seconds."""
    config = TrainConfig(steps=steps, lr=lr, precision=best_precision(machine.device))
    begin, net = time.perf_counter(), net.to(machine.device)
    try:
        for state in train(net, data, schedule, config, loss, labels):
            pass
    except KeyboardInterrupt:
        print(f"stopped after {state.step} of {steps} steps")
    return averaged(state, data, schedule, loss), time.perf_counter() - begin


quick = copy.deepcopy(net)
quick.cond_embed.dropout = 0.0  # the pairs have hidden labels of their own
quick, seconds = fit(quick, pairs, pair_labels, reflow_loss, machine.budget(cpu=1200, gpu=8000))
print(f"{seconds:.0f} s of training")

# %% tags=["nbval-ignore-output"]
# alt: The Frechet distance over the number of network evaluations, before and after reflow. Before,
#   it falls from a hundred to two; afterwards it is small from the first evaluation on.
COUNTS = (1, 2, 4, 8, 25)
found = {"before reflow": quality_of(curved, COUNTS),
         "after reflow": quality_of(Field(quick, asked), COUNTS)}
for name, rows in found.items():
    print(f"{name:15}" + "".join(f"{n:8}" for n in COUNTS))
    for what, form in (("distance", "8.1f"), ("recognised", "8.1%"), ("entropy", "8.2f"),
                       ("nearest", "8.2f")):
        print(f"  {what:13}" + "".join(f"{getattr(row, what):{form}}" for row in rows))
distances = {name: [row.distance for row in rows] for name, rows in found.items()}
lines(COUNTS, distances, "network evaluations", "Frechet distance", log="xy", dots=True)
plt.show()

# %% tags=["nbval-ignore-output"]
quick_field = Field(quick, asked[:10])
for name, one in (("before", slow_field), ("after", quick_field)):
    print(f"bend {name} reflow: {bend(one, noise[:10]):.3f}")

# %% [markdown]
# Now one evaluation draws better than eight did. At $t = 1$ there's no mean left to take, because
# each noise has one picture. With 25 evaluations, before and after are about equally good. Reflow
# can't do better: the network learned from its own drawings alone, mistakes included.
#
# Did it cost any diversity? `entropy` can't tell us. It only says that all ten digits come equally
# often, and we asked for them equally often. `nearest` says that the pictures are about as far
# from the training set as before, so the network hasn't begun to copy. It's the distance that
# compares how much the pictures vary, and with 25 evaluations it's as small as before. (As in
# notebook 10, don't read much into a distance below that of real digits.)
#
# Look at the first column of the table once more. Before reflow, one evaluation gives the largest
# distance of all, and yet the judge recognises practically every picture. The mean of all sevens
# is blurred, but it's unmistakably a seven. But all sevens are the same, and only the distance
# sees that.
#
# InstaFlow (2023) did this to Stable Diffusion, and then added a second stage, *distillation*: a
# student network learns to jump from each noise straight to the picture where the teacher's path
# ends. Reflow prepares that, because straight paths are easy to imitate. Reflow itself
# trains at every $t$, so you can still choose how many steps to take.
#
# The same ten noises, before and after. **Where does the first row catch up with the second?**

# %% tags=["nbval-ignore-output"]
# alt: Two rows of the digits 0 to 9, before and after reflow, with 1, 2, 4 and 25 evaluations. With
#   one, the first row is blurred and the second clear. With 25 both are clear and nearly alike.
both = slow_field, quick_field
evaluations_explorer(lambda n: [last(euler(one, noise[:10], n)) for one in both])

# %% [markdown]
# To the eye, after about four. The judge sees a difference for longer.
#
# ## 6. What can you do with it?
#
# ### Exercise 11.5: mend a sketch
# difficulty 2 of 5, about 8 minutes
#
# *SDEdit* (2021) turns a rough sketch into a realistic picture. Mix the sketch with noise, but
# only up to a time, its `strength`. Noise hides the details first, while the large shapes still
# show through. Then walk back to 0 from there, in equal steps, and the network fills in new
# details. (The paper's sampler adds fresh noise as it goes.)
#
# | | |
# |---|---|
# | `field` | as before |
# | `sketch`, `noise` | `(B, C, H, W)` |
# | `strength` | the time to begin at, above 0 and at most 1 |
# | `evaluations` | Euler steps from `strength` to 0 |
# | returns | pictures, `(B, C, H, W)` |

# %%
@torch.no_grad()
def repair(field, sketch, noise, strength=0.6, evaluations=8):
    """Return pictures that look like sketches but as the field would have them: SDEdit.

    field, (B, C, H, W), (B, C, H, W) -> (B, C, H, W)

    The sketches are mixed with noise up to the time `strength`, above 0 and at most 1, and euler
    goes from there. Source: "SDEdit: Guided Image Synthesis and Editing with Stochastic
    Differential Equations" (2021), algorithm 1.
    """
    raise NotImplementedError("exercise 11.5")

# %%
repair = check("11.5", repair)

# %% [markdown]
# <details><summary>Hint 1: the mixture</summary>
#
# `on_line` takes a time for each picture: `torch.full((len(sketch),), strength)`, on the sketch's
# device. Or write `(1 - strength) * sketch + strength * noise`.
# </details>
#
# <details><summary>Hint 2: the walk</summary>
#
# Look at `euler` above: what is `start` for? `last(...)` gives where a sampler ends.
# </details>

# %%
# solution 11.5

# %% [markdown]
# Three sketches, each with its label, and more and more noise. We take the network from before
# reflow, which learned from pictures mixed with any noise. In the last row it's the one after reflow,
# which only knows pictures mixed with the one noise that leads to them. **What do you get with too
# little noise, and with too much? What will the last row look like?**

# %% tags=["nbval-ignore-output"]
# alt: Five rows. The first has three clumsy sketches, of a 7, a 4 and a 0, three times each. Then
#   the same at strength 0.3, still clumsy, at 0.6, well written in the sketch's shape, and at 0.9,
#   well written in a shape of their own. The last row is like that of 0.6.
SEVEN = """
........
.######.
......#.
.....#..
.....#..
....#...
....#...
........"""
FOUR = """
........
..#..#..
..#..#..
..#..#..
..#####.
.....#..
.....#..
........"""
ZERO = """
........
..####..
.#....#.
.#....#.
.#....#.
.#....#.
..####..
........"""


def sketches(*drawings):
    """Make pictures of rows of text."""
    pixels = [[[1.0 if c == "#" else -1.0 for c in row] for row in drawing.split()]
              for drawing in drawings]
    return F.interpolate(torch.tensor(pixels)[:, None], size=16)


drawn = sketches(SEVEN, FOUR, ZERO).repeat_interleave(3, dim=0).to(machine.device)
digits = torch.tensor([7, 4, 0], device=machine.device).repeat_interleave(3)
of_sketch, fast = FieldFromVelocity(net, schedule, digits), Field(quick, digits)
rows = [repair(of_sketch, drawn, noise[:9], strength, 12) for strength in (0.3, 0.6, 0.9)]
rows.append(repair(fast, drawn, noise[:9], 0.6, 12))
strip([drawn, *rows], labels=["sketch", "0.3", "0.6", "0.9", "0.6, after"])
plt.show()

# %% [markdown]
# Too little noise keeps the corners of the sketch, too much forgets it. Between the two, a sketch
# becomes handwriting. After reflow it's a little softer.
#
# **Finish half a digit.** This is called *inpainting*. After each step, the half that you know is
# put back, mixed with as much noise as belongs to that time. The network always sees the known
# half beside what it's drawing, so it draws the other half to fit. (It's told the label, too.)

# %% tags=["nbval-ignore-output"]
# alt: Three rows of ten digits: real ones that the network never saw, their left halves, and those
#   finished by the network, with right halves that fit.
test, test_labels = (a.to(machine.device) for a in load("digits", "test"))
left = torch.arange(16, device=machine.device) < 8  # the columns that are known


@torch.no_grad()
def finish(field, pictures, noise, evaluations=25):
    """Keep the left half of pictures, and draw the right half."""
    xt = noise
    for i in range(evaluations, 0, -1):
        xt = xt - field(xt, i / evaluations) / evaluations
        time = torch.full((len(xt),), (i - 1) / evaluations, device=xt.device)
        xt = torch.where(left, on_line(pictures, noise, time), xt)
    return xt


finished = finish(FieldFromVelocity(net, schedule, test_labels[:10]), test[:10], noise[:10])
halves = torch.where(left, test[:10], -0.5)
strip([test[:10], halves, finished], labels=["real", "half", "finished"])
plt.show()

# %% [markdown]
# **Walk between two drawings of a digit.** Go from one noise to another, and the drawing changes
# with it. But don't take the straight way: with so many pixels, all noises have nearly the same
# length, and the mean of two is so much shorter that the network has never seen its like. Walk
# along the arc between them instead, by *slerp* (spherical linear interpolation). Each picture
# takes one evaluation.

# %% tags=["nbval-ignore-output"]
# alt: Three rows of nine pictures, a 2, a 5 and an 8, whose shape changes gradually from left to
#   right.
def slerp(one, other, share):
    """Go a share of the arc from one noise to another.  (C, H, W), (C, H, W) -> (C, H, W)"""
    angle = F.cosine_similarity(one.flatten(), other.flatten(), dim=0).acos()
    return (((1 - share) * angle).sin() * one + (share * angle).sin() * other) / angle.sin()


places = torch.linspace(0, 1, 9).tolist()
rows = []
for digit in (2, 5, 8):
    walk = torch.stack([slerp(noise[digit], noise[digit + 10], share) for share in places])
    rows.append(last(euler(Field(quick, torch.full((9,), digit, device=machine.device)), walk, 1)))
strip(rows)
plt.show()

# %% [markdown]
# **Write a number.** Each digit takes a single network evaluation:

# %% tags=["nbval-ignore-output"]
# alt: The digits 2, 7, 1, 8, 2, 8, 1, 8, 2 and 8, drawn by the network, all readable.
number = "2718281828"  # @param {type: "string"}
digits = torch.tensor([int(c) for c in number if c in "0123456789"], device=machine.device)
fresh = torch.randn(len(digits), 1, 16, 16).to(machine.device)
strip(last(euler(Field(quick, digits), fresh, 1)))
plt.show()

# %% [markdown]
# ## 7. Send it to somebody
#
# One evaluation is so little work that a browser can do it. The next cell writes your network into a
# page: one file, with its weights and its forward pass in JavaScript. It needs neither Python nor
# an internet connection. Open it, draw in it, send it to a friend. (On Colab it's in the *Files*
# pane on the left; the menu behind the three dots has *Download*.)

# %% tags=["nbval-ignore-output"]
name = ""  # @param {type: "string"}
figures = {n: (row.recognised, row.distance) for n, row in zip(COUNTS, found["after reflow"])}
told = (f"Trained in notebook 10 of the course on {len(images):,} digits, and in notebook 11 for "
        f"{seconds:.0f} seconds on {len(pairs):,} pairs of a noise and its own drawing.")
file = page.write_page(quick, "my_page.html", "straight", name=name, told=told, figures=figures)
print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")

# %% [markdown]
# The page's code has the course's names, in the same order. Here is a block in both
# languages. **What does one have that the other doesn't?**

# %%
print(inspect.getsource(FiLMBlock.forward))
print(page.source("FiLMBlock"))

# %% [markdown]
# JavaScript has no tensors: `unfold`, `matmul` and `each` loop over numbers, as PyTorch does unseen.
# Where PyTorch needs two axes of size 1 to scale and shift whole channels, `each` knows the channel
# `c` of a number. (`tell` lets the page show what each part made.) The rest is the same, line for
# line. The answers agree up to rounding, because the page keeps its weights in 16 bits: the tests
# of the course compare them.

# %% [markdown]
# ## 8. What if there were more of everything?
#
# The same kind of network, but with 64 channels in place of 32, and trained on the photos of
# clothes in Fashion-MNIST (32 x 32): a shirt instead of a 7. Three commands trained it, let it
# draw pairs and train on them, and drew forty pieces with four evaluations each:
#
# ```
# python -m course_utils train --model grown --data fashion_mnist --base 64 --batch 32 \
#     --loss straight --steps 2200 --out runs/clothes
# python -m course_utils reflow runs/clothes --batch 32 --pairs 2200 --steps 1000 \
#     --out runs/clothes-straight
# python -m course_utils sample runs/clothes-straight --n 40 --steps 4 --out clothes.npz
# ```

# %%
# alt: Four rows of ten pieces of clothing: T-shirt, trousers, pullover, dress, coat, sandal, shirt,
#   sneaker, bag and ankle boot in each. Nearly all can be told.
KINDS = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
         "boot")
clothes = torch.tensor(np.load(COURSES / "clothes.npz")["x0"])
strip(clothes.split(10), titles=KINDS)
plt.show()

# %% [markdown]
# On two busy cores of an AMD EPYC (November 2026), a step took about half a second, and all of it
# half an hour. The judge, trained on clothes, recognises 63.6% of 500 such
# pictures, and 80.3% of real ones. Before reflow it's 66.2%, with 16 evaluations. So there's
# something left to do, with more steps.
#
# Do you have a GPU? Then tick `train_it`, and the next cell trains such a network from scratch.

# %% tags=["nbval-ignore-output"]
train_it = False  # @param {type: "boolean"}
if train_it:
    photos, kinds = (a.to(machine.device) for a in load("fashion_mnist", "train"))
    large = GrownUNet(in_ch=1, base_ch=64, ch_mult=(1, 2, 4), time_dim=256)
    steps = machine.budget(cpu=2200, gpu=10_000)
    large, _ = fit(large, photos, kinds, straight_loss, steps)
    many = torch.randn(4000, 1, 32, 32).to(machine.device)
    large_pairs = reflow_pairs(partial(Field, large), many, pair_labels)
    large.cond_embed.dropout = 0.0
    large, _ = fit(large, large_pairs, pair_labels, reflow_loss, steps)
    strip([last(euler(Field(large, asked[:10]), row, 4)) for row in many[:40].split(10)])

# %% [markdown]
# ## 9. Your network so far

# %% tags=["nbval-ignore-output"]
one_look = measure(last(euler(Field(quick, asked), noise, 1)).clamp(-1, 1))
keep_weights(quick, "straight", "11", one_look, 1, seconds, settings)

# %% tags=["trained"]
before, after = found.values()
print("25 evaluations draw well before reflow:", before[-1].distance <= 4)
print("one evaluation draws after it:", after[0].distance <= 9)
print("four draw better:", after[2].distance <= 6, "and at least 90% are recognised:",
      after[2].recognised >= 0.9)

# %% [markdown]
# ## Recap
#
# - On a straight line between picture and noise, the direction is the same all the way: the noise
#   minus the picture.
# - A network learns the mean of all directions that meet at a point. So its paths bend.
# - eps, v and u contain the same information. DDIM is Euler's method on the straight line.
# - Euler takes one evaluation per step. Heun takes two, and needs far fewer steps.
# - Reflow pairs each noise with the picture that it leads to. Trained on these pairs,
#   a network draws in one evaluation.
#
# **What can go wrong.** Many papers on flows count time the other way, with noise at 0 and the
# picture at 1, so their direction has the opposite sign. The network is told steps, but the
# samplers count time. After reflow, a network knows pictures only with their own noise, so for
# sketches mixed with fresh noise the one from before is safer.
#
# **Where to look.** `course_utils/straight.py` and `fields.py` have the lines, `course_utils/page/`
# the page. Your parts are in `my_unet.py`.
#
# ## What comes next?
#
# You've built a diffusion model from its first sine to a page that draws. Three things separate it
# from the large ones, and you're ready to read about each:
#
# - **Latent space.** Stable Diffusion doesn't draw pixels. An autoencoder first makes each side of
#   a picture 8 times shorter, and the U-Net works on that: [High-Resolution Image Synthesis with
#   Latent Diffusion Models](https://arxiv.org/abs/2112.10752).
# - **Words.** The U-Net gets its text by cross-attention, as you wrote it in 08, to the tokens of
#   a text encoder. You'll know many parts of [the diffusers
#   library](https://huggingface.co/docs/diffusers).
# - **Size.** Stable Diffusion 3 is a transformer trained on straight lines, with thousands of
#   times as many parameters as yours: [Scaling Rectified Flow Transformers for High-Resolution
#   Image Synthesis](https://arxiv.org/abs/2403.03206).
#
# To go deeper into flows, work through [MIT's course on flow matching](https://diffusion.csail.mit.edu/).
# And there is a list of scores to beat, which `CONTRIBUTING.md` explains: the best digits in one, two
# and four evaluations. The map of the course is in [00](00_start_here.ipynb).

# %% [markdown]
# ## How far are you?

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()
