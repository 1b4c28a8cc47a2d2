"""What the site is made from, and what is checked when it is made. Sphinx is not needed here."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

import catalogue
import check_site
import front
import pages
from course_utils.checks import EXERCISES

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
COLAB = "https://colab.research.google.com/github/a/b/blob/v1/notebooks/01_toy.ipynb"


# --- the pages -----------------------------------------------------------------------------------


def page_of(source, kind="code", **metadata):
    """The one cell of a notebook, as the site shows it."""
    cell = {
        "cell_type": kind,
        "source": source,
        "metadata": metadata,
        "outputs": [{"text": "kept"}],
    }
    return json.loads(pages.notebook_page(json.dumps({"cells": [cell]})))["cells"][0]


@pytest.mark.parametrize("first", ["", "%%solution 1.1\n"])
def test_a_form_cell_is_closed_under_its_title(first):
    cell = page_of([first, "#@title Solution 1.1\n", "x = 1"], cellView="form", tags=["trained"])
    assert cell["source"] == "x = 1"
    assert cell["metadata"]["tags"] == ["trained", "hide-input"]
    assert set(cell["metadata"]["mystnb"].values()) == {"Solution 1.1"}
    assert cell["outputs"] == [{"text": "kept"}]


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
    assert shown == [
        *("draw/index.html?framed", "_static/digits.png", "_static/digits.gif"),
        "_static/clothes.png",
    ]


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


def test_the_pages_are_the_front_page_all_notebooks_in_order_and_the_guides(tmp_path):
    folder = tmp_path / "pages"
    pages.write_pages(folder)
    first = (folder / "index.md").read_text(encoding="utf-8")
    contents = first[first.index("{toctree}") :].split()[2:-1]
    assert contents[:-4] == [f"notebooks/{name}" for name in NAMES]
    assert contents[-4:] == ["scores", "setup", "CONTRIBUTING", "mistakes/index"]
    assert all((folder / f"{name}.ipynb").exists() for name in contents[:-4])
    kinds = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert {".md", ".ipynb"} <= kinds <= {".md", ".ipynb", ".png", ".gif"}
    assert (folder / "CONTRIBUTING.md").exists()
    setup = (folder / "setup.md").read_text(encoding="utf-8")
    assert "## On your own machine" in setup and "## Credits" in setup
    assert "## The notebooks" not in setup  # the front page has them


@pytest.mark.parametrize("name", NAMES)
def test_every_solution_of_the_course_is_closed(name):
    notebook = pages.notebook_page((ROOT / f"notebooks/{name}.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in json.loads(notebook)["cells"] if cell["cell_type"] == "code"]
    closed = [cell for cell in code if "hide-input" in cell["metadata"].get("tags", [])]
    titles = [cell["metadata"]["mystnb"]["code_prompt_show"] for cell in closed]
    assert titles[0] == "Set up: run this first"
    assert titles[1:] and all(re.fullmatch(r"Solution \d+\.\d+", title) for title in titles[1:])
    assert not any(check_site.FORM_CELL.match(cell["source"]) for cell in code)


# --- the front page ------------------------------------------------------------------------------

FIRST = "# 00 Start here: a toy\n[![Open in Colab](p)](https://c/00) [![Open in Kaggle](p)](https://k/00)"
CSS = (ROOT / "docs/static/front.css").read_text(encoding="utf-8")
PAPER = {"light": "#ffffff", "dark": "#121212"}  # the theme's
STATION = re.compile(r'<li class="(\w+)".*?<a href="([^"]*)">(.*?)</a></li>', re.S)


def course_of(folder, *texts):
    """A folder of notebooks that have nothing but these texts."""
    for i, text in enumerate(texts):
        cells = [{"cell_type": "markdown", "source": [text]}]
        (folder / f"{i:02}_toy.ipynb").write_text(json.dumps({"cells": cells}))
    return folder


def stations_of(page):
    """Where the stations of a page lead, and the words of each link."""
    found = [(link, re.sub(r"<[^>]*>", "", words)) for _, link, words in STATION.findall(page)]
    return [link for link, _ in found], [" ".join(words.split()) for _, words in found]


@pytest.fixture(scope="module")
def front_page():
    return front.front_page(ROOT / "notebooks")


def test_every_notebook_is_one_station_in_order_with_its_number_and_title(front_page):
    links, names = stations_of(front_page)
    assert links == [f"notebooks/{name}.html" for name in NAMES]
    assert front_page.count("<li class=") == len(NAMES) == len(set(names))
    assert all(re.match(rf"{NAMES[i][:2]} [A-Z0-9]\w", name) for i, name in enumerate(names))
    assert names[3].startswith("03 Encoder Down the left side")
    exercises = sum(not exercise.hunted for exercise in EXERCISES.values())
    assert f"{len(NAMES)} notebooks, {exercises} exercises" in front_page


def test_a_new_notebook_gets_its_station_by_being_there(tmp_path):
    later = [f"# {i:02} The <part> {i}" for i in range(1, 12)]
    page = front.front_page(course_of(tmp_path, FIRST, *later))
    links, names = stations_of(page)
    assert len(links) == 12 and links[-1] == "notebooks/11_toy.html"
    assert names[0] == "00 Start here A toy" and names[-1] == "11 &lt;part&gt; 11"
    assert 'href="https://c/00">Open in Colab' in page and 'href="https://k/00"' in page


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([FIRST, "# No number"], "01_toy begins with `# NN Title`, not with # No number"),
        (["# 00 Start here", "# 01 Part"], "no badge for Colab"),
    ],
)
def test_a_notebook_that_the_front_page_cannot_show_is_refused(tmp_path, texts, said):
    with pytest.raises(ValueError, match=said):
        front.front_page(course_of(tmp_path, *texts))


@pytest.mark.parametrize("n", range(4, 17))
def test_the_path_is_a_u(n):
    places = front.places(n)
    sides = [side for side, _ in places]
    arm, bottom = sides.count("down"), sides.count("across")
    assert sides == ["down"] * arm + ["across"] * bottom + ["up"] * arm
    assert bottom in (2, 3) and len(set(places)) == n
    rows = [int(place.split(" / ")[0]) for _, place in places]
    assert rows == [*range(1, arm + 1), *[arm + 1] * bottom, *range(arm, 0, -1)]


def test_the_picture_moves_but_not_for_all_who_look(front_page):
    assert re.search(
        r'reduced-motion: reduce\)" srcset="_static/digits.png">\n<img src.*gif"', front_page
    )
    for name in ("digits.png", "digits.gif"):
        assert (ROOT / "notebooks" / name).exists()


def test_the_front_page_loads_nothing_from_elsewhere(front_page, tmp_path):
    (tmp_path / "index.html").write_text(front_page)
    page = check_site.read(tmp_path / "index.html")
    assert page.loads and not any(map(check_site.is_elsewhere, page.loads)) and not page.bare
    out = [url for url in page.links if check_site.is_elsewhere(url)]
    assert len(out) == 2 and all("00_start_here.ipynb" in url for url in out)
    for path in (ROOT / "docs/static").iterdir():
        assert not re.search(r"url\(|@import|@font-face|//", path.read_text()), path.name


def colours(mode):
    """The page's colours by their names."""
    start = {"light": "\n.front {", "dark": 'html[data-theme="dark"] .front {'}[mode]
    rule = CSS[CSS.index(start) :]
    return dict(re.findall(r"--(\w+): (#\w{6});", rule[: rule.index("}")]))


def brightness(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("mode", PAPER)
def test_what_is_written_can_be_read_in_light_and_dark(mode):
    own = colours(mode)
    assert own.keys() == colours("light").keys() and len(own) == 5
    for name in own.keys() - {"line"}:
        low, high = sorted(map(brightness, (own[name], PAPER[mode])))
        assert (high + 0.05) / (low + 0.05) >= 4.5, name
    everywhere = len(colours("light")) + len(colours("dark"))
    assert len(re.findall(r"#[0-9a-f]{3,8}\b", CSS)) == everywhere  # no colour has one mode only


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    found = shutil.which("chromium") or pytest.skip("this machine has no chromium")
    with playwright.sync_playwright() as p:
        yield p.chromium.launch(executable_path=found, args=["--no-sandbox"])


BOXES = """() => [...document.querySelectorAll('.path .number, .path .words')].map(e => {
  const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom] })"""


@pytest.mark.parametrize("width", [360, 390, 800, 1366])
@pytest.mark.parametrize("n", [11, 12])
def test_the_path_fits_and_nothing_lies_on_anything_else(browser, width, n):
    name = "Debugging dimensions"
    stations = [front.Station("s", f"{i:02}", name, "How the network knows it") for i in range(n)]
    page = browser.new_page(viewport={"width": width, "height": 900})
    path = front.path_picture(stations)
    page.set_content(f"<style>{CSS}</style><body><div class='front'>{path}</div>")
    boxes = page.evaluate(BOXES)
    assert len(boxes) == 2 * n and all(0 <= b[0] < b[2] <= width for b in boxes)
    pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i]]
    assert not [1 for a, b in pairs if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]]
    numbers = boxes[::2]
    if width >= 768:  # both arms stand at the edges, and the words between them
        assert numbers[0][1] == numbers[-1][1] < numbers[n // 2][1]
        assert numbers[0][0] == min(b[0] for b in boxes)
        assert numbers[-1][2] == max(b[2] for b in boxes)
    else:
        assert len({b[0] for b in numbers}) == 1  # one line
    page.close()


# --- the check of the site -----------------------------------------------------------------------

RIGHT = f"""
<link href="style.css" rel="stylesheet"><img alt="A" src="data:image/png;base64,AA==">
<h1 id="toy">Toy</h1> <a href="{COLAB}">Open in Colab</a> <a href="#toy">here</a> <a href="#">up</a>
<a href="../index.html#first%20part">back</a> <a href="https://elsewhere.org/gone.html">out</a>
<details><summary>Hint</summary>closed</details> <script src="../_static/sliders.js?v=1"></script>
<label for="a-0">t</label><input type="range" id="a-0"><input type="search">
<picture><source media="(prefers-reduced-motion: reduce)" srcset="data:image/png;base64,BB==">
<img alt="B" src="data:image/gif;base64,AA=="></picture>
"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "index.html").write_text('<h1 id="first part">First</h1>')
    (tmp_path / "notebooks/style.css").write_text("")
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static/sliders.js").write_text("")
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
        ("(prefers-reduced-motion: reduce)", "print", "line 8: a picture moves and has no still"),
        ('srcset="data:image/png', 'srcset="data:image/gif', "a picture moves and has no still"),
        ("</picture>", "</picture><img alt='C' src='data:image/gif;base64,'>", "has no still"),
        ("<details>", "<details open>", "line 5: a closed part stands open"),
        (' alt="A"', "", "line 2: a picture has no alt text"),
        ('alt="A"', 'alt=""', "line 2: a picture has no alt text"),
        ("closed", '<span class="c1">#@title Solution</span>', "the code of a form cell"),
        ("closed", "%%solution 1.1", "the code of a form cell"),
        ('for="a-0"', 'for="a-1"', "slider a-0 has no label"),
        ("../_static/sliders.js?v=1", "style.css", "has a slider, and no script that moves it"),
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
