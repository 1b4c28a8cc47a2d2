"""How fast is a training step, and how soon are the digits good?

    python benchmarks/training.py [--seconds 90] [--rounds 12]

First a save: how long it holds up the training, in steps of the tutorial's U-Net.

Then steps (forward, backward, optimizer) take turns, on the same network and the same pictures:
ours in fp32, ours in 16 bits, and smalldiffusion's own training_loop on its own network with the
same weights. A ratio is smalldiffusion's median time by the row's, so more than 1 is faster.

Last, three ways to draw digits take turns of five seconds: the course's tutorial U-Net with
train(); smalldiffusion's U-Net with its training_loop, its schedule and its sampler; diffusers'
UNet2DModel with its DDPMScheduler, trained as its documentation does. The clock of each stands
while the others train and while it is judged. A row is the Frechet distance of 500 samples after
so many seconds.
"""

import argparse
import itertools
import platform
import tempfile
import time
from statistics import median

import smalldiffusion
import torch
from diffusers import DDIMScheduler, DDPMScheduler, UNet2DModel
from smalldiffusion.model_unet import Unet
from torch.nn import functional as F
from torch.utils.data import DataLoader

from course_utils.averaging import averaged
from course_utils.checkpoint import save
from course_utils.data import load
from course_utils.diffusion import NoiseFromVelocity, sigma_loss
from course_utils.precision import best_precision
from course_utils.quality import measure
from course_utils.samplers import ddim, last
from course_utils.schedule import cosine_schedule, log_linear_schedule
from course_utils.sigma_unet import Scaled, SigmaUNet
from course_utils.training import TrainConfig, train
from course_utils.unet import UNet

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
SMALL = dict(ch=32, ch_mult=(1, 2), num_res_blocks=1, attn_resolutions=(8,), dropout=0.1)
BATCH, SLICE = 64, 5.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--rounds", type=int, default=12)
    options = parser.parse_args()
    images = load("digits")[0].to(DEVICE)
    name = torch.cuda.get_device_name() if DEVICE.type == "cuda" else platform.processor()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {name}", flush=True)
    saving(images, options.rounds)
    steps(images, options.rounds)
    race(images, options.seconds)


# a save


def saving(images, rounds):
    """Print how long save() takes, and how long a step, of the tutorial's U-Net."""
    net = UNet(1, 32, (1, 2, 4), 128).to(DEVICE, memory_format=torch.channels_last)
    times = {"step": [], "save": []}
    begun = now()
    with tempfile.TemporaryDirectory() as folder:
        for state in train(net, images, cosine_schedule(), TrainConfig(steps=rounds)):
            times["step"].append(now() - begun)
            begun = now()
            file = save(state, folder, {})
            times["save"].append(now() - begun)
            begun = now()
        size = file.stat().st_size / 2**20
    step, saved = (median(taken[2:]) for taken in times.values())
    print(f"a save of {size:.1f} MiB takes as long as {saved / step:.2f} steps", flush=True)


# a step


def steps(images, rounds):
    """Print the time of a step of each loop, on smalldiffusion's network."""
    loops = {"smalldiffusion's loop": theirs(images), "train(), fp32": ours(images, "fp32")}
    for precision in {best_precision(DEVICE), "bf16"} - {"fp32"}:
        loops[f"train(), {precision}"] = ours(images, precision)
    times = {name: [] for name in loops}
    for _ in range(rounds + 2):
        for name, loop in loops.items():
            begun = now()
            next(loop)
            times[name].append(now() - begun)
    slow = median(times["smalldiffusion's loop"][2:])
    for name, taken in times.items():
        took = median(taken[2:])
        print(f"{name:24} {1000 * took:6.0f} ms a step, ratio {slow / took:.2f}", flush=True)


def theirs(images):
    """smalldiffusion's loop over batches of the pictures, for ever."""
    torch.manual_seed(0)
    net = smalldiffusion.Scaled(Unet)(16, 1, 1, **SMALL).to(DEVICE)
    batches = DataLoader(images, BATCH, shuffle=True, drop_last=True)
    return smalldiffusion.training_loop(
        batches, net, smalldiffusion.ScheduleLogLinear(800, 0.01, 20), accelerator(), epochs=10**6
    )


def ours(images, precision):
    """train() on the same network and schedule."""
    torch.manual_seed(0)
    net = Scaled(SigmaUNet)(16, 1, 1, **SMALL).to(DEVICE)
    config = TrainConfig(steps=10**6, batch=BATCH, lr=1e-3, warmup=1, precision=precision)
    return train(net, images, log_linear_schedule(800, 0.01, 20), config, sigma_loss)


def accelerator():
    return smalldiffusion.diffusion.Accelerator(cpu=DEVICE.type == "cpu")


def now():
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


# the race


class Course:
    """The tutorial U-Net, train() and DDIM with fresh noise."""

    def __init__(self, images, seconds):
        self.images, self.schedule = images, cosine_schedule()
        precision = best_precision(DEVICE)
        trial = self.run(TrainConfig(steps=60, precision=precision))
        list(itertools.islice(trial, 10))
        begun = now()
        steps = 10 + sum(1 for _ in trial)
        rate = (steps - 10) / (now() - begun)
        self.loop = self.run(TrainConfig(steps=int(seconds * rate), precision=precision))

    def run(self, config):
        torch.manual_seed(0)
        net = UNet(1, 32, (1, 2, 4), 128).to(DEVICE, memory_format=torch.channels_last)
        return train(net, self.images, self.schedule, config)

    def step(self):
        self.state = next(self.loop, None) or self.state

    def draw(self, noise):
        net = averaged(self.state, self.images, self.schedule)
        model = NoiseFromVelocity(net, self.schedule)
        return last(ddim(model, noise, self.schedule, steps=50, eta=1.0))


class SmallDiffusion:
    """Its U-Net, its loop, its sampler with 20 steps and gam 1.6."""

    def __init__(self, images, seconds):
        self.loop, self.state = theirs(images), None

    def step(self):
        self.state = next(self.loop)

    def draw(self, noise):
        schedule = smalldiffusion.ScheduleLogLinear(800, 0.01, 20)
        *_, x0 = smalldiffusion.samples(
            self.state.model.eval(), schedule.sample_sigmas(20), gam=1.6, batchsize=len(noise),
            accelerator=accelerator(),
        )  # fmt: skip
        self.state.model.train()
        return x0


class Diffusers:
    """UNet2DModel with the course's channels, DDPMScheduler, and DDIMScheduler to draw."""

    def __init__(self, images, seconds):
        torch.manual_seed(0)
        self.images, self.noising = images, DDPMScheduler(1000)
        self.net = UNet2DModel(
            16, 1, 1, block_out_channels=(32, 64, 128), layers_per_block=1,
            down_block_types=("DownBlock2D",) * 3, up_block_types=("UpBlock2D",) * 3,
        ).to(DEVICE)  # fmt: skip
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=1e-3)

    def step(self):
        x0 = self.images[torch.randint(len(self.images), (BATCH,))]
        t, eps = torch.randint(1000, (BATCH,), device=DEVICE), torch.randn_like(x0)
        loss = F.mse_loss(self.net(self.noising.add_noise(x0, eps, t), t).sample, eps)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    @torch.no_grad()
    def draw(self, noise):
        drawing, xt = DDIMScheduler(1000), noise
        drawing.set_timesteps(50)
        for t in drawing.timesteps:
            xt = drawing.step(self.net(xt, t).sample, t, xt, eta=1.0).prev_sample
        return xt


def race(images, seconds):
    """Train the three in turns, and print their distances at fractions of the time."""
    racers = {cls.__name__: cls(images, seconds) for cls in (Course, SmallDiffusion, Diffusers)}
    clocks, good = dict.fromkeys(racers, 0.0), {}
    marks = [seconds * share for share in (1 / 6, 1 / 3, 1 / 2, 2 / 3, 5 / 6, 1)]
    print(("{:>16}" + "{:>18}" * 3).format("seconds each", *racers))
    for mark in marks:
        while min(clocks.values()) < mark:
            for name, racer in racers.items():
                begun = now()
                while clocks[name] < mark and now() - begun < SLICE:
                    before = now()
                    racer.step()
                    clocks[name] += now() - before
        distances = []
        for name, racer in racers.items():
            torch.manual_seed(0)
            drawn = racer.draw(torch.randn(500, 1, 16, 16).to(DEVICE)).clamp(-1, 1)
            distances.append(measure(drawn.cpu()).samples.distance)
            if distances[-1] <= 20:
                good.setdefault(name, mark)
        print(f"{mark:16.0f}" + "".join(f"{d:18.1f}" for d in distances), flush=True)
    for name in racers:
        when = f"after {good[name]:.0f} s" if name in good else "not in this time"
        print(f"{name}: a distance of 20 {when}")


if __name__ == "__main__":
    main()
