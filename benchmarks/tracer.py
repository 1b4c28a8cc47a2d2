"""What a trace costs: the course's tracer on a network of diffusers, against its forward pass.

    PYTHONPATH=. python benchmarks/tracer.py

The network is UNet2DModel at 64 x 64, with four levels; both run with gradients, on this machine.
"""

import statistics
import time

import torch
from diffusers import UNet2DModel

from course_utils.shapes import trace

LEVELS = {
    "down_block_types": ("DownBlock2D", "DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
}


def seconds(run):
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def main():
    torch.manual_seed(0)
    net = UNet2DModel(sample_size=64, block_out_channels=(32, 64, 64, 128), **LEVELS)
    x, t = torch.randn(4, 3, 64, 64), torch.tensor([1, 20, 300, 999])
    pairs = [(seconds(lambda: net(x, t)), seconds(lambda: trace(net, x, t))) for _ in range(9)][1:]
    forward, traced = (statistics.median(times) for times in zip(*pairs))
    layers = len(trace(net, x, t).steps)
    print(f"UNet2DModel, 64 x 64, batch of 4, {layers} layers called, median of {len(pairs)} runs:")
    print(f"forward {1000 * forward:.0f} ms, traced {1000 * traced:.0f} ms: {traced / forward:.2f}")


if __name__ == "__main__":
    main()
