"""The exercises of notebook 05, a file for each."""

from course_utils.checks.exercises.nb05 import block_parameters, ddim, ddpm, noise_loss, unet

FILES = unet, block_parameters, noise_loss, ddpm, ddim
EXERCISES = [file.EXERCISE for file in FILES]
