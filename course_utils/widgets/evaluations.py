"""The same noise with more and more network evaluations."""

from course_utils.plots import strip
from course_utils.widgets.explorer import choice, explorer


def evaluations_explorer(draw):
    """Return a slider for the number of evaluations, and the rows that draw(evaluations) makes.

    function of int -> list of (N, C, H, W) -> widget

    The rows are those before and after reflow.
    """
    return explorer(
        lambda evaluations: strip(draw(evaluations), labels=["before", "after"], size=1.0),
        over={"evaluations": [1, 2, 4, 25]},
        evaluations=choice("evaluations", [1, 2, 3, 4, 6, 8, 12, 25, 50], 1),
    )
