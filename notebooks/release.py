"""Prepare a release: an address and a version go everywhere, the site is made; commit and tag.

    python notebooks/release.py OWNER/REPO vX.Y.Z

Nothing is pushed. When a step fails, the files and the branch are as they were before.
"""

import argparse
import re
import subprocess
import sys

import build
from address import git, set_address
from course_files import ROOT, CourseError

DONE = """\
{version} is committed on {branch} and tagged, and its site is in build/site. Nothing is pushed.
When you have looked at the site and `make test SHARE=1` has passed:
  git push --atomic https://github.com/{repository} {branch} {version}
To take the release back instead:
  git tag --delete {version} && git reset --hard {before}"""


def refuse_what_is_not_ready(version):
    """Raise CourseError unless this version can be released from what is committed here."""
    if not re.fullmatch(r"v\d+\.\d+\.\d+", version):
        raise CourseError(f"a version is like v1.2.3, not {version!r}")
    if changed := git("status", "--porcelain"):
        raise CourseError(f"commit these files first, or take them away:\n{changed}")
    if not git("branch", "--show-current"):
        raise CourseError("the release would be on no branch: git switch to one first")
    if git("tag", "--list", version):
        raise CourseError(f"the tag {version} is there already: choose a higher version")


def prepare(repository, version):
    """Change the files, make the site, commit and tag. Raises CourseError when a step fails."""
    set_address(repository, version)
    if build.check():
        raise CourseError("a notebook does not fit its source: build it and commit it first")
    if subprocess.run(["make", "site"], cwd=ROOT).returncode:
        raise CourseError("the site could not be made: the reason is above")
    title = f"Release {version}"
    if git("status", "--porcelain"):
        git("commit", "--quiet", "--all", "--message", title)
    git("tag", "--annotate", version, "--message", title)


def release(repository, version):
    """Prepare a release, or leave everything as it was. Raises CourseError, saying why."""
    refuse_what_is_not_ready(version)
    before = git("rev-parse", "HEAD")
    try:
        prepare(repository, version)
    except BaseException:  # Ctrl+C too
        git("reset", "--quiet", "--hard", before)
        print("nothing is released; the files are as they were before", file=sys.stderr)
        raise
    branch = git("branch", "--show-current")
    print(DONE.format(version=version, repository=repository, branch=branch, before=before[:12]))


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Prepare a release; push nothing.")
    parser.add_argument("repository", metavar="OWNER/REPO")
    parser.add_argument("version", metavar="vX.Y.Z")
    options = parser.parse_args(arguments)
    try:
        release(options.repository, options.version)
    except CourseError as error:
        sys.exit(f"release.py: {error}")


if __name__ == "__main__":
    main()
