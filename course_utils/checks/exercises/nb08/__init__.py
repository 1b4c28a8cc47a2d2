"""The exercises of notebook 08, a file for each."""

NOTEBOOK = "08_attention_variants"
