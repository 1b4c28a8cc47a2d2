"""The code of a notebook that shows widgets, and the code that this needs."""

import ast
import symtable

WIDGETS, PLOTS = "course_utils.widgets", "course_utils.plots"
PERHAPS = ast.If, ast.Try, ast.While, ast.Module  # what stands in them may not run
LATER = ast.FunctionDef, ast.ClassDef, ast.Module  # what stands in them runs when it is called
IMPORTS = ast.Import, ast.ImportFrom
SHOWING = {"print", "plt", "save", "keep_weights", "keeping"}  # these change nothing, as plots
SEED = "torch.manual_seed("  # stays in a cell of which anything stays


def only_widgets(notebook):
    """Leave out of a notebook all code that its sliders and views do without, in place.

    What is kept: the first cell, which sets up; every statement that uses a widget, or what a
    widget was put into; and every one that makes or changes what a kept one below it uses.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    parts = {cell.id: parsed(cell.source) for cell in code[1:]}
    kept = needed([statement for part in parts.values() for statement in part])
    for cell in code[1:]:
        cell.source = only(kept, parts[cell.id], cell.source)
    notebook.cells = [code[0], *(cell for cell in code[1:] if cell.source)]


def parsed(source):
    """The statements of a cell, without the lines that only IPython understands.

    A cell that begins with %% may not run its code, so it is one of them as a whole.
    """
    lines = source.splitlines()
    lines = ["" if line.startswith(("%", "!")) else line for line in lines]
    whole = ast.parse("\n".join(lines))
    return [whole] if source.startswith("%%") else whole.body


def needed(statements):
    """Those that show widgets, and those that these need, in any order."""
    imported = {s: names_of(s)[1] for s in statements if isinstance(s, IMPORTS)}
    showing = SHOWING.union(*(imported[s] for s in imported if of(s, PLOTS)))
    widgets = set().union(*(imported[s] for s in imported if of(s, WIDGETS)))
    imports = set().union(*imported.values())
    names, functions = {}, {}
    for s in statements:
        used, made, changed = names_of(s)
        names[s] = used, made, changed | set(handed_over(s, showing)) - imports - set(of_loops(s))
        if isinstance(s, LATER):
            for name in changed:
                functions[name] = functions.get(name, set()) | used
    kept, views, wanted = set(), set(), set()
    for s in statements:
        used, made, changed = names[s]
        if used & (widgets | views):
            kept.add(s)
            views |= changed if used & widgets and isinstance(s, ast.Assign) else set()
    for s in reversed(statements):
        used, made, changed = names[s]
        if s in kept or changed & wanted:
            kept.add(s)
            wanted = wanted - made | with_theirs(used, functions)
    return kept


def of(statement, module):
    return getattr(statement, "module", "") == module


def with_theirs(used, functions):
    """Names, and those that the functions among them use when they are called."""
    more = used.union(*(functions.get(name, ()) for name in used))
    return used if more == used else with_theirs(more, functions)


def only(kept, statements, source):
    """The lines of a cell without those of statements that are not kept; nothing if none is."""
    if not kept.intersection(statements):
        return ""
    stays = [s for s in statements if s in kept or ast.unparse(s).startswith(SEED)]
    gone = {line for s in statements if s not in stays for line in lines_of(s)}
    gone -= {line for s in stays for line in lines_of(s)}
    return "\n".join(line for n, line in enumerate(source.splitlines(), 1) if n not in gone)


def lines_of(statement):
    """The numbers of its lines, with those of its decorators; none of a whole cell."""
    if isinstance(statement, ast.Module):
        return ()
    first = min(part.lineno for part in (statement, *getattr(statement, "decorator_list", ())))
    return range(first, statement.end_lineno + 1)


def names_of(statement):
    """The names that a statement uses, those that it makes for certain, and all that it changes.

    To change a part of something, as in x[0] = 1, uses it too.
    """
    table = symtable.symtable(ast.unparse(statement), "a cell", "exec")
    of_its_loops = set(of_loops(statement))
    used = looked_up(table) - of_its_loops
    made = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    partly = set(map(base, in_part(statement))) & {s.get_name() for s in table.get_symbols()}
    certain = set() if isinstance(statement, PERHAPS) else made - partly
    return used | partly, certain, (made | partly) - of_its_loops


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


def handed_over(statement, showing):
    """The names in calls whose result nobody takes, as in fit(net): what they stand for may change.

    That of the function itself is none of them.
    """
    for node in () if isinstance(statement, LATER) else ast.walk(statement):
        if isinstance(node, ast.Expr) and base(node.value) not in showing:
            function = getattr(node.value, "func", None)
            names = (n for n in ast.walk(node) if isinstance(n, ast.Name) and n is not function)
            yield from (n.id for n in names)


def base(target):
    while isinstance(target, (ast.Subscript, ast.Attribute, ast.Call)):
        target = target.func if isinstance(target, ast.Call) else target.value
    return getattr(target, "id", "")
