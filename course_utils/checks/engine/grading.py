"""What an exercise is, and how an attempt at it is graded."""

import inspect
import re
import zlib

from course_utils.checks.broken_cell import Broken
from course_utils.checks.engine.compare import advice, describe, difference
from course_utils.checks.engine.exercise import Verdict
from course_utils.checks.engine.probe import FOLLOWS, Crash, Probe, Stop, name
from course_utils.checks.engine.sandbox import TimeUp, run_apart

SECONDS = 8


def grade_exercise(exercise, attempt):
    """Grade an attempt at an exercise.  Exercise, any object -> Verdict

    It never raises, prints nothing, and leaves the global state as it was.
    """

    def verdict(outcome, text, mistake=None):
        head = {"crashed": "not yet"}.get(outcome, outcome)
        return Verdict(exercise.id, outcome, mistake, f"{exercise.id} {head}. {text}".strip())

    if isinstance(attempt, Broken):
        return verdict("crashed", attempt.message)
    if not alike(exercise.reference, attempt):
        wanted = "class" if inspect.isclass(exercise.reference) else "function"
        if inspect.isclass(attempt):
            tip = "Write def and a return."
        elif inspect.isfunction(attempt) and wanted == "class":
            tip = "Write class, and def inside."
        else:
            tip = "Give it the name alone, without brackets behind it."
        return verdict(
            "not yet",
            f"The check takes a {wanted}, {name(exercise.reference)}; it got {describe(attempt)}. "
            f"{tip}",
        )
    try:
        came = observe(exercise, attempt)
    except TimeUp:
        return verdict(
            "crashed",
            f"Your code was stopped after {SECONDS} seconds. Does each loop come to its end?",
        )
    if came and is_stub(came[-1]):
        return verdict("not attempted", "The notebook goes on with the reference.")
    expected = observe_ours(exercise, exercise.reference)
    found = first_difference(expected, came)
    if found is None:
        return verdict("correct", "")
    if exercise.patient and agree(
        observe_ours(exercise, getattr(exercise.patient, "attempt", exercise.patient)), came
    ):
        same = (
            "It stops where the broken one stops, with the same message: what you changed, if "
            "anything, comes later."
            if isinstance(came[-1].value, Crash)
            else "It does what the broken one does: what you changed, if anything, does not show "
            "in what comes out."
        )
        return verdict("not attempted", f"{same} The notebook goes on with the reference.")
    seen, how, tip = found
    outcome = "crashed" if isinstance(seen.value, Crash) else "not yet"
    mistake = recognise(exercise, came)
    if mistake:
        text = f"{how} {mistake.why}" if outcome == "crashed" else mistake.why
        return verdict(outcome, text, mistake.name)
    return verdict(outcome, f"{how} {seen.look or tip or exercise.look}")


def alike(reference, attempt):
    """True when both are classes, or neither is and both can be called."""
    return inspect.isclass(reference) == inspect.isclass(attempt) and callable(attempt)


def observe(exercise, attempt):
    """Run the experiment on an attempt and return all that was seen, a crash last."""
    probe = Probe(seed=zlib.crc32(exercise.id.encode()))
    try:
        run_apart(lambda: exercise.experiment(probe, attempt), SECONDS)
    except Stop:
        pass  # the attempt's exception is the last thing seen
    except TimeUp:
        raise
    except Exception as error:  # a wrong result, seen already, that the experiment tripped over
        probe.note("the rest of the check", Crash(error))
    return probe.seen


def observe_ours(exercise, ours):
    """The same for a reference or a known mistake, which do the same every time."""
    key = exercise.id, ours
    if key not in OBSERVED:
        OBSERVED[key] = observe(exercise, ours)
    return OBSERVED[key]


OBSERVED = {}


def is_stub(seen):
    """True for the raise of an untouched stub. PyTorch raises NotImplementedError too."""
    crash = seen.value
    return (
        isinstance(crash, Crash)
        and isinstance(crash.error, NotImplementedError)
        and crash.own
        and "raise" in crash.text
    )


def first_difference(expected, came):
    """Return the first thing seen that differs, how, and what to do; None if nothing does."""
    for e, c in zip(expected, came):
        if isinstance(c.value, Crash):
            return c, tell_crash(c), crash_advice(c.value.error)
        if how := difference(e.value, c.value):
            return c, c.wrong or f"{c.what}: {how}.", advice(e.value, c.value)
    if len(expected) != len(came):
        return came[-1], f"After {came[-1].what} the check expected something else.", ""
    return None


def tell_crash(seen):
    crash = seen.value
    message = (str(crash.error).strip() or "no message").splitlines()[0]
    kind = type(crash.error).__name__
    if not crash.function:
        return f'{seen.what} raised {kind}: "{message}".'
    there = f" There, {crash.shapes}." if crash.shapes else ""
    return (
        f"Line {crash.line} of your {crash.function}, `{crash.text}`, raised {kind}: "
        f'"{message}". It was called as {seen.what}.{there}'
    )


def crash_advice(error):
    """Say what to do about an exception, by what its message is about."""
    message = f"{type(error).__name__}: {error}"
    return next((tip for words, tip in ADVICE if re.search(words, message)), "")


ADVICE = [
    (r"before Module\.__init__", "Call super().__init__() before you keep anything on self."),
    (r"__init__\(\) should return None", "A constructor returns nothing: leave the return out."),
    (r"not a Module subclass", "Brackets are missing behind a layer, or layers are in a list."),
    (r"'(float|int)' object has no", "That is a plain number; torch.tensor(1.0) is a tensor."),
    (r"'(builtin_)?(function|method)\w*'", "() are missing behind a name: they call a function."),
    (
        r"'NoneType'",
        "Something is None. append, reverse and sort change a list and return nothing, like every "
        "function without a return.",
    ),
    (r"reverseiterator|'zip'|'map'|generator' object", "Make a list of it first: list(...)."),
    (r"'super' object|super\(type", "Write super().__init__(), with both pairs of brackets."),
    (
        r"'(?!int|float)\w+' object is not subscriptable",
        "Its parts stand behind a dot: config.lr, not config['lr'].",
    ),
    (r"divisible by num_groups", "A norm's channels are those of what it gets, in whole groups."),
    (r"used as indices", "An index is a whole number, or a tensor of such: .long() makes it one."),
    (r"module '.*' has no attribute", "The library has nothing of that name. Is it spelled right?"),
    (
        r"one element tensors|converted to Scalar",
        "math works on one number. For all of a tensor there are its own: x.exp(), x.sqrt().",
    ),
    (r"out of bounds for dimension", "Print the shape, and the index."),
    (r"argument", "Compare the call with what the function or the layer takes."),
    (r"AttributeError", "Is the name spelled alike everywhere, and made in __init__?"),
    (r"NameError", "Is the name spelled right, and made or imported before this line?"),
    (r"ZeroDivision", "Print what you divide by. (2**i is a power in Python; 2^i is not.)"),
    (r"IndexError", "Print the length of the list, and the index."),
    (r"size|shape|dimension|channels", "Print the shapes in the line before it."),
]


def recognise(exercise, came):
    """Return the known mistake that does all that the attempt did, or None."""
    for mistake in exercise.catalogue:
        if agree(observe_ours(exercise, mistake.attempt), came):
            return mistake
    return None


def agree(one, other):
    """True for the same results. A mistake is the same one whether or not it runs on a GPU too."""
    one, other = ([s for s in seen if s.what != FOLLOWS] for seen in (one, other))
    return len(one) == len(other) and all(
        a.value.same_as(b.value)
        if isinstance(a.value, Crash) and isinstance(b.value, Crash)
        else not isinstance(b.value, Crash) and difference(a.value, b.value) is None
        for a, b in zip(one, other)
    )
