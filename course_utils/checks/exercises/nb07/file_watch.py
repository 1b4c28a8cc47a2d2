"""A folder in which an attempt writes a file, and what is watched there meanwhile."""

import os
import sys
from pathlib import Path

SYNCS = [getattr(os, name) for name in ("fsync", "fdatasync", "sync") if hasattr(os, name)]


class Watch:
    """What happens to the file at path, and beside it, while an attempt runs.

    It is a profile function: Python calls it before and after each call of a function written in
    C, in this thread alone, and all that touches a file is such a function. So nothing is
    replaced, and it does not matter under which name an attempt knows os.fsync. The first call of
    one of the functions in failing raises error.
    """

    def __init__(self, path, whole, failing=(), error=None):
        self.path, self.whole = path, whole
        self.failing, self.error, self.failed = failing, error, False
        self.before, self.there = content(path), files(path.parent)
        self.arrived = False  # the new file is at path, whole
        self.gone = self.half = False  # what was seen at path: nothing, though there was a file
        self.beside = set()  # the files that were there for a while
        self.whole_beside = False  # one of them was whole before it arrived at path
        self.synced = "never"  # or "whole", "before it was whole", "after it had its name"
        self.file, self.open = None, False  # what was written to; open when it arrived

    def __call__(self, frame, event, function):
        if event in ("c_return", "c_exception"):
            self.look()
        elif event == "c_call" and function in self.failing and not self.failed:
            self.failed = True
            raise self.error
        elif event == "c_call" and function in SYNCS and self.synced != "whole":
            when = "whole" if self.is_whole_beside() else "before it was whole"
            self.synced = "after it had its name" if self.arrived else when
        elif event == "c_call" and function.__name__ == "write":
            self.file = function.__self__

    def look(self):
        now, arrived = content(self.path), self.arrived
        self.arrived |= now == self.whole
        self.gone |= now is None and (self.arrived or self.before is not None)
        self.half |= now not in (None, self.before, self.whole)
        if not self.arrived:
            self.beside |= self.left()
            self.whole_beside |= self.is_whole_beside()
        elif not arrived:
            self.open = is_open(self.file)

    def left(self):
        """The new files of the folder, besides that at path."""
        return files(self.path.parent) - self.there - {self.path}

    def is_whole_beside(self):
        others = files(self.path.parent) - {self.path}
        return any(content(file) == self.whole for file in others)


def watched(attempt, write, path, watch):
    """Call the attempt and watch what it does; return what it returns. An error that names a file
    names it without the folder, whose name is another each time, and says if it was renamed."""
    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        return attempt(write, path)
    except OSError as error:
        for key in ("filename", "filename2"):
            if isinstance(getattr(error, key), (str, Path)):
                setattr(error, key, Path(getattr(error, key)).name)
        if watch.arrived and watch.beside and error.strerror:
            error.strerror += ", because it was renamed to path"
        raise
    finally:
        sys.setprofile(before)
        watch.look()


class Write:
    """What an attempt is given to write with: it writes some parts, then raises an error if it has
    one."""

    def __init__(self, parts, error=None):
        self.parts, self.error = parts, error

    def __call__(self, file):
        for part in self.parts:
            file.write(part)
        if self.error:
            raise self.error


def is_open(file):
    """True for an open file on the disk; False for one in memory."""
    try:
        return not file.closed and file.fileno() >= 0
    except (AttributeError, OSError):
        return False


def content(path):
    """The bytes of a file, or None if it is not there."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def files(folder):
    return {path for path in folder.rglob("*") if path.is_file()}
