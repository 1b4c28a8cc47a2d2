"""The exercises of notebook 02. A docstring of a wrong answer is what its author is told."""

NOTEBOOK = "02_conv_block"

EXERCISES = []
