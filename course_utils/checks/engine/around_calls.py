"""What is put around the call of an attempt, to see more of it or to leave out what is chance."""

import contextlib
import copy
import functools
from unittest import mock

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


@contextlib.contextmanager
def parameters_made():
    """Collect the names of the parameters that modules get within it."""
    made, register = [], nn.Module.register_parameter

    def counted(module, name, param):
        if not isinstance(module, nn.ParameterList):  # a slice of one is no layer
            made.append(name)
        return register(module, name, param)

    with mock.patch.object(nn.Module, "register_parameter", counted):
        yield made


@contextlib.contextmanager
def drawn_in_order():
    """Within it, dropout draws in the order of the axes, not in that of the memory."""
    drawing = F.dropout

    @functools.wraps(drawing)
    def dropout(input, *args, **kwargs):
        return drawing(input.contiguous(), *args, **kwargs)

    with mock.patch.object(F, "dropout", dropout):
        yield


class Filled(TorchFunctionMode):
    """Within it, new memory holds NaN: what is never written is seen."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        new = func in (torch.empty, torch.empty_like, torch.Tensor.new_empty)
        return out.fill_(torch.nan) if new and out.is_floating_point() else out


class Detached(TorchFunctionMode):
    """Within it, deepcopy takes tensors that are part of a graph, as modules keep of a call."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.__deepcopy__:
            args = (args[0].detach() if not args[0].is_leaf else args[0], *args[1:])
        return func(*args, **(kwargs or {}))


def copy_of(module):
    """A copy of a module, or None of one that keeps something that cannot be copied."""
    try:
        with Detached():
            return copy.deepcopy(module)
    except Exception:  # a lock, a file, a hook: none of our business
        return None


def remember_one_batch(module):
    """Let BatchNorm's running mean be that of the last batch.  -> list of unusual momentums"""
    norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.given_momentum = getattr(norm, "given_momentum", norm.momentum)
        norm.momentum = 1.0
    return sorted({str(norm.given_momentum) for norm in norms} - {"0.1"})
