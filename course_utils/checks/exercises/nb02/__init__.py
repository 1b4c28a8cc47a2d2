"""The exercises of notebook 02, a file for each."""
