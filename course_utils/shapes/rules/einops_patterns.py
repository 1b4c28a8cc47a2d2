"""einops: a pattern that does not fit."""

import math
import re

from course_utils.shapes.calls import given, history, input_name, on_the_way
from course_utils.shapes.run import Frame, Seen, leaves

FUNCTIONS = ("rearrange", "reduce", "repeat", "einsum")


def pattern(run, place):
    """Say which pattern does not fit which shape, and einops' own reason, in our words."""
    if type(run.error).__name__ != "EinopsError":
        return None
    frame = next(
        (f for f in run.frames if f.function in FUNCTIONS and f.module.startswith("einops")
         and "pattern" in f.names), None,
    )  # fmt: skip
    layer = run.open[-1][1] if run.open else None
    if frame is None and hasattr(layer, "pattern"):  # the layer Rearrange, and its like
        names = {"tensor": run.open[-1][0].given[0], "pattern": layer.pattern,
                 "axes_lengths": getattr(layer, "axes_lengths", {})}  # fmt: skip
        frame = Frame("einops", type(layer).__name__, "", names)
    lines = [line.strip() for line in str(run.error).splitlines() if line.strip()]
    x = next(iter(leaves(frame.names.get("tensor"))), None) if frame else None
    if not isinstance(x, Seen):
        return f"{place}: {' '.join(lines)}"
    rule = frame.names["pattern"]
    sentence = f"{place}: {frame.function} of {x.shape} by `{rule}`"
    reason = lines[-1].rstrip(".")
    if chunks := re.search(r"can't divide axis of length (\d+) in chunks of (\d+)", reason):
        size, parts = map(int, chunks.groups())
        named = [n for n, m in dict(frame.names.get("axes_lengths") or {}).items() if m == parts]
        of = f" ({named[0]})" if named else ""
        came = f"{of}, for it is no multiple{halved(run, x, size, parts)}"
        return f"{sentence}: {size} cannot be divided into parts of {parts}{came}."
    axes = [name for name in re.findall(r"\(.*?\)|\S+", rule.partition("->")[0])]
    if "..." not in axes and len(axes) != len(x.shape):
        named = f"{sentence}: the pattern names {len(axes)} axes, and {x.shape} has {len(x.shape)}"
        return f"{named}{another_input(run, x, len(axes))}."
    lengths = dict(frame.names.get("axes_lengths") or {})
    if found := re.search(r"[Ss]hape mismatch, (\d+) != (\d+)", reason):
        there, product = found.groups()
        told = ", ".join(f"{name} = {size}" for name, size in lengths.items())
        side = math.isqrt(int(there))
        square = f", {side} x {side}," if side * side == int(there) > 1 else ""
        return f"{sentence}: with {told} an axis is {product}, and it is {there}{square} there."
    return f"{sentence}: {reason[:1].lower() + reason[1:]}."


def summed(run, call, place):
    """torch.einsum: a letter with two sizes, or another number of letters than of axes."""
    if not call.given or not isinstance(call.given[0], str):
        return None
    rule, seen = call.given[0].replace(" ", ""), given(call)
    sides = rule.partition("->")[0].split(",")
    sizes = {}
    for letters, x in zip(sides, seen):
        if "..." not in letters and len(letters) != len(x.shape):
            return (
                f"{place}: einsum `{rule}` names {len(letters)} axes, {letters}, and {x.shape} has "
                f"{len(x.shape)}.{on_the_way(run, x)}"
            )
        for letter, size in zip(letters, x.shape) if "..." not in letters else ():
            before = sizes.setdefault(letter, size)
            if before != size and 1 not in (before, size):
                return (
                    f"{place}: einsum `{rule}` of {' and '.join(str(s.shape) for s in seen)}: "
                    f"{letter} is {before} in one and {size} in the other."
                    f"{on_the_way(run, *seen)}"
                )
    return None


def another_input(run, x, axes):
    """Ask for the batch's axis, or whether two inputs were exchanged."""
    name = input_name(run, x)
    if not name:
        return ""
    others = [s for s in run.inputs if isinstance(s, Seen) and len(s.shape) == axes]
    if others:
        return (
            f". It is {name}; {input_name(run, others[0])}, is {others[0].shape}: are they in the "
            f"wrong order"
        )
    if len(x.shape) == axes - 1:
        return f". It is {name}: is the axis of the batch missing? x[None] adds one"
    return f". It is {name}"


def halved(run, x, size, parts):
    """Where an odd size comes from: `; 20 was divided by 2 twice (20 -> 10 -> 5), so ...`."""
    axes = [i - len(x.shape) for i, n in enumerate(x.shape) if n == size and i]
    for axis in axes:
        calls = list(history(run, x))[::-1]
        sizes = []
        for call in calls:
            for s in leaves(call.given[:1]):
                if len(s.shape) == len(x.shape) and (not sizes or sizes[-1] != s.shape[axis]):
                    sizes.append(s.shape[axis])
        sizes = [n for n in sizes if n % size == 0]
        if sizes and sizes[0] > size:
            times = sizes[0] // size * parts
            first, by = sizes[0], sizes[0] // size
            return f"; {first} was divided by {by} before, so it must be a multiple of {times}"
    return ""


RULES = {"einsum": (summed,)}
