"""The exercises of notebook 10, a file for each."""

NOTEBOOK = "10_published_unets"
ORDER = ["10.1", "10.6", "10.5", "10.4"]  # the numbers are only names
