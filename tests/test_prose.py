"""The prose of the notebooks: it is not too long, and its numbers come from what the cells show.

    .venv/bin/python -m pytest -c pyproject.toml tests/test_prose.py -k 05    for one notebook

A number that no output and no code cell of its notebook has fails the test, unless
numbers_in_prose.txt names it with a reason.
"""

import re
from pathlib import Path

import jupytext
import pytest

from assemble import without_alt
from course_files import read, shipped, sources
from outputs import output_text

# The most words: code, formulas and hints are left out, alt texts are counted.
LIMITS = {"00": 3600, "01": 3600, "02": 3600, "03": 3600, "04": 3600, "05": 4300}
LIMITS |= dict.fromkeys(("06", "07", "08", "09", "10"), 2900) | {"11": 3600}
# The most words and minutes of some of them together.
TOGETHER = (
    (("00", "05"), 19_000, 360),
    (("06", "10"), 14_500, 390),
    (("00", "11"), 36_000, 13 * 60),
)
EXCEPTIONS = Path(__file__).with_name("numbers_in_prose.txt")

HINTS = re.compile(r"<details>.*?</details>", re.DOTALL)
FORMULAS = re.compile(r"```.*?```|\$\$.*?\$\$|\{\{\w+\}\}", re.DOTALL)
IN_LINE = re.compile(r"`[^`]+`|\$[^$]+\$")
LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
# Lines, and then parts of sentences, whose numbers need no cell.
LINES = re.compile(r"#|\||difficulty \d")
NAMES = re.compile(
    r"\b(exercise|notebook|section|equation|figure|algorithm|table)s? \d[\d.]*"
    r"((,| and| to|, and) \d[\d.]*\b)*|\b0\d\b|\b(19|20)\d\d\b|\btakes about \d+ minutes",
    re.IGNORECASE,
)
ITEM = re.compile(r"\s*\d+\. ")
NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?%?(?!\w|\.\d)")
SHOWN = re.compile(r"\d+(?:[,_]\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?%?")
TIME = re.compile(r"about (\d+|an?|one|two|three) (minute|hour)s?( and a half)?")
WORTH = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3}


def cells(number, kind):
    """Return the texts of a source's cells of one kind, and the alt texts of its pictures."""
    (source,) = sources([number])
    all_cells = jupytext.read(source, fmt="py:percent").cells
    split = [without_alt(cell.source) for cell in all_cells if cell.cell_type == kind]
    return [text for text, _ in split], [more["alt"] for _, more in split if more]


def prose(text):
    """Return a cell's text without hints and formulas, and with a word for each piece of code."""
    return LINK.sub(r"\1", IN_LINE.sub("code", FORMULAS.sub("", HINTS.sub("", text))))


def words(text):
    """Return how many words a reader reads in the prose of a cell."""
    return sum(bool(re.search(r"\w", word)) for word in prose(text).split())


def words_of(number):
    alts = cells(number, "code")[1]
    return sum(words(text) for text in [*cells(number, "markdown")[0], *alts])


def minutes(text):
    """Return how many minutes the head of a notebook says that it takes."""
    found = TIME.search(" ".join(text.split()))
    assert found, "the first cell does not say how long the notebook takes: about 60 minutes"
    count = WORTH[found[1]] if found[1] in WORTH else int(found[1])
    return (count + bool(found[3]) / 2) * (60 if found[2] == "hour" else 1)


def said(text):
    """Return the numbers that the prose of a cell says, in order."""
    lines = [ITEM.sub("", line) for line in prose(text).splitlines() if not LINES.match(line)]
    return NUMBER.findall(NAMES.sub("", " ".join(lines)))


def shown(texts):
    """Return the numbers in outputs and code, as they are written."""
    return {found for text in texts for found in SHOWN.findall(text)}


def value(written):
    return float(re.sub("[,_%]", "", written))


def comes_from(number, there):
    """True if a number of the prose is one that is shown, or is one rounded: 0.89 of 0.886."""
    places = len(number.rstrip("%").partition(".")[2])
    size = value(number)
    for other in there:
        known = value(other)
        exact = [known, 100 * known] if number.endswith("%") else [known]
        rounds = number.endswith("%") or places or size >= 10
        if any(abs(size - k) < 1e-9 or rounds and abs(size - k) <= 0.5 / 10**places for k in exact):
            return True
    return False


def without_cell(number):
    """Return the numbers in a notebook's prose that none of its outputs and code cells has."""
    notebook = read(shipped(sources([number])[0].stem))
    outputs = [output_text(output) for c in notebook.cells for output in c.get("outputs", [])]
    there = shown([*cells(number, "code")[0], *outputs])
    numbers = [found for text in cells(number, "markdown")[0] for found in said(text)]
    return {found for found in numbers if not comes_from(found, there)}


def exceptions(number, text):
    """Return the numbers that need no cell, as the lines of the list say: NN NUMBER reason."""
    lines = [line.split(maxsplit=2) for line in text.splitlines() if line and line[0] != "#"]
    assert all(len(line) == 3 for line in lines), "each line is: notebook, number, reason"
    return {found for notebook, found, _ in lines if notebook == number}


@pytest.mark.parametrize("number", LIMITS)
def test_a_notebook_is_not_too_long(number):
    assert words_of(number) <= LIMITS[number]


@pytest.mark.parametrize(("ends", "most_words", "most_minutes"), TOGETHER)
def test_all_are_not_too_long_together(ends, most_words, most_minutes):
    first, last = ends
    together = [number for number in LIMITS if first <= number <= last]
    assert sum(map(words_of, together)) <= most_words
    assert sum(minutes(cells(n, "markdown")[0][0]) for n in together) <= most_minutes


@pytest.mark.parametrize("number", LIMITS)
def test_every_number_in_prose_comes_from_a_cell(number):
    found, listed = without_cell(number), exceptions(number, EXCEPTIONS.read_text("utf-8"))
    assert found - listed == set(), "no cell shows these; show them, or list them with a reason"
    assert listed - found == set(), "these are listed in numbers_in_prose.txt, and need not be"


# --- the tests themselves ------------------------------------------------------------------------

CELL = """\
# 3 big things

We train for 1,200 steps, as in notebook 07 and section 12. It recognises 89%, and the
loss ends at 0.89; `x = 77` and $y = 78$ do not count, nor do the 3x3 kernels of [it](http://a/99).

$$ 66 + 67 $$

1. The first of 4 is x0.
2. The second is from "A Paper" (2020), equations 5 and 6, and took a T4 17.5 s.

| 51 | 52 |
|---|---|

difficulty 2 of 5, about 53 minutes

<details><summary>Hint</summary>

It is 54.
</details>
"""


def test_numbers_are_found_in_prose_only():
    assert said(CELL) == ["1,200", "89%", "0.89", "4", "17.5"]


def test_words_are_counted_without_code_and_hints():
    assert words("Two words\nand `x + 1` more, $a b$.") == 6
    assert words("a\n\n$$ b c d $$\n\n<details>e f\n\ng</details> h - [i j](k l)") == 4


@pytest.mark.parametrize(
    ("number", "text", "comes"),
    [
        ("89%", "0.886", True), ("89%", "88.6%", True), ("89%", "0.879", False),
        ("0.89", "0.886", True), ("0.89", "0.88", False), ("0.89", "8.9", False),
        ("1,200", "steps=1200", True), ("1,200", "1_200", True), ("1,200", "1 200", False),
        ("62", "61.7 s", True), ("62", "61.4 s", False), ("6", "6.2", False), ("6", "6", True),
        ("0.003", "3e-3", True), ("16", "fp16", True),
    ],
)  # fmt: skip
def test_a_number_comes_from_what_is_shown(number, text, comes):
    assert comes_from(number, shown([text])) is comes


@pytest.mark.parametrize(
    ("text", "of_it"),
    [
        ("It takes about 65 minutes.", 65),
        ("and takes about\ntwo hours. About 5 minutes", 120),
        ("takes about an hour and a half", 90),
    ],
)
def test_minutes_are_read(text, of_it):
    assert minutes(text) == of_it


def test_a_list_of_exceptions_is_read():
    text = "# notebook, number, reason\n00 60,000 from the paper\n01 5 a rule of thumb\n"
    assert exceptions("00", text) == {"60,000"} and exceptions("02", text) == set()
    with pytest.raises(AssertionError, match="reason"):
        exceptions("00", "00 7")
