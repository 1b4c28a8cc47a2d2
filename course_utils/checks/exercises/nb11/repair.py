"""11.5 Repair a sketch."""

import torch

from course_utils.checks.exercises.test_doubles import LineField
from course_utils.checks.parts import describe, edits, is_tensor
from course_utils.diffusion import add_noise  # noqa: F401  in the mistakes
from course_utils.fields import repair
from course_utils.samplers import last
from course_utils.straight import euler, on_line

LOOK = "The walk begins at (1 - strength) * sketch + strength * noise."
CASES = [
    (1.0, 3, 2, 1, 3, 4, "With strength = 1 the walk begins in pure noise, at t = 1."),
    (0.25, 2, 3, 2, 2, 5, "This is right for strength = 1. Below it, the walk begins at t = "
     "strength, between the sketch and the noise."),
    (0.7, 5, 2, 3, 4, 2, "This is right for other strengths and numbers of steps. Is anything "
     "there that should depend on them?"),
    (None, 8, 2, 1, 2, 3, "This is right where both are given. If they aren't, strength is 0.6 and "
     "evaluations is 8."),
]  # fmt: skip
HINTS = [
    (r"'float' object is not subscriptable", r"", "on_line takes a time for each picture: "
     "torch.full((len(sketch),), strength, device=sketch.device)."),
    (r"(cannot be|can be|be) converted to .*[Ss]calar", r"", "A field takes the pictures, then one "
     "number t for the whole batch; euler's start is one number too."),
    (r"multiple values for argument|unexpected keyword", r"", "It's euler(field, xt, evaluations, "
     "start=strength)."),
    (r"ZeroDivision", r"", "Take all evaluations, in steps of strength / evaluations: a part of "
     "them, rounded down, may be none."),
    (r"cannot be interpreted", r"", "range takes whole numbers. Count the steps, and make t of the "
     "count: t = i * strength / evaluations."),
    (r"must match the size", r"", "A time for each picture needs three more axes before it meets "
     "pictures. strength is one number: multiply by it as it is."),
]  # fmt: skip


def experiment(probe, repair):
    for strength, n, B, C, H, W, look in CASES:
        more = () if strength is None else (strength, n)
        field, sketch, noise = LineField(), probe.uniform(B, C, H, W), probe.normal(B, C, H, W)
        with probe.advice(*HINTS, look=look):
            what = f"repair({', '.join(map(str, ('field', 'sketch', 'noise', *more)))})"
            found = probe.run(what, repair, field, sketch.clone(), noise.clone(), *more)
            kind = "pictures" if is_tensor(found) else describe(found)
            wrong = f"{what} returns {kind}."
            tip = "Return the finished pictures, the xt of the last step: last(euler(...))."
            probe.note("what is returned", kind, wrong, tip, last=kind != "pictures")
            note_walk(probe, what, field, strength or 0.6, n, look)
            probe.call(repair, field, sketch, noise, *more)
    probe.on_fake_device(repair, LineField(), sketch, noise, 0.6, 3)


def note_walk(probe, what, field, strength, n, look):
    """Write down where the walk begins, and what the field is asked on its way."""
    times = [round(strength * i / n, 4) for i in range(n, 0, -1)]
    begins = field.asked[0][0] if field.asked else None
    probe.note(f"{what}: the pictures about which the field is asked first", begins,
               look=f"{look} {LOOK}")  # fmt: skip
    told = field.times()
    tip = f"It should be {times}: from strength down, in {n} steps that are equally long."
    probe.note("times told", told, f"{what}: your field is told t = {told[:9]}.", tip)


@torch.no_grad()
def repair_step_by_step(field, sketch, noise, strength=0.6, evaluations=8):
    xt = (1 - strength) * sketch + strength * noise
    step = strength / evaluations
    for i in range(evaluations, 0, -1):
        t = i * step
        xt = xt - step * field(xt, t)
    return xt


def repair_by_euler(field, sketch, noise, strength=0.6, evaluations=8):
    t = torch.full((len(sketch),), strength, device=sketch.device)
    xt = on_line(sketch, noise, t)
    return last(euler(field, xt, evaluations, start=strength))


MISTAKES = """
# mixed the wrong way round
- (1 - strength) * sketch + strength * noise
+ strength * sketch + (1 - strength) * noise
The shares are swapped: with strength = 1 you begin at the sketch. It's the noise that has the share
strength.
# all of the sketch kept
+ sketch + strength * noise
You add noise to the whole sketch. On the line the picture goes as the noise comes in: its share is
1 - strength.
# noise at full strength
+ (1 - strength) * sketch + noise
| sketch + noise
You add the noise at full strength, and it isn't what the field expects at t = strength. Its share
there is strength.
# mixed as in DDPM
+ (1 - strength) ** 0.5 * sketch + strength**0.5 * noise
| (1 - strength**2) ** 0.5 * sketch + strength * noise
| add_noise(sketch, noise, torch.full((len(sketch),), 1 - strength, device=sketch.device))
You mix with roots, as DDPM does. The field knows straight lines, whose shares are 1 - strength and
strength.
# no noise
+ sketch
You begin at the sketch itself, where the field expects noise. Mix some in, with the share
strength.
# no sketch
+ noise
| strength * noise
You begin in noise alone, so nothing is left of the sketch. Mix: (1 - strength) * sketch + strength
* noise.
# noise of its own
+ (1 - strength) * sketch + strength * torch.randn_like(sketch)
You draw noise of your own. Use the noise that is passed in.
# walk from t = 1
- step = strength / evaluations
+ step = 1 / evaluations
You walk from t = 1, as if you began in pure noise. What you mixed belongs to t = strength: begin
there, in steps of strength / evaluations.
# evaluations always 8
+ evaluations = 8
+ step = strength / evaluations
evaluations has no effect, it's always 8. It's the number of steps.
# only a part of the evaluations
+ evaluations = max(int(strength * evaluations), 1)
+ step = strength / evaluations
or
- step = strength / evaluations
- for i in range(evaluations, 0, -1):
+ step = 1 / evaluations
+ for i in range(int(strength * evaluations), 0, -1):
or
+ step = 1 / evaluations
+ for i in range(round(strength * evaluations), 0, -1):
You take only a part of the evaluations, as some libraries do. Take all of them, in steps of
strength / evaluations.
# steps as long as from t = 1
- xt = xt - step * field(xt, t)
+ xt = xt - step / strength * field(xt, t)
Your times are right and your steps too long. A step goes from one time to the next, by strength /
evaluations.
# walk left out
+ pass
You return the mixture as it is. Walk from there to t = 0, along what the field says.
# t for each picture
+ xt = xt - step * field(xt, torch.full((len(xt),), t))
A field takes the pictures, then one number t for the whole batch: field(xt, t).
# towards the noise
+ xt = xt + step * field(xt, t)
You step towards the noise. Time falls while the direction leads to where it grows: xt - step * u.
# whole direction as a step
+ xt = xt - field(xt, t)
| xt = xt - t * field(xt, t)
Your steps have the wrong length. Multiply the direction by strength / evaluations.
# asked about the sketch
+ xt = xt - step * field(sketch, t)
You ask about the sketch. Ask about xt, the picture so far.
# clipped on the way
+ xt = xt - step * field(xt.clamp(-1, 1), t)
| xt = (xt - step * field(xt, t)).clamp(-1, 1)
You clip xt, which is still noisy: noise goes beyond [-1, 1]. Clip nothing here.
# another number of steps
- range(evaluations, 0, -1)
+ range(evaluations, 1, -1)
| range(evaluations, -1, -1)
The number of steps is wrong. There are `evaluations` of them, from t = strength to one that ends at
0.
# asked where the step ends
- t = i * step
+ t = (i - 1) * step
You tell the field the time where the step ends. Tell it where it begins: first strength, at last
one step above 0.
# upwards in time
+ t = (evaluations - i + 1) * step
| t = strength - i * step
| t = 1 - i * step
Your times rise. The walk begins at t = strength and goes down to 0.
# times without the strength
+ t = i / evaluations
You tell the field times from 1 down. xt is a mixture of t = strength, so the first time is
strength.
# step numbers told
+ t = i
| t = round(999 * i * step)
You tell the field a step number. A field is told the time, here from strength down to 0.
# same time told
+ t = strength
You tell the field the same time at every step. Time falls from strength to one step above 0.
# asked about the mixture
- xt = (1 - strength) * sketch + strength * noise
+ first = xt = (1 - strength) * sketch + strength * noise
- field(xt, t)
+ field(first, t)
You ask about the mixture at every step. Ask about xt, the picture so far.
# clipped at the end
- return xt
+ return xt.clamp(-1, 1)
You clip what you return. Return it as the walk leaves it; whoever shows it may clip it.
# first step returned
+     return xt
You return the xt of the first step. Go through all of them: a return comes after the loop, indented
less, and last(euler(...)) runs a sampler to its end.
# nothing returned
+ return None
Your function returns nothing. Return xt, after the loop.
# first guess returned
+ return (1 - strength) * sketch + strength * noise - strength * field(
+     (1 - strength) * sketch + strength * noise, strength
+ )
or
- xt = xt - step * field(xt, t)
+ return xt - t * field(xt, t)
You return the first guess of the picture, after one evaluation. Return the xt to which all the
steps lead.
# strength always 0.6
- xt = (1 - strength) * sketch
+ strength = 0.6
+ xt = (1 - strength) * sketch
strength has no effect, it's always 0.6. It says where the walk begins.
"""
BY_EULER = """
# walk from t = 1
- return last(euler(field, xt, evaluations, start=strength))
+ return last(euler(field, xt, evaluations))
euler begins at t = 1 unless you tell it where. What you mixed belongs to t = strength: euler(...,
start=strength).
# another number of steps
+ return last(euler(field, xt, start=strength))
euler takes 25 steps unless you tell it how many. Hand on evaluations.
# sampler returned
+ return euler(field, xt, evaluations, start=strength)
You return the sampler, which hasn't taken a step yet. last(...) runs it to its end and returns the
pictures.
# whole step returned
+ return list(euler(field, xt, evaluations, start=strength))[-1]
| return list(euler(field, xt, evaluations, start=strength))
| return next(euler(field, xt, evaluations, start=strength))
You return what euler hands out, (t, xt, x0), once or often. Return the last xt alone.
# picture and noise swapped
- on_line(sketch, noise, t)
+ on_line(noise, sketch, t)
The sketch and the noise are swapped in your call of on_line(x0, eps, t).
# strength as a plain number
+ on_line(sketch, noise, strength)
on_line takes a time for each picture: torch.full((len(sketch),), strength, device=sketch.device).
# times made on the CPU
- , device=sketch.device
+
The times are made on the CPU, and the sketch may be on a GPU. Make them there:
device=sketch.device.
"""


def repair_by_pairs(field, sketch, noise, strength=0.6, evaluations=8):
    x, times = sketch + strength * (noise - sketch), torch.linspace(strength, 0, evaluations + 1)
    with torch.no_grad():
        for now, then in zip(times.tolist()[:-1], times.tolist()[1:]):
            x = x + (then - now) * field(x, now)
    return x


def repair_by_guesses(field, sketch, noise, strength=0.6, evaluations=8):
    """Each step goes a part of the way to the guess of the picture."""
    xt = torch.lerp(sketch, noise, strength)
    for left in range(evaluations, 0, -1):
        t = strength * left / evaluations
        x0 = xt - t * field(xt, t)
        xt = x0 + (xt - x0) * (left - 1) / left
    return xt


def repair_in_a_for(field, sketch, noise, strength=0.6, evaluations=8):
    begin = (1 - strength) * sketch.clone() + noise * strength
    for *_, picture, _ in euler(field, begin, evaluations=evaluations, start=strength):
        continue
    return picture


def repair_to_the_guess(field, sketch, noise, strength=0.6, evaluations=8):
    times = torch.empty(sketch.size(0)).fill_(strength).to(sketch)
    *_, (_, _, x0) = euler(field, on_line(sketch, noise, times), evaluations, strength)
    return x0  # after the last step, it's where that arrived


REFERENCE = repair
CATALOGUE = edits(repair_step_by_step, MISTAKES) + edits(repair_by_euler, BY_EULER)
ALSO_RIGHT = [repair_by_pairs, repair_by_guesses, repair_in_a_for, repair_to_the_guess]
