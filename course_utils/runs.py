"""What the command line does with training runs: train, reflow, sample, score, make a page.

A run is a folder of checkpoints, whose settings say what is trained and how.
"""

import copy
import json
import os
import signal
import time
from dataclasses import asdict, fields
from functools import partial
from itertools import islice

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torchvision.datasets import FashionMNIST
from torchvision.utils import save_image

from course_utils.averaging import refresh_norms
from course_utils.checkpoint import latest, restore, runs_in, save
from course_utils.data import load
from course_utils.fields import FieldFromVelocity
from course_utils.files import FileError, write_whole
from course_utils.page import write_page
from course_utils.page.twin import twin
from course_utils.precision import autocast, best_precision
from course_utils.quality import measure
from course_utils.straight import Field, reflow_loss, reflow_pairs
from course_utils.trained import (
    LABELS,
    LOSSES,
    RATES,
    SCHEDULE,
    draw,
    loaded,
    network,
    pack,
    told_steps,
)
from course_utils.training import TrainConfig, start, train

WHAT = ("model", "data", "loss", "base")
PREDICTS = {"noise": "eps", "velocity": "v", "straight": "straight"}
SCORES = "scores.json"  # of an entry, beside its network

# --- train and reflow ----------------------------------------------------------------------------


def run_training(options):
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    must_be_writable(options.out / "step-00000000.pt")
    images, labels = (a.to(accelerator.device) for a in load(options.data))
    what = {name: getattr(options, name) for name in WHAT} | {"shape": list(images.shape[1:])}
    data = [images, labels] if options.model in LABELS else [images]
    fit(options, accelerator, run_in(options), what, network(what), LOSSES[options.loss], *data)


def run_reflow(options):
    """Train the network of a run further, on noise and what it draws from it."""
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    must_be_writable(options.out / "step-00000000.pt")
    net, settings = loaded(options.folder, accelerator.device)
    if settings["loss"] == "noise":
        raise ValueError(
            f"reflow takes a run with --loss straight or velocity; that in {options.folder} has "
            f"--loss noise, which says nothing where there is only noise"
        )
    content = run_in(options)
    data = pairs_of(net, settings, options.pairs, accelerator.device)
    what = {name: settings[name] for name in (*WHAT, "shape")}
    what |= {"loss": "straight", "pairs": options.pairs}
    fit(options, accelerator, content, what, net, reflow_loss, *data)


def pairs_of(net, settings, n, device):
    """Return n pairs that a reflow trains on, and their labels: one in eleven is "hidden"."""
    noise = torch.randn(n, *settings["shape"], generator=torch.Generator().manual_seed(1))
    noise, known, asked = noise.to(device), [], told_steps(settings, net)
    if settings["model"] in LABELS:
        known = [torch.arange(n, device=device) % (net.cond_embed.hidden + 1)]
        net.cond_embed.dropout = 0.0  # in the training that comes
    field_of = partial(Field, asked)
    if settings["loss"] == "velocity":
        field_of = partial(FieldFromVelocity, asked, SCHEDULE)
    with autocast(best_precision(device), device):
        return reflow_pairs(field_of, noise, *known).float(), *known


def fit(options, accelerator, content, what, net, loss, images, *labels):
    """Train a network on pictures, from a checkpoint on if there is one; keep it in a folder."""
    net, loss = net.to(accelerator.device), told(what, loss)

    def trial(config):
        return train(copy.deepcopy(net), images, SCHEDULE, config, loss, *labels)

    config = config_of(content) if content else new_config(options, what, trial, accelerator)
    settings = what | asdict(config)
    model = accelerator.prepare(net)
    state = start(model, config)
    if content:
        restore(state, content, settings)
    accelerator.print(
        f"{'going on' if content else 'a new run'} from step {state.step} of {config.steps}, with "
        f"batches of {config.batch}, in {config.precision}"
    )
    share = shared(loss, accelerator)
    with Interrupt(accelerator.num_processes == 1) as interrupt:
        for state in train(model, images, SCHEDULE, config, share, *labels, state=state):
            ends = state.step == config.steps or interrupt.came
            if accelerator.is_main_process and (ends or state.step % options.save_every == 0):
                refresh_norms(state.average, images, SCHEDULE, loss=loss)
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
    """Return what the last checkpoint in the folder holds, if that run is to be gone on with.

    Return None for a folder without a run.
    """
    if not runs_in(options.out):
        return None
    if not options.resume:
        raise FileError(
            f"{options.out} holds a training run; --resume goes on with it, or choose another "
            f"folder"
        )
    content = latest(options.out)
    for name in WHAT:
        then, now = content["settings"].get(name), getattr(options, name, None)
        if now not in (None, then):
            raise FileError(f"the run in {options.out} has --{name} {then}, not {now}")
    return content


def config_of(content):
    """Return the settings that a checkpoint was made with."""
    return TrainConfig(**{f.name: content["settings"][f.name] for f in fields(TrainConfig)})


def new_config(options, what, trial, accelerator):
    """Return the settings of a new run, whose steps fit into the time."""
    precision = options.precision or best_precision(accelerator.device)
    config = TrainConfig(batch=options.batch, lr=RATES[what["model"]], precision=precision)
    steps = options.steps or int(options.seconds * rate(trial(config)))
    (steps,) = broadcast_object_list([max(steps, 1)])
    return TrainConfig(**asdict(config) | {"steps": steps, "warmup": min(100, steps // 10)})


def rate(run, warm_up=5, seconds=3):
    """Return how many steps a second a training run takes."""
    for _ in islice(run, warm_up):
        pass
    begun, steps = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        next(run)
        steps += 1
    return steps / (time.perf_counter() - begun)


def told(what, loss):
    """Return a loss for a network that is told t, or sigma in its place, and labels, if any."""

    def loss_when_told(model, x0, t, eps, schedule, *labels):
        net = told_steps(what, model)
        return loss(lambda xt, t: net(xt, t, *labels), x0, t, eps, schedule)

    return loss_when_told


def shared(loss, accelerator):
    """Give each of several processes its share of a batch; all draw the same one."""
    first, step = accelerator.process_index, accelerator.num_processes

    def loss_of_share(model, x0, t, eps, schedule, *labels):
        parts = [values[first::step] for values in (x0, t, eps)]
        return loss(model, *parts, schedule, *(values[first::step] for values in labels))

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


# --- sample, score and page ----------------------------------------------------------------------


def run_sampling(options):
    must_be_writable(options.out)
    x0 = drawn(*loaded(options.folder, device()), options.n, options.steps, options.seed).cpu()
    write_whole(lambda file: np.savez_compressed(file, x0=x0.numpy()), options.out)
    grid = options.out.with_suffix(".png")
    save_image(x0[:100], grid, nrow=10, normalize=True, value_range=(-1, 1))
    print(f"{len(x0)} pictures in {options.out}, a grid in {grid}")


def drawn(net, settings, n, evaluations, seed, eta=1.0):
    """Draw n pictures from the noise of a seed.  module, dict -> (n, C, H, W)"""
    torch.manual_seed(seed)
    noise = torch.randn(n, *settings["shape"]).to(next(net.parameters()).device)
    return draw(net, settings, noise, evaluations, eta=eta)


def run_score(options):
    net, settings = loaded(options.folder, device())
    scores = score(net, settings, options.evaluations)
    if options.entry:
        pack(net, settings, options.entry)
        text = json.dumps(scores, indent=1) + "\n"
        write_whole(lambda file: file.write(text.encode()), options.entry / SCORES)
    if options.json:
        print(json.dumps(scores))
        return
    print(f"{'evaluations':>11}{'distance':>10}{'recognised':>12}{'entropy':>9}")
    for n, row in scores.items():
        print("{:>11}{distance:10.1f}{recognised:12.1%}{entropy:9.2f}".format(n, **row))


def score(net, settings, evaluations, eta=1.0):
    """Return the figures of 500 pictures, always from the same noise, for numbers of evaluations.

    module, dict -> {"1": {"distance", "recognised", "entropy", "nearest"}, ...}
    """
    scores = {}
    for n in evaluations:
        pictures = drawn(net, settings, 500, n, seed=0, eta=eta)
        figures = asdict(measure(pictures, settings["data"]).samples)
        scores[str(n)] = {name: round(value, 4) for name, value in figures.items()}
    return scores


def run_page(options):
    must_be_writable(options.out)
    net, settings = loaded(options.folder)
    data, size = settings["data"], settings["shape"][-1]
    twin(net, None, size)  # raises now, not after the scores, for what no page draws with
    scores = score(net.to(device()), settings, (1, 2, 4, 16), eta=0.0)  # as the page draws
    figures = {int(n): (row["recognised"], row["distance"]) for n, row in scores.items()}
    clothes = data == "fashion_mnist"
    asked = "pairs of noise and picture" if "pairs" in settings else data
    write_page(
        net.cpu(),
        options.out,
        PREDICTS[settings["loss"]],
        name=options.name,
        told=f"It was trained in {settings['steps']:,} steps on {asked}.",
        figures=figures,
        size=size,
        draws="clothes" if clothes else "digits",
        labels=FashionMNIST.classes if clothes and settings["model"] in LABELS else None,
    )
    print(f"{options.out}: open it in a browser")


def device():
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def must_be_writable(path):
    """Make a file's folder; raise now if the file could not be written later."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; --out takes the name of a file")
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"nothing may be written into {path.parent}; choose another --out")
