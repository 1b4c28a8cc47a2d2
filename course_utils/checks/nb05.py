"""The exercises of notebook 05. A docstring of a wrong answer is what its author is told."""

NOTEBOOK = "05_full_unet"

EXERCISES = []
