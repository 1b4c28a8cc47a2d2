"""The exercises of notebook 01, a file for each."""

NOTEBOOK = "01_time_embedding"
