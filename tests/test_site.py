"""What the site is made from, and what is checked when it is made. Sphinx is not needed here."""

import json
import re
from pathlib import Path

import pytest
import yaml

import catalogue
import check_site
import pages
from course_utils.checks import EXERCISES

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
COLAB = "https://colab.research.google.com/github/a/b/blob/v1/notebooks/01_toy.ipynb"


# --- the pages -----------------------------------------------------------------------------------


def page_of(source, kind="code", **metadata):
    """The one cell of a notebook, as the site shows it."""
    cell = {"cell_type": kind, "source": source, "metadata": metadata, "outputs": ["kept"]}
    return json.loads(pages.notebook_page(json.dumps({"cells": [cell]})))["cells"][0]


@pytest.mark.parametrize("first", ["", "%%solution 1.1\n"])
def test_a_form_cell_is_closed_under_its_title(first):
    cell = page_of([first, "#@title Solution 1.1\n", "x = 1"], cellView="form", tags=["trained"])
    assert cell["source"] == "x = 1"
    assert cell["metadata"]["tags"] == ["trained", "hide-input"]
    assert set(cell["metadata"]["mystnb"].values()) == {"Solution 1.1"}
    assert cell["outputs"] == ["kept"]


def test_other_cells_stay_as_they_are():
    assert page_of(["#@title Solution 1.1\n", "x = 1"])["metadata"] == {}
    assert page_of("x = 1", tags=["trained"])["metadata"] == {"tags": ["trained"]}


def test_the_alt_text_of_a_picture_comes_along():
    cell = page_of("plt.show()", alt="A line that falls.", tags=["trained"])
    assert cell["metadata"]["mystnb"] == {"image": {"alt": "A line that falls."}}


def test_what_moves_at_the_head_of_the_readme_is_found_on_the_site(tmp_path):
    pages.write_pages(tmp_path / "pages")
    first = (tmp_path / "pages/index.md").read_text(encoding="utf-8")
    shown = re.findall(r'src(?:set)?="([^"]*)"', first)
    assert shown == ["_static/digits.png", "_static/digits.gif"]


def test_a_form_cell_without_a_title_is_refused():
    with pytest.raises(ValueError, match="begins with #@title, not with x = 1"):
        page_of("x = 1", cellView="form")


def test_a_badge_becomes_a_link():
    badge = "[![Open in Colab](https://a.b/badge.svg)](https://c.d/e.ipynb)"
    other = badge.replace("Colab", "Kaggle")
    assert "[Open in Kaggle](https://c.d/e.ipynb)" in page_of(other, "markdown")["source"]
    assert page_of(f"# Toy\n{badge} | {badge}", "markdown")["source"] == (
        "# Toy\n[Open in Colab](https://c.d/e.ipynb) | [Open in Colab](https://c.d/e.ipynb)"
    )


def test_the_pages_are_the_readme_the_guide_and_all_notebooks_in_order(tmp_path):
    folder = tmp_path / "pages"
    pages.write_pages(folder)
    first = (folder / "index.md").read_text(encoding="utf-8")
    contents = first[first.index("{toctree}") :].split()[2:-1]
    assert contents == [*(f"notebooks/{name}" for name in NAMES), "CONTRIBUTING", "mistakes/index"]
    assert all((folder / f"{name}.ipynb").exists() for name in contents[:-2])
    kinds = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert kinds == {".md", ".ipynb", ".png"}
    assert (folder / "CONTRIBUTING.md").exists()


@pytest.mark.parametrize("name", NAMES)
def test_every_solution_of_the_course_is_closed(name):
    notebook = pages.notebook_page((ROOT / f"notebooks/{name}.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in json.loads(notebook)["cells"] if cell["cell_type"] == "code"]
    closed = [cell for cell in code if "hide-input" in cell["metadata"].get("tags", [])]
    titles = [cell["metadata"]["mystnb"]["code_prompt_show"] for cell in closed]
    assert titles[0] == "Set up: run this first"
    assert titles[1:] and all(re.fullmatch(r"Solution \d+\.\d+", title) for title in titles[1:])
    assert not any(check_site.FORM_CELL.match(cell["source"]) for cell in code)


# --- the check of the site -----------------------------------------------------------------------

RIGHT = f"""
<link href="style.css" rel="stylesheet"><img alt="A" src="data:image/png;base64,AA==">
<h1 id="toy">Toy</h1> <a href="{COLAB}">Open in Colab</a> <a href="#toy">here</a> <a href="#">up</a>
<a href="../index.html#first%20part">back</a> <a href="https://elsewhere.org/gone.html">out</a>
<details><summary>Hint</summary>closed</details>
<picture><source media="(prefers-reduced-motion: reduce)" srcset="data:image/png;base64,BB==">
<img alt="B" src="data:image/gif;base64,AA=="></picture>
"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "index.html").write_text('<h1 id="first part">First</h1>')
    (tmp_path / "notebooks/style.css").write_text("")
    (tmp_path / "notebooks/01_toy.html").write_text(RIGHT)
    return tmp_path


@pytest.fixture(autouse=True)
def forget_pages():
    check_site.read.cache_clear()


def test_a_site_that_is_right(site, capsys):
    assert not check_site.check(site)
    assert "2 pages, links are right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("../index.html#", "../gone.html#", "gone.html#first%20part: there is no such file"),
        ("first%20part", "second", "index.html#second: there is no such anchor"),
        ("#toy", "#game", "links to #game: there is no such anchor"),
        ('"#"', '"/index.html"', "/index.html: there is no such file"),
        ("style.css", "gone.css", "gone.css: there is no such file"),
        ("style.css", "https://a.b/style.css", "loads https://a.b/style.css from elsewhere"),
        ("data:image/png;base64,AA==", "//a.b/c.png", "loads //a.b/c.png from elsewhere"),
        ('srcset="', 'srcset="https://a.b/', "loads https://a.b/data:image/png;base64,BB== from"),
        ("(prefers-reduced-motion: reduce)", "print", "line 7: a picture moves and has no still"),
        ('srcset="data:image/png', 'srcset="data:image/gif', "a picture moves and has no still"),
        ("</picture>", "</picture><img alt='C' src='data:image/gif;base64,'>", "has no still"),
        ("<details>", "<details open>", "line 5: a closed part stands open"),
        (' alt="A"', "", "line 2: a picture has no alt text"),
        ('alt="A"', 'alt=""', "line 2: a picture has no alt text"),
        ("closed", '<span class="c1">#@title Solution</span>', "the code of a form cell"),
        ("closed", "%%solution 1.1", "the code of a form cell"),
        ("01_toy.ipynb", "02_toy.ipynb", "no link to open it in Colab"),
        ("https://colab.", "https://other.", "no link to open it in Colab"),
    ],
)
def test_what_is_wrong_with_a_site_is_told(site, capsys, old, new, said):
    assert old in RIGHT
    (site / "notebooks/01_toy.html").write_text(RIGHT.replace(old, new))
    assert check_site.check(site) == 1
    assert re.search(rf"^notebooks/01_toy.html: .*{re.escape(said)}", capsys.readouterr().out, re.M)


def test_a_site_without_pages_is_wrong(tmp_path):
    assert check_site.check(tmp_path)


# --- what leads to it ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github/workflows").glob("*.yml")), ids=lambda p: p.name
)
def test_a_workflow_pins_its_actions_and_only_two_jobs_may_write(path):
    text = path.read_text()
    actions = re.findall(r"uses: (.+)", text)
    assert actions and all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", a) for a in actions)
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] in ({}, {"contents": "read"})
    jobs = {name: job.get("permissions", {}) for name, job in workflow["jobs"].items()}
    assert {name for name in jobs if "write" in jobs[name].values()} <= {"address", "deploy"}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_a_guide_names_commands_and_files_that_are_there(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    commands = set(re.findall(r"(?:^|`)make (?:\w+= )?([a-z]+)", text, re.M))
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M)
    assert commands and commands <= set(targets)
    files = re.findall(r"[\w./]+/\w+\.(?:py|txt|yml)\b", text)
    assert [file for file in files if "NN" not in file and not (ROOT / file).exists()] == []


# --- the known mistakes --------------------------------------------------------------------------


def test_every_exercise_has_a_page_of_known_mistakes_behind_a_warning(tmp_path):
    folder = tmp_path / "mistakes"
    catalogue.write_catalogue(folder)
    index = (folder / "index.md").read_text(encoding="utf-8")
    for id, exercise in EXERCISES.items():
        page = (folder / f"{id}.md").read_text(encoding="utf-8")
        assert f"({id}.md)" in index and page.index("{warning}") < page.index("```diff")
        assert page.count("```diff") == len(exercise.catalogue)
        assert all(f"## {name}\n" in page for name in exercise.mistakes)
    assert (
        "-        return h + self.shortcut(x)\n+        return F.silu(h + self.shortcut(x))\n"
        in ((folder / "2.5.md").read_text(encoding="utf-8"))
    )
