"""The exercises of notebook 06, a file for each."""

from course_utils.checks.exercises.nb06 import for_summary, layer_shapes, tutorial_decoder

FILES = layer_shapes, for_summary, tutorial_decoder
EXERCISES = [file.EXERCISE for file in FILES]
