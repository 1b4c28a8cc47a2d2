"""The exercises of notebook 09, a file for each."""

NOTEBOOK = "09_wiener_baseline"
ORDER = ["9.1", "9.2", "9.3", "9.4", "9.6", "9.5"]  # the numbers are only names
