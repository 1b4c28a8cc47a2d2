"""What an operation of a recorded run was given, and what its tensors came from."""

from course_utils.shapes.record import Seen, leaves

UPWARD = {"conv_transpose2d", "interpolate", "upsample", "pixel_shuffle"}
JOINING = {"cat", "concat", "concatenate"}
ADDING = {
    "add": "+", "__add__": "+", "__radd__": "+", "add_": "+", "__iadd__": "+",
    "sub": "-", "__sub__": "-", "__rsub__": "-", "rsub": "-", "sub_": "-",
    "mul": "*", "__mul__": "*", "__rmul__": "*", "mul_": "*",
    "div": "/", "true_divide": "/", "__truediv__": "/",
}  # fmt: skip
KEEPING = {
    "silu", "relu", "gelu", "sigmoid", "tanh", "leaky_relu", "mish", "dropout", "dropout2d",
    "batch_norm", "group_norm", "instance_norm", "to", "contiguous", "float", "half", "pad",
}  # fmt: skip


def given(call):
    """The tensors given to an operation, in order, those in lists too."""
    return list(leaves(call.given))


def input_number(run, seen):
    """Return which of the network's inputs a tensor is, or None."""
    numbers = [value.number if isinstance(value, Seen) else None for value in run.inputs]
    return numbers.index(seen.number) if seen.number in numbers else None


def joined_axis(call):
    """The axis along which a concatenation joins."""
    axis = next((v for v in call.given[1:] if isinstance(v, int)), 0)
    return axis % len(given(call)[0].shape)


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
