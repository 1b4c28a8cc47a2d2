"""One hand for all pictures: what the setup cell sets, and what every plot is made with."""

import matplotlib.pyplot as plt
from cycler import cycler
from IPython import get_ipython
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib_inline.backend_inline import set_matplotlib_formats

from course_utils.plots.colours import BLUE, GREY, INK, ORANGE, PURPLE, SLATE, TEAL

STYLE = {
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": SLATE,
    "ytick.color": SLATE,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "image.interpolation": "nearest",
    "axes.prop_cycle": cycler(color=[BLUE, ORANGE, PURPLE, SLATE, TEAL]),
}


def set_style():
    """Draw in the course's style from now on; in a notebook, with two pixels for each of a page."""
    plt.rcParams.update(STYLE)
    if get_ipython():
        set_matplotlib_formats("retina")


def plain_log(axis):
    """Make an axis logarithmic, with ticks such as 0.2, 0.5 and 1.

    Axis of matplotlib -> None
    """
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    low, high = sorted(axis.get_view_interval())
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1,)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
