"""From a source to a notebook that is not executed.

In a source, which jupytext reads as py:percent, three things are filled in here: `{{badge}}` in a
markdown cell, a code cell `# setup`, and a code cell `# solution 1.2`. A link to another notebook
gets one to Colab beside it. A code cell that shows a picture begins with its alt text,
`# alt: ...`, which goes into the metadata of cell and picture.
"""

import hashlib
import re

import jupytext
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from address import badge, setup_text, with_colab_links
from course_files import CourseError
from exercises import match_exercises, reference_text

TRAINING = {"00", "05", "07", "08", "09", "10"}  # these notebooks ask Colab for a GPU
KEPT_METADATA = ("cellView", "tags", "colab")
SETUP = "# setup"
GOES_AWAY = (
    "(On Colab, a notebook opened from GitHub is a copy that goes away when you close it. "
    "**File > Save a copy in Drive** keeps it.)"
)
ALT = re.compile(r"# alt: (.+(?:\n#   .+)*)\n")
SOLUTION = re.compile(r"# solution (\d+\.\d+)")


def assemble(source, exercises, address):
    """Return the notebook that a source file describes, not executed."""
    notebook = new_notebook(metadata=notebook_metadata(source.stem))
    taken = set()
    for cell in jupytext.read(source, fmt="py:percent").cells:
        make = {"markdown": new_markdown_cell, "code": new_code_cell}[cell.cell_type]
        text, alt = without_alt(cell.source)
        filled, more = fill_in(text, source.stem, exercises, address)
        # The id comes from the text as written: it stays when the address or a solution changes.
        metadata = kept_metadata(cell.metadata) | more | alt
        notebook.cells.append(make(filled, id=cell_id(text, taken), metadata=metadata))
    match_exercises(notebook, source.stem, exercises)
    return notebook


def notebook_metadata(name):
    gpu = {"accelerator": "GPU"} if name[:2] in TRAINING else {}
    return {
        **gpu,
        "colab": {"provenance": [], "toc_visible": True},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


def kept_metadata(metadata):
    kept = {key: metadata[key] for key in KEPT_METADATA if key in metadata}
    if "source_hidden" in metadata.get("jupyter", {}):
        kept["jupyter"] = {"source_hidden": metadata["jupyter"]["source_hidden"]}
    return kept


def without_alt(text):
    """Return a cell's text without the alt text of its picture, and that as metadata."""
    found = ALT.match(text)
    if not found:
        return text, {}
    return text[found.end() :], {"alt": " ".join(found[1].replace("\n#", " ").split())}


def cell_id(text, taken):
    """Return a short name made from the cell's text, so that other cells don't change it."""
    digest = hashlib.sha1(text.encode()).hexdigest()[:8]
    name, copies = digest, 1
    while name in taken:
        copies += 1
        name = f"{digest}-{copies}"
    taken.add(name)
    return name


def fill_in(text, name, exercises, address):
    """Return what a cell of a source becomes: its text, and more metadata."""
    closed = {"cellView": "form", "jupyter": {"source_hidden": True}}
    if text.strip() == SETUP:
        return setup_text(address), closed
    if found := SOLUTION.fullmatch(text.strip()):
        number = found[1]
        if number not in exercises:
            raise CourseError(f"there is no exercise {number}")
        code = reference_text(exercises[number])
        return f"%%solution {number}\n#@title Solution {number}\n{code}", closed
    text = with_colab_links(text, address)
    return text.replace("{{badge}}", f"{badge(name, address)}\n\n{GOES_AWAY}"), {}
