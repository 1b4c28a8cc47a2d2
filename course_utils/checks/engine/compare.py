"""Do two results agree, and if not, how do they differ? In words."""

import torch

from course_utils.checks.engine.values import describe, plain, word

TOLERANCE = 1e-4
KINDS = "shape", "dtype", "device"
QUICK = bool, int, str, type(None)  # what is the same, or is not, without more ado


def agree(expected, came):
    """True where two results are the same.

    Numbers agree to TOLERANCE of the largest expected one. Tuples, lists and dicts are compared
    item by item.
    """
    if type(expected) is type(came) and type(expected) in QUICK:
        return expected == came
    expected, came = plain(expected), plain(came)
    if isinstance(expected, torch.Tensor):
        return isinstance(came, torch.Tensor) and tensors_agree(expected, came)
    if isinstance(expected, (tuple, list)):
        several = isinstance(came, (tuple, list)) and len(came) == len(expected)
        return several and all(map(agree, expected, came))
    if isinstance(expected, float) and isinstance(came, (int, float)):
        both_nan = expected != expected and came != came
        return both_nan or abs(expected - came) <= TOLERANCE * max(1.0, abs(expected))
    return type(expected) is type(came) and bool(expected == came)


def tensors_agree(expected, came):
    if any(getattr(expected, what) != getattr(came, what) for what in KINDS):
        return False
    if torch.equal(expected, came):  # quick, and the rule where known mistakes are compared
        return True
    expected, came = expected.detach().double(), came.detach().double()
    bad = ~came.isfinite()
    if not torch.equal(bad, ~expected.isfinite()):  # a known mistake may give NaN as well
        return False
    gap = (expected - came).masked_fill(bad, 0.0).abs()
    if not gap.numel():
        return True
    largest = max(float(expected.masked_fill(bad, 0.0).abs().max()), 1e-3)
    return float(gap.max()) <= TOLERANCE * largest


def difference(expected, came):
    """Return None where the results agree, else a sentence: what was expected and what came."""
    if agree(expected, came):
        return None
    expected, came = plain(expected), plain(came)
    if isinstance(expected, torch.Tensor) and isinstance(came, torch.Tensor):
        return tensor_difference(expected, came)
    if isinstance(expected, (tuple, list)) and isinstance(came, (tuple, list)):
        return sequence_difference(expected, came)
    if isinstance(expected, float) and isinstance(came, (int, float)):
        return "expected {}, got {}".format(*digits(expected, came))
    return f"expected {describe(expected)}, got {describe(came)}"


def sequence_difference(expected, came):
    if len(came) != len(expected):
        return f"expected {describe(expected)}, got {describe(came)}"
    differing = (i for i, (e, c) in enumerate(zip(expected, came)) if not agree(e, c))
    i = next(differing)
    found = difference(expected[i], came[i])
    deeper = found.removeprefix("item ")
    return f"item [{i}]" + (deeper if deeper != found else f": {found}")


def tensor_difference(expected, came):
    for what in KINDS:
        e, c = getattr(expected, what), getattr(came, what)
        if e != c:
            return f"expected {what} {word(e)}, got {word(c)}"
    expected, came = expected.detach().double(), came.detach().double()
    bad = ~came.isfinite()
    if not torch.equal(bad, ~expected.isfinite()):
        return f"{int(bad.sum())} of {came.numel()} values are NaN or infinite"
    expected, came = (x.masked_fill(bad, 0.0) for x in (expected, came))
    where = torch.unravel_index((expected - came).abs().argmax(), expected.shape)
    index = ", ".join(str(int(i)) for i in where)
    wanted, found = digits(float(expected[where]), float(came[where]))
    return (
        f"the shape {word(expected.shape)} is right, the values are not{relation(expected, came)}: "
        f"at [{index}] expected {wanted}, got {found}"
    )


def digits(one, other):
    """Two numbers with four digits, or as many as it takes to tell them apart."""
    for count in range(4, 17):
        pair = f"{one:.{count}g}", f"{other:.{count}g}"
        if pair[0] != pair[1]:
            break
    return pair


def relation(expected, came):
    """Name a simple relation between right and wrong values, or return nothing."""

    def close(a, b):
        return torch.allclose(a, b, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))

    if not came.any():
        return " (all of them are zero)"
    if close(came, -expected):
        return " (the sign is the wrong way round)"
    factor = (came * expected).sum() / expected.square().sum()
    if close(came / factor, expected) and f"{factor:.4g}" != "1":
        return f" (they are {factor:.4g} times what they should be)"
    shift = (came - expected).mean()
    if close(came - shift, expected):
        return f" (each is off by {shift:.4g})"
    if close(came.flatten().sort().values, expected.flatten().sort().values):
        return " (they are the right numbers in another order)"
    if expected.ndim > 1 and close(came[0], expected[0]):
        return " (those of [0] are)"
    return ""


def advice(expected, came):
    """Say what to do about a result of the wrong kind; nothing if only its values are wrong."""
    if came is None:
        return "Does your function end with a return? print only shows."
    if not isinstance(expected, torch.Tensor):
        return ""
    if isinstance(came, (tuple, list)) and len(came) < 2:
        return "Return the tensor alone. (A comma behind a value makes a tuple of it.)"
    if isinstance(came, (tuple, list)):
        return (
            "Return one tensor: leave out what isn't asked for, or join the parts with torch.cat "
            "or torch.stack."
        )
    if isinstance(came, torch.nn.Module):
        return "Call the layer on a tensor: nn.SiLU()(x), not nn.SiLU(x)."
    if not isinstance(came, torch.Tensor):
        return "Return a torch tensor."
    if came.shape != expected.shape:
        return "Print the shapes on the way there, and find the first that surprises you."
    if expected.is_floating_point() and came.dtype in (torch.int64, torch.int32, torch.bool):
        return "Make it a float tensor from the start: integers lose all behind the point."
    if came.dtype != expected.dtype:
        return f"Convert it with .to(torch.{word(expected.dtype)})."
    return ""
