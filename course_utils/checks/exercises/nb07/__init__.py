"""The exercises of notebook 07, a file for each."""

from course_utils.checks.exercises.nb07 import (
    learning_rate,
    lost_in_fp16,
    take_step,
    update_average,
    write_whole,
)

FILES = lost_in_fp16, learning_rate, update_average, take_step, write_whole
EXERCISES = [file.EXERCISE for file in FILES]
