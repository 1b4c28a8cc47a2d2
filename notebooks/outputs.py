"""Executing a notebook, and what its outputs hold that is the same on every machine."""

import base64
import io
import os
import re
import tempfile
from html import escape, unescape

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from PIL import Image

from assemble import notebook_metadata
from course_files import ROOT

PNG, HTML = "image/png", "text/html"
MOVING = re.compile(r'<picture>.*png;base64,([^"]+)".*gif;base64,([^"]+)" alt="([^"]*)"')
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
IGNORED = "nbval-ignore-output"
FAILURES = (CellExecutionError, CellTimeoutError, DeadKernelError)


def execute(notebook, **environment):
    """Execute a notebook in an empty folder of the course; what can go wrong is FAILURES.

    There it finds no files of a reader's, and what it writes for its reader goes with the folder.
    """
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        run_in(folder, notebook, environment)


def run_in(folder, notebook, environment):
    client = NotebookClient(
        notebook,
        timeout=1200,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # how a kernel cuts its output into pieces is chance
        resources={"metadata": {"path": folder}},
    )
    quiet = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    client.execute(env={**os.environ, **quiet, **environment})


def clean(notebook, name):
    """Leave in the outputs only what is the same on every machine."""
    notebook.metadata = nbformat.from_dict(notebook_metadata(name))
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, start=1):
        cell.execution_count = count
        cell.metadata.pop("execution", None)
        cleaned = [clean_output(output, count) for output in cell.outputs if keeps(cell, output)]
        cell.outputs = [output for output in cleaned if output.get("data") != {}]
        for output in cell.outputs:
            if "alt" in cell.metadata:
                describe(output, cell.metadata.alt)


def keeps(cell, output):
    """Standard error goes, and so does a widget where nbval does not ask for its text.

    A widget that brings a still is kept, for the still.
    """
    data = output.get("data", {})
    bare_widget = WIDGET_VIEW in data and PNG not in data
    ignored = IGNORED in cell.metadata.get("tags", [])
    return output.get("name") != "stderr" and not (bare_widget and ignored)


def clean_output(output, count):
    """Return the output without what belongs to this machine."""
    if output.output_type == "stream":
        output.text = clean_text(output.text)
    if "data" not in output:
        return output
    output.data.pop(WIDGET_VIEW, None)
    if PNG in output.data:
        output.data[PNG] = in_few_colours(output.data[PNG])
    for kind, value in output.data.items():
        if kind.startswith("text/"):
            output.data[kind] = clean_text(value)
    if "execution_count" in output:
        output.execution_count = count
    return output


def in_few_colours(encoded):
    """Store a PNG in 256 colours, a third of its size: a plot has few more, all shades of these."""
    picture = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")
    few = picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    file = io.BytesIO()
    few.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def describe(output, alt):
    """Put an alt text into an output, if that is a picture."""
    if PNG in output.get("data", {}):
        output.metadata[PNG] = {**output.metadata.get(PNG, {}), "alt": alt}
    elif found := moving(output):
        html = output.data[HTML]
        output.data[HTML] = html[: found.start(3)] + escape(alt) + html[found.end(3) :]


def described(output):
    """Return the alt text of an output; None if it is no picture, and "" if it has none."""
    if PNG in output.get("data", {}):
        return output.metadata.get(PNG, {}).get("alt", "")
    return unescape(found[3]) if (found := moving(output)) else None


def moving(output):
    """Return what a moving picture shows: still, GIF and alt text; None for other outputs."""
    return MOVING.search(output.get("data", {}).get(HTML, ""))


def clean_text(text):
    text = re.sub(r"\b0x[0-9a-f]{6,}\b", "0x0", text)
    return text.replace(str(ROOT), ".")


def pictures(cell, kind="png"):
    """Return the pictures that a cell shows, as the bytes of files; of one that moves, the still.

    With kind "gif", return those that move, as they move.
    """
    found = []
    for output in cell.get("outputs", []):
        if match := moving(output):
            found.append(match[2 if kind == "gif" else 1])
        elif PNG in output.get("data", {}) and kind == "png":
            found.append(output.data[PNG])
    return [base64.b64decode(picture) for picture in found]


def output_text(output):
    """Return all that an output says in words."""
    data = output.get("data", {})
    return "\n".join([output.get("text", ""), *(data[kind] for kind in data if "text/" in kind)])
