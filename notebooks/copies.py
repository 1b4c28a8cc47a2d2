"""Copies of the notebooks for the tests: as stored and as solved, with less to train."""

import copy
import re
import shutil

from course_files import CourseError, read, shipped, sources, write
from exercises import find_exercises, load_checks, reference_text
from outputs import IGNORED

TRAINED = "trained"  # a cell whose output takes the whole training
# What a copy does less of: short trainings and wide networks, whose figures are not compared; and,
# in cells that are not compared, pictures, steps of sampling, and drawings on the way.
SHORTER = (
    (r"(?m)^(def fit(?:_unet|_plane)?\((?:task|time|net, data).*steps=)\d+", r"\g<1>6"),
    (r"(?m)^(def overfit\(.*steps=)\d+", r"\g<1>20"),  # the one memorises, the other does not
    # Where a CPU knows fp16, PyTorch's gradients in it take nearly half a second for each picture.
    (r"draw_batch\(digits, schedule\.T, 32, ", "draw_batch(digits, schedule.T, 2, "),
    (r"TrainConfig\(steps=40, batch=32", "TrainConfig(steps=4, batch=32"),
    (r"marked\(500, ", "marked(100, "),
    (r"UNet\(in_ch=1, base_ch=32", "UNet(in_ch=1, base_ch=8"),
    (r"base_ch=32, batch", "base_ch=8, batch"),
    (r"(base_ch = images\.shape\[1\], )32 if", r"\g<1>8 if"),
)
FEWER = (
    (r"torch\.randn\(500, ", "torch.randn(100, "),
    (r"torch\.randn\(8, in_ch, ", "torch.randn(2, in_ch, "),
    (r"(draw_with\(\w+, )500\b", r"\g<1>100"),
    (r"(?m)^pictures = {\"Gaussian\"", r"sigmas = sigmas[::5]\n\g<0>"),
    (
        r"errors_of\(denoiser\) for name",
        "[denoising_error(denoiser, test[:60], eps[:60], sigma) for sigma in levels] for name",
    ),
    (r"(last\((?:mine\.)?ddim\(.*steps=)(?:20|25|40|50|100)\b", r"\g<1>2"),
    (r"((?<!samplers\.)(?<!def )\bddim\(.*steps=)(?:20|25|40|50|100)\b", r"\g<1>5"),
    (r"fit\(Stack\((.*)\), lr=lr\)", r"fit(Stack(\1), lr=lr, steps=3)"),
    (r"losses\.unfold\(0, 20, 1\)", "losses.unfold(0, 2, 1)"),
    (r"(load\(data, \"test\"\)\[0\]\[:)360\]", r"\g<1>60]"),
    (r"(samplers\.ddim\(net, xt, schedule, steps=)50\b", r"\g<1>20"),
    (r"torch\.randn\(200, ", "torch.randn(100, "),
    (
        r"samplers\.ddim\(model, noise, schedule, steps=50",
        "samplers.ddim(model, noise, schedule, steps=2",
    ),
    (r"torch\.randn\(24, in_ch", "torch.randn(2, in_ch"),
    (r"(reflow_pairs\(.*steps=)8", r"\g<1>2"),
    (r"counts, (.*) = \(3, 5, .*?\), ", r"counts, \1 = (2, 2), "),
    (r"last\(ddpm\(net, many, schedule\)\)", "last(ddim(net, many, schedule, steps=2))"),
    (
        r"ddpm\(net, xT, schedule\)\)\nshown = taken\[::111\]",
        r"ddpm(net, xT, cosine_schedule(20)))\nshown = taken[::5]",
    ),
    (r"torch\.arange\(500, ", "torch.arange(100, "),
    (r"torch\.(arange|randn)\(4000, ", r"torch.\1(88, "),
    (r"\(1, 3, 7, 25\)", "(1, 1, 2, 2)"),
    (r"\(1, 2, 4, 13\), heun", "(1, 1, 1, 1), heun"),
    (r"COUNTS = \(1, 2, 4, 8, 25\)", "COUNTS = (1, 1, 1, 1, 2)"),
    (r"(def draw\(model, steps=)25", r"\g<1>2"),
    (r"counts, found = \(4, 8, 16\)", "counts, found = (2, 2)"),
    (r"sides = \[8, 16, 32, 64\]", "sides = [8, 16]"),
    (r"BAD, LENGTH = 60, 110", "BAD, LENGTH = 2, 13"),
    (r"for _ in range\(4\):(\s+begun)", r"for _ in range(1):\1"),
    (r"fit\(nets\[name\], steps=250\)", "fit(nets[name], steps=100)"),
    (r"(?m)^(def \w*fit\w*\(.*steps=)\d+", r"\g<1>6"),
    (r"repeats=5", "repeats=1"),
    (r"\[step\(\) for _ in range\(20\)\]", "[step() for _ in range(2)]"),
    (r"for _ in range\(50\)", "for _ in range(5)"),
)
# And in a copy of which nothing is compared.
SMALLER = (
    (r"base_ch = 32 if", "base_ch = 8 if"),  # 00 shows how many parameters it has
    (r"dict\(in_ch=1, base_ch=32", "dict(in_ch=1, base_ch=8"),  # 11 makes a page of it
    (r"(fit\(nets\[name\], steps=)\d+", r"\g<1>6"),  # 02 compares which one is better
    (r"(short = TrainConfig\(steps=)60", r"\g<1>12"),
    (r"(plan = TrainConfig\(steps=)40", r"\g<1>8"),  # it is saved in its middle
    (r"state\.step == 20", "state.step == 4"),
    (r"whole\[20:", "whole[4:"),
    (r"for n in range\(8, 40\)", "for n in range(8, 17)"),
)
# What is quick where it is wanted: neither figures nor drawings are compared.
QUICK = {
    "machine.budget(": """
type(machine).budget = lambda self, cpu, gpu, whole=type(machine).budget: (
    whole(self, min(cpu, 600), min(cpu, 600))  # a training of thousands of steps is one of 600
)
""",
    "course_utils.quality": """
from course_utils import classifier
classifier.some.__defaults__ = (200,)  # of all pictures
classifier.classifier.__wrapped__.__defaults__ = (1, 64)  # one epoch
""",
    "course_utils.averaging": """
from course_utils import averaging
averaging.refresh_norms.__wrapped__.__defaults__ = (3, 0)  # of 30 batches
""",
}
# The pictures of a solved copy are made, but not rendered: those of the stored one are the same.
UNSEEN = """
from matplotlib_inline.backend_inline import set_matplotlib_formats
set_matplotlib_formats()
"""


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
            place(train_less(notebook, share, seen=False), folder / "solved" / file)
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


def train_less(notebook, share, compared=True, seen=True):
    """Return a copy that trains a share and draws less, and compares nothing that takes all.

    In one that is not compared at all, all networks are small; in one that nobody sees, pictures
    are not rendered.
    """
    notebook = copy.deepcopy(notebook)
    if share == 1:
        return notebook
    text = "\n".join(cell.source for cell in notebook.cells)
    quick = "".join(code for wanted, code in QUICK.items() if wanted in text)
    quick += "" if seen else UNSEEN
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if TRAINED in tags:
            cell.metadata.tags = tags = [*tags, IGNORED]
        if cell.cell_type == "code" and cell.source.startswith("#@title Set up"):
            budget = f'os.environ["COURSE_BUDGET"] = "{share:g}"'
            cell.source = cell.source.replace("import os\n", f"import os\n{budget}\n", 1) + quick
        changes = [*SHORTER]
        changes += FEWER if IGNORED in tags or not compared else ()
        changes += () if compared else SMALLER
        for more, less in changes:
            cell.source = re.sub(more, less, cell.source)
    return notebook


def expect(cell, stored, instead):
    """Replace the cell's one output, which must begin as said, by what must come instead."""
    texts = [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    if len(texts) != 1 or not texts[0].startswith(stored):
        raise CourseError(f"cell {cell.id} has stored {texts}, not {stored!r}: build it again")
    cell.outputs[0].data = {"text/plain": instead}
