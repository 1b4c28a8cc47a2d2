"""The two commands without make, and the other rooms in which JupyterLab opens."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import course
import for_vscode
import learn
from course_files import read, shipped

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path):
    """A course whose environments need no package."""
    (tmp_path / "tests").mkdir()
    for name in ("requirements.txt", "constraints.txt", "tests/requirements.txt"):
        (tmp_path / name).touch()
    shutil.copy(ROOT / "course.py", tmp_path)
    return tmp_path


def call(folder, *arguments):
    known = {**os.environ, "PIP_NO_INDEX": "1", "CONSTRAINTS": "constraints.txt"}
    return subprocess.run(
        [sys.executable, "course.py", *arguments],
        cwd=folder,
        env=known,
        capture_output=True,
        text=True,
    )


def test_environments_are_made_once_and_again_when_what_they_need_changes(checkout):
    assert "Installing into .venv-readers" in call(checkout, "install", "readers").stdout
    readers = checkout / ".venv-readers"
    (site,) = readers.glob("lib/python*/site-packages")
    (site / "of_readers.py").touch()
    (readers / "share/jupyter/nbconvert/templates").mkdir(parents=True)
    done = call(checkout, "install", "tools")
    assert done.stdout == "Installing into .venv: minutes, once.\n", done.stderr
    assert (checkout / ".venv/share/jupyter/nbconvert/templates").is_dir()
    subprocess.run([checkout / ".venv/bin/python", "-c", "import of_readers"], check=True)
    assert call(checkout, "install", "tools").stdout == ""
    os.utime(checkout / "tests/requirements.txt", (2e9, 2e9))
    assert call(checkout, "install", "tools").stdout == "Installing into .venv: minutes, once.\n"
    assert call(checkout, "install", "readers").stdout == ""


def test_what_cannot_be_installed_ends_with_pips_words_and_is_not_taken_for_done(checkout):
    (checkout / "requirements.txt").write_text("there-is-no-such-package\n")
    done = call(checkout, "install", "readers")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "there-is-no-such-package" in done.stderr
    assert not (checkout / ".venv-readers/.installed").exists()


def test_what_is_installed_is_compiled_and_what_is_of_another_python_is_left(tmp_path, capfd):
    (tmp_path / "of_today.py").write_text("odd = '\\d'\n")
    (tmp_path / "of_another.py").write_text("print 'hello'\n")
    course.compile_all(sys.executable, tmp_path)
    assert [path.name.split(".")[0] for path in tmp_path.rglob("*.pyc")] == ["of_today"]
    assert capfd.readouterr() == ("", "")


def test_the_makefile_calls_it_and_has_no_list_of_its_own():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in ("learn", "test", "install readers", "install tools"):
        assert f"$(PYTHON) course.py {command}\n" in text
    assert "-m pytest" not in text and "-m venv .venv-readers" not in text
    assert set(re.findall(r"install (\w+)$", text, re.M)) <= set(course.FOLDERS)


def test_in_a_codespace_the_link_is_the_codespaces(monkeypatch):
    monkeypatch.delenv("CODESPACE_NAME", raising=False)
    assert learn.address(8888) == "http://127.0.0.1:8888"
    started = []
    monkeypatch.setattr(learn.subprocess, "Popen", lambda command, env: started.append(command))
    learn.start_lab(8888, "token")
    monkeypatch.setenv("CODESPACE_NAME", "fluffy-disco")
    learn.start_lab(8888, "token")
    origin = "https://fluffy-disco-8888.app.github.dev"
    assert learn.address(8888) == origin
    here, there = ([o for o in command if "allow_" in o] for command in started)
    assert not [o for o in here if "remote" in o or "origin" in o]
    assert f"--ServerApp.allow_origin={origin}" in there


def test_the_devcontainer_runs_commands_that_there_are():
    settings = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in ("postCreateCommand", "postAttachCommand"):
        make, target = settings[name].split()
        assert make == "make" and re.search(rf"^{re.escape(target)}:", makefile, re.M)
    assert settings["image"] == "python:3.13"
    assert settings["forwardPorts"] == [learn.free_port.__defaults__[0]]


def test_in_vscodes_notebooks_solutions_are_fetched_and_a_readers_own_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(for_vscode, "FOLDER", tmp_path / "vscode")
    for_vscode.main()
    assert len(list((tmp_path / "vscode").glob("*.ipynb"))) == 12
    written = tmp_path / "vscode/02_conv_block.ipynb"
    cells, before = read(written).cells, read(shipped("02_conv_block")).cells
    solutions = [c for c in cells if c.source.startswith("%%solution")]
    assert [c.source for c in solutions] == [
        f"%%solution 2.{n}\n#@title Solution 2.{n}" for n in (1, 2, 3, 4, 5)
    ]
    changed = sum(one.source != other.source for one, other in zip(cells, before, strict=True))
    assert changed == len(solutions)
    written.write_text("the reader's own")
    for_vscode.main()
    assert written.read_text() == "the reader's own"
