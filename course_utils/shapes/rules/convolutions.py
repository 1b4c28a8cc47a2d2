"""Convolutions and their transposes."""

from course_utils.shapes.calls import given
from course_utils.shapes.rules.channels import unexpected
from course_utils.shapes.words import by


def convolution(run, call, place):
    x, weight = given(call)[:2]
    spatial = len(weight.shape) - 2
    if len(x.shape) not in (spatial + 1, spatial + 2):
        axes = ("(B, C, L)", "(B, C, H, W)", "(B, C, D, H, W)")[spatial - 1]
        return f"{place} expects {axes} and gets {x.shape}."
    channels = x.shape[-spatial - 1]
    if call.op.startswith("conv_transpose"):
        expected = weight.shape[0]
    else:
        groups = next((v for v in call.given[6:7] if isinstance(v, int)), 1)
        expected = weight.shape[1] * groups
    if channels != expected:
        return unexpected(run, place, x, channels, expected)
    if min(x.shape[-spatial:]) < max(weight.shape[2:]):
        sides = by(x.shape[-spatial:])
        return f"{place}: the map is {sides}, too small for a kernel of {by(weight.shape[2:])}."
    return None


RULES = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), (convolution,)),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), (convolution,)),
}
