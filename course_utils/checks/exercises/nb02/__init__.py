"""The exercises of notebook 02, a file for each."""

NOTEBOOK = "02_conv_block"
