"""Sets of pictures as rows of numbers, in batches, and how these vary together."""

import torch

from course_utils.memory import ensure_free


def vectors(dataloader, shape, device):
    """Yield each batch of pictures as rows, (B, n).

    batches -> generator of Tensor
    """
    for batch in dataloader:
        x = batch if torch.is_tensor(batch) else batch[0]
        if x.shape[1:] != tuple(shape) or not x.is_floating_point():
            raise ValueError(
                f"the filter is for pictures (B, {', '.join(map(str, shape))}) of floats; the "
                f"loader gives {tuple(x.shape)}, {str(x.dtype).removeprefix('torch.')}"
                f"{'. One picture is no batch: give images.split(100)' * (x.dim() == 3)}"
            )
        yield x.flatten(1).to(device, torch.float32)


def mean_of(total, count):
    """Return the mean of count rows that add up to total, if a covariance can be had from them.

    (n,) -> (n,)
    """
    if count < 2:
        raise ValueError(f"a covariance takes two pictures or more; the loader gave {count}")
    if not total.isfinite().all():
        raise ValueError("the pictures hold NaN or infinity; look at x.isfinite()")
    return total / count


def empty_covariance(shape, device, dtype):
    """Return zeros for a covariance, if there is room for them.

    () -> (n, n)
    """
    C, H, W = shape
    n = C * H * W
    ensure_free(n * n * dtype.itemsize, device, f"{H} x {W} x {C} needs a {{}} covariance")
    return torch.zeros(n, n, dtype=dtype, device=device)


def covariance_in_one_pass(dataloader, device, resolution, n_channels, dtype=torch.float64):
    """Return covariance and mean from one pass, which adds up the pictures and their products.

    batches -> (n, n), (n,)

    The mean is taken out at the end, a small difference of large sums: float64 is needed.
    """
    shape = n_channels, resolution, resolution
    S = empty_covariance(shape, device, dtype)
    count, total = 0, torch.zeros(len(S), dtype=dtype, device=device)
    for x in vectors(dataloader, shape, device):
        x = x.to(dtype)
        count, total = count + len(x), total + x.sum(dim=0)
        S.addmm_(x.T, x)
    mean = mean_of(total, count)
    return S.addr_(mean, mean, alpha=-count).div_(count - 1), mean
