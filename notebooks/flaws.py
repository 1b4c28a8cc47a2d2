"""What no stored notebook may have."""

import re

from outputs import WIDGET_VIEW, described, output_text

MACHINE_PATH = re.compile(r"(?<![\w.])/(home|root|tmp|Users|var)/\w")


def flaws(notebook):
    """Return what no stored notebook may have, as sentences."""
    found = []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    # nbval compares nothing for a cell without a count.
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        found.append("the execution counts are not 1, 2, 3 and so on")
    if len({cell.id for cell in notebook.cells}) != len(notebook.cells):
        found.append("two cells have the same id")
    if "widgets" in notebook.metadata:
        found.append("the metadata hold the state of widgets")
    for cell in code:
        found += [f"cell {cell.id}: {problem}" for problem in picture_flaws(cell)]
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"cell {cell.id}: stored an error, {output.ename}: {output.evalue}")
            if output.get("name") == "stderr":
                found.append(f"cell {cell.id}: stored standard error")
            if WIDGET_VIEW in output.get("data", {}):
                found.append(f"cell {cell.id}: stored the id of a widget")
            if MACHINE_PATH.search(output_text(output)):
                found.append(f"cell {cell.id}: stored a path of the machine")
    return found


def picture_flaws(cell):
    """Return what is wrong with the pictures of a cell: one is enough, and it has an alt text."""
    shown = [alt for output in cell.outputs if (alt := described(output)) is not None]
    alt = cell.metadata.get("alt")
    if len(shown) > 1:
        return [f"shows {len(shown)} pictures; give each a cell and an alt text"]
    if alt and not shown:
        return ["has an alt text, but shows no picture"]
    if shown and not alt:
        return ["shows a picture without alt text; begin the cell with a line `# alt: ...`"]
    if shown and shown[0] != alt:
        return ["the picture's alt text is not that of the cell"]
    return []
