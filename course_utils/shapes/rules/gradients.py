"""The backward pass: nothing that asks for gradients, and what was changed in place."""

import re

from course_utils.shapes.calls import given, history, label, makers
from course_utils.shapes.run import leaves

CUTS = {
    "detach": ".detach()",
    "argmax": "argmax",
    "round": "round",
    "long": ".long()",
    "item": ".item()",
}


INSTEAD = {
    "__iadd__": "x = x + ...",
    "__imul__": "x = x * ...",
    "add_": "x = x + ...",
    "mul_": "x = x * ...",
}
NEW = "an operation that makes a new tensor"


def nothing_asks(run, call, place):
    """backward() of something that asks for no gradients."""
    loss = next(iter(given(call)), None)
    if loss is None or loss.asks:
        return None
    way = list(history(run, loss))[::-1]
    for step in way:
        if not any(s.asks for s in given(step)):
            continue
        if step.without == "checkpoint":
            return (
                f"Nothing in the loss asks for gradients: {label(step)} was run by checkpoint with "
                f"use_reentrant=True, which looks at its inputs alone, and none of them asks for "
                f"gradients. Give checkpoint use_reentrant=False."
            )
        if step.without:
            return (
                f"Nothing in the loss asks for gradients: {label(step)} was run without them, "
                f"inside torch.no_grad() or inference_mode()."
            )
        if step.op in CUTS:
            return (
                f"Nothing in the loss asks for gradients: {CUTS[step.op]} in {step.place} ends the "
                f"chain. Leave it out on the way to the loss."
            )
    return (
        "Nothing in the loss asks for gradients: every parameter that it uses is frozen "
        "(requires_grad=False)."
    )


def not_a_number(run, call, place):
    """backward() of more than one number."""
    loss = next(iter(given(call)), None)
    if loss is not None and loss.shape and "scalar" in str(run.error):
        return (
            f"backward() wants one number, and the loss is {loss.shape}: take its mean, "
            f"loss.mean().backward()."
        )
    return None


def changed_in_place(run, call, place):
    """What the backward pass needs was changed in place."""
    found = re.search(r"modified by an inplace operation: \[[^\[]*\[([\d, ]*)\]", str(run.error))
    if not found:
        return None
    shape = tuple(int(n) for n in found[1].split(",") if n.strip())
    last = who_changed(run, shape)
    if last is None:
        return f"A tensor {shape} that the backward pass needs was changed in place."
    maker = makers(run).get(given(last)[0].number)
    result = f"the result of {label(maker)}" if maker else "a tensor"
    return (
        f"{label(last)} changed {result}, {shape}, in place, and the backward pass needs it as it "
        f"was: write {INSTEAD.get(last.op, NEW)}."
    )


def who_changed(run, shape):
    """The last operation that may have changed a tensor of this shape in place, or None."""
    in_place = [
        c for c in run.calls
        if (re.fullmatch(r"[a-z]\w*[a-z\d]_|__i\w+__|__setitem__", c.op)) and given(c)
        and (given(c)[0].shape == shape or c.op == "__setitem__")
    ]  # fmt: skip
    inside = [c for c in run.calls if c.named.get("inplace") or c.op in ("relu_", "silu_")]
    return next(iter((in_place or inside)[::-1]), None)


def bool_minus(run, call, place):
    """1 - mask, for a mask of True and False."""
    seen = next((s for s in given(call) if s.kind == "bool"), None)
    if seen is None:
        return None
    maker = next(history(run, seen), None)
    source = f", which comes from {maker.op} in {maker.place}" if maker else ""
    return (
        f"{place}: {seen.shape} is bool{source}, and True and False are not subtracted. Compare "
        f"the other way round, with == for != or ~mask, or make numbers of them with .float()."
    )


def leaf_in_place(run, place):
    """A parameter that was changed in place while gradients are on."""
    if "leaf Variable that requires grad" not in str(run.error):
        return None
    return (
        f"{place} changes a parameter in place while gradients are recorded: do that inside "
        f"torch.no_grad()."
    )


def cut_off(run):
    """Parameters that were used, and that no gradient reaches."""
    if not run.unreached:
        return
    for call in list(run.calls)[::-1]:
        asks = [s for s in given(call) if s.asks]
        made = [s for s in leaves(call.returned)]
        if not asks or any(s.asks for s in made) or call.without:
            continue
        if call.op in ("__get__", "size", "dim") or not meets(run, made):
            continue
        more = f" and {len(run.unreached) - 2} more" if len(run.unreached) > 2 else ""
        yield (
            f"No gradient reaches {', '.join(run.unreached[:2])}{more}: "
            f"{CUTS.get(call.op, call.op)} in {call.place} ends the chain, and what was computed "
            f"before it learns nothing."
        )
        return


def meets(run, made):
    """True if what the network returned was computed with one of these tensors."""
    numbers = {s.number for s in made}
    for result in leaves(run.returned):
        behind = {s.number for call in history(run, result) for s in given(call)}
        if numbers & (behind | {result.number}):
            return True
    return False


def changed_later(run):
    """What an operation kept for the backward pass was changed in place after it."""
    for call, shape in run.changed:
        last = who_changed(run, shape)
        if call and last:
            yield (
                f"{label(last)} changes {shape} in place, and the backward pass of {label(call)} "
                f"needs it as it was: backward() will fail. Write {INSTEAD.get(last.op, NEW)}."
            )
            return


RULES = {
    "backward": (nothing_asks, not_a_number, changed_in_place),
    **dict.fromkeys(("sub", "__sub__", "__rsub__", "rsub"), (bool_minus,)),
}
REMARKS = (cut_off, changed_later)
