"""One style for all pictures, and curves of losses."""

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_rgb, to_rgba

from course_utils import colab
from course_utils.attention import SingleHeadAttention
from course_utils.plots import (
    attention_maps,
    clouds,
    cost_curves,
    curves,
    draw_block,
    draw_maps,
    draw_u,
    embedding_map,
    error_curves,
    gradient_histograms,
    grid,
    lines,
    loss_curve,
    loss_curves,
    maps,
    number_lines,
    number_maps,
    plain_log,
    receptive_maps,
    shrink_picture,
    similarity_map,
    spectrum,
    strip,
    waves,
)
from course_utils.plots.colours import BLUE, ORANGE, SIGNED
from course_utils.plots.style import STYLE


@pytest.fixture(autouse=True)
def nothing_is_left():
    with plt.rc_context():
        yield
    plt.close("all")


def test_the_setup_cell_sets_the_style(capsys):
    colab.start()
    assert all(plt.rcParams[name] == value for name, value in STYLE.items())


@pytest.mark.parametrize(
    "values, labels",
    [([0.06, 0.9], {"0.1", "0.2", "0.5"}), ([0.01, 100], {"0.1", "1", "10"})],
)
def test_ticks_are_plain_numbers(values, labels):
    _, ax = plt.subplots()
    ax.plot(values)
    plain_log(ax.yaxis)
    ax.figure.canvas.draw()
    low, high = ax.get_ylim()
    ticks = [t.get_text() for t in ax.get_yticklabels() if low <= t.get_position()[1] <= high]
    assert labels <= set(ticks) and all(float(text) > 0 for text in ticks)
    assert ax.get_yscale() == "log" and ax.get_xscale() == "linear"


def test_zero_is_white_and_signs_are_apart():
    assert SIGNED(0.5)[:3] == pytest.approx((1, 1, 1), abs=0.01)
    (r0, _, b0, _), (r1, _, b1, _) = SIGNED(0.2), SIGNED(0.8)
    assert b0 > r0 and r1 > b1


def test_the_mean_of_a_window_stands_in_its_middle():
    losses = [9.0] * 10 + [1.0] * 11
    line = loss_curve(losses, window=5).axes[0].lines[1]
    at = dict(zip(line.get_xdata().tolist(), torch.as_tensor(line.get_ydata()).tolist()))
    assert min(at) == 2 and max(at) == 18
    assert at[7] == 9 and at[12] == 1 and at[9] == pytest.approx((3 * 9 + 2 * 1) / 5, abs=1.7)


def test_a_resumed_run_ends_where_the_whole_one_ends():
    figure = loss_curves({"whole": [3.0, 2.0, 1.0], "resumed": [2.0, 1.0], "other": [4.0, 3.0]})
    whole, resumed, other = figure.axes[0].lines
    assert list(whole.get_xdata()) == [1, 2, 3] and list(resumed.get_xdata()) == [2, 3]
    assert whole.get_linewidth() > 2 * resumed.get_linewidth()
    styles = {(to_rgba(line.get_color()), line.get_linestyle()) for line in (whole, resumed, other)}
    assert len(styles) == 3


def test_each_row_of_maps_has_its_bar():
    figure = maps([torch.randn(3, 4, 4), 10 * torch.randn(3, 4, 4)])
    limits = [ax.images[0].norm.vmax for ax in figure.axes[:6:3]]
    assert len(figure.axes) == 8 and limits[1] > 2 * limits[0]
    with_limit = maps([torch.randn(3, 4, 4)] * 2, limit=7.0)
    assert {ax.images[0].norm.vmax for ax in with_limit.axes[:6]} == {7.0}


def test_curves_over_one_axis_are_told_apart_and_may_be_logarithmic():
    (ax,) = lines([1, 10], {"a": [3, 2], "b": [1, 2]}, "n", "error", log="x", dots=True).axes
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")
    looks = {(line.get_linestyle(), line.get_marker()) for line in ax.get_lines()}
    assert len(looks) == 2 and "None" not in {marker for _, marker in looks}
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]


def test_pictures_are_pasted_where_they_belong():
    small, large = torch.full((2, 1, 2, 2), -1.0), torch.full((3, 3, 4, 4), 5.0)
    large[:, 0] = -5.0  # no red
    (ax,) = strip([small, large], titles="ab", labels="cd").axes
    pixels = torch.tensor(ax.images[0].get_array())
    assert pixels.shape == (4 + 1 + 4, 4 + 1 + 4 + 1 + 4, 3)
    assert (pixels[:4, :4] == 0).all() and (pixels[:4, 5:9] == 0).all()  # black, twice as large
    assert (pixels[:4, 10:] == 1).all()  # no third one
    assert (pixels[5:, 10:, 0] == 0).all() and (pixels[5:, 10:, 1:] == 1).all()
    places = {text.get_text(): at for text, at in zip(ax.get_xticklabels(), ax.get_xticks())}
    assert places == {"a": 2.5, "b": 7.5}
    assert [text.get_text() for text in ax.get_yticklabels()] == ["c", "d"]
    (ax,) = grid(torch.zeros(5, 1, 4, 4), columns=2).axes
    assert ax.images[0].get_array().shape == (4 * 3 + 2, 4 * 2 + 1, 3)


def test_no_picture_warns_in_the_courses_style():
    plt.rcParams.update(STYLE)
    layer, x = SingleHeadAttention(4), torch.randn(1, 4, 4, 4)
    pictures = torch.rand(12, 3, 4, 4)
    figures = [
        draw_u(), draw_block(layer, x), draw_maps(layer, x), grid(pictures), loss_curve([1.0, 0.5]),
        attention_maps(x[0], torch.rand(2, 16, 16), [(1, 1), (0, 2)]),
        embedding_map(torch.rand(5, 4), range(5)),
        receptive_maps([torch.rand(4, 4)]), similarity_map(torch.rand(5, 5)),
        strip(list(pictures.split(4)), "abcd", "efg"),
        shrink_picture(torch.rand(9), [x], ["clean"]), number_lines(1, 2, 1.5),
        waves(torch.rand(5, 2), range(5), "ab"), cost_curves([4, 16], {"ms": {"one": [1.0, 2.0]}}),
        number_maps(x[0, 0]), curves(torch.linspace(-1, 1, 5), {"tanh": torch.tanh}, "tanh"),
        error_curves([0.1, 1], {"a": [0.2, 0.3], "b": [0.3, 0.2]}),
        gradient_histograms({"all": torch.randn(9)}),
        lines([1, 10], {"a": [3, 2], "b": [torch.nan, 2.0]}, "x", "y", "xy", dots=True),
    ]  # fmt: skip
    for figure in figures:
        figure.canvas.draw()


def test_a_filters_pictures_show_its_axes_and_what_it_keeps():
    plt.rcParams.update(STYLE)
    turned = torch.tensor([[0.6, -0.8], [0.8, 0.6]])
    panels = {"a": torch.rand(9, 2), "b": torch.rand(9, 2)}
    figure = clouds(panels, torch.tensor([1.0, 0.0]), turned, torch.tensor([4.0, 1.0]))
    for ax, title in zip(figure.axes, panels, strict=True):
        long, short = (torch.tensor(line.get_xydata()) for line in ax.get_lines())
        torch.testing.assert_close(long, torch.tensor([[-1.4, -3.2], [3.4, 3.2]]).double())
        torch.testing.assert_close(short, torch.tensor([[2.6, -1.2], [-0.6, 1.2]]).double())
        assert ax.get_title() == title
    left, right = spectrum(torch.tensor([4.0, 1.0, 0.01]), [1.0, 0.1]).axes
    assert left.get_lines()[1].get_ydata()[0] == 1.0 and left.get_yscale() == "log"
    kept = [line.get_ydata().tolist() for line in right.get_lines()]
    assert kept[0] == pytest.approx([0.8, 0.5, 0.01 / 1.01])
    assert kept[1] == pytest.approx([4 / 4.01, 1 / 1.01, 0.5])
    for figure in map(plt.figure, plt.get_fignums()):
        figure.canvas.draw()


# How the three kinds of colour blindness see linear red, green and blue: Machado, Oliveira and
# Fernandes (2009), severity 1.
BLINDNESS = {
    "protan": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deutan": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritan": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def as_seen(colours, kind):
    """(N, 3) of red, green and blue from 0 to 1 -> the same, as this kind sees them."""
    linear = torch.tensor(colours, dtype=torch.float) ** 2.2
    return (linear @ torch.tensor(BLINDNESS[kind]).T).clamp(0, 1) ** (1 / 2.2)


@pytest.mark.parametrize("kind", BLINDNESS)
def test_both_signs_stay_apart_for_colour_blind_readers(kind):
    for far in (0.1, 0.25, 0.5):
        below, zero, above = as_seen([SIGNED(0.5 + side * far)[:3] for side in (-1, 0, 1)], kind)
        for one, other in ((below, above), (below, zero), (above, zero)):
            assert (one - other).norm() > far / 2


@pytest.mark.parametrize("kind", BLINDNESS)
def test_blue_and_orange_of_the_figures_stay_apart(kind):
    blue, orange = as_seen([to_rgb(BLUE), to_rgb(ORANGE)], kind)
    assert (blue - orange).norm() > 0.3
