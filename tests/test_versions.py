"""The constraints are Colab's versions, row by row; one warning of Colab's passes, and no other."""

import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# A row, and behind it what Colab has instead, with the reason.
ROW = re.compile(r"(?P<name>[\w-]+)==(?P<version>[\w.]+)(  # Colab: (?P<colab>[\w.]+)\. \w.+\.)?")
CONSTRAINTS = {path.stem: path for path in sorted((ROOT / "constraints").glob("*.txt"))}


def published():
    """Return what Colab has: {month: {package: version}}, from the copy of its lists."""
    text = (ROOT / "tests/colab_packages.txt").read_text(encoding="utf-8")
    head, *rows = [line.split() for line in text.splitlines() if line and line[0] != "#"]
    return {
        month: {name: of[at].rstrip("*") for name, *of in rows if of[at] != "-"}
        for at, month in enumerate(head[1:])
    }


PUBLISHED = published()
CONSTRAINTS[max(PUBLISHED)] = ROOT / "constraints.txt"  # the newest is today's


def undeclared(text, colab):
    """Return the rows of constraints that are not Colab's and do not say so, and those missing."""
    found, seen = [], set()
    for line in text.splitlines():
        if not line.startswith("#"):
            row = ROW.fullmatch(line)
            if not row or (row["colab"] or row["version"]) != colab.get(row["name"]):
                found.append(line)
            elif row["colab"] == row["version"]:
                found.append(f"{line}: that is no difference")
            seen.add(line.partition("==")[0])
    return found + sorted(colab.keys() - seen)


def test_each_list_of_colab_has_its_constraints():
    assert CONSTRAINTS.keys() == PUBLISHED.keys()


@pytest.mark.parametrize("month", CONSTRAINTS)
def test_the_constraints_are_colabs(month):
    assert undeclared(CONSTRAINTS[month].read_text(encoding="utf-8"), PUBLISHED[month]) == []


@pytest.mark.parametrize(
    "line",
    [
        "pyparsing==3.2.5",
        "pyparsing==3.2.5  # an older one",
        "pyparsing==3.2.5  # Colab: 3.3.2.",
        "pyparsing==3.2.5  # Colab: 3.3.1. A version that Colab has not.",
        "pyparsing==3.3.2  # Colab: 3.3.2. Where nothing differs.",
        "pyparsing>=3.3.2",
        "nbval==0.11.0",
        "",
    ],
)
def test_a_row_that_is_not_colabs_is_found(line):
    assert undeclared(f"# Colab's versions.\n{line}", {"pyparsing": "3.3.2"})


def test_a_declared_difference_is_none():
    line = "pyparsing==3.2.5  # Colab: 3.3.2. Why it is so."
    assert undeclared(line, {"pyparsing": "3.3.2"}) == []


def test_what_colab_has_satisfies_what_readers_need():
    need = re.findall(r"^([\w-]+)>=([\d.]+)$", (ROOT / "requirements.txt").read_text(), re.M)
    short = {
        (month, name)
        for month, colab in PUBLISHED.items()
        for name, least in need
        if name != "jupyterlab" and numbers(colab[name]) < numbers(least)
    }
    assert len(need) > 10 and short == set()


def numbers(version):
    return [int(part) for part in version.split(".")]


def test_a_workflow_row_runs_each():
    workflow = (ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8")
    rows = set(re.findall(r"constraints: ([^\s}]+)", workflow))
    assert rows == {str(path.relative_to(ROOT)) for path in CONSTRAINTS.values()} | {'""'}


# --- the one warning that passes ------------------------------------------------------------------

# As pyparsing 3.3.2 says it of matplotlib 3.10.0.
OF_PYPARSING = "'parseString' deprecated - use 'parse_string'"


def warn(message, module, category=DeprecationWarning):
    warnings.warn_explicit(message, category, f"{module}.py", 1, module)


def test_what_pyparsing_says_of_matplotlib_passes():
    warn(OF_PYPARSING, "matplotlib._fontconfig_pattern")


@pytest.mark.parametrize(
    "message, module, category",
    [
        (OF_PYPARSING, "course_utils.plots", DeprecationWarning),
        (OF_PYPARSING, "matplotlib._mathtext", UserWarning),
        ("'axes.thing' is deprecated", "matplotlib._mathtext", DeprecationWarning),
    ],
)
def test_every_other_warning_is_an_error(message, module, category):
    with pytest.raises(category):
        warn(message, module, category)
