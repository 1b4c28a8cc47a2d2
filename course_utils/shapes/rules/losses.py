"""Losses: an answer and what it should be."""

import math

from course_utils.shapes.calls import (
    ADDING,
    SHAPING,
    came_from,
    depends_on_inputs,
    given,
    history,
    input_name,
    label,
    makers,
    on_the_way,
    path,
    resized,
    source_of,
)
from course_utils.shapes.rules.batches import batch_changed
from course_utils.shapes.rules.skips import lost_border
from course_utils.shapes.run import Seen
from course_utils.shapes.words import axis_name, plural

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
    if wanted.shape == answer.shape[:1] and len(answer.shape) == 2 and answer.shape[1] > 1:
        return (
            f"{sentence}. Are they numbers of classes? F.cross_entropy takes them, {call.op} wants "
            f"one shape for both."
        )
    if len(answer.shape) == len(wanted.shape) > 2 and answer.shape[2:] != wanted.shape[2:]:
        axes = range(2 - len(answer.shape), 0)
        axis = next(i for i in axes if answer.shape[i] != wanted.shape[i])
        way = resized(list(history(run, answer))[::-1], axis)
        if way:
            what = axis_name(axis, len(answer.shape)).strip()
            rest = "".join(told for change in way if (told := left_over(*change, axis)))
            return (
                f"{sentence}{made_apart(run, wanted)}. The {what} of the answer: {path(way)}; "
                f"{wanted.shape[axis]} are wanted.{rest}"
            )
    if wanted.shape == (*answer.shape[:1], *answer.shape[2:]) and answer.shape[1] == 1:
        return f"{sentence}, which has no axis for the channel: [:, None]."
    if len(answer.shape) == len(wanted.shape) and answer.shape[1:2] != wanted.shape[1:2]:
        sizes = f"{plural(answer.shape[1], 'channel')} with {wanted.shape[1]}"
        return f"{sentence}: {sizes}. Take those that are meant, such as [:, :{answer.shape[1]}]."
    return f"{sentence}. Both need one shape.{of_each_place(run, answer, wanted)}"


def made_apart(run, wanted):
    """Say that what is wanted comes from no input: then its size was written in."""
    written = not depends_on_inputs(run, wanted) and makers(run).get(wanted.number)
    return ", whose size was written in (ones_like takes the answer's)" if written else ""


def of_each_place(run, answer, wanted):
    """Say that there is an answer for each place of a map, where one for each picture is wanted."""
    maps = (s for call in history(run, answer) for s in given(call)[:1] if len(s.shape) > 3)
    last, batch = next(maps, None), wanted.shape[0] if wanted.shape else 0
    if (
        last
        and batch
        and math.prod(last.shape)
        == math.prod(answer.shape)
        == last.shape[0] * (math.prod(last.shape[2:]))
        and last.shape[0] == batch
    ):
        return (
            f" The map is {last.shape} at last, one answer for each place: are the pictures larger "
            f"than those that the network was made for? A mean over the places leaves one."
        )
    return batch_told(run, answer) or on_the_way(run, answer)


def batch_told(run, answer):
    told = batch_changed(run, [answer]) if answer.shape else None
    return f" {told}" if told else ""


def left_over(call, before, after, axis):
    """Say that a strided convolution did not reach the last places, or that half a place was."""
    if before % 2 and after in (before // 2, before // 2 + 1):
        return f" {before} is odd, so {label(call)} rounded to {after}."
    if not call.op.startswith("conv") or "transpose" in call.op or after >= before:
        return ""
    kernel = given(call)[1].shape[axis]
    numbers = [v[axis] if isinstance(v, (tuple, list)) else v for v in call.given[3:6]]
    stride, padding, spread = [*numbers, *(1, 0, 1)[len(numbers) :]]
    rest = (before + 2 * padding - spread * (kernel - 1) - 1) % stride
    if not rest or before % stride == 0:
        return ""
    return (
        f" {label(call)} goes in strides of {stride} and leaves {rest} of the {before} over: pad "
        f"to a length that it reaches, and cut the answer."
    )


def classes(run, call, place):
    """cross_entropy(logits (B, C, ...), target (B, ...) of whole numbers below C)."""
    answer, target = given(call)[:2]
    name = source_of(run, target)
    of_input = f", {name}" if name else ""
    sentence = f"{place}: {call.op} of {answer.shape} and {target.shape}{of_input}"
    if target.dtype.is_floating_point and target.shape != answer.shape:
        return f"{sentence}: the target is {target.kind}, and classes are whole numbers: .long()."
    if target.shape == (answer.shape[0], 1, *answer.shape[2:]):
        return (
            f"{sentence}: the target has an axis for its one channel, and classes have none: "
            f"target[:, 0]."
        )
    if target.shape == answer.shape and not target.dtype.is_floating_point:
        return (
            f"{sentence}: the target is {target.kind} and as large as the answer. One-hot classes "
            f"are floats, .float(), and numbers of classes have no axis 1, .argmax(1)."
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
        return (
            f"{sentence}: {answer.shape[0]} answers need as many targets, not {target.shape[0]}."
            f"{batch_told(run, answer)}"
        )
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


def shares_twice(run):
    """A loss that takes raw answers, and is given probabilities."""
    for call in run.calls:
        first = {"cross_entropy": "softmax", "binary_cross_entropy_with_logits": "sigmoid"}
        if call.op not in first:
            continue
        last = came_from(run, given(call)[0], {first[call.op]}, through=SHAPING | {"float"})
        if last:
            yield (
                f"{label(call)} takes raw answers (logits) and applies {first[call.op]} itself, "
                f"and {label(last)} was before it: leave that out, or the network hardly learns."
            )


def probabilities(run, call, place):
    """binary_cross_entropy takes probabilities, and a target of floats."""
    answer, target = given(call)[:2]
    if not target.dtype.is_floating_point:
        name = source_of(run, target)
        what = f"{name}," if name else f"the target {target.shape}"
        return f"{place}: {what} is {target.kind}, and {call.op} takes floats: .float()."
    if "between 0 and 1" in str(run.error):
        last = came_from(run, answer, {"sigmoid", "softmax"}, through=SHAPING | set(ADDING))
        maker = run.made_by.get(answer.number)
        source = f", which {maker} made," if maker else ""
        if last is None:
            return (
                f"{place}: binary_cross_entropy takes probabilities between 0 and 1, and {answer}"
                f"{source} are raw answers (logits): apply sigmoid, or take "
                f"F.binary_cross_entropy_with_logits."
            )
    return None


RULES = {
    **dict.fromkeys(("max_unpool1d", "max_unpool2d", "max_unpool3d"), (unpooling,)),
    **dict.fromkeys(LOSSES, (two_shapes, probabilities)),
    **dict.fromkeys(("cross_entropy", "nll_loss"), (classes,)),
    "backward": (float64_in_the_loss,),
}  # fmt: skip
REMARKS = (shares_twice,)
