"""Each exercise is complete: its reference and other right answers pass, its mistakes are named."""

import pytest

from course_utils.checks import EXERCISES, grade
from course_utils.checks.engine.compare import difference
from course_utils.checks.engine.crash import Crash
from course_utils.checks.engine.recognise import observe

MISTAKES = [(e.id, i) for e in EXERCISES.values() for i in range(len(e.catalogue))]
RIGHT = [(e.id, i) for e in EXERCISES.values() for i in range(len(e.also_right))]


@pytest.mark.parametrize("id", EXERCISES)
def test_exercise_is_complete(id):
    exercise = EXERCISES[id]
    assert exercise.id == id and exercise.title and exercise.look
    assert exercise.notebook.startswith(f"{int(id.split('.')[0]):02}_")
    assert len(exercise.mistakes) >= 8
    assert len(exercise.also_right) >= 4
    assert all(mistake.why for mistake in exercise.catalogue)
    assert {m.right for m in exercise.catalogue} <= {exercise.reference, *exercise.also_right}


@pytest.mark.parametrize("id", EXERCISES)
def test_reference_is_correct_and_twice_the_same(id):
    exercise = EXERCISES[id]
    assert grade(id, exercise.reference).outcome == "correct"
    seen = [observe(exercise, exercise.reference).seen for _ in range(2)]
    assert not any(isinstance(s.value, Crash) for s in seen[0])
    assert all(s.value for s in seen[0] if s.what.startswith("follows its input"))
    assert [difference(a.value, b.value) for a, b in zip(*seen)] == [None] * len(seen[0])


@pytest.mark.parametrize("id", [id for id, exercise in EXERCISES.items() if exercise.patient])
def test_untouched_patient_is_not_attempted(id):
    exercise = EXERCISES[id]
    verdict = grade(id, exercise.patient.attempt)
    assert (verdict.outcome, verdict.mistake) == ("not attempted", None)
    assert "You haven't changed anything yet." in verdict.message


@pytest.mark.parametrize("id, i", RIGHT)
def test_other_right_answer_is_accepted(id, i):
    verdict = grade(id, EXERCISES[id].also_right[i])
    assert verdict.outcome == "correct", verdict.message


@pytest.mark.parametrize("id, i", MISTAKES, ids=lambda v: str(v))
def test_mistake_is_refused_and_named(id, i):
    mistake = EXERCISES[id].catalogue[i]
    verdict = grade(id, mistake.attempt)
    assert verdict.outcome in ("not yet", "crashed"), mistake.name
    assert verdict.mistake == mistake.name
    assert verdict.message.startswith(f"{id} not yet. ")
    assert verdict.message.endswith(mistake.why)
