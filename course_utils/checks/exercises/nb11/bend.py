"""11.4 How much the paths bend."""

import torch
from einops import reduce

from course_utils.checks.exercises.test_doubles import LineField, as_float
from course_utils.checks.parts import describe, edits
from course_utils.fields import bend
from course_utils.straight import euler

LOOK = (
    "Take the mean of (direction of the step - direction of the whole path)^2 over steps, pictures "
    "and pixels, and the mean of whole^2; divide once, at the end."
)
CASES = [
    (3, 1, 1, 1, 1, "One pixel and three steps: the whole path is noise - end, and the direction "
     "of a step is (before - after) * evaluations. Print them."),
    (2, 1, 2, 3, 4, "This is right for one pixel. Both means go over all pixels: square first, "
     "then take the mean, then divide one mean by the other."),
    (5, 4, 2, 3, 2, f"This is right for one picture. {LOOK}"),
    (50, 2, 3, 2, 4, "This is right for a few steps. If evaluations isn't given, it's 50."),
]  # fmt: skip
HINTS = [
    (r"not enough values|too many values|'tuple'|generator", r"", "euler hands out "
     "(t, xt, x0) at each step: for t, xt, x0 in euler(field, noise, evaluations)."),
    (r"(cannot be|can be|be) converted to .*[Ss]calar", r"", "A field takes one number t for the "
     "whole batch. Pass it on as it is."),
]  # fmt: skip


def experiment(probe, bend):
    for evaluations, B, C, H, W, look in CASES:
        scale = torch.linspace(0.3, 2, B)[:, None, None, None]
        noise, more = scale * probe.normal(B, C, H, W), [evaluations] * (evaluations != 50)
        with probe.advice(*HINTS, look=look):
            what = f"bend(field, noise{', evaluations=' * len(more)}{more[0] if more else ''})"
            note_bend(probe, what, probe.run(what, bend, LineField(), noise.clone(), *more))
            probe.call(number_of(bend), LineField(), noise, *more)
    way, noise = probe.normal(2, 2, 1, 4), probe.normal(2, 2, 1, 4)
    what = "bend(field, noise, 4) with a field of straight lines"
    found = as_float(probe.run(what, bend, lambda xt, t: way.clone(), noise, 4))
    found = round(found, 4) if isinstance(found, float) else found
    probe.note(what, found, look="Paths that don't bend give 0: there every direction is that of "
               "the whole path.")  # fmt: skip
    probe.on_fake_device(bend, LineField(), noise, 3)


def note_bend(probe, what, found):
    """Write down the number, and first of all whether it is one."""
    several = torch.is_tensor(found) and found.numel() != 1
    kind = describe(found) if several or isinstance(as_float(found), (tuple, list)) else "a number"
    look = "Return one number: take the mean over steps, pictures and pixels."
    probe.note("one number", kind, f"{what} returns {kind}.", look)
    probe.note(what, scalar(found))


def scalar(found):
    """A number as a tensor, to be compared by its digits; anything else as it is."""
    found = as_float(found)
    return torch.tensor(found) if isinstance(found, float) else found


def number_of(bend):
    def called(field, noise, *more):
        return scalar(bend(field, noise, *more))

    return called


def bend_step_by_step(field, noise, evaluations=50):
    places = [noise]
    for _, xt, x0 in euler(field, noise, evaluations):
        places.append(xt)
    whole = noise - places[-1]
    total = 0
    for before, after in zip(places, places[1:]):
        direction = (before - after) * evaluations
        total = total + (direction - whole).square().mean()
    return (total / evaluations / whole.square().mean()).item()


MISTAKES = """
# not divided by the whole paths
- total / evaluations / whole.square().mean()
+ total / evaluations
You don't divide by the mean square of the whole paths, so longer paths seem to bend more. Divide by
the mean of (noise - end)^2.
# divided by another size
+ total / evaluations / whole.square().sum()
| total / evaluations / whole.abs().mean()
| total / evaluations / noise.square().mean()
| total / evaluations / whole.var()
| total / evaluations / whole.norm()
You divide by something else than the mean square of the whole paths. It's the mean of (noise -
end)^2, over all pictures and pixels.
# mean over the steps missing
+ total / whole.square().mean()
You add up the steps, so more evaluations bend more. Take the mean over the steps.
# root
+ (total / evaluations / whole.square().mean()).sqrt()
You take a root at the end. Return the share of the mean squares as it is.
# divided by the steps
- total = 0
+ total = size = 0
- direction = (before - after) * evaluations
+ direction = (before - after) * evaluations
+ size = size + direction.square().mean()
- total / evaluations / whole.square().mean()
+ total / size
You divide by the mean square of the steps. Divide by that of the whole paths.
# compared with the step before
+ total, last = 0, (noise - places[1]) * evaluations
- total = total + (direction - whole).square().mean()
+ total = total + (direction - last).square().mean()
+ last = direction
You compare each direction with that of the step before. Compare it with that of the whole path.
# each picture divided by its own path
- total = total + (direction - whole).square().mean()
+ size = whole.square().mean(dim=(1, 2, 3))
+ total = total + ((direction - whole).square().mean(dim=(1, 2, 3)) / size).mean()
| total = total + ((direction - whole).square() / whole.square()).mean()
- total / evaluations / whole.square().mean()
+ total / evaluations
You divide for each picture or pixel on its own, and short paths count too much. Take both means
over everything, and divide once, at the end.
# differences that cancel
+ total = total + (direction - whole).mean().square()
You take the mean first, so differences of both signs cancel. Square each one, then take the mean.
# absolute differences
+ total = total + (direction - whole).abs().mean()
You take absolute differences. Square them, as the whole paths.
# squares subtracted
+ total = total + (direction.square() - whole.square()).abs().mean()
You subtract squares. First subtract the directions, then square.
# difference divided by the number of steps
+ total = total + (direction - whole).square().mean() / evaluations
You divide by the number of steps twice. One mean over the steps is enough.
# compared with the noise
+ total = total + (direction - noise).square().mean()
You compare each direction with the noise. Compare it with the direction of the whole path, noise -
end.
# one step alone
+ total = (direction - whole).square().mean()
You keep one step alone, the last. Add up those of all steps.
# lengths of steps
- (before - after) * evaluations
+ before - after
You compare a step with the whole path, which is `evaluations` times as long. Multiply the step by
evaluations: that's the way it would go in the time from 1 to 0.
# one mean scaled down
+ before - after
- (direction - whole)
+ (direction - whole / evaluations)
You scale one mean down by evaluations, and not the other. Either scale the steps up, or both means
down.
# divided by evaluations
+ (before - after) / evaluations
You divide each step by evaluations. Multiply: that's the way it would go in the time from 1 to 0.
# always times 50
+ (before - after) * 50
You multiply by a fixed number. A step takes the time 1 / evaluations, so multiply by evaluations.
# opposite directions
+ (after - before) * evaluations
or
- whole = noise - places[-1]
+ whole = places[-1] - noise
Your steps and your whole path point in opposite directions. Take both from the noise to the picture
or both back: before - after and noise - end.
# noise for the whole path
+ whole = noise
You take the noise for the whole path. The path is noise - end, where it arrives.
# end for the whole path
+ whole = places[-1]
You take the picture for the whole path. The path is noise - end, from where it began.
# first guess for the end
+ whole = noise - next(euler(field, noise, evaluations))[2]
The end of your path is the first x0, a guess. The end is where the last step arrives.
# last place forgotten
+ places = places[:-1] if evaluations > 1 else places
+ whole = noise - places[-1]
or
- for before, after in zip(places, places[1:])
+ for before, after in zip(places[:-1], places[1:-1])
The last step is missing. All steps count, and the path ends where the last one arrives.
# places compared with the line
+ for before, after in zip(places, torch.linspace(1, 0, evaluations + 1).tolist())
- direction = (before - after) * evaluations
+ direction = before - places[-1] - after * whole + whole
You measure how far the places are from the straight line. What is asked for are directions: those
of the steps, compared with the whole path's.
# divided by t
+ for t, before, after in zip(torch.linspace(1, 0, evaluations + 1).tolist(), places, places[1:])
- (before - after) * evaluations
+ (before - after) / t
You divide each step by t. A step takes the time 1 / evaluations, not t: multiply by evaluations.
# guesses for places
- places.append(xt)
+ places.append(x0)
Your places are the guesses x0. The path goes through the xt.
# guesses for steps
+ places.append(x0)
- (before - after) * evaluations
+ noise - after
You compare guesses x0, not steps. The direction of a step is (before - after) * evaluations.
# first place forgotten
- places = [noise]
+ places = []
or
- whole = noise - places[-1]
+ whole = places[1] - places[-1]
- zip(places, places[1:])
+ zip(places[1:], places[2:])
or
- places = [noise]
+ places = []
- total / evaluations
+ total / (evaluations - 1)
or
+ places = []
- whole = noise - places[-1]
+ whole = places[0] - places[-1]
- total / evaluations
+ total / (evaluations - 1)
You leave out the first step. The path begins at noise.
# evaluations always 50
+ evaluations = 50
+ places = [noise]
evaluations has no effect: it's always 50.
# another number of steps
- in euler(field, noise, evaluations)
+ in euler(field, noise)
You walk in euler's 25 steps, whatever evaluations is. Hand it on: euler(field, noise, evaluations).
# no number
- (total / evaluations / whole.square().mean()).item()
+ total / evaluations / whole.square()
or
- total = total + (direction - whole).square().mean()
+ total = total + (direction - whole).square().mean(dim=(1, 2, 3))
- (total / evaluations / whole.square().mean()).item()
+ total / evaluations / whole.square().mean()
You return more than one number. Take the means over pictures and pixels too.
"""


@torch.no_grad()
def bend_in_a_loop(field, noise, evaluations=50):
    """The directions are the field's own answers."""
    xt, answers = noise, []
    for i in range(evaluations):
        answers.append(field(xt, 1 - i / evaluations))
        xt = xt - answers[-1] / evaluations
    whole = torch.stack(answers).mean(dim=0)
    return ((torch.stack(answers) - whole) ** 2).mean() / (whole**2).mean()


def bend_of_variances(field, noise, evaluations=50):
    """The steps' directions have the whole path's for their mean."""
    places = torch.stack([noise] + [xt for _, xt, _ in euler(field, noise, evaluations)])
    steps = places.diff(dim=0) * evaluations
    return steps.var(dim=0, correction=0).mean() / steps.mean(dim=0).pow(2).mean()


def bend_by_guesses(field, noise, evaluations=50):
    """x0 is the old xt, less t times the direction."""
    walk, before, directions = list(euler(field, noise, evaluations)), noise, []
    for t, xt, x0 in walk:
        directions.append((before - x0) / t)
        before = xt
    astray = [(u - (noise - walk[-1][1])).flatten() for u in directions]
    return float(torch.cat(astray).norm() ** 2 / (noise - before).norm() ** 2 / evaluations)


def bend_by_einops(field, noise, evaluations=50):
    places = [noise, *(xt.clone() for t, xt, x0 in euler(field, noise, evaluations=evaluations))]
    whole = places[0] - places[-1]
    errors = [reduce(((a - b) / (1 / evaluations) - whole) ** 2, "b c h w -> ", "mean")
              for a, b in zip(places[:-1], places[1:])]  # fmt: skip
    return sum(errors) / len(errors) / reduce(whole**2, "b c h w -> 1", "mean")


REFERENCE = bend
CATALOGUE = edits(bend_step_by_step, MISTAKES)
ALSO_RIGHT = [bend_in_a_loop, bend_of_variances, bend_by_guesses, bend_by_einops]
