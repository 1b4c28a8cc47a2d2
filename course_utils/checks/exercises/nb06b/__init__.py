"""The exercises of notebook 06 from 6.8 on, a file for each."""

from course_utils.checks.exercises.nb06b import (
    any_size,
    flat_unet,
    late_layers,
    noisy_batch,
    normed_conv,
    picture_code,
    pixel_attention,
    step_mlp,
)

FILES = (
    any_size, normed_conv, picture_code, step_mlp, noisy_batch, flat_unet, pixel_attention,
    late_layers,
)  # fmt: skip
EXERCISES = [file.EXERCISE for file in FILES]
