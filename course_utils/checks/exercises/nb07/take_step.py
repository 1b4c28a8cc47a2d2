"""7.4 One step."""

import math

import torch
from torch import nn

from course_utils.averaging import unwrapped, update_average
from course_utils.checks.exercises.nb07.notes import Net, copies, note_return, notes, same
from course_utils.checks.exercises.test_doubles import as_float
from course_utils.checks.parts import Vague, Watch, describe
from course_utils.training import TrainConfig, learning_rate, start, take_step

HINTS = [
    ("already been called", "", "Call unscale_ once in each step; state.scaler.update() ends it."),
    ("No inf checks", "", "The scaler found no gradients. Is zero_grad() or update() too early?"),
    ("argument", "scaler", "unscale_ and step take the optimizer, and update() takes nothing."),
    ("backward", "", "The gradients are there already. take_step only uses them."),
    ("not iterable", "", "It takes parameters, not a network: state.model.parameters()."),
    ("has no setter", "", "state.norm only reads. Keep the tensor in state.last_norm."),
    ("'dict' object", "lr", 'Each group is a dict: group["lr"], not group.lr.'),
]
KINDS = {"inf": " with a gradient that overflowed", "nan": " with a gradient that is NaN"}


def experiment(probe, take_step):
    """Gradients above the clip and below it, and some that overflow. SGD shows their size, which
    Adam hides in the first step."""
    fp16 = (5.0, math.inf, 0.4, math.inf, math.nan, 7.0)
    for precision, sizes in [("fp32", (6.0, 0.3, math.inf)), ("fp16", fp16)]:
        config = TrainConfig(20, warmup=9, lr=0.9, ema=0.8, clip=2.0, precision=precision)
        state = start(small_net(probe), config)
        groups = [{"params": state.model.layers[i].parameters()} for i in (0, 2)]
        state.optimizer = torch.optim.SGD(groups, lr=0.02)
        one_by_one(probe, take_step, state, config, sizes)
    config = TrainConfig(steps=9, warmup=3, lr=0.4, ema=0.3, clip=0.5, precision="fp16")
    one_by_one(probe, take_step, start(small_net(probe), config), config, (4.0, 0.1, 0.7))


def small_net(probe):
    return Net(probe.normal, nn.Linear(3, 4), nn.SiLU(), nn.Linear(4, 2))


def give_gradients(probe, state, size):
    """Let the gradients have a norm of this size; one of them is infinite or NaN where it is."""
    state.optimizer.zero_grad()
    wanted = [probe.normal(*p.shape) for p in state.model.parameters()]
    norm = torch.cat([z.flatten() for z in wanted]).norm()
    if math.isfinite(size):
        wanted = [z * size / norm for z in wanted]
    else:
        wanted[1][0] = size
    loss = sum((p * z).sum() for p, z in zip(state.model.parameters(), wanted))
    state.scaler.scale(loss).backward()


def one_by_one(probe, take_step, state, config, sizes):
    state.scaler.set_growth_interval(1)  # the scale grows after each step that overflows nowhere
    state.step = 4
    for size in sizes:
        state.lr = learning_rate(state.step, config)
        give_gradients(probe, state, size)
        kind = f"a step in {config.precision}{KINDS.get(str(size), '')}"
        before = copies(state.model.parameters())
        watch = Watch()
        with probe.advice(*HINTS):
            what = f"take_step(state, config), {kind}"
            returned = probe.run(what, watch.calling(take_step), state, config)
        note_return(probe, returned, state, "state")
        if math.isfinite(size):
            note_finite(probe, state, config, size, kind, before)
        elif config.precision == "fp32":
            note_moved(probe, state, kind, before)
        if math.isfinite(size) or config.precision == "fp16":  # else the weights are NaN now
            note_step(probe, state, kind)
        probe.note("numbers read", watch.reads > (config.precision == "fp16"),
            "Your function reads a number out of a tensor: in every step, a program would wait for "
            "its GPU.",
            "if, print, .item() and get_scale() read. Leave the numbers where they are, and the "
            "decision to the scaler.")  # fmt: skip


def note_moved(probe, state, kind, before):
    """Write down whether the step was taken; return the gradients, if they are still there."""
    there = [p.grad for p in state.model.parameters() if p.grad is not None]
    moved = not same(before, state.model.parameters())
    probe.note(
        f"the weights change in {kind}", "" if moved else "there" if there else "cleared",
        f"The weights are as they were after {kind}.",
        "state.scaler.step(state.optimizer) changes them." if there else "There are no gradients "
        "left. zero_grad() clears them, so it can't come before the step.",
    )  # fmt: skip
    return there


def note_finite(probe, state, config, size, kind, before):
    """Write down what shows only where nothing overflowed."""
    there = note_moved(probe, state, kind, before)
    norm, right = nn.utils.get_total_norm(there).item(), min(size, config.clip)
    notes(
        probe,
        (f"state.last_norm after {kind}", as_float(state.last_norm), "",
         "It's the norm of all true gradients, before clipping: what clip_grad_norm_ returns."),
        (f"the gradients of {kind}", as_float(norm) or right,
         f"Your step was taken with gradients of norm {norm:.3g}, and {right:.3g} is right: the "
         f"true norm was {size:.3g}, and config.clip is {config.clip}.",
         "First unscale_, then clip, each once. Clipping makes a gradient smaller, never larger."),
    )  # fmt: skip


def note_step(probe, state, kind):
    rates = [as_float(group["lr"]) for group in state.optimizer.param_groups]
    notes(
        probe,
        (f"the learning rates of the groups after {kind}", rates, "",
         'Put state.lr into group["lr"] for each group of state.optimizer.param_groups.'),
        weights_of(state.model, f"the weights after {kind}",
         "Are rates and gradients right before the step? It changes the weights, once."),
        (f"scale after {kind}", state.scaler.get_scale(), "",
         "state.scaler.update() changes it, once in each step."),
        (f"state.step after {kind}", as_float(state.step), "",
         "It grows by 1 in each call, whether the step was left out or not."),
    )  # fmt: skip
    probe.note_unless(
        isinstance(state.average, nn.Module), "state.average is a network",
        f"state.average is {describe(state.average)} after your function.",
        "update_average returns nothing: write the call alone, without `state.average =`.",
    )  # fmt: skip
    look = "After each step, taken or not: update_average(state.average, state.model, config.ema)."
    probe.note(*weights_of(state.average, f"the averaged weights after {kind}", look))
    wrong = "The norm is right, but it has been read out of its tensor."
    tip = "Keep the tensor itself in state.last_norm."
    probe.note("a tensor", isinstance(state.last_norm, torch.Tensor), wrong, tip)


def weights_of(net, what, look):
    """Say what to write down about a network's weights, which may be NaN or infinite."""
    found, wrong = copies(net.parameters()), ""
    if not all(x.isfinite().all() for x in found):
        found, wrong = Vague("NaN or infinity"), f"{what}: some are NaN or infinite."
        look = "A step whose gradient overflowed is left out, if state.scaler.step takes it."
    return what, found, wrong, look


MISTAKES = """
# clipped before unscaling
- state.scaler.unscale_(state.optimizer)
+
You clip gradients that are still multiplied by the scale, 65536 or so, which clips them to almost
nothing. state.scaler.unscale_(state.optimizer) comes before clip_grad_norm_.
# step of the optimizer alone
- state.scaler.step(state.optimizer)
+ state.optimizer.step()
You call state.optimizer.step(), which puts NaN into the weights for good when a gradient has
overflowed. state.scaler.step(state.optimizer) leaves the step out then.
# step left out by an if
+ if math.isfinite(state.norm):
+     state.optimizer.step()
Your `if` leaves steps out in fp32 and bf16 too, without a word, and reads the norm in every step.
state.scaler.step(state.optimizer) decides, without an `if`.
# step taken twice
+ state.scaler.step(state.optimizer)
+ state.optimizer.step()
You take the step twice: state.scaler.step(state.optimizer) already calls state.optimizer.step().
# skipped steps not counted
+ scale = state.scaler.get_scale()
+ state.scaler.step(state.optimizer)
- state.step += 1
+ state.step += state.scaler.get_scale() >= scale
A step that is left out is not counted in state.step. Count it, because its batch has been used and
the learning rate moves on.
# scaler updated before the step
+
- state.scaler.update()
+ state.scaler.update()
+ state.scaler.step(state.optimizer)
state.scaler.update() comes before state.scaler.step(), so the scaler forgets that it has unscaled
the gradients and does it again. update comes after step.
# average before the step
+ update_average(state.average, state.model, config.ema)
+ state.scaler.step(state.optimizer)
- update_average(state.average, state.model, config.ema)
+
The average moves before the step, towards weights that are one step old. Take the step first.
# scaler not updated
- state.scaler.update()
+
state.scaler.update() is missing. It makes the scale smaller after an overflow and larger after many
good steps, and tells the scaler that the step is over.
# scale read
+ scale = state.scaler.get_scale()
+ state.scaler.update()
+ skipped = state.scaler.get_scale() < scale
You read the scale in every step. get_scale() takes a number out of a tensor, so a program would
wait for its GPU. Nothing here needs to know the scale, or whether the step was left out.
# average not moved
- update_average(state.average, state.model, config.ema)
+
The averaged weights don't move. At the end of each step comes update_average(state.average,
state.model, config.ema).
# ema and 1 - ema exchanged
+ update_average(state.average, state.model, 1 - config.ema)
The average takes the share config.ema of the new weights, but that is the share that it keeps of
itself. Pass config.ema as it is.
# networks of update_average exchanged
+ update_average(state.model, state.average, config.ema)
You pass the networks to update_average the wrong way round, so the model moves towards its average.
The one that changes comes first: state.average, then state.model.
# learning rate not set
- for group in state.optimizer.param_groups:
-     group["lr"] = state.lr
+
The learning rate never reaches the optimizer. Put state.lr into group["lr"] for each group of
state.optimizer.param_groups, before the step.
# learning rate in the first group alone
+ state.optimizer.param_groups[0]["lr"] = state.lr
Only the optimizer's first group gets the learning rate. Go through all of
state.optimizer.param_groups.
# learning rate set after the step
+
- state.scaler.step(state.optimizer)
+ state.scaler.step(state.optimizer)
+ for group in state.optimizer.param_groups:
+     group["lr"] = state.lr
You set the learning rate after the step, so each step uses the one before. Set it first.
# highest learning rate
- group["lr"] = state.lr
+ group["lr"] = config.lr
You use config.lr, the highest learning rate of the run. This step's is state.lr.
# gradients cleared first
- for group in state.optimizer.param_groups:
+ state.optimizer.zero_grad()
+ for group in state.optimizer.param_groups:
or
- state.scaler.step(state.optimizer)
+ state.optimizer.zero_grad()
+ state.scaler.step(state.optimizer)
You clear the gradients before the step, so there is nothing left to take it with. The training loop
computes them, and clears them itself.
# norm after clipping
- state.last_norm = nn.utils.clip_grad_norm_(state.model.parameters(), config.clip)
+ nn.utils.clip_grad_norm_(state.model.parameters(), config.clip)
+ state.last_norm = nn.utils.clip_grad_norm_(state.model.parameters(), config.clip)
state.last_norm is the norm after clipping, so it never shows how large the gradients were. Keep
what clip_grad_norm_ returns the first time: the norm before it clips.
# norm not kept
+ nn.utils.clip_grad_norm_(state.model.parameters(), config.clip)
You throw away what clip_grad_norm_ returns. It's the norm before clipping, which tells whether a
run is healthy. Keep it in state.last_norm.
# norm read
+ state.last_norm = nn.utils.clip_grad_norm_(state.model.parameters(), config.clip).item()
You read the norm in every step, and to read it the program waits until the GPU has finished. Keep
the tensor that clip_grad_norm_ returns, as it is.
# not clipped
+
| state.last_norm = torch.cat([p.grad.flatten() for p in state.model.parameters()]).norm()
The gradients are not clipped. clip_grad_norm_(state.model.parameters(), config.clip) scales them
all by one factor, so that their norm is at most config.clip, and returns the norm before.
# each weight clipped by itself
+ for p in state.model.parameters():
+     state.last_norm = nn.utils.clip_grad_norm_(p, config.clip)
You clip each weight's gradient by itself, which changes the direction of the step. Clip them all
together, in one call: clip_grad_norm_(state.model.parameters(), config.clip).
# clipped after the step
+
- state.scaler.step(state.optimizer)
+ state.scaler.step(state.optimizer)
+ state.last_norm = nn.utils.clip_grad_norm_(state.model.parameters(), config.clip)
You clip after the step, when the gradients have already been used. Clip between unscale_ and step.
# clipped at 1
+ state.last_norm = nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
You clip at 1.0, whatever the settings are. Pass config.clip to clip_grad_norm_.
# each number clipped
+ state.last_norm = nn.utils.clip_grad_value_(state.model.parameters(), config.clip)
clip_grad_value_ clips each number by itself, which changes the direction of the step.
clip_grad_norm_ makes them all smaller by one factor, and returns the norm.
"""


def step_by_norm(state, config):
    scaler, optimizer, model = state.scaler, state.optimizer, state.model
    scaler.unscale_(optimizer)
    state.last_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm=config.clip)
    for group in optimizer.param_groups:
        group.update(lr=state.lr)
    scaler.step(optimizer)
    scaler.update()
    update_average(state.average, unwrapped(model), config.ema)
    state.step = state.step + 1
    optimizer.zero_grad()


def step_by_hand(state, config):
    parameters = list(state.model.parameters())
    state.scaler.unscale_(state.optimizer)
    state.last_norm = torch.cat([p.grad.flatten() for p in parameters]).norm()
    for p in parameters:
        p.grad.mul_((config.clip / state.last_norm).clamp(max=1.0))
    for i in range(len(state.optimizer.param_groups)):
        state.optimizer.param_groups[i]["lr"] = learning_rate(state.step, config)
    state.scaler.step(state.optimizer), state.scaler.update()
    move = torch.optim.swa_utils.get_ema_multi_avg_fn(config.ema)
    move(list(state.average.parameters()), parameters, None)
    state.step += 1
    return state


def step_in_two_ways(state, config):
    state.step += 1
    half = config.precision == "fp16"
    half and state.scaler.unscale_(state.optimizer)
    state.last_norm = nn.utils.clip_grad_norm_(list(state.model.parameters()), config.clip)
    for group in state.optimizer.param_groups:
        group["lr"] = state.lr
    if half:
        state.scaler.step(state.optimizer), state.scaler.update()
    else:
        state.optimizer.step()
    update_average(state.average, state.model, config.ema)


def step_in_two_calls(state, config):
    state.scaler.unscale_(state.optimizer)
    norm = nn.utils.get_total_norm([p.grad for p in state.model.parameters()])
    nn.utils.clip_grads_with_norm_(state.model.parameters(), config.clip, norm)
    state.optimizer.param_groups[:] = [g | {"lr": state.lr} for g in state.optimizer.param_groups]
    state.scaler.step(state.optimizer), state.scaler.update()
    state.last_norm, state.step = norm, state.step + 1
    update_average(state.average, state.model, config.ema)


REFERENCE = take_step
LOOK = "The order: learning rates, unscale_, clip_grad_norm_, step, update, average."
ALSO_RIGHT = [step_by_norm, step_by_hand, step_in_two_ways, step_in_two_calls]
