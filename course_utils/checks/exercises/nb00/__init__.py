"""The exercise of notebook 00."""

from course_utils.checks.exercises.nb00 import add_noise

EXERCISES = [add_noise.EXERCISE]
