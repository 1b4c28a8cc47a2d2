"""The exercises of notebook 07. A docstring of a wrong answer is what its author is told."""

import contextlib
import copy
import errno
import io
import math
import os
import shutil
import tempfile
from pathlib import Path

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from course_utils.averaging import unwrapped, update_average
from course_utils.checkpoint import write_whole
from course_utils.checks.engine.compare import describe, difference
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.probe import Stop, arguments, crash, name, state
from course_utils.checks.engine.sandbox import Stopped
from course_utils.checks.exercises.file_watch import Watch, Write, content, watched, watched_again
from course_utils.checks.exercises.test_doubles import as_float
from course_utils.checks.mistakes import by_hand
from course_utils.training import TrainConfig, learning_rate, start, take_step

NOTEBOOK = "07_amp_training"


def note_nothing_returned(probe, returned, given, changes):
    """Write down whether the attempt returns nothing, or what it was given to change."""
    right = returned is None or returned is given or isinstance(returned, Path)
    probe.note(
        "what your function returns", "" if right else describe(returned),
        f"Your function returns {describe(returned)}. It has to change {changes}.",
        "Leave the return out.",
    )  # fmt: skip


def agree(expected, came):
    return all(difference(as_float(e), as_float(c)) is None for e, c in zip(expected, came))


@contextlib.contextmanager
def if_it_raises(probe, look):
    """Say where to look if the attempt raises something in here, whatever it is."""
    try:
        yield
    except Stop:
        probe.seen[-1].look = look
        raise


def note_plain(probe, values):
    """Write down whether numbers that are right are plain ones."""
    probe.note(
        "plain numbers", not any(isinstance(value, torch.Tensor) for value in values),
        "The numbers are right, but your function returns each in a tensor. Asked for is a float.",
        ".item() takes the number out of a tensor with one.",
    )  # fmt: skip


# 7.1 lost_in_fp16


def lost_in_fp16(gradient, scale=1.0):
    """Return the share of a tensor's numbers that become 0 in fp16, of those that are not 0.

    any shape -> float from 0 to 1

    They are multiplied by scale first. Without a number that is not 0, nothing is lost: 0.0.
    Source: "Mixed Precision Training" (2017), section 3.2.
    """
    numbers = gradient[gradient != 0]
    if len(numbers) == 0:
        return 0.0
    lost = (numbers * scale).to(torch.float16) == 0
    return lost.float().mean().item()


# The smallest number of fp16 is 2 ** -24, 5.96e-8; half of it and less is rounded to 0.
NEAR = [2.1e-8, -2.7e-8, 3.1e-8, -3.4e-8, 4.2e-8, -5.1e-8, 5.8e-8, 6.3e-8, -2e-6, 4e-5, -7e-5]


def lost_experiment(probe, attempt):
    """What a wrong answer makes of zeros alone is not asked: it is known by the rest."""
    near, given = torch.tensor(NEAR), []
    for shape, *scale in [((6, 5, 7),), ((11, 9), 1024.0), ((160,), 65536.0), ((4, 30), 0.125)]:
        gradient = 10 ** (18 * probe.uniform(*shape) - 15) * probe.normal(*shape).sign()
        gradient = gradient * (probe.uniform(*shape) > 0.3)
        gradient.view(-1)[: len(near)] = near / (scale or [1.0])[0]
        given.append((gradient, *scale))
    shares = [share_of(probe, attempt, *args) for args in given]
    if not agree([lost_in_fp16(*args) for args in given], shares):
        return
    what = f"{name(attempt)}(torch.zeros(3, 4), 2.0)"
    look = "In a tensor of zeros alone no number is left to count. Nothing is lost: return 0.0."
    with if_it_raises(probe, look):
        share = probe.run(what, attempt, torch.zeros(3, 4), 2.0)
    probe.note(what, as_float(share), f"Your {what} is {as_float(share)}.", look)
    note_plain(probe, [*shares, share])


def share_of(probe, attempt, *args):
    """Call the attempt, write down its number, in a tensor or not, and return what it returned."""
    what = f"{name(attempt)}({arguments(args, attempt)})"
    before = [state(a) for a in args]
    share = probe.run(what, attempt, *args)
    probe.note(what, as_float(share))
    probe.note_changes(attempt, args, args, before)
    return share


def of_all_numbers(gradient, scale=1.0):
    """You divide by the number of all numbers. Those that are 0 from the start cannot be lost:
    leave them out of both counts."""
    lost = (gradient != 0) & ((gradient * scale).half() == 0)
    return lost.float().mean().item()


def zeros_counted(gradient, scale=1.0):
    """You count all that is 0 in fp16. What was 0 before is not lost: take the numbers that are
    not 0, gradient[gradient != 0], and count among them."""
    return ((gradient * scale).half() == 0).float().mean().item()


def zeros_counted_above(gradient, scale=1.0):
    """You count all that is 0 in fp16, also what was 0 before, and divide by the number of those
    that were not: that can be more than 1. Take gradient[gradient != 0] first, for both."""
    lost = ((gradient * scale).half() == 0).sum()
    return (lost / (gradient != 0).sum()).item()


def cast_first(gradient, scale=1.0):
    """You turn the numbers into fp16 before you multiply: by then they are 0, and no factor brings
    them back. That is why the loss is scaled, before the gradient is computed. Multiply first."""
    numbers = gradient[gradient != 0]
    lost = numbers.half() * scale == 0
    return lost.float().mean().item() if len(numbers) else 0.0


def scale_ignored(gradient, scale=1.0):
    """scale has no effect. Multiply the numbers by it before you turn them into fp16."""
    return lost_in_fp16(gradient)


def divided_by_scale(gradient, scale=1.0):
    """You divide by scale. It makes small numbers larger: multiply."""
    return lost_in_fp16(gradient, 1 / scale)


def back_in_fp16(gradient, scale=1.0):
    """You divide by scale again while the numbers are still in fp16, where the small ones are lost
    after all. Compare with 0 before you divide. (GradScaler divides too, but in fp32.)"""
    numbers = gradient[gradient != 0]
    lost = (numbers * scale).half() / scale == 0
    return lost.float().mean().item() if len(numbers) else 0.0


def below_smallest(gradient, scale=1.0):
    """You count what is below 6e-8, the smallest number of fp16. But fp16 rounds to the nearest:
    from half of that on, a number becomes 6e-8 and not 0. Let .half() decide, and compare with
    0."""
    numbers = gradient[gradient != 0].abs() * scale
    return (numbers < 2**-24).float().mean().item() if len(numbers) else 0.0


def below_normal(gradient, scale=1.0):
    """You count what is below 6e-5. finfo(torch.float16).tiny is where fp16 begins to lose digits;
    down to 6e-8 the numbers are still there. Let .half() decide, and compare with 0."""
    numbers = gradient[gradient != 0].abs() * scale
    return (
        (numbers < torch.finfo(torch.float16).tiny).float().mean().item() if len(numbers) else 0.0
    )


def below_without_abs(gradient, scale=1.0):
    """You count negative numbers as small, however large they are. Take abs() before you compare
    with a limit, or let .half() decide and compare with 0."""
    numbers = gradient[gradient != 0] * scale
    return (numbers <= 2**-25).float().mean().item() if len(numbers) else 0.0


def in_bf16(gradient, scale=1.0):
    """You turn the numbers into bf16. It has the range of fp32, so nothing is lost there; that is
    why it needs no scaling. Asked for is fp16: torch.float16, or .half()."""
    numbers = gradient[gradient != 0]
    lost = (numbers * scale).bfloat16() == 0
    return lost.float().mean().item() if len(numbers) else 0.0


def number_lost(gradient, scale=1.0):
    """You return how many numbers are lost. Asked for is their share: divide by how many there are
    that are not 0."""
    numbers = gradient[gradient != 0]
    return float(((numbers * scale).half() == 0).sum())


def share_kept(gradient, scale=1.0):
    """You return the share that is kept, of the numbers that survive. Asked for is the share that
    is lost, 1 minus that: count what is == 0 in fp16."""
    return 1 - lost_in_fp16(gradient, scale)


def percent(gradient, scale=1.0):
    """You return per cent. Asked for is a share from 0 to 1."""
    return 100 * lost_in_fp16(gradient, scale)


def overflow_counted(gradient, scale=1.0):
    """You count what becomes infinite too. That is the other end of fp16, above 65504, and the
    scaler sees it; lost are those that become 0."""
    numbers = gradient[gradient != 0]
    there = (numbers * scale).half()
    lost = (there == 0) | there.isinf()
    return lost.float().mean().item() if len(numbers) else 0.0


def rounding_counted(gradient, scale=1.0):
    """You count every number that fp16 changes. Nearly all are rounded, and it does no harm; lost
    are those that become 0."""
    numbers = gradient[gradient != 0]
    scaled = numbers * scale
    return (scaled.half() != scaled).float().mean().item() if len(numbers) else 0.0


def none_without_zero(gradient, scale=1.0):
    """Where all numbers are 0, your share is 0 / 0, NaN. Return 0.0 then: nothing is lost. A
    gradient of zeros is common, at a layer that starts with zeros."""
    numbers = gradient[gradient != 0]
    return ((numbers * scale).half() == 0).float().mean().item()


def one_for_zeros(gradient, scale=1.0):
    """Where all numbers are 0, your share is 1.0: all is lost. But no number is left to
    count, so nothing is lost: return 0.0."""
    return lost_in_fp16(gradient, scale) if gradient.any() else 1.0


def divided_by_none(gradient, scale=1.0):
    """The gradient was a tensor of zeros alone: no number is left to count, and you divide by how
    many there are. Return 0.0 then: nothing is lost."""
    numbers = gradient[gradient != 0]
    return ((numbers * scale).half() == 0).sum().item() / len(numbers)


def positives_alone(gradient, scale=1.0):
    """You count the positive numbers alone. A negative number is lost as well, if its size is too
    small for fp16: take all that are not 0, gradient[gradient != 0]."""
    return lost_in_fp16(gradient[gradient > 0], scale)


def share_in_a_tensor(gradient, scale=1.0):
    """Your share is right, but it is a tensor. Asked for is a float: .item() takes the number out
    of a tensor with one."""
    return torch.tensor(lost_in_fp16(gradient, scale))


def lost_by_counts(gradient, scale=1.0):
    before = gradient.count_nonzero()
    after = gradient.mul(scale).half().count_nonzero()
    return float((before - after) / before) if before > 0 else 0.0


def lost_by_limit(gradient, scale=1.0):
    sizes = scale * gradient.double().abs().flatten()
    sizes = sizes[sizes > 0]
    return sum(size <= 2**-25 for size in sizes.tolist()) / max(len(sizes), 1)


def lost_by_masks(gradient, scale=1.0):
    there = gradient != 0
    lost = there & ~(scale * gradient).to(torch.half).bool()
    return (lost.sum() / there.sum().clamp(min=1)).item()


def lost_by_numpy(gradient, scale=1.0):
    numbers = gradient.numpy().ravel()
    numbers = numbers[numbers.nonzero()]
    if numbers.size == 0:
        return 0
    return 1 - (scale * numbers).astype("float16").astype(bool).mean()


# 7.2 learning_rate


def rate_experiment(probe, attempt):
    note_lr(probe, attempt)
    asked = [
        (step, TrainConfig(lr=lr, warmup=warmup, steps=steps))
        for lr, warmup, steps in [(2.0, 5, 17), (0.8, 0, 9), (3.0, 1, 2), (1.5, 4, 11), (0.6, 3, 3)]
        for step in range(steps + (warmup < steps))
    ]
    rates = []
    for step, config in asked:
        rates.append(rate_at(probe, attempt, step, config))
        probe.note(called_for_rate(step, config), as_float(rates[-1]))
    if agree([learning_rate(*args) for args in asked], rates):
        note_plain(probe, rates)


def note_lr(probe, attempt):
    """Write down whether config.lr has no effect, which is told before anything else."""
    for step, where in [(2, "in the warm-up"), (9, "after the warm-up")]:
        rate, other = (
            as_float(rate_at(probe, attempt, step, TrainConfig(lr=lr, warmup=5, steps=17)))
            for lr in (2.0, 4.0)
        )
        probe.note(
            f"config.lr is without effect {where}",
            isinstance(rate, float) and isinstance(other, float) and rate == other != 0,
            f"config.lr has no effect {where}: with lr = 2.0 and with lr = 4.0 your learning rate "
            f"at step {step} is the same, {rate}.",
            "Both formulas multiply by config.lr. A number in its place fits one run alone.",
        )  # fmt: skip


def rate_at(probe, attempt, step, config):
    look = {
        0: "config.warmup may be 0: divide by it behind `if step < config.warmup:` alone.",
        config.steps: "The warm-up may be as long as the run: steps - warmup is 0 then. Divide by "
        "max(config.steps - config.warmup, 1).",
    }
    with if_it_raises(probe, look.get(config.warmup, "")):
        return probe.run(called_for_rate(step, config), attempt, step, config)


def called_for_rate(step, config):
    return (
        f"learning_rate({step}, config) with lr = {config.lr}, warmup = {config.warmup}, "
        f"steps = {config.steps}"
    )


def rate_of(config, step, rise=0, late=0, whole=False):
    """The learning rate with parts of it changed."""
    if step < config.warmup:
        return config.lr * (step + 1 - rise) / config.warmup
    length = config.steps - config.warmup * (not whole)
    return config.lr * (1 + math.cos(math.pi * (step - config.warmup + late) / length)) / 2


def rises_from_zero(step, config):
    """The first step has learning rate 0: it changes nothing. Step 0 is the first of the warm-up,
    so it is (step + 1) / warmup of the way."""
    return rate_of(config, step, rise=1)


def rises_too_long(step, config):
    """The warm-up takes one step too many, and goes above config.lr: at step = warmup - 1 it has
    arrived. Write step < config.warmup."""
    if step <= config.warmup:
        return config.lr * (step + 1) / max(config.warmup, 1)
    return rate_of(config, step)


def rises_to_the_next(step, config):
    """You divide by warmup + 1, so the last step of the warm-up is still below config.lr. It is
    (step + 1) / warmup."""
    if step < config.warmup:
        return config.lr * (step + 1) / (config.warmup + 1)
    return rate_of(config, step)


def no_rise(step, config):
    """There is no warm-up: for the first config.warmup steps the learning rate rises in a line."""
    return rate_of(config, max(step, config.warmup))


def rises_in_whole_numbers(step, config):
    """// divides without a rest: (step + 1) // warmup is 0 until the warm-up is over. Write /."""
    if step < config.warmup:
        return config.lr * ((step + 1) // config.warmup)
    return rate_of(config, step)


def rises_without_fall(step, config):
    """After the warm-up your learning rate stays where it is. It has to fall to 0, like half a
    cosine."""
    return min(rate_of(config, step) if step < config.warmup else config.lr, config.lr)


def falls_from_the_start(step, config):
    """Your cosine counts from step 0, so the learning rate jumps down after the warm-up. It begins
    where the warm-up ends: (step - warmup) / (steps - warmup)."""
    if step < config.warmup:
        return rate_of(config, step)
    return config.lr * (1 + math.cos(math.pi * step / config.steps)) / 2


def rise_times_fall(step, config):
    """You multiply the warm-up by a cosine over all steps, so config.lr is never reached. First
    comes the one, then the other: the cosine begins where the warm-up ends."""
    rise = min(1, (step + 1) / max(config.warmup, 1))
    return rise * config.lr * (1 + math.cos(math.pi * step / config.steps)) / 2


def falls_not_to_zero(step, config):
    """You divide by all steps, so the cosine does not come to its end. It has steps - warmup steps
    to do so."""
    return rate_of(config, step, whole=True)


def falls_one_early(step, config):
    """Your cosine is one step ahead. At step = warmup it begins, at config.lr: no + 1 there."""
    return rate_of(config, step, late=step >= config.warmup)


def falls_in_a_line(step, config):
    """Your learning rate falls in a line. It has to fall like half a cosine:
    (1 + cos(pi * done)) / 2, with done from 0 to 1."""
    if step < config.warmup:
        return rate_of(config, step)
    return config.lr * (config.steps - step) / (config.steps - config.warmup)


def falling_like(wave):
    """A learning rate that goes from the warm-up on like wave, a function of done."""

    def rate(step, config):
        if step < config.warmup:
            return rate_of(config, step)
        return config.lr * wave((step - config.warmup) / (config.steps - config.warmup))

    return rate


def in_degrees(step, config):
    """Your cosine gets degrees. math.cos takes radians: half a turn is math.pi, not 180."""
    return falling_like(lambda done: (1 + math.cos(180 * done)) / 2)(step, config)


def without_pi(step, config):
    """pi is missing in the cosine: done goes from 0 to 1, and half a turn from 0 to pi."""
    return falling_like(lambda done: (1 + math.cos(done)) / 2)(step, config)


def quarter_period(step, config):
    """You take a quarter of a cosine, cos(pi / 2 * done). It ends at 0, but steeply. Take half a
    cosine, which is flat at both ends: (1 + cos(pi * done)) / 2."""
    return falling_like(lambda done: math.cos(math.pi / 2 * done))(step, config)


def halved_angle(step, config):
    """Your cosine only gets half as far, to the middle of its way down. Over the whole way its
    angle goes from 0 to pi."""
    return falling_like(lambda done: (1 + math.cos(math.pi / 2 * done)) / 2)(step, config)


def full_period(step, config):
    """Your cosine makes a full turn, 2 pi, and comes back up. Half a turn, pi, ends at 0."""
    return falling_like(lambda done: (1 + math.cos(2 * math.pi * done)) / 2)(step, config)


def not_halved(step, config):
    """1 + cos goes from 2 to 0. Divide it by 2, so that the fall begins at config.lr."""
    return falling_like(lambda done: 1 + math.cos(math.pi * done))(step, config)


def below_zero(step, config):
    """A cosine alone goes from 1 to -1, and a negative learning rate goes uphill. Bring it to
    0..1: (1 + cos(pi * done)) / 2."""
    return falling_like(lambda done: math.cos(math.pi * done))(step, config)


def rises_at_the_end(step, config):
    """After the warm-up your learning rate starts at 0 and rises. The sign before the cosine is the
    wrong way round: 1 + cos, not 1 - cos."""
    return falling_like(lambda done: (1 - math.cos(math.pi * done)) / 2)(step, config)


def cosine_alone_halved(step, config):
    """You halve the cosine alone: 1 + cos / 2 goes from 1.5 to 0.5. Put brackets around the sum,
    (1 + cos) / 2."""
    return falling_like(lambda done: 1 + math.cos(math.pi * done) / 2)(step, config)


def share_of_lr(step, config):
    """config.lr is missing: you return which share of it the learning rate is. Both formulas
    multiply by config.lr."""
    return rate_of(config, step) / config.lr


def lr_written_out(step, config):
    """You write the highest learning rate out, as 4e-3. Take config.lr: another run has another
    one."""
    return 4e-3 * share_of_lr(step, config)


def rise_before_the_if(step, config):
    """config.warmup may be 0, for a run without warm-up, and you divide by it all the same. Do that
    behind `if step < config.warmup:`, which is never true then."""
    rise = (step + 1) / config.warmup
    return config.lr * rise if step < config.warmup else rate_of(config, step)


def way_before_the_if(step, config):
    """The warm-up may be as long as the run: config.steps - config.warmup is 0 then, and you divide
    by it in the warm-up too. Take max(config.steps - config.warmup, 1), or divide behind the
    `if`."""
    way = (step - config.warmup) / (config.steps - config.warmup)
    if step < config.warmup:
        return rate_of(config, step)
    return config.lr * (1 + math.cos(math.pi * way)) / 2


def written_into_config(step, config):
    """You write the learning rate into config. It holds the settings, which stay as they are, for
    the next step asks for them too. Return the number."""
    config.lr = rate_of(config, step)
    return config.lr


def rate_in_a_tensor(step, config):
    """Your learning rates are right, but each is a tensor. Asked for is a float: use math.cos and
    math.pi, or end with .item()."""
    return torch.tensor(rate_of(config, step))


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


def rate_by_schedulers(step, config):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=config.lr)
    length = config.steps - config.warmup
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, length)
    if step < config.warmup:
        return sum(config.lr / config.warmup for _ in range(step + 1))
    optimizer.step()
    for _ in range(step - config.warmup):
        cosine.step()
    return cosine.get_last_lr()[0]


# 7.3 update_average


def average_experiment(probe, update_average):
    for keep in (0.9, 0.25, 0.0, 1.0):
        average, model = normed_net(probe), normed_net(probe)
        for turn in ("", " for the second time"):
            move_average(probe, update_average, average, model, keep, turn)


def normed_net(probe):
    """A network with BatchNorm, its weights and buffers drawn."""
    net = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.SiLU(), nn.Flatten(), nn.Linear(12, 2)
    )
    with torch.no_grad():
        for x in [*net.parameters(), *net.buffers()]:
            x.copy_(10 * probe.uniform(*x.shape))
    return net


def move_average(probe, update_average, average, model, keep, turn):
    what = f"update_average(average, model, {keep}){turn}"
    for p in list(model.parameters())[::2]:
        p.grad = torch.ones_like(p)  # whether a weight has a gradient makes no difference
    before, asked = copies(model.parameters()), [p.requires_grad for p in model.parameters()]
    weights, were = list(average.parameters()), copies(average.parameters())
    buffers = [copies(net.buffers()) for net in (average, model)]
    returned = probe.run(what, update_average, average, model, keep)
    gradients_on = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    note_nothing_returned(probe, returned, average, "average itself")
    probe.note(
        "the weights of the model", copies(model.parameters()) if differ(model, before) else [],
        "Your function changes the weights of the model: the training would be disturbed.",
        "Only average is written to: in a.lerp_(p, ...), a belongs to average and p to model.",
    )  # fmt: skip
    now = copies(average.parameters())
    left_out = ""
    if not near(now, [keep * a + (1 - keep) * p for a, p in zip(were, before)]):
        left_out = looks_at(update_average, average, model, keep, moved=not near(now, were))
    probe.note("which weights are left out", left_out, *LEFT_OUT[left_out])
    probe.note(f"the averaged weights after {what}", now)
    probe.note(
        "the same parameters", all(a is b for a, b in zip(weights, average.parameters())),
        "Your function puts new parameters into average. Whoever holds the old ones, as an "
        "optimizer does, would see nothing of it.",
        "Change them in place: a.lerp_(p, 1 - keep), or a.copy_(...).",
    )  # fmt: skip
    probe.note(
        "the buffers", [copies(net.buffers()) for net in (average, model)],
        "" if same(buffers[1], model.buffers()) and same(buffers[0], average.buffers()) else
        "Your function changes buffers, BatchNorm's running mean and variance. They are no "
        "weights.",
        "Go through parameters() alone; state_dict() holds the buffers too.",
    )  # fmt: skip
    probe.note(
        "which weights of the model learn", [p.requires_grad for p in model.parameters()] == asked,
        "After your function the weights of the model ask for no gradient: it learns no more.",
        "Use torch.no_grad(), which ends by itself, and leave requires_grad alone.",
    )  # fmt: skip
    probe.note(
        "gradients are switched on", gradients_on,
        "Your function switches gradients off for good: nothing could be trained after it.",
        "Write `with torch.no_grad():`, or @torch.no_grad() above def: both end by themselves.",
    )  # fmt: skip
    with torch.no_grad():
        for p in model.parameters():
            p += 1
    probe.note(
        "an average of its own", same(now, average.parameters()),
        "The averaged weights are the model's own tensors: if the model learns, they change too.",
        "a.data = p.data gives one tensor two names. Copy numbers: a.copy_(...).",
    )  # fmt: skip


LEFT_OUT = {
    "": ("", ""),
    "all": (
        "average is as it was: your function computes nothing with the weights.",
        "A generator, (... for ... in ...), and map do nothing until something runs through them: "
        "write a loop.",
    ),
    "the model's": (
        "Your function never looks at the weights of model.",
        "zip(average.parameters(), model.parameters()) gives pairs, one of each.",
    ),
    "the average's": (
        "average is as it was: your function never looks at its weights.",
        "zip(average.parameters(), model.parameters()) gives pairs, one of each.",
    ),
    "none": (
        "average is as it was: what you compute is not written into its tensors.",
        "a.lerp_(p, 1 - keep) and a.copy_(...) write into a; `a = ...` does not.",
    ),
}


def looks_at(update_average, average, model, keep, moved):
    """Say which weights a function that gives a wrong average leaves out of its computations, as
    far as that tells what is wrong."""
    average, model = copy.deepcopy(average), copy.deepcopy(model)
    with torch.enable_grad(), Reads(average) as ours, Reads(model) as theirs:
        update_average(average, model, keep)
    if moved:
        return "the model's" if ours.seen and not theirs.seen else ""
    left_out = {(True, True): "none", (True, False): "the model's", (False, True): "the average's"}
    return left_out.get((ours.seen, theirs.seen), "all")


class Reads(TorchDispatchMode):
    """While it is entered, see whether something is computed with a network's weights."""

    def __init__(self, net):
        super().__init__()
        self.weights = {p.untyped_storage().data_ptr() for p in net.parameters()}
        self.seen = False

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        self.seen |= any(x.untyped_storage().data_ptr() in self.weights for x in given)
        return function(*args, **kwargs or {})


def copies(tensors):
    return [x.detach().clone() for x in tensors]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def near(one, other):
    return all(torch.allclose(a, b, rtol=1e-4) for a, b in zip(one, other, strict=True))


def differ(net, before):
    return not same(before, net.parameters())


@torch.no_grad()
def keep_exchanged(average, model, keep):
    """keep and 1 - keep are exchanged: of the average the share keep stays, of the model 1 - keep
    is taken. a.lerp_(p, w) takes the share w of p."""
    update_average(average, model, 1 - keep)


@torch.no_grad()
def new_network(average, model, keep):
    """You return a new network, and average is as it was. The loop goes on with the old one: write
    into the weights of average, a.lerp_(p, 1 - keep)."""
    average = copy.deepcopy(average)
    update_average(average, model, keep)
    return average


def names_moved(average, model, keep):
    """average is as it was. `a = keep * a + ...` makes a new tensor and gives it the name a, and a
    dict of new tensors is no network. Write into the old tensors: a.lerp_(p, 1 - keep), or
    a.copy_(...)."""
    for a, p in zip(average.parameters(), model.parameters()):
        a = keep * a + (1 - keep) * p


@torch.no_grad()
def nothing_done(average, model, keep):
    """average is as it was: nothing is computed. A generator, (... for ... in ...), and map do
    nothing until something runs through them. Write a loop."""
    (a.lerp_(p, 1 - keep) for a, p in zip(average.parameters(), model.parameters()))


@torch.no_grad()
def towards_itself(average, model, keep):
    """average moves towards itself, so it is as it was: the weights of model are never looked at.
    zip(average.parameters(), model.parameters())."""
    for a, p in zip(average.parameters(), average.parameters()):
        a.lerp_(p, 1 - keep)


@torch.no_grad()
def model_towards_itself(average, model, keep):
    """The model moves towards itself, and average is as it was: its weights are never looked at.
    zip(average.parameters(), model.parameters())."""
    for a, p in zip(model.parameters(), model.parameters()):
        a.lerp_(p, 1 - keep)


@torch.no_grad()
def with_gradient_alone(average, model, keep):
    """You leave out the weights that have no gradient at the moment. The average has nothing to do
    with gradients: move all weights."""
    for a, p in zip(average.parameters(), model.parameters()):
        if p.grad is not None:
            a.lerp_(p, 1 - keep)


@torch.no_grad()
def new_parameters(average, model, keep):
    """You put new parameters into average. Whoever holds the old ones, as an optimizer does, would
    see nothing of it. Change them in place: a.lerp_(p, 1 - keep), or a.copy_(...)."""
    theirs = dict(model.named_parameters())
    for key, a in list(average.named_parameters()):
        place, _, last = key.rpartition(".")
        new = nn.Parameter(keep * a + (1 - keep) * theirs[key])
        setattr(average.get_submodule(place), last, new)


@torch.no_grad()
def buffers_too(average, model, keep):
    """You average the buffers too, BatchNorm's running mean and variance. They are no weights: go
    through parameters() alone. (For averaged weights they are measured anew.)"""
    for a, p in zip(average.state_dict().values(), model.state_dict().values()):
        a.copy_(keep * a + (1 - keep) * p)


@torch.no_grad()
def buffers_but_counters(average, model, keep):
    """You average the buffers too, those with floats: BatchNorm's running mean and variance. They
    are no weights: go through parameters() alone. (For averaged weights they are measured anew.)"""
    for a, p in zip(average.state_dict().values(), model.state_dict().values()):
        if a.is_floating_point():
            a.lerp_(p, 1 - keep)


@torch.no_grad()
def buffers_copied(average, model, keep):
    """You copy the model's buffers, BatchNorm's running mean and variance. Go through parameters()
    alone: for averaged weights the buffers are measured anew."""
    update_average(average, model, keep)
    for a, b in zip(average.buffers(), model.buffers()):
        a.copy_(b)


@torch.no_grad()
def counter_averaged(average, model, keep):
    """state_dict() holds more than weights: num_batches_tracked of BatchNorm is an integer, and
    cannot be averaged. Go through parameters() alone."""
    for a, p in zip(average.state_dict().values(), model.state_dict().values()):
        a.mul_(keep).add_(p, alpha=1 - keep)


@torch.no_grad()
def counter_moved(average, model, keep):
    """state_dict() holds more than weights: num_batches_tracked of BatchNorm is an integer, and
    lerp_ cannot move it. Go through parameters() alone."""
    for a, p in zip(average.state_dict().values(), model.state_dict().values()):
        a.lerp_(p, 1 - keep)


@torch.no_grad()
def model_moved(average, model, keep):
    """The model moves towards the average. It is the other way round: the average follows, and the
    model is left alone."""
    for a, p in zip(average.parameters(), model.parameters()):
        p.lerp_(a, 1 - keep)


@torch.no_grad()
def right_in_the_model(average, model, keep):
    """You compute the right average and write it into the model: p.lerp_ changes p, a weight of
    model. Methods that end with _ change what they are called on: a.lerp_(p, 1 - keep)."""
    for a, p in zip(average.parameters(), model.parameters()):
        p.lerp_(a, keep)


@torch.no_grad()
def one_tensor_for_both(average, model, keep):
    """You compute the average in the model's tensors and give average the same ones: both networks
    are one from then on. Methods that end with _ change what they are called on: call them on a,
    the weights of average."""
    for a, p in zip(average.parameters(), model.parameters()):
        a.data = p.data.mul_(1 - keep).add_(a.data, alpha=keep)


@torch.no_grad()
def given_the_models(average, model, keep):
    """average gets the model's own tensors: nothing is averaged, and both networks are one from
    then on. Write the average of the numbers into the old tensors: a.lerp_(p, 1 - keep)."""
    for a, p in zip(average.parameters(), model.parameters()):
        a.data = p.data


@torch.no_grad()
def copied(average, model, keep):
    """You copy the model, so keep has no effect. The share keep of the average stays."""
    for a, p in zip(average.parameters(), model.parameters()):
        a.copy_(p)


@torch.no_grad()
def added(average, model, keep):
    """You add to the average and take nothing away, so it grows and grows. Its old numbers are
    multiplied by keep."""
    for a, p in zip(average.parameters(), model.parameters()):
        a.add_(p, alpha=1 - keep)


@torch.no_grad()
def added_whole(average, model, keep):
    """The model's weights are added whole. Multiply them by 1 - keep, so that the shares of both
    make 1."""
    for a, p in zip(average.parameters(), model.parameters()):
        a.mul_(keep).add_(p)


@torch.no_grad()
def halfway(average, model, keep):
    """You take the mean of both, whatever keep says. The shares are keep and 1 - keep."""
    update_average(average, model, 0.5)


@torch.no_grad()
def keep_written_out(average, model, keep):
    """You write keep out, as 0.99. Take the argument: other runs look back further, or less far."""
    update_average(average, model, 0.99)


@torch.no_grad()
def first_pair_alone(average, model, keep):
    """Only the first weights of average move, and the rest stay as they were. Does a return stand
    in the loop? It ends the function at once. Go through all pairs."""
    for a, p in zip(average.parameters(), model.parameters()):
        a.lerp_(p, 1 - keep)
        return


def recorded(average, model, keep):
    """PyTorch wants to record the change for a gradient, and refuses. Put @torch.no_grad() above
    def, or the loop into `with torch.no_grad():`."""
    for a, p in zip(average.parameters(), model.parameters()):
        a.lerp_(p, 1 - keep)


def off_for_good(average, model, keep):
    """torch.set_grad_enabled(False) switches gradients off for good: no training step after it
    works. `with torch.no_grad():` ends by itself."""
    torch.set_grad_enabled(False)
    for a, p in zip(average.parameters(), model.parameters()):
        a.lerp_(p, 1 - keep)


def frozen(average, model, keep):
    """requires_grad_(False) on the model ends its training. Leave it alone: `with torch.no_grad():`
    is enough, and ends by itself."""
    model.requires_grad_(False)
    average.requires_grad_(False)
    update_average(average, model, keep)


def average_by_data(average, model, keep):
    for a, p in zip(average.parameters(), model.parameters()):
        a.data = keep * a.data + (1 - keep) * p.data


def average_by_name(average, model, keep):
    mine = dict(model.named_parameters())
    with torch.no_grad():
        for name, a in average.named_parameters():
            a.mul_(keep).add_(mine[name], alpha=1 - keep)
    return average


@torch.no_grad()
def average_at_once(average, model, keep):
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - keep)


def average_by_state(average, model, keep):
    state, weights = average.state_dict(), dict(model.named_parameters())
    for key in weights:
        state[key] = state[key] + (weights[key].detach() - state[key]) * (1 - keep)
    average.load_state_dict(state)


@torch.no_grad()
def average_of_vectors(average, model, keep):
    a, p = (nn.utils.parameters_to_vector(net.parameters()) for net in (average, model))
    nn.utils.vector_to_parameters(keep * a + (1 - keep) * p, average.parameters())


def average_by_torch(average, model, keep):
    update = torch.optim.swa_utils.get_ema_multi_avg_fn(keep)
    update(list(average.parameters()), list(model.parameters()), None)


# 7.4 take_step


def step_experiment(probe, take_step):
    """Gradients above the clip and below it, and some that overflow. SGD shows their size, which
    Adam hides in the first step."""
    fp16 = (5.0, math.inf, 0.4, math.inf, math.nan, 7.0)
    for precision, sizes in [("fp32", (6.0, 0.3, math.inf)), ("fp16", fp16)]:
        config = TrainConfig(20, warmup=9, lr=0.9, ema=0.8, clip=2.0, precision=precision)
        state = start(linear_net(probe), config)
        groups = [{"params": state.model[i].parameters()} for i in (0, 2)]
        state.optimizer = torch.optim.SGD(groups, lr=0.02)
        one_by_one(probe, take_step, state, config, sizes)
    config = TrainConfig(steps=9, warmup=3, lr=0.4, ema=0.3, clip=0.5, precision="fp16")
    one_by_one(probe, take_step, start(linear_net(probe), config), config, (4.0, 0.1, 0.7))


def note_weights(probe, what, net, look=""):
    found = copies(net.parameters())
    finite = all(x.isfinite().all() for x in found)
    probe.note(
        what, found if finite else "NaN or infinity",
        "" if finite else f"{what}: some are NaN or infinite.",
        look if finite else
        "A step whose gradient overflowed has to be left out: state.scaler.step does so.",
    )  # fmt: skip


def linear_net(probe):
    net = nn.Sequential(nn.Linear(3, 4), nn.SiLU(), nn.Linear(4, 2))
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(probe.normal(*p.shape))
    return net


def one_by_one(probe, take_step, state, config, sizes):
    state.scaler.set_growth_interval(1)  # the scale grows after each step that overflows nowhere
    state.step = 4
    for size in sizes:
        state.lr = learning_rate(state.step, config)
        give_gradients(probe, state, size)
        kind = f"in {config.precision}{KINDS.get(str(size), '')}"
        before = copies(state.model.parameters())
        returned = probe.run(f"take_step(state, config) {kind}", take_step, state, config)
        if math.isfinite(size):
            probe.note(
                f"the weights change in a step {kind}", differ(state.model, before),
                f"A step {kind} leaves the weights as they were.",
                "state.scaler.step(state.optimizer) changes them. It needs the gradients: does "
                "zero_grad() come before it?",
            )  # fmt: skip
        if math.isfinite(size) or config.precision == "fp16":
            note_step(probe, state, config, size, returned, kind)
        else:
            note_no_skip(probe, state, kind)


KINDS = {"inf": " with a gradient that overflowed", "nan": " with a gradient that is NaN"}


def give_gradients(probe, state, size):
    """Let the gradients have a norm of this size; one of them is infinite or NaN where it is."""
    state.optimizer.zero_grad()
    wanted = [probe.normal(*p.shape) for p in state.model.parameters()]
    norm = torch.cat([z.flatten() for z in wanted]).norm()
    if math.isfinite(size):
        wanted = [z * size / norm for z in wanted]
    else:
        wanted[1][0] = size
    state.scaler.scale(
        sum((p * z).sum() for p, z in zip(state.model.parameters(), wanted))
    ).backward()


def note_no_skip(probe, state, kind):
    """The weights are NaN now, as they have to be: nothing but the count is looked at."""
    probe.note(
        f"state.skipped after a step {kind}", as_float(state.skipped),
        f"state.skipped is {describe(state.skipped)} after a step {kind}. But that step was taken: "
        f"in fp32 and bf16 the scaler is switched off, and leaves none out.",
        "Count where the scale has become smaller, whatever the norm is.",
    )  # fmt: skip


def note_step(probe, state, config, size, returned, kind):
    note_nothing_returned(probe, returned, state, "state")
    finite = math.isfinite(size)
    if finite:
        probe.note(
            f"state.norm after a step {kind}", as_float(state.norm), "",
            "It is the norm of the true gradients, unscaled and not yet clipped: what "
            "clip_grad_norm_ returns.",
        )  # fmt: skip
    rates = [as_float(group["lr"]) for group in state.optimizer.param_groups]
    probe.note(
        f"the learning rates of the optimizer's groups after a step {kind}", rates, "",
        "Put state.lr into the \"lr\" of each group in state.optimizer.param_groups.",
    )  # fmt: skip
    if finite:
        note_gradients(probe, state, size, config.clip, kind)
    note_weights(
        probe, f"the weights after a step {kind}", state.model,
        "Look at all that changes weights: state.scaler.step(state.optimizer), once, when the "
        "learning rates are set and the gradients clipped; and update_average, which writes into "
        "the network that it gets first.",
    )  # fmt: skip
    probe.note(
        f"the scale after a step {kind}", as_float(state.scaler.get_scale()), "",
        "state.scaler.update() decides about it, once in each step.",
    )  # fmt: skip
    probe.note(
        f"state.skipped after a step {kind}", as_float(state.skipped), "",
        "It grows by 1 where the step was left out: the scale is smaller after update() then.",
    )  # fmt: skip
    probe.note(
        f"state.step after a step {kind}", as_float(state.step), "",
        "It grows by 1 with each call, so that the loop comes to an end.",
    )  # fmt: skip
    is_network = isinstance(state.average, nn.Module)
    probe.note(
        "state.average is a network", is_network,
        f"state.average is {describe(state.average)} after your function.",
        "update_average changes the network that it gets, and returns nothing: write the call "
        "alone, without `state.average =` before it.",
    )  # fmt: skip
    if not is_network:
        raise Stop
    note_weights(
        probe, f"the averaged weights after a step {kind}", state.average,
        "They move towards the new weights in each call, at the end: "
        "update_average(state.average, state.model, config.ema).",
    )  # fmt: skip
    probe.note(
        "state.norm is a plain number", not isinstance(state.norm, torch.Tensor),
        "state.norm is a tensor. It has to be a plain number.",
        "Take it out with .item(), or float(...).",
    )  # fmt: skip


def note_gradients(probe, state, size, clip, kind):
    """The gradients that the step was taken with are still there, unless the attempt cleared them
    afterwards, which does no harm."""
    there = [p.grad for p in state.model.parameters() if p.grad is not None]
    norm = as_float(nn.utils.get_total_norm(there)) if there else 0.0
    probe.note(
        f"the gradients of a step {kind}", norm or min(size, clip),
        f"Your step was taken with gradients of norm {norm:.3g}. It should have been "
        f"{min(size, clip):.3g}: the true norm was {size:.3g}, and config.clip is {clip}."
        if isinstance(norm, float) else "",
        "First unscale_, then clip_grad_norm_(parameters, config.clip), each once; then "
        "state.scaler.step.",
    )  # fmt: skip


# The parts of a step, in an order of one's choice


def in_parts(state, config, *parts):
    for part in parts:
        part(state, config)


def set_rates(state, config):
    for group in state.optimizer.param_groups:
        group["lr"] = state.lr


def unscale(state, config):
    state.scaler.unscale_(state.optimizer)


def clip(state, config):
    state.norm = nn.utils.clip_grad_norm_(state.model.parameters(), config.clip).item()


def step(state, config):
    state.scaler.step(state.optimizer)


def plain_step(state, config):
    state.optimizer.step()


def update(state, config):
    scale = state.scaler.get_scale()
    state.scaler.update()
    state.skipped += state.scaler.get_scale() < scale


def count(state, config):
    state.step += 1


def average(state, config):
    update_average(state.average, state.model, config.ema)


def clear(state, config):
    state.optimizer.zero_grad()


def clipped_scaled(state, config):
    """You clip gradients that are still multiplied by the scale, 65536 or so: all are clipped, to
    nearly nothing. state.scaler.unscale_(state.optimizer) comes before clip_grad_norm_."""
    in_parts(state, config, set_rates, clip, step, update, count, average)


def without_the_scaler(state, config):
    """You take the step without the scaler, with gradients that are still multiplied by its scale.
    unscale_, clip, state.scaler.step(state.optimizer), state.scaler.update()."""
    in_parts(state, config, set_rates, clip, plain_step, count, average)


def optimizer_alone(state, config):
    """You call state.optimizer.step(). state.scaler.step(state.optimizer) does so too, but leaves
    the step out if a gradient overflowed: yours puts NaN into the weights, for good."""
    in_parts(state, config, set_rates, unscale, clip, plain_step, update, count, average)


def never_updated(state, config):
    """state.scaler.update() is missing. It makes the scale smaller after an overflow and larger
    after many good steps, and tells the scaler that the next step begins."""
    in_parts(state, config, set_rates, unscale, clip, step, count, average)


def updated_first(state, config):
    """state.scaler.update() comes before state.scaler.step(): the scaler forgets that it has
    unscaled the gradients, and does it again. update comes after step."""
    in_parts(state, config, set_rates, unscale, clip, update, step, count, average)


def unscaled_by_hand(state, config):
    """You divide the gradients by the scale yourself. The scaler does not know, and its step
    divides them again. Call state.scaler.unscale_(state.optimizer), which it remembers."""
    for p in state.model.parameters():
        p.grad /= state.scaler.get_scale()
    in_parts(state, config, set_rates, clip, step, update, count, average)


def average_too_early(state, config):
    """The average moves before the step, towards weights that are one step old. Take the step
    first."""
    in_parts(state, config, set_rates, unscale, clip, average, step, update, count)


def average_left(state, config):
    """The averaged weights do not move. At the end of each step:
    update_average(state.average, state.model, config.ema)."""
    in_parts(state, config, set_rates, unscale, clip, step, update, count)


def average_exchanged(state, config):
    """The average takes the share config.ema of the new weights; that is the share that it keeps.
    Hand config.ema on as it is."""
    in_parts(state, config, set_rates, unscale, clip, step, update, count)
    update_average(state.average, state.model, 1 - config.ema)


def average_swapped(state, config):
    """You hand the networks to update_average the wrong way round, so that the model moves towards
    its average. The first one is written to: state.average, then state.model."""
    in_parts(state, config, set_rates, unscale, clip, step, update, count)
    update_average(state.model, state.average, config.ema)


def average_lost(state, config):
    """state.average is None after your function: update_average changes the network that it gets,
    and returns nothing. Write the call alone, without `state.average =` before it."""
    in_parts(state, config, set_rates, unscale, clip, step, update, count)
    state.average = update_average(state.average, state.model, config.ema)


def average_not_at_skips(state, config):
    """You leave the average out where the step was left out. Move it in each call: it comes nearer
    to the present weights whether they are new or not."""
    skipped = state.skipped
    in_parts(state, config, set_rates, unscale, clip, step, update, count)
    if state.skipped == skipped:
        average(state, config)


def skips_not_counted(state, config):
    """A step was left out and state.skipped did not count it. Read state.scaler.get_scale() before
    update() and after it: where it is smaller, the step was left out."""
    skipped = state.skipped
    in_parts(state, config, set_rates, unscale, clip, step, update, count, average)
    state.skipped = skipped


def every_step_a_skip(state, config):
    """state.skipped counts every step. Only where the scale has become smaller was the step left
    out; for fp32 it stays 1, so write < and not <=."""
    skipped = state.skipped
    in_parts(state, config, set_rates, unscale, clip, step, update, count, average)
    state.skipped = skipped + 1


def growth_a_skip(state, config):
    """state.skipped counts steps after which the scale has grown. It grows when all went well for a
    while; only where it has become smaller was a step left out. Write <, not !=."""
    scale, skipped = state.scaler.get_scale(), state.skipped
    in_parts(state, config, set_rates, unscale, clip, step, update, count, average)
    state.skipped = skipped + (state.scaler.get_scale() != scale)


def skips_overwritten(state, config):
    """state.skipped is overwritten: with = it only says whether this step was left out. += adds
    that to the number of those before."""
    scale = state.scaler.get_scale()
    in_parts(state, config, set_rates, unscale, clip, step, update, count, average)
    state.skipped = state.scaler.get_scale() < scale


def infinite_a_skip(state, config):
    """You count by the norm, where it is infinite. A step whose gradient is NaN is left out too,
    and in fp32 and bf16 none is, whatever the norm. Count where the scale has become smaller."""
    skipped = state.skipped
    in_parts(state, config, set_rates, unscale, clip, step, update, count, average)
    state.skipped = skipped + math.isinf(state.norm)


def not_finite_a_skip(state, config):
    """You count by the norm. But in fp32 and bf16 the scaler is switched off: it leaves no step
    out, whatever the norm. Count where the scale has become smaller."""
    skipped = state.skipped
    in_parts(state, config, set_rates, unscale, clip, step, update, count, average)
    state.skipped = skipped + (not math.isfinite(state.norm))


def infinite_in_fp16_a_skip(state, config):
    """A step whose gradient is NaN is left out too, and you do not count it: you look for an
    infinite norm. Count where the scale has become smaller."""
    skipped = state.skipped
    in_parts(state, config, set_rates, unscale, clip, step, update, count, average)
    state.skipped = skipped + (config.precision == "fp16" and math.isinf(state.norm))


def rates_not_set(state, config):
    """The learning rate never reaches the optimizer. Put state.lr into group["lr"] for each group
    of state.optimizer.param_groups, before the step."""
    in_parts(state, config, unscale, clip, step, update, count, average)


def rates_too_late(state, config):
    """The learning rate is set after the step, so each step takes that of the one before. Set it
    first."""
    in_parts(state, config, unscale, clip, step, update, count, average, set_rates)


def first_group_alone(state, config):
    """Only the first group of the optimizer gets the learning rate. There can be several: go
    through all of state.optimizer.param_groups."""
    state.optimizer.param_groups[0]["lr"] = state.lr
    in_parts(state, config, unscale, clip, step, update, count, average)


def rate_of_the_config(state, config):
    """You take config.lr, the highest learning rate. That of this step is state.lr."""
    for group in state.optimizer.param_groups:
        group["lr"] = config.lr
    in_parts(state, config, unscale, clip, step, update, count, average)


def cleared_first(state, config):
    """You clear the gradients before the step, so there is nothing to take it with. They were
    computed by the loop, which clears them itself."""
    in_parts(state, config, clear, set_rates, unscale, clip, step, update, count, average)


def norm_of_the_clipped(state, config):
    """state.norm is the norm after clipping, so it never shows how large the gradients were. Keep
    what clip_grad_norm_ returns: the norm before it clips."""
    in_parts(state, config, set_rates, unscale, clip)
    state.norm = nn.utils.get_total_norm([p.grad for p in state.model.parameters()]).item()
    in_parts(state, config, step, update, count, average)


def norm_not_kept(state, config):
    """state.norm is as it was. clip_grad_norm_ returns the norm before it clips: keep it there, as
    a number."""
    norm = state.norm
    in_parts(state, config, set_rates, unscale, clip, step, update, count, average)
    state.norm = norm


def norm_in_a_tensor(state, config):
    """state.norm is a tensor. It has to be a plain number: .item() takes it out of what
    clip_grad_norm_ returns."""
    in_parts(state, config, set_rates, unscale, clip, step, update, count, average)
    state.norm = torch.tensor(state.norm)


def clipped_to_one(state, config):
    """You clip at 1.0, whatever the settings say. Hand config.clip to clip_grad_norm_."""
    in_parts(state, config, set_rates, unscale)
    state.norm = nn.utils.clip_grad_norm_(state.model.parameters(), 1.0).item()
    in_parts(state, config, step, update, count, average)


def not_clipped(state, config):
    """The gradients are not clipped. clip_grad_norm_ makes their norm at most config.clip, all by
    one factor."""
    in_parts(state, config, set_rates, unscale)
    parameters = [p for p in state.model.parameters()]
    state.norm = nn.utils.clip_grad_norm_(parameters, math.inf).item()
    in_parts(state, config, step, update, count, average)


def each_number_clipped(state, config):
    """You clip each number by itself, which changes the direction of the step. clip_grad_norm_
    makes all of them smaller by one factor."""
    in_parts(state, config, set_rates, unscale)
    state.norm = nn.utils.get_total_norm([p.grad for p in state.model.parameters()]).item()
    nn.utils.clip_grad_value_(state.model.parameters(), config.clip)
    in_parts(state, config, step, update, count, average)


def always_to_the_clip(state, config):
    """You bring every gradient to the norm config.clip, small ones too. It is the most that is
    allowed: a smaller gradient stays as it is."""
    in_parts(state, config, set_rates, unscale)
    state.norm = nn.utils.get_total_norm([p.grad for p in state.model.parameters()]).item()
    for p in state.model.parameters():
        p.grad *= config.clip / state.norm
    in_parts(state, config, step, update, count, average)


def step_not_counted(state, config):
    """state.step stays as it is, so the loop has no end. Add 1 in each call."""
    in_parts(state, config, set_rates, unscale, clip, step, update, average)


def skips_are_no_steps(state, config):
    """A step that is left out is not counted in state.step. Count it: its batch has been used, and
    the learning rate goes on."""
    skipped = state.skipped
    in_parts(state, config, set_rates, unscale, clip, step, update, average)
    state.step += state.skipped == skipped


def step_by_norm(state, config):
    scaler, optimizer, model = state.scaler, state.optimizer, state.model
    scaler.unscale_(optimizer)
    state.norm = float(nn.utils.clip_grad_norm_(model.parameters(), max_norm=config.clip))
    for group in optimizer.param_groups:
        group.update(lr=state.lr)
    scaler.step(optimizer)
    scaler.update()
    if config.precision == "fp16" and not math.isfinite(state.norm):
        state.skipped += 1
    update_average(state.average, unwrapped(model), config.ema)
    state.step = state.step + 1
    optimizer.zero_grad()


def step_by_hand(state, config):
    parameters = list(state.model.parameters())
    state.scaler.unscale_(state.optimizer)
    state.norm = torch.cat([p.grad.flatten() for p in parameters]).norm().item()
    if state.norm > config.clip:
        for p in parameters:
            p.grad.mul_(config.clip / state.norm)
    rate = learning_rate(state.step, config)
    for i in range(len(state.optimizer.param_groups)):
        state.optimizer.param_groups[i]["lr"] = rate
    before = state.scaler.get_scale()
    state.scaler.step(state.optimizer)
    state.scaler.update()
    state.skipped = state.skipped + int(state.scaler.get_scale() < before)
    with torch.no_grad():
        for a, p in zip(state.average.parameters(), parameters):
            a.copy_(config.ema * a + (1 - config.ema) * p)
    state.step += 1
    return state


def step_in_two_ways(state, config):
    for group in state.optimizer.param_groups:
        group["lr"] = state.lr
    state.step += 1
    if config.precision == "fp16":
        state.scaler.unscale_(state.optimizer)
    state.norm = nn.utils.clip_grad_norm_(list(state.model.parameters()), config.clip).item()
    if config.precision == "fp16":
        scale = state.scaler.get_scale()
        state.scaler.step(state.optimizer)
        state.scaler.update()
        if scale > state.scaler.get_scale():
            state.skipped += 1
    else:
        state.optimizer.step()
    update_average(state.average, state.model, config.ema)


def step_by_weights(state, config):
    set_rates(state, config)
    state.scaler.unscale_(state.optimizer)
    gradients = [p.grad for p in state.model.parameters()]
    norm = nn.utils.get_total_norm(gradients)
    nn.utils.clip_grads_with_norm_(state.model.parameters(), config.clip, norm)
    state.norm = norm.item()
    old = [p.clone() for p in state.model.parameters()]
    state.scaler.step(state.optimizer)
    moved = any((p != o).any() for p, o in zip(state.model.parameters(), old))
    state.skipped += 0 if moved else 1
    state.scaler.update(), count(state, config), average(state, config)
    state.optimizer.zero_grad(set_to_none=False)


# 7.5 write_whole

PARTS = [b"weights " * 9, b"averages " * 7, b"momenta " * 5]
OLDER = b"an older run " * 40


SYNCED = {
    "whole": "",
    "never": "Nothing brings your file to the disk: its name can be there before its bytes are.",
    "before it was whole": "Your file is brought to the disk before it is whole.",
    "after it had its name": "Your file is brought to the disk after it is renamed; in between, "
    "its name can be there and its bytes not.",
}


def write_experiment(probe, write_whole):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for case, old in [("an older file", OLDER), ("no file yet", None)]:
            path = new_folder(folder, case, old)
            watch = Opened(path, b"".join(PARTS))
            what = f"write_whole(write, path) with {case} at path"
            returned = probe.run(what, watched, write_whole, Write(PARTS), path, watch)
            note_nothing_returned(probe, returned, path, "the file at path")
            note_file(probe, watch, what)
            note_disk(probe, watch)
            if content(path) != watch.whole:
                raise Stop
        beside = [file.relative_to(path.parent) for file in watch.beside]
        for i, failure in enumerate(FAILURES):
            fails(probe, write_whole, new_folder(folder, f"failure {i}", OLDER), *failure)
        after_a_kill(probe, write_whole, new_folder(folder, "killed", OLDER), beside)


def new_folder(folder, case, old):
    """A folder with a neighbour and, unless it is None, an old file; return the path to write."""
    path = Path(folder, case, "step-00000008.pt")
    path.parent.mkdir()
    path.with_name("step-00000004.pt").write_bytes(b"a neighbour")
    if old is not None:
        path.write_bytes(old)
    return path


def note_file(probe, watch, what):
    now = content(watch.path)
    held = "There is no file" if now is None else f"The file holds {len(now)} bytes, {now[:30]!r},"
    probe.note(
        f"the file after {what}", now,
        f"{held} at path after {what}. write has written {len(watch.whole)} bytes.",
        "write(file) fills the file under another name, which is then closed and renamed to path.",
    )  # fmt: skip
    neighbour = content(watch.path.with_name("step-00000004.pt"))
    probe.note(
        "another file of the folder", neighbour,
        "Your function changes or removes another file of the folder, step-00000004.pt.",
        "It is an older checkpoint. Leave it alone.",
    )  # fmt: skip


def note_disk(probe, watch):
    probe.note(
        "the file at path, gone for a moment", watch.gone,
        "For a moment there is no file at path: whoever is killed then has lost the old one.",
        "replace puts the new file into the place of the old one, in one go.",
    )  # fmt: skip
    probe.note(
        "the file at path, half for a moment", watch.half,
        "For a moment the file at path is neither the old one nor the new one, but half: whoever "
        "is killed then has lost both.",
        "Fill a file of another name, close it, then rename it with replace.",
    )  # fmt: skip
    probe.note(
        "the file is open when it is renamed", watch.open,
        "You rename the file while it is open. Windows refuses to do so.",
        "Let replace stand behind the with block: there the file is closed.",
    )  # fmt: skip
    probe.note(
        "a whole file beside path", watch.whole_beside,
        "The folder never holds the new file, whole, under another name.",
        "Fill it in the folder of path: a file can only be renamed on the same disk.",
    )  # fmt: skip
    probe.note(
        "when the disk has the file", watch.synced,
        SYNCED[watch.synced],
        "file.flush(), then os.fsync(file.fileno()), then the new name.",
    )  # fmt: skip
    note_left(probe, watch, "the call")


def note_left(probe, watch, after_what):
    left = len(watch.left())
    probe.note(
        f"files left after {after_what}", left,
        f"After {after_what} there are {left} files of yours in the folder that were not there.",
        "Remove what you have begun, also if something is raised.",
    )  # fmt: skip


class Opened(Watch):
    """A watch that also sees whether the file is open when it gets its name, and that can let a
    call fail: of the first of these functions that is called."""

    def __init__(self, path, whole, failing=(), error=None):
        super().__init__(path, whole)
        self.failing, self.error, self.failed = failing, error, False
        self.file, self.open = None, False

    def __call__(self, frame, event, function):
        if event == "c_call" and function in self.failing and not self.failed:
            self.failed = True
            raise self.error
        if event == "c_call" and function.__name__ == "write":
            self.file = function.__self__
        super().__call__(frame, event, function)

    def look(self):
        before = self.arrived
        super().look()
        if self.arrived and not before:
            self.open = is_open(self.file)


def is_open(file):
    """True for an open file on the disk; False for one in memory."""
    try:
        return not file.closed and file.fileno() >= 0
    except (AttributeError, OSError):
        return False


# What fails, with what, at the call of which functions, and what to do if the half file is left.
# With none of them it is write that fails, as torch.save does on a full disk.
FAILURES = [
    (
        "write fails",
        RuntimeError("PytorchStreamWriter failed writing file data/0"),
        (),
        "Put all of it into a try, and remove the half file in `except BaseException:`.",
    ),
    (
        "write is interrupted",
        KeyboardInterrupt(),
        (),
        "Ctrl-C raises KeyboardInterrupt, and `except Exception:` does not catch it. Write `except "
        "BaseException:`.",
    ),
    (
        "the file cannot be opened",
        OSError(errno.ENOSPC, "No space left on device"),
        (io.open, os.open),
        "Remove what you have begun.",
    ),
    (
        "the renaming is interrupted",
        KeyboardInterrupt(),
        (os.rename, os.replace),
        "replace has to stand in the try too.",
    ),
]


def fails(probe, write_whole, path, when, error, functions, tip):
    """Something fails on the way. The first time that this goes wrong ends the experiment: the same
    mistake is one, whatever it does in the other cases."""
    error = copy.copy(error)  # else it would keep the frames of all runs
    watch = Opened(path, b"".join(PARTS), functions, error)
    write = Write(PARTS[:2], error) if not functions else Write(PARTS)
    what = f"write_whole(write, path) when {when}"
    raised = probe.run(what, what_comes, write_whole, write, path, watch, error)
    problems = []
    if raised != HANDED_ON:
        problems = [problem_raised(when, raised)]
    if content(path) != OLDER or watch.half or watch.gone:
        same = content(path) == OLDER
        told = f"When {when}, the old file is not as it was{' for a moment' * same}."
        tip_old = "Touch path only when the new file is whole, and remove the half file alone."
        problems += [("old for a moment" if same else "old", told, tip_old)]
    if left := len(watch.left()):
        told = f"When {when}, your half file stays in the folder."
        problems += [(f"{left} left", told, tip)]
    if functions and not watch.failed:
        problems = []  # it does without these functions
    probe.note(what, [problem for problem, *_ in problems], *(problems or [("", "", "")])[0][1:])
    if problems:
        raise Stop


HANDED_ON = "what was raised"


def problem_raised(when, raised):
    """The word for what is wrong with what was raised, what it is, and what to do."""
    if raised == "nothing":
        told = (
            f"When {when}, your function keeps the exception to itself: the run would go on as if "
            f"it had been saved."
        )
        return raised, told, "After the half file is removed, a bare raise hands it on."
    told = (
        f"When {when}, your function raises another exception in place of the true one: {raised}."
    )
    if raised == "FileNotFoundError":
        return raised, told, "unlink found no file to remove. Write new.unlink(missing_ok=True)."
    return "another", told, "A bare raise, with nothing behind it, hands on what was caught."


def what_comes(attempt, write, path, watch, error):
    """Call an attempt while something fails; return the kind of exception that comes of it. A slip
    in its clean-up is raised: that line is shown."""
    try:
        watched(attempt, write, path, watch)
    except Stopped:
        raise
    except BaseException as came:
        if came is error:
            return HANDED_ON
        meant = isinstance(came, FileNotFoundError) or "raise" in crash(came).text
        if isinstance(came, Exception) and not meant:
            raise
        return type(came).__name__
    return "nothing"


def after_a_kill(probe, write_whole, path, beside):
    """An earlier run was killed in the middle: its half file is there, under the same name."""
    for file in beside:
        half = path.parent / file
        half.parent.mkdir(exist_ok=True)
        half.write_bytes(OLDER + OLDER)
    watch = Watch(path, b"".join(PARTS))
    what = "write_whole(write, path) with a half file of a killed run beside it"
    raised = probe.run(what, watched_again, write_whole, Write(PARTS), path, watch)
    probe.note(
        f"what is raised by {what}", raised,
        f"A run was killed while it wrote, and its half file is there. Your function stops at it, "
        f"with {raised}: no later run could save anything.",
        'Write over it: the mode "wb" does.',
    )  # fmt: skip
    note_file(probe, watch, what)


def straight(write, path):
    """You write to path itself. From open(..., "wb") on the old file is gone, and the new one is
    half until the end: whoever is killed then has neither. Write beside it, then rename."""
    with path.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


def straight_and_put_back(write, path):
    """You write to path itself, and put the old bytes back if it fails. But whoever is killed can
    put nothing back. Write beside it, then rename."""
    old = path.read_bytes() if path.exists() else None
    try:
        straight(write, path)
    except BaseException:
        path.unlink()
        if old is not None:
            path.write_bytes(old)
        raise


@contextlib.contextmanager
def removed_on_error(new):
    try:
        yield
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def filled(write, new, mode="wb", flush=True, sync=True):
    with new.open(mode) as file:
        write(file)
        if flush:
            file.flush()
        if sync:
            os.fsync(file.fileno())


def unsynced(write, path):
    """os.fsync is missing. The new name can reach the disk before the bytes do: after a power cut
    the file is there and empty. file.flush(), then os.fsync(file.fileno()), then replace."""
    new = path.with_suffix(".new")
    with removed_on_error(new):
        filled(write, new, sync=False)
        new.replace(path)


def unsynced_and_left(write, path):
    """Two things are missing. Without file.flush() and os.fsync(file.fileno()) the new name can
    reach the disk before the bytes do. And if write fails, your half file stays: put try around
    all of it, and in except BaseException new.unlink(missing_ok=True), then raise."""
    new = path.with_suffix(".new")
    filled(write, new, sync=False)
    new.replace(path)


def unflushed(write, path):
    """file.flush() is missing before os.fsync. The last bytes are still with Python, which writes
    them when the file is closed, so fsync brings a file to the disk that lacks them."""
    new = path.with_suffix(".new")
    with removed_on_error(new):
        filled(write, new, flush=False)
        new.replace(path)


def synced_late(write, path):
    """os.fsync comes after the file has its name. In between, the name can be on the disk and the
    bytes not. First fsync, then replace."""
    new = path.with_suffix(".new")
    with removed_on_error(new):
        filled(write, new, sync=False)
        new.replace(path)
        with path.open("rb") as file:
            os.fsync(file.fileno())


def renamed_open(write, path):
    """You rename the file while Python still holds its last bytes: it has its name before it is
    whole. flush and fsync come before replace; simplest is to close the file first, so replace
    stands after the with block."""
    new = path.with_suffix(".new")
    with removed_on_error(new):
        with new.open("wb") as file:
            write(file)
            os.fsync(file.fileno())
            new.replace(path)


def renamed_before_closed(write, path):
    """You rename the file while it is open. Here that works; Windows refuses it. Let replace stand
    behind the with block, where the file is closed."""
    new = path.with_suffix(".new")
    with removed_on_error(new):
        with new.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
            new.replace(path)


def renamed_the_wrong_way(write, path):
    """The two are swapped: you rename the file at path, and the old file takes the place of the new
    one. It is the new one that gets the name: new.replace(path)."""
    new = path.with_suffix(".new")
    with removed_on_error(new):
        filled(write, new)
        path.replace(new)


def renamed_after_the_try(write, path):
    """replace stands behind the try. If it fails or is interrupted, your file stays under the other
    name. Let it be the last line in the try."""
    new = path.with_suffix(".new")
    with removed_on_error(new):
        filled(write, new)
    new.replace(path)


def written_twice(write, path):
    """write(file) fills the file by itself, and returns nothing that file.write could write. Let
    write(file) stand alone."""
    new = path.with_suffix(".new")
    with removed_on_error(new):
        with new.open("wb") as file:
            file.write(write(file))
        new.replace(path)


def exceptions_alone(write, path):
    """Somebody pressed Ctrl-C while write ran, and your half file is still there. That raises
    KeyboardInterrupt, which is no Exception. Write `except BaseException:`."""
    new = path.with_suffix(".new")
    try:
        filled(write, new)
        new.replace(path)
    except Exception:
        new.unlink(missing_ok=True)
        raise


def raised_anew(write, path):
    """write raised an exception, and your function raises another in its place. Whoever saves wants
    to know what happened: a bare raise, with nothing behind it, hands on what was caught."""
    new = path.with_suffix(".new")
    try:
        filled(write, new)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise RuntimeError("not saved") from None


def unlinked_unseen(write, path):
    """The file could not be opened, for the disk was full. So there is none to remove, and unlink()
    raises FileNotFoundError, which hides the true reason. Write new.unlink(missing_ok=True)."""
    new = path.with_suffix(".new")
    try:
        filled(write, new)
        new.replace(path)
    except BaseException:
        new.unlink()
        raise


def elsewhere(write, path):
    """Your temporary file is in another folder. From one disk to another, as from /tmp to a mounted
    Drive, a file cannot be renamed, only copied, and a copy can be cut off. Put it beside path:
    path.with_suffix(".new")."""
    new = Path(tempfile.gettempdir(), f"{os.getpid()}-{path.name}")
    with removed_on_error(new):
        filled(write, new)
        shutil.move(new, path)


def left_over(write, path):
    """write failed, and your half file is still there. Remove it: try around all of it, and in
    except BaseException new.unlink(missing_ok=True), then raise. (torch.save raises other things
    than OSError too.)"""
    new = path.with_suffix(".new")
    filled(write, new)
    new.replace(path)


def swallowed(write, path):
    """write raised an exception, and your function keeps it to itself: the run goes on as if it had
    been saved. After the half file is removed, raise hands it on."""
    new = path.with_suffix(".new")
    try:
        filled(write, new)
        new.replace(path)
    except Exception:
        new.unlink(missing_ok=True)


def swallowed_and_left(write, path):
    """write raised an exception, and your function keeps it to itself and leaves the half file in
    the folder. Remove it, then raise."""
    new = path.with_suffix(".new")
    try:
        filled(write, new)
        new.replace(path)
    except Exception as error:
        print(error)


def half_renamed(write, path):
    """write failed, and the half file gets the name all the same: finally runs in any case. Rename
    it only when it is whole, and remove it in except."""
    new = path.with_suffix(".new")
    try:
        filled(write, new)
    finally:
        new.replace(path)


def old_removed(write, path):
    """You remove the old file before the new one has its name: whoever is killed in between has
    none. replace puts the new one into its place in one go."""
    new = path.with_suffix(".new")
    with removed_on_error(new):
        filled(write, new)
        path.unlink(missing_ok=True)
        new.rename(path)


def old_removed_first(write, path):
    """You remove the old file before you write. If write fails, or the run is killed, there is
    none. Leave it alone: replace puts the new one into its place in one go."""
    path.unlink(missing_ok=True)
    new = path.with_suffix(".new")
    with removed_on_error(new):
        filled(write, new)
        new.rename(path)


def old_set_aside(write, path):
    """You give the old file another name before the new one has its own, and leave it there:
    whoever is killed in between has none at path, and the folder fills up. replace puts the new
    one into the place of the old one in one go."""
    new, old = path.with_suffix(".new"), path.with_suffix(".old")
    with removed_on_error(new):
        filled(write, new)
        if path.exists():
            path.rename(old)
        new.rename(path)


def copied_over(write, path):
    """You copy the whole file to path. A copy takes time, and path is half until it is done; a
    new name takes none. Use new.replace(path)."""
    new = path.with_suffix(".new")
    try:
        filled(write, new)
        shutil.copyfile(new, path)
    finally:
        new.unlink()


def copied_and_left(write, path):
    """You copy the whole file to path, and the one beside it stays. path is half until a copy is
    done; a new name takes no time and leaves nothing behind. Use new.replace(path)."""
    new = path.with_suffix(".new")
    with removed_on_error(new):
        filled(write, new)
        shutil.copyfile(new, path)


def never_renamed(write, path):
    """The new file never gets its name. When it is whole: new.replace(path)."""
    new = path.with_suffix(".new")
    with removed_on_error(new):
        filled(write, new)


def given_a_path(write, path):
    """write gets a path. It takes an open file: with new.open("wb") as file: write(file)."""
    new = path.with_suffix(".new")
    with removed_on_error(new):
        write(new)
        new.replace(path)


def as_text(write, path):
    """Your file is one for text. write writes bytes: open it with "wb", where b is for binary."""
    new = path.with_suffix(".new")
    with removed_on_error(new):
        filled(write, new, mode="w")
        new.replace(path)


def appended(write, path):
    """A run was killed while it wrote, and you append to its half file. The mode "ab" goes on at
    its end; "wb" begins anew."""
    new = path.with_suffix(".new")
    with removed_on_error(new):
        filled(write, new, mode="ab")
        new.replace(path)


def exclusive(write, path):
    """A run was killed while it wrote, and your function stops at its half file: the mode "xb"
    refuses a file that is there. Write over it, with "wb"."""
    new = path.with_suffix(".new")
    with removed_on_error(new):
        filled(write, new, mode="xb")
        new.replace(path)


def write_with_tempfile(write, path):
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            write(file)
            file.flush()
            os.fsync(file)
        except BaseException:
            os.unlink(file.name)
            raise
    try:
        os.replace(file.name, path)
    except BaseException:
        os.unlink(file.name)
        raise


def write_in_memory(write, path):
    held = io.BytesIO()
    write(held)
    name = f"{path}.tmp"
    number = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        try:
            os.write(number, held.getvalue())
            os.fsync(number)
        finally:
            os.close(number)
        os.rename(name, path)
    except BaseException as error:
        os.remove(name)
        raise error
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def write_and_always_tidy(write, path):
    beside = path.parent / ("." + path.name)
    try:
        with open(beside, "wb", buffering=0) as file:
            write(file)
            os.fsync(file.fileno())
        shutil.move(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_in_a_folder(write, path):
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        whole = Path(folder) / "new"
        with whole.open("w+b") as file:
            write(file)
        with whole.open("rb+") as file:
            os.fdatasync(file.fileno())
        whole.rename(path)


def write_with_a_stack(write, path):
    new = path.with_name(path.name + ".part")
    with contextlib.ExitStack() as undo:
        undo.callback(new.unlink, missing_ok=True)
        with new.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        undo.pop_all()
    return path


EXERCISES = [
    Exercise(
        id="7.1",
        title="What fp16 loses",
        notebook=NOTEBOOK,
        reference=lost_in_fp16,
        experiment=lost_experiment,
        look="Print the numbers beside what .half() makes of them, for a tensor like "
        "torch.tensor([0, 1e-9, 4e-8, -1]).",
        catalogue=by_hand({
            "share of all numbers": of_all_numbers,
            "zeros counted as lost": zeros_counted,
            "zeros counted above alone": zeros_counted_above,
            "fp16 before scaling": cast_first,
            "scale ignored": scale_ignored,
            "divided by scale": divided_by_scale,
            "scaled back in fp16": back_in_fp16,
            "smallest number of fp16 as limit": below_smallest,
            "smallest normal number as limit": below_normal,
            "limit without abs": below_without_abs,
            "bf16": in_bf16,
            "number instead of share": number_lost,
            "share kept": share_kept,
            "per cent": percent,
            "overflow counted": overflow_counted,
            "rounding counted": rounding_counted,
            "NaN for zeros": none_without_zero,
            "1 for zeros": one_for_zeros,
            "division by 0 for zeros": divided_by_none,
            "positive numbers alone": positives_alone,
            "share in a tensor": share_in_a_tensor,
        }),
        also_right=[lost_by_counts, lost_by_limit, lost_by_masks, lost_by_numpy],
    ),
    Exercise(
        id="7.2",
        title="Rise, then fall",
        notebook=NOTEBOOK,
        reference=learning_rate,
        experiment=rate_experiment,
        look="Draw it over all steps: it rises in a line to lr, and falls to 0 like half a cosine.",
        catalogue=by_hand({
            "warm-up from 0": rises_from_zero,
            "warm-up one step too long": rises_too_long,
            "warm-up not to the top": rises_to_the_next,
            "no warm-up": no_rise,
            "whole numbers in the warm-up": rises_in_whole_numbers,
            "no fall": rises_without_fall,
            "cosine from step 0": falls_from_the_start,
            "warm-up times cosine": rise_times_fall,
            "not down to 0": falls_not_to_zero,
            "cosine one step ahead": falls_one_early,
            "fall in a line": falls_in_a_line,
            "degrees": in_degrees,
            "no pi": without_pi,
            "quarter of a cosine": quarter_period,
            "half the angle": halved_angle,
            "full turn": full_period,
            "not halved": not_halved,
            "negative": below_zero,
            "rise after the warm-up": rises_at_the_end,
            "cosine alone halved": cosine_alone_halved,
            "config.lr missing": share_of_lr,
            "config.lr written out": lr_written_out,
            "division by a warm-up of 0": rise_before_the_if,
            "division by a fall of 0": way_before_the_if,
            "written into config": written_into_config,
            "learning rate in a tensor": rate_in_a_tensor,
        }),
        also_right=[rate_by_torch, rate_by_sine, rate_in_one, rate_by_schedulers],
    ),
    Exercise(
        id="7.3",
        title="A network that follows",
        notebook=NOTEBOOK,
        reference=update_average,
        experiment=average_experiment,
        look="Of a weight 1 in average and 0 in model, keep is left; of 0 and 1, 1 - keep.",
        catalogue=by_hand({
            "keep and 1 - keep exchanged": keep_exchanged,
            "new network": new_network,
            "average as it was": names_moved,
            "nothing computed": nothing_done,
            "average towards itself": towards_itself,
            "model towards itself": model_towards_itself,
            "weights without gradient left out": with_gradient_alone,
            "new parameters": new_parameters,
            "buffers averaged": buffers_too,
            "buffers averaged but for the counter": buffers_but_counters,
            "buffers copied": buffers_copied,
            "counter averaged": counter_averaged,
            "counter moved": counter_moved,
            "model moved": model_moved,
            "average written into the model": right_in_the_model,
            "one tensor for both": one_tensor_for_both,
            "model's own tensors": given_the_models,
            "keep without effect": copied,
            "keep written out": keep_written_out,
            "first pair alone": first_pair_alone,
            "nothing taken away": added,
            "model added whole": added_whole,
            "always the mean": halfway,
            "change recorded": recorded,
            "gradients off for good": off_for_good,
            "model frozen": frozen,
        }),
        also_right=[
            average_by_data,
            average_by_name,
            average_at_once,
            average_by_state,
            average_of_vectors,
            average_by_torch,
        ],
    ),
    Exercise(
        id="7.4",
        title="One step",
        notebook=NOTEBOOK,
        reference=take_step,
        experiment=step_experiment,
        look="The order: learning rates, unscale_, clip_grad_norm_, scaler.step, scaler.update, "
        "average.",
        catalogue=by_hand({
            "clipped before unscaling": clipped_scaled,
            "no scaler": without_the_scaler,
            "step of the optimizer alone": optimizer_alone,
            "scaler not updated": never_updated,
            "scaler updated before the step": updated_first,
            "unscaled by hand": unscaled_by_hand,
            "average before the step": average_too_early,
            "average not moved": average_left,
            "ema and 1 - ema exchanged": average_exchanged,
            "networks of update_average exchanged": average_swapped,
            "average lost": average_lost,
            "average not moved at skipped steps": average_not_at_skips,
            "skips not counted": skips_not_counted,
            "skips overwritten": skips_overwritten,
            "infinite norms counted": infinite_a_skip,
            "infinite norms of fp16 counted": infinite_in_fp16_a_skip,
            "norms that are not finite counted": not_finite_a_skip,
            "every step a skip": every_step_a_skip,
            "larger scale a skip": growth_a_skip,
            "learning rate not set": rates_not_set,
            "learning rate set after the step": rates_too_late,
            "learning rate in the first group alone": first_group_alone,
            "highest learning rate": rate_of_the_config,
            "gradients cleared first": cleared_first,
            "norm after clipping": norm_of_the_clipped,
            "norm not kept": norm_not_kept,
            "norm in a tensor": norm_in_a_tensor,
            "clipped at 1": clipped_to_one,
            "not clipped": not_clipped,
            "each number clipped": each_number_clipped,
            "always clipped": always_to_the_clip,
            "step not counted": step_not_counted,
            "skipped steps not counted": skips_are_no_steps,
        }),
        also_right=[step_by_norm, step_by_hand, step_in_two_ways, step_by_weights],
    ),
    Exercise(
        id="7.5",
        title="Whole or not at all",
        notebook=NOTEBOOK,
        reference=write_whole,
        experiment=write_experiment,
        look="The order: open beside path, write, flush, fsync, close, replace. If anything is "
        "raised, remove the half file.",
        catalogue=by_hand({
            "written straight to path": straight,
            "old bytes put back": straight_and_put_back,
            "no fsync": unsynced,
            "no fsync, half file left": unsynced_and_left,
            "no flush": unflushed,
            "fsync after the rename": synced_late,
            "renamed before it is whole": renamed_open,
            "renamed before it is closed": renamed_before_closed,
            "renamed the wrong way": renamed_the_wrong_way,
            "renamed after the try": renamed_after_the_try,
            "None written": written_twice,
            "Exception in place of BaseException": exceptions_alone,
            "another exception raised": raised_anew,
            "file that was never made removed": unlinked_unseen,
            "temporary file elsewhere": elsewhere,
            "half file left": left_over,
            "exception swallowed": swallowed,
            "exception swallowed, half file left": swallowed_and_left,
            "half file renamed": half_renamed,
            "old file removed": old_removed,
            "old file removed first": old_removed_first,
            "old file set aside": old_set_aside,
            "copied": copied_over,
            "copied and left": copied_and_left,
            "never renamed": never_renamed,
            "path instead of a file": given_a_path,
            "file for text": as_text,
            "appended to a half file": appended,
            "stopped by a half file": exclusive,
        }),
        also_right=[
            write_with_tempfile,
            write_in_memory,
            write_and_always_tidy,
            write_in_a_folder,
            write_with_a_stack,
        ],
    ),
]
EXERCISES = [e for e in EXERCISES if e.id not in ("7.1", "7.2", "7.3")]
