"""For several kinds: (B, 1) and (B,) that were spread to (B, B)."""

from course_utils.shapes.calls import ADDING, depends_on_inputs, given, label
from course_utils.shapes.run import Seen


def spread(run, call):
    """Say that each picture met each other: (B, 1) with (B,) gives (B, B)."""
    seen = [s for s in given(call) if s.shape]
    if call.op not in ADDING or len(seen) != 2 or not isinstance(call.returned, Seen):
        return None
    big, small = sorted(seen, key=lambda s: -len(s.shape))
    batch = small.shape[0]
    if batch < 2 or big.shape != (batch, 1, *small.shape[1:]):
        return None
    if not (depends_on_inputs(run, big) and depends_on_inputs(run, small)):
        return None
    return (
        f"{label(call)}: {seen[0].shape} {ADDING[call.op]} {seen[1].shape} gives "
        f"{call.returned.shape}: each of the {batch} met each other. Give both one "
        f"shape, with x[:, None] or .squeeze(1)."
    )
