"""The cells of a notebook that show widgets, and the cells that these need."""

import ast
import symtable

WIDGETS = "course_utils.widgets"
PERHAPS = ast.If, ast.Try, ast.While  # what stands in them may not run


def only_widgets(notebook):
    """Leave out of a notebook all code that its sliders and views do without, in place.

    What is kept: the first cell, which sets up; every cell that uses a widget, or what a widget was
    put into; and every cell that makes or changes what a kept one below it uses.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    kept, shown = {code[0].id}, set()
    for cell in code:
        for statement in parsed(cell.source):
            used, made, changed = names_of(statement)
            if getattr(statement, "module", "") == WIDGETS:
                shown |= made
            elif used & shown:
                kept.add(cell.id)
                shown |= changed if isinstance(statement, ast.Assign) else set()
    wanted = set()
    for cell in reversed(code):
        used, made, changed = names_in(cell.source)
        if cell.id in kept or changed & wanted:
            kept.add(cell.id)
            wanted = wanted - made | used
    notebook.cells = [cell for cell in notebook.cells if cell.id in kept]


def parsed(source):
    """The statements of a cell, without the lines that only IPython understands."""
    lines = source.splitlines()
    lines = ["" if line.startswith(("%", "!")) else line for line in lines]
    return ast.parse("\n".join(lines)).body


def names_in(source):
    """The names that a cell uses, those that it makes for certain, and all that it changes."""
    used, made, changed = set(), set(), set()
    for statement in parsed(source):
        uses, makes, changes = names_of(statement)
        used |= uses - made
        changed |= changes
        if not source.startswith("%%"):  # such a cell may not run its code
            made |= makes
    return used, made, changed


def names_of(statement):
    """The same for a statement. To change a part of something, as in x[0] = 1, uses it too."""
    table = symtable.symtable(ast.unparse(statement), "a cell", "exec")
    used = looked_up(table) - set(of_loops(statement))
    made = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    partly = set(map(base, in_part(statement))) & {s.get_name() for s in table.get_symbols()}
    certain = set() if isinstance(statement, PERHAPS) else made - partly
    return used | partly, certain, made | partly


def looked_up(table):
    """The notebook's names that the code of a symbol table, or a function in it, looks up."""
    there = [s for s in table.get_symbols() if s.is_referenced()]
    if table.get_type() != "module":
        there = [s for s in there if s.is_global()]
    return {s.get_name() for s in there}.union(*map(looked_up, table.get_children()))


def of_loops(statement):
    """The names that its loops give to what they go through."""
    loops = (n for n in ast.walk(statement) if isinstance(n, (ast.For, ast.comprehension)))
    return [n.id for loop in loops for n in ast.walk(loop.target) if isinstance(n, ast.Name)]


def in_part(statement):
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
