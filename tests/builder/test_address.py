"""notebooks/address.py: where the course is published. test_fork.py tries it as GitHub runs it."""

import subprocess

import pytest
from toy_course import assert_ok, command, edit_source, modules_of, read

from address import Address, with_colab_links, with_links


@pytest.fixture
def addressed(course):
    """Give the course an address, as the command does; return what it says when it refuses."""
    subprocess.run(["git", "init", "--quiet"], cwd=course, check=True)

    def address(*arguments):
        with modules_of(course) as module:
            try:
                module("address").main(arguments)
            except SystemExit as end:
                return end.code

    return address


def test_a_new_address_goes_everywhere_and_nothing_is_executed(course, addressed):
    outputs = [cell.get("outputs") for cell in read(course).cells]
    assert addressed("someone/course") is None
    notebook = read(course)
    assert "github/someone/course/blob/main/" in notebook.cells[0].source
    kaggle = "kaggle.com/kernels/welcome?src=https://github.com/someone/course/blob/main/notebooks/"
    assert f"(https://{kaggle}01_toy.ipynb)" in notebook.cells[0].source
    assert "**File > Save a copy in Drive** keeps it" in notebook.cells[0].source
    assert '"https://github.com/someone/course"' in notebook.cells[1].source
    assert 'REF = "main"' in notebook.cells[1].source
    assert [cell.get("outputs") for cell in notebook.cells] == outputs
    assert "github/someone/course/blob/main/notebooks/01_toy" in (course / "README.md").read_text()
    settings = (course / "pyproject.toml").read_text()
    assert 'repository = "someone/course"\nref = "main"' in settings
    assert "OWNER" not in (course / "notebooks/01_toy.ipynb").read_text()
    assert_ok(command(course, "--check"))


def test_links_to_other_notebooks_of_the_course_move_and_links_elsewhere_stay(course, addressed):
    ours = "https://github.com/OWNER/diffusion-unet-course/blob/v1/notebooks/02_more.ipynb"
    kaggle = f"[Kaggle](https://kaggle.com/kernels/welcome?src={ours})"
    elsewhere = "https://github.com/a/b/blob/main/README.md, https://github.com/a/b"
    edit_source(course, "# # Toy", f"# # Toy [next]({ours}) {kaggle} {elsewhere}")
    assert_ok(command(course, "--prose"))
    assert addressed("someone/course", "--branch", "trunk") is None
    text = read(course).cells[0].source
    assert text.count("github.com/someone/course/blob/trunk/notebooks/02_more.ipynb)") == 2
    assert elsewhere in text and "OWNER" not in text


def test_a_new_ref_in_the_settings_is_missed_in_the_notebooks(course, addressed):
    settings = course / "pyproject.toml"
    settings.write_text(settings.read_text().replace("v1", "v2"))
    assert "cell 1: source is" in command(course, "--check").said
    assert addressed("someone/course", "--branch", "v2") is None
    assert_ok(command(course, "--check"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["https://github.com/a/b"], "an address is OWNER/REPO"),
        (["a/b", "--branch", 'a"b'], "can't hold a branch of the name"),
    ],
)
def test_what_is_no_address_is_refused(addressed, arguments, said):
    assert said in addressed(*arguments)


def test_a_setup_cell_without_an_address_is_named_and_nothing_is_changed(course, addressed):
    notebook = course / "notebooks/01_toy.ipynb"
    notebook.write_text(notebook.read_text().replace("COURSE_REPOSITORY", "ANOTHER"))
    before = (course / "pyproject.toml").read_text(), (course / "README.md").read_text()
    assert "01_toy: its setup cell names no address" in addressed("someone/course")
    assert ((course / "pyproject.toml").read_text(), (course / "README.md").read_text()) == before


def test_a_link_to_a_notebook_has_one_to_colab_beside_it_and_both_follow_the_address():
    text = "Next: [02,\nthe block](02_conv_block.ipynb). See [the code](../course_utils/blocks.py)."
    linked = with_colab_links(text, Address("someone/course", "v1"))
    page = "https://colab.research.google.com/github/someone/course/blob/v1/notebooks/02_conv_block"
    assert linked == text.replace(".ipynb)", f".ipynb) ([on Colab]({page}.ipynb))")
    moved = with_links(linked, Address("another/fork", "v2"))
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
