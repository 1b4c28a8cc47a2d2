"""The exercises of notebook 07, a file for each."""

from course_utils.checks.exercises.nb07 import learning_rate, lost_in_fp16

FILES = lost_in_fp16, learning_rate
EXERCISES = [file.EXERCISE for file in FILES]
