"""The reader's own parts, kept from notebook to notebook in one file, my_unet.py.

The file always holds the whole network, its training step and its samplers: the parts that passed
their check are the reader's, all others the course's. It is plain code that needs nothing but
PyTorch and einops, and what else the reader's parts import.
"""

import ast
import builtins
import dis
import functools
import inspect
import os
import re
import subprocess
import sys
import tempfile
import types
from pathlib import Path

from course_utils import drive
from course_utils.checks.engine.source import source
from course_utils.checks.engine.values import describe
from course_utils.parts import HEAD, NUMBERS, REFERENCES, START

FILE = "my_unet.py"
KEPT = f"Kept in {FILE}."
EARLIER = "of an earlier edition"  # a part that the course no longer has
TITLE = re.compile(
    rf"^# %% (\w+): (mine|the course's|{EARLIER})(?:, exercise [\d.]+)?\n", re.MULTILINE
)


class CannotKeep(Exception):
    """A part cannot go into the file; the message is a sentence that says why."""


# --- what a notebook calls -----------------------------------------------------------------------


def load():
    """Return the reader's parts, and the course's where there are none yet; say which are which.

    () -> an object with the parts as attributes: .ConvBlock, .Encoder, ...
    """
    course = types.SimpleNamespace(**REFERENCES)
    try:
        text = drive.use(lambda folder: stored(folder / FILE))
        module = run(complete(text)) if text else course
    except (CannotKeep, OSError) as error:
        print(f"{told(error)} The notebook goes on with the course's parts.")
        return course
    mine = [name for name in mine_in(text) if name in REFERENCES]
    print(f"Yours, from {FILE}: {', '.join(mine) or 'nothing yet'}.")
    waiting = [f"{n} ({NUMBERS[n]})" for n in REFERENCES if NUMBERS[n] and n not in mine]
    if waiting:
        print(f"The course's, until you have done the exercise: {', '.join(waiting)}.")
    return module


def keep(reference, attempt, passes):
    """Put an attempt that passed its check into the file; return what to tell the reader.

    passes(part) must say whether the part, as it comes out of the file, passes the check too. What
    is not a part of the network is not kept, and an earlier version stays when a new one cannot be.
    """
    if not is_part(reference):
        return ""

    def keep_in(folder):
        file, name = folder / FILE, reference.__name__
        before = stored(file)
        run(before)
        mine = mine_in(before)
        text = assemble({**mine, name: gather(name, attempt, mine)})
        if not passes(getattr(run(text), name)):
            raise CannotKeep("by itself, outside this notebook, it does not pass the check.")
        write(text, file)

    try:
        drive.use(keep_in)
    except (CannotKeep, OSError) as error:
        return f"Not kept in {FILE}: {told(error)}"
    return KEPT


def told(error, file=FILE):
    """Return as a sentence why the file could not be used."""
    if isinstance(error, CannotKeep):
        return str(error)
    return f"{file} cannot be read or written: {drive.reason(error)}."


def is_part(reference):
    """True for what belongs to the network, its training and its samplers."""
    return any(part is reference for part in REFERENCES.values())


def run_alone():
    """Let another Python, in a folder with nothing else, train and draw; return what it says."""
    try:
        text = complete(drive.use(lambda folder: stored(folder / FILE)))
    except (CannotKeep, OSError) as error:
        return told(error)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / FILE).write_text(text, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-I", "-c", TRIAL, folder], capture_output=True, text=True
        )
    return (done.stdout if done.returncode == 0 else done.stderr).strip()


TRIAL = """
import sys
sys.path.append(sys.argv[1])
import my_unet, torch
images, schedule = 2 * torch.rand(9, 1, 16, 16) - 1, my_unet.cosine_schedule()
for loss in (my_unet.noise_loss, my_unet.velocity_loss):
    net = my_unet.UNet(in_ch=1, base_ch=32, ch_mult=(1, 2, 4), time_dim=128)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for _ in range(2):
        my_unet.training_step(net, optimizer, images, schedule, loss, batch=4)
    net = my_unet.with_attention(net).eval()
    model = net if loss is my_unet.noise_loss else my_unet.NoiseFromVelocity(net, schedule)
    steps = my_unet.ddim(model, torch.randn(4, 1, 16, 16), schedule, steps=5)
    print("trained with", loss.__name__, "and drawn:", tuple(my_unet.last(steps).shape))
grown, labels = my_unet.GrownUNet().eval(), torch.arange(4)
model = my_unet.NoiseFromVelocity(my_unet.Guided(grown, labels, 0.5), schedule)
steps = my_unet.ddim(model, torch.randn(4, 1, 16, 16), schedule, steps=5)
print("asked for 0 to 3 and drawn:", tuple(my_unet.last(steps).shape))
print("parameters:", sum(p.numel() for p in net.parameters()))
print("course_utils imported:", "course_utils" in sys.modules)
"""


# --- the file ------------------------------------------------------------------------------------


def stored(file):
    """Return the file's text, "" where there is none. Raises OSError, and CannotKeep."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise CannotKeep(f"{file} cannot be read: {error}. Give it another name.") from None
    if text.strip() and not text.startswith(START):
        raise CannotKeep(f"{file} was not written by this course. Give it another name.")
    return text


def carry(source, target):
    """Take the parts in one folder's file along into another's; of two, the newer file's stays.

    Raises OSError.
    """
    files = sorted([source / FILE, target / FILE], key=changed)
    try:
        older, newer = (mine_in(stored(file)) for file in files)
        there = mine_in(stored(target / FILE))
    except CannotKeep:
        return  # load() and keep() say what is wrong with the file
    if there != older | newer:
        write(assemble(older | newer), target / FILE)


def changed(file):
    """Return when a file was last written, 0 where there is none."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0


def mine_in(text):
    """Return {name: code} of the reader's parts, and of all that the course no longer has.

    A part of the reader's may use one of the latter, as an Encoder used Downsample.
    """
    _, *pieces = TITLE.split(text)
    titled = zip(pieces[0::3], pieces[1::3], pieces[2::3])
    kept = [(name, code) for name, whose, code in titled if (name, whose) not in COURSES]
    return {name: code.strip() for name, code in kept}


COURSES = {(name, "the course's") for name in REFERENCES}


def assemble(mine):
    """Return the text of a file with these parts of the reader's."""
    earlier = [name for name in mine if name not in REFERENCES]
    pieces = [HEAD, *(f"# %% {name}: {EARLIER}\n\n{mine[name]}\n" for name in earlier)]
    for name, reference in REFERENCES.items():
        whose = "mine" if name in mine else "the course's"
        number = f", exercise {NUMBERS[name]}" if NUMBERS[name] else ""
        code = mine.get(name) or inspect.getsource(reference).strip()
        pieces.append(f"# %% {name}: {whose}{number}\n\n{code}\n")
    return "\n\n".join(pieces)


def complete(text):
    """Return the text with all parts of today, also where some were taken out, or are newer."""
    there = all(hasattr(run(text), name) for name in REFERENCES)
    return text if there else assemble(mine_in(text))


def run(text):
    """Return the file as a module, without touching the file."""
    module = types.ModuleType(FILE.removesuffix(".py"))
    try:
        exec(compile(text, FILE, "exec"), vars(module))
    except SyntaxError as error:
        raise CannotKeep(
            f"line {error.lineno} of {FILE} is not Python: {error.msg}. Mend it there, or give the "
            f"file another name, and run this cell again."
        ) from None
    except Exception as error:
        raise CannotKeep(f"{FILE} raises {type(error).__name__}: {error}.") from None
    return module


def write(text, file):
    """Replace the file in one step: it is the old one or the new one. Raises OSError."""
    part = file.with_suffix(".part")
    with part.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)


# --- from a notebook's names to plain code -------------------------------------------------------


def gather(name, attempt, mine):
    """Return the code of a part with what it needs: imports, constants, other functions."""
    needed = {}
    add(attempt, needed)
    if attempt.__name__ != name:
        needed[name] = f"{name} = {attempt.__name__}"
    for other, code in mine.items():
        if other != name and (clash := clashes(code, needed)):
            raise CannotKeep(
                f"your {other} has another {' and '.join(clash)} than this one; rename one of them."
            )
    imports = [code for code in needed.values() if code.startswith(("import ", "from "))]
    rest = [code for code in needed.values() if code not in imports]
    return "\n\n\n".join(filter(None, ["\n".join(imports), *rest]))


def add(thing, needed):
    """Add a function or class to what is needed, after everything that it needs itself."""
    text = source(thing)
    if text is None or not thing.__name__.isidentifier():
        raise CannotKeep("its source was not found. Write it with def or class, in a cell.")
    needed[thing.__name__] = ""  # so that what needs itself is not added forever
    around = vars(sys.modules[thing.__module__])
    for name in used_names(text):
        if NUMBERS.get(name) == "" and getattr(around.get(name), "__module__", "") == "__main__":
            raise CannotKeep(f"your {name} has the name of a part of the course; rename yours.")
        if name not in needed and name not in REFERENCES and name in around:
            add_name(name, around[name], needed)
    del needed[thing.__name__]
    needed[thing.__name__] = text.strip()


def add_name(name, value, needed):
    module = getattr(value, "__module__", None) or ""
    own = getattr(value, "__name__", name)
    if getattr(head(), name, None) is value:
        return
    if isinstance(value, types.ModuleType):
        needed[name] = f"import {own}" if own == name else f"import {own} as {name}"
    elif callable(value) and module.partition(".")[0] in ("__main__", "course_utils"):
        add(value, needed)
        if own != name:
            needed[name] = f"{name} = {own}"
    elif callable(value) and (home := home_of(value, module, own)):
        needed[name] = f"from {home} import {own}" + (f" as {name}" if own != name else "")
    elif value is None or isinstance(value, (bool, int, float, str)):
        needed[name] = f"{name} = {value!r}"
    else:
        raise CannotKeep(
            f"it uses {name}, {describe(value)} of your notebook. Pass it as an argument, or make "
            f"it inside."
        )


@functools.cache
def head():
    """Return what the head of the file imports, as a module."""
    return run(HEAD)


def home_of(value, module, own):
    """Return the module to import a value from, the package itself where that has it."""
    places = [module.partition(".")[0], module]
    return next((p for p in places if getattr(sys.modules.get(p), own, None) is value), None)


def used_names(text):
    """Return the global names that code uses, builtins aside, in order."""
    codes, found = [compile(text, "", "exec")], []
    for code in codes:
        codes += [c for c in code.co_consts if isinstance(c, types.CodeType)]
        loads = [i.argval for i in dis.get_instructions(code) if i.opname in LOADS]
        found += [n for n in loads if not hasattr(builtins, n) and n not in found]
    return found


LOADS = ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS")


@functools.lru_cache(200)
def definitions(code):
    """Return {name: code} of the functions, classes and constants at the top of some code."""
    found = {}
    for node in ast.parse(code).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = ast.unparse(node)
        elif isinstance(node, ast.Assign):
            names = [n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)]
            found.update(dict.fromkeys(names, ast.unparse(node)))
    return found


def clashes(code, needed):
    """Return the names that two parts define differently."""
    one, two = definitions(code), definitions("\n".join(needed.values()))
    return sorted(n for n in one.keys() & two.keys() if one[n] != two[n])
