"""build.py --check: what differs from the source, and what no stored notebook may have."""

import pytest
from toy_course import assert_ok, assert_refused, command, spoil


def test_check_passes_after_a_build_and_for_a_fork(course):
    assert_ok(command(course, "--check"))
    settings = course / "pyproject.toml"
    settings.write_text(settings.read_text().replace('repository = ""', 'repository = "fork/it"'))
    assert_ok(command(course, "--check"))


def first_code(notebook):
    return next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")


SPOILERS = {
    "execution counts": lambda nb: first_code(nb).update(execution_count=None),
    "same id": lambda nb: nb["cells"][0].update(id=nb["cells"][1]["id"]),
    "id is 'another'": lambda nb: nb["cells"][0].update(id="another"),
    "source is": lambda nb: nb["cells"][-1].update(source="object"),
    "metadata is": lambda nb: nb["cells"][-1].update(metadata={"tags": [IGNORED]}),
    "cells, the source has": lambda nb: nb["cells"].pop(),
    "notebook's metadata": lambda nb: nb["metadata"].update(kernelspec={}),
    "state of widgets": lambda nb: nb["metadata"].update(widgets={}),
    "setup cell": lambda nb: first_code(nb).update(source="pass"),
    "standard error": lambda nb: first_code(nb)["outputs"].append(
        {"output_type": "stream", "name": "stderr", "text": "a warning"}
    ),
    "an error": lambda nb: first_code(nb)["outputs"].append(
        {"output_type": "error", "ename": "ValueError", "evalue": "", "traceback": []}
    ),
    "id of a widget": lambda nb: first_code(nb)["outputs"].append(
        {"output_type": "display_data", "metadata": {}, "data": {WIDGET_VIEW: {"model_id": "1"}}}
    ),
    "alt text is not that": lambda nb: nb["cells"][-3]["outputs"][1].update(metadata={}),
    "path of the machine": lambda nb: first_code(nb)["outputs"].append(
        {"output_type": "stream", "name": "stdout", "text": "/home/someone/course"}
    ),
}
IGNORED = "nbval-ignore-output"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.mark.parametrize("said", SPOILERS)
def test_check_tells_what_differs(course, said):
    spoil(course, SPOILERS[said])
    assert_refused(command(course, "--check"), "01_toy", said)


def test_check_wants_every_source_built_and_every_notebook_to_have_a_source(course):
    (course / "notebooks/source/02_next.py").write_text("# %%\n# setup\n")
    (course / "notebooks/03_lost.ipynb").write_text("{}")
    assert_refused(command(course, "--check"), "02_next", "not built yet", "03_lost", "no source")
