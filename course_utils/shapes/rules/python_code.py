"""What fails in the network's own Python: unpacking, `if` on a batch, a layer that is none."""

import difflib
import inspect
import linecache
import re
import traceback

import torch
from torch import nn

from course_utils.shapes.calls import given, own_frame, own_line
from course_utils.shapes.run import Seen
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
    last = next((s.returned for s in run.steps[::-1] if isinstance(s.returned, Seen)), None)
    came = f" The last layer returned {last.shape}." if last else ""
    return (
        f"{place}: `{frame.line}` wants {found[1]} values, and gets another number of them.{came}"
    )


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


UNMADE = ("_modules", "_parameters", "_buffers", "_backward_hooks", "_backward_pre_hooks")


def before_init(run, place):
    unmade = any(str(run.error).endswith(f"no attribute '{name}'") for name in UNMADE)
    if "before Module.__init__" in str(run.error) or unmade:
        return f"{place}: a layer is kept on self before super().__init__() was called."
    return None


def no_such_name(run, place):
    """self.conv2, where there is a conv1: an attribute that a layer or a tensor does not have."""
    found = re.match(r"'(\w+)' object has no attribute '(\w+)'", str(run.error))
    if not isinstance(run.error, AttributeError) or not found or not run.frames:
        return None
    kind, name = found.groups()
    line, me = own_line(run), own_frame(run).names.get("self")
    for held, value in kept_on(me):
        if isinstance(value, type) and value.__name__ == kind and f"self.{held}(" in line:
            return (
                f"{place}: self.{held} is the class {kind} and not a layer, so {line} makes one "
                f"instead of calling it: self.{held} = {kind}()."
            )
    layer = next((layer for _, layer, _ in run.open[::-1] if type(layer).__name__ == kind), None)
    if layer is None:
        near = difflib.get_close_matches(name, dir(torch.Tensor), 2) if kind == "Tensor" else []
        like = f" Is it {' or '.join(near)}?" if near else ""
        return f"{place}: in {line}, a {kind} has no {name}.{like}" if line else None
    if wrong := next((n for n in ("_init_", "__int__", "init") if n in vars(type(layer))), None):
        return (
            f"{place} ({kind}) has no {name}: its layers are made in {wrong}, which Python never "
            f"calls. The name is __init__, with two underscores on each side."
        )
    names = [n for n, _ in layer.named_children()] + [n for n in vars(layer) if n[0] != "_"]
    near = difflib.get_close_matches(name, [*names, *vars(type(layer))], 3)
    there = ", ".join(near or [n for n in names if n != "training"][:6]) or "nothing"
    return (
        f"{place} ({kind}) has no {name}, which {line or 'it'} asks for; it has {there}. Is a name "
        f"misspelt, or is it never made in __init__?"
    )


def kept_on(me):
    return vars(me).items() if hasattr(me, "__dict__") else ()


def empty_list(run, place):
    """A list of skips that runs out, or is too short."""
    if not isinstance(run.error, IndexError) or "list" not in str(run.error) or not run.open:
        return None
    line, layer = own_line(run), run.open[-1][1]
    lists = [
        f"{name} has {len(held)}" for name, held in layer.named_children()
        if isinstance(held, (nn.ModuleList, nn.Sequential))
    ]  # fmt: skip
    plain = [
        f"{name} has {len(value)}" for name, value in own_frame(run).names.items()
        if isinstance(value, list) and name in line
    ]  # fmt: skip
    more = f" ({', '.join(plain + lists)})" if plain + lists else ""
    return (
        f"{place}: {line} takes more from a list than was put in{more}. Does the way up take as "
        f"many skips as the way down keeps?"
    )


def of_two_kinds(run, place):
    """x + attention(x), where the layer returned a tuple."""
    message = str(run.error)
    found = re.search(r"unsupported operand type\(s\) for (\S+): '(\w+)' and '(\w+)'", message)
    if not isinstance(run.error, TypeError) or not found:
        return None
    sign, *kinds = found.groups()
    wrong = next((kind for kind in kinds if kind in ("tuple", "list", "NoneType", "dict")), None)
    if wrong is None:
        return None
    line = own_line(run)
    made = [s for s in run.steps if type(s.returned).__name__ == wrong and s.milliseconds]
    tip = {"tuple": "take its first, [0].", "list": "take one."}.get(wrong, "")
    if not made:
        return f"{place}: {line} has a {wrong} beside `{sign}`, where a tensor is needed."
    what = f"a {wrong} of {len(made[-1].returned)}" if wrong != "NoneType" else "None"
    instead = tip or "does its forward end with a return?"
    return f"{place}: in {line}, {made[-1].name} ({made[-1].type}) returned {what}: {instead}"


def loose_tensors(run, place):
    """torch.cat(a, b), where it takes a list of them; PyTorch has two sentences for that."""
    found = re.match(r"(cat|stack|concat)\(\).*(\(Tensor|not Tensor$)", str(run.error))
    if not isinstance(run.error, TypeError) or not found:
        return None
    return (
        f"{place}: {found[1]} takes a list of tensors first, then the axis: {own_line(run)} lacks "
        f"the brackets, torch.{found[1]}([a, b], dim=1)."
    )


def the_network(run, place):
    """A check in the network's own code: its words are the best there are."""
    frames = list(traceback.walk_tb(run.error.__traceback__))
    inside = frames and not frames[-1][0].f_globals.get("__name__", "").startswith("torch")
    if not inside or not isinstance(run.error, (ValueError, AssertionError)):
        return None
    if str(run.error):
        none = [name for name, value in run.frames[-1].names.items() if value is None]
        named = [name for name in none if re.search(rf"\b{name}\b", own_code(frames[-1][0]))]
        tip = f" ({', '.join(named)} is None: not given.)" if named else ""
        return f"{place}: {run.error}" + "." * (str(run.error)[-1] not in ".!?") + tip
    line = traceback.extract_tb(run.error.__traceback__)[-1].line
    if run.frames and run.frames[-1].sides:
        *sides, last = map(str, run.frames[-1].sides)
        found = f"{place} demands `{line}`, and finds {', '.join(sides)} and {last}."
        return found + axis_too_many(*run.frames[-1].sides)
    given_to = run.open[-1][0].given if run.open else run.inputs
    return f"{place} demands `{line}`, and was given {shapes(given_to)}."


def own_code(frame):
    """The condition under which a check was made: the line that failed and the one before it."""
    name, line = frame.f_code.co_filename, frame.f_lineno
    return linecache.getline(name, line - 1) + linecache.getline(name, line)


def weights_of_another(run, place):
    """load_state_dict with weights of a network that was made otherwise."""
    message = str(run.error)
    if "loading state_dict" not in message:
        return None
    sizes = re.findall(
        r"size mismatch for (\S+): .*?Size\(\[([\d, ]*)\]\).*?Size\(\[([\d, ]*)\]\)", message
    )
    if sizes:
        name, loaded, own = sizes[0]
        more = f", and {len(sizes) - 1} more do not fit" if len(sizes) > 1 else ""
        return (
            f"{place}: {name} is ({loaded}) in the weights that are loaded and ({own}) in the "
            f"network{more}: make the network with the sizes that the weights were trained with."
        )
    return f"{place}: {' '.join(message.split())}"


def axis_too_many(*pair):
    """Say that one of two shapes has an axis that the other lacks."""
    if len(pair) != 2 or not all(isinstance(shape, tuple) for shape in pair):
        return ""
    long, short = map(list, sorted(pair, key=len, reverse=True))
    for axis in range(len(long)):
        if long[:axis] + long[axis + 1 :] == short:
            what = ", the channels or classes" if axis == 1 else ""
            return (
                f" One lacks axis {axis}{what}, which has {long[axis]} in the other: unsqueeze or "
                f"one_hot makes one, argmax takes one away."
            )
    return ""


RULES = {"__bool__": (asked_for_one,)}
