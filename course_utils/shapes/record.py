"""Runs a network once and writes down each call of a layer and each operation on tensors."""

import contextlib
import functools
import itertools
import linecache
import sys
import threading
import time
import traceback

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from course_utils.shapes.looking import (
    has_layers,
    in_a_checkpoint,
    kept_tensors,
    names_of,
    repeated_in,
    sides_of,
    with_gradients,
)
from course_utils.shapes.run import Call, Frame, Record, Seen, Step, leaves

READING = {"item", "tolist", "numpy", "__bool__", "__float__", "__int__", "__index__", "__array__"}


def unseen(method):
    """What the recorder itself asks of a tensor, such as its shape, is no operation of the run."""

    @functools.wraps(method)
    def asks(*args, **named):
        with torch._C.DisableTorchFunction():
            return method(*args, **named)

    return asks


class Recorder(TorchFunctionMode):
    """Writes a Record while it is entered: hooks see the layers, the mode sees the operations."""

    def __init__(self, model, inputs, keep_in=None):
        super().__init__()
        self.keep_in = keep_in
        is_module = has_layers(model)
        self.names = {id(m): n for n, m in model.named_modules()} if is_module else {}
        self.parameters = dict(model.named_parameters()) if is_module else {}
        self.model, self.is_module, self.thread = model, is_module, threading.get_ident()
        self.numbers, self.counter = WeakTensorKeyDictionary(), itertools.count()
        self.alive, self.used, self.storages = [], set(), {}
        self.kept, self.doing, self.counted = [], None, {}
        self.on_gpu = any(
            p.is_cuda for p in (*self.parameters.values(), *leaves(inputs, torch.Tensor))
        )
        self.record = Record([self.see(value) for value in inputs])

    # Layers

    @unseen
    def enters(self, layer, args):
        if threading.get_ident() != self.thread:
            return
        self.alive.append(layer)  # so that no other layer gets its id
        step = Step(
            self.name(layer), type(layer).__name__, [self.see(a) for a in args],
            sum(self.numbers_in(layer).values()), len(self.record.open),
        )  # fmt: skip
        if isinstance(getattr(layer, "kernel_size", None), tuple):
            step.kernel = "x".join(map(str, layer.kernel_size))
        if self.is_module and id(layer) not in self.names and step.parameters:
            step.registered = False
            self.record.strays.append((self.place(), step.type, self.where_kept(layer)))
        self.record.steps.append(step)
        self.record.open.append((step, layer, args))
        step.milliseconds = -1000 * self.now()

    def numbers_in(self, layer):
        """How many numbers each parameter has, of a layer and those in it: looked up once."""
        if id(layer) not in self.counted:
            own = (p for p in layer._parameters.values() if p is not None)
            found = {id(p): p.numel() for p in own}
            for inner in layer.children():
                found |= self.numbers_in(inner)
            self.counted[id(layer)] = found
        return self.counted[id(layer)]

    @unseen
    def returns(self, layer, args, kwargs, returned):
        if threading.get_ident() != self.thread:
            return
        now = 1000 * self.now()
        # A layer that failed, and whose exception was caught, is still open.
        while self.record.open[-1][1] is not layer:
            self.record.open.pop()[0].milliseconds = None
        step = self.record.open.pop()[0]
        step.milliseconds += now
        step.given = [self.see(a) for a in (*args, *kwargs.values())]
        step.returned = self.see(returned)
        for seen in leaves(step.returned):
            self.record.made_by.setdefault(seen.number, step.name)

    def looks_at(self, error):
        """Write down the frames of an exception, and what the layers were given by name."""
        by_layer = {id(layer): step for step, layer, _ in self.record.open}
        for _, layer, _ in self.record.open:
            for name, value in kept_tensors(layer):
                self.record.attributes[self.see(value).number] = name
        while error is not None:
            frames = []
            for frame, line in traceback.walk_tb(error.__traceback__):
                layer, keywords = frame.f_locals.get("self"), frame.f_locals.get("kwargs")
                if frame.f_code is nn.Module._call_impl.__code__ and id(layer) in by_layer:
                    by_layer[id(layer)].keywords = self.see(keywords)
                text = linecache.getline(frame.f_code.co_filename, line).strip()
                names = {name: self.see(value) for name, value in frame.f_locals.items()}
                module = frame.f_globals.get("__name__", "")
                if module == __name__:  # this recorder, between the network and PyTorch
                    continue
                sides = self.see(sides_of(text, frame)) if isinstance(error, AssertionError) else ()
                frames.append(Frame(module, frame.f_code.co_name, text, names, sides))
            self.record.frames += frames
            error = error.__cause__ or error.__context__

    def name(self, layer):
        if id(layer) in self.names:
            return self.names[id(layer)] or type(layer).__name__
        inside = self.place() if self.record.open and self.record.open[-1][0].depth else ""
        kind = type(layer).__name__
        return f"{inside}.({kind})".lstrip(".") if self.is_module else kind

    def where_kept(self, layer):
        """Return which plain list, tuple or dict of a registered layer holds this one, if any."""
        for owner in self.model.modules():
            for key, value in vars(owner).items():
                if key.startswith("_") or not isinstance(value, (list, tuple, dict)):
                    continue
                held = value.values() if isinstance(value, dict) else value
                if any(one is layer for one in held):
                    return f"self.{key}, a plain Python {type(value).__name__}"
        return None

    def place(self):
        return self.record.open[-1][0].name if self.record.open else "the network"

    def now(self):
        if self.on_gpu:
            torch.cuda.synchronize()
        return time.perf_counter()

    # Operations

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        everything = (*args, *kwargs.values())
        named = {name: self.see(value) for name, value in kwargs.items()}
        given = [*(self.see(value) for value in args), *named.values()]
        call = Call(func.__name__, self.place(), given, named=named)
        if not torch.is_grad_enabled() and any(seen.asks for seen in leaves(given)):
            call.without = "checkpoint" if in_a_checkpoint() else "no_grad"
        if self.record.open:
            step, layer, _ = self.record.open[-1]
            own = not step.depth and not type(layer).__module__.startswith("torch.nn")
            call.inside = own or any(True for _ in layer.children())
        self.doing = call
        try:
            returned = func(*args, **kwargs)
        except Exception as error:
            call.error, call.span = error, span(everything)
            call.autocast = any(map(torch.is_autocast_enabled, ("cpu", "cuda")))
            self.record.failed = call
            raise
        if any(True for _ in leaves(returned, torch.Tensor)):
            self.used.update(id(p) for p in leaves(everything, torch.Tensor))
            call.returned = self.see(returned)
            self.record.calls.append(call)
        elif func.__name__ == "__setitem__":
            self.record.calls.append(call)
        elif func.__name__ in READING:
            self.record.read.update(s.number for s in leaves(call.given))
        return returned

    def see(self, value, depth=8):
        """Return the value with a Seen in place of each tensor, and None for what lies deeper."""
        if isinstance(value, torch.Tensor):
            number = self.numbers.get(value)
            if number is None:
                number = self.numbers[value] = next(self.counter)
                if self.keep_in is not None:
                    self.keep_in[number] = value
            return Seen(tuple(value.shape), value.dtype, value.device, number, value.requires_grad)
        if isinstance(value, (dict, list, tuple)) and not depth:
            return None  # a stranger's list may hold itself
        if isinstance(value, dict):
            return {key: self.see(v, depth - 1) for key, v in value.items()}
        if isinstance(value, (list, tuple)):
            seen = [self.see(v, depth - 1) for v in value]
            return seen if isinstance(value, list) else tuple(seen)
        return value

    # Memory

    def keeps(self, tensor):
        """Count the memory of a tensor that is kept for the backward pass, once."""
        storage = tensor.untyped_storage()
        if storage._cdata not in self.storages and not isinstance(tensor, nn.Parameter):
            self.storages[storage._cdata] = storage
            for step, _, _ in self.record.open:
                step.kept += storage.nbytes()
        self.kept.append((self.doing, tensor, tensor._version))
        return tensor, tensor._version

    @staticmethod
    def gives_back(kept):
        """Hand a tensor to the backward pass, unless it was changed, as PyTorch does by itself."""
        tensor, version = kept
        if tensor._version != version:
            raise RuntimeError(
                f"one of the variables needed for gradient computation has been modified by an "
                f"inplace operation: [{tensor.type()} {list(tensor.shape)}]"
            )
        return tensor

    @unseen
    def looks_back(self, returned):
        """Write down which parameters no gradient reaches, and what was changed in place."""
        reached = with_gradients(returned)
        self.record.unreached = [
            name for name, p in self.parameters.items()
            if reached is not None and p.requires_grad and id(p) in self.used - reached
        ]  # fmt: skip
        self.record.changed = [
            (call, tuple(tensor.shape))
            for call, tensor, version in self.kept if tensor._version != version
        ]  # fmt: skip

    @contextlib.contextmanager
    def watching(self):
        """Hooks and mode are on inside, and off again whatever happens."""
        for p in self.parameters.values():
            self.storages[p.untyped_storage()._cdata] = None
        hooks = [
            register_module_forward_pre_hook(self.enters),
            register_module_forward_hook(self.returns, with_kwargs=True),
        ]
        try:
            is_compiled = "torch._dynamo" in sys.modules  # or else it takes a second to load
            nothing = contextlib.nullcontext()
            as_written = torch.compiler.set_stance("force_eager") if is_compiled else nothing
            with as_written, saved_tensors_hooks(self.keeps, self.gives_back), self:
                yield self.record
        finally:
            for hook in hooks:
                hook.remove()


def record(model, *inputs, loss=None, keep_in=None, **named):
    """Call the model once and return the Record; the model is afterwards as it was.

    With loss, it is loss(model, *inputs) that is called, and the backward pass of its result.
    keep_in, a dict, gets the tensors themselves, each under its number.
    An Exception that is raised is written down; others (KeyboardInterrupt) come through.
    """
    model = getattr(model, "_orig_mod", model)  # what torch.compile has wrapped
    recorder = Recorder(model, [*inputs, *named.values()], keep_in)
    run = recorder.record
    run.names = names_of(loss or model, (model, *inputs) if loss else inputs, named)[bool(loss) :]
    with as_it_was(model, recorder.on_gpu), recorder.watching():
        try:
            returned = loss(model, *inputs, **named) if loss else model(*inputs, **named)
            run.returned = unseen(recorder.see)(returned)
            if loss:
                returned.backward()
            else:
                recorder.looks_back(returned)
        except Exception as error:
            run.error = error
            for step, _, _ in run.open:
                step.milliseconds = None
            recorder.looks_at(error)
    run.training = getattr(model, "training", True)
    run.repeated = repeated_in(model) if has_layers(model) else []
    run.unused = [n for n, p in recorder.parameters.items() if id(p) not in recorder.used]
    return run


@contextlib.contextmanager
def as_it_was(model, on_gpu):
    """Put back buffers, such as BatchNorm's averages, gradients, and the random numbers' state."""
    is_module = has_layers(model)
    buffers = list(model.buffers()) if is_module else []
    before = [b.clone() for b in buffers]
    gradients = {p: p.grad for p in model.parameters()} if is_module else {}
    for p in gradients:
        p.grad = None
    with torch.random.fork_rng(None if on_gpu else []):
        try:
            yield
        finally:
            with torch.no_grad():
                for buffer, old in zip(buffers, before):
                    buffer.copy_(old)
            for p, gradient in gradients.items():
                p.grad = gradient


def span(values):
    """Return the smallest and the largest of the first whole numbers among the tensors."""
    for value in leaves(values, torch.Tensor):
        if value.dtype in (torch.int32, torch.int64) and value.numel() and not value.is_meta:
            return int(value.min()), int(value.max())
    return None
