"""Google Drive, as tests/colab stands in for it: whatever it does, nothing is lost or raised."""

import errno
import io
import os
import sys
from pathlib import Path

import pytest
import torch

from course_utils import drive, portfolio
from course_utils.checks import check, progress, record
from course_utils.colab import start

ADVICE = "run the setup cell again: your files are taken along."


@pytest.fixture(autouse=True)
def colab(tmp_path, monkeypatch):
    """A machine of Colab's with an empty working folder, and its stand-in for Drive."""
    (tmp_path / "content").mkdir()
    monkeypatch.chdir(tmp_path / "content")
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "colab"))
    monkeypatch.setenv("REHEARSAL_DRIVE", str(tmp_path / "drive/MyDrive"))
    for name, value in {"in_use": False, "failed": False, "DRIVE": drive.DRIVE}.items():
        monkeypatch.setattr(drive, name, value)
    for name in ("google", "google.colab", "google.colab.drive"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import google.colab

    yield google.colab.drive
    for name in ("google", "google.colab", "google.colab.drive"):
        sys.modules.pop(name, None)


@pytest.fixture
def fails(monkeypatch):
    """Let every file on Drive fail, those that are read too or only new ones; return an end."""
    opened = io.open

    def begin(number, reading):

        def fail(file, mode="r", *more, **named):
            on_drive = Path(str(file)).is_relative_to(drive.DRIVE)
            if on_drive and (reading or mode != "r"):
                raise OSError(number, os.strerror(number), str(file))
            return opened(file, mode, *more, **named)

        monkeypatch.setattr(io, "open", fail)
        return lambda: monkeypatch.setattr(io, "open", opened)

    return begin


def on_drive(name=portfolio.FILE):
    return drive.DRIVE / "unet-course" / name


def mine(file):
    return sorted(portfolio.mine_in(portfolio.stored(Path(file))))


def frequencies(dim, max_period=10_000.0):
    n = dim // 2
    return max_period ** -(torch.arange(n) / (n - 1))


def add_noise(x0, eps, alpha_bar):
    a = alpha_bar[:, None, None, None]
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


def attempt(id):
    """Pass an exercise, as a reader does."""
    answer = {"1.1": frequencies, "0.1": add_noise}[id]
    assert check(id, answer) is answer


def assert_all_cells_go_on(capsys):
    """What notebooks do with the reader's files, on a machine whose Drive is of no use."""
    assert portfolio.load().UNet
    attempt("1.1")
    assert mine(portfolio.FILE)[-1] == "frequencies"
    assert "1.1 correct" in Path(record.FILE).read_text()
    assert "1 of 4 ✔" in repr(progress())
    out = capsys.readouterr().out
    assert "Kept in my_unet.py" in out and "Google Drive" not in out


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        ("REFUSED", "Error: credential propagation was unsuccessful"),
        ("SLOW", "mount failed: timeout during initial read of root folder; for more info: https"),
        ("half", "No such file or directory"),
    ],
)
def test_a_drive_that_cannot_be_mounted_is_told_once(colab, capsys, monkeypatch, trouble, why):
    monkeypatch.setattr(colab, "trouble", getattr(colab, trouble, trouble))
    machine = start(keep_on_drive=True)
    assert machine.device
    told, ready, *more = capsys.readouterr().out.splitlines()
    assert told.startswith(f"Google Drive could not be mounted ({why}") and told.endswith(ADVICE)
    assert f"your files are kept in {Path.cwd()} from now on" in told
    assert "kept on this machine until Colab deletes it" in ready and not more
    assert_all_cells_go_on(capsys)
    monkeypatch.setattr(colab, "trouble", None)  # and the reader runs the setup cell again
    start(keep_on_drive=True)
    assert colab.calls[-2:] == [False, True], "what failed is mounted anew"
    assert "kept on your Google Drive, in unet-course" in capsys.readouterr().out
    assert mine(on_drive()) == ["frequencies"]
    assert on_drive(record.FILE).read_text() == "1.1 correct\n"


def test_without_a_tick_drive_is_left_alone(colab, capsys):
    start(keep_on_drive=False)
    assert colab.calls == [] and "tick keep_on_drive" in capsys.readouterr().out
    attempt("1.1")
    assert mine(portfolio.FILE) == ["frequencies"] and not drive.DRIVE.exists()


def test_what_was_kept_before_comes_along_and_stays_where_it_was(colab):
    attempt("1.1")
    start(keep_on_drive=True)
    attempt("0.1")
    assert mine(on_drive()) == ["add_noise", "frequencies"] and mine(portfolio.FILE) == [
        "frequencies"
    ]
    assert on_drive(record.FILE).read_text() == "1.1 correct\n0.1 correct\n"
    start(keep_on_drive=True)
    assert colab.calls[-1] is False, "what works is not mounted anew"


def test_outside_of_colab_it_is_a_line_and_no_error(capsys, monkeypatch):
    del sys.modules["google.colab"]
    start(keep_on_drive=True)
    told, ready = capsys.readouterr().out.splitlines()
    assert told == "This is not Colab, so keep_on_drive does nothing here."
    assert "kept beside this notebook" in ready
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    start()
    assert "choose Save Version" in capsys.readouterr().out


def test_a_full_drive_is_told_once_and_all_is_kept_here(colab, capsys, fails):
    start(keep_on_drive=True)
    attempt("0.1")
    fails(errno.ENOSPC, reading=False)
    capsys.readouterr()
    attempt("1.1")
    out = capsys.readouterr().out
    assert out.count("Google Drive failed (No space left on device). The notebook goes on") == 1
    assert ADVICE in out and "1.1 correct. Kept in my_unet.py." in out
    assert mine(portfolio.FILE) == ["add_noise", "frequencies"], "with what was on Drive"
    assert record.kept() == {"0.1": "correct", "1.1": "correct"}
    assert mine(on_drive()) == ["add_noise"], "Drive is as it was"


def test_a_drive_that_breaks_is_told_once_and_new_work_is_kept_here(colab, capsys, fails):
    start(keep_on_drive=True)
    attempt("0.1")
    mended = fails(errno.ENOTCONN, reading=True)
    capsys.readouterr()
    assert portfolio.load().UNet
    out = capsys.readouterr().out
    assert "Google Drive failed (Transport endpoint is not connected). The notebook" in out
    assert "What is on it cannot be read now" in out and "nothing yet" in out
    assert_all_cells_go_on(capsys)
    mended()
    start(keep_on_drive=True)
    assert mine(on_drive()) == ["add_noise", "frequencies"]
    assert record.kept() == {"0.1": "correct", "1.1": "correct"}


def test_a_drive_that_is_gone_does_not_look_empty(colab, capsys):
    start(keep_on_drive=True)
    attempt("0.1")
    drive.DRIVE.rename(drive.DRIVE.with_name("away"))
    capsys.readouterr()
    assert "0 of" in repr(progress())
    assert "Google Drive failed (No such file or directory)" in capsys.readouterr().out
    assert_all_cells_go_on(capsys)
    assert not drive.DRIVE.exists(), "no folder is made up in its place"


def test_of_two_versions_the_newer_one_stays(colab):
    attempt("1.1")
    start(keep_on_drive=True)
    for newer in (on_drive(), Path(portfolio.FILE)):
        newer.write_text(
            newer.read_text().replace("    n =", f"    # {newer.parent.name}\n    n =")
        )
        later = on_drive().stat().st_mtime + 10
        os.utime(newer, (later, later))
        start(keep_on_drive=True)
        assert f"# {newer.parent.name}\n" in on_drive().read_text()


def test_a_file_of_somebody_else_on_drive_is_left_alone(colab, capsys):
    attempt("1.1")
    start(keep_on_drive=True)
    on_drive().write_text("print('mine')\n")
    start(keep_on_drive=True)
    assert portfolio.load().UNet
    assert "was not written by this course" in capsys.readouterr().out
    assert on_drive().read_text() == "print('mine')\n"
