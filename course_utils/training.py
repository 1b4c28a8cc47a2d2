"""The training loop: noise some pictures, let the network guess, mend the network."""

import copy
import math
from dataclasses import dataclass

import torch
from torch import nn
from tqdm.auto import tqdm

from course_utils.diffusion import add_noise, sigma_loss, velocity_loss


@dataclass(frozen=True)
class TrainConfig:
    """The settings of a training run."""

    steps: int = 2000
    batch: int = 64
    lr: float = 4e-3  # the highest learning rate; it falls to 0 at the end
    warmup: int = 100  # steps in which the learning rate rises
    ema: float = 0.99  # how much of the averaged weights is kept at each step
    clip: float = 1.0  # the largest norm of the gradient
    seed: int = 0  # of the order of the pictures, the steps t and the noise


@dataclass
class TrainState:
    """All that changes while training; the loop yields it after every step."""

    model: nn.Module
    average: nn.Module  # the same network with weights averaged over the last steps
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    step: int = 0
    loss: float = math.nan
    lr: float = 0.0
    norm: float = 0.0  # of the gradient, before it was clipped


def start(model, config):
    """Return the state before the first step."""
    return TrainState(
        model=model,
        average=copy.deepcopy(model),
        optimizer=torch.optim.AdamW(model.parameters(), lr=config.lr),
        generator=torch.Generator().manual_seed(config.seed),
    )


def train(model, images, schedule, config=TrainConfig(), loss=velocity_loss, labels=None):
    """Train a network to denoise pictures, and yield the TrainState after each step.

    UNet, (N, C, H, W), Schedule -> generator of TrainState

    loss(model, x0, t, eps, schedule) says what the network is asked for; with labels (N,), the
    loss gets those of the pictures drawn as well. Stop whenever you like; the model keeps what it
    has learned. Raises ValueError when the pictures or the loss hold NaN
    or infinity.
    Source: "Denoising Diffusion Probabilistic Models" (2020), algorithm 1.
    """
    if not images.isfinite().all():
        raise ValueError("the images hold NaN or infinity; look at images.isfinite()")
    state = start(model, config)
    with tqdm(total=config.steps, unit="step") as bar:
        while state.step < config.steps:
            x0, t, eps, *cond = draw_batch(
                images, schedule.T, config.batch, state.generator, labels
            )
            state.lr = learning_rate(state.step, config)
            take_step(state, loss(model.train(), x0, t, eps, schedule, *cond), config)
            bar.set_postfix(loss=f"{state.loss:.3f}", refresh=False)
            bar.update()
            yield state


def draw_batch(images, T, batch, generator, labels=None):
    """Return some of the images, a step t for each, and noise; with labels, theirs as well.

    (N, C, H, W) -> (B, C, H, W), (B,), (B, C, H, W)
    """
    which = torch.randint(len(images), (batch,), generator=generator)
    x0 = images[which]
    t = torch.randint(T, (batch,), generator=generator)
    eps = torch.randn(x0.shape, generator=generator)
    drawn = x0, t.to(x0.device), eps.to(x0.device)
    return drawn if labels is None else (*drawn, labels[which])


def take_step(state, loss, config):
    """Change the weights a little against the gradient of the loss.

    TrainState, (), TrainConfig -> None
    """
    state.loss = loss.item()
    if not math.isfinite(state.loss):
        raise ValueError(
            f"the loss is {state.loss} at step {state.step}, learning rate {state.lr:.2g}; "
            f"try a lower learning rate, and look for NaN in what the network is fed"
        )
    for group in state.optimizer.param_groups:
        group["lr"] = state.lr
    state.optimizer.zero_grad()
    loss.backward()
    state.norm = nn.utils.clip_grad_norm_(state.model.parameters(), config.clip).item()
    state.optimizer.step()
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


@torch.no_grad()
def update_average(average, model, keep):
    """Move the averaged weights a little towards the model's.

    UNet, UNet -> None
    """
    for a, p in zip(average.parameters(), model.parameters()):
        a.lerp_(p, 1 - keep)


@torch.no_grad()
def refresh_norms(model, images, schedule, batches=30, seed=0):
    """Measure BatchNorm's statistics anew, for weights that were averaged; return the model.

    UNet, (N, C, H, W), Schedule -> UNet

    Averaged weights see features that no training step saw, so the running means and variances
    that training left behind do not fit them. The model is left in eval mode; one without
    BatchNorm has nothing to measure.
    Source: "Averaging Weights Leads to Wider Optima and Better Generalization" (2018), section 3.
    """
    generator = torch.Generator().manual_seed(seed)
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    if not norms:
        return model.eval()
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
    model.train()
    for _ in range(batches):
        x0, t, eps = draw_batch(images, schedule.T, 64, generator)
        model(add_noise(x0, eps, schedule.alpha_bar_at(t)), t)
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
    return model.eval()


def averaged(state, images, schedule):
    """Return a copy of the averaged network that is ready to draw: fresh BatchNorm, eval mode.

    TrainState, (N, C, H, W), Schedule -> UNet

    Training goes on undisturbed.
    """
    return refresh_norms(copy.deepcopy(state.average), images, schedule)


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
