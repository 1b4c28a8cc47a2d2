"""Google Drive, for which a folder of the machine stands in, and what goes wrong with it.

REHEARSAL_DRIVE is the folder. A test sets `trouble` to what mounting raises: a refusal, or the end
of Colab's patience with a slow Drive. With "half" it says that it mounted, and there is nothing.
"""

import os
import shutil
from pathlib import Path

trouble = None
calls = []


class MessageError(Exception):
    """What Colab raises for an answer of the browser that it cannot use, such as a refusal."""


REFUSED = MessageError("Error: credential propagation was unsuccessful")
SLOW = ValueError(
    "mount failed: timeout during initial read of root folder; for more info: "
    "https://research.google.com/colaboratory/faq.html#drive-timeout"
)


def mount(mountpoint, force_remount=False, timeout_ms=120000, readonly=False):
    """Make the folder that a mounted Drive has; the rehearsal says where, for Colab's is in /."""
    from course_utils import drive

    calls.append(force_remount)
    folder = Path(os.environ["REHEARSAL_DRIVE"])
    if mountpoint not in ("/content/drive", str(folder.parent)):  # the second is where it is then
        raise ValueError(f"Colab's readers mount Drive at /content/drive, not at {mountpoint}")
    drive.DRIVE = folder
    if trouble == "half":
        shutil.rmtree(folder, ignore_errors=True)
    elif trouble:
        raise trouble
    else:
        folder.mkdir(parents=True, exist_ok=True)
