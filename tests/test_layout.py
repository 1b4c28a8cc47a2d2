"""The house rules of course_utils: who may import whom, and how long things may get."""

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import course_utils

ROOT = Path(course_utils.__file__).parent
# What the text may use beside Python itself. matplotlib, IPython and ipywidgets belong to the
# workshop.
LIBRARIES = {"torch", "torchvision", "sklearn", "einops", "tqdm", "psutil"}


def listed(part):
    """Return the files and folders that a part of the package's docstring lists, in order."""
    text, workshop = course_utils.__doc__.split("The workshop may import the text", 1)
    return re.findall(r"^    (\w+(?:\.py|/)) ", {"text": text, "workshop": workshop}[part], re.M)


TEXT = listed("text")


def tree(name):
    return ast.parse((ROOT / name).read_text(encoding="utf-8"))


def imports(name):
    """Return the dotted names that a file imports, wherever in it the import stands."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # A name that is taken from the package itself may be a module.
            here = ".".join(filter(None, ["course_utils" if node.level else "", node.module]))
            yield from (f"{here}.{a.name}" if here == "course_utils" else here for a in node.names)


def functions(name):
    return (n for n in ast.walk(tree(name)) if isinstance(n, ast.FunctionDef))


def test_the_docstring_lists_every_file():
    there = {p.name + "/" * p.is_dir() for p in ROOT.glob("[!.]*")}
    there -= {"__init__.py", "__pycache__/"}
    assert there - set(TEXT + listed("workshop")) == set()
    assert set(TEXT) - there == set()


@pytest.mark.parametrize("name", TEXT)
def test_a_text_file_imports_only_text_files_above_it(name):
    above = [f"course_utils.{other.removesuffix('.py')}" for other in TEXT[: TEXT.index(name)]]
    ours = [found for found in imports(name) if found.partition(".")[0] == "course_utils"]
    assert set(ours) - set(above) == set()


@pytest.mark.parametrize("name", TEXT)
def test_a_text_file_uses_few_libraries(name):
    tops = {found.partition(".")[0] for found in imports(name)}
    assert tops - LIBRARIES - set(sys.stdlib_module_names) - {"course_utils"} == set()


def test_every_way_to_import_is_seen(tmp_path):
    lines = [
        "import course_utils.plots as p, numpy.linalg",
        "from course_utils import checks",
        "def f():\n    from .colab import x\n    from . import widgets, plots",
        "from course_utils.blocks import ConvBlock",
    ]
    (tmp_path / "tried.py").write_text("\n".join(lines))
    parts = "plots checks colab widgets plots blocks".split()
    ours = [f"course_utils.{part}" for part in parts]
    assert sorted(imports(tmp_path / "tried.py")) == sorted([*ours, "numpy.linalg"])


def test_the_package_itself_imports_nothing_heavy():
    code = "import sys, course_utils; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent, check=True)


@pytest.mark.parametrize("name", TEXT)
def test_a_text_file_is_short(name):
    lines = len((ROOT / name).read_text(encoding="utf-8").splitlines())
    assert lines <= 200
    long = {f.name: f.end_lineno - f.lineno + 1 for f in functions(name)}
    assert {f: lines for f, lines in long.items() if lines > 30} == {}


# Their constructors are those of the published networks.
PUBLISHED = {"ddpm_unet.py", "sigma_unet.py"}


@pytest.mark.parametrize("name", [name for name in TEXT if name not in PUBLISHED])
def test_a_constructor_has_few_arguments(name):
    for f in functions(name):
        if f.name == "__init__":
            count = sum(isinstance(node, ast.arg) for node in ast.walk(f.args)) - 1  # without self
            assert count < 8, f"line {f.lineno}"


@pytest.mark.parametrize("path", sorted((ROOT.parent / "benchmarks").glob("*.py")), ids=str)
def test_a_benchmark_finds_what_it_imports(path):
    runpy.run_path(str(path), run_name="imported")
