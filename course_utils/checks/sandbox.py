"""A reader's code is a stranger's code: run it, and leave everything as it was."""

import contextlib
import ctypes
import io
import random
import threading
import warnings

import numpy
import torch


class TimeUp(BaseException):
    """The code ran longer than it may. Not an Exception, so that no `except Exception` eats it."""


@contextlib.contextmanager
def sandbox(seconds):
    """Run the body silently, for so many seconds at most, and put the global state back.

    Raises TimeUp in the body when the time is over. Put back are the random generators, the
    gradient mode and the default dtype and device.
    """
    python, arrays = random.getstate(), numpy.random.get_state()
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    gradients = torch.is_grad_enabled()
    silence = io.StringIO()
    try:
        with (
            torch.random.fork_rng(),
            warnings.catch_warnings(),
            contextlib.redirect_stdout(silence),
            contextlib.redirect_stderr(silence),
            time_limit(seconds),
        ):
            warnings.simplefilter("ignore")
            torch.set_grad_enabled(True)
            yield
    finally:
        torch.set_grad_enabled(gradients)
        torch.set_default_dtype(dtype)
        torch.set_default_device(device)
        numpy.random.set_state(arrays)
        random.setstate(python)


@contextlib.contextmanager
def time_limit(seconds):
    """Raise TimeUp in this thread if the body is not done after so many seconds.

    It works in any thread and on any system, but waits for a call into C to return.
    """
    thread = ctypes.c_ulong(threading.get_ident())
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    done, lock = threading.Event(), threading.Lock()

    def watch():
        wait = seconds
        while not done.wait(wait):
            with lock:
                if not done.is_set():
                    raise_in(thread, ctypes.py_object(TimeUp))
            wait = 0.2  # again, in case the code caught it

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        with lock:
            done.set()
            raise_in(thread, None)  # take back what was raised but not yet delivered
        watcher.join()
