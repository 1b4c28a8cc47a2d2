"""The page where it cannot work: a sentence says why, and nothing else is seen."""

import pytest

pytest.importorskip("playwright")
from page_seen import wait_until_all_drawn  # noqa: E402
from playwright.sync_api import expect  # noqa: E402


def test_a_copy_that_ends_early_says_so(opened, written, tmp_path):
    text = written["UNet"].read_text(encoding="utf-8")
    head = text.index("<style>")
    last = text.rindex("</script>")
    shares = [head + 50, text.index("<main"), text.index('id="follow"'), text.index("base64"),
              text.index("base64") + 9000, text.index('id="network"') + 2000,
              text.index('id="worker"') + 500, last - 4000, last]  # fmt: skip
    for at in shares:
        cut = tmp_path / f"{at}.html"
        cut.write_text(text[:at], encoding="utf-8")
        page = opened(cut)
        expect(page.get_by_role("alert")).to_contain_text("This copy of the page is incomplete")
        assert page.inner_text("body").count(".") == 2
    opened.wrong.clear()


@pytest.mark.parametrize("what", ["weights", "network", "page", "content"])
def test_a_damaged_copy_says_so(opened, written, tmp_path, what):
    text = written["UNet"].read_text(encoding="utf-8")
    start = text.index('"base64": "') + 500
    damaged = {
        "weights": text[:start] + ("A" if text[start] != "A" else "B") + text[start + 1 :],
        "network": text.replace("function silu(x) {", "function silu(x) ("),
        "page": text.replace("function newPictures() {", "function newPictures() ("),
        "content": text.replace('"tensors": [', '"tensors": [[', 1),
    }[what]
    (tmp_path / "damaged.html").write_text(damaged, encoding="utf-8")
    page = opened(tmp_path / "damaged.html")
    expect(page.get_by_role("alert")).to_contain_text("incomplete or damaged")
    expect(page.locator("h1")).to_be_hidden()
    opened.wrong.clear()


@pytest.mark.parametrize(
    "before",
    [
        "delete window.Worker",
        "window.Worker = function () { throw new Error('switched off'); }",
        "URL.createObjectURL = () => 'blob:null/nothing'",
    ],
)
def test_without_workers_it_says_so(opened, written, before):
    page = opened(written["UNet"], before=before)
    expect(page.get_by_role("alert")).to_contain_text("can’t use web workers")
    expect(page.locator("h1")).to_be_hidden()
    opened.wrong.clear()


def test_an_error_on_the_way_is_told(opened, written):
    before = """const post = Worker.prototype.postMessage;
        Worker.prototype.postMessage = function (message) {
            if (window.broken) message.pictures = [{index: 0, noise: new Float32Array(3)}];
            post.call(this, message);
        }"""
    page = opened(written["UNet"], before=before)
    wait_until_all_drawn(page)
    page.evaluate("() => { window.broken = true; document.getElementById('again').click(); }")
    expect(page.get_by_role("alert")).to_contain_text("Load the page again")
    opened.wrong.clear()


def test_without_javascript_it_says_so(opened, written):
    page = opened(written["UNet"], java_script_enabled=False)
    expect(page.locator("body")).to_contain_text("JavaScript is switched off", use_inner_text=True)
    expect(page.locator("h1")).to_be_hidden()
