"""What a reader sees of the page in a browser, and moving its sliders."""

from playwright.sync_api import expect


def drawn(page, selector):
    """Return what a canvas shows, as text."""
    return page.evaluate("s => document.querySelector(s).toDataURL()", selector)


def all_drawn(page, selector):
    """Return what each of several canvases shows."""
    return page.evaluate(
        "s => Array.from(document.querySelectorAll(s), canvas => canvas.toDataURL())", selector
    )


def wait_until_other(page, selector, before):
    page.wait_for_function(
        "([s, before]) => document.querySelector(s).toDataURL() !== before", arg=[selector, before]
    )


def wait_until_all_drawn(page):
    expect(page.locator("#speed")).to_contain_text("a second", timeout=30_000)


def set_slider(page, selector, value):
    page.evaluate(
        """([s, value]) => {
            const slider = document.querySelector(s);
            slider.value = value;
            slider.dispatchEvent(new Event("input"));
        }""",
        [selector, str(value)],
    )


def show(page, section):
    page.locator(f"#{section}").scroll_into_view_if_needed()


def assert_fits(page):
    wide = page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
