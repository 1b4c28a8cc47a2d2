"""Train the course's own network, for readers who have not trained theirs yet: `make weights`.

It replaces unet.pt beside this file. What it prints goes into the README there.
"""

import time

import torch

from course_utils.averaging import averaged
from course_utils.data import load
from course_utils.diffusion import NoiseFromVelocity
from course_utils.keeping import COURSES, DIGITS, FORMAT, packed, write
from course_utils.quality import measure
from course_utils.samplers import ddim, last
from course_utils.schedule import cosine_schedule
from course_utils.training import TrainConfig, train
from course_utils.unet import UNet


def main():
    images, schedule, begun = load("digits")[0], cosine_schedule(), time.perf_counter()
    torch.manual_seed(0)
    net = UNet(**DIGITS).to(memory_format=torch.channels_last)
    *_, state = train(net, images, schedule, TrainConfig())
    net = averaged(state, images, schedule)
    print(f"PyTorch {torch.__version__}, {time.perf_counter() - begun:.0f} seconds of training")
    write({"format": FORMAT, "rows": {}, "networks": packed(net, "v", DIGITS)}, COURSES)
    print(drawn(net, schedule))


def drawn(net, schedule, n=500, steps=50):
    """Return the Quality of n pictures that a network draws that predicts v.

    UNet, Schedule -> Quality
    """
    torch.manual_seed(0)
    xT = torch.randn(n, 1, 16, 16)
    return measure(last(ddim(NoiseFromVelocity(net, schedule), xT, schedule, steps, eta=1.0)))


if __name__ == "__main__":
    main()
