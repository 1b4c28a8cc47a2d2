"""The picture of the U, and the slider that shows where it breaks."""

import matplotlib.pyplot as plt
import pytest
from broken_cases import CLINIC
from diffusers import UNet2DModel
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from small_networks import draw, small, steps

from course_utils.checks.exercises.nb06 import broken_networks as patients
from course_utils.plots import colours
from course_utils.plots.colours import BLUE, RED
from course_utils.shapes import draw_u, drawing
from course_utils.widgets.shapes import Unchecked, shape_explorer


def words(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts] + [
        text.get_text() for text in figure.texts
    ]


def patches(figure, kind):
    return [p for p in figure.axes[0].patches if isinstance(p, kind)]


def test_u_has_its_shapes_and_skips():
    figure = draw_u(small(), draw(3, 1, 16, 16), steps(1, 2, 3))
    said = words(figure)
    for shape in ["8 x 16 x 16", "8 x 8 x 8", "16 x 8 x 8", "16 x 4 x 4", "32 x 4 x 4"]:
        assert shape in said
    assert {"input\n1 x 16 x 16", "output\n1 x 16 x 16"} < set(said)
    assert "Conv2d 2x2\nencoder.downs.1" in said and "Conv2d 1x1\ndecoder.out" in said
    assert "ConvTranspose2d 2x2\ndecoder.ups.0\n16 x 8 x 8" in said
    assert "concatenate 16 + 16:\n32 x 8 x 8" in said
    assert said.count("skip") == 2 and "t  →  TimeEmbedding  →  16 numbers" in said
    plt.close(figure)


def test_skip_stands_at_the_height_of_its_level():
    figure = draw_u(small(), draw(3, 1, 16, 16), steps(1, 2, 3))
    arrows = [text for text in figure.axes[0].texts if getattr(text, "arrow_patch", None)]
    skips = [a for a in arrows if a.arrow_patch.get_edgecolor() == to_rgba(BLUE)]
    assert len(skips) == 2 and all(a.xyann[1] == pytest.approx(a.xy[1]) for a in skips)
    blue = [p for p in patches(figure, Rectangle) if p.get_facecolor() == to_rgba(BLUE)]
    assert len(blue) == 8  # six on the way down, two skips
    plt.close(figure)


def test_forty_layers_are_folded():
    net = UNet2DModel(sample_size=64, block_out_channels=(32, 64, 64, 128), norm_num_groups=8)
    figure = draw_u(net, draw(1, 3, 64, 64), steps(3))
    said = words(figure)
    assert said.count("3 skips") == 3 and said.count("2 ResnetBlock2D\n2 Attention") == 2
    width, height = figure.get_size_inches()
    assert width < 12 and height < 6
    plt.close(figure)


COLOURS = "BLUE", "ORANGE", "PURPLE", "RED", "INK", "SLATE", "GREY", "PALE"


def test_colours_are_those_of_the_other_pictures():
    ours = {name: getattr(drawing, name) for name in COLOURS}
    assert ours == {name: getattr(colours, name) for name in ours}


def test_failure_is_red():
    figure = draw_u(small(Unchecked, (1, 2, 4, 8)), draw(2, 1, 28, 28), steps(3, 4))
    red = [p for p in patches(figure, Rectangle) if p.get_facecolor() == to_rgba(RED)]
    assert len(red) == 1
    assert "fails\n32 x 7 x 7\nmeets 32 x 6 x 6" in words(figure)
    assert any("7 is odd" in text for text in words(figure))
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
