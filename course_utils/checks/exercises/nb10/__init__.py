"""The exercises of notebook 10, a file for each."""
