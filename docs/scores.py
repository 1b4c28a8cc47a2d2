"""The site's list of scores, from the entries in scores/, each with its scores.json and README.md.

    python -m course_utils score RUN --entry scores/NAME    makes an entry
"""

import json
import re
from pathlib import Path

ENTRIES = Path(__file__).resolve().parents[1] / "scores"
COUNTS = ("1", "2", "4")
HEAD = """# A number to beat

How good are digits that are drawn in one network evaluation, in two, and in four? The same judge looks at
everybody's: it compares 500 pictures, drawn from always the same noise, with the real digits. *Distance* is the
Frechet distance in the features of a small classifier, and less is better: real digits that the network never saw
are at {real}. *Recognised* is the share that the classifier is sure of, *entropy* says in bits whether all ten
digits are drawn equally often (3.32 if they are).

| | one: distance | recognised | entropy | two: distance | recognised | entropy | four: distance | recognised | entropy |
|---|---|---|---|---|---|---|---|---|---|
{rows}

You can do better? [How to enter](CONTRIBUTING.md#a-number-to-beat) says what to send. Every entry is a network with
its weights, and the tests measure it again.

{texts}
"""
REAL = 5.1


def scores_page(entries=ENTRIES):
    """Return the page in Markdown, the best in one evaluation first.

    Raises ValueError for an entry without a file.
    """
    found = sorted((entry_of(folder) for folder in entries.iterdir()), key=lambda e: e[1]["1"]["distance"])
    rows = "\n".join(f"| [{title}](#{anchor(title)}) | {figures(scores)} |" for title, scores, _ in found)
    texts = "\n\n".join(f"## {title}\n\n{text}" for title, _, text in found)
    return HEAD.format(rows=rows, texts=texts, real=REAL)


def entry_of(folder):
    """Return the title, the scores and the text of an entry."""
    try:
        scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
        title, _, text = (folder / "README.md").read_text(encoding="utf-8").partition("\n")
    except FileNotFoundError as error:
        raise ValueError(f"the entry {folder.name} has no {Path(error.filename).name}") from None
    return title.removeprefix("# "), scores, text.strip()


def figures(scores):
    form = "{distance:.1f} | {recognised:.1%} | {entropy:.2f}"
    return " | ".join(form.format(**scores[count]) for count in COUNTS)


def anchor(title):
    """The anchor that Sphinx gives a heading."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
