"""The ideal denoiser: the best answer of all, if there were no pictures but the training set."""

import torch


@torch.no_grad()
def ideal_x0(xt, alpha_bar, images, chunk=1000):
    """Return the mean of all images, weighted by how likely each of them became xt.

    (B, C, H, W), (B,), (N, C, H, W) -> (B, C, H, W)

    The weights are a softmax of -|xt - sqrt(alpha_bar) x|^2 / (2 (1 - alpha_bar)). The images are
    taken a chunk at a time: when a likelier one turns up, the sums so far are scaled down to the
    new largest exponent, as in online softmax. The sums are in float64, because at small noise the
    exponents are large and close together.
    Source: "Elucidating the Design Space of Diffusion-Based Generative Models" (2022), appendix
    B.3; "Online normalizer calculation for softmax" (2018), algorithm 3.
    """
    alpha_bar = alpha_bar.double()[:, None]  # (B, 1)
    x = xt.flatten(1).double() / alpha_bar.sqrt()  # (B, n)
    variance = ((1 - alpha_bar) / alpha_bar).clamp(min=1e-30)  # without noise the nearest is meant
    largest = torch.full_like(alpha_bar, -torch.inf)
    total, mean = torch.zeros_like(alpha_bar), torch.zeros_like(x)
    for part in images.flatten(1).split(chunk):
        part = part.double()  # (M, n)
        exponent = (x @ part.T - part.square().sum(dim=1) / 2) / variance  # (B, M)
        before, largest = largest, exponent.amax(dim=1, keepdim=True).maximum(largest)
        weights, fade = (exponent - largest).exp(), (before - largest).exp()
        total = fade * total + weights.sum(dim=1, keepdim=True)
        mean = fade * mean + weights @ part
    return (mean / total).view_as(xt).to(xt.dtype)


class IdealDenoiser:
    """Keeps the training set for ideal_x0.

    (N, C, H, W) -> denoiser

    Raises ValueError when there are no images, or they hold NaN.
    """

    def __init__(self, images):
        if not len(images) or not images.isfinite().all():
            raise ValueError(f"images must be one or more without NaN; got {tuple(images.shape)}")
        self.images = images

    def predict_x0(self, xt, alpha_bar):
        """Return the guess of the clean pictures.

        (B, C, H, W), (B,) -> (B, C, H, W)

        alpha_bar may also be one number for all. Raises ValueError for pictures of another size.
        """
        if xt.shape[1:] != self.images.shape[1:]:
            raise ValueError(f"the images are {tuple(self.images.shape)}; got {tuple(xt.shape)}")
        alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))
        return ideal_x0(xt, alpha_bar, self.images)
