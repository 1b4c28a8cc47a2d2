"""How fast is the Wiener filter in the eigenbasis, against the published way?

    python benchmarks/wiener.py [--rounds 5] [--threads 2]

The published way, written out here: the covariance in two passes over float32 batches, each
batch's product made and then added; a singular value decomposition in float32; and for each step
the n x n matrix U diag(shrink) Vh, made and multiplied. Ours adds the products in place, takes
eigh in float64, and makes no matrix. Both take turns in one run, on the same smooth random
pictures; a ratio is the published way's median time by ours. The errors are those of a step at
sigma 0.1, relative, against float64. Memory is the largest amount that the covariance takes while
it is made, in units of the covariance itself.
"""

import argparse
import platform
import time
from functools import partial
from statistics import median

import torch
from torch.nn import functional as F

from course_utils.memory import peak_memory
from course_utils.wiener import WienerDenoiser, compute_wiener_filter, decompose

CPU = torch.device("cpu")
SHAPES = {(1, 16): 8000, (3, 32): 8000}  # (channels, resolution): pictures
BATCH = 128  # pictures of the loader
ROW = "{:34} {:>12} {:>12}"


def published_covariance(loader, n):
    count, total = 0, torch.zeros(n)
    for x in loader:
        count, total = count + len(x), total + x.flatten(1).sum(dim=0)
    mean, S = total / count, torch.zeros(n, n)
    for x in loader:
        x = x.flatten(1) - mean
        S = S + x.T @ x
    return S / (count - 1), mean


class PublishedDenoiser:
    def __init__(self, U, LA, Vh, mean):
        self.U, self.LA, self.Vh, self.mean = U, LA, Vh, mean

    def predict_x0(self, xt, alpha_bar):
        kept = alpha_bar * self.LA / (alpha_bar * self.LA + 1 - alpha_bar)
        matrix = self.U @ torch.diag(kept) @ self.Vh
        x = xt.flatten(1) / alpha_bar**0.5 - self.mean
        return (self.mean + x @ matrix.T).view_as(xt)


def pictures(C, resolution, N):
    noise = torch.randn(N, C, resolution, resolution, generator=torch.Generator().manual_seed(0))
    return 3 * F.avg_pool2d(noise, 5, stride=1, padding=2)


def seconds(run):
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def ratio(theirs, ours, rounds, times=1):
    """Let both take turns, and return the ratio of their median times."""
    taken = []
    for _ in range(rounds):
        taken.append([seconds(lambda run=run: [run() for _ in range(times)])
                      for run in (theirs, ours)])  # fmt: skip
    theirs, ours = (median(column) for column in zip(*taken))
    return theirs / ours


def compare(C, size, N, rounds):
    """Return {what: a ratio, an error or a size} for pictures of one shape."""
    n, loader = C * size * size, pictures(C, size, N).split(BATCH)
    xt, alpha_bar = loader[0][:16], 1 / 1.01

    def published():
        return published_covariance(loader, n)

    def in_place():
        return compute_wiener_filter(loader, CPU, size, C)

    S, mean = in_place()
    theirs = PublishedDenoiser(*torch.linalg.svd(S), mean)
    ours = WienerDenoiser(*decompose(S), mean)
    exact = WienerDenoiser(*decompose(S.double()), mean.double()).predict_x0(xt.double(), alpha_bar)

    def error(denoiser):
        off = (denoiser.predict_x0(xt, alpha_bar) - exact).norm() / exact.norm()
        return f"{off.item():.1e}"

    def memory(run):
        return f"{peak_memory(run, CPU) / (n * n * 4):.2f}"

    def faster(one, other, times=1):
        return f"{ratio(one, other, rounds, times):.2f}"

    def step(B):
        ways = [partial(denoiser.predict_x0, xt[:B], alpha_bar) for denoiser in (theirs, ours)]
        return faster(*ways, times=200 if n < 1000 else 3)

    return {
        "covariance": faster(published, in_place),
        "decomposition": faster(lambda: torch.linalg.svd(S), lambda: decompose(S)),
        "both: the fit": faster(
            lambda: torch.linalg.svd(published()[0]), lambda: decompose(in_place()[0])
        ),
        "a denoising step, 1 picture": step(1),
        "a denoising step, 16 pictures": step(16),
        "error of a step, published way": error(theirs),
        "error of a step, ours": error(ours),
        "memory, published way": memory(published),
        "memory, ours": memory(in_place),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"{platform.processor() or platform.machine()}, {options.threads} threads, torch "
        f"{torch.__version__}; more than 1 means that ours is faster"
    )
    columns = [compare(*shape, N, options.rounds) for shape, N in SHAPES.items()]
    print(ROW.format("", *(f"{C} x {size} x {size}" for C, size in SHAPES)))
    for what in columns[0]:
        print(ROW.format(what, *(column[what] for column in columns)))


if __name__ == "__main__":
    main()
