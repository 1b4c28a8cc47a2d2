"""The entries of the list of scores are what they say, and the page of the site shows them."""

import json

import pytest

from course_utils.runs import score
from course_utils.trained import loaded
from scores import ENTRIES, scores_page

FOLDERS = sorted(folder for folder in ENTRIES.iterdir() if folder.is_dir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_entry_scores_what_it_says(folder):
    said = json.loads((folder / "scores.json").read_text("utf-8"))
    assert list(said) == ["1", "2", "4"]
    assert (folder / "network.pt").stat().st_size <= 2.5e6
    measured = score(*loaded(folder), [1, 2, 4])
    for count, figures in said.items():
        assert measured[count]["distance"] == pytest.approx(figures["distance"], rel=0.05, abs=0.3)
        for name in ("recognised", "entropy", "nearest"):
            assert measured[count][name] == pytest.approx(figures[name], abs=0.02)


def entry(folder, title, distance):
    folder.mkdir()
    rows = {n: {"distance": distance - int(n), "recognised": 0.912, "entropy": 3.3} for n in "124"}
    (folder / "scores.json").write_text(json.dumps(rows))
    (folder / "README.md").write_text(f"# {title}\n\nTrained by hand.\n")


def test_the_page_has_the_best_first(tmp_path):
    entry(tmp_path / "a", "A slow one", 12.34)
    entry(tmp_path / "b", "A quick one", 5.67)
    page = scores_page(tmp_path)
    assert page.index("[A quick one](#a-quick-one)") < page.index("[A slow one](#a-slow-one)")
    assert "| 11.3, 10.3, 8.3 | 91.2%, 91.2%, 91.2% | 3.30, 3.30, 3.30 |" in page
    assert "## A slow one\n\nTrained by hand." in page


def test_an_entry_without_a_text_is_refused(tmp_path):
    entry(tmp_path / "a", "A slow one", 12.34)
    (tmp_path / "a" / "README.md").unlink()
    with pytest.raises(ValueError, match="the entry a has no README.md"):
        scores_page(tmp_path)
