"""Adding noise, taking it out again, and the losses that train the network."""

import torch
from torch.nn import functional as F

from course_utils.unet import timesteps


def add_noise(x0, eps, alpha_bar):
    """Return the pictures with noise mixed in: sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps.

    (B, C, H, W), (B, C, H, W), (B,) -> (B, C, H, W)

    alpha_bar, in [0, 1], is the share of each picture's variance that is kept.
    Source: "Denoising Diffusion Probabilistic Models" (2020), equation 4.
    """
    alpha_bar = alpha_bar[:, None, None, None]  # (B, 1, 1, 1)
    return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps


def predict_x0(xt, eps, alpha_bar):
    """Return the pictures that xt was made from, if eps is the noise in it.

    (B, C, H, W), (B, C, H, W), (B,) -> (B, C, H, W)

    It undoes add_noise. alpha_bar may also be one number, of shape (), for all pictures.
    Source: "Denoising Diffusion Probabilistic Models" (2020), equation 15.
    """
    alpha_bar = alpha_bar[..., None, None, None]  # (B, 1, 1, 1)
    return (xt - (1 - alpha_bar).sqrt() * eps) / alpha_bar.sqrt()


def velocity(x0, eps, alpha_bar):
    """Return v, what noisy pictures hide: sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x0.

    (B, C, H, W), (B, C, H, W), (B,) -> (B, C, H, W)

    Where little noise is in the picture, v is nearly the noise; where hardly anything else is, it
    is nearly the picture, with its sign turned.
    Source: "Progressive Distillation for Fast Sampling of Diffusion Models" (2022), appendix D.
    """
    alpha_bar = alpha_bar[:, None, None, None]  # (B, 1, 1, 1)
    return alpha_bar.sqrt() * eps - (1 - alpha_bar).sqrt() * x0


def noise_from_velocity(xt, v, alpha_bar):
    """Return the noise in the pictures xt, given their velocity v.

    (B, C, H, W), (B, C, H, W), (B,) -> (B, C, H, W)

    Source: "Progressive Distillation for Fast Sampling of Diffusion Models" (2022), appendix D.
    """
    alpha_bar = alpha_bar[:, None, None, None]  # (B, 1, 1, 1)
    return (1 - alpha_bar).sqrt() * xt + alpha_bar.sqrt() * v


def training_step(net, optimizer, images, schedule, loss, batch=64):
    """Take one training step on random pictures, and return their loss.

    UNet, optimizer, (N, C, H, W), Schedule, loss -> float

    `batch` pictures are drawn, and a step t and noise eps for each, all on the device of images.
    The optimizer then takes one step down the gradient of loss(net, x0, t, eps, schedule).
    Source: "Denoising Diffusion Probabilistic Models" (2020), algorithm 1.
    """
    x0 = images[torch.randint(len(images), (batch,))]  # (B, C, H, W)
    t = torch.randint(schedule.T, (batch,), device=images.device)
    eps = torch.randn_like(x0)
    value = loss(net, x0, t, eps, schedule)
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    return value.item()


def draw_batch(images, T, batch, generator, labels=None):
    """Return some of the images, a step t for each, and noise; with labels, theirs as well.

    (N, C, H, W) -> (B, C, H, W), (B,), (B, C, H, W)
    """
    which = torch.randint(len(images), (batch,), generator=generator)
    t = torch.randint(T, (batch,), generator=generator)
    eps = torch.randn((batch, *images.shape[1:]), generator=generator)
    x0 = images[sent(which, images.device)]
    drawn = x0, sent(t, x0.device), sent(eps, x0.device)
    return drawn if labels is None else (*drawn, labels[sent(which, labels.device)])


def sent(x, device):
    """Return a tensor on a device. To a GPU it goes from pinned memory, for which nobody waits."""
    return x.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else x.to(device)


def noise_loss(net, x0, t, eps, schedule):
    """Return the mean squared error of a network that predicts the noise.

    UNet, (B, C, H, W), (B,), (B, C, H, W), Schedule -> ()

    Source: "Denoising Diffusion Probabilistic Models" (2020), equation 14.
    """
    alpha_bar = schedule.alpha_bar_at(timesteps(t, x0))
    return F.mse_loss(net(add_noise(x0, eps, alpha_bar), t), eps)


def velocity_loss(net, x0, t, eps, schedule, *labels):
    """Return the mean squared error of a network that predicts v.

    UNet, (B, C, H, W), (B,), (B, C, H, W), Schedule -> ()

    A network that knows labels gets theirs (B,) as well.
    Source: "Progressive Distillation for Fast Sampling of Diffusion Models" (2022), section 4.
    """
    alpha_bar = schedule.alpha_bar_at(timesteps(t, x0))
    xt = add_noise(x0, eps, alpha_bar)
    return F.mse_loss(net(xt, t, *labels), velocity(x0, eps, alpha_bar))


class NoiseFromVelocity:
    """Makes a network that predicts v answer with the noise, as the samplers want it.

    (B, C, H, W), (B,) -> (B, C, H, W)
    """

    def __init__(self, net, schedule):
        self.net, self.schedule = net, schedule

    def __call__(self, xt, t):
        alpha_bar = self.schedule.alpha_bar_at(timesteps(t, xt))
        return noise_from_velocity(xt, self.net(xt, t), alpha_bar)


class SigmaFromStep:
    """Lets a network that is told sigma be asked at a step t, about the picture as DDPM mixes it.

    (B, C, H, W), (B,) -> (B, C, H, W)

    xt / sqrt(alpha_bar) is x0 + sigma eps, with sigma = sqrt((1 - alpha_bar) / alpha_bar).
    Source: "Denoising Diffusion Implicit Models" (2020), equation 13.
    """

    def __init__(self, net, schedule):
        self.net, self.schedule = net, schedule

    def __call__(self, xt, t):
        alpha_bar = self.schedule.alpha_bar_at(timesteps(t, xt))
        sigma = ((1 - alpha_bar) / alpha_bar).sqrt()
        return self.net(xt / alpha_bar.sqrt()[:, None, None, None], sigma)


def sigma_loss(net, x0, t, eps, schedule, cond=None):
    """Return the mean squared error of a network that predicts the noise in x0 + sigma * eps.

    SigmaUNet, (B, C, H, W), (B,), (B, C, H, W), SigmaSchedule -> ()

    t holds indices of the schedule's sigmas. Source: the package smalldiffusion.
    """
    sigma = schedule.sigma_at(t)[:, None, None, None]  # (B, 1, 1, 1)
    return F.mse_loss(net(x0 + sigma * eps, sigma, cond), eps)


class Guided:
    """Makes a network that knows labels follow them more closely: classifier-free guidance.

    (B, C, H, W), (B,) -> (B, C, H, W)

    The network is asked with the labels and with all labels hidden; the answer goes `scale` times
    the difference beyond the first. Scale 0 only follows the labels. t is whatever the network is
    told, a step or a sigma, also one for all. Raises ValueError for a network without labels.
    Source: "Classifier-Free Diffusion Guidance" (2022), equation 6.
    """

    def __init__(self, net, labels, scale):
        if net.cond_embed is None:
            raise ValueError("this network was made without cond_embed and knows no labels")
        self.net, self.labels, self.scale = net, labels, scale

    def __call__(self, xt, t):
        hidden = torch.full_like(self.labels, self.net.cond_embed.hidden)
        if torch.is_tensor(t) and t.ndim > 0:
            t = torch.cat([t, t])
        both = self.net(torch.cat([xt, xt]), t, torch.cat([self.labels, hidden]))
        told, untold = both.chunk(2)
        return told + self.scale * (told - untold)
