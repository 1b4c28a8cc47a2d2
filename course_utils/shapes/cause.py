"""An exception becomes a sentence: what met what, and why.

Each rule looks at the operation that failed, not at PyTorch's message, and says a sentence or
nothing. Where no rule knows better, PyTorch's own message is shown with the place and the shapes.
"""

import inspect
import math
import traceback

from torch import nn

from course_utils.shapes.record import Seen, leaves

UPWARD = {"conv_transpose2d", "interpolate", "upsample", "pixel_shuffle"}
JOINING = {"cat", "concat", "concatenate"}
AXES = {-1: " columns", -2: " rows", -3: " channels", -4: " images"}
ADDING = {
    "add": "+", "__add__": "+", "__radd__": "+", "add_": "+", "__iadd__": "+",
    "sub": "-", "__sub__": "-", "__rsub__": "-", "rsub": "-", "sub_": "-",
    "mul": "*", "__mul__": "*", "__rmul__": "*", "mul_": "*",
    "div": "/", "true_divide": "/", "__truediv__": "/",
}  # fmt: skip


def cause(run):
    """Return the sentence for a run that failed."""
    call = run.failed if run.failed and run.failed.error in chain(run.error) else None
    place = call.place if call else run.open[-1][0].name if run.open else "the network"
    if told := no_batch(run):
        return told
    if call:
        for rule in (kinds, *RULES.get(call.op, ())):
            if sentence := rule(run, call, place):
                return sentence
    for rule in (none_given, wrong_number_of_inputs, tuple_given, norm_that_refused, the_network):
        if sentence := rule(run, place):
            return sentence
    return as_pytorch_says(run, call, place)


def chain(error):
    """Yield an exception and those that it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def given(call):
    """The tensors given to an operation, in order, those in lists too."""
    return list(leaves(call.given))


# Whatever the operation: no batch, numbers of two kinds, tensors on two devices


def no_batch(run):
    """conv2d takes three axes for one picture without a batch, and the next layers do not."""
    inputs = [v.number for v in run.inputs if isinstance(v, Seen) and len(v.shape) == 3]
    for call in run.calls:
        first = given(call)[:1]
        if call.op == "conv2d" and first and first[0].number in inputs:
            return (
                f"{call.place} gets {first[0].shape} and takes it for one picture (C, H, W); the "
                f"layers behind it expect (B, C, H, W). Add the axis: x[None]."
            )
    return None


def kinds(run, call, place):
    seen = given(call)
    if len({s.device.type for s in seen}) > 1:
        where = " and ".join(dict.fromkeys(f"{s.shape} on {s.device}" for s in seen))
        return (
            f"{place}: {where} meet. Move them to one device: model.to(device), x.to(device), and "
            f"make new tensors with device=x.device."
        )
    first, rest = seen[:1], seen[1:]
    if call.op == "embedding" and first and first[0].dtype.is_floating_point:
        return f"{place} looks up rows by whole numbers and gets {first[0].kind}; use .long()."
    weighted = call.op.startswith(("conv", "linear", "matmul", "__matmul__", "addmm", "bmm"))
    if not weighted or not rest or first[0].dtype == rest[0].dtype:
        return None
    sentence = f"{place} has weights of {rest[0].kind} and gets {first[0].kind}, {first[0].shape}"
    if not first[0].dtype.is_floating_point:
        index = input_number(run, first[0])
        nth = ("first", "second", "third", "fourth")
        is_known = index is not None and index < len(nth)
        whose = f", the network's {nth[index]} input as it came" if is_known else ""
        if first[0].kind == "uint8":
            return f"{sentence}{whose}. Bytes of pictures become floats first: x / 127.5 - 1."
        return f"{sentence}{whose}. Whole numbers such as steps are embedded first, or made floats."
    return f"{sentence}. Give both the same dtype: x.to(dtype) or model.to(dtype)."


def input_number(run, seen):
    """Return which of the network's inputs a tensor is, or None."""
    numbers = [value.number if isinstance(value, Seen) else None for value in run.inputs]
    return numbers.index(seen.number) if seen.number in numbers else None


# Layers with weights


def convolution(run, call, place):
    x, weight = given(call)[:2]
    spatial = len(weight.shape) - 2
    if len(x.shape) not in (spatial + 1, spatial + 2):
        axes = ("(B, C, L)", "(B, C, H, W)", "(B, C, D, H, W)")[spatial - 1]
        return f"{place} expects {axes} and gets {x.shape}."
    channels = x.shape[-spatial - 1]
    if call.op.startswith("conv_transpose"):
        expected = weight.shape[0]
    else:
        groups = next((v for v in call.given[6:7] if isinstance(v, int)), 1)
        expected = weight.shape[1] * groups
    if channels != expected:
        return unexpected(run, place, x, channels, expected)
    if min(x.shape[-spatial:]) < max(weight.shape[2:]):
        sides = by(x.shape[-spatial:])
        return f"{place}: the map is {sides}, too small for a kernel of {by(weight.shape[2:])}."
    return None


def linear(run, call, place):
    x, weight = given(call)[:2]
    expected = weight.shape[1]
    if not x.shape or x.shape[-1] == expected:
        return None
    numbers = f"{expected} number{'s' * (expected != 1)}"
    sentence = f"{place} expects {numbers} on the last axis and gets {x.shape}"
    if expected in x.shape[1:] and len(x.shape) > 2:
        axis = x.shape.index(expected, 1)
        return f"{sentence}: the {expected} are on axis {axis}. Move that axis to the end."
    if len(x.shape) > 2 and expected == math.prod(x.shape[1:]):
        return f"{sentence}: {' * '.join(map(str, x.shape[1:]))} is {expected}; x.flatten(1) first."
    if len(x.shape) == 1 and expected == 1:
        return f"{sentence}: x[:, None] makes a column of it."
    return f"{sentence}."


def group_norm(run, call, place):
    x, groups = given(call)[0], call.given[1]
    weights = [s for s in given(call)[1:] if len(s.shape) == 1]
    channels = x.shape[1]
    if weights and weights[0].shape[0] != channels:
        return unexpected(run, place, x, channels, weights[0].shape[0])
    if channels % groups:
        return cannot_split(groups, channels, f"{place}: ")
    return None


def cannot_split(groups, channels, place=""):
    fitting = max(g for g in range(1, groups + 1) if channels % g == 0)
    return (
        f"{place}GroupNorm({groups}) cannot split {channels} channels; "
        f"{fitting} groups can, or take a multiple of {groups} channels."
    )


def batch_norm(run, call, place):
    x = given(call)[0]
    expected = next((s.shape[0] for s in given(call)[1:] if len(s.shape) == 1), None)
    if expected is not None and len(x.shape) > 1 and x.shape[1] != expected:
        return unexpected(run, place, x, x.shape[1], expected)
    if len(x.shape) > 1 and x.shape[0] * math.prod(x.shape[2:]) == 1:
        return (
            f"{place} gets {x.shape}, one number for each channel: BatchNorm needs two or more to "
            f"take their mean and spread. Use a larger batch, a norm that does not look at the "
            f"batch, or model.eval() if you are not training."
        )
    return None


def layer_norm(run, call, place):
    x, shape = given(call)[0], tuple(call.given[1])
    if x.shape[len(x.shape) - len(shape) :] != shape:
        return f"{place} normalises the last axes, {shape}, and gets {x.shape}."
    return None


def embedding(run, call, place):
    rows = given(call)[1].shape[0]
    if call.span and not 0 <= call.span[0] <= call.span[1] < rows:
        low, high = call.span
        return f"{place} has rows 0 to {rows - 1} and is asked for rows from {low} to {high}."
    return None


def unexpected(run, place, x, channels, expected):
    return (
        f"{place} expects {expected} channel{'s' * (expected != 1)} and gets {channels}"
        f"{origin(run, x, expected)}."
    )


def origin(run, seen, expected):
    """Say where the channels of a tensor come from, as far as one operation back tells."""
    join = came_from(run, seen, JOINING, through=KEEPING)
    if join:
        axis = joined_axis(join)
        if axis == 1:
            parts = " + ".join(str(s.shape[1]) for s in given(join) if len(s.shape) > 1)
            return f": the concatenation gave {parts}"
        return f": the concatenation joined along axis {axis}, and the channels are axis 1"
    if expected == seen.shape[-1] and len(seen.shape) > 2:
        return f": the {expected} are on the last axis, and channels belong on axis 1"
    inputs = [v for v in run.inputs if isinstance(v, Seen)]
    if len(seen.shape) == 4 and any(seen.number == v.number for v in inputs):
        return ", the channels of the input"
    missing = expected - seen.shape[1]
    if len(seen.shape) == 4 and is_waiting(run, seen, missing):
        return f", {missing} too few: a skip with {missing} was not concatenated, it seems"
    return ""


def is_waiting(run, seen, channels):
    """True if there is another map of this size, with the channels that are missing."""
    shape = (seen.shape[0], channels, *seen.shape[2:])
    before = {seen.number} | {s.number for call in history(run, seen) for s in given(call)}
    maps = [s for c in run.calls for s in leaves(c.returned)] + list(leaves(run.inputs))
    return any(s.shape == shape and s.number not in before for s in maps)


def joined_axis(call):
    """The axis along which a concatenation joins."""
    axis = next((v for v in call.given[1:] if isinstance(v, int)), 0)
    return axis % len(given(call)[0].shape)


KEEPING = {
    "silu", "relu", "gelu", "sigmoid", "tanh", "leaky_relu", "mish", "dropout", "dropout2d",
    "batch_norm", "group_norm", "instance_norm", "to", "contiguous", "float", "half", "pad",
}  # fmt: skip


def came_from(run, seen, wanted, through=None):
    """Return the last operation of a wanted kind on the way to a tensor, or None."""
    return next((call for call in history(run, seen, through) if call.op in wanted), None)


def history(run, seen, through=None):
    """Yield the operations that a tensor was computed with, the last first.

    With through, the walk ends at each operation that is not named there.
    """
    made = {}
    for call in run.calls:
        for result in leaves(call.returned):
            made.setdefault(result.number, call)
    queue, met = [seen.number], set()
    while queue:
        number = queue.pop(0)
        if number in met or number not in made:
            continue
        met.add(number)
        call = made[number]
        yield call
        if through is None or call.op in through:
            queue += [s.number for s in given(call)]


# Two tensors that are joined or added


def joining(run, call, place):
    seen = given(call)
    if any(len(s.shape) != len(seen[0].shape) for s in seen):
        return f"{place} joins {shapes(seen)}: the number of axes differs."
    if len(seen) == 2 and two_maps(*seen):
        return skip_and_map(run, call, place)
    axis = joined_axis(call)
    for other in range(len(seen[0].shape)):
        sizes = list(dict.fromkeys(s.shape[other] for s in seen))
        if other != axis and len(sizes) > 1:
            return (
                f"{place} joins {shapes(seen)} along axis {axis}, but axis {other} is "
                f"{' and '.join(map(str, sizes))}."
            )
    return None


def adding(run, call, place):
    seen = [s for s in given(call) if s.shape]
    if len(seen) != 2:
        return None
    big, small = sorted(seen, key=lambda s: -len(s.shape))
    meet = f"{seen[0].shape} {ADDING[call.op]} {seen[1].shape}"
    if len(big.shape) == 4 and len(small.shape) == 2 and small.shape[1] == big.shape[1]:
        return (
            f"{place}: {meet} lines up the last axes, so {small.shape[1]} channels meet "
            f"{big.shape[3]} columns. One number for each channel needs two more axes: "
            f"[:, :, None, None]."
        )
    if two_maps(*seen):
        return skip_and_map(run, call, place)
    axis = next(
        (
            i
            for i in range(1, len(small.shape) + 1)
            if big.shape[-i] != small.shape[-i] and 1 not in (big.shape[-i], small.shape[-i])
        ),
        None,
    )
    if axis is None:
        return None
    kind = AXES[-axis] if len(big.shape) == 4 else f" on axis -{axis}"
    told = one_step_for_all(run)
    if told and len(big.shape) - axis == 0:
        return told
    return (
        f"{place}: {meet} lines up the last axes, and {big.shape[-axis]}{kind} meet "
        f"{small.shape[-axis]}."
    )


def two_maps(a, b):
    """True for two stacks of maps that differ in height or width, none of them a single row."""
    sides = (*a.shape[2:], *b.shape[2:])
    return len(a.shape) == len(b.shape) == 4 and a.shape[2:] != b.shape[2:] and 1 not in sides


def skip_and_map(run, call, place):
    """Say that a skip and an upsampled map differ in size, and which layer made them differ."""
    skip, up = sorted(given(call)[:2], key=lambda s: s.number)
    axis = 2 if skip.shape[2] != up.shape[2] else 3
    rose = came_from(run, up, UPWARD)
    sentence = (
        f"{place}: the skip is {by(skip.shape[2:])}, the {'upsampled ' if rose else ''}map is "
        f"{by(up.shape[2:])}"
    )
    fell = next((c for c in run.calls if shrinks(c, skip.shape[axis], axis)), None)
    if not fell:
        last = came_from(run, up, {"conv2d"})
        if last and given(last)[0].shape[2:] == skip.shape[2:]:
            return f"{sentence}: {label(last)} lost the border; padding would keep it."
        return f"{sentence}."
    before, after = skip.shape[axis], fell.returned.shape[axis]
    if before % 2 and abs(2 * after - before) == 1:
        lost = f"lost a {'row' if axis == 2 else 'column'}"
        how = lost if 2 * after < before else f"rounded up to {after}"
        return f"{sentence}: {before} is odd, so halving {how}."
    if not rose:
        return f"{sentence}: {label(fell)} made {after} of {before}."
    low, high = given(rose)[0].shape[axis], rose.returned.shape[axis]
    return (
        f"{sentence}: {label(fell)} made {after} of {before}, {label(rose)} made {high} of {low}. "
        f"Their kernels or strides disagree."
    )


def label(call):
    """The name of the layer that did it, and of the function if it was one in a larger layer."""
    return f"{call.op} in {call.place}" if call.inside else call.place


def shrinks(call, size, axis):
    """True for an operation that makes a map of this size smaller."""
    seen, made = given(call), call.returned
    return (
        isinstance(made, Seen)
        and bool(seen)
        and len(made.shape) == len(seen[0].shape) == 4
        and seen[0].shape[axis] == size
        and 0 < made.shape[axis] <= 0.7 * size
        and call.op not in JOINING
    )


def one_step_for_all(run):
    """Say that t does not have one step for each picture, if that is so."""
    seen = [v for v in run.inputs if isinstance(v, Seen)]
    pictures = [s for s in seen if len(s.shape) == 4]
    steps = [s for s in seen if len(s.shape) == 1]
    if pictures and steps and steps[0].shape[0] != pictures[0].shape[0]:
        count = pictures[0].shape[0]
        return f"t has shape {steps[0].shape}, x has {count} image{'s' * (count != 1)}."
    return None


# Other operations


def product(run, call, place):
    a, b = given(call)[:2]
    if len(a.shape) > 0 < len(b.shape):
        rows = b.shape[-2] if len(b.shape) > 1 else b.shape[0]
        if a.shape[-1] != rows:
            return f"{place}: {a.shape} @ {b.shape}, but {a.shape[-1]} columns need as many rows."
    return None


def reshaping(run, call, place):
    x = given(call)[0]
    wanted = flat(call.given[1:])
    count, product = math.prod(x.shape), math.prod(abs(n) for n in wanted)
    if -1 in wanted and product and count % product == 0 or count == product:
        return (
            f"{place}: {call.op} of {x.shape} to {tuple(wanted)} needs its numbers in one row in "
            f"memory, and a transpose has moved them; use reshape."
        )
    return f"{place}: {x.shape} holds {count:,} numbers, {tuple(wanted)} asks for {product:,}."


def flat(values):
    whole = [
        v for value in values for v in (value if isinstance(value, (list, tuple)) else [value])
    ]
    return [v for v in whole if isinstance(v, int)]


def shrinking(run, call, place):
    x = given(call)[0]
    return f"{place}: a map of {by(x.shape[2:])} cannot be made smaller."


# No operation failed: the network itself, or a call in it


def wrong_number_of_inputs(run, place):
    if not isinstance(run.error, TypeError) or not run.open:
        return None
    step, layer, args = run.open[-1]
    signature = inspect.signature(layer.forward)
    try:
        signature.bind(*args)
    except TypeError:
        wanted = [
            n for n, p in signature.parameters.items()
            if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]  # fmt: skip
    else:
        return None
    sentence = f"{place} ({step.type}) takes {', '.join(wanted)} and gets {count(len(args))}"
    above = run.open[-2][1] if len(run.open) > 1 else None
    if isinstance(above, nn.Sequential):
        return (
            f"{sentence}: Sequential hands on one thing. Call the layer in a forward of your own."
        )
    return f"{sentence}."


def count(n):
    return {0: "no input", 1: "one input"}.get(n, f"{n} inputs")


def none_given(run, place):
    if run.open and isinstance(run.error, (TypeError, AttributeError)):
        if None in [v for v in run.open[-1][2] if v is None or isinstance(v, (int, float))]:
            return f"{place} gets None: does what comes before it return something?"
    return None


def tuple_given(run, place):
    if not run.open or not isinstance(run.error, (TypeError, AttributeError)):
        return None
    pairs = [v for v in run.open[-1][0].given if isinstance(v, (list, tuple))]
    if not pairs or not any(word in str(run.error) for word in ("tuple", "list")):
        return None
    maker = next((run.made_by.get(s.number) for s in leaves(pairs[0])), None)
    source = f" from {maker}" if maker else ""
    kind = type(pairs[0]).__name__
    return f"{place} expects a tensor and gets a {kind} of {len(pairs[0])}{source}: take one."


def norm_that_refused(run, place):
    """GroupNorm refuses as it is made: look into its __init__."""
    for frame, _ in traceback.walk_tb(run.error.__traceback__):
        made = frame.f_locals.get("self")
        if frame.f_code is nn.GroupNorm.__init__.__code__ and isinstance(made, nn.GroupNorm):
            return cannot_split(frame.f_locals["num_groups"], frame.f_locals["num_channels"])
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
    return f"{place} demands `{line}`, and was given {shapes(run.open[-1][0].given)}."


def as_pytorch_says(run, call, place):
    lines = str(run.error).strip().splitlines() or [""]
    message = lines[0].split(" but expected one of")[0]
    if type(run.error).__name__ == "EinopsError":
        message = f"{message} {lines[-1].strip()}"
    what = f"{call.op} was given {shapes(given(call))}. " if call else ""
    return f"{place}: {what}{type(run.error).__name__}: {message}"


def by(sides):
    return " x ".join(map(str, sides))


def shapes(seen):
    return " and ".join(map(str, seen))


RULES = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), (convolution,)),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), (convolution,)),
    "linear": (linear,),
    "group_norm": (group_norm,),
    "batch_norm": (batch_norm,),
    "layer_norm": (layer_norm,),
    "embedding": (embedding,),
    **dict.fromkeys(JOINING, (joining,)),
    **dict.fromkeys(ADDING, (adding,)),
    **dict.fromkeys(("matmul", "__matmul__", "bmm"), (product,)),
    **dict.fromkeys(("view", "reshape"), (reshaping,)),
    **dict.fromkeys(("max_pool2d", "avg_pool2d"), (shrinking,)),
}
