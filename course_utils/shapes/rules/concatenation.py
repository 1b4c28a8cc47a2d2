"""Tensors that are concatenated or stacked."""

import math

from course_utils.shapes.calls import (
    JOINING,
    KEEPING,
    SHAPING,
    came_from,
    given,
    joined_axis,
    label,
    on_the_way,
)
from course_utils.shapes.rules.batches import batch_changed
from course_utils.shapes.rules.skips import skip_and_map, two_maps
from course_utils.shapes.words import shapes


def joining(run, call, place):
    seen = given(call)
    if any(len(s.shape) != len(seen[0].shape) for s in seen):
        told = tokens_and_map(seen)
        came = "" if told else on_the_way(run, *seen)
        return f"{place} joins {shapes(seen)}: the number of axes differs{told}.{came}"
    if (told := spread_first(run, seen)) and joined_axis(call) == 1:
        return f"{place} joins {shapes(seen)}: {told}"
    if (
        len(seen) == 2
        and two_maps(run, *seen, spreads=False)
        and seen[0].shape[0] == seen[1].shape[0]
    ):
        return skip_and_map(run, call, place)
    axis = joined_axis(call)
    for other in range(len(seen[0].shape)):
        sizes = list(dict.fromkeys(s.shape[other] for s in seen))
        if other != axis and len(sizes) > 1:
            if other == 0 and (told := of_one_batch(run, seen) or batch_changed(run, seen)):
                return f"{place} joins {shapes(seen)}: {told}"
            told = every_second(run, seen, other) or on_the_way(run, *seen[:2])
            return (
                f"{place} joins {shapes(seen[:3])}{' and others' * (len(seen) > 3)} along axis "
                f"{axis}, but axis {other} is {' and '.join(map(str, sizes))}.{told}"
            )
    return None


def every_second(run, seen, axis):
    """Say that every second place of an odd axis was taken, [0::2] and [1::2]; and of a pad."""
    cut = came_from(run, seen[0], {"__getitem__"}, through=set())
    whole = given(cut)[0] if cut else None
    if whole is None or len(whole.shape) <= axis or whole.shape[axis] % 2 == 0:
        return ""
    told = f" They are parts of {whole.shape}: {whole.shape[axis]} on axis {axis} is odd"
    pad = came_from(run, whole, {"pad"}, through=KEEPING - {"pad"} | SHAPING)
    if pad is None:
        return f"{told}, so one half has one more. Pad or crop it to an even number first."
    return (
        f"{told}, though {label(pad)} made {pad.returned.shape} of {given(pad)[0].shape}: F.pad "
        f"counts from the last axis."
    )


def of_one_batch(run, seen):
    """Say that a learned tensor was made for a batch of one size."""
    table = next((s for s in seen if s.number in run.attributes), None)
    if table is None:
        return ""
    others = [s for s in seen if s is not table]
    if table.shape[:1] == (1,):
        rest = ", ".join(["-1"] * (len(table.shape) - 1))
        return (
            f"{table.shape} is {run.attributes[table.number]}, one for all, and cat spreads "
            f"nothing: .expand({others[0].shape[0]}, {rest}) first."
        )
    return (
        f"{table.shape} is {run.attributes[table.number]}, made for a batch of {table.shape[0]}, "
        f"and this one has {others[0].shape[0]}. Make it (1, ...), and expand it to the batch."
    )


def tokens_and_map(seen):
    """Say that one of them are the tokens of a map, if their numbers fit."""
    small, *_, big = sorted(seen, key=lambda s: len(s.shape))
    sides = big.shape[2:]
    if len(small.shape) == 3 and len(sides) > 1 and small.shape[1] == math.prod(sides):
        return (
            f". {small.shape} are the tokens of a map of {' x '.join(map(str, sides))}, which were "
            f"not turned back into one: .transpose(1, 2).unflatten(2, {sides})"
        )
    if len(small.shape) == 2 and len(big.shape) > 2 and small.shape[0] == big.shape[0]:
        more = ", ".join(["None"] * (len(big.shape) - 2))
        sides = ", ".join(["-1"] * 2 + [str(n) for n in big.shape[2:]])
        return f". One number for each channel is repeated first: [:, :, {more}].expand({sides})"
    return ""


def spread_first(run, seen):
    """Say that one number for each channel is no map yet, which cat does not make of it."""
    big = max(seen, key=lambda s: math.prod(s.shape[2:]))
    one = next((s for s in seen if set(s.shape[2:]) == {1}), None)
    if one is None or one.shape[0] != big.shape[0] or set(big.shape[2:]) == {1}:
        return ""
    if not came_from(run, one, SHAPING, through=KEEPING):
        return ""  # a map that was made so small
    sides = ", ".join(["-1", "-1", *map(str, big.shape[2:])])
    return f"cat spreads nothing, so {one.shape} becomes a map first: .expand({sides})."


def stacking(run, call, place):
    seen = given(call)
    if len({s.shape for s in seen}) > 1:
        return f"{place} stacks {shapes(seen)}: stack needs one shape for all, cat joins others."
    return None


RULES = {**dict.fromkeys(JOINING, (joining,)), "stack": (stacking,)}
