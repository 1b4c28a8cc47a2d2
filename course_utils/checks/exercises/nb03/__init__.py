"""The exercises of notebook 03, a file for each."""

NOTEBOOK = "03_encoder"
