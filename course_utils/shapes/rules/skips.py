"""A skip and a map that differ in height or width, and which layer made them differ."""

from course_utils.shapes.calls import UPWARD, came_from, given, label, shrinks
from course_utils.shapes.words import by


def two_maps(a, b):
    """True for two stacks of maps that differ in height or width, none of them a single row."""
    sides = (*a.shape[2:], *b.shape[2:])
    return len(a.shape) == len(b.shape) == 4 and a.shape[2:] != b.shape[2:] and 1 not in sides


def skip_and_map(run, call, place):
    """Say that a skip and an upsampled map differ in size, and which layer made them differ."""
    skip, up = sorted(given(call)[:2], key=lambda s: s.number)
    axis = 2 if skip.shape[2] != up.shape[2] else 3
    rose = came_from(run, up, UPWARD)
    sentence = (
        f"{place}: the skip is {by(skip.shape[2:])}, the {'upsampled ' if rose else ''}map is "
        f"{by(up.shape[2:])}"
    )
    fell = next((c for c in run.calls if shrinks(c, skip.shape[axis], axis)), None)
    if not fell:
        last = came_from(run, up, {"conv2d"})
        if last and given(last)[0].shape[2:] == skip.shape[2:]:
            return f"{sentence}: {label(last)} lost the border; padding would keep it."
        return f"{sentence}."
    before, after = skip.shape[axis], fell.returned.shape[axis]
    if before % 2 and abs(2 * after - before) == 1:
        lost = f"lost a {'row' if axis == 2 else 'column'}"
        how = lost if 2 * after < before else f"rounded up to {after}"
        return f"{sentence}: {before} is odd, so halving {how}."
    if not rose:
        return f"{sentence}: {label(fell)} made {after} of {before}."
    low, high = given(rose)[0].shape[axis], rose.returned.shape[axis]
    return (
        f"{sentence}: {label(fell)} made {after} of {before}, {label(rose)} made {high} of {low}. "
        f"Their kernels or strides disagree."
    )
