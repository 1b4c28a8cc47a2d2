"""Where the course is published, and how that gets into links and setup cells.

    python notebooks/address.py OWNER/REPO [--branch main]

A release of this repository is what they point at; until there is one, the branch. Nothing is
executed, and nothing is needed but Python and git: a fork's workflow runs it in seconds.
"""

import argparse
import os
import re
import subprocess
import sys
import tomllib
from typing import NamedTuple

from course_files import NOTEBOOKS, README, ROOT, SETTINGS, CourseError

PLACEHOLDER = "OWNER/diffusion-unet-course"
COLAB = "https://colab.research.google.com"
KAGGLE = "https://kaggle.com"
# In a notebook's file, quotes are escaped.
REPOSITORY = re.compile(r'(COURSE_REPOSITORY\\?", \\?")(?:https://github\.com/)?([^"\\]*)')
REF = re.compile(r'(\bREF = \\?")([^"\\]*)')
# To one of the course's notebooks, on GitHub or through Colab.
LINK = re.compile(r'(/github(?:\.com)?/)[\w.-]+/[\w.-]+/blob/[^\s"]+?(/notebooks/\d\d_)')
NOTEBOOK_LINK = re.compile(r"\]\((\d\d_\w+)\.ipynb\)")


class Address(NamedTuple):
    repository: str  # OWNER/REPO
    ref: str  # a tag, or a branch

    @property
    def url(self):
        """What git can fetch: nothing, as long as nobody has published the course."""
        is_known = self.repository != PLACEHOLDER
        return f"https://github.com/{self.repository}" if is_known else ""


def git(*arguments):
    """Return what git says. Raises CourseError when it refuses."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise CourseError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def current_address():
    """Return the address in pyproject.toml or, while that is empty, one that the machine knows."""
    settings = course_settings(SETTINGS.read_text(encoding="utf-8"))
    repository = settings["repository"] or os.environ.get("GITHUB_REPOSITORY") or git_remote()
    return Address(repository or PLACEHOLDER, settings["ref"])


def course_settings(text):
    return tomllib.loads(text)["tool"]["course"]


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
    repository, ref = REPOSITORY.search(text), REF.search(text)
    if not (repository and ref):
        raise CourseError("the setup cell is not there, or has been edited")
    return Address(repository[2] or PLACEHOLDER, ref[2])


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
    return with_setup(text, address)


def newest_release(repository):
    """Return the newest tag that `make release` made for this repository, or None.

    A fork may have its parent's tags too. Their notebooks fetch the parent's course, so they are no
    releases of the fork's.
    """
    versions = re.findall(r"^v(\d+)\.(\d+)\.(\d+)$", git("tag", "--list"), re.MULTILINE)
    for version in sorted((tuple(map(int, found)) for found in versions), reverse=True):
        tag = "v{}.{}.{}".format(*version)
        settings = course_settings(git("show", f"{tag}:pyproject.toml"))
        if (settings["repository"].lower(), settings.get("ref")) == (repository.lower(), tag):
            return tag
    return None


def set_address(repository, ref):
    """Store the address, and put it into links and setup cells without executing anything.

    Raises CourseError, before anything is changed, for what is no address.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise CourseError(f"an address is OWNER/REPO, not {repository!r}")
    if not re.fullmatch(r"[\w./-]+", ref):
        raise CourseError(f"a link can't hold a branch of the name {ref!r}")
    address = Address(repository, ref)
    changed = {SETTINGS: with_settings(SETTINGS.read_text(encoding="utf-8"), address)}
    for path in filter(os.path.exists, [README, *sorted(NOTEBOOKS.glob("*.ipynb"))]):
        text = path.read_text(encoding="utf-8")
        if path != README and not (REPOSITORY.search(text) and REF.search(text)):
            raise CourseError(f"{path.stem}: its setup cell names no address: build it again")
        changed[path] = with_links(with_setup(text, address), address)
    for path, text in changed.items():
        path.write_text(text, encoding="utf-8")
    print(f"the course's address is {address.repository}, at {address.ref}")


def with_settings(text, address):
    for name, value in address._asdict().items():
        text = re.sub(rf'(?m)^{name} = ".*"$', f'{name} = "{value}"', text)
    return text


def with_setup(text, address):
    text = REPOSITORY.sub(rf"\g<1>{address.url}", text)
    return REF.sub(rf"\g<1>{address.ref}", text)


def with_links(text, address):
    return LINK.sub(rf"\g<1>{address.repository}/blob/{address.ref}\2", text)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Let links and setup cells point at a copy.")
    parser.add_argument("repository", metavar="OWNER/REPO")
    parser.add_argument("--branch", default="main", help="until there is a release")
    options = parser.parse_args(arguments)
    try:
        set_address(options.repository, newest_release(options.repository) or options.branch)
    except CourseError as error:
        sys.exit(f"address.py: {error}")


if __name__ == "__main__":
    main()
