"""The broken networks of 06: the true cause of each fault is named, and none in healthy ones."""

import pytest
from broken_cases import CLINIC

from course_utils.checks.exercises.nb06 import broken_networks as patients
from course_utils.checks.exercises.nb06 import healthy_networks as clinic
from course_utils.shapes import trace


def test_every_patient_is_examined():
    names = {n for n, cls in vars(patients).items() if getattr(cls, "__module__", "") == (
        patients.__name__
    )}  # fmt: skip
    assert names == set(CLINIC)


@pytest.mark.parametrize("name", CLINIC)
def test_true_cause_of_a_fault_is_named(name, record_property):
    case = CLINIC[name]
    model, inputs = case.make(patients)
    found = trace(model, *inputs)
    assert type(found.error) is (case.error or type(None))
    said = found.cause or " ".join(found.remarks)
    for words in case.said:
        assert words in said
    theirs = str(found.error).splitlines()[0] if found.error else "no error"
    record_property("shape errors", f"{case.id:5} {name}\n      PyTorch: {theirs}\n      {said}")


@pytest.mark.parametrize("name", CLINIC)
def test_nothing_is_said_of_a_healthy_network(name):
    model, inputs = CLINIC[name].make(clinic)
    found = trace(model, *inputs)
    assert (found.error, found.cause, found.remarks) == (None, None, [])
