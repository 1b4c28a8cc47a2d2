"""The exercises of notebook 04, a file for each."""
