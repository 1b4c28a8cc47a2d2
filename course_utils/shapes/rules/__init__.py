"""The rules by which a failure is explained, a file for each kind of operation.

A rule is a function of a run, the operation that failed and its place in the network; it returns a
sentence, or None where it does not know better than PyTorch. RULES of a file names the operations
that its rules are asked about; those of all files are collected here.

convolutions.py        convolutions and their transposes
normalisation.py       GroupNorm, BatchNorm, LayerNorm
pooling.py             maps that cannot be made smaller, or folded
products.py            linear layers, products of matrices
attention.py           PyTorch's attention
recurrent.py           LSTM, GRU and RNN
lookups.py             embeddings, tables that are indexed
concatenation.py       tensors that are concatenated
arithmetic.py          tensors that are added, multiplied and so on, by broadcasting
reshapes.py            view, reshape, permute
resizing.py            interpolate, pad
losses.py              an answer and what it should be
gradients.py           the backward pass
python_code.py         the network's own Python: unpacking, `if`, lists of layers
einops_patterns.py     rearrange and the like
dtypes_and_devices.py  whatever the operation: numbers of two kinds, tensors on two devices
network_inputs.py      what a network or a layer is called with
reductions.py          what runs: sums, means and softmax over an axis that is not meant

batches.py             for several of them: what made more or fewer pictures of a batch
spreading.py           for several of them: what was spread over the batch
channels.py            for several of them: channels that a layer does not expect
skips.py               for several of them: a skip and a map that differ in their sides
"""

from course_utils.shapes.rules import (
    arithmetic,
    attention,
    concatenation,
    convolutions,
    dtypes_and_devices,
    einops_patterns,
    gradients,
    lookups,
    losses,
    network_inputs,
    normalisation,
    pooling,
    products,
    python_code,
    reductions,
    reshapes,
    resizing,
)

ROOMS = (
    arithmetic, attention, concatenation, convolutions, einops_patterns, gradients, lookups,
    normalisation, pooling, products, python_code, reshapes, losses, resizing,
)  # fmt: skip
RULES = {}
for room in ROOMS:
    for op, rules in room.RULES.items():
        RULES[op] = (*RULES.get(op, ()), *rules)

# Asked first, whatever the operation, and asked last, with no operation: rule(run, place).
ANY_CALL = (
    reductions.axis_out_of_range,
    dtypes_and_devices.devices,
    network_inputs.no_tensor,
    dtypes_and_devices.kinds,
)
WITHOUT_CALL = (
    einops_patterns.pattern, python_code.no_forward, python_code.before_init,
    python_code.without_self,
    network_inputs.wrong_inputs,
    network_inputs.one_list_for_all, network_inputs.not_a_tensor, normalisation.norm_that_refused,
    normalisation.too_few_axes, network_inputs.refused_argument, network_inputs.left_out,
    network_inputs.no_such_attribute, python_code.no_such_name, python_code.empty_list,
    python_code.weights_of_another, python_code.of_two_kinds, python_code.loose_tensors,
    gradients.leaf_in_place, python_code.unpacking, python_code.not_callable,
    python_code.the_network,
)  # fmt: skip


def asked(rule, *arguments):
    """Ask a rule. One that stumbles over a network that nobody thought of has nothing to say."""
    try:
        return rule(*arguments)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        return None
