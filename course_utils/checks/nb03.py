"""The exercises of notebook 03. A docstring of a wrong answer is what its author is told."""

NOTEBOOK = "03_encoder"

EXERCISES = []
