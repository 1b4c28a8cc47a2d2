"""All pictures of the notebooks on one page: those of an earlier commit beside those of today.

    python notebooks/contact.py [COMMIT]

It writes build/pictures.html. Without a commit, today's stand alone.
"""

import argparse
import subprocess
import sys
from html import escape

import nbformat

from course_files import NOTEBOOKS, ROOT, CourseError
from outputs import HTML, PNG, moving

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Pictures</title>
<style>body {{ font-family: sans-serif }} td {{ vertical-align: top; width: 50% }}
img {{ max-width: 100%; display: block; margin: 0 0 1em }}</style>
{}</html>
"""


def contact_sheet(commit=None):
    """Return the page, a table for each notebook with a column for each time."""
    parts = []
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        times = [earlier(path, commit)] if commit else []
        columns = [shown(text) for text in (*times, path.read_text(encoding="utf-8"))]
        cells = "".join(f"<td>{''.join(column)}</td>" for column in columns)
        parts.append(f"<h2>{escape(path.stem)}</h2><table><tr>{cells}</tr></table>")
    return PAGE.format("\n".join(parts))


def earlier(path, commit):
    """Return a notebook as it was at a commit. Raises CourseError if it was not there."""
    name = f"{commit}:{path.relative_to(ROOT).as_posix()}"
    found = subprocess.run(["git", "show", name], cwd=ROOT, capture_output=True, text=True)
    if found.returncode:
        raise CourseError(f"git has no {name}: {found.stderr.strip()}")
    return found.stdout


def shown(text):
    """The pictures of a notebook, in their order.  -> list of HTML"""
    cells = nbformat.reads(text, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    found = []
    for output in outputs:
        data = output.get("data", {})
        if PNG in data:
            about = output.metadata.get(PNG, {})
            width = f' width="{about["width"]}"' if "width" in about else ""
            source = f"data:image/png;base64,{data[PNG].strip()}"
            alt = escape(about.get("alt", ""))
            found.append(f'<img src="{source}" alt="{alt}" title="{alt}"{width}>')
        elif moving(output):
            found.append(data[HTML])
    return found


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Show all pictures of the course on one page.")
    parser.add_argument("commit", nargs="?", help="show those of this commit beside them")
    page = ROOT / "build" / "pictures.html"
    try:
        sheet = contact_sheet(parser.parse_args(arguments).commit)
    except CourseError as error:
        sys.exit(f"contact.py: {error}")
    page.parent.mkdir(exist_ok=True)
    page.write_text(sheet, encoding="utf-8")
    print(f"{page.relative_to(ROOT)}: written")


if __name__ == "__main__":
    main()
