"""Where the reader's files lie: in the working folder or, on Colab and if asked for, on Drive.

Drive is asked for once, in the setup cell. If it fails, then or later, the reader is told why and
what to do, and the files go into the working folder. Running the setup cell again takes them along.
"""

import os
import sys
from pathlib import Path

from course_utils.files import FileError

DRIVE = Path("/content/drive/MyDrive")  # where Colab puts a Drive that is mounted at its parent
NAME = "unet-course"

in_use = False  # was Drive asked for, is it mounted, and has it worked since then?
failed = False  # if so, it is mounted anew


def folder():
    """Return the folder that the reader's files are in."""
    return DRIVE / NAME if in_use else Path.cwd()


def is_colab():
    return "google.colab" in sys.modules


def mount():
    """Mount Drive on Colab and take along what was kept before; say so if that fails."""
    global in_use, failed
    if not is_colab():
        print("This is not Colab, so keep_on_drive does nothing here.")
        return
    from google.colab import drive

    try:
        drive.mount(str(DRIVE.parent), force_remount=failed)
        (DRIVE / NAME).mkdir(exist_ok=True)  # fails where Drive is mounted by half
        take_along(Path.cwd(), DRIVE / NAME)
        in_use, failed = True, False
    except Exception as error:  # Colab raises MessageError, ValueError, NotImplementedError, ...
        in_use, failed = False, True
        print(f"Google Drive could not be mounted ({reason(error)}). {advice()}")


def use(action):
    """Return action(folder), on Drive if that is in use; if it fails there, in the working folder.

    Raises the OSError or FileError of the working folder.
    """
    global in_use, failed
    if in_use:
        try:
            (DRIVE / NAME).mkdir(exist_ok=True)  # fails where Drive is gone, which looks empty
            return action(DRIVE / NAME)
        except (OSError, FileError) as error:
            in_use, failed = False, True
            print(f"Google Drive failed ({reason(error)}). {advice()}")
            rescue()
    return action(Path.cwd())


def rescue():
    """Take along what can still be read; the rest waits on Drive for the next mount."""
    try:
        take_along(DRIVE / NAME, Path.cwd())
    except OSError as error:
        print(f"What is on it cannot be read now ({reason(error)}), and stays there.")


def take_along(source, target):
    from course_utils import keeping, portfolio  # all use this file
    from course_utils.checks import record

    for keeper in (portfolio, record, keeping):
        keeper.carry(source, target)


def reason(error):
    """Return what went wrong in one line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split()).rstrip(".")


def advice():
    return (
        f"The notebook goes on, and your files are kept in {Path.cwd()} from now on, which Colab "
        f"deletes with the machine. To use Drive again, allow it when Colab asks, or make room on "
        f"it, and run the setup cell again: your files are taken along."
    )


def where():
    """Return where the reader's work is kept, for the line of the setup cell."""
    if in_use:
        return f"on your Google Drive, in {NAME}"
    if is_colab():
        return "on this machine until Colab deletes it (to keep it, tick keep_on_drive)"
    if "KAGGLE_KERNEL_RUN_TYPE" in os.environ:
        return "in /kaggle/working (to keep it, choose Save Version)"
    return "beside this notebook"
