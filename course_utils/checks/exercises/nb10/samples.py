"""10.4 A family of samplers."""

import math

import torch

from course_utils.checks.exercises.test_doubles import SigmaNet, all_steps
from course_utils.checks.parts import agree, describe, tensors
from course_utils.samplers import samples

YIELDS = "Yield sigma, xt, x0: the sigma that the model was told, and xt after the step."
GUESS = "x0 is xt - sigma * eps, with xt from before the step and eps as the model returned it."
CASES = [
    (4, 1.0, 0.0, 2, 1, 3, 4, "With gam = 1 and mu = 0, mixed is eps, sigma_down is sigma_next, "
     "and no noise is added. Try that first."),
    (5, 1.6, 0.0, 3, 2, 2, 5, "This is right for gam = 1, so look at mixed. At the first step it's "
     "eps; after that, gam * eps + (1 - gam) * the eps of the step before."),
    (4, 1.0, 0.5, 2, 1, 4, 3, "This is right for mu = 0. With sigma = 2, sigma_next = 1 and mu = "
     "0.5, sigma_down is 0.5, and the noise is multiplied by 0.866. Print yours."),
    (5, 0.7, 0.3, 2, 2, 2, 3, "This is right where gam = 1 or mu = 0. Does the step use mixed, and "
     "are there numbers that should be gam or mu?"),
]  # fmt: skip
HINTS = [
    (r"NoneType", r"", "At the first step there is no eps from before. There, mixed is eps: ask "
     "whether the last one is None."),
    (r"Boolean value of Tensor", r"", "A tensor of many numbers is neither true nor false. Ask `if "
     "last is None`, with your name for the eps of the step before."),
    (r"iteration over a 0-d|used as indices|to unpack", r"", "sigmas holds the levels themselves. "
     "zip(sigmas, sigmas[1:]) gives each but the last, with the one after it."),
]  # fmt: skip


def experiment(probe, samples):
    for N, gam, mu, B, C, H, W, look in CASES:
        sigmas = (0.2 + probe.uniform(N)).cumsum(0).flip(0)
        xT = sigmas[0] * probe.normal(B, C, H, W)
        with probe.advice(*HINTS, look=look):
            given = SigmaNet(), xT.clone(), sigmas, gam, mu
            what = f"samples(model, xT, sigmas, {gam}, {mu})"
            note_parts(probe, what, xT, probe.run(what, all_steps(probe, samples), *given))
            probe.call(all_steps(probe, samples), SigmaNet(), xT, sigmas, gam, mu)
    note_equal_levels(probe, samples)

    def with_levels(model, xT):  # on a GPU the levels are still on the CPU
        return list(samples(model, xT, sigmas, gam, mu))

    probe.on_fake_device(with_levels, SigmaNet(), xT)


def note_parts(probe, what, xT, steps):
    """Write down what each step yields, in the order in which it's computed."""
    for i, step in enumerate(steps, 1):
        if not isinstance(step, tuple) or len(step) != 3:
            probe.note(what, step, f"Step {i} gives {describe(step)}.", YIELDS)
            continue
        probe.note(f"{what}: sigma of step {i}", step[0], look=YIELDS)
        probe.note(f"{what}: x0 of step {i}", step[2], look=GUESS)
        still = i == 1 and agree(xT, step[1])
        probe.note("xT still", still, "You yield xt from before the step.", "Yield the new one.")
        probe.note(f"{what}: xt after step {i}", step[1])


def note_equal_levels(probe, samples):
    whole, what = True, "samples(model, xT, sigmas, 1.0, 0.5) with two equal levels at the end"
    for level in (0.05, 0.07, 0.08, 0.13, 0.15, 0.2, 0.23):
        given = torch.ones(1, 1, 2, 2), torch.tensor([2 * level, level, level]), 1.0, 0.5
        found = tensors(probe.run(what, all_steps(probe, samples), SigmaNet(), *given))
        whole &= not any(x.is_complex() or not x.isfinite().all() for x in found)
    probe.note(what, whole, f"{what}: some of your numbers are NaN.")


MISTAKES = """
# another mixture
- eps if eps_last is None else gam * eps + (1 - gam) * eps_last
+ eps if eps_last is None else gam * eps_last + (1 - gam) * eps
| eps if eps_last is None else eps + gam * (eps - eps_last)
mixed is wrong. It's gam * eps + (1 - gam) * eps_before: gam belongs to this step's eps, and the two
factors add up to 1.
# mixed at the first step
+ gam * eps if eps_last is None else gam * eps + (1 - gam) * eps_last
At the first step there's no eps from before, and you mix with zeros. There, mixed is eps.
# gam ignored
- xt - (sigma - sigma_down) * mixed
+ xt - (sigma - sigma_down) * eps
gam has no effect. From the second step on, step with mixed = gam * eps + (1 - gam) * eps_before.
# down to sigma_next
+ xt - (sigma - sigma_next) * mixed
Your step goes to sigma_next and noise is added on top. Go down to sigma_down, to leave room for it.
# sign of the step
+ xt + (sigma - sigma_down) * mixed
Your step adds noise where it should remove it: xt - (sigma - sigma_down) * mixed.
# step from x0
+ x0 + sigma_down * mixed
You step from x0, which was made with eps, not mixed. It's xt - (sigma - sigma_down) * mixed.
# mixed kept
- sigma_down = (sigma_next / sigma**mu) ** (1 / (1 - mu))
+ eps = mixed
+ sigma_down = (sigma_next / sigma**mu) ** (1 / (1 - mu))
You keep mixed for the next step, so all earlier steps are mixed in. Keep eps, the model's answer.
# sigma_down by another quotient
+ sigma_down = (sigma_next / (sigma * mu)) ** (1 / (1 - mu))
The quotient in sigma_down is wrong. It's sigma_next / sigma**mu: only the old sigma has a power.
# mu ignored
+ sigma_down = sigma_next
- if mu > 0
+ if False
mu has no effect. With mu > 0 a step goes below the next level, and fresh noise brings it back up.
# no fresh noise
- if mu > 0
+ if False
You add no fresh noise, so the picture stays at sigma_down. Noise brings it back up to sigma_next.
# no noise at the last step
+ if mu > 0 and sigma_next > sigmas[-1]
You add no noise at the last step. The last level isn't 0 here, so it gets noise like the others.
# one noise for all
- up * torch.randn_like(xt)
+ up * torch.randn_like(xt[:1])
or
+ up * z
- xt, eps = xT, None
+ xt, eps, z = xT, None, torch.randn_like(xT)
Your z is the same at every step, or for every picture. Draw torch.randn_like(xt) in the loop.
# fresh noise of another size
+ torch.randn_like(xt)
or
- (sigma_next**2 - sigma_down**2).clamp(min=0).sqrt()
+ (sigma_next**2 - sigma_down**2)
| sigma_next - sigma_down
The fresh noise has the wrong size. Variances add up, so what brings the picture from sigma_down to
sigma_next is sqrt(sigma_next^2 - sigma_down^2) * z.
# no clamp before the root
+ (sigma_next**2 - sigma_down**2).sqrt()
Some numbers are NaN where the last two levels are equal, because rounding can leave the difference
of the squares a little below 0. Take .clamp(min=0) before the root.
# another exponent in sigma_down
- ** (1 / (1 - mu))
+
or
- sigma_down = (sigma_next / sigma**mu) ** (1 / (1 - mu))
+ sigma_down = (sigma_next / sigma**mu) ** (1 - mu)
| sigma_down = sigma_next / sigma**mu ** (1 / (1 - mu))
The exponent in sigma_down is wrong. The whole quotient, in brackets, is raised to 1 / (1 - mu).
# model told another level
- model(xt, sigma)
+ model(xt, sigma_next)
You tell the model the next level. Tell it sigma, the level that xt has now.
# x0 clipped
- x0 = xt - sigma * eps
+ x0 = (xt - sigma * eps).clamp(-1, 1)
You clip x0 to [-1, 1]. This family yields it as it is.
# x0 with another factor
+ x0 = xt - eps
In x0 the factor of eps is wrong. xt is x0 + sigma * eps, so x0 is xt - sigma * eps.
# x0 from mixed
+
- xt = xt - (sigma
+ x0 = xt - sigma * mixed
+ xt = xt - (sigma
Your x0 is computed from mixed. It's the model's guess at this step: xt - sigma * eps.
# x0 from the new xt
- yield sigma, xt, x0
+ yield sigma, xt, xt - sigma * eps
You compute x0 from the new xt. Compute it before the step.
# xt and x0 swapped
+ yield sigma, x0, xt
You yield xt and x0 in the wrong order. It's sigma, xt, x0.
# only one result
-     yield sigma, xt, x0
+ return xt
Only one result comes out. Yield after every step, inside the loop; return ends the function.
# another number of steps
- sigmas[1:].to(xT)
+ [*sigmas[1:].to(xT), torch.zeros(())]
| sigmas[1:-1].to(xT)
N levels make N - 1 steps, each from one level to the next, and none to 0 after the last.
"""


@torch.no_grad()
def samples_by_index(model, xT, sigmas, gam=1.0, mu=0.0):
    sigmas, seen = sigmas.to(xT.device), []
    for i in range(len(sigmas) - 1):
        now, then = sigmas[i], sigmas[i + 1]
        seen.append(model(xT, now.expand(len(xT))))
        guess = xT - now * seen[i]
        target = then ** (1 / (1 - mu)) * now ** (-mu / (1 - mu))
        xT = xT + (target - now) * torch.lerp(seen[max(i - 1, 0)], seen[i], gam)
        xT = xT + (then**2 - target**2).clamp(min=0).sqrt() * torch.randn_like(xT)
        yield now, xT, guess


@torch.no_grad()
def samples_in_a_list(model, xT, sigmas, gam=1.0, mu=0.0):
    levels, out, old, x = sigmas.tolist(), [], None, xT.clone()
    for now, then in zip(levels[:-1], levels[1:]):
        new = model(x, now)
        mixed = new if old is None else old + gam * (new - old)
        old = new
        target = math.exp((math.log(then) - mu * math.log(now)) / (1 - mu))
        guess = x - new * now
        x = x - (now - target) * mixed
        x = x + max(then**2 - target**2, 0.0) ** 0.5 * torch.randn(x.shape, device=x.device)
        out.append([now, x, guess])
    return out


@torch.no_grad()
def samples_by_guess(model, xT, sigmas, gam=1.0, mu=0.0):
    xt, before, ratios = xT, None, sigmas[1:] / sigmas[:-1]
    for sigma, ratio in zip(sigmas.tolist(), ratios.tolist()):
        eps = model(xt, torch.tensor(sigma, device=xt.device))
        before = eps if before is None else before
        mixed = gam * eps + (1 - gam) * before
        kept = ratio ** (1 / (1 - mu))
        x0, aim = xt - sigma * eps, xt - sigma * mixed
        xt = kept * xt + (1 - kept) * aim
        xt = xt + torch.randn_like(xt) * sigma * max(ratio**2 - kept**2, 0) ** 0.5
        before = eps
        yield sigma, xt, x0


@torch.no_grad()
def samples_in_place(model, xT, sigmas, gam=1.0, mu=0.0):
    x, noises = xT.clone(), []
    for j in range(1, len(sigmas)):
        s, n = sigmas[j - 1].item(), sigmas[j].item()
        noises = [*noises[-1:], model(x, s)]
        x0 = x - s * noises[-1]
        p = n * (n / s) ** (mu / (1 - mu))
        x.sub_(gam * noises[-1] + (1 - gam) * noises[0], alpha=s - p)
        x.add_(torch.randn_like(x), alpha=math.sqrt(max(n * n - p * p, 0)))
        yield s, x.clone(), x0


REFERENCE = samples
LOOK = CASES[0][-1]
ALSO_RIGHT = [samples_by_index, samples_in_a_list, samples_by_guess, samples_in_place]
