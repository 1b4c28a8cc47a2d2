"""Rows that are looked up by number: embeddings, and tables that are indexed."""

import torch

from course_utils.shapes.calls import given, input_name, on_the_way, own_line, source_of
from course_utils.shapes.run import Seen, leaves


def embedding(run, call, place):
    rows = given(call)[1].shape[0]
    if call.span and not 0 <= call.span[0] <= call.span[1] < rows:
        low, high = call.span
        return f"{place} has rows 0 to {rows - 1} and is asked for rows from {low} to {high}."
    return None


def indexing(run, call, place):
    table, index = given(call)[0], list(leaves(call.given[1:]))
    if told := of_slices(run, call, table):
        return f"{place}: {told}"
    for one in index:
        if one.dtype.is_floating_point:
            name = input_name(run, one)
            who = f"{name}, is" if name else f"the index {one.shape} is"
            return f"{place}: {who} {one.kind}, and rows are taken by whole numbers: .long()."
    low_high = call.span if len(index) == 1 and isinstance(call.given[1], Seen) else None
    rows = table.shape[0] if table.shape else 0
    if low_high and not -rows <= low_high[0] <= low_high[1] < rows:
        return (
            f"{place}: {table.shape} has rows 0 to {rows - 1} and is asked for rows from "
            f"{low_high[0]} to {low_high[1]}."
        )
    return None


def of_slices(run, call, table):
    """An index with more axes than there are, one behind the end, or a slice of half numbers."""
    index = call.given[1] if isinstance(call.given[1], tuple) else (call.given[1],)
    kinds = [part if part in (None, Ellipsis) else type(part) for part in index]
    ends = [end for part in index if isinstance(part, slice) for end in (part.start, part.stop)]
    half = next((end for end in ends if isinstance(end, float)), None)
    if half is not None:
        return f"a slice of {table.shape} ends at {half}, a float: `/` gives one, `//` does not."
    taken = len([kind for kind in kinds if kind not in (None, Ellipsis)])
    line, name = own_line(run) or "the index", source_of(run, table)
    what = f"{table.shape}, {name}," if name else f"{table.shape}"
    came = on_the_way(run, table)
    if taken > len(table.shape):
        tip = " Give one number for each picture, (B,): t[None]." if not table.shape else ""
        axes = {0: "no axis", 1: "one axis"}.get(len(table.shape), f"{len(table.shape)} axes")
        return f"{what} has {axes}, and {line} takes {taken}.{tip}{came}"
    for axis, part in enumerate(index if set(kinds) <= {int, slice} else ()):
        size = table.shape[axis]
        if isinstance(part, int) and not -size <= part < size:
            return (
                f"{line} takes number {part} of axis {axis} of {what} which goes from 0 to "
                f"{size - 1}.{came}"
            )
    return ""


def gathering(run, call, place):
    table, index = given(call)[:2]
    if len(table.shape) != len(index.shape):
        return (
            f"{place}: gather wants an index with as many axes as the table, {table.shape}, and "
            f"gets {index.shape}. For a row for each number, index: table[t]."
        )
    axis = next((v for v in call.given[1:] if isinstance(v, int)), 0)
    size = table.shape[axis]
    if call.span and not 0 <= call.span[0] <= call.span[1] < size:
        return (
            f"{place}: axis {axis} of {table.shape} goes from 0 to {size - 1}, and gather asks for "
            f"{call.span[0]} to {call.span[1]}."
        )
    return None


def writing(run, call, place):
    """A part of a tensor that is given numbers of another shape."""
    if len(given(call)) < 2:
        return None
    whole, value, line = given(call)[0], given(call)[-1], own_line(run)
    part = shape_of_part(whole.shape, call.given[1])
    which = f"the part {part} of {whole.shape}" if part else f"the part of {whole.shape}"
    came = on_the_way(run, value)
    return (
        f"{place}{', in ' * bool(line)}{line}: {which} that is written to has no room for "
        f"{value.shape}. Was the tensor made, or the slice written, with sizes of something else?"
        f"{came}"
    )


def shape_of_part(shape, index):
    """The shape of x[index], or None where tensors choose."""
    if any(leaves(index)):
        return None
    return tuple(torch.empty(shape, device="meta")[index].shape)


def one_hot(run, call, place):
    labels = given(call)[0]
    count = call.named.get("num_classes", call.given[1] if len(call.given) > 1 else -1)
    if call.span and not 0 <= call.span[0] <= call.span[1] < count:
        name = source_of(run, labels)
        return (
            f"{place}: one_hot has classes 0 to {count - 1}, and {name or labels.shape}, has "
            f"numbers from {call.span[0]} to {call.span[1]}."
        )
    return None


RULES = {
    "__setitem__": (writing,),
    "one_hot": (one_hot,),
    "embedding": (embedding,),
    "__getitem__": (indexing,),
    "gather": (gathering,),
}
