"""GroupNorm, BatchNorm and LayerNorm."""

import math
import traceback

from torch import nn

from course_utils.shapes.calls import given
from course_utils.shapes.rules.channels import unexpected
from course_utils.shapes.rules.pooling import made_small
from course_utils.shapes.rules.products import flattened
from course_utils.shapes.rules.reshapes import batch_squeezed
from course_utils.shapes.words import by


def group_norm(run, call, place):
    x, groups = given(call)[0], call.given[1]
    weights = [s for s in given(call)[1:] if len(s.shape) == 1]
    channels = x.shape[1]
    if weights and weights[0].shape[0] != channels:
        return unexpected(run, place, x, channels, weights[0].shape[0])
    if channels % groups:
        return cannot_split(groups, channels, f"{place}: ")
    return None


def cannot_split(groups, channels, place=""):
    fitting = max(g for g in range(1, groups + 1) if channels % g == 0)
    return (
        f"{place}GroupNorm({groups}) cannot split {channels} channels; "
        f"{fitting} groups can, or take a multiple of {groups} channels."
    )


def batch_norm(run, call, place):
    x = given(call)[0]
    expected = next((s.shape[0] for s in given(call)[1:] if len(s.shape) == 1), None)
    if expected is not None and len(x.shape) > 1 and x.shape[1] != expected:
        return unexpected(run, place, x, x.shape[1], expected)
    if len(x.shape) > 1 and x.shape[0] * math.prod(x.shape[2:]) == 1:
        sentence = (
            f"{place} gets {x.shape}, one number for each channel: BatchNorm needs two or more to "
            f"take their mean and spread."
        )
        if small := made_small(run, x):
            sentence += f" The map is {by(x.shape[2:])} here{small}."
        return (
            f"{sentence} Use a larger batch, a norm that does not look at the batch, or "
            f"model.eval() if you are not training."
        )
    return None


def layer_norm(run, call, place):
    x, shape = given(call)[0], tuple(call.given[1])
    if x.shape[len(x.shape) - len(shape) :] != shape:
        sentence = f"{place} normalises the last axes, {shape}, and gets {x.shape}"
        if len(shape) == 1 and shape[0] in x.shape[1:]:
            axis = x.shape.index(shape[0], 1)
            return (
                f"{sentence}: the {shape[0]} are on axis {axis}. Move that axis to the end, or use "
                f"nn.GroupNorm(1, {shape[0]}), which takes the channels on axis 1."
            )
        if len(shape) > 1 and len(x.shape) > len(shape):
            return (
                f"{sentence}: it was made for maps of {by(shape)} only, and these are "
                f"{by(x.shape[-len(shape) :])}. nn.GroupNorm takes any size."
            )
        if len(shape) == 1:
            return f"{sentence}{flattened(run, x, shape[0])}."
        return f"{sentence}."
    return None


def too_few_axes(run, place):
    """BatchNorm1d, 2d and 3d look at the number of axes themselves."""
    layer = run.open[-1][1] if run.open else None
    if not isinstance(layer, nn.modules.batchnorm._NormBase):
        return None
    if not isinstance(run.error, ValueError) or not str(run.error).startswith("expected"):
        return None
    wanted = str(run.error).partition(" (got")[0].removeprefix("expected ")
    x = run.open[-1][0].given[0]
    kind = type(layer).__name__
    return f"{place} ({kind}) takes a {wanted}, and gets {x.shape}.{batch_squeezed(run)}"


def norm_that_refused(run, place):
    """GroupNorm refuses as it is made: look into its __init__."""
    for frame, _ in traceback.walk_tb(run.error.__traceback__):
        made = frame.f_locals.get("self")
        if frame.f_code is nn.GroupNorm.__init__.__code__ and isinstance(made, nn.GroupNorm):
            told = cannot_split(frame.f_locals["num_groups"], frame.f_locals["num_channels"])
            return f"{told} {asked_for(run)}".strip()
    return None


def asked_for(run):
    """The line of the network's own code that asked for the layer."""
    own = [f for f in run.frames if not f.module.startswith(("torch", "course_utils.shapes"))]
    return f"`{own[-1].line}` asks for it." if own and own[-1].line else ""


def instance_norm(run, call, place):
    x = given(call)[0]
    if math.prod(x.shape[2:]) != 1:
        return None
    return (
        f"{place} gets {x.shape}: each channel of a picture is a single number here, and "
        f"InstanceNorm needs more to take their mean and spread. The map is {by(x.shape[2:])}"
        f"{made_small(run, x)}."
    )


RULES = {
    "instance_norm": (instance_norm,),
    "group_norm": (group_norm,),
    "batch_norm": (batch_norm,),
    "layer_norm": (layer_norm,),
}
