"""The exercises of notebook 04, a file for each."""

from course_utils.checks.exercises.nb04 import (
    decoder,
    decoder_channels,
    nearest_upsample,
    paint,
    upsample,
)

FILES = paint, upsample, nearest_upsample, decoder_channels, decoder
EXERCISES = [file.EXERCISE for file in FILES]
