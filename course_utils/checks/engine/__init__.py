"""How an answer is graded: run apart, observed, compared, recognised. Knows no exercise."""
