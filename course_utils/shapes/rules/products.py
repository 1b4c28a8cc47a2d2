"""Linear layers and products of matrices."""

import math

from course_utils.shapes.calls import (
    JOINING,
    KEEPING,
    REDUCING,
    SHAPING,
    batch_of,
    came_from,
    given,
    history,
    input_name,
    joined_axis,
    label,
)
from course_utils.shapes.rules.batches import batch_changed
from course_utils.shapes.rules.channels import of_join
from course_utils.shapes.rules.reshapes import in_order


def linear(run, call, place):
    x, weight = given(call)[:2]
    expected = weight.shape[1]
    if not x.shape or x.shape[-1] == expected:
        return None
    numbers = f"{expected} number{'s' * (expected != 1)}"
    sentence = f"{place} expects {numbers} on the last axis and gets {x.shape}"
    if told := side_by_side(run, x, expected):
        return f"{sentence}{told}."
    if part := of_parts(run, x, expected):
        return f"{sentence}{part}."
    if expected in x.shape[1:] and len(x.shape) > 2:
        axis = x.shape.index(expected, 1)
        if axis == 1 and set(x.shape[2:]) == {1}:
            return f"{sentence}: behind the {expected} are axes of 1. Take them away: .flatten(1)."
        return f"{sentence}: the {expected} are on axis {axis}. Move that axis to the end."
    if told := reduced(run, x, expected) or rows_of_another_batch(run, x, expected):
        return f"{sentence}{told}"
    if told := flattened(run, x, expected):
        return f"{sentence}{told}."
    if len(x.shape) > 2 and expected == math.prod(x.shape[1:]):
        return f"{sentence}: {' * '.join(map(str, x.shape[1:]))} is {expected}; x.flatten(1) first."
    if len(x.shape) == 1 and expected == 1:
        return f"{sentence}: x[:, None] makes a column of it."
    missing = [n for s, n in zip(run.inputs, run.names) if s is None and n]
    return f"{sentence}{' (' + missing[0] + ' is None)' if missing else ''}."


def side_by_side(run, x, expected):
    """Say that parts were joined along the batch, where they belong beside one another."""
    join = came_from(run, x, JOINING | {"stack"}, through=KEEPING | SHAPING)
    parts = given(join) if join else []
    if len(parts) < 2 or sum(s.shape[-1] for s in parts if s.shape) != expected:
        return ""
    return (
        f": {label(join)} put {len(parts)} parts under one another, {join.returned.shape}; side by "
        f"side, torch.cat(..., dim=-1), they have {expected}"
    )


def reduced(run, x, expected):
    """Say that a mean was taken over the channels, and left rows or columns."""
    last = came_from(run, x, REDUCING, through=KEEPING)
    whole = given(last)[0].shape if last else ()
    if len(whole) < 3 or whole[1] != expected or len(x.shape) != 2:
        return ""
    sides = tuple(range(2, len(whole)))
    return (
        f": {label(last)} made {x.shape} of {whole}, and the {expected} channels are gone. Over "
        f"the places it is .{last.op}({sides if len(sides) > 1 else 2})."
    )


def rows_of_another_batch(run, x, expected):
    """Say that a view made more or fewer rows than there are pictures."""
    batch = batch_of(run)
    last = came_from(run, x, {"view", "reshape"}, through=KEEPING)
    if len(x.shape) != 2 or not batch or last is None or x.shape[0] == batch:
        return ""
    whole = given(last)[0].shape
    if x.shape[0] % batch == 0 and math.prod(whole[1:]) != expected:
        return ""  # tokens: (B * N, C)
    told = batch_changed(run, [x])
    return f". {told}" if told else ""


def flattened(run, x, expected):
    """A flattened map, of another size than the layer was made for."""
    last = came_from(run, x, {"flatten", "view", "reshape"}, through=KEEPING)
    whole = given(last)[0] if last else None
    if whole is None or last.returned.shape[-1:] != x.shape[-1:]:
        return ""
    parts, together = in_order(whole.shape, last.returned.shape)[-1]
    if len(parts) < 2 or together != [x.shape[-1]]:
        return ""
    product = " * ".join(map(str, parts))
    told = f": {x.shape[-1]} is {product}, of {whole.shape}, which {last.op} joined"
    channels, *sides = parts
    side = math.isqrt(expected // channels)
    if len(sides) == 2 and expected == channels * side * side:
        return f"{told}; {expected} is {channels} * {side} * {side}, of pictures of another size"
    for part in parts:
        meant, rest = divmod(expected * part, x.shape[-1])
        if rest == 0 and meant > 1:
            return f"{told}; {expected} is that with {meant} in place of {part}"
    return told


def of_parts(run, x, expected):
    """Where the last axis was joined, or came from outside."""
    join = came_from(run, x, JOINING, through=KEEPING)
    if join and joined_axis(join) == len(given(join)[0].shape) - 1:
        return of_join(run, join, expected, -1)
    name = input_name(run, x) if len(run.inputs) > 1 else None
    if name and expected not in x.shape[1:] and expected != math.prod(x.shape[1:]):
        return f": {x.shape[-1]} numbers of {name}"
    return ""


def behind(run, tensor):
    """The inputs that a tensor comes from, by name."""
    seen = {s.number for call in history(run, tensor) for s in given(call)}
    names = [n for s, n in zip(run.inputs, run.names) if getattr(s, "number", None) in seen]
    return ", ".join(names)


def product(run, call, place):
    a, b = given(call)[:2]
    if call.op == "bmm" and (len(a.shape), len(b.shape)) != (3, 3):
        return (
            f"{place}: bmm takes two tensors of three axes, and gets {a.shape} and {b.shape}: `@` "
            f"takes any number. Or join axes first, (B * heads, ...)."
        )
    if len(a.shape) > 0 < len(b.shape):
        rows = b.shape[-2] if len(b.shape) > 1 else b.shape[0]
        if a.shape[-1] != rows:
            turned = len(b.shape) > 1 and a.shape[-1] == b.shape[-1]
            tip = " Turn the second: .transpose(-2, -1)." if turned else ""
            return (
                f"{place}: {a.shape} @ {b.shape}, but {a.shape[-1]} columns need as many rows.{tip}"
            )
        if len(a.shape) == len(b.shape) > 2 and a.shape[0] != b.shape[0]:
            told = batch_changed(run, [a, b]) or ""
            names = [s for tensor in (a, b) if (s := behind(run, tensor))]
            return (
                f"{place}: {a.shape} @ {b.shape}, of {a.shape[0]} pictures and {b.shape[0]}. "
                f"{told}{' They come from ' * bool(names)}{' and '.join(names)}{'.' * bool(names)}"
            )
    return None


RULES = {
    "linear": (linear,),
    **dict.fromkeys(("matmul", "__matmul__", "bmm"), (product,)),
}
