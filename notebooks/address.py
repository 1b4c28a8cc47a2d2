"""Where the course is published, and how that gets into badges and setup cells."""

import os
import re
import subprocess
import tomllib
from typing import NamedTuple

from course_files import NOTEBOOKS, README, ROOT, SETTINGS, CourseError, read, write

PLACEHOLDER = "OWNER/diffusion-unet-course"
COLAB = "https://colab.research.google.com"
KAGGLE = "https://kaggle.com"
OPENED_AT = r"(colab\.research\.google\.com/github|kernels/welcome\?src=https://github\.com)"
BADGE_LINK = re.compile(OPENED_AT + r"/[^/\s]+/[^/\s]+/blob/[^/\s]+/")
NOTEBOOK_LINK = re.compile(r"\]\((\d\d_\w+)\.ipynb\)")


class Address(NamedTuple):
    repository: str  # OWNER/REPO
    ref: str  # a tag, or a branch


def current_address():
    """Return the address in pyproject.toml or, while that is empty, one that the machine knows."""
    settings = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))["tool"]["course"]
    repository = settings["repository"] or os.environ.get("GITHUB_REPOSITORY") or git_remote()
    return Address(repository or PLACEHOLDER, settings["tag"] or "main")


def git_remote():
    try:
        answer = subprocess.run(["git", "remote", "-v"], cwd=ROOT, capture_output=True, text=True)
    except OSError:  # git is not installed
        return None
    found = re.search(r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?\s", answer.stdout)
    return found and found[1]


def stored_address(notebook):
    """Return the address that a stored notebook's setup cell names; a fork has its own."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    repository = re.search(r'"https://github\.com/([^/"]+/[^/"]+)"', text)
    ref = re.search(r'^TAG = "(.+)"$', text, re.MULTILINE)
    if not (repository and ref):
        raise CourseError("the setup cell is not there, or has been edited")
    return Address(repository[1], ref[1])


def on_colab(name, address):
    page = f"{address.repository}/blob/{address.ref}/notebooks/{name}.ipynb"
    return f"{COLAB}/github/{page}"


def badge(name, address):
    colab = on_colab(name, address)
    kaggle = colab.replace(f"{COLAB}/github", f"{KAGGLE}/kernels/welcome?src=https://github.com")
    return (
        f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({colab}) "
        f"[![Open in Kaggle]({KAGGLE}/static/images/open-in-kaggle.svg)]({kaggle})"
    )


def with_colab_links(text, address):
    """Put a link to Colab beside each link to a notebook.

    The one to the file works in a checkout and on GitHub; beside a copy on Drive is no such file.
    """
    return NOTEBOOK_LINK.sub(
        lambda found: f"{found[0]} ([on Colab]({on_colab(found[1], address)}))", text
    )


def setup_text(address):
    text = (NOTEBOOKS / "setup_cell.py").read_text(encoding="utf-8").strip()
    return text.replace("OWNER/REPO", address.repository).replace('"TAG"', f'"{address.ref}"')


def set_address(repository, tag=None):
    """Store the address, and put it into badges and setup cells without executing anything.

    Without a tag it stays as it is. Raises CourseError for what is no address.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise CourseError(f"an address is OWNER/REPO, not {repository!r}")
    address = Address(repository, tag or current_address().ref)
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    notebooks = [with_address(read(path), path.stem, address) for path in paths]
    for notebook, path in zip(notebooks, paths, strict=True):
        write(notebook, path)
    change(SETTINGS, lambda text: with_setting(text, "repository", repository))
    if tag:
        change(SETTINGS, lambda text: with_setting(text, "tag", tag))
    if README.exists():
        change(README, lambda text: with_badges(text, address))
    print(f"the course's address is now {address.repository}, at {address.ref}")


def with_address(notebook, name, address):
    setup_before = setup_text(stored_address(notebook))
    if setup_before not in [cell.source for cell in notebook.cells]:
        raise CourseError(f"{name}: its setup cell is an older one: build it again")
    for cell in notebook.cells:
        if cell.source == setup_before:
            cell.source = setup_text(address)
        elif cell.cell_type == "markdown":
            cell.source = with_badges(cell.source, address)
    return notebook


def with_setting(text, name, value):
    return re.sub(rf'(?m)^{name} = ".*"$', f'{name} = "{value}"', text)


def change(path, new):
    path.write_text(new(path.read_text(encoding="utf-8")), encoding="utf-8")


def with_badges(text, address):
    return BADGE_LINK.sub(rf"\1/{address.repository}/blob/{address.ref}/", text)
