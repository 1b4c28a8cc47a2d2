"""The cells of a notebook that show widgets, and the cells that these need."""

import ast
import symtable
from dataclasses import dataclass, field

WIDGETS = "course_utils.widgets"
PERHAPS = ast.If, ast.Try, ast.While  # what stands in them may not run


@dataclass
class Names:
    """What a cell has to do with which names of the notebook."""

    used: set = field(default_factory=set)  # that another cell has to make
    made: set = field(default_factory=set)  # made anew, whatever they were before
    changed: set = field(default_factory=set)  # made or changed
    widgets: set = field(default_factory=set)  # imported, and a widget


def only_widgets(notebook):
    """Leave out of a notebook all code that its sliders and views do without, in place.

    What is kept: the first cell, which sets up; every cell that calls a widget, or uses a name
    that such a cell is the first to make; and every cell that makes what a kept one below it uses.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    names = {cell.id: names_of(cell.source) for cell in code}
    shown = set().union(*(found.widgets for found in names.values()))
    kept, before = {code[0].id}, set()
    for cell in code:
        if names[cell.id].used & shown:
            kept.add(cell.id)
            shown |= names[cell.id].changed - before
        before |= names[cell.id].changed
    wanted = set()
    for cell in reversed(code):
        found = names[cell.id]
        if cell.id in kept or found.changed & wanted:
            kept.add(cell.id)
            wanted = wanted - found.made | found.used
    notebook.cells = [cell for cell in notebook.cells if cell.id in kept]


def names_of(source):
    """Say what a cell has to do with which names.  -> Names"""
    lines, found = source.splitlines(), Names()
    # Without the lines that only IPython understands; one for the whole cell may not run it.
    tree = ast.parse("\n".join("" if line.startswith(("%", "!")) else line for line in lines))
    perhaps = source.startswith("%%")
    for statement in tree.body:
        table = symtable.symtable(ast.unparse(statement), "a cell", "exec")
        made = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
        partly = set(map(base, targets(statement)))
        found.used |= (looked_up(table) | partly) - found.made
        found.changed |= made | partly
        if not perhaps and not isinstance(statement, PERHAPS):
            found.made |= made - partly
        if getattr(statement, "module", "") == WIDGETS:
            found.widgets |= made
    return found


def looked_up(table):
    """The notebook's names that the code of a symbol table, or a function in it, looks up."""
    there = [s for s in table.get_symbols() if s.is_referenced()]
    if table.get_type() != "module":
        there = [s for s in there if s.is_global()]
    return {s.get_name() for s in there}.union(*map(looked_up, table.get_children()))


def targets(statement):
    """What is changed in part: x in x += 1, x[0] = 1 and x.y = 1."""
    for node in ast.walk(statement):
        if isinstance(node, ast.AugAssign):
            yield node.target
        elif isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            yield node


def base(target):
    while isinstance(target, (ast.Subscript, ast.Attribute, ast.Call)):
        target = target.func if isinstance(target, ast.Call) else target.value
    return getattr(target, "id", "")
