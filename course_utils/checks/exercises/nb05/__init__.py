"""The exercises of notebook 05, a file for each."""
