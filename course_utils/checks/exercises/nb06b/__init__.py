"""The exercises of notebook 06 from 6.8 on, a file for each."""

from course_utils.checks.exercises.nb06b import any_size

FILES = (any_size,)
EXERCISES = [file.EXERCISE for file in FILES]
