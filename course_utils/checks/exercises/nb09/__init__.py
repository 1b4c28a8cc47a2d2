"""The exercises of notebook 09, a file for each."""

NOTEBOOK = "09_wiener_baseline"
