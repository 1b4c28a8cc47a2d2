"""Maps that cannot be made smaller."""

from course_utils.shapes.calls import given
from course_utils.shapes.words import by


def shrinking(run, call, place):
    x = given(call)[0]
    return f"{place}: a map of {by(x.shape[2:])} cannot be made smaller."


RULES = dict.fromkeys(("max_pool2d", "avg_pool2d"), (shrinking,))
