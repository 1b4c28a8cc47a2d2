"""The setup cell, run as a reader runs it, with a small course served from a local repository."""

import os
import subprocess
import sys

import pytest

from address import PLACEHOLDER, Address, setup_text

CELL = setup_text(Address("someone/course", "v1"))
ON_MAIN = setup_text(Address("someone/course", "main"))
UNPUBLISHED = setup_text(Address(PLACEHOLDER, "main"))

# Runs the cell as often as asked, as IPython does, then tells what it made of the path.
RUN = """
import sys
from IPython.core.interactiveshell import InteractiveShell

cell, times = sys.argv[1], int(sys.argv[2])
before = list(sys.path)
shell = InteractiveShell.instance(colors="NoColor")
for _ in range(times):
    result = shell.run_cell(cell)
added = [folder for folder in sys.path if folder not in before]
print("added", *added)
sys.exit(0 if result.success else 1)
"""


def make_course(folder, name="here"):
    (folder / "course_utils").mkdir(parents=True)
    (folder / "course_utils/__init__.py").write_text("")
    start = f"def start(keep):\n    print('started {name}' + ', on Drive' * keep)\n    return 1\n"
    (folder / "course_utils/colab.py").write_text(start)
    return folder


def git(folder, *arguments):
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    """A published course, with the tag v1."""
    folder = make_course(tmp_path / "published", "published")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    git(folder, "tag", "v1")
    return folder


@pytest.fixture
def desk(tmp_path):
    """Where the reader's notebook lies, with no course above it."""
    folder = tmp_path / "desk"
    folder.mkdir()
    return folder


def run_cell(folder, repository, times=1, cell=CELL, **environment):
    home = str(folder / "home")  # IPython's own files
    served = {"COURSE_REPOSITORY": str(repository), "IPYTHONDIR": home}
    return subprocess.run(
        [sys.executable, "-c", RUN, cell, str(times)],
        cwd=folder,
        env={**os.environ, **served, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_in_a_checkout_it_uses_the_course_above(tmp_path):
    course = make_course(tmp_path / "checkout")
    (course / "notebooks").mkdir()
    done = run_cell(course / "notebooks", "/nowhere")
    assert done.stdout == f"started here\nadded {course}\n"
    assert not (course / "notebooks/unet-course-v1").exists()


def test_elsewhere_it_clones_the_tag(desk, repository):
    make_course(repository / "later", "later")  # what came after the tag is not fetched
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "second")
    done = run_cell(desk, repository)
    assert done.stdout == f"started published\nadded {desk / 'unet-course-v1'}\n"
    assert not (desk / "unet-course-v1/later").exists()
    assert not list(desk.glob("*.part"))


def test_run_again_it_does_nothing_new(desk, repository):
    done = run_cell(desk, repository, times=2)
    assert done.stdout == "started published\n" * 2 + f"added {desk / 'unet-course-v1'}\n"


def test_an_existing_clone_is_used_without_a_network(desk):
    make_course(desk / "unet-course-v1", "earlier")
    done = run_cell(desk, "/nowhere")
    assert done.stdout.startswith("started earlier\n")


def test_half_a_clone_is_thrown_away(desk, repository):
    make_course(desk / "unet-course-v1.part", "half")
    done = run_cell(desk, repository)
    assert done.stdout.startswith("started published\n")
    assert not (desk / "unet-course-v1.part").exists()


def test_a_clone_from_which_files_are_missing_is_made_anew(desk, repository):
    (desk / "unet-course-v1/course_utils").mkdir(parents=True)
    done = run_cell(desk, repository)
    assert done.stdout.startswith("started published\n")


def test_a_clone_of_an_older_tag_stays_and_is_not_used(desk, repository):
    make_course(desk / "unet-course-v0", "old")
    done = run_cell(desk, repository)
    assert done.stdout == f"started published\nadded {desk / 'unet-course-v1'}\n"
    assert (desk / "unet-course-v0/course_utils/colab.py").exists()


def a_day_later(repository):
    """The repository's branch moves on."""
    (repository / "course_utils/colab.py").write_text(
        "def start(keep):\n    print('started anew')\n"
    )
    git(repository, "commit", "--quiet", "--all", "-m", "second")


def test_a_branch_is_up_to_date_on_the_second_day_and_stays_as_it_is_in_a_kernel(desk, repository):
    done = run_cell(desk, repository, cell=ON_MAIN)
    assert done.stdout == f"started published\nadded {desk / 'unet-course-main'}\n"
    a_day_later(repository)
    assert run_cell(desk, repository, cell=ON_MAIN).stdout.startswith("started anew\n")
    git(repository, "reset", "--quiet", "--hard", "v1")
    # Once it is imported, its files must stay those that run.
    meanwhile = "import course_utils.colab\n" + ON_MAIN
    there = {"PYTHONPATH": str(desk / "unet-course-main")}
    assert run_cell(desk, repository, cell=meanwhile, **there).returncode == 0
    assert "anew" in (desk / "unet-course-main/course_utils/colab.py").read_text()


@pytest.mark.parametrize("reason", ["offline", "edited"])
def test_a_branch_that_cannot_be_updated_is_used_as_it_is_and_that_is_told(
    desk, repository, reason
):
    run_cell(desk, repository, cell=ON_MAIN)
    a_day_later(repository)
    if reason == "edited":
        mine = "def start(keep):\n    print('started mine')\n"
        (desk / "unet-course-main/course_utils/colab.py").write_text(mine)
    done = run_cell(desk, "/nowhere" if reason == "offline" else repository, cell=ON_MAIN)
    started = {"offline": "published", "edited": "mine"}[reason]
    told = "The course in unet-course-main could not be updated, so it stays as it was.\n"
    assert done.stdout.startswith(f"{told}started {started}\n")


def test_a_course_that_nobody_has_published_says_so_and_fetches_nothing(desk):
    done = run_cell(desk, "", cell=UNPUBLISHED)
    assert done.returncode == 1, "Run all must stop here"
    assert done.stdout.startswith("This copy of the course isn't published yet, so ")
    assert "online" not in done.stdout and "OWNER" not in UNPUBLISHED
    assert list(desk.glob("unet-course*")) == []


def test_it_is_found_all_the_same_where_the_course_lies_around_it(tmp_path):
    course = make_course(tmp_path / "checkout")
    assert run_cell(course, "", cell=UNPUBLISHED).stdout.startswith("started here\n")


@pytest.mark.parametrize("what_is_missing", ["network", "git"])
def test_what_is_missing_is_told_in_one_sentence(desk, what_is_missing):
    path = {"PATH": str(desk)} if what_is_missing == "git" else {}
    done = run_cell(desk, "/nowhere/at/all", **path)
    assert done.returncode == 1, "Run all must stop here"
    assert done.stdout == (
        "The course could not be fetched from /nowhere/at/all: check that you are online and that "
        "git is installed, then run this cell again.\nadded\n"
    )


def test_with_the_internet_switched_off_kaggles_switch_is_named(desk):
    done = run_cell(desk, "/nowhere/at/all", KAGGLE_KERNEL_RUN_TYPE="Interactive")
    assert done.returncode == 1
    assert done.stdout == (
        "The course could not be fetched from /nowhere/at/all: switch on Internet under Session "
        "options, in the panel on the right, then run this cell again.\nadded\n"
    )


def test_the_tick_in_the_form_is_handed_on(desk, repository):
    assert run_cell(desk, repository).stdout.startswith("started published\n")
    ticked = CELL.replace("keep_on_drive = False ", "keep_on_drive = True ")
    told = run_cell(desk, repository, cell=ticked).stdout
    assert told.startswith("started published, on Drive\n")


def test_after_a_failure_it_can_be_run_again(desk, repository):
    assert run_cell(desk, "/nowhere").returncode == 1
    assert run_cell(desk, repository).returncode == 0


def test_it_installs_nothing_and_leaves_torch_alone():
    assert "pip" not in CELL
    assert "torch" not in CELL
    assert "https://github.com/someone/course" in CELL
