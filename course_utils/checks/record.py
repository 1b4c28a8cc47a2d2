"""How far a reader is: which exercises passed their check, kept in my_progress.txt.

The file lies beside my_unet.py. Each line is an exercise and what its check said. Lines are only
added, so that two notebooks can write at the same time, and an exercise that passed stays done.
"""

import html
import re
from collections import defaultdict
from dataclasses import dataclass

from course_utils import drive

FILE = "my_progress.txt"
DONE, TRIED = "correct", "not yet"
LINE = re.compile(rf"^(\d+\.\d+) ({DONE}|{TRIED})$", re.MULTILINE)
WORDS = {"correct": DONE, "not yet": TRIED, "crashed": TRIED}
MARKS = {DONE: "✔", TRIED: "✘", None: "…"}


def write_down(id, outcome):
    """Keep what a check said, if it says more than is known; return a sentence if that fails."""
    word = WORDS.get(outcome)  # there is none for an exercise that was not attempted
    try:
        if word:
            drive.use(lambda folder: add({id: word}, folder / FILE))
    except OSError as error:
        return f"(Your progress could not be kept in {FILE}: {drive.reason(error)}.)"
    return ""


def progress(exercises):
    """Return the table of all exercises."""
    try:
        return Progress(exercises, kept())
    except OSError as error:
        print(f"{FILE} cannot be read: {error}. Give it another name, and run this again.")
        return Progress(exercises, {})


def kept():
    """Return {number: DONE or TRIED}. Raises OSError."""
    return drive.use(lambda folder: read(folder / FILE))


def carry(source, target):
    """Add to one folder's file what another's says. Raises OSError."""
    add(read(source / FILE), target / FILE)


def read(file):
    """Return what a file says; lines of another kind are passed over."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return {}
    found = {}
    for id, word in LINE.findall(text):
        if found.get(id) != DONE:
            found[id] = word
    return found


def add(said, file):
    """Append to a file, in one piece, what says more than it does."""
    known = read(file)
    new = {id: word for id, word in said.items() if known.get(id) not in (DONE, word)}
    if new:
        with file.open("a", encoding="utf-8") as out:
            out.write("".join(f"{id} {word}\n" for id, word in new.items()))


@dataclass(frozen=True)
class Progress:
    """A table of all exercises, a row for each notebook, with what is missing."""

    exercises: dict
    known: dict

    def rows(self):
        """Yield the name of each notebook, its marks, how many are done, and what is missing."""
        notebooks = defaultdict(list)
        for id, exercise in self.exercises.items():
            notebooks[exercise.notebook].append(id)
        for name, ids in sorted(notebooks.items()):
            marks = " ".join(MARKS[self.known.get(id)] for id in ids)
            left = [id for id in ids if self.known.get(id) != DONE]
            missing = ", ".join(f"{id} {self.exercises[id].title}" for id in left)
            yield name.replace("_", " "), marks, f"{len(ids) - len(left)} of {len(ids)}", missing

    def head(self):
        done = sum(self.known.get(id) == DONE for id in self.exercises)
        marks = f"{MARKS[DONE]} done, {MARKS[TRIED]} tried, {MARKS[None]} not begun"
        return f"{done} of {len(self.exercises)} exercises are done ({marks})."

    def __repr__(self):
        lines = [f"{name}: {done} {marks}" for name, marks, done, _ in self.rows()]
        return "\n".join([self.head(), *lines])

    def _repr_html_(self):
        def cells(tag, texts):
            left = "text-align:left;vertical-align:top"
            return "".join(f"<{tag} style='{left}'>{html.escape(t)}</{tag}>" for t in texts)

        lines = [f"<tr>{cells('th', ('notebook', '', 'done', 'missing'))}</tr>"]
        lines += [f"<tr>{cells('td', row)}</tr>" for row in self.rows()]
        return f"<p>{self.head()}</p><table style='max-width:60em'>{''.join(lines)}</table>"
