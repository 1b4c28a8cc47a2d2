"""A course of one notebook, built once, and a copy of it for each test."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from toy_course import make_course


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A small course, built once, as an author does it."""
    course = make_course(tmp_path_factory.mktemp("course") / "toy")
    subprocess.run([sys.executable, "notebooks/build.py"], cwd=course, check=True)
    return course


@pytest.fixture
def course(built, tmp_path, monkeypatch):
    """A copy of it, to spoil."""
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    return Path(shutil.copytree(built, tmp_path / "toy"))
