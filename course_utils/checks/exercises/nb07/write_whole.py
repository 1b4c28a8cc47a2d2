"""7.5 Whole or not at all."""

import errno
import io
import os
import shutil
import tempfile
from pathlib import Path

from course_utils.checks.exercises.nb07.file_watch import (
    HANDED_ON,
    NEIGHBOUR,
    WHOLE,
    Watch,
    content,
)
from course_utils.checks.exercises.nb07.notes import note_return, notes
from course_utils.checks.parts import Stop
from course_utils.files import write_whole

HINTS = [
    ("Invalid suffix", "", 'A suffix begins with a dot: path.with_suffix(".new").'),
    ("Path' and|concatenate", "", 'A Path is not a string. Write path.with_suffix(".new").'),
    ("takes 0|missing|positional", r"write\(", "write takes the open file: write(file)."),
    ("closed file", "", "write, flush and fsync need an open file: indent them under `with`."),
    ("FileExistsError", "", 'A killed run left its half file. Write over it, with the mode "wb".'),
]
SYNCED = {
    "whole": "",
    "never": "Nothing brings your file to the disk, so its name can be there before its bytes are.",
    "before it was whole": "Your file is brought to the disk before it is whole.",
    "after it had its name": "Your file is brought to the disk only after it's renamed.",
}
CAME = {  # what comes of an exception, other than another in its place
    HANDED_ON: ("", ""),
    "nothing": ("your function keeps the exception to itself, so nobody hears of it.",
                "After you remove the half file, a bare raise hands it on."),
    "FileNotFoundError": ("your function raises FileNotFoundError in its place.",
                          "unlink found no file to remove. Write new.unlink(missing_ok=True)."),
}  # fmt: skip
FULL = OSError(errno.ENOSPC, "No space left on device")
TORCH = RuntimeError("PytorchStreamWriter failed writing file data/0")
TIDY = "Put all of it into a try, and remove the half file in `except BaseException:`."
CTRL_C = "Ctrl-C raises KeyboardInterrupt, which only `except BaseException:` catches."
EXIT = "sys.exit raises SystemExit, which is no Exception. `except BaseException:` catches it."
# What fails, with what, at the call of which functions, and what to do if the half file is left.
# With none of them it is write that fails, as torch.save does.
FAILURES = [
    ("the disk is full", FULL, (), TIDY),
    ("write fails", TORCH, (), TIDY),
    ("write is interrupted", KeyboardInterrupt(), (), CTRL_C),
    ("the program is ended", SystemExit(), (), EXIT),
    ("the file cannot be opened", FULL, (io.open, os.open), "Remove what you have begun."),
    ("the renaming is interrupted", KeyboardInterrupt(), (os.rename, os.replace),
     "replace has to be inside the try too."),
]  # fmt: skip


def experiment(probe, write_whole):
    beside = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for case, *old in [("an older file at path",), ("a killed run's half file", None, beside)]:
            watch = Watch(Path(folder, case), *old)
            what = f"write_whole(write, path) with {case}"
            with probe.advice(*HINTS):
                returned = probe.run(what, watch.call, write_whole)
            note_return(probe, returned, watch.path, "the file at path")
            note_file(probe, watch, what)
            if watch.now != WHOLE or watch.half:
                raise Stop
            beside += [file.relative_to(watch.path.parent) for file in watch.beside]
        for when, error, functions, tip in FAILURES:
            watch = Watch(Path(folder, when), failing=functions, error=error)
            fails(probe, write_whole, watch, when, tip)


def note_file(probe, watch, what):
    now = watch.now
    held = "There is no file" if now is None else f"The file holds {len(now)} bytes, {now[:30]!r},"
    moment = "gone" if watch.gone else "incomplete" if watch.half else ""
    notes(
        probe,
        (f"the file after {what}", now,
         f"{held} at path after {what}. write has written {len(WHOLE)} bytes.",
         "write(file) fills a file under another name, which is then closed and renamed to path."),
        ("another file of the folder", content(watch.path.with_name(NEIGHBOUR)),
         f"Your function changes or removes another file of the folder, {NEIGHBOUR}.",
         "It's an older checkpoint. Leave it alone."),
        ("the file at path, for a moment", moment,
         f"For a moment the file at path is {moment}. If the run is killed then, the old one is "
         f"lost.", "Fill a file of another name, close it, then rename it: replace is one action."),
        ("the file is open when it is renamed", watch.open and bool(watch.beside),
         "You rename the file while it is open, which Windows refuses.",
         "Move replace below the with block, where the file is closed."),
        ("a file beside path", "whole" if watch.whole_beside else "half" * bool(watch.beside),
         "The folder never holds the whole new file under another name.",
         "Fill it in the folder of path, because a file can only be renamed within one disk."),
        ("when the disk has the file", watch.synced, SYNCED[watch.synced],
         "file.flush(), then os.fsync(file.fileno()), then the new name."),
        ("files left", len(watch.left()),
         "Your function leaves another file in the folder, besides the one at path.",
         "The file that you write has to become the one at path: rename it."),
    )  # fmt: skip


def fails(probe, write_whole, watch, when, tip):
    """Something fails on the way."""
    came = probe.run(f"write_whole when {when}", watch.what_comes, write_whole)
    as_it_was = watch.now == watch.before and not (watch.half or watch.gone)
    left = len(watch.left())
    if watch.failing and not watch.failed:  # it does without these functions
        came, as_it_was, left = HANDED_ON, True, 0
    told, look = CAME.get(came) or (
        f"your function raises another exception in its place, {came}.",
        "A bare raise, with nothing behind it, hands on what was caught.",
    )
    if came == HANDED_ON and not as_it_was:
        told = "the old file isn't left as it was."
        look = "Touch path only when the new file is whole, and remove only the half file."
    elif came == HANDED_ON and left:
        told, look = "your half file stays in the folder.", tip
    seen = [came if came in CAME else "another", as_it_was, left]
    probe.note(f"what is left when {when}", seen, f"When {when}, {told}", look)


MISTAKES = """
# not opened to write bytes
- with new.open("wb") as file:
+ with new.open("w") as file:
| with new.open() as file:
The mode is missing or wrong: without w the file is opened to be read, and without b for text. Open
it with "wb", to write bytes.
# appended to a half file
+ with new.open("ab") as file:
A run was killed while it wrote, and you append to its half file: the mode "ab" continues at its
end. "wb" begins afresh.
# written straight to path
+ with path.open("wb") as file:
or
- new = path.with_suffix(".new")
+ new = path
You write to path itself. From open(..., "wb") on the old file is gone, and the new one is half
until the end: if the run is killed, both are lost. Write beside it, then rename.
# temporary file elsewhere
+ new = path.parent.parent / "run.new"
Your temporary file is in another folder. From one disk to another, as from /tmp to a mounted Drive,
a file can't be renamed, only copied, and a copy can be cut off. Use path.with_suffix(".new").
# no fsync
- os.fsync(file.fileno())
+
os.fsync is missing. The new name can reach the disk before the bytes do, and after a power cut the
file is there, but empty. file.flush(), then os.fsync(file.fileno()), then replace.
# no flush
- file.flush()
+
file.flush() has to come before os.fsync. Python still holds the last bytes until then, so fsync
brings a file to the disk that lacks them.
# renamed before it is closed
-     file.flush()
-     os.fsync(file.fileno())
- new.replace(path)
+     new.replace(path)
or
- new.replace(path)
+     new.replace(path)
You rename the file while it is open. Python may still hold its last bytes, and Windows refuses.
Move replace below the with block, where the file is closed.
# renamed the wrong way
+ path.replace(new)
The two are swapped: you rename the file at path, and the old file takes the place of the new one.
It's the new one that gets the name: new.replace(path).
# never renamed
+
The new file never gets its name. When it is whole and closed: new.replace(path).
# copied
+ shutil.copyfile(new, path)
or
+ shutil.copyfile(new, path)
+ new.unlink()
You copy the whole file to path. That takes time, and path is half until it's done; renaming is a
single action, and leaves nothing behind. Use new.replace(path).
# renamed after the try
+
-     new.unlink(missing_ok=True)
-     raise
+     new.unlink(missing_ok=True)
+     raise
+ new.replace(path)
If replace fails or is interrupted, your file stays under the other name. Make it the last line of
the try; a flag that says that all went well is set after it.
# old file removed
+ path.unlink(missing_ok=True)
+ new.replace(path)
or
- new = path.with_suffix(".new")
+ path.unlink(missing_ok=True)
+ new = path.with_suffix(".new")
You remove the old file before the new one has its name. If the run is killed in between, there is
none. replace puts the new one in its place in a single action.
# path instead of a file
- write(file)
- file.flush()
+ write(new)
+ file.flush()
write gets a path, but it takes an open file: with new.open("wb") as file: write(file).
# half file left
- new.unlink(missing_ok=True)
- raise
+ pass
+ raise
When write fails, your half file stays in the folder. Put all of it into a try, and in `except
BaseException:` call new.unlink(missing_ok=True), then raise.
# BaseException not caught
- except BaseException:
+ except OSError:
| except Exception:
Your `except` lets something through, and then your half file stays in the folder: torch.save raises
RuntimeError, which is no OSError, and Ctrl-C raises KeyboardInterrupt, which is no Exception. Write
`except BaseException:`.
# removed after the rename
- except BaseException:
-     new.unlink(missing_ok=True)
-     raise
+ finally:
+     new.unlink()
You remove the file when all went well, too, because finally runs in any case. By then it has been
renamed, and there is none to remove: write `except BaseException:`.
"""


def write_with_tempfile(write, path):
    file = tempfile.NamedTemporaryFile(dir=path.parent, delete=False)
    try:
        with file:
            write(file)
            file.flush()
            os.fsync(file)
        os.replace(file.name, path)
    except BaseException:
        os.unlink(file.name)
        raise


def write_in_memory(write, path):
    held, name = io.BytesIO(), f"{path}.tmp"
    write(held)
    number = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        os.write(number, held.getvalue())
        os.fsync(number)
        os.close(number)
        os.rename(name, path)
    except BaseException as error:
        os.remove(name)
        raise error


def write_and_always_tidy(write, path):
    beside = path.parent / ("." + path.name)
    try:
        with open(beside, "wb", buffering=0) as file:
            write(file)
            os.fsync(file.fileno())
        shutil.move(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_in_a_folder(write, path):
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        whole = Path(folder) / "new"
        with whole.open("w+b") as file:
            write(file)
        with whole.open("rb+") as file:
            os.fdatasync(file.fileno())
        whole.rename(path)


REFERENCE = write_whole
LOOK = (
    "The order: open beside path, write, flush, fsync, close, replace. If anything is raised, "
    "remove the half file."
)
ALSO_RIGHT = [write_with_tempfile, write_in_memory, write_and_always_tidy, write_in_a_folder]
