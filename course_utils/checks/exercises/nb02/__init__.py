"""The exercises of notebook 02, a file for each."""

from course_utils.checks.exercises.nb02 import (
    batch_norm,
    conv_block,
    conv_bn_silu,
    shortcut,
    timed_convs,
)

FILES = batch_norm, conv_bn_silu, timed_convs, shortcut, conv_block
EXERCISES = [file.EXERCISE for file in FILES]
