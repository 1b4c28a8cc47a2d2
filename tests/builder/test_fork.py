"""Fork and go: what GitHub runs in a copy of the course, with bare repositories for GitHub's."""

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import rehearse
import yaml
from nbclient import NotebookClient
from nbformat.v4 import reads_json

from course_utils.embedding import frequencies
from outputs import output_text

ROOT = Path(__file__).parents[2]
READERS = ROOT / ".venv-readers/bin/python"
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in (ROOT / ".github/workflows").glob("*.yml")
}
BOT = "github-actions[bot]"


# --- a stand-in for GitHub -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The course as it is here, committed on main, and released by nobody."""
    folder = tmp_path_factory.mktemp("published") / "course"
    rehearse.publish(folder)
    for tag in git(folder, "tag").split():
        git(folder, "tag", "--delete", tag)
    return folder


@pytest.fixture
def github(published, tmp_path, monkeypatch):
    """Push the course to a new repository of GitHub's, and return where it is."""
    # Nothing of the machine's own settings, and no way to GitHub but this folder.
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.delenv("COURSE_REPOSITORY", raising=False)
    there = tmp_path / "github/you/fork"
    git(tmp_path, "config", "--global", f"url.{tmp_path}/github/.insteadOf", "https://github.com/")
    git(tmp_path, "config", "--global", "core.compression", "0")  # nothing is sent far
    git(tmp_path, "config", "--global", "pack.window", "0")
    git(tmp_path, "clone", "--quiet", "--bare", str(published), str(there))
    return there


def git(folder, *arguments):
    who = ["-c", "user.name=you", "-c", "user.email=you@localhost"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def checkout(github, folder, branch="main"):
    git(github.parent, "clone", "--quiet", "--branch", branch, str(github), str(folder))
    return folder


def steps(workflow, job):
    return [step["run"] for step in WORKFLOWS[workflow]["jobs"][job]["steps"] if "run" in step]


def run_steps(commands, folder, repository, branch="main"):
    """Run steps of a workflow in a checkout, as GitHub does, with a Python that has no packages."""
    tools = folder.with_name("tools")
    tools.mkdir(exist_ok=True)
    for name in ("python", "python3"):
        (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
        (tools / name).chmod(0o755)
    known = {"GITHUB_REPOSITORY": repository, "GITHUB_REF_NAME": branch}
    environment = {**os.environ, **known, "PATH": f"{tools}:{os.environ['PATH']}"}
    for command in commands:
        shell = ["bash", "-e", "-c", command]
        done = subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def after_a_push(github, repository="you/fork", branch="main"):
    """Let the workflow run as after a push; return the subjects of the commits that it made."""
    before = git(github, "rev-parse", branch)
    runner = github.parent / f"runner{len(list(github.parent.iterdir()))}"
    run_steps(steps("address", "address"), checkout(github, runner, branch), repository, branch)
    return git(github, "log", "--format=%an: %s", f"{before}..{branch}").splitlines()


def shown(github, path, ref="main"):
    return git(github, "show", f"{ref}:{path}")


def files(github, branch="main"):
    """Return the texts of the files that name the address."""
    where = "README.md", "pyproject.toml", "notebooks/"
    listed = git(github, "ls-tree", "--name-only", branch, *where).splitlines()
    found = [path for path in listed if path in where or path.endswith(".ipynb")]
    assert len(found) == 14
    return {path: shown(github, path, branch) for path in found}


def assert_address(texts, repository, ref):
    """All links, setup cells and settings have this address, and no other."""
    for name, text in texts.items():
        assert name == "pyproject.toml" or not re.search(r"OWNER|/TAG/|\bTAG =", text), name
        links = re.findall(r"/github(?:\.com)?/([^/\s]+/[^/\s]+)/blob/(\S+?)/notebooks/", text)
        assert links or name == "pyproject.toml", name
        assert set(links) <= {(repository, ref)}, name
        if name.endswith(".ipynb"):
            assert f'(\\"COURSE_REPOSITORY\\", \\"https://github.com/{repository}\\")' in text
            assert f'"REF = \\"{ref}\\"  #' in text
    assert f'\nrepository = "{repository}"\n' in texts["pyproject.toml"]
    assert f'\nref = "{ref}"\n' in texts["pyproject.toml"]


def release(github, repository, version):
    """Publish a release, as `make release` prepares it."""
    work = checkout(github, github.parent / f"author-{version}")
    call = f"import address; address.set_address({repository!r}, {version!r})"
    subprocess.run([sys.executable, "-c", call], cwd=work / "notebooks", check=True)
    git(work, "commit", "--quiet", "--all", "--message", f"Release {version}")
    git(work, "tag", "--annotate", version, "--message", version)
    git(work, "push", "--quiet", "--atomic", "origin", "main", version)


# --- the address ---------------------------------------------------------------------------------


def test_the_first_push_makes_one_commit_and_the_second_makes_none(github):
    assert after_a_push(github) == [f"{BOT}: Let links and setup cells point at you/fork"]
    assert_address(files(github), "you/fork", "main")
    assert after_a_push(github) == []


def test_nothing_but_the_address_is_changed(github):
    before = git(github, "rev-parse", "main")
    after_a_push(github)
    counted = git(github, "diff", "--numstat", before, "main").splitlines()
    changed = [line.split() for line in counted]
    assert {name for _, _, name in changed} == set(files(github))
    assert all(int(added) == int(gone) for added, gone, _ in changed)
    once = files(github)
    after_a_push(github, "some.one/else")
    after_a_push(github)
    assert files(github) == once


def test_a_fork_whose_branch_has_another_name_points_at_that(github):
    git(github, "branch", "--move", "main", "teaching/2026")
    assert len(after_a_push(github, branch="teaching/2026")) == 1
    assert_address(files(github, "teaching/2026"), "you/fork", "teaching/2026")
    assert after_a_push(github, branch="teaching/2026") == []
    git(github, "branch", "--move", "teaching/2026", "main")
    assert len(after_a_push(github)) == 1
    assert_address(files(github), "you/fork", "main")


@pytest.mark.parametrize("tags", ["with its tags", "without its tags"])
def test_a_fork_of_a_released_course_points_at_itself(github, tags):
    release(github, "them/course", "v9.9.0")
    if tags == "without its tags":
        git(github, "tag", "--delete", "v9.9.0")
    assert len(after_a_push(github, "you/fork")) == 1
    assert_address(files(github), "you/fork", "main")
    assert after_a_push(github, "you/fork") == []


def test_a_release_wins_and_the_newest_of_them(github):
    after_a_push(github)
    for version in ("v9.9.0", "v9.10.0"):
        release(github, "you/fork", version)
        assert after_a_push(github) == []
        assert_address(files(github), "you/fork", version)


def test_a_release_whose_address_was_typed_in_other_letters_wins_too(github):
    release(github, "You/FORK", "v9.9.0")
    after_a_push(github)
    assert_address(files(github), "you/fork", "v9.9.0")


def test_a_contribution_from_a_fork_does_not_undo_a_release(github):
    release(github, "them/course", "v9.9.0")
    after_a_push(github, "you/fork")  # and it was merged, address and all
    assert len(after_a_push(github, "them/course")) == 1
    assert_address(files(github), "them/course", "v9.9.0")


def test_the_first_site_of_a_fork_leads_to_the_fork(github, tmp_path):
    runner = checkout(github, github.parent / "runner")
    (command,) = [run for run in steps("pages", "build") if "address.py" in run]
    run_steps([command], runner, "you/fork")
    pages = tmp_path / "pages"
    subprocess.run([sys.executable, "docs/pages.py", str(pages)], cwd=runner, check=True)
    texts = [path.read_text() for pattern in ("*.md", "*/*.ipynb") for path in pages.glob(pattern)]
    links = [link for text in texts for link in re.findall(r"/github/([^/]+/[^/]+)/blob/", text)]
    assert len(texts) == 16 and len(links) >= 22 and set(links) == {"you/fork"}


def test_the_workflow_may_write_in_that_one_job_and_runs_on_the_default_branch_only():
    workflow = WORKFLOWS["address"]
    assert workflow["permissions"] == {}
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "write"}
    default = "format('refs/heads/{0}', github.event.repository.default_branch)"
    assert job["if"] == f"github.ref == {default}"
    assert set(workflow[True]) == {"push", "workflow_dispatch"}  # YAML takes `on` for a truth
    assert workflow[True]["push"] == {"branches": ["**"]}  # and no tags


# --- the first and the last minute ---------------------------------------------------------------


@pytest.fixture
def machine(github, tmp_path, monkeypatch):
    """Open notebooks on Colab's machines, each new and empty, with one Drive for all of them."""
    rehearse.write_kernel(tmp_path, READERS if READERS.exists() else sys.executable, "unused")
    kernel = tmp_path / "jupyter/kernels/colab/kernel.json"
    described = json.loads(kernel.read_text())
    del described["env"]["COURSE_REPOSITORY"]  # the setup cell must know where the course is
    kernel.write_text(json.dumps(described))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))

    def run(name, notebook):
        (tmp_path / name).mkdir()
        resources = {"metadata": {"path": str(tmp_path / name)}}
        client = NotebookClient(notebook, kernel_name="colab", resources=resources, timeout=300)
        client.execute()
        return "\n".join(output_text(output) for cell in notebook.cells for output in cell.outputs)

    return run


def opened(github, number, *of_exercise):
    """Open a notebook by its badge in the README: what it begins with, and cells of an exercise."""
    badge = rf"/github/you/fork/blob/(\S+?)/(notebooks/{number}_\w+\.ipynb)\)"
    ref, path = re.search(badge, shown(github, "README.md")).groups()
    notebook = reads_json(shown(github, path, ref))
    wanted = ("#@title Set up", "import ", "mine = portfolio.load", *of_exercise)
    notebook.cells = [cell for cell in notebook.cells if cell.source.startswith(wanted)]
    for cell in notebook.cells:
        cell.source = cell.source.replace("keep_on_drive = False", "keep_on_drive = True")
        cell.outputs = []
    return notebook


def test_fork_push_open_work_close_and_come_back_on_another_machine(github, machine, tmp_path):
    after_a_push(github)
    first = opened(github, "01", "def frequencies", 'frequencies = check("1.1"')
    (stub,) = [cell for cell in first.cells if cell.source.startswith("def frequencies")]
    stub.source = inspect.getsource(frequencies)
    assert "Kept in my_unet.py" in machine("today", first)
    assert (tmp_path / "today/unet-course-main").is_dir()

    work = checkout(github, github.parent / "evening")  # the teacher adds a line overnight
    with (work / "course_utils/colab.py").open("a") as colab:
        colab.write("\n\nprint('Good morning.')\n")
    git(work, "commit", "--quiet", "--all", "--message", "Good morning")
    git(work, "push", "--quiet")
    assert after_a_push(github) == []

    said = machine("tomorrow", opened(github, "02"))
    assert said.startswith("Good morning.")
    assert "Yours, from my_unet.py: frequencies." in said
    assert not (tmp_path / "tomorrow/my_unet.py").exists()
