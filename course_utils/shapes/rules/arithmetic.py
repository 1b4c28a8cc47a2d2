"""Tensors that are added, multiplied and so on, by broadcasting."""

from course_utils.shapes.calls import ADDING, given
from course_utils.shapes.rules.network_inputs import one_step_for_all
from course_utils.shapes.rules.skips import skip_and_map, two_maps
from course_utils.shapes.words import AXES


def adding(run, call, place):
    seen = [s for s in given(call) if s.shape]
    if len(seen) != 2:
        return None
    big, small = sorted(seen, key=lambda s: -len(s.shape))
    meet = f"{seen[0].shape} {ADDING[call.op]} {seen[1].shape}"
    if len(big.shape) == 4 and len(small.shape) == 2 and small.shape[1] == big.shape[1]:
        return (
            f"{place}: {meet} lines up the last axes, so {small.shape[1]} channels meet "
            f"{big.shape[3]} columns. One number for each channel needs two more axes: "
            f"[:, :, None, None]."
        )
    if two_maps(*seen):
        return skip_and_map(run, call, place)
    axis = next(
        (
            i
            for i in range(1, len(small.shape) + 1)
            if big.shape[-i] != small.shape[-i] and 1 not in (big.shape[-i], small.shape[-i])
        ),
        None,
    )
    if axis is None:
        return None
    kind = AXES[-axis] if len(big.shape) == 4 else f" on axis -{axis}"
    told = one_step_for_all(run)
    if told and len(big.shape) - axis == 0:
        return told
    return (
        f"{place}: {meet} lines up the last axes, and {big.shape[-axis]}{kind} meet "
        f"{small.shape[-axis]}."
    )


RULES = dict.fromkeys(ADDING, (adding,))
