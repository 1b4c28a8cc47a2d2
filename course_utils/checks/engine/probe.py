"""The laboratory: where an attempt is built, fed and watched.

An exercise's experiment is a function of a probe and an attempt. It draws its inputs from the probe,
lets the probe call the attempt, and the probe writes down what it sees. The same experiment on the
reference gives the results to compare with.
"""

import contextlib
import copy
import dis
import inspect
import linecache
import re
import site
import sys
import sysconfig
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from course_utils.checks.engine.compare import describe, word
from course_utils.checks.engine.fake_device import (
    FAKE_DEVICE,
    DeviceMismatch,
    FakeDeviceMode,
    is_on_fake_device,
    to_fake_device,
)

COURSE = str(Path(__file__).parents[2])
SEED = 77_130_265  # nobody else's
FOLLOWS = "follows its input to another device"
COMPREHENSIONS = "<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>"
PACKAGES = [folder for folder in sys.path if folder.endswith(("site-packages", "dist-packages"))]
LIBRARIES = (
    sysconfig.get_path("stdlib"), *site.getsitepackages(), *PACKAGES, *torch.__path__, "<frozen",
)  # fmt: skip


class Stop(Exception):
    """The attempt raised; the experiment ends here."""


@contextlib.contextmanager
def hinted(probe, *hints):  # until nb08 and nb10 have catalogues
    with probe.advice(*(Hint(*hint) for hint in hints)):
        yield


class Hint(NamedTuple):
    """Advice for an exception: patterns of its message, of the line that raised it, and of the
    function that the line is in; and what to do."""

    message: str
    line: str
    tip: str
    function: str = ""

    def fits(self, crash):
        places = (f"{type(crash.error).__name__}: {crash.error}", crash.text, crash.source)
        patterns = self.message, self.line, self.function
        return all(re.search(pattern, place) for pattern, place in zip(patterns, places))


@dataclass
class Seen:
    """One thing that was seen: what it is, its value, and what to say if that is wrong."""

    what: str
    value: object
    wrong: str = ""  # a sentence that says how, in place of a comparison of the values
    look: str = ""  # where to look, in place of the exercise's own advice


@dataclass
class Crash:
    """An exception that an attempt raised, and the line of the reader's that led to it."""

    error: BaseException
    own: bool = False  # that line itself raised it, not something that it called
    function: str = ""
    line: int = 0
    text: str = ""
    shapes: str = ""
    source: str = ""  # of the whole function
    hint: str = ""  # what an exercise has to say about it

    def same_as(self, other):
        """True for the same exception with the same message and hint, wherever it was raised."""
        one, other = ((type(c.error), str(c.error), c.hint) for c in (self, other))
        return one == other


class Probe:
    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)
        self.seen = []

    # What experiments draw

    def normal(self, *shape):
        """Standard normal numbers.  () -> shape"""
        return torch.randn(shape, generator=self.generator)

    def uniform(self, *shape):
        """Numbers between 0 and 1.  () -> shape"""
        return torch.rand(shape, generator=self.generator)

    def steps(self, B, T=1000):
        """Noise steps, int64, all different.  () -> (B,)"""
        return torch.randperm(T, generator=self.generator)[:B]

    # What experiments do with an attempt

    def note(self, what, value, wrong="", look=""):
        """Write down a property of the attempt."""
        self.seen.append(Seen(what, value, wrong, look))

    @contextlib.contextmanager
    def advice(self, *hints, look=""):
        """What is seen in here gets this advice: an exception the first hint that fits, else look.

        A hint is (pattern of the message, pattern of the line that raised it, what to do).
        """
        begun = len(self.seen)
        try:
            yield
        finally:
            for seen in self.seen[begun:]:
                if isinstance(seen.value, Crash):
                    hint = next((h for h in map(Hint._make, hints) if h.fits(seen.value)), None)
                    seen.look = seen.look or (hint.tip if hint else look)
                seen.look = seen.look or look

    def build(self, cls, *args):
        """Make a module and give it weights that depend on their shapes alone."""
        what = f"{name(cls)}({arguments(args, cls)})"
        given = copied(args)
        module = self.run(what, cls, *given, seed=SEED + 1)  # not that of the calls
        is_module = isinstance(module, nn.Module)
        self.note(what, is_module, *no_module(cls, module))
        if not is_module:
            raise Stop
        begun = "_parameters" in vars(module)
        self.note(
            "begun as a module", begun, "Your __init__ never calls super().__init__().",
            "Call it first: it makes the places where layers are kept.",
        )  # fmt: skip
        if not begun:
            raise Stop
        self.note_changes(cls, args, given, [state(a) for a in args])
        hidden = ", ".join(f"self.{key}" for key in hiding(module))
        self.note(
            "layers that PyTorch does not find", bool(hidden),
            f"PyTorch does not find the layers in {hidden}, a plain Python list, tuple or dict: "
            f"the optimizer never sees them.",
            "Put them into nn.ModuleList(...) or nn.ModuleDict(...), which are used alike.",
        )  # fmt: skip
        if hidden:
            raise Stop
        strays = ", ".join(
            n for n in globals_of_forward(module) if n in dict(module.named_children())
        )
        self.note(
            "names of the notebook in forward", bool(strays),
            f"Your forward uses {strays} of the notebook, outside the class.",
            f"Its own layers have self before their names: self.{strays.split(',')[0]}.",
        )  # fmt: skip
        fill(module)
        return module

    def call(self, function, *args):
        """Call the attempt, write down what it returns, and that it left its input alone."""
        before = [state(a) for a in args]
        what = f"{name(function)}({arguments(args, function)})"
        given = copied(args)
        result = self.run(what, function, *given)
        self.note(what, freeze(result))
        self.note_changes(function, args, given, before)
        return result

    def note_changes(self, function, args, given, before):
        """Write down which inputs are not as they were. Tensors may be taken out of a list."""
        changed = [
            key
            for key, a, g, was in zip(names(args, function), args, given, before)
            if not same(was, state(a)) or (type(a) is list and not tensors(a) and a != g)
        ]
        asks = any(p != q for a, was in zip(given, before) for p, q in asking(a, was))
        tip = "Write x = x + 1, not x += 1, and x.sqrt(), not x.sqrt_()."
        if asks:
            tip = "Clone a tensor before you call requires_grad_() on it."
        if any(type(a) is list for a in args):
            tip = "Make a new list: list(reversed(chs)), not chs.reverse()."
        self.note(
            "inputs changed", changed,
            f"Your code changes its input: {', '.join(changed)} is different after the call.",
            f"Whoever calls it may need it as it was. {tip}",
        )  # fmt: skip

    def on_fake_device(self, function, *args):
        """Call the attempt with inputs on another device: tensors of its own must follow them.

        The other device is made believe, so that it is on every machine: see FakeTensor. What else
        fails there is no mistake.
        """
        if isinstance(function, nn.Module):
            let_go(function)
            function = copy.deepcopy(function)
        with FakeDeviceMode():
            if isinstance(function, nn.Module):
                to_fake_device(function)
            found = device_mismatch(
                function, *[change(a, lambda x: x.to(FAKE_DEVICE)) for a in args]
            )
        self.note_mismatch(found)

    def note_mismatch(self, found):
        """Write down whether a GPU would stop the attempt."""
        why, tip = (found.why, found.tip) if found else ("", "")
        self.note(FOLLOWS, not found, f"On a GPU your code would stop: {why}", tip)

    def train_and_eval(self, module, *args):
        """Train mode, then eval mode; write down outputs and gradients.

        Gradients must reach every parameter, and those of the inputs are compared. BatchNorm
        remembers one batch only, so that a bias before it makes no difference.
        """
        for norm in module.modules():
            if isinstance(norm, nn.modules.batchnorm._BatchNorm):
                norm.momentum = 1.0
        args = copy.deepcopy(args)
        inputs = [x.requires_grad_() for x in tensors(args) if x.is_floating_point()]
        out = self.call(module.train(), *[change(a, torch.clone) for a in args])
        sums = [
            (x * torch.linspace(-1, 2, x.numel()).view(x.shape)).sum()
            for x in tensors(out)
            if x.requires_grad
        ]
        if sums:
            sum(sums).backward()
        missed = [n for n, p in module.named_parameters() if p.grad is None]
        self.note(
            "parameters without gradient", len(missed),
            f"No gradient reaches {', '.join(missed)}.",
            "Either it is never used, or detach, .data or no_grad cuts the way to the output.",
        )  # fmt: skip
        for x in inputs:
            self.note(
                "the gradient of the input", x.grad,
                "No gradient comes through to an input." if x.grad is None else "",
                "detach, .data or no_grad cuts the way." if x.grad is None else "",
            )  # fmt: skip
        still = [n or "the module" for n, m in module.named_modules() if not m.training]
        self.note(
            "parts switched to eval mode", still,
            f"Your forward leaves {', '.join(still)} in eval mode: from then on it trains no more.",
            "Whoever uses a network says net.train() or net.eval(); its parts do not.",
        )  # fmt: skip
        self.call(module.eval(), *[change(a, torch.Tensor.detach) for a in args])

    def run(self, what, function, *args, seed=SEED):
        """Call the attempt; an exception is written down and ends the experiment."""
        torch.manual_seed(seed)
        try:
            result = function(*args)
        except (Exception, SystemExit) as error:
            self.note(what, crash(error))
            raise Stop from None
        self.note(
            "torch's seed is set", torch.initial_seed() != seed,
            "Your code sets torch's random seed. All random numbers that its caller draws after "
            "it would be the same each time.",
            "Take the line with the seed out; who runs the code may set one.",
        )  # fmt: skip
        return result


class Filled(TorchFunctionMode):
    """Within it, new memory holds NaN: what is never written is seen."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        new = func in (torch.empty, torch.empty_like, torch.Tensor.new_empty)
        return out.fill_(torch.nan) if new and out.is_floating_point() else out


def device_mismatch(function, *args):
    """Call the attempt and say why a GPU would stop it; None if it would not.

    The results must be abroad. What else fails, such as a time limit, says nothing.
    """
    try:
        return (
            None
            if all(is_on_fake_device(x) for x in tensors(function(*args)))
            else DeviceMismatch()
        )
    except DeviceMismatch as error:
        return error
    except Exception:
        return None


def fill(module):
    """Fill parameters with numbers that depend on their kind and squeezed shape, nothing else.

    So a module with other names, another order, or a Linear in place of a 1x1 convolution gets
    the same numbers. A matrix or kernel z is scaled by its inputs; a norm's scale is 1 + z/10;
    anything else z/10.
    """
    with torch.no_grad():
        for key, p in module.named_parameters():
            shape = tuple(n for n in p.shape if n != 1)
            kind = kind_of(key, p, shape)
            seed = zlib.crc32(f"{kind} {shape}".encode())
            z = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).view(p.shape)
            if kind == "weight":
                p.copy_(z / max(p[0].numel(), 1) ** 0.5)
            else:
                p.copy_(z / 10 + (kind == "scale"))


def kind_of(key, p, shape):
    if len(shape) >= 2:
        return "weight"
    if bool((p == 1).all()):
        return "scale"
    if key.endswith("bias") or bool((p == 0).all()):
        return "bias"
    return "weight"


def crash(error):
    """Find the reader's own line in a traceback: the last one outside the libraries. A list in
    brackets is part of the function that it is in."""
    own, tb = None, error.__traceback__
    while tb:
        code = tb.tb_frame.f_code
        if is_readers(code.co_filename) and not (own and code.co_name in COMPREHENSIONS):
            own = tb
        last, tb = tb, tb.tb_next
    if own is None:
        return Crash(error)
    code, values = own.tb_frame.f_code, own.tb_frame.f_locals
    return Crash(
        error,
        own=own is last,
        function=code.co_name,
        line=own.tb_lineno - code.co_firstlineno + 1,
        text=linecache.getline(code.co_filename, own.tb_lineno).strip(),
        source=source_of(code),
        shapes=", ".join(f"{k} is {word(v.shape)}" for k, v in values.items() if is_tensor(v)),
    )


def source_of(code):
    """The text of a function, or nothing where it is not to be had."""
    try:
        return inspect.getsource(code)
    except (OSError, TypeError):
        return ""


def is_readers(file):
    """True for a notebook's cell or a file of the reader's; our own wrong answers count too."""
    if file.startswith(COURSE):
        return any(part.startswith(("nb", "old_nb")) for part in Path(file).parts[-2:])
    return not file.startswith(LIBRARIES)


def is_tensor(value):
    return isinstance(value, torch.Tensor)


def tensors(value):
    """Return the tensors in a value: itself, or those in its tuples and lists."""
    if is_tensor(value):
        return [value]
    return [x for v in value for x in tensors(v)] if type(value) in (tuple, list) else []


def change(value, function):
    """Return a copy of a value in which the function has been applied to every tensor."""
    if is_tensor(value):
        return function(value)
    return (
        type(value)(change(v, function) for v in value) if type(value) in (tuple, list) else value
    )


def let_go(module):
    """Cut tensors that modules keep of their last call out of its graph: deepcopy refuses them."""
    for part in module.modules():
        for key, value in vars(part).items():
            vars(part)[key] = change(value, torch.Tensor.detach)


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


def globals_of_forward(module):
    """Return the names that a module's forward takes from outside."""
    code = getattr(type(module).forward, "__code__", None)
    loads = dis.get_instructions(code) if code else []
    return {i.argval for i in loads if i.opname == "LOAD_GLOBAL"}


def copied(args):
    """The arguments, with a copy of each list."""
    return [list(a) if type(a) is list else a for a in args]


def hiding(module):
    """Return the names of the attributes that hide layers from PyTorch, in plain lists or dicts."""
    known = set(module.modules())

    def hides(value):
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, (list, tuple)):
            return any(hides(v) for v in value)
        return isinstance(value, nn.Module) and value not in known

    own = [(k, v) for m in module.modules() for k, v in vars(m).items() if not k.startswith("_")]
    return [key for key, value in own if hides(value)]


def state(value):
    """What a call must not change: the numbers in a tensor, and whether it asks for gradients."""
    return [(x.detach().clone(), x.requires_grad) for x in tensors(value)]


def asking(value, before):
    """Whether each tensor asks for gradients, before and now."""
    return [(p, x.requires_grad) for x, (_, p) in zip(tensors(value), before)]


def same(one, other):
    return all(torch.equal(x, y) and p == q for (x, p), (y, q) in zip(one, other))


def freeze(value):
    """A copy that later calls cannot change."""
    return change(value, lambda x: x.detach().clone())


def name(function):
    return getattr(function, "__name__", type(function).__name__)


def arguments(args, function):
    """Say what is passed in, with the attempt's own names for it where they fit."""
    return ", ".join(
        f"{key} = {word(a.dtype)} {word(a.shape)}" if is_tensor(a) else f"{key} = {describe(a)}"
        for key, a in zip(names(args, function), args)
    )


def names(args, function):
    """Return the attempt's names for its arguments, or their numbers where they do not fit."""
    called = function.forward if isinstance(function, nn.Module) else function
    try:
        found = list(inspect.signature(called).bind(*args).arguments)
    except (TypeError, ValueError):
        found = []
    return found if len(found) == len(args) else [f"argument {i + 1}" for i in range(len(args))]
