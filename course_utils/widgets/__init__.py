"""The sliders of the notebooks. Each calls the text and the plots; all run on ipywidgets 7 and 8.

explorer.py    controls above a picture that follows them
noise.py       a picture drowning in noise
embedding.py   the time embedding, its width and its periods
live.py        a picture that a running loop replaces
"""

from course_utils.widgets.embedding import embedding_explorer
from course_utils.widgets.live import LivePicture
from course_utils.widgets.noise import noise_slider

__all__ = ["LivePicture", "embedding_explorer", "noise_slider"]
