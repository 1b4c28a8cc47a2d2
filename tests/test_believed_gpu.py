"""Every notebook, solved, on a GPU that PyTorch believes in; and the GPU itself.

What goes on there is in believed_gpu.py. Each test has a process of its own, for a backend that is
registered stays.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from torch.utils import backend_registration

from course_files import sources

TESTS = Path(__file__).parent
# In parts that take about as long, so that xdist can share them out.
PARTS = "00 01 02 03 04 06 07 11", "05 08 09 10"

pytestmark = pytest.mark.skipif(
    not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"),
    reason="this PyTorch is too old to have a backend that is written in Python",
)


def told(*command):
    """Run a script of the tests; return its exit status, and what it printed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, *command], cwd=TESTS, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def test_every_notebook_is_in_one_part():
    assert sorted(" ".join(PARTS).split()) == [source.stem[:2] for source in sources()]


@pytest.mark.parametrize("part", PARTS)
def test_a_notebook_runs_on_a_gpu(part, tmp_path):
    status, _, errors = told("on_believed_gpu.py", tmp_path, *part.split())
    assert status == 0, errors


@pytest.fixture(scope="module")
def lines():
    status, printed, errors = told("believed_faults.py")
    assert status == 0, errors
    return re.findall(r"^(whole|fault|refused|allowed), (.+?): (\w+)", printed, re.M)


@pytest.mark.parametrize(
    "fault", ["a plot", "a sampler", "the classifier", "a batch", "a cell", "a slider"]
)
def test_what_was_left_on_the_cpu_is_found(lines, fault):
    assert ("fault", fault, "refused") in lines
    assert fault == "a slider" or ("whole", fault, "passed") in lines


def test_it_refuses_what_cuda_refuses_and_nothing_else(lines):
    wrong = [line for line in lines if line[::2] in (("refused", "passed"), ("allowed", "refused"))]
    wrong += [line for line in lines if line[2] == "wrong"]
    assert not wrong
    assert len(lines) > 25


def test_the_benchmark_says_in_a_sentence_that_it_needs_a_gpu():
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(TESTS.parent)}
    command = [sys.executable, str(TESTS.parent / "benchmarks/gpu.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.startswith("There is no GPU here") and done.stderr.count("\n") == 1
