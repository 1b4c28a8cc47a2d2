"""The exercises of notebook 05, a file for each."""

NOTEBOOK = "05_full_unet"
