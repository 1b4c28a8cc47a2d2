"""Controls above a picture that follows them, and the still that is stored in their place."""

import os

import ipywidgets

from course_utils.widgets.stills import png, still

BUILT = "COURSE_STILLS"  # set while the notebooks are built: then the controls bring their still


def explorer(draw, tell=None, /, *, over, **controls):
    """Return a box with the controls and the figure that draw(**values) makes of their values.

    The figure is an image widget, so that it changes in place and does not flicker. With tell,
    the HTML that tell(**values) returns stands below it.

    over gives some values of one or two of the controls, {"t": [0, 100, 400]}: what is drawn at
    these is the still, which a reader sees where nothing runs. Of two, the first goes down and
    the second across. Raises ValueError for a value that the control does not take.
    """
    as_it_is = ipywidgets.Layout(align_self="flex-start", max_width="100%")  # not made larger
    picture, words = ipywidgets.Image(format="png", layout=as_it_is), ipywidgets.HTML()
    check_settings(over, controls)

    def redraw(change=None):
        values = {name: control.value for name, control in controls.items()}
        put(draw(**values), picture)
        if tell:
            words.value = tell(**values)

    for control in controls.values():
        control.observe(redraw, names="value")
    redraw()
    parts = [*controls.values(), picture] + [words] * bool(tell)
    if not os.environ.get(BUILT):
        return ipywidgets.VBox(parts)
    return WithStill(parts, still(draw, over, controls))


def check_settings(over, controls):
    """Raise ValueError unless over has one or two of the controls, each with values it takes."""
    if not 1 <= len(over) <= 2 or over.keys() - controls.keys():
        known = ", ".join(controls)
        raise ValueError(f"over is for one or two of {known}; got {', '.join(over) or 'none'}")
    for name, values in over.items():
        refused = [value for value in values if not takes(controls[name], value)]
        if refused or len(values) < 2:
            what = f"does not take {refused[0]}" if refused else "needs two values or more"
            raise ValueError(f"over: {name} {what}")


def takes(control, value):
    """Whether a slider of this module can stand at a value."""
    if hasattr(control, "options"):
        return value in control.options
    inside = control.min <= value <= control.max
    return inside and (value - control.min) % control.step == 0


class WithStill(ipywidgets.VBox):
    """A box that is shown together with its still, of which the builder keeps the still alone."""

    _ipython_display_ = None  # ipywidgets 7 has it, and then nothing else is asked for

    def __init__(self, parts, still):
        super().__init__(parts)
        self.still = still

    def _repr_mimebundle_(self, **kwargs):
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        data = {
            "text/plain": f"<Figure of {self.still.count} settings>",
            "image/png": self.still.png,
            "application/vnd.jupyter.widget-view+json": view,
        }
        return data, {"image/png": self.still.metadata}


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


def put(figure, picture):
    """Show a figure in an image widget: two pixels of the file for each of the page."""
    drawn = png(figure)
    with picture.hold_sync():  # both at once, or it would be shown too large for a moment
        picture.value, picture.width = drawn, str(width_of(drawn) / 2)


def width_of(png):
    """Return the width of a PNG file, in pixels."""
    return int.from_bytes(png[16:20])
