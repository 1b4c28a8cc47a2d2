"""view and reshape."""

import math

from course_utils.shapes.calls import given


def reshaping(run, call, place):
    x = given(call)[0]
    wanted = flat(call.given[1:])
    count, product = math.prod(x.shape), math.prod(abs(n) for n in wanted)
    if -1 in wanted and product and count % product == 0 or count == product:
        return (
            f"{place}: {call.op} of {x.shape} to {tuple(wanted)} needs its numbers in one row in "
            f"memory, and a transpose has moved them; use reshape."
        )
    return f"{place}: {x.shape} holds {count:,} numbers, {tuple(wanted)} asks for {product:,}."


def flat(values):
    whole = [
        v for value in values for v in (value if isinstance(value, (list, tuple)) else [value])
    ]
    return [v for v in whole if isinstance(v, int)]


RULES = dict.fromkeys(("view", "reshape"), (reshaping,))
