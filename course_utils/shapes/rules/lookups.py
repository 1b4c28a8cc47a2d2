"""Rows that are looked up by number: embeddings, and tables that are indexed."""

from course_utils.shapes.calls import given, input_name, source_of
from course_utils.shapes.record import Seen, leaves


def embedding(run, call, place):
    rows = given(call)[1].shape[0]
    if call.span and not 0 <= call.span[0] <= call.span[1] < rows:
        low, high = call.span
        return f"{place} has rows 0 to {rows - 1} and is asked for rows from {low} to {high}."
    return None


def indexing(run, call, place):
    table, index = given(call)[0], list(leaves(call.given[1:]))
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
    whole, value = given(call)[0], given(call)[-1]
    return (
        f"{place}: the part of {whole.shape} that is written to has no room for {value.shape}. Was "
        f"the tensor made with sizes of something else?"
    )


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
