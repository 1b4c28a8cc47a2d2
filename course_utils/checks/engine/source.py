"""Find the source of what a reader wrote."""

import ast
import functools
import inspect
import linecache
import textwrap
import tokenize

KEPT = {}  # file name -> lines, of code that is in no file


def keep(file, code):
    """Let the source of code that is in no file be found, here and in tracebacks."""
    KEPT[file] = code.splitlines(keepends=True)
    linecache.cache[file] = len(code), None, KEPT[file], file


def lines_of(file):
    return linecache.getlines(file) or KEPT.get(file, [])


def source(attempt):
    """Return the source of a function or class, one made in a notebook's cell too, or None."""
    attempt = inspect.unwrap(attempt) if callable(attempt) else attempt
    if inspect.isclass(attempt):
        return class_source(attempt)
    return textwrap.dedent(code_source(getattr(attempt, "__code__", None))) or None


def code_source(code):
    """The source of a function's code, or nothing where it is not to be had."""
    lines = lines_of(code.co_filename)[code.co_firstlineno - 1 :] if code else []
    try:  # inspect.getsource looks through all modules, which takes 10 ms
        return "".join(inspect.getblock(lines)) if lines else ""
    except (tokenize.TokenError, SyntaxError):  # the lines are of another file of that name
        return ""


def class_source(cls):
    """The same for a class: where its methods are, for inspect looks in the file of its module."""
    methods = [m for m in vars(cls).values() if inspect.isfunction(m)]
    for method in methods:
        text = "".join(lines_of(inspect.unwrap(method).__code__.co_filename))
        if found := class_in(text, cls.__name__):
            return found
    return None


@functools.lru_cache(100)  # it is asked for several times in a check
def class_in(text, name):
    """The source of the first class of that name in a text, or None."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except SyntaxError:
        return None
    for node in nodes:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return textwrap.dedent(ast.get_source_segment(text, node, padded=True)) + "\n"
    return None


def code_of(code):
    """Return code line by line without comments, docstrings and layout."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree).splitlines()
