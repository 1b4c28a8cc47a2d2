"""The exercises of notebook 07, a file for each."""
