"""my_unet.pt: what was trained is kept and comes back, and the course's own network draws."""

import errno
import os
from pathlib import Path

import pytest
import torch
from torch import nn

from course_utils import drive, keeping, portfolio
from course_utils.attention_unet import attention_heads, gated, with_attention
from course_utils.averaging import refresh_norms
from course_utils.data import load
from course_utils.files import FileError
from course_utils.grown_unet import GrownUNet
from course_utils.keeping import DIGITS, FILE, WEIGHTS, keep_weights, trained
from course_utils.quality import Figures, Quality
from course_utils.schedule import cosine_schedule
from course_utils.unet import UNet
from course_utils.weights.train import drawn

SMALL = {"in_ch": 1, "base_ch": 8, "ch_mult": (1, 2), "time_dim": 16}
FIRST_LINE = "your network so far      recognised   Frechet distance   evaluations   seconds"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(drive, "in_use", False)
    monkeypatch.setattr(drive, "failed", False)
    monkeypatch.setattr(drive, "DRIVE", tmp_path / "drive")
    return tmp_path / "here"


def network(seed=0, **more):
    """A small network whose running averages are not those that it was made with."""
    torch.manual_seed(seed)
    net = UNet(**SMALL | more)
    net(torch.randn(4, 1, 8, 8), torch.arange(4))
    return net.eval()


def keep(net=None, predicts="eps", notebook="05", recognised=0.5, settings=SMALL):
    figures = Figures(recognised, entropy=3.3, distance=12.34, nearest=0.2)
    quality = Quality(500, 0.99, figures, figures, figures)
    keep_weights(net or network(), predicts, notebook, quality, 50, 61.7, settings)


def answer(net):
    with torch.no_grad():
        return net(torch.ones(2, 1, 8, 8), torch.tensor([3, 900]))


def test_what_was_kept_comes_back(capsys):
    net = network()
    keep(net, "v")
    assert capsys.readouterr().out.splitlines()[-1] == "Kept in my_unet.pt."
    again, predicts = trained()
    assert predicts == "v" and not again.training
    assert capsys.readouterr().out == "Your trained network, from my_unet.pt. It predicts v.\n"
    assert answer(again) == pytest.approx(answer(net), abs=5e-3)
    assert {p.dtype for p in again.parameters()} == {torch.float32}
    buffers, kept = dict(net.named_buffers()), dict(again.named_buffers())
    assert all(torch.allclose(kept[name], b, rtol=1e-3) for name, b in buffers.items())
    assert any(kept[name].dtype == torch.int64 for name in buffers)


def test_the_file_is_half_as_large_and_holds_no_code(folder):
    keep()
    (file,) = folder.iterdir()
    numbers = sum(p.numel() for p in network().parameters())
    assert file.name == FILE and file.stat().st_size < 3 * numbers + 30_000
    kept = torch.load(file, weights_only=True)["networks"]["UNet"]
    assert kept["settings"] == SMALL and kept["predicts"] == "eps"
    assert {v.dtype for v in kept["weights"].values()} == {torch.float16, torch.int64}


def test_a_compiled_network_is_kept_as_the_network_itself():
    net = network()
    wrapped = torch.nn.Module()
    wrapped._orig_mod = net
    keep(wrapped)
    assert answer(trained()[0]) == pytest.approx(answer(net), abs=5e-3)


def test_the_network_is_one_of_the_readers_class(folder):
    text = portfolio.assemble({}).replace(
        "class UNet(nn.Module):", "class UNet(nn.Module):\n    me = 1"
    )
    (folder / portfolio.FILE).write_text(text)
    keep()
    assert trained()[0].me == 1


def test_a_grown_network_is_kept_beside_the_other(folder, capsys):
    settings = SMALL | {"classes": 4}
    torch.manual_seed(1)
    grown, labels = GrownUNet(**settings).eval(), torch.tensor([1, 3])
    keep(network())
    keep(grown, "v", "10", settings=settings)
    assert answer(trained()[0]) == pytest.approx(answer(network()), abs=5e-3)
    networks = keeping.stored(folder / FILE)["networks"]
    again = keeping.built(networks, keeping.COURSES_PARTS, "GrownUNet")
    x, t = torch.ones(2, 1, 8, 8), torch.tensor([3, 900])
    assert again(x, t, labels).detach() == pytest.approx(grown(x, t, labels).detach(), abs=5e-3)
    keep(network(2), notebook="07")
    assert keeping.stored(folder / FILE)["networks"].keys() == {"UNet", "GrownUNet"}
    assert "not kept" not in capsys.readouterr().out.lower()


def test_a_network_for_other_pictures_is_left_where_it_is(folder, capsys):
    keep(network(), "eps")
    settings = SMALL | {"in_ch": 3}
    torch.manual_seed(0)
    keep(UNet(**settings), "eps", settings=settings)
    capsys.readouterr()
    net, predicts = trained()
    assert predicts == "v" and net(torch.zeros(1, 1, 16, 16), 5).shape == (1, 1, 16, 16)
    assert "takes 3 channels, these pictures have 1." in capsys.readouterr().out
    assert trained(in_ch=3)[1] == "eps"


def with_open_gates(net):
    for layer in gated(with_attention(net)):
        nn.init.constant_(layer.gate.weight, 1.0)
    return net


def test_attention_comes_back(folder, capsys):
    net = with_open_gates(network())
    keep(net, notebook="08")
    again = trained()[0]
    assert attention_heads(again) == 2
    assert answer(again) == pytest.approx(answer(net), abs=5e-3)
    assert answer(again) != pytest.approx(answer(network()), abs=5e-2)
    keep(again, notebook="09")
    assert attention_heads(trained()[0]) == 2 and "not kept" not in capsys.readouterr().out


def test_attention_of_the_readers_file_comes_back(folder):
    text = portfolio.assemble({}).replace("self.qkv", "self.three")
    (folder / portfolio.FILE).write_text(text)
    own = portfolio.run(text)
    torch.manual_seed(0)
    net = with_open_gates(own.with_attention(own.UNet(**SMALL), heads=4))
    keep(net, notebook="08")
    again = trained()[0]
    assert attention_heads(again) == 4
    assert answer(again) == pytest.approx(answer(net.eval()), abs=5e-3)


def test_a_file_from_before_attention_gets_it(folder):
    text = portfolio.assemble({})
    (folder / portfolio.FILE).write_text(text[: text.index("# %% to_tokens")])
    net = with_open_gates(network())
    keep(net, notebook="08")
    assert answer(trained()[0]) == pytest.approx(answer(net), abs=5e-3)


def test_rows_are_in_the_order_of_the_course_and_a_second_run_replaces_its_row(capsys):
    for notebook, predicts, recognised in [
        ("07", "v", 0.9), ("05", "v", 0.8), ("05", "eps", 0.6), ("05", "v", 0.7),
    ]:  # fmt: skip
        capsys.readouterr()
        keep(predicts=predicts, notebook=notebook, recognised=recognised)
    assert capsys.readouterr().out.splitlines() == [
        FIRST_LINE,
        "05, eps                       60.0%               12.3            50        62",
        "05, v                         70.0%               12.3            50        62",
        "07, v                         90.0%               12.3            50        62",
        "(network evaluations for each picture; seconds of training in that notebook)",
        "Kept in my_unet.pt.",
    ]


def test_the_table_is_printed_when_a_network_is_kept(capsys):
    keep()
    first, row, *_ = capsys.readouterr().out.splitlines()
    assert first == FIRST_LINE and row.startswith("05, eps ")


def test_with_nothing_kept_the_courses_network_draws(capsys):
    before = torch.get_rng_state()
    net, predicts = trained()
    assert predicts == "v" and not net.training
    assert capsys.readouterr().out == (
        "There is no my_unet.pt yet. This is the course's trained network. It predicts v.\n"
    )
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "my_unet.pt is empty. Give the file another name."),
        (b"PK and more", "my_unet.pt is cut off or damaged. Give the file another name."),
        ({"weights": {}}, "my_unet.pt was not written by this course. Give it another name."),
        (Path, "it is refused. Give the file another name."),
    ],
)
def test_a_file_that_is_no_network_is_told_and_left_alone(folder, capsys, content, why):
    if isinstance(content, bytes):
        (folder / FILE).write_bytes(content)
    else:
        torch.save(content, folder / FILE)
    before = (folder / FILE).read_bytes()
    _, predicts = trained()
    keep()
    drawn_with, *_, not_kept = capsys.readouterr().out.splitlines()
    assert f"{why} This is the course's trained network." in drawn_with and predicts == "v"
    assert not_kept.startswith("Not kept in my_unet.pt: ") and not_kept.endswith(why)
    assert (folder / FILE).read_bytes() == before


def test_a_half_of_the_file_is_told(folder, capsys):
    keep()
    whole = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(whole[: len(whole) // 2])
    trained()
    assert "cut off or damaged" in capsys.readouterr().out


def test_weights_of_another_architecture_are_told(folder, capsys):
    keep()
    text = portfolio.assemble({}).replace("self.time = ", "self.clock = self.time = ")
    (folder / portfolio.FILE).write_text(text)
    capsys.readouterr()
    net, predicts = trained()
    out = capsys.readouterr().out
    assert out.startswith("These weights don't fit your UNet in my_unet.py: ")
    assert "clock" in out and "the course's trained network" in out and out.count("\n") == 1
    assert predicts == "v" and type(net) is UNet


def test_weights_that_fit_nothing_do_not_replace_those_that_do(capsys):
    keep(network(seed=1))
    before = answer(trained()[0])
    keep(network(base_ch=16), notebook="08")
    said = capsys.readouterr().out
    assert "\n08, eps " in said
    assert "The row is kept in my_unet.pt, the weights are not: " in said
    assert torch.equal(answer(trained()[0]), before)


def test_a_file_of_code_that_does_not_run_is_told(folder, capsys):
    keep()
    (folder / portfolio.FILE).write_text(portfolio.START + '"""\ndef f(:\n')
    trained()
    assert "my_unet.py is not Python" in capsys.readouterr().out


# --- Drive ---------------------------------------------------------------------------------------


@pytest.fixture
def on_drive(monkeypatch):
    """Drive is mounted and in use; return the course's folder there."""
    monkeypatch.setattr(drive, "in_use", True)
    drive.DRIVE.mkdir()
    return drive.DRIVE / drive.NAME


def test_on_drive_if_asked_for(folder, on_drive):
    keep()
    assert (on_drive / FILE).exists() and not (folder / FILE).exists()
    assert trained()[1] == "eps"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_where_drive_refuses_it_is_told_and_nothing_is_lost(
    folder, on_drive, capsys, monkeypatch, code
):
    keep(network(seed=1), notebook="05")
    whole = keeping.write_whole

    def refuse(write, path):
        if path.is_relative_to(on_drive):
            raise OSError(code, os.strerror(code), str(path))
        whole(write, path)

    monkeypatch.setattr(keeping, "write_whole", refuse)
    net = network(seed=2)
    capsys.readouterr()
    keep(net, notebook="07")
    out = capsys.readouterr().out
    assert out.count(f"Google Drive failed ({os.strerror(code)})") == 1
    assert "\n05, eps " in out and "\n07, eps " in out and "Kept in my_unet.pt." in out
    assert answer(trained()[0]) == pytest.approx(answer(net), abs=5e-3)
    assert torch.load(on_drive / FILE, weights_only=True)["rows"].keys() == {"05, eps"}


def test_where_drive_cannot_be_read_it_is_told_and_the_network_is_kept_here(
    folder, on_drive, capsys, monkeypatch
):
    keep(notebook="05")
    whole = keeping.read

    def broken(path):
        if path.is_relative_to(on_drive):
            raise FileError("cannot be read") from OSError(errno.EIO, os.strerror(errno.EIO))
        return whole(path)

    monkeypatch.setattr(keeping, "read", broken)
    keep(notebook="07")
    out = capsys.readouterr().out
    assert "Google Drive failed (Input/output error)" in out and out.endswith(
        "Kept in my_unet.pt.\n"
    )
    assert (folder / FILE).exists()


def test_a_disk_that_is_full_is_told(folder, capsys, monkeypatch):
    keep(notebook="05")
    before = (folder / FILE).read_bytes()

    def full(write, path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(keeping, "write_whole", full)
    keep(notebook="07")
    out = capsys.readouterr().out
    assert "Not kept in my_unet.pt: my_unet.pt cannot be read or written: No space left" in out
    assert "\n05, eps " in out and "\n07, eps " in out
    assert (folder / FILE).read_bytes() == before


def test_of_two_files_the_newer_weights_stay_and_all_rows(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    old, new = network(seed=1), network(seed=2)
    keep(old, notebook="05")
    keeping.carry(folder, other)
    assert (other / FILE).exists()
    keep(new, notebook="07")
    os.utime(folder / FILE, (2e9, 2e9))
    keeping.carry(folder, other)
    (folder / FILE).unlink()
    keep(old, notebook="10")  # here only, and older
    os.utime(folder / FILE, (1e9, 1e9))
    keeping.carry(folder, other)
    kept = keeping.stored(other / FILE)
    assert kept["rows"].keys() == {"05, eps", "07, eps", "10, eps"}
    assert answer(keeping.built(kept["networks"], keeping.COURSES_PARTS)) == pytest.approx(
        answer(new), abs=5e-3
    )
    (tmp_path / "empty").mkdir()
    keeping.carry(tmp_path / "empty", tmp_path / "empty")
    keeping.carry(tmp_path / "empty", folder)
    assert keeping.stored(folder / FILE)["rows"].keys() == {"10, eps"}


# --- the course's own network --------------------------------------------------------------------


def test_the_courses_network_draws_digits():
    net, _ = trained()
    quality = drawn(net, n=200, steps=30)
    assert quality.samples.recognised > 0.8 and quality.samples.distance < LARGEST
    assert WEIGHTS["UNet"].stat().st_size < 1_200_000


def test_the_courses_grown_network_draws_what_is_asked_for(capsys):
    net, predicts = trained(kind="GrownUNet")
    assert "There is no my_unet.pt yet. This is the course's trained" in capsys.readouterr().out
    asked = torch.arange(200) % 10
    quality = drawn(lambda xt, t: net(xt, t, asked), n=200, steps=20)
    assert predicts == "v" and quality.samples.recognised > 0.9
    assert quality.samples.distance < LARGEST / 4
    assert WEIGHTS["GrownUNet"].stat().st_size < 1_400_000


def test_an_untrained_network_does_not():
    torch.manual_seed(0)
    net = refresh_norms(UNet(**DIGITS), load("digits")[0], cosine_schedule())
    quality = drawn(net, n=200, steps=30)
    assert quality.samples.recognised < 0.8 and quality.samples.distance > LARGEST


def test_a_network_that_goes_straight_lies_beside_the_one_that_it_was_made_from(folder, capsys):
    settings, nets = DIGITS | {"base_ch": 8, "time_dim": 16}, []
    for predicts, notebook in (("v", "10"), ("straight", "11")):
        nets.append(GrownUNet(**settings))
        keep(nets[-1], predicts, notebook, settings=settings)
    for kind, predicts, net in zip(("GrownUNet", "GrownUNet, straight"), ("v", "straight"), nets):
        found, said = trained(kind=kind)
        assert said == predicts
        torch.testing.assert_close(found.conv_in.weight, net.conv_in.weight, atol=1e-3, rtol=0)
    capsys.readouterr()
    trained()
    assert "There is no UNet in my_unet.pt yet." in capsys.readouterr().out


LARGEST = 40  # Frechet distance; that of a Gaussian is 79
