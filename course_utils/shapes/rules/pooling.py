"""Maps that cannot be made smaller, and what made them small."""

from course_utils.shapes.calls import given, history, path, resized
from course_utils.shapes.words import axis_name, by


def shrinking(run, call, place):
    x = given(call)[0]
    if len(x.shape) < 3 or min(x.shape[2:] or (1,)) > 3:
        return None
    axis = min(range(2 - len(x.shape), 0), key=lambda i: (x.shape[i], -i))
    one_is_less = min(x.shape[2:]) < max(x.shape[2:])
    which = f" Too few{axis_name(axis, len(x.shape))}" if one_is_less else ""
    which += " (or frames)" if which.endswith("slices") else ""
    return (
        f"{place}: a map of {by(x.shape[2:])} cannot be made smaller{'.' * bool(which)}{which}"
        f"{made_small(run, x, axis)}."
    )


def made_small(run, x, axis=-1):
    """How a map became as small as it is: `; on its way it was 20 -down-> 10 -down-> 5`."""
    way = resized(list(history(run, x))[::-1], axis)
    falls = [change for change in way if change[2] < change[1]]
    return f": {path(falls)}. Larger pictures, or fewer halvings" if falls else ""


def folding(run, call, place):
    """pixel_unshuffle folds squares of pixels into channels; pixel_shuffle does the opposite."""
    x, factor = given(call)[0], call.given[1]
    if call.op == "pixel_shuffle":
        return (
            f"{place}: {x.shape[1]} channels cannot be spread over squares of {factor} x {factor}; "
            f"it takes a multiple of {factor**2}."
        )
    for axis, name in ((-1, "columns"), (-2, "rows")):
        size = x.shape[axis]
        if size % factor:
            low = size // factor * factor
            return (
                f"{place}: {size} {name} cannot be folded by {factor}: pad or crop {x.shape} to "
                f"{low or factor} or {low + factor} {name}."
            )
    return None


RULES = {
    **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d"), (shrinking,)),
    **dict.fromkeys(("avg_pool1d", "avg_pool2d", "avg_pool3d"), (shrinking,)),
    "pixel_unshuffle": (folding,), "pixel_shuffle": (folding,),
}  # fmt: skip
