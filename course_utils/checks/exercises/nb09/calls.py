"""What the experiments of notebook 09 have in common: calls, hints, and filters to hand over."""

import torch

from course_utils.checks.parts import FOLLOWS, Crash, Filled, Vague, call_of, change, tensors

NO_CUDA = "Don't name a device: write device, without quotation marks, or x.device for a tensor x."
ONE_FOR_ALL = (
    "Right with an alpha_bar for each picture. It may also be one number for all: "
    "torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt)) makes a tensor of it."
)
# U, Vh or LA without self, in a method that gives none of these names to anything.
STRAY = r"(?s)\A(?=.*\bself\b)(?!.*(?<![.\w])(?:U|Vh|LA)\b[^\n()]*=[^=]).*(?<![.\w])(?:U|Vh|LA)\b"
HINTS = [
    (r"no attribute '(randn|rand|normal)'", "", "A generator draws nothing itself: "
     "torch.randn(N, n, generator=generator)."),
    (r"randn|Generator", r"(randn|rand|normal)\([^=]*generator\)",
     "Pass the generator by its name: generator=generator."),
    (r"no attribute 'shrink'", r"self\.shrink", "shrink is a function: leave out self."),
    (r"one element|converted to|to Scalar|Scalars", r"float\(|item\(|math\.",
     "alpha_bar has one number for each picture. Leave it a tensor, and compute with all of them."),
    (r"Boolean value", r"\b(if|while|and|or|not)\b.*(\bLA\b|[=<>] ?[01]\b)",
     "if needs one True or False, and here is one for each number. torch.where chooses for each."),
    (r"same dtype|scalar type|dtypes? ", "", "float32 meets float64. Bring both to one dtype, "
     "with .float(), or .to(x.dtype) for another tensor x."),
    (r"the loader gives", "", "shape is (n_channels, resolution, resolution)."),
    (r"batch2 tensor", "", "Make rows of the images first: images.flatten(1)."),
    (r"RecursionError", "", "It calls itself, because the function that you call has the name of "
     "the one that you're writing."),
    (r"non-empty|ZeroDivision", "^(?!.*1 - )", "Did a loop never run? There may be fewer pictures "
     "than a chunk, and the last chunk may be smaller: range(0, N, chunk)."),
    (r"CUDA|cuda|NVIDIA|devices", "", NO_CUDA, r"[\"']cuda|\.cuda\("),
    (r"size|shape", "", "shrink takes LA first: shrink(self.LA, alpha_bar).",
     r"(?<!def )shrink\(\s*(alpha_bar|alphas?|a)\b"),
    (r"size|shape|'U'|'Vh'|'LA'", "", "U, LA and Vh are the notebook's. Those of the denoiser are "
     "self.U, self.LA, self.Vh.", STRAY),
]  # fmt: skip


def call(probe, function, *args, look=""):
    """Call the attempt as the probe does. NaN becomes words, so that any two wrong answers that
    give it agree. float64 counts as float32, as far as the values go."""
    try:
        with probe.advice(*HINTS, look=look), Filled():
            result = probe.call(function, *args)
    finally:
        last = probe.seen[-1]
        if isinstance(last.value, Crash) and last.look != look:
            last.value.hint = last.look  # another mistake may end with the same message
    seen = probe.seen[-2]  # the result stands before the changes
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
    probe.stop_where_it_differs()
    return seen.value


def as_float32(value):
    return change(value, lambda x: x.float() if x.dtype == torch.float64 else x)


def note_dtype(probe, result):
    """Write down whether the result is float32, as the inputs are. It stands beside what follows
    to a GPU, which tells no mistakes apart: in float64 a mistake is the same one."""
    probe.note(FOLLOWS, not any(x.dtype == torch.float64 for x in tensors(result)),
        "The result is float64, and the inputs are float32. The notebook would stop where it "
        "multiplies the two.",
        "Work in float64 if you like, and return it with .float() at the end.")  # fmt: skip


def made(probe, cls, *args):
    """Make a denoiser of the attempt's class."""
    denoiser = probe.run(call_of(cls, args), cls, *args)
    probe.note_unless(callable(getattr(denoiser, "predict_x0", None)), "the method predict_x0",
        "Your class has no method predict_x0.",
        "Is the name spelled like that, and is the method indented to belong to the class?",
    )  # fmt: skip
    return denoiser


def basis(probe, n):
    """Draw n directions at right angles, the columns of a matrix that is not symmetric.

    () -> (n, n)
    """
    U = torch.eye(n)
    for v in probe.normal(4, n):  # mirrored four times: a QR takes longer
        U = U - 2 * torch.outer(U @ v, v) / v.dot(v)
    return U


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
