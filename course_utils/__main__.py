"""Train and sample from a shell, on one process or, with `accelerate launch -m`, on many.

python -m course_utils train --model tutorial --data digits --seconds 90 --out DIR
python -m course_utils sample DIR --n 500 --steps 50 --out FILE.npz
"""

import argparse
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

from course_utils.averaging import refresh_norms
from course_utils.checkpoint import CheckpointError, latest, resume, save
from course_utils.data import DOWNLOADED, DataError, load
from course_utils.ddpm_unet import DDPMUNet
from course_utils.diffusion import NoiseFromVelocity, SigmaFromStep, velocity_loss
from course_utils.precision import PRECISIONS, best_precision
from course_utils.samplers import ddim, last
from course_utils.schedule import cosine_schedule
from course_utils.sigma_unet import Scaled, SigmaUNet
from course_utils.training import TrainConfig, start, train
from course_utils.unet import UNet

SCHEDULE = cosine_schedule()
NETWORKS = {
    "tutorial": lambda C, size: UNet(C, 32, (1, 2, 4), 128),
    "ddpm": lambda C, size: DDPMUNet(SCHEDULE.T, 32, (1, 2), [1], 1, 0.0, C, C),
    "sigma": lambda C, size: Scaled(SigmaUNet)(
        size, C, C, 32, (1, 2), num_res_blocks=1, attn_resolutions=(size // 2,), dropout=0.0
    ),
}
RATES = {"tutorial": 4e-3, "ddpm": 2e-3, "sigma": 2e-3}


def network(name, images):
    """Make a network for such images.  (N, C, H, W) -> module"""
    torch.manual_seed(0)
    net = NETWORKS[name](images.shape[1], images.shape[2])
    return net.to(memory_format=torch.channels_last) if name == "tutorial" else net


def told_steps(name, net):
    """Return the network as one that is told steps t: it is, or is told sigma in their place."""
    return SigmaFromStep(net, SCHEDULE) if name == "sigma" else net


# train


def run_training(options):
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    images, _ = load(options.data)
    images = images.to(accelerator.device)
    net = network(options.model, images).to(accelerator.device)
    config = config_for(options, net, images, accelerator)
    settings = {"model": options.model, "data": options.data} | asdict(config)
    model = accelerator.prepare(net)
    state = start(model, config)
    if holds_a_run(options.out):
        resume(state, options.out, settings)
        accelerator.print(f"going on from step {state.step} of {config.steps}")
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


def config_for(options, net, images, accelerator):
    """Return the settings of the run in the folder, or new ones whose steps fit into the time."""
    if holds_a_run(options.out):
        if not options.resume:
            raise CheckpointError(
                f"{options.out} holds a training run; --resume goes on with it, or choose another "
                f"folder"
            )
        then = latest(options.out)["settings"]
        for name in ("model", "data"):
            if then.get(name) != getattr(options, name):
                raise CheckpointError(
                    f"the run in {options.out} has --{name} {then.get(name)}, not "
                    f"{getattr(options, name)}"
                )
        return TrainConfig(**{field.name: then[field.name] for field in fields(TrainConfig)})
    precision = options.precision or best_precision(accelerator.device)
    config = TrainConfig(batch=options.batch, lr=RATES[options.model], precision=precision)
    steps = options.steps or int(options.seconds * rate(options.model, net, images, config))
    (steps,) = broadcast_object_list([max(steps, 1)])
    return TrainConfig(**asdict(config) | {"steps": steps, "warmup": min(100, steps // 10)})


def rate(name, net, images, config, warm_up=5, seconds=3):
    """Return how many steps a second takes, measured on a copy of the network."""
    torch.manual_seed(0)
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


def holds_a_run(folder):
    return any(folder.glob("step-*.pt"))


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
    content = latest(options.folder)
    name, data = content["settings"]["model"], content["settings"]["data"]
    images = load(data)[0].to(device)
    net = network(name, images).to(device)
    net.load_state_dict(content["average"])
    refresh_norms(net, images, SCHEDULE)
    model = NoiseFromVelocity(told_steps(name, net), SCHEDULE)
    torch.manual_seed(options.seed)
    noise = torch.randn(options.n, *images.shape[1:]).to(device)
    x0 = [
        last(ddim(model, xT, SCHEDULE, options.steps, eta=options.eta)) for xT in noise.split(250)
    ]
    x0 = torch.cat(x0).clamp(-1, 1).cpu()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(options.out, x0=x0.numpy())
    grid = options.out.with_suffix(".png")
    save_image(x0[:100], grid, nrow=10, normalize=True, value_range=(-1, 1))
    print(f"{len(x0)} pictures of step {content['step']} in {options.out}, a grid in {grid}")


# the command line


def whole(text):
    """A whole number above 0."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def seconds(text):
    """A length of time above 0."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError
    return number


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
    one.add_argument("--resume", action="store_true", help="go on with the run in DIR, if any")
    one.set_defaults(run=run_training)
    two = commands.add_parser("sample", help="draw pictures with a trained network")
    two.add_argument("folder", type=Path, metavar="DIR")
    two.add_argument("--n", type=whole, default=100, help="how many pictures")
    two.add_argument("--steps", type=whole, default=50)
    two.add_argument("--eta", type=float, default=1.0, help="0: DDIM, 1: fresh noise as in DDPM")
    two.add_argument("--seed", type=int, default=0)
    two.add_argument("--out", type=npz, required=True, metavar="FILE.npz")
    two.set_defaults(run=run_sampling)
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    try:
        options.run(options)
    except (CheckpointError, DataError, FileNotFoundError, ValueError) as error:
        sys.exit(f"{options.command}: {error}")


if __name__ == "__main__":
    main()
