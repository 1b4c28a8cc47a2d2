"""Colours that stay apart for colour-blind readers and in a grey print.

What is drawn in several colours differs in lightness, in the kind of line, or in a word too.
"""

from matplotlib.patches import Rectangle

AMOUNT = "viridis"  # from dark to bright: numbers from 0 on
SIGNED = "cividis"  # blue and dark, grey in the middle, yellow and bright: -1, 0, 1
BLUE, ORANGE, PURPLE, RED = "#2b6cb0", "#c05621", "#6b46c1", "#b91c1c"
PALE_BLUE, PALE, GREY, SLATE, INK = "#bcd4ec", "#e2e8f0", "#94a3b8", "#4a5568", "#1e293b"
LINES = ("-", "--", ":", "-.")
MARKERS = "osD^vP"


def mark(ax, top, left, high, wide):
    """Put a frame around pixels of a map: white dashes on black, to be seen on every colour."""
    for style in ({"ec": "black", "lw": 2.4}, {"ec": "white", "lw": 1.2, "ls": (0, (3, 3))}):
        ax.add_patch(Rectangle((left - 0.5, top - 0.5), wide, high, fill=False, **style))
