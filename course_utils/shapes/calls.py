"""What an operation of a recorded run was given, and what its tensors came from."""

import math

from course_utils.shapes.run import Seen, leaves

UPWARD = {
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "interpolate", "upsample",
    "pixel_shuffle", "repeat_interleave", "max_unpool1d", "max_unpool2d", "max_unpool3d",
}  # fmt: skip
JOINING = {"cat", "concat", "concatenate"}
ADDING = {
    "add": "+", "__add__": "+", "__radd__": "+", "add_": "+", "__iadd__": "+",
    "sub": "-", "__sub__": "-", "__rsub__": "-", "rsub": "-", "sub_": "-", "__isub__": "-",
    "mul": "*", "__mul__": "*", "__rmul__": "*", "mul_": "*", "__imul__": "*",
    "div": "/", "true_divide": "/", "__truediv__": "/", "__rtruediv__": "/",
}  # fmt: skip
KEEPING = {
    "silu", "relu", "relu_", "gelu", "sigmoid", "tanh", "leaky_relu", "elu", "mish", "softmax",
    "dropout", "dropout1d", "dropout2d", "batch_norm", "group_norm", "instance_norm", "layer_norm",
    "rms_norm", "to", "contiguous", "clone", "detach", "float", "half", "double", "pad",
}  # fmt: skip


REDUCING = {
    "mean", "sum", "amax", "amin", "max", "min", "median", "std", "var", "norm", "prod",
}  # fmt: skip
SHAPING = {
    "__getitem__", "unsqueeze", "squeeze", "flatten", "unflatten", "view", "reshape", "transpose",
    "permute", "movedim", "expand", "repeat", "swapaxes", "t", "mT", "__get__",
}  # fmt: skip


def given(call):
    """The tensors given to an operation, in order, those in lists too."""
    return list(leaves(call.given))


def joined_axis(call):
    """The axis along which a concatenation joins."""
    axis = next((v for v in call.given[1:] if isinstance(v, int)), 0)
    return axis % len(given(call)[0].shape)


def input_number(run, seen):
    """Return which of the network's inputs a tensor is, or None."""
    numbers = [value.number if isinstance(value, Seen) else None for value in run.inputs]
    return numbers.index(seen.number) if seen.number in numbers else None


def input_name(run, seen):
    """Say which of the network's inputs a tensor is: `t, the network's second input`, or None."""
    index = input_number(run, seen)
    if index is None:
        return None
    nth = ("first", "second", "third", "fourth", "fifth", "sixth")[min(index, 5)]
    name = run.names[index] if run.names[index] != "input" else ""
    return f"{name}, the network's {nth} input" if name else f"the network's {nth} input"


def source_of(run, seen):
    """Say of which input a tensor was made by steps that keep its numbers; None if of none."""
    for _ in range(20):
        if name := input_name(run, seen):
            return name
        call = makers(run).get(seen.number)
        tensors = [s for s in given(call) if math.prod(s.shape) > 1] if call else []
        sizes = [math.prod(s.shape) for s in tensors]
        tensors = [s for s, size in zip(tensors, sizes) if size == max(sizes)]
        if len(tensors) != 1 or call.op not in KEEPING | SHAPING | set(ADDING):
            return None
        seen = tensors[0]
    return None


def batch_of(run):
    """How many pictures the network was given, where its inputs agree on it, or None."""
    sizes = {s.shape[0] for s in leaves(run.inputs) if s.shape}
    return sizes.pop() if len(sizes) == 1 else None


def makers(run):
    """Which operation made each tensor: those that change it in place came later.  -> dict"""
    if not run.makers:  # the rules ask once the run is over, and often
        for call in run.calls:
            for result in leaves(call.returned):
                run.makers.setdefault(result.number, call)
    return run.makers


def came_from(run, seen, wanted, through=None):
    """Return the last operation of a wanted kind on the way to a tensor, or None."""
    return next((call for call in history(run, seen, through) if call.op in wanted), None)


def history(run, seen, through=None):
    """Yield the operations that a tensor was computed with, the last first.

    With through, the walk ends at each operation that is not named there.
    """
    made, queue, met = makers(run), [seen.number], set()
    while queue:
        number = queue.pop(0)
        if number in met or number not in made:
            continue
        met.add(number)
        call = made[number]
        yield call
        if through is None or call.op in through:
            queue += [s.number for s in given(call)]


def own_history(run, seen, other):
    """The operations behind one tensor that are not behind the other, the first first.  -> list"""
    behind = {id(call) for call in history(run, other)}
    mine = {id(call) for call in history(run, seen)} - behind
    return [call for call in run.calls if id(call) in mine]


def depends_on_inputs(run, seen):
    """True if a tensor is one of the network's inputs, or was computed from one."""
    inputs = {s.number for s in leaves(run.inputs)}
    before = {s.number for call in history(run, seen) for s in given(call)}
    return bool(inputs & (before | {seen.number}))


def way(run, seen, most=4):
    """The shapes on the way to a tensor: `x (2, 3, 8, 8) -look-> (2, 8, 8, 8) -mean-> (2, 8)`.

    Empty where the tensor was not computed from another one.
    """
    made, steps = makers(run), []
    while seen.number in made and len(steps) < most:
        call = made[seen.number]
        before = given(call)
        if not before:
            break
        big = max(before, key=lambda s: math.prod(s.shape))
        source = big if call.op in ADDING else before[0]
        if source.shape != seen.shape:
            steps.append(f" -{short(call)}-> {seen.shape}")
        seen = source
    index = input_number(run, seen)
    name = f"{run.names[index]} ".lstrip() if index is not None else ""
    return f"{name}{seen.shape}{''.join(steps[::-1])}" if steps else ""


def on_the_way(run, *tensors):
    """The ways of several tensors as a sentence of its own, or nothing."""
    ways = list(dict.fromkeys(told for s in tensors if (told := way(run, s))))
    return f" The shapes on the way: {'; '.join(ways)}." if ways else ""


def own_frame(run):
    """The last Frame of the network's own code, or None."""
    theirs = ("torch", "einops")
    own = [f for f in run.frames if f.module.split(".")[0] not in theirs]
    return own[-1] if own else None


def own_line(run):
    """The line of the network's own code in which it failed, in quotes, or nothing."""
    frame = own_frame(run)
    return f"`{frame.line}`" if frame and frame.line else ""


def places_are_on_axis_1(run, seen):
    """True if one place was taken of axis 1 of a tensor, or the mean over it: x[:, -1], x.mean(1).

    So whoever wrote it takes axis 0 for the batch.
    """
    same = {seen.number}
    for call in run.calls:
        x = next(iter(given(call)), None)
        if x is None or same.isdisjoint(s.number for s in given(call)):
            continue
        index = call.given[1] if len(call.given) > 1 else None
        axis = call.named.get("dim", call.named.get("axis", index))
        if call.op == "__getitem__" and isinstance(index, tuple) and len(index) > 1:
            if index[0] == slice(None) and isinstance(index[1], int):
                return True
        if call.op in REDUCING and axis == 1 and len(x.shape) == 3:
            return True
        if call.op in KEEPING | set(ADDING) | {"linear"}:
            same |= {s.number for s in leaves(call.returned)}
    return False


def label(call):
    """The name of the layer that did it, and of the function if it was one in a larger layer."""
    return f"{call.op} in {call.place}" if call.inside else call.place


def resized(calls, axis):
    """The operations that changed the size of an axis, counted from the last.

    list of Call, -1 -> list of (Call, size before, size after)
    """
    found = []
    for call in calls:
        x, made = next(iter(given(call)), None), call.returned
        if x is None or not isinstance(made, Seen) or call.op in JOINING:
            continue
        if len(x.shape) == len(made.shape) >= -axis and x.shape[axis] != made.shape[axis]:
            found.append((call, x.shape[axis], made.shape[axis]))
    return found


def path(changes):
    """A size on its way: `16 -pool-> 8 -up-> 16`."""
    start = f"{changes[0][1]}" if changes else ""
    return start + "".join(f" -{short(call)}-> {after}" for call, _, after in changes)


def short(call):
    return call.op if call.inside else call.place
