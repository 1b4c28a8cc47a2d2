"""The exercises of notebook 04. A docstring of a wrong answer is what its author is told."""

NOTEBOOK = "04_decoder"

EXERCISES = []
