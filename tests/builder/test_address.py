"""build.py --address: where the course is published."""

import subprocess

from toy_course import assert_ok, assert_refused, command, modules_of, read

from address import Address, with_badges, with_colab_links


def test_a_new_address_goes_everywhere_and_nothing_is_executed(course):
    outputs = [cell.get("outputs") for cell in read(course).cells]
    assert_ok(command(course, "--address", "someone/course"))
    notebook = read(course)
    assert "github/someone/course/blob/v1/" in notebook.cells[0].source
    kaggle = "kaggle.com/kernels/welcome?src=https://github.com/someone/course/blob/v1/notebooks/"
    assert f"(https://{kaggle}01_toy.ipynb)" in notebook.cells[0].source
    assert "**File > Save a copy in Drive** keeps it" in notebook.cells[0].source
    assert '"https://github.com/someone/course"' in notebook.cells[1].source
    assert [cell.get("outputs") for cell in notebook.cells] == outputs
    assert "github/someone/course/blob/v1/notebooks/01_toy" in (course / "README.md").read_text()
    assert 'repository = "someone/course"' in (course / "pyproject.toml").read_text()
    assert "OWNER" not in (course / "notebooks/01_toy.ipynb").read_text()
    assert_ok(command(course, "--check"))


def test_a_new_tag_goes_everywhere_too(course):
    settings = course / "pyproject.toml"
    settings.write_text(settings.read_text().replace("v1", "v2"))
    assert_refused(command(course, "--check"), "cell 1: source is", "cell 2: source is")
    assert_ok(command(course, "--address", "someone/course"))
    assert_ok(command(course, "--check"))
    assert 'TAG = "v2"' in read(course).cells[1].source


def test_what_is_no_address_is_refused(course):
    assert_refused(command(course, "--address", "https://github.com/a/b"), "OWNER/REPO")


def test_an_older_setup_cell_must_be_built_again(course):
    template = course / "notebooks/setup_cell.py"
    template.write_text(template.read_text() + "\nprint('more')\n")
    before = (course / "pyproject.toml").read_text()
    assert_refused(command(course, "--address", "someone/course"), "01_toy", "build it again")
    assert (course / "pyproject.toml").read_text() == before


def test_a_link_to_a_notebook_has_one_to_colab_beside_it_and_both_follow_the_address():
    text = "Next: [02,\nthe block](02_conv_block.ipynb). See [the code](../course_utils/blocks.py)."
    linked = with_colab_links(text, Address("someone/course", "v1"))
    page = "https://colab.research.google.com/github/someone/course/blob/v1/notebooks/02_conv_block"
    assert linked == text.replace(".ipynb)", f".ipynb) ([on Colab]({page}.ipynb))")
    moved = with_badges(linked, Address("another/fork", "v2"))
    assert moved == linked.replace("someone/course/blob/v1", "another/fork/blob/v2")


def test_without_an_address_the_remote_of_git_is_used(course, monkeypatch):
    subprocess.run(["git", "init", "--quiet"], cwd=course, check=True)
    remote = "git@github.com:someone/from-git.git"
    subprocess.run(["git", "remote", "add", "origin", remote], cwd=course, check=True)
    with modules_of(course) as module:
        current_address = module("address").current_address
    assert current_address() == ("someone/from-git", "v1")
    monkeypatch.setenv("GITHUB_REPOSITORY", "someone/from-ci")
    assert current_address() == ("someone/from-ci", "v1")
