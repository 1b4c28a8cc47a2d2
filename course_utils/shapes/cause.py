"""An exception becomes a sentence: what met what, and why.

Each rule looks at the operation that failed, not at PyTorch's message, and says a sentence or
nothing; rules/ has them by the kind of operation. Where no rule knows better, PyTorch's own message
is shown with the place and the shapes.
"""

import traceback

from course_utils.shapes.calls import given
from course_utils.shapes.rules import RULES
from course_utils.shapes.rules.dtypes_and_devices import kinds
from course_utils.shapes.rules.network_inputs import (
    no_batch,
    none_given,
    tuple_given,
    wrong_number_of_inputs,
)
from course_utils.shapes.rules.normalisation import norm_that_refused
from course_utils.shapes.words import shapes


def cause(run):
    """Return the sentence for a run that failed."""
    call = run.failed if run.failed and run.failed.error in chain(run.error) else None
    place = call.place if call else run.open[-1][0].name if run.open else "the network"
    if told := no_batch(run):
        return told
    if call:
        for rule in (kinds, *RULES.get(call.op, ())):
            if sentence := rule(run, call, place):
                return sentence
    for rule in (none_given, wrong_number_of_inputs, tuple_given, norm_that_refused, the_network):
        if sentence := rule(run, place):
            return sentence
    return as_pytorch_says(run, call, place)


def chain(error):
    """Yield an exception and those that it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def the_network(run, place):
    """A check in the network's own code: its words are the best there are."""
    frames = list(traceback.walk_tb(run.error.__traceback__))
    inside = frames and not frames[-1][0].f_globals.get("__name__", "").startswith("torch")
    if not inside or not isinstance(run.error, (ValueError, AssertionError)):
        return None
    if str(run.error):
        return f"{place}: {run.error}" + "." * (str(run.error)[-1] not in ".!?")
    line = traceback.extract_tb(run.error.__traceback__)[-1].line
    return f"{place} demands `{line}`, and was given {shapes(run.open[-1][0].given)}."


def as_pytorch_says(run, call, place):
    lines = str(run.error).strip().splitlines() or [""]
    message = lines[0].split(" but expected one of")[0]
    if type(run.error).__name__ == "EinopsError":
        message = f"{message} {lines[-1].strip()}"
    what = f"{call.op} was given {shapes(given(call))}. " if call else ""
    return f"{place}: {what}{type(run.error).__name__}: {message}"
