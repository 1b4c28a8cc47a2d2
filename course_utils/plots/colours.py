"""Colours that stay apart for colour-blind readers.

What is drawn in several colours differs in lightness, in the kind of line, or in a word too.
"""

from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from course_utils.shapes.colours import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    PALE_BLUE,
    PURPLE,
    RED,
    SIGNED,
    SLATE,
    TEAL,
)

__all__ = ["BLUE", "GREY", "INK", "ORANGE", "PALE", "PALE_BLUE", "PURPLE", "RED", "SLATE", "TEAL"]

AMOUNT = "viridis"  # from dark to bright: numbers from 0 on
SIGNED = LinearSegmentedColormap.from_list("signed", SIGNED)  # white at 0
LINES = ("-", "--", ":", "-.")
MARKERS = "osD^vP"


def mark(ax, top, left, high, wide):
    """Put a frame around pixels of a map: white dashes on black, to be seen on every colour."""
    for style in ({"ec": "black", "lw": 2.4}, {"ec": "white", "lw": 1.2, "ls": (0, (3, 3))}):
        ax.add_patch(Rectangle((left - 0.5, top - 0.5), wide, high, fill=False, **style))
