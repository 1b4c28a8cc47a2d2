"""The exercises of notebook 06, a file for each."""

from course_utils.checks.exercises.nb06 import (
    for_summary,
    layer_shapes,
    pool_unet,
    timed_conv,
    token_mixer,
    tutorial_decoder,
    up_step,
)

FILES = layer_shapes, for_summary, tutorial_decoder, token_mixer, up_step, timed_conv, pool_unet
EXERCISES = [file.EXERCISE for file in FILES]
