"""The shape lines of the docstrings, such as `(B, C, H, W), (B, D) -> (B, K, H, W)`, are true.

Each line is read, called with tensors of the sizes in shape_line_calls.py, and compared with what
came out.
"""

import ast
import dataclasses
import importlib
import inspect
import re
from types import SimpleNamespace

import pytest
import torch
from shape_line_calls import (
    CALLS,
    GIVEN,
    NO_SHAPES,
    OTHER_SIZES,
    SIZES,
    B,
    C,
    H,
    N,
    T,
    W,
    all_skips,
)
from test_layout import TEXT, tree

from course_utils import data

DIM = r"[\w/^*]+"
SHAPE = rf"\((?:|{DIM},|{DIM}(?:, {DIM})+)\)"
ITEM = rf"(?:(?:[A-Za-z_]+ )?{SHAPE}|[A-Za-z_ ]+)"
LINE = re.compile(rf"{ITEM}(?:, {ITEM})* -> {ITEM}(?:, {ITEM})*")
LAYER = "() -> module of "  # before the line of the layer that a function returns


def public():
    """Yield the public classes, functions and methods of the text, by name."""
    for file in TEXT:
        module = file.removesuffix(".py")
        for node in tree(file).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                found = getattr(importlib.import_module(f"course_utils.{module}"), node.name)
                yield f"{module}.{node.name}", found
                for part in node.body if isinstance(node, ast.ClassDef) else ():
                    # A class's own line tells what goes through forward.
                    if isinstance(part, ast.FunctionDef) and not re.match("_|forward$", part.name):
                        yield f"{module}.{node.name}.{part.name}", getattr(found, part.name)


def holds_settings(found):
    return inspect.isclass(found) and (
        dataclasses.is_dataclass(found) or issubclass(found, Exception)
    )


def shape_lines(doc):
    """Return the shape lines of a docstring: with an arrow, and an empty line on either side."""
    paragraphs = inspect.cleandoc(doc or "").replace(LAYER, "").split("\n\n")
    return [p for p in paragraphs if LINE.fullmatch(p)]


PUBLIC = {name: found for name, found in public() if not holds_settings(found)}
LINES = {name: shape_lines(found.__doc__) for name, found in PUBLIC.items()}


def items(side):
    return re.split(r", (?![^(]*\))", side)  # at the commas outside of parentheses


def dims(item):
    """Return the sizes in an item as expressions: "(B, 2H)" -> ["B", "2*H"]."""
    inside = item.partition("(")[2].rstrip(")").split(",")
    return [re.sub(r"(\d)([A-Za-z])", r"\1*\2", d.strip()).replace("^", "**") for d in inside if d]


def given(item, sizes):
    """Make what an item on the left of the arrow asks for; steps, alone in a row, are integers."""
    if "(" not in item:
        return GIVEN[item]()
    shape = [int(eval(d, {}, sizes)) for d in dims(item)]
    return torch.randint(T, shape) if len(shape) == 1 else torch.randn(shape)


def assert_shape(item, out, sizes):
    assert isinstance(out, torch.Tensor | float), f"{item} but {out!r}"
    shape, expected = getattr(out, "shape", ()), dims(item)
    assert len(shape) == len(expected), f"{item} but {tuple(shape)}"
    for d, came in zip(expected, shape):
        if sizes.get(d, 0) is None:
            sizes[d] = came
        assert came == eval(d, {}, sizes), f"{item} but {tuple(shape)}"


def assert_is(item, out, sizes):
    """Fail unless out is what an item on the right of the arrow says."""
    name, shape = item.partition("(")[:2]
    if shape:
        assert_shape(item, getattr(out, name.strip()) if name else out, sizes)
    elif item == "n skips":
        assert [s.shape for s in out] == [s.shape for s in GIVEN[item]()]
    elif item == "sampler":
        t, xt, x0 = next(out)
        assert t > 0 and xt.shape == x0.shape == (B, C, H, W)
    elif item == "skips":
        assert [s.shape for s in out] == [s.shape for s in all_skips()]
    elif item == "denoiser":
        assert callable(out.predict_x0)
    elif item == "class":
        assert isinstance(out, type)
    elif item.startswith("generator of "):
        assert type(next(out)).__name__ == item.split()[-1]
    else:
        assert type(out).__name__ == item.replace("None", "NoneType")


def assert_true(line, call, sizes):
    left, right = line.split(" -> ")
    inputs = [given(item, sizes) for item in items(left) if item != "()"]
    out, promised = call(*inputs), items(right)
    outs = out if isinstance(out, tuple) else [out]
    assert len(outs) == len(promised), line
    for item, came in zip(promised, outs):
        assert_is(item, came, sizes)


@pytest.mark.parametrize("name", LINES)
def test_there_is_one_shape_line(name):
    # An arrow beside it would be a line with a slip of the pen.
    arrows = (PUBLIC[name].__doc__ or "").replace(LAYER, "").count("->")
    assert (arrows, len(LINES[name])) == ((0, 0) if name in NO_SHAPES else (1, 1))


def test_only_what_there_is_goes_without_a_shape_line():
    assert set(NO_SHAPES) - set(LINES) == set()


@pytest.mark.parametrize("name", [name for name, lines in LINES.items() if lines])
def test_shape_line_is_true(name, monkeypatch):
    torch.manual_seed(0)
    cifar = SimpleNamespace(data=torch.zeros(N, 32, 32, C), targets=[0] * N)
    monkeypatch.setitem(data.DOWNLOADED, "cifar10", lambda *args, **options: cifar)
    sizes = SIZES | OTHER_SIZES.get(name, {})
    assert_true(LINES[name][0], CALLS.get(name, PUBLIC[name]), sizes)


@pytest.mark.parametrize(
    "line",
    [
        "(B, C, H, W) -> (B, C, W, H)",
        "(B, C, H, W) -> (B, C, H/2, W)",
        "(B, C, H, W) -> (B, C, H)",
        "(B, C, H, W) -> ()",
        "(B, C, H, W) -> UNet",
        "(B, C, H, W) -> (B, C, H, W), (B,)",
        "(B, C, H, W) -> (B, K, H, W)",
    ],
)
def test_a_false_line_is_seen(line):
    assert shape_lines(f"Do something.\n\n    {line}\n\n    It is done.") == [line]
    with pytest.raises(AssertionError):
        assert_true(line, lambda x: x, dict(SIZES))
    assert_true("(B, C, H, W) -> (B, C, H, W)", lambda x: x, dict(SIZES))
