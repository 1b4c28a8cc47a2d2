"""Set the course up and open it, or test it, on any system: python course.py learn, or test.

    python course.py learn           open the course in JupyterLab
    python course.py vscode          write the notebooks for VS Code into the folder vscode/
    python course.py test            test the code, and every notebook as stored and solved
    python course.py install NAME    make an environment: readers, tools or widgets

CONSTRAINTS, in the environment, names the file of versions; empty, it means the newest ones. SHARE
says how much of their training the notebooks do in the tests; with 1, all that is stored is
compared. The Makefile calls this file.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent
CONSTRAINTS = os.environ.get("CONSTRAINTS", "constraints.txt")
# What readers have, and nothing else; then what builds and tests the course, and the newest
# widgets, both on top of it.
FOLDERS = {"readers": ".venv-readers", "tools": ".venv", "widgets": ".venv-widgets"}
NEEDS = {
    "readers": ["-r", "requirements.txt"],
    "tools": ["-r", "requirements.txt", "-r", "tests/requirements.txt"],
    # Also where readers have them already: JupyterLab loads widgets from the environment that it
    # runs in. What else ipywidgets needs, such as IPython, stays what readers have.
    "widgets": [
        *["--ignore-installed", "--no-deps", "ipywidgets>=8"],
        *["comm", "jupyterlab_widgets>=3", "widgetsnbextension>=4"],
    ],
}
# On the CPU: the stored outputs are those of a CPU. One file at a time on each core, because two
# threads do not make a small network twice as fast. What lies in quick_start runs as each Python
# begins.
FOR_TESTS = {
    "CUDA_VISIBLE_DEVICES": "",
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": str(ROOT / "tests/quick_start"),
    # Python keeps what it has compiled, as it does for readers; many containers tell it not to, and
    # a hundred processes would compile the course anew.
    "PYTHONDONTWRITEBYTECODE": "",
}


def python(name):
    return ROOT / FOLDERS[name] / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run(*command):
    """Run a command in the course's folder; what it prints is shown. Raises CalledProcessError."""
    subprocess.run(list(map(str, command)), cwd=ROOT, check=True)


def answer(*command):
    done = subprocess.run(list(map(str, command)), cwd=ROOT, check=True, capture_output=True)
    return done.stdout.decode()


def install(name):
    """Make an environment, unless it is there and newer than what it is made from."""
    if name != "readers":
        install("readers")
    folder = ROOT / FOLDERS[name]
    done, files = folder / ".installed", [p for p in NEEDS[name] if p.endswith(".txt")]
    if name != "readers":
        files.append(".venv-readers/.installed")
    sources = [ROOT / file for file in (*files, CONSTRAINTS) if file]
    if done.exists() and done.stat().st_mtime >= max(p.stat().st_mtime for p in sources):
        return
    print(f"Installing into {folder.name}: minutes, once.", flush=True)
    run(sys.executable if name == "readers" else python("readers"), "-m", "venv", folder)
    pinned = ["-c", CONSTRAINTS] if CONSTRAINTS and name != "widgets" else []
    if name != "readers":
        see_what_readers_have(name)
    if name == "tools":
        # What readers have stays as it is: pip takes .venv-readers for a part of .venv, since its
        # name begins so, and would remove a package there to install another version here.
        there = folder / "what_readers_have.txt"
        there.write_text(answer(python("readers"), "-m", "pip", "freeze", "--all"))
        pinned += ["-c", there]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-compile"]
    run(python(name), "-m", "pip", "install", *quiet, *pinned, *NEEDS[name])
    compile_all(python(name), folder)
    done.touch()


def compile_all(interpreter, folder):
    """Compile what pip has installed, on all cores; pip would take one. What cannot be compiled is
    meant for another Python, and pip leaves it too."""
    command = ["-W", "ignore", "-m", "compileall", "-qq", "-j", "0", folder]
    subprocess.run(list(map(str, [interpreter, *command])))


def see_what_readers_have(name):
    """Let an environment find the packages of readers, and nbconvert's templates."""
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    here, there = (answer(python(of), "-c", where).strip() for of in (name, "readers"))
    Path(here, "what_readers_have.pth").write_text(there + "\n", encoding="utf-8")
    templates = "share/jupyter/nbconvert"
    target = ROOT / FOLDERS[name] / templates
    shutil.copytree(ROOT / FOLDERS["readers"] / templates, target, dirs_exist_ok=True)


def learn():
    install("readers")
    run(python("readers"), "notebooks/learn.py")


def vscode():
    install("readers")
    run(python("readers"), "notebooks/for_vscode.py")


def test():
    """Test the code and the notebooks; these run as on Colab, in folders outside of the course."""
    install("readers")
    with ThreadPoolExecutor() as pool:  # these two do without each other
        list(pool.map(install, ["tools", "widgets"]))
    os.environ.update(FOR_TESTS)
    run(python("tools"), "notebooks/build.py", "--check")
    for name in ("browser", "screenshots"):
        shutil.rmtree(ROOT / "build" / name, ignore_errors=True)
    run(python("readers"), "-m", "pip", "check")
    freeze = [python("readers"), "-m", "pip", "freeze", "--all"]
    before = answer(*freeze)
    with tempfile.TemporaryDirectory() as colab, forked_kernels(colab):
        share = os.environ.get("SHARE", "0.01")
        run(python("tools"), "tests/rehearse.py", colab, python("readers"), "--share", share)
        os.environ["JUPYTER_PATH"] = f"{colab}/jupyter"
        run(python("tools"), "-m", "pytest", *pytest_options(colab))
    if answer(*freeze) != before:
        sys.exit("course.py: the tests have changed what is installed for readers")


@contextmanager
def forked_kernels(folder):
    """Import PyTorch once, for the kernels of all notebooks: tests/forked_kernel.py, on Linux."""
    if sys.platform != "linux":
        yield
        return
    os.environ["FORKED_KERNELS"] = path = f"{folder}/kernels"
    command = [python("readers"), ROOT / "tests/forked_kernel.py", "--serve", path]
    known = {**os.environ, "PYTHONPATH": str(ROOT / "tests/colab")}
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=known):
        yield  # it ends with its standard input, which is closed here


def pytest_options(colab):
    """Return what pytest is told: which tests, how they are shared out, how notebooks run."""
    nbval = ["--nbval", "--nbval-kernel-name", "colab", "--nbval-cell-timeout", "900"]
    return [
        *["-c", "pyproject.toml", "--rootdir", ".", "-rs"],
        *["-n", "logical", "--maxprocesses", "4", "--dist", "loadgroup", "--no-loadscope-reorder"],
        *[*nbval, "--nbval-sanitize-with", "tests/nbval.cfg"],
        *[f"{colab}/notebooks/stored", f"{colab}/notebooks/solved", "tests"],
    ]


def main():
    if sys.version_info < (3, 11):  # noqa: UP036
        sys.exit("The course needs Python 3.11 or newer; run this file with one.")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("learn", help="open the course in JupyterLab")
    commands.add_parser("vscode", help="write the notebooks for VS Code into vscode/")
    commands.add_parser("test", help="test the code, and every notebook as stored and solved")
    commands.add_parser("install", help="make an environment").add_argument("name", choices=FOLDERS)
    options = parser.parse_args()
    # Without this, every kernel of Colab's IPython starts with a warning.
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    try:
        if options.command == "install":
            install(options.name)
        else:
            {"learn": learn, "vscode": vscode, "test": test}[options.command]()
    except subprocess.CalledProcessError as error:  # it has said itself what was wrong
        sys.exit(error.returncode)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
