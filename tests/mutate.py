"""Small changes of code, one at a time: every constant, operator, call, argument, condition and
statement."""

import ast
import copy

OPERATORS = {
    ast.Add: [ast.Sub], ast.Sub: [ast.Add], ast.Mult: [ast.Div], ast.Div: [ast.Mult],
    ast.FloorDiv: [ast.Mult], ast.Mod: [ast.Mult], ast.Pow: [ast.Mult], ast.MatMult: [ast.Mult],
    ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.Lt: [ast.LtE, ast.GtE],
    ast.Gt: [ast.GtE, ast.LtE], ast.LtE: [ast.Lt, ast.Gt], ast.GtE: [ast.Gt, ast.Lt],
    ast.And: [ast.Or], ast.Or: [ast.And],
}  # fmt: skip


def changed_constants(node):
    if isinstance(node.value, bool):
        return [ast.Constant(not node.value)]
    if isinstance(node.value, (int, float)):
        return [ast.Constant(node.value + 1), ast.Constant(node.value - 1)]
    return []


def changed_calls(node):
    """A call without one of its arguments, with two of them swapped, or not made at all."""
    found = []
    for i in range(len(node.args)):
        found.append(ast.Call(node.func, node.args[:i] + node.args[i + 1 :], node.keywords))
    for i in range(len(node.args) - 1):
        a, b = node.args[i : i + 2]
        args = [*node.args[:i], b, a, *node.args[i + 2 :]]
        found.append(ast.Call(node.func, args, node.keywords))
    for i in range(len(node.keywords)):
        rest = node.keywords[:i] + node.keywords[i + 1 :]
        found.append(ast.Call(node.func, node.args, rest))
    if node.args and not isinstance(node.args[0], (ast.Starred, ast.GeneratorExp)):
        found.append(node.args[0])
    if isinstance(node.func, ast.Attribute) and not isinstance(node.func.value, ast.Call):
        found.append(node.func.value)
    return found


def changes(node):
    """What may stand in place of a node."""
    if isinstance(node, ast.Constant):
        return changed_constants(node)
    if isinstance(node, ast.Call):
        return changed_calls(node)
    if isinstance(node, ast.BinOp):
        swapped = [ast.BinOp(node.left, o(), node.right) for o in OPERATORS.get(type(node.op), [])]
        return [*swapped, node.left, node.right]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.Compare):
        others = OPERATORS.get(type(node.ops[0]), [])
        return [ast.Compare(node.left, [o(), *node.ops[1:]], node.comparators) for o in others]
    if isinstance(node, ast.BoolOp):
        return [ast.BoolOp(o(), node.values) for o in OPERATORS[type(node.op)]]
    if isinstance(node, ast.IfExp):
        return [ast.IfExp(node.test, node.orelse, node.body), node.body, node.orelse]
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.Expr)):
        return [ast.Pass()]
    if isinstance(node, ast.If):
        return [ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)]
    return []


def is_left_alone(node):
    """Docstrings, decorators' and error messages' code: the checks do not ask for errors."""
    raises = isinstance(node, ast.If) and isinstance(node.body[0], ast.Raise)
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return raises or text or isinstance(node, (ast.Raise, ast.arguments))


def places(tree):
    """Every node of the code, as (parent, field, index or None, node)."""
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if field in ("decorator_list", "bases"):
                continue
            several = value if isinstance(value, list) else [value]
            for i, node in enumerate(several):
                if isinstance(node, ast.AST):
                    yield parent, field, (i if isinstance(value, list) else None), node


def mutants(code):
    """Yield (line of the code, the changed line, the whole changed code)."""
    tree = ast.parse(code)
    silent = {id(n) for p in ast.walk(tree) if is_left_alone(p) for n in ast.walk(p)}
    for parent, field, index, node in list(places(tree)):
        if id(node) in silent:
            continue
        for new in changes(node):
            put(parent, field, index, copy.deepcopy(new))
            changed = ast.unparse(ast.fix_missing_locations(tree))
            put(parent, field, index, node)
            before = ast.unparse(tree)
            if changed != before:
                yield *difference(before, changed), changed


def put(parent, field, index, node):
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def difference(before, after):
    """The first line that differs, before and after."""
    pairs = zip(before.splitlines(), [*after.splitlines(), ""])
    return next(((a.strip(), b.strip()) for a, b in pairs if a != b), ("", ""))
