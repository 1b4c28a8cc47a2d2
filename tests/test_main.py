"""The command line: train, go on, reflow, sample, score, on one process and on two."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
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
from course_utils.fields import FieldFromVelocity
from course_utils.files import FileError
from course_utils.quality import Figures, Quality
from course_utils.runs import pairs_of, told
from course_utils.samplers import ddim, last
from course_utils.straight import Field, euler, heun, reflow_pairs
from course_utils.trained import LOSSES, NETWORKS, SCHEDULE, loaded, network, told_steps
from course_utils.trained import load as load_network

ROOT = Path(__file__).parents[1]


def train(folder, *options, model="ddpm", steps="4"):
    given = {"--model": model, "--steps": steps, "--batch": "8", "--out": str(folder)}
    main(["train", *sum(given.items(), ()), *options])


def fails(*arguments):
    """Return what the command says as it gives up."""
    with pytest.raises(SystemExit) as raised:
        main(list(map(str, arguments)))
    return str(raised.value)


def same_weights(one, other, **tolerance):
    one, other = latest(one), latest(other)
    for part in ("model", "average"):
        torch.testing.assert_close(one[part], other[part], **tolerance)


def sampled(folder, out, *options):
    """Sample with a run, and return the pictures."""
    main(["sample", str(folder), "--out", str(out), *map(str, options)])
    with np.load(out) as file:
        return file["x0"]


def drawn_by_hand(settings, net, noise, evaluations):
    """Draw what `sample` should draw, without its code."""
    net = told_steps(settings, net)
    labels = [torch.arange(len(noise)) % 10] if settings["model"] == "grown" else []

    def asked(xt, t):
        return net(xt, t, *labels)

    if settings["loss"] == "straight":
        return last(euler(Field(asked), noise, evaluations))
    model = NoiseFromVelocity(asked, SCHEDULE) if settings["loss"] == "velocity" else asked
    return last(ddim(model, noise, SCHEDULE, evaluations, 1.0))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("model", NETWORKS)
def test_train_and_sample(model, loss, tmp_path, capsys):
    base = "8" if model in ("tutorial", "grown") else "32"  # GroupNorm wants 32
    train(tmp_path / "run", "--loss", loss, "--base", base, model=model)
    said = capsys.readouterr().out
    assert "step 4 of 4, loss" in said and "0 steps skipped; kept in" in said
    out = tmp_path / "drawn" / "x.npz"
    x0 = sampled(tmp_path / "run", out, "--n", 3, "--steps", 2)
    assert x0.shape == (3, 1, 16, 16) and x0.dtype == np.float32
    assert -1 <= x0.min() < x0.max() <= 1
    with Image.open(out.with_suffix(".png")) as grid:
        assert grid.size == (3 * 18 + 2, 20)
    assert f"3 pictures in {out}" in capsys.readouterr().out
    settings = latest(tmp_path / "run")["settings"]
    assert (settings["model"], settings["loss"], settings["data"]) == (model, loss, "digits")
    assert settings["shape"] == [1, 16, 16]
    net = network(settings)
    net.load_state_dict(latest(tmp_path / "run")["average"])
    refresh_norms(net, load("digits")[0], SCHEDULE, loss=told(settings, LOSSES[loss]))
    torch.manual_seed(0)
    drawn = drawn_by_hand(settings, net, torch.randn(3, 1, 16, 16), 2)
    np.testing.assert_allclose(x0, drawn.clamp(-1, 1), atol=1e-6)


def test_the_losses_ask_for_different_things(tmp_path):
    for loss in LOSSES:
        train(tmp_path / loss, "--loss", loss, "--base", "8", model="tutorial", steps="2")
    contents = [latest(tmp_path / loss) for loss in LOSSES]
    weights = [torch.cat([p.flatten() for p in c["model"].values()]) for c in contents]
    assert not any(torch.equal(weights[i], weights[i - 1]) for i in range(3))
    small, usual = (sum(p.numel() for p in c.values()) for c in (
        contents[0]["average"], network(contents[0]["settings"] | {"base": 32}).state_dict()
    ))  # fmt: skip
    assert 10 * small < usual


@pytest.mark.parametrize("model", ["tutorial", "grown"])
def test_reflow_trains_a_run_on_its_own_pairs(model, tmp_path, monkeypatch):
    train(tmp_path / "run", "--loss", "straight", "--base", "8", model=model, steps="2")
    seen = []

    def watched(*given):
        seen.append(pairs_of(*given))
        return seen[-1]

    monkeypatch.setattr("course_utils.runs.pairs_of", watched)
    reflow = ["reflow", str(tmp_path / "run"), "--pairs", "22", "--batch", "22"]
    out = tmp_path / "straighter"
    main([*reflow, "--steps", "2", "--out", str(out)])
    content, (pairs, *labels) = latest(out), seen[0]
    assert pairs.shape == (22, 2, 16, 16)
    assert content["settings"]["pairs"] == 22 and content["settings"]["model"] == model
    net = load_network(tmp_path / "run")
    if model == "grown":
        assert labels[0].unique().tolist() == [*range(11)]  # and 10 is "hidden"
        net.cond_embed.dropout = 0.0
    x0, eps = pairs.chunk(2, dim=1)
    again = reflow_pairs(partial(Field, net), eps, *labels)
    torch.testing.assert_close(again[:, :1], x0, rtol=0, atol=0.02)
    assert len(eps.flatten(1).unique(dim=0)) > 3
    begun, ended = latest(tmp_path / "run"), content
    name = next(iter(dict(net.named_parameters())))
    away = (ended["model"][name] - begun["average"][name]).abs().max()
    assert 0 < away < 0.1  # it starts at the average, and goes on
    assert sampled(out, tmp_path / "x.npz", "--n", 2, "--steps", 1).shape == (2, 1, 16, 16)
    assert "holds a training run" in fails(*reflow, "--out", out)
    said = fails(*reflow[:2], "--pairs", 23, "--resume", "--out", out)
    assert "pairs was 22 and is 23" in said
    main([*reflow, "--resume", "--out", str(out)])  # it is at its end, and stays there
    assert latest(out)["step"] == 2
    main(["reflow", str(out), "--pairs", "4", "--batch", "2", "--steps", "1", "--out",
          str(tmp_path / "twice")])  # fmt: skip
    assert latest(tmp_path / "twice")["settings"]["loss"] == "straight"


def test_a_run_that_predicts_v_has_straight_lines_too(tmp_path):
    train(tmp_path / "run", "--base", "8", model="grown", steps="2")
    main(["reflow", str(tmp_path / "run"), "--pairs", "11", "--batch", "4", "--steps", "1", "--out",
          str(tmp_path / "new")])  # fmt: skip
    settings = latest(tmp_path / "new")["settings"]
    assert (
        settings["loss"] == "straight"
        and latest(tmp_path / "run")["settings"]["loss"] == "velocity"
    )
    net = load_network(tmp_path / "run")
    pairs, labels = pairs_of(net, latest(tmp_path / "run")["settings"], 11, torch.device("cpu"))
    field = FieldFromVelocity(net, SCHEDULE, labels)
    x0, eps = pairs.chunk(2, dim=1)
    torch.testing.assert_close(last(heun(field, eps, 8)), x0, rtol=0, atol=0.1)


def test_what_says_nothing_about_pure_noise_gets_no_pairs(tmp_path):
    train(tmp_path / "run", "--base", "8", "--loss", "noise", model="tutorial", steps="1")
    said = fails("reflow", tmp_path / "run", "--out", tmp_path / "new")
    assert said == (
        f"reflow: reflow takes a run with --loss straight or velocity; that in {tmp_path / 'run'} "
        "has --loss noise, which says nothing where there is only noise"
    )
    assert not list((tmp_path / "new").glob("*.pt"))


def measured(x, data):
    """Stand in for the measuring, which takes a network that tells digits apart."""
    assert x.shape == (500, 1, 16, 16) and data == "digits"
    figures = Figures(*[float(x.abs().mean())] * 4)
    return Quality(500, 1.0, figures, figures, figures)


def test_the_figures_of_a_page_are_those_of_its_own_sampler(tmp_path, monkeypatch):
    train(tmp_path / "run", "--base", "8", model="tutorial", steps="1")
    seen = []

    def watched(x, data):
        seen.append(x)
        return measured(x, data)

    monkeypatch.setattr("course_utils.runs.measure", watched)
    main(["page", str(tmp_path / "run"), "--out", str(tmp_path / "page.html")])
    torch.manual_seed(0)
    noise = torch.randn(500, 1, 16, 16)
    model = NoiseFromVelocity(load_network(tmp_path / "run"), SCHEDULE)
    expected = last(ddim(model, noise[:250], SCHEDULE, 2, eta=0)).clamp(-1, 1)
    torch.testing.assert_close(seen[1][:250], expected)  # the page adds no fresh noise


@pytest.mark.parametrize("model", ["tutorial", "grown"])
def test_a_page_of_a_run(model, tmp_path, monkeypatch, capsys):
    train(tmp_path / "run", "--loss", "straight", "--base", "8", model=model, steps="1")
    monkeypatch.setattr("course_utils.runs.measure", measured)
    out = tmp_path / "pages" / "mine.html"
    main(["page", str(tmp_path / "run"), "--name", "Ada <3", "--out", str(out)])
    text = out.read_text("utf-8")
    assert "Ada &lt;3’s network draws digits" in text and "trained in 1 steps on digits" in text
    assert str(out) in capsys.readouterr().out
    counts = [row[0] for row in json.loads(re.search(r'"figures": (\[.*?\]\])', text)[1])]
    assert counts == [1, 2, 4, 16]
    train(tmp_path / "other", model="ddpm", steps="1")
    monkeypatch.setattr("course_utils.runs.score", lambda *given: pytest.fail("too late"))
    assert fails("page", tmp_path / "other", "--out", out).startswith("page: the page draws with ")
    assert out.read_text("utf-8") == text


def test_score_and_its_entry(tmp_path, monkeypatch, capsys):
    run, entry = tmp_path / "run", tmp_path / "entry"
    train(run, "--loss", "straight", "--base", "8", model="grown", steps="2")
    monkeypatch.setattr("course_utils.runs.measure", measured)
    capsys.readouterr()
    main(["score", str(run), "--evaluations", "1,3", "--json", "--entry", str(entry)])
    scores = json.loads(capsys.readouterr().out)
    assert list(scores) == ["1", "3"]
    assert set(scores["1"]) == {"distance", "recognised", "entropy", "nearest"}
    assert scores["1"] != scores["3"] and json.loads((entry / "scores.json").read_text()) == scores
    main(["score", str(run), "--evaluations", "3"])
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["evaluations", "distance", "recognised", "entropy"]
    assert row.split()[0] == "3" and row.split()[1] == f"{scores['3']['distance']:.1f}"
    # An entry is a run too: its network, in 16 bits, and its settings.
    whole, packed = loaded(run), loaded(entry)
    assert whole[1] == packed[1] and not packed[0].training
    for p, q in zip(whole[0].parameters(), packed[0].parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-3, atol=1e-4)
    size = (entry / "network.pt").stat().st_size
    assert size < 0.3 * next(run.glob("step-*.pt")).stat().st_size
    a, b = (sampled(f, tmp_path / "x.npz", "--n", 12, "--steps", 2) for f in (run, entry))
    np.testing.assert_allclose(a, b, atol=0.02)


def test_a_folder_that_holds_something_else_is_told(tmp_path):
    path = tmp_path / "network.pt"
    torch.save({"format": "another"}, path)
    with pytest.raises(FileError, match="was not written by this course"):
        loaded(tmp_path)
    path.unlink()
    train(tmp_path, "--base", "8", model="tutorial", steps="1")
    (file,) = tmp_path.glob("step-*.pt")
    content = torch.load(file)
    del content["settings"]["shape"]
    torch.save(content, file)
    assert "is of an older course; train it anew" in fails("score", tmp_path)


def test_going_on_is_never_having_stopped(tmp_path, monkeypatch):
    train(tmp_path / "whole", "--save-every", "2", steps="6")
    train(tmp_path / "half", "--save-every", "2", steps="6")
    (tmp_path / "half/step-00000006.pt").unlink()  # as if it had been killed before
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
    monkeypatch.setattr("course_utils.runs.rate", lambda *given: 2.5)
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
        drawn.append(sampled(tmp_path, out, "--n", 2, "--steps", 2, "--seed", seed))
    assert (drawn[0] == drawn[1]).all() and (drawn[0] != drawn[2]).any()


def test_a_run_is_not_written_over(tmp_path):
    train(tmp_path, steps="1")
    assert "holds a training run; --resume goes on" in fails("train", "--out", tmp_path)
    for option, value, was in [("model", "sigma", "ddpm"), ("loss", "noise", "velocity")]:
        given = {"--model": "ddpm"} | {f"--{option}": value}
        said = fails("train", *sum(given.items(), ()), "--out", tmp_path, "--resume")
        assert said.startswith("train: ") and f"has --{option} {was}, not {value}" in said


def test_bad_input_gets_a_sentence(tmp_path, capsys):
    folder = tmp_path / "nothing"
    out = "--out", tmp_path / "x.npz"
    for command, *more in [("sample", *out), ("score",), ("reflow", "--out", tmp_path / "new")]:
        said = fails(command, folder, *more)
        assert f"{command}: there is no checkpoint in {folder}" in said
    for arguments, words in [
        (["sample", folder, "--out", "x.png"], "must end in .npz; got x.png"),
        (["train", "--model", "vae", "--out", folder], "invalid choice: 'vae'"),
        (["train", "--loss", "score", "--out", folder], "invalid choice: 'score'"),
        (["train", "--base", "0", "--out", folder], "--base: must be a whole number above 0"),
        (["score", folder, "--evaluations", "1,0"], "must be whole numbers above 0, as 1,2,4"),
        (["reflow", folder, "--out", folder, "--model", "ddpm"], "unrecognized arguments"),
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
    monkeypatch.setattr("course_utils.runs.load", lambda *given: pytest.fail("too late"))
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

    monkeypatch.setattr("course_utils.runs.load", interrupt)
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
