"""interpolate and pad."""

import difflib

from course_utils.shapes.calls import given, history, input_name


def interpolating(run, call, place):
    """A size for two sides, and a tensor that has one or three."""
    x = given(call)[0]
    size = call.named.get("size", call.given[1] if len(call.given) > 1 else None)
    sides = len(size) if isinstance(size, (tuple, list)) else None
    mode = call.named.get("mode", "nearest")
    if sides == len(x.shape) and tuple(size[2:]) != tuple(x.shape[2:]):
        return (
            f"{place}: interpolate takes the sides alone, and size={tuple(size)} has batch and "
            f"channels too, {sides} numbers for {x.shape}: size={tuple(size[2:])}, x.shape[2:]."
        )
    known = ("nearest", "linear", "bilinear", "bicubic", "trilinear", "area", "nearest-exact")
    if near := difflib.get_close_matches(mode, known, 1) if mode not in known else ():
        return f"{place}: interpolate knows no mode={mode!r}; is it {near[0]!r}?"
    sides = sides or {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}.get(mode)
    if not sides or len(x.shape) == sides + 2:
        return None
    axes = ("(B, C, L)", "(B, C, H, W)", "(B, C, D, H, W)")[sides - 1]
    fits = {3: "linear", 4: "bilinear", 5: "trilinear"}.get(len(x.shape))
    tip = f". For {x.shape} it is mode={fits!r}" if mode.endswith("linear") and fits else ""
    return (
        f"{place}: interpolate to {sides} side{'s' * (sides > 1)} takes {axes} and gets {x.shape}"
        f"{source(run, x, sides)}{tip}."
    )


def source(run, x, sides):
    """The input that a tensor comes from, if it is too small for a batch of pictures."""
    behind = [s for call in history(run, x) for s in given(call)] + [x]
    name = next(((input_name(run, s), s) for s in behind if input_name(run, s)), None)
    if not name or name[1].number == x.number:
        return f", {name[0]}" if name else ""
    if len(x.shape) > sides + 2:
        return f", from {name[0]}, {name[1].shape}"
    return f", from {name[0]}, {name[1].shape}. Does that have an axis for the batch"


def padding(run, call, place):
    """Mirrored and wrapped borders cannot be longer than what is mirrored."""
    x, pad = given(call)[0], call.given[1]
    mode = call.named.get("mode", next((v for v in call.given[2:] if isinstance(v, str)), ""))
    if not isinstance(pad, (tuple, list)) or mode not in ("reflect", "circular"):
        return None
    for i, wanted in enumerate(pad):
        size = x.shape[-1 - i // 2]
        most = size - 1 if mode == "reflect" else size
        if wanted > most:
            return (
                f"{place}: {mode} can add at most {most} to an axis of {size}, and {wanted} are "
                f"asked for: {x.shape} is too short. Pad with zeros, or give it more."
            )
    return None


RULES = {"interpolate": (interpolating,), "pad": (padding,)}
