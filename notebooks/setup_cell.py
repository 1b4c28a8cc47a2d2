#@title Set up: run this first
keep_on_drive = False  #@param {type:"boolean"}
#@markdown On Colab, tick it to keep your work on your Google Drive. Elsewhere it does nothing.
import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = os.environ.get("COURSE_REPOSITORY", "https://github.com/OWNER/REPO")
REF = "REF"  # a release of the course, or a branch


class SetupStopped(Exception):
    def _render_traceback_(self):
        return [str(self)]  # the sentence alone, without a traceback


def git(*arguments):
    no_questions = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    git = ["git", *arguments]
    subprocess.run(git, check=True, timeout=120, capture_output=True, env=no_questions)


clone = Path.cwd() / f"unet-course-{REF}"
branch = clone / ".git/refs/heads" / REF  # not there if it is a release
places = [Path.cwd(), *Path.cwd().parents, clone]
course = next((p for p in places if (p / "course_utils/__init__.py").is_file()), None)
if course is None and not REPOSITORY:
    raise SetupStopped(
        "This copy of the course isn't published yet, so there is nowhere to fetch the rest of it "
        "from. Open the notebook inside the course's folder, or from a course on GitHub."
    )
if course is None:
    part = clone.with_name(clone.name + ".part")  # renamed when complete, so half is never used
    for half in (part, clone):
        shutil.rmtree(half, ignore_errors=True)
    try:
        git("clone", "--quiet", "--depth", "1", "--branch", REF, REPOSITORY, str(part))
        course = part.rename(clone)
    except (OSError, subprocess.SubprocessError):
        check = "check that you are online and that git is installed"
        if "KAGGLE_KERNEL_RUN_TYPE" in os.environ:
            check = "switch on Internet under Session options, in the panel on the right"
        raise SetupStopped(
            f"The course could not be fetched from {REPOSITORY}: {check}, "
            "then run this cell again."
        ) from None
elif course == clone and branch.exists() and "course_utils" not in sys.modules:
    try:  # a branch has moved on since it was fetched
        git("-C", str(clone), "fetch", "--quiet", "--depth", "1", REPOSITORY, REF)
        git("-C", str(clone), "checkout", "--quiet", "-B", REF, "FETCH_HEAD")
    except (OSError, subprocess.SubprocessError):
        print(f"The course in {clone.name} could not be updated, so it stays as it was.")
if str(course) not in sys.path:
    sys.path.insert(0, str(course))

from course_utils.colab import start
machine = start(keep_on_drive)
