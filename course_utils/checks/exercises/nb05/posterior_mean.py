"""5.7 The mean of the step before."""

import torch
from einops import einsum

from course_utils.checks.exercises.nb05.sampling import OF_A_SCHEDULE
from course_utils.checks.parts import edits
from course_utils.samplers import posterior_mean
from course_utils.schedule import Schedule

HINTS = [
    ("ZeroDivision", "", "At t = 0 the variance v1 is 0: return x0 there before you divide."),
    *OF_A_SCHEDULE,
]
FIRST = (
    "At t = 0 the mean is x0 itself: with alpha_bar = 1 before the first step, the share of xt is "
    "0 and that of x0 is 1."
)


def experiment(probe, posterior_mean):
    schedule = Schedule(0.05 + 0.5 * probe.uniform(6))
    for B, C, H, W, t in [(2, 1, 3, 4, 5), (3, 2, 4, 2, 2), (1, 3, 2, 5, 1), (2, 2, 2, 3, 0)]:
        with probe.advice(*HINTS, look="" if t else FIRST):
            probe.call(
                posterior_mean, probe.normal(B, C, H, W), probe.normal(B, C, H, W), t, schedule
            )
    given = probe.normal(2, 1, 3, 2), probe.normal(2, 1, 3, 2)
    probe.on_fake_device(posterior_mean, *given, 3, schedule)


MISTAKES = """
# alpha_bar of the last step at t = 0
- schedule.alpha_bar[t - 1] if t > 0 else torch.ones(())
+ schedule.alpha_bar[t - 1]
At t = 0 you take alpha_bar[-1], which in Python is the one of the last step. Before the first step
nothing is noise yet, so there alpha_bar is 1.
# another alpha_bar at t = 0
+ schedule.alpha_bar[max(t - 1, 0)]
| schedule.alpha_bar[t - 1] if t > 0 else torch.zeros(())
At t = 0 your alpha_bar of the step before isn't 1. It's the share of the picture that is left, and
before the first step all of it is.
# alpha_bar of the step after
+ schedule.alpha_bar[(t + 1) % schedule.T] if t > 0 else torch.ones(())
You take alpha_bar at t + 1, but the mean is that of the step before: t - 1.
# alpha_bar at t in both places
+ alpha_bar
You take alpha_bar at t where the one of the step before is meant. Two places need
alpha_bar[t - 1]: the root in front of x0, and 1 - alpha_bar in the share of xt.
# shares swapped
- x0_share * x0 + xt_share * xt
+ xt_share * x0 + x0_share * xt
You multiply x0 by the share of xt, and xt by that of x0. At t = 0 everything must come from x0.
# not divided by 1 - alpha_bar
+ (x0_share * x0 + xt_share * xt) * (1 - alpha_bar)
or
- beta / (1 - alpha_bar)
+ beta
or
- (1 - beta).sqrt() * (1 - alpha_bar_before) / (1 - alpha_bar)
+ (1 - beta).sqrt() * (1 - alpha_bar_before)
A division by 1 - alpha_bar is missing. Both shares have it below the line.
# beta for alpha
+ beta.sqrt() * (1 - alpha_bar_before) / (1 - alpha_bar)
Your share of xt has the root of beta. It's the root of 1 - beta, by which this step shrank the
picture.
# alpha_bar for alpha
+ alpha_bar.sqrt() * (1 - alpha_bar_before) / (1 - alpha_bar)
Your share of xt has the root of alpha_bar, the product over all steps up to t. It's that of
1 - beta, which belongs to this step alone.
# noise that was there before forgotten
+ (1 - beta).sqrt() / (1 - alpha_bar)
Your share of xt lacks the factor 1 - alpha_bar at t - 1, so it doesn't vanish at t = 0. Look at the
second fraction of the formula again.
# roots missing
+ (1 - beta) * (1 - alpha_bar_before) / (1 - alpha_bar)
or
- alpha_bar_before.sqrt() * beta
+ alpha_bar_before * beta
or
+ alpha_bar_before * beta
- (1 - beta).sqrt()
+ (1 - beta)
A root is missing: x0's share has the root of alpha_bar at t - 1, and xt's that of 1 - beta.
# alpha for beta
+ alpha_bar_before.sqrt() * (1 - beta)
Your share of x0 has 1 - beta as a factor where the formula has beta. Only the share of xt has
1 - beta, under a root.
# beta of the step before
- schedule.betas[t], schedule.alpha_bar[t]
+ schedule.betas[t - 1], schedule.alpha_bar[t]
You take beta from step t - 1. It belongs to step t, the one that is undone; only alpha_bar is
needed from t - 1 too.
"""


def mean_of_two_gaussians(x0, xt, t, schedule):
    """The notebook's form: two means, each weighted by the inverse of its variance."""
    if t == 0:
        return x0
    beta, before = schedule.betas[t], schedule.alpha_bar[t - 1]
    m1, v1 = before.sqrt() * x0, 1 - before
    m2, v2 = xt / (1 - beta).sqrt(), beta / (1 - beta)
    return (m1 / v1 + m2 / v2) / (1 / v1 + 1 / v2)


OF_TWO_GAUSSIANS = """
# v1 of 0
- if t == 0:
-     return x0
- beta, before = schedule.betas[t], schedule.alpha_bar[t - 1]
+ beta, before = schedule.betas[t], schedule.alpha_bar[t - 1] if t else torch.ones(())
At t = 0 your v1 is 0, and you divide by it. There x0 is certain, so return it before you divide.
# alpha_bar at t in m1 and v1
- schedule.betas[t], schedule.alpha_bar[t - 1]
+ schedule.betas[t], schedule.alpha_bar[t]
Your m1 and v1 have alpha_bar at t. They're about the picture one step before, so take it at t - 1.
# beta of the step before in m2 and v2
+ schedule.betas[t - 1], schedule.alpha_bar[t - 1]
Your m2 and v2 have beta of step t - 1. They undo the step from t - 1 to t, whose beta is betas[t].
# m1 without its root
- before.sqrt() * x0
+ x0
| before * x0
Your m1 lacks a root: it's sqrt(alpha_bar) times x0, with alpha_bar at t - 1.
# m2 not as it should be
- xt / (1 - beta).sqrt()
+ xt / (1 - beta)
| xt * (1 - beta).sqrt()
| xt
Your m2 isn't right. The step multiplied the picture by sqrt(1 - beta), so to undo it, divide xt by
that root.
# v2 not as it should be
- beta / (1 - beta)
+ beta
| beta / (1 - beta).sqrt()
| (1 - beta) / beta
Your v2 isn't right. Dividing by sqrt(1 - beta) enlarges the noise too, and its variance, beta, by
the square of that: v2 = beta / (1 - beta).
# weighted by the variances
- (m1 / v1 + m2 / v2) / (1 / v1 + 1 / v2)
+ (m1 * v1 + m2 * v2) / (v1 + v2)
You multiply each mean by its own variance, so the less certain one counts for more. Divide by it.
# weighted by the standard deviations
+ (m1 / v1.sqrt() + m2 / v2.sqrt()) / (1 / v1.sqrt() + 1 / v2.sqrt())
You weight each mean by 1 / sqrt(v). The weights are the inverse variances, without a root.
# weights that don't add up to 1
+ m1 / v1 + m2 / v2
| (m1 / v1 + m2 / v2) / 2
| (m1 / v1 + m2 / v2) / (v1 + v2)
Your weights don't add up to 1. Divide the sum by that of the weights, 1 / v1 + 1 / v2.
# plain average
+ (m1 + m2) / 2
Both of your means count alike. Weight each by the inverse of its variance.
# one of the two means
+ m1
| m2
You return one of the two means alone. Combine what x0 says with what xt says.
# noise added
+ (m1 / v1 + m2 / v2) / (1 / v1 + 1 / v2) + torch.randn_like(xt) / (1 / v1 + 1 / v2).sqrt()
You add noise to the mean. Only the mean is asked for here; the sampler adds the noise.
"""


def mean_in_one_line(x0, xt, t, schedule):
    a, b = schedule.alpha_bar[t].item(), schedule.alpha_bar[t - 1].item() if t else 1.0
    beta = schedule.betas[t].item()
    return (b**0.5 * beta * x0 + (1 - beta) ** 0.5 * (1 - b) * xt) / (1 - a)


def mean_from_products(x0, xt, t, schedule):
    alphas = (1 - schedule.betas).to(x0.device)
    before = alphas[:t].prod()  # of nothing at t = 0, which is 1
    now = before * alphas[t]
    weights = torch.stack([before.sqrt() * (1 - alphas[t]), alphas[t].sqrt() * (1 - before)])
    return einsum(weights / (1 - now), torch.stack([x0, xt]), "n, n b c h w -> b c h w")


def mean_by_noise(x0, xt, t, schedule):
    bars = torch.cat([torch.ones(1), schedule.alpha_bar])
    bar, before, alpha = bars[t + 1], bars[t], 1 - schedule.betas[t]
    eps = (xt - bar.sqrt() * x0) / (1 - bar).sqrt()
    sigma2 = (1 - alpha) * (1 - before) / (1 - bar)
    return before.sqrt() * x0 + (1 - before - sigma2).clamp(min=0).sqrt() * eps


REFERENCE = posterior_mean
LOOK = (
    "Print the shares of x0 and xt, and compare what is under each root and what is above and "
    "below each line with the formula."
)
CATALOGUE = edits(mean_of_two_gaussians, OF_TWO_GAUSSIANS) + edits(posterior_mean, MISTAKES)
ALSO_RIGHT = [mean_in_one_line, mean_from_products, mean_by_noise]
