"""The still under a slider: what is on it, when it is there, and what it must not change."""

import io

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from PIL import Image

from course_utils.schedule import cosine_schedule
from course_utils.widgets import noise_slider, sampler_explorer, stills
from course_utils.widgets.explorer import choice, explorer, slider

VIEW = "application/vnd.jupyter.widget-view+json"
OVER = {"t": [0, 40, 90], "eta": [0.0, 0.5]}


@pytest.fixture(autouse=True)
def plain_style():
    """Other tests may have set the course's style."""
    with plt.rc_context():
        plt.rcdefaults()
        yield


@pytest.fixture
def built(monkeypatch):
    """Within the test, the notebooks are being built."""
    monkeypatch.setenv("COURSE_STILLS", "1")


def draw(t, eta, red=1.0, wide=1.0):
    """One colour for each setting."""
    figure = plt.figure(figsize=(wide, 0.5), facecolor=(red, t / 100, eta))
    figure.add_axes([0, 0, 1, 1], facecolor=figure.get_facecolor(), xticks=[], yticks=[])
    figure.text(0.4, 0.3, f"{t}")
    return figure


def controls(t=40):
    return {"t": slider("step t", t, 0, 99), "eta": choice("eta", [0.0, 0.5, 1.0], 1.0)}


def shown(box):
    """What a notebook shows of a widget: data and metadata."""
    return DisplayFormatter().format(box)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def cells_of(box):
    """The cells of a still, in order, as pixels."""
    data, metadata = shown(box)
    sheet, places = pixels(data["image/png"]), metadata["image/png"]["cells"]
    (wide, high), (left, top), (across, down) = (places[k] for k in ("size", "first", "step"))
    rows = range(top, sheet.shape[0], down)
    columns = range(left, left + places["columns"] * across, across)
    return [sheet[y : y + high, x : x + wide] for y in rows for x in columns]


# --- what is on it -------------------------------------------------------------------------------


def test_each_cell_is_what_is_drawn_at_its_setting(built):
    cells = cells_of(explorer(draw, over=OVER, **controls()))
    settings = [(t, eta) for t in OVER["t"] for eta in OVER["eta"]]
    assert len(cells) == len(settings) == 6
    for cell, (t, eta) in zip(cells, settings, strict=True):
        drawn = pixels(stills.png(draw(t, eta)))
        high, wide = drawn.shape[:2]
        assert np.abs(cell[:high, :wide] - drawn).max() <= stills.NEAR
        assert np.abs(cell[:high, :wide] - drawn).mean() < 1


def test_the_other_controls_are_where_they_start(built):
    places = {**controls(), "red": choice("red", [0.0, 0.4], 0.4)}
    cells = cells_of(explorer(draw, over={"t": [0, 99]}, **places))
    assert len(cells) == 2
    for cell, t in zip(cells, [0, 99]):
        assert np.abs(cell[2, 2] - [0.4 * 255, t / 100 * 255, 255]).max() <= 1


def test_wide_figures_are_drawn_smaller_side_by_side_or_one_below_another(built):
    for wide, columns, share in [(1.0, 2, 1), (6.0, 2, 0.6), (15.0, 1, 0.5)]:
        box = explorer(lambda t, eta: draw(t, eta, wide=wide), over=OVER, **controls())
        data, metadata = shown(box)
        found = metadata["image/png"]
        sheet = pixels(data["image/png"])
        assert found["cells"]["columns"] == columns and sheet.shape[1] <= stills.WIDTH
        assert found["width"] == sheet.shape[1] // 2
        full = 180 * (wide + 0.2)  # with the frame that matplotlib leaves
        assert found["cells"]["size"][0] == pytest.approx(share * full, rel=0.08)
        assert found["cells"]["shown"] == pytest.approx(full / 2, abs=2)  # as under the slider
        for cell, (t, eta) in zip(cells_of(box), [(t, e) for t in OVER["t"] for e in OVER["eta"]]):
            assert np.abs(cell[5, 5] - [255, 2.55 * t, 255 * eta]).max() <= 2


def test_one_control_fills_rows_evenly(built):
    over = {"t": [0, 10, 20, 30, 40, 50]}
    for wide, columns in [(0.5, 6), (1.4, 3), (6.0, 1)]:
        box = explorer(lambda t, eta: draw(t, eta, wide=wide), over=over, **controls())
        assert shown(box)[1]["image/png"]["cells"]["columns"] == columns, wide
        assert len(cells_of(box)) == 6


def test_a_title_has_its_place_above_the_cell(built):
    data, metadata = shown(explorer(draw, over=OVER, **controls()))
    sheet, cells = pixels(data["image/png"]), metadata["image/png"]["cells"]
    top = cells["first"][1]
    assert sheet[:top, : cells["size"][0]].min() < 100  # letters
    below = cells["first"][1] + cells["size"][1]
    assert (sheet[below : cells["step"][1]] == 255).all()  # and nothing between the rows


def test_the_site_is_told_names_values_and_start(built):
    over = {"t": [0, 99], "eta": [0.0, 0.5]}
    cells = shown(explorer(draw, over=over, **controls(t=60)))[1]["image/png"]["cells"]
    assert cells["controls"] == [
        {"label": "step t", "values": ["0", "99"], "start": 1},
        {"label": "eta", "values": ["0", "0.5"], "start": 1},
    ]
    assert stills.written(100_000.0) == "100,000"


@pytest.mark.parametrize(
    "make",
    [
        lambda x: noise_slider(x[:6], cosine_schedule(1000)),
        lambda x: sampler_explorer(lambda steps, eta: x / steps),
    ],
)
def test_stills_of_noise_stay_small(built, make):
    data, metadata = shown(make(torch.randn(8, 1, 16, 16)))
    assert len(data["image/png"]) < 120_000
    assert metadata["image/png"]["width"] <= 700


# --- when it is there, and what stays as it is ---------------------------------------------------


def test_a_reader_sees_the_slider_and_no_still(monkeypatch):
    monkeypatch.delenv("COURSE_STILLS", raising=False)
    asked = []
    box = explorer(lambda **s: asked.append(s) or draw(**s), over=OVER, **controls())
    assert type(box) is ipywidgets.VBox and len(asked) == 1  # and no time for what isn't seen
    assert "image/png" not in shown(box)[0]


def test_the_builder_gets_both(built):
    def one_at_a_time(t, eta):  # matplotlib warns of twenty figures
        assert plt.get_fignums() == []
        return draw(t, eta)

    box = explorer(one_at_a_time, over=OVER, **controls())
    data, metadata = shown(box)
    assert data["text/plain"] == "<Figure of 6 settings>" and data["image/png"][:4] == b"\x89PNG"
    assert data[VIEW]["model_id"] == box.model_id and metadata.keys() == {"image/png"}
    assert plt.get_fignums() == []


@pytest.mark.parametrize("stills", ["", "1"])
def test_random_numbers_go_on_as_if_there_were_no_still(monkeypatch, stills):
    monkeypatch.setenv("COURSE_STILLS", stills)

    def random(t, eta):
        torch.manual_seed(int(t))
        torch.rand(1 + t)
        return draw(t, eta)

    explorer(random, over=OVER, **controls())
    torch.rand(1)
    after = torch.rand(1)
    torch.manual_seed(40)
    torch.rand(41)
    torch.rand(1)
    assert after == torch.rand(1)


def test_what_is_live_has_two_pixels_for_each_of_the_page():
    box = explorer(draw, over=OVER, **controls())
    picture = box.children[-1]
    for t in (40, 90):
        box.children[0].value = t
        high, wide = pixels(picture.value).shape[:2]
        assert wide == pytest.approx(180 * 1.2, abs=4) and float(picture.width) == wide / 2


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({}, "one or two of t, eta; got none"),
        ({"t": [0, 1], "eta": [0.0, 0.5], "red": [0, 1]}, "got t, eta, red"),
        ({"T": [0, 1]}, "one or two of t, eta; got T"),
        ({"t": [0, 100]}, "t does not take 100"),
        ({"t": [-1, 0]}, "t does not take -1"),
        ({"t": [0, 0.5]}, "t does not take 0.5"),
        ({"eta": [0.0, 0.3]}, "eta does not take 0.3"),
        ({"eta": [0.0]}, "eta needs two values"),
    ],
)
def test_values_that_a_control_does_not_take_are_refused(over, said):
    with pytest.raises(ValueError, match=said):
        explorer(draw, over=over, **controls())
