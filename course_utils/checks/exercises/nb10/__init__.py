"""The exercises of notebook 10, a file for each."""

from course_utils.checks.exercises.nb10 import (
    guidance,
    res_block,
    samples,
    sigma_embedding,
    sigma_schedule,
)

FILES = res_block, sigma_embedding, sigma_schedule, samples, guidance
EXERCISES = [file.EXERCISE for file in FILES]
