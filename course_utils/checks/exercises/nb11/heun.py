"""11.3 Heun's method."""

import torch

from course_utils.checks.exercises.nb05.sampling import is_step
from course_utils.checks.exercises.test_doubles import (
    LineField,
    as_float,
    note_kept,
    pictures_of,
    run_to_end,
)
from course_utils.checks.parts import Stop, Vague, describe, edits, state
from course_utils.straight import heun

LOOK = (
    "Each step asks twice: at its beginning, and at its end, where Euler's step leads. The last "
    "step asks only once, because at t = 0 there's nothing left to ask."
)
CASES = [
    (1, 2, 1, 3, 4, "A single step is Euler's: xt - step * u, with step = 1."),
    (2, 3, 2, 2, 5, "The last step is right. In the others, step by the mean of the directions at "
     "both ends."),
    (5, 2, 3, 4, 3, "This is right for one step and two. Is anything there that should depend on "
     "steps?"),
    (13, 2, 1, 2, 3, "This is right for a few steps. If steps isn't given, it's 13."),
]  # fmt: skip
HINTS = [
    (r"must be Tensor, not|'float' object", r"", "t is one plain number for the whole batch."),
    (r"(cannot be|can be|be) converted to .*[Ss]calar", r"", "A field takes the pictures, then one "
     "number t for the whole batch: field(xt, t)."),
    (r"'float' object cannot be interpreted", r"", "range takes whole numbers. Count the steps, "
     "and make t of the count: t = i * step."),
]  # fmt: skip


def experiment(probe, heun):
    for steps, B, C, H, W, look in CASES:
        xt = probe.normal(B, C, H, W)
        with probe.advice(*HINTS, look=look):
            watch(probe, heun, xt, steps, *[steps] * (steps != 13))
    probe.on_fake_device(pictures_of(heun), LineField(), xt, 3)


def watch(probe, heun, xt, n, *steps):
    """Run it to its end and write down, one after the other, what comes out of it."""
    field, given, before = LineField(), xt.clone(), [state(xt)]
    what = f"heun(field, xt{', steps=' * len(steps)}{n if steps else ''})"
    _, came, kept = probe.run(what, run_to_end, heun, field, given, *steps)
    probe.note(
        "the number of steps", len(came),
        f"{what}: {len(came)} steps come out, and {n} {'is' if n == 1 else 'are'} expected.",
        "Count the steps, not t: rounding can leave it a little above 0." if len(came) == n + 1 else
        "Is yield t, xt, x0 the last line in the loop, and does the loop come to all steps?",
    )  # fmt: skip
    odd = Vague("".join([describe(step) for step in came if not is_step(step, xt)][:1]))
    tip = f"Yield t, xt and x0 after each step, both pictures of the shape {tuple(xt.shape)}."
    probe.note("what a step is", odd, f"You yield {odd}.", tip)
    if odd:
        raise Stop
    probe.note(
        "evaluations", len(field.asked), f"{what}: your field is asked {len(field.asked)} times in "
        f"{n} step{'s' * (n > 1)}, and not {2 * n - 1}.", LOOK,
    )  # fmt: skip
    times = [round(i / n, 4) for i in range(n, 0, -1)]
    told = times[:1] + [t for end in times[1:] for t in (end, end)]
    wrong = f"{what}: your field is told t = {field.times()[:7]}."
    tip = f"It should be {told[:7]}: from 1 downwards, in steps of 1 / steps."
    probe.note("times told", field.times(), wrong, tip)
    yields = [as_float(t) for t, _, _ in came]
    tip = f"Yield the time at which the step begins: {times[:7]}."
    probe.note("times yielded", yields, f"{what}: you yield t = {yields[:7]}.", tip)
    probe.note(f"{what}: x0 of the first step", came[0][2], look="It's xt - t * u, with xt and u "
               "from where the step begins.")  # fmt: skip
    if n > 1:
        probe.note(
            f"{what}: the second place at which your field is asked", field.asked[1][0],
            look="It's where Euler's step leads: xt - step * u.",
        )  # fmt: skip
    for i, (_, after, x0) in enumerate(came, 1):
        probe.note(f"{what}: x0 of step {i}", x0)
        probe.note(f"{what}: xt after step {i}", after)
    note_kept(probe, came, kept)
    probe.note_changes(heun, [xt], [given], before)


@torch.no_grad()
def heun_step_by_step(field, xt, steps=13):
    step = 1 / steps
    for i in range(steps, 0, -1):
        t = i * step
        u = field(xt, t)
        x0 = xt - t * u
        if i > 1:
            there = xt - step * u
            second = field(there, t - step)
            u = (u + second) / 2
        xt = xt - step * u
        yield t, xt, x0


MISTAKES = """
# second direction alone
- u = (u + second) / 2
+ u = second
You step by the second direction alone. Step by the mean of both: (u + second) / 2.
# not halved
+ u = u + second
You add the two directions, so each step is about twice as long. Halve the sum.
# difference of the directions
+ u = (u - second) / 2
| u = (second - u) / 2
You subtract one direction from the other. Their mean is (u + second) / 2.
# Euler's step alone
+ u = u
or
- if i > 1:
-     there = xt - step * u
-     second = field(there, t - step)
-     u = (u + second) / 2
+
You step by the first direction alone, which is Euler's method. Step by the mean of the directions
at both ends.
# each direction asked twice
- u = (u + second) / 2
+ u = (field(xt, t) + second) / 2
or
- u = field(xt, t)
- x0 = xt - t * u
+ x0 = xt - t * field(xt, t)
+ u = field(xt, t)
You ask the same question twice: the field at xt and t. Keep the first answer; x0 and the step need
the same u.
# second one asked at t
- field(there, t - step)
+ field(there, t)
The second evaluation is told t, where the step begins. There, at the end of Euler's step, the time
is t - step.
# second one asked at xt
+ field(xt, t - step)
The second evaluation looks at the old xt. Ask where Euler's step leads: at xt - step * u.
# asked at the guess of the picture
+ field(x0, t - step)
The second evaluation looks at x0, the end of the whole path. Ask where this step ends: at xt - step
* u.
# asked half way
- there = xt - step * u
- second = field(there, t - step)
- u = (u + second) / 2
+ there = xt - step / 2 * u
+ second = field(there, t - step / 2)
+ u = second
or
- there = xt - step * u
- second = field(there, t - step)
+ there = xt - step / 2 * u
+ second = field(there, t - step / 2)
You ask half way. That's the midpoint method; Heun asks at the end of Euler's step, at t - step.
# Euler's step taken backwards
- there = xt - step * u
+ there = xt + step * u
To ask for the second direction you go towards the noise. Time falls, so Euler's step is xt - step *
u.
# Euler's step over the whole way
+ there = xt - u
Your second place isn't where Euler's step leads. Multiply the direction by step: xt - step * u.
# last step with two
- if i > 1:
+ if True:
Your last step asks at t = 0 too. There the picture is finished, and the network was hardly trained
for it: let the last step be Euler's, with one evaluation.
# Euler's step first
+ if i < steps:
Your first step is Euler's, and the last one asks at t = 0. It's the last that takes one evaluation.
# mean direction in x0
- xt = xt - step * u
+ x0 = xt - t * u
+ xt = xt - step * u
Your x0 goes by the mean direction. It's the guess where the step begins: xt - t * u, with the first
u.
# step towards the noise
+ xt = xt + step * u
You step towards the noise. Time falls while u leads to where it grows: xt - step * u.
# step of another length
+ xt = xt - t * u
| xt = xt - u
Your step has the wrong length. All are equally long, step = 1 / steps: xt - step * u.
# stepped from Euler's place
+ xt = (there if i > 1 else xt) - step * u
You step from where Euler's step led, so you go twice. There you only ask; the step starts at xt.
# written into xt
+ xt -= step * u
A later step writes into an xt that you yielded before, and into the noise that came in. Make a new
tensor at each step: xt = xt - step * u.
# x0 from the new xt
- yield t, xt, x0
+ yield t, xt, xt - t * u
| yield t, xt, xt - (t - step) * u
Your x0 is made of the new xt. It's the guess where the step begins: the old xt - t * u.
# t after the step
+ yield t - step, xt, x0
You yield the time after the step. Yield t, where it began and where x0 was guessed.
# xt and x0 swapped
+ yield t, x0, xt
xt and x0 are swapped in what you yield. The order is t, xt, x0.
# Euler's place yielded
+ yield t, there if i > 1 else xt, x0
You yield where Euler's step led. Yield the new xt, which the mean direction led to.
# return in place of yield
+ return t, xt, x0
No steps come out, because a return ends the function. In the loop, yield t, xt, x0 hands out the
step and goes on.
# x0 one step away
- x0 = xt - t * u
+ x0 = xt - step * u
Your x0 goes one step only. The way that is left to the picture has the length t: xt - t * u.
# x0 by another factor
+ x0 = xt - u
| x0 = (xt - t * u) / (1 - t + step)
| x0 = xt + (1 - t) * u
The factor of u in x0 is wrong. From time t to 0 it's xt - t * u.
# x0 clipped
+ x0 = (xt - t * u).clamp(-1, 1)
You clip x0 to [-1, 1]. The samplers of straight lines yield it as it is.
# one step less
- step = 1 / steps
+ step = 1 / (steps - 1) if steps > 1 else 1.0
| step = 1 / (steps + 1)
Your steps don't add up to the way from 1 to 0. There are `steps` of them, each of 1 / steps.
# always 13 steps
+ steps = 13
+ step = 1 / steps
You always take 13 steps. Take `steps`.
# time one step ahead
- t = i * step
+ t = (i - 1) * step
Your times are one step ahead. The first step begins at t = 1, in pure noise: t = i * step.
# upwards in time
+ t = (steps - i + 1) * step
| t = (steps - i) * step
| t = 1 - i * step
Your times rise, while the pictures go from noise, at t = 1, down to t = 0. Count downwards.
# step numbers told
- u = field(xt, t)
+ u = field(xt, i)
- field(there, t - step)
+ field(there, i - 1)
or
+ u = field(xt, round(999 * t))
- field(there, t - step)
+ field(there, round(999 * (t - step)))
You tell the field a step number. A field is told the time, from 1 down to 0; it looks for the step
itself.
# t for each picture
+ u = field(xt, torch.full((len(xt),), t))
A field takes the pictures, then one number t for the whole batch: field(xt, t).
# yield before the step
- xt = xt - step * u
- yield t, xt, x0
+ yield t, xt, x0
+ xt = xt - step * u
You yield the xt from before the step. Compute the new one first; yield is the loop's last line.
# new picture not kept
+ yield t, xt - step * u, x0
Every step starts from the noise again. Give the new picture the name that the next step reads: xt =
...
# yield after the loop
-     yield t, xt, x0
+ yield t, xt, x0
Only the last step is handed out. Indent the yield, so that it's inside the loop.
"""
BY_PAIRS = """
# one time less
- torch.linspace(1, 0, steps + 1)
+ torch.linspace(1, 0, steps)
Your times make one step less. n steps need n + 1 times: torch.linspace(1, 0, steps + 1).
"""


@torch.no_grad()
def heun_by_pairs(field, xt, steps=13):
    times = torch.linspace(1, 0, steps + 1).tolist()
    for t, t_next in zip(times, times[1:]):
        u = field(xt, t)
        x0, new = xt - t * u, xt + (t_next - t) * u
        if t_next > 0:
            new = xt + (t_next - t) * 0.5 * (u + field(new, t_next))
        yield t, new, x0
        xt = new


@torch.no_grad()
def heun_in_a_list(field, noise, steps=13):
    out, x = [], noise.clone()
    for k in range(steps):
        t, h = 1 - k / steps, 1 / steps
        k1 = field(x, torch.tensor(t, device=x.device))
        k2 = k1 if k == steps - 1 else field(x - h * k1, torch.tensor(t - h, device=x.device))
        out.append((t, x - h / 2 * (k1 + k2), x - t * k1))
        x = out[-1][1]
    return out


@torch.no_grad()
def heun_corrected(field, xt, steps=13):
    """Euler's step, then half of what it was off."""
    left = steps
    while left:
        t, first = left / steps, field(xt, left / steps)
        left -= 1
        ahead = torch.sub(xt, first, alpha=1 / steps)
        if left:
            ahead = ahead + (first - field(ahead, left / steps)) / (2 * steps)
        yield t, ahead, torch.lerp(xt, xt - first, t)
        xt = ahead


def heun_of_parts(field, xt, steps=13):
    def asked(x, t):
        with torch.no_grad():
            return field(x, t)

    ends = [(n + 1) / steps for n in reversed(range(steps))]
    for t in ends:
        slope = [asked(xt, t)]
        guess = xt - t * slope[0]
        if t != ends[-1]:
            slope.append(asked(xt.sub(slope[0] / steps), t - 1 / steps))
        xt = xt - torch.stack(slope).mean(dim=0) / steps
        yield [t, xt, guess]


REFERENCE = heun
CATALOGUE = edits(heun_step_by_step, MISTAKES) + edits(heun_by_pairs, BY_PAIRS)
ALSO_RIGHT = [heun_in_a_list, heun_corrected, heun_of_parts]
