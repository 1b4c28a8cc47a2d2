"""For several kinds: the operation that made more or fewer pictures of a batch."""

from course_utils.shapes.calls import given, history, label
from course_utils.shapes.rules.reshapes import flat
from course_utils.shapes.run import Seen, leaves


def batch_changed(run, seen):
    """Name the operation that made more or fewer pictures of a batch, behind one of the tensors."""
    batches = {s.shape[0] for s in leaves(run.inputs) if s.shape}
    for tensor in seen:
        if tensor.shape[0] in batches:
            continue
        for call in list(history(run, tensor))[::-1]:
            x, made = next(iter(given(call)), None), next(leaves(call.returned), None)
            if not (isinstance(made, Seen) and x is not None and x.shape and made.shape):
                continue
            if x.shape[0] in batches and made.shape[0] == tensor.shape[0] != x.shape[0]:
                return f"{label(call)}: {changes(call, x, made)}."
    return None


def changes(call, x, made):
    if call.op in ("chunk", "split", "tensor_split"):
        return (
            f"{call.op} made {made.shape} of {x.shape}: it cuts the batch. To cut the numbers of "
            f"each picture, give it dim=1"
        )
    if call.op in ("view", "reshape"):
        return (
            f"{call.op} of {x.shape} to {tuple(flat(call.given[1:]))} made {made.shape[0]} "
            f"pictures of {x.shape[0]}: it is meant for maps of another size. Take the sizes from "
            f"x.shape"
        )
    if call.op == "squeeze" and x.shape[0] == 1:
        return (
            f"{call.op} made {made.shape} of {x.shape}: without an axis it also takes away the "
            f"batch of one. Name the axis that is meant"
        )
    return f"{call.op} made {made.shape} of {x.shape}: {made.shape[0]} pictures of {x.shape[0]}"
