"""Train in children that are killed twenty times; print the kills, those while saving, and
whether the weights are those of a run that was left alone. Called by test_checkpoint.py."""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
import torch._dynamo  # noqa: F401  an optimizer does, for seconds: here once, not in every child

sys.path.insert(0, str(Path(__file__).parents[1]))
torch.set_num_threads(1)

from course_utils import checkpoint, files  # noqa: E402
from course_utils.schedule import linear_schedule  # noqa: E402
from course_utils.training import TrainConfig, start, train  # noqa: E402
from course_utils.unet import UNet  # noqa: E402

FOLDER = Path(sys.argv[1])
CONFIG = TrainConfig(steps=200, batch=5, lr=0.01)
CHANCE = random.Random(0)


def run(folder, dies_in_save=None):
    """Train to the end and save every other step; die in that save, if one is named."""
    images = torch.rand(9, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    state = start(UNet(1, 4, (1, 2), 8), CONFIG)
    if any(folder.glob("step-*.pt")):
        checkpoint.resume(state, folder, {})
    saves = 0
    for state in train(state.model, images, linear_schedule(20), CONFIG, state=state):
        if state.step % 2 == 0:
            saves += 1
            if saves == dies_in_save:
                files.os.fsync = lambda file: die(folder)
            checkpoint.save(state, folder, {})


def die(folder):
    """Die as the file is written: half of the times with only half of it on the disk."""
    new = next(folder.glob("*.new"))
    if CHANCE.random() < 0.5:
        os.truncate(new, new.stat().st_size // 2)
    os.kill(os.getpid(), signal.SIGKILL)


def child(*args):
    """Run in a child process, silently, and return its number."""
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        run(*args)
        os._exit(0)
    return pid


def end_of(pid):
    """Wait for a child; True if it was killed."""
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


kills = inside = 0
while kills < 20:
    if kills % 2:
        killed = end_of(child(FOLDER / "killed", CHANCE.randint(1, 3)))
        inside += killed
    else:
        pid = child(FOLDER / "killed")
        time.sleep(CHANCE.uniform(0.01, 0.06))
        os.kill(pid, signal.SIGKILL)
        killed = end_of(pid)
    if not killed:
        break
    kills += 1
for name in ("killed", "whole"):
    end_of(child(FOLDER / name))
ends = [checkpoint.latest(FOLDER / name) for name in ("killed", "whole")]
same = ends[0]["step"] == ends[1]["step"] == CONFIG.steps and all(
    torch.equal(ends[0][part][key], ends[1][part][key])
    for part in ("model", "average") for key in ends[0][part]
)  # fmt: skip
print(kills, inside, same)
