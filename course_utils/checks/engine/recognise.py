"""Which known mistake an attempt makes, or which two at once.

A known mistake is recognised when it does all that the attempt does. Each is run until the first
difference, and what was seen of it is kept.
"""

import dataclasses
import functools
import itertools
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field

from course_utils.checks.engine.around_calls import drawn_in_order
from course_utils.checks.engine.crash import Crash
from course_utils.checks.engine.probe import FOLLOWS, Probe, Stop, Vague, same_seen, same_value
from course_utils.checks.engine.sandbox import run_apart
from course_utils.checks.engine.source import source
from course_utils.checks.engine.values import tensors
from course_utils.checks.mistakes import TOKEN, TWO, EditError, both
from course_utils.checks.mistakes import source as right_source

SEARCH = 1.2  # seconds of computing that the search for two mistakes may take
KNOWN = {}  # what was seen of references, mistakes and pairs of these, which do the same every time
PAIRS = {}  # two mistakes -> both at once, or None where they cannot be


@dataclass
class Observed:
    """What was seen of an answer: all of it, or all up to where it differed from another."""

    seen: list = field(default_factory=list)
    whole: bool = False
    readings: int = 1
    answered: bool = False


def observe(exercise, attempt, like=None, reading=0):
    """Run the experiment on an attempt, in this thread.  -> Observed, a crash last

    With like, what was seen of another answer, it ends where something differs.
    """
    probe = Probe(zlib.crc32(exercise.id.encode()), like, reading)
    try:
        with drawn_in_order():
            exercise.experiment(probe, attempt)
        probe.stop_where_it_differs()
    except Stop:
        pass  # the attempt's exception is the last thing seen
    except Exception as error:  # a wrong result, seen already, that the experiment tripped over
        probe.note("the rest of the check", Crash(error))
    return Observed(probe.seen, not probe.differs, probe.readings, probe.answered)


def observe_reference(exercise):
    """What is seen of the reference.  -> list of Seen"""
    key = exercise.id, exercise.reference
    if key not in KNOWN:
        KNOWN[key] = run_apart(lambda: observe(exercise, exercise.reference), None)
    return KNOWN[key].seen


def observe_known(exercise, mistake, came):
    """The same for a known mistake, which is run no further than to a difference from what came."""
    key = exercise.id, mistake
    known = KNOWN.get(key)
    if known is None or (not known.whole and begins_with(came, known.seen)):
        known = KNOWN[key] = observe(exercise, mistake.attempt, came)
    return known


def begins_with(came, seen):
    came, seen = ([s for s in part if s.what != FOLLOWS] for part in (came, seen))
    return same_seen(came[: len(seen)], seen)


def same_results(exercise, mistake, came):
    """True if a known mistake does all that was seen of an attempt."""
    known = observe_known(exercise, mistake, came)
    return known.whole and same_seen(known.seen, came)


def recognise(exercise, attempt, expected, came):
    """Return the known mistake that does all that the attempt did, or None.

    If the attempt also does something beside the results that it should not, that is said too.
    """
    known = filter(None, [*exercise.catalogue, exercise.patient])
    fitting = [mistake for mistake in known if same_results(exercise, mistake, came)]
    if same_seen(expected, came):  # it is right, but would stop on a GPU
        fitting = same_stops(exercise, fitting, came)
    if fitting:  # one message of an exception can have several causes
        text = source(attempt) or ""
        mistake = max(fitting, key=lambda mistake: likeness(mistake, text))
        alone = same_seen(expected, came) or gpu_stops(KNOWN[exercise.id, mistake].seen)
        return mistake if alone else with_second(exercise, mistake, expected, gpu_stops(came))
    asides = [c for e, c in zip(expected, came) if c.aside and not same_value(e.value, c.value)]
    without = [e if c.aside and c.what == e.what else c for e, c in zip(expected, came)]
    if not asides or len(without) < len(came) or same_seen(expected, without):
        return None
    fitting = (m for m in exercise.catalogue if same_results(exercise, m, without))
    return with_second(exercise, next(fitting, None), expected, asides)


def gpu_stops(seen):
    """What is seen of a stop on a GPU that comes after right results on a CPU."""
    return [s for s in seen if s.what == FOLLOWS and not s.value]


def same_stops(exercise, mistakes, came):
    """Those that stop on a GPU for the reason for which the attempt does."""
    why = [s.wrong for s in gpu_stops(came)]
    stops = {m: gpu_stops(observe_known(exercise, m, came).seen) for m in mistakes}
    return [m for m in mistakes if [s.wrong for s in stops[m]] == why]


def with_second(exercise, mistake, expected, asides):
    """A mistake, and what is wrong beside the results, as a known mistake where it is one."""
    if mistake is None or not asides:
        return mistake
    wrong = [asides[0] if s.what == asides[0].what else s for s in expected]
    known = (m for m in exercise.catalogue if same_results(exercise, m, wrong))
    if asides[0].what == FOLLOWS:
        known = iter(same_stops(exercise, list(known), wrong))
    if second := next(known, None):
        return both(mistake, second)
    name = f"{mistake.name} + {asides[0].what}"
    why = f"{TWO} First: {mistake.why} Second: {asides[0].wrong} {asides[0].look}"
    return dataclasses.replace(mistake, name=name, why=why)


# Two at once


def two_at_once(exercise, attempt, expected, came):
    """Return two edits of one right answer that together do what the attempt did, or None.

    Those that are likest to the attempt's text are tried first.
    """
    if not tells_two_apart(expected, came):
        return None
    text = source(attempt) or ""
    known = filter(None, [*exercise.catalogue, exercise.patient])
    able = [m for m in known if may_be_one_of_two(exercise, m, expected, came)]
    like = {mistake: likeness(mistake, text) for mistake in able}
    pairs = (
        (one, other)
        for one, other in itertools.combinations(able, 2)
        if one.right is other.right and one.name != other.name
    )
    end = time.thread_time() + SEARCH
    for pair in sorted(pairs, key=lambda pair: -like[pair[0]] - like[pair[1]]):
        if time.thread_time() > end:
            break
        two = made_at_once(*pair)
        if two and same_results(exercise, two, came):
            return two
    return None


def tells_two_apart(expected, came):
    """False where much may lie behind what was seen: an exception, NaN, a stop on a GPU alone."""
    if same_seen(expected, came):
        return False
    differing = (c for e, c in zip(expected, came) if not same_value(e.value, c.value))
    first = next(differing, came[-1]).value
    return not isinstance(first, (Crash, Vague)) and all(x.isfinite().all() for x in tensors(first))


def may_be_one_of_two(exercise, mistake, expected, came):
    """False if the mistake shows first where the attempt is right, or crashes where it doesn't."""
    seen = observe_known(exercise, mistake, came).seen
    for s, e, c in zip(seen, expected, came):
        if not same_value(s.value, c.value):
            crashes = isinstance(s.value, Crash) and not isinstance(c.value, Crash)
            return not (crashes or same_value(e.value, c.value))
    return True


def made_at_once(one, other):
    """Both mistakes in one answer, or None where the edits do not go together."""
    if (one, other) not in PAIRS:
        two = both(one, other)
        try:
            two.attempt
        except (EditError, SyntaxError):
            two = None
        PAIRS[one, other] = two
    return PAIRS[one, other]


def likeness(mistake, text):
    """How far a text differs from the right answer as the mistake does, from 0 to 1.

    Compared are neighbouring words: those that the mistake adds, and those that it takes away.
    """
    right, wrong, theirs = map(neighbours, (right_source(mistake.right), mistake.code, text))
    added, taken = wrong - right, right - wrong
    alike = (added & (theirs - right)) + (taken & (right - theirs))
    return alike.total() / max((added + taken).total(), 1)


@functools.lru_cache(1000)
def neighbours(text):
    words = [word for word in TOKEN.findall(text) if not word.isspace()]
    return Counter(itertools.pairwise(words))
