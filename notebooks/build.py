"""Make the notebooks: notebooks/source/NN_name.py becomes notebooks/NN_name.ipynb.

    python notebooks/build.py [NN ...]              assemble, execute and store (all, or some)
    python notebooks/build.py --check               does every stored notebook fit its source?
    python notebooks/build.py --address OWNER/REPO  publish the course under this address
    python notebooks/build.py --copies DIR [--share 0.02]
                                                    write copies for the tests into DIR/stored and
                                                    DIR/solved, which train that share of the steps

In a source, which jupytext reads as py:percent, three things are filled in here: `{{badge}}` in a
markdown cell, a code cell `# setup`, and a code cell `# solution 1.2`. A code cell that shows a
picture begins with its alt text, `# alt: ...`, which goes into the metadata of cell and picture.
"""

import argparse
import base64
import copy
import hashlib
import inspect
import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import NamedTuple

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from stubs import stub_problem

NOTEBOOKS = Path(__file__).resolve().parent
ROOT = NOTEBOOKS.parent
SOURCES = NOTEBOOKS / "source"
SETTINGS = ROOT / "pyproject.toml"
README = ROOT / "README.md"

PLACEHOLDER = "OWNER/diffusion-unet-course"
TRAINING = {"00", "05", "07", "08", "09", "10"}  # these notebooks ask Colab for a GPU
KEPT_METADATA = ("cellView", "tags", "colab")
PNG = "image/png"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
IGNORED = "nbval-ignore-output"
TRAINED = "trained"  # a cell whose output takes the whole training
A_READERS = ("my_unet.py", "my_progress.txt")  # files that a notebook writes for its reader
# What a copy does less of: short trainings, whose figures are not compared; and, in cells that are
# not compared, pictures, steps of sampling, and drawings on the way.
SHORTER = (r"(?m)^(def (?:over)?fit\((?:task|loss_of).*steps=)\d+", r"\g<1>20")
FEWER = (
    (r"torch\.randn\(500, ", "torch.randn(100, "),
    (r"torch\.randn\(8, in_ch, ", "torch.randn(2, in_ch, "),
    (r"(draw_with\(\w+, )500\b", r"\g<1>100"),
    (r"(ddim\(.*steps=)(?:20|25|40|50|100)\b", r"\g<1>5"),
    (r"config\.steps // 6\b", "config.steps // 2"),
)
QUICK_JUDGE = """
from course_utils import classifier
classifier.classifier.__wrapped__.__defaults__ = (1, 64)  # one epoch: its figures are not compared
"""
MACHINE_PATH = re.compile(r"(?<![\w.])/(home|root|tmp|Users|var)/\w")

SETUP = "# setup"
ALT = re.compile(r"# alt: (.+(?:\n#   .+)*)\n")
SOLUTION = re.compile(r"# solution (\d+\.\d+)")
SOLUTION_CELL = re.compile(r"%%solution (\d+\.\d+)\n")
CHECK = re.compile(r'^(?:\w+ = )?check\("(\d+\.\d+)", (\w+)\)', re.MULTILINE)
BADGE_LINK = re.compile(r"(colab\.research\.google\.com/github)/[^/\s]+/[^/\s]+/blob/[^/\s]+/")

FAILURES = (CellExecutionError, CellTimeoutError, DeadKernelError)


class CourseError(Exception):
    """Something is wrong with a notebook; the message says what and where."""


# --- the address ---------------------------------------------------------------------------------


class Address(NamedTuple):
    repository: str  # OWNER/REPO
    ref: str  # a tag, or a branch


def current_address():
    """Return the address in pyproject.toml or, while that is empty, one that the machine knows."""
    settings = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))["tool"]["course"]
    repository = settings["repository"] or os.environ.get("GITHUB_REPOSITORY") or git_remote()
    return Address(repository or PLACEHOLDER, settings["tag"] or "main")


def git_remote():
    try:
        answer = subprocess.run(["git", "remote", "-v"], cwd=ROOT, capture_output=True, text=True)
    except OSError:  # git is not installed
        return None
    found = re.search(r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?\s", answer.stdout)
    return found and found[1]


def stored_address(notebook):
    """Return the address that a stored notebook's setup cell names; a fork has its own."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    repository = re.search(r'"https://github\.com/([^/"]+/[^/"]+)"', text)
    ref = re.search(r'^TAG = "(.+)"$', text, re.MULTILINE)
    if not (repository and ref):
        raise CourseError("the setup cell is not there, or has been edited")
    return Address(repository[1], ref[1])


def badge(name, address):
    page = f"{address.repository}/blob/{address.ref}/notebooks/{name}.ipynb"
    picture = "https://colab.research.google.com/assets/colab-badge.svg"
    return f"[![Open in Colab]({picture})](https://colab.research.google.com/github/{page})"


# --- from a source to a notebook -----------------------------------------------------------------


def load_checks():
    """Return the exercises and their engine; imported late, for that imports torch."""
    sys.path.insert(0, str(ROOT))
    from course_utils import checks

    return checks


def assemble(source, exercises, address):
    """Return the notebook that a source file describes, not executed."""
    notebook = new_notebook(metadata=notebook_metadata(source.stem))
    taken = set()
    for cell in jupytext.read(source, fmt="py:percent").cells:
        make = {"markdown": new_markdown_cell, "code": new_code_cell}[cell.cell_type]
        text, alt = without_alt(cell.source)
        filled, more = fill_in(text, source.stem, exercises, address)
        # The id comes from the text as written: it stays when the address or a solution changes.
        metadata = kept_metadata(cell.metadata) | more | alt
        notebook.cells.append(make(filled, id=cell_id(text, taken), metadata=metadata))
    match_exercises(notebook, source.stem, exercises)
    return notebook


def notebook_metadata(name):
    gpu = {"accelerator": "GPU"} if name[:2] in TRAINING else {}
    return {
        **gpu,
        "colab": {"provenance": [], "toc_visible": True},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


def kept_metadata(metadata):
    kept = {key: metadata[key] for key in KEPT_METADATA if key in metadata}
    if "source_hidden" in metadata.get("jupyter", {}):
        kept["jupyter"] = {"source_hidden": metadata["jupyter"]["source_hidden"]}
    return kept


def without_alt(text):
    """Return a cell's text without the alt text of its picture, and that as metadata."""
    found = ALT.match(text)
    if not found:
        return text, {}
    return text[found.end() :], {"alt": " ".join(found[1].replace("\n#", " ").split())}


def cell_id(text, taken):
    """Return a short name made from the cell's text, so that other cells don't change it."""
    digest = hashlib.sha1(text.encode()).hexdigest()[:8]
    name, copies = digest, 1
    while name in taken:
        copies += 1
        name = f"{digest}-{copies}"
    taken.add(name)
    return name


def fill_in(text, name, exercises, address):
    """Return what a cell of a source becomes: its text, and more metadata."""
    closed = {"cellView": "form", "jupyter": {"source_hidden": True}}
    if text.strip() == SETUP:
        return setup_text(address), closed
    if found := SOLUTION.fullmatch(text.strip()):
        number = found[1]
        if number not in exercises:
            raise CourseError(f"there is no exercise {number}")
        code = reference_text(exercises[number])
        return f"%%solution {number}\n#@title Solution {number}\n{code}", closed
    return text.replace("{{badge}}", badge(name, address)), {}


def setup_text(address):
    text = (NOTEBOOKS / "setup_cell.py").read_text(encoding="utf-8").strip()
    return text.replace("OWNER/REPO", address.repository).replace('"TAG"', f'"{address.ref}"')


def reference_text(exercise):
    return source_text(exercise.reference)


def texts(exercise):
    """Return the source of the reference, and that of the patient or None."""
    patient = exercise.patient.code.strip() if exercise.patient else None
    return reference_text(exercise), patient


def source_text(thing):
    return textwrap.dedent(inspect.getsource(thing)).strip()


# --- exercises: a stub, its check, its solution --------------------------------------------------


class Place(NamedTuple):
    """Where an exercise stands in a notebook, as indices of cells."""

    stub: int
    check: int
    solution: int


def find_exercises(notebook):
    """Return {number: Place}, in the order of the notebook."""
    checks, solutions = [], []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if found := SOLUTION_CELL.match(cell.source):
            solutions.append((found[1], index))
        elif found := CHECK.search(cell.source):
            checks.append((found[1], index))
    checked, solved = [number for number, _ in checks], [number for number, _ in solutions]
    if checked != solved or len(set(checked)) != len(checked):
        raise CourseError(f"has checks {checked} but solutions {solved}, not one of each")
    places = zip(checks, solutions, strict=True)
    return {number: Place(check - 1, check, solution) for (number, check), (_, solution) in places}


def match_exercises(notebook, name, exercises):
    """Raise CourseError unless the notebook has its exercises, in order, with stubs that fit."""
    places = find_exercises(notebook)
    expected = [number for number, exercise in exercises.items() if exercise.notebook == name]
    if list(places) != expected:
        raise CourseError(f"has exercises {list(places)}, course_utils.checks has {expected}")
    for number, place in places.items():
        called = CHECK.search(notebook.cells[place.check].source)[2]
        stub = notebook.cells[place.stub]
        if place.solution < place.check:
            problem = "the solution stands before the check"
        elif stub.cell_type != "code":
            problem = "the cell before the check is not the stub"
        else:
            problem = stub_problem(stub.source, called, *texts(exercises[number]))
        if problem:
            raise CourseError(f"exercise {number}: {problem}")


# --- executing -----------------------------------------------------------------------------------


def execute(notebook, folder=NOTEBOOKS, **environment):
    """Execute a notebook where it lies; what can go wrong is FAILURES."""
    client = NotebookClient(
        notebook,
        timeout=1200,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # how a kernel cuts its output into pieces is chance
        resources={"metadata": {"path": str(folder)}},
    )
    quiet = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    client.execute(env={**os.environ, **quiet, **environment})


def clean(notebook, name):
    """Leave in the outputs only what is the same on every machine."""
    notebook.metadata = nbformat.from_dict(notebook_metadata(name))
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, start=1):
        cell.execution_count = count
        cell.metadata.pop("execution", None)
        cleaned = [clean_output(output, count) for output in cell.outputs if keeps(cell, output)]
        cell.outputs = [output for output in cleaned if output.get("data") != {}]
        for output in cell.outputs:
            if PNG in output.get("data", {}) and "alt" in cell.metadata:
                output.metadata[PNG] = {**output.metadata.get(PNG, {}), "alt": cell.metadata.alt}


def keeps(cell, output):
    """Standard error goes, and so does a widget where nbval does not ask for its text."""
    is_widget = WIDGET_VIEW in output.get("data", {})
    ignored = IGNORED in cell.metadata.get("tags", [])
    return output.get("name") != "stderr" and not (is_widget and ignored)


def clean_output(output, count):
    """Return the output without what belongs to this machine."""
    if output.output_type == "stream":
        output.text = clean_text(output.text)
    if "data" not in output:
        return output
    output.data.pop(WIDGET_VIEW, None)
    for kind, value in output.data.items():
        if kind.startswith("text/"):
            output.data[kind] = clean_text(value)
    if "execution_count" in output:
        output.execution_count = count
    return output


def clean_text(text):
    text = re.sub(r"\b0x[0-9a-f]{6,}\b", "0x0", text)
    return text.replace(str(ROOT), ".")


# --- the four commands ---------------------------------------------------------------------------


def sources(numbers=()):
    """Return the source files, all or those whose numbers are asked for, in order."""
    found = sorted(SOURCES.glob("[0-9][0-9]_*.py"))
    missing = set(numbers) - {source.stem[:2] for source in found}
    if missing:
        raise CourseError(f"there is no notebook {', '.join(sorted(missing))}")
    return [source for source in found if not numbers or source.stem[:2] in numbers]


def shipped(name):
    return NOTEBOOKS / f"{name}.ipynb"


def read(path):
    if not path.exists():
        raise CourseError(f"{path.name} is not built yet")
    # nbformat.read would put two cells of one id right, which nobody would then see.
    return nbformat.v4.reads_json(path.read_text(encoding="utf-8"))


def write(notebook, path):
    """Write in one step, so that an interrupted build leaves no half of a notebook."""
    nbformat.validate(notebook)
    part = path.with_name(path.name + ".part")
    part.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    part.replace(path)


def build(numbers):
    for file in A_READERS:
        if (NOTEBOOKS / file).exists():
            raise CourseError(f"notebooks/{file} is there: move it, for readers begin without one")
    exercises, address = load_checks().EXERCISES, current_address()
    for source in sources(numbers):
        try:
            notebook = build_one(source, exercises, address)
        except (CourseError, *FAILURES) as error:
            raise CourseError(f"{source.stem}: {error}") from None
        write(notebook, shipped(source.stem))
        keep_pictures(notebook)
        print(f"{source.stem}: built, {len(notebook.cells)} cells", flush=True)


def build_one(source, exercises, address):
    notebook = assemble(source, exercises, address)
    # On the CPU, as in the tests: what is stored must come out on every machine.
    execute(notebook, CUDA_VISIBLE_DEVICES="")
    clean(notebook, source.stem)
    if problems := flaws(notebook):
        raise CourseError("; ".join(problems))
    return notebook


def keep_pictures(notebook):
    """Write the picture of a cell tagged `picture:NAME.png` to a file, for the README."""
    for cell in notebook.cells:
        for tag in cell.metadata.get("tags", []):
            if tag.startswith("picture:"):
                (picture,) = pictures(cell)
                (NOTEBOOKS / tag.removeprefix("picture:")).write_bytes(picture)


def pictures(cell):
    """Return the pictures that a cell shows, as the bytes of PNG files."""
    data = [output.get("data", {}) for output in cell.get("outputs", [])]
    return [base64.b64decode(kinds[PNG]) for kinds in data if PNG in kinds]


def check():
    """Print how the stored notebooks differ from their sources; return how many do."""
    exercises, wrong = load_checks().EXERCISES, 0
    for source in sources():
        problems = differences(source, exercises)
        wrong += bool(problems)
        verdict = "does not fit its source" if problems else "fits its source"
        print("\n  ".join([f"{source.stem}: {verdict}", *problems]))
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if not (SOURCES / f"{path.stem}.py").exists():
            wrong += 1
            print(f"{path.stem}: has no source")
    return wrong


def differences(source, exercises):
    """Return what a stored notebook has that its source would not give, as sentences."""
    try:
        stored = read(shipped(source.stem))
        # A fork has its own repository; the tag must be the one in pyproject.toml.
        address = Address(stored_address(stored).repository, current_address().ref)
        fresh = assemble(source, exercises, address)
    except CourseError as error:
        return [str(error)]
    found = flaws(stored)
    if stored.metadata != fresh.metadata:
        found.append("the notebook's metadata differ")
    if len(stored.cells) != len(fresh.cells):
        found.append(f"{len(stored.cells)} cells, the source has {len(fresh.cells)}")
    for index, (old, new) in enumerate(zip(stored.cells, fresh.cells), start=1):
        for part in ("cell_type", "source", "id", "metadata"):
            if old[part] != new[part]:
                found.append(f"cell {index}: {part} is {old[part]!r:.90}, not {new[part]!r:.90}")
    return found


def flaws(notebook):
    """Return what no stored notebook may have, as sentences."""
    found = []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    # nbval compares nothing for a cell without a count.
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        found.append("the execution counts are not 1, 2, 3 and so on")
    if len({cell.id for cell in notebook.cells}) != len(notebook.cells):
        found.append("two cells have the same id")
    if "widgets" in notebook.metadata:
        found.append("the metadata hold the state of widgets")
    for cell in code:
        found += [f"cell {cell.id}: {problem}" for problem in picture_flaws(cell)]
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"cell {cell.id}: stored an error, {output.ename}: {output.evalue}")
            if output.get("name") == "stderr":
                found.append(f"cell {cell.id}: stored standard error")
            if WIDGET_VIEW in output.get("data", {}):
                found.append(f"cell {cell.id}: stored the id of a widget")
            if MACHINE_PATH.search(output_text(output)):
                found.append(f"cell {cell.id}: stored a path of the machine")
    return found


def picture_flaws(cell):
    """Return what is wrong with the pictures of a cell: one is enough, and it has an alt text."""
    shown = [output for output in cell.outputs if PNG in output.get("data", {})]
    alt = cell.metadata.get("alt")
    if len(shown) > 1:
        return [f"shows {len(shown)} pictures; give each a cell and an alt text"]
    if alt and not shown:
        return ["has an alt text, but shows no picture"]
    if shown and not alt:
        return ["shows a picture without alt text; begin the cell with a line `# alt: ...`"]
    if shown and shown[0].metadata.get(PNG, {}).get("alt") != alt:
        return ["the picture's alt text is not that of the cell"]
    return []


def output_text(output):
    """Return all that an output says in words."""
    data = output.get("data", {})
    return "\n".join([output.get("text", ""), *(data[kind] for kind in data if "text/" in kind)])


def set_address(repository, tag=None):
    """Store the address, and put it into badges and setup cells without executing anything.

    Without a tag it stays as it is. Raises CourseError for what is no address.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise CourseError(f"an address is OWNER/REPO, not {repository!r}")
    address = Address(repository, tag or current_address().ref)
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    notebooks = [with_address(read(path), path.stem, address) for path in paths]
    for notebook, path in zip(notebooks, paths, strict=True):
        write(notebook, path)
    change(SETTINGS, lambda text: with_setting(text, "repository", repository))
    if tag:
        change(SETTINGS, lambda text: with_setting(text, "tag", tag))
    if README.exists():
        change(README, lambda text: with_badges(text, address))
    print(f"the course's address is now {address.repository}, at {address.ref}")


def with_address(notebook, name, address):
    setup_before = setup_text(stored_address(notebook))
    if setup_before not in [cell.source for cell in notebook.cells]:
        raise CourseError(f"{name}: its setup cell is an older one: build it again")
    for cell in notebook.cells:
        if cell.source == setup_before:
            cell.source = setup_text(address)
        elif cell.cell_type == "markdown":
            cell.source = with_badges(cell.source, address)
    return notebook


def with_setting(text, name, value):
    return re.sub(rf'(?m)^{name} = ".*"$', f'{name} = "{value}"', text)


def change(path, new):
    path.write_text(new(path.read_text(encoding="utf-8")), encoding="utf-8")


def with_badges(text, address):
    return BADGE_LINK.sub(rf"\1/{address.repository}/blob/{address.ref}/", text)


def copies(folder, share):
    """Write every notebook as it is stored, and with every stub solved; both train a share.

    Each stored one has a folder of its own; the solved ones share one, and so the reader's parts.
    """
    if not 0 < share <= 1:
        raise CourseError(f"a share is above 0 and at most 1, not {share:g}")
    checks = load_checks()
    for kind in ("stored", "solved"):
        shutil.rmtree(folder / kind, ignore_errors=True)
    for source in sources():
        try:
            notebook = read(shipped(source.stem))
            file = f"{source.stem}.ipynb"
            place(train_less(notebook, share), folder / "stored" / source.stem / file)
            solve(notebook, checks)
            place(train_less(notebook, share), folder / "solved" / file)
        except CourseError as error:
            raise CourseError(f"{source.stem}: {error}") from None
    print(f"{folder}: {len(sources())} notebooks, as stored and as solved")


def place(notebook, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    write(notebook, path)


def solve(notebook, checks):
    """Do every exercise as the reference does it, and expect what that prints."""
    from course_utils import portfolio

    for number, place in find_exercises(notebook).items():
        exercise = checks.EXERCISES[number]
        notebook.cells[place.stub].source = reference_text(exercise)
        verdict = checks.grade(number, exercise.reference)
        if verdict.outcome != "correct":
            raise CourseError(f"the reference of exercise {number} is {verdict.outcome}: {verdict}")
        kept = portfolio.KEPT if portfolio.is_part(exercise.reference) else ""
        shown = f"{verdict} {kept}".strip()
        done = "repaired" if exercise.patient else "written"
        expect(notebook.cells[place.check], f"{number} not attempted.", shown)
        expect(
            notebook.cells[place.solution],
            f"Solution {number}: correct. Yours is not {done} yet.",
            f"Solution {number}: correct. Yours is the same.",
        )


def train_less(notebook, share):
    """Return a copy that trains a share and draws less, and compares nothing that takes all."""
    notebook = copy.deepcopy(notebook)
    if share == 1:
        return notebook
    judged = any("course_utils.quality" in cell.source for cell in notebook.cells)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if TRAINED in tags:
            cell.metadata.tags = [*tags, IGNORED]
        if cell.cell_type == "code" and cell.source.startswith("#@title Set up"):
            budget = f'os.environ["COURSE_BUDGET"] = "{share:g}"'
            cell.source = cell.source.replace("import os\n", f"import os\n{budget}\n", 1)
            cell.source += QUICK_JUDGE if judged else ""
        cell.source = re.sub(*SHORTER, cell.source)
        if IGNORED in cell.metadata.get("tags", []):
            for more, less in FEWER:
                cell.source = re.sub(more, less, cell.source)
    return notebook


def expect(cell, stored, instead):
    """Replace the cell's one output, which must begin as said, by what must come instead."""
    texts = [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    if len(texts) != 1 or not texts[0].startswith(stored):
        raise CourseError(f"cell {cell.id} has stored {texts}, not {stored!r}: build it again")
    cell.outputs[0].data = {"text/plain": instead}


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Make the notebooks of the course.")
    parser.add_argument("numbers", nargs="*", metavar="NN", help="build these (default: all)")
    others = parser.add_mutually_exclusive_group()
    others.add_argument("--check", action="store_true", help="compare notebooks with sources")
    others.add_argument("--address", metavar="OWNER/REPO", help="publish under this address")
    others.add_argument("--copies", type=Path, metavar="DIR", help="write copies for the tests")
    parser.add_argument("--share", type=float, default=0.02, help="how much the copies train")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            sys.exit(1 if check() else 0)
        elif options.address:
            set_address(options.address)
        elif options.copies:
            copies(options.copies, options.share)
        else:
            build(options.numbers)
    except CourseError as error:
        sys.exit(f"build.py: {error}")


if __name__ == "__main__":
    main()
