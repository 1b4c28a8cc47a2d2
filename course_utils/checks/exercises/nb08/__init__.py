"""The exercises of notebook 08, a file for each."""

from course_utils.checks.exercises.nb08 import (
    attention_weights,
    linear_attention,
    single_head_attention,
    token_attention,
    torch_attention,
)

FILES = (
    attention_weights, single_head_attention, token_attention, torch_attention, linear_attention,
)  # fmt: skip
EXERCISES = [file.EXERCISE for file in FILES]
