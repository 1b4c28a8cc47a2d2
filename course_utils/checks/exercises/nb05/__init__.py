"""The exercises of notebook 05, a file for each."""

NOTEBOOK = "05_full_unet"
ORDER = ["5.1", "5.3", "5.6", "5.7", "5.4", "5.5", "5.8"]  # the numbers are only names
