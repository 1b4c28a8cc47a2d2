"""The training loop: noise some pictures, let the network guess, mend the network."""

import copy
import math
from dataclasses import replace

import torch
from torch import nn
from tqdm.auto import tqdm

from course_utils.averaging import unwrapped, update_average
from course_utils.diffusion import draw_batch, sigma_loss, velocity_loss
from course_utils.memory import ensure_free, free_memory, peak_memory, told_when_full
from course_utils.precision import autocast, where_it_overflows
from course_utils.run import TrainConfig, start

LOOK_EVERY = {"cpu": 1}  # steps from one look at the loss to the next; elsewhere 50
SMALLER = (
    "take a smaller batch, or smaller pictures; TrainConfig(accumulate=4) makes one step of four "
    "batches"
)


def train(
    model, images, schedule, config=TrainConfig(), loss=velocity_loss, labels=None, state=None
):
    """Train a network to denoise pictures, and yield the TrainState after each step.

    UNet, (N, C, H, W), Schedule -> generator of TrainState

    loss(model, x0, t, eps, schedule) says what is asked for; with labels (N,), it gets those of the
    pictures drawn too. A state, as of start(), is trained on. Raises ValueError for NaN or infinity
    in pictures or loss, MemoryError for too large a batch. Source: DDPM (2020), algorithm 1.
    """
    if not images.isfinite().all():
        raise ValueError("the images hold NaN or infinity; look at images.isfinite()")
    state = state or start(model, config)
    ensure_batch_fits(state, images, schedule, loss, config, labels)
    schedule, every = schedule.for_training(images.device), LOOK_EVERY.get(images.device.type, 50)
    with tqdm(total=config.steps, initial=state.step, unit="step") as bar:
        while state.step < config.steps:
            look = state.step % every == 0 or state.step + 1 == config.steps
            state.lr, state.last_loss = learning_rate(state.step, config), 0.0
            state.optimizer.zero_grad()
            for _ in range(config.accumulate):
                with told_when_full(f"a batch of {config.batch:,} pictures", SMALLER):
                    batch = draw_batch(images, schedule.T, config.batch, state.generator, labels)
                    add_gradient(state, batch, schedule, loss, config, look)
            take_step(state, config)
            if look:
                bar.set_postfix(loss=f"{state.loss:.3f}", refresh=False)
            bar.update()
            yield state


def ensure_batch_fits(state, images, schedule, loss, config, labels=None):
    """Raise MemoryError if a CPU has not the memory that a step takes.

    TrainState, (N, C, H, W), Schedule -> None

    The system would end the program there without a word; for a GPU, PyTorch raises by itself.
    Small batches are not looked at. For a large one, two steps with few pictures are measured on a
    copy, and what each picture adds is multiplied.
    """
    cpu = torch.device("cpu")
    if images.device != cpu or config.batch * images[0].nbytes < free_memory(cpu) / 2000:
        return

    def peak(batch):
        trial = start(copy.deepcopy(unwrapped(state.model)), replace(config, batch=batch))
        drawn = draw_batch(images, schedule.T, batch, trial.generator, labels)
        return peak_memory(lambda: add_gradient(trial, drawn, schedule, loss, config), cpu)

    with torch.random.fork_rng([]):  # dropout draws what it would have drawn
        few = max(1, min(32, config.batch // 16))
        each = (peak(2 * few) - peak(few)) / few
    need = f"a batch of {config.batch:,} pictures needs {{}}"
    ensure_free(config.batch * each, cpu, need, instead=SMALLER)


def add_gradient(state, batch, schedule, loss, config, look=True):
    """Add the gradient of the loss on one batch to those of the parameters.

    TrainState, batch, Schedule -> None

    With look, the loss is read, which waits for the device, and ValueError raised if it is not
    finite. Without, nothing waits, and the device itself leaves such a step out.
    """
    x0, t, eps, *cond = batch

    def ask():
        with autocast(config.precision, x0.device):
            return loss(state.model.train(), x0, t, eps, schedule, *cond) / config.accumulate

    value = ask()
    state.last_loss = state.last_loss + value.detach()
    if look and not math.isfinite(state.loss):
        raise ValueError(
            f"the loss is {state.loss} at step {state.step}, learning rate {state.lr:.2g}, scale "
            f"{state.scaler.get_scale():g}; {where_it_overflows(state.model, ask)}. Try a lower "
            f"learning rate, {'bf16 or fp32, ' * (config.precision == 'fp16')}and look for NaN in "
            f"what the network is fed"
        )
    if state.optimizer.defaults.get("fused"):  # as a GradScaler would tell it
        state.optimizer.found_inf = (~state.last_loss.isfinite()).float()
    state.scaler.scale(value).backward()


def take_step(state, config):
    """Change the weights a little against the gradient.

    TrainState, TrainConfig -> None

    The gradients are brought back to their true size before they are clipped. If one of them
    overflowed, the scaler leaves the step out, and halves its scale. No number is read.
    """
    for group in state.optimizer.param_groups:
        group["lr"] = state.lr
    state.scaler.unscale_(state.optimizer)
    state.last_norm = nn.utils.clip_grad_norm_(state.model.parameters(), config.clip)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    state.step += 1
    update_average(state.average, state.model, config.ema)


def learning_rate(step, config):
    """Rise in a line to config.lr, then fall to 0 like half a cosine.

    () -> ()

    Source: "SGDR: Stochastic Gradient Descent with Warm Restarts" (2016), equation 5.
    """
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    done = (step - config.warmup) / max(config.steps - config.warmup, 1)
    return config.lr * (1 + math.cos(math.pi * done)) / 2


def train_sigmas(model, batches, schedule, epochs=1, lr=1e-3):
    """Train a network that is told sigma with smalldiffusion's loop, and yield each step's loss.

    SigmaUNet, batches, SigmaSchedule -> generator of float

    batches, a DataLoader or a list, holds pictures (B, C, H, W), or pairs of pictures and labels.
    The learning rate stays the same and nothing is averaged: the plainest loop there is.
    Source: the package smalldiffusion.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    for _ in range(epochs):
        for batch in batches:
            x0, cond = (batch, None) if torch.is_tensor(batch) else batch
            t = torch.randint(schedule.T, (len(x0),), device=x0.device)
            loss = sigma_loss(model.train(), x0, t, torch.randn_like(x0), schedule, cond)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield loss.item()
