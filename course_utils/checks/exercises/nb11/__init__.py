"""The exercises of notebook 11, a file for each."""

NOTEBOOK = "11_straight_lines"
