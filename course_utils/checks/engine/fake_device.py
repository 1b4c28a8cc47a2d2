"""A second device that is only made believe, so that every machine refuses what a GPU would."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from course_utils.checks.engine.values import change, tensors

FAKE_DEVICE = torch.device("meta")  # shapes without numbers; FakeTensor keeps the numbers too
COPIES = torch.ops.aten.copy_, torch.ops.aten._to_copy  # they go from one device to another
TO_NUMPY = torch.Tensor.numpy, torch.Tensor.__array__


class DeviceMismatch(RuntimeError):
    """On a GPU the attempt would stop: why, and what to do."""

    def __init__(
        self, why="it makes a tensor on the CPU and mixes it with its input.",
        tip="Bring what you make to the device of the input: .to(x.device), if it is called x.",
    ):  # fmt: skip
        super().__init__(why)
        self.why, self.tip = why, tip


class FakeTensor(torch.Tensor):
    """A tensor that says it is on another device, and holds its numbers all the same."""

    @staticmethod
    def __new__(cls, held):
        return torch.Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), dtype=held.dtype, device=FAKE_DEVICE
        )

    def __init__(self, held):
        self.held = held

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is torch.Tensor.tolist or (kwargs or {}).get("force"):  # a GPU copies first
            return func(args[0].cpu())
        if func in TO_NUMPY:
            raise DeviceMismatch(
                "NumPy has no arrays there, so .numpy() is refused.",
                "Stay with torch's own functions, or go by way of .cpu().numpy().",
            )
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return compute(func, args, kwargs or {})


class DispatchMode(TorchDispatchMode):
    """A TorchDispatchMode that does not import torch's compiler, which takes 2 seconds."""

    @classmethod
    def _should_skip_dynamo(cls):
        return False


class FakeDeviceMode(DispatchMode):
    """Within it, tensors are made on the fake device where that is asked for."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return compute(func, args, kwargs or {})


def compute(func, args, kwargs):
    """Compute as if there were two devices: what comes of tensors of the fake one is there."""
    given = tensors((args, kwargs))
    goes = any(is_on_fake_device(x) for x in given)
    if goes and func.overloadpacket not in COPIES:
        refuse_mixture(func, args, given)
    if kwargs.get("device") is not None:
        goes = torch.device(kwargs["device"]) == FAKE_DEVICE
        kwargs = {**kwargs, "device": torch.device("cpu")}
    if func.overloadpacket is torch.ops.aten.copy_:
        goes = is_on_fake_device(args[0])
    if goes and kwargs.get("generator") is not None:
        raise DeviceMismatch(
            "it asks for numbers there, and the generator is of the CPU.",
            "So the numbers are drawn on the CPU: torch.randn(N, n, generator=generator).to(U).",
        )
    out = func(*change(args, held), **change(kwargs, held))
    if not goes:
        return out
    # What an operation changes in place stays the tensor that it was.
    known = {id(x.held): x for x in given if type(x) is FakeTensor}
    return change(out, lambda x: known[id(x)] if id(x) in known else FakeTensor(x))


def is_on_fake_device(x):
    return type(x) is FakeTensor or x.device == FAKE_DEVICE


def held(x):
    """The numbers of a tensor of the fake device; zeros for one that has none."""
    if type(x) is FakeTensor:
        return x.held
    return torch.zeros(x.shape, dtype=x.dtype) if is_on_fake_device(x) else x


def refuse_mixture(func, args, given):
    """Raise where tensors of both devices meet, unless PyTorch allows it: plain numbers, and
    indices for a tensor that is elsewhere."""
    home = [x for x in given if not is_on_fake_device(x) and x.ndim]
    if func.overloadpacket.__name__.startswith(("index", "_index")) and is_on_fake_device(args[0]):
        home = [x for x in home if isinstance(args[1], int) or all(x is not i for i in args[1])]
    if home:
        raise DeviceMismatch


def to_fake_device(module):
    """Send the weights of a module to the fake device; they share their numbers with it."""
    for part in module.modules():
        for kept in (part._parameters, part._buffers):
            sent = {k: FakeTensor(held(x.detach())) for k, x in kept.items() if x is not None}
            kept.update(sent)
    return module


def device_mismatch(function, *args):
    """Call the attempt and say why a GPU would stop it; None if it would not.

    The results must be on the fake device. What else fails, such as a time limit, says nothing.
    """
    try:
        results = tensors(function(*args))
    except DeviceMismatch as error:
        return error
    except Exception:
        return None
    fits = all(is_on_fake_device(x) or x.ndim == 0 for x in results)
    return None if fits else DeviceMismatch()
