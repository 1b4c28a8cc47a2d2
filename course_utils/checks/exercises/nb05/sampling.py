"""What DDPM and DDIM share: how a sampler is watched, and the mistakes that can be made in both."""

from collections.abc import Iterator

import torch

from course_utils.checks.exercises.test_doubles import NoiseNet, as_float, note_kept, run_to_end
from course_utils.checks.parts import SEED, Stop, Vague, call_of, describe, state, tensors

OF_A_SCHEDULE = [
    ("'int' object has no", "alpha_bar_at", "alpha_bar_at takes a tensor of steps. For a single "
     "one, an int, write schedule.alpha_bar[t]."),
    ("no attribute", r"schedule\.", "A schedule has T, betas and alpha_bar."),
    ("must be Tensor, not", "", "torch.sqrt takes no plain number. Where alpha_bar is 1, write "
     "torch.ones(()); x ** 0.5 takes both."),
]  # fmt: skip
HINTS = [
    ("index.* out of (bounds|range)", "", "Print the index. The steps are T - 1 down to 0, and "
     "after the last one there is no next: alpha_bar is 1 there."),
    *OF_A_SCHEDULE,
]  # fmt: skip


def watch_sampler(probe, sampler, second, xT, schedule, *more):
    """Run a sampler to its end and write down, one after the other, what comes out of it.

    second says what a new xt is mixed from besides x0 and z: "the old xt" or "eps".
    """
    net, T, n = NoiseNet(), schedule.T, more[0] if more else schedule.T
    given, before = (net, xT.clone(), schedule, *more), [state(xT)]
    what = call_of(sampler, given)
    with probe.advice(*HINTS):
        result, steps, kept = probe.run(what, run_to_end, sampler, *given)

    wrong = f"{len(steps)} steps come out of your sampler, and {n} are expected."
    tip = "Is yield t, xt, x0 the last line in the loop, and does the loop come to all steps?"
    probe.note("The number of steps", len(steps), wrong, tip)
    odd = Vague("".join([describe(step) for step in steps if not is_step(step, xT)][:1]))
    tip = f"Yield t, xt and x0 after each step, both pictures of the shape {tuple(xT.shape)}."
    probe.note("what a step is", odd, f"You yield {odd}.", tip)
    if odd or not steps:
        probe.note("what comes out", describe(result))
        raise Stop
    expected = [round(T * (1 - i / n)) - 1 for i in range(n)]
    visited = [whole(t) for t, _, _ in steps]
    told = list(dict.fromkeys(whole(t[0]) for _, t in net.asked))
    shown = ", ".join(map(str, visited[:9]))
    probe.note(
        "the steps", visited,
        f"Your sampler yields t = [{shown}]; the steps here are {expected[:9]}.",
        "These are what your model is told, so yield the same t." if told == expected else
        "Print the times before the loop, or t as its first line.",
    )  # fmt: skip
    wrong = f"Your model is told t = {told[:9]}; the steps here are {expected[:9]}."
    tip = "Hand it the t of the step that is taken."
    probe.note("the steps that the model is told", told, wrong, tip)

    _, xt, x0 = steps[0]
    first = f"after the first step, at t = {expected[0]}"
    tip = "It is predict_x0(xt, eps, alpha_bar) with alpha_bar at t, clipped to [-1, 1]."
    probe.note(f"x0 {first}", x0.clone(), look=tip)
    torch.manual_seed(SEED)
    z, part = torch.randn_like(xT), xT  # z is what the sampler drew first
    if second == "eps":
        alpha_bar = schedule.alpha_bar[expected[0]]
        part = (xT - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()
    shares, rest = mixture([x0, part, z], xt)
    probe.note(
        f"something else in xt {first}", rest,
        f"x0 is right {first}, and the new xt is no mixture of x0, {second} and z.",
        "Look for a clamp on xt, an x0 or eps from before the clipping, and a z that isn't "
        "torch.randn_like(xt).",
    )  # fmt: skip
    for of, share in zip(("x0", second, "z"), shares):
        probe.note(
            f"The share of {of} in xt {first}", share, look="x0 is right there. Put that t into "
            "the formula, and compare your factors with it one by one.",
        )  # fmt: skip
    wrong = "Your first step is right, but after the last one xt is not x0."
    tip = "After the last step alpha_bar is 1, and sigma is 0. Put that into the formula."
    probe.note("the last xt is x0", torch.allclose(*steps[-1][1:], atol=1e-4), wrong, tip)
    probe.note(
        what, [step[1:] for step in steps], look="Your first step is right, a later one is "
        "not. Does each begin with the xt of the one before, and draw a z of its own?",
    )  # fmt: skip
    wrong = f"Your sampler returns a {type(result).__name__} when all is done."
    tip = "Hand out each step as it's taken, with yield t, xt, x0."
    probe.note("a generator", isinstance(result, Iterator), wrong, tip, aside=True)
    note_kept(probe, steps, kept)
    probe.note_changes(sampler, [xT], given[1:2], before)


def is_step(step, like):
    """True for (t, xt, x0), with pictures of the right shape."""
    if type(step) not in (tuple, list) or len(step) != 3:
        return False
    return [x.shape for x in tensors(step[1:])] == [like.shape] * 2


def whole(t):
    """A step as an int, whoever made the number; for anything else, what it is."""
    t = as_float(t)
    return int(t) if isinstance(t, float) and t.is_integer() else describe(t)


def mixture(parts, mixed):
    """How much of each part is in a mixture, and whether there is anything else."""
    parts = torch.stack([part.flatten() for part in parts], dim=1).double().nan_to_num()
    mixed = mixed.flatten().double().nan_to_num()
    shares = torch.linalg.lstsq(parts, mixed[:, None]).solution[:, 0]
    return shares.tolist(), bool((mixed - parts @ shares).abs().max() > 1e-3)


MISTAKES_OF_BOTH = """
# x0 not clipped
- x0 = predict_x0(xt, model(xt, t), alpha_bar).clamp(-1, 1)
+ x0 = predict_x0(xt, model(xt, t), alpha_bar)
x0 isn't clipped to [-1, 1], where pictures are, so the later steps inherit a guess from far
outside. (x0.clamp(-1, 1) returns the clipped picture and leaves x0 itself as it was.)
# x0 clipped for the yield alone
+ x0 = predict_x0(xt, model(xt, t), alpha_bar)
- yield t, xt, x0
+ yield t, xt, x0.clamp(-1, 1)
You clip x0 only for the yield. Clip it before the step, because the new xt is made of it.
# x0 clipped to [0, 1]
+ x0 = predict_x0(xt, model(xt, t), alpha_bar).clamp(0, 1)
You clip x0 to [0, 1]. Pictures go from -1 to 1 here, so everything darker than grey is lost.
# model asked about xT
+ x0 = predict_x0(xt, model(xT, t), alpha_bar).clamp(-1, 1)
You ask the model about xT, the noise you started with. Ask it about xt, the picture so far.
# inputs of predict_x0 swapped
+ x0 = predict_x0(model(xt, t), xt, alpha_bar).clamp(-1, 1)
The picture and the noise are swapped in your call of predict_x0(xt, eps, alpha_bar).
# new picture not kept
+ xt = xT
+ x0 = predict_x0(xt, model(xt, t), alpha_bar).clamp(-1, 1)
Every step starts from xT again. Give the new picture the name that the next step reads: xt = ...
# yield before the step
+ x0 = predict_x0(xt, model(xt, t), alpha_bar).clamp(-1, 1)
+ yield t, xt, x0
- yield t, xt, x0
+
You yield the xt from before the step. Compute the new one first; yield is the loop's last line.
# noise missing
- xt = xt + sigma * torch.randn_like(xt)
+ xt = xt
No fresh noise is added. The new xt also gets sigma * z; steps that only average wash pictures out.
# noise not scaled
+ xt = xt + torch.randn_like(xt)
You add z as it is. Multiply it by sigma, which is small at most steps and 0 at the last.
# uniform noise
+ xt = xt + sigma * torch.rand_like(xt)
Your noise is uniform, between 0 and 1. z is normally distributed: torch.randn_like, with an n.
# one noise for all steps
+ xt = xt + sigma * z
- xt = xT
+ xt, z = xT, torch.randn_like(xT)
or
+ xt = xt + sigma * torch.randn_like(xt[:1])
Your z is the same at every step, or for every picture. Draw torch.randn_like(xt) in the loop.
# network's noise in place of fresh noise
+ xt = xt + sigma * eps
- x0 = predict_x0(xt, model(xt, t), alpha_bar)
+ eps = model(xt, t)
+ x0 = predict_x0(xt, eps, alpha_bar)
You multiply sigma by eps, the noise that is in the picture already. z is fresh: torch.randn_like.
# xt clipped
- yield t, xt, x0
+ xt = xt.clamp(-1, 1)
+ yield t, xt, x0
You clip xt. It's still noisy, and noise goes beyond [-1, 1]: clip x0 alone.
# xt and x0 swapped
+ yield t, x0, xt
xt and x0 are swapped in what you yield. The order is t, xt, x0.
# return in the loop
+ return t, xt, x0
A return ends the function at the first step. yield hands out the step, and then goes on.
# yield after the loop
-     yield t, xt, x0
+ yield t, xt, x0
Only the last step is handed out. Indent the yield, so that it's inside the loop.
# schedule left on the CPU
- schedule.alpha_bar.to(xT.device)
+ schedule.alpha_bar
This works on a CPU and stops on a GPU, because xT is there while the schedule, or a z that you
draw, isn't. Begin with schedule.alpha_bar.to(xT.device), and draw z with torch.randn_like(xt).
"""
