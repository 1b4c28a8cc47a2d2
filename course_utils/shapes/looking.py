"""What a Recorder looks up besides the run: names, what a layer keeps, what gradients reach."""

import ast
import inspect
import traceback

import torch
from torch import nn


def names_of(function, inputs, named):
    """The inputs' names in the function's own signature.  -> list of str"""
    forward = function.forward if isinstance(function, nn.Module) else function
    try:
        parameters = inspect.signature(forward).parameters.values()
    except (TypeError, ValueError):  # some that are written in C have no signature
        parameters = ()
    many = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    names = [parameter.name for parameter in parameters if parameter.kind not in many]
    names += [""] * (len(inputs) - len(names))
    return [*names[: len(inputs)], *named]


def kept_tensors(layer):
    """The tensors that a layer keeps, of its own or in a plain object.  -> (self.name, tensor)"""
    for name, value in vars(layer).items():
        if isinstance(value, torch.Tensor):
            yield f"self.{name}", value
        elif hasattr(value, "__dict__") and not isinstance(value, nn.Module):
            for inner, held in vars(value).items():
                if isinstance(held, torch.Tensor):
                    yield f"self.{name}.{inner}", held
    for name, value in layer.named_parameters(recurse=False):
        yield f"self.{name}", value


def sides_of(line, frame):
    """What stands on both sides of an `assert a == b`, once more.  -> tuple, empty for others"""
    try:
        test = ast.parse(line).body[0].test
        sides = [ast.unparse(side) for side in (test.left, *test.comparators)]
        return tuple(eval(side, frame.f_globals, frame.f_locals) for side in sides)
    except Exception:  # the code is a stranger's, and it failed once already
        return ()


def has_layers(model):
    """True for a Module, unless its __init__ did not call that of Module."""
    return isinstance(model, nn.Module) and "_modules" in vars(model)


def repeated_in(model):
    """The names that one layer with weights has in one list.  -> list of lists"""
    found = []
    for name, owner in model.named_modules():
        if isinstance(owner, (nn.ModuleList, nn.Sequential)):
            held = {}
            for key, layer in owner._modules.items():
                if any(True for _ in layer.parameters()):
                    held.setdefault(id(layer), []).append(f"{name}.{key}".lstrip("."))
            found += [names for names in held.values() if len(names) > 1]
    return found


def with_gradients(returned):
    """The ids of the parameters that a backward pass from these tensors reaches, or None where
    that cannot be seen: gradients are off, or a checkpoint hides its own."""
    tensors = list(parts(returned, torch.Tensor))
    if not torch.is_grad_enabled() or not any(t.is_floating_point() for t in tensors):
        return None
    reached = {id(t) for t in tensors}
    queue, met = [t.grad_fn for t in tensors if t.grad_fn], set()
    while queue:
        node = queue.pop()
        if node in met:
            continue
        met.add(node)
        if node.name() == "CheckpointFunctionBackward":
            return None
        if hasattr(node, "variable"):
            reached.add(id(node.variable))
        queue += [before for before, _ in node.next_functions if before]
    return reached


def in_a_checkpoint():
    frames = traceback.walk_stack(None)
    return any(f.f_globals.get("__name__") == "torch.utils.checkpoint" for f, _ in frames)


def parts(value, kind):
    """All things of a kind in a value, however deep in lists, tuples and dicts."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, (dict, list, tuple)):
        for v in value.values() if isinstance(value, dict) else value:
            yield from parts(v, kind)
