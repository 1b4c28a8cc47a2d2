"""Controls above a picture that follows them."""

import io

import ipywidgets
import matplotlib.pyplot as plt


def explorer(draw, tell=None, /, **controls):
    """Return a box with the controls and the figure that draw(**values) makes of their values.

    The figure is an image widget, so that it changes in place and does not flicker. With tell,
    the HTML that tell(**values) returns stands below it.
    """
    as_it_is = ipywidgets.Layout(align_self="flex-start", max_width="100%")  # not made larger
    picture, words = ipywidgets.Image(format="png", layout=as_it_is), ipywidgets.HTML()

    def redraw(change=None):
        values = {name: control.value for name, control in controls.items()}
        picture.value = png(draw(**values))
        if tell:
            words.value = tell(**values)

    for control in controls.values():
        control.observe(redraw, names="value")
    redraw()
    return ipywidgets.VBox([*controls.values(), picture] + [words] * bool(tell))


def slider(text, value, low, high, step=1):
    """A slider for whole numbers, wide enough to move in small steps."""
    return ipywidgets.IntSlider(
        value=value, min=low, max=high, step=step, description=text, continuous_update=True,
        layout=ipywidgets.Layout(width="32em"), style={"description_width": "7em"},
    )  # fmt: skip


def choice(text, options, value):
    """A slider that takes one of some values."""
    return ipywidgets.SelectionSlider(
        options=options, value=value, description=text, continuous_update=True,
        layout=ipywidgets.Layout(width="32em"), style={"description_width": "7em"},
    )  # fmt: skip


def png(figure):
    """Return a figure as the bytes of a PNG file, and close it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90, bbox_inches="tight")
    plt.close(figure)
    return buffer.getvalue()
