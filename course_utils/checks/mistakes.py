"""Known mistakes: edits of a right answer.

A catalogue of mistakes is one text:

    # time multiplied
    - h = h + self.time_proj(temb)[:, :, None, None]
    + h = h * self.time_proj(temb)[:, :, None, None]
    The time multiplies the features; here it is added.

The name comes first, then the edit, then what a reader who made the mistake is told.

- Lines behind `-` are in the right answer exactly once, as whole lines or as a part of one. Lines
  behind `+` take their place; a bare `+` takes them away.
- A `-` below a `+` begins a second place that is edited too.
- Without a `-`, it is about the same lines as the edit before it; but a `def` behind the `+` takes
  the place of the whole function, or of a whole method of the class.
- `or` begins another way to make the same mistake. Where only what takes the place differs, and is
  one line, `|` in front of it is enough:

    # another activation
    - F.silu(h)
    + F.relu(h)
    | F.gelu(h)
    Your activation isn't SiLU but another one.
"""

import ast
import inspect
import itertools
import linecache
import math
import re
import sys
import zlib
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache, cached_property
from textwrap import indent

import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks.engine.source import keep
from course_utils.checks.engine.source import source as source_with_comments

TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
PLACE = re.compile(r"((?:^-.*\n)*)((?:^\+.*\n)+)((?:^\|.*\n)*)", re.MULTILINE)
DEFINES = re.compile(r"(@.*\n)*def (\w+)")
TWO = "Two things are wrong."
NOTEBOOKS_HAVE = {"math": math, "torch": torch, "nn": nn, "F": F}


class EditError(Exception):
    """A catalogue cannot be read, or an edit does not fit the code that it is for."""


@dataclass(frozen=True, eq=False)
class Mistake:
    """A wrong answer: a right one, and the pairs of texts (there, instead) that make it wrong."""

    name: str
    why: str
    right: object
    places: list
    names: dict  # what the code may use besides what is beside the right answer
    at: str = ""  # file and line of its entry

    @cached_property
    def code(self):
        """The wrong answer's source, without comments.  -> str"""
        return edited(source(self.right), self.places, self.at)

    @cached_property
    def attempt(self):
        """The wrong answer itself.  -> function or class"""
        return built(self.code, self.right, self.name, self.names)


def edits(right, catalogue, names=None):
    """Read a catalogue of mistakes, as edits of one right answer.

    function or class, str, dict or None -> list of Mistake

    Their code can use names, those of a file; without them, those of the file where this is called.
    Raises EditError, with file and line, where the catalogue cannot be read.
    """
    names = names or sys._getframe(1).f_globals
    file, found = names["__file__"], []
    for name, ways, why in entries(catalogue, file):
        at = place_of(f"# {name}", file)
        found += [Mistake(name, why, right, way, names, at) for way in ways]
    return found


def entries(catalogue, file):
    """Yield (name, ways, why) of each entry; a way is a list of pairs of texts."""
    there = ""  # what the last edit was about
    for entry in re.split(r"\n(?=# )", catalogue.strip("\n")):
        head, *lines = entry.rstrip().split("\n")
        marked = list(itertools.takewhile(lambda line: line[:1] in "-+|" or line == "or", lines))
        why, ways = " ".join(" ".join(lines[len(marked) :]).split()), []
        for way in re.split(r"^or\n", "\n".join([*marked, ""]), flags=re.MULTILINE):
            places = PLACE.findall(way)
            fits = places and "".join(sum(places, ())) == way
            if not (head.startswith("# ") and why and fits) or "" in lines:
                raise EditError(
                    f"{place_of(head, file)}: an entry is `# name`, then lines behind - and +, "
                    f"then a sentence for the reader; this one is\n{entry}"
                )
            for (first, instead), *others in itertools.product(*map(alternatives, places)):
                if not DEFINES.match(instead):
                    first = there = first or there
                ways.append([(first, instead), *others])
        yield head[2:], ways, why


def alternatives(place):
    """The edits that one place stands for: its `+`, then each `|`.  -> list of (there, instead)"""
    there, *instead = map(unmarked, place)
    return [(there, text) for text in (instead[0], *instead[1].splitlines(keepends=True))]


def unmarked(lines):
    return re.sub(r"^[-+|] ?", "", lines, flags=re.MULTILINE)


def place_of(line, file):
    """Say where a line stands in a file: `file.py:12`."""
    lines = linecache.getlines(file)
    number = next((i for i, text in enumerate(lines, 1) if text.rstrip() == line), 0)
    return f"{file}:{number}"


def both(one, other):
    """Two mistakes made at once, in one right answer.  Mistake, Mistake -> Mistake"""
    why = f"{TWO} First: {one.why} Second: {other.why}"
    name = f"{one.name} + {other.name}"
    return Mistake(name, why, one.right, one.places + other.places, other.names | one.names, one.at)


@cache
def source(right):
    """The source of a right answer, without comments.  -> str"""
    return re.sub(r"  # .*", "", source_with_comments(right))


def built(code, right, name, names):
    """Run an answer's source beside the right answer's.  -> function or class"""
    file = f"<{right.__name__}: {name} {zlib.crc32(code.encode()):08x}>"  # ways share their name
    keep(file, code)
    names = NOTEBOOKS_HAVE | names | vars(inspect.getmodule(right)) | {"__name__": "an answer"}
    exec(compile(code, file, "exec"), names)
    return names[right.__name__]


def edited(code, places, at=""):
    """Return code in which each pair (there, instead) is carried out.

    Only the tokens that differ are changed, so that two edits of one line can both be made. Raises
    EditError where what is to be changed is not there once, or is changed by both.
    """
    changes = sorted(change for place in places for change in changes_of(code, *place, at))
    for (start, stop, _), (following, *_) in itertools.pairwise(changes):
        if following < stop or following == start:
            raise EditError(f"{at}: two edits of the same tokens")
    for start, stop, new in reversed(changes):
        code = code[:start] + new + code[stop:]
    return code


@cache
def changes_of(code, old, new, at):
    """The changes of an edit, as small as can be.  -> list of (from, to, new text)"""
    start, stop = find(code, old, at) if old else definition(code, new, at)
    before = code[code.rfind("\n", 0, start) + 1 : start]
    if before.strip():  # it is a part of its line
        new = new.strip()
    else:
        start -= len(before)
        new = indent(new, " " * (len(before) - margin(old))).rstrip("\n")
    if not old:
        return [(start, stop, new)]
    there, then = TOKEN.findall(code[start:stop]), TOKEN.findall(new)
    at = list(itertools.accumulate(map(len, there), initial=start))
    found = SequenceMatcher(None, there, then, autojunk=False).get_opcodes()
    return [(at[i], at[j], "".join(then[k:m])) for how, i, j, k, m in found if how != "equal"]


def find(code, old, at):
    """Where a text stands in the code, wherever its lines begin.  -> (from, to)"""
    lines = [re.escape(line.strip()) for line in old.splitlines()]
    text = r"\n *".join(lines) + "$" * (len(lines) > 1)
    found = [match.span() for match in re.finditer(text, code, re.MULTILINE)]
    if len(found) != 1:
        raise EditError(f"{at}: this is {len(found)} times, not once, in the code:\n{old}\n{code}")
    return found[0]


def definition(code, new, at):
    """Where the function or method stands that a text is to replace.  -> (from, to)"""
    name = DEFINES.match(new)[2]
    nodes = [node for node in ast.walk(ast.parse(code)) if getattr(node, "name", "") == name]
    if len(nodes) != 1:
        raise EditError(f"{at}: the code has no function {name} that this could replace:\n{code}")
    (node,) = nodes
    first = min([node, *node.decorator_list], key=lambda part: part.lineno)
    lines = list(itertools.accumulate(map(len, code.splitlines(keepends=True)), initial=0))
    end = lines[node.end_lineno - 1] + node.end_col_offset
    return lines[first.lineno - 1] + node.col_offset, end


def margin(text):
    return len(text) - len(text.lstrip(" "))
