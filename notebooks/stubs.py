"""Does the stub of an exercise fit the reference?

A stub is what a reader completes. It must have the reference's name, arguments and docstrings, so
that the solution can stand in its place; what its functions do is left open. Where a reader is
given broken code to repair, a patient, the stub is that code, to the letter.
"""

import ast


def stub_problem(stub_code, called, reference_code, patient_code=None):
    """Return in what the stub differs from the reference, as a sentence, or None."""
    try:
        written = ast.parse(stub_code).body
    except SyntaxError as error:
        return f"the stub is not Python: {error}"
    if len(written) != 1 or not isinstance(written[0], (ast.FunctionDef, ast.ClassDef)):
        return "the stub cell must hold one function or one class, and nothing else"
    stub, ours = written[0], ast.parse(reference_code).body[0]
    if patient_code is None and "raise NotImplementedError" not in stub_code:
        return "the stub has no `raise NotImplementedError`"
    if patient_code is not None and stub_code.strip() != patient_code:
        return "the stub is not the patient's source, to the letter"
    if called != stub.name:
        return f"the check is given {called}, the stub is called {stub.name}"
    return difference(stub, ours)


def difference(stub, ours):
    """Return the first difference between two definitions as a reader meets them, or None."""
    if heading(stub) != heading(ours):
        return f"the stub has `{heading(stub)}`, the reference has `{heading(ours)}`"
    if ast.get_docstring(stub) != ast.get_docstring(ours):
        return f"the docstring of {stub.name} is not that of the reference"
    if isinstance(stub, ast.FunctionDef):
        return None
    theirs = {part.name: part for part in ours.body if isinstance(part, ast.FunctionDef)}
    for method in stub.body:
        if not isinstance(method, ast.FunctionDef):
            continue
        if method.name not in theirs:
            return f"the reference has no method {method.name}"
        if problem := difference(method, theirs[method.name]):
            return problem
    return None


def heading(node):
    """Return the first line of a definition, without comments and line breaks."""
    if isinstance(node, ast.FunctionDef):
        return f"def {node.name}({ast.unparse(node.args)})"
    return f"class {node.name}({', '.join(ast.unparse(base) for base in node.bases)})"
