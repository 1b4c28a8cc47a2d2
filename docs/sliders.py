"""A slider of a notebook, where nothing runs: it shows one cell of its stored still at a time.

The still is a sheet, a PNG in an output's data (course_utils/widgets/stills.py makes it). The
output's metadata say where its cells lie, and what the controls are called. The script is
static/sliders.js; without it, the whole sheet is seen.
"""

import base64
import json
import math
from html import escape

PNG = "image/png"
PARTS = ("size", "first", "step", "columns", "shown", "controls")

SLIDER = """<div class="still" data-cells="{cells}">
<div class="controls" hidden>
{controls}
</div>
<div class="window"><img src="data:image/png;base64,{picture}" alt="{alt}" width="{width}"></div>
</div>"""
CONTROL = """<label for="{id}">{label}</label>
<input type="range" id="{id}" min="0" max="{last}" step="1" value="{start}" data-values="{values}">
<span aria-hidden="true"></span>"""


def with_sliders(cell):
    """Put a slider in the place of a code cell's still. Raises ValueError for one that is wrong."""
    for output in cell.get("outputs", []):
        if "cells" in output.get("metadata", {}).get(PNG, {}):
            try:
                html = slider(output["data"][PNG], output["metadata"][PNG], cell["id"])
            except ValueError as error:
                raise ValueError(f"the still of cell {cell['id']}: {error}") from None
            output["data"], output["metadata"] = {"text/html": html}, {}


def slider(picture, metadata, name):
    """Return the HTML of a slider; its controls get ids that begin with the name."""
    picture = "".join(picture)
    cells, sheet = metadata["cells"], size_of(base64.b64decode(picture))
    must_be_cells(cells, sheet)
    controls = [
        CONTROL.format(
            id=f"{name}-{i}",
            label=escape(control["label"]),
            last=len(control["values"]) - 1,
            start=control["start"],
            values=escape(json.dumps(control["values"])),
        )
        for i, control in enumerate(cells["controls"])
    ]
    places = {part: cells[part] for part in PARTS if part != "controls"} | {"sheet": sheet}
    return SLIDER.format(
        cells=escape(json.dumps(places)),
        controls="\n".join(controls),
        picture=picture.strip(),
        alt=escape(metadata.get("alt", "")),
        width=metadata["width"],
    )


def size_of(png):
    """Return width and height of a PNG file."""
    if png[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("it is no PNG")
    return [int.from_bytes(png[16:20]), int.from_bytes(png[20:24])]


def must_be_cells(cells, sheet):
    """Raise ValueError unless the cells are described, and lie on the sheet."""
    if missing := [part for part in PARTS if part not in cells]:
        raise ValueError(f"its metadata have no {' and no '.join(missing)}")
    controls = cells["controls"]
    if not 1 <= len(controls) <= 2:
        raise ValueError(f"it has {len(controls)} controls; a slider has one or two")
    for control in controls:
        count = len(control["values"])
        if not 0 <= control["start"] < count:
            start = control["start"]
            raise ValueError(f"{control['label']} starts at place {start} of {count}, from 0 on")
    count, columns = math.prod(len(control["values"]) for control in controls), cells["columns"]
    last = [min(count, columns) - 1, math.ceil(count / columns) - 1]
    parts = zip(cells["first"], cells["step"], cells["size"], last)
    needed = [first + step * n + size for first, step, size, n in parts]
    if needed[0] > sheet[0] or needed[1] > sheet[1]:
        raise ValueError(
            f"its {count} cells need {needed[0]} x {needed[1]} pixels, and it has "
            f"{sheet[0]} x {sheet[1]}"
        )
