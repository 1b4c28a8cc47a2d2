"""The pictures of the course: tensors in, a matplotlib figure out, or a GIF.

style.py       what all have in common: sizes, lines, ticks
colours.py     colours for all eyes
pictures.py    rows and grids of images, and how they change with noise
moving.py      what a sampler gives, as a GIF
architecture.py  the U with its shapes
flow.py        the operations of a block, each with the tensor that it made
operations.py  what flow.py draws, found by running the block
loops.py       a step of the training, and one of a sampler
time.py        the time embedding
receptive.py   what one pixel sees
block.py       what happens inside a block
attention.py   where attention looks, and what it costs
numbers.py     maps with the numbers written on them
precision.py   numbers of 32 and of 16 bits
training.py    the loss
lines.py       other curves
wiener.py      the Wiener filter's axes, what it keeps, and how denoisers compare
"""

from course_utils.plots.architecture import draw_maps, draw_u
from course_utils.plots.attention import attention_maps, cost_curves
from course_utils.plots.block import curves, maps
from course_utils.plots.flow import draw_block
from course_utils.plots.lines import lines
from course_utils.plots.loops import draw_sampler_step, draw_training_step
from course_utils.plots.moving import moving
from course_utils.plots.numbers import number_maps
from course_utils.plots.pictures import grid, strip
from course_utils.plots.precision import gradient_histograms, number_lines
from course_utils.plots.receptive import receptive_maps
from course_utils.plots.style import plain_log, set_style
from course_utils.plots.time import embedding_map, similarity_map, waves
from course_utils.plots.training import loss_curve, loss_curves
from course_utils.plots.wiener import clouds, error_curves, shrink_picture, spectrum

__all__ = [
    "attention_maps",
    "clouds",
    "cost_curves",
    "curves",
    "draw_block",
    "draw_maps",
    "draw_u",
    "embedding_map",
    "error_curves",
    "gradient_histograms",
    "grid",
    "lines",
    "loss_curve",
    "loss_curves",
    "maps",
    "moving",
    "number_lines",
    "number_maps",
    "plain_log",
    "receptive_maps",
    "draw_sampler_step",
    "set_style",
    "shrink_picture",
    "similarity_map",
    "spectrum",
    "strip",
    "draw_training_step",
    "waves",
]
