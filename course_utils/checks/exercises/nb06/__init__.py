"""The exercises of notebook 06, a file for each."""
