"""A folder in which an attempt writes a file, and what is watched there meanwhile."""

import copy
import io
import os
import sys
from pathlib import Path

from course_utils.checks.parts import Stopped, crash

PARTS = [b"weights " * 9, b"averages " * 7, b"momenta " * 5]
WHOLE = b"".join(PARTS)
OLDER = b"an older run " * 40
NEIGHBOUR = "step-00000004.pt"
HANDED_ON = "what was raised"
SYNCS = [getattr(os, name) for name in ("fsync", "fdatasync", "sync") if hasattr(os, name)]
ON_DISK = io.FileIO, io.BufferedWriter, io.BufferedRandom, io.TextIOWrapper


class Watch:
    """What happens to the file at path, and beside it, while an attempt runs.

    It is a profile function: Python calls it before and after each call of a function written in
    C, in this thread alone, and all that touches a file is such a function. So nothing is
    replaced, and it does not matter under which name an attempt knows os.fsync. The first call of
    one of the functions in failing raises error.
    """

    def __init__(self, folder, old=OLDER, beside=(), failing=(), error=None):
        """old is what the file at path holds; beside are names of half files."""
        self.path, self.before = folder / "step-00000008.pt", old
        self.failing, self.failed = failing, False
        self.error = copy.copy(error)  # else it would keep the frames of all runs
        there = dict.fromkeys(beside, OLDER + OLDER) | {NEIGHBOUR: b"a neighbour"}
        for name, text in (there | ({self.path.name: old} if old else {})).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(text)
        self.there = self.files()
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
        self.now, arrived = content(self.path), self.arrived
        self.arrived |= self.now == WHOLE
        self.gone |= self.now is None and (self.arrived or self.before is not None)
        self.half |= self.now not in (None, self.before, WHOLE)
        if not self.arrived:
            self.beside |= self.left()
            self.whole_beside |= self.is_whole_beside()
        elif not arrived:
            self.open = isinstance(self.file, ON_DISK) and not self.file.closed

    def files(self):
        return {file for file in self.path.parent.rglob("*") if file.is_file()}

    def left(self):
        """The new files of the folder, besides that at path."""
        return self.files() - self.there - {self.path}

    def is_whole_beside(self):
        return any(content(file) == WHOLE for file in self.files() - {self.path})

    def write(self, file):
        """What an attempt is given to write with. It raises the error, if nothing else does."""
        raises = self.error and not self.failing
        for part in PARTS[:2] if raises else PARTS:
            file.write(part)
        if raises:
            raise self.error

    def call(self, attempt):
        """Watch what an attempt does; return what it returns. An error that names a file names it
        without the folder, whose name is another each time."""
        before = sys.getprofile()
        sys.setprofile(self)
        try:
            return attempt(self.write, self.path)
        except OSError as error:
            for key in ("filename", "filename2"):
                if getattr(error, key) is not None:
                    setattr(error, key, Path(str(getattr(error, key))).name)
            raise
        finally:
            sys.setprofile(before)
            self.look()

    def what_comes(self, attempt):
        """Call an attempt while something fails; return the kind of exception that comes of it. A
        slip in its clean-up is raised: that line is shown."""
        try:
            self.call(attempt)
        except Stopped:
            raise
        except BaseException as came:
            if came is self.error:
                return HANDED_ON
            meant = isinstance(came, OSError) or "raise" in crash(came).text
            if isinstance(came, Exception) and not meant:
                raise
            return type(came).__name__
        return "nothing"


def content(path):
    """The bytes of a file, or None if it is not there."""
    return path.read_bytes() if path.is_file() else None
