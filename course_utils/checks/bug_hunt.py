"""The bug hunt: a right answer with one known mistake in it, to find and to mend."""

import ast
import random
from dataclasses import dataclass

from IPython import get_ipython
from IPython.display import display

from course_utils.checks.engine.exercise import Exercise, Verdict
from course_utils.checks.engine.grading import first_difference, grade_exercise
from course_utils.checks.engine.recognise import observe, observe_reference
from course_utils.checks.engine.sandbox import run_apart
from course_utils.checks.engine.source import keep
from course_utils.checks.engine.values import name
from course_utils.checks.mistakes import EditError, Mistake, built, edited, source
from course_utils.checks.notebook import Notice

STILL = "The bug is still there."


@dataclass(frozen=True)
class BugHunt:
    """Code with a bug. Read it, mend it, and hand what you get to check."""

    exercise: Exercise
    code: str
    symptom: str  # what the code does wrong, as a reader would see it
    mistake: Mistake

    def check(self, attempt):
        """Say whether the bug is mended.  function or class -> Verdict"""
        verdict = grade_exercise(self.exercise, attempt)
        if verdict.outcome == "correct":
            return self.told("correct", None, f"Mended. {self.mistake.why}")
        if is_there(self.exercise, self.mistake, verdict):
            outcome = verdict.outcome.replace("not attempted", "not yet")
            return self.told(outcome, self.mistake.name, f"{STILL} {self.symptom}")
        return verdict

    def told(self, outcome, mistake, text):
        head = "correct" if outcome == "correct" else "not yet"
        return Verdict(self.exercise.id, outcome, mistake, f"{self.exercise.id} {head}. {text}")

    def cell(self):
        """The text of a cell in which to mend the code: run, it is checked."""
        return f"%%bug_hunt {self.exercise.id}\n{self.code}"

    @property
    def notice(self):
        text = (
            f"A bug hunt in {self.exercise.id}, {name(self.exercise.reference)}. {self.symptom} "
            f"Find the bug and mend it, in the new cell below; if there is none, copy this into "
            f"one."
        )
        return Notice(text, "not attempted", self.cell())

    def __repr__(self):
        return repr(self.notice)

    def _ipython_display_(self):
        display(self.notice)
        get_ipython().set_next_input(self.cell())


def drawn(exercises, seed):
    """Draw where to hunt, and a seed for the bug.  {id: Exercise}, int or None -> id, float"""
    chance = random.Random(seed)
    known = [id for id, e in exercises.items() if e.hunted or e.notebook < "06"]
    return chance.choice(known), chance.random()


def hunt(exercise, mine=None, seed=None):
    """Put a known mistake into a right answer: the reader's own where the edit fits, or ours.

    Exercise, function or class or None -> BugHunt

    The same seed gives the same bug in the same answer.
    """
    known = [exercise.patient] if exercise.hunted else exercise.catalogue
    for mistake in random.Random(seed).sample(known, len(known)):
        for right in filter(None, (mine, mistake.right)):
            if (found := bug_in(exercise, mistake, right)) is not None:
                return found
    raise ValueError(f"{exercise.id} has no known mistake to put into an answer")


def is_there(exercise, mistake, verdict):
    """True if a verdict says that the mistake is in the code; a patient's has no name."""
    unchanged = verdict.outcome == "not attempted" and mistake is exercise.patient
    return unchanged or verdict.mistake == mistake.name


def bug_in(exercise, mistake, right):
    """A right answer with the mistake in it; None if it does not fit, or does something else."""
    try:
        code = edited(source(right), mistake.places)
        buggy = built(code, right, f"bug hunt {exercise.id}", mistake.names)
    except (EditError, SyntaxError, TypeError):
        return None
    if not is_there(exercise, mistake, grade_exercise(exercise, buggy)):
        return None
    came = run_apart(lambda: observe(exercise, buggy).seen, None)
    _, symptom, _ = first_difference(observe_reference(exercise), came)
    return BugHunt(exercise, code.strip(), symptom, mistake)


def mended(found, code, names):
    """Run the code of a cell %%bug_hunt apart, beside these names, and say whether it is mended.

    BugHunt, str, dict -> Notice
    """
    (defined,) = (node.name for node in ast.parse(found.code).body if hasattr(node, "name"))
    apart = {name: value for name, value in names.items() if name != defined}
    file = f"<bug hunt {found.exercise.id}>"
    keep(file, code)
    try:
        exec(compile(code, file, "exec"), apart)
    except Exception as error:
        text = f"{found.exercise.id} not yet. This cell raised {type(error).__name__}: {error}."
        return Notice(text, "crashed")
    if defined not in apart:
        return Notice(f"This cell doesn't define {defined} any more.", "crashed")
    verdict = found.check(apart[defined])
    return Notice(verdict.message, verdict.outcome)
