"""The site's sliders: each shows the cell that its label names, in a real browser too."""

import base64
import copy
import json
import re
import shutil
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

import pages
import sliders
from course_utils.widgets import stills

ROOT = Path(__file__).parents[1]
STATIC = ROOT / "docs/static"
NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
CALL = re.compile(r"^(?:\w+_explorer|\w+_slider)\(", re.M)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SIZE, FIRST, STEP = [400, 100], [0, 30], [440, 150]
NAME = 'told "t"'
CONTROLS = [
    {"label": NAME, "values": ["0", "1,000", "10,000"], "start": 1},
    {"label": "eta", "values": ["0", "0.5"], "start": 0},
]
CELLS = {
    "size": SIZE, "first": FIRST, "step": STEP, "columns": 2, "shown": 220, "controls": CONTROLS,
}  # fmt: skip


def colour(cell):
    """Another one for each cell."""
    return (40 * cell, 255 - 40 * cell, 130)


def sheet_of(count=6, columns=2):
    rows = -(-count // columns)
    sheet = Image.new("RGB", (STEP[0] * columns - 40, STEP[1] * rows - 20), "white")
    pen = ImageDraw.Draw(sheet)
    for i in range(count):
        x, y = FIRST[0] + STEP[0] * (i % columns), FIRST[1] + STEP[1] * (i // columns)
        pen.rectangle((x, y, x + SIZE[0] - 1, y + SIZE[1] - 1), colour(i))
    return sheet


def cell_of(sheet, cells, alt="Six <squares>."):
    """A stored cell with a still."""
    buffer = BytesIO()
    sheet.save(buffer, "PNG")
    picture = base64.b64encode(buffer.getvalue()).decode() + "\n"
    metadata = {"image/png": {"width": sheet.width // 2, "alt": alt, "cells": cells}}
    data = {"image/png": picture, "text/plain": "<Figure>"}
    output = {"output_type": "display_data", "data": data, "metadata": metadata}
    return {
        "cell_type": "code", "id": "abc", "source": "1", "metadata": {"alt": alt},
        "outputs": [{"output_type": "stream", "text": "above"}, output],
    }  # fmt: skip


def page_of(cell):
    """The HTML of a stored cell's last output, as the site shows it."""
    shown = json.loads(pages.notebook_page(json.dumps({"cells": [cell]})))["cells"][0]["outputs"]
    assert shown[0] == cell["outputs"][0] and shown[1]["data"].keys() == {"text/html"}
    assert shown[1]["metadata"] == {}
    return shown[1]["data"]["text/html"]


# --- what the page has ---------------------------------------------------------------------------


def test_a_still_becomes_a_slider_with_labels():
    html = page_of(cell_of(sheet_of(), CELLS))
    labels = re.findall(r'<label for="([^"]*)">(.*?)</label>', html)
    assert labels == [("abc-0", "told &quot;t&quot;"), ("abc-1", "eta")]
    assert re.findall(r'id="([^"]*)" min="0" max="(\d)" step="1" value="(\d)"', html) == [
        ("abc-0", "2", "1"),
        ("abc-1", "1", "0"),
    ]
    assert 'alt="Six &lt;squares&gt;." width="420"' in html and '\n" alt' not in html


def test_other_pictures_stay_as_they_are():
    cell = cell_of(sheet_of(), CELLS)
    del cell["outputs"][1]["metadata"]["image/png"]["cells"]
    shown = json.loads(pages.notebook_page(json.dumps({"cells": [cell]})))["cells"][0]
    assert shown["outputs"] == cell["outputs"]


def one_control(cells):
    del cells["controls"][1]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda c: c.pop("size"), "its metadata have no size"),
        (lambda c: (c.pop("step"), c.pop("shown")), "have no step and no shown"),
        (lambda c: c.update(controls=[]), "it has 0 controls; a slider has one or two"),
        (lambda c: c.update(controls=CONTROLS * 2), "it has 4 controls"),
        (lambda c: c["controls"][1].update(start=2), "eta starts at place 2 of 2, from 0 on"),
        (lambda c: c["controls"][1].update(start=-1), "eta starts at place -1 of 2"),
        (
            lambda c: c["controls"][0]["values"].append("3"),
            "its 8 cells need 840 x 580",
        ),
        (lambda c: c.update(columns=3), "6 cells need 1280 x 280 pixels, and it has 840 x 430"),
        (lambda c: c.update(size=[401, 100]), "6 cells need 841 x 430"),
        (lambda c: c.update(first=[0, 31]), "6 cells need 840 x 431"),
    ],
)
def test_a_still_that_makes_no_slider_is_refused(spoil, said):
    cells = copy.deepcopy(CELLS)
    spoil(cells)
    with pytest.raises(ValueError, match=f"the still of cell abc: .*{said}"):
        page_of(cell_of(sheet_of(), cells))


def test_cells_that_just_fit_are_taken_and_a_picture_must_be_a_png():
    cells = copy.deepcopy(CELLS)
    one_control(cells)
    assert page_of(cell_of(sheet_of(3, 2), cells)).count("<input") == 1
    cell = cell_of(sheet_of(), CELLS)
    cell["outputs"][1]["data"]["image/png"] = base64.b64encode(b"GIF89a" * 9).decode()
    with pytest.raises(ValueError, match="abc: it is no PNG"):
        page_of(cell)


@pytest.mark.parametrize("name", NAMES)
def test_every_slider_of_the_course_moves_on_the_site(name):
    text = (ROOT / f"notebooks/{name}.ipynb").read_text(encoding="utf-8")
    for cell in json.loads(pages.notebook_page(text))["cells"]:
        if cell["cell_type"] == "code" and CALL.search("".join(cell["source"])):
            html = ["".join(o.get("data", {}).get("text/html", "")) for o in cell["outputs"]]
            (html,) = [one for one in html if "<input" in one]
            picture = base64.b64decode(re.search('base64,([^"]*)"', html)[1])
            assert sliders.size_of(picture)[0] <= stills.WIDTH
            assert len(picture) < 150_000


# --- in a browser --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    found = found or pytest.skip(f"this machine has none of {', '.join(BROWSERS)}")
    with playwright.sync_playwright() as p:
        yield p.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])


def open_page(browser, html, width, script=True):
    page = browser.new_context(
        viewport={"width": width, "height": 900}, java_script_enabled=script
    ).new_page()
    css, js = ((STATIC / f"sliders.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    page.set_content(f"<style>{css}</style><body>{html}<script>{js}</script>")
    return page


def seen(page, which=0):
    """The colours at the middle and near the edges of what a slider shows."""
    shot = Image.open(BytesIO(page.locator(".window").nth(which).screenshot())).convert("RGB")
    wide, high = shot.size
    places = [(x, y) for x in (2, wide // 2, wide - 3) for y in (2, high // 2, high - 3)]
    return {shot.getpixel(place) for place in places}


def said(page):
    """What is written beside the sliders, and what a screen reader says of them."""
    inputs = page.locator("input")
    return page.locator(".controls span").all_inner_texts(), [
        inputs.nth(i).get_attribute("aria-valuetext") for i in range(inputs.count())
    ]


@pytest.mark.parametrize("width", [230, 390, 1366])
def test_each_place_of_two_sliders_shows_its_cell(browser, width):
    page = open_page(browser, page_of(cell_of(sheet_of(), CELLS)), width)
    first, second = page.get_by_label(NAME), page.get_by_label("eta")
    assert seen(page) == {colour(2)} and said(page) == (["1,000", "0"],) * 2
    first.focus()
    page.keyboard.press("Home")
    track = first.bounding_box()["width"]
    for i, told in enumerate(CONTROLS[0]["values"]):
        for j, eta in enumerate(CONTROLS[1]["values"]):
            second.focus()
            page.keyboard.press(["Home", "End"][j])
            assert seen(page) == {colour(2 * i + j)}, (told, eta)
            assert said(page) == ([told, eta],) * 2
        assert first.bounding_box()["width"] == track  # it does not move under the finger
        first.focus()
        page.keyboard.press("ArrowRight")
    box = page.locator(".window").bounding_box()
    assert box["width"] == pytest.approx(min(220, width - 16), abs=1)
    assert box["height"] == pytest.approx(box["width"] / 4, abs=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


def test_one_slider_goes_through_all_columns(browser):
    cells = CELLS | {"columns": 3, "controls": [{**CONTROLS[0], "values": [*"abcde"], "start": 4}]}
    page = open_page(browser, page_of(cell_of(sheet_of(5, 3), cells)), 1366)
    page.get_by_label(NAME).focus()
    for cell in (4, 3, 2, 1, 0):
        assert seen(page) == {colour(cell)} and said(page) == (["abcde"[cell]],) * 2
        page.keyboard.press("ArrowLeft")
    page.context.close()


def test_the_second_slider_may_have_more_places_than_there_are_columns(browser):
    cells = CELLS | {"columns": 1, "controls": CONTROLS[::-1]}
    page = open_page(browser, page_of(cell_of(sheet_of(6, 1), cells)), 1366)
    assert seen(page) == {colour(1)} and said(page)[0] == ["0", "1,000"]
    page.get_by_label("eta").focus()
    page.keyboard.press("End")
    assert seen(page) == {colour(4)} and said(page)[0] == ["0.5", "1,000"]
    page.context.close()


def test_two_on_a_page_move_by_themselves(browser):
    one = cell_of(sheet_of(), CELLS)
    html = page_of(one) + page_of({**one, "id": "def"})
    page = open_page(browser, html, 1366)
    page.locator("#def-1").focus()
    page.keyboard.press("End")
    assert said(page)[0] == ["1,000", "0", "1,000", "0.5"]
    assert seen(page) == {colour(2)} and seen(page, 1) == {colour(3)}
    page.context.close()


def test_without_a_script_the_whole_still_is_seen(browser):
    html = page_of(cell_of(sheet_of(), CELLS))
    page = open_page(browser, html, 1366, script=False)
    assert page.locator("input").first.is_hidden()
    box = page.locator("img").bounding_box()
    assert (box["width"], box["height"]) == (420, 215)
    page.context.close()


def test_a_picture_keeps_its_shape_on_a_phone(browser):
    buffer = BytesIO()
    sheet_of().save(buffer, "PNG")
    source = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    css = (STATIC / "site.css").read_text(encoding="utf-8") + "img { max-width: 100%; }"
    picture = f'<div class="cell_output"><img src="{source}" width="420" height="215"></div>'
    page = open_page(browser, f'<style>{css}</style><div class="bd-article">{picture}</div>', 230)
    box = page.locator("img").bounding_box()
    assert box["width"] < 230 and box["width"] / box["height"] == pytest.approx(420 / 215, rel=0.01)
    page.context.close()


def test_long_code_in_a_sentence_does_not_make_the_page_scroll(browser):
    css = ".pre { white-space: nowrap }" + (STATIC / "site.css").read_text(encoding="utf-8")
    code = f'<code class="literal"><span class="pre">{"utils.clip_grad_norm_" * 5}</span></code>'
    page = open_page(browser, f'<style>{css}</style><div class="bd-article">{code}</div>', 390)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.context.close()
