"""A number of channels, or of numbers, that a layer does not expect, and where it comes from."""

from course_utils.shapes.calls import (
    JOINING,
    KEEPING,
    came_from,
    given,
    history,
    input_name,
    input_number,
    joined_axis,
    on_the_way,
)
from course_utils.shapes.rules.batches import batch_changed
from course_utils.shapes.run import Seen, leaves
from course_utils.shapes.words import is_or_are, plural

CONVOLUTIONS = {f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3)}


def unexpected(run, place, x, channels, expected):
    sentence = f"{place} expects {plural(expected, 'channel')} and gets {channels}"
    if told := origin(run, x, expected):
        return f"{sentence}{told}."
    told = batch_changed(run, [x])
    return f"{sentence}. {told}" if told else f"{sentence}."


def origin(run, x, expected, axis=1):
    """Say where the size of an axis comes from, as far as one operation back tells."""
    join = came_from(run, x, JOINING, through=KEEPING)
    if join:
        return of_join(run, join, expected, axis)
    if cut := of_slice(run, x):
        return cut
    missing = expected - x.shape[axis]
    if axis == 1 and is_waiting(run, x, missing):
        return f", {missing} too few: a skip with {missing} was not concatenated, it seems"
    if axis == 1 and (told := on_another_axis(run, x, expected)):
        return told
    index = input_number(run, x)
    if index is None and axis == 1 and (name := untouched(run, x)):
        return (
            f", the channels of {name}, which no layer has changed. Is it the first of a list, "
            f"[0], where another is meant"
        )
    if index is not None and len(x.shape) > 2:
        name = run.names[index].removeprefix("input")
        told = f", the channels of the input{' ' * bool(name)}{name}"
        if expected == 1 and len(x.shape) == 4 and x.shape[1] > 4:
            return (
                f"{told}. Are they {x.shape[1]} slices of a volume? nn.Conv3d takes it as "
                f"x[:, None], and x.transpose(0, 1) makes a batch of them"
            )
        return f"{told}{not_joined(run, x, expected)}"
    for behind in inputs_behind(run, x):
        if axis == 1 and behind.shape[1:2] == (channels_of(x),) and expected in behind.shape[2:]:
            where = behind.shape.index(expected, 2)
            return (
                f": {input_name(run, behind)}, is {behind.shape}, with the {expected} on axis "
                f"{where}. Is it x.transpose(1, {where}) that is meant"
            )
    return ""


def on_another_axis(run, x, expected):
    """Say that the channels are on another axis than 1, where no convolution was before."""
    where = next((i for i in range(2, len(x.shape)) if x.shape[i] == expected), None)
    convolved = came_from(run, x, CONVOLUTIONS, through=KEEPING)  # then its channels are on axis 1
    if where is not None and not convolved:
        last = where == len(x.shape) - 1
        on = "the last axis" if last else f"axis {where}"
        return (
            f": the {expected} {is_or_are(expected)} on {on} of {x.shape}, and channels belong on "
            f"axis 1: {moved(x, where)}"
        )
    return ""


def untouched(run, x):
    """The input that a map is, where nothing but resizing was done to it; else None."""
    way = [call for call in history(run, x) if call.op not in KEEPING]
    resized = [c for c in way if given(c)[0].shape[:2] == x.shape[:2] and "conv" not in c.op]
    behind = inputs_like(run, x)
    return input_name(run, behind[0]) if way and way == resized and behind else None


def inputs_like(run, x):
    behind = {s.number for call in history(run, x) for s in given(call)}
    return [s for s in leaves(run.inputs) if s.number in behind and s.shape[:2] == x.shape[:2]]


def channels_of(x):
    return x.shape[1] if len(x.shape) > 1 else None


def inputs_behind(run, x):
    """The network's inputs that a tensor was computed from, with more axes than it has."""
    behind = {s.number for call in history(run, x) for s in given(call)}
    return [
        s for s in run.inputs
        if isinstance(s, Seen) and s.number in behind and len(s.shape) > len(x.shape)
    ]  # fmt: skip


def of_slice(run, x):
    """A slice of channels that reaches past the end takes fewer, without a word."""
    call = came_from(run, x, {"__getitem__"}, through=KEEPING)
    index = call.given[1] if call and len(call.given) > 1 else None
    cut = index[1] if isinstance(index, tuple) and len(index) > 1 else None
    if not isinstance(cut, slice) or not isinstance(cut.stop, int) or x.number != made(call):
        return ""
    whole = given(call)[0]
    return (
        f": the slice {cut.start or 0}:{cut.stop} of {whole.shape} took {x.shape[1]} channels, for "
        f"there are only {whole.shape[1]}"
    ) * (cut.stop > whole.shape[1])


def made(call):
    return next((s.number for s in leaves(call.returned)), None)


def not_joined(run, x, expected):
    """Other inputs of this size that have, together, the channels that are missing."""
    others = [
        (s, name) for s, name in zip(run.inputs, run.names)
        if isinstance(s, Seen) and s.number != x.number and s.shape[:1] + s.shape[2:] ==
        x.shape[:1] + x.shape[2:]
    ]  # fmt: skip
    sizes = [s.shape[1] for s, _ in others]
    if not others or sum(sizes) + x.shape[1] != expected:
        return ""
    total = " + ".join(map(str, [x.shape[1], *sizes]))
    names = " and ".join(name for _, name in others)
    return f". {expected} is {total}: join {names} to it, with torch.cat(..., dim=1)"


def moved(x, axis):
    """The code that brings an axis of a tensor to where channels belong."""
    if len(x.shape) == 3:
        return "x.transpose(1, 2)"
    return f"x.movedim({axis if axis < len(x.shape) - 1 else -1}, 1)"


def of_join(run, join, expected, axis):
    """What was concatenated, and which part has another size than it should."""
    parts, along = given(join), joined_axis(join)
    wanted_axis = axis % max(len(parts[0].shape), 1)
    if along != wanted_axis:
        return f": the concatenation joined along axis {along}, and the channels are axis {axis}"
    sizes = [s.shape[along] for s in parts if len(s.shape) > along]
    told = f": the concatenation gave {' + '.join(map(str, sizes))}"
    if len(set(sizes)) == 1 and sum(sizes) == expected - 1:
        return f"{told}, and half of {expected}, which is odd, was rounded down"
    for i, part in enumerate(parts):
        meant = expected - sum(sizes) + sizes[i]
        name = input_name(run, part)
        if name and along == 1 and meant in part.shape[2:]:
            where = part.shape.index(meant, 2)
            return (
                f"{told}, and {' + '.join(map(str, [*sizes[:i], meant, *sizes[i + 1 :]]))} is "
                f"meant: the {meant} of {name}, {part.shape}, are on axis {where}. "
                f"{moved(part, where)} moves them"
            )
    if axis == -1 and len(parts[0].shape) == 2:
        big = max(parts, key=lambda s: s.shape[-1])
        if came_from(run, big, {"flatten", "view", "reshape"}, through=KEEPING):
            why = f"Was the layer made for another size or length?{on_the_way(run, big)}"
            return f"{told}. {why}".removesuffix(".")
    return told


def is_waiting(run, x, channels):
    """True if there is another map of this size with the channels that are missing, and nothing
    has taken it in: it was not joined or added to anything."""
    shape = (x.shape[0], channels, *x.shape[2:])
    taken = {
        s.number for c in run.calls if c.op in JOINING or c.op.startswith("__add") for s in given(c)
    }
    maps = [s for c in run.calls for s in leaves(c.returned)] + list(leaves(run.inputs))
    line = through_keeping(run, x)
    return any(
        isinstance(s, Seen) and s.shape == shape and s.number not in taken | line for s in maps
    )


def through_keeping(run, x):
    """The numbers of a tensor and of those of its shape that it is, but for an activation."""
    line = {x.number}
    for call in run.calls[::-1]:
        results = {s.number for s in leaves(call.returned)}
        if call.op in KEEPING and results & line:
            line |= {s.number for s in given(call)[:1]}
    return line
