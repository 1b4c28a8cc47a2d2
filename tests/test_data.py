import gzip
import hashlib
import pickle
import shutil
import urllib.request
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torchvision.datasets import CIFAR10, utils

from course_utils.data import DOWNLOADED, DataError, load

GREY = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """Let no test reach the network; return the addresses that were asked for."""
    asked = []

    def refuse(request, *args, **options):
        asked.append(getattr(request, "full_url", request))
        raise URLError("Temporary failure in name resolution")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    return asked


def idx(array):
    """Return the bytes of an MNIST file: two zeros, the type (8 is a byte), the sizes, the data."""
    sizes = np.array(array.shape, dtype=">i4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def write_grey(folder, class_name, seed=0):
    """Write all four files of an MNIST-like set and return what is in them, by split."""
    raw, rng, sets = folder / class_name / "raw", np.random.default_rng(seed), {}
    raw.mkdir(parents=True)
    for split, start, n in (("train", "train", 7), ("test", "t10k", 5)):
        pixels = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = rng.integers(0, 10, n, dtype=np.uint8)
        (raw / f"{start}-images-idx3-ubyte").write_bytes(idx(pixels))
        (raw / f"{start}-labels-idx1-ubyte").write_bytes(idx(labels))
        sets[split] = pixels, labels
    return sets


def write_cifar(folder, monkeypatch):
    """Write all files of a small CIFAR-10, the pickles of Python 2; return what is in them."""
    base, rng = folder / "cifar-10-batches-py", np.random.default_rng(0)
    base.mkdir(parents=True)
    train, test, sums = [f"data_batch_{i}" for i in range(1, 6)], ["test_batch"], {}
    batches = {}
    for name in train + test:
        pixels = rng.integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)
        labels = rng.integers(0, 10, 2).tolist()
        batches[name] = pixels, labels
        content = pickle.dumps({"data": pixels.reshape(2, 3072), "labels": labels}, protocol=2)
        (base / name).write_bytes(content)
        sums[name] = hashlib.md5(content).hexdigest()
    meta = pickle.dumps({"label_names": list("abcdefghij")}, protocol=2)
    (base / "batches.meta").write_bytes(meta)
    monkeypatch.setattr(CIFAR10, "train_list", [[name, sums[name]] for name in train])
    monkeypatch.setattr(CIFAR10, "test_list", [[name, sums[name]] for name in test])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": hashlib.md5(meta).hexdigest()})
    return {
        split: [np.concatenate(parts) for parts in zip(*(batches[name] for name in names))]
        for split, names in (("train", train), ("test", test))
    }


def test_digits_are_what_the_course_says():
    (train, train_labels), (test, test_labels) = load(), load("digits", "test")
    assert train.shape == (1437, 1, 16, 16) and train_labels.shape == (1437,)
    assert test.shape == (360, 1, 16, 16) and test_labels.shape == (360,)
    for images, labels in ((train, train_labels), (test, test_labels)):
        assert images.dtype == torch.float32 and labels.dtype == torch.int64
        assert images.min() == -1 and images.max() == 1
        assert sorted(labels.unique().tolist()) == list(range(10))


def test_digits_are_the_scans_of_scikit_learn():
    # Resized bilinearly to twice the size, the mean of each 2x2 square is near the old pixel; in
    # a corner the outermost new pixel is the old one.
    images, labels = map(torch.cat, zip(load("digits", "train"), load("digits", "test")))
    scans = load_digits()
    ours = torch.cat([images[:, 0, ::15, ::15].flatten(1), labels[:, None]], dim=1)
    corners = torch.tensor(scans.images[:, ::7, ::7] / 8 - 1).flatten(1).float()
    theirs = torch.cat([corners, torch.tensor(scans.target)[:, None]], dim=1)
    assert sorted(ours.tolist()) == sorted(theirs.tolist())
    assert images.mean() == pytest.approx(scans.images.mean() / 8 - 1, abs=0.01)


def test_digits_are_split_apart_and_alike():
    (train, train_labels), (test, test_labels) = load("digits", "train"), load("digits", "test")
    assert torch.cdist(test.flatten(1), train.flatten(1)).min() > 0.1
    share = test_labels.bincount() / (train_labels.bincount() + test_labels.bincount())
    torch.testing.assert_close(share, torch.full((10,), 360 / 1797), rtol=0, atol=0.003)


@pytest.mark.parametrize("split", ["train", "test"])
def test_digits_are_the_same_each_time(split):
    state = torch.get_rng_state()
    (images, labels), (again, labels_again) = load("digits", split), load("digits", split)
    assert torch.equal(images, again) and torch.equal(labels, labels_again)
    assert torch.equal(torch.get_rng_state(), state)


def test_who_changes_digits_changes_no_others():
    images, labels = load("digits", "train")
    before = images.clone(), labels.clone()
    images.zero_(), labels.zero_()
    assert all(map(torch.equal, load("digits", "train"), before))


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", GREY)
def test_28_pixels_are_padded_to_32(name, split, tmp_path, offline):
    pixels, labels = write_grey(tmp_path / name, GREY[name])[split]
    images, our_labels = load(name, split, root=tmp_path)
    assert images.shape == (len(pixels), 1, 32, 32) and images.dtype == torch.float32
    inside = torch.tensor(pixels / 127.5 - 1, dtype=torch.float32)[:, None]
    torch.testing.assert_close(images[:, :, 2:30, 2:30], inside)
    images[:, :, 2:30, 2:30] = -1
    assert (images == -1).all()
    assert our_labels.dtype == torch.int64 and our_labels.tolist() == labels.tolist()
    assert offline == []


@pytest.mark.parametrize("split", ["train", "test"])
def test_cifar10_keeps_its_colours(split, tmp_path, monkeypatch, offline):
    pixels, labels = write_cifar(tmp_path / "cifar10", monkeypatch)[split]
    images, our_labels = load("cifar10", split, root=tmp_path)
    assert images.dtype == torch.float32 and our_labels.dtype == torch.int64
    torch.testing.assert_close(images, torch.tensor(pixels / 127.5 - 1, dtype=torch.float32))
    assert our_labels.tolist() == labels.tolist()
    assert offline == []


def test_black_and_white_are_minus_one_and_one(tmp_path):
    raw = tmp_path / "mnist" / "MNIST" / "raw"
    write_grey(tmp_path / "mnist", "MNIST")
    pixels = np.zeros((5, 28, 28), dtype=np.uint8)
    pixels[:, 3, 4] = 255
    (raw / "t10k-images-idx3-ubyte").write_bytes(idx(pixels))
    images, _ = load("mnist", "test", tmp_path)
    assert images.unique().tolist() == [-1, 1] and (images[:, 0, 5, 6] == 1).all()


def test_the_sets_do_not_share_a_folder(tmp_path):
    sets = [write_grey(tmp_path / name, GREY[name], seed) for seed, name in enumerate(GREY)]
    ours = [load(name, "test", tmp_path)[0] for name in GREY]
    assert not torch.equal(*ours)
    for images, (pixels, _) in zip(ours, (s["test"] for s in sets)):
        assert images[0, 0, 2, 2] == pytest.approx(pixels[0, 0, 0] / 127.5 - 1, abs=1e-6)


def assert_told(error, name, folder, *reasons):
    """Fail unless the message names the set, the folder, a reason and the embedded choice."""
    message = str(error.value)
    for word in (f"{name} could not be downloaded", str(folder), '"digits"'):
        assert word in message, message
    assert any(reason in message for reason in reasons), message
    # What torchvision says runs over several lines and may be empty.
    assert "\n" not in message.strip() and ": )" not in message, message


@pytest.mark.parametrize("name", DOWNLOADED)
def test_no_network(name, tmp_path, offline):
    with pytest.raises(DataError) as error:
        load(name, "train", root=tmp_path)
    assert_told(error, name, tmp_path / name, "Temporary failure in name resolution")
    assert offline  # it was tried


@pytest.mark.parametrize("missing", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
@pytest.mark.parametrize("name", GREY)
def test_a_missing_file(name, missing, tmp_path):
    write_grey(tmp_path / name, GREY[name])
    (tmp_path / name / GREY[name] / "raw" / missing).unlink()
    with pytest.raises(DataError) as error:
        load(name, "train", root=tmp_path)
    assert_told(error, name, tmp_path / name, "Temporary failure in name resolution")


def test_a_missing_or_damaged_file_of_cifar10(tmp_path, monkeypatch):
    write_cifar(tmp_path / "cifar10", monkeypatch)
    batch = tmp_path / "cifar10" / "cifar-10-batches-py" / "data_batch_3"
    content = batch.read_bytes()
    for damaged in (content[:-100], b"\0" * len(content), None):
        batch.unlink() if damaged is None else batch.write_bytes(damaged)
        for split in ("train", "test"):
            with pytest.raises(DataError) as error:  # torchvision tries to download it again
                load("cifar10", split, root=tmp_path)
            assert_told(error, "cifar10", tmp_path / "cifar10", "Temporary failure")
    batch.write_bytes(content)
    assert len(load("cifar10", "train", root=tmp_path)[0]) == 10


def test_a_file_of_cifar10_that_is_no_pickle(tmp_path, monkeypatch):
    write_cifar(tmp_path / "cifar10", monkeypatch)
    content = b"not a pickle"
    (tmp_path / "cifar10" / "cifar-10-batches-py" / "test_batch").write_bytes(content)
    sums = [["test_batch", hashlib.md5(content).hexdigest()]]
    monkeypatch.setattr(CIFAR10, "test_list", sums)
    with pytest.raises(DataError) as error:
        load("cifar10", "test", root=tmp_path)
    assert_told(error, "cifar10", tmp_path / "cifar10", "UnpicklingError")


DAMAGED = {
    "truncated": lambda content: content[: len(content) // 2],
    "a byte short": lambda content: content[:-1],
    "a byte too long": lambda content: content + b"\0",
    "empty": lambda content: b"",
    "only its head": lambda content: content[:6],
    "a web page": lambda content: b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
    "zeros": lambda content: bytes(len(content)),
    "still packed": gzip.compress,
}


@pytest.mark.parametrize("kind", ["images-idx3", "labels-idx1"])
@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("name", GREY)
def test_a_damaged_file(name, damage, kind, tmp_path):
    write_grey(tmp_path / name, GREY[name])
    file = tmp_path / name / GREY[name] / "raw" / f"train-{kind}-ubyte"
    file.write_bytes(DAMAGED[damage](file.read_bytes()))
    with pytest.raises(DataError) as error:
        load(name, "train", root=tmp_path)
    assert_told(error, name, tmp_path / name, "Error: ")
    assert load(name, "test", root=tmp_path)[0].shape == (5, 1, 32, 32)  # that one is whole


def test_a_download_that_is_something_else(tmp_path, monkeypatch):
    # A hotel's login page, for one: it comes, but its checksum is wrong.
    page = tmp_path / "page.html"
    page.write_text("<html>Please log in</html>")
    monkeypatch.setattr(utils, "_get_redirect_url", lambda url, **options: url)
    monkeypatch.setattr(utils, "_urlretrieve", lambda url, file: shutil.copy(page, file))
    with pytest.raises(DataError) as error:
        load("mnist", "train", root=tmp_path)
    assert_told(error, "mnist", tmp_path / "mnist", "not found or corrupted")


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "mnist").write_text("a file stands where the folder should be")
    with pytest.raises(DataError) as error:
        load("mnist", "train", root=tmp_path)
    assert_told(error, "mnist", tmp_path / "mnist", "NotADirectoryError", "FileExistsError")


@pytest.mark.parametrize("split", ["training", "val", "", None, "Train", True])
@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_unknown_split(name, split, tmp_path, offline):
    with pytest.raises(ValueError, match='split must be "train" or "test"; got') as error:
        load(name, split, root=tmp_path)
    assert str(error.value).endswith(repr(split))
    assert offline == [] and not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["MNIST", "imagenet", "", None])
def test_unknown_data_set(name, tmp_path, offline):
    sentence = f"no data set is called {name!r}; there are digits, mnist, fashion_mnist, cifar10"
    with pytest.raises(ValueError, match=sentence):
        load(name, "train", root=tmp_path)
    assert offline == [] and not any(tmp_path.iterdir())


DEBIANS = Path("/usr/share/datasets/fashion-mnist")  # of the package dataset-fashion-mnist


@pytest.mark.skipif(not DEBIANS.exists(), reason="Debian's dataset-fashion-mnist is not installed")
def test_the_real_fashion_mnist(tmp_path, offline):
    raw = tmp_path / "fashion_mnist/FashionMNIST/raw"
    raw.mkdir(parents=True)
    for file in DEBIANS.glob("*.gz"):  # Debian has packed them anew, with other checksums
        (raw / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
    for split, n in (("train", 60_000), ("test", 10_000)):
        images, labels = load("fashion_mnist", split, tmp_path)
        assert images.shape == (n, 1, 32, 32) and labels.bincount().tolist() == [n // 10] * 10
        assert images.min() == -1 and images.max() == 1 and (images[:, :, :2] == -1).all()
        mean = (images[:, :, 2:-2, 2:-2] + 1).mean() / 2
        assert mean == pytest.approx(0.286, abs=0.002)  # as published: 0.2860
    assert not offline
