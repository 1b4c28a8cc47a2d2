"""Lay out the notebooks for a rehearsal: on Colab, as far as a machine without Google can be it.

    python tests/rehearse.py DIR PYTHON [--share 0.01]

Every notebook lies in an empty folder, as a reader opens it, and once more with all exercises
solved. The course is served from a git repository of this machine. The kernel `colab` is PYTHON,
which has what Colab has and no tools, with a stand-in for Colab's own package. pytest runs them:

    JUPYTER_PATH=DIR/jupyter python -m pytest --nbval --nbval-kernel-name colab DIR/notebooks
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "notebooks"))

from address import current_address  # noqa: E402
from copies import copies  # noqa: E402

KERNEL = "colab"


def rehearse(folder, python, share):
    """Write all that the rehearsal needs into a folder outside of the course."""
    publish(folder / "published")
    write_kernel(folder, python, folder / "published")
    copies(folder / "notebooks", share)


def publish(folder):
    """Make a git repository of the files as they are, with what the setup cells fetch."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():  # one that was deleted is still listed
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    git = ["git", "-c", "user.name=rehearsal", "-c", "user.email=rehearsal@localhost"]
    git += ["-c", "core.compression=0"]  # nothing is sent far
    ref = current_address().ref
    steps = [["init", "--initial-branch=main"], ["add", "."], ["commit", "-m", "all"]]
    if ref != "main":
        steps.append(["tag", ref])
    for step in steps:
        subprocess.run([*git, *step], cwd=folder, check=True, capture_output=True)


def write_kernel(folder, python, repository, name=KERNEL, lacks=""):
    """Describe a kernel: what Colab sets, no way to install anything, the course from there.

    The package that it lacks cannot be imported.
    """
    environment = {
        "COLAB_RELEASE_TAG": "release-colab-rehearsal",
        "PYTHONPATH": str(ROOT / "tests/colab"),
        "COURSE_REPOSITORY": str(repository),
        "REHEARSAL_DRIVE": str(folder / "drive/MyDrive"),
        "REHEARSAL_LACKS": lacks,
        "PIP_NO_INDEX": "1",
    }
    spec = {
        "argv": [str(python), str(ROOT / "tests/forked_kernel.py"), "{connection_file}"],
        "display_name": "Colab, rehearsed",
        "language": "python",
        "env": environment,
    }
    place = folder / "jupyter/kernels" / name
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps(spec, indent=1), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="Lay out the notebooks for a rehearsal.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("python", type=Path, help="a Python that has what Colab has")
    parser.add_argument("--share", type=float, default=0.01, help="how much they train")
    options = parser.parse_args()
    rehearse(options.folder.resolve(), options.python.absolute(), options.share)


if __name__ == "__main__":
    main()
