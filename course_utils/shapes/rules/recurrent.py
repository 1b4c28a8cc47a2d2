"""LSTM, GRU and RNN: what they are given, and the state they begin with."""

from torch import nn

from course_utils.shapes.calls import batch_of, given, on_the_way, places_are_on_axis_1
from course_utils.shapes.run import Seen, leaves


def recurrent(run, place):
    """A sequence or a state that does not fit a recurrent layer."""
    step, layer, _ = run.open[-1] if run.open else (None, None, None)
    if not isinstance(layer, nn.RNNBase):
        return None
    x, *rest = [*step.given, *step.keywords.values()]
    if not isinstance(x, Seen):
        return None
    if len(x.shape) not in (2, 3):
        return (
            f"{place} ({step.type}) takes three axes, {order(layer)}, and gets {x.shape}: join "
            f"axes first, .flatten(2), or take their mean.{on_the_way(run, x)}"
        )
    if x.shape[-1] != layer.input_size:
        return f"{place} ({step.type}){of_width(run, layer, x)}"
    return of_state(layer, x, rest[0] if rest else None, place)


def order(layer):
    return "(B, L, D)" if layer.batch_first else "(L, B, D)"


def of_width(run, layer, x):
    wanted = layer.input_size
    told = (
        f" takes {wanted} numbers for each step, input_size={wanted}, on the last axis, and gets "
        f"{x.shape} with {x.shape[-1]}"
    )
    if wanted in x.shape[:-1]:
        axis = x.shape.index(wanted)
        return f"{told}: the {wanted} are on axis {axis}. Swap them: .transpose({axis}, -1)."
    return f"{told}.{on_the_way(run, x)}"


def of_state(layer, x, state, place):
    """The state is (layers x directions, B, H), and an LSTM has two of them."""
    pair = isinstance(layer, nn.LSTM)
    if pair and isinstance(state, Seen):
        return f"{place} is an LSTM, whose state is a pair (h, c), and gets one tensor."
    first = state[0] if pair and state else state
    if not isinstance(first, Seen):
        return None
    batch = [x.shape[0 if layer.batch_first else 1]] if len(x.shape) == 3 else []
    many = layer.num_layers * (2 if layer.bidirectional else 1)
    wanted = (many, *batch, layer.hidden_size)
    if first.shape == wanted:
        return None
    return (
        f"{place}: the state is {first.shape}, and x {x.shape}, {order(layer)}, needs {wanted}: "
        f"(layers x directions, batch, hidden_size). Make it from x.shape, or leave it out, and "
        f"it is zeros."
    )


def steps_of_the_batch(run):
    """A recurrent layer without batch_first that is given (B, L, D)."""
    for call in run.calls:
        if call.op not in ("lstm", "gru", "rnn_tanh", "rnn_relu") or call.given[-1] is not False:
            continue
        x, results = given(call)[0], list(leaves(call.returned))
        first = x.shape[0] == batch_of(run) and any(len(s.shape) > 3 for s in leaves(run.inputs))
        if len(x.shape) == 3 and (first or places_are_on_axis_1(run, results[0])):
            yield (
                f"{call.place} was made without batch_first=True, so it takes {x.shape} for "
                f"{x.shape[0]} steps of {x.shape[1]} sequences, and goes from picture to picture."
            )


REMARKS = (steps_of_the_batch,)
