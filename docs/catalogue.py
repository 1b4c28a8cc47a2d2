"""Lay out the known mistakes of every exercise as pages of the site.

    python docs/catalogue.py DIR

It needs what readers have; Sphinx makes the site from that folder.
"""

import difflib
import sys
from pathlib import Path

from course_utils.checks import EXERCISES
from course_utils.checks.mistakes import source

WARNING = """```{warning}
These pages tell the solutions. They are for teachers, and for readers who are done.
```
"""
INDEX = """# Known mistakes

{warning}
The checks of the course know these mistakes by what they do. Each is a small edit of a right
answer: red is what the right answer says, green what stands there instead.

{links}
"""


def write_catalogue(folder):
    """Write an index and a page for each exercise into a new folder."""
    folder.mkdir(parents=True)
    for id, exercise in EXERCISES.items():
        (folder / f"{id}.md").write_text(page(exercise), encoding="utf-8")
    links = "\n".join(f"- [{id} {exercise.title}]({id}.md)" for id, exercise in EXERCISES.items())
    index = INDEX.format(warning=WARNING, links=links)
    (folder / "index.md").write_text(index, encoding="utf-8")


def page(exercise):
    """The known mistakes of an exercise, in Markdown; ways to make one stand under one name."""
    # Not in the sidebar, where it would be one of 60.
    head = f"---\norphan: true\n---\n\n# {exercise.id} {exercise.title}: known mistakes"
    parts, before = [head, WARNING], None
    for mistake in exercise.catalogue:
        if mistake.name != before:
            parts.append(f"## {mistake.name}\n\n{mistake.why}")
        parts.append(f"```diff\n{diff(mistake)}\n```")
        before = mistake.name
    return "\n\n".join(parts) + "\n"


def diff(mistake):
    """What is red and what is green, without the lines around."""
    right, wrong = source(mistake.right).splitlines(), mistake.code.splitlines()
    lines = list(difflib.unified_diff(right, wrong, n=0, lineterm=""))[2:]
    return "\n".join(line for line in lines if not line.startswith("@@"))


if __name__ == "__main__":
    write_catalogue(Path(sys.argv[1]))
