"""A skip and a map that differ in size, and which operation made them differ."""

from course_utils.shapes.calls import (
    ADDING,
    UPWARD,
    given,
    label,
    own_history,
    own_line,
    path,
    resized,
)
from course_utils.shapes.words import by

LOST = {(4, -2): "a row", (4, -1): "a column", (5, -2): "a row", (5, -1): "a column"}


def two_maps(run, a, b, spreads=True):
    """True for two stacks of maps that differ in their sides; a side of 1 is spread, if it can be.

    Three axes are maps of a network with 1-D convolutions, and tokens elsewhere.
    """
    sides = (*a.shape[2:], *b.shape[2:])
    axes = {len(a.shape), len(b.shape)}
    waves = any(call.op.startswith(("conv1d", "conv_transpose1d")) for call in run.calls)
    are_maps = axes in ({4}, {5}) or (axes == {3} and waves)
    return are_maps and a.shape[2:] != b.shape[2:] and not (spreads and 1 in sides)


def skip_and_map(run, call, place):
    """Say that a skip and an upsampled map differ in size, and which operation made them differ."""
    a, b = sorted(given(call)[:2], key=lambda s: s.number)
    axis = next(i for i in range(2 - len(a.shape), 0) if a.shape[i] != b.shape[i])
    rising = [any(c.op in UPWARD for c in own_history(run, s, o)) for s, o in ((a, b), (b, a))]
    skip, up = (b, a) if rising == [True, False] else (a, b)
    way = resized(own_history(run, up, skip), axis)
    other = resized(own_history(run, skip, up), axis)
    if not any(rising):
        first, second = ("the skip", "the map") if way and not other else ("one map", "the other")
    else:
        first, second = "the skip", "the upsampled map"
    sentence = f"{place}: {first} is {by(skip.shape[2:])}, {second} is {by(up.shape[2:])}"
    why = padded(skip, up, way or other) or odd(skip, way, axis) or disagree(skip, way, axis)
    typed = (
        f" Is the minus in {own_line(run)} meant?"
        if ADDING.get(call.op) == "-" and not any(rising)
        else ""
    )
    if why:
        return f"{sentence}: {why}.{typed}"
    ways = [path(changes) for changes in (other, way) if changes]
    return f"{sentence}: {', and '.join(ways)}." if ways else f"{sentence}."


def padded(skip, up, way):
    """The last thing that changed the size was a pad or a crop of the network's own."""
    if not way or way[-1][0].op != "pad":
        return ""
    pad = way[-1][0]
    before, after = given(pad)[0].shape[2:], pad.returned.shape[2:]
    grown = [new - old for old, new in zip(before, after)]
    wanted = [new - old for old, new in zip(before, skip.shape[2:])]
    why = f"{label(pad)} made {by(after)} of {by(before)} ({path(way)})"
    if grown == wanted[::-1]:
        return f"{why}. F.pad counts from the last axis: columns first, then rows"
    return f"{why}, and {by(skip.shape[2:])} is wanted"


def odd(skip, way, axis):
    """An odd size was halved: what doubles it again does not give it back."""
    fell = next((change for change in way if change[2] < change[1]), None)
    if not fell or way[-1][2] < fell[2]:
        return ""
    call, before, after = fell
    rises = [change for change in way if change[2] > change[1]]
    factor = rises[-1][2] // rises[-1][1] if rises else 0
    if factor > 2 and before == skip.shape[axis] and before % factor and before // factor == after:
        return f"{before} is no multiple of {factor}, so {label(call)} rounded down to {after}"
    if before % 2 == 0 or abs(2 * after - before) != 1 or before != skip.shape[axis]:
        return ""
    lost = f"lost {LOST.get((len(skip.shape), axis), 'one')}"
    return f"{before} is odd, so halving {lost if 2 * after < before else f'rounded up to {after}'}"


def disagree(skip, way, axis):
    """What made it smaller and what made it larger do not undo each other."""
    if skip.shape[axis] == 1:
        return "a side of 1 cannot be halved: too many halvings for an input as small as this"
    falls = [change for change in way if change[2] < change[1]]
    rises = [change for change in way if change[2] > change[1]]
    border = next((change for change in way[::-1] if lost_border(*change)), None)
    if border and (not rises or way[-1] == border):
        return f"{label(border[0])} lost the border; padding would keep it"
    if rises and not falls:
        up, low, high = rises[-1]
        return f"nothing made it smaller before {label(up)} made {high} of {low}"
    if falls and not rises:
        down, before, after = falls[-1]
        return f"{label(down)} made {after} of {before}"
    if not falls:
        return ""
    (down, before, after), (up, low, high) = falls[0], rises[-1]
    both = f"{label(down)} made {after} of {before}, {label(up)} made {high} of {low}"
    if up.op.startswith("conv_transpose") and high == 2 * low - 1:
        return f"{both}. With output_padding=1, {label(up)} makes {high + 1}"
    if len(way) > 2:
        bare = [label(change[0]) for change in way if lost_border(*change)]
        tip = f". Without padding, {' and '.join(bare)} lost the border: pad, or crop the skip"
        return f"{both}. The whole way: {path(way)}{tip * bool(bare)}"
    return f"{both}. Their kernels or strides disagree"


def lost_border(call, before, after):
    """True for a convolution of stride 1 without the padding that its kernel needs."""
    if not call.op.startswith("conv") or call.op.startswith("conv_transpose"):
        return False
    stride = call.named.get("stride", call.given[3] if len(call.given) > 3 else 1)
    strides = stride if isinstance(stride, (tuple, list)) else (stride,)
    return set(strides) == {1} and after < before
