"""Tensors that are concatenated."""

from course_utils.shapes.calls import JOINING, given, joined_axis
from course_utils.shapes.rules.skips import skip_and_map, two_maps
from course_utils.shapes.words import shapes


def joining(run, call, place):
    seen = given(call)
    if any(len(s.shape) != len(seen[0].shape) for s in seen):
        return f"{place} joins {shapes(seen)}: the number of axes differs."
    if len(seen) == 2 and two_maps(*seen):
        return skip_and_map(run, call, place)
    axis = joined_axis(call)
    for other in range(len(seen[0].shape)):
        sizes = list(dict.fromkeys(s.shape[other] for s in seen))
        if other != axis and len(sizes) > 1:
            return (
                f"{place} joins {shapes(seen)} along axis {axis}, but axis {other} is "
                f"{' and '.join(map(str, sizes))}."
            )
    return None


RULES = dict.fromkeys(JOINING, (joining,))
