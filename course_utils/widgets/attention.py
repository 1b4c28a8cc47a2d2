"""Choose a pixel, and see where it looks."""

from course_utils.plots import attention_maps
from course_utils.widgets.explorer import explorer, slider


def attention_explorer(images, weights):
    """Return controls for a picture and for one pixel of it, and the maps of where it looks.

    (B, C, H, W), (B, heads, N, N) -> widget
    """
    n = weights.shape[-1]
    side = round(n**0.5)
    largest = n * float(weights.quantile(0.999))  # a few shares may be larger

    def draw(picture, row, column):
        return attention_maps(images[picture], weights[picture], [(row, column)], largest=largest)

    over = {"row": [side // 4, side // 2, 3 * side // 4], "column": [side // 4, side // 2]}
    return explorer(
        draw, over=over,
        picture=slider("picture", 0, 0, len(images) - 1),
        row=slider("row", side // 2, 0, side - 1), column=slider("column", side // 2, 0, side - 1),
    )  # fmt: skip
