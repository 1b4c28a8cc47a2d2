"""What a network or a layer is called with: no batch, too few inputs, None, a tuple."""

import inspect
import re

from torch import nn

from course_utils.shapes.calls import given, input_name, label
from course_utils.shapes.run import Seen, leaves
from course_utils.shapes.words import count

ONE_TENSOR = {
    "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "cross_entropy", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "linear", "silu", "relu", "gelu", "softmax", "interpolate",
    "conv1d", "conv2d", "conv3d", "group_norm", "layer_norm", "batch_norm", "max_pool2d",
}  # fmt: skip
ONE = {
    1: ("(C, L)", "(B, C, L)"),
    2: ("(C, H, W)", "(B, C, H, W)"),
    3: ("(C, D, H, W)", "(B, C, D, H, W)"),
}
STEPS = ("t", "time", "times", "step", "steps", "timestep", "timesteps", "sigma", "sigmas", "noise")


def no_batch(run):
    """A convolution takes one picture without a batch, and the next layers do not."""
    for call in run.calls + [run.failed] * bool(run.failed):
        first = given(call)[:1]
        name = first and input_name(run, first[0])
        if not name or call.op not in ("conv1d", "conv2d", "conv3d"):
            continue
        spatial = int(call.op[4])
        x, weight = given(call)[:2]
        if len(x.shape) != spatial + 1:
            continue
        channels = weight.shape[1] * groups_of(call)
        one, many = ONE[spatial]
        sentence = (
            f"{call.place} gets {x.shape}, {name}, and takes it for one picture {one}, without a "
            f"batch"
        )
        if channels == x.shape[0]:
            return f"{sentence}; the layers behind it expect {many}. Add the axis: x[None]."
        if channels == x.shape[1] and spatial == 2:
            return (
                f"{sentence} of {x.shape[0]} channels. Sequences (B, C, L) go through nn.Conv1d: "
                f"their three axes are a batch, {channels} channels and a length."
            )
        if channels == 1:
            return (
                f"{sentence} with {x.shape[0]} channels, where 1 is expected. A batch of pictures "
                f"with one channel needs an axis for it: x[:, None]."
            )
    return None


def groups_of(call):
    groups = call.named.get("groups", call.given[6] if len(call.given) > 6 else 1)
    return groups if isinstance(groups, int) else 1


def one_step_for_all(run):
    """Say that t does not have one step for each picture, if that is so."""
    seen = [(v, n) for v, n in zip(run.inputs, run.names) if isinstance(v, Seen)]
    pictures = [s for s, _ in seen if len(s.shape) in (4, 5)]
    steps = [
        s for s, name in seen
        if len(s.shape) == 1 and (name in STEPS or not s.dtype.is_floating_point)
    ]  # fmt: skip
    if pictures and steps and steps[0].shape[0] != pictures[0].shape[0]:
        count = pictures[0].shape[0]
        return f"t has shape {steps[0].shape}, x has {count} image{'s' * (count != 1)}."
    return None


def no_such_attribute(run, place):
    """A dict, a tuple or a list that is used as if it were a tensor."""
    found = re.match(r"'(dict|tuple|list)' object has no attribute '(\w+)'", str(run.error))
    if not isinstance(run.error, AttributeError) or not found or not run.frames:
        return None
    kind, attribute = found.groups()
    frame = run.frames[-1]
    name = next(iter(re.findall(rf"(\w+)\.{attribute}\b", frame.line)), None)
    value = frame.names.get(name)
    if not isinstance(value, (dict, tuple, list)):
        return None
    maker = next((run.made_by.get(s.number) for s in leaves(value)), None)
    source = f", returned by {maker}" if maker else ""
    keys = ", ".join(map(repr, value)) if kind == "dict" else f"{len(value)} things"
    take = f"{name}[{next(iter(value))!r}]" if kind == "dict" and value else f"{name}[0]"
    return f"{place}: {name} in `{frame.line}` is a {kind} of {keys}{source}: take {take}."


def wrong_inputs(run, place):
    """A layer that does not take what it is called with."""
    if not isinstance(run.error, TypeError) or not run.open:
        return None
    step, layer, args = run.open[-1]
    parameters = inspect.signature(layer.forward).parameters.values()
    try:
        inspect.signature(layer.forward).bind(*args, **step.keywords)
    except TypeError:
        pass
    else:
        return None
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p.name for p in places if p.default is p.empty]
    wanted = ", ".join(required)
    unknown = [name for name in step.keywords if name not in {p.name for p in parameters}]
    if unknown:
        names = " and ".join(f"`{name}`" for name in unknown)
        return f"{place} ({step.type}) does not take {names}; it takes {wanted}."
    many = len(args) + len(step.keywords)
    got = count(many)
    sentence = f"{place} ({step.type}) takes {wanted or 'no input'} and gets {got}"
    above = run.open[-2][1] if len(run.open) > 1 else None
    if isinstance(layer, nn.Sequential):
        return (
            f"{place} is a Sequential, which takes one thing and hands it from layer to layer; it "
            f"gets {got}. Loop over its layers in forward, and give each what it needs."
        )
    if isinstance(above, nn.Sequential):
        return (
            f"{sentence}: Sequential hands on one thing. Call the layer in a forward of your own."
        )
    if many > len(places):
        return f"{sentence}: an argument too many for its forward, which lacks a parameter for it."
    lacking = [name for name in required[len(args) :] if name not in step.keywords]
    return f"{sentence}{': missing ' * bool(lacking)}{', '.join(lacking)}."


def one_list_for_all(run, place):
    """A list that is handed over as one argument, where `*things` takes them one by one."""
    if not isinstance(run.error, (IndexError, ValueError)) or not run.open:
        return None
    step, layer, args = run.open[-1]
    parameters = inspect.signature(layer.forward).parameters.values()
    taken = [p.name for p in parameters if p.kind is p.VAR_POSITIONAL]
    lists = [v for v in args if isinstance(v, (list, tuple))]
    if not taken or len(lists) != 1 or len(args) != 1:
        return None
    return (
        f"{place} takes *{taken[0]}, one argument for each, and gets one {type(lists[0]).__name__} "
        f"of {len(lists[0])}: call it with a star, {place.rpartition('.')[2]}(*{taken[0]})."
    )


def no_tensor(run, call, place):
    """An operation of a layer whose first argument is no tensor: None, a tuple, a number."""
    refused = "must be Tensor, not" in str(run.error)
    wrong = isinstance(run.error, (TypeError, AttributeError)) and call.op in ONE_TENSOR or refused
    if not call.given or isinstance(call.given[0], Seen) or not (wrong or leaf_layer(run, call)):
        return None
    return told_of(run, call.given[0], place)


def leaf_layer(run, call):
    """True where the operation is that of the innermost layer, which was given the same."""
    if not run.open or run.open[-1][0].name != call.place:
        return False
    given_to_layer = run.open[-1][0].given
    return bool(given_to_layer) and not isinstance(given_to_layer[0], Seen)


def refused_argument(run, place):
    """A function of torch that was handed a tuple: it refuses before it is called."""
    found = re.match(
        r"(\w+)\(\): argument '\w+' .*must be Tensor, not (tuple|list)", str(run.error)
    )
    if not isinstance(run.error, TypeError) or not found or not run.frames:
        return None
    frame = run.frames[-1]
    held = [frame.names.get(n) for n in re.findall(r"[A-Za-z_]\w*", frame.line)]
    value = next((v for v in held if isinstance(v, (tuple, list)) and any(leaves(v))), None)
    if value is None:
        pairs = [s.returned for s in run.steps if isinstance(s.returned, (tuple, list))]
        value = pairs[-1] if pairs else ()
    maker = next((run.made_by.get(s.number) for s in leaves(value)), None)
    source = f", which {maker} returned" if maker else ""
    kind = found[2]
    return f"{place}: {found[1]} in `{frame.line}` gets a {kind} of {len(value)}{source}: take one."


def left_out(run, place):
    """None where something is needed: an argument that has a default and was not given."""
    if "NoneType" not in str(run.error) or not run.frames:
        return None
    frame = run.frames[-1]
    me = vars(frame.names["self"]) if hasattr(frame.names.get("self"), "__dict__") else {}
    for name in re.findall(r"self\.(\w+)", frame.line):
        if me.get(name, 0) is None:
            return (
                f"{place}: self.{name} is None in `{frame.line}`: it was switched off or not made."
            )
    none = [n for n in re.findall(r"[A-Za-z_]\w*", frame.line) if frame.names.get(n, 0) is None]
    if not none:
        return None
    name = none[0]
    step = run.open[-1] if run.open else None
    parameters = inspect.signature(step[1].forward).parameters if step else {}
    if frame.function == "forward" and name in parameters:
        told = f"{place}: {name} is None in `{frame.line}`: it was left out, and forward needs it."
        before = [s for s in run.steps if s.name == place and s.milliseconds is not None]
        return (
            f"{told} The first call of {place} had one: is it made only once?" if before else told
        )
    empty = [s for s in run.steps if s.returned is None and s.milliseconds is not None]
    maker = f": {empty[-1].name} ({empty[-1].type}) returned None" if empty else ""
    return f"{place}: {name} is None in `{frame.line}`{maker}. Does its forward end with a return?"


def not_a_tensor(run, place):
    """A layer that was called with None, a tuple or a number, where it wants a tensor."""
    if not run.open or not isinstance(run.error, (TypeError, AttributeError)):
        return None
    values = [*run.open[-1][0].given, *run.open[-1][0].keywords.values()]
    wrong = next((v for v in values if v is None), None)
    if "invalid combination" in str(run.error) and values and not isinstance(values[0], Seen):
        return told_of(run, values[0], place)
    if None in [v for v in values if v is None] and "None" in str(run.error):
        return told_of(run, wrong, place)
    pairs = [v for v in values if isinstance(v, (list, tuple))]
    if pairs and any(word in str(run.error) for word in ("tuple", "list")):
        return told_of(run, pairs[0], place)
    return None


def type_of(run, name):
    kind = next((s.type for s in run.steps if s.name == name), None)
    return f" ({kind})" if kind else ""


def same(returned, value):
    numbers = [s.number for s in leaves(returned)]
    return len(numbers) > 1 and numbers == [s.number for s in leaves(value)]


def told_of(run, value, place):
    """What a layer got in place of a tensor, and from which layer."""
    if value is None:
        empty = [s for s in run.steps if s.returned is None and s.milliseconds is not None]
        if not empty:
            return f"{place} gets None: does what comes before it return something?"
        name, kind = empty[-1].name, empty[-1].type
        return (
            f"{place} gets None: {name} ({kind}), which comes before it, returned None. "
            f"Does its forward end with a return?"
        )
    if isinstance(value, (list, tuple)):
        maker = next((run.made_by.get(s.number) for s in leaves(value)), None)
        call = next((c for c in run.calls[::-1] if same(c.returned, value)), 0)
        maker = maker or (label(call) if call else None)
        source = f" from {maker}{type_of(run, maker)}" if maker else ""
        kind = type(value).__name__
        comma = " A comma at the end of a line makes one too." if len(value) == 1 else ""
        take = "take its one tensor, [0]" if len(value) == 1 else "take one"
        if kind == "list" and len(value) > 1 and not maker and len({v.shape for v in value}) == 1:
            return f"{place} expects a tensor and gets a list of {len(value)}: torch.stack it."
        return f"{place} expects a tensor and gets a {kind} of {len(value)}{source}: {take}.{comma}"
    if isinstance(value, (bool, int, float, str)):
        return f"{place} expects a tensor and gets {value!r}."
    kind = type(value).__name__
    if isinstance(value, nn.Module):
        return (
            f"{place} expects a tensor and gets a layer, {kind}: nn.{kind}(x) makes one and does "
            f"not call it. nn.{kind}()(x) does."
        )
    if kind == "ndarray":
        return f"{place} expects a tensor and gets an array of NumPy: torch.from_numpy makes one."
    if isinstance(value, dict) and value:
        keys = ", ".join(map(repr, value))
        return f"{place} expects a tensor and gets a dict of {keys}: take what is meant."
    return f"{place} expects a tensor and gets a {kind}."
