"""The record of a run as a picture: every operation, every map with its shape, and the skips.

Heights are to scale: maps of half the size are drawn half as high, and stand a row lower. The more
channels a bar has, the wider it is (with the root, so that one channel is seen beside hundreds).
The maps' places are in places.py.
"""

import textwrap

from course_utils.shapes.cause import cause
from course_utils.shapes.colours import BLUE, GREY, INK, ORANGE, PALE, PURPLE, RED, SIGNED, SLATE
from course_utils.shapes.places import AROUND, BOX, CHANNELS, TILE_GAP, Places
from course_utils.shapes.plan import ACTIVATIONS, plan
from course_utils.shapes.record import record

EACH_ALONE = ACTIVATIONS | {"add", "sub", "mul", "div"}


def draw_u(model, *inputs, **named):
    """Run a network once, forward, and draw its operations and maps, from left to right.

    (B, C, H, W), (B,) -> figure

    The smaller the maps, the lower they stand; a bar's blue part on the way up is a skip that was
    concatenated. If the run fails, the place is red and the cause stands below. It takes what
    trace takes, and leaves as little behind.
    """
    return draw(record(model, *inputs, **named))


def draw(run, highlight=None, tensors=None, features=False, ends=("input", "output"), title=""):
    """Draw a run that was recorded; with highlight, all but one of its parts are pale.

    Record -> figure

    highlight is "time", "block" (what takes the time), "encoder", "decoder" or "skips". With the
    tensors that record kept, pictures that go in and come out are shown; with features, some
    channels of each map too, those that vary most.
    """
    import matplotlib.pyplot as plt  # only here, so that the tables do without it

    drawing = Drawing(plan(run), tensors, features)
    drawing.highlight = highlight
    wide, low, high = drawing.extent()
    drawing.words, drawing.low = drawing.note(wide), low
    if drawing.words and len(drawing.y) < 3:
        low -= 0.15 * drawing.words.count("\n") + 0.25
    high += 0.35 * bool(title)
    figure = plt.figure(figsize=(wide, high - low), layout="none")
    ax = drawing.ax = figure.add_axes((0, 0, 1, 1))
    drawing.all(ends)
    ax.text(0.1, high - 0.08, title, fontsize=10, weight="bold", va="top", color=INK)
    ax.axis("off")
    ax.set(xlim=(0, wide), ylim=(low, high), aspect="equal")
    if run.error:
        words = textwrap.fill(cause(run), int(13 * wide))
        figure.text(0.02, -0.01, words, color=RED, fontsize=9, va="top")
    return figure


class Drawing(Places):
    """How each map of a plan is drawn, and what leads from one to the next."""

    highlight = None

    def paint(self, colour, *parts):
        return colour if self.highlight in (None, *parts) else PALE

    def colour(self, m):
        part = "decoder" if m.rising else "encoder"
        parts = [part, *(["block"] if m.timed else [])]
        return RED if m.failed else self.paint(ORANGE if m.rising else BLUE, *parts)

    def ink(self, m):
        return RED if m.failed else SLATE if self.colour(m) == PALE else INK

    def all(self, ends):
        names = {
            id(m): f"{name}\n"
            for m, name in zip(self.plan.maps[:: len(self.plan.maps) - 1 or 1], ends)
        }
        self.most_shown = self.largest() if self.features else 1.0
        for m in self.maps:
            self.map(m)
            self.label(m, names.get(id(m), "" if m.takes else f"{m.place}\n"))
            if m.takes:
                self.way(m.via or m, m)
        self.skips()
        for m in self.maps:
            if m.handed_out:
                self.handed_out(m)
        if self.has_time():
            self.time()
        if self.words and len(self.y) > 2:
            self.text(0.1, self.y[-1], self.words, ha="left", color=SLATE)
        elif self.words:
            self.text(0.1, self.low, self.words, ha="left", va="top", color=SLATE)

    def note(self, wide):
        """What no word in the picture says: at the lower left of a U, or below all."""
        parts = ["shapes are channels x height x width", "half the height is drawn half as high"]
        if self.features:
            parts += [
                f"of each tensor {CHANNELS} channels, those that vary most",
                "orange above 0, blue below",
            ]
        else:
            parts += ["more channels are drawn wider", "blue on the way down, orange on the way up"]
        if not self.maps or len(self.maps[0].shape) != 3 or not self.features and len(self.y) < 3:
            return ""
        if len(self.y) > 2:
            return ";\n".join(parts)
        return textwrap.fill("; ".join([parts[0], *parts[2:]]), int(14 * wide))

    def largest(self):
        """The number that has the strongest colour: hardly any that are shown lie beyond it."""
        import torch

        shown = [self.channels(m).flatten() for m in self.maps if m.number in self.tensors]
        values = torch.cat([v for v in shown if len(v)]).abs()
        return float(values.kthvalue(max(1, int(0.98 * len(values)))).values) or 1.0

    def channels(self, m):
        """Those channels of a tensor's first picture that vary most, in their order.

        Where an operation works on each number or channel by itself, they are those of its source.
        """
        like = m
        while self.keeps_channels(like):
            like = like.takes[0]
        values, chosen = (self.tensors[o.number][0].detach().float().cpu() for o in (m, like))
        best = chosen.flatten(1).std(1, correction=0).argsort(descending=True)[:CHANNELS]
        return values[best.sort().values]

    def keeps_channels(self, m):
        source = m.takes[0] if m.takes else m
        is_same = source is not m and source.shape == m.shape and source.number in self.tensors
        alone = m.op.lower() in EACH_ALONE or "Norm" in m.op or "Drop" in m.op
        return is_same and alone

    def text(self, x, y, words, size=8, **how):
        how = {"ha": "center", "va": "center", "color": INK, "linespacing": 1.15} | how
        self.ax.text(x, y, words, fontsize=size, zorder=4, **how)

    def box(self, x, y, wide, high, colour, **how):
        from matplotlib.patches import Rectangle

        self.ax.add_patch(
            Rectangle((x, y), wide, high, **{"fc": colour, "lw": 0, "zorder": 2} | how)
        )

    def map(self, m):
        (x, y), (wide, high) = self.at(m), self.size(m)
        if m.number in self.tensors and (self.features or self.is_picture(m)):
            return self.tiles(m)
        old = wide - self.new_width(m)
        self.box(x - wide / 2 + old, y - high / 2, wide - old, high, self.colour(m))
        if m.joined:
            self.box(x - wide / 2, y - high / 2, old, high, self.paint(BLUE, "skips", "decoder"))
        return None

    def new_width(self, m):
        """The width of a bar, or of its part that is no skip."""
        wide = self.size(m)[0]
        if not m.joined:
            return wide
        if self.features and m.number in self.tensors:
            return wide / 2
        return wide * (1 - sum(s.shape[0] for s in m.takes[1:]) / m.shape[0])

    def tiles(self, m):
        """Show channels of a map of the first picture; of a concatenation, those of both parts."""
        (x, y), (wide, high), side = self.at(m), self.size(m), self.side(m)
        if self.is_picture(m):
            return self.image(self.tensors[m.number][0], x - wide / 2, y - high / 2, wide, high)
        self.box(x - wide / 2, y - high / 2 - 0.02, wide, high + 0.04, PALE, zorder=1.5)
        for i, part in enumerate([m.takes[1], m.takes[0]] if m.joined else [m]):
            for j, channel in enumerate(self.channels(part)):
                left = x - wide / 2 + TILE_GAP / 2 + i * (side + TILE_GAP)
                bottom = y + high / 2 - side - j * (side + TILE_GAP)
                self.image(channel[None], left, bottom, side, side, signed=True)
        return None

    def image(self, values, left, bottom, wide, high, signed=False):
        from matplotlib.colors import LinearSegmentedColormap

        values = values.detach().float().cpu()
        most = self.most_shown if signed else 1.0
        how = {"extent": (left, left + wide, bottom, bottom + high), "interpolation": "nearest"}
        colours = LinearSegmentedColormap.from_list("signed", SIGNED)
        limits = {"vmin": -most, "vmax": most} if signed else {"vmin": -1, "vmax": 1}
        pixels = values[0] if len(values) == 1 else ((values.clamp(-1, 1) + 1) / 2).permute(1, 2, 0)
        self.ax.imshow(
            pixels.numpy(), cmap=colours if signed else "gray", zorder=2, **how, **limits
        )
        self.box(left, bottom, wide, high, "none", ec=GREY, lw=0.6, zorder=3)

    def label(self, m, name):
        """The shape of a map, above it where a way leads to or from its lower edge."""
        (x, y), high = self.at(m), self.size(m)[1]
        words = " x ".join(map(str, m.shape))
        if m.joined:
            words = f"concatenate {' + '.join(str(s.shape[0]) for s in m.takes)}:\n{words}"
        ways = [((o.via or o).takes[0].shown, o) for o in self.maps if self.is_straight(o)]
        above = any(m is min(way, key=lambda end: end.row) for way in ways)
        words = f"fails\n{m.failed}" if m.failed else name + words
        near = [o for o in self.maps if o.row == m.row and abs(o.column - m.column) < 2]
        away = max([high, *map(self.box_height, near)]) / 2 + 0.04  # clear of the boxes beside it
        up, paper = above or m.failed, {"fc": "white", "lw": 0, "pad": 0.5}
        y, align = (y + away, "bottom") if up else (y - away, "top")
        self.text(x, y, words, color=self.ink(m), va=align, bbox=paper)

    def arrow(self, start, end, colour, lw=1.2, zorder=1):
        how = {"arrowstyle": "-|>", "color": colour, "lw": lw, "shrinkA": 0, "shrinkB": 0}
        self.ax.annotate("", end, start, arrowprops=how, zorder=zorder)

    def way(self, made, m):
        """The operation from one map to the next: a box on the way, or words beside it."""
        source = made.takes[0].shown
        (x0, y0), (x1, y1) = self.at(source), self.at(m)
        colour = self.paint(SLATE, "decoder" if m.rising else "encoder")
        if x0 == x1:
            up = 1 if y1 > y0 else -1
            start, end = y0 + up * self.size(source)[1] / 2, y1 - up * self.size(m)[1] / 2
            x1 += (self.size(m)[0] - self.new_width(m)) / 2  # below what is new of it
            self.arrow((x0, start + up * 0.02), (x1, end), colour)
            shape = "" if made is m else " x ".join(map(str, made.shape))
            words = "\n".join(filter(None, [made.op, self.place(made), shape]))
            side, align = (0.09, "left") if m.rising else (-0.09, "right")
            ink = SLATE if colour == PALE else INK
            self.text(x1 + side, (start + end) / 2, words, ha=align, color=ink)
        else:
            start, end = x0 + self.size(source)[0] / 2, x1 - self.size(m)[0] / 2
            self.arrow((start + 0.03, y0), (end - 0.02, y1), colour)
            self.operation(m, made, self.left[m.column] - AROUND, y1)

    def operation(self, m, made, right, y):
        wide = self.name_width(made)
        parts = ["decoder" if made.rising else "encoder", *(["block"] if made.timed else [])]
        if made.timed:
            parts.append("time")
        edge = self.paint(PURPLE if made.timed else SLATE, *parts)
        x, words = right - wide / 2, "\n".join(filter(None, [made.op, self.place(made)]))
        high = self.box_height(m)
        self.box(right - wide, y - high / 2, wide, high, "white", ec=edge, lw=1.2)
        self.text(x, y, words, color=INK if edge != PALE else SLATE)
        if made.timed:
            lane = [x, x], [self.top, y + high / 2]
            self.ax.plot(*lane, color="white", lw=4, zorder=0.5)  # it passes over what it crosses
            self.arrow((x, self.top), (x, y + high / 2), self.paint(PURPLE, "time"), lw=0.9)

    def skips(self):
        """From the map of each skip to the one that took it in, one arrow for all of two rows."""
        pairs = {}
        for m in self.plan.maps:
            for source in m.takes[1:]:
                key = source.shown.row, m.shown.row, m.shown.rising
                pairs.setdefault(key, []).append((source.shown, m.shown))
        for taken in pairs.values():
            source = max((one for one, _ in taken), key=lambda one: one.column)
            m = min((other for _, other in taken), key=lambda other: other.column)
            words = "skip" if len(taken) == 1 else f"{len(taken)} skips"
            if self.goes_around(source, m):
                self.around(source, m)
            elif source is not m and source not in m.takes[:1]:  # else it is within what is folded
                self.skip(source, m, words)

    def skip(self, source, m, words):
        (x0, y0), (x1, y1) = self.at(source), self.at(m)
        colour = RED if m.failed else self.paint(BLUE, "skips")
        x0, x1 = x0 + self.size(source)[0] / 2 + 0.03, x1 - self.size(m)[0] / 2
        y0, y1 = y0 + 0.3 * self.size(source)[1], y1 + 0.3 * self.size(m)[1]
        self.arrow((x0, y0), (x1, y1), colour, lw=1.8, zorder=0)
        ink, paper = colour if colour != PALE else SLATE, {"fc": "white", "lw": 0, "pad": 1}
        near = x0 + 0.3 * (x1 - x0), y0 + 0.3 * (y1 - y0) + 0.03  # not where the time comes down
        self.text(*near, words, va="bottom", color=ink, bbox=paper)

    def handed_out(self, m):
        """An arrow from a map that is returned beside the last."""
        (x, y), (wide, high) = self.at(m), self.size(m)
        x, y = x + wide / 2 + 0.03, y + 0.3 * high
        self.arrow((x, y), (x + 0.25, y), BLUE, lw=1.8)
        self.text(x + 0.29, y, "returned", ha="left", color=BLUE)

    def around(self, source, m):
        """The way of a residual connection, above the row, with the operation that is on it."""
        (x0, y), high = self.at(source), max(self.size(o)[1] for o in self.maps if o.row == m.row)
        x1, top = self.left[m.column] - AROUND - self.name_width(m) / 2, y + high / 2 + 0.3
        start, end = y + self.size(source)[1] / 2 + 0.02, y + self.box_height(m) / 2
        colour = self.paint(BLUE, "skips")
        self.ax.plot([x0, x0, x1, x1], [start, top, top, end + 0.1], color=colour, lw=1.8, zorder=0)
        self.arrow((x1, end + 0.1), (x1, end), colour, lw=1.8)
        if m.branch:
            right = x0 + 0.2 * (x1 - x0) + self.name_width(m.branch)
            self.operation(m.branch, m.branch, right, top)
            words = " x ".join(map(str, m.branch.shape))
            self.text(right + 0.1, top + 0.02, words, ha="left", va="bottom")

    def time(self):
        """The bar above: what becomes of the time on its way to the blocks."""
        boxes = [self.x[0] + 0.3, self.x[-1]]
        colour = self.paint(PURPLE, "time")
        self.box(boxes[0], self.top, boxes[1] - boxes[0], BOX, colour)
        words = "  →  ".join(self.plan.time)
        ink = SLATE if colour == PALE else "white"
        self.text(sum(boxes) / 2, self.top + BOX / 2, words, size=9, color=ink)
