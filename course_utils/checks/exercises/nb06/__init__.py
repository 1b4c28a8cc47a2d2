"""The exercises of notebook 06, a file for each."""

NOTEBOOK = "06_debugging_dimensions"
