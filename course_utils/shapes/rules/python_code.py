"""What fails in the network's own Python: unpacking, `if` on a batch, a layer that is none."""

import inspect
import re
import traceback

from torch import nn

from course_utils.shapes.calls import given
from course_utils.shapes.record import Seen
from course_utils.shapes.words import shapes


def unpacking(run, place):
    """`B, C, H, W = x.shape` for a tensor with another number of axes."""
    found = re.search(r"values to unpack \(expected (?:at least )?(\d+)", str(run.error))
    if not isinstance(run.error, ValueError) or not found or not run.frames:
        return None
    frame = run.frames[-1]
    names = re.search(r"=\s*([\w.]+?)(?:\.shape|\.size\(\))", frame.line)
    x = frame.names.get(names[1]) if names else None
    if isinstance(x, Seen):
        return (
            f"{place}: `{frame.line}` wants {found[1]} axes, and {names[1]} is {x.shape}, which "
            f"has {len(x.shape)}."
        )
    source = re.search(r"=\s*(\w+)\s*$", frame.line)
    x = frame.names.get(source[1]) if source else None
    if isinstance(x, Seen):
        return f"{place}: `{frame.line}` unpacks a tensor, {x.shape}, along its first axis."
    return f"{place}: `{frame.line}` wants {found[1]} values, and gets another number of them."


def asked_for_one(run, call, place):
    """`if` on a tensor with many numbers."""
    x = next(iter(given(call)), None)
    if x is None or not x.shape:
        return None
    line = run.frames[-1].line if run.frames else ""
    where = f" in `{line}`" if line else ""
    return (
        f"{place}: a condition{where} has {' x '.join(map(str, x.shape))} answers, and `if` wants "
        f"one: choose for each picture with torch.where, or use .all() or .any()."
    )


def no_forward(run, place):
    """A layer without a forward: a list of layers that is called, or a name that is misspelt."""
    if not isinstance(run.error, NotImplementedError) or not run.open:
        return None
    layer = run.open[-1][1]
    if isinstance(layer, (nn.ModuleList, nn.ModuleDict)):
        kind = type(layer).__name__
        return (
            f"{place} is a {kind}, which only keeps layers and cannot be called: loop over it, or "
            f"make it an nn.Sequential."
        )
    if "forward" in str(run.error):
        kind = type(layer).__name__
        return f"{place} ({kind}) has no forward: is it misspelt, or indented out of the class?"
    return None


def not_callable(run, place):
    """Something is called that is no layer and no function."""
    found = re.fullmatch(r"'(\w+)' object is not callable", str(run.error))
    if not isinstance(run.error, TypeError) or not found or not run.frames:
        return None
    return f"{place}: `{run.frames[-1].line}` calls a {found[1]}, which is no layer."


def without_self(run, place):
    """A method whose def lacks self."""
    found = re.match(
        r"\w+\.(\w+)\(\) takes (\d+) positional arguments? but (\d+) (?:was|were)", str(run.error)
    )
    if not isinstance(run.error, TypeError) or not found or int(found[3]) != int(found[2]) + 1:
        return None
    layer = run.open[-1][1] if run.open else None
    method = inspect.getattr_static(type(layer), found[1], None)
    if not inspect.isfunction(method) or "self" in inspect.signature(method).parameters:
        return None
    return f"{place}: def {found[1]} lacks self, which a method gets before its other arguments."


def before_init(run, place):
    if "before Module.__init__" in str(run.error):
        return f"{place}: a layer is kept on self before super().__init__() was called."
    return None


def the_network(run, place):
    """A check in the network's own code: its words are the best there are."""
    frames = list(traceback.walk_tb(run.error.__traceback__))
    inside = frames and not frames[-1][0].f_globals.get("__name__", "").startswith("torch")
    if not inside or not isinstance(run.error, (ValueError, AssertionError)):
        return None
    if str(run.error):
        return f"{place}: {run.error}" + "." * (str(run.error)[-1] not in ".!?")
    line = traceback.extract_tb(run.error.__traceback__)[-1].line
    if run.frames and run.frames[-1].sides:
        *sides, last = map(str, run.frames[-1].sides)
        return f"{place} demands `{line}`, and finds {', '.join(sides)} and {last}."
    given_to = run.open[-1][0].given if run.open else run.inputs
    return f"{place} demands `{line}`, and was given {shapes(given_to)}."


RULES = {"__bool__": (asked_for_one,)}
