"""The sliders of the notebooks. Each calls the text and the plots; all run on ipywidgets 7 and 8.

explorer.py    controls above a picture that follows them
stills.py      the still of such a picture, which is stored in the notebook
noise.py       a picture drowning in noise
embedding.py   the time embedding, its width and its periods
block.py       a block that is told the time
receptive.py   what one pixel sees
attention.py   where a pixel looks
overlap.py     where the patches of a transposed convolution overlap
sampling.py    how many looks, and how much fresh noise
evaluations.py  the same noise with more and more evaluations
family.py      a family of samplers on two sliders
shapes.py      what a U-Net's sizes do to its shapes
live.py        a picture that a running loop replaces
wiener.py      what a Wiener filter keeps, and where a hybrid hands over
training.py    a training run to look at, with a button that ends it
"""

from course_utils.widgets.attention import attention_explorer
from course_utils.widgets.block import told_time_slider
from course_utils.widgets.embedding import embedding_explorer
from course_utils.widgets.evaluations import evaluations_explorer
from course_utils.widgets.family import family_explorer
from course_utils.widgets.live import LivePicture
from course_utils.widgets.noise import noise_slider
from course_utils.widgets.overlap import overlap_explorer
from course_utils.widgets.receptive import receptive_explorer
from course_utils.widgets.sampling import sampler_explorer
from course_utils.widgets.shapes import shape_explorer
from course_utils.widgets.training import TrainingView
from course_utils.widgets.wiener import hybrid_explorer, wiener_explorer

__all__ = [
    "LivePicture",
    "TrainingView",
    "attention_explorer",
    "embedding_explorer",
    "evaluations_explorer",
    "family_explorer",
    "hybrid_explorer",
    "noise_slider",
    "overlap_explorer",
    "receptive_explorer",
    "sampler_explorer",
    "shape_explorer",
    "told_time_slider",
    "wiener_explorer",
]
