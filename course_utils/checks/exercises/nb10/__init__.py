"""The exercises of notebook 10, a file for each."""

NOTEBOOK = "10_published_unets"
