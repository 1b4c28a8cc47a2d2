"""A kernel that need not import PyTorch: a copy of a process that has imported it already.

    python forked_kernel.py --serve SOCKET     import once, and fork a kernel for each that asks
    python forked_kernel.py CONNECTION_FILE    be the kernel; without FORKED_KERNELS, a plain one

Importing takes longer than many notebooks. The copy is made before any thread has begun and
before anything of the course is imported, and gets the folder, the environment and the outputs of
whoever asks. It dies with its client, and with a signal that the client gets.
"""

import functools
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
from pathlib import Path

# What notebooks import, or what PyTorch does when an optimizer is made.
IMPORTED = (
    *("torch", "torch._dynamo", "torchvision", "matplotlib.pyplot", "sklearn.datasets"),
    *("ipywidgets", "ipykernel.kernelapp", "ipykernel.ipkernel"),
)


def serve(path):
    """Fork kernels until the standard input ends."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(path)
        server.listen()  # who asks too early waits
        import_all()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a kernel does
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever asked sees that a kernel has ended
        while server in select.select([server, sys.stdin], [], [])[0]:
            client, _ = server.accept()
            if not os.fork():
                server.close()
                be_kernel(client)
            client.close()


def import_all():
    del sys.path[0]  # the folder of this file
    # As ipykernel does before matplotlib is imported, which reads it only once.
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    for name in IMPORTED:
        importlib.import_module(name)
    assert "course_utils" not in sys.modules
    assert len(os.listdir("/proc/self/task")) == 1, "a process with threads must not be forked"


def be_kernel(client):
    """Become what the client would be if it imported everything itself; never return."""
    wanted, streams, *_ = socket.recv_fds(client, 1 << 20, 3)
    connection_file, folder, environment = json.loads(wanted)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(folder)
    sys.path.insert(0, folder)
    os.environ.clear()
    os.environ.update(environment)
    importlib.reload(importlib.import_module("sitecustomize"))  # it looks at the environment
    for module in ("torch", "numpy.random"):  # two kernels draw other numbers, unless they seed
        sys.modules[module].seed()
    client.sendall(str(os.getpid()).encode())

    def die_with_client():
        client.recv(1)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=die_with_client, daemon=True).start()
    sys.argv = ["ipykernel_launcher.py", "-f", connection_file]
    from ipykernel import kernelapp

    # Imported, it cannot ask the environment any more which process it ends with.
    launch = functools.partial(kernelapp.launch_new_instance, parent_handle=os.getppid())
    kernelapp.launch_new_instance = launch
    # As python -m does it, for what this does to sys.path is not the same in all versions.
    runpy.run_module("ipykernel_launcher", run_name="__main__")
    os._exit(0)


def ask(path, connection_file):
    """Have a kernel forked, hand on to it what interrupts and ends it, and wait for its end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.connect(path)
        wanted = json.dumps([connection_file, os.getcwd(), dict(os.environ)]).encode()
        socket.send_fds(server, [wanted], [0, 1, 2])
        pid = int(server.recv(20))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, frame: os.kill(pid, number))
        server.recv(1)


def main():
    if sys.argv[1] == "--serve":
        serve(sys.argv[2])
    elif path := os.environ.get("FORKED_KERNELS"):
        ask(path, str(Path(sys.argv[1]).resolve()))
    else:
        os.execv(sys.executable, [sys.executable, "-m", "ipykernel_launcher", "-f", sys.argv[1]])


if __name__ == "__main__":
    main()
