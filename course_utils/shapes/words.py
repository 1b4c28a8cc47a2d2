"""How sizes are said in a sentence."""

AXES = {
    3: ("images", "channels", "positions"),
    4: ("images", "channels", "rows", "columns"),
    5: ("images", "channels", "slices", "rows", "columns"),
}


def axis_name(axis, axes):
    """What lies along an axis, counted from the last, of tensors with so many.  -> str"""
    names = AXES.get(axes)
    return f" {names[axis]}" if names else f" on axis {axis}"


def by(sides):
    return " x ".join(map(str, sides)) + " long" * (len(sides) == 1)


def shapes(seen):
    """Shapes in a row, with the kinds of numbers where these differ."""
    differ = len({s.dtype for s in seen}) > 1
    return " and ".join(f"{s.shape} {s.kind}" if differ else str(s) for s in seen)


def count(n):
    return {0: "no input", 1: "one input"}.get(n, f"{n} inputs")


def plural(n, word):
    return f"{n} {word}{'s' * (n != 1)}"


def is_or_are(n):
    return "is" if n == 1 else "are"
