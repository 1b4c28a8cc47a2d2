"""How much noise is in the picture at each step.

Two ways to say it: DDPM mixes, sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps, and counts steps t;
smalldiffusion adds, x0 + sigma eps, and names sigma. Divide the first by sqrt(alpha_bar) and it is
the second, with sigma = sqrt((1 - alpha_bar) / alpha_bar).
"""

import copy
import math

import torch


class Schedule:
    """The noise of T steps, from nearly clean (t = 0) to nearly nothing but noise (t = T - 1).

    (T,) -> alpha_bar (T,)

    betas[t] is the variance of the noise that step t adds. alpha_bar[t] is the share of the
    picture's own variance that is left then: the product of 1 - beta up to t. Both are float32,
    computed in float64. Source: "Denoising Diffusion Probabilistic Models" (2020), equation 4.
    """

    checked = True  # alpha_bar_at raises for steps outside

    def __init__(self, betas):
        betas = torch.as_tensor(betas, dtype=torch.float64)
        self.T = len(betas)
        self.betas = betas.float()
        self.alpha_bar = torch.cumprod(1 - betas, dim=0).float()

    def alpha_bar_at(self, t):
        """Return alpha_bar for each step in t, on t's device.

        (B,) -> (B,)

        Raises ValueError when a step is outside 0 ... T - 1 or is not an integer.
        """
        if t.dtype not in (torch.int64, torch.int32):
            raise ValueError(f"t must hold integers, the numbers of noise steps; got {t.dtype}")
        if self.checked and ((t < 0) | (t >= self.T)).any():
            raise ValueError(
                f"t must be from 0 to {self.T - 1}; got {int(t.min())} to {int(t.max())}"
            )
        return self.alpha_bar.to(t.device)[t]

    def for_training(self, device):
        """Return the schedule with its tables on a device, where alpha_bar_at trusts its t.

        () -> Schedule

        A check reads the steps, which waits for a GPU, and a training loop draws them itself.
        """
        known = copy.copy(self)
        known.betas, known.alpha_bar = self.betas.to(device), self.alpha_bar.to(device)
        known.checked = False
        return known


def linear_schedule(T=1000, first=1e-4, last=0.02):
    """Return the schedule whose betas grow in equal steps.

    () -> Schedule

    Source: "Denoising Diffusion Probabilistic Models" (2020), section 4.
    """
    return Schedule(torch.linspace(first, last, T, dtype=torch.float64))


def cosine_schedule(T=1000, offset=0.008, largest=0.999):
    """Return the schedule whose alpha_bar falls like a squared cosine: less noise at first.

    () -> Schedule

    Source: "Improved Denoising Diffusion Probabilistic Models" (2021), equation 17.
    """
    u = torch.arange(T + 1, dtype=torch.float64) / T
    alpha_bar = torch.cos((u + offset) / (1 + offset) * math.pi / 2) ** 2
    return Schedule((1 - alpha_bar[1:] / alpha_bar[:-1]).clamp(max=largest))


class SigmaSchedule:
    """Noise levels sigma, from little noise to much: the standard deviations of added noise.

    (T,) -> sigmas (T,)

    Source: the package smalldiffusion.
    """

    def __init__(self, sigmas):
        self.sigmas = sigmas
        self.T = len(sigmas)

    def sigma_at(self, t):
        """Return sigma for each index in t, on t's device.

        (B,) -> (B,)
        """
        return self.sigmas.to(t.device)[t]

    def for_training(self, device):
        """Return the schedule on a device.

        () -> SigmaSchedule
        """
        return SigmaSchedule(self.sigmas.to(device))

    def sample_sigmas(self, steps):
        """Return falling levels for a sampler of so many steps: N = steps + 1 of them.

        () -> (N,)

        They are spread evenly over the indices, begin with the largest level and end with the
        smallest ("trailing" spacing). Raises ValueError unless there are 1 to T steps.
        Source: "Common Diffusion Noise Schedules and Sample Steps are Flawed" (2023), table 2.
        """
        if not 1 <= steps <= self.T:
            raise ValueError(f"steps must be from 1 to {self.T}; got {steps}")
        indices = [round(self.T * (1 - i / steps)) - 1 for i in range(steps)]
        return self.sigmas[[*indices, 0]]


def log_linear_schedule(T=1000, sigma_min=0.02, sigma_max=10.0):
    """Return the schedule whose sigmas grow by the same factor at every step.

    () -> SigmaSchedule

    Source: the package smalldiffusion.
    """
    return SigmaSchedule(torch.logspace(math.log10(sigma_min), math.log10(sigma_max), T))


def sigma_schedule(schedule):
    """Return a Schedule of betas in the language of sigmas.

    Schedule -> SigmaSchedule

    sigma = sqrt((1 - alpha_bar) / alpha_bar).
    """
    alpha_bar = torch.cumprod(1 - schedule.betas.double(), dim=0)
    return SigmaSchedule(((1 - alpha_bar) / alpha_bar).sqrt().float())
