"""Networks for the page, which no layer leaves as it was made; node, and a browser."""

import json
import os
import shutil
import subprocess

import pytest
import torch
from torch import nn

from course_utils import page
from course_utils.attention_unet import gated, with_attention
from course_utils.grown_unet import GrownUNet
from course_utils.unet import UNet

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SMALL = {"in_ch": 1, "base_ch": 8, "ch_mult": (1, 2, 4), "time_dim": 16}
SOURCES = "\n".join((page.HERE / name).read_text(encoding="utf-8") for name in page.NETWORK)


def shaken(net, seed=0):
    """Return the network with numbers everywhere, also in what begins at 0 or 1; in eval mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in [*net.parameters(), *net.buffers()]:
            if value.is_floating_point() and value.ndim == 1:
                value += 0.3 * torch.rand(value.shape, generator=generator)
        for layer in gated(net):
            layer.gate.weight.normal_(0, 0.3, generator=generator)
        for module in net.modules():
            if isinstance(module, nn.Conv2d) and not module.weight.any():
                module.weight.normal_(0, 0.3, generator=generator)
    return net.eval()


def networks():
    """Return the networks that a page may hold, by name.  () -> {name: module}"""
    torch.manual_seed(0)
    return {
        "UNet": shaken(UNet(**SMALL)),
        "UNet, full size": shaken(UNet(1, 32, (1, 2, 4), 128)),
        "UNet, two channels, odd levels": shaken(UNet(3, 6, (1, 3), 10)),
        "UNet, four levels": shaken(UNet(1, 4, (1, 2, 3, 4), 8)),
        "UNet with attention": shaken(with_attention(UNet(**SMALL))),
        "UNet with attention, 4 heads": shaken(with_attention(UNet(1, 6, (1, 2), 8), heads=4)),
        "GrownUNet": shaken(GrownUNet(**SMALL)),
        "GrownUNet, three classes": shaken(GrownUNet(3, 16, (1, 2), 8, classes=3)),
    }


NETWORKS = networks()


def answer(net, x, t, label=None):
    """Return what a network answers to one picture, as a vector.  (C, H, W) -> (N,)"""
    labels = [] if label is None else [torch.tensor([label])]
    with torch.no_grad():
        return net(x[None], torch.tensor([t]), *labels)[0].flatten()


def error_of(found, expected):
    found = torch.as_tensor(found).flatten()
    return ((found - expected.flatten()).norm() / expected.norm()).item()


@pytest.fixture(scope="session")
def javascript():
    """Run a function of (net, given) in node, with the network that a page holds; its result."""
    node = shutil.which("node") or pytest.skip("this machine has no node")

    def run(code, kept=None, **given):
        program = f"""{SOURCES}
            const {{kept, given}} = JSON.parse(require("fs").readFileSync(0));
            const net = kept && built(unpack(kept));
            const result = (({code})(net, given));
            console.log(JSON.stringify(result, (_, v) => v instanceof Float32Array ? [...v] : v));"""
        done = subprocess.run(
            [node, "-e", program],
            input=json.dumps({"kept": kept, "given": given}),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    return run


def kept(net, predicts="straight", bits=32, size=16):
    """Return what a page holds of a network.  UNet -> dict"""
    return page.packed(net, page.known_settings(net, predicts, size), bits)


@pytest.fixture(scope="session")
def browser():
    pytest.importorskip("playwright")
    from playwright.sync_api import sync_playwright

    from lab import QUIET

    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found and os.environ.get("COURSE_BROWSER") == "wanted":
        pytest.fail(f"a browser is wanted, and there is none of {', '.join(BROWSERS)}")
    if not found:
        pytest.skip(f"this machine has none of {', '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield browser
        browser.close()
