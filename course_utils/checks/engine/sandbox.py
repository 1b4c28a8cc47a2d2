"""A reader's code is a stranger's code: run it, and leave everything as it was."""

import builtins
import contextlib
import ctypes
import io
import random
import sys
import threading
import warnings
from unittest import mock

import numpy
import torch
from IPython import get_ipython

PATIENCE = 5  # seconds in which code that has to stop may do so


class TimeUp(Exception):
    """The code ran longer than it may."""


def run_apart(function, seconds):
    """Call a function silently in a thread of its own, and put the global state back.

    It returns what the function returns and raises what it raises; TimeUp after so many seconds.
    Gradient mode, default device and autocast belong to a thread, so those of the caller are safe;
    the random generators, warnings and the default dtype are put back.
    """
    with global_state_put_back():
        apart = Apart(function)
        apart.start()
        try:
            apart.join(seconds)
            late = apart.is_alive()
        finally:  # a reader may interrupt the kernel while it waits
            apart.stop()
    if late:
        raise TimeUp
    if apart.error:
        raise apart.error
    return apart.result


@contextlib.contextmanager
def global_state_put_back():
    python, arrays, dtype = random.getstate(), numpy.random.get_state(), torch.get_default_dtype()
    threads = torch.get_num_threads()
    silence = io.StringIO()
    try:
        with (
            torch.random.fork_rng(),
            warnings.catch_warnings(),
            contextlib.redirect_stdout(silence),
            contextlib.redirect_stderr(silence),
            nothing_that_ends_the_kernel(),
        ):
            warnings.simplefilter("ignore")
            torch.set_num_threads(1)  # more only wait for one another: the tensors are small
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        numpy.random.set_state(arrays)
        random.setstate(python)


@contextlib.contextmanager
def nothing_that_ends_the_kernel():
    """Keep code from asking the reader, from leaving, and from compiling itself.

    What torch.compile makes in a thread that ends crashes later in another, so code runs as it is
    written. Compiled functions that are older than the check are told to do the same.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(builtins, "input", nobody_to_ask))
        stack.enter_context(mock.patch.object(torch, "compile", as_it_is))
        if shell := get_ipython():
            stack.enter_context(mock.patch.object(shell, "ask_exit", sys.exit))
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


def nobody_to_ask(prompt=""):
    raise EOFError("input() waits for someone to type, and a check has nobody who does")


def as_it_is(model=None, **options):
    """Stands for torch.compile: returns what it is given."""
    return model if model is not None else lambda function: function


class Stopped(SystemExit):
    """Ends a thread. A SystemExit that nothing catches ends it without a word."""


class Apart(threading.Thread):
    """Calls a function and can be stopped. What is raised to stop it can hit this thread alone."""

    def __init__(self, function):
        super().__init__(daemon=True)
        self.function, self.result, self.error = function, None, None

    def run(self):
        try:
            self.result = self.function()
        except BaseException as error:  # told to the caller, who is in another thread
            self.error = error

    def stop(self):
        """Raise Stopped in the thread until it ends.

        Code that catches everything, or waits in a call into C, is left behind after a while.
        """
        for _ in range(PATIENCE * 5):
            if not self.is_alive():
                return
            thread = ctypes.c_ulong(self.ident)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(Stopped))
            self.join(0.2)
