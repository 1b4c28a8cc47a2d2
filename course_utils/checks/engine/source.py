"""Find the source of what a reader wrote."""

import ast
import inspect
import linecache
import textwrap
import tokenize


def source(attempt):
    """Return the source of a function or class, one made in a notebook's cell too, or None."""
    try:
        if inspect.isclass(attempt):
            return class_source(attempt)
        return textwrap.dedent(inspect.getsource(attempt))
    except (OSError, TypeError, SyntaxError, tokenize.TokenError):  # it is nowhere to be had
        return None


def class_source(cls):
    """The same for a class: where its methods are, for inspect looks in the file of its module."""
    methods = [m for m in vars(cls).values() if inspect.isfunction(m)]
    for method in methods:
        text = "".join(linecache.getlines(method.__code__.co_filename))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
                return textwrap.dedent(ast.get_source_segment(text, node, padded=True))
    return None


def code_of(code):
    """Return code line by line without comments, docstrings and layout."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree).splitlines()
