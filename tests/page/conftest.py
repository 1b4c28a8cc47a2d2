"""Node and a browser. Where a machine has none, the tests are left out, and say so."""

import json
import os
import shutil
import subprocess

import pytest
import torch
from page_networks import QUICK

from course_utils import page as pages

WIDTHS = {"laptop": (1366, 768), "phone": (390, 844)}
FIGURES = {1: (0.2, 300.0), 4: (0.79, 20.0), 25: (0.81, 7.0)}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SOURCES = "\n".join((pages.HERE / name).read_text(encoding="utf-8") for name in pages.NETWORK)
SHOWN = "(_, value) => value instanceof Float32Array ? [...value] : value"
PROGRAM = f"""{SOURCES}
require("readline").createInterface({{input: process.stdin}}).on("line", (line) => {{
    let answer;
    try {{
        const {{code, kept, given}} = JSON.parse(line);
        answer = {{result: eval(`(${{code}})`)(kept && built(unpack(kept)), given)}};
    }} catch (error) {{
        answer = {{error: error.stack}};
    }}
    console.log(JSON.stringify(answer, {SHOWN}));
}});"""


@pytest.fixture(autouse=True)
def same_weights():
    """Give each test the same networks: in some that chance makes, one part hardly counts."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def javascript():
    """Run a function of (net, given) in node, with the network that a page holds; its result."""
    node = shutil.which("node") or pytest.skip("this machine has no node")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([node, "-e", PROGRAM], **pipes) as process:

        def run(code, kept=None, **given):
            print(json.dumps({"code": code, "kept": kept, "given": given}), file=process.stdin)
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert "error" not in answer, answer["error"]
            return answer.get("result")

        yield run


@pytest.fixture(scope="module")
def browser():
    pytest.importorskip("playwright")
    from lab import QUIET
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found and os.environ.get("COURSE_BROWSER") == "wanted":
        pytest.fail(f"a browser is wanted, and there is none of {', '.join(BROWSERS)}")
    if not found:
        pytest.skip(f"this machine has none of {', '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Pages of several networks that draw quickly.  {name: path}"""
    folder, found = tmp_path_factory.mktemp("pages"), {}
    with pytest.MonkeyPatch.context() as patch:  # where a click does not lead away
        patch.setattr(pages, "course_address", lambda: None)
        for name, (net, size) in QUICK.items():
            found[name] = pages.write_page(
                net, folder / f"{name}.html",
                name="Ada", figures=FIGURES, told="It was shaken.", size=size, bits=32,
            )  # fmt: skip
    return found


@pytest.fixture
def opened(browser):
    """Open a file in the browser, and fail for any error or request that is not the file's own."""
    contexts, wrong = [], []

    def open_page(path, width="laptop", scheme="light", before=None, query="", **options):
        wide, high = WIDTHS[width]
        context = browser.new_context(
            viewport={"width": wide, "height": high}, color_scheme=scheme, **options
        )
        contexts.append(context)
        if before:
            context.add_init_script(before)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text))
        page.on("request", lambda request: wrong.append(request.url) if is_alien(request) else None)
        page.goto(path.as_uri() + query)
        return page

    def is_alien(request):
        return request.url.partition(":")[0] != "blob" and not request.is_navigation_request()

    open_page.wrong = wrong
    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []
