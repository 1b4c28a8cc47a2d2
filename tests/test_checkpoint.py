"""A run that is resumed ends in the same numbers as one that never stopped, whatever happened."""

import errno
import io
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from course_utils import checkpoint, files
from course_utils.checkpoint import FileError, latest, load, resume, save
from course_utils.ddpm_unet import DDPMUNet
from course_utils.schedule import linear_schedule
from course_utils.training import TrainConfig, start, train
from course_utils.unet import UNet

SCHEDULE = linear_schedule(20)
CONFIG = TrainConfig(steps=8, batch=5, lr=0.01, warmup=2, ema=0.8)
SETTINGS = {"model": "tiny"} | asdict(CONFIG)


def pictures():
    return torch.rand(9, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1


def tiny():
    torch.manual_seed(0)
    return UNet(1, 4, (1, 2), 8)


def with_dropout():
    torch.manual_seed(0)
    return DDPMUNet(20, 32, (1, 2), [], 1, 0.5, 1, 1)


def run(state, config, until=None):
    for state in train(state.model, pictures(), SCHEDULE, config, state=state):
        if state.step == until:
            break
    return state


def everything(state):
    return checkpoint.content_of(state, {})


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


@pytest.fixture
def folder(tmp_path):
    """A folder with the checkpoints of steps 3 and 4."""
    state = start(tiny(), CONFIG)
    for until in (3, 4):
        save(run(state, CONFIG, until), tmp_path, SETTINGS)
    return tmp_path


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("make", [tiny, with_dropout])
def test_resuming_is_never_having_stopped(make, precision, tmp_path):
    config = replace(CONFIG, precision=precision)
    whole = everything(run(start(make(), config), config))
    for until in (1, 5):
        save(run(start(make(), config), config, until), tmp_path / str(until), SETTINGS)
        torch.manual_seed(77)
        other = make()
        with torch.no_grad():
            next(other.parameters()).add_(1)
        state = resume(start(other, config), tmp_path / str(until), SETTINGS)
        assert state.step == until
        assert same(everything(run(state, config)), whole)


def test_the_last_two_are_kept(tmp_path):
    state = start(tiny(), CONFIG)
    for until in range(1, 5):
        path = save(run(state, CONFIG, until), tmp_path / "new" / "folder", SETTINGS)
        assert path.name == f"step-{until:08}.pt" and load(path)["step"] == until
    names = sorted(p.name for p in path.parent.iterdir())
    assert names == ["step-00000003.pt", "step-00000004.pt"]


def test_what_is_not_before_is_left_alone(folder):
    """Copies that somebody made, and files of later steps from which nobody could go on."""
    state = run(start(tiny(), CONFIG), CONFIG, until=2)
    for name in ("step-best.pt", "step-old.pt", "step-00000050.pt"):
        (folder / name).write_bytes(b"kept")
    before = sorted(p.name for p in folder.iterdir())
    path = save(state, folder, SETTINGS)
    assert path.exists() and {*before} - {p.name for p in folder.iterdir()} == set()


def test_a_folder_in_place_of_a_file_is_told(folder, capsys):
    (folder / "step-00000099.pt").mkdir()
    assert resume(start(tiny(), CONFIG), folder, SETTINGS).step < 99
    assert "step-00000099.pt is a folder" in capsys.readouterr().out


def test_what_a_killed_save_left_is_cleared_away(folder):
    (folder / "step-00000005.new").write_bytes(b"half")
    assert latest(folder)["step"] == 4
    save(run(resume(start(tiny(), CONFIG), folder, SETTINGS), CONFIG, 5), folder, SETTINGS)
    assert not list(folder.glob("*.new"))


# Damaged files, told apart


def cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


def cut_short(path):
    path.write_bytes(path.read_bytes()[:10])


def empty(path):
    path.write_bytes(b"")


def flipped(path):
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 2, len(data) // 2 + 300):
        data[place] ^= 255
    path.write_bytes(data)


def zeroed(path):
    data = path.read_bytes()
    path.write_bytes(data[:4000] + bytes(4096) + data[8096:])


def only_zeros(path):
    path.write_bytes(bytes(5000))


def text(path):
    path.write_text("<html>Quota exceeded</html>")


def other_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")


def plain_pickle(path):
    path.write_bytes(pickle.dumps({"format": checkpoint.FORMAT}))


class Code:
    def __reduce__(self):
        return print, ("this must not be printed",)


def code(path):
    torch.save({"format": checkpoint.FORMAT, "step": Code()}, path)


def whole_module(path):
    torch.save(tiny(), path)


def weights_alone(path):
    torch.save(tiny().state_dict(), path)


def a_tensor(path):
    torch.save(torch.zeros(3), path)


def newer(path):
    torch.save(load(path) | {"format": "diffusion course, training run, 2"}, path)


DAMAGES = {
    cut: "is cut off or damaged",
    cut_short: "is cut off or damaged",
    empty: "is empty",
    flipped: "damaged",
    zeroed: "damaged",
    only_zeros: "is not a file of torch.save",
    text: "is not a file of torch.save",
    other_zip: "is not a file of torch.save",
    plain_pickle: "is not a file of torch.save",
    code: "could run code, so it is refused",
    whole_module: "could run code, so it is refused",
    weights_alone: "is not a training run of this course",
    a_tensor: "is not a training run of this course",
    newer: "has the format 'diffusion course, training run, 2'; this course reads",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_told_and_the_one_before_is_used(damage, folder, capsys):
    path = folder / "step-00000004.pt"
    damage(path)
    with pytest.raises(FileError) as raised:
        load(path)
    assert str(raised.value).startswith("step-00000004.pt ") and DAMAGES[damage] in str(
        raised.value
    )
    assert latest(folder)["step"] == 3
    told = capsys.readouterr().out
    assert told == f"{raised.value}. Going on from step-00000003.pt.\n"
    shutil.copy(path, folder / "step-00000003.pt")
    with pytest.raises(FileError, match="step-00000004.pt .*; step-00000003.pt "):
        latest(folder)


def test_any_flipped_byte_is_seen_or_harmless(folder):
    path = folder / "step-00000004.pt"
    data, good = path.read_bytes(), load(path)
    for place in range(0, len(data), len(data) // 40):
        changed = bytearray(data)
        changed[place] ^= 4
        path.write_bytes(changed)
        try:
            assert same(load(path), good), place
        except FileError:
            pass


def test_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no checkpoint in"):
        latest(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no file .*gone.pt"):
        load(tmp_path / "gone.pt")


# What does not fit


@pytest.mark.parametrize(
    "make, settings, words",
    [
        (lambda: UNet(1, 6, (1, 2), 8), SETTINGS, "is \\(4, 1, 3, 3\\) there and \\(6, 1, 3, 3\\)"),
        (lambda: UNet(1, 4, (1, 2, 2), 8), SETTINGS, "only one of the two networks has decoder"),
        (tiny, SETTINGS | {"data": "mnist"}, "data was None and is 'mnist'"),
        (tiny, SETTINGS | {"batch": 6, "lr": 0.1}, "batch was 5 and is 6; lr was 0.01 and is 0.1$"),
    ],
)
def test_another_network_or_other_settings_are_refused(make, settings, words, folder):
    state = start(make(), CONFIG)
    before = {name: p.clone() for name, p in state.model.state_dict().items()}
    with pytest.raises(FileError, match=words):
        resume(state, folder, settings)
    assert state.step == 0 and same(dict(state.model.state_dict()), before)


# The disk is full


def test_full_disk_leaves_the_old_ones(folder):
    state = run(resume(start(tiny(), CONFIG), folder, SETTINGS), CONFIG, 5)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(FileError, match="step-00000005.pt could not be written: File t"):
            save(state, folder, SETTINGS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert sorted(p.name for p in folder.iterdir()) == ["step-00000003.pt", "step-00000004.pt"]
    assert load(save(state, folder, SETTINGS))["step"] == 5


def test_folder_that_is_a_file(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(FileError, match="could not be written: File exists"):
        save(start(tiny(), CONFIG), tmp_path / "taken", SETTINGS)


# Killed at any moment


def test_killed_twenty_times_it_ends_in_the_same_weights(tmp_path):
    script = Path(__file__).with_name("killed.py")
    told = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert told.returncode == 0, told.stderr
    kills, inside, same_weights = told.stdout.split()
    assert int(kills) == 20 and int(inside) >= 5 and same_weights == "True"


def test_file_appears_under_its_name_only_when_it_is_whole(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(files.os, "fsync", lambda file: seen.extend(tmp_path.iterdir()))
    path = save(start(tiny(), CONFIG), tmp_path, SETTINGS)
    assert [p.name for p in seen] == ["step-00000000.new"]
    assert io.BytesIO(path.read_bytes()).getvalue() and not seen[0].exists()


def test_a_disk_that_fails_while_it_is_read_is_told_and_the_file_before_is_used(
    tmp_path, monkeypatch, capsys
):
    for state in train(tiny(), pictures(), SCHEDULE, CONFIG):
        path = save(state, tmp_path, SETTINGS)
    opened = Path.open

    def fail(file, *more, **named):
        if file == path:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return opened(file, *more, **named)

    monkeypatch.setattr(Path, "open", fail)
    assert latest(tmp_path)["step"] == CONFIG.steps - 1
    told = capsys.readouterr().out
    assert f"{path.name} cannot be read: Input/output error. Going on from" in told


def test_an_old_file_that_cannot_be_deleted_is_told(tmp_path, monkeypatch):
    def fail(file, missing_ok=False):
        raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))

    monkeypatch.setattr(Path, "unlink", fail)
    with pytest.raises(FileError, match="Transport endpoint is not connected"):
        for state in train(tiny(), pictures(), SCHEDULE, CONFIG):
            save(state, tmp_path, SETTINGS)
