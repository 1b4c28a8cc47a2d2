"""The rules by which a failure is explained, a file for each kind of operation.

A rule is a function of a run, the operation that failed and its place in the network; it returns a
sentence, or None where it does not know better than PyTorch. RULES of a file names the operations
that its rules are asked about; those of all files are collected here.

convolutions.py        convolutions and their transposes
normalisation.py       GroupNorm, BatchNorm, LayerNorm
pooling.py             maps that cannot be made smaller
products.py            linear layers, products of matrices
lookups.py             embeddings
concatenation.py       tensors that are concatenated
arithmetic.py          tensors that are added, multiplied and so on, by broadcasting
reshapes.py            view and reshape
dtypes_and_devices.py  whatever the operation: numbers of two kinds, tensors on two devices
network_inputs.py      what a network or a layer is called with

channels.py            for several of them: channels that a layer does not expect
skips.py               for several of them: a skip and a map that differ in height or width
"""

from course_utils.shapes.rules import (
    arithmetic,
    concatenation,
    convolutions,
    lookups,
    normalisation,
    pooling,
    products,
    reshapes,
)

RULES = {}
for room in (
    arithmetic,
    concatenation,
    convolutions,
    lookups,
    normalisation,
    pooling,
    products,
    reshapes,
):
    for op, rules in room.RULES.items():
        RULES[op] = (*RULES.get(op, ()), *rules)
