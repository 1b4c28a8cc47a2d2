"""One HTML file in which a trained network draws: it can be sent to a friend.

unet.js        the U-Net of the text in JavaScript
grown_unet.js  the grown one: FiLM blocks, attention, labels
sampler.js     from noise to a picture
weights.js     the weights out of the page's text
worker.js      the network beside the page, so that the page never waits for it
page.html, page.css, page.js  what one sees and can do
twin.py        a reader's network under the course's names
"""

import base64
import html
import json
import math
import os
import re
import subprocess
import tomllib
import zlib
from pathlib import Path

import torch

from course_utils import keeping
from course_utils.attention_unet import attention_heads
from course_utils.files import write_whole
from course_utils.grown_unet import GrownUNet
from course_utils.page.twin import twin

HERE = Path(__file__).parent
NETWORK = ("unet.js", "grown_unet.js", "sampler.js", "weights.js")  # also the worker's
PREDICTS = ("straight", "v", "eps")
BITS = {16: torch.float16, 32: torch.float32}
LARGEST = 65504  # of the numbers of 16 bits
MOST_EVALUATIONS = 50


def write_page(
    net, out, predicts="straight", *, name="", told="", figures=None, size=16, bits=16,
    settings=keeping.DIGITS, draws="digits", labels=None,
):  # fmt: skip
    """Write one HTML file in which a trained network draws, and return its path.

    net is a UNet, with attention or without, or a GrownUNet: the course's, or a reader's own class,
    made with these settings. predicts is what it was trained to answer: "straight" (eps - x0 on
    straight lines), "v" or "eps" (with the cosine schedule). name is whose network it is, told how
    it was trained, in a sentence; figures are {evaluations: (recognised, Frechet distance)}. size
    is the side of its pictures, which are called what draws says, labels are the names of its
    classes. bits=32 keeps the weights exactly. Raises ValueError for a network that the page cannot
    draw with and for what is no such argument, OSError where the file cannot be written.
    """
    if predicts not in PREDICTS:
        raise ValueError(f'predicts must be "straight", "v" or "eps"; got {predicts!r}')
    if bits not in BITS:
        raise ValueError(f"bits must be 16 or 32; got {bits}")
    same = twin(net, settings, size)
    known = known_settings(same, predicts, size)
    names = labels or [str(i) for i in range(known["classes"])]
    if len(names) != known["classes"]:
        raise ValueError(f"the network knows {known['classes']} labels; got {len(names)} names")
    content = {
        "network": packed(same, known, bits),
        "about": {"labels": names, "draws": draws, "figures": rows(figures)},
    }
    text = filled_in(content, name, told, draws)
    out = Path(out)
    write_whole(lambda file: file.write(text.encode()), out)
    return out


def known_settings(net, predicts, size):
    """Return what the JavaScript has to know of a network beside its weights.  UNet -> dict"""
    grown = isinstance(net, GrownUNet)
    return {
        "network": type(net).__name__,
        "predicts": predicts,
        "in_ch": net.in_ch,
        "size": size,
        "halvings": net.halvings,
        "heads": 4 if grown else attention_heads(net) or 0,
        "classes": net.cond_embed.hidden if grown else 0,
    }


def packed(net, settings, bits):
    """Return the weights as text. Vectors, which are small, keep their 32 bits.

    UNet -> dict
    """
    tensors, data = [], []
    for name, value in net.state_dict().items():
        if not value.is_floating_point():
            continue  # how many batches BatchNorm saw
        wide = 32 if value.ndim < 2 else bits
        if not value.isfinite().all() or wide == 16 and value.abs().max() > LARGEST:
            raise ValueError(f"the weights in {name} are not finite, or too large for {wide} bits")
        tensors.append([name, list(value.shape), wide])
        data.append(value.to(BITS[wide]).contiguous().numpy().astype(f"<f{wide // 8}").tobytes())
    whole = b"".join(data)
    coded = base64.b64encode(whole).decode()
    return {"settings": settings, "tensors": tensors, "base64": coded, "sum": zlib.adler32(whole)}


def rows(figures):
    """Return figures as sorted rows [evaluations, recognised, distance]; None where one is not.

    Raises ValueError for what are no such figures.
    """
    try:
        found = [
            [int(n), *(None if v is None or math.isnan(v) else float(v) for v in pair)]
            for n, pair in sorted((figures or {}).items(), key=lambda row: int(row[0]))
        ]
    except (TypeError, ValueError, AttributeError):
        found = [[]]
    if any(len(row) != 3 or not 1 <= row[0] for row in found):
        raise ValueError("figures must be {evaluations: (recognised, distance)}")
    return found


def filled_in(content, name, told, draws):
    """Return the page as one text."""
    address = course_address()
    title = f"{name}{'’' if name.endswith('s') else '’s'} network draws {draws}"
    values = {
        "title": title if name else f"A neural network draws {draws}",
        "whose": f"It is {name}’s own network" if name else "It is a small network",
        "told": told,
        "draws": draws,
        "stays": "The digit stays, the handwriting changes."
        if draws == "digits"
        else "What is drawn stays, its details change.",
        "course": address or "",
    }
    page = (HERE / "page.html").read_text(encoding="utf-8")
    page = re.sub(r"\{\{(\w+)\}\}", lambda found: html.escape(values[found[1]]), page)
    parts = {
        "css": (HERE / "page.css").read_text(encoding="utf-8"),
        "network": "\n".join((HERE / part).read_text(encoding="utf-8") for part in NETWORK),
        "worker": (HERE / "worker.js").read_text(encoding="utf-8"),
        "page": (HERE / "page.js").read_text(encoding="utf-8"),
        "content": json.dumps(content, ensure_ascii=True).replace("<", "\\u003c"),
    }
    return re.sub(r"/\* (\w+) \*/$", lambda found: parts[found[1]], page, flags=re.MULTILINE)


def source(name):
    """Return the JavaScript of a class or function of the network: what `inspect` does for Python.

    Raises ValueError for a name that has none.
    """
    text = "\n".join((HERE / part).read_text(encoding="utf-8") for part in NETWORK)
    found = re.search(rf"^(?:class|function) {name}\b.*?^}}$", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise ValueError(f"the page's network has no class or function {name}")
    return found[0]


def course_address():
    """Return the course's address on the web, or None while nobody has published this copy.

    It stands in pyproject.toml, also in a fork; while it is empty, the environment or git know it.
    """
    root = HERE.parents[1]
    try:
        text = (root / "pyproject.toml").read_text(encoding="utf-8")
        repository = tomllib.loads(text)["tool"]["course"]["repository"]
    except (OSError, tomllib.TOMLDecodeError, KeyError):
        repository = ""
    repository = repository or os.environ.get("GITHUB_REPOSITORY") or git_remote(root)
    return repository and f"https://github.com/{repository}"


def git_remote(root):
    try:
        answer = subprocess.run(["git", "remote", "-v"], cwd=root, capture_output=True, text=True)
    except OSError:  # git is not installed
        return None
    found = re.search(r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?\s", answer.stdout)
    return found and found[1]
