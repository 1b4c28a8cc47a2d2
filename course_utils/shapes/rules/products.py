"""Linear layers and products of matrices."""

import math

from course_utils.shapes.calls import given


def linear(run, call, place):
    x, weight = given(call)[:2]
    expected = weight.shape[1]
    if not x.shape or x.shape[-1] == expected:
        return None
    numbers = f"{expected} number{'s' * (expected != 1)}"
    sentence = f"{place} expects {numbers} on the last axis and gets {x.shape}"
    if expected in x.shape[1:] and len(x.shape) > 2:
        axis = x.shape.index(expected, 1)
        return f"{sentence}: the {expected} are on axis {axis}. Move that axis to the end."
    if len(x.shape) > 2 and expected == math.prod(x.shape[1:]):
        return f"{sentence}: {' * '.join(map(str, x.shape[1:]))} is {expected}; x.flatten(1) first."
    if len(x.shape) == 1 and expected == 1:
        return f"{sentence}: x[:, None] makes a column of it."
    return f"{sentence}."


def product(run, call, place):
    a, b = given(call)[:2]
    if len(a.shape) > 0 < len(b.shape):
        rows = b.shape[-2] if len(b.shape) > 1 else b.shape[0]
        if a.shape[-1] != rows:
            return f"{place}: {a.shape} @ {b.shape}, but {a.shape[-1]} columns need as many rows."
    return None


RULES = {
    "linear": (linear,),
    **dict.fromkeys(("matmul", "__matmul__", "bmm"), (product,)),
}
