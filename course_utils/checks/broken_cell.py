"""A cell that does not even define its exercise: a sentence, and the notebook goes on.

Python reads a whole cell before it runs a line of it, so a missing bracket leaves the name that the
next cell checks undefined, and "Run all" would end there. Instead, the name becomes a Broken, which
the check turns into a verdict.
"""

import ast
import re

TOP = re.compile(r"^(?:class|def)\s+(\w+)", re.MULTILINE)
MAKE = "__import__('course_utils.checks.broken_cell', fromlist=['Broken']).Broken"


class Broken:
    """Stands for an exercise whose cell is no Python, or fails before it has defined anything."""

    def __init__(self, message):
        self.message = message
        print(message)


def guard(shell, names):
    """Watch over the cells of a notebook that define one of these names."""
    shell.input_transformers_post.append(lambda lines: mend(lines, names))
    shell.ast_transformers.append(Guard(names))


def mend(lines, names):
    """Return the lines of a cell, or lines that say what is wrong with it."""
    text = "".join(lines)
    defined = [name for name in TOP.findall(text) if name in names]
    if not defined:
        return lines
    try:
        ast.parse(text)
    except SyntaxError as error:
        at = error.lineno or 1
        line = text.splitlines()[min(at, text.count("\n") + 1) - 1].strip()
        message = f"Line {at} of this cell is not Python: {error.msg}. It reads `{line}`."
        return [f"{' = '.join(defined)} = {MAKE}({message!r})\n"]
    return lines


class Guard(ast.NodeTransformer):
    """Puts a definition into a `try`: its bases, decorators and class body run as it is made."""

    def __init__(self, names):
        self.names = names

    def visit_Module(self, tree):
        tree.body = [self.guarded(node) for node in tree.body]
        return ast.fix_missing_locations(tree)

    def guarded(self, node):
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)) or node.name not in self.names:
            return node
        told = f"{MAKE}('This cell raised ' + type(_error).__name__ + ': ' + str(_error) + '.')"
        frame = ast.parse(f"try:\n    pass\nexcept Exception as _error:\n    {node.name} = {told}")
        frame.body[0].body = [node]
        return ast.copy_location(frame.body[0], node)
