"""Whatever the operation: numbers of two kinds, tensors on two devices."""

from course_utils.shapes.calls import given, history, input_name, source_of
from course_utils.shapes.run import leaves

WEIGHTED = ("conv", "linear", "matmul", "__matmul__", "addmm", "bmm", "baddbmm", "einsum", "scaled")


def devices(run, call, place):
    """Tensors on two devices, and which of them was left behind."""
    seen = given(call)
    if len({s.device.type for s in seen}) < 2:
        return None
    where = " and ".join(dict.fromkeys(f"{s.shape} on {s.device}" for s in seen))
    sentence = f"{place}: {where} meet."
    inputs = [s for s in leaves(run.inputs) if s.shape]
    home = inputs[0].device if inputs else seen[0].device
    behind = next((s for s in seen if s.device != home), seen[-1])
    if run.strays:
        return (
            f"{sentence} The layer is not registered, so .to(device) does not move it: keep layers "
            f"in nn.ModuleList or on self, made in __init__."
        )
    if attribute := plain_attribute(run, behind):
        return (
            f"{sentence} {behind.shape} is {attribute}, a plain tensor, which .to(device) does not "
            f"move: register_buffer makes it one that is moved."
        )
    if name := input_name(run, behind):
        return f"{sentence} {behind.shape} is {name}: move it too, with .to(device)."
    if made := made_in_forward(run, behind):
        return f"{sentence} {behind.shape} was made in forward ({made}): give it device=x.device."
    return (
        f"{sentence} Move them to one device: model.to(device), x.to(device), and make new tensors "
        f"with device=x.device."
    )


def plain_attribute(run, seen):
    """The attribute of a layer that holds this tensor, or what it was cut from: `self.table`."""
    numbers = [seen.number, *(s.number for call in history(run, seen) for s in given(call))]
    return next((run.attributes[number] for number in numbers if number in run.attributes), None)


def made_in_forward(run, seen):
    """The operations that made a tensor which comes from none of the inputs as it is: `cat of sin,
    cos`."""
    last = next(history(run, seen), None)
    if last is None:
        return None
    parts = [next(history(run, s), None) for s in given(last)]
    names = list(dict.fromkeys(part.op for part in parts if part))
    made = f"{last.op} of {', '.join(names)}" if len(names) > 1 else last.op
    first = next((c.op for c in list(history(run, seen))[::-1] if not given(c)), None)
    return f"{made}, from {first}" if first and first != last.op else made


def kinds(run, call, place):
    """Numbers of two kinds, where the operation wants one, and autocast does not see to it."""
    seen = given(call)
    first, rest = seen[:1], seen[1:]
    if call.op == "embedding" and first and first[0].dtype.is_floating_point:
        return f"{place} looks up rows by whole numbers and gets {first[0].kind}; use .long()."
    if not call.op.startswith(WEIGHTED) or not rest or call.autocast:
        return None
    other = next((s for s in rest if s.dtype != first[0].dtype), None)
    if other is None:
        return None
    x = first[0]
    is_layer = not call.inside and call.op.startswith(("conv", "linear"))
    sentence = f"{place} has weights of {other.kind} and gets {x.kind}, {x.shape}"
    if not is_layer:
        sentence = f"{place}: {call.op} of {x.kind}, {x.shape}, and {other.kind}, {other.shape}"
    name = source_of(run, x)
    if not x.dtype.is_floating_point:
        whose = f", {name} as it came" if name else ""
        if x.kind == "uint8":
            return f"{sentence}{whose}. Bytes of pictures become floats first: x / 127.5 - 1."
        if x.dtype.is_complex:
            return (
                f"{sentence}{whose}. A layer takes real numbers: .abs(), or real and imaginary "
                f"part as two channels (torch.view_as_real)."
            )
        if x.kind == "bool":
            return f"{sentence}{whose}. True and False become numbers first: .float()."
        return f"{sentence}{whose}. Whole numbers such as steps are embedded first, or made floats."
    if name:
        return f"{sentence}, {name} as it came. Give both the same dtype: .to({other.dtype})."
    if is_layer and (made := first_of_kind(run, x)):
        return (
            f"{sentence}, which was made in forward ({made}), not given: .to(x.dtype) there, with "
            f"the network's input x."
        )
    return f"{sentence}. Give both the same dtype: x.to(dtype) or model.to(dtype)."


def first_of_kind(run, x):
    """What made a tensor's numbers of their kind, if none of the network's float inputs has it."""
    if any(s.dtype == x.dtype for s in leaves(run.inputs)):
        return None
    return made_in_forward(run, x)
