"""Convolutions and their transposes."""

from course_utils.shapes.calls import given, input_name
from course_utils.shapes.rules.channels import unexpected
from course_utils.shapes.rules.network_inputs import groups_of
from course_utils.shapes.rules.pooling import made_small
from course_utils.shapes.words import by


def convolution(run, call, place):
    x, weight = given(call)[:2]
    spatial = len(weight.shape) - 2
    if len(x.shape) not in (spatial + 1, spatial + 2):
        axes = ("(B, C, L)", "(B, C, H, W)", "(B, C, D, H, W)")[spatial - 1]
        return f"{place} expects {axes} and gets {x.shape}{which(run, x)}."
    channels = x.shape[-spatial - 1]
    if call.op.startswith("conv_transpose"):
        expected = weight.shape[0]
    else:
        expected = weight.shape[1] * groups_of(call)
    if channels != expected:
        return unexpected(run, place, x, channels, expected)
    if min(x.shape[-spatial:]) < max(weight.shape[2:]):
        sides = by(x.shape[-spatial:])
        return (
            f"{place}: the map is {sides}, too small for a kernel of {by(weight.shape[2:])}"
            f"{made_small(run, x)}."
        )
    return None


def which(run, x):
    name = input_name(run, x) if len(run.inputs) > 1 else None
    return f", {name}" if name else ""


RULES = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), (convolution,)),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), (convolution,)),
}
