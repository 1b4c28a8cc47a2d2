"""What ran without an error and looks wrong all the same."""

from course_utils.shapes.calls import ADDING, JOINING, given
from course_utils.shapes.record import Seen, leaves
from course_utils.shapes.rules.network_inputs import one_step_for_all


def remarks(run):
    """Return a sentence for each thing in a run that looks wrong."""
    found = [told for rule in RULES for told in rule(run)]
    return list(dict.fromkeys(found))


def steps(run):
    """One t for a whole batch: it is spread over the pictures without a word."""
    told = one_step_for_all(run)
    if told and "shape (1,)" in told and not run.error:
        yield f"{told[:-1]}: all of them were given the same step."


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
    """Parameters that no operation took."""
    if run.unused and not run.error:
        more = f" and {len(run.unused) - 3} more" if len(run.unused) > 3 else ""
        yield f"No operation used {', '.join(run.unused[:3])}{more}: what is that layer for?"


def order_of_skips(run):
    """A U takes the skip that was made last first."""
    joined = []
    for call in run.calls:
        seen = given(call)
        if call.op in JOINING and len(seen) == 2 and all(len(s.shape) == 4 for s in seen):
            joined.append(sorted(seen, key=lambda s: s.number))
    skips = [old.number for old, _ in joined]
    is_u = len(set(skips)) > 1 and max(skips) <= min(new.number for _, new in joined)
    if is_u and skips == sorted(skips):
        places = {s.number: c.place for c in run.calls for s in leaves(c.returned)}
        names = [run.made_by.get(number, places.get(number, "?")) for number in skips]
        yield (
            f"The skips are taken in the order in which they were made ({', '.join(names)}): the "
            f"way up begins where the way down ended, so the last skip comes first."
        )


def reshapes(run):
    """A reshape where a transpose was meant: channels and pixels are mixed up."""
    found = {}
    for call in run.calls:
        if call.op not in ("reshape", "view") or not isinstance(call.returned, Seen):
            continue
        old, new = given(call)[0].shape, call.returned.shape
        if mixed_up(old, new) or mixed_up(new, old):
            found.setdefault(call.place, []).append(f"{call.op} of {old} to {new}")
    for place, calls in found.items():
        yield (
            f"{place}: {', '.join(dict.fromkeys(calls))} keeps the numbers in their old order, so "
            f"channels and pixels are mixed up. Swap the axes with transpose."
        )


def mixed_up(maps, tokens):
    """True for (B, C, H, W) and (B, H W, C), unless one could be the other with an axis merged."""
    return (
        len(maps) == 4
        and len(tokens) == 3
        and tokens[1:] == (maps[2] * maps[3], maps[1])
        and tokens[1:] != (maps[1] * maps[2], maps[3])
        and tokens[1] != tokens[2]
        and 1 not in tokens[1:]
    )


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


RULES = (steps, strays, unused, order_of_skips, reshapes, broadcasts, batches_of_one)
