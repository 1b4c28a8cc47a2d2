"""7.2 Rise, then fall."""

import math

import numpy
import torch

from course_utils.checks.exercises.nb07.notes import note_number, note_plain
from course_utils.checks.exercises.test_doubles import as_float
from course_utils.training import TrainConfig, learning_rate

RISE = (
    "Print the first few. Only the first formula counts there, which rises in a straight line from "
    "lr / warmup at step 0 to lr at step = warmup - 1."
)
FALL = (
    "Below step = warmup it's right. From there on, print d, which goes from 0 to just below 1, "
    "then (1 + the cosine of pi * d) / 2, which goes from 1 to just above 0."
)
NO_WARMUP = "config.warmup may be 0. Then there is only the fall, beginning at step 0."
ALL_WARMUP = "The warm-up may be as long as the run. Then there is only the rise."
BY_0 = {
    0: f"{NO_WARMUP} Divide by it only inside `if step < config.warmup:`.",
    3: f"{ALL_WARMUP} Divide by max(config.steps - config.warmup, 1).",
}


def experiment(probe, attempt):
    config, doubled = (TrainConfig(lr=lr, warmup=5, steps=12) for lr in (2.0, 4.0))
    for step, where in [(2, "in the warm-up"), (9, "after the warm-up")]:
        rate, other = (as_float(rate_at(probe, attempt, step, c)) for c in (config, doubled))
        probe.note(
            f"config.lr without effect {where}", isinstance(rate, float) and rate == other != 0,
            f"config.lr has no effect {where}: with lr = 2.0 and with lr = 4.0 your learning rate "
            f"at step {step} is the same, {rate}.", "Both formulas multiply by config.lr.",
        )  # fmt: skip
    rates = rates_of(probe, attempt, config, RISE, FALL)
    rates += rates_of(probe, attempt, TrainConfig(lr=3.0, warmup=1, steps=2), RISE, FALL)
    rates += rates_of(probe, attempt, TrainConfig(lr=0.8, warmup=0, steps=4), "", NO_WARMUP)
    rates += rates_of(probe, attempt, TrainConfig(lr=0.6, warmup=3, steps=3), ALL_WARMUP, "")
    note_plain(probe, rates)


def rates_of(probe, attempt, config, rise, fall):
    """Write down the learning rates of a run, and return them."""
    rates = []
    for step in range(config.steps):
        rates.append(rate_at(probe, attempt, step, config))
        note_number(probe, called(step, config), rates[-1], rise if step < config.warmup else fall)
    return rates


def rate_at(probe, attempt, step, config):
    with probe.advice(("ZeroDivision", "", BY_0.get(config.warmup, ""))):
        return probe.run(called(step, config), attempt, step, config)


def called(step, config):
    settings = f"lr = {config.lr}, warmup = {config.warmup}, steps = {config.steps}"
    return f"learning_rate({step}, config) with {settings}"


MISTAKES = """
# warm-up from 0
- return config.lr * (step + 1) / config.warmup
+ return config.lr * step / config.warmup
Your first step has learning rate 0, so it changes nothing. Steps count from 0, so step 0 is already
(step + 1) / warmup of the way up.
# warm-up not to the top
+ return config.lr * (step + 1) / (config.warmup + 1)
You divide by warmup + 1, so the last step of the warm-up is still below config.lr. The formula is
(step + 1) / warmup.
# no warm-up
+ return config.lr
or
- if step < config.warmup:
-     return config.lr * (step + 1) / config.warmup
+
There is no warm-up. For the first config.warmup steps the learning rate rises in a straight line,
and a return has to end the function there.
# whole numbers
- return config.lr * (step + 1) / config.warmup
+ return config.lr * ((step + 1) // config.warmup)
| return config.lr * (step + 1) // config.warmup
or
- done = (step - config.warmup) / max(config.steps - config.warmup, 1)
+ done = (step - config.warmup) // max(config.steps - config.warmup, 1)
// rounds down to a whole number, so your learning rate jumps where it should change a little in
each step. Write /.
# config.lr missing
+ return (step + 1) / config.warmup
or
- return config.lr * (1 + math.cos(math.pi * done)) / 2
+ return (1 + math.cos(math.pi * done)) / 2
config.lr is missing: you return what share of it the learning rate is, from 0 to 1. Both formulas
multiply by config.lr.
# warm-up one step too long
- if step < config.warmup:
+ if step <= config.warmup:
| if step <= config.warmup > 0:
Your warm-up takes one step too many and goes above config.lr. It has arrived at step = warmup - 1,
so write step < config.warmup.
# warm-up one step too short
+ if step < config.warmup - 1:
Your warm-up ends one step early, so its last step gets the second formula. All steps below
config.warmup belong to it: step < config.warmup.
# the two cases exchanged
+ if step >= config.warmup:
The two cases are exchanged: the first steps get the formula of the fall. The warm-up is for step <
config.warmup.
# division by a warm-up of 0
+ rise = (step + 1) / config.warmup
+ if step < config.warmup:
config.warmup may be 0, for a run without a warm-up, and you divide by it anyway. Do that inside `if
step < config.warmup:`, which is never true then.
# division by a fall of 0
+ fall = (step - config.warmup) / (config.steps - config.warmup)
+ if step < config.warmup:
The warm-up may be as long as the run. Then config.steps - config.warmup is 0, and you divide by it
during the warm-up too. Use max(config.steps - config.warmup, 1), or divide below the `if`.
# no fall
- return config.lr * (1 + math.cos(math.pi * done)) / 2
+ return config.lr
After the warm-up your learning rate stays where it is. It has to fall to 0, like half a cosine.
# fall in a line
+ return config.lr * (1 - done)
Your learning rate falls in a straight line. It should fall like half a cosine: (1 + cos(pi * d)) /
2, with d from 0 to 1.
# no pi
+ return config.lr * (1 + math.cos(done)) / 2
pi is missing in the cosine. d goes from 0 to 1, and half a turn goes from 0 to pi.
# quarter of a cosine
+ return config.lr * math.cos(math.pi / 2 * done)
You use a quarter of a cosine, cos(pi / 2 * d). It gets to 0, but steeply. Half a cosine is flat at
both ends: (1 + cos(pi * d)) / 2.
# not halved
+ return config.lr * (1 + math.cos(math.pi * done))
1 + cos goes from 2 to 0, so your fall begins at twice the learning rate. Divide by 2.
# 1 + left out
+ return config.lr * math.cos(math.pi * done) / 2
| return config.lr * math.cos(math.pi * done)
A cosine on its own goes from 1 to -1, and a negative learning rate walks uphill. 1 + cos goes from
2 to 0, and half of that from 1 to 0: (1 + cos(pi * d)) / 2.
# rise after the warm-up
+ return config.lr * (1 - math.cos(math.pi * done)) / 2
After the warm-up your learning rate starts at 0 and rises, because the sign before the cosine is
wrong. It's 1 + cos, not 1 - cos.
# learning rate in a tensor
+ return config.lr * (1 + torch.cos(torch.tensor(math.pi * done))) / 2
Your learning rates are right, but some are tensors, and a float is wanted. Use math.cos and
math.pi, or end with .item().
# cosine from step 0
- done = (step - config.warmup) / max(config.steps - config.warmup, 1)
+ done = step / config.steps
Your cosine counts from step 0, so the learning rate jumps down after the warm-up. The fall begins
where the warm-up ends: d = (step - warmup) / (steps - warmup).
# warm-up not subtracted from the step
+ done = step / max(config.steps - config.warmup, 1)
You divide by the length of the fall but count from step 0, so d goes past 1. At step = warmup it
has to be 0: subtract config.warmup from step too.
# not down to 0
+ done = (step - config.warmup) / config.steps
You divide by all the steps, so the cosine doesn't get to its end. It has only steps - warmup of
them.
# down to 0 one step early
+ done = (step - config.warmup) / max(config.steps - config.warmup - 1, 1)
| done = (step - config.warmup) / (config.steps - config.warmup - 1)
You divide by one step less, so the last step of the run has learning rate 0 and changes nothing.
The formula divides by steps - warmup.
# cosine one step ahead
+ done = (step - config.warmup + 1) / max(config.steps - config.warmup, 1)
Your cosine is one step ahead. It begins at step = warmup with config.lr, so there is no + 1 in d.
# brackets missing
+ done = step - config.warmup / max(config.steps - config.warmup, 1)
or
- return config.lr * (step + 1) / config.warmup
+ return config.lr * step + 1 / config.warmup
or
- return config.lr * (1 + math.cos(math.pi * done)) / 2
+ return config.lr * 1 + math.cos(math.pi * done) / 2
| return config.lr * 0.5 * 1 + math.cos(math.pi * done)
| return config.lr * (1 + math.cos(math.pi * done) / 2)
| return config.lr * (0.5 + math.cos(math.pi * done))
| return config.lr * (1 + math.cos(math.pi * done / 2))
Brackets are missing or misplaced: * and / come before + and -. The formulas have them in (step + 1)
/ warmup, in (1 + cos(pi * d)) / 2 and in d = (step - warmup) / (steps - warmup).
"""


def rate_by_torch(step, config):
    rising = (step + 1) / config.warmup if config.warmup else 1
    done = torch.tensor((step - config.warmup) / max(config.steps - config.warmup, 1))
    falling = 0.5 + 0.5 * torch.cos(torch.pi * done)
    return config.lr * (rising if step < config.warmup else falling.item())


def rate_by_sine(step, config):
    if step >= config.warmup:
        left = (config.steps - step) / (config.steps - config.warmup)
        return config.lr * math.sin(left * math.pi / 2) ** 2
    return (step + 1) * (config.lr / config.warmup)


def rate_in_one(step, config):
    way = max(step - config.warmup, 0) / max(config.steps - config.warmup, 1)
    rise = min(step + 1, config.warmup) / config.warmup if config.warmup else 1.0
    return 0.5 * config.lr * rise * (1 + math.cos(way * math.pi))


def rate_by_numpy(step, config):
    w, n = config.warmup, config.steps
    rise = numpy.linspace(0, config.lr, w + 1)[1:]
    fall = config.lr * (1 + numpy.cos(numpy.linspace(0, numpy.pi, n - w + 1))) / 2
    return numpy.concatenate([rise, fall]).astype("float32")[step]


REFERENCE = learning_rate
LOOK = RISE
ALSO_RIGHT = [rate_by_torch, rate_by_sine, rate_in_one, rate_by_numpy]
