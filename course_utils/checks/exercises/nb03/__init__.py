"""The exercises of notebook 03, a file for each."""
