"""How an attempt at an exercise is graded."""

import contextlib
import inspect

from course_utils.checks.broken_cell import Broken
from course_utils.checks.engine.compare import advice, difference
from course_utils.checks.engine.crash import Crash
from course_utils.checks.engine.exercise import Verdict
from course_utils.checks.engine.hints import advice_for
from course_utils.checks.engine.probe import same_seen
from course_utils.checks.engine.recognise import (
    observe,
    observe_reference,
    recognise,
    same_results,
    two_at_once,
)
from course_utils.checks.engine.sandbox import TimeUp, import_compiler, run_apart
from course_utils.checks.engine.source import code_of, source
from course_utils.checks.engine.values import describe, name

SECONDS = 4  # that an attempt may take
PATIENCE = 10  # seconds for all known mistakes of an exercise, on a machine that is slow
GOES_ON = "The notebook goes on with the reference."
UNCHANGED = f"You haven't changed anything yet. {GOES_ON}"
ENDLESS = "Your code was stopped after {} seconds. Does every loop come to an end?"
HALFWAY = (
    "You're halfway: what's there gives the right results. {} still raises NotImplementedError."
)


def grade_exercise(exercise, attempt):
    """Grade an attempt at an exercise.  Exercise, any object -> Verdict

    It never raises, prints nothing, and leaves the global state as it was.
    """
    outcome, text, mistake = judge(exercise, uncompiled(attempt))
    head = "not yet" if outcome == "crashed" else outcome
    return Verdict(exercise.id, outcome, mistake, f"{exercise.id} {head}. {text}".strip())


def judge(exercise, attempt):
    """Return the outcome, what a reader is told, and the name of the mistake or None."""
    if isinstance(attempt, Broken):
        return "crashed", attempt.message, None
    if not is_asked_for(exercise, attempt):
        return "not yet", wrong_kind(exercise.reference, attempt), None
    expected = observe_reference(exercise)
    import_compiler(source(attempt) or "")
    try:
        observed = run_apart(lambda: observe_best(exercise, attempt, expected), SECONDS)
    except TimeUp:
        return "crashed", ENDLESS.format(SECONDS), None
    came = observed.seen
    if came and is_stub(came[-1]) and not observed.answered:
        return "not attempted", GOES_ON, None
    if first_difference(expected, came) is None:
        return "correct", "", None
    patient = exercise.patient
    does_the_same = patient and run_apart(lambda: same_results(exercise, patient, came), None)
    if does_the_same and named(exercise, attempt, expected, came) in (None, patient):
        return "not attempted", unrepaired(exercise, attempt, came), None
    return wrong(exercise, attempt, expected, came)


def wrong(exercise, attempt, expected, came):
    """The same for an attempt that differs from the reference."""
    seen, how, tip = first_difference(expected, came)
    outcome = "crashed" if isinstance(seen.value, Crash) else "not yet"
    if is_stub(seen):
        return outcome, HALFWAY.format(seen.value.function), None
    if mistake := named(exercise, attempt, expected, came):
        text = f"{how} {mistake.why}" if outcome == "crashed" else mistake.why
        return outcome, text, mistake.name
    nothing = tip if seen.value is None and not seen.wrong else ""
    return outcome, f"{how} {nothing or seen.look or tip or exercise.look}", None


def uncompiled(attempt):
    """What torch.compile made of an attempt is the attempt."""
    return getattr(attempt, "_torchdynamo_orig_callable", attempt)


def is_asked_for(exercise, attempt):
    """True for a class where one is asked for, and for what can be called where that is."""
    if inspect.isclass(attempt):
        return exercise.makes_layer or inspect.isclass(exercise.reference)
    return callable(attempt) and not inspect.isclass(exercise.reference)


def wrong_kind(reference, attempt):
    wanted = "class" if inspect.isclass(reference) else "function"
    if inspect.isclass(attempt):
        tip = "Write def and a return."
    elif inspect.isfunction(attempt) and wanted == "class":
        tip = "Write class, and def inside."
    else:
        tip = "Give it the name alone, without brackets behind it."
    return f"The check takes a {wanted}, {name(reference)}; it got {describe(attempt)}. {tip}"


def observe_best(exercise, attempt, expected):
    """Observe an attempt in the way of reading its bare parameters that fits best."""
    best = observe(exercise, attempt)
    if best.readings == 1 or first_difference(expected, best.seen) is None:
        return best
    tried = [observe(exercise, attempt, expected, i) for i in range(best.readings)]
    longest = max(range(len(tried)), key=lambda i: (tried[i].whole, len(tried[i].seen)))
    return observe(exercise, attempt, reading=longest) if longest else best


def is_stub(seen):
    return isinstance(seen.value, Crash) and seen.value.is_stub


def unrepaired(exercise, attempt, came):
    """What is told of an attempt that does what the broken code does."""
    mine = source(attempt)
    if mine and code_of(mine) == code_of(exercise.patient.code):
        return UNCHANGED
    same = "does what the broken one does"
    if isinstance(came[-1].value, Crash):
        same = "still stops where the broken one stops, with the same message"
    return f"Your version {same}, so whatever you changed doesn't show yet. {GOES_ON}"


def first_difference(expected, came):
    """Return the first thing seen that differs, how, and what to do; None if nothing does."""
    for e, c in zip(expected, came):
        if isinstance(c.value, Crash):
            return c, c.value.told(c.what), advice_for(c.value)
        if how := difference(e.value, c.value):
            return c, c.wrong or f"{capital(c.what)}: {how}.", advice(e.value, c.value)
    if len(expected) != len(came):
        return came[-1], f"After {came[-1].what} the check expected something else.", ""
    return None


def capital(what):
    """What was seen, as a sentence begins: names in code, f(x) or x0, stay as they are."""
    return what[:1].upper() + what[1:] if what.partition(" ")[0].isalpha() else what


LAST = {}  # exercise -> the last wrong attempt: its text, what was seen, what it was found to be


def named(exercise, attempt, expected, came):
    """Return the known mistake that the attempt makes, or two at once, or None."""
    text = source(attempt)
    before, seen, found = LAST.get(exercise.id, (None, (), None))
    if text and text == before and same_seen(seen, came):  # the cell was run again
        return found

    def search():
        one = recognise(exercise, attempt, expected, came)
        return one or two_at_once(exercise, attempt, expected, came)

    found = None
    with contextlib.suppress(TimeUp):  # two that are known may be an endless loop together
        found = run_apart(search, PATIENCE)
    LAST[exercise.id] = text, came, found
    return found
