"""From noise to pictures. A model here is any callable: model(xt, t) returns the noise in xt.

Each sampler is a generator. After every step it yields (t, xt, x0): the step that was taken, the
picture it led to, and the guess of the clean picture that it went by, clipped to [-1, 1] where
pictures live; `samples` yields sigma in place of t and does not clip. `last(ddim(...))` gives the
finished pictures. Noise that is drawn on the way comes from torch's global generator.
"""

import torch

from course_utils.diffusion import predict_x0


def last(steps):
    """Run a sampler to its end and return the finished pictures.

    sampler -> (B, C, H, W)
    """
    for _, xt, _ in steps:
        pass
    return xt


def posterior_mean(x0, xt, t, schedule):
    """Return the mean of the picture at step t - 1, given x0 and the picture xt at step t.

    (B, C, H, W), (B, C, H, W), int, Schedule -> (B, C, H, W)

    Before the first step alpha_bar is 1, so at t = 0 the mean is x0.
    Source: "Denoising Diffusion Probabilistic Models" (2020), equation 7.
    """
    beta, alpha_bar = schedule.betas[t], schedule.alpha_bar[t]
    alpha_bar_before = schedule.alpha_bar[t - 1] if t > 0 else torch.ones(())
    x0_share = alpha_bar_before.sqrt() * beta / (1 - alpha_bar)
    xt_share = (1 - beta).sqrt() * (1 - alpha_bar_before) / (1 - alpha_bar)
    return x0_share * x0 + xt_share * xt


@torch.no_grad()
def ddpm(model, xT, schedule):
    """Go down every step from t = T - 1 to 0, adding a little noise again after each.

    UNet, (B, C, H, W), Schedule -> sampler

    The noise has the smaller of the two variances that the paper allows.
    Source: "Denoising Diffusion Probabilistic Models" (2020), algorithm 2, equations 6 and 7.
    """
    xt = xT
    betas, alpha_bars = schedule.betas.to(xT.device), schedule.alpha_bar.to(xT.device)
    for t in reversed(range(schedule.T)):
        beta, alpha_bar = betas[t], alpha_bars[t]
        x0 = predict_x0(xt, model(xt, t), alpha_bar).clamp(-1, 1)
        xt = posterior_mean(x0, xt, t, schedule)
        if t > 0:
            sigma = (beta * (1 - alpha_bars[t - 1]) / (1 - alpha_bar)).sqrt()
            xt = xt + sigma * torch.randn_like(xt)
        yield t, xt, x0


@torch.no_grad()
def ddim(model, xT, schedule, steps=50, eta=0.0):
    """Go from noise to pictures in fewer, larger steps.

    UNet, (B, C, H, W), Schedule -> sampler

    The steps are spread evenly over the T of the schedule and begin with its last. With eta = 0
    nothing is random but xT; eta = 1 adds as much noise as DDPM does. Raises ValueError unless
    there are 1 to T steps. Source: "Denoising Diffusion Implicit Models" (2020), equation 12.
    """
    if not 1 <= steps <= schedule.T:
        raise ValueError(f"steps must be from 1 to {schedule.T}; got {steps}")
    xt = xT
    alpha_bars = schedule.alpha_bar.to(xT.device)
    times = [round(schedule.T * (1 - i / steps)) - 1 for i in range(steps)]
    for t, t_next in zip(times, [*times[1:], None]):
        alpha_bar = alpha_bars[t]
        alpha_bar_next = torch.ones_like(alpha_bar) if t_next is None else alpha_bars[t_next]
        x0 = predict_x0(xt, model(xt, t), alpha_bar).clamp(-1, 1)
        eps = (xt - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()  # goes with the clipped x0
        variance = (1 - alpha_bar_next) / (1 - alpha_bar) * (1 - alpha_bar / alpha_bar_next)
        sigma = eta * variance.sqrt()
        xt = alpha_bar_next.sqrt() * x0 + (1 - alpha_bar_next - sigma**2).clamp(min=0).sqrt() * eps
        if eta > 0:
            xt = xt + sigma * torch.randn_like(xt)
        yield t, xt, x0


@torch.no_grad()
def samples(model, xT, sigmas, gam=1.0, mu=0.0):
    """Go down a list of noise levels; two numbers choose a sampler from a family.

    SigmaUNet, (B, C, H, W), (N,) -> sampler

    The N levels fall, for N - 1 steps. The model is told sigma, xT is noise of standard deviation
    sigmas[0], and (sigma, xt, x0) is yielded, where x0 is not clipped. gam mixes the noise that
    was seen last into this step's: gam * eps + (1 - gam) * last eps. mu in [0, 1) says how much
    fresh noise is added. (gam, mu) = (1, 0.5) is DDPM, (1, 0) DDIM, (2, 0) an accelerated sampler.
    Raises ValueError for another mu.
    Source: "Interpreting and Improving Diffusion Models from an Optimization Perspective" (2023),
    algorithm 2 and appendix; the package smalldiffusion.
    """
    if not 0 <= mu < 1:
        raise ValueError(f"mu must be from 0 to 1, 1 left out; got {mu}")
    xt, eps = xT, None
    for sigma, sigma_next in zip(sigmas.to(xT), sigmas[1:].to(xT)):
        eps_last, eps = eps, model(xt, sigma)
        x0 = xt - sigma * eps
        mixed = eps if eps_last is None else gam * eps + (1 - gam) * eps_last
        sigma_down = (sigma_next / sigma**mu) ** (1 / (1 - mu))  # as far as mixed leads
        xt = xt - (sigma - sigma_down) * mixed
        if mu > 0:
            up = (sigma_next**2 - sigma_down**2).clamp(min=0).sqrt()  # and back up to sigma_next
            xt = xt + up * torch.randn_like(xt)
        yield sigma, xt, x0
