"""Google Drive, for which a folder of the machine stands in."""

import os
from pathlib import Path


def mount(mountpoint):
    """Make the folder that a mounted Drive has; the rehearsal says where, for Colab's is in /."""
    if mountpoint != "/content/drive":
        raise ValueError(f"Colab's readers mount Drive at /content/drive, not at {mountpoint}")
    from course_utils import portfolio

    portfolio.DRIVE = Path(os.environ["REHEARSAL_DRIVE"])
    portfolio.DRIVE.mkdir(parents=True, exist_ok=True)
