"""A training run in a file, to go on from as if it had never stopped."""

import io
from pathlib import Path

import torch

from course_utils.averaging import unwrapped
from course_utils.files import FileError, read, write_whole

FORMAT = "diffusion course, training run, 1"
KEPT = 2


def save(state, folder, settings):
    """Write all that training needs to go on into a new file of the folder, and return its path.

    settings is a dict of plain values that says what is trained and how; resume() compares it.
    The file appears under its name only when it is whole: it is written under another, flushed
    to the disk, then renamed. It and the one before it are kept. Raises FileError when it
    cannot be written; those from before are still there then.
    """
    folder = Path(folder)
    path = folder / f"step-{state.step:08}.pt"
    content = io.BytesIO()
    torch.save(content_of(state, settings), content)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(lambda file: file.write(content.getbuffer()), path)
        before = [p for p in runs_in(folder) if p.name < path.name]
        for old in [*before[: 1 - KEPT], *folder.glob("step-*.new")]:
            old.unlink()
    except OSError as error:
        raise FileError(f"{path} could not be written: {error.strerror or error}") from error
    return path


def runs_in(folder):
    """Return the files of a folder that save() wrote, by their step."""
    return sorted(Path(folder).glob("step-" + 8 * "[0-9]" + ".pt"))


def content_of(state, settings):
    """Return what a checkpoint holds, in tensors and plain values."""
    return {
        "format": FORMAT,
        "settings": settings,
        "step": state.step,
        "skipped": state.skipped,
        "loss": state.loss,
        "model": unwrapped(state.model).state_dict(),
        "average": state.average.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "scaler": state.scaler.state_dict(),
        "generator": state.generator.get_state(),
        "random": torch.get_rng_state(),
        "random on GPUs": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
    }


def resume(state, folder, settings):
    """Put the run that the folder's last checkpoint holds into a state, and return the state.

    A damaged checkpoint is told of in a line, and the one before it is used. Raises
    FileNotFoundError for a folder without checkpoints, FileError when none is whole, and as
    restore() does.
    """
    return restore(state, latest(folder), settings)


def restore(state, content, settings):
    """Put what a checkpoint holds into a state, and return the state.

    Training then goes on with the same numbers as if it had never stopped, for dropout too:
    PyTorch's own generators are set as well. Raises FileError when the checkpoint is of
    another network or of other settings; the state is unchanged then.
    """
    if told := mismatch(state, content, settings):
        raise FileError(f"cannot resume the run saved at step {content['step']}: {told}")
    unwrapped(state.model).load_state_dict(content["model"])
    for name in ("average", "optimizer", "scaler"):
        getattr(state, name).load_state_dict(content[name])
    state.step, state.last_loss = content["step"], content["loss"]
    state.generator.set_state(content["generator"])
    torch.set_rng_state(content["random"])
    if torch.cuda.is_available() and content["random on GPUs"]:
        torch.cuda.set_rng_state_all(content["random on GPUs"])
    return state


def mismatch(state, content, settings):
    """Return what does not fit, as a sentence, or None."""
    then = content["settings"]
    changed = [key for key in {**then, **settings} if then.get(key) != settings.get(key)]
    if changed:
        pairs = (f"{key} was {then.get(key)!r} and is {settings.get(key)!r}" for key in changed)
        return "; ".join(pairs)
    ours, theirs = unwrapped(state.model).state_dict(), content["model"]
    if missing := sorted(set(ours) ^ set(theirs)):
        return f"only one of the two networks has {', '.join(missing[:3])}"
    for name, p in ours.items():
        if p.shape != theirs[name].shape:
            return f"{name} is {tuple(theirs[name].shape)} there and {tuple(p.shape)} here"
    return None


def latest(folder):
    """Return what the last whole checkpoint of a folder holds; name those that are damaged."""
    paths = runs_in(folder)
    if not paths:
        is_file = ", which is a file" * Path(folder).is_file()
        raise FileNotFoundError(f"there is no checkpoint in {folder}{is_file}")
    damaged = []
    for path in reversed(paths):
        try:
            content = load(path)
        except FileError as error:
            damaged.append(str(error))
            continue
        if damaged:
            print(f"{'; '.join(damaged)}. Going on from {path.name}.")
        return content
    raise FileError(f"{'; '.join(damaged)}. Begin anew in another folder")


def load(path):
    """Return what a checkpoint holds. Raises as read() does, and for files of other programs."""
    path = Path(path)
    content = read(path)
    if not isinstance(content, dict) or "format" not in content:
        raise FileError(f"{path.name} is not a training run of this course")
    if content["format"] != FORMAT:
        raise FileError(
            f"{path.name} has the format {content['format']!r}; this course reads {FORMAT!r}"
        )
    return content
