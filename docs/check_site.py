"""Check the site that was made; print what is wrong, and exit with 1 if anything is.

    python docs/check_site.py DIR

Every link within the site leads to a page, and to an anchor of it. Nothing is loaded from
elsewhere. Every hint and solution is closed, every picture has an alt text, and one that moves a
still for those who want no movement. Every slider has a label, and the script that moves it. Every
notebook has its link to Colab.
"""

import re
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LESS_MOTION = "(prefers-reduced-motion: reduce)"
MOVES = re.compile(r"^data:image/gif|\.gif$")
SCRIPT = re.compile(r"_static/sliders\.js(\?|$)")
FORM_CELL = re.compile(r"#\s?@title|%%solution")


class Page(HTMLParser):
    """What is on a page: anchors, links, what it loads; what is open, or has no alt text."""

    def __init__(self, path):
        super().__init__()
        self.path, self.text = path, path.read_text(encoding="utf-8")
        self.anchors, self.links, self.loads, self.bare = {""}, [], [], []
        self.labels, self.sliders = set(), []
        self.still = False  # whether the picture that comes next has one
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors |= {attributes.get("id"), attributes.get("name")}
        if "href" in attributes:
            (self.links if tag == "a" else self.loads).append(attributes["href"])
        self.loads += [attributes[name] for name in ("src", "srcset") if name in attributes]
        if tag == "label":
            self.labels.add(attributes.get("for"))
        if tag == "input" and attributes.get("type") == "range":
            self.sliders.append(attributes.get("id"))
        if tag == "details" and "open" in attributes:
            self.bare.append(f"line {self.getpos()[0]}: a closed part stands open")
        if tag == "img" and not attributes.get("alt"):
            self.bare.append(f"line {self.getpos()[0]}: a picture has no alt text")
        if tag == "source" and attributes.get("media") == LESS_MOTION and "srcset" in attributes:
            self.still = not MOVES.search(attributes["srcset"])
        if tag == "img":
            if MOVES.search(attributes.get("src", "")) and not self.still:
                self.bare.append(f"line {self.getpos()[0]}: a picture moves and has no still")
            self.still = False


read = cache(Page)


def problems(path):
    """Return what is wrong with a page, as sentences."""
    page = read(path)
    found = [*page.bare]
    found += [f"loads {url} from elsewhere" for url in page.loads if is_elsewhere(url)]
    inside = [url for url in page.links + page.loads if not is_elsewhere(url)]
    found += [f"links to {url}: {why}" for url in inside if (why := dead(path, url))]
    found += [f"slider {id} has no label" for id in page.sliders if id not in page.labels]
    if page.sliders and not any(SCRIPT.search(url) for url in page.loads):
        found.append("has a slider, and no script that moves it")
    if FORM_CELL.search(page.text):
        found.append("shows the code of a form cell, which must be closed")
    if path.parent.name == "notebooks" and not any(is_colab(url, path) for url in page.links):
        found.append("has no link to open it in Colab")
    return found


def is_elsewhere(url):
    parts = urlsplit(url)
    return bool(parts.netloc) or parts.scheme not in ("", "data")


def is_colab(url, path):
    at_colab = url.startswith("https://colab.research.google.com/github/")
    return at_colab and url.endswith(f"/notebooks/{path.stem}.ipynb")


def dead(path, url):
    """Return why a link within the site leads nowhere, or None."""
    parts = urlsplit(url)
    if parts.scheme == "data":
        return None
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return "there is no such file"
    if target.suffix == ".html" and unquote(parts.fragment) not in read(target).anchors:
        return "there is no such anchor"
    return None


def check(site):
    """Print what is wrong with the pages of a site, and return in how many places."""
    site, wrong = site.resolve(), 0
    # Not the theme's templates.
    folders = "", "notebooks/", "mistakes/"
    pages = [page for folder in folders for page in site.glob(f"{folder}*.html")]
    for path in sorted(pages):
        found = problems(path)
        wrong += len(found)
        for problem in found:
            print(f"{path.relative_to(site)}: {problem}")
    verdict = f"{wrong} problems" if wrong else "links are right, hints and solutions closed"
    print(f"{site.name}: {len(pages)} pages, {verdict}")
    return wrong or not pages


if __name__ == "__main__":
    sys.exit(1 if check(Path(sys.argv[1])) else 0)
