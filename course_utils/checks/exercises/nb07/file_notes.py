"""What is written down about a file: when it is written, and when something fails on the way."""

import copy
from pathlib import Path

from course_utils.checks.engine.crash import crash
from course_utils.checks.engine.sandbox import Stopped
from course_utils.checks.exercises.nb07.file_watch import Watch, Write, content, watched

PARTS = [b"weights " * 9, b"averages " * 7, b"momenta " * 5]
WHOLE = b"".join(PARTS)
OLDER = b"an older run " * 40
HANDED_ON = "what was raised"
SYNCED = {
    "whole": "",
    "never": "Nothing brings your file to the disk, so its name can be there before its bytes are.",
    "before it was whole": "Your file is brought to the disk before it is whole.",
    "after it had its name": "Your file is brought to the disk only after it's renamed.",
}


def new_folder(folder, case, old):
    """A folder with a neighbour and, unless it is None, an old file; return the path to write."""
    path = Path(folder, case, "step-00000008.pt")
    path.parent.mkdir()
    path.with_name("step-00000004.pt").write_bytes(b"a neighbour")
    if old is not None:
        path.write_bytes(old)
    return path


def note_file(probe, watch, what):
    now = content(watch.path)
    held = "There is no file" if now is None else f"The file holds {len(now)} bytes, {now[:30]!r},"
    probe.note(
        f"the file after {what}", now,
        f"{held} at path after {what}. write has written {len(WHOLE)} bytes.",
        "write(file) fills the file under another name, which is then closed and renamed to path.",
    )  # fmt: skip
    probe.note(
        "another file of the folder", content(watch.path.with_name("step-00000004.pt")),
        "Your function changes or removes another file of the folder, step-00000004.pt.",
        "It's an older checkpoint. Leave it alone.",
    )  # fmt: skip


def note_disk(probe, watch):
    probe.note(
        "the file at path, gone for a moment", watch.gone,
        "For a moment there is no file at path. If the run is killed then, the old one is lost.",
        "replace puts the new file in the place of the old one in a single action.",
    )  # fmt: skip
    probe.note(
        "the file at path, half for a moment", watch.half,
        "For a moment the file at path is neither the old one nor the new one, but half of it. If "
        "the run is killed then, both are lost.",
        "Fill a file of another name, close it, then rename it with replace.",
    )  # fmt: skip
    probe.note(
        "the file is open when it is renamed", watch.open and bool(watch.beside),
        "You rename the file while it is open, which Windows refuses.",
        "Move replace below the with block, where the file is closed.",
    )  # fmt: skip
    probe.note(
        "a file beside path", "whole" if watch.whole_beside else "half" if watch.beside else "none",
        "The folder never holds the whole new file under another name.",
        "Fill it in the folder of path, because a file can only be renamed within one disk.",
    )  # fmt: skip
    probe.note(
        "when the disk has the file", watch.synced, SYNCED[watch.synced],
        "file.flush(), then os.fsync(file.fileno()), then the new name.",
    )  # fmt: skip
    left = len(watch.left())
    probe.note(
        "files left", left, f"Your function leaves {left} more files in the folder than the one at "
        "path.", "The file that you write has to become the one at path: rename it.",
    )  # fmt: skip


def fails(probe, write_whole, path, when, error, functions, tip):
    """Something fails on the way."""
    error = copy.copy(error)  # else it would keep the frames of all runs
    watch = Watch(path, WHOLE, functions, error)
    write = Write(PARTS) if functions else Write(PARTS[:2], error)
    what = f"write_whole(write, path) when {when}"
    raised = probe.run(what, what_comes, write_whole, write, path, watch, error)
    problems = []
    if raised == "nothing":
        told = f"When {when}, your function keeps the exception to itself, so nobody hears of it."
        problems = [(raised, told, "After the half file is removed, a bare raise hands it on.")]
    elif raised != HANDED_ON:
        told = f"When {when}, your function raises another exception in its place: {raised}."
        look = "A bare raise, with nothing behind it, hands on what was caught."
        if raised == "FileNotFoundError":
            look = "unlink found no file to remove. Write new.unlink(missing_ok=True)."
        problems = [(raised if "unlink" in look else "another", told, look)]
    if content(path) != OLDER or watch.half or watch.gone:
        same = content(path) == OLDER
        told = f"When {when}, the old file is not as it was{' for a moment' * same}."
        tip_old = "Touch path only when the new file is whole, and remove only the half file."
        problems += [("old for a moment" if same else "old", told, tip_old)]
    if left := len(watch.left()):
        problems += [(f"{left} left", f"When {when}, your half file stays in the folder.", tip)]
    if functions and not watch.failed:
        problems = []  # it does without these functions
    probe.note(what, [problem for problem, *_ in problems], *(problems or [("", "", "")])[0][1:])


def what_comes(attempt, write, path, watch, error):
    """Call an attempt while something fails; return the kind of exception that comes of it. A slip
    in its clean-up is raised: that line is shown."""
    try:
        watched(attempt, write, path, watch)
    except Stopped:
        raise
    except BaseException as came:
        if came is error:
            return HANDED_ON
        meant = isinstance(came, OSError) or "raise" in crash(came).text
        if isinstance(came, Exception) and not meant:
            raise
        return type(came).__name__
    return "nothing"


def after_a_kill(probe, write_whole, path, beside):
    """An earlier run was killed in the middle: its half file is there, under the same name."""
    for file in beside:
        half = path.parent / file
        half.parent.mkdir(exist_ok=True)
        half.write_bytes(OLDER + OLDER)
    watch = Watch(path, WHOLE)
    what = "write_whole(write, path) with a half file of a killed run beside it"
    raised = probe.run(what, what_comes, write_whole, Write(PARTS), path, watch, None)
    probe.note(
        f"what is raised by {what}", raised,
        f"A run was killed while it wrote, and its half file is there. Your function stops at it "
        f"with {raised}, so no later run could save anything.",
        'Write over it: the mode "wb" does.',
    )  # fmt: skip
    note_file(probe, watch, what)
