"""How well does the network of notebook 00 draw after so many seconds of training?

    python benchmarks/digits.py [--seconds 30 90] [--seeds 3]

The number of steps that fit into the time is measured first, so that the learning rate has come
down to 0 when the time is over. A row is one training run: the mean over three sets of 500 samples,
for one set alone is noisy. The last two rows are real digits and a Gaussian, to compare with.
"""

import argparse
import time
from dataclasses import replace
from itertools import islice
from statistics import mean

import torch

from course_utils.averaging import averaged
from course_utils.data import load
from course_utils.diffusion import NoiseFromVelocity
from course_utils.quality import measure
from course_utils.samplers import ddim, last
from course_utils.schedule import cosine_schedule
from course_utils.training import TrainConfig, train
from course_utils.unet import UNet

ROW = "{:22} {:>6} {:>8} {:>11} {:>9} {:>8}"
SCHEDULE = cosine_schedule()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, nargs="+", default=[30, 90])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    images, _ = load("digits")
    rate = steps_per_second(images)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {rate:.1f} steps/s")
    print(ROW.format("run", "steps", "seconds", "recognised", "distance", "nearest"))
    for seconds in options.seconds:
        for seed in range(options.seeds):
            quality = one_run(images, int(seconds * rate), seed)
    for name in ("real", "gaussian"):
        print(row(name, "", "", [getattr(quality, name)]))


def steps_per_second(images, warm_up=10, steps=50):
    """Time a training step."""
    run = train(network(seed=0), images, SCHEDULE, TrainConfig(steps=warm_up + steps))
    for _ in islice(run, warm_up):
        pass
    begun = time.perf_counter()
    for _ in run:
        pass
    return steps / (time.perf_counter() - begun)


def network(seed):
    torch.manual_seed(seed)
    net = UNet(base_ch=32, ch_mult=(1, 2, 4), time_dim=128)
    return net.to(memory_format=torch.channels_last)


def one_run(images, steps, seed):
    """Train, draw, print a row, and return what was measured last."""
    net, begun = network(seed), time.perf_counter()
    for state in train(net, images, SCHEDULE, replace(TrainConfig(), steps=steps, seed=seed)):
        pass
    seconds = time.perf_counter() - begun
    model = NoiseFromVelocity(averaged(state, images, SCHEDULE), SCHEDULE)
    measured = []
    for set_seed in range(3):
        torch.manual_seed(set_seed)
        xT = torch.randn(500, 1, 16, 16)
        measured.append(measure(last(ddim(model, xT, SCHEDULE, steps=100, eta=1.0))))
    print(row(f"seed {seed}", steps, f"{seconds:.1f}", [m.samples for m in measured]), flush=True)
    return measured[-1]


def row(name, steps, seconds, figures):
    return ROW.format(
        name,
        steps,
        seconds,
        f"{mean(f.recognised for f in figures):.3f}",
        f"{mean(f.distance for f in figures):.1f}",
        f"{mean(f.nearest for f in figures):.3f}",
    )


if __name__ == "__main__":
    main()
