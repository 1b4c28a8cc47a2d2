"""The exercises of notebook 09, a file for each."""
