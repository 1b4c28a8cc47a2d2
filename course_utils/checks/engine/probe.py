"""The probe: it builds an attempt, feeds it, and writes down what it does.

An exercise's experiment is a function of a probe and an attempt. It draws its inputs from the probe
and lets the probe call the attempt. The same experiment on the reference gives the results to
compare with.
"""

import contextlib
import copy
import inspect
import itertools
from dataclasses import dataclass

import torch
from torch import nn

from course_utils.checks.engine import compare
from course_utils.checks.engine.around_calls import copy_of, parameters_made, remember_one_batch
from course_utils.checks.engine.crash import Crash, crash
from course_utils.checks.engine.fake_device import (
    FAKE_DEVICE,
    FakeDeviceMode,
    device_mismatch,
    to_fake_device,
)
from course_utils.checks.engine.hints import Hint, special_advice
from course_utils.checks.engine.modules import hiding, listed, no_module, strays_of
from course_utils.checks.engine.values import (
    arguments,
    asking,
    call_of,
    change,
    copied,
    freeze,
    names,
    same,
    state,
    tensors,
    unpacked,
)
from course_utils.checks.engine.weights import fill, is_lazy, readings

SEED = 77_130_265  # nobody else's
FOLLOWS = "follows its input to another device"


class Stop(Exception):
    """The experiment ends here: the attempt raised, or differs from what it is compared with."""


class Vague(str):
    """What is seen of many wrong answers, such as NaN: no evidence for two mistakes at once."""


@dataclass
class Seen:
    """One thing that was seen: what it is, its value, and what to say if that is wrong."""

    what: str
    value: object
    wrong: str = ""  # a sentence that says how, in place of a comparison of the values
    look: str = ""  # where to look, in place of the exercise's own advice
    aside: bool = False  # a property beside the results, such as inputs changed


class Probe:
    """What experiments draw from, and call an attempt with.

    like is what was seen of another answer: then the experiment ends at the first difference.
    reading is the number of the way in which bare parameters are read, see weights.py.
    """

    def __init__(self, seed, like=None, reading=0):
        self.generator = torch.Generator().manual_seed(seed)
        self.seen = []
        self.like, self.compared = like, 0
        self.reading, self.readings = reading, 1
        self.unfilled = []  # modules whose layers are lazy
        self.answered = False  # whether the attempt has returned something
        self.differs = False

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

    def note(self, what, value, wrong="", look="", aside=False, last=False):
        """Write down a property of the attempt. Where it is the last, the experiment ends."""
        self.seen.append(Seen(what, value, wrong, look, aside))
        if last:
            raise Stop

    @contextlib.contextmanager
    def advice(self, *hints, look=""):
        """What is seen in here gets this advice: an exception the first hint that fits, else look.

        A hint is (pattern of the message, pattern of the line that raised it, what to do). An
        exception that has one cause only, wherever it is raised, has its own advice.
        """
        begun = len(self.seen)
        try:
            yield
        finally:
            for seen in self.seen[begun:]:
                if isinstance(seen.value, Crash):
                    fitting = (h.tip for h in itertools.starmap(Hint, hints) if h.fits(seen.value))
                    tip = next(fitting, "") or special_advice(seen.value)
                    seen.look = seen.look or tip
                seen.look = seen.look or look

    def build(self, cls, *args):
        """Make a module and give it weights that depend on what they are, nothing else."""
        what = call_of(cls, args)
        given = copied(args)
        module = self.run(what, cls, *given, seed=SEED + 1)  # not that of the calls
        self.note_unless(isinstance(module, nn.Module), what, *no_module(cls, module))
        told = "Your __init__ never calls super().__init__()."
        look = "Call it first: it makes the places where layers are kept."
        self.note_unless("_parameters" in vars(module), "begun as a module", told, look)
        self.note_changes(cls, args, given, [state(a) for a in args])
        hidden = ", ".join(f"self.{key}" for key in hiding(module))
        self.note_unless(
            not hidden, "layers that PyTorch finds",
            f"PyTorch does not find the layers in {hidden}, a plain Python list, tuple or dict: "
            f"the optimizer never sees them.",
            "Put them into nn.ModuleList(...) or nn.ModuleDict(...), which are used alike.",
        )  # fmt: skip
        strays = ", ".join(strays_of(module))
        told = f"Your forward uses {strays} of the notebook, outside the class."
        look = f"Its own layers have self before their names: self.{strays.split(',')[0]}."
        self.note("names of the notebook in forward", bool(strays), told, look)
        if is_lazy(module):
            self.unfilled.append(module)
        else:
            self.fill(module)
        return module

    def note_unless(self, right, what, wrong, look):
        """Write down something without which the experiment cannot go on."""
        self.note(what, True if right else Vague(f"no {what}"), wrong, look, last=not right)

    def fill(self, module):
        """Fill the weights, in the way of reading bare ones that is tried."""
        ways = readings(module)
        self.readings = max(self.readings, len(ways))
        fill(module, ways[min(self.reading, len(ways) - 1)])

    def call(self, function, *args):
        """Call the attempt, write down what it returns, and that it left its input alone."""
        before = [state(a) for a in args]
        what = call_of(function, args)
        given = copied(args)
        with parameters_made() as made:
            result = self.run(what, function, *given)
        if made and isinstance(getattr(function, "__self__", function), nn.Module):
            self.note(  # if at all: where no module is asked for, the attempt's may still be one
                "layers made in forward", True,
                "Your forward makes layers. They are new, with new random weights, in every call, "
                "and the optimizer never sees them.",
                "Make them in __init__, keep them on self, and only call them in forward.",
            )  # fmt: skip
        self.note(what, freeze(result))
        self.note_changes(function, args, given, before)
        return result

    def note_changes(self, function, args, given, before):
        """Write down which inputs are not as they were. Tensors may be taken out of a list."""
        differs = [
            not same(was, state(a)) or (type(a) is list and not tensors(a) and a != g)
            for a, g, was in zip(args, given, before)
        ]
        changed = list(itertools.compress(names(args, function), differs)) if any(differs) else []
        asks = any(p != q for a, was in zip(given, before) for p, q in asking(a, was))
        tip = (
            "x += 1, x[i] = 1, x.sqrt_() and inplace=True write into x, even under another name: "
            "nn.Identity() and y = x make no copy. Write x = x + 1, or begin with x.clone()."
        )
        if asks:
            tip = "Clone a tensor before you call requires_grad_() on it."
        if any(type(a) is list for a in args):
            tip = "Take a copy first, list(chs), or list(reversed(chs)) in place of chs.reverse()."
        told = f"Your code changes its input: {', '.join(changed)} is different after the call."
        look = f"Whoever calls it may need it as it was. {tip}"
        self.note("inputs changed", changed, told, look, aside=True)

    def on_fake_device(self, function, *args):
        """Call the attempt with inputs on another device: tensors of its own must follow them.

        The other device is made believe, so that it is on every machine: see fake_device.py. What
        else fails there is no mistake.
        """
        if isinstance(function, nn.Module):
            function = copy_of(function)
            function = function and to_fake_device(function)
        with FakeDeviceMode():
            inputs = [change(a, lambda x: x.to(FAKE_DEVICE)) for a in args]
            found = function and device_mismatch(function, *inputs)
        self.note_mismatch(found)

    def note_mismatch(self, found):
        """Write down whether a GPU would stop the attempt."""
        why, tip = (found.why, found.tip) if found else ("", "")
        self.note(FOLLOWS, not found, f"On a GPU your code would stop: {why}", tip, aside=True)

    def train_and_eval(self, module, *args):
        """Train mode, then eval mode; write down outputs and gradients.

        Gradients must reach every parameter that is not frozen, and those of the inputs are
        compared. BatchNorm remembers one batch only, so that a bias before it makes no difference.
        """
        odd = remember_one_batch(module)
        args = copy.deepcopy(args)
        inputs = [x.requires_grad_() for x in tensors(args) if x.is_floating_point()]
        out = self.call(module.train(), *[change(a, torch.clone) for a in args])
        self.stop_where_it_differs()
        sums = [
            (x * torch.linspace(-1, 2, x.numel()).view(x.shape)).sum()
            for x in tensors(out)
            if x.requires_grad
        ]
        if sums:
            sum(sums).backward()
        asking = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
        missed = [n for n, p in asking if p.grad is None]
        told = f"No gradient reaches {listed(missed)}."
        look = "Either it is never used, or detach, .data or no_grad cuts the way to the output."
        self.note("parameters without gradient", len(missed), told, look)
        for x in inputs:
            self.note(
                f"the gradient of the input {tuple(x.shape)}", x.grad,
                f"No gradient reaches the input {tuple(x.shape)}." if x.grad is None else "",
                "The output is right, so detach, .data or no_grad cuts one of the ways to it."
                if x.grad is None else "",
            )  # fmt: skip
        still = [n or "the module" for n, m in module.named_modules() if not m.training]
        self.note(
            "parts switched to eval mode", bool(still),
            f"Your forward leaves {', '.join(still)} in eval mode: from then on it trains no more.",
            "Whoever uses a network says net.train() or net.eval(); its parts do not.", aside=True,
        )  # fmt: skip
        self.call(module.eval(), *[change(a, torch.Tensor.detach) for a in args])
        told = f"BatchNorm has momentum = {', '.join(odd)}."
        look = "It's the share of the newest batch in the running mean; leave it at PyTorch's 0.1."
        self.note("BatchNorm's momentum", bool(odd), told, look)

    def run(self, what, function, *args, seed=SEED):
        """Call the attempt; an exception is written down and ends the experiment."""
        self.stop_where_it_differs()
        if self.unfilled:
            self.materialise(what, function, args)
        torch.default_generator.manual_seed(seed)  # torch.manual_seed takes 1 ms without a GPU
        result = self.caught(what, function, *args)
        self.answered = self.answered or not (inspect.isclass(function) or result is None)
        self.note(
            "torch's seed is set", torch.initial_seed() != seed,
            "Your code sets torch's random seed. All random numbers that its caller draws after "
            "it would be the same each time.",
            "Take the line with the seed out; who runs the code may set one.", aside=True,
        )  # fmt: skip
        return result

    def caught(self, what, function, *args):
        try:
            result = function(*args)
        except (Exception, SystemExit) as error:
            self.note(what, crash(error))
            raise Stop from None
        return unpacked(result)

    def materialise(self, what, function, args):
        """Let lazy layers learn their sizes by first calls, then fill their weights."""
        module = getattr(function, "__self__", function)
        if not isinstance(module, nn.Module):
            return
        mode = module.training
        with torch.no_grad():
            module.eval()
            self.caught(what, function, *freeze(args))
            if is_lazy(module) and function is not module:  # a method that reaches some of them
                self.caught(f"forward({arguments(args, module)})", module, *freeze(args))
        module.train(mode)
        for module in self.unfilled:
            self.fill(module)
        self.unfilled = []

    def stop_where_it_differs(self):
        """End the experiment if what was seen since the last call is not what the other did."""
        new = slice(self.compared, len(self.seen))
        if self.like is not None and not same_seen(self.seen[new], self.like[new]):
            self.differs = True
            raise Stop
        self.compared = len(self.seen)


def same_seen(one, other):
    """True for the same results. A mistake is the same one whether or not it runs on a GPU too."""
    one, other = ([s for s in seen if s.what != FOLLOWS] for seen in (one, other))
    return len(one) == len(other) and all(same_value(a.value, b.value) for a, b in zip(one, other))


def same_value(one, other):
    if isinstance(one, Crash) and isinstance(other, Crash):
        return one.same_as(other)
    return not isinstance(other, Crash) and compare.agree(one, other)
