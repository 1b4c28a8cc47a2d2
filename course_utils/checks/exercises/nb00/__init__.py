"""The exercises of notebook 00, a file for each."""
