"""Tensors that are added, multiplied and so on, by broadcasting."""

from course_utils.shapes.calls import (
    ADDING,
    KEEPING,
    REDUCING,
    SHAPING,
    batch_of,
    came_from,
    given,
    history,
    label,
    makers,
    on_the_way,
    source_of,
)
from course_utils.shapes.rules.batches import batch_changed
from course_utils.shapes.rules.network_inputs import STEPS, one_step_for_all
from course_utils.shapes.rules.reshapes import flat
from course_utils.shapes.rules.skips import skip_and_map, two_maps
from course_utils.shapes.rules.spreading import spread
from course_utils.shapes.run import Seen, leaves
from course_utils.shapes.words import axis_name


def adding(run, call, place):
    seen = [s for s in given(call) if s.shape]
    if len(seen) != 2:
        return None
    big, small = sorted(seen, key=lambda s: -len(s.shape))
    meet = f"{seen[0].shape} {ADDING[call.op]} {seen[1].shape}"
    lined = f"{place}: {meet} lines up the last axes"
    if told := spread_before(run, seen):
        return told
    if told := of_one_cut(run, *seen):
        return f"{place}: {meet} do not fit. {told}"
    if told := lacks_axes(big, small):
        return f"{lined}, so {told}"
    batches = {big.shape[0], small.shape[0]}
    if len(batches) == 2 and 1 not in batches and len(big.shape) == len(small.shape):
        if told := one_step_for_all(run) or batch_changed(run, seen):
            return f"{place}: {meet} do not fit. {told}"
    if two_maps(run, *seen):
        return skip_and_map(run, call, place)
    axis = first_apart(big, small)
    if axis is None:
        return None
    name = axis_name(-axis, len(big.shape) if len(big.shape) > 3 else 0)
    sentence = f"{lined}, and {big.shape[-axis]}{name} meet {small.shape[-axis]}"
    of_channels = other_channels(run, big, small, axis, ADDING[call.op])
    why = of_a_table(run, seen) or places_first(seen) or of_channels
    return f"{sentence}{why}.{steps_as_large(run) or of_other_axes(run, big, small)}"


def steps_as_large(run):
    """Say that t has more axes than one."""
    for value, name in zip(run.inputs, run.names):
        if name in STEPS and isinstance(value, Seen) and len(value.shape) > 2:
            return (
                f" {name} is {value.shape}: one step for each picture is a vector, "
                f"({value.shape[0]},)."
            )
    return ""


def lacks_axes(big, small):
    """One number for each channel, or for each picture, that needs more axes to be spread."""
    axes, last = len(big.shape), f"{big.shape[-1]}{axis_name(-1, len(big.shape))}"
    if axes in (4, 5) and len(small.shape) == 2 and small.shape[1] == big.shape[1]:
        sides = ", ".join(["None"] * (axes - 2))
        return (
            f"{small.shape[1]} channels meet {last}. One number for each channel needs "
            f"{'two' if axes == 4 else 'three'} more axes: [:, :, {sides}]."
        )
    if axes > 2 and small.shape == big.shape[:1]:
        sides = ", ".join(["None"] * (axes - 1))
        return (
            f"one number for each of {small.shape[0]} images meets {last}. It needs {axes - 1} "
            f"more axes: [:, {sides}]."
        )
    return ""


def first_apart(big, small):
    """The first axis, counted from the last and from 1, on which they differ and neither is 1."""
    pairs = enumerate(zip(big.shape[::-1], small.shape[::-1]), start=1)
    return next((i for i, (m, n) in pairs if m != n and 1 not in (m, n)), None)


def other_channels(run, one, other, axis, sign):
    """Say that a shortcut past layers keeps its channels, or that one map is two in a row."""
    low, high = sorted((one, other), key=lambda s: s.shape[-axis])
    if len(one.shape) - axis != 1 or not len(one.shape) == len(other.shape) > 2:
        return ""
    few, many = low.shape[1], high.shape[1]
    if sign == "+" and any(low.number == s.number for c in history(run, high) for s in given(c)):
        return (
            f": the shortcut keeps {few} channels, and the layers made {many} of them. A "
            f"convolution of 1 x 1 from {few} to {many} belongs on it"
        )
    cut = came_from(run, low, {"chunk", "split"}, through=KEEPING | SHAPING)
    if cut and few * len(cut.returned) == given(cut)[0].shape[1]:
        parts = len(cut.returned)
        return (
            f": {label(cut)} cut {few * parts} into {parts} parts of {few}, and {parts} parts of "
            f"{many} are {parts * many}"
        )
    if many != 2 * few or sign != "-":
        return ""
    return f": {many} is twice {few}. Are they two things, as with a learned variance? .chunk(2, 1)"


def places_first(seen):
    """Say that a table of places is (N, 1, C), as for tokens whose batch is on axis 1."""
    for one, other in (seen, seen[::-1]):
        turned = (other.shape[1], 1, other.shape[-1]) if len(other.shape) == 3 else None
        if one.shape == turned:
            return (
                f": {one.shape} has its {one.shape[0]} places on axis 0 and waits for the batch on "
                f"axis 1, and {other.shape} has the batch first. Turn it: .transpose(0, 1)"
            )
    return ""


def of_one_cut(run, one, other):
    """Say that both are parts of one tensor, which could not be cut into equal ones."""
    through = KEEPING | set(ADDING)
    cut, same = (came_from(run, s, {"chunk", "split"}, through=through) for s in (one, other))
    if cut is None or cut is not same:
        return ""
    sizes = [s.shape for s in leaves(cut.returned)]
    axis = next((i for i, n in enumerate(zip(*sizes)) if len(set(n)) > 1), 0)
    parts = ", ".join(str(shape[axis]) for shape in sizes)
    whole = given(cut)[0]
    return (
        f"{label(cut)} cut {whole.shape} into parts of {parts} along axis {axis}: "
        f"{whole.shape[axis]} is no multiple of {len(sizes)}."
    )


def of_other_axes(run, big, small):
    """Say how one of them came to have other axes, and whether a mean took one of them away."""
    if len(big.shape) == len(small.shape):
        apart = big.shape[0] != small.shape[0]  # two batches
        return f" Axis 0 is the batch.{on_the_way(run, big, small)}" if apart else ""
    means = (call for call in history(run, small) if call.op in REDUCING)
    last = next((c for c in means if len(c.returned.shape) == len(small.shape)), None)
    before = given(last)[0].shape if last else ()
    if len(before) == len(big.shape) == len(small.shape) + 1:
        return f" {label(last)} took an axis of {before} away; keepdim=True leaves it as 1."
    return on_the_way(run, big, small)


def of_a_table(run, seen):
    """Say that one of them is learned or kept, and so was made for one size of pictures."""
    table = next((s for s in seen if attribute_of(run, s)), None)
    if table is None or len(table.shape) < 2:
        return ""
    name = attribute_of(run, table)
    pictures = next((s for s in leaves(run.inputs) if len(s.shape) > 3), None)
    batch = batch_of(run)
    other = next(s for s in seen if s is not table)
    if batch and table.shape[0] > 1 and other.shape == (batch, *table.shape[1:]):
        return (
            f": {table.shape} is {name}, made for a batch of "
            f"{table.shape[0]}, and this one has {batch}. Make it (1, ...), and it is spread"
        )
    given_was = f"; the network was given {pictures.shape}" if pictures else ""
    return (
        f": {table.shape} is {name}, whose number of places was settled "
        f"when it was made{given_was}. Other pictures have another number of patches"
    )


def attribute_of(run, seen):
    """Where a layer keeps a tensor, or what it was cut from.  -> `self.places`, or None"""
    for _ in range(5):
        if seen.number in run.attributes:
            return run.attributes[seen.number]
        call = makers(run).get(seen.number)
        if call is None or call.op not in SHAPING or len(given(call)) != 1:
            return None
        seen = given(call)[0]
    return None


def expanding(run, call, place):
    """expand can spread axes of 1 alone."""
    x = given(call)[0]
    sizes = given(call)[1].shape if call.op == "expand_as" else tuple(flat(call.given[1:]))
    for size, asked in zip(x.shape, sizes[-len(x.shape) :]):
        if asked not in (-1, size) and size != 1:
            name = source_of(run, x)
            whose = f", {name}," if name else ""
            tip = "Should it be repeated, as with torch.cat or repeat_interleave?"
            more = len(sizes) - len(x.shape)
            if more > 0 and x.shape[0] == sizes[0]:
                axes = ", ".join([":"] * len(x.shape) + ["None"] * more)
                tip = f"It lines up the last axes, so it needs {more} more behind: [{axes}]."
            return (
                f"{place}: {x.shape}{whose} cannot be expanded to {sizes}, because only an axis of "
                f"1 can, and the {size} meet {asked}. {tip}"
            )
    return None


def spread_before(run, seen):
    """Name an earlier operation that spread (B, 1) and (B,) to (B, B)."""
    for tensor in seen:
        for call in list(history(run, tensor))[::-1]:
            if told := spread(run, call):
                return told
    return None


def masking(run, call, place):
    """A mask that lacks an axis, such as that of the heads."""
    scores, mask = given(call)[:2]
    if len(mask.shape) != len(scores.shape) - 1 or mask.shape[0] != scores.shape[0]:
        return None
    return (
        f"{place}: the mask {mask.shape} lines up its last axes with {scores.shape}, so its "
        f"{mask.shape[0]} pictures meet {scores.shape[1]} heads. It needs an axis for the heads: "
        f"[:, None]."
    )


RULES = {
    **dict.fromkeys(ADDING, (adding,)),
    **dict.fromkeys(("expand", "expand_as"), (expanding,)),
    **dict.fromkeys(("masked_fill", "masked_fill_"), (masking,)),
}
