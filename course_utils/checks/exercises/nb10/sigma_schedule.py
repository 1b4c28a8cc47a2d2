"""10.3 Noise levels for a sampler."""

import functools

import numpy as np
import torch
from torch import nn

from course_utils.checks.exercises.test_doubles import schedule_of
from course_utils.checks.parts import Exercise, edits
from course_utils.schedule import SigmaSchedule

INDICES = "With T = 20 and 4 steps, the indices are 19, 14, 9, 4 and 0. Print yours."
CASES = [
    (20, 4, INDICES),
    (30, 9, "T = 20 with 4 steps is right. With T = 30 and 9 steps, the indices are 29, 26, 22, "
     "19, 16, 12, 9, 6, 2 and 0. Print yours."),
    (7, 7, "Fewer steps are right. With as many steps as levels, each index comes once, and 0 "
     "twice."),
    (11, 1, "Several steps are right. With one step, the indices are T - 1 and 0."),
    (20, 8, "This is right unless T (1 - i/n) ends in .5. There, use Python's round, which takes "
     "the even neighbour, and subtract 1 after it: round(12.5) - 1 is 11."),
]  # fmt: skip
HINTS = [(r"step must be greater than zero", r"", "A tensor has .flip(0) for that.")]


def schedule_experiment(probe, SigmaSchedule):
    sigma_at, sample_sigmas = schedule_of(SigmaSchedule)
    sigmas = {T: (0.1 + probe.uniform(T)).cumsum(0) ** 2 for T, *_ in CASES}
    first, second = (is_stub(method, sigmas[20], 4) for method in (sigma_at, sample_sigmas))
    probe.note_unless(
        second or not first, "sigma_at is written", "sigma_at is still to be written.",
        "sample_sigmas is there.",
    )  # fmt: skip
    with probe.advice(*HINTS, look="Look up t as it is: sigmas[0] is the smallest level."):
        for T, levels in sigmas.items():
            probe.call(sigma_at, levels, torch.tensor([T - 1, 2, 0, 5]))
    found = getattr(probe.run("SigmaSchedule(sigmas)", SigmaSchedule, levels), "T", None)
    probe.note("schedule.T", found, look="Keep it in __init__: self.T = len(sigmas).")
    for T, steps, look in CASES:
        with probe.advice(*HINTS, look=look):
            probe.call(sample_sigmas, sigmas[T], steps)
    probe.on_fake_device(functools.partial(sigma_at, levels), torch.tensor([3, 2]))


def is_stub(method, *args):
    try:
        method(*args)
    except Exception as error:  # others will be seen when the method is called in its turn
        return isinstance(error, NotImplementedError)
    return False


MISTAKES = """
# rising
- return self.sigmas[[*indices, 0]]
+ return self.sigmas[[*indices, 0]].flip(0)
Your levels rise. A sampler begins with much noise, so the largest comes first.
# last level left out
- [*indices, 0]
+ indices
The smallest level is missing at the end. n steps go between n + 1 levels, and the last index is 0.
# no minus one
- )) - 1 for
+ )) for
Your first index is T, but the levels end at T - 1. Subtract 1: round(T (1 - i/n)) - 1.
# rounded one way
- round(self
+ int(self
or
+ math.ceil(self
You always round down, or always up. Python's round goes to the nearest whole number.
# halves rounded up
- round(self.T * (1 - i / steps)) - 1
+ int(self.T * (1 - i / steps) + 0.5) - 1
You round a half up. Python's round goes to the even neighbour there: round(12.5) is 12.
# ends included
+ round((self.T - 1) * (1 - i / steps))
Your indices are spread evenly from T - 1 to 0. They should be spread over T, with 0 added at the
end: round(T (1 - i/n)) - 1, then 0.
# whole strides
+ self.T - 1 - i * (self.T // steps)
Your indices go down in equal whole steps, which leaves a gap at the end. Round each one by itself.
# one off before rounding
- (1 - i / steps)) - 1
+ (1 - i / steps) - 1)
You subtract 1 before you round, which matters for halves. It's round(T (1 - i/n)) - 1.
# begins below the largest
- round(self.T * (1 - i / steps)) - 1 for i in range(steps)
+ (steps - 1 - i) * (self.T // steps) for i in range(steps)
or
+ round(self.T * (1 - i / steps)) - 1 for i in range(1, steps + 1)
Your first level isn't the largest. Pictures begin as pure noise, so the first index must be T - 1.
# indices returned
- self.sigmas[[*indices, 0]]
+ torch.tensor([*indices, 0])
You return the indices. Return the levels that stand there: self.sigmas[indices].
# levels of another schedule
+ torch.linspace(self.sigmas[-1], self.sigmas[0], steps + 1)
You make new levels. Spread the indices evenly, and look up the levels that the schedule has there.
# a list
+ [self.sigmas[i] for i in [*indices, 0]]
You return a list. Return one tensor: self.sigmas[indices] works with a list of indices.
# ends with zero
+ torch.cat([self.sigmas[indices], torch.zeros(1)])
Your last level is 0, which the network was never told. It should be the smallest one, sigmas[0].
# sigma_at with another index
- [t]
+ [self.T - 1 - t]
or
+ [t - 1]
Your sigma_at counts from the other end, or from one. Index with t as it is.
# levels cut to whole numbers
- .to(t.device)[t]
+ .to(t)[t]
.to(t) also takes over t's dtype, so it cuts the levels to whole numbers. Write .to(t.device).
# levels left on the CPU
- self.sigmas.to(t.device)[t]
+ self.sigmas[t]
On a GPU, t is there and self.sigmas isn't. Bring it along with self.sigmas.to(t.device).
# index -1 at the end
- range(steps)
+ range(steps + 1)
- [*indices, 0]
+ indices
Your last level is the largest: its index is -1, Python's last. Stop at i = n - 1, and add index 0.
"""


class LevelsByTensor(SigmaSchedule):
    def sigma_at(self, t):
        return self.sigmas.to(t.device).gather(0, t)

    def sample_sigmas(self, steps):
        share = 1 - torch.arange(steps, dtype=torch.float64) / steps
        indices = torch.round(self.T * share).long() - 1
        return self.sigmas[torch.cat([indices, torch.zeros(1, dtype=torch.long)])]


class LevelsByFlip(nn.Module):
    def __init__(self, sigmas):
        super().__init__()
        self.register_buffer("sigmas", sigmas)
        self.T = len(sigmas)

    def sigma_at(self, t):
        return torch.index_select(self.sigmas.to(t.device), 0, t)

    def sample_sigmas(self, steps):
        which = [self.T - round(self.T * (steps - i) / steps) for i in range(steps)]
        return self.sigmas.flip(0)[which + [-1]]


class LevelsInALoop(SigmaSchedule):
    def sigma_at(self, t):
        return torch.stack([self.sigmas[i] for i in t.tolist()]).to(t.device)

    def sample_sigmas(self, steps):
        last = [round(self.T - self.T * i / steps) for i in range(steps)]
        chosen = [self.sigmas[i - 1].item() for i in last]
        return torch.tensor([*chosen, self.sigmas.min()])


class LevelsByNumpy(SigmaSchedule):
    def sigma_at(self, t):
        return self.sigmas[t.cpu()].to(t.device)

    def sample_sigmas(self, steps):
        indices = (self.T * (1 - np.arange(0, steps) / steps)).round().astype(np.int64) - 1
        return self.sigmas[list(indices) + [0]]


EXERCISE = Exercise(
    id="10.3",
    title="Noise levels for a sampler",
    reference=SigmaSchedule,
    experiment=schedule_experiment,
    look=INDICES,
    catalogue=edits(SigmaSchedule, MISTAKES),
    also_right=[LevelsByTensor, LevelsByFlip, LevelsInALoop, LevelsByNumpy],
)
