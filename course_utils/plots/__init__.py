"""The pictures of the course: tensors in, a matplotlib figure out.

pictures.py    rows and grids of images, and how they change with noise
architecture.py  the U with its shapes
time.py        the time embedding
training.py    the loss
"""

from course_utils.plots.architecture import draw_u
from course_utils.plots.pictures import grid, strip
from course_utils.plots.time import embedding_map, similarity_map, waves
from course_utils.plots.training import loss_curve

__all__ = ["draw_u", "embedding_map", "grid", "loss_curve", "similarity_map", "strip", "waves"]
