"""5.4 DDPM sampling."""

import torch
from torch.nn import functional as F

from course_utils.checks.exercises.nb05.sampling import MISTAKES_OF_BOTH, watch_sampler
from course_utils.checks.exercises.test_doubles import NoiseNet, pictures_of
from course_utils.checks.parts import edits
from course_utils.diffusion import predict_x0
from course_utils.samplers import ddim, ddpm
from course_utils.schedule import Schedule


def experiment(probe, ddpm):
    for T, B, C, H, W in [(4, 2, 1, 2, 4), (8, 3, 2, 4, 2)]:
        schedule = Schedule(0.05 + 0.5 * probe.uniform(T))
        watch_sampler(probe, ddpm, "the old xt", probe.normal(B, C, H, W), schedule)
    two = Schedule(schedule.betas[:2])
    probe.on_fake_device(pictures_of(ddpm), NoiseNet(), probe.normal(B, C, H, W), two)


MISTAKES_WITH_SHARES = """
# another alpha_bar before the first step
- alpha_bars[t - 1] if t > 0 else torch.ones_like(alpha_bar)
+ alpha_bars[t - 1]
| alpha_bars[max(t - 1, 0)]
At t = 0 your alpha_bar of the step before isn't 1. (alpha_bar[-1] is the last one in Python.)
Before the first step nothing is noise, so alpha_bar is 1 there, and sigma is 0.
"""

MISTAKES = """
# upwards in time
- reversed(range(schedule.T))
+ range(schedule.T)
You go from t = 0 up. Sampling starts at t = T - 1, where all is noise, and goes down.
# t = 0 left out
+ reversed(range(1, schedule.T))
You never yield t = 0. The loop ends at 1, as range(1, T) or range(T - 1, 0, -1) make it, or the
yield is inside an `if t > 0`.
# no noise at t = 1
- if t > 0:
+ if t > 1:
You add no noise at t = 1. The paper's "if t > 1" counts from 1; here it is t > 0.
# variance in place of its root
- sigma = (beta * (1 - alpha_bars[t - 1]) / (1 - alpha_bar)).sqrt()
+ sigma = (beta * (1 - alpha_bars[t - 1]) / (1 - alpha_bar))
You multiply z by the variance. Take its root, sigma_t.
# beta missing in sigma
+ sigma = ((1 - alpha_bars[t - 1]) / (1 - alpha_bar)).sqrt()
Your sigma lacks the factor beta_t, under the root.
# variance beta
+ sigma = beta.sqrt()
Your noise has the variance beta_t, the larger of the two that the paper allows. Asked for is the
smaller, with the factor (1 - alpha_bar at t - 1) / (1 - alpha_bar), which is 0 at t = 0.
# sigma upside down
+ sigma = (beta * (1 - alpha_bar) / (1 - alpha_bars[t - 1])).sqrt()
The fraction in your sigma is upside down. 1 - alpha_bar at t - 1, the smaller one, is on top.
# step at t = 0 not taken
- xt = posterior_mean(x0, xt, t, schedule)
+ if t > 0:
+     xt = posterior_mean(x0, xt, t, schedule)
At t = 0 you leave xt as it is. That step is taken too, only without noise, and leads to x0.
# step with the raw eps
+ xt = (xt - beta / (1 - alpha_bar).sqrt() * model(xt, t)) / (1 - beta).sqrt()
You step with eps as the network gave it (the paper's algorithm 2), so clipping x0 has no effect on
xt. Take the mean with x0, the clipped one.
# beta of the step before
- betas[t], alpha_bars[t]
+ betas[t - 1], alpha_bars[t]
You take beta from t - 1. It's that of this step, t; only alpha_bar is needed from t - 1 too.
# x0 by another alpha_bar
- predict_x0(xt, model(xt, t), alpha_bar)
+ predict_x0(xt, model(xt, t), alpha_bars[t - 1])
You compute x0 with the alpha_bar of the step that you go to. xt is still at t, so take that of t.
# x0 by beta
+ predict_x0(xt, model(xt, t), 1 - beta)
predict_x0 needs alpha_bar, the product over all steps up to t. You give it that of a single step.
# x0 and xt swapped in posterior_mean
- posterior_mean(x0, xt, t, schedule)
+ posterior_mean(xt, x0, t, schedule)
You call posterior_mean with xt and x0 swapped. The order is posterior_mean(x0, xt, t, schedule).
# mean taken at t - 1
+ posterior_mean(x0, xt, max(t - 1, 0), schedule)
You ask for the mean with the step before. xt is at step t, so hand posterior_mean that t.
# mean not taken
+ x0
You jump to the guess x0 at every step. Go to posterior_mean(x0, xt, t, schedule), close to xt.
"""


@torch.no_grad()
def ddpm_with_noise_at_every_step(model, xT, schedule):
    xt = xT
    for t in range(schedule.T - 1, -1, -1):
        beta, alpha_bar = schedule.betas[t], schedule.alpha_bar[t].to(xT.device)
        alpha_bars = schedule.alpha_bar
        alpha_bar_next = alpha_bars[t - 1] if t > 0 else torch.ones_like(alpha_bar)
        x0 = predict_x0(xt, model(xt, t), alpha_bar).clip(-1, 1)
        mean = beta * alpha_bar_next**0.5 * x0 + (1 - alpha_bar_next) * (1 - beta) ** 0.5 * xt
        xt = mean / (1 - alpha_bar)
        sigma = (beta * (1 - alpha_bar_next) / (1 - alpha_bar)).sqrt()
        xt = xt + sigma * torch.randn_like(xt)
        yield t, xt, x0


@torch.no_grad()
def ddpm_by_noise(model, xT, schedule):
    xt = xT
    alphas = 1 - schedule.betas
    bars = torch.cat([torch.ones(1), schedule.alpha_bar])
    for t in torch.arange(schedule.T).flip(0):
        bar, before = bars[t + 1], bars[t]
        eps = model(xt, torch.full((len(xt),), t))
        x0 = ((xt - (1 - bar).sqrt() * eps) / bar.sqrt()).clip(-1, 1)
        eps = (xt - bar.sqrt() * x0) / (1 - bar).sqrt()
        xt = (xt - (1 - alphas[t]) / (1 - bar).sqrt() * eps) / alphas[t].sqrt()
        xt = xt + torch.randn_like(xt) * (schedule.betas[t] * (1 - before) / (1 - bar)).sqrt()
        yield t, xt, x0


def ddpm_by_ddim(model, xT, schedule):
    return ddim(model, xT, schedule, steps=schedule.T, eta=1.0)


@torch.no_grad()
def ddpm_from_tables(model, xT, schedule):
    betas, bars = (x.to(xT.device).view(-1, 1, 1, 1) for x in (schedule.betas, schedule.alpha_bar))
    before = F.pad(bars[:-1].flatten(), (1, 0), value=1.0).view_as(bars)
    coef1 = betas * before.sqrt() / (1 - bars)
    coef2 = (1 - before) * (1 - betas).sqrt() / (1 - bars)
    img, i = xT, schedule.T
    while i > 0:
        i -= 1
        steps = torch.full((img.shape[0],), i, device=img.device, dtype=torch.long)
        pred_noise = model(img, steps)
        x_start = (1 / bars[i]).sqrt() * img - (1 / bars[i] - 1).sqrt() * pred_noise
        img = coef1[steps] * x_start.clamp_(-1.0, 1.0) + coef2[steps] * img
        if i > 0:
            variance = betas[i] * (1 - before[i]) / (1 - bars[i])
            img = img + variance.sqrt() * torch.randn(img.shape, device=img.device)
        yield i, img, x_start


REFERENCE = ddpm
LOOK = "Print t and sigma at each step, and look at what you hand to posterior_mean."
CATALOGUE = edits(ddpm, MISTAKES_OF_BOTH + MISTAKES) + edits(
    ddpm_with_noise_at_every_step, MISTAKES_WITH_SHARES
)
ALSO_RIGHT = [ddpm_by_noise, ddpm_by_ddim, ddpm_from_tables]
