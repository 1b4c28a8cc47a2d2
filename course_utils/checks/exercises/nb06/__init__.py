"""The exercises of notebook 06, a file for each."""

NOTEBOOK = "06_debugging_dimensions"
ORDER = ["6.1", "6.3", "6.6", "6.8", "6.12", "6.13", "6.15"]  # the others are in the bug hunt
