"""Losses: an answer and what it should be."""

from course_utils.shapes.calls import (
    given,
    history,
    input_name,
    label,
    path,
    resized,
    source_of,
)
from course_utils.shapes.record import Seen
from course_utils.shapes.rules.skips import lost_border
from course_utils.shapes.words import plural

LOSSES = (
    "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "kl_div",
)  # fmt: skip


def two_shapes(run, call, place):
    """An answer that has not the shape of what it should be, and where its size comes from."""
    if len(given(call)) < 2 or not isinstance(call.given[0], Seen):
        return None
    answer, wanted = given(call)[:2]
    if answer.shape == wanted.shape:
        return None
    sentence = f"{place}: {call.op} compares {answer.shape} with {wanted.shape}"
    if answer.shape == wanted.shape[1:]:
        return (
            f"{sentence}: the answer is that for one of the {wanted.shape[0]} pictures of the "
            f"batch. Is there a loop over the batch that is not needed?"
        )
    if name := input_name(run, wanted):
        sentence += f", {name}"
    if len(answer.shape) == len(wanted.shape) > 2 and answer.shape[2:] != wanted.shape[2:]:
        way = resized(list(history(run, answer))[::-1], -1)
        if way:
            last = wanted.shape[-1]
            return f"{sentence}. The columns of the answer: {path(way)}; {last} are wanted."
    if wanted.shape == (*answer.shape[:1], *answer.shape[2:]) and answer.shape[1] == 1:
        return f"{sentence}, which has no axis for the channel: [:, None]."
    if len(answer.shape) == len(wanted.shape) and answer.shape[1:2] != wanted.shape[1:2]:
        sizes = f"{plural(answer.shape[1], 'channel')} with {wanted.shape[1]}"
        return f"{sentence}: {sizes}. Take those that are meant, such as [:, :{answer.shape[1]}]."
    return f"{sentence}. Both need one shape."


def classes(run, call, place):
    """cross_entropy(logits (B, C, ...), target (B, ...) of whole numbers below C)."""
    answer, target = given(call)[:2]
    name = source_of(run, target)
    of_input = f", {name}" if name else ""
    sentence = f"{place}: cross_entropy of {answer.shape} and {target.shape}{of_input}"
    if target.dtype.is_floating_point and target.shape != answer.shape:
        return f"{sentence}: the target is {target.kind}, and classes are whole numbers: .long()."
    if target.shape == (answer.shape[0], 1, *answer.shape[2:]):
        return (
            f"{sentence}: the target has an axis for its one channel, and classes have none: "
            f"target[:, 0]."
        )
    count = answer.shape[1] if len(answer.shape) > 1 else answer.shape[0]
    if call.span and not 0 <= call.span[0] <= call.span[1] < count:
        low, high = call.span
        return (
            f"{sentence}: its {count} channels are for classes 0 to {count - 1}, and the target "
            f"has numbers from {low} to {high}."
        )
    if len(answer.shape) > 2 and target.shape == answer.shape[:-1] and answer.shape[-1] != count:
        return f"{sentence}: the classes belong on axis 1. Move the last axis: .transpose(1, -1)."
    if len(target.shape) == len(answer.shape) - 1 and target.shape[1:] != answer.shape[2:]:
        way = resized(list(history(run, answer))[::-1], -1)
        border = any(lost_border(*change) for change in way)
        why = "; a convolution without padding takes the border away" if border else ""
        return f"{sentence}: the answer has another size: {path(way) or answer.shape[-1]}{why}."
    if target.shape[:1] != answer.shape[:1]:
        return f"{sentence}: {answer.shape[0]} answers need as many targets, not {target.shape[0]}."
    return None


def float64_in_the_loss(run, call, place):
    """backward() of a loss in which float64 met float32."""
    if "Found dtype Double" not in str(run.error):
        return None
    loss = next(iter(given(call)), None)
    for step in list(history(run, loss))[::-1]:
        kinds = {s.kind: s for s in given(step)}
        if "float64" in kinds and len(kinds) > 1:
            seen = kinds["float64"]
            name = input_name(run, seen) or f"{seen.shape}"
            return f"{label(step)}: {name}, is float64, and the rest is float32. Make it .float()."
    return None


def unpooling(run, call, place):
    """max_unpool puts each number where it was: its indices have the shape of the map."""
    x, indices = given(call)[:2]
    if x.shape == indices.shape:
        return None
    way = path(resized(list(history(run, x))[::-1], -1))
    return (
        f"{place}: {call.op} gets a map {x.shape} and the places of {indices.shape}; both need one "
        f"size. The columns of the map: {way}, so something on the way took or kept a border."
    )


RULES = {
    **dict.fromkeys(("max_unpool1d", "max_unpool2d", "max_unpool3d"), (unpooling,)),
    **dict.fromkeys(LOSSES, (two_shapes,)), "cross_entropy": (classes,),
    "backward": (float64_in_the_loss,),
}  # fmt: skip
