"""Sums, means and softmax over an axis that is not meant: nothing is raised, pictures are mixed."""

import re

from course_utils.shapes.calls import (
    ADDING,
    KEEPING,
    REDUCING,
    batch_of,
    came_from,
    depends_on_inputs,
    given,
    history,
    label,
    on_the_way,
    own_line,
    places_are_on_axis_1,
)
from course_utils.shapes.rules.reshapes import batch_squeezed, begins_with_batch
from course_utils.shapes.run import Seen, leaves

CONVOLUTIONS = {
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "max_pool2d", "avg_pool2d",
}  # fmt: skip
SHARES = {"softmax", "log_softmax", "softmin"}


def axes_of(call):
    """The axes over which an operation goes, counted from the first.  -> tuple, empty for all"""
    x = given(call)[0]
    axes = call.named.get("dim", call.named.get("axis"))
    if axes is None and len(call.given) > 1:
        axes = call.given[1]
    axes = axes if isinstance(axes, (tuple, list)) else (axes,)
    whole = [a % len(x.shape) for a in axes if isinstance(a, int) and not isinstance(a, bool)]
    return tuple(whole) if x.shape else ()


def axis_out_of_range(run, call, place):
    """dim=1 for a tensor with a single axis."""
    found = re.search(r"Dimension out of range .*but got (-?\d+)", str(run.error))
    if not found or not given(call):
        return None
    x = given(call)[0]
    axes = {0: "no axis", 1: "a single axis, axis 0"}.get(len(x.shape), f"{len(x.shape)} axes")
    line = own_line(run)
    return (
        f"{place}: {call.op} asks for axis {found[1]}, dim={found[1]}, and {x.shape} has {axes}"
        f"{', in ' * bool(line)}{line}.{batch_squeezed(run) or on_the_way(run, x)}"
    )


def begins_with_the_batch(run, x):
    """True if axis 0 of a tensor is surely the batch, and not the places of (L, B, D)."""
    batch = batch_of(run)
    if not batch or batch < 2 or x.shape[0] != batch or not depends_on_inputs(run, x):
        return False
    axes = {len(s.shape) for s in leaves(run.inputs)}
    folded = any(c.op in CONVOLUTIONS and given(c)[0].shape[0] == batch for c in history(run, x))
    return folded or bool(axes & {2, 4, 5}) and 3 not in axes


def shares_of_pictures(run):
    """A softmax over the batch: what one picture gets depends on the others."""
    for call in run.calls:
        if call.op not in SHARES:
            continue
        x = given(call)[0]
        apart = len(x.shape) > 1 and x.shape[0] != x.shape[1]  # (B, B) compares pictures
        sure = begins_with_the_batch(run, x) or places_are_on_axis_1(run, call.returned)
        sure = sure or begins_with_batch(run, x, batch_of(run))
        if axes_of(call) == (0,) and apart and sure:
            yield (
                f"{label(call)} goes over axis 0 of {x.shape}, the batch: the {x.shape[0]} "
                f"pictures share what each should have alone. It is dim=1, or the axis that is "
                f"meant."
            )


def shares_of_one(run):
    """A softmax over an axis of 1 gives ones, whatever it is given."""
    for call in run.calls:
        axes = axes_of(call) if call.op in SHARES else ()
        if axes and given(call)[0].shape[axes[0]] == 1:
            x = given(call)[0]
            yield (
                f"{label(call)} goes over axis {axes[0]} of {x.shape}, which has a single number, "
                f"so every result is {0 if call.op == 'log_softmax' else 1}. Which axis is meant?"
            )


def pictures_added_up(run):
    """A sum or a mean that takes the batch away, on the way to what the network returns."""
    returned = next(leaves(run.returned), None)
    if returned is None or not returned.shape or run.error:
        return
    batch = batch_of(run)
    if batch and returned.shape[0] == batch:
        return
    for call in history(run, returned):
        if call.op not in REDUCING or not isinstance(call.returned, Seen):
            continue
        x, made = given(call)[0], call.returned
        gone = len(made.shape) < len(x.shape) and 0 in axes_of(call)
        if gone and made.shape and begins_with_the_batch(run, x):
            yield (
                f"{label(call)} over axis {', '.join(map(str, axes_of(call)))} of {x.shape} takes "
                f"the batch away: {made.shape}. For each picture, leave axis 0 out."
            )


def channels_averaged_away(run):
    """The mean over channels and rows of a map that a convolution made: columns are left."""
    for call in run.calls:
        x = next(iter(given(call)), None)
        if call.op not in REDUCING or not x or len(x.shape) != 4 or axes_of(call) != (1, 2):
            continue
        if came_from(run, x, CONVOLUTIONS, through=KEEPING):
            yield (
                f"{label(call)} over axes 1 and 2 of {x.shape} takes channels and rows together; "
                f"the {x.shape[1]} channels are gone. Over the places it is .{call.op}((2, 3))."
            )


def one_number_for_all(run):
    """A sum over everything, that is then set against one number for each picture."""
    batch = batch_of(run)
    for call in run.calls:
        if call.op not in ("sum", "mean") or axes_of(call) or len(given(call)[0].shape) < 2:
            continue
        x, totals = given(call)[0], {s.number for s in leaves(call.returned)}
        for later in run.calls:
            seen = given(later)
            meets = later.op in ADDING and totals & {s.number for s in seen}
            if meets and later.returned.shape == ():
                totals.add(later.returned.number)
            elif meets and batch and any(are_fewer(s.shape, x.shape, batch) for s in seen):
                yield (
                    f"{label(call)} without dim makes one number of all of {x.shape}, and each of "
                    f"the {batch} pictures gets it. For each picture: .{call.op}(dim=1), or all "
                    f"axes but 0."
                )
                return


def are_fewer(shape, whole, batch):
    """True for one number for each picture, or for each place, of a larger tensor."""
    return shape[:1] == (batch,) and len(shape) < len(whole) and shape == whole[: len(shape)]


def norm_of_each_pixel(run):
    """|gradient| - 1 of the WGAN with penalty, with a norm over the channels alone."""
    for call in run.calls:
        x = next(iter(given(call)), None)
        if "norm" not in call.op or x is None or len(x.shape) < 3 or axes_of(call) != (1,):
            continue
        made = getattr(call.returned, "number", None)
        users = [c for c in run.calls if made in {s.number for s in given(c)}]
        if any(ADDING.get(c.op) == "-" and 1 in c.given for c in users):
            yield (
                f"{label(call)} over axis 1 of {x.shape} is one norm for each pixel, of its "
                f"channels. For each picture: .flatten(1) first."
            )


REMARKS = (
    one_number_for_all,
    norm_of_each_pixel,
    shares_of_pictures,
    shares_of_one,
    pictures_added_up,
    channels_averaged_away,
)
