"""The colours of the course, as text: the drawings of this folder need no matplotlib for them."""

BLUE, ORANGE, PURPLE, RED = "#2b6cb0", "#c05621", "#6b46c1", "#b91c1c"
TEAL = "#0d9488"
PALE_BLUE, PALE, GREY, SLATE, INK = "#bcd4ec", "#e2e8f0", "#94a3b8", "#4a5568", "#1e293b"
SIGNED = ["#174a84", BLUE, "white", ORANGE, "#7c2d0a"]  # of a map: below 0, 0, above it
