"""The page in a real browser, from a file: what it draws, and all that one can do with it.

Screenshots go to build/screenshots/page. COURSE_CLICKS sets how often the page is clicked on at
random; 600 is what a minute of ten clicks a second is.
"""

import os
import random
import re
from pathlib import Path

import pytest
import torch
from page_networks import NETWORKS, QUICK, answer, error_of

from course_utils import page as pages

pytest.importorskip("playwright")
from page_seen import (  # noqa: E402
    all_drawn,
    assert_fits,
    drawn,
    set_slider,
    show,
    wait_until_all_drawn,
    wait_until_other,
)
from playwright.sync_api import expect  # noqa: E402

SCREENSHOTS = Path(__file__).parents[2] / "build/screenshots/page"
CLICKS = int(os.environ.get("COURSE_CLICKS", 30))
EVALUATIONS = "#evaluations"

# --- the network in the page ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["UNet", "UNet with attention", "GrownUNet"])
def test_unet_answers_from_outside_as_in_torch(opened, tmp_path, name):
    net = NETWORKS[name]
    page = opened(pages.write_page(net, tmp_path / "page.html", bits=32))
    hidden = net.cond_embed.hidden if "Grown" in name else None
    x = torch.randn(1, 16, 16, generator=torch.Generator().manual_seed(3))
    for t in (0, 1, 250, 999):
        found = page.evaluate(
            "([x, t]) => [...unet.forward(Float32Array.from(x), t)]", [x.flatten().tolist(), t]
        )
        assert error_of(found, answer(net, x, t, hidden)) < 1e-4
    found = page.evaluate("x => [...unet.sample(Float32Array.from(x), 6)]", x.flatten().tolist())
    for i in range(6):
        told = int(999 * (1 - i / 6) + 0.5)
        x = x - answer(net, x, told, hidden).view_as(x) / 6
    assert error_of(found, x) < 1e-4


# --- what one can do -----------------------------------------------------------------------------


@pytest.mark.parametrize("width, scheme", [("laptop", "light"), ("phone", "dark")])
@pytest.mark.parametrize("name", ["UNet with attention", "GrownUNet", "GrownUNet, three classes"])
def test_everything_works(opened, written, name, width, scheme):
    page = opened(written[name], width, scheme)
    expect(page.locator("h1")).to_have_text("Ada’s network draws digits")
    wait_until_all_drawn(page)
    draws(page)
    follows(page, name)
    mends(page, name)
    walks(page)
    expect(page.locator("#about")).to_contain_text("It was shaken.")
    expect(page.locator("#figures tbody tr")).to_have_count(3)
    expect(page.locator(".course")).to_have_count(0)  # it has no address
    assert_fits(page)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name} {width} {scheme}.png", full_page=True)


def draws(page):
    first = "#grid button:first-child canvas"
    expect(page.locator("#grid button")).to_have_count(16)
    expect(page.locator(EVALUATIONS)).to_have_value("4")  # nearly as good as the best
    expect(page.locator("#quality")).to_contain_text("With 4, a second network recognises 79% of")
    before = drawn(page, first)
    page.locator("#again").click()
    wait_until_all_drawn(page)
    assert (new := drawn(page, first)) != before
    set_slider(page, EVALUATIONS, 2)
    expect(page.locator("#evaluations-shown")).to_have_text("2 evaluations")
    expect(page.locator("#quality")).to_contain_text("At 1, the nearest that was measured, a")
    wait_until_all_drawn(page)
    fewer = drawn(page, first)
    set_slider(page, EVALUATIONS, 1)
    for control in ("#step", "#play-steps"):
        expect(page.locator(control)).to_be_disabled()
    set_slider(page, EVALUATIONS, 4)
    wait_until_all_drawn(page)
    assert drawn(page, first) == new != fewer  # the same noise again
    assert re.search(r"16 digits in [\d.]+ s: [\d.]+ a second, 4 eval", page.inner_text("#speed"))
    if page.locator("#ask").is_visible():
        any_label = all_drawn(page, "#grid canvas")  # chance may give one of them the label 1
        page.locator("#ask input").nth(2).check()
        wait_until_all_drawn(page)
        assert all_drawn(page, "#grid canvas") != any_label
    else:
        assert page.locator("#ask input").count() == 0


def follows(page, name):
    show(page, "the-u")
    expect(page.locator("#the-u button").first).to_be_visible()
    before = drawn(page, "#guess")
    page.locator("#grid button").nth(2).click()
    wait_until_other(page, "#guess", before)
    expect(page.locator("#step-shown")).to_have_text("1 of 4, t = 1.00")
    expect(page.locator("#step")).to_have_value("1")
    seen, guess, maps = drawn(page, "#seen"), drawn(page, "#guess"), drawn(page, "#maps")
    set_slider(page, "#step", 2)
    expect(page.locator("#step-shown")).to_have_text("2 of 4, t = 0.75")
    assert drawn(page, "#seen") != seen and drawn(page, "#guess") != guess
    wait_until_other(page, "#maps", maps)
    page.clock.install()
    page.locator("#play-steps").click()
    expect(page.locator("#play-steps")).to_have_text("Stop")
    page.clock.run_for(3000)
    expect(page.locator("#play-steps")).to_have_text("Play the steps")
    expect(page.locator("#step-shown")).to_have_text("4 of 4, t = 0.25")
    boxes = page.locator("#the-u button")
    label = boxes.last.get_attribute("aria-label")
    assert label.split(":")[0] == ("conv_out" if "Grown" in name else "decoder.out")
    for i in range(boxes.count()):
        maps = drawn(page, "#maps")
        boxes.nth(i).click(force=True)  # without waiting until it stands still
        assert drawn(page, "#maps") != maps or i == 1  # chosen from the start
        told, whole = page.inner_text("#maps-title"), boxes.nth(i).get_attribute("aria-label")
        assert told.split(",")[0] == whole.split(":")[0]
    block = page.locator("#the-u button[title$='blocks.0']").first
    block.click()
    chips = page.locator("#inner button")
    assert chips.count() > 8 and chips.get_by_text("first convolution").count() == 1
    title, below = block.get_attribute("title"), page.evaluate("mend.offsetTop")
    for i in range(chips.count()):
        chips.nth(i).click(force=True)
        assert page.inner_text("#maps-title").startswith(title)
        wide, high = page.evaluate("[maps.width, maps.height]")
        room = page.evaluate("[maps.parentNode.clientWidth, maps.parentNode.clientHeight]")
        assert wide <= room[0] and high <= room[1] == 240
        assert page.evaluate("mend.offsetTop") == below  # the page doesn't jump
    told = page.inner_text("#maps-title").replace(",", ":", 1)
    assert re.search(
        rf"^{told}, values from -?[\d.]+ to [\d.]+$", page.get_attribute("#maps", "aria-label")
    )


def mends(page, name):
    show(page, "mend")
    status = page.locator("#mend-status")
    expect(status).to_have_text("Repaired.")
    if name == "GrownUNet":
        expect(page.locator("#mend-as")).to_have_value("3")  # what the bad example is
    page.locator("#clear").click()
    expect(status).to_have_text("Nothing to repair yet.")
    assert drawn(page, "#mended") == drawn(page, "#mixed") == drawn(page, "#sketch")
    expect(page.locator("#paper")).to_have_class("empty")
    paper, empty, mended = page.locator("#paper"), drawn(page, "#sketch"), drawn(page, "#mended")
    box = paper.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 90, steps=3)
    page.mouse.up()
    assert (line := drawn(page, "#sketch")) != empty
    wait_until_other(page, "#mended", mended)
    page.mouse.move(box["x"] + 10, box["y"] + 90)  # no button is pressed
    assert drawn(page, "#sketch") == line
    page.locator("#erase").click()
    expect(page.locator("#erase")).to_have_attribute("aria-pressed", "true")
    paper.click(position={"x": 20, "y": 20})
    assert drawn(page, "#sketch") not in (line, empty)
    page.locator("#erase").click()
    for act in (
        lambda: set_slider(page, "#strength", 90),
        lambda: page.locator("#other-noise").click(),
        lambda: page.locator("#example").click(),
    ):
        expect(status).to_have_text("Repaired.")
        mixed = drawn(page, "#mixed")
        act()
        wait_until_other(page, "#mixed", mixed)
    expect(page.locator("#strength-shown")).to_have_text("90%")
    expect(status).to_have_text("Repaired.")
    if "Grown" in name:
        mended = drawn(page, "#mended")
        page.locator("#mend-as").select_option(index=2)
        wait_until_other(page, "#mended", mended)


def walks(page):
    show(page, "walk")
    status = page.locator("#walk-status")
    expect(status).to_have_text("The walk is drawn.", timeout=30_000)
    first = drawn(page, "#between")
    set_slider(page, "#way", 14)
    assert drawn(page, "#between") != first
    expect(page.locator("#between-told")).to_have_text("The second")
    expect(page.locator("#way")).to_have_attribute("aria-valuetext", "100%")
    expect(page.locator("#same-label")).to_be_visible(visible=page.locator("#ask").is_visible())
    wide = page.locator("#between").bounding_box()["width"]
    page.locator("#strip").click()  # in its middle
    expect(page.locator("#between-told")).to_have_text("50% of the way to the second")
    assert page.locator("#between").bounding_box()["width"] == wide
    set_slider(page, "#way", 12)
    page.locator("#play-walk").click()
    page.clock.run_for(3000)
    expect(page.locator("#play-walk")).to_have_text("Play the walk")
    expect(page.locator("#way")).to_have_value("14")
    strip = drawn(page, "#strip")
    page.locator("#other-ends").click()
    wait_until_other(page, "#strip", strip)
    expect(page.locator("#way")).to_have_value("0")
    expect(status).to_have_text("The walk is drawn.", timeout=30_000)


def test_a_finger_paints(opened, written):
    page = opened(written["UNet"], "phone", has_touch=True, is_mobile=True)
    show(page, "mend")
    page.locator("#clear").click()
    empty = drawn(page, "#sketch")
    page.locator("#paper").tap()
    assert drawn(page, "#sketch") != empty
    assert_fits(page)


def test_with_the_keyboard_alone(opened, written):
    page = opened(written["GrownUNet"])
    wait_until_all_drawn(page)
    page.keyboard.press("Tab")
    assert focused(page) == "again"
    before = drawn(page, "#grid canvas")
    page.keyboard.press("Enter")
    wait_until_other(page, "#grid canvas", before)
    wait_until_all_drawn(page)
    reached, place = [], None
    while (place := focused(page)) not in reached:
        reached.append(place)
        press_in(page, place)
        page.keyboard.press("Tab")
    controls = page.locator("button, input, select, [tabindex='0']")
    wanted = controls.evaluate_all(
        "all => all.filter(a => a.id && a.checkVisibility()).map(a => a.id)"
    )
    assert set(wanted) - set(reached) == set()
    # Groups are one stop each; their arrows were pressed.
    assert {"ask", "grid", "the-u", "inner"} <= set(reached)


def focused(page):
    """The control that has the focus: its id, or that of the group around it."""
    return page.evaluate("() => document.activeElement.closest('[id]')?.id ?? ''")


def press_in(page, place):
    """Do with the keyboard what one does at this place, and see that something comes of it."""
    focus = "() => document.activeElement.getAttribute('aria-label') ?? ''"
    if place in ("grid", "the-u"):
        expect(page.locator("#the-u button").first).to_be_attached() if place == "the-u" else None
        before = page.evaluate(focus)
        page.keyboard.press("ArrowRight")
        assert page.evaluate(focus) != before
        page.keyboard.press("End")
        page.keyboard.press("Enter")
        pressed = page.locator(f"#{place} [aria-pressed='true']").get_attribute("aria-label")
        assert pressed == page.evaluate(focus)
        for key in ("Home", "ArrowRight", "ArrowDown", "Enter"):
            page.keyboard.press(key)
    elif place == "paper":
        before = drawn(page, "#sketch")
        for key in ("ArrowRight", "ArrowDown", "Home", "Space"):
            page.keyboard.press(key)
        expect(page.locator("#paper-told")).to_have_text("Row 6, column 6: painted.")
        assert drawn(page, "#sketch") != before
        page.keyboard.press("Delete")
        expect(page.locator("#paper-told")).to_have_text("Row 6, column 6: empty.")
        expect(page.locator("#cursor")).to_be_visible()
        expect(page.locator("#paper-hint")).to_contain_text("Space paints")  # it stays
    elif place in ("evaluations", "step", "strength", "way"):
        shown = page.locator(f"#{place}-shown")
        before = shown.inner_text()
        page.keyboard.press("ArrowLeft" if place == "evaluations" else "ArrowRight")
        expect(shown).not_to_have_text(before)


def test_a_screen_reader_is_told(opened, written):
    page = opened(written["GrownUNet"])
    wait_until_all_drawn(page)
    for section in ("follow", "mend", "walk"):
        show(page, section)
    expect(page.locator("#walk-status")).to_have_text("The walk is drawn.", timeout=30_000)
    nameless = page.evaluate("""() => [...document.querySelectorAll(
        "button, input, select, canvas, [tabindex]")].filter(a => a.checkVisibility() &&
        !a.closest("[aria-hidden=true]") && !a.closest("button")?.ariaLabel && !a.ariaLabel &&
        !a.textContent.trim() && !a.labels?.[0]?.textContent.trim()).map(a => a.outerHTML)""")
    assert nameless == []
    for place in ("speed", "mend-status", "walk-status"):
        assert page.locator(f"#{place}").get_attribute("role") == "status"


def test_nothing_is_drawn_before_it_is_seen(opened, written):
    page = opened(written["UNet"], before="window.asked = []; const post = Worker.prototype."
        "postMessage; Worker.prototype.postMessage = function (m) { asked.push(m.lane); "
        "post.call(this, m); }")  # fmt: skip
    wait_until_all_drawn(page)
    asked = page.evaluate("asked")
    assert "grid 0" in asked and not {"mend", "walk"} & set(asked)
    page.evaluate("""() => { for (let i = 20; i > 2; i--) {
        evaluations.value = i; evaluations.dispatchEvent(new Event("input")); } }""")
    wait_until_all_drawn(page)
    asked = page.evaluate("asked")
    assert asked.count("grid 0") == 2  # once when it was opened, once after the drag
    assert not {"mend", "walk"} & set(asked)


def test_clicked_on_at_random(opened, written):
    page = opened(written["GrownUNet"], reduced_motion="reduce")  # no scrolling to wait for
    chance = random.Random(0)
    for number in range(CLICKS):
        controls = page.locator("button, input, #paper").all()
        target = chance.choice([None, *controls])
        if target and target.is_visible():
            target.scroll_into_view_if_needed()
            box = target.bounding_box()
            at = (
                box["x"] + chance.random() * box["width"],
                box["y"] + chance.random() * box["height"],
            )
        else:
            at = chance.randrange(1366), chance.randrange(768)
        page.mouse.click(*at)
        assert_fits(page)
    page.locator("#again").click()
    wait_until_all_drawn(page)


def test_with_a_course_to_go_to(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "course_address", lambda: "https://github.com/ada/unet")
    page = opened(pages.write_page(QUICK["UNet"][0], tmp_path / "page.html"))
    link = page.get_by_role("link")
    expect(link).to_have_text("Build your own")
    expect(link).to_have_attribute("href", "https://github.com/ada/unet")
    expect(page.locator("#figures")).to_be_hidden()
    trained = sum(value.numel() for value in QUICK["UNet"][0].parameters())
    expect(page.locator("#parameters")).to_have_text(f"{trained:,}")


def test_in_a_frame_drawing_is_all_there_is(opened, written):
    page = opened(written["GrownUNet"], query="?framed")
    wait_until_all_drawn(page)
    expect(page.locator("#again")).to_be_visible()
    for section in ("follow", "mend", "walk", "about"):
        expect(page.locator(f"#{section}")).to_be_hidden()
    with page.expect_popup() as whole:
        page.locator("#grid button").first.click()
    expect(whole.value.locator("#follow")).to_be_visible()
    assert "framed" not in whole.value.url


def test_on_a_narrow_screen_and_on_paper(opened, written):
    page = opened(written["GrownUNet"], scheme="dark")
    wait_until_all_drawn(page)
    page.set_viewport_size({"width": 320, "height": 600})
    assert_fits(page)
    page.set_viewport_size({"width": 390, "height": 800})
    page.add_style_tag(content="html { font-size: 200% }")
    assert_fits(page)
    page.emulate_media(media="print")
    expect(page.locator("body")).to_have_css("color", "rgb(30, 41, 59)")  # as in light
    expect(page.locator("#again")).to_be_hidden()


def test_any_label_is_one_of_its_own_for_each_picture(opened, written):
    remember = """window.labels = []; const post = Worker.prototype.postMessage;
        Worker.prototype.postMessage = function (message) {
            if (message.job === "draw") labels.push(...message.pictures.map((one) => one.label));
            post.call(this, message);
        }"""
    page = opened(written["GrownUNet"], before=remember, query="?framed")
    wait_until_all_drawn(page)
    labels = page.evaluate("labels")
    assert len(labels) == 16 and len(set(labels)) > 1 and set(labels) <= set(range(10))
