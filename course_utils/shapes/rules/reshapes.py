"""view, reshape and permute."""

import itertools
import math

from course_utils.shapes.calls import KEEPING, batch_of, came_from, given, history, on_the_way
from course_utils.shapes.rules.spreading import spread
from course_utils.shapes.run import Seen


def reshaping(run, call, place):
    x = given(call)[0]
    if told := halves(call.given[1:]):
        return f"{place}: {call.op} gets {told}"
    wanted = flat(call.given[1:])
    count, product = math.prod(x.shape), math.prod(abs(n) for n in wanted)
    if -1 in wanted and product and count % product == 0 or count == product:
        return (
            f"{place}: {call.op} of {x.shape} to {tuple(wanted)} needs its numbers in one row in "
            f"memory, and a transpose has moved them; use reshape."
        )
    for earlier in list(history(run, x))[::-1]:
        if told := spread(run, earlier):
            return told
    if 0 in x.shape:
        return f"{place}: {x.shape} is empty{emptied(run, x)}, and {tuple(wanted)} is asked for."
    asked = f"{place}: {x.shape} holds {count:,} numbers, {tuple(wanted)} asks for {product:,}"
    told = rounded_down(x.shape, wanted) or too_many(x.shape, wanted)
    return f"{asked}{told or of_one_picture(run, call, wanted)}."


def of_one_picture(run, call, wanted):
    """Say how many numbers one picture has, and which sides they would be enough for."""
    x = given(call)[0]
    if len(x.shape) < 2 or len(wanted) < 2 or wanted[0] not in (-1, x.shape[0]):
        return ""
    has, rest = math.prod(x.shape[1:]), wanted[1:]
    if min(rest) < 0:
        return ""
    asked = f"{' * '.join(map(str, rest))} is {math.prod(rest)}" if rest[1:] else "that is another"
    told = f": {has} for each picture, and {asked}"
    channels, side = rest[0], math.isqrt(has // rest[0]) if rest[0] > 0 else 0
    if len(rest) == 3 and channels * side * side == has:
        return f"{told}. {has} is {channels} * {side} * {side}"
    written = f". Is {call.op} meant for pictures of another size? Take the sizes from x.shape"
    return f"{told}{written}.{on_the_way(run, x)}".rstrip(".")


def halves(values):
    """Say that a size is no whole number: 8 / 2 is 4.0."""
    number = next((v for v in one_by_one(values) if isinstance(v, float)), None)
    if number is None:
        return ""
    return f"{number} for a size, which is a float: `/` gives one, and `//` a whole number."


def emptied(run, x):
    """The slice that took nothing."""
    call = came_from(run, x, {"__getitem__"})
    return f": the slice of {given(call)[0].shape} begins behind its end" if call else ""


def rounded_down(old, wanted):
    """Say that one axis was to be split, and a size on the way was rounded down."""
    new = list(wanted)
    old = list(old)
    while old and new and old[0] == new[0]:
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    if len(old) > 1 and min(new, default=0) > 0:
        return windows(old, new)
    if len(old) != 1 or len(new) < 2 or min(new) < 1:
        return ""
    for part, other in itertools.permutations(new[::-1], 2):
        rest = math.prod(new) // (part * other)
        whole = old[0] // rest
        if part > 1 and old[0] % rest == 0 and whole // part == other and whole % part:
            return f": {whole} is no multiple of {part}, so the {other} was rounded down"
    would = [old[0] * part // math.prod(new) for part in new]
    fits = old[0] % (math.prod(new) // new[0]) == 0
    instead = f"; it would be with {would[0]} in place of the first {new[0]}" if fits else ""
    channels, *sides = new
    side = math.isqrt(old[0] // channels)
    if len(sides) == 2 and channels * side * side == old[0]:
        sides = f"{channels} * {side} * {side}"
        return f": the {old[0]} are {sides}, of pictures of another size than is written there"
    is_square = len(set(new)) == 1 and len(new) == 2
    square = "; the code expects a square map, and this one is not square" * is_square
    return f": the {old[0]} cannot be {' x '.join(map(str, new))}{square}{instead}"


def too_many(old, new):
    """Say that the first axis is so many times too long: heads that stand in the batch."""
    times, rest = divmod(math.prod(new), math.prod(old))
    if rest or times < 2 or new[0] != old[0] * times:
        return ""
    return (
        f": {times} times too many. The first axis would be {new[0] // times}, not {new[0]}. Do "
        f"the {times} heads still stand in the batch"
    )


def windows(old, new):
    """Say that a side is no multiple of the windows it is cut into: 16 into 2 x 7."""
    for size in old:
        for count, window in itertools.pairwise(new):
            if window > 1 and size % window and size // window == count:
                return f": {size} is no multiple of {window}"
            if count > 1 and size % count and size // count == window:
                return f": {size} is no multiple of {count}"
    return ""


def permuting(run, call, place):
    x, order = given(call)[0], flat(call.given[1:])
    if len(order) != len(x.shape):
        return f"{place}: permute names {len(order)} axes, and {x.shape} has {len(x.shape)}."
    return None


def batch_squeezed(run):
    """Say that squeeze() took away the batch's axis, where it did."""
    for call in run.calls:
        x = next(iter(given(call)), None)
        made = call.returned
        if call.op == "squeeze" and len(call.given) == 1 and isinstance(made, Seen):
            if x.shape[:1] == (1,) and len(x.shape) > len(made.shape) + 1:
                return (
                    f" {call.op} in {call.place} made {made.shape} of {x.shape}: without an axis "
                    f"it also takes away the batch of one. Use .flatten(1)."
                )
    return ""


def one_by_one(values):
    return [v for value in values for v in (value if isinstance(value, (list, tuple)) else [value])]


def flat(values):
    return [v for v in one_by_one(values) if isinstance(v, int)]


def in_the_old_order(run):
    """A reshape where a transpose was meant: channels and pixels are mixed up."""
    found = {}
    for call in run.calls:
        if call.op not in ("reshape", "view") or not isinstance(call.returned, Seen):
            continue
        old, new = given(call)[0].shape, call.returned.shape
        if mixed_up(old, new):
            found.setdefault(call.place, []).append(f"{call.op} of {old} to {new}")
    for place, calls in found.items():
        yield (
            f"{place}: {', '.join(dict.fromkeys(calls))} keeps the numbers in their old order, so "
            f"channels and pixels are mixed up. Swap the axes with transpose."
        )


def mixed_up(old, new):
    """True if the new axes are the old ones merged or split, but not in their order.

    (2, 12, 5, 7) to (2, 35, 12) is: 35 are the 5 x 7 pixels, which stood behind the 12 channels.
    """
    if len(old) < 3 or len(new) < 3:
        return False
    return any(
        len(a) > 1 and len(b) > 1 and (merged(split(a, b), b) or merged(split(b, a), a))
        for a, b in in_order(old, new)
    )


def split(sizes, others):
    """The sizes, with one that is the product of two neighbours among the others as these two."""
    pairs = {p * q: (p, q) for p, q in itertools.pairwise(others)}
    found = [pairs[n] if n in pairs and n not in others else (n,) for n in sizes]
    return [n for part in found for n in part]


def in_order(old, new):
    """The shortest runs of old axes and of new ones that hold as many numbers.  -> list of pairs"""
    groups, a, b = [], [], []
    old, new = [n for n in old if n != 1], [n for n in new if n != 1]
    while old or new:
        if old and (not new or math.prod(a) <= math.prod(b)):
            a.append(old.pop(0))
        else:
            b.append(new.pop(0))
        if a and b and math.prod(a) == math.prod(b):
            groups.append((a, b))
            a, b = [], []
    return groups


def begins_with_batch(run, x, batch):
    """True if a reshape has merged the batch into axis 0: windows, (B, n, ...) to (B n, ...)."""
    last = came_from(run, x, {"reshape", "view", "flatten"}, through=KEEPING)
    if last is None or not isinstance(last.returned, Seen):
        return False
    old, new = given(last)[0].shape, last.returned.shape
    parts, together = in_order(old, new)[0]
    return old[0] == batch and parts[:1] == [batch] and together == [x.shape[0]]


def merged(many, few):
    """True if each of the few axes is one of the many, or a product of some, and all are used."""
    if not few:
        return not many
    for chosen in subsets(many):
        left = list(many)
        for n in chosen:
            left.remove(n)
        if math.prod(chosen) == few[0] and merged(left, few[1:]):
            return True
    return False


def subsets(sizes):
    """All choices of one or more of a few sizes."""
    for bits in range(1, 2 ** len(sizes)):
        yield [n for i, n in enumerate(sizes) if bits >> i & 1]


def pictures_in_one_row(run):
    """The pictures of a batch that a reshape has put into one row."""
    batch = batch_of(run)
    for call in run.calls:
        if call.op not in ("reshape", "view", "flatten") or not isinstance(call.returned, Seen):
            continue
        old, new = given(call)[0].shape, call.returned.shape
        whole = len(old) > 2 and old[0] == batch and (batch or 0) > 1
        if whole and new == (1, math.prod(old)):
            yield (
                f"{call.op} of {old} to {new} in {call.place} puts the {batch} pictures of the "
                f"batch into one row. Keep axis 0: .flatten(1)."
            )


def every_other_picture(run):
    """[::2] on the batch, where it was meant for the numbers of each picture."""
    batch = batch_of(run)
    for call in run.calls:
        if call.op not in ("__getitem__", "__setitem__") or len(call.given) < 2:
            continue
        x, index = given(call)[0], call.given[1]
        first = index[0] if isinstance(index, tuple) and index else index
        step = first.step if isinstance(first, slice) else None
        if step not in (None, 1) and len(x.shape) > 1 and x.shape[0] == batch and batch > 1:
            yield (
                f"{call.place}: [{first.start or ''}::{step}] on {x.shape} takes every {step}. of "
                f"the {batch} pictures of the batch. For their numbers it is [:, "
                f"{first.start or ''}::{step}]."
            )
            return


def unflattening(run, call, place):
    """unflatten(axis, sizes): the sizes have another product."""
    x, sizes = given(call)[0], flat(call.given[2:] or list(call.named.values()))
    axis = call.given[1] if len(call.given) > 1 else call.named.get("dim")
    if not isinstance(axis, int) or not sizes:
        return None
    asked = " x ".join(map(str, sizes))
    told = f"{place}: {x.shape[axis]} on axis {axis} of {x.shape} cannot be {asked}"
    return f"{told}, which is {math.prod(sizes)}.{on_the_way(run, x)}"


RULES = {
    "unflatten": (unflattening,),
    **dict.fromkeys(("view", "reshape"), (reshaping,)),
    "permute": (permuting,),
}
REMARKS = (in_the_old_order, pictures_in_one_row, every_other_picture)
