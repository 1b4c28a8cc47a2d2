"""The command line: train, go on, sample, on one process and on two."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils.__main__ import main
from course_utils.averaging import refresh_norms
from course_utils.checkpoint import latest
from course_utils.data import load
from course_utils.diffusion import NoiseFromVelocity
from course_utils.samplers import ddim, last
from course_utils.trained import NETWORKS, SCHEDULE, network, told_steps

ROOT = Path(__file__).parents[1]


def train(folder, *options, model="ddpm", steps="4"):
    main(
        [
            "train",
            "--model",
            model,
            "--steps",
            steps,
            "--batch",
            "8",
            "--out",
            str(folder),
            *options,
        ]
    )


def fails(*arguments):
    """Return what the command says as it gives up."""
    with pytest.raises(SystemExit) as raised:
        main(list(map(str, arguments)))
    return str(raised.value)


def same_weights(one, other, **tolerance):
    one, other = latest(one), latest(other)
    for part in ("model", "average"):
        torch.testing.assert_close(one[part], other[part], **tolerance)


@pytest.mark.parametrize("model", NETWORKS)
def test_train_and_sample(model, tmp_path, capsys):
    train(tmp_path / "run", model=model)
    told = capsys.readouterr().out
    assert "step 4 of 4, loss" in told and "0 steps skipped; kept in" in told
    out = tmp_path / "drawn" / "x.npz"
    main(["sample", str(tmp_path / "run"), "--n", "3", "--steps", "2", "--out", str(out)])
    with np.load(out) as file:
        x0 = file["x0"]
    assert x0.shape == (3, 1, 16, 16) and x0.dtype == np.float32
    assert -1 <= x0.min() < x0.max() <= 1
    with Image.open(out.with_suffix(".png")) as grid:
        assert grid.size == (3 * 18 + 2, 20)
    assert f"3 pictures in {out}" in capsys.readouterr().out
    images, _ = load("digits")
    net = network(model, images)
    net.load_state_dict(latest(tmp_path / "run")["average"])
    refresh_norms(net, images, SCHEDULE)
    torch.manual_seed(0)
    noise = torch.randn(3, 1, 16, 16)
    drawn = last(ddim(NoiseFromVelocity(told_steps(model, net), SCHEDULE), noise, SCHEDULE, 2, 1.0))
    np.testing.assert_allclose(x0, drawn.clamp(-1, 1), atol=1e-6)


def test_going_on_is_never_having_stopped(tmp_path, monkeypatch):
    train(tmp_path / "whole", "--save-every", "2", steps="6")
    train(tmp_path / "half", "--save-every", "2", steps="6")
    for path in (tmp_path / "half").glob("step-00000006.pt"):
        path.unlink()  # as if it had been killed before
    assert latest(tmp_path / "half")["step"] == 4
    train(tmp_path / "half", "--resume")
    same_weights(tmp_path / "whole", tmp_path / "half", rtol=0, atol=0)


def test_a_batch_that_does_not_fit_is_told_in_a_sentence(tmp_path):
    told = fails("train", "--steps", 2, "--batch", 999999999, "--out", tmp_path / "run")
    assert told.startswith("train: a batch of 999,999,999 pictures needs ")
    assert "MiB are free; take a smaller batch" in told


def test_resume_without_a_run_begins_one(tmp_path):
    train(tmp_path / "new", "--resume", steps="1")
    assert latest(tmp_path / "new")["step"] == 1


def test_seconds_become_steps(tmp_path, monkeypatch):
    monkeypatch.setattr("course_utils.__main__.rate", lambda *given: 2.5)
    main(["train", "--model", "ddpm", "--seconds", "1.3", "--batch", "4", "--out", str(tmp_path)])
    assert latest(tmp_path)["step"] == 3
    assert latest(tmp_path)["settings"]["steps"] == 3


def test_a_damaged_file_is_told_of_once(tmp_path, capsys):
    train(tmp_path, "--save-every", "1", steps="2")
    path = tmp_path / "step-00000002.pt"
    path.write_bytes(path.read_bytes()[:-100])
    train(tmp_path, "--resume")
    told = capsys.readouterr().out
    assert told.count("Going on from step-00000001.pt") == 1
    assert "going on from step 1 of 2" in told and latest(tmp_path)["step"] == 2


def test_the_seed_says_which_pictures(tmp_path):
    train(tmp_path, steps="1")
    drawn = []
    for name, seed in [("a", "3"), ("b", "3"), ("c", "4")]:
        out = tmp_path / f"{name}.npz"
        main(
            ["sample", str(tmp_path), "--n", "2", "--steps", "2", "--seed", seed, "--out", str(out)]
        )
        with np.load(out) as file:
            drawn.append(file["x0"])
    assert (drawn[0] == drawn[1]).all() and (drawn[0] != drawn[2]).any()


def test_a_run_is_not_written_over(tmp_path):
    train(tmp_path, steps="1")
    assert "holds a training run; --resume goes on" in fails("train", "--out", tmp_path)
    told = fails("train", "--model", "sigma", "--out", tmp_path, "--resume")
    assert told.startswith("train: ") and "has --model ddpm, not sigma" in told


def test_bad_input_gets_a_sentence(tmp_path, capsys):
    folder = tmp_path / "nothing"
    assert f"sample: there is no checkpoint in {folder}" in fails(
        "sample", folder, "--out", tmp_path / "x.npz"
    )
    for arguments, words in [
        (["sample", folder, "--out", "x.png"], "must end in .npz; got x.png"),
        (["train", "--model", "vae", "--out", folder], "invalid choice: 'vae'"),
        (
            ["train", "--steps", "0", "--out", folder],
            "--steps: must be a whole number above 0; got 0",
        ),
        (
            ["train", "--seconds", "-3", "--out", folder],
            "--seconds: must be a number above 0; got -3",
        ),
        (["sample", folder, "--seed", "1" + 18 * "0", "--out", "x.npz"], "--seed: must be a whole"),
        (["train"], "required: --out"),
    ]:
        assert fails(*arguments) == "2"
        assert words in capsys.readouterr().err
    train(folder, steps="1")
    assert "steps must be from 1 to 1000" in fails(
        "sample", folder, "--steps", "1001", "--n", "1", "--out", tmp_path / "x.npz"
    )


def test_what_cannot_be_written_is_said_at_once(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("a reader's own")
    monkeypatch.setattr("course_utils.__main__.load", lambda *given: pytest.fail("too late"))
    assert f"{file}: File exists" in fails("train", "--out", file)
    assert f"{file / 'run'}: Not a directory" in fails("train", "--out", file / "run")
    folder = tmp_path / "folder.npz"
    folder.mkdir()
    assert f"{folder} is a folder; --out takes" in fails("sample", tmp_path, "--out", folder)
    assert f"no checkpoint in {file}, which is a file" in fails(
        "sample", file, "--out", tmp_path / "x.npz"
    )
    monkeypatch.setattr("os.access", lambda *given: False)
    assert f"nothing may be written into {tmp_path}" in fails("train", "--out", tmp_path)


def test_ctrl_c_before_training_is_no_traceback(tmp_path, monkeypatch):
    def interrupt(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr("course_utils.__main__.load", interrupt)
    assert "train: stopped" in fails("train", "--out", tmp_path)


def shell(*arguments, **more):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", *arguments], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more,
    )  # fmt: skip


def test_two_processes_train_like_one(tmp_path):
    options = ["--model", "ddpm", "--steps", "3", "--batch", "8", "--precision", "fp32"]
    two = shell(
        "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "course_utils",
        "train", *options, "--out", str(tmp_path / "two"),
    )  # fmt: skip
    main(["train", *options, "--out", str(tmp_path / "one")])
    out, err = two.communicate(timeout=240)
    assert two.returncode == 0, err
    assert out.count("step 3 of 3") == 1
    same_weights(tmp_path / "one", tmp_path / "two", rtol=1e-3, atol=1e-4)


def test_interrupt_from_the_keyboard_keeps_the_work(tmp_path):
    run = shell(
        "course_utils", "train", "--model", "ddpm", "--steps", "5000", "--batch", "4",
        "--save-every", "1", "--out", str(tmp_path),
    )  # fmt: skip
    while not list(tmp_path.glob("step-*.pt")):
        assert run.poll() is None, run.communicate()[1]
        time.sleep(0.1)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=120)
    step = latest(tmp_path)["step"]
    assert run.returncode == 0, err
    assert 1 <= step < 5000 and f"step {step} of 5000" in out and "--resume goes on" in out
