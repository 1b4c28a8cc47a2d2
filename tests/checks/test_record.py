"""my_progress.txt: what was done stays done, in whichever order and place it was written."""

import subprocess
import sys
from pathlib import Path

import pytest

from course_utils.checks import EXERCISES, check, progress, record
from course_utils.embedding import frequencies

IN_TEXT = [id for id, exercise in EXERCISES.items() if not exercise.hunted]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(place="."):
    return Path(place, record.FILE).read_text().splitlines()


def mine(dim, max_period=10_000.0):
    return frequencies(dim, max_period)


def test_a_check_is_written_down_once_and_what_is_done_stays_done():
    check("1.1", lambda dim, max_period=1.0: dim)
    check("1.1", lambda dim, max_period=1.0: dim)
    assert lines() == ["1.1 not yet"]
    check("1.1", mine)
    check("1.1", lambda dim, max_period=1.0: 1 / 0)
    assert lines() == ["1.1 not yet", "1.1 correct"]
    assert record.kept() == {"1.1": "correct"}


def test_a_crash_is_a_try_and_a_stub_is_nothing(folder):
    check("1.2", stub)
    assert not (folder / record.FILE).exists()
    check("1.2", lambda t, dim, max_period=1.0: 1 / 0)
    assert lines() == ["1.2 not yet"]


def stub(t, dim, max_period=10_000.0):
    raise NotImplementedError


def test_what_stands_first_does_not_win(folder):
    (folder / record.FILE).write_text(
        "my own words\n1.1 correct\n1.1 not yet\n1.2 wrong\n2.1 correct"
    )
    assert record.kept() == {"1.1": "correct", "2.1": "correct"}


def test_two_notebooks_at_once_lose_nothing(folder):
    code = (
        "import sys; from course_utils.checks import record\n"
        "for n in range(200): record.write_down(f'{sys.argv[1]}.{n}', 'correct')"
    )
    root = str(Path(record.__file__).parents[2])
    runs = [
        subprocess.Popen([sys.executable, "-c", code, first], cwd=folder, env={"PYTHONPATH": root})
        for first in "12"
    ]
    assert [run.wait() for run in runs] == [0, 0]
    assert len(record.kept()) == 400


def test_a_file_that_cannot_be_written_is_told_and_the_check_goes_on(folder, capsys):
    (folder / record.FILE).mkdir()
    assert check("1.1", mine) is mine
    assert "(Your progress could not be kept in my_progress.txt: " in capsys.readouterr().out
    assert "0 of" in str(progress())
    assert "my_progress.txt cannot be read: " in capsys.readouterr().out


def test_the_table_says_what_is_done_and_what_is_missing():
    record.write_down("1.1", "correct")
    record.write_down("1.3", "not yet")
    told, shown = repr(progress()), progress()._repr_html_()
    assert told.splitlines()[0].startswith(f"1 of {len(IN_TEXT)} exercises are done")
    assert "06 debugging dimensions: 0 of 7 … … … … … … …" in told
    assert "01 time embedding: 1 of 4 ✔ … ✘ …" in told
    assert len(told.splitlines()) == 1 + 12
    row = shown[shown.index("01 time embedding") :].partition("</tr>")[0]
    assert "1 of 4" in row and "1.1 " not in row
    for id in ("1.2", "1.3", "1.4"):
        assert f"{id} {EXERCISES[id].title}" in row


def test_the_table_of_one_who_has_done_all_misses_nothing():
    for id in EXERCISES:
        record.write_down(id, "correct")
    shown = progress()._repr_html_()
    assert f"{len(IN_TEXT)} of {len(IN_TEXT)} exercises" in shown
    assert not any(exercise.title in shown for exercise in EXERCISES.values())
