"""The cells of a notebook that show widgets, and the cells that these need."""

import ast

WIDGETS = "course_utils.widgets"


def only_widgets(notebook):
    """Leave out of a notebook all code that its sliders and views do without, in place.

    What is kept: the first cell, which sets up; every cell that calls a widget, or uses a name
    that such a cell is the first to make; and every cell that makes what a kept one below it uses.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    names = {cell.id: names_of(cell.source) for cell in code}
    shown = set().union(*(widgets for *_, widgets in names.values()))
    kept, before = {code[0].id}, set()
    for cell in code:
        made, used, _ = names[cell.id]
        if used & shown:
            kept.add(cell.id)
            shown |= made - before
        before |= made
    wanted = set()
    for cell in reversed(code):
        made, used, _ = names[cell.id]
        if cell.id in kept or made & wanted:
            kept.add(cell.id)
            wanted |= used
    notebook.cells = [cell for cell in notebook.cells if cell.id in kept]


def names_of(source):
    """The names that a cell makes, those that it uses, and those of widgets that it imports."""
    lines = source.splitlines()  # without those that only IPython understands
    tree = ast.parse("\n".join("" if line.startswith(("%", "!")) else line for line in lines))
    made, used, widgets = set(), set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else made).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            made.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = {(name.asname or name.name).split(".")[0] for name in node.names}
            made |= names
            widgets |= names if getattr(node, "module", "") == WIDGETS else set()
    return made, used, widgets
