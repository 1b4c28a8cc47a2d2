"""The site's list of scores, from the entries in scores/, each with its scores.json and README.md.

python -m course_utils score RUN --entry scores/NAME    makes an entry
"""

import json
import re
from pathlib import Path
from string import Template

ENTRIES = Path(__file__).resolve().parents[1] / "scores"
TEMPLATE = Path(__file__).with_name("scores.md")
COUNTS = ("1", "2", "4")


def scores_page(entries=ENTRIES):
    """Return the page in Markdown, the best in one evaluation first.

    Raises ValueError for an entry without a file.
    """
    found = sorted(
        (entry_of(folder) for folder in entries.iterdir()), key=lambda e: e[1]["1"]["distance"]
    )
    rows = "\n".join(
        f"| [{title}](#{anchor(title)}) | {figures(scores)} |" for title, scores, _ in found
    )
    texts = "\n\n".join(f"## {title}\n\n{text}" for title, _, text in found)
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(rows=rows, texts=texts)


def entry_of(folder):
    """Return the title, the scores and the text of an entry."""
    try:
        scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
        title, _, text = (folder / "README.md").read_text(encoding="utf-8").partition("\n")
    except FileNotFoundError as error:
        raise ValueError(f"the entry {folder.name} has no {Path(error.filename).name}") from None
    return title.removeprefix("# "), scores, text.strip()


def figures(scores):
    """Return three cells of the table, each with a figure for one, two and four evaluations."""
    forms = {"distance": ".1f", "recognised": ".1%", "entropy": ".2f"}
    rows = [[format(scores[n][name], form) for n in COUNTS] for name, form in forms.items()]
    return " | ".join(map(", ".join, rows))


def anchor(title):
    """The anchor that Sphinx gives a heading."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
