"""What to do about an exception, by what it is about."""

import builtins
import difflib
import re
from typing import NamedTuple

import torch
from torch import nn


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


def advice_for(crash):
    """Say what to do about an exception, by what it is about; nothing if that is not known."""
    return special_advice(crash) or next((h.tip for h in GENERAL if h.fits(crash)), "")


def special_advice(crash):
    """The same, where the exception has one cause only: no exercise knows better."""
    own = about_an_attribute(crash.error) or about_forward(crash.error)
    return own or next((hint.tip for hint in SPECIAL if hint.fits(crash)), "")


def about_an_attribute(error):
    """Advice for a name behind a dot that is not there."""
    missing, thing = getattr(error, "name", None), getattr(error, "obj", None)
    if not isinstance(error, AttributeError) or missing is None or thing is None:
        return ""
    if isinstance(thing, nn.Module) and hasattr(torch.Tensor, missing):
        return (
            f"A {type(thing).__name__} layer is not a tensor, and `{missing}` belongs to tensors. "
            f"Call the layer on a tensor first, and hand on what it returns."
        )
    if isinstance(thing, (list, tuple)) and callable(getattr(builtins, missing, None)):
        return f"`{missing}` is a function, not a method: write {missing}(...)."
    if near := difflib.get_close_matches(missing, dir(thing), 1, 0.75):
        return f"There is no `{missing}`; did you mean `{near[0]}`?"
    return ""


def about_forward(error):
    """Advice for a module without a forward: the method that may have been meant."""
    found = re.match(r"Module \[(\w+)\] is missing the required \"forward\"", str(error))
    if not found:
        return ""
    if found[1] in ("ModuleList", "ModuleDict"):
        return f"A {found[1]} only keeps layers. Call them one by one, or take nn.Sequential."
    tb, module = error.__traceback__, None
    while tb:
        found = tb.tb_frame.f_locals.get("self")
        tb, module = tb.tb_next, found if isinstance(found, nn.Module) else module
    own = [key for cls in type(module).__mro__ if cls is not nn.Module for key in vars(cls)]
    if near := difflib.get_close_matches("forward", own, 1, 0.6):
        return f"PyTorch calls a method named forward. Yours is spelled `{near[0]}`."
    return "PyTorch calls a method named forward. Is it inside the class, indented like __init__?"


LAYERS = "nn.Sequential takes layers, and that is a function. nn.SiLU() is the layer of F.silu."
NO_GPU = "There may be no GPU here. Take the device of the input instead: .to(x.device)."
NONE = (
    "Something is None. append, reverse and sort change a list and return nothing, like every "
    "function without a return."
)
SPECIAL = [
    Hint(r"\) takes 1 pos", r"super\(\)\.__init__\(\w", "Leave it empty: super().__init__()."),
    Hint(r"before Module\.__init__", "", "Call super().__init__() first, then set things on self."),
    Hint(r"__init__\(\) should return None", "", "A constructor returns nothing: drop the return."),
    Hint(r"NVIDIA|CUDA", "", NO_GPU),
    Hint(r"(functional|function).* is not a Module subclass", "", LAYERS),
    Hint(r"not a Module subclass", "", "A layer lacks its brackets, or layers are in a list."),
    Hint(r"'(float|int)' object has no", "", "A plain number; torch.tensor(1.0) is a tensor."),
    Hint(r"'(builtin_)?(function|method)\w*'", "", "A name lacks its (): they call a function."),
    Hint(r"'NoneType'", "", NONE),
    Hint(r"reverseiterator|'zip'|'map'|generator' object", "", "Make it a list first: list(...)."),
    Hint(r"'super' object|: super\(", "", "Write super().__init__(...): two pairs of brackets."),
    Hint(
        r"'(?!int|float)\w+' object is not subscriptable", "",
        "Its parts come after a dot: config.lr, not config['lr'].",
    ),
    Hint(r"used as indices", "", "An index is a whole number, or a tensor of them: see .long()."),
    Hint(r"module '.*' has no attribute", "", "The library has no such name. How is it spelled?"),
    Hint(
        r"one element tensors|converted to Scalar", "",
        "math works on one number. Tensors have their own: x.exp(), x.sqrt().",
    ),
    Hint(r"bitwise_xor|for \^", "", "A power is ** in Python; ^ is something else (xor)."),
    Hint(r"NameError", "", "Is it spelled right, and made or imported before this line?"),
]  # fmt: skip
GENERAL = [
    Hint(r"Einops", "", "Compare the letters of the pattern with the shape, axis by axis."),
    Hint(r"out of bounds for dimension", "", "Print the shape, and the index."),
    Hint(r"divisible by num_groups", "", "A norm has the channels of its input, in whole groups."),
    Hint(r"Expected .*input to conv", "", "A convolution got no pictures. Two arguments swapped?"),
    Hint(r"same dtype", "", "A product takes two tensors of one type. Convert one: t.float()."),
    Hint(r"operand.*'(?!T|None)[A-Z]", "", "A layer isn't a number: call it first, nn.SiLU()(x)."),
    Hint(r"argument", "", "Compare the call with what the function or the layer takes."),
    Hint(r"AttributeError", "", "Is the name spelled the same everywhere, and set in __init__?"),
    Hint(r"ZeroDivision", "", "Print what you divide by. (2**i is a power in Python; 2^i isn't.)"),
    Hint(r"IndexError", "", "Print the length of the list, and the index."),
    Hint(r"size|shape|dimension|channels", "", "Print the shape of each part of this line."),
]  # fmt: skip
