"""What the experiments of notebook 09 have in common: calls, hints, and filters to hand over."""

import re

import numpy
import torch

from course_utils.checks.engine.probe import (
    FOLLOWS,
    Crash,
    Filled,
    Stop,
    Vague,
    arguments,
    change,
    tensors,
)


def call(probe, function, *args, what="", look=""):
    """Call the attempt as the probe does. NaN becomes words: then two wrong answers that give it are
    the same. So are float32 and float64, as far as values go."""
    begun = len(probe.seen)
    try:
        with Filled():
            result = probe.call(function, *args)
    finally:
        for seen in probe.seen[begun:]:
            seen.what = what or seen.what
            seen.look = seen.look or look
            give_hint(seen)
    seen = probe.seen[-2]  # the result stands before the changes
    if type(result) in (tuple, list) and any(isinstance(x, numpy.ndarray) for x in result):
        seen.look = "Return torch tensors: torch.from_numpy makes one of an array."
    if any(x.is_cuda for x in tensors(result)):  # what goes in is on the CPU
        seen.look = NO_CUDA
    for x in tensors(result):
        if bad := int((~x.isfinite()).sum()):
            seen.value = Vague("NaN or infinity")
            seen.wrong = f"{seen.what}: {bad} of {x.numel()} values are NaN or infinite."
            seen.look = look or "Print what you divide by, and what goes into roots, logs and exp."
            return seen.value
    seen.value = as_float32(seen.value)
    note_dtype(probe, result)
    return seen.value


def as_float32(value):
    return change(value, lambda x: x.float() if x.dtype == torch.float64 else x)


def note_dtype(probe, result):
    """Write down whether the result is float32, as the inputs are. A mistake is the same one in
    float64, so this stands beside what follows to a GPU, which tells no mistakes apart."""
    probe.note(
        FOLLOWS, not any(x.dtype == torch.float64 for x in tensors(result)),
        "The result is float64, and the inputs are float32. The notebook would stop where it "
        "multiplies both.",
        "Work in float64 if you like, and return it with .float() at the end.",
    )  # fmt: skip


HINTS = [
    (r"no attribute '(randn|rand|normal)'", r"", "A generator draws nothing itself: "
     "torch.randn(N, n, generator=generator)."),
    (r"randn|Generator", r"(randn|rand|normal)\([^=]*generator\)",
     "Hand the generator over by its name: generator=generator."),
    (r"no attribute 'shrink'", r"self\.shrink", "shrink is a function: leave out self."),
    (r"NoneType", r"print\(", "print shows and returns nothing. Write return in its place."),
    (r"NoneType", r"", "Something is None. Does each function end with a return? "
     "(append changes a list and returns nothing.)"),
    (r"one element|converted to|to Scalar|Scalars", r"float\(|item\(|math\.",
     "alpha_bar has one number for each picture. Leave it a tensor, and compute with all of them."),
    (r"Boolean value", r"\b(if|while|and|or|not)\b.*(\bLA\b|[=<>] ?[01]\b)",
     "if takes one True or False, and here is one for each number. torch.where chooses for each."),
    (r"same dtype|scalar type|dtypes? ", r"", "float32 meets float64. Bring both to one dtype, "
     "with .float(), or .to(x.dtype) for another tensor x."),
    (r"the filter is for pictures", r"", "shape is (n_channels, resolution, resolution)."),
    (r"RecursionError", r"", "It calls itself: the function that you call has the name of the one "
     "that you write."),
    (r"non-empty|ZeroDivision", r"", "Was a loop never run? There may be fewer pictures than a "
     "chunk, and the last chunk may be smaller: range(0, N, chunk)."),
]  # fmt: skip


NO_CUDA = "The device is handed over: write device, without quotation marks, for the name of one."


STRAY = r"(?s)\A(?=.*\bself\b)(?!.*(?<![.\w])(?:U|Vh|LA)\b[^\n()]*=[^=]).*(?<![.\w])(?:U|Vh|LA)\b"


HINTS_ANYWHERE = [
    (r"CUDA|cuda|NVIDIA|devices", r"[\"']cuda|\.cuda\(", NO_CUDA),
    (r"size|shape", r"(?<!def )shrink\(\s*(alpha_bar|alphas?|a)\b", "shrink takes LA first: "
     "shrink(self.LA, alpha_bar)."),
    (r"size|shape|'U'|'Vh'|'LA'", STRAY,
     "U, LA and Vh are the notebook's. Those of the denoiser are self.U, self.LA, self.Vh."),
]  # fmt: skip


def give_hint(seen):
    """Say what an exception is about, where that is known."""
    if not isinstance(seen.value, Crash):
        return
    crash = seen.value
    message = f"{type(crash.error).__name__}: {crash.error}"
    code = "\n".join(line.split("#")[0] for line in crash.source.splitlines())
    places = [(crash.text, HINTS), (code, HINTS_ANYWHERE)]
    for where, hints in places:
        for words, line, tip in hints:
            if not crash.hint and re.search(words, message) and re.search(line, where):
                crash.hint = seen.look = tip


def made(probe, cls, *args):
    """Make a denoiser of the attempt's class."""
    denoiser = probe.run(f"{cls.__name__}({arguments(args, cls)})", cls, *args)
    has_method = callable(getattr(denoiser, "predict_x0", None))
    probe.note(
        "the method predict_x0", has_method, "Your class has no method predict_x0.",
        "Is its name spelled so, and is it indented, so that it belongs to the class?",
    )  # fmt: skip
    if not has_method:
        raise Stop
    return denoiser


def basis(probe, n):
    """Draw n directions at right angles, the columns of a matrix that is not symmetric.

    () -> (n, n)
    """
    return torch.linalg.qr(probe.normal(n, n))[0]


FILTER = "self.U", "self.LA", "self.Vh", "self.mean"


def filter_parts(probe, n):
    """Draw a filter as an SVD gives it for a covariance of low rank: where LA is 0, U and Vh name
    other directions.

    () -> (n, n), (n,), (n, n), (n,)
    """
    U, LA = basis(probe, n), (0.2 + 3 * probe.uniform(n)).sort(descending=True).values
    LA[-2:] = 0
    Vh = U.T.clone()
    Vh[-2:] = torch.stack([Vh[-1], -Vh[-2]])
    return U, LA, Vh, probe.normal(n)
