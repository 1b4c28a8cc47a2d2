"""Node and a browser. Where a machine has none, the tests are left out, and say so."""

import json
import os
import shutil
import subprocess

import pytest
import torch

from course_utils import page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SOURCES = "\n".join((page.HERE / name).read_text(encoding="utf-8") for name in page.NETWORK)
SHOWN = "(_, value) => value instanceof Float32Array ? [...value] : value"


@pytest.fixture(autouse=True)
def same_weights():
    """Give each test the same networks: in some that chance makes, one part hardly counts."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def javascript():
    """Run a function of (net, given) in node, with the network that a page holds; its result."""
    node = shutil.which("node") or pytest.skip("this machine has no node")

    def run(code, kept=None, **given):
        program = f"""{SOURCES}
            const {{kept, given}} = JSON.parse(require("fs").readFileSync(0));
            const net = kept && built(unpack(kept));
            const result = (({code})(net, given));
            console.log(JSON.stringify(result, {SHOWN}));"""
        done = subprocess.run(
            [node, "-e", program],
            input=json.dumps({"kept": kept, "given": given}),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    return run


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
