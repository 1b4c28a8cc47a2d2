"""The exercises of notebook 03, a file for each."""

from course_utils.checks.exercises.nb03 import downsample, encoder, level_costs, receptive_field

FILES = downsample, receptive_field, level_costs, encoder
EXERCISES = [file.EXERCISE for file in FILES]
