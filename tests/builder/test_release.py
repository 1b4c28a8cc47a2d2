"""notebooks/release.py, tried on a small course in a git repository that is made for it."""

import importlib
import re
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from toy_course import ROOT, modules_of

from address import Address
from assemble import assemble
from course_files import write

SOURCE = "# %% [markdown]\n# # Toy\n# {{badge}}\n\n# %%\n# setup\n"
BADGE = "[open](https://colab.research.google.com/github/a/b/blob/v0.1.0/notebooks/01_toy.ipynb)\n"


@pytest.fixture
def course(tmp_path):
    """A course that is committed and has a place to push to; what its site is made by, says so."""
    (tmp_path / "notebooks/source").mkdir(parents=True)
    for path in (ROOT / "notebooks").glob("*.py"):
        shutil.copy(path, tmp_path / "notebooks")
    (tmp_path / "notebooks/source/01_toy.py").write_text(SOURCE)
    (tmp_path / "pyproject.toml").write_text('[tool.course]\nrepository = "a/b"\nref = "v0.1.0"\n')
    (tmp_path / "README.md").write_text(BADGE)
    (tmp_path / "Makefile").write_text("site:\n\t@mkdir -p build\n\t@echo made > build/site\n")
    (tmp_path / ".gitignore").write_text("build/\n__pycache__/\n")
    notebook = assemble(tmp_path / "notebooks/source/01_toy.py", {}, Address("a/b", "v0.1.0"))
    notebook.cells[1].execution_count = 1
    write(notebook, tmp_path / "notebooks/01_toy.ipynb")
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "init", "--quiet", "--bare", "build/remote")
    git(tmp_path, "remote", "add", "origin", "build/remote")
    for setting in ("user.name=A", "user.email=a@b.c", "commit.gpgSign=false"):
        git(tmp_path, "config", *setting.split("="))
    commit(tmp_path)
    with modules_of(tmp_path, lambda: SimpleNamespace(EXERCISES={})):
        yield tmp_path


def git(course, *arguments):
    run = ["git", *arguments]
    return subprocess.run(
        run, cwd=course, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(course):
    git(course, "add", "--all")
    git(course, "commit", "--quiet", "--message", "before")


def release(course, repository="you/fork", version="v0.2.0"):
    """Return how the command ends: None, or what it says."""
    try:
        importlib.import_module("release").main([repository, version])
    except SystemExit as end:
        return end.code


def state(course):
    """All that a release that is refused must leave alone."""
    asked = ["rev-parse HEAD", "status --porcelain", "tag --list", "diff", "branch --show-current"]
    return [git(course, *words.split()) for words in asked]


def refused(course, *arguments):
    before = state(course)
    said = release(course, *arguments)
    assert said and state(course) == before
    return said


def test_a_release_is_committed_and_tagged_and_not_pushed(course, capfd):
    before = git(course, "rev-parse", "HEAD")
    assert release(course) is None
    assert git(course, "log", "--format=%s") == "Release v0.2.0\nbefore"
    assert git(course, "cat-file", "-t", "v0.2.0") == "tag"
    assert git(course, "rev-parse", "v0.2.0^{}") == git(course, "rev-parse", "HEAD")
    assert git(course, "status", "--porcelain") == ""
    assert git(course, "ls-remote", "origin") == ""
    said = capfd.readouterr().out
    assert "git push --atomic https://github.com/you/fork main v0.2.0" in said
    assert f"git reset --hard {before[:12]}" in said


def test_a_release_has_its_address_and_version_everywhere_and_a_site(course):
    assert release(course) is None
    settings = (course / "pyproject.toml").read_text()
    assert 'repository = "you/fork"\nref = "v0.2.0"' in settings
    assert "github/you/fork/blob/v0.2.0/" in (course / "README.md").read_text()
    notebook = (course / "notebooks/01_toy.ipynb").read_text()
    assert "github/you/fork/blob/v0.2.0/notebooks/01_toy.ipynb" in notebook
    assert "https://github.com/you/fork" in notebook and 'REF = \\"v0.2.0\\"' in notebook
    assert (course / "build/site").read_text() == "made\n"


def test_a_release_that_changes_nothing_is_tagged(course):
    assert release(course, "a/b", "v0.1.0") is None
    assert git(course, "log", "--format=%s") == "before"
    assert git(course, "tag", "--list") == "v0.1.0"


@pytest.mark.parametrize("version", ["", "0.2.0", "v0.2", "v0.2.0rc1", "v0.2.0 ", "main"])
def test_what_is_no_version_is_refused(course, version):
    assert "a version is like v1.2.3" in refused(course, "you/fork", version)


@pytest.mark.parametrize("repository", ["", "fork", "you/", "you/fork/more", "https://a.b/c/d"])
def test_what_is_no_address_is_refused(course, repository):
    assert "an address is OWNER/REPO" in refused(course, repository)


@pytest.mark.parametrize("name", ["README.md", "new.txt"])
def test_files_that_are_not_committed_are_named(course, name):
    (course / name).write_text("changed")
    assert re.search(rf"commit these files first.*\n.* {name}", refused(course))


def test_a_tag_that_is_there_is_refused(course):
    git(course, "tag", "v0.2.0")
    assert "v0.2.0 is there already" in refused(course)


def test_a_release_on_no_branch_is_refused(course):
    git(course, "switch", "--quiet", "--detach")
    assert "on no branch" in refused(course)


def no_site(course):
    (course / "Makefile").write_text("site:\n\t@exit 1\n")


def no_fitting_source(course):
    (course / "notebooks/source/01_toy.py").write_text(SOURCE.replace("Toy", "Game"))


def no_commit(course):
    hook = course / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    hook.chmod(0o755)


def no_tag(course):
    git(course, "config", "tag.gpgSign", "true")
    git(course, "config", "gpg.program", "false")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (no_site, "the site could not be made"),
        (no_fitting_source, "does not fit its source"),
        (no_commit, "git commit failed: not today"),
        (no_tag, "git tag failed"),
    ],
)
def test_a_step_that_fails_leaves_everything_as_it_was(course, capfd, spoil, said):
    spoil(course)
    if git(course, "status", "--porcelain"):
        commit(course)
    assert said in refused(course)
    assert "the files are as they were before" in capfd.readouterr().err


def test_an_interrupted_release_leaves_everything_as_it_was(course, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    before = state(course)
    monkeypatch.setattr(importlib.import_module("build"), "check", interrupted)
    with pytest.raises(KeyboardInterrupt):
        release(course)
    assert state(course) == before
