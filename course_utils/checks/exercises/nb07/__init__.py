"""The exercises of notebook 07, a file for each."""

from course_utils.checks.exercises.nb07 import lost_in_fp16

FILES = (lost_in_fp16,)
EXERCISES = [file.EXERCISE for file in FILES]
