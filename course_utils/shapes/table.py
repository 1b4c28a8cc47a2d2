"""The record of a run as a table, for a notebook and as text."""

import html

import torch

from course_utils.shapes.cause import cause
from course_utils.shapes.record import record
from course_utils.shapes.remarks import remarks
from course_utils.shapes.run import Seen

COLUMNS = ("type", "in", "out", "parameters", "ms", "memory")
NUMBERS = {"parameters", "ms", "memory"}
RED, PALE_RED = "#b91c1c", "#fee2e2"


def trace(model, *inputs, **named):
    """Run a network once, forward, and return the table of its layers as a Trace.

    (B, C, H, W), (B,) -> Trace

    The model may also be a function of the inputs that makes layers and calls them. Nothing is
    left behind: no hook, no changed buffer, no used-up random number. An exception does not come
    through; the table then ends where it was raised, and its cause says what met what.
    """
    return Trace(record(model, *inputs, **named))


def trace_loss(model, loss, *inputs, **named):
    """Run a training step's loss and its backward pass once, and return the table as a Trace.

    loss(model, *inputs) -> ()

    Gradients are afterwards as they were. What fails in the backward pass is explained as well:
    nothing that asks for gradients, or what was changed in place.
    """
    return Trace(record(model, *inputs, loss=loss, **named))


trace.loss = trace_loss


class Trace:
    """The layers that ran, in the order in which they were called.

    cause    None, or why the run failed, in one sentence
    error    None, or the exception itself
    remarks  sentences about what ran and looks wrong all the same
    steps    a Step for each call of a layer: name, type, given, returned, parameters,
             milliseconds, kept (bytes that the backward pass needs, with those of its layers)
    run      all that was recorded; its calls are the operations, such as conv2d and cat

    The time is that of this one call, on the machine that ran it; the first is the slowest.
    """

    def __init__(self, run):
        self.run, self.steps, self.error = run, run.steps, run.error
        self.cause = cause(run) if run.error else None
        self.remarks = remarks(run)

    def table(self, *columns, depth=None):
        """Return the table as text: some columns or all, the layers down to a depth or all.

        Columns are "type", "in", "out", "parameters", "ms" and "memory"; depth 0 is the network
        itself, 1 what it calls. Raises ValueError for other columns.
        """
        columns = columns or COLUMNS
        if unknown := set(columns) - set(COLUMNS):
            raise ValueError(f"there is no column {', '.join(unknown)}; there are {COLUMNS}")
        rows = [("layer", *columns), *(self.row(s, columns) for s in self.upto(depth))]
        widths = [max(map(len, cells)) for cells in zip(*rows)]
        lines = []
        for row in rows:
            cells = [
                cell.rjust(width) if column in NUMBERS else cell.ljust(width)
                for column, cell, width in zip(("layer", *columns), row, widths)
            ]
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)

    def upto(self, depth):
        """The steps down to a depth, and those that failed."""
        return [s for s in self.steps if depth is None or s.depth <= depth or self.failed(s)]

    def failed(self, step):
        return step.milliseconds is None

    def row(self, step, columns):
        cells = {
            "type": step.type + " (not registered)" * (not step.registered),
            "in": ", ".join(describe(value) for value in step.given),
            "out": "failed" if self.failed(step) else describe(step.returned),
            "parameters": f"{step.parameters:,}",
            "ms": "" if self.failed(step) else f"{step.milliseconds:.2f}",
            "memory": size(step.kept),
        }
        return step.name, *(cells[column] for column in columns)

    def verdict(self):
        """What failed or looks wrong, a line for each; nothing if nothing does."""
        return "\n".join([self.cause] * bool(self.cause) + self.remarks[:5])

    def __repr__(self):
        return "\n\n".join(filter(None, [self.table(), self.verdict()]))

    def _repr_html_(self):
        def cells(tag, texts, style=""):
            return "".join(
                f"<{tag} style='text-align:left;{style}'>{html.escape(t)}</{tag}>" for t in texts
            )

        lines = [f"<tr>{cells('th', ('layer', *COLUMNS))}</tr>"]
        for step in self.steps:
            style = f"color:{RED};background:{PALE_RED};" if self.failed(step) else ""
            lines.append(f"<tr>{cells('td', self.row(step, COLUMNS), style)}</tr>")
        said = "".join(
            f"<p style='border-left:5px solid {RED};padding-left:.8em'>{html.escape(t)}</p>"
            for t in self.verdict().splitlines()
        )
        return f"<table>{''.join(lines)}</table>{said}"


def describe(value):
    """A value as it stands in the table: (8, 64, 16, 16) for a tensor, and so on inwards."""
    if isinstance(value, Seen):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {describe(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list) and len(value) > 1:
        return f"[{len(value)} {'tensors' if isinstance(value[0], Seen) else 'items'}]"
    if isinstance(value, (list, tuple)):
        start, end = "[]" if isinstance(value, list) else "()"
        return start + ", ".join(map(describe, value)) + end
    if value is None or isinstance(value, (bool, int, float, str, torch.dtype)):
        return repr(value)
    return type(value).__name__


def size(count):
    """Bytes as people read them."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
