"""What only a GPU can show: the speed and the memory of a step, and how long notebooks take.

    python benchmarks/gpu.py [--steps 50] [--notebooks 00 05 ...]

A row for each precision and each layout of the digits' network (10 GFLOP a step with 64 pictures),
in train()'s own loop, with its fused optimizer; then the same network compiled; then the notebooks,
as they are stored, from start to end. Paste the table into CONTRIBUTING.md.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "notebooks"))

from course_files import sources  # noqa: E402
from course_utils.data import load  # noqa: E402
from course_utils.schedule import cosine_schedule  # noqa: E402
from course_utils.training import TrainConfig, train  # noqa: E402
from course_utils.unet import UNet  # noqa: E402

ROOT = Path(__file__).parents[1]
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
GFLOP = 10  # of a step of the digits' network: forward and backward, 64 pictures


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--notebooks", nargs="*", default=[s.stem[:2] for s in sources()])
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("There is no GPU here, or PyTorch does not see it; this table needs one.")
    print(f"torch {torch.__version__}, {torch.cuda.get_device_name()}\n")
    table(torch.device("cuda"), options.steps)
    for number in options.notebooks:
        print(f"notebook {number}: {seconds_of(number):.0f} s", flush=True)


def table(device, steps):
    """Print a row for each precision and layout, and one for the compiled network."""
    print("| precision | layout | ms a step | TFLOP/s | peak MiB | last loss |")
    print("|---|---|---|---|---|---|", flush=True)
    for precision in ("fp32", "bf16", "fp16"):
        for layout in LAYOUTS:
            print(row(device, steps, precision, layout), flush=True)
    print(row(device, steps, "fp16", "channels_last", compiled=True), flush=True)


def row(device, steps, precision, layout, compiled=False):
    """Train the digits' network anew; return its row. The first fifth of the steps warms up."""
    torch.manual_seed(0)
    net = UNet(1, 32, (1, 2, 4), 128).to(device, memory_format=LAYOUTS[layout])
    net = torch.compile(net) if compiled else net
    images = load("digits")[0].to(device)
    config = TrainConfig(steps=steps, precision=precision)
    torch.cuda.reset_peak_memory_stats()
    for state in train(net, images, cosine_schedule(), config):
        if state.step == max(1, steps // 5):
            torch.cuda.synchronize()
            begun, warm = time.perf_counter(), state.step
    torch.cuda.synchronize()
    taken = (time.perf_counter() - begun) / (steps - warm)
    peak = torch.cuda.max_memory_allocated() / 2**20
    name = f"{layout}, compiled" if compiled else layout
    return (
        f"| {precision} | {name} | {1000 * taken:.1f} | {GFLOP / 1000 / taken:.2f} "
        f"| {peak:.0f} | {state.loss:.3f} |"
    )


def seconds_of(number):
    """Run a notebook from start to end, in full; say so and stop if one of its cells fails."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, str(ROOT / "notebooks/run.py"), number], check=True)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
