"""How long one network evaluation of the page takes in Chromium.

    python benchmarks/page_speed.py

Needs playwright and a chromium on the path. Prints milliseconds for the course's UNet (32; 1, 2, 4)
and GrownUNet at 16 x 16: the median of five times twenty evaluations.
"""

import shutil
import tempfile
from pathlib import Path

from course_utils.grown_unet import GrownUNet
from course_utils.page import write_page
from course_utils.unet import UNet

NETWORKS = {"UNet": lambda: UNet(1, 32, (1, 2, 4), 128), "GrownUNet": GrownUNet}
TIMED = """() => {
    const x = new Float32Array(256), times = [];
    for (let run = 0; run < 6; run++) {
        const began = performance.now();
        for (let i = 0; i < 20; i++) unet.forward(x, 500);
        times.push((performance.now() - began) / 20);
    }
    return times.slice(1).sort((a, b) => a - b)[2]; // the first is the compiler's
}"""


def main():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name, network in NETWORKS.items():
            page = browser.new_page()
            page.goto(write_page(network(), Path(folder) / "page.html").as_uri())
            page.wait_for_function("document.getElementById('speed').textContent")
            print(f"{name:10} {page.evaluate(TIMED):5.1f} ms an evaluation")


if __name__ == "__main__":
    main()
