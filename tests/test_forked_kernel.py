"""Kernels that are forked: only the time that they take to start tells them from others."""

import os
import signal
import sys
import time
from contextlib import contextmanager

import pytest
import rehearse
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook
from test_rehearsal import READERS

import course
from outputs import output_text

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")

# What a notebook could notice, once it has imported the same.
LOOK = """
import os, signal, sys
OWN = "FORKED_KERNELS", "JPY_PARENT_PID", "JPY_SESSION_NAME"
print(*sys.path, os.getcwd(), __name__, sys.flags, sep="\\n")
print({name: value for name, value in os.environ.items() if name not in OWN})
print(*map(signal.getsignal, (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)))
import google.colab, ipywidgets, matplotlib, sklearn.datasets, torch, torchvision, warnings
print(matplotlib.get_backend(), matplotlib.rcParams, *sorted(map(str, warnings.filters)))
print(torch.get_num_threads(), torch.is_grad_enabled())
print(sys.modules.get("torchsummary", "not yet"), "course_utils" in sys.modules)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a kernel lacks a package; `make test` has begun to fork them, or this does."""
    folder = tmp_path_factory.mktemp("forked")
    python = READERS if READERS.exists() else sys.executable
    rehearse.write_kernel(folder, python, "/nowhere", lacks="torchsummary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder / "jupyter"))
        if "FORKED_KERNELS" in os.environ:
            yield folder
        else:
            with course.forked_kernels(folder):
                yield folder
                del os.environ["FORKED_KERNELS"]


@contextmanager
def kernel(folder, *sources, **settings):
    cells = [new_code_cell(source) for source in sources]
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(
        new_notebook(cells=cells), kernel_name="colab", resources=resources, **settings
    )
    with client.setup_kernel():
        yield client


def printed(client, number=0):
    return "".join(map(output_text, client.execute_cell(client.nb.cells[number], number).outputs))


def test_a_notebook_finds_what_it_finds_in_any_other_kernel(folder, monkeypatch):
    with kernel(folder, LOOK) as client:
        forked = printed(client)
    monkeypatch.delenv("FORKED_KERNELS")
    with kernel(folder, LOOK) as client:
        assert forked.splitlines() == printed(client).splitlines()
    assert "not yet" not in forked and str(folder) in forked


def test_what_nobody_seeds_is_not_the_same_in_two_of_them(folder):
    drawn = []
    for _ in range(2):
        cell = "import random, numpy, torch\n"
        cell += "print(random.random(), numpy.random.rand(), torch.rand(1).item())"
        with kernel(folder, cell) as client:
            drawn += printed(client).split()
    assert len(set(drawn)) == 6


def test_it_is_killed_with_its_client(folder):
    with kernel(folder, "import os; print(os.getpid())") as client:
        number = int(printed(client))
        asks = client.km.provisioner.pid
        assert number != asks
        os.kill(asks, signal.SIGKILL)
        until = time.monotonic() + 20
        while os.path.exists(f"/proc/{number}"):
            assert time.monotonic() < until, "it lives on"
            time.sleep(0.05)


def test_a_cell_that_kills_it_ends_its_client_too(folder):
    with kernel(folder, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)") as client:
        with pytest.raises(DeadKernelError):
            printed(client)


def test_it_is_interrupted(folder):
    slow = "import time\nfor _ in range(600): time.sleep(0.1)"
    with kernel(folder, slow, "print(2)", timeout=1, interrupt_on_timeout=True) as client:
        with pytest.raises(CellExecutionError, match="KeyboardInterrupt"):
            printed(client)
        assert printed(client, 1) == "2\n"
