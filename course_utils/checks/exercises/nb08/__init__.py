"""The exercises of notebook 08, a file for each."""
