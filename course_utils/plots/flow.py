"""A block as a picture: its operations from left to right, each with the tensor that it made.

A tensor is drawn as the matrix of its last two axes, to scale with the others; heads stand under
one another. A sum or a product is a small circle, what has no tensor a box.
"""

import textwrap

import matplotlib.pyplot as plt
from matplotlib.patches import Circle, Rectangle

from course_utils.plots.colours import AMOUNT, BLUE, GREY, INK, PALE, PURPLE, SIGNED, SLATE
from course_utils.plots.operations import SIGNS, operations

TALL, LEAST, ROUND = 1.3, 0.06, 0.13  # inches: the largest tensor, the least side, a circle
ACROSS, DOWN, LETTER, LINE = 0.34, 0.3, 0.066, 0.15  # between columns and lanes; of the text
MANY, APART = 4, 0.04  # of more heads or channels than these, the first are drawn
BAR, FRAME = 0.3, 0.03


def draw_block(module, *inputs, title="", names=None, whole=(), batch=False):
    """Draw what a module does with its inputs, of which the first is followed.

    () -> figure

    names, {what stands below a tensor: other words}, makes words of PyTorch's; layers whose types
    are in whole, a list of names, are drawn as one operation. What is made of the other inputs
    alone stands in the bar above. The first of the batch is drawn, or, with batch, all of it.
    """
    nodes = operations(module, *inputs, whole=whole)
    followed = made_of(nodes, next(n for n in nodes if n.value is inputs[0]))
    return Flow(nodes, followed, 0 if batch else len(inputs[0]), names).draw(title)


class Flow:
    """Where each node stands, in inches, and how it is drawn."""

    def __init__(self, nodes, followed, batch, names=None):
        self.batch, self.names = batch, names or {}
        self.beside = [n for n in nodes if n not in followed and not n.constant]
        self.nodes = [n for n in nodes if n not in self.beside]
        self.ends = nodes[-1]
        self.matrices = {n: self.matrix(n.value) for n in self.nodes}
        shapes = [m.shape for m in self.matrices.values() if m is not None]
        self.unit = TALL / max(max(k * high, wide) for k, high, wide in shapes)
        self.ways = [(s, n) for n in self.nodes for s in n.takes if s in self.matrices]
        self.arrange()
        self.across()
        self.down()

    # What stands for a tensor

    def alone(self, value):
        """The first of the batch."""
        return value[0] if self.batch and value.dim() and len(value) == self.batch else value

    def matrix(self, value):
        """What is drawn of a tensor.  -> (K, rows, columns)"""
        if value is None:
            return None
        value = self.alone(value).detach().float().cpu()
        while value.dim() < 3:
            value = value[None]
        return value.flatten(0, -3)[:MANY]

    def sign(self, n):
        """The sign in a circle, unless it is the result, or has a shape that nothing had before."""
        if n.op not in SIGNS or n is self.ends:
            return None
        return SIGNS[n.op] if n.value.shape in {s.value.shape for s in n.takes} else None

    def size(self, n):
        if self.sign(n):
            return 2 * ROUND, 2 * ROUND
        if n.value is None:
            return LETTER * len(n.op) + 0.24, 0.4
        k, high, wide = self.matrices[n].shape
        return max(wide * self.unit, LEAST), k * (max(high * self.unit, LEAST) + APART) - APART

    def words(self, n):
        """What stands below a tensor: what made it, the layer's name, its shape."""
        if self.sign(n) or n.value is None:
            return []
        shape = self.alone(n.value).shape
        shape = " x ".join(map(str, shape)) + " numbers" * (len(shape) == 1) or "one number"
        op = {"move": "rearrange", **SIGNS}.get(n.op, n.op)
        name = n.name if n.name.lower() != op.lower() else ""
        return [*filter(None, (self.names.get(w, w) for w in (op, name))), shape]

    def text_width(self, n):
        return LETTER * max(map(len, self.words(n)), default=0)

    # Where it stands

    def arrange(self):
        """Each node a column behind those that it takes, in a lane of its own or in theirs."""
        taken = set()
        for n in self.nodes:
            sources = [s for s, other in self.ways if other is n]
            n.column = max((s.column + 1 for s in sources), default=0)
            n.lane = min((s.lane for s in sources), default=0)
            while (n.column, n.lane) in taken:
                n.lane += 1
            last = max((o.column for s, o in self.ways if s is n), default=n.column)
            taken |= {(c, n.lane) for c in range(n.column, max(last, n.column + 1))}

    def across(self):
        """The middle of each column, and its edges."""
        self.x, self.edges, right = [], [], 0.1
        for column in range(1 + max(n.column for n in self.nodes)):
            here = [n for n in self.nodes if n.column == column]
            wide = max(max(self.size(n)[0], self.text_width(n)) for n in here)
            self.x.append(right + wide / 2)
            self.edges.append((right, right + wide))
            right += wide + ACROSS
        self.wide = right - ACROSS + 0.1

    def down(self):
        """The middle of each lane, from 0 downwards, and where the last one's text ends."""
        self.y, bottom = [], 0.0
        for lane in range(1 + max(n.lane for n in self.nodes)):
            here = [n for n in self.nodes if n.lane == lane]
            high = max(self.size(n)[1] for n in here)
            self.y.append(bottom - high / 2)
            bottom -= high + LINE * max(len(self.words(n)) for n in here) + DOWN
        self.low = bottom + DOWN - 0.1
        self.note = textwrap.fill(self.key(), int(14 * self.wide))
        self.low -= LINE * (self.note.count("\n") + 1) + 0.1 if self.note else 0

    def key(self):
        """What the colours say; nothing where only pictures are shown."""
        seen = [n for n in self.nodes if n.value is not None and not n.picture and not self.sign(n)]
        parts = ["orange above 0, blue below, each tensor on its own scale"] if seen else []
        if any(is_share(n) for n in seen):
            parts.append("after a softmax, 0 is dark and the largest yellow")
        if any(
            len(self.alone(n.value).shape) > 2 and self.alone(n.value).shape[-3] > MANY
            for n in seen
        ):
            parts.append(f"of more than {MANY} channels or heads, the first {MANY}")
        return "; ".join(parts)

    def at(self, n):
        return self.x[n.column], self.y[n.lane]

    def goes_around(self, source, n):
        between = range(source.column + 1, n.column)
        others = (o for o in self.nodes if o.lane == n.lane and o.column in between)
        return source.lane == n.lane and any(others)

    # The drawing

    def draw(self, title):
        around = [way for way in self.ways if self.goes_around(*way)]
        self.over = {way: 0.13 + 0.1 * i for i, way in enumerate(around)}  # each at its height
        self.top = 0.1 + 0.1 * len(around)
        high = self.top + (BAR + 0.2) * bool(self.beside) + 0.3 * bool(title)
        figure = plt.figure(figsize=(self.wide, high - self.low), layout="none")
        ax = self.ax = figure.add_axes((0, 0, 1, 1))
        for n in self.nodes:
            self.node(n)
        self.drawn = 0
        for way in self.ways:
            self.line(self.points(*way), SLATE)
        if self.beside:
            self.bar()
        ax.text(0.1, self.low + 0.05, self.note, fontsize=8, va="bottom", color=SLATE)
        ax.text(0.1, high - 0.05, title, fontsize=10, weight="bold", va="top", color=INK)
        ax.axis("off")
        ax.set(xlim=(0, self.wide), ylim=(self.low, high), aspect="equal")
        return figure

    def node(self, n):
        (x, y), (wide, high) = self.at(n), self.size(n)
        if sign := self.sign(n):
            self.ax.add_patch(Circle((x, y), ROUND, fc="white", ec=SLATE, lw=1.2, zorder=3))
            self.ax.text(x, y, sign, ha="center", va="center", fontsize=11, zorder=4, color=INK)
            how = {"ha": "center", "va": "top", "fontsize": 8, "color": INK}
            self.ax.text(x, y - ROUND - 0.05, n.name, **how)
        elif n.value is None:
            how = {"fc": "white", "ec": SLATE, "lw": 1.2, "zorder": 3}
            self.ax.add_patch(Rectangle((x - wide / 2, y - high / 2), wide, high, **how))
            self.ax.text(x, y, n.op, ha="center", va="center", fontsize=9, zorder=4, color=INK)
        else:
            self.tensor(n)

    def tensor(self, n):
        (x, y), (wide, high) = self.at(n), self.size(n)
        corner = x - wide / 2 - FRAME, y - high / 2 - FRAME
        behind = corner, wide + 2 * FRAME, high + 2 * FRAME
        self.ax.add_patch(Rectangle(*behind, fc=PALE, lw=0, zorder=1.5))
        each = (high + APART) / len(self.matrices[n])
        for i, values in enumerate(self.matrices[n]):
            top = y + high / 2 - i * each
            where = (x - wide / 2, x + wide / 2, top - each + APART, top)
            self.ax.imshow(values.numpy(), extent=where, **self.colours(n))
            left, right, bottom, top = where
            around = [left, right, right, left, left], [bottom, bottom, top, top, bottom]
            self.ax.plot(*around, color=GREY, lw=0.7, zorder=3)
        how = {"ha": "center", "va": "top", "fontsize": 8, "color": INK}
        self.ax.text(x, y - high / 2 - 0.05, "\n".join(self.words(n)), **how)

    def colours(self, n):
        how = {"zorder": 2, "interpolation": "nearest", "aspect": "auto"}
        most = float(self.matrices[n].abs().max()) or 1.0
        if n.picture:
            return {"cmap": "gray", "vmin": -1, "vmax": 1, **how}
        map_and_least = (AMOUNT, 0) if is_share(n) else (SIGNED, -most)
        return {"vmax": most, **dict(zip(("cmap", "vmin"), map_and_least)), **how}

    def points(self, source, n):
        """The way from a tensor to what takes it: straight, over others, or to another lane."""
        (x0, y0), (x1, y1) = self.at(source), self.at(n)
        (w0, _), (w1, h1) = self.outside(source), self.outside(n)
        start, end = (x0 + w0 / 2, y0), (x1 - w1 / 2, y1)
        if self.goes_around(source, n):
            high = max(self.outside(o)[1] for o in self.nodes if o.lane == n.lane)
            over, turn = y0 + high / 2 + self.over[source, n], start[0] + 0.08
            return [(turn, y0), (turn, over), (x1, over), (x1, y1 + h1 / 2)]
        if source.lane == n.lane:
            return [start, end]
        beside = 0.12 * any(s.lane == n.lane for s in n.takes)  # what comes straight
        if source.lane < n.lane:  # turns off behind its column
            turn, y = self.edges[source.column][1] + ACROSS / 3, y1 + beside
            return [start, (turn, y0), (turn, y), (end[0], y)]
        if self.sign(n):  # comes from below
            return [start, (x1, y0), (x1, y1 - h1 / 2)]
        turn, y = self.edges[n.column][0] - ACROSS / 3, y1 - beside
        return [start, (turn, y0), (turn, y), (end[0], y)]

    def outside(self, n):
        """The size of a node with its frame."""
        frame = 0 if self.sign(n) or n.value is None else 2 * FRAME
        return tuple(side + frame for side in self.size(n))

    def back(self, source, n, words):
        """A way back, below all: what is done again and again."""
        (x0, y0), (x1, y1) = self.at(source), self.at(n)
        below = self.low - 0.2
        start, end = (
            y - self.size(o)[1] / 2 - LINE * len(self.words(o)) - 0.08 * bool(self.words(o))
            for y, o in ((y0, source), (y1, n))
        )
        self.line([(x0, start), (x0, below), (x1, below), (x1, end)], BLUE)
        paper = {"fc": "white", "lw": 0, "pad": 2}
        how = {"ha": "center", "va": "center", "fontsize": 9, "color": BLUE, "bbox": paper}
        self.ax.text((x0 + x1) / 2, below, words, zorder=3, **how)
        self.ax.set_ylim(bottom=below - 0.15)
        self.ax.figure.set_figheight(self.ax.get_ylim()[1] - below + 0.15)

    def line(self, points, colour):
        """A way with an arrow at its end, which passes over those that were drawn before it."""
        self.drawn += 0.001
        for (x0, y0), (x1, y1) in zip(points, points[1:]):
            if abs(y1 - y0) > 0.2 and x0 == x1:
                trimmed = [y + 0.07 * (1 if y == min(y0, y1) else -1) for y in (y0, y1)]
                self.ax.plot([x0, x1], trimmed, color="white", lw=4.5, zorder=1 + self.drawn)
        how = {"color": colour, "lw": 1.2, "zorder": 1.0005 + self.drawn}
        self.ax.plot(*zip(*points[:-1]), solid_joinstyle="round", **how)
        arrow = {"arrowstyle": "-|>", "color": colour, "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
        self.ax.annotate("", points[-1], points[-2], arrowprops=arrow, zorder=how["zorder"])

    def bar(self):
        """What the other inputs become, and the operations that take it."""
        left, right, top = 0.1, self.wide - 0.1, self.top + 0.1
        steps = [n for n in self.beside if not n.moves and n.op not in SIGNS]
        words = (
            f"{n.name or n.op} ({' x '.join(map(str, self.alone(n.value).shape))})" for n in steps
        )
        self.ax.fill_between([left, right], top, top + BAR, color=PURPLE, lw=0)
        how = {"ha": "center", "va": "center", "fontsize": 9, "color": "white"}
        self.ax.text((left + right) / 2, top + BAR / 2 - 0.01, "  →  ".join(words), **how)
        for n in self.nodes:
            if set(n.takes) & set(self.beside):
                x, y = self.at(n)
                self.line([(x, top), (x, y + self.outside(n)[1] / 2)], PURPLE)


def is_share(n):
    return n.op.lower().startswith("softmax")


def made_of(nodes, first):
    """Those of the nodes that the first went into, itself among them."""
    found = {first}
    for n in nodes:
        if found & set(n.takes):
            found.add(n)
    return found
