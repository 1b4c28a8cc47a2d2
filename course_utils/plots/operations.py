"""What a module does with its input, as a graph: one node for each operation.

Layers that have no others in them are one operation each; what stands in the forward of the others
is taken apart. Moves (reshape, transpose, chunk, ...) that follow each other are one node.
"""

from dataclasses import dataclass, field

import torch

from course_utils.attention import attention_weights
from course_utils.shapes.calls import given
from course_utils.shapes.record import record
from course_utils.shapes.run import leaves

MOVES = {
    "reshape", "view", "permute", "transpose", "flatten", "unflatten", "squeeze", "unsqueeze",
    "unbind", "chunk", "split", "expand", "contiguous", "to", "float", "__getitem__",
}  # fmt: skip
SIGNS = {"add": "+", "sub": "−", "mul": "×", "div": "÷"}
FUSED = "scaled_dot_product_attention"


@dataclass(eq=False)
class Node:
    """An operation, the nodes that it takes, and the tensor that it made, None for a box."""

    op: str
    takes: list = field(default_factory=list)
    value: torch.Tensor | None = None
    name: str = ""  # of the layer in the module, or of an input
    constant: bool = False  # made of no input
    picture: bool = False  # the tensor is drawn as a grey picture
    column: int = 0
    lane: int = 0

    @property
    def moves(self):
        return self.op in MOVES or self.op == "move"


def operations(module, *inputs, whole=()):
    """Run a module and return its operations, the inputs first, the result last.

    () -> list of Node

    Layers whose type is in whole, a list of names, are not taken apart.
    """
    run, kept = ran(module, *inputs)
    home = {
        seen.number: Node("", value=kept[seen.number], name=name)
        for name, seen in zip(run.names, leaves(run.inputs))
    }
    for op, name, taken, made in called(run, whole):
        takes = [home[seen.number] for seen in taken if seen.number in home]
        if op == FUSED:
            takes = [weights(*takes[:2]), takes[2]]
            op = "matmul"
        for i, seen in enumerate(made):
            part = f"part {i + 1} of {len(made)}" if len(made) > 1 else name
            home[seen.number] = node(op, part, takes, kept[seen.number])
    return leading_to([home[seen.number] for seen in leaves(run.returned)])


def ran(module, *inputs):
    """Run a module without gradients, and raise what it raises.  -> Record, {number: tensor}"""
    kept = {}
    with torch.no_grad():
        run = record(module, *inputs, keep_in=kept)
    if run.error:
        raise run.error
    return run, kept


def node(op, name, takes, value):
    """Return a node; moves and constants take what their sources took."""
    if all(one.constant for one in takes):
        return Node("constant", value=value, constant=True)
    if op in MOVES:
        (source,) = takes
        op = op if op == "transpose" and not source.moves else "move"
        takes, name = (source.takes, name or source.name) if source.moves else (takes, name)
    return Node(op, takes, value, name)


def weights(q, k):
    """The shares of a fused attention, which has them in no tensor of its own."""
    shares = attention_weights(q.value.flatten(0, -3), k.value.flatten(0, -3))
    return Node("softmax(q kᵀ / √d)", [q, k], shares.unflatten(0, q.value.shape[:-2]))


def called(run, whole):
    """The layers that stay whole, and the calls in the others, in the order of their results."""
    found, opened, until = [], {"the network"}, 0
    for i, step in enumerate(run.steps):
        if i < until:
            continue
        depths = [inner.depth for inner in run.steps[i + 1 :]]
        inside = next((j for j, depth in enumerate(depths) if depth <= step.depth), len(depths))
        if not step.depth or inside and step.type not in whole:
            opened.add(step.name)
        else:
            op = f"{step.type} {step.kernel}".strip()
            found.append((op, step.name, leaves(step.given), leaves(step.returned)))
            until = i + 1 + inside
    calls = [c for c in run.calls if c.place in opened]
    found += [(c.op, numbers(c), given(c), leaves(c.returned)) for c in calls]
    found = [(op, name, [*taken], [*made]) for op, name, taken, made in found]
    new = [f for f in found if f[3] and not {s.number for s in f[3]} & {s.number for s in f[2]}]
    return sorted(new, key=lambda one: one[3][0].number)


def numbers(call):
    """What a reader has to know of a call beside its tensors: a factor, or the axis.

    The axis is counted from the last, for the batch is not drawn.
    """
    plain = [v for v in call.given if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if not plain or call.op not in (*SIGNS, "softmax", "cat"):
        return ""
    if call.op in SIGNS:
        return f"{plain[0]:.3g}"
    axes = len(given(call)[0].shape)
    return f"over axis {plain[0] % axes - axes}"


def leading_to(ends):
    """All nodes that the ends are made of, sources first."""
    found = {}

    def visit(one):
        for source in one.takes:
            visit(source)
        found.setdefault(id(one), one)

    for end in ends:
        visit(end)
    return list(found.values())
