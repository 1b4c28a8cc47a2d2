"""The pictures to learn from: digits that come with scikit-learn, and three sets to download."""

from functools import cache
from pathlib import Path

import torch
import torchvision
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.nn import functional as F

DOWNLOADED = {
    "mnist": torchvision.datasets.MNIST,
    "fashion_mnist": torchvision.datasets.FashionMNIST,
    "cifar10": torchvision.datasets.CIFAR10,
}


read_digits = cache(load_digits)  # it takes longer than all that is done with them


class DataError(RuntimeError):
    """A data set could not be downloaded or read."""


def load(name="digits", split="train", root="data"):
    """Return all images of a data set, and their labels.

    () -> (N, C, H, W), (N,)

    name is "digits" (1 x 16 x 16), "mnist", "fashion_mnist" (1 x 32 x 32) or "cifar10"
    (3 x 32 x 32); split is "train" or "test". Images are float32 in [-1, 1], labels int64 from
    0 to 9. Raises ValueError for another name or split, DataError when files are missing,
    damaged or out of reach.
    """
    if split not in ("train", "test"):
        raise ValueError(f'split must be "train" or "test"; got {split!r}')
    if name == "digits":
        return digits(split)
    if name in DOWNLOADED:
        return downloaded(name, split, root)
    raise ValueError(f"no data set is called {name!r}; there are digits, {', '.join(DOWNLOADED)}")


def digits(split):
    """Return scikit-learn's handwritten digits: 1,437 to train on, 360 held out.

    () -> (N, 1, 16, 16), (N,)

    The 8 x 8 scans, with values 0 to 16, are resized bilinearly to 16 x 16.
    Source: "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository (1998).
    """
    scans = read_digits()
    images = torch.tensor(scans.images, dtype=torch.float32)[:, None] / 8 - 1  # (N, 1, 8, 8)
    images = F.interpolate(images, size=(16, 16), mode="bilinear")  # (N, 1, 16, 16)
    labels = torch.tensor(scans.target)
    train, test = train_test_split(
        range(len(labels)), test_size=360, stratify=scans.target, random_state=0
    )
    keep = train if split == "train" else test
    return images[keep], labels[keep]


def downloaded(name, split, root):
    """Return one of torchvision's data sets, downloaded to root if it is not there yet.

    () -> (N, C, 32, 32), (N,)

    Pictures of 28 x 28 are padded to 32 x 32 with their background, black.
    """
    try:
        dataset = DOWNLOADED[name](Path(root) / name, train=split == "train", download=True)
        pixels = torch.as_tensor(dataset.data)
        labels = torch.as_tensor(dataset.targets)
    except Exception as error:  # torchvision raises many kinds: URLError, RuntimeError, EOFError
        reason = " ".join(str(error).split()) or "a file is damaged"
        raise DataError(
            f"{name} could not be downloaded to, or read from, {Path(root) / name} "
            f"({type(error).__name__}: {reason}). "
            f'Remove that folder and try again, or choose "digits", which needs no download.'
        ) from error
    if pixels.ndim == 3:
        pixels = F.pad(pixels, (2, 2, 2, 2))[:, None]  # (N, 1, 32, 32)
    else:
        pixels = pixels.permute(0, 3, 1, 2)  # (N, 3, 32, 32)
    return pixels.float() / 127.5 - 1, labels
