"""An exception that an attempt raised: the reader's own line, and the reason."""

import linecache
import re
import site
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import torch

from course_utils.checks.engine.source import code_source
from course_utils.checks.engine.values import is_tensor, word

COURSE = str(Path(__file__).parents[2])
COMPREHENSIONS = "<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>"
PACKAGES = [folder for folder in sys.path if folder.endswith(("site-packages", "dist-packages"))]
LIBRARIES = (
    sysconfig.get_path("stdlib"), *site.getsitepackages(), *PACKAGES, *torch.__path__, "<frozen",
)  # fmt: skip
LONGEST = 300  # letters of a message


@dataclass
class Crash:
    """An exception that an attempt raised, and the line of the reader's that led to it."""

    error: BaseException
    own: bool = False  # that line itself raised it, not something that it called
    function: str = ""
    line: int = 0
    text: str = ""
    shapes: str = ""
    source: str = ""  # of the whole function
    hint: str = ""  # what an exercise has to say about it

    def same_as(self, other):
        """True for the same exception with the same message and hint, wherever it was raised.

        Which of two sizes that do not fit PyTorch names first depends on the order of a sum.
        """
        one, other = ((type(c.error), in_order(str(c.error)), c.hint) for c in (self, other))
        return one == other

    @property
    def is_stub(self):
        """True for the raise of a stub. PyTorch raises NotImplementedError too."""
        return isinstance(self.error, NotImplementedError) and self.own and "raise" in self.text

    def told(self, what):
        """Say what happened, when the attempt was called as `what`."""
        kind, message = type(self.error).__name__, reason(self.error)
        raised = f'{kind}: "{message}"' if message else f"{kind}, without a message"
        if not self.function:
            return f"{what} raised {raised}."
        there = f" There, {self.shapes}." if self.shapes else ""
        return (
            f"Line {self.line} of your {self.function}, `{self.text}`, raised {raised}. "
            f"It was called as {what}.{there}"
        )


def in_order(message):
    """The message with the two sizes that do not fit in order, the smaller first."""
    sizes = r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)"
    return re.sub(sizes, lambda found: " and ".join(sorted(found.groups())), message)


def crash(error):
    """Find the reader's own line in a traceback: the last one outside the libraries. A list in
    brackets is part of the function that it is in."""
    own, tb = None, error.__traceback__
    while tb:
        code = tb.tb_frame.f_code
        if is_readers(code.co_filename) and not (own and code.co_name in COMPREHENSIONS):
            own = tb
        last, tb = tb, tb.tb_next
    if own is None:
        return Crash(error)
    code, values = own.tb_frame.f_code, own.tb_frame.f_locals
    return Crash(
        error,
        own=own is last,
        function=code.co_name,
        line=own.tb_lineno - code.co_firstlineno + 1,
        text=linecache.getline(code.co_filename, own.tb_lineno).strip(),
        source=code_source(code),
        shapes=", ".join(f"{k} is {word(v.shape)}" for k, v in values.items() if is_tensor(v)),
    )


def is_readers(file):
    """True for a notebook's cell or a file of the reader's, and for our own wrong answers."""
    return not file.startswith((COURSE, *LIBRARIES))


def reason(error):
    """The message of an exception on one line; of einops' many lines, the one that says why."""
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    if type(error).__name__ == "EinopsError":
        pattern = re.search(r'pattern "(.+?)"', str(error))
        return f"{lines[-1]} (pattern: {pattern[1]})" if pattern else lines[-1]
    message = " ".join(lines)
    return message if len(message) <= LONGEST else f"{message[: LONGEST - 3]}..."
