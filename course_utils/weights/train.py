"""Train the course's own networks, for readers who have not trained theirs yet: `make weights`.

They replace the files beside this one. What is printed goes into the README there.
"""

import time
from dataclasses import replace

import torch

from course_utils.averaging import averaged
from course_utils.data import load
from course_utils.diffusion import NoiseFromVelocity, velocity_loss
from course_utils.grown_unet import GrownUNet
from course_utils.keeping import DIGITS, FORMAT, WEIGHTS, packed, write
from course_utils.precision import best_precision
from course_utils.quality import measure
from course_utils.samplers import ddim, last
from course_utils.schedule import cosine_schedule
from course_utils.training import TrainConfig, train
from course_utils.unet import UNet

SCHEDULE = cosine_schedule()


def main():
    images, labels = load("digits")
    torch.manual_seed(0)
    net = UNet(**DIGITS).to(memory_format=torch.channels_last)
    plain = fitted(net, TrainConfig(), images)
    torch.manual_seed(0)
    grown = fitted(GrownUNet(**DIGITS), TrainConfig(steps=1500, lr=3e-3), images, labels)
    for net in (plain, grown):
        networks = packed(net, "v", DIGITS)
        write({"format": FORMAT, "rows": {}, "networks": networks}, WEIGHTS[type(net).__name__])
    print(drawn(plain))
    asked = torch.arange(500) % 10
    print(drawn(lambda xt, t: grown(xt, t, asked)))


def fitted(net, config, images, *labels):
    """Return a network, trained to predict v and averaged, and say how long it took."""
    begun = time.perf_counter()
    config = replace(config, precision=best_precision(images.device))
    *_, state = train(net, images, SCHEDULE, config, velocity_loss, *labels)
    print(
        f"{type(net).__name__}: {config.steps} steps in {config.precision}, "
        f"{time.perf_counter() - begun:.0f} seconds; PyTorch {torch.__version__}"
    )
    return averaged(state, images, SCHEDULE)


def drawn(net, n=500, steps=50):
    """Return the Quality of n pictures that a network draws that predicts v.

    UNet -> Quality
    """
    torch.manual_seed(0)
    xT = torch.randn(n, 1, 16, 16)
    return measure(last(ddim(NoiseFromVelocity(net, SCHEDULE), xT, SCHEDULE, steps, eta=1.0)))


if __name__ == "__main__":
    main()
