"""GroupNorm, BatchNorm and LayerNorm."""

import math
import traceback

from torch import nn

from course_utils.shapes.calls import given
from course_utils.shapes.rules.channels import unexpected


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
        return (
            f"{place} gets {x.shape}, one number for each channel: BatchNorm needs two or more to "
            f"take their mean and spread. Use a larger batch, a norm that does not look at the "
            f"batch, or model.eval() if you are not training."
        )
    return None


def layer_norm(run, call, place):
    x, shape = given(call)[0], tuple(call.given[1])
    if x.shape[len(x.shape) - len(shape) :] != shape:
        return f"{place} normalises the last axes, {shape}, and gets {x.shape}."
    return None


def norm_that_refused(run, place):
    """GroupNorm refuses as it is made: look into its __init__."""
    for frame, _ in traceback.walk_tb(run.error.__traceback__):
        made = frame.f_locals.get("self")
        if frame.f_code is nn.GroupNorm.__init__.__code__ and isinstance(made, nn.GroupNorm):
            return cannot_split(frame.f_locals["num_groups"], frame.f_locals["num_channels"])
    return None


RULES = {
    "group_norm": (group_norm,),
    "batch_norm": (batch_norm,),
    "layer_norm": (layer_norm,),
}
