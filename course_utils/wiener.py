"""The Wiener filter: the best answer that is linear in the noisy picture, found without training.

A picture is a row of n = C H W numbers here. What a linear answer can know of the pictures is
their mean and their covariance S = U diag(LA) Vh: the columns of U are the principal components,
LA the variance of the pictures along each.
"""

from functools import partial
from pathlib import Path

import torch

from course_utils.covariance import empty_covariance, mean_of, vectors
from course_utils.files import FileError, read, write_whole
from course_utils.memory import ensure_free

FILES = ("U.pt", "LA.pt", "Vh.pt", "mean.pt")


def compute_wiener_filter(dataloader, device, resolution, n_channels):
    """Return the covariance of the pixels of a set of pictures, and the mean picture.

    batches -> (n, n), (n,)

    The pictures are gone through twice, once for the mean and once for the products of what is
    left without it. Batches are pictures (B, C, H, W), H = W = resolution, or tuples whose first
    item they are. Raises ValueError for other pictures, NaN or fewer than two, MemoryError when
    the covariance would not fit into the memory.
    Source: "Locality in Image Diffusion Models Emerges from Data Statistics" (2025), section 3.
    """
    shape = n_channels, resolution, resolution
    S = empty_covariance(shape, device, torch.float32)
    count, total = 0, torch.zeros(len(S), dtype=torch.float64, device=device)
    for x in vectors(dataloader, shape, device):
        count, total = count + len(x), total + x.sum(dim=0)
    mean, again = mean_of(total, count).float(), 0
    for x in vectors(dataloader, shape, device):
        again, x = again + len(x), x - mean
        S.addmm_(x.T, x)
    if again != count:
        raise ValueError(
            f"the loader gave {count} pictures at first and {again} the second time; give a "
            f"DataLoader or a list, which can be gone through twice"
        )
    return S.div_(count - 1), mean


def decompose(S):
    """Return U, LA, Vh with S = U diag(LA) Vh, the largest eigenvalue first.

    (n, n) -> (n, n), (n,), (n, n)

    Computed in float64: in float32 the small eigenvalues are mostly rounding error. Those that
    come out negative all the same become 0, as in every covariance. Raises ValueError for another
    shape or NaN, MemoryError when there is no room for the work, which takes about 36 n^2 bytes
    (measured on a CPU).
    """
    if not torch.is_tensor(S):
        raise ValueError(f"S must be the covariance alone, a tensor (n, n); got {type(S).__name__}")
    n = len(S)
    if S.shape != (n, n) or not S.isfinite().all():
        raise ValueError(f"S must be a covariance (n, n) without NaN; got {tuple(S.shape)}")
    ensure_free(36 * n * n, S.device, f"decomposing a {n:,} x {n:,} covariance needs {{}}")
    LA, U = torch.linalg.eigh(S.double())
    U = U.flip(1).to(S.dtype)
    return U, LA.flip(0).clamp(min=0).to(S.dtype), U.T


def shrink(LA, alpha_bar):
    """Return how much is kept of a noisy picture along each principal component: 0 to 1.

    (n,), (B,) -> (B, n)

    It is the variance of the pictures there, as a share of theirs and the noise's together. Where
    the pictures do not vary at all, nothing is kept.
    Source: "Extrapolation, Interpolation, and Smoothing of Stationary Time Series" (1949).
    """
    alpha_bar = alpha_bar[:, None]
    pictures, noise = alpha_bar * LA, 1 - alpha_bar
    return pictures / (pictures + noise).clamp(min=1e-30)


class WienerDenoiser:
    """The best linear guess of the picture in a noisy one, found along the principal components.

    (n, n), (n,), (n, n), (n,) -> denoiser

    No matrix is made for a step: one product gives a picture's coefficients, each is shrunk, and
    another product makes a picture of them. Raises ValueError for sizes that do not fit and for a
    negative LA.
    """

    def __init__(self, U, LA, Vh, mean):
        n = len(mean)
        if not U.shape == Vh.shape == (n, n) or LA.shape != mean.shape:
            shapes = ", ".join(str(tuple(part.shape)) for part in (U, LA, Vh, mean))
            raise ValueError(f"U, LA, Vh, mean must be (n, n), (n,), (n, n), (n,); got {shapes}")
        if (LA < 0).any():
            raise ValueError("LA holds variances, and some are negative; is it the mean?")
        self.U, self.LA, self.Vh, self.mean = U, LA, Vh, mean

    def predict_x0(self, xt, alpha_bar):
        """Return the guess of the clean pictures.

        (B, C, H, W), (B,) -> (B, C, H, W)

        alpha_bar may also be one number for all. Raises ValueError for pictures of another size.
        """
        if xt.dim() != 4 or xt.shape[1:].numel() != len(self.mean):
            raise ValueError(
                f"the filter is for pictures (B, C, H, W) of {len(self.mean)} numbers; got "
                f"{tuple(xt.shape)}"
            )
        alpha_bar = torch.as_tensor(alpha_bar, dtype=xt.dtype, device=xt.device).expand(len(xt))
        x = xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean  # (B, n)
        coefficients = shrink(self.LA, alpha_bar) * (x @ self.Vh.T)
        return (self.mean + coefficients @ self.U.T).view_as(xt)


def draw_gaussian(N, U, LA, mean, generator):
    """Draw from the Gaussian that has this mean and covariance.

    (n, n), (n,), (n,) -> (N, n)
    """
    z = torch.randn(N, len(LA), generator=generator).to(U)  # (N, n)
    return mean + (LA.sqrt() * z) @ U.T


def save_wiener_filter(U, LA, Vh, mean, path):
    """Write a filter into a folder, as the four files of the published package.

    (n, n), (n,), (n, n), (n,) -> None

    They are U.pt, LA.pt, Vh.pt and mean.pt; each appears only when it is whole.
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in zip(FILES, (U, LA, Vh, mean)):
        write_whole(partial(torch.save, part.contiguous().cpu()), folder / name)


def load_wiener_filter(path, device=None):
    """Return the filter in a folder, also one that the published package saved.

    folder -> (n, n), (n,), (n, n), (n,)

    It comes in float32. No code in the files is run. Raises FileNotFoundError when one is missing,
    FileError when one is damaged, of another kind or of another size.
    """
    parts = {name: read(Path(path) / name) for name in FILES}
    if strange := [name for name, part in parts.items() if not torch.is_tensor(part)]:
        raise FileError(f"{strange[0]} in {path} should hold a tensor")
    n = parts["mean.pt"].numel()
    for name, shape in zip(FILES, ((n, n), (n,), (n, n), (n,))):
        if parts[name].shape != shape:
            raise FileError(
                f"{name} in {path} is {tuple(parts[name].shape)}; beside a mean.pt of {n} numbers "
                f"it must be {shape}"
            )
        if not parts[name].isfinite().all():
            raise FileError(f"{name} in {path} holds NaN or infinity")
    return tuple(part.to(device, torch.float32) for part in parts.values())
