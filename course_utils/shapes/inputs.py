"""Are the inputs what a network is trained on?"""

import torch


def check_inputs(x, t, T):
    """Raise ValueError, with a sentence for each thing that is wrong, unless x and t can be used.

    (B, C, H, W), (B,) -> None

    x is a batch of clean pictures, before noise is added: floats from -1 to 1, finite. t has one
    integer step for each, from 0 to T - 1, on the device of x. Source: the asserts of the
    tutorial, put together.
    """
    told = [*about_pictures(x), *about_steps(t, x, T)]
    if told:
        raise ValueError(" ".join(told))


def about_pictures(x):
    """Yield what is wrong with the pictures."""
    if not isinstance(x, torch.Tensor):
        yield f"x must be a tensor (B, C, H, W); got {type(x).__name__}."
        return
    if x.ndim != 4 or not x.numel():
        hint = " A single picture needs an axis in front: x[None]." if x.ndim == 3 else ""
        yield f"x must have shape (B, C, H, W) and hold numbers; got {tuple(x.shape)}.{hint}"
        return
    if not x.is_floating_point():
        yield f"x must hold floats; got {name(x)}. Use x.float() / 127.5 - 1 for bytes."
        return
    if bad := int((~x.isfinite()).sum()):
        yield f"x must be finite; {bad:,} of its {x.numel():,} numbers are NaN or infinite."
        return
    low, high = float(x.min()), float(x.max())
    if low < -1 or high > 1:
        hint = " Pictures from 0 to 255 become x / 127.5 - 1." if high > 2 else ""
        yield f"x must lie in [-1, 1]; it runs from {low:.3g} to {high:.3g}.{hint}"


def about_steps(t, x, T):
    """Yield what is wrong with the steps."""
    if not isinstance(t, torch.Tensor):
        yield f"t must be a tensor (B,) of integers; got {type(t).__name__}."
        return
    if t.dtype not in (torch.int32, torch.int64):
        yield f"t must hold integers, int64 at best; got {name(t)}. Use t.long()."
    if isinstance(x, torch.Tensor) and x.ndim == 4 and t.shape != (len(x),):
        yield f"t must have shape ({len(x)},), a step for each image of x; got {tuple(t.shape)}."
    if isinstance(x, torch.Tensor) and t.device != x.device:
        yield f"t must be where x is, on {x.device}; it is on {t.device}. Use t.to(x.device)."
    if t.numel() and not (0 <= t.min() and t.max() < T):
        yield f"t must lie in 0 to {T - 1}; it runs from {t.min():g} to {t.max():g}."


def name(tensor):
    return str(tensor.dtype).removeprefix("torch.")
