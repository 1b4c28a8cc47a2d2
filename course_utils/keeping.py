"""The reader's trained networks, kept from notebook to notebook in one file, my_unet.pt.

It lies beside my_unet.py, which has their code: UNet, and GrownUNet from notebook 10. Readers who
have not trained a network yet get the course's own weights, which lie in course_utils/weights.
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
from course_utils.grown_unet import GrownUNet
from course_utils.portfolio import CannotKeep
from course_utils.unet import UNet

FILE = "my_unet.pt"
COURSES = Path(__file__).parent / "weights"
WEIGHTS = {"UNet": COURSES / "unet.pt", "GrownUNet": COURSES / "grown_unet.pt"}
FORMAT = "diffusion course, trained U-Nets, 2"
STRAIGHT = ", straight"  # behind the class of a network that was asked for straight lines
NOTHING = {"rows": {}, "networks": {}}
DIGITS = {"in_ch": 1, "base_ch": 32, "ch_mult": (1, 2, 4), "time_dim": 128}
COURSES_PARTS = SimpleNamespace(UNet=UNet, GrownUNet=GrownUNet, with_attention=with_attention)
COLUMNS = (
    ("recognised", ".1%"),
    ("Frechet distance", ".1f"),
    ("evaluations", "d"),
    ("seconds", ".0f"),
)


# --- what a notebook calls -----------------------------------------------------------------------


def keep_weights(net, predicts, notebook, quality, evaluations, seconds, settings=DIGITS):
    """Keep a trained network, and print how it compares with those that were kept before.

    predicts is what the network was asked for, "eps", "v" or "straight", and settings are the
    arguments of its UNet or GrownUNet; the file has room for one of each, and for a GrownUNet that
    was asked for straight lines. quality comes from `measure`; evaluations
    are those of the network for one picture, seconds those of training. A second run of the same
    notebook and predicts replaces the first one's row. Where nothing can be kept, a sentence says
    why.
    """
    samples = quality.samples
    row = {f"{notebook}, {predicts}": (samples.recognised, samples.distance, evaluations, seconds)}
    rows, networks = dict(row), packed(net, predicts, settings)

    def keep_in(folder):
        before = stored(folder / FILE)
        rows.update({**before["rows"], **row})
        problem = misfit(networks, own_parts(folder)) if before["networks"] else ""
        kept = before["networks"] | ({} if problem else networks)
        write({"format": FORMAT, "rows": rows, "networks": kept}, folder / FILE)
        return f"The row is kept in {FILE}, the weights are not: {problem}" if problem else KEPT

    try:
        told = drive.use(keep_in)
    except (CannotKeep, OSError) as error:
        told = f"Not kept in {FILE}: {portfolio.told(error, FILE)}"
    print(f"{table(rows)}\n{told}")


KEPT = f"Kept in {FILE}."


def trained(device="cpu", in_ch=1, kind="UNet"):
    """Return a trained network that is ready to draw, and what it predicts; say whose it is.

    () -> (UNet, "eps" or "v")

    kind is "UNet" or "GrownUNet". The network is the reader's, from my_unet.pt and my_unet.py, with
    attention if it was kept with it. It is the course's where there is none, or one for pictures of
    other than in_ch channels.
    """
    try:
        kept, own = drive.use(lambda folder: (stored(folder / FILE), own_parts(folder)))
        found = kept["networks"].get(kind)
        if found and found["settings"]["in_ch"] == in_ch:
            net, predicts = built(kept["networks"], own, kind), found["predicts"]
            print(f"Your trained network, from {FILE}. It predicts {predicts}.")
            return net.to(device), predicts
        why = (
            f"There is no {kind} in {FILE} yet." if kept["networks"] else f"There is no {FILE} yet."
        )
        if found:
            channels = found["settings"]["in_ch"]
            why = f"The network in {FILE} takes {channels} channels, these pictures have {in_ch}."
    except (CannotKeep, OSError) as error:
        why = portfolio.told(error, FILE)
    networks = read(WEIGHTS[kind])["networks"]
    predicts = networks[kind]["predicts"]
    print(f"{why} This is the course's trained network. It predicts {predicts}.")
    return built(networks, COURSES_PARTS, kind).to(device), predicts


# --- the file ------------------------------------------------------------------------------------


def packed(net, predicts, settings):
    """Return {its class: what the file holds of a network}; the weights are numbers of 16 bits."""
    net = unwrapped(net)
    weights = {
        name: value.half().cpu() if value.is_floating_point() else value.cpu()
        for name, value in net.state_dict().items()
    }
    named = {"settings": dict(settings), "predicts": predicts, "weights": weights}
    kind = "GrownUNet" if type(net).__name__ == "GrownUNet" else "UNet"  # a reader may rename UNet
    kind += STRAIGHT * (predicts == "straight")
    return {kind: {**named, "attention": attention_heads(net)}}


def own_parts(folder):
    """Return the reader's file as a module, the course's parts where there is none.

    Raises CannotKeep and OSError.
    """
    text = portfolio.stored(folder / portfolio.FILE)
    return portfolio.run(portfolio.complete(text)) if text else COURSES_PARTS


def built(networks, own, kind="UNet"):
    """Return a network of somebody's class with the weights that were kept, in eval mode.

    own has the class and, for a UNet with attention, its with_attention. Raises CannotKeep where
    these are not weights of this class. The random generator stays as it was.
    """
    try:
        kept = networks[kind]
        with torch.random.fork_rng([]):
            net = getattr(own, kind.removesuffix(STRAIGHT))(**kept["settings"])
            if kept["attention"]:
                net = own.with_attention(net, kept["attention"], kept["settings"]["in_ch"])
        net.load_state_dict(kept["weights"])
    except Exception as error:  # the reader's class can raise anything
        reason = textwrap.shorten(str(error), 150, placeholder=" ...")
        raise CannotKeep(
            f"These weights don't fit your {kind} in {portfolio.FILE}: {reason}"
        ) from None
    return net.eval()


def misfit(networks, own):
    """Return why weights do not fit a class of own's, as a sentence, or "" where they do."""
    try:
        for kind in networks:
            built(networks, own, kind)
    except CannotKeep as error:
        return str(error)
    return ""


def stored(file):
    """Return what a file holds, nothing where there is none. Raises OSError, and CannotKeep."""
    try:
        kept = read(file)
    except FileNotFoundError:
        return NOTHING
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
    both = {name: older[name] | newer[name] for name in NOTHING}
    if both != NOTHING and (files[0] == target / FILE or both["rows"] != newer["rows"]):
        write({"format": FORMAT, **both}, target / FILE)


def table(rows):
    """Return the rows as text, those of earlier notebooks first."""
    lines = [
        f"{'your network so far':22}" + "".join(f"{name:>{len(name) + 3}}" for name, _ in COLUMNS)
    ]
    for run, values in sorted(rows.items()):
        cells = (f"{v:>{len(name) + 3}{form}}" for v, (name, form) in zip(values, COLUMNS))
        lines.append(f"{run:22}" + "".join(cells))
    lines.append("(network evaluations for each picture; seconds of training in that notebook)")
    return "\n".join(lines)
