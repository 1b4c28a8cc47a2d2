"""The picture of the U, and the slider that shows where it breaks."""

import matplotlib.pyplot as plt
import pytest
from broken_cases import CLINIC
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyArrowPatch, Rectangle
from small_networks import draw, small, steps

from course_utils.checks.exercises.nb06 import broken_networks as patients
from course_utils.plots.colours import RED
from course_utils.shapes import draw_u
from course_utils.widgets.shapes import Unchecked, shape_explorer


def words(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts] + [
        text.get_text() for text in figure.texts
    ]


def patches(figure, kind):
    return [p for p in figure.axes[0].patches if isinstance(p, kind)]


def test_u_has_its_shapes_and_skips():
    figure = draw_u(small(), draw(3, 1, 16, 16), steps(1, 2, 3))
    shapes = [
        "1 x 16 x 16", "8 x 16 x 16", "8 x 8 x 8", "16 x 8 x 8", "16 x 4 x 4", "32 x 4 x 4",
        "16 x 8 x 8", "32 x 8 x 8", "16 x 8 x 8", "8 x 16 x 16", "16 x 16 x 16", "8 x 16 x 16",
        "1 x 16 x 16",
    ]  # fmt: skip
    assert words(figure) == shapes
    for x, column in enumerate(patches(figure, Rectangle)):
        assert column.get_x() + column.get_width() / 2 == pytest.approx(x)
    skips = [p._posA_posB for p in patches(figure, FancyArrowPatch)]
    assert [(round(a[0]), round(b[0])) for a, b in skips] == [(3, 7), (1, 10)]
    plt.close(figure)


def test_failure_is_red():
    figure = draw_u(small(Unchecked, (1, 2, 4, 8)), draw(2, 1, 28, 28), steps(3, 4))
    red = [p for p in patches(figure, Rectangle) if p.get_facecolor() == to_rgba(RED)]
    assert len(red) == 1 and red[0] is patches(figure, Rectangle)[-1]
    assert "fails" in words(figure) and any("7 is odd" in text for text in words(figure))
    assert patches(figure, FancyArrowPatch)[-1].get_edgecolor() == to_rgba(RED)
    plt.close(figure)


@pytest.mark.parametrize("name", CLINIC)
def test_every_patient_can_be_drawn(name):
    model, inputs = CLINIC[name].make(patients)
    figure = draw_u(model, *inputs)
    figure.savefig("/dev/null", format="png")
    plt.close(figure)


def test_explorer_shows_where_it_breaks():
    box = shape_explorer()
    size, levels, _, batch, picture, table = box.children
    before = picture.value
    assert "failed" not in table.value
    size.value, levels.value, batch.value = 28, 4, 3
    assert picture.value != before and picture.value[:4] == b"\x89PNG"
    assert "(3, 128, 6, 6)" in table.value and "failed" in table.value
