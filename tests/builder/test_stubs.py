"""A source has its exercises, each with a stub that fits the reference."""

import pytest
from toy_course import CHECKS, assert_refused, command, edit_source

from stubs import stub_problem

REFERENCE = CHECKS[CHECKS.index("class Adder") : CHECKS.index("@dataclass")]
STUB = REFERENCE.replace("return x + self.n", "raise NotImplementedError")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("class Adder", "class Plus", "class Plus"),
        ("class Adder:", "class Adder(object):", "class Adder(object)"),
        ("n=1", "n", "def __init__(self, n)`, the reference has `def __init__(self, n=1)"),
        ("add(self, x)", "add(self, y)", "def add(self, y)"),
        ("def add", "def plus", "no method plus"),
        ("Return x + n.", "Return n + x.", "the docstring of add"),
        ("Adds the same", "Add the same", "the docstring of Adder"),
        ("raise NotImplementedError", "pass", "raise NotImplementedError"),
        ("class Adder:", "class Adder", "not Python"),
        ("class Adder", "import math\n\nclass Adder", "one function or one class"),
        (STUB, "def Adder(n=1):\n    raise NotImplementedError", "def Adder(n=1)"),
    ],
)
def test_a_stub_that_does_not_fit_is_refused(old, new, said):
    assert stub_problem(STUB, "Adder", REFERENCE) is None
    assert old in STUB
    called = "Plus" if "Plus" in new else "Adder"
    assert said in stub_problem(STUB.replace(old, new, 1), called, REFERENCE)


def test_a_stub_to_repair_is_the_patient_to_the_letter():
    patient = REFERENCE.strip().replace("x + self.n", "x - self.n")
    assert patient != REFERENCE.strip()
    assert stub_problem(patient, "Adder", REFERENCE, patient) is None
    assert "to the letter" in stub_problem(REFERENCE, "Adder", REFERENCE, patient)
    renamed = patient.replace("class Adder", "class Plus")
    assert "is called Plus" in stub_problem(renamed, "Adder", REFERENCE, renamed)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("def double(x):", "def double(y):", ["exercise 1.1", "def double(y)", "def double(x)"]),
        ('check("1.1", double)', 'check("1.1", triple)', ["exercise 1.1", "given triple"]),
        ("# solution 1.1", "# nothing", ["checks ['1.1', '1.2']", "solutions ['1.2']"]),
        ("# solution 1.1", "# solution 1.3", ["no exercise 1.3"]),
        ('check("1.1", double)', 'check("1.2", double)', ["has checks ['1.2'"]),
        (
            "# %%\ndef double",
            "# %%\n# solution 1.1\n\n# %%\ndef double",
            ["solutions ['1.1', '1.1', '1.2']", "not one of each"],
        ),
        ("# %%\ndouble = ch", "# %% [markdown]\n# text\n\n# %%\ndouble = ch", ["not the stub"]),
    ],
)
def test_a_source_that_does_not_fit_its_exercises_is_refused(course, old, new, said):
    edit_source(course, old, new)
    assert_refused(command(course), "01_toy", *said)


def test_a_solution_before_its_check_is_refused(course):
    edit_source(course, "# solution 1.1", "'moved'")
    edit_source(course, "# %%\ndef double", "# %%\n# solution 1.1\n\n# %%\ndef double")
    assert_refused(command(course), "exercise 1.1: the solution stands before the check")


def test_an_exercise_without_a_place_is_refused(course):
    engine = course / "course_utils/checks/__init__.py"
    more = 'EXERCISES["1.3"] = Exercise("01_toy", double, None)'
    engine.write_text(engine.read_text() + "\n" + more + "\n")
    assert_refused(command(course), "['1.1', '1.2', '1.3']")
