"""The exercises of notebook 00, a file for each."""

NOTEBOOK = "00_start_here"
