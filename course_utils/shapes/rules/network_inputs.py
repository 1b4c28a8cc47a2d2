"""What a network or a layer is called with: no batch, too few inputs, None, a tuple."""

import inspect

from torch import nn

from course_utils.shapes.calls import given
from course_utils.shapes.record import Seen, leaves
from course_utils.shapes.words import count


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


def one_step_for_all(run):
    """Say that t does not have one step for each picture, if that is so."""
    seen = [v for v in run.inputs if isinstance(v, Seen)]
    pictures = [s for s in seen if len(s.shape) == 4]
    steps = [s for s in seen if len(s.shape) == 1]
    if pictures and steps and steps[0].shape[0] != pictures[0].shape[0]:
        count = pictures[0].shape[0]
        return f"t has shape {steps[0].shape}, x has {count} image{'s' * (count != 1)}."
    return None


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
