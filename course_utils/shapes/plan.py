"""The record of a run as a plan for a picture: which operations are drawn, and where.

A layer is drawn as one operation, by its name, unless it is a part of the U with operations of its
own to show: then those are drawn in its place.
"""

import math
from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby

from course_utils.shapes.calls import JOINING, given
from course_utils.shapes.run import Seen, leaves

QUIET = {"to", "contiguous", "clone", "detach", "float", "__getitem__", "__get__"}
ACTIVATIONS = {"silu", "relu", "gelu", "leaky_relu", "elu", "mish", "tanh", "sigmoid"}
MOST = 24  # maps that are drawn each by itself; of a larger network those of one size are folded


@dataclass(eq=False)
class Map:
    """Feature maps, the operation that made them, and where they stand."""

    op: str
    place: str  # the layer's name in the network, if it is a layer
    shape: tuple  # channels, then height and width
    number: int  # of the tensor
    takes: list = field(default_factory=list)  # the maps that it is made of, the latest first
    timed: bool = False  # the operation also takes what was made of the time
    rising: bool = False
    joined: bool = False
    row: int = 0
    column: int = 0
    via: object = None  # of a concatenation: the Map that it was the next use of
    branch: object = None  # the Map that is one operation beside the row, and ends here
    within: object = None  # the Map that is drawn in place of this one
    failed: str = ""  # the shapes that met, where the run failed
    handed_out: bool = False  # the network returns it, beside its last map

    @property
    def pixels(self):
        return math.prod(self.shape[1:])

    @property
    def shown(self):
        return self.within.shown if self.within else self


@dataclass
class Plan:
    maps: list
    time: list = field(default_factory=list)  # words: the time, and what becomes of it


def plan(run):
    """Return the Plan of a run: its maps in the order in which they were made.

    Record -> Plan
    """
    first = next((s for s in run.inputs if isinstance(s, Seen) and len(s.shape) > 2), None)
    if first is None:
        return Plan([])
    starts = inputs(run, len(first.shape))
    told = {s.number for s in leaves(run.inputs) if len(s.shape) < len(first.shape)}
    names = [n for n, s in zip(run.names, run.inputs) if {x.number for x in leaves(s)} & told]
    plan, home = Plan(starts, [", ".join(names)]), {m.number: m for m in starts}
    for op, place, taken, made in operations(run, len(first.shape)):
        sources = sorted({home[n].number: home[n] for n in taken if n in home}.items())
        if sources:
            home[made.number] = sources[-1][1]
        elif told & set(taken):
            told.add(made.number)
            plan.time += becomes(op, place, made)
        if sources and len(made.shape) == len(first.shape) and op not in QUIET:
            new = Map(op, place, made.shape[1:], made.number, [m for _, m in sources[::-1]])
            new.timed, new.joined = bool(told & set(taken)), op in JOINING and len(sources) > 1
            home[made.number] = new
            plan.maps.append(new)
    returned = {seen.number for seen in leaves(run.returned)}
    for m in plan.maps[:-1]:
        m.handed_out = m.number in returned
    if run.failed and run.error:
        mark_failure(run.failed, plan.maps, home)
    arrange(plan.maps)
    return plan


def inputs(run, axes):
    """The maps that come in, by the names that forward gives them.  -> list of Map"""
    return [
        Map("", name, s.shape[1:], s.number)
        for name, value in zip(run.names, run.inputs) for s in leaves(value)
        if len(s.shape) == axes
    ]  # fmt: skip


def becomes(op, place, made):
    """What the bar of the time says of an operation: layers and activations, not arithmetic."""
    if place:
        return [op, f"{' x '.join(map(str, made.shape[1:]))} numbers"]
    return [op] if op in ACTIVATIONS else []


def operations(run, axes):
    """The operations to be drawn, first to last.  -> list of (name, layer, numbers taken, Seen)"""
    whole, opened = units(run, axes)
    found = [(f"{s.type} {s.kernel}".strip(), s.name, leaves(s.given), s.returned) for s in whole]
    found += [
        (c.op, "" if c.inside else c.place, given(c), c.returned)
        for c in run.calls if c.place in opened
    ]  # fmt: skip
    found = [(op, place, [s.number for s in taken], made) for op, place, taken, made in found]
    found = [f for f in found if isinstance(f[3], Seen) and f[3].number not in f[2]]
    return sorted(found, key=lambda one: one[3].number)


def units(run, axes):
    """The steps that are drawn as one operation, and the names of the layers that are opened."""
    whole, opened, covered = [], {"the network"}, 0
    for i, step in enumerate(run.steps):
        if i < covered:
            continue
        end = next(
            (j for j in range(i + 1, len(run.steps)) if run.steps[j].depth <= step.depth), None
        )
        inside = run.steps[i:end]
        if len(inside) > 1 and (not step.depth or has_more_to_show(step, inside, run, axes)):
            opened.add(step.name)
        else:
            whole.append(step)
            covered = i + len(inside)
    return whole, opened


def has_more_to_show(step, inside, run, axes):
    """True for a layer that joins maps, returns several, did not return, or resizes in steps."""
    names = {s.name for s in inside}
    joins = any(
        c.op in JOINING and len(c.returned.shape) == axes and c.place in names for c in run.calls
    )
    before, after = (
        [s for s in leaves(v) if len(s.shape) == axes] for v in (step.given, step.returned)
    )
    resizes = len(inside) > 2 and {s.shape[2:] for s in before} != {s.shape[2:] for s in after}
    return joins or len(after) > 1 or step.milliseconds is None or resizes


def mark_failure(call, maps, home):
    """Say at the last map what met where an operation failed."""
    met = [s for s in given(call) if len(s.shape) > 2]
    if call.op.startswith("conv"):
        met = met[:1]  # the other is the weight
    last = maps[-1]
    shapes = dict.fromkeys(" x ".join(map(str, s.shape[1:])) for s in met[::-1])
    last.failed = "\nmeets ".join(shapes) or "here"
    last.takes += [home[s.number] for s in met if home.get(s.number, last) is not last]


def arrange(maps):
    """Give each map its row and column: to the right, or straight where the size changes."""
    sizes = {id(m): (m.takes[1] if m.failed and len(m.takes) > 1 else m).pixels for m in maps}
    rows = sorted(set(sizes.values()), reverse=True)
    merge(maps)
    if len(maps) > MOST:
        for _, stage in groupby([m for m in maps if not m.within], key=lambda m: m.shape[1:]):
            fold(list(stage))
    shown, taken = [m for m in maps if not m.within], set()
    others = [m for m in shown[1:] if not m.takes]  # further inputs, at the left
    for m in others:
        m.row = rows.index(sizes[id(m)])
        m.column = len([o for o in taken if o[0] == m.row])
        taken.add((m.row, m.column))
    before, maps[0].column = maps[0], len(set(column for _, column in taken))
    for m in (m for m in shown if m not in others):
        m.row = rows.index(sizes[id(m)])
        resized = m.shape[1:] != before.shape[1:]
        m.rising = m.pixels > before.pixels if resized else before.rising
        straight = m is before or resized and (m.row, before.column) not in taken
        m.column = before.column + (not straight)
        taken.add((m.row, m.column))
        before = m


def merge(maps):
    """Let a concatenation stand for what it was made of, and a sum for the shortcut to it."""
    for before, m in zip(maps, maps[1:]):
        if m.joined and m.takes[0] is before:  # one bar shows both
            m.via, before.within = before, m
    for earlier, before, m in zip(maps, maps[1:], maps[2:]):
        if m.takes[:2] == [before, earlier] and earlier not in before.takes and not m.joined:
            m.branch, before.within = before, m
            m.takes = [earlier, before.takes[0]]


def fold(stage):
    """Let the last map of a size stand for all but the first, with what led to it counted."""
    _, *others = stage
    if len(others) > 1:
        last = others[-1]
        last.takes = stage[:1] + last.takes[1:] * bool(last.failed)
        last.timed = any(m.timed for m in others)
        names = Counter(m.op for m in others)
        last.op = "\n".join(f"{n} {op}" if n > 1 else op for op, n in names.items())
        last.place = ""
        for m in others[:-1]:
            m.within = last
