"""The exercises of notebook 10, a file for each."""

from course_utils.checks.exercises.nb10 import res_block

FILES = (res_block,)
EXERCISES = [file.EXERCISE for file in FILES]
