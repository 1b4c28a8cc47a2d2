"""What can be wrong with a module before it is called, in words."""

import dis
import inspect

from torch import nn

from course_utils.checks.engine.values import describe


def no_module(made_by, value):
    """Say what is wrong with something that should be a module, and what to do."""
    if inspect.isclass(made_by):
        return "Your class is no nn.Module.", "Let it inherit from nn.Module."
    tip = "Is a return missing?" if value is None else "Return one module."
    if isinstance(value, (tuple, list)):
        tip = "Put the layers into nn.Sequential(...)."
    if isinstance(value, type):
        tip = "Brackets behind its name are missing: they make a module of the class."
    return f"Your function returns {describe(value)}; a module is asked for.", tip


def strays_of(module):
    """Return the names of layers for which forward takes a thing of the notebook instead."""
    forward = type(module).forward
    code, outside = getattr(forward, "__code__", None), getattr(forward, "__globals__", {})
    layers = [key for key, _ in module.named_children()]
    if not code or not {*layers}.intersection(code.co_names, outside):
        return []
    found = list(dis.get_instructions(code))
    taken = {i.argval for i in found if i.opname == "LOAD_GLOBAL"}
    own = {i.argval for i in found if i.opname in ("LOAD_ATTR", "LOAD_METHOD")}
    return [key for key in layers if key in taken - own]


def hiding(module):
    """Return the attributes that hide weights from PyTorch, in plain lists or dicts."""
    known = set(module.modules())

    def hides(value):
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, (list, tuple)):
            return any(hides(v) for v in value)
        is_new = isinstance(value, nn.Module) and value not in known
        return is_new and any(True for _ in value.parameters())

    own = [(k, v) for m in module.modules() for k, v in vars(m).items() if not k.startswith("_")]
    return [key for key, value in own if hides(value)]


def listed(names):
    """The names, or four of them."""
    return ", ".join(names if len(names) <= 5 else [*names[:4], f"and {len(names) - 4} others"])
