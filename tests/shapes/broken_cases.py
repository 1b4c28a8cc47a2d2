"""Each broken network of 06: how it is run, PyTorch's exception and our words."""

from dataclasses import dataclass

import torch
from small_networks import draw, small, steps

from course_utils.widgets.shapes import Unchecked

LINED_UP = "lines up the last axes"


@dataclass
class Case:
    id: str
    make: object  # of a module, patients or clinic: a model and its inputs
    error: type | None
    said: list


def noisy(ward):
    alpha_bar = torch.linspace(0.9, 0.1, 10)
    return small(Unchecked), list(ward.noisy_batch(draw(8, 1, 16, 16), alpha_bar))[:2]


CLINIC = {
    "TutorialDecoder": Case(
        "6.3",
        lambda ward: (
            ward.TutorialDecoder((8, 16, 32), 3, 12),
            [draw(5, 32, 3, 3), [draw(5, 8, 12, 12), draw(5, 16, 6, 6)], draw(5, 12)],
        ),
        RuntimeError,
        ["blocks.0.conv1 expects 64 channels and gets 32: the concatenation gave 16 + 16."],
    ),
    "TokenMixer": Case(
        "6.4",
        lambda ward: (ward.TokenMixer(12, 3), [draw(5, 9, 12)]),
        TypeError,
        ["takes query, key, value and gets one input", "Sequential hands on one thing"],
    ),
    "UpStep": Case(
        "6.5",
        lambda ward: (
            ward.UpStep(16, 8, 12),
            [draw(5, 16, 4, 4), draw(5, 8, 8, 8), draw(5, 12)],
        ),
        RuntimeError,
        ["conv1 expects 16 channels and gets 8, 8 too few", "a skip with 8 was not concatenated"],
    ),
    "TimedConv": Case(
        "6.6",
        lambda ward: (ward.TimedConv(3, 12, 16), [draw(5, 3, 9, 7), draw(5, 16)]),
        RuntimeError,
        ["(5, 12, 9, 7) + (5, 12)", LINED_UP, "12 channels meet 7 columns", "[:, :, None, None]"],
    ),
    "PoolUNet": Case(
        "6.7",
        lambda ward: (ward.PoolUNet(1, 8), [draw(5, 1, 16, 16)]),
        RuntimeError,
        ["the skip is 16 x 16, the upsampled map is 10 x 10", "pool made 5 of 16, up made 10 of 5"],
    ),
    "AnySize": Case(
        "6.8",
        lambda ward: (
            ward.AnySize(small(Unchecked, (1, 2, 4, 8)), 3),
            [draw(2, 1, 28, 28), steps(3, 4)],
        ),
        RuntimeError,
        ["the skip is 7 x 7, the upsampled map is 6 x 6: 7 is odd, so halving lost a row."],
    ),
    "NormedConv": Case(
        "6.9",
        lambda ward: (lambda x: ward.NormedConv(3, 48)(x), [draw(5, 3, 8, 8)]),
        ValueError,
        ["GroupNorm(32) cannot split 48 channels; 24 groups can"],
    ),
    "PictureCode": Case(
        "6.10",
        lambda ward: (ward.PictureCode(8, 4), [draw(1, 8, 5, 5)]),
        ValueError,
        ["norm gets (1, 8), one number for each channel: BatchNorm needs two or more"],
    ),
    "StepMLP": Case(
        "6.11",
        lambda ward: (ward.StepMLP(100, 8), [steps(5, 6, 7)]),
        RuntimeError,
        ["weights of float32 and gets int64, (3,), t, the network's first input as it came"],
    ),
    "noisy_batch": Case("6.12", noisy, None, ["t has shape (1,), x has 8 images"]),
    "FlatUNet": Case(
        "6.13",
        lambda ward: (ward.FlatUNet(1, 8, 12), [draw(5, 1, 8, 8), draw(5, 12)]),
        None,
        ["taken in the order in which they were made (down.0, down.1, down.2)"],
    ),
    "PixelAttention": Case(
        "6.14",
        lambda ward: (ward.PixelAttention(6), [draw(5, 6, 8, 8)]),
        None,
        [
            "reshape of (5, 6, 8, 8) to (5, 64, 6), reshape of (5, 64, 6) to (5, 6, 8, 8) keeps",
        ],
    ),
    "LateLayers": Case(
        "6.15",
        lambda ward: (ward.LateLayers(3, 8, 2), [draw(5, 3, 8, 8)]),
        None,
        [
            "LateLayers uses a Conv2d that is kept in self.convs, a plain Python list; LateLayers "
            "uses a Conv2d that is made in forward, or outside the class."
        ],
    ),
}
