"""Values that may hold tensors: find these, change them, remember them; and say what a value is."""

import dataclasses
import inspect

import torch
from torch.utils._pytree import tree_is_leaf, tree_leaves, tree_map


def is_tensor(value):
    return isinstance(value, torch.Tensor)


def tensors(value):
    """Return the tensors in a value: itself, or those in its tuples, lists and dicts."""
    if is_tensor(value):
        return [value]
    return [x for x in tree_leaves(value) if is_tensor(x)]


def change(value, function):
    """Return a copy of a value in which the function has been applied to every tensor."""
    if is_tensor(value):
        return function(value)
    kind = type(value)  # PyTorch takes at least twice as long for plain ones
    if kind in (tuple, list):
        return kind([change(v, function) for v in value])
    if kind is dict:
        return {key: change(v, function) for key, v in value.items()}
    if tree_is_leaf(value):
        return value
    return tree_map(lambda x: function(x) if is_tensor(x) else x, value)


def freeze(value):
    """A copy that later calls cannot change."""
    return change(value, lambda x: x.detach().clone())


def unpacked(value):
    """The same with plain tuples in place of named ones, and of dataclasses that unpack."""
    if is_tensor(value):
        return value
    if dataclasses.is_dataclass(value) and hasattr(value, "__iter__"):
        value = tuple(value)
    if isinstance(value, tuple) and not isinstance(value, torch.Size):
        return tuple(unpacked(v) for v in value)
    return [unpacked(v) for v in value] if type(value) is list else value


def plain(value):
    """A number as Python has it, whatever library made it, in a tensor without axes too."""
    return value.item() if is_number(value) else unpacked(value)


def is_number(value):
    """True for a number that another library holds: it has no axes, and .item() takes it out."""
    ndim = getattr(value, "ndim", None)
    is_kept = hasattr(value, "item") and not inspect.isclass(value)
    return ndim == 0 and is_kept and not getattr(value, "is_meta", False)


def state(value):
    """What a call must not change: the numbers in a tensor, and whether it asks for gradients."""
    return [(x.detach().clone(), x.requires_grad) for x in tensors(value)]


def asking(value, before):
    """Whether each tensor asks for gradients, before and now."""
    return [(p, x.requires_grad) for x, (_, p) in zip(tensors(value), before)]


def same(one, other):
    return len(one) == len(other) and all(
        torch.equal(x, y) and p == q for (x, p), (y, q) in zip(one, other)
    )


def copied(args):
    """The arguments, with a copy of each list."""
    return [list(a) if type(a) is list else a for a in args]


# In words


def name(function):
    return getattr(function, "__name__", type(function).__name__)


def word(value):
    return str(tuple(value)) if isinstance(value, torch.Size) else str(value).removeprefix("torch.")


def describe(value):
    """Say in a few words what a value is: `a tensor of shape (5, 8), float32`."""
    if is_tensor(value):
        return f"a tensor of shape {word(value.shape)}, {word(value.dtype)}"
    if isinstance(value, (tuple, list)):
        kind = type(value).__name__
        return f"a {kind} of {len(value)} ({'; '.join(describe(v) for v in value[:4])})"
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if inspect.isgenerator(value):
        return "a generator"
    if isinstance(value, torch.device):
        return f"the device {value}"
    if callable(value) and hasattr(value, "__name__"):
        return f"the function {value.__name__}"
    return f"an object of class {type(value).__name__}"


def call_of(function, args):
    """A call in words: `f(x = torch.float32 (5, 8))`."""
    return f"{name(function)}({arguments(args, function)})"


def arguments(args, function):
    """Say what is passed in, with the attempt's own names for it where they fit."""
    return ", ".join(
        f"{key} = {word(a.dtype)} {word(a.shape)}" if is_tensor(a) else f"{key} = {describe(a)}"
        for key, a in zip(names(args, function), args)
    )


def names(args, function):
    """Return the attempt's names for its arguments, or their numbers where they do not fit."""
    called = function if inspect.isclass(function) else getattr(function, "forward", function)
    try:
        found = list(inspect.signature(called).bind(*args).arguments)
    except (TypeError, ValueError):
        found = []
    return found if len(found) == len(args) else [f"argument {i + 1}" for i in range(len(args))]
