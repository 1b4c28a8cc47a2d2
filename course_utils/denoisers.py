"""One call for every denoiser: predict_x0(xt, alpha_bar) guesses the clean picture.

xt is a picture as DDPM mixes it, sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps. So a network, a
filter and a constant can be compared, put together, and handed to the same samplers.
"""

import torch

from course_utils.diffusion import add_noise, predict_x0


class MeanDenoiser:
    """The best guess that ignores xt: always the mean picture.

    (C, H, W) -> denoiser
    """

    def __init__(self, mean):
        self.mean = mean

    def predict_x0(self, xt, alpha_bar):
        """Return the mean, as often as there are pictures.

        (B, C, H, W), (B,) -> (B, C, H, W)
        """
        return self.mean.expand_as(xt)


class NetDenoiser:
    """A network that is told a step t and returns the noise.

    UNet, Schedule -> denoiser

    It is told the step of the schedule whose alpha_bar is nearest. For a network that predicts v
    take NoiseFromVelocity, for one that is told sigma SigmaFromStep.
    """

    def __init__(self, net, schedule):
        self.net, self.schedule = net, schedule

    @torch.no_grad()
    def predict_x0(self, xt, alpha_bar):
        """Return the guess of the clean pictures.

        (B, C, H, W), (B,) -> (B, C, H, W)

        alpha_bar may also be one number for all.
        """
        alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))
        return predict_x0(xt, self.net(xt, nearest_step(self.schedule, alpha_bar)), alpha_bar)


def nearest_step(schedule, alpha_bar):
    """Return the steps whose alpha_bar is nearest to these.

    Schedule, (B,) -> (B,)
    """
    all_steps = schedule.alpha_bar.to(alpha_bar.device)  # (T,)
    return (all_steps - alpha_bar[:, None]).abs().argmin(dim=1)


class Hybrid:
    """One denoiser above a noise level sigma, another up to it.

    denoiser, denoiser -> denoiser
    """

    def __init__(self, above, below, sigma):
        self.above, self.below = above, below
        self.alpha_bar = 1 / (1 + sigma**2)

    def predict_x0(self, xt, alpha_bar):
        """Return the guess of the one that is meant, for each picture.

        (B, C, H, W), (B,) -> (B, C, H, W)

        alpha_bar may also be one number for all.
        """
        alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))
        x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
        for denoiser, meant in ((self.above, is_above), (self.below, ~is_above)):
            if meant.any():
                x0[meant] = denoiser.predict_x0(xt[meant], alpha_bar[meant])
        return x0


class NoiseAtSigma:
    """A denoiser as the sampler `samples` wants it: told sigma, it returns the noise.

    (B, C, H, W), () -> (B, C, H, W)

    The picture is x0 + sigma eps; times sqrt(alpha_bar) it is what the denoiser takes.
    """

    def __init__(self, denoiser):
        self.denoiser = denoiser

    def __call__(self, x, sigma):
        alpha_bar = 1 / (1 + sigma**2)
        return (x - self.denoiser.predict_x0(alpha_bar.sqrt() * x, alpha_bar)) / sigma


def denoising_error(denoiser, x0, eps, sigma):
    """Return the mean squared error of the guesses for pictures with noise of one level.

    (B, C, H, W), (B, C, H, W) -> ()
    """
    alpha_bar = torch.full((len(x0),), 1 / (1 + sigma**2), device=x0.device)
    guess = denoiser.predict_x0(add_noise(x0, eps, alpha_bar), alpha_bar)
    return (guess - x0).square().mean().item()
