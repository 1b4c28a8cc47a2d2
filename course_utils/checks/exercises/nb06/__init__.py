"""The exercises of notebook 06, a file for each."""

from course_utils.checks.exercises.nb06 import layer_shapes

FILES = (layer_shapes,)
EXERCISES = [file.EXERCISE for file in FILES]
