"""A folder in which an attempt writes a file, and what is watched there meanwhile."""

import os
import sys

SYNCS = [getattr(os, name) for name in ("fsync", "fdatasync", "sync") if hasattr(os, name)]


class Watch:
    """What happens to the file at path, and beside it, while an attempt runs.

    It is a profile function: Python calls it before and after each call of a function written in
    C, in this thread alone, and all that touches a file is such a function. So nothing is
    replaced, and it does not matter under which name an attempt knows os.fsync.
    """

    def __init__(self, path, whole):
        self.path, self.whole = path, whole
        self.before, self.there = content(path), files(path.parent)
        self.arrived = False  # the new file is at path, whole
        self.gone = self.half = False  # what was seen at path: nothing, though there was a file
        self.beside = set()  # the files that were there for a while
        self.whole_beside = False  # one of them was whole before it arrived at path
        self.synced = "never"  # or "whole", "before it was whole", "after it had its name"

    def __call__(self, frame, event, function):
        if event == "c_call" and function in SYNCS:
            self.sync()
        elif event in ("c_return", "c_exception"):
            self.look()

    def look(self):
        now = content(self.path)
        self.arrived |= now == self.whole
        self.gone |= now is None and (self.arrived or self.before is not None)
        self.half |= now not in (None, self.before, self.whole)
        if not self.arrived:
            self.beside |= self.left()
            self.whole_beside |= self.is_whole_beside()

    def left(self):
        """The new files of the folder, besides that at path."""
        return files(self.path.parent) - self.there - {self.path}

    def is_whole_beside(self):
        others = files(self.path.parent) - {self.path}
        return any(content(file) == self.whole for file in others)

    def sync(self):
        if self.arrived:
            when = "after it had its name"
        else:
            when = "whole" if self.is_whole_beside() else "before it was whole"
        if self.synced != "whole":
            self.synced = when


def watched(attempt, write, path, watch):
    """Call the attempt and watch what it does; return what it returns."""
    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        return attempt(write, path)
    finally:
        sys.setprofile(before)
        watch.look()


def watched_again(attempt, write, path, watch):
    """The same; return the kind of exception that the attempt raises, or nothing."""
    try:
        watched(attempt, write, path, watch)
    except Exception as error:
        return type(error).__name__
    return ""


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


def content(path):
    """The bytes of a file, or None if it is not there."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def files(folder):
    return {path for path in folder.rglob("*") if path.is_file()}
