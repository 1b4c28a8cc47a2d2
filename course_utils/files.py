"""Files that are whole or not there, and reading them without running code in them."""

import os
import zipfile
from pickle import UnpicklingError

import torch


class FileError(RuntimeError):
    """A file could not be written, or cannot be used."""


def write_whole(write, path):
    """Let write(file) fill a file; it appears under its path when it is whole, or not at all.

    () -> None

    It is written beside path, under the same name with .new for its suffix, flushed to the disk,
    and renamed, which replaces an older file of that name in one go. If anything is raised on the
    way, the half file is removed, and the old one is as it was.
    """
    new = path.with_suffix(".new")
    try:
        with new.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def read(path):
    """Return what a file of torch.save holds. No code in it is run.

    Raises FileNotFoundError, and FileError with the reason for a file that is cut off,
    damaged, of another kind, or would run code.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        problem = damage(path)
        content = None if problem else torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise FileError(
            f"{path.name} holds more than tensors and plain values; loading it could run code, so "
            f"it is refused"
        ) from error
    except (RuntimeError, KeyError, EOFError, ValueError) as error:
        raise FileError(f"{path.name} is not a file of torch.save") from error
    except OSError as error:  # a disk or a network that fails
        raise FileError(f"{path.name} cannot be read: {error.strerror or error}") from error
    if problem:
        raise FileError(f"{path.name} {problem}")
    return content


def damage(path):
    """Return what is wrong with a file as a container, or None: torch.save writes zip files."""
    if not path.is_file():
        return "is a folder"
    with path.open("rb") as file:
        start = file.read(2)
    if not start:
        return "is empty"
    if start != b"PK":
        return "is not a file of torch.save"
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()  # compares the checksums
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, ValueError):
        return "is cut off or damaged"
    return f"is damaged: {bad} is not what was written" if bad else None
