"""The exercises of notebook 04, a file for each."""

NOTEBOOK = "04_decoder"
