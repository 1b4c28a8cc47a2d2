"""The exercises of notebook 01, a file for each."""

from course_utils.checks.exercises.nb01 import (
    frequencies,
    shift,
    similarity,
    sinusoidal_embedding,
    time_embedding,
)

FILES = frequencies, sinusoidal_embedding, similarity, time_embedding, shift
EXERCISES = [file.EXERCISE for file in FILES]
