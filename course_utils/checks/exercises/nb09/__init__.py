"""The exercises of notebook 09, a file for each."""

from course_utils.checks.exercises.nb09 import (
    compute_wiener_filter,
    draw_gaussian,
    hybrid,
    ideal_x0,
    shrink,
    wiener_denoiser,
)

FILES = compute_wiener_filter, shrink, wiener_denoiser, draw_gaussian, hybrid, ideal_x0
EXERCISES = [file.EXERCISE for file in FILES]
