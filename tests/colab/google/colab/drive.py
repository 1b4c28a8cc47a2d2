"""Google Drive, for which a folder of the machine stands in."""

import os
from pathlib import Path


def mount(mountpoint):
    """Make the folder that a mounted Drive has; the rehearsal says where, for Colab's is in /."""
    from course_utils import portfolio

    folder = Path(os.environ["REHEARSAL_DRIVE"])
    if mountpoint not in ("/content/drive", str(folder.parent)):  # the second is where it is then
        raise ValueError(f"Colab's readers mount Drive at /content/drive, not at {mountpoint}")
    folder.mkdir(parents=True, exist_ok=True)
    portfolio.DRIVE = folder
