"""What the Wiener filter keeps at which noise, and where a hybrid hands over to the network."""

import torch

from course_utils.diffusion import add_noise
from course_utils.plots import shrink_picture, strip
from course_utils.widgets.explorer import choice, explorer
from course_utils.wiener import shrink


def wiener_explorer(denoiser, LA, images):
    """Return a slider for the noise: noisy images, the filter's guesses, and what it keeps.

    WienerDenoiser, (n,), (N, C, H, W) -> widget

    LA holds the variances along the principal components.
    """
    must_be_pictures(images, "images")
    eps = torch.randn(images.shape, generator=torch.Generator().manual_seed(0)).to(images)

    def draw(sigma):
        alpha_bar = torch.full((len(images),), 1 / (1 + sigma**2), device=images.device)
        xt = add_noise(images, eps, alpha_bar)
        rows = [images, xt, denoiser.predict_x0(xt, alpha_bar)]
        kept = shrink(LA, alpha_bar[:1])[0].cpu()
        return shrink_picture(kept, rows, ["clean", f"sigma {sigma}", "its guess"])

    levels = [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0]
    over = {"sigma": [0.1, 0.5, 1.0, 3.0]}
    return explorer(draw, over=over, sigma=choice("sigma", levels, 1.0))


def hybrid_explorer(sample):
    """Return a slider for the noise level of the hand-over, and what sample(sigma) draws.

    function of sigma -> (N, C, H, W) -> widget
    """
    if not callable(sample):
        raise ValueError(f"sample must be a function of sigma; got a {type(sample).__name__}")

    def draw(sigma):
        pictures = sample(sigma)
        must_be_pictures(pictures, "what sample(sigma) returns")
        return strip(pictures, size=1.0)

    levels = [0.02, 0.1, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0]
    over = {"sigma": [0.02, 0.3, 1.0, 2.0, 3.0, 10.0]}
    return explorer(draw, over=over, sigma=choice("network up to", levels, 10.0))


def must_be_pictures(images, name):
    """Raise ValueError unless images are (N, C, H, W), one or more."""
    if not torch.is_tensor(images) or images.dim() != 4 or not len(images):
        got = tuple(images.shape) if torch.is_tensor(images) else type(images).__name__
        raise ValueError(f"{name} must be pictures (N, C, H, W), one or more; got {got}")
