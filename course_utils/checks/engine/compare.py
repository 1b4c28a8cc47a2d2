"""Do two results agree, and if not, how do they differ? In words."""

import torch

TOLERANCE = 1e-4


def difference(expected, came):
    """Return None where the results agree, else a sentence: what was expected and what came.

    Numbers agree to TOLERANCE of the largest expected one. Tuples, lists and dicts are compared
    item by item.
    """
    if isinstance(expected, torch.Tensor) and expected.ndim == 0:
        expected = expected.item()  # a number is a number, in a tensor or not
        came = came.item() if isinstance(came, torch.Tensor) and came.ndim == 0 else came
    if isinstance(expected, torch.Tensor):
        return tensor_difference(expected, came)
    if isinstance(expected, (tuple, list)):
        return sequence_difference(expected, came)
    if isinstance(expected, float) and isinstance(came, (int, float)):
        close = abs(expected - came) <= TOLERANCE * max(1.0, abs(expected))
        return None if close else f"expected {expected:.4g}, got {came:.4g}"
    if type(expected) is type(came) and expected == came:
        return None
    return f"expected {describe(expected)}, got {describe(came)}"


def sequence_difference(expected, came):
    if not isinstance(came, (tuple, list)) or len(came) != len(expected):
        return f"expected {describe(expected)}, got {describe(came)}"
    for i, (e, c) in enumerate(zip(expected, came)):
        if found := difference(e, c):
            deeper = found.removeprefix("item ")
            return f"item [{i}]" + (deeper if deeper != found else f": {found}")
    return None


def tensor_difference(expected, came):
    if not isinstance(came, torch.Tensor):
        return f"expected {describe(expected)}, got {describe(came)}"
    for what in ("shape", "dtype", "device"):
        e, c = getattr(expected, what), getattr(came, what)
        if e != c:
            return f"expected {what} {word(e)}, got {word(c)}"
    expected, came = expected.detach().double(), came.detach().double()
    bad = ~came.isfinite()
    if not torch.equal(bad, ~expected.isfinite()):  # a known mistake may give NaN as well
        return f"{int(bad.sum())} of {came.numel()} values are NaN or infinite"
    expected, came = (x.masked_fill(bad, 0.0) for x in (expected, came))
    gap = (expected - came).abs()
    scale = max(float(expected.abs().max()), 1e-3) if expected.numel() else 1.0
    if not gap.numel() or float(gap.max()) <= TOLERANCE * scale:
        return None
    where = torch.unravel_index(gap.argmax(), gap.shape)
    index = ", ".join(str(int(i)) for i in where)
    return (
        f"the shape {word(expected.shape)} is right, the values are not{relation(expected, came)}: "
        f"at [{index}] expected {expected[where]:.4g}, got {came[where]:.4g}"
    )


def advice(expected, came):
    """Say what to do about a result of the wrong kind; nothing if only its values are wrong."""
    if came is None:
        return "Does your function end with a return? print only shows."
    if isinstance(expected, torch.Tensor) and isinstance(came, (tuple, list)) and len(came) < 2:
        return "Return the tensor alone. (A comma behind a value makes a tuple of it.)"
    if isinstance(expected, torch.Tensor) and isinstance(came, (tuple, list)):
        return (
            "Return one tensor: leave out what is not asked for, or join the parts, with "
            "torch.cat or torch.stack."
        )
    if isinstance(expected, torch.Tensor) and not isinstance(came, torch.Tensor):
        return "Return a torch tensor."
    if isinstance(expected, torch.Tensor) and came.shape != expected.shape:
        return "Print the shapes on the way to it, and find the first that is not as you thought."
    if isinstance(expected, torch.Tensor) and came.dtype != expected.dtype:
        return f"Convert it with .to(torch.{word(expected.dtype)})."
    return ""


def relation(expected, came):
    """Name a simple relation between right and wrong values, or return nothing."""

    def close(a, b):
        return torch.allclose(a, b, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))

    if not came.any():
        return " (all of them are zero)"
    if close(came, -expected):
        return " (the sign is the wrong way round)"
    factor = (came * expected).sum() / expected.square().sum()
    if close(came, factor * expected):
        return f" (they are {factor:.4g} times what they should be)"
    shift = (came - expected).mean()
    if close(came - shift, expected):
        return f" (each is off by {shift:.4g})"
    if close(came.flatten().sort().values, expected.flatten().sort().values):
        return " (they are the right numbers in another order)"
    return ""


def word(value):
    return str(tuple(value)) if isinstance(value, torch.Size) else str(value).removeprefix("torch.")


def describe(value):
    """Say in a few words what a value is: `a tensor of shape (5, 8), float32`."""
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {word(value.shape)}, {word(value.dtype)}"
    if isinstance(value, (tuple, list)):
        kind = type(value).__name__
        return f"a {kind} of {len(value)} ({'; '.join(describe(v) for v in value[:4])})"
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if callable(value) and hasattr(value, "__name__"):
        return f"the function {value.__name__}"
    return f"an object of class {type(value).__name__}"
