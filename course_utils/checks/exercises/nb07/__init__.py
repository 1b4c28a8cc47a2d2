"""The exercises of notebook 07, a file for each."""

NOTEBOOK = "07_amp_training"
