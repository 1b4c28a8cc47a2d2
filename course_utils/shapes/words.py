"""How sizes are said in a sentence."""

AXES = {-1: " columns", -2: " rows", -3: " channels", -4: " images"}


def by(sides):
    return " x ".join(map(str, sides))


def shapes(seen):
    return " and ".join(map(str, seen))


def count(n):
    return {0: "no input", 1: "one input"}.get(n, f"{n} inputs")
