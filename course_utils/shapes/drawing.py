"""The record of a run as a picture: the U with its shapes, its skips, and where it failed.

What follows one another at one size is a stage, and the stages stand in a row: the smaller their
maps, the lower. Within a stage each number of channels is a bar, so that a network of forty layers
has as many bars as it has sizes and joins.
"""

import math
import textwrap
from dataclasses import dataclass, field

from course_utils.shapes.calls import JOINING, UPWARD, given, short
from course_utils.shapes.cause import cause
from course_utils.shapes.record import Seen, record
from course_utils.shapes.words import by

MAPS = (
    JOINING | UPWARD | {f"{op}{n}d" for op in ("conv", "max_pool", "avg_pool") for n in (1, 2, 3)}
)
BLUE, ORANGE, RED = "#2b6cb0", "#c05621", "#b91c1c"  # those of plots/colours.py
INK, SLATE, PALE = "#1e293b", "#4a5568", "#cbd5e1"
ROW, MOST = 1.5, 5  # the height of a row of stages, and how many bars a stage has at most


@dataclass
class Bar:
    """Feature maps of one shape that follow one another."""

    channels: int
    numbers: set = field(default_factory=set)  # of the tensors that it stands for
    skip: int = 0  # how many of its channels are a skip, concatenated
    source: object = None  # the stage from which the skip comes


@dataclass
class Stage:
    """Feature maps of one size, and how they came to it."""

    sides: tuple
    through: str  # the layer that gave them their size
    rising: bool
    bars: list = field(default_factory=list)
    failed: str = ""  # the shapes that met, where the run failed
    level: int = 0  # the size of the maps that it stands beside


def draw_u(model, *inputs, **named):
    """Run a network once, forward, and draw the sizes and channels of its maps, from left to right.

    (B, C, H, W), (B,) -> figure

    The smaller the maps, the lower they stand; a bar is a number of channels, its blue part on the
    way up a skip that was concatenated. If the run fails, the place is red and the cause stands
    below. It takes what trace takes, and leaves as little behind.
    """
    return draw(record(model, *inputs, **named))


def draw(run):
    """Draw the U of a run that was recorded.

    Record -> figure
    """
    import matplotlib.pyplot as plt  # only here, so that the tables do without it

    stages = stages_of(run)
    rows = sorted({stage.level for stage in stages}, reverse=True)
    tallest = max((max(stage.sides) for stage in stages), default=1)
    most = max((bar.channels for stage in stages for bar in stage.bars), default=1)
    spans = [span_of(stage) for stage in stages]
    wide = sum(spans)
    figure, ax = plt.subplots(figsize=(max(5.0, 0.62 * wide), 0.72 * ROW * len(rows) + 0.6))
    left, places = 0.0, {}
    for stage, span in zip(stages, spans):
        y = -ROW * rows.index(stage.level)
        places[id(stage)] = draw_stage(ax, stage, left + span / 2, y, tallest, most)
        left += span
    draw_ways(ax, stages, places)
    draw_skips(ax, stages, places)
    ax.set_xlim(0, max(wide, 1))
    ax.set_ylim(-ROW * (len(rows) - 1) - 0.95, 0.75)
    ax.axis("off")
    if run.error:
        words = textwrap.fill(cause(run), int(13 * figure.get_figwidth()))
        figure.text(0.02, 0.0, words, color=RED, fontsize=9, va="top")
    figure.tight_layout(pad=0.3)
    return figure


def stages_of(run):
    """Return the stages of a run, in the order in which they were reached."""
    first = next((s for s in run.inputs if isinstance(s, Seen) and len(s.shape) > 2), None)
    if first is None:
        return []
    stages = [Stage(first.shape[2:], "", False, [Bar(first.shape[1], {first.number})])]
    for call in run.calls:
        made = call.returned
        if isinstance(made, Seen) and len(made.shape) == len(first.shape):
            last = stages[-1]
            if call.op in MAPS and made.shape[2:] != last.sides:
                rising = math.prod(made.shape[2:]) > math.prod(last.sides)
                last = Stage(made.shape[2:], short(call), rising)
                stages.append(last)
            add(call, made, last, stages)
    for stage in stages:
        stage.level = math.prod(stage.sides)
    if run.failed and run.error:
        mark_failure(run.failed, stages)
    return stages


def add(call, made, stage, stages):
    """Let a stage have a bar for what an operation made, if it is not in one already."""
    if made.shape[2:] != stage.sides:
        return
    joined = call.op in JOINING and len(given(call)) > 1
    if call.op in MAPS and (joined or not stage.bars or stage.bars[-1].channels != made.shape[1]):
        stage.bars.append(Bar(made.shape[1]))
    if not stage.bars:
        return
    stage.bars[-1].numbers.add(made.number)
    if joined:
        old = min(given(call), key=lambda s: s.number)
        source = next((s for s in stages if any(old.number in b.numbers for b in s.bars)), None)
        if source is not stage and source is not None:
            stage.bars[-1].skip, stage.bars[-1].source = old.shape[1], source


def mark_failure(call, stages):
    """Say at the last stage what met where an operation failed."""
    maps = [s for s in given(call) if len(s.shape) > 2]
    if call.op.startswith("conv"):
        maps = maps[:1]  # the other is the weight
    last = stages[-1]
    shapes = dict.fromkeys(" x ".join(map(str, s.shape[1:])) for s in maps[::-1])
    last.failed = "\nmeets ".join(shapes) or "here"
    for old in sorted(maps, key=lambda s: s.number)[:-1]:
        source = next((s for s in stages if any(old.number in b.numbers for b in s.bars)), None)
        if source is not None and source is not last:
            last.bars.append(Bar(old.shape[1], skip=old.shape[1], source=source))
            last.level = source.level


def span_of(stage):
    return 1.5 + 0.5 * len(shown(stage))


def shown(stage):
    """The bars of a stage that are drawn: the first, and the last ones; None stands for others."""
    bars = stage.bars
    return bars if len(bars) <= MOST else [*bars[:2], None, *bars[2 - MOST :]]


def draw_stage(ax, stage, x, y, tallest, most):
    """Draw the bars of a stage around a place; return where they begin, end, and how high."""
    from matplotlib.patches import Rectangle

    bars = shown(stage)
    high = 0.12 + 0.88 * max(stage.sides) / tallest
    at = x - 0.25 * (len(bars) - 1)
    ink = RED if stage.failed else INK
    colour = RED if stage.failed else ORANGE if stage.rising else BLUE
    for bar in bars:
        if bar is None:
            ax.text(at, y, "...", ha="center", va="center", fontsize=9, color=ink)
        else:
            width = 0.1 + 0.32 * (bar.channels / most) ** 0.5
            old = width * bar.skip / bar.channels
            start = at - width / 2
            for begin, part, paint in ((start, old, BLUE), (start + old, width - old, colour)):
                box = (begin, y - high / 2)
                ax.add_patch(Rectangle(box, part, high, color=paint, lw=0, zorder=2))
            below = y - high / 2 - 0.04
            ax.text(at, below, bar.channels, fontsize=7.5, ha="center", va="top", color=ink)
        at += 0.5
    size = by(stage.sides)
    ax.text(
        x, y - high / 2 - 0.2, size, fontsize=8, ha="center", va="top", color=ink, weight="bold"
    )
    if stage.failed:
        said = f"fails\n{stage.failed}"
        ax.text(x, y + high / 2 + 0.05, said, fontsize=8, ha="center", va="bottom", color=RED)
    half = 0.25 * (len(bars) - 1) + 0.2
    return x - half, x + half, y, high


def draw_ways(ax, stages, places):
    """From stage to stage, with the layer that changed the size."""
    for one, other in zip(stages, stages[1:]):
        (_, x0, y0, _), (x1, _, y1, _) = places[id(one)], places[id(other)]
        arrow = {"arrowstyle": "-|>", "color": SLATE, "lw": 1.0, "shrinkA": 3, "shrinkB": 3}
        ax.annotate("", (x1, y1), (x0, y0), arrowprops=arrow, zorder=1)
        side, away = ("right", -0.12) if y1 > y0 else ("left", 0.12)  # where there is room
        middle = x0 + 0.38 * (x1 - x0) + away, y0 + 0.38 * (y1 - y0)
        ax.text(*middle, other.through, fontsize=7, ha=side, va="center", color=SLATE)


def draw_skips(ax, stages, places):
    """From the stage of each skip to the stage that took it in, one arrow for all of them."""
    pairs = {}
    for stage in stages:
        for bar in stage.bars:
            if bar.source:
                pairs.setdefault((id(bar.source), id(stage)), []).append(stage)
    for (one, other), taken in pairs.items():
        (_, x0, y0, high), (x1, _, y1, _) = places[one], places[other]
        above = 0.28 * high
        colour = RED if taken[0].failed else PALE
        arrow = {"arrowstyle": "-|>", "color": colour, "lw": 2.0, "shrinkA": 2, "shrinkB": 2}
        ax.annotate("", (x1, y1 + above), (x0, y0 + above), arrowprops=arrow, zorder=0)
        words = "skip" if len(taken) == 1 else f"{len(taken)} skips"
        middle = (x0 + x1) / 2, (y0 + y1) / 2 + above + 0.03
        ax.text(*middle, words, fontsize=7, ha="center", va="bottom", color=SLATE)
