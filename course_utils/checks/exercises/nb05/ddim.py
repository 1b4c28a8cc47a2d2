"""5.5 DDIM sampling."""

import numpy
import torch
from torch.nn import functional as F

from course_utils.checks.exercises.nb05.sampling import MISTAKES_OF_BOTH, watch_sampler
from course_utils.checks.exercises.test_doubles import NoiseNet, pictures_of
from course_utils.checks.parts import edits, tensors
from course_utils.diffusion import predict_x0
from course_utils.samplers import ddim
from course_utils.schedule import Schedule

BETAS = 0.06, 0.24, 0.47
CLAMP = "Rounding can leave what is under a root a little below 0: .clamp(min=0) before the root."


def experiment(probe, ddim):
    for T, steps, eta, B, C, H, W in [
        (10, 4, 0.5, 2, 1, 2, 4),  # T (1 - i/n) is 7.5 and 2.5 here
        (7, 7, 0.0, 3, 2, 2, 5),
        (30, 9, 1.0, 2, 1, 4, 3),
    ]:
        schedule, xT = Schedule(0.02 + 0.2 * probe.uniform(T)), probe.normal(B, C, H, W)
        watch_sampler(probe, ddim, "eps", xT, schedule, steps, eta)
    every = Schedule(0.01 + 0.02 * probe.uniform(50))
    watch_sampler(probe, ddim, "eps", probe.normal(2, 1, 2, 3), every)  # 50 steps, eta 0
    note_nan(probe, ddim, probe.normal(1, 1, 2, 2))
    probe.on_fake_device(pictures_of(ddim), NoiseNet(), xT, schedule, 2, 0.5)


def note_nan(probe, ddim, xT):
    """In a step from next to no picture, all old noise goes. What is left under the root is 0, or
    what rounding makes of it, which differs from one way to write the formula to the next."""
    for beta in BETAS:
        schedule = Schedule([beta, beta, 1 - 1e-10, 1 - 1e-10])
        what = f"ddim(model, xT, Schedule([{beta}, {beta}, 1 - 1e-10, 1 - 1e-10]), 2, 1.0)"
        given = NoiseNet(), xT.clone(), schedule, 2, 1.0
        found = probe.run(what, pictures_of(ddim), *given)
        bad = any(x.is_complex() or not x.isfinite().all() for x in tensors(found))
        probe.note(what, bad, f"{what}: some of your numbers are NaN or complex.", CLAMP)


MISTAKES = """
# x0 by another alpha_bar
- predict_x0(xt, model(xt, t), alpha_bar)
+ predict_x0(xt, model(xt, t), alpha_bar_next)
You compute x0 with the alpha_bar of the step that you go to. xt is still at t, so take that of t.
# steps one too high
- round(schedule.T * (1 - i / steps)) - 1
+ round(schedule.T * (1 - i / steps))
Your steps begin with T, where alpha_bar ends at T - 1. Take 1 off after rounding.
# steps cut off
+ int(schedule.T * (1 - i / steps)) - 1
| schedule.T * (steps - i) // steps - 1
You cut off what is behind the point, as int(), // and .long() do. The steps are rounded.
# halves rounded another way
+ int(schedule.T * (1 - i / steps) + 0.5) - 1
| round(schedule.T * (1 - i / steps) - 1)
Your steps differ where T (1 - i/n) ends in .5. Python's round takes the even neighbour there, and
the 1 is taken off after it: round(7.5) - 1 is 7, round(2.5) - 1 is 1.
# steps spread another way
- [round(schedule.T * (1 - i / steps)) - 1 for i in range(steps)]
+ torch.linspace(schedule.T - 1, 0, steps).round().long().tolist()
| list(range(schedule.T - 1, -1, -(schedule.T // steps)))
| list(range(0, schedule.T, schedule.T // steps))[:steps][::-1]
You spread the steps another way: from T - 1 to 0, or T // n apart. Asked for are t_i = round(T (1 -
i/n)) - 1, of which the first is T - 1 and the last is above 0 if n is below T.
# upwards in time
- for i in range(steps)]
+ for i in range(steps)][::-1]
You go from small t up. Start at T - 1, where all is noise, and go down.
# steps end at -1
+ for i in range(steps + 1)]
| for i in range(1, steps + 1)]
You visit t = -1, which is after the end. i goes from 0 to n - 1 and is divided by n.
# last step not taken
- zip(times, [*times[1:], None])
+ zip(times, times[1:])
The last step is missing. It starts at the last of your times and goes to alpha_bar' = 1, so it
needs a pair of its own: zip(times, times[1:]) has one too few.
# step 0 taken for the end
- torch.ones_like(alpha_bar) if t_next is None else alpha_bars[t_next]
+ torch.ones_like(alpha_bar) if not t_next else alpha_bars[t_next]
Where the next step is t = 0, you take alpha_bar' = 1 already. In Python 0 counts as False, so ask
`if t_next is None`.
# noise left at the end
+ alpha_bars[t_next or 0]
| alpha_bars[-1 if t_next is None else t_next]
The last step doesn't end at alpha_bar' = 1, a picture without noise. alpha_bar[0] leaves some in
it, and alpha_bar[-1] is the last of all in Python, next to nothing but noise.
# alpha_bar of t - 1
+ torch.ones_like(alpha_bar) if t_next is None else alpha_bars[t - 1]
You take alpha_bar' from t - 1, as in DDPM. Here the next step can be far below t: take the next one
in your list of times.
# eps not computed anew
- eps = (xt - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()
+ eps = model(xt, t)
You clip x0 and go on with the model's eps, which led to the unclipped one. Compute eps anew, from
xt and the clipped x0.
# eps computed anew in another way
+ eps = (xt - alpha_bar.sqrt() * x0) / (1 - alpha_bar)
| eps = (xt - alpha_bar_next.sqrt() * x0) / (1 - alpha_bar_next).sqrt()
| eps = xt - alpha_bar.sqrt() * x0
The eps that you compute anew isn't (xt - sqrt(alpha_bar) x0) / sqrt(1 - alpha_bar), with two roots
and alpha_bar at t.
# root of sigma missing
- eta * variance.sqrt()
+ eta * variance
A root is missing in your sigma: both of its factors are under one.
# eta under the root
+ (eta * variance).sqrt()
| eta**2 * variance.sqrt()
In your sigma eta is squared or under the root. It multiplies what the roots give, as it is.
# noise whatever eta is
+ variance.sqrt()
or
+ variance.sqrt()
- if eta > 0:
+ if True:
Your sigma doesn't depend on eta: it's the one for eta = 1, even where eta is 0.
# eta in place of sigma
- sigma * torch.randn_like(xt)
+ eta * torch.randn_like(xt)
You multiply z by eta. Multiply it by sigma, which is eta times two roots.
# sigma upside down
- (1 - alpha_bar_next) / (1 - alpha_bar) * (1 - alpha_bar / alpha_bar_next)
+ (1 - alpha_bar) / (1 - alpha_bar_next) * (1 - alpha_bar / alpha_bar_next)
| (1 - alpha_bar_next) / (1 - alpha_bar) * (1 - alpha_bar_next / alpha_bar)
A fraction in your sigma is upside down. alpha_bar' is larger than alpha_bar, and both fractions are
below 1: (1 - alpha_bar') / (1 - alpha_bar) and alpha_bar / alpha_bar'.
# share of eps
- (1 - alpha_bar_next - sigma**2).clamp(min=0).sqrt()
+ (1 - alpha_bar_next).clamp(min=0).sqrt()
| (1 - alpha_bar_next - sigma).clamp(min=0).sqrt()
| ((1 - alpha_bar_next).sqrt() - sigma)
| (1 - alpha_bar - sigma**2).clamp(min=0).sqrt()
| (1 - alpha_bar_next - sigma**2).clamp(min=0)
Your share of eps isn't sqrt(1 - alpha_bar' - sigma^2). The old noise makes room for the new, so
sigma^2 is taken off, and alpha_bar' is the value at the step that you go to.
# share of x0
- alpha_bar_next.sqrt() * x0
+ alpha_bar_next * x0
| alpha_bar.sqrt() * x0
Your share of x0 isn't sqrt(alpha_bar'), the root of the value at the step that you go to.
# shares swapped
- alpha_bar_next.sqrt() * x0 + (1 - alpha_bar_next - sigma**2).clamp(min=0).sqrt() * eps
+ alpha_bar_next.sqrt() * eps + (1 - alpha_bar_next - sigma**2).clamp(min=0).sqrt() * x0
The shares of x0 and eps are swapped: sqrt(alpha_bar') belongs to x0.
# eta without effect
- - sigma**2
+
- if eta > 0:
-     xt = xt + sigma * torch.randn_like(xt)
+
eta has no effect. With eta > 0, sigma * z is added after each step, and the old noise makes room
for it: sqrt(1 - alpha_bar' - sigma^2).
"""


@torch.no_grad()
def ddim_by_pairs(model, xT, schedule, steps=50, eta=0.0):
    times = [round(schedule.T * (1 - i / steps)) - 1 for i in range(steps + 1)]
    bars = [float(schedule.alpha_bar[t]) if t >= 0 else 1.0 for t in times]
    for t, bar, nxt in zip(times, bars, bars[1:]):
        x0 = predict_x0(xT, model(xT, t), xT.new_tensor(bar)).clamp(-1, 1)
        eps = (xT - bar**0.5 * x0) / (1 - bar) ** 0.5
        sigma = eta * ((1 - nxt) / (1 - bar) * (1 - bar / nxt)) ** 0.5
        xT = nxt**0.5 * x0 + max(1 - nxt - sigma**2, 0) ** 0.5 * eps + sigma * torch.randn_like(xT)
        yield t, xT, x0


def ddim_with_numpy(model, xT, schedule, steps=50, eta=0.0):
    xt, bars = xT, numpy.append(schedule.alpha_bar.numpy(), 1.0).astype("float32")
    visited = numpy.round(schedule.T * (1 - numpy.arange(steps) / steps)).astype(int) - 1
    for t, t_prev in zip(visited, numpy.append(visited[1:], -1)):
        bar, bar_prev = bars[t], bars[t_prev]
        with torch.no_grad():
            eps = model(xt, torch.tensor([t] * len(xt)))
        x0 = torch.clip((xt - eps * float(1 - bar) ** 0.5) / float(bar) ** 0.5, -1, 1)
        eps = (xt - float(bar) ** 0.5 * x0) / float(1 - bar) ** 0.5
        var = float(eta**2 * (1 - bar_prev) / (1 - bar) * (1 - bar / bar_prev))
        xt = float(bar_prev) ** 0.5 * x0 + max(0.0, float(1 - bar_prev) - var) ** 0.5 * eps
        xt = xt + var**0.5 * torch.randn(*xt.shape, device=xt.device)
        yield t, xt, x0


@torch.no_grad()
def ddim_from_tables(model, xT, schedule, steps=50, eta=0.0):
    times = [round(schedule.T * (1 - i / steps)) - 1 for i in range(steps)]
    bars = F.pad(schedule.alpha_bar[times], (0, 1), value=1.0).to(xT)
    ratio = (1 - bars[1:]) / (1 - bars[:-1])
    sigmas = eta * (ratio * (1 - bars[:-1] / bars[1:])).sqrt()
    for t, bar, after, r, sigma in zip(times, bars, bars[1:], ratio, sigmas):
        x0 = predict_x0(xT, model(xT, t), bar).clamp(-1, 1)
        kept = (r - sigma**2 / (1 - bar)).clamp(min=0).sqrt()  # of xT's noise
        xT = after.sqrt() * x0 + kept * (xT - bar.sqrt() * x0) + sigma * torch.randn_like(xT)
        yield t, xT, x0


@torch.no_grad()
def ddim_in_the_repositories_way(model, xT, schedule, steps=50, eta=0.0):
    alphas = torch.cat([schedule.alpha_bar, torch.ones(1)]).to(xT.device)  # -1: no noise
    sequence = torch.round(schedule.T * torch.arange(steps, 0, -1).double() / steps).long() - 1
    img, pairs = xT, zip(sequence.tolist(), sequence.tolist()[1:] + [-1])
    for time, time_next in pairs:
        time_cond = torch.full((img.shape[0],), time, device=img.device)
        pred_noise = model(img, time_cond)
        x_start = predict_x0(img, pred_noise, alphas[time_cond]).clamp_(-1.0, 1.0)
        alpha, alpha_next = alphas[time], alphas[time_next]
        pred_noise = (img - alpha.sqrt() * x_start) / (1 - alpha).sqrt()
        sigma = eta * ((1 - alpha / alpha_next) * (1 - alpha_next) / (1 - alpha)).sqrt()
        c = F.relu(1 - alpha_next - sigma**2).sqrt()
        img = x_start * alpha_next.sqrt() + c * pred_noise + sigma * torch.randn_like(img)
        yield time, img, x_start


REFERENCE = ddim
LOOK = "Print t, the alpha_bar at t, alpha_bar' and sigma at each step."
CATALOGUE = edits(ddim, MISTAKES_OF_BOTH + MISTAKES)
ALSO_RIGHT = [ddim_by_pairs, ddim_with_numpy, ddim_from_tables, ddim_in_the_repositories_way]
