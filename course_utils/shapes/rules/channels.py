"""Channels that a layer does not expect, and where they come from."""

from course_utils.shapes.calls import JOINING, KEEPING, came_from, given, history, joined_axis
from course_utils.shapes.record import Seen, leaves


def unexpected(run, place, x, channels, expected):
    return (
        f"{place} expects {expected} channel{'s' * (expected != 1)} and gets {channels}"
        f"{origin(run, x, expected)}."
    )


def origin(run, seen, expected):
    """Say where the channels of a tensor come from, as far as one operation back tells."""
    join = came_from(run, seen, JOINING, through=KEEPING)
    if join:
        axis = joined_axis(join)
        if axis == 1:
            parts = " + ".join(str(s.shape[1]) for s in given(join) if len(s.shape) > 1)
            return f": the concatenation gave {parts}"
        return f": the concatenation joined along axis {axis}, and the channels are axis 1"
    if expected == seen.shape[-1] and len(seen.shape) > 2:
        return f": the {expected} are on the last axis, and channels belong on axis 1"
    inputs = [v for v in run.inputs if isinstance(v, Seen)]
    if len(seen.shape) == 4 and any(seen.number == v.number for v in inputs):
        return ", the channels of the input"
    missing = expected - seen.shape[1]
    if len(seen.shape) == 4 and is_waiting(run, seen, missing):
        return f", {missing} too few: a skip with {missing} was not concatenated, it seems"
    return ""


def is_waiting(run, seen, channels):
    """True if there is another map of this size, with the channels that are missing."""
    shape = (seen.shape[0], channels, *seen.shape[2:])
    before = {seen.number} | {s.number for call in history(run, seen) for s in given(call)}
    maps = [s for c in run.calls for s in leaves(c.returned)] + list(leaves(run.inputs))
    return any(s.shape == shape and s.number not in before for s in maps)
