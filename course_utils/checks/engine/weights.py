"""Weights that depend on nothing but what they are: two modules that compute the same then agree.

A module with other names, another order, or a Linear in place of a convolution gets the same
numbers. What a parameter is follows from the layer that holds it. A bare nn.Parameter may be
several things: each way to read it is offered, and an answer is right if it is right in one.
"""

import functools
import itertools
import math
import zlib

import torch
from torch import nn
from torch.nn.parameter import UninitializedTensorMixin

NORMS = nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm
MOST = 54  # ways to read the bare parameters of one module


def fill(module, reading=None):
    """Fill the parameters of a module; frozen ones and buffers keep what they hold.

    A matrix or kernel z is scaled by its inputs; a norm's scale is 1 + z/10; anything else z/10.
    """
    reading = reading or readings(module)[0]
    with torch.no_grad():
        for name, p in module.named_parameters():
            if p.requires_grad:
                p.data = numbers(p, reading[name]).to(p.dtype)  # contiguous, whatever p was


def numbers(p, kind):
    """The numbers for a parameter of this kind.  -> a tensor of its shape"""
    shape = tuple(n for n in p.shape if n != 1)
    if kind == "weight, inputs first":
        first = torch.empty(shape[-1:] + shape[:-1])
        return numbers(first, "weight").movedim(0, -1).reshape(p.shape)
    z = normal(kind, (*shape[:1], math.prod(shape[1:]))[: len(shape)]).view(p.shape)
    if kind == "weight":
        return z / max(p[0].numel() if p.ndim else 1, 1) ** 0.5
    return z / 10 + (kind == "scale")


@functools.cache
def normal(kind, shape):
    seed = zlib.crc32(f"{kind} {shape}".encode())
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def readings(module):
    """The ways to read a module's parameters, the likeliest first.  -> list of {name: kind}"""
    kinds, owners = {}, dict(module.named_modules())
    for name, p in module.named_parameters():
        path, _, key = name.rpartition(".")
        kinds[name] = tuple(kinds_of(owners[path], key, p))
    alike = list(dict.fromkeys(kinds.values()))  # first, parameters that may be the same all are
    uniform = (dict(zip(alike, way)) for way in itertools.product(*alike))
    ways = [tuple(way[k] for k in kinds.values()) for way in itertools.islice(uniform, MOST)]
    ways += itertools.islice(itertools.product(*kinds.values()), MOST)
    return [dict(zip(kinds, way)) for way in list(dict.fromkeys(ways))[:MOST]]


def kinds_of(owner, key, p):
    """What a parameter may be: one thing in a layer of PyTorch's, several things without."""
    if isinstance(owner, NORMS) and key in ("weight", "bias"):
        return ["scale" if key == "weight" else "bias"]
    if is_layer(owner) and ("weight" in key or "bias" in key):
        return ["bias" if "bias" in key else "weight"]
    axes = sum(n != 1 for n in p.shape)
    if axes >= 2:
        return ["weight", "weight, inputs first"]
    if bool((p == 1).all()):
        return ["scale", "weight", "bias"]
    if "bias" in key or bool((p == 0).all()):
        return ["bias", "scale", "weight"]
    return ["weight", "bias", "scale"]


def is_layer(module):
    """True for a layer of PyTorch's, and for a reader's class that is derived from one."""
    homes = [cls.__module__ for cls in type(module).__mro__ if cls is not nn.Module]
    return any(h.startswith("torch.nn.modules.") and not h.endswith(".container") for h in homes)


def is_lazy(module):
    """True while a module has layers that wait for their first input to know their sizes."""
    return any(isinstance(p, UninitializedTensorMixin) for p in module.parameters())
