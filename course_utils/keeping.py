"""The reader's trained network, kept from notebook to notebook in one file, my_unet.pt.

It lies beside my_unet.py, which has the code of the network. Readers who have not trained one yet
get the course's own weights, course_utils/weights/unet.pt.
"""

import io
import textwrap
from pathlib import Path
from types import SimpleNamespace

import torch

from course_utils import drive, portfolio
from course_utils.attention_unet import attention_heads, with_attention
from course_utils.averaging import unwrapped
from course_utils.files import FileError, read, write_whole
from course_utils.portfolio import CannotKeep
from course_utils.unet import UNet

FILE = "my_unet.pt"
COURSES = Path(__file__).parent / "weights/unet.pt"
FORMAT = "diffusion course, trained U-Net, 1"
DIGITS = {"in_ch": 1, "base_ch": 32, "ch_mult": (1, 2, 4), "time_dim": 128}
COURSES_PARTS = SimpleNamespace(UNet=UNet, with_attention=with_attention)
COLUMNS = (
    ("recognised", ".1%"),
    ("Frechet distance", ".1f"),
    ("evaluations", "d"),
    ("seconds", ".0f"),
)


# --- what a notebook calls -----------------------------------------------------------------------


def keep_weights(net, predicts, notebook, quality, evaluations, seconds, settings=DIGITS):
    """Keep a trained network, and print how it compares with those that were kept before.

    predicts is what the network was asked for, "eps" or "v", and settings are the arguments of its
    UNet. quality comes from `measure`; evaluations are those of the network for one picture,
    seconds those of training. A second run of the same notebook and predicts replaces the first
    one's row. Where nothing can be kept, a sentence says why.
    """
    samples = quality.samples
    row = {f"{notebook}, {predicts}": (samples.recognised, samples.distance, evaluations, seconds)}
    rows, content = dict(row), packed(net, predicts, settings)

    def keep_in(folder):
        before = stored(folder / FILE)
        rows.update({**(before["rows"] if before else {}), **row})
        problem = misfit(content, own_parts(folder)) if before else ""
        write({**(before if problem else content), "rows": rows}, folder / FILE)
        return f"The row is kept in {FILE}, the weights are not: {problem}" if problem else KEPT

    try:
        told = drive.use(keep_in)
    except (CannotKeep, OSError) as error:
        told = f"Not kept in {FILE}: {portfolio.told(error, FILE)}"
    print(f"{table(rows)}\n{told}")


KEPT = f"Kept in {FILE}."


def so_far():
    """Print the table of the networks that were kept."""
    try:
        kept = drive.use(lambda folder: stored(folder / FILE))
        print(table(kept["rows"] if kept else {}))
    except (CannotKeep, OSError) as error:
        print(portfolio.told(error, FILE))


def trained(device="cpu"):
    """Return a trained network that is ready to draw, and what it predicts; say whose it is.

    () -> (UNet, "eps" or "v")

    It is the reader's, from my_unet.pt and my_unet.py, or else the course's. One that was kept with
    attention has it again.
    """
    try:
        kept, own = drive.use(lambda folder: (stored(folder / FILE), own_parts(folder)))
        if kept:
            net = built(kept, own)
            print(f"Your trained network, from {FILE}. It predicts {kept['predicts']}.")
            return net.to(device), kept["predicts"]
        why = f"There is no {FILE} yet."
    except (CannotKeep, OSError) as error:
        why = portfolio.told(error, FILE)
    kept = read(COURSES)
    print(f"{why} This is the course's trained network. It predicts {kept['predicts']}.")
    return built(kept, COURSES_PARTS).to(device), kept["predicts"]


# --- the file ------------------------------------------------------------------------------------


def packed(net, predicts, settings):
    """Return what the file holds of a network: its weights as numbers of 16 bits."""
    weights = {
        name: value.half().cpu() if value.is_floating_point() else value.cpu()
        for name, value in unwrapped(net).state_dict().items()
    }
    named = {"settings": dict(settings), "predicts": predicts, "weights": weights}
    return {"format": FORMAT, **named, "attention": attention_heads(net), "rows": {}}


def own_parts(folder):
    """Return the reader's file as a module, the course's parts where there is none.

    Raises CannotKeep and OSError.
    """
    text = portfolio.stored(folder / portfolio.FILE)
    return portfolio.run(portfolio.complete(text)) if text else COURSES_PARTS


def built(kept, own):
    """Return a network of somebody's UNet with the weights that were kept, in eval mode.

    own has the UNet and, for a network with attention, its with_attention. Raises CannotKeep where
    these are not weights of this class. The random generator stays as it was.
    """
    try:
        settings, heads = kept["settings"], kept.get("attention")
        with torch.random.fork_rng([]):
            net = own.UNet(**settings)
            if heads:
                net = own.with_attention(net, heads, settings["in_ch"])
        net.load_state_dict(kept["weights"])
    except Exception as error:  # the reader's class can raise anything
        reason = textwrap.shorten(str(error), 150, placeholder=" ...")
        raise CannotKeep(
            f"These weights don't fit your UNet in {portfolio.FILE}: {reason}"
        ) from None
    return net.eval()


def misfit(content, own):
    """Return why weights do not fit a UNet class, as a sentence, or "" where they do."""
    try:
        built(content, own)
    except CannotKeep as error:
        return str(error)
    return ""


def stored(file):
    """Return what a file holds, None where there is none. Raises OSError, and CannotKeep."""
    try:
        kept = read(file)
    except FileNotFoundError:
        return None
    except FileError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None
        raise CannotKeep(f"{error}. Give the file another name.") from None
    if not isinstance(kept, dict) or kept.get("format") != FORMAT:
        raise CannotKeep(f"{file} was not written by this course. Give it another name.")
    return kept


def write(content, file):
    """Replace the file in one step. Raises OSError."""
    whole = io.BytesIO()
    torch.save(content, whole)
    write_whole(lambda out: out.write(whole.getbuffer()), file)


def carry(source, target):
    """Take one folder's network along into another's: the newer weights stay, and all rows.

    Raises OSError.
    """
    files = sorted([source / FILE, target / FILE], key=portfolio.changed)
    try:
        older, newer = map(stored, files)
    except CannotKeep:
        return  # trained() and keep_weights() say what is wrong with the file
    if newer is None:
        return
    rows = {**(older["rows"] if older else {}), **newer["rows"]}
    if files[0] == target / FILE or rows != newer["rows"]:
        write({**newer, "rows": rows}, target / FILE)


def table(rows):
    """Return the rows as text, those of earlier notebooks first."""
    lines = [
        f"{'your network so far':22}" + "".join(f"{name:>{len(name) + 3}}" for name, _ in COLUMNS)
    ]
    for run, values in sorted(rows.items()):
        cells = (f"{v:>{len(name) + 3}{form}}" for v, (name, form) in zip(values, COLUMNS))
        lines.append(f"{run:22}" + "".join(cells))
    lines.append("(network evaluations for each picture; seconds of training)")
    return "\n".join(lines)
