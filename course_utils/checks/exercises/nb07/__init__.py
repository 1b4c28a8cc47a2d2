"""The exercises of notebook 07, a file for each."""

from course_utils.checks.exercises.nb07 import learning_rate, lost_in_fp16, update_average

FILES = lost_in_fp16, learning_rate, update_average
EXERCISES = [file.EXERCISE for file in FILES]
