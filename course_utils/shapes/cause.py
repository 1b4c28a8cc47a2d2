"""An exception becomes a sentence: what met what, and why.

Each rule looks at the operation that failed, not at PyTorch's message, and says a sentence or
nothing; rules/ has them by the kind of operation. Where no rule knows better, PyTorch's own message
is shown with the place and the shapes.
"""

from course_utils.shapes.calls import given, on_the_way, own_line
from course_utils.shapes.rules import ANY_CALL, RULES, WITHOUT_CALL, asked
from course_utils.shapes.rules.network_inputs import no_batch
from course_utils.shapes.rules.recurrent import recurrent
from course_utils.shapes.rules.reshapes import batch_squeezed
from course_utils.shapes.words import shapes


def cause(run):
    """Return the sentence for a run that failed."""
    call = run.failed if run.failed and run.failed.error in chain(run.error) else None
    place = call.place if call else run.open[-1][0].name if run.open else "the network"
    rules = [(no_batch, (run,)), (recurrent, (run, place))]
    if call:
        rules += [(rule, (run, call, place)) for rule in (*ANY_CALL, *RULES.get(call.op, ()))]
    rules += [(rule, (run, place)) for rule in WITHOUT_CALL]
    told = (asked(rule, *arguments) for rule, arguments in rules)
    return next(filter(None, told), None) or as_pytorch_says(run, call, place)


def chain(error):
    """Yield an exception and those that it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def as_pytorch_says(run, call, place):
    lines = str(run.error).strip().splitlines() or [""]
    message = lines[0].split(" but expected one of")[0]
    line = own_line(run)
    where = f"{place}, in {line}" if line else place
    if not call or not given(call):
        return f"{where}: {type(run.error).__name__}: {message}"
    what = f"{call.op} was given {shapes(given(call))}. {type(run.error).__name__}: {message}"
    came = on_the_way(run, *given(call)[:3])
    return f"{where}: {what}{'' if message.endswith('.') else '.'}{came}{batch_squeezed(run)}"
