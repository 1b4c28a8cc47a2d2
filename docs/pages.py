"""Lay out what the site shows: a front page, the notebooks as they are stored, and the guides.

    python docs/pages.py DIR

Sphinx makes the site from that folder.
"""

import json
import re
import shutil
import sys
from pathlib import Path

from front import front_page
from scores import scores_page
from sliders import with_sliders

ROOT = Path(__file__).resolve().parents[1]
TITLE = re.compile(r"(?:%%solution \S+\n)?#@title (.+)\n")
BADGE = re.compile(r"\[!\[(Open in \w+)\]\([^)]*\)\]")

SETUP = "# Outside the notebooks\n"
CONTENTS = """
```{{toctree}}
:hidden:

{}
scores
setup
CONTRIBUTING
mistakes/index
```
"""


def write_pages(folder):
    """Write the pages into a folder that is not there yet. Raises ValueError for a bad cell."""
    notebooks = folder / "notebooks"
    shutil.copytree(ROOT / "notebooks", notebooks, ignore=all_but_pages)
    for path in notebooks.glob("*.ipynb"):
        path.write_text(notebook_page(path.read_text(encoding="utf-8")), encoding="utf-8")
    shutil.copy(ROOT / "CONTRIBUTING.md", folder)
    names = sorted(f"notebooks/{path.stem}" for path in notebooks.glob("*.ipynb"))
    (folder / "setup.md").write_text(setup_page(), encoding="utf-8")
    (folder / "scores.md").write_text(scores_page(), encoding="utf-8")
    front = front_page(ROOT / "notebooks") + CONTENTS.format("\n".join(names))
    (folder / "index.md").write_text(front, encoding="utf-8")


def setup_page():
    """Return what the README says that the front page and the sidebar don't show."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return SETUP + readme[readme.index("\n## On your own machine\n") :]


def all_but_pages(folder, names):
    return [name for name in names if not name.endswith((".ipynb", ".png", ".gif"))]


def notebook_page(text):
    """Return a notebook's JSON as the site shows it.

    Raises ValueError for a form cell without a title, and for a still that makes no slider.
    """
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            cell["source"] = with_text_badges(cell["source"])
        elif cell["metadata"].get("cellView") == "form":
            close(cell)
        elif "alt" in cell["metadata"]:
            cell["metadata"]["mystnb"] = {"image": {"alt": cell["metadata"]["alt"]}}
            with_sliders(cell)
    return json.dumps(notebook)


def close(cell):
    """Hide the code of a form cell behind its title, as Colab does."""
    title = TITLE.match(cell["source"])
    if not title:
        raise ValueError(f"a form cell begins with #@title, not with {cell['source']:.60}")
    cell["source"] = cell["source"][title.end() :]
    cell["metadata"]["tags"] = [*cell["metadata"].get("tags", []), "hide-input"]
    cell["metadata"]["mystnb"] = {"code_prompt_show": title[1], "code_prompt_hide": title[1]}


def with_text_badges(text):
    """Return the text with links in place of badges, whose picture would come from elsewhere."""
    return BADGE.sub(r"[\1]", text)


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
