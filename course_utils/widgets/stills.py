"""What a slider shows, as one picture: a sheet with a cell for each of some settings.

The sheet is stored in the notebook. Where nothing runs, a reader sees all of it, and the site makes
a slider of it again, one cell at a time (docs/pages.py).
"""

import io
import math
from dataclasses import dataclass
from itertools import product

import matplotlib.pyplot as plt
import torch
from matplotlib import font_manager
from PIL import Image, ImageChops, ImageDraw, ImageFont

from course_utils.plots.colours import INK

SHARP = 180  # dots an inch: two pixels for each that a page shows
WIDTH = 1400  # pixels at most; a page shows the sheet at half its width
GAP = 40
SMALLEST = 0.4  # of the size that a figure has under its slider
TITLE = 44  # the height of a cell's title
TEXT = 26
NEAR = 40  # of 255, by which a palette may miss the worst pixel, at the edge of some letter


@dataclass
class Still:
    """A sheet as the bytes of a PNG file, what the site has to know of it, and its settings."""

    png: bytes
    metadata: dict
    count: int


def still(draw, over, controls):
    """Return the Still of the figures that draw(**values) gives at all settings of over.

    The other controls are at their starting values. Random numbers go on as if nothing had been
    drawn: the cells below must come out the same for readers, who see no still.
    """
    start = {name: control.value for name, control in controls.items()}
    settings = [dict(zip(over, values)) for values in product(*over.values())]
    with torch.random.fork_rng(devices=[]):
        figures = [closed(draw(**start | values)) for values in settings]
    names = {name: controls[name].description for name in over}
    titles = [", ".join(f"{names[n]} = {written(v)}" for n, v in s.items()) for s in settings]
    across = len(list(over.values())[1]) if len(over) == 2 else None
    picture, cells = sheet(figures, titles, across)
    cells["controls"] = [
        {
            "label": names[name],
            "values": [written(value) for value in values],
            "start": min(range(len(values)), key=lambda i: abs(values[i] - start[name])),
        }
        for name, values in over.items()
    ]
    return Still(encoded(picture), {"width": picture.width // 2, "cells": cells}, len(settings))


def written(value):
    """A value as a title and the site write it: 10,000 and 0.25."""
    return f"{value:,.6g}"


def sheet(figures, titles, across=None):
    """Lay figures out below their titles; return the sheet, and where its cells are.

    So many stand side by side; without a number, as many as fit. Figures are drawn smaller where
    that is needed, but not too small to be read: then each has a row of its own.
    """
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), TEXT)
    words = math.ceil(max(font.getlength(title) for title in titles))
    pictures = [opened(png(figure)) for figure in figures]
    width = max(picture.width for picture in pictures)
    columns = across or fitting(max(width, words), len(figures))
    if share_of(width, columns) < SMALLEST:
        columns = 1
    if (share := share_of(width, columns)) < 1:
        pictures = [opened(png(figure, SHARP * share)) for figure in figures]
    size = [even(max(picture.size[i] for picture in pictures)) for i in (0, 1)]
    step = [even(max(size[0], words)) + GAP, TITLE + size[1] + GAP]
    rows = math.ceil(len(pictures) / columns)
    made = Image.new("RGB", (step[0] * columns - GAP, step[1] * rows - GAP), "white")
    pen = ImageDraw.Draw(made)
    for i, (picture, title) in enumerate(zip(pictures, titles, strict=True)):
        x, y = i % columns * step[0], i // columns * step[1]
        pen.text((x, y + (TITLE - TEXT) // 3), title, INK, font)
        made.paste(picture, (x, y + TITLE))
    places = {"size": size, "first": [0, TITLE], "step": step, "columns": columns}
    return made, places | {"shown": width // 2}


def fitting(width, count):
    """Return in how many columns so many cells fit, with rows as even as can be."""
    most = max(1, (WIDTH + GAP) // (width + GAP))
    return math.ceil(count / math.ceil(count / most))


def share_of(width, columns):
    """Return the share of their width that so many figures side by side can have."""
    return ((WIDTH - GAP * (columns - 1)) / columns - 2) / width  # 2: what is cut is rounded up


def even(length):
    """Round up, so that half of it is whole pixels of a page."""
    return 2 * math.ceil(length / 2)


def closed(figure):
    """Return a figure that the notebook will not show by itself; it can still be saved."""
    plt.close(figure)
    return figure


def opened(png):
    return Image.open(io.BytesIO(png)).convert("RGB")


def encoded(picture):
    """Return a picture as the bytes of a PNG file: with a palette, unless that is to be seen."""
    few = picture.quantize(256, Image.Quantize.MEDIANCUT, kmeans=3, dither=Image.Dither.NONE)
    off = ImageChops.difference(picture, few.convert("RGB")).getextrema()
    buffer = io.BytesIO()
    best = few if max(high for _, high in off) <= NEAR else picture
    best.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def png(figure, dpi=SHARP):
    """Return a figure as the bytes of a PNG file, and close it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight")
    plt.close(figure)
    return buffer.getvalue()
