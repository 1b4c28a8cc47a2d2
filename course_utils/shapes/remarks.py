"""What ran without an error and looks wrong all the same."""

import math

from course_utils.shapes.calls import (
    ADDING,
    JOINING,
    KEEPING,
    REDUCING,
    UPWARD,
    batch_of,
    came_from,
    depends_on_inputs,
    given,
    history,
    input_name,
    joined_axis,
    label,
)
from course_utils.shapes.rules import asked
from course_utils.shapes.rules.attention import REMARKS as OF_ATTENTION
from course_utils.shapes.rules.gradients import REMARKS as OF_GRADIENTS
from course_utils.shapes.rules.losses import REMARKS as OF_LOSSES
from course_utils.shapes.rules.network_inputs import one_step_for_all
from course_utils.shapes.rules.recurrent import REMARKS as OF_RECURRENT
from course_utils.shapes.rules.reductions import REMARKS as OF_REDUCTIONS
from course_utils.shapes.rules.reductions import axes_of
from course_utils.shapes.rules.reshapes import REMARKS as OF_RESHAPES
from course_utils.shapes.rules.spreading import spread
from course_utils.shapes.run import Seen, leaves

LOSSES = {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"}
DIFFERENCES = {"sub", "__sub__", "__rsub__", "rsub"}


def remarks(run):
    """Return a sentence for each thing in a run that looks wrong."""
    found = [told for rule in RULES for told in asked(lambda: list(rule(run))) or ()]
    return list(dict.fromkeys(found))


def steps(run):
    """One t for a whole batch: it is spread over the pictures without a word."""
    told = one_step_for_all(run)
    if told and "shape (1,)" in told and not run.error:
        yield f"{told[:-1]}: all of them were given the same step."
    yield from drawn_steps(run)


def drawn_steps(run):
    """One t that is drawn for a whole batch, and meets its pictures."""
    for call in run.calls:
        drawn = call.returned
        if call.op not in ("rand", "randint") or getattr(drawn, "shape", None) not in ((1,), ()):
            continue
        for meeting in run.calls:
            seen = given(meeting)
            big = max(seen, key=lambda s: math.prod(s.shape), default=None)
            if meeting.op not in ADDING or big is None or len(big.shape) < 4 or big.shape[0] < 2:
                continue
            one = [s for s in seen if s is not big and math.prod(s.shape) == 1]
            if any(call is c for s in one for c in history(run, s)):
                yield (
                    f"{call.op} in {call.place} draws one step, {drawn.shape}, for all "
                    f"{big.shape[0]} pictures of the batch. Each needs its own: ({big.shape[0]},)."
                )
                return


def strays(run):
    """A layer that PyTorch does not know of."""
    found = []
    for place, kind, kept in run.strays:
        where = f"is kept in {kept}" if kept else "is made in forward, or outside the class"
        found.append(f"{place} uses a {kind} that {where}")
    if found:
        yield (
            f"{'; '.join(dict.fromkeys(found))}. The optimizer never sees such weights, "
            f".to(device) does not move them, and no checkpoint has them."
        )


def unused(run):
    """Parameters that no operation took, and inputs that none did."""
    if run.error or not run.calls:
        return
    if run.unused and run.training:
        more = f" and {len(run.unused) - 3} more" if len(run.unused) > 3 else ""
        yield f"No operation used {', '.join(run.unused[:3])}{more}: what is that layer for?"
    taken = {s.number for call in run.calls for s in given(call)}
    for value in run.inputs:
        if isinstance(value, Seen) and value.number not in taken:
            yield f"Nothing used {input_name(run, value)}, {value}: it is ignored."


def dropped(run):
    """A layer with weights whose result never reaches what the network returns."""
    wanted = {s.number for s in leaves(run.returned)}
    if run.error or not wanted:
        return
    wanted |= run.read
    for call in run.calls[::-1]:
        seen = given(call)
        in_place = call.op.endswith("_") and seen[:1] and seen[0].number in wanted
        if in_place or wanted & {s.number for s in leaves(call.returned)}:
            wanted |= {s.number for s in seen}
    used = {s.name for s in run.steps if wanted & {r.number for r in leaves(s.returned)}}
    for step in run.steps:
        made = {s.number for s in leaves(step.returned)}
        if step.depth and step.parameters and made and step.name not in used:
            yield (
                f"What {step.name} ({step.type}) returned is not used: it never reaches what the "
                f"network returns."
            )
            return


def hidden_rows(run):
    """A mask that hides whole rows of scores, the queries, where it should hide keys."""
    for call in run.calls:
        if call.op not in ("masked_fill", "masked_fill_") or len(given(call)) < 2:
            continue
        scores, mask = given(call)[:2]
        if len(scores.shape) == len(mask.shape) > 2 and scores.shape[-1] > 1:
            if mask.shape[-2:] == (scores.shape[-2], 1) and shared_over_the_last(run, call):
                yield (
                    f"{label(call)}: the mask {mask.shape} hides whole rows of the scores "
                    f"{scores.shape}, which are queries. Keys are on the last axis: "
                    f"mask.transpose(-2, -1)."
                )


def shared_over_the_last(run, call):
    """True if a softmax over the last axis follows."""
    made = next(leaves(call.returned)).number
    after = [c for c in run.calls if c.op == "softmax" and given(c)[0].number == made]
    return any(axes_of(c) == (len(given(c)[0].shape) - 1,) for c in after) or not after


def order_of_skips(run):
    """A U takes the skip that was made last first."""
    joined = []
    for call in run.calls:
        seen = given(call)
        if call.op in JOINING and len(seen) == 2 and len(seen[0].shape) == len(seen[1].shape) > 2:
            joined.append((*sorted(seen, key=lambda s: s.number), call))
    skips = [old.number for old, _, _ in joined]
    if len(set(skips)) < 2 or skips != sorted(skips) or not is_u(run, joined):
        return
    places = {s.number: c.place for c in run.calls for s in leaves(c.returned)}
    names = [run.made_by.get(number, places.get(number, "?")) for number in skips]
    yield (
        f"The skips are taken in the order in which they were made ({', '.join(names)}): the "
        f"way up begins where the way down ended, so the last skip comes first."
    )


def is_u(run, joined):
    """True if the first map on the way up comes from all skips, and each other one from the join
    before it."""
    behind = {s.number for call in history(run, joined[0][1]) for s in given(call)}
    if not {old.number for old, _, _ in joined} <= behind | {joined[0][1].number}:
        return False
    pairs = zip(joined, joined[1:])
    return all(any(c is call for c in history(run, new)) for (_, _, call), (_, new, _) in pairs)


def broadcasts(run):
    """One number for each channel that met the columns, for both are as many."""
    for call in run.calls:
        seen = [s for s in given(call) if s.shape]
        if call.op not in ADDING or len(seen) != 2:
            continue
        big, small = sorted(seen, key=lambda s: -len(s.shape))
        if len(big.shape) == 4 and len(small.shape) == 2 and small.shape == big.shape[:2]:
            yield (
                f"{call.place}: {big.shape} {ADDING[call.op]} {small.shape} lines up the last "
                f"axes, so rows and columns met what is meant for images and channels. It needs "
                f"[:, :, None, None]."
            )
        elif told := spread(run, call):
            yield told


def differences(run):
    """A loss, or a difference, of two results whose shapes differ: one is spread over the other."""
    for call in run.calls:
        seen = [s for s in given(call) if s.shape]
        if call.op not in LOSSES | DIFFERENCES or len(seen) != 2 or seen[0].shape == seen[1].shape:
            continue
        if call.op in LOSSES or are_results(run, *seen):
            sign = "and" if call.op in LOSSES else "-"
            yield (
                f"{label(call)}: {seen[0].shape} {sign} {seen[1].shape} are not of one shape, so "
                f"one is spread over the other{spread_channel(*seen)}"
            )


def are_results(run, *pair):
    """True for two stacks of maps of one batch, none of them computed from the other."""
    batch = batch_of(run)
    for seen, apart in (pair, pair[::-1]):
        behind = list(history(run, seen))
        if len(seen.shape) != len(apart.shape) or len(seen.shape) < 4 or seen.shape[0] != batch:
            return False
        if not depends_on_inputs(run, seen) or (behind and behind[0].op in REDUCING):
            return False
        if apart.number in {s.number for call in behind for s in given(call)}:
            return False
    return True


def spread_channel(one, other):
    for a, b in ((one, other), (other, one)):
        if a.shape == (*b.shape[:1], 1, *b.shape[1:]):
            return ": each meets each other, all pairs. Take the axis of 1 away: .squeeze(1)."
    if len(one.shape) == len(other.shape) > 2 and one.shape[1] != other.shape[1]:
        return f": 1 channel meets {max(one.shape[1], other.shape[1])}. Is the second a variance?"
    return "."


def batches_of_one(run):
    """BatchNorm in training takes mean and spread of the one picture."""
    for call in run.calls:
        training = len(call.given) > 5 and call.given[5] is True
        if call.op == "batch_norm" and training and given(call)[0].shape[0] == 1:
            yield (
                f"{call.place} is in training mode and gets a batch of one: the picture is "
                f"normalised with its own mean and spread, and the running ones learn from it."
            )
            return


def always_on(run):
    """Dropout of the functional kind, which does not know of eval()."""
    for call in run.calls:
        on = call.named.get("training", call.given[2] if len(call.given) > 2 else True)
        if call.op.startswith("dropout") and call.inside and on is True and not run.training:
            yield (
                f"{label(call)} drops numbers in eval mode too: F.dropout(x, p, "
                f"training=self.training), or nn.Dropout."
            )


def repeated(run):
    """[block] * 3: three names for the same weights."""
    for names in run.repeated:
        yield (
            f"{', '.join(names)} are one layer with one set of weights, as [layer] * {len(names)} "
            f"makes it. For layers of their own: [make() for _ in range({len(names)})]."
        )


def with_itself(run):
    """x + x, or a map that is concatenated with itself, where a skip is meant."""
    for call in run.calls:
        seen = given(call)
        if len(seen) != 2 or seen[0].number != seen[1].number:
            continue
        shape = seen[0].shape
        if ADDING.get(call.op) == "+" and len(shape) > 2:
            yield (
                f"{label(call)} adds {shape} to itself. Is the input of the block meant, which the "
                f"name no longer stands for?"
            )
        joins = call.op in JOINING and joined_axis(call) == 1
        if joins and came_from(run, seen[0], UPWARD, through=KEEPING):
            yield (
                f"{call.place} joins {shape} with itself along the channels. Was the name of the "
                f"skip used again for the map?"
            )


RULES = (
    steps, strays, unused, dropped, hidden_rows, order_of_skips, *OF_RESHAPES, broadcasts,
    differences, *OF_ATTENTION, *OF_RECURRENT, *OF_REDUCTIONS, *OF_LOSSES, *OF_GRADIENTS,
    batches_of_one, always_on, repeated, with_itself,
)  # fmt: skip
