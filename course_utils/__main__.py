"""Train, sample and check from a shell; train on many processes with `accelerate launch -m`.

python -m course_utils train --model tutorial --data digits --seconds 90 --out DIR
python -m course_utils sample DIR --n 500 --steps 50 --out FILE.npz
python -m course_utils check 2.5 FILE.py [--json] [--watch]    exit status 0 only if it is right
python -m course_utils hint 2.5 [1]
"""

import argparse
import os
import re
import signal
import sys
import time
from dataclasses import asdict, fields
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torchvision.utils import save_image

from course_utils import shell
from course_utils.checkpoint import latest, restore, runs_in, save
from course_utils.data import DOWNLOADED, DataError, load
from course_utils.diffusion import velocity_loss
from course_utils.files import FileError, write_whole
from course_utils.precision import PRECISIONS, best_precision
from course_utils.samplers import ddim, last
from course_utils.trained import NETWORKS, RATES, SCHEDULE, network, noise_model, told_steps
from course_utils.training import TrainConfig, start, train

# train


def run_training(options):
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    must_be_writable(options.out / "step-00000000.pt")
    images, _ = load(options.data)
    images = images.to(accelerator.device)
    net = network(options.model, images).to(accelerator.device)
    content = run_in(options) if runs_in(options.out) else None
    config = config_of(content) if content else new_config(options, images, accelerator)
    settings = {"model": options.model, "data": options.data} | asdict(config)
    model = accelerator.prepare(net)
    state = start(model, config)
    if content:
        restore(state, content, settings)
    accelerator.print(
        f"{'going on' if content else 'a new run'} from step {state.step} of {config.steps}, with "
        f"batches of {config.batch}, in {config.precision}"
    )
    loss = shared(loss_for(options.model), accelerator)
    with Interrupt(accelerator.num_processes == 1) as interrupt:
        for state in train(model, images, SCHEDULE, config, loss, state=state):
            ends = state.step == config.steps or interrupt.came
            if accelerator.is_main_process and (ends or state.step % options.save_every == 0):
                save(state, options.out, settings)
            if interrupt.came:
                break
    accelerator.wait_for_everyone()
    accelerator.print(
        f"step {state.step} of {config.steps}, loss {state.loss:.3f}, {state.skipped} steps "
        f"skipped; kept in {options.out}"
        + ("; --resume goes on" if state.step < config.steps else "")
    )
    accelerator.end_training()


def run_in(options):
    """Return what the last checkpoint in the folder holds, if that run is to be gone on with."""
    if not options.resume:
        raise FileError(
            f"{options.out} holds a training run; --resume goes on with it, or choose another "
            f"folder"
        )
    content = latest(options.out)
    for name in ("model", "data"):
        then, now = content["settings"].get(name), getattr(options, name)
        if then != now:
            raise FileError(f"the run in {options.out} has --{name} {then}, not {now}")
    return content


def config_of(content):
    """Return the settings that a checkpoint was made with."""
    return TrainConfig(**{f.name: content["settings"][f.name] for f in fields(TrainConfig)})


def new_config(options, images, accelerator):
    """Return the settings of a new run, whose steps fit into the time."""
    precision = options.precision or best_precision(accelerator.device)
    config = TrainConfig(batch=options.batch, lr=RATES[options.model], precision=precision)
    steps = options.steps or int(options.seconds * rate(options.model, images, config))
    (steps,) = broadcast_object_list([max(steps, 1)])
    return TrainConfig(**asdict(config) | {"steps": steps, "warmup": min(100, steps // 10)})


def rate(name, images, config, warm_up=5, seconds=3):
    """Return how many steps a second takes, measured on a network of its own."""
    run = train(network(name, images).to(images.device), images, SCHEDULE, config, loss_for(name))
    for _ in islice(run, warm_up):
        pass
    begun, steps = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        next(run)
        steps += 1
    return steps / (time.perf_counter() - begun)


def loss_for(name):
    """The loss of v, for a network that is told t or sigma."""

    def loss(model, x0, t, eps, schedule):
        return velocity_loss(told_steps(name, model), x0, t, eps, schedule)

    return loss


def shared(loss, accelerator):
    """Give each of several processes its share of a batch; all draw the same one."""
    first, step = accelerator.process_index, accelerator.num_processes

    def loss_of_share(model, x0, t, eps, schedule):
        return loss(model, x0[first::step], t[first::step], eps[first::step], schedule)

    return loss_of_share


class Interrupt:
    """Lets a first Ctrl-C end the run after its step; a second one works as ever."""

    def __init__(self, active):
        self.active, self.came = active, False

    def __enter__(self):
        if self.active:
            self.before = signal.signal(signal.SIGINT, self.take)
        return self

    def take(self, number, frame):
        self.came = True
        signal.signal(signal.SIGINT, self.before)

    def __exit__(self, *error):
        if self.active:
            signal.signal(signal.SIGINT, self.before)


# sample


def run_sampling(options):
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    must_be_writable(options.out)
    model, images = noise_model(options.folder, device)
    torch.manual_seed(options.seed)
    noise = torch.randn(options.n, *images.shape[1:]).to(device)
    x0 = [last(ddim(model, xT, SCHEDULE, options.steps, eta=1)) for xT in noise.split(250)]
    x0 = torch.cat(x0).clamp(-1, 1).cpu()
    write_whole(lambda file: np.savez_compressed(file, x0=x0.numpy()), options.out)
    grid = options.out.with_suffix(".png")
    save_image(x0[:100], grid, nrow=10, normalize=True, value_range=(-1, 1))
    print(f"{len(x0)} pictures in {options.out}, a grid in {grid}")


# the command line


def must_be_writable(path):
    """Make a file's folder; raise now if the file could not be written later."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; --out takes the name of a file")
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"nothing may be written into {path.parent}; choose another --out")


def whole(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0; got {text}")
    return int(text)


def seed(text):
    if not re.fullmatch(r"\d{1,18}", text):
        raise argparse.ArgumentTypeError(f"must be a whole number below 10**18; got {text}")
    return int(text)


def seconds(text):
    if not re.fullmatch(r"\d+(\.\d+)?", text) or float(text) == 0:
        raise argparse.ArgumentTypeError(f"must be a number above 0; got {text}")
    return float(text)


def npz(text):
    if not text.endswith(".npz"):
        raise argparse.ArgumentTypeError(f"must end in .npz; got {text}")
    return Path(text)


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m course_utils", description=__doc__.split("\n")[0]
    )
    commands = parser.add_subparsers(required=True, dest="command")
    one = commands.add_parser("train", help="train a network, and keep it in a folder")
    one.add_argument("--model", choices=NETWORKS, default="tutorial")
    one.add_argument("--data", choices=["digits", *DOWNLOADED], default="digits")
    length = one.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=seconds, default=90, help="of training, about")
    length.add_argument("--steps", type=whole, help="of training, exactly")
    one.add_argument("--batch", type=whole, default=64)
    one.add_argument(
        "--precision", choices=PRECISIONS, help="the best for the device, if not given"
    )
    one.add_argument("--save-every", type=whole, default=500, metavar="STEPS")
    one.add_argument("--out", type=Path, required=True, metavar="DIR")
    one.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run in DIR, if any, in its own batches and precision, to its own end",
    )
    one.set_defaults(run=run_training)
    two = commands.add_parser("sample", help="draw pictures with a trained network")
    two.add_argument("folder", type=Path, metavar="DIR")
    two.add_argument("--n", type=whole, default=100, help="how many pictures")
    two.add_argument("--steps", type=whole, default=50)
    two.add_argument("--seed", type=seed, default=0)
    two.add_argument("--out", type=npz, required=True, metavar="FILE.npz")
    two.set_defaults(run=run_sampling)
    shell.add_commands(commands)
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    try:
        if status := options.run(options):
            sys.exit(status)
    except (FileError, DataError, ValueError, MemoryError) as error:
        sys.exit(f"{options.command}: {error}")
    except OSError as error:
        told = f"{error.filename}: {error.strerror}" if error.filename else error
        sys.exit(f"{options.command}: {told}")
    except KeyboardInterrupt:
        sys.exit(f"{options.command}: stopped; what was saved before is kept")


if __name__ == "__main__":
    main()
