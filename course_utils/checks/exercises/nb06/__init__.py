"""The exercises of notebook 06, a file for each."""

from course_utils.checks.exercises.nb06.broken_networks import PATIENTS  # noqa: F401

NOTEBOOK = "06_debugging_dimensions"
ORDER = ["6.1", "6.3", "6.6", "6.8", "6.12", "6.13", "6.15"]  # the others are in the bug hunt
