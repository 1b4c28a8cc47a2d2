"""The site's front page: docs/front.html, filled in from the notebooks as they are stored.

Nothing here names a notebook, so that a new one gets its station by being there.
"""

import json
import re
from html import escape
from pathlib import Path
from string import Template
from typing import NamedTuple

TEMPLATE = Path(__file__).with_name("front.html")
HEADING = re.compile(r"# (\d\d) (?:The )?([^:\n]+)(?:: (.+))?")
EXERCISE = re.compile(r"^### Exercise \d", re.M)
BADGE = r"\[!\[Open in {}\]\([^)]*\)\]\(([^)]*)\)"

PATH = """<ol class="path" style="--arm: {arm}" aria-label="The notebooks, in order">
{items}
</ol>"""
STATION = """<li class="{side}" style="--place: {place}">
<a href="notebooks/{stem}.html"><span class="number">{number}</span>
<span class="words"><b>{title}</b> <span>{line}</span></span></a></li>"""
PICTURE = """<picture>
<source media="(prefers-reduced-motion: reduce)" srcset="_static/digits.png">
<img src="_static/digits.gif" alt="{alt}">
</picture>"""
ALT = "Noise turns into handwritten digits, step by step. A network draws them."


class Station(NamedTuple):
    stem: str
    number: str
    title: str
    line: str  # what a heading says after its colon, if it has one


def front_page(notebooks):
    """Return the page in Markdown. Raises ValueError for a notebook without a number and title."""
    texts = {path.stem: read(path) for path in sorted(notebooks.glob("*.ipynb"))}
    stations = [station(stem, text) for stem, text in texts.items()]
    first = next(iter(texts.values()))
    html = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        path=path_picture(stations),
        picture=PICTURE.format(alt=ALT),
        notebooks=len(stations),
        exercises=sum(len(EXERCISE.findall(text)) for text in texts.values()),
        first=stations[0].stem,
        colab=badge(first, "Colab"),
        kaggle=badge(first, "Kaggle"),
    )
    return f"# Build a diffusion U-Net\n\n```{{raw}} html\n{html}```\n"


def read(path):
    """Return the Markdown of a notebook."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def station(stem, text):
    heading = HEADING.match(text)
    if not heading:
        raise ValueError(f"{stem} begins with `# NN Title`, not with {text:.40}")
    number, title, line = heading.groups(default="")
    return Station(stem, number, title[:1].upper() + title[1:], line[:1].upper() + line[1:])


def badge(text, host):
    """Return where a notebook's badge leads: a fork's badge leads to the fork."""
    found = re.search(BADGE.format(host), text)
    if not found:
        raise ValueError(f"the first notebook has no badge for {host}")
    return found[1]


def path_picture(stations):
    """Return the stations as a list whose items have their places on a U."""
    items = []
    for one, (side, place) in zip(stations, places(len(stations)), strict=True):
        words = {name: escape(text) for name, text in one._asdict().items()}
        items.append(STATION.format(side=side, place=place, **words))
    arm = sum('class="down"' in item for item in items)
    return PATH.format(arm=arm, items="\n".join(items))


def places(n):
    """Return the side and the CSS grid area of n stations: down, two or three across, and up.

    The grid has six columns, so that two and three stations fill its last row alike. Fewer than
    four stations make no U.
    """
    arm = (n - 2) // 2
    width = 6 // (n - 2 * arm)
    columns = range(1, 7, width)
    down = [("down", f"{row} / 1 / auto / span 3") for row in range(1, arm + 1)]
    across = [("across", f"{arm + 1} / {column} / auto / span {width}") for column in columns]
    up = [("up", f"{row} / 4 / auto / span 3") for row in range(arm, 0, -1)]
    return down + across + up
