"""Convolutions and their transposes."""

from course_utils.shapes.calls import given, input_name, source_of
from course_utils.shapes.rules.channels import unexpected
from course_utils.shapes.rules.network_inputs import groups_of
from course_utils.shapes.rules.pooling import made_small
from course_utils.shapes.words import by


def convolution(run, call, place):
    x, weight = given(call)[:2]
    spatial = len(weight.shape) - 2
    if len(x.shape) not in (spatial + 1, spatial + 2):
        axes = ("(B, C, L)", "(B, C, H, W)", "(B, C, D, H, W)")[spatial - 1]
        return f"{place} expects {axes} and gets {x.shape}{which(run, x)}{another(x, spatial)}."
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
    name = source_of(run, x)
    if not name or len(run.inputs) == 1 and input_name(run, x):
        return ""
    whole = next(s for s, n in zip(run.inputs, run.names) if name.startswith(n))
    return f", {name}" if whole.shape == x.shape else f", from {name}, {whole.shape}"


def another(x, spatial):
    """What to do with an axis too many."""
    if len(x.shape) == spatial + 3 and x.shape[-1] == 2:
        return (
            ": one axis too many. Are the 2 numbers on its last axis the real and imaginary parts? "
            "They can be channels: .movedim(-1, 2).flatten(1, 2)"
        )
    if len(x.shape) == spatial + 3 and spatial == 2:
        return (
            ". A video or volume goes through picture by picture, x.flatten(0, 1), or needs Conv3d"
        )
    if len(x.shape) == spatial + 3:
        return f": {len(x.shape)} axes, one too many"
    return ""


RULES = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), (convolution,)),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), (convolution,)),
}
