"""6.11 A step is one number."""

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.checks.exercises.nb06.healthy_networks import StepMLP
from course_utils.checks.parts import Crash, Stop, freeze

COLUMN = "The layers want one column, (B, 1): print the shape of what they get."


def experiment(probe, StepMLP):
    for T, D, steps in [(4, 3, [2]), (50, 8, [7, 0, 49, 20, 3]), (1000, 6, [250, 700, 0])]:
        module = probe.build(StepMLP, T, D)
        t = torch.tensor(steps)
        try:
            with probe.advice(
                ("dtype", "", "A linear layer computes with floats; t has integers."),
                ("cannot be multiplied", "", COLUMN),
                look=f"For t = {steps} and T = {T} the layers should get "
                f"{[round(s / T, 3) for s in steps]}, as a column of floats. Print what they get. "
                "Leave them as they were: Linear, SiLU, Linear.",
            ):
                probe.train_and_eval(module, t)
        except Stop:
            note_what_is_left(probe, module, torch.arange(5.0))
            raise
    probe.on_fake_device(module, t)


def note_what_is_left(probe, module, t):
    """Where whole numbers were the fault, write down what floats do: has t become a column?"""
    crash = probe.seen[-1].value
    if isinstance(crash, Crash) and "dtype" in str(crash.error):
        try:
            found = freeze(module(t))
        except Exception as error:
            found = str(error)
        probe.note("the same with t as float", found)


MISTAKES = """
# not divided
- t[:, None] / self.T
+ t[:, None].float()
The steps aren't divided by T. Numbers up to 1000 drive the layers so far out that all look alike.
# whole numbers
+ t[:, None]
t is a column of whole numbers, and a linear layer wants floats. Dividing by T makes floats of them.
# rounded to zero
+ (t[:, None] // self.T).float()
| t[:, None] // self.T
t / T is below 1, so // or .long() turns every step into 0. Write a single /, and keep the floats.
# from -1 to 1
+ 2 * t[:, None] / self.T - 1
You bring the steps to between -1 and 1. Asked for is t / T, from 0 to 1.
# divided by T - 1
- / self.T
+ / (self.T - 1)
You divide by T - 1. Asked for is t / T, which never quite reaches 1.
# always 1000
+ / 1000
You always divide by 1000. T is an argument: divide by self.T.
# divided by the largest
+ / t.max()
You divide by the largest step, so a step depends on the rest of its batch. Divide by self.T.
# an axis too many
- t[:, None]
+ t[:, None, None]
Your result has an axis too many, (B, 1, D). A column (B, 1) is enough for the layer.
# one step more
+ (t[:, None] + 1)
You add 1 to each step. t counts from 0, and the first step's t / T is 0.
# no column
+ t
| t[None]
or
- t[:, None] / self.T
+ t.float()
| t[None].float()
The layer takes B steps for one picture with B numbers. Make a column, (B, 1): t[:, None] / self.T.
# layers changed
- self.layers = nn.Sequential(nn.Linear(1, dim), nn.SiLU(), nn.Linear(dim, dim))
+ self.layers = nn.Sequential(nn.Linear(1, dim), nn.ReLU(), nn.Linear(dim, dim))
| self.layers = nn.Sequential(nn.Linear(1, dim), nn.SiLU(), nn.Linear(dim, dim), nn.SiLU())
| self.layers = nn.Sequential(nn.Linear(1, dim), nn.Linear(dim, dim))
| self.layers = nn.Sequential(nn.Linear(1, dim), nn.SiLU())
You changed the layers. Leave them as they were: Linear, SiLU, Linear, and nothing at the end.
"""


class StepByUnsqueeze(nn.Module):
    def __init__(self, T, dim):
        super().__init__()
        self.scale = 1.0 / T
        self.second = nn.Linear(dim, dim)
        self.first = nn.Linear(1, dim)

    def forward(self, t):
        return self.second(F.silu(self.first(self.scale * t.unsqueeze(-1).float())))


class StepByEinops(StepMLP):
    def forward(self, t):
        column = rearrange(t.to(torch.float32), "b -> b 1")
        return self.layers(column.div(self.T))


class StepInLoop(StepMLP):
    def forward(self, steps):
        rows = [self.layers(step.reshape(1) / self.T) for step in steps]
        return torch.stack(rows)


class StepByView(nn.Module):
    def __init__(self, T, dim):
        super().__init__()
        self.register_buffer("T", torch.tensor(float(T)))
        self.weight, self.bias = nn.Parameter(torch.randn(dim)), nn.Parameter(torch.zeros(dim))
        self.tail = nn.Sequential(nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, t):
        return self.tail((t / self.T).view(-1, 1) * self.weight + self.bias)


REFERENCE = StepMLP
LOOK = COLUMN
ALSO_RIGHT = [StepByUnsqueeze, StepByEinops, StepInLoop, StepByView]
