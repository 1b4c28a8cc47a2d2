"""A training run: its settings, and all that changes from step to step."""

import copy
from dataclasses import dataclass

import torch
from torch import nn

from course_utils.averaging import unwrapped
from course_utils.precision import gradient_scaler


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
    precision: str = "fp32"  # or "fp16", "bf16": that of the products in the network
    accumulate: int = 1  # batches whose gradients are added up before each step


@dataclass
class TrainState:
    """All that changes while training; the loop yields it after every step."""

    model: nn.Module
    average: nn.Module  # the same network with weights averaged over the last steps
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    scaler: torch.amp.GradScaler
    step: int = 0
    lr: float = 0.0
    last_loss: torch.Tensor = 0.0  # (), on the model's device
    last_norm: torch.Tensor = 0.0  # of the gradient, before it was clipped

    @property
    def loss(self):
        """The last loss as a number; reading it from a GPU waits for all that is queued there."""
        return float(self.last_loss)

    @property
    def norm(self):
        """The norm of the last gradient as a number; reading it waits too."""
        return float(self.last_norm)

    @property
    def skipped(self):
        """How many steps Adam has not taken, because a gradient was infinite or NaN."""
        taken = next(iter(self.optimizer.state.values()), {}).get("step", 0)
        return self.step - int(taken)


def start(model, config):
    """Return the state before the first step."""
    return TrainState(
        model=model,
        average=copy.deepcopy(unwrapped(model)),
        optimizer=torch.optim.AdamW(model.parameters(), lr=config.lr, fused=True),
        generator=torch.Generator().manual_seed(config.seed),
        scaler=gradient_scaler(config.precision, next(model.parameters()).device),
    )
